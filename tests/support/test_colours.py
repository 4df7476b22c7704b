"""The colours: all in one file, and legible on the ground that they are for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scoutlang.support import colours
from scoutlang.support.colours import ANSI, PAGE, SCREEN, TERMINAL, TOKENS, Shades, channels, faint

ROOT = Path(__file__).parents[2]
LITERAL = re.compile(
    r"#[0-9a-fA-F]{6}\b|rgba?\((?!0,0,0,0\))[\d. ,]+\)|\bansi[a-z]+\b"
    r"|\bfg=\"|\"(?:bold )?(?:red|green|yellow|blue|magenta|cyan)\""
)
"""A colour as it is written; one that is wholly see-through is none."""

ELSEWHERE = {
    "tools/site/pages/assets/site.css",  # corrections of the palette of MkDocs Material
    "tools/recording/animation.py",  # what pyte calls the colours
}


def test_no_other_file_names_a_colour() -> None:
    files = [f for folder in ("scoutlang", "tools") for f in (ROOT / folder).rglob("*.*")]
    texts = [f for f in files if f.suffix in (".py", ".js", ".css", ".html")]
    named = {
        str(f.relative_to(ROOT)): found
        for f in texts
        if f != Path(colours.__file__) and (found := LITERAL.findall(f.read_text(encoding="utf-8")))
    }
    assert not named.keys() - ELSEWHERE, named
    assert len(texts) > 100


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1.4.3."""

    def luminance(colour: str) -> float:
        parts = [c / 255 for c in channels(colour)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(f * c for f, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_text_can_be_read(ground: str) -> None:
    def shade(shades: Shades) -> str:
        return str(getattr(shades, ground))

    words = {token.page for token in TOKENS.values()}
    for name in {"ink", "soft", "accent", "yes", "no"} | words:
        for under in ("paper", "card", "chosen"):
            assert contrast(shade(PAGE[name]), shade(PAGE[under])) >= 4.5, (name, under)
    assert contrast(shade(PAGE["warn"]), shade(PAGE["warn-paper"])) >= 4.5
    for arm in ("guided", "non-guided", "prototypes"):  # WCAG 2.2, 1.4.11
        assert contrast(shade(PAGE[arm]), shade(PAGE["card"])) >= 2.5, arm
    for name, shades in ANSI.items():
        assert contrast(shade(shades), shade(SCREEN["page"])) >= 4.5, name


def test_forms_of_a_colour() -> None:
    assert faint("#0072b2", 0.18) == "rgba(0,114,178,0.18)"
    assert TERMINAL["error"].sgr == "1;31"
    assert TERMINAL["headline"].sgr == "1"
    assert TERMINAL["command"].style == "bold ansigreen"
    assert TERMINAL["status"].style == "ansibrightblack"

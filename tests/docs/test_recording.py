"""The recording that the README shows is a session of the REPL as it is now, and the picture is
drawn from it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scoutlang.interfaces.repl.commands import COMMANDS
from scoutlang.interfaces.repl.interpreter import MORE, PROMPT, replay
from scoutlang.interfaces.repl.session import Session
from tools.recording.__main__ import CAST, DRAWING, SCRIPT
from tools.recording.animation import COLORS, EDGE, FASTER, Clock, drawn, minutes
from tools.recording.cast import Cast, dump, load
from tools.recording.screens import Screen, screens, text, transcript
from tools.recording.script import inputs

sys.path.append(str(Path(__file__).parents[1] / "interfaces" / "repl"))

from talking import Wide  # isort: skip

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
OF_SAMPLES = (":sample", ":hits", ":view", ":plot")
"""Their answers rest on the random numbers and the rounding of the machine."""


@pytest.fixture(scope="module")
def cast() -> Cast:
    return load(CAST.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shown(cast: Cast) -> list[Screen]:
    return list(screens(cast))


@pytest.fixture(scope="module")
def seen(shown: list[Screen]) -> str:
    """All that the terminal showed, but what it says while it loads."""
    return re.sub(r"^loading .*\n", "", transcript(shown[-1]), flags=re.MULTILINE)


def answers(transcript: str) -> list[str]:
    """Each input with what it was answered."""
    return re.split(rf"^{PROMPT}", transcript, flags=re.MULTILINE)[1:]


def lines() -> list[str]:
    """What is typed, line by line."""
    return [line for one in inputs(SCRIPT.read_text(encoding="utf-8")) for line in one.lines]


# ---- the recording ----


def test_it_is_an_asciicast_of_version_2(cast: Cast) -> None:
    assert cast.header["version"] == 2
    assert cast.size == (100, 30)
    assert {event.kind for event in cast.events} == {"o", "i", "m"}
    assert all(type(event.data) is str and event.data for event in cast.events)
    assert all(0 <= one.time <= two.time for one, two in pairwise(cast.events))
    assert dump(cast) == CAST.read_text(encoding="utf-8")


def test_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 3"):
        load('{"version": 3}\n')


def test_it_has_the_inputs_and_the_captions_of_the_script(cast: Cast, seen: str) -> None:
    typed = [
        line.removeprefix(start)
        for line in seen.splitlines()
        for start in (PROMPT, MORE)
        if line.startswith(start)
    ]
    assert typed == lines()
    assert [event.data for event in cast.events if event.kind == "m"] == [
        one.caption for one in inputs(SCRIPT.read_text(encoding="utf-8")) if one.caption
    ]


def test_its_commands_exist() -> None:
    called = {found[1] for line in lines() if (found := re.match(r":(\w+)", line))}
    assert len(called) >= 8
    assert called <= COMMANDS.keys()


def test_its_inputs_are_answered_so_today(
    seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    session, said = Session(Wide()), []
    replay(
        session, "\n".join(line for line in lines() if not line.startswith(OF_SAMPLES)), said.append
    )
    session.close()
    expected = [one for one in answers(seen) if not one.startswith(OF_SAMPLES)]
    assert len(expected) >= 10
    assert answers("".join(f"{one}\n" for one in said)) == expected


def test_what_the_captions_promise(seen: str) -> None:
    found = dict.fromkeys(one.partition("\n")[0] for one in answers(seen))
    said = {head: [one for one in answers(seen) if one.startswith(f"{head}\n")] for head in found}
    assert "did you mean `require`?" in said["requre CN(Cu-P) = 4"][0]
    verdicts = [one.split("\n")[1] for one in answers(seen) if one.startswith(":measure")]
    assert [verdict.rpartition("/")[2] for verdict in verdicts] == [
        "CuP2.cif: HIT",
        "Cu3P.cif: HIT",
        "Cu3P.cif: miss",
    ]
    first, second = said[":sample 8"]
    assert "the same seed, guided arm" not in first
    assert "the same seed, guided arm" in second
    [view] = [one for one in answers(seen) if one.startswith(":view")]
    assert re.search(r"atoms: hit\b", view), "let session.txt view one of its hits"


def test_the_menu_was_open(shown: list[Screen]) -> None:
    offered = "\n".join(
        text(line) for screen in shown for line in screen.lines if "of the system" in text(line)
    )
    assert re.findall(r" (\S+) +an element of the system", offered)[:3] == ["Cu", "Si", "P"]


# ---- the picture ----


@pytest.fixture(scope="module")
def drawing() -> str:
    return DRAWING.read_text(encoding="utf-8")


def test_the_picture_is_that_of_the_recording(cast: Cast, drawing: str) -> None:
    assert drawn(cast) == drawing, "run `python -m tools.recording --draw`"


def test_the_picture_stands_alone(drawing: str) -> None:
    assert len(drawing.encode()) < 400_000
    root = ElementTree.fromstring(drawing)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {"svg", "title", "desc", "style", "g", "rect", "text"}
    assert not any(
        "href" in name or name.startswith("on")
        for element in root.iter()
        for name in element.attrib
    )
    assert all(
        re.fullmatch(r"#[0-9a-f]{6}", element.attrib.get("fill", EDGE)) for element in root.iter()
    )
    assert not re.search(
        r"url\(|@import|https?:", drawing.replace('xmlns="http://www.w3.org/2000/svg"', "")
    )


def test_it_is_described_and_moves_only_where_things_may(drawing: str, cast: Cast) -> None:
    root = ElementTree.fromstring(drawing)
    described = [root.findtext(f"{SVG}{tag}") for tag in ("title", "desc")]
    assert root.get("aria-labelledby") == "t d"
    assert described[0] == cast.header["title"]
    assert all(event.data in str(described[1]) for event in cast.events if event.kind == "m")
    assert re.findall(r"^.*animation:.*$", drawing, re.MULTILINE) == re.findall(
        r"^@media \(prefers-reduced-motion:no-preference\).*$", drawing, re.MULTILINE
    )


def test_it_shows_what_the_terminal_showed(cast: Cast, shown: list[Screen], drawing: str) -> None:
    clock = Clock.of(cast)
    root = ElementTree.fromstring(drawing)
    for screen in shown[:: len(shown) // 25]:
        after = next((one.time for one in shown if one.time > screen.time), float("inf"))
        if clock(after) - clock(screen.time) > 0.1:
            assert list(rows(root, clock(screen.time) + 0.05)) == [
                text(line) for line in screen.lines[screen.gone :]
            ]


def test_the_still_has_the_table_of_differences(cast: Cast, drawing: str) -> None:
    said = "\n".join(rows(ElementTree.fromstring(drawing), None))
    assert "the same seed, guided arm" in said
    assert "all that it requires" in said


@pytest.mark.parametrize("page", [0, 1])
def test_every_colour_can_be_read(page: int) -> None:
    background = luminance(COLORS["page"][page])
    for name, pair in COLORS.items():
        if name != "page":
            low, high = sorted([background, luminance(pair[page])])
            assert (high + 0.05) / (low + 0.05) >= 4.5, name  # WCAG 2.2, 1.4.3


def test_the_readme_says_how_long_it_took(cast: Cast, drawing: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [played] = re.findall(r"the picture takes (\d+:\d\d)", drawing)
    assert f"{minutes(cast.duration)} minutes" in readme
    assert f"{FASTER} times faster" in readme
    assert f"lasts {played}" in readme
    assert "tools/recording/session.svg" in readme


def rows(root: ElementTree.Element, time: float | None) -> Iterator[str]:
    """What the picture shows in each line of the terminal at a time in seconds, or as a still; read
    from the markup as a browser does.
    """
    style = str(root.findtext(f"{SVG}style"))
    length = float(re.search(r"\.m\{animation:([\d.]+)s", style)[1])  # type: ignore[index]
    rules = dict(re.findall(r"^@keyframes (\w+)\{(.*)\}$", style, re.MULTILINE))

    def place(element: ElementTree.Element) -> tuple[float, float]:
        if time is not None and (name := element.get("style", "").removeprefix("animation-name:")):
            steps = re.findall(
                r"([\d.]+)%\{transform:translate\(([-\d.]+)px,([-\d.]+)px\)\}", rules[name]
            )
            x, y = [
                (float(x), float(y))
                for percent, x, y in steps
                if float(percent) / 100 * length <= time
            ][-1]
            return x, y
        x, y = map(
            float,
            element.get("transform", "translate(0 0)")
            .removeprefix("translate(")
            .rstrip(")")
            .split(),
        )
        return x, y

    window = root.find(f"{SVG}svg")
    assert window is not None
    sheet = window[0]
    shift = place(sheet)[1]
    strips = {float(strip.get("y", "0")): strip for strip in sheet.findall(f"{SVG}svg")}
    for y in range(0, 30 * 17, 17):
        words = []
        strip = strips.get(y - shift)
        for group in [] if strip is None else strip.findall(f"{SVG}g"):
            moving = group.get("class") == "m"
            pieces = list(group) if moving else [group]
            words += [
                word
                for piece in pieces
                if not moving or place(piece)[1] + place(group)[1] == 0
                for word in piece.iter(f"{SVG}text")
            ]
        line = ""
        for word in words:
            line = line.ljust(round(float(word.get("x", "0")) / 8.4)) + str(word.text)
        yield line


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""A page as one HTML file that needs nothing else: no network, no other file, no program but a
browser.

Text of strangers (formulas, file names, the program) enters in two ways only: through the
templates, which escape it, and as JSON that cannot end its element. A Content-Security-Policy in
the file allows the scripts that are written here, by their hashes, and no request at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from pygments.token import STANDARD_TYPES, string_to_tokentype

from scoutlang.support.colours import PAGE, TOKENS
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import write_named, write_whole

_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def document(
    template: str, scripts: Sequence[str], data: Any, *, library: str = "", **content: Any
) -> str:
    """The page of a template. scripts: files beside it, which work on ``data``; library: the text
    of one that goes before them.
    """
    own = "\n".join(_template(name) for name in scripts)
    texts = [_script(text) for text in (library, own) if text]
    return (
        _environment()
        .get_template(template)
        .render(
            policy=_POLICY.format(scripts=" ".join(f"'sha256-{_hash(text)}'" for text in texts)),
            style=Markup(_colours() + _template("page.css")),
            scripts=[Markup(text) for text in texts],
            data=_as_json(data),
            **content,
        )
    )


def marked(text: str) -> Markup:
    """A sentence, its first letter large, with code where it has backticks."""
    text = text.strip()
    parts = (text[:1].upper() + text[1:]).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if k % 2 else escape(part)
        for k, part in enumerate(parts)
    )


def write_document(file: Path, text: str, *, named: bool = False) -> Path:
    """A page as a file, whole or not at all. named: the user has named it, so that a link is
    followed and a device written into. Raises ScoutError E602 where it cannot be written.
    """
    try:
        if named:
            return write_named(file, text)
        return write_whole(file, lambda path: path.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise ScoutError(
            "E602",
            f"cannot write {file}: {error.strerror or error}",
            "free space, or choose another place with --out",
        ) from error


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("scoutlang.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str) -> str:
    return files("scoutlang.report").joinpath("templates", name).read_text(encoding="utf-8")


def _colours() -> str:
    """The colours as variables of the style sheet, on a light and on a dark ground, and what the
    words of a program take of them.
    """
    light, dark = (
        "".join(f"--{name}:{getattr(shades, ground)};" for name, shades in PAGE.items())
        + f"color-scheme:{ground}"
        for ground in ("light", "dark")
    )
    words = (
        f"code .{STANDARD_TYPES[string_to_tokentype(kind)]}{{color:var(--{token.page})}}"
        for kind, token in TOKENS.items()
    )
    by_system = f':root:not([data-theme="light"]){{{dark}}}'
    rules = [
        f":root{{{light}}}",
        f"@media screen and (prefers-color-scheme:dark){{{by_system}}}",
        f':root[data-theme="dark"]{{{dark}}}',
        *words,
    ]
    return "\n".join(rules) + "\n"


def _script(text: str) -> str:
    """As the browser reads it between its tags, so that its hash is the one in the policy. Raises
    ValueError where it would end them.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if re.search(r"</script|<!--", text, re.IGNORECASE):
        raise ValueError("a script that cannot stand in a page")
    return text


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _as_json(data: Any) -> Markup:
    """JSON that no text in it can end: the characters that HTML knows are escaped."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)

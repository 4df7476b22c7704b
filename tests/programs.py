r"""The programs of the tests, each with what is said of it: the case files in tests/language/cases.

A case file holds the programs of one theme. Lines before the first heading are a comment; a line
that begins with ``[`` is a heading, and what follows it belongs to it:

* ``[case NAME]``: a program, called NAME.scout in its messages
* ``[meaning]``: its meaning, in the form of outline.py. A program without this heading is wrong.
* ``[messages]``: what is said of it, as `scout check` shows it
* ``[file PATH]``, ``[link PATH]``: before the first case: a file beside the programs of this case
  file, and a symbolic link with the path that it leads to

The empty line before a case, a file or a link belongs to no text. A heading that ends with
``, escaped`` says that the text could not be seen or kept as it is: ``\t``, ``\r``, ``\\``,
``\xNN`` and ``\uNNNN`` in it mean what they mean in Python, and ``\`` at the end of a line takes
the line end away. ``, bytes`` is the same for a file that is no UTF-8: each character is a byte.

To add a case, write ``[case NAME]`` with the program, and ``[meaning]`` (right) or ``[messages]``
(wrong) with nothing below it; then ``UPDATE_SNAPSHOTS=1 pytest tests/language/test_programs.py``
writes the rest, which is to be read before it is committed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock

from scoutlang.interfaces.api import check_source
from scoutlang.ir.source import Source
from scoutlang.language import CheckResult

FOLDER = Path(__file__).parent / "language" / "cases"


@dataclass(frozen=True)
class Case:
    name: str
    program: str
    meaning: str | None = None
    """None: the program is wrong."""
    messages: str | None = None
    """None: nothing is said of it."""
    file: Path = FOLDER


@dataclass(frozen=True)
class CaseFile:
    comment: str
    cases: tuple[Case, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    """What is beside the programs, by path."""
    links: dict[str, str] = field(default_factory=dict)


# ---- reading and writing ----


def read(path: Path) -> CaseFile:
    content = re.sub(r"\n\n(?=\[(case|file|link) )", "\n", path.read_text(encoding="utf-8"))
    comment, *sections = re.split(r"^\[(.*)\n", content, flags=re.M)
    found = CaseFile(comment)
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        parts = re.fullmatch(r"(\w+)(?: (.+?))?(?:, (escaped|bytes))?\]", heading)
        assert parts, f"{path.name}: no heading: [{heading}"
        kind, name, how = parts.groups()
        text = unescaped(body) if how else body
        match kind:
            case "case":
                found = replace(found, cases=(*found.cases, Case(name, text, file=path)))
            case "meaning" | "messages" if found.cases:
                *before, last = found.cases
                found = replace(found, cases=(*before, replace(last, **{kind: text})))
            case "file" if not found.cases:
                found.files[name] = text.encode("latin-1" if how == "bytes" else "utf-8")
            case "link" if not found.cases:
                found.links[name] = text.removesuffix("\n")
            case _:
                raise AssertionError(f"{path.name}: out of place: [{heading}")
    return found


def written(file: CaseFile) -> str:
    """The text of a case file; `read` gives the same back."""
    text = file.comment
    for name, content in file.files.items():
        text += "\n" + _section(f"file {name}", content)
    for name, target in file.links.items():
        text += "\n" + _section(f"link {name}", f"{target}\n")
    for case in file.cases:
        text += "\n" + _section(f"case {case.name}", case.program)
        for kind in ("meaning", "messages"):
            if (said := getattr(case, kind)) is not None:
                text += _section(kind, said)
    return text


def _section(heading: str, content: str | bytes) -> str:
    how, text = "escaped", content
    if isinstance(content, bytes):
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            how, text = "bytes", content.decode("latin-1")
    safe = escaped(text, ascii_only=how == "bytes")
    if safe == text.replace("\\", "\\\\"):
        return f"[{heading}]\n{text}"
    return f"[{heading}, {how}]\n{safe}"


SHORT = {"\t": r"\t", "\r": r"\r", "\\": r"\\"}


def escaped(text: str, *, ascii_only: bool) -> str:
    """With escapes for what is not seen, and for what would be lost or read as a heading."""

    def code(found: re.Match[str]) -> str:
        c = found[0]
        return SHORT.get(c) or (f"\\x{ord(c):02x}" if c < "\u0100" else f"\\u{ord(c):04x}")

    unseen = {c for c in text if not (c.isprintable() and (c.isascii() or not ascii_only))}
    characters = re.escape("".join({"\\", *unseen} - {"\n"}))
    text = re.sub(rf"[{characters}]|^\[| $", code, text, flags=re.M)
    return text if text.endswith("\n") or not text else f"{text}\\\n"


def unescaped(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        number = found[1] or found[2]
        return (
            chr(int(number, 16))
            if number
            else {"t": "\t", "r": "\r", "\\": "\\", "\n": ""}[found[3]]
        )

    return re.sub(r"\\(?:x(\w\w)|u(\w{4})|([tr\\\n]))", character, text)


# ---- the programs ----

FILES = {path: read(path) for path in sorted(FOLDER.glob("*.test"))}
CASES = [case for file in FILES.values() for case in file.cases]
GOOD = [case for case in CASES if case.meaning is not None]
BAD = [case for case in CASES if case.meaning is None]


def alone(cases: Iterable[Case]) -> list[Case]:
    """Those that need no other file."""
    return [case for case in cases if not FILES[case.file].files]


def texts() -> Iterator[str]:
    """Every program, and every module beside one."""
    yield from (case.program for case in CASES)
    for file in FILES.values():
        yield from (
            content.decode("utf-8", "replace")
            for name, content in file.files.items()
            if name.endswith(".scout")
        )


def lay_out(file: Path, place: Path) -> Path:
    """Writes what is beside the programs of a case file; the folder where the programs belong."""
    folder = place / "with" / "files"
    folder.mkdir(parents=True)
    for name, content in FILES[file].files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for name, target in FILES[file].links.items():
        (folder / name).symlink_to(target)
    return folder


def check(case: Case, place: Path) -> CheckResult:
    """As `scoutlang.check` does a file, but named without its folder, so that snapshots hold
    anywhere. place: an empty folder for the files beside the program.
    """
    folder = None
    if FILES[case.file].files:
        folder = lay_out(case.file, place)
        (folder / f"{case.name}.scout").write_bytes(case.program.encode())
    return check_source(Source(f"{case.name}.scout", case.program, folder))


def update(case: Case) -> None:
    """Writes a case anew in its file, which other processes may be doing with other cases."""
    with FileLock(Path(tempfile.gettempdir()) / f"{case.file.name}.lock"):
        file = read(case.file)
        cases = tuple(case if c.name == case.name else c for c in file.cases)
        case.file.write_text(written(replace(file, cases=cases)), encoding="utf-8")

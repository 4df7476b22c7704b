"""Many made-up inputs through the front end: no traceback, no hang, and whatever must be true of
any result.

``python tests/language/fuzz.py --count 100000`` prints how many there were of each kind, how they
ended and how long they took.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scoutlang.interfaces.api import check_source, family
from scoutlang.ir import Program
from scoutlang.ir.source import Source
from scoutlang.language import CheckResult
from scoutlang.language.diagnostics.render.json import as_data
from scoutlang.language.diagnostics.render.text import render
from scoutlang.language.formatter import formatted
from scoutlang.language.reading import decode
from scoutlang.support.errors import ScoutError
from scoutlang.support.resources import resource

sys.path.append(str(Path(__file__).parents[1]))

from programs import FOLDER as CASE_FILES  # isort: skip
from programs import lay_out, texts  # isort: skip

PLACE = tempfile.TemporaryDirectory()
FOLDER = lay_out(CASE_FILES / "files.test", Path(PLACE.name))
LIMIT = 20
"""Seconds of computing that one input may take."""
FEW = 20  # programs of a family that are all looked at
WORDS = tuple(
    """
    scout import system atoms formula symmetry keep start param let motif require prefer expect guide sample sweep in as and or not implies each any weight loss
    symprec low high possible default mean min max sum std fraction abs CN distance min_distance angle volume_per_atom density a b c alpha
    spacegroup crystal_system cubic novel shape tetrahedron q l r shared similarity xrd energy_per_atom e_above_hull Cu P Si Zz Cu-P P-Cu-P
    { } ( ) [ ] , : ; . * / ^ = == < <= > >= ± +- + - -> → – # " 1 4 -2 2.6 .5 1e999 1e-400 00 9007199254740993 Å nm pm ° deg rad eV eV/atom
    Å^3 g/cm^3 GPa % & ! ramp piecewise cosine k g from to every method paper adaptive model cfg std poly x y A B "x.scout" "data/CuP2.cif"
    """.split()
)
CHARACTERS = "\x00\x1b\r\t\n \u00a0\u200b\u202e\ufeff\ud800\U0001f600é中ⅷ²³½٤–“”（）＝;#\"'`\\|&!%$@~^*/+-=<>()[]{}.,:_019aZÅ°±≤≥→"


def corpus() -> list[str]:
    library = sorted(resource("stdlib").glob("*.scout"))
    return [*texts(), *(path.read_text(encoding="utf-8") for path in library)]


# ---- inputs ----


def program(draw: random.Random, texts: list[str]) -> str:
    return draw.choice(texts)


def changed(draw: random.Random, texts: list[str]) -> str:
    """A program with a few characters, words or lines removed, repeated, replaced, moved or taken
    from another one.
    """
    text = draw.choice(texts)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        start = draw.randrange(len(text) + 1)
        end = min(len(text), start + draw.choice((0, 1, 1, 2, 5, 20)))
        match draw.randrange(8):
            case 0:
                piece = ""
            case 1:
                piece = text[start:end] * draw.choice((2, 3, 50))
            case 2:
                piece = draw.choice(CHARACTERS)
            case 3:
                piece = f" {draw.choice(WORDS)} "
            case 4:
                other = draw.choice(texts)
                place = draw.randrange(len(other) + 1)
                piece = other[place : place + draw.choice((3, 10, 40))]
            case 5:
                lines = text.split("\n")
                draw.shuffle(lines)
                text, piece = "\n".join(lines), text[start:end]
            case 6:
                words = text.split(" ")
                i, j = draw.randrange(len(words)), draw.randrange(len(words))
                words[i], words[j] = words[j], words[i]
                text, piece = " ".join(words), text[start:end]
            case _:
                text = text.replace("\n", draw.choice(("\r\n", "\r", ";", " ", "\n\n")))
                piece = text[start:end]
        text = text[:start] + piece + text[end:]
    return text


def words(draw: random.Random, texts: list[str]) -> str:
    joint = draw.choice((" ", "", " ", "\t"))
    found = [
        draw.choice(WORDS) if draw.random() < 0.9 else draw.choice("\n;")
        for _ in range(draw.choice((3, 10, 40, 120)))
    ]
    return draw.choice(("", "system Cu-Si-P\n", "system Cu-P; require ")) + joint.join(found)


def characters(draw: random.Random, texts: list[str]) -> str:
    return "".join(draw.choice(CHARACTERS) for _ in range(draw.choice((1, 5, 30, 200))))


def data(draw: random.Random, texts: list[str]) -> bytes:
    if draw.random() < 0.5:
        return draw.randbytes(draw.choice((0, 1, 10, 200)))
    found = bytearray(draw.choice(texts).encode())
    for _ in range(draw.randrange(4)):
        if found:
            found[draw.randrange(len(found))] = draw.randrange(256)
    return bytes(found)


def repeated(draw: random.Random, texts: list[str]) -> str:
    """A small thing many times: what takes time or depth that grows faster than the text shows
    here.
    """
    n = draw.choice((2, 30, 33, 100, 300))
    head = "system Cu-Si-P\n"
    name = "x" * n
    match draw.randrange(12):
        case 0:
            return (
                head
                + "require "
                + draw.choice(("not ", "each ", "(", "-", "+", "abs(", "CN(", "{", "[")) * n
                + "CN(Cu-P) = 4"
            )
        case 1:
            return head + "require " + " and ".join(["CN(Cu-P) = 4"] * n)
        case 2:
            return (
                head
                + "require CN(Cu-P) = "
                + draw.choice((" + ", " * ", "^", " - ")).join(["1.5"] * n)
            )
        case 3:
            return head + "require CN" + "(CN" * n + ")" * n
        case 4:
            return (
                head
                + "".join(
                    f"let x{k} = {draw.choice(('x%d', 'not x%d', 'x%d + x%d', '(x%d)')).replace('%d', str(k + 1))}\n"
                    for k in range(n)
                )
                + (f"let x{n} = CN(Cu-P)\nrequire x0 = 4")
            )
        case 5:
            return (
                head
                + "".join(f"motif m{k}(A) = m{k + 1}(A) and m{k + 1}(A)\n" for k in range(n))
                + f"motif m{n}(A) = CN(A-P) = 4\nrequire m0(Cu)"
            )
        case 6:
            return head + "".join(
                f"require CN(Cu-{draw.choice(('P', 'Si', '*'))}) {draw.choice('<>')} {k}\n"
                for k in range(n)
            )
        case 7:
            return head + f"let {name} = 4\nrequire {name}: CN(Cu-P) = {name}\nrequire {name}y = 4"
        case 8:
            return head + f"require CN(Cu-P) = {'9' * n}.{'1' * n}e-{n}"
        case 9:
            return head + f"require {'(' * n}CN(Cu-P){')' * draw.choice((n, n - 1))} = 4"
        case 10:
            return (
                head
                + "sweep k in {"
                + ", ".join(str(k) for k in range(n))
                + "}"
                + draw.choice(("", "\nsweep seed in {1, 2, 3}"))
            )
        case _:
            return (
                draw.choice(
                    (";", "\n", " ", "\r", "#", "\t;", "require ", "system Cu;", "()", "=", "x ")
                )
                * n
                * 10
            )


KINDS: tuple[tuple[Callable[[random.Random, list[str]], str | bytes], int], ...] = (
    (program, 5),
    (changed, 60),
    (words, 15),
    (characters, 5),
    (data, 10),
    (repeated, 5),
)


# ---- what must be true ----


def holds(
    text: str, folder: Path | None = None, overrides: dict[str, str] | None = None
) -> CheckResult:
    """Checks a text, and all that must be true of any result."""
    result = check_source(Source("<text>", text, folder), overrides)
    assert result.ok == (not any(d.severity == "error" for d in result.diagnostics))
    for diagnostic in result.diagnostics:
        labels = [*([diagnostic.primary] if diagnostic.primary else []), *diagnostic.secondary]
        assert all(0 <= label.span.start <= label.span.end <= len(text) for label in labels)
        if diagnostic.fix:
            assert 0 <= diagnostic.fix.span.start <= diagnostic.fix.span.end <= len(text)
    messages = render(result.diagnostics, result.source)
    messages.encode()
    assert all(c.isprintable() or c == "\n" for c in messages)
    json.dumps(as_data(result.diagnostics, result.source), allow_nan=False)
    if result.program is not None:
        result.program.digest()
    return result


def survives_writing(program_: Program) -> None:
    """A program is the same after it was written and read."""
    assert Program.from_json(program_.to_json()) == program_


def keeps_its_meaning(text: str, result: CheckResult) -> None:
    """`scout fmt` changes no meaning, and nothing the second time."""
    usual = formatted(result.source).text
    if usual is None:
        return
    again = check_source(Source("<text>", usual, result.source.folder))
    if result.program is not None:
        assert again.program is not None, usual
        assert again.program.digest() == result.program.digest(), usual
    assert formatted(again.source).text == usual, usual


def text_of(given: str | bytes) -> str | None:
    """The text in some bytes; None where they are no text, and are refused as such."""
    if isinstance(given, str):
        return given
    try:
        return decode(given, "<bytes>").text
    except ScoutError as error:
        if error.code not in ("E002", "E003"):
            raise
        return None


@dataclass
class Tally:
    """How inputs ended. slowest: seconds, and the input."""

    kinds: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")

    def add(self, kind: str, given: str | bytes, draw: random.Random) -> None:
        self.kinds[kind] += 1
        start = time.perf_counter()
        text = text_of(given)
        if text is None:
            self.ends["not text"] += 1
            return
        if draw.random() < 0.1:
            outside = {
                draw.choice(("k", "rc", "seed", "x")): draw.choice(
                    ("2", "2.5Å", "x", "", "(", "1e999", "mean(CN(Cu-P))")
                )
            }
            result = holds(text, FOLDER, outside)
        else:
            result = holds(text, FOLDER)
            if (
                result.program is not None
                and result.program.sweeps
                and math.prod(len(x.values) for x in result.program.sweeps) < FEW
            ):
                assert family(result)
            if result.program is not None and draw.random() < 0.1:
                survives_writing(result.program)
            if draw.random() < 0.2:
                keeps_its_meaning(text, result)
        self.ends["right" if result.ok else "wrong"] += 1
        self.codes.update({d.code for d in result.diagnostics})
        self.slowest = max(self.slowest, (time.perf_counter() - start, text[:200]))


def run(count: int, seed: int) -> Tally:
    """Raises whatever the front end raises, with the input in a note."""
    texts, tally, draw = corpus(), Tally(), random.Random(seed)
    kinds, weights = zip(*KINDS, strict=True)
    for _ in range(count):
        (kind,) = draw.choices(kinds, weights)
        given = kind(draw, texts)
        try:
            with limited():
                tally.add(kind.__name__, given, draw)
        except BaseException as error:
            error.add_note(f"seed {seed}, input {given!r}")
            raise
    return tally


@contextmanager
def limited() -> Iterator[None]:
    """TimeoutError where something computes for more than LIMIT, however busy the machine is."""

    def too_slow(number: int, frame: object) -> None:
        raise TimeoutError(f"an input took more than {LIMIT} s")

    before = signal.signal(signal.SIGPROF, too_slow)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="inputs for each seed")
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    for seed in arguments.seed:
        start, cpu = time.perf_counter(), time.process_time()
        tally = run(arguments.count, seed)
        wall, busy = time.perf_counter() - start, time.process_time() - cpu
        lines = (
            f"seed {seed}: {sum(tally.kinds.values())} inputs in {wall:.0f} s ({busy:.0f} s of CPU), no traceback, none over {LIMIT} s",
            f"  kinds: {', '.join(f'{n} {kind}' for kind, n in tally.kinds.most_common())}",
            f"  ends:  {', '.join(f'{n} {end}' for end, n in tally.ends.most_common())}",
            f"  codes: {', '.join(sorted(tally.codes))}",
            f"  slowest: {tally.slowest[0]:.2f} s, {tally.slowest[1][:60]!r}",
        )
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

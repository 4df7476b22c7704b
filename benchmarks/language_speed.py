"""How long checking takes: ``python -m benchmarks.language_speed`` prints a table.

Start to end: `scout check` on an example in fresh processes, beside an empty Python and the import
of pydantic, the largest part of it that is not ours. Long programs: 10 000 lines of one form, and
of ten, through `scoutlang.check` in this process; what a session of the REPL takes for the same
text, pasted, and for a statement more and a changed one behind it, as multiples of that check.
Last: that checking loads no numerical library.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scoutlang.interfaces import api
from scoutlang.interfaces.cli.repl import Scout
from scoutlang.interfaces.repl.interpreter import feed
from scoutlang.interfaces.repl.session import Session

EXAMPLE = Path(__file__).parents[1] / "examples" / "copper_pairs.scout"
LINES = 10_000
HEAVY = ("torch", "numpy", "pymatgen", "ase", "scipy", "pandas", "matplotlib")

_SPECIES = ("Cu", "Si", "P", "Ca", "*", "{Cu, Si}", "{P, Ca}")
_FORMS = (
    "prefer CN({pair}) = {whole} ± 0.{digit}",
    "expect label{n}: each CN({pair}, r=2.{digit}5 Å) >= {whole} weight 2",
    "expect distance({pair}) < 2.{digit} Å loss huber  # a comment",
    "require min_distance({pair}) > 1.{digit} Å",
    "require fraction(CN({pair}) = {whole}) >= 0.0{digit}",
    "expect not (CN({pair}) > {whole}) and max(distance({pair})) < 3.{digit} Å",
    "prefer volume_per_atom in [1{digit}, 2{whole}] Å^3",
    "expect CN({pair}) / {whole} + CN(Cu-P) > 0.{digit} or angle(P-Cu-P) = 10{digit}.5° ± 8°",
    "let x{n} = {whole}.{digit} Å",
    "prefer distance({pair}) as low as possible weight 0.{digit}1",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    scout = str(Path(sys.executable).parent / "scout")
    rows = [
        ("scout check, an example", _median([scout, "check", str(EXAMPLE)], repeats)),
        ("python -c pass", _median([sys.executable, "-c", "pass"], repeats)),
        (
            "python -c 'import pydantic'",
            _median([sys.executable, "-c", "import pydantic"], repeats),
        ),
        (
            "python -c 'import scoutlang'",
            _median([sys.executable, "-c", "import scoutlang"], repeats),
        ),
    ]
    lines = [f"{'':32} {'wall, s':>8} {'CPU, s':>8}"]
    lines += [
        f"{name:32} {seconds:8.3f} {'':>8}  median of {repeats} processes" for name, seconds in rows
    ]
    for name, text in (
        (f"{LINES} lines of one form", plain_program()),
        (f"{LINES} lines of ten forms", long_program()),
    ):
        wall, cpu, messages = _checked(text)
        lines.append(
            f"{name:32} {wall:8.3f} {cpu:8.3f}  {len(text)} characters, {messages}, best of 3"
        )
        lines += [
            f"  {what:30} {wall:8.3f} {own:8.3f}  {own / cpu:.2f} × the check, best of 3"
            for what, wall, own in _session(text)
        ]
    text = EXAMPLE.read_text(encoding="utf-8")
    check = _checked(text)[1]
    lines += [
        f"an example, {what:20} {wall:8.4f} {own:8.4f}  {own / check:.2f} × the check, best of 3"
        for what, wall, own in _session(text)
    ]
    loaded = _loaded()
    lines.append(
        f"loaded by api.check: {', '.join(loaded) if loaded else 'none of ' + ', '.join(HEAVY)}"
    )
    sys.stdout.write("\n".join(lines) + "\n")
    if loaded:
        raise SystemExit(1)


def plain_program() -> str:
    """The claim that most programs make, again and again."""
    return (
        "\n".join(
            ["system Cu-Si-P-Ca", *(f"require t{n}: CN(Cu-P) = 4 ± 0.3" for n in range(LINES - 1))]
        )
        + "\n"
    )


def long_program(seed: int = 0) -> str:
    """Lines of ten forms, with species, numbers, labels and comments that vary."""
    draw = random.Random(seed)
    forms = itertools.cycle(_FORMS)
    lines = ["system Cu-Si-P-Ca"]
    for n in range(LINES - 1):
        pair = f"{draw.choice(_SPECIES)}-{draw.choice(_SPECIES)}"
        lines.append(
            next(forms).format(pair=pair, whole=draw.randint(1, 8), digit=draw.randint(1, 9), n=n)
        )
    return "\n".join(lines) + "\n"


def _median(command: Sequence[str], repeats: int) -> float:
    """Seconds from the start of a process to its end."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _checked(text: str) -> tuple[float, float, str]:
    walls, cpus = [], []
    messages = ""
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        result = api.check(text)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        errors = sum(d.severity == "error" for d in result.diagnostics)
        messages = f"{errors} errors and {len(result.diagnostics) - errors} other messages"
    return min(walls), min(cpus), messages


def _session(text: str) -> list[tuple[str, float, float]]:
    """Wall and CPU seconds that a session needs to take the text as one input, a statement more,
    and another one in the place of that.
    """
    inputs = {
        "pasted into a session": text,
        "a statement more": "require last: CN(Cu-P) > 2",
        "changed": "require last: CN(Cu-P) > 1",
    }
    best = dict.fromkeys(inputs, (math.inf, math.inf))
    for _ in range(3):
        session = Session(Scout())
        for what, given in inputs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            reply = feed(session, given)
            taken = time.perf_counter() - wall, time.process_time() - cpu
            if not reply.ok:
                raise SystemExit(reply.text)
            best[what] = min(best[what][0], taken[0]), min(best[what][1], taken[1])
    return [(what, *seconds) for what, seconds in best.items()]


def _loaded() -> list[str]:
    """Large libraries in a fresh process that has checked a program."""
    code = (
        "import sys, pathlib; from scoutlang.interfaces import api; "
        f"api.check(pathlib.Path({str(EXAMPLE)!r})); "
        f"print(*(m for m in {HEAVY!r} if m in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return found.stdout.split()


if __name__ == "__main__":
    main()

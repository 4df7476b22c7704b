"""Run every example small, and leave the page of each run where the site looks for it: `python -m
tools.site.examples [NAME...]`. What is there already is not made again.
"""

from __future__ import annotations

import sys

import scoutlang
from tools.site.programs import RUNS, programs

SMALL = {"count": 32, "batch": 32, "steps": 64}


def main(names: list[str]) -> None:
    for path in programs():
        folder = RUNS / path.stem
        if (names and path.stem not in names) or (folder / "report.html").is_file():
            continue
        text = scoutlang.parse(path).set(**SMALL)
        # of a sweep the page is that of its first value
        program = text.family()[0]
        judged = scoutlang.run(program, folder, resume=(folder / "run.json").is_file())
        print(scoutlang.write_report(judged))  # noqa: T201


def _unknown(names: list[str]) -> set[str]:
    return {*names} - {path.stem for path in programs()}


if __name__ == "__main__":
    if strange := _unknown(sys.argv[1:]):
        sys.exit(f"no example is called {', '.join(sorted(strange))}")
    main(sys.argv[1:])

"""Does the code still do what it did? `python -m tools.golden 94ff5d3` runs this tree and an
earlier commit and compares what they give.

The earlier commit is checked out beside this one, and both are asked the same through the command
line, each in its own processes with one thread:

* three systems sampled with both methods, 16 steps, resampling on: crystals bit for bit;
* what became of them: records and summary of the judged runs;
* every program under tests/ and examples/ of the earlier commit: its messages, its meaning, its
  usual form;
* the manual.

What differs is listed, and the exit code is 1. The manual is compared word by word, as its lines
may break elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parents[1]
PARTS = ("manual", "programs", "runs")

RUNS = {
    "cu_si_p": "system Cu-Si-P; require CN(Cu-P) = 4; prefer volume_per_atom as low as possible",
    "li_co_o": "system Li-Co-O; require each CN(Co-O) = 6; expect e_above_hull < 0.2 eV/atom",
    "boron": "system B; require volume_per_atom = 7.5 ± 1",
}
METHODS = {
    "adaptive": "guide method adaptive, k 1, resample 8",
    "paper": "guide method paper, k 0.8, g ramp(0.2 -> 0), recur 2, backward 2",
}


def outputs(tree: Path, programs: Path, out: Path, parts: Sequence[str]) -> None:
    """Everything that is compared, written below ``out`` by the code of ``tree`` on the programs of
    one and the same checkout.
    """
    out.mkdir(parents=True)
    environment = os.environ | {
        "PYTHONPATH": str(tree),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
        "SCOUT_DATA": str(out / "data"),
    }

    def scout(*arguments: str, folder: Path = programs) -> str:
        command = [sys.executable, "-P", "-m", "scoutlang", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        return f"{done.stdout}{done.stderr}exit {done.returncode}\n"

    if "manual" in parts:
        (out / "manual.md").write_text(scout("doc", "--manual"), encoding="utf-8")
    if "programs" in parts:
        check(scout, programs, out)
    if "runs" in parts:
        sample(scout, out)


def check(scout: Callable[..., str], programs: Path, out: Path) -> None:
    """Messages, meaning and usual form of every program."""
    files = sorted(
        f.relative_to(programs).as_posix()
        for part in ("tests", "examples")
        for f in programs.glob(f"{part}/**/*.scout")
    )
    checked = json.loads(scout("check", "--format", "json", *files).rpartition("exit")[0])
    for file, document in zip(files, checked["programs"], strict=True):
        text = json.dumps(document, indent=1, ensure_ascii=False)
        (out / f"{file.replace('/', '-')}.json").write_text(text, encoding="utf-8")
    (out / "check.txt").write_text(scout("check", *files), encoding="utf-8")
    (out / "fmt.txt").write_text(scout("fmt", "--diff", *files), encoding="utf-8")


def sample(scout: Callable[..., str], out: Path) -> None:
    """Small runs, sampled and judged."""
    for system, text in RUNS.items():
        for method, guide in METHODS.items():
            name = f"{system}-{method}"
            sizes = ["--count", "8", "--batch", "8", "--steps", "16", "--seed", "3"]
            said = scout(
                "run",
                "-c",
                f"{text}; {guide}",
                *sizes,
                "--out",
                str(out / name),
                "--format",
                "json",
                folder=out,
            )
            if "exit 0" not in said:
                raise SystemExit(f"{out / name} ended with\n{said}")


def differences(old: Path, new: Path, parts: Sequence[str]) -> Iterator[str]:
    """One line for each thing that is not the same."""
    for name in sorted({p.name for folder in (old, new) for p in folder.iterdir()} - {"data"}):
        one, other = old / name, new / name
        kind = "runs" if one.is_dir() else "manual" if name == "manual.md" else "programs"
        if kind not in parts:
            continue
        if not one.exists() or not other.exists():
            yield f"{name}: only in one of them"
        elif kind == "runs":
            yield from _of_run(one, other)
        elif (
            _words(one) != _words(other)
            if kind == "manual"
            else one.read_bytes() != other.read_bytes()
        ):
            yield f"{name}: differs"


def _words(page: Path) -> list[str]:
    lines = page.read_text(encoding="utf-8").splitlines()
    return [word for line in lines if not line.startswith("<!--") for word in line.split()]


def _of_run(old: Path, new: Path) -> Iterator[str]:
    import pandas as pd

    for part in sorted((old / "samples").iterdir()):
        crystals = [
            [_bits(row) for row in json.loads((run / "samples" / part.name).read_bytes())]
            for run in (old, new)
        ]
        if crystals[0] != crystals[1]:
            yield f"{old.name}/samples/{part.name}: other crystals"
    tables = [pd.read_parquet(run / "records.parquet") for run in (old, new)]
    if not tables[0].equals(tables[1]):
        both = [c for c in tables[0] if c in tables[1]]
        other = [c for c in both if not tables[0][c].equals(tables[1][c])] + sorted(
            set(tables[0]) ^ set(tables[1])
        )
        yield f"{old.name}/records.parquet: {', '.join(map(str, other)) or 'order of the columns'}"
    summaries = [json.loads((run / "summary.json").read_bytes()) for run in (old, new)]
    if summaries[0] != summaries[1]:
        yield f"{old.name}/summary.json: differs"


def _bits(row: dict[str, Any]) -> str:
    """A structure of a batch with every digit of its numbers, without the versions that pymatgen
    writes beside them.
    """
    structure = row["structure"] and {key: row["structure"][key] for key in ("lattice", "sites")}
    return json.dumps(
        {
            "index": row["index"],
            "ancestor": row.get("ancestor"),
            "failure": row["failure"],
            "structure": structure,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commit", help="the earlier commit")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="where to keep what the commit gave, or to find it",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write what this tree gives"
    )
    parser.add_argument("--part", choices=PARTS, action="append", help="compare this part only")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="golden-") as temporary:
        kept = (asked.keep or Path(temporary)).resolve()
        new = asked.out or Path(temporary) / "new"
        checkout, old = kept / "checkout", kept / "old"
        if not checkout.exists():
            kept.mkdir(parents=True, exist_ok=True)
            git("worktree", "add", "--detach", str(checkout), asked.commit)
        if not old.exists():
            outputs(checkout, checkout, kept / "old.part", PARTS)
            (kept / "old.part").rename(old)
        parts = asked.part or PARTS
        outputs(ROOT, checkout, new, parts)
        found = list(differences(old, new, parts))
        if asked.keep is None:
            git("worktree", "remove", "--force", str(checkout))
    click.echo("\n".join(found) or f"nothing differs from {asked.commit}: {', '.join(parts)}")
    raise SystemExit(bool(found))


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    main()

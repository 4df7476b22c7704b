"""Makes scoutlang/ir/space_groups.json: `python -m tools.space_groups`.

Symbols of all settings and the sizes of the Wyckoff positions are those of International Tables for
Crystallography A, by moyopy and `scoutlang.crystals.space_groups`; which positions the atoms of
known crystals take is counted in the embedded reference set (at most 20 atoms in a primitive cell).
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import moyopy
import numpy as np

from scoutlang.crystals.space_groups import space_group
from scoutlang.ir.space_groups import TABLE, normalised
from scoutlang.validation.reference import load

LARGEST = 20
SYMPREC = 0.01
"""Å"""


def symbols() -> dict[str, int]:
    """Every symbol without blanks, underscores and capitals → number."""
    found = {}
    for hall in range(1, 531):
        entry = moyopy.HallSymbolEntry(hall)
        for text in (entry.hm_short, entry.hm_full):
            found[normalised(text)] = entry.number
        centring, *axes = entry.hm_full.split()
        if 3 <= entry.number <= 15:  # P 1 21/n 1 is written P 21/n
            short = " ".join([centring, *(axis for axis in axes if axis != "1")])
            found.setdefault(normalised(short), entry.number)
    return found


def positions(number: int) -> list[list[int]]:
    """[sites in the primitive cell, free coordinates] of each Wyckoff position."""
    return [[one.size, one.free] for one in space_group(number).positions]


def known() -> dict[str, list[list[object]]]:
    """Group → [positions that the atoms of a crystal take, number of such crystals]."""
    counts: Counter[tuple[int, tuple[int, ...]]] = Counter()
    table = load("mp-mini").table
    for numbers, frac, lattice in zip(
        *(table[name].to_pylist() for name in ("numbers", "frac", "lattice")), strict=True
    ):
        cell = moyopy.Cell(
            basis=np.reshape(lattice, (3, 3)).tolist(),
            positions=np.reshape(frac, (-1, 3)).tolist(),
            numbers=list(numbers),
        )
        found = moyopy.MoyoDataset(cell, symprec=SYMPREC, setting=moyopy.Setting.standard())
        sites = np.array(found.prim_std_cell.positions)
        if len(sites) > LARGEST:
            continue
        group = space_group(found.number)
        taken = Counter(group.position_of(site, 1e-2) for site in sites)
        orbits = [
            place
            for place, count in sorted(taken.items())
            for _ in range(count // group.positions[place].size)
        ]
        assert sum(group.positions[place].size for place in orbits) == len(sites)
        counts[found.number, tuple(orbits)] += 1
    result: dict[str, list[list[object]]] = {}
    for (number, taken_ones), count in sorted(counts.items()):
        result.setdefault(str(number), []).append([list(taken_ones), count])
    return result


def main() -> None:
    parts = {
        "symbols": symbols(),
        "positions": {str(number): positions(number) for number in range(1, 231)},
        "known": known(),
    }
    lines = [
        f'"{name}": {{\n'
        + ",\n".join(
            f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in part.items()
        )
        + "\n}"
        for name, part in parts.items()
    ]
    Path(TABLE).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()

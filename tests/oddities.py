"""Structure files as strangers write them: some crystals that everybody knows, each written in many
legal and illegal ways, with what must come of it.

Truth is made without our readers: a crystal is its space group by spglib's tables and its sites,
and other settings of it are spglib's. What is read is compared by what no choice of cell, origin or
axes can change: composition, volume per atom and all distances up to 5 Å.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import spglib
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mould:
    """A crystal by its space group, cell (Å, degrees) and sites, in the standard setting."""

    name: str
    number: int
    cell: tuple[float, float, float, float, float, float]
    sites: tuple[tuple[str, float, float, float], ...]

    @cached_property
    def hall(self) -> int:
        """The place of its standard setting in spglib's table: axes b1, H, origin 2."""
        places = {spglib.get_spacegroup_type(h).choice: h for h in halls(self.number)}
        return next(places[c] for c in ("b1", "H", "2", "") if c in places)

    @cached_property
    def structure(self) -> Structure:
        operations = spglib.get_symmetry_from_database(self.hall)
        symbols, places = [], []
        for symbol, *at in self.sites:
            images = np.mod(operations["rotations"] @ np.array(at) + operations["translations"], 1)
            for k, one in enumerate(images):
                off = images[:k] - one
                if not (np.abs(off - np.round(off)) < 1e-3).all(-1).any():
                    symbols.append(symbol)
                    places.append(one)
        return Structure(Lattice.from_parameters(*self.cell), symbols, places)


MOULDS = {
    mould.name: mould
    for mould in (
        Mould(
            "caesium chloride",
            221,
            (4.12, 4.12, 4.12, 90, 90, 90),
            (("Cs", 0, 0, 0), ("Cl", 0.5, 0.5, 0.5)),
        ),
        Mould(
            "rock salt",
            225,
            (5.64, 5.64, 5.64, 90, 90, 90),
            (("Na", 0, 0, 0), ("Cl", 0.5, 0.5, 0.5)),
        ),
        Mould("silicon", 227, (5.431, 5.431, 5.431, 90, 90, 90), (("Si", 0.125, 0.125, 0.125),)),
        Mould(
            "rutile",
            136,
            (4.594, 4.594, 2.959, 90, 90, 90),
            (("Ti", 0, 0, 0), ("O", 0.305, 0.305, 0)),
        ),
        Mould(
            "anatase",
            141,
            (3.785, 3.785, 9.514, 90, 90, 90),
            (("Ti", 0, 0.75, 0.125), ("O", 0, 0.75, 0.333)),
        ),
        Mould(
            "quartz",
            152,
            (4.913, 4.913, 5.405, 90, 90, 120),
            (("Si", 0.4697, 0, 1 / 3), ("O", 0.4133, 0.2672, 0.1188 + 1 / 3)),
        ),
        Mould("bismuth", 166, (4.546, 4.546, 11.862, 90, 90, 120), (("Bi", 0, 0, 0.2341),)),
        Mould("magnesium", 194, (3.209, 3.209, 5.211, 90, 90, 120), (("Mg", 1 / 3, 2 / 3, 0.25),)),
        Mould(
            "wurtzite",
            186,
            (3.25, 3.25, 5.207, 90, 90, 120),
            (("Zn", 1 / 3, 2 / 3, 0), ("O", 1 / 3, 2 / 3, 0.382)),
        ),
        Mould(
            "brucite",
            164,
            (3.142, 3.142, 4.766, 90, 90, 120),
            (("Mg", 0, 0, 0), ("O", 1 / 3, 2 / 3, 0.2203), ("H", 1 / 3, 2 / 3, 0.413)),
        ),
        Mould(
            "baddeleyite",
            14,
            (5.15, 5.21, 5.32, 90, 99.2, 90),
            (
                ("Zr", 0.2758, 0.0411, 0.2082),
                ("O", 0.0703, 0.3359, 0.3406),
                ("O", 0.4423, 0.7549, 0.4789),
            ),
        ),
        Mould(
            "perovskite",
            62,
            (5.61, 7.66, 5.34, 90, 90, 90),
            (
                ("Gd", 0.0626, 0.25, 0.984),
                ("Fe", 0, 0, 0.5),
                ("O", 0.467, 0.25, 0.1),
                ("O", 0.301, 0.051, 0.697),
            ),
        ),
        Mould(
            "triclinic",
            2,
            (5.1, 6.2, 7.3, 82, 97, 104),
            (("K", 0.1, 0.2, 0.3), ("Br", 0.6, 0.55, 0.8), ("O", 0.35, 0.9, 0.6)),
        ),
    )
}


@cache
def halls(number: int) -> tuple[int, ...]:
    """The settings of a group in spglib's table."""
    return tuple(h for h in range(1, 531) if spglib.get_spacegroup_type(h).number == number)


# ------------------------------------------------------------------------------- the same


_REACH = 5.0


def _distances(structure: Structure) -> dict[tuple[int, int], Floats]:
    i, j, _, d = structure.get_neighbor_list(_REACH)
    numbers = np.array(structure.atomic_numbers)
    kinds = sorted({*numbers.tolist()})
    return {(a, b): np.sort(d[(numbers[i] == a) & (numbers[j] == b)]) for a in kinds for b in kinds}


def same_crystal(found: Structure, mould: Mould, atol: float = 2e-3) -> str:
    """Why it is another crystal; empty where it is the same. atol: Å."""
    truth = mould.structure
    if found.composition.reduced_formula != truth.composition.reduced_formula:
        return f"{found.composition} for {truth.composition}"
    mine, theirs = found.volume / len(found), truth.volume / len(truth)
    if abs(mine / theirs - 1) > 3 * atol:
        return f"{mine:.3f} Å^3 per atom for {theirs:.3f}"
    all_found = _distances(found)
    for pair, distances in _distances(truth).items():
        # the same number of atoms in both
        here = np.repeat(all_found[pair], len(truth))
        there = np.repeat(distances, len(found))
        common = min(len(here), len(there))
        rest = np.concatenate([here[common:], there[common:]])
        if len(rest) and rest.min() < _REACH - 4 * atol:
            return f"{len(here)} distances {pair} for {len(there)}"
        if common and np.abs(here[:common] - there[:common]).max() > 4 * atol:
            return f"a distance {pair} differs"
    return ""


# ---------------------------------------------------------------------------------- CIF

CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")


@dataclass
class Cif:
    """The parts of a data block, which the ways of writing change."""

    name: str
    cell: list[str]
    symmetry: list[str]
    columns: list[str]
    rows: list[list[str]]
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        return [
            *self.before,
            f"data_{self.name.replace(' ', '_')}",
            *(f"_cell_{tag} {value}" for tag, value in zip(CELL, self.cell, strict=True)),
            *self.symmetry,
            "loop_",
            *(f"_atom_site_{column}" for column in self.columns),
            *(" ".join(row) for row in self.rows),
            *self.after,
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines()) + "\n"

    def column(self, name: str) -> int:
        return self.columns.index(name)

    def changed(self, name: str, change: Callable[[str], str]) -> Cif:
        """With every value of a column changed."""
        at = self.column(name)
        rows = [[*row[:at], change(row[at]), *row[at + 1 :]] for row in self.rows]
        return replace(self, rows=rows)

    def coordinates(self, change: Callable[[str], str]) -> Cif:
        found = self
        for axis in "xyz":
            found = found.changed(f"fract_{axis}", change)
        return found

    def with_column(self, name: str, values: Sequence[str]) -> Cif:
        rows = [[*row, value] for row, value in zip(self.rows, values, strict=True)]
        return replace(self, columns=[*self.columns, name], rows=rows)


def triplet(rotation: Any, shift: Any, style: str = "usual") -> str:
    """An operation in letters, the shift behind (``-x+1/2``) or, `before`, in front of them."""
    parts = []
    for row, s in zip(rotation, shift, strict=True):
        letters = "".join(
            ("+" if w > 0 else "-") + axis for w, axis in zip(row, "xyz", strict=True) if w
        )
        k = round(float(s) * 24) % 24
        divisor = int(np.gcd(k, 24)) if k else 24
        number = f"{k // divisor}/{24 // divisor}" if k else ""
        if style == "decimal":
            number = f"{k / 24:.6f}".rstrip("0") if k else ""
        if style in ("before", "decimal"):
            parts.append(number + letters if number else letters.removeprefix("+"))
        else:
            parts.append(letters.removeprefix("+") + ("+" + number if number else ""))
    return ",".join(parts)


def operations(hall: int, style: str = "usual") -> list[str]:
    found = spglib.get_symmetry_from_database(hall)
    pairs = zip(found["rotations"], found["translations"], strict=True)
    return [triplet(w, t, style) for w, t in pairs]


def listed(triplets: Sequence[str], tag: str = "_space_group_symop_operation_xyz") -> list[str]:
    return ["loop_", tag, *(f"'{one}'" for one in triplets)]


@cache
def _in_setting(name: str, hall: int) -> tuple[tuple[float, ...], tuple[tuple[Any, ...], ...]]:
    """Cell and one site of each orbit, in another setting of the group."""
    mould = MOULDS[name]
    truth = mould.structure
    cell = (truth.lattice.matrix, truth.frac_coords, truth.atomic_numbers)
    found = spglib.get_symmetry_dataset(cell, symprec=1e-4, hall_number=hall)
    structure = Structure(found.std_lattice, found.std_types, found.std_positions)
    group = spglib.get_symmetry_from_database(hall)
    sites: list[tuple[Any, ...]] = []
    left = [*structure]
    while left:
        first = left.pop(0)
        sites.append((first.specie.symbol, *np.mod(first.frac_coords, 1)))
        images = group["rotations"] @ first.frac_coords + group["translations"]

        def apart(site: Any, images: Floats = images, symbol: str = first.specie.symbol) -> bool:
            off = images - site.frac_coords
            near = np.abs(off - np.round(off)).max(1).min() < 1e-3
            return not (near and site.specie.symbol == symbol)

        left = [site for site in left if apart(site)]
    return structure.lattice.parameters, tuple(sites)


def cif(name: str, hall: int | None = None, symmetry: Sequence[str] | None = None) -> Cif:
    """The plain file of a crystal: its symmetry as operations unless given."""
    mould = MOULDS[name]
    hall = hall or mould.hall
    if hall == mould.hall:
        cell, sites = mould.cell, mould.sites
    else:
        cell, sites = _in_setting(name, hall)  # type: ignore[assignment]
    seen: dict[str, int] = {}
    rows = []
    for symbol, *at in sites:
        seen[symbol] = seen.get(symbol, 0) + 1
        rows.append([f"{symbol}{seen[symbol]}", symbol, *(f"{x:.6f}" for x in at), "1.0"])
    return Cif(
        name,
        [f"{value:.5f}" for value in cell],
        listed(operations(hall)) if symmetry is None else list(symmetry),
        [*COLUMNS],
        rows,
    )


# -------------------------------------------------------------------------------- oddities


@dataclass(frozen=True)
class Oddity:
    """A file and what must come of it."""

    way: str
    """How it is written."""
    filename: str
    data: bytes
    verdicts: tuple[str, ...]
    """In order: the name of a mould, read right; or the code of an error."""
    said: str = ""
    """What a note of the first crystal, or the first error, says."""
    whole: bool = True
    """Whether no atoms are missing."""
    atol: float = 2e-3


def _odd(
    way: str, text: str | Cif | bytes, *verdicts: str, filename: str = "it.cif", **more: Any
) -> Oddity:
    data = text if isinstance(text, bytes) else str(text).encode()
    return Oddity(way, filename, data, verdicts, **more)


def oddities() -> Iterator[Oddity]:
    """All of them."""
    for name in MOULDS:
        yield from _settings(name)
        yield from _spellings(name)
        yield from _broken_cif(name)
        yield from _poscars(name)
        yield from _extended(name)
        yield from _others(name)
        yield from _packed(name)


def _settings(name: str) -> Iterator[Oddity]:
    """Every setting of the group, by operations, Hall symbol and Hermann-Mauguin symbol."""
    for hall in halls(MOULDS[name].number):
        kind = spglib.get_spacegroup_type(hall)
        axes = f":{kind.choice}" if kind.choice in ("1", "2", "H", "R") else ""
        full = kind.international_full
        for way, symmetry in {
            "operations": None,
            "operations, numbers in front": listed(operations(hall, "before")),
            "operations in decimals": listed(operations(hall, "decimal")),
            "Hall symbol": [f"_space_group_name_Hall '{kind.hall_symbol}'"],
            "full symbol": [f"_space_group_name_H-M_full '{full}{axes}'"],
            "full symbol and number": [
                f"_symmetry_space_group_name_H-M '{full} {axes}'",
                f"_symmetry_Int_Tables_number {kind.number}",
            ],
        }.items():
            yield _odd(f"setting {hall} by {way}", cif(name, hall, symmetry), name)
    # with neither origin nor axes, the cell decides between axes; the origin must be found or asked
    kind = spglib.get_spacegroup_type(MOULDS[name].hall)
    short = kind.international_short.replace("_", "")
    plain = cif(name, symmetry=[f"_symmetry_space_group_name_H-M '{short}'"])
    open_origin = kind.choice == "2"
    if open_origin:
        yield _odd("symbol without origin", plain, "E211", said="setting")
        units = MOULDS[name].structure.composition.get_reduced_composition_and_factor()
        said = [f"_chemical_formula_sum '{units[0].formula}'", f"_cell_formula_units_Z {units[1]}"]
        told = replace(plain, after=said)
        other = _in_setting_possible(name)
        yield _odd("symbol without origin, with Z", told, *([name] if other else ["E211"]))
    else:
        for way, symbol in {
            "symbol without blanks": short.replace(" ", ""),
            "symbol in capitals": short.replace(" ", "").upper(),
            "symbol in small letters": short.lower(),
            "symbol with underscores": kind.international_short,
            "symbol with a backslash": kind.international_short.replace("-", "\\-"),
        }.items():
            text = cif(name, symmetry=[f"_space_group_name_H-M_alt '{symbol}'"])
            yield _odd(way, text, name)


def _in_setting_possible(name: str) -> bool:
    """Whether Z tells the two origins apart: the other gives another number of atoms."""
    mould = MOULDS[name]
    (other,) = {*halls(mould.number)} - {mould.hall}
    group = spglib.get_symmetry_from_database(other)
    number = 0
    for _, *at in mould.sites:
        images = np.mod(np.round(group["rotations"] @ np.array(at) + group["translations"], 4), 1)
        number += len(np.unique(np.round(images, 3), axis=0))
    return number != len(mould.structure)


def _spellings(name: str) -> Iterator[Oddity]:
    """One file, in legal ways."""
    plain = cif(name)
    text = str(plain)
    operation = listed(operations(MOULDS[name].hall))
    author = "_publ_author_name 'Müller, Jürgen'\n"
    long = "_refine_special_details\n;\ndata_inside\nloop_\n_atom_site_label\nX\n# no comment\n;\n"

    texts: dict[str, str | bytes] = {
        "as it is": text,
        "DOS line ends": text.replace("\n", "\r\n"),
        "old Macintosh line ends": text.replace("\n", "\r"),
        "byte order mark": "\ufeff" + text,
        "UTF-16 little": b"\xff\xfe" + text.encode("utf-16-le"),
        "UTF-16 without a mark": text.encode("utf-16-le"),
        "UTF-16 big": b"\xfe\xff" + text.encode("utf-16-be"),
        "Latin-1": (text + author).encode("latin-1"),
        "UTF-8": text + author,
        "no last line end": text.rstrip("\n"),
        "DOS end of file": text + "\x1a",
        "blank lines": text.replace("\n", "\n\n"),
        "tabs": text.replace(" ", "\t"),
        "indented": text.replace("\n", "\n    "),
        "comments": text.replace("\n", " # it's so\n"),
        "CIF 1.1": "#\\#CIF_1.1\n" + text,
        "CIF 2.0": "#\\#CIF_2.0\n" + text,
        "capital keywords": text.replace("data_", "DATA_").replace("loop_", "LOOP_"),
        "mixed keywords": text.replace("data_", "Data_").replace("loop_", "Loop_"),
        "capital tags": text.replace("_cell_", "_CELL_").replace("_atom_site_", "_ATOM_SITE_"),
        "dotted tags": text.replace("_cell_", "_cell.")
        .replace("_atom_site_", "_atom_site.")
        .replace("_symop_operation", "_symop.operation"),
        "a value a line": text.replace(" ", "\n"),
        "a text field": text + long,
        "a text field first": text.replace("_cell_length_a", long + "_cell_length_a"),
        "a block of words before": "data_global\n_journal_name 'x'\n" + text,
        "a block of words behind": text + "data_global\n_journal_name 'x'\n",
        "a list of reflections behind": text
        + "data_f\n_cell_length_a 9\nloop_\n_refln_index_h\n1\n",
        "unknown tags": text + "_my_own.thing 5\nloop_\n_my_loop\n1 2 3\n",
        "a long line": text + f"_publ_section_comment '{'x' * 5000}'\n",
        "a block without a name": text.replace(f"data_{name.replace(' ', '_')}", "data_"),
        "double quotes": text.replace("'", '"'),
        "blanks of print": text.replace(" ", "\u00a0"),
        "blanks in operations": text.replace(",", " , "),
        "operations in capitals": text.replace("x,", "X,").replace("y,", "Y,"),
        "the old tag of operations": text.replace(
            "_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz"
        ),
        "operations twice": text.replace("'x,y,z'", "'x,y,z'\n'x,y,z'"),
        "operations in text fields": text.replace("'x,y,z'", "\n;x,y,z\n;"),
    }
    if "'" in text and " " not in "".join(operations(MOULDS[name].hall)):
        texts["operations without quotes"] = text.replace("'", "")
    for way, written in texts.items():
        yield _odd(way, written, name)

    numbered = [f"{k} {one}" for k, one in enumerate(operation[2:], start=1)]
    rows = [*range(len(COLUMNS))]
    order = [4, 3, 2, 5, 0, 1]
    assert sorted(order) == rows
    shuffled = replace(
        plain,
        columns=[COLUMNS[k] for k in order],
        rows=[[row[k] for k in order] for row in plain.rows],
    )
    no_types = replace(
        plain, columns=[c for c in COLUMNS if c != "type_symbol"],
        rows=[[row[0], *row[2:]] for row in plain.rows],
    )  # fmt: skip
    no_labels = replace(plain, columns=[*COLUMNS[1:]], rows=[row[1:] for row in plain.rows])
    parts = str(plain).split("loop_")
    assert len(parts) == 3
    for way, one in {
        "numbered operations": replace(
            plain,
            symmetry=[
                "loop_", "_symmetry_equiv_pos_site_id", "_symmetry_equiv_pos_as_xyz", *numbered
            ],
        ),
        "standard uncertainties": plain.coordinates(lambda v: f"{v}(12)"),
        "cell with standard uncertainties": replace(
            plain, cell=[f"{v}(3)" for v in plain.cell]
        ),
        "columns of uncertainties": plain.with_column("fract_x_su", ["0.001"] * len(plain.rows)),
        "dots for uncertainties": plain.with_column("fract_x_su", ["."] * len(plain.rows)),
        "numbers with exponents": plain.coordinates(lambda v: f"{float(v) * 10:.6f}E-01"),
        "numbers with a plus": plain.coordinates(lambda v: f"+{v}"),
        "numbers that begin with the point": plain.coordinates(lambda v: v.removeprefix("0")),
        "sites in another cell": plain.coordinates(lambda v: f"{float(v) - 3:.6f}"),
        "minus signs of print": plain.coordinates(lambda v: f"{float(v) - 1:.6f}".replace("-", "\u2212")),
        "quoted numbers": plain.coordinates(lambda v: f"'{v}'"),
        "columns in another order": shuffled,
        "sites backwards": replace(plain, rows=plain.rows[::-1]),
        "without types": no_types,
        "without labels": no_labels,
        "types with charges": plain.changed("type_symbol", lambda v: f"{v}2+"),
        "types with signs first": plain.changed("type_symbol", lambda v: f"{v}+2"),
        "types in capitals": plain.changed("type_symbol", str.upper),
        "labels in brackets": plain.changed("label", lambda v: f"{v[:-1]}({v[-1]})"),
        "occupancy not given": plain.changed("occupancy", lambda v: "."),
        "occupancy with uncertainty": plain.changed("occupancy", lambda v: "1.000(5)"),
        "displacement columns": plain.with_column("U_iso_or_equiv", ["0.01(1)"] * len(plain.rows)),
        "sites listed twice": replace(plain, rows=[*plain.rows, plain.rows[0]]),
        "assembly that is none": plain.with_column("disorder_group", ["."] * len(plain.rows)),
    }.items():  # fmt: skip
        yield _odd(way, one, name)
    yield _odd("sites before the rest", "data_x\nloop_" + parts[2] + "loop_" + parts[1]
               + parts[0].split("\n", 1)[1], name)  # fmt: skip
    yield _odd("two blocks", text + text.replace("data_", "data_2"), name, name)
    truth = MOULDS[name].structure
    listed_all = [
        [f"{s.specie}{k}", str(s.specie), *(f"{x:.6f}" for x in s.frac_coords), "1"]
        for k, s in enumerate(truth)
    ]
    whole = replace(plain, rows=listed_all)
    yield _odd("all sites and P 1", replace(whole, symmetry=listed(["x,y,z"])), name)
    yield _odd("all sites and the operations", whole, name)
    yield _odd(
        "all sites and nothing of symmetry",
        replace(whole, symmetry=[]),
        name,
        said="nothing of symmetry",
    )
    formula = truth.composition.reduced_composition.formula
    yield _odd(
        "all that agrees",
        replace(
            plain,
            after=[
                f"_chemical_formula_sum '{formula}'",
                f"_cell_volume {truth.volume:.2f}(3)",
                f"_exptl_crystal_density_diffrn {truth.density:.3f}",
                f"_cell_formula_units_Z {len(truth) / truth.composition.reduced_composition.num_atoms:g}",
            ],
        ),
        name,
    )  # fmt: skip
    yield _odd(
        "another volume by a little", replace(plain, after=[f"_cell_volume {truth.volume * 1.1}"]),
        name, said="volume",
    )  # fmt: skip
    number = [f"_space_group_IT_number {MOULDS[name].number}"]
    if spglib.get_spacegroup_type(MOULDS[name].hall).choice != "2":
        yield _odd(
            "the number alone", cif(name, symmetry=number), name, said="only the number"
        )  # fmt: skip
    if "H" in formula.split()[0] or "H" in {s for s, *_ in MOULDS[name].sites}:
        heavy = plain.changed("type_symbol", lambda v: "D" if v == "H" else v)
        yield _odd("deuterium", heavy.changed("label", lambda v: v.replace("H", "D")), name)


def _broken_cif(name: str) -> Iterator[Oddity]:
    """What cannot be used, and why."""
    plain = cif(name)
    text = str(plain)
    truth = MOULDS[name].structure
    last = plain.rows[-1][0]
    first_x = plain.rows[0][2]

    def last_row(**values: str) -> Cif:
        row = [*plain.rows[-1]]
        for key, value in values.items():
            row[plain.column(key)] = value
        return replace(plain, rows=[*plain.rows[:-1], row])

    tail = text.index("loop_\n_atom_site_")
    broken: dict[str, tuple[str | Cif | bytes, str, str]] = {
        "no cell": (text.replace("_cell_length_b", "_cell_b"), "E203", "_cell_length_b"),
        "a cell of words": (replace(plain, cell=["long", *plain.cell[1:]]), "E203", "long"),
        "an unknown edge": (replace(plain, cell=["?", *plain.cell[1:]]), "E203", "_cell_length_a"),
        "an edge of nothing": (replace(plain, cell=["0", *plain.cell[1:]]), "E206", "cell"),
        "an angle of 180": (replace(plain, cell=[*plain.cell[:5], "180"]), "E206", "cell"),
        "a decimal comma in the cell": (
            replace(plain, cell=[plain.cell[0].replace(".", ","), *plain.cell[1:]]), "E203", "_cell_length_a"),
        "an unknown coordinate": (last_row(fract_y="?"), "E203", last),
        "a dot for a coordinate": (last_row(fract_y="."), "E203", last),
        "a word for a coordinate": (last_row(fract_z="x"), "E203", last),
        "a decimal comma": (last_row(fract_x="0,5"), "E203", last),
        "a fraction for a coordinate": (last_row(fract_x="1/3"), "E203", last),
        "a coordinate that is infinite": (last_row(fract_x="inf"), "E203", last),
        "sites in two loops": (
            replace(plain, after=["loop_", "_atom_site_charge", *["0"] * len(plain.rows)]), "E203", "loops"),
        "an occupancy above one": (last_row(occupancy="4"), "E203", last),
        "an occupancy below nothing": (last_row(occupancy="-1"), "E203", last),
        "an unknown occupancy": (last_row(occupancy="?"), "E203", last),
        "a half site": (last_row(occupancy="0.5"), "E204", last),
        "an element that is none": (last_row(type_symbol="Qq", label="Qq1"), "E204", "Qq1"),
        "a word for an element": (last_row(type_symbol="Water", label="Wat"), "E204", "Wat"),
        "Cartesian sites": (text.replace("fract_", "Cartn_"), "E203", "Cartesian"),
        "no sites": (text[:tail], "E203", "no atoms"),
        "a row that lacks a value": (text.rstrip("\n")[:-4] + "\n", "E203", "line"),
        "a row that has one more": (text + "0.5\n", "E203", "line"),
        "a quote that is not closed": (text.replace("'x,y,z'", "'x,y,z"), "E203", "line"),
        "a text field that is not closed": (text + "_a_b\n;\nwords\n", "E203", "line"),
        "lists of CIF 2.0": ("#\\#CIF_2.0\n" + text + "_x [1 2 3]\n", "E203", "CIF 2.0"),
        "alternatives": (
            plain.with_column("disorder_group", ["2", *["1"] * (len(plain.rows) - 1)])
            if len(plain.rows) > 1 else plain.with_column("disorder_group", ["-1"]), "E204", ""),
        "an edge without a value": (
            text.replace(f"_cell_length_b {plain.cell[1]}", "_cell_length_b"), "E203", ""),
        "no data block": (text.split("\n", 1)[1], "E203", "line 1"),
        "words": ("This is the crystal that you wanted.\n", "E203", "line 1"),
        "nothing": ("", "E203", "no data block"),
        "an empty block": ("data_x\n", "E207", "no structure"),
        "a page of the web": ("<!DOCTYPE html>\n<html><body>404</body></html>\n", "E203", "line 1"),
        "bytes": (bytes(range(256)) * 8, "E203", "line 1"),
        "zeros": (b"\0" * 4000, "E203", ""),
        "a tag twice, with other values": (
            text.replace("_cell_length_a", "_cell_length_a 77\n_cell_length_a", 1), "E203", "twice"),
        "an operation that is none": (text.replace("'x,y,z'", "'x,y'"), "E211", "x,y"),
        "an operation of words": (text.replace("'x,y,z'", "'one,two,three'"), "E211", "one"),
        "operations without a value": (
            replace(plain, symmetry=["_space_group_symop_operation_xyz ?"]), "E211", "symmetry"),
        "a symbol that is none": (
            replace(plain, symmetry=["_space_group_name_H-M_alt 'Q q -7 m'"]), "E211", "Q q -7 m"),
        "a Hall symbol that is none": (
            replace(plain, symmetry=["_space_group_name_Hall 'Z 9'"]), "E211", "Z 9"),
        "a number that is none": (
            replace(plain, symmetry=["_space_group_IT_number 0"]), "E211", "0"),
        "a modulated structure": (
            text + "loop_\n_space_group_symop_ssg_operation_algebraic\nx1,x2,x3,x4\n", "E211", "modulated"),
        "another formula": (replace(plain, after=["_chemical_formula_sum 'Pu'"]), "E212", "Pu"),
        "twice the volume": (
            replace(plain, after=[f"_cell_volume {2 * truth.volume}"]), "E212", "volume"),
        "half the density": (
            replace(plain, after=[f"_exptl_crystal_density_diffrn {float(truth.density) / 2}"]), "E212", "density"),
        "100 000 sites": (text + " ".join(plain.rows[-1] * 100_000) + "\n", "E208", "atoms"),
        "a nest of quotes": (text + "_a " + "'\"" * 20_000 + "\n", "E203", "line"),
        "a save frame that is not closed": (text + "save_x\n_a 1\n", "E203", "line"),
    }  # fmt: skip
    assert first_x
    for way, (written, code, said) in broken.items():
        yield _odd(way, written, code, said=said)
    if len(plain.rows) > 1 and len({s for s, *_ in MOULDS[name].sites}) > 1:
        gone = replace(plain, rows=plain.rows[:-1])
        formula = truth.composition.reduced_composition.formula
        rest = {row[1] for row in gone.rows}
        if plain.rows[-1][1] not in rest:
            yield Oddity(
                "an element of the formula has no sites", "it.cif",
                str(replace(gone, after=[f"_chemical_formula_sum '{formula}'"])).encode(),
                ("lacking",), said="no positions", whole=False,
            )  # fmt: skip
        on_top = [*plain.rows[0]]
        on_top[0], on_top[1] = "Zz1", "Xe"
        yield _odd("two elements in one place", replace(plain, rows=[*plain.rows, on_top]), "E204")
    bad = replace(plain, cell=["0", *plain.cell[1:]])
    three = text + str(bad).replace("data_", "data_bad_") + text.replace("data_", "data_3_")
    yield _odd("a bad block between good ones", three, name, "E206", name)
    yield _odd(
        "a group that the cell has not",
        replace(plain, cell=["5.1", "6.2", "7.3", "82", "97", "104"]),
        "E211" if MOULDS[name].number != 2 else name,
    )  # fmt: skip


# --------------------------------------------------------------------------------- VASP


def _poscars(name: str) -> Iterator[Oddity]:
    truth = MOULDS[name].structure.get_sorted_structure()
    symbols = [str(s.specie) for s in truth]
    kinds = sorted({*symbols}, key=symbols.index)
    counts = " ".join(str(symbols.count(kind)) for kind in kinds)
    matrix = truth.lattice.matrix
    fractional = truth.frac_coords
    cartesian = truth.cart_coords

    def rows(points: Any, behind: Sequence[str] = ()) -> str:
        words = [" ".join(f"{x:.9f}" for x in point) for point in points]
        if behind:
            words = [f"{w} {b}" for w, b in zip(words, behind, strict=True)]
        return "\n".join(words)

    def poscar(
        *, comment: str = "by hand", scale: str = "1.0", cell: Any = matrix,
        elements: str = " ".join(kinds), numbers: str = counts, mode: str = "Direct",
        sites: str = rows(fractional), rest: str = "",
    ) -> str:  # fmt: skip
        middle = [elements, numbers] if elements else [numbers]
        return "\n".join([comment, scale, rows(cell), *middle, mode, sites, rest])

    flags = ["T T F"] * len(truth)
    good = {
        "as it is": poscar(),
        "a scale": poscar(scale="2.5", cell=matrix / 2.5),
        "a scale and Cartesian": poscar(
            scale="2.5", cell=matrix / 2.5, mode="Cartesian", sites=rows(cartesian / 2.5)
        ),
        "a volume": poscar(scale=f"-{truth.volume:.6f}", cell=matrix * 0.7),
        "a volume and Cartesian": poscar(
            scale=f"-{truth.volume:.6f}", cell=matrix * 0.7, mode="cart", sites=rows(cartesian * 0.7)
        ),
        "three scales": poscar(scale="2.0 4.0 0.5", cell=matrix / [2, 4, 0.5]),
        "three scales and Cartesian": poscar(
            scale="2.0 4.0 0.5", cell=matrix / [2, 4, 0.5], mode="k", sites=rows(cartesian / [2, 4, 0.5])
        ),
        "selective dynamics": poscar(
            mode="Selective dynamics\nDirect", sites=rows(fractional, flags)
        ),
        "selective in small letters": poscar(mode="s\nd", sites=rows(fractional, flags)),
        "labels behind": poscar(sites=rows(fractional, symbols)),
        "VASP 4 with labels behind": poscar(elements="", sites=rows(fractional, symbols)),
        "VASP 4 with a comment": poscar(elements="", comment=" ".join(kinds)),
        "potentials": poscar(elements=" ".join(f"{k}_pv/0a1b2c" for k in kinds)),
        "velocities": poscar(rest="\n" + rows(fractional * 0)),
        "velocities cut short": poscar(rest="\n0.1 0."),
        "Cartesian": poscar(mode="Cartesian", sites=rows(cartesian)),
        "Fortran numbers": poscar(scale="1.0D0"),
        "a comment behind the scale": poscar(scale="1.0   ! scale"),
        "DOS line ends": poscar().replace("\n", "\r\n"),
        "tabs": poscar().replace(" ", "\t"),
        "a left-handed cell": poscar(cell=-matrix),
        "sites in other cells": poscar(sites=rows(fractional + np.array([2, -3, 1]))),
        "a comment of words": poscar(comment="# It's a \"comment\", é"),
        "an empty comment": poscar(comment=""),
        "many blanks": poscar().replace(" ", "     "),
        "elements in groups again": _regrouped(poscar, truth, rows),
    }  # fmt: skip
    for way, text in good.items():
        yield _odd(f"POSCAR: {way}", text, name, filename="POSCAR")
    bad = {
        "no elements": (poscar(elements=""), "E203", "which elements"),
        "an element that is none": (poscar(elements=" ".join(["Qq", *kinds[1:]])), "E204", "Qq"),
        "fewer sites": (poscar(sites=rows(fractional[:-1])), "E203", "positions of"),
        "more elements than numbers": (poscar(elements=" ".join([*kinds, "Xe"])), "E203", "elements and"),
        "10^8 atoms": (poscar(numbers=" ".join(["100000000"] * len(kinds))), "E208", "atoms"),
        "more sites than it says": (
            poscar(sites=rows([*fractional, [0.1, 0.2, 0.3]])), "E203", "one more position"),
        "underscores in numbers": (poscar(scale="1_0"), "E203", "line 2"),
        "decimal commas": (poscar(sites=rows(fractional).replace(".", ",")), "E203", "comma"),
        "no mode": (poscar(mode=""), "E203", "neither Direct"),
        "a scale of nothing": (poscar(scale="0.0"), "E203", "line 2"),
        "a scale of words": (poscar(scale="one"), "E203", "line 2"),
        "a flat cell": (poscar(cell=matrix * [[1], [1], [0]]), "E206", ""),
        "a cell of two": ("\n".join(poscar().split("\n")[:4]), "E203", "lines"),
        "a vector of two": (poscar().replace(rows(matrix[:1]), "1.0 2.0"), "E203", "line 3"),
        "a word for a number": (poscar().replace(rows(matrix[:1]), "a 0 0"), "E203", "line 3"),
        "not a number": (poscar(sites=rows(fractional[:-1]) + "\nnan 0 0"), "E203", "nan"),
        "nothing": ("", "E203", "lines"),
    }  # fmt: skip
    for way, (text, code, said) in bad.items():
        yield _odd(f"POSCAR: {way}", text, code, filename="POSCAR", said=said)


def _regrouped(poscar: Callable[..., str], truth: Structure, rows: Callable[..., str]) -> str:
    """Each site in a group of its own: ``Na Cl Na Cl / 1 1 1 1``."""
    order = sorted(range(len(truth)), key=lambda k: (k * 7919) % len(truth))
    return poscar(
        elements=" ".join(str(truth[k].specie) for k in order),
        numbers=" ".join(["1"] * len(truth)),
        sites=rows(truth.frac_coords[order]),
    )


# ------------------------------------------------------------------------------- extxyz


def _extended(name: str) -> Iterator[Oddity]:
    truth = MOULDS[name].structure
    matrix = " ".join(f"{x:.9f}" for x in truth.lattice.matrix.ravel())
    lattice = f'Lattice="{matrix}"'
    usual = "Properties=species:S:1:pos:R:3"

    def atom(site: Any, form: str) -> str:
        x = " ".join(f"{v:.9f}" for v in site.coords)
        return form.format(s=site.specie, x=x, z=site.specie.Z, S=str(site.specie).upper())

    def frame(header: str, form: str = "{s} {x}", number: int | None = None) -> str:
        rows = [atom(site, form) for site in truth]
        return "\n".join([str(len(truth) if number is None else number), header, *rows]) + "\n"

    nested = json.dumps(truth.lattice.matrix.tolist())
    good = {
        "ASE": frame(f'{lattice} {usual} pbc="T T T"'),
        "cell alone": frame(lattice),
        "Properties first": frame(f"{usual} {lattice}"),
        "small letters (GPUMD)": frame(
            f'pbc="T T T" lattice="{matrix}" properties=species:S:1:pos:R:3:vel:R:3', "{s} {x} 0 0 0"
        ),
        "forces and Z (QUIP)": frame(
            f"{lattice} {usual}:Z:I:1:force:R:3 cutoff=-1.0 virial={{1 0 0 0 1 0 0 0 1}}",
            "{s} {x} {z} 0.1 0.2 0.3",
        ),
        "forces (MACE)": frame(
            f"{lattice} {usual}:REF_forces:R:3 REF_energy=-7.25 config_type=Default",
            "{s} {x} 0.1 0.2 0.3",
        ),
        "numbers for symbols": frame(f"{lattice} Properties=Z:I:1:pos:R:3", "{z} {x}"),
        "positions first": frame(f"{lattice} Properties=pos:R:3:species:S:1", "{x} {s}"),
        "symbols in capitals": frame(f"{lattice} {usual}", "{S} {x}"),
        "lists": frame(f"Lattice={nested} {usual} pbc=[true, true, true]"),
        "single quotes": frame(f"Lattice='{matrix}' {usual}"),
        "escaped quotes": frame(f'comment="a \\"b\\" Lattice=1" {lattice} {usual}'),
        "periodic as 1 1 1": frame(f'{lattice} {usual} pbc="1 1 1"'),
        "other keys": frame(f"{lattice} {usual} energy=-1.5 free_energy=-1.6 stress={{0 0 0}} ok"),
        "DOS line ends": frame(f"{lattice} {usual}").replace("\n", "\r\n"),
        "blank lines behind": frame(f"{lattice} {usual}") + "\n\n",
        "blanks before": frame(f"{lattice} {usual}", "   {s}   {x}  "),
        "tags behind": frame(f"{lattice} {usual}:tags:I:1:label:S:1", "{s} {x} 0 a1"),
    }  # fmt: skip
    for way, text in good.items():
        yield _odd(f"extxyz: {way}", text, name, filename="it.extxyz")
    bad = {
        "no cell": (frame(usual), "E206", "no cell"),
        "a surface": (frame(f'{lattice} {usual} pbc="T T F"'), "E206", "periodic"),
        "eight numbers": (frame('Lattice="1 0 0 0 1 0 0 0" ' + usual), "E203", "8 numbers"),
        "a cell of words": (frame('Lattice="a 0 0 0 1 0 0 0 1" ' + usual), "E203", ""),
        "a flat cell": (frame('Lattice="1 0 0 0 1 0 0 0 0" ' + usual), "E206", ""),
        "fewer atoms": (frame(f"{lattice} {usual}", number=len(truth) + 3), "E203", "says"),
        "10^8 atoms": (frame(f"{lattice} {usual}", number=10**8), "E203", "says"),
        "a column less": (frame(f"{lattice} {usual}:force:R:3"), "E203", "columns"),
        "columns of a billion": (frame(f"{lattice} {usual}:f:R:1000000000"), "E203", "Properties"),
        "more columns than it says": (frame(f"{lattice} {usual}", "{s} {x} 1 2 3"), "E203", "columns"),
        "two cells": (frame(f'{lattice} {usual} Lattice="9 0 0 0 9 0 0 0 9"'), "E203", "twice"),
        "decimal commas": (frame(f"{lattice} {usual}").replace(".", ","), "E203", ""),
        "no species": (frame(f"{lattice} Properties=pos:R:3", "{x}"), "E203", "species"),
        "an element that is none": (frame(f"{lattice} {usual}", "Qq {x}"), "E204", "Qq"),
        "an open quote": (frame('Lattice="1 0 0'), "E203", "quote"),
        "words": ("This is no crystal.\n", "E203", "line 1"),
        "nothing": ("", "E207", "no structure"),
    }  # fmt: skip
    for way, (text, code, said) in bad.items():
        yield _odd(f"extxyz: {way}", text, code, filename="it.xyz", said=said)
    one = frame(f"{lattice} {usual}")
    three = one + frame(f"{lattice} {usual}", "Qq {x}") + one
    yield _odd("extxyz: a bad frame between good", three, name, "E204", name, filename="a.extxyz")


# ---------------------------------------------------------------------------- and the rest


def _others(name: str) -> Iterator[Oddity]:
    """SHELX and AIRSS, JSON, XSF."""
    mould = MOULDS[name]
    truth = mould.structure
    symbols = [str(s.specie) for s in truth]
    kinds = sorted({*symbols})
    cell = " ".join(f"{v:.6f}" for v in truth.lattice.parameters)

    def res(head: str = "TITL it\n", latt: str = "-1", rows: Sequence[str] = (), sfac: str = "",
            cell: str = cell) -> str:  # fmt: skip
        rows = rows or [
            f"{s} {kinds.index(s) + 1} " + " ".join(f"{x:.7f}" for x in site.frac_coords) + " 1.0"
            for s, site in zip(symbols, truth, strict=True)
        ]
        sfac = sfac or " ".join(kinds)
        lines = [f"CELL 1.5418 {cell}", f"LATT {latt}", f"SFAC {sfac}", *rows, "END", ""]
        return head + "\n".join(lines)

    one = res()
    for way, text, verdicts in (
        ("as it is", one, (name,)),
        ("no title", res(""), (name,)),
        ("small letters", one.replace("CELL", "cell").replace("LATT", "latt"), (name,)),
        ("remarks", res("REM x\nTITL a\n").replace("SFAC", "REM SFAC Xx\nSFAC"), (name,)),
        ("two", one + one, (name, name)),
        ("a bad one between", one + one.replace("CELL", "CELX") + one, (name, "E203", name)),
        ("no elements", res(sfac="Xx"), ("E203" if len(kinds) > 1 else "E204",)),
        ("no cell", one.replace("CELL 1.5418 ", "REM "), ("E203",)),
        ("a lattice that is none", res(latt="9"), ("E211",)),
        ("alternatives", _parts(one), ("E204",)),
        ("a free variable", one.replace(" 1.0\n", " 21.0\n"), ("E204",)),
        ("half atoms", one.replace(" 1.0\n", " 0.5\n"), ("E204",)),
    ):
        yield _odd(f"res: {way}", text, *verdicts, filename="it.res")

    group = operations(mould.hall)
    if len(group) <= 48:
        plus = [
            f"{s} {kinds.index(s) + 1} {x:.7f} {y:.7f} {z:.7f} 11.0" for s, x, y, z in mould.sites
        ]
        symmetry = "".join(f"SYMM {one}\n" for one in group if one != "x,y,z")
        shelx = res(rows=plus).replace("SFAC", symmetry + "SFAC")
        yield _odd("res: with symmetry", shelx, name, filename="it.res")
        half = shelx.replace(symmetry, "SYMM x,y\n")
        yield _odd("res: an operation that is none", half, "E211", filename="it.res")

    plain = {
        "lattice": {"matrix": truth.lattice.matrix.tolist()},
        "sites": [
            {"species": [{"element": s, "occu": 1.0}], "abc": site.frac_coords.tolist()}
            for s, site in zip(symbols, truth, strict=True)
        ],
    }
    attributes = {
        "lattice_vectors": truth.lattice.matrix.tolist(),
        "cartesian_site_positions": truth.cart_coords.tolist(),
        "species_at_sites": symbols,
        "species": [
            {"name": k, "chemical_symbols": [k], "concentration": [1.0]} for k in kinds
        ],
        "nperiodic_dimensions": 3,
        "structure_features": [],
    }  # fmt: skip
    optimade = {"id": "x/1", "type": "structures", "attributes": attributes}
    ase = {
        "numbers": [site.specie.Z for site in truth],
        "positions": truth.cart_coords.tolist(),
        "cell": truth.lattice.matrix.tolist(),
        "pbc": [True] * 3,
    }
    labelled = {
        **attributes,
        "species_at_sites": [f"{s}_a" for s in symbols],
        "species": [{"name": f"{k}_a", "chemical_symbols": [k], "concentration": [1]} for k in kinds],
    }  # fmt: skip
    half = {
        **plain,
        "sites": [
            {**site, "species": [{**site["species"][0], "occu": 0.5}]} for site in plain["sites"]
        ],
    }  # fmt: skip

    def attr(**changes: Any) -> Any:
        return {**optimade, "attributes": {**attributes, **changes}}

    vacant = [
        {"name": k, "chemical_symbols": [k, "vacancy"], "concentration": [0.9, 0.1]} for k in kinds
    ]
    attached = [{**one, "attached": ["H"], "nattached": [3]} for one in attributes["species"]]
    unknown = [{**one, "chemical_symbols": ["X"]} for one in attributes["species"]]
    reduced = truth.composition.reduced_composition
    formula = "".join(f"{k}{int(reduced[k]) if reduced[k] > 1 else ''}" for k in kinds)
    for way, data, verdicts in (
        ("pymatgen", plain, (name,)),
        ("pymatgen, with other classes", {**plain, "@module": "os", "@class": "system"}, (name,)),
        ("a list", [plain, plain], (name, name)),
        ("an entry", {"entry_id": "x", "energy": -1, "structure": plain}, (name,)),
        ("OPTIMADE", optimade, (name,)),
        ("an answer of OPTIMADE", {"data": [optimade], "meta": {}}, (name,)),
        ("OPTIMADE with labels", attr(**labelled), (name,)),
        ("OPTIMADE without species", attr(species=None), (name,)),
        ("OPTIMADE in three directions", attr(dimension_types=[1, 1, 1]), (name,)),
        ("OPTIMADE with vacancies", attr(species=vacant), ("E204",)),
        ("OPTIMADE with hydrogen beside", attr(structure_features=["site_attachments"]), ("E203",)),
        ("OPTIMADE with attached hydrogen", attr(species=attached), ("E203",)),
        ("OPTIMADE, an unknown element", attr(species=unknown), ("E204",)),
        ("OPTIMADE with its formula", attr(chemical_formula_reduced=formula), (name,)),
        ("OPTIMADE, another formula", attr(chemical_formula_reduced="PuXe"), ("E212",)),
        ("OPTIMADE, another number", attr(nsites=len(symbols) + 1), ("E203",)),
        (
            "OPTIMADE, flat positions",
            attr(cartesian_site_positions=[[0, 0]] * len(symbols)),
            ("E203",),
        ),
        ("OPTIMADE, no attributes", {**optimade, "attributes": None}, ("E203",)),
        (
            "a slab of pymatgen",
            {**plain, "lattice": {**plain["lattice"], "pbc": [True, True, False]}},
            ("E206",),
        ),
        ("OPTIMADE, fewer sites", attr(species_at_sites=symbols[:-1]), ("E203",)),
        ("OPTIMADE, unknown sites", attr(species_at_sites=["?"] * len(symbols)), ("E203",)),
        ("OPTIMADE, a slab", attr(nperiodic_dimensions=2), ("E206",)),
        ("OPTIMADE, no positions", attr(cartesian_site_positions=None), ("E203",)),
        ("ASE", ase, (name,)),
        ("ASE without a cell", {**ase, "pbc": [False] * 3}, ("E206",)),
        ("half sites", half, ("E204",)),
        ("a bad one between", [plain, {"sites": 3, "lattice": {}}, plain], (name, "E203", name)),
        ("an object of another kind", {"hello": 1}, ("E203",)),
        ("numbers that are too large", attr(lattice_vectors=[[1e308] * 3] * 3), ("E206",)),
    ):
        yield _odd(f"json: {way}", json.dumps(data), *verdicts, filename="it.json")
    yield _odd("json: cut short", json.dumps(plain)[:-9], "E203", filename="it.json")
    yield _odd("json: a nest", "[" * 100_000, "E203", filename="it.json")

    vectors = "\n".join(" ".join(f"{x:.9f}" for x in row) for row in truth.lattice.matrix)
    atoms = "\n".join(
        f"{site.specie.Z} " + " ".join(f"{x:.9f}" for x in site.coords) for site in truth
    )
    xsf = f"CRYSTAL\nPRIMVEC\n{vectors}\nPRIMCOORD\n{len(truth)} 1\n{atoms}\n"
    for way, text, *verdicts in (
        ("as it is", xsf, name),
        ("a comment", "# made by hand\n" + xsf, name),
        ("symbols", _by_symbol(xsf, symbols), name),
        (
            "forces",
            xsf.replace(f"{atoms}\n", atoms.replace("\n", " 0.1 0 0\n") + " 0.1 0 0\n"),
            name,
        ),
        ("two steps", _steps(truth, vectors, atoms), name, name),
        ("a slab", xsf.replace("CRYSTAL", "SLAB"), "E206"),
        ("cut short", xsf.rsplit("\n", 2)[0] + "\n", "E203"),
        ("one atom more", xsf + "8 0.1 0.1 0.1\n", "E203"),
        ("cut in its cell", "CRYSTAL\nPRIMVEC\n1 0 0\n", "E203"),
        ("no sites", xsf.split("PRIMCOORD", 1)[0], "E203"),
        ("no cell", "CRYSTAL\nPRIMCOORD" + xsf.split("PRIMCOORD")[1], "E206"),
        ("a grid behind", xsf + "BEGIN_BLOCK_DATAGRID_3D\n rho\nEND_BLOCK_DATAGRID_3D\n", name),
        ("words", "This is a crystal.\n", "E203"),
        ("a molecule", f"ATOMS\n{atoms}\n", "E206"),
        ("10^8 atoms", xsf.replace(f"{len(truth)} 1\n", "100000000 1\n"), "E208"),
    ):
        yield _odd(f"xsf: {way}", text, *verdicts, filename="it.xsf")


def _parts(res: str) -> str:
    """The last atom as another alternative than the others, or of one around an inversion."""
    lines = res.rstrip("\n").split("\n")
    end = lines.index("END")
    first = next(k for k, line in enumerate(lines) if line.startswith("SFAC")) + 1
    parts = (["PART 1"], ["PART 2"]) if end - first > 1 else ([], ["PART -1"])
    return "\n".join(
        [*lines[:first], *parts[0], *lines[first : end - 1], *parts[1], *lines[end - 1 :], ""]
    )


def _by_symbol(xsf: str, symbols: Sequence[str]) -> str:
    lines = xsf.rstrip("\n").split("\n")
    head, rows = lines[: -len(symbols)], lines[-len(symbols) :]
    return "\n".join(
        [*head, *(f"{s} {r.split(' ', 1)[1]}" for s, r in zip(symbols, rows, strict=True)), ""]
    )


def _steps(truth: Structure, vectors: str, atoms: str) -> str:
    """Two steps of an animation with one cell."""
    one = f"{len(truth)} 1\n{atoms}\n"
    return f"ANIMSTEPS 2\nCRYSTAL\nPRIMVEC\n{vectors}\nPRIMCOORD 1\n{one}PRIMCOORD 2\n{one}"


def _packed(name: str) -> Iterator[Oddity]:
    text = str(cif(name)).encode()
    packed = gzip.compress(text, mtime=0)
    yield _odd("gz", packed, name, filename="it.cif.gz")
    yield _odd("gz in two parts", gzip.compress(text[:99]) + gzip.compress(text[99:]), name,
               filename="it.cif.gz")  # fmt: skip
    yield _odd("gz cut short", packed[:-20], "E203", filename="it.cif.gz")
    yield _odd("gz that is none", text, "E203", filename="it.cif.gz")
    yield _odd("magnetic", text, name, filename="it.mcif")
    yield _odd("a suffix in capitals", text, name, filename="IT.CIF")
    yield _odd("another suffix", text, "E205", filename="it.pdb")

    def zipped(*members: tuple[str, bytes]) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members:
                archive.writestr(member, data)
        return out.getvalue()

    def tarred(mode: str, *members: tuple[str, bytes]) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
            for member, data in members:
                info = tarfile.TarInfo(member)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return out.getvalue()

    good, bad = ("a/it.cif", text), ("../b.cif", b"data_x\n_cell_length_a 1\n")
    words = ("readme.md", b"words")
    yield _odd("zip", zipped(good, words), name, filename="it.zip")
    yield _odd(
        "zip, one bad", zipped(good, bad, ("c.cif", text)), name, "E203", name, filename="it.zip"
    )
    yield _odd("zip with gz", zipped(("a.cif.gz", packed)), name, filename="it.zip")
    yield _odd("zip of words", zipped(words), "E207", filename="it.zip")
    yield _odd("zip cut short", zipped(good)[:-30], "E203", filename="it.zip")
    yield _odd("zip of nothing", zipped(), "E207", filename="it.zip")
    yield _odd("tar", tarred("w", good, words), name, filename="it.tar")
    yield _odd("tar.gz", tarred("w:gz", good, bad), name, "E203", filename="it.tar.gz")
    yield _odd("tar of words", tarred("w", words), "E207", filename="it.tar")
    yield _odd("tar that is none", text, "E203", filename="it.tar")

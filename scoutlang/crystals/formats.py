"""Crystals from every kind of text but CIF: POSCAR, extxyz, SHELX and AIRSS, JSON, XSF.

Each reader is given the text, a name for messages and a bound on atoms, and yields crystals and, in
the place of one that cannot be used, its error. What cannot be read at all raises ValueError or
anything else that a library raises. Numbers of atoms are compared with the bound, and with the
lines that are there, before anything is made of them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from scoutlang.crystals import cif
from scoutlang.crystals.found import (
    Crystal,
    cell_of,
    element,
    known,
    number_of,
    symbol_of,
    too_many,
)
from scoutlang.crystals.optimade import to_structure
from scoutlang.support.errors import ScoutError, squeezed

if TYPE_CHECKING:
    from pymatgen.core import Structure

# ------------------------------------------------------------------------------- VASP


def poscar(text: str, name: str, max_atoms: int) -> Iterator[Crystal | ScoutError]:
    """POSCAR and CONTCAR of VASP 4, 5 and 6. What follows the positions (velocities, lattice
    velocities, predictor) is not read, whether it is whole or not.
    """
    from pymatgen.core import Structure

    lines = text.splitlines()
    if len(lines) < 8:
        raise ValueError(f"it has {len(lines)} lines, and the shortest has 8")
    matrix = np.array([_three(lines[k], k) for k in (2, 3, 4)])
    scale = _scale(lines[1], matrix, name)
    at = 5
    symbols = None if _counts(lines[at]) else lines[at].split()
    at += symbols is not None
    counts = _counts(lines[at])
    if not counts:
        raise ValueError(f"line {at + 1} does not say how many atoms of each element there are")
    if symbols is not None and len(symbols) != len(counts):
        raise ValueError(f"it has {len(symbols)} elements and {len(counts)} numbers of atoms")
    total = sum(counts)
    if total > max_atoms:
        raise too_many(name, total, max_atoms)
    at += 1
    if lines[at : at + 1] and lines[at].strip()[:1].lower() == "s":
        at += 1
    mode = lines[at].strip()[:1].lower() if at < len(lines) else ""
    if mode not in ("d", "c", "k"):
        raise ValueError(f"line {at + 1} is neither Direct nor Cartesian")
    rows = [line.split() for line in lines[at + 1 : at + 1 + total]]
    rows = rows[: next((k for k, row in enumerate(rows) if len(row) < 3), len(rows))]
    if len(rows) < total:
        raise ValueError(f"it has positions of {len(rows)} of its {total} atoms")
    _check_end(lines, at + 1 + total)
    positions = np.array(
        [_three(line, at + 1 + k) for k, line in enumerate(lines[at + 1 : at + 1 + total])]
    )
    elements, notes = _elements(symbols, counts, lines[0].split(), rows, name)
    cartesian = mode != "d"
    yield Crystal(
        Structure(
            cell_of(matrix * scale, name),
            elements,
            positions * scale if cartesian else positions,
            coords_are_cartesian=cartesian,
        ),
        notes,
    )


def _three(line: str, place: int) -> list[float]:
    words = line.split()
    if len(words) < 3:
        raise ValueError(f"line {place + 1} has {len(words)} numbers instead of 3")
    try:
        return [number_of(word) for word in words[:3]]
    except ValueError as error:
        raise ValueError(f"line {place + 1}: {error}") from None


def _check_end(lines: Sequence[str], end: int) -> None:
    """Raises ValueError where more positions follow than there are atoms: velocities stand behind a
    blank line or a word.
    """
    words = lines[end].split()[:3] if end < len(lines) else []
    try:
        more = len([number_of(word) for word in words]) == 3
    except ValueError:
        return
    if more:
        raise ValueError(
            f"line {end + 1} is one more position than its numbers of atoms say (a blank line comes"
            " before velocities)"
        )


def _scale(line: str, matrix: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
    """Of x, y and z: one factor, a volume in Å^3 with a minus sign, or three factors."""
    numbers = []
    for word in line.split()[:3]:
        try:
            numbers.append(number_of(word))
        except ValueError:
            break
    if len(numbers) == 3 and min(numbers) > 0:
        return np.array(numbers)
    if not numbers or len(numbers) == 3 or numbers[0] == 0:
        raise ValueError(f"line 2 is no scale: {line.strip()[:40]}")
    volume = abs(float(np.linalg.det(matrix)))
    if numbers[0] > 0:
        return np.full(3, numbers[0])
    if not volume:
        raise ScoutError("E206", f"{name} has a cell without volume")
    return np.full(3, (-numbers[0] / volume) ** (1 / 3))


def _counts(line: str) -> list[int]:
    """Whole numbers; a comment may follow."""
    words = []
    for word in line.split():
        if not (word.isdecimal() and len(word) < 10):
            break
        words.append(int(word))
    return words


def _elements(
    symbols: list[str] | None,
    counts: Sequence[int],
    comment: Sequence[str],
    rows: Sequence[Sequence[str]],
    name: str,
) -> tuple[list[str], tuple[str, ...]]:
    """Of each atom, and a note: by the line of elements (``Fe_pv/4f2a`` is Fe), else behind the
    positions, else by a comment that has as many elements as there are numbers. None is ever made
    up.
    """
    if symbols is not None:
        pure = [symbol_of(re.split(r"[_/]", symbol)[0], name) for symbol in symbols]
        return [s for s, count in zip(pure, counts, strict=True) for _ in range(count)], ()
    behind = [row[-1] for row in rows if len(row) > 3 and known(row[-1])]
    # T and F behind positions are flags before they are tritium and fluorine
    if len(behind) == len(rows) and not {*behind} <= {"T", "F"}:
        return [symbol_of(word, name) for word in behind], ()
    if len(comment) == len(counts) and all(map(known, comment)):
        found, _ = _elements(list(comment), counts, (), rows, name)
        return found, (f"its elements are taken from its first line: {' '.join(comment)}",)
    raise ScoutError(
        "E203",
        f"{name} does not say which elements its atoms are: it is of VASP 4",
        "write the elements in line 6, above the numbers of atoms: Cs Cl",
    )


# ----------------------------------------------------------------------------- extxyz

_KEY = re.compile(r"\s*([^\s=]+)\s*(=?)\s*")
_WORD = re.compile(r"\S+")
_QUOTED = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"'), "'": re.compile(r"'([^']*)'")}
_SPECIES = ("species", "element", "symbols", "z", "numbers", "atomic_numbers")
_POSITIONS = ("pos", "positions")
_ONCE = ("lattice", "pbc", "properties")


def extxyz(text: str, name: str, max_atoms: int) -> Iterator[Crystal | ScoutError]:
    """Extended XYZ, frame after frame, as ASE, QUIP, GPUMD and MACE write it: keys in any letters,
    other columns and keys passed over.
    """
    return extxyz_frames(text.splitlines(), name, max_atoms)


def extxyz_frames(
    lines: Iterable[str], name: str, max_atoms: int
) -> Iterator[Crystal | ScoutError]:
    """As `extxyz`, of the lines of a file that may be of any size: one frame is held at a time.
    Raises ValueError where the next frame cannot be found.
    """
    left = enumerate(lines, start=1)
    frame = 0
    for line, first in left:
        word = first.strip()
        if not word:
            continue
        frame += 1
        said = f"{name}#{frame}"
        if not (word.isdecimal() and len(word) < 10):
            raise ValueError(f"line {line} is not the number of atoms: {word[:40]}")
        number = int(word)
        header = next(left, (0, None))[1]
        rows = [row for _, row in islice(left, min(number, max_atoms))]
        read = len(rows) + sum(1 for _ in islice(left, number - len(rows)))
        if read < number or header is None:
            raise ValueError(f"frame {frame} says {number} atoms and has {read} lines")
        try:
            if number > max_atoms:
                raise too_many(said, number, max_atoms)
            facts: dict[str, str] = {}
            for key, value in _facts(header):
                if facts.setdefault(key, value) != value and key in _ONCE:
                    raise ValueError(f"{key} stands twice in its line 2, with other values")
            yield Crystal(_frame(facts, rows, said), facts=facts)
        except ScoutError as error:
            yield error
        except ValueError as error:
            yield ScoutError("E203", f"{said} is not a readable extxyz frame: {squeezed(error)}")


def _frame(facts: dict[str, str], rows: Sequence[str], name: str) -> Structure:
    from pymatgen.core import Structure

    if "lattice" not in facts:
        raise ScoutError(
            "E206",
            f"{name} has no cell",
            'write Lattice="ax ay az bx by bz cx cy cz" in its line 2',
        )
    cell = [number_of(word) for word in re.split(r"[\s,\[\]]+", facts["lattice"]) if word]
    if len(cell) not in (3, 9):
        raise ValueError(f"its Lattice has {len(cell)} numbers instead of 9")
    pbc = [word[:1].lower() for word in re.split(r"[\s,\[\]]+", facts.get("pbc", "T T T")) if word]
    if not all(word in ("t", "1") for word in pbc):
        raise ScoutError(
            "E206",
            f"{name} is not periodic in three dimensions",
            "give it a cell with three vectors (pbc T T T)",
        )
    if not rows:
        raise ScoutError("E203", f"{name} holds no atoms")
    species, first, width = _columns(facts.get("properties", "species:S:1:pos:R:3"))
    words = [row.split() for row in rows]
    if short := next((row for row in words if len(row) < width), None):
        raise ValueError(f"a line has {len(short)} of {width} columns: {' '.join(short)[:60]}")
    if "properties" in facts and (long := next((row for row in words if len(row) > width), None)):
        raise ValueError(f"a line has {len(long)} of {width} columns: {' '.join(long)[:60]}")
    return Structure(
        cell_of(np.diag(cell) if len(cell) == 3 else np.reshape(cell, (3, 3)), name),
        [symbol_of(row[species], name) for row in words],
        [[number_of(word) for word in row[first : first + 3]] for row in words],
        coords_are_cartesian=True,
    )


def _facts(header: str) -> Iterator[tuple[str, str]]:
    """(key in small letters, value) of ``key=value``; a key alone has none. One pass over the text.
    Raises ValueError where a quote or bracket is not closed.
    """
    at = 0
    while found := _KEY.match(header, at):
        at = found.end()
        if not found[2] or at == len(header):
            continue
        first = header[at]
        if first in _QUOTED:
            quoted = _QUOTED[first].match(header, at)
            if quoted is None:
                raise ValueError(f"a quote is not closed in its line 2: {header[at : at + 30]}")
            value, at = quoted[1], quoted.end()
        elif first in "{[":
            end = _closed(header, at, first, "]" if first == "[" else "}")
            value, at = header[at + 1 : end], end + 1
        else:
            word = _WORD.match(header, at)
            assert word is not None
            value, at = word[0], word.end()
        yield found[1].lower(), value


def _closed(text: str, at: int, opening: str, closing: str) -> int:
    """Where the bracket at this place ends."""
    depth = 0
    for found in re.compile(f"[{re.escape(opening + closing)}]").finditer(text, at):
        depth += 1 if found[0] == opening else -1
        if depth == 0:
            return found.start()
    raise ValueError(f"a bracket is not closed in its line 2: {text[at : at + 30]}")


def _columns(properties: str) -> tuple[int, int, int]:
    """(column of the element, first of the position, number of columns)."""
    parts = properties.lower().split(":")
    if len(parts) % 3 or not all(p.isdecimal() and 0 < int(p) < 1000 for p in parts[2::3]):
        raise ValueError(f"its Properties are not name:kind:columns: {properties[:60]}")
    at, places = 0, dict[str, tuple[int, int]]()
    for what, number in zip(parts[::3], map(int, parts[2::3]), strict=True):
        places.setdefault(what, (at, number))
        at += number
    species = next((places[w] for w in _SPECIES if w in places), None)
    positions = next((places[w] for w in _POSITIONS if w in places), None)
    if species is None or positions is None or positions[1] != 3:
        raise ValueError(f"its Properties lack species or pos: {properties[:60]}")
    return species[0], positions[0], at


# ------------------------------------------------------------------- SHELX and AIRSS

_INSTRUCTIONS = frozenset(
    """
    abin acta afix ansc ansr anis basf bede bind bloc bond bump cgls chiv conf conn damp dang defs
    delu dfix disp eadp eqiv eneg exti exyz fend flat fmap frag free fvar grid group hfix hklf htab
    isor laue list lone merg mole more move mpla ncsy neut omit part plan prig rem resi rigu rtab
    sadi same shel simu size spec stir sump swat temp titl time tria twin twst unit wght wigl wpdb
    xnpd zerr
    """.split()
)
_CENTRINGS = {
    1: ("x,y,z",),
    2: ("x,y,z", "x+1/2,y+1/2,z+1/2"),
    3: ("x,y,z", "x+2/3,y+1/3,z+1/3", "x+1/3,y+2/3,z+2/3"),
    4: ("x,y,z", "x,y+1/2,z+1/2", "x+1/2,y,z+1/2", "x+1/2,y+1/2,z"),
    5: ("x,y,z", "x,y+1/2,z+1/2"),
    6: ("x,y,z", "x+1/2,y,z+1/2"),
    7: ("x,y,z", "x+1/2,y+1/2,z"),
}
"""Lattice translations by the number of LATT."""


_MOST_SYMM = 48
"""Rotations of a cubic group, with the identity."""


def res(text: str, name: str, max_atoms: int) -> Iterator[Crystal | ScoutError]:
    """SHELX, of which AIRSS writes a part (LATT -1, no SYMM); one after another in a file, too.

    It is turned into the tags of a CIF, so that both mean the same. Occupancies are those of AIRSS,
    the chemical ones, or those of SHELX, which are divided by the order of the site.
    """
    lines = re.sub(r"=[ \t]*\r?\n", " ", text).splitlines()
    starts = [k for k, line in enumerate(lines) if line[:4].upper() == "TITL"]
    parts = [lines[a:b] for a, b in pairwise([*starts, len(lines)])] or [lines]
    for number, part in enumerate(parts, start=1):
        said = name if len(parts) == 1 else f"{name}#{number}"
        try:
            yield from cif.crystals(_as_cif(part, said, max_atoms), said, max_atoms=max_atoms)
        except ScoutError as error:
            yield error


def _as_cif(lines: Sequence[str], name: str, max_atoms: int) -> str:
    import gemmi

    block = gemmi.cif.Document().add_new_block("res")
    lattice, symmetry, elements = 1, ["x,y,z"], list[str]()
    atoms: list[list[str]] = []
    part = "."
    for line in lines:
        word, *values = line.split("!")[0].split() or [""]
        match word.lower():
            case "cell":
                if len(values) < 7:
                    raise ScoutError("E203", f"{name} has no whole CELL")
                for tag, value in zip(cif.CELL, values[1:7], strict=True):
                    block.set_pair(tag, value)
            case "latt":
                lattice = int(values[0]) if values and values[0].lstrip("-").isdecimal() else 0
            case "symm":
                symmetry.append("".join(values).lower())
            case "sfac":
                elements += [v for v in values if v.isalpha()]
            case "part":
                part = values[0] if values and values[0].lstrip("+-0") else "."
            case "hklf" | "end":
                break
            case "" | "rem":
                continue
            case other if other in _INSTRUCTIONS or other.split("_")[0] in _INSTRUCTIONS:
                continue
            case _:
                atoms.append([*_shelx_atom(word, values, elements, name), part])
    if len(atoms) > max_atoms:
        raise too_many(name, len(atoms), max_atoms)
    if len(symmetry) > _MOST_SYMM:
        raise ScoutError("E211", f"{name} has {len(symmetry) - 1} lines SYMM", "47 are the most")
    if abs(lattice) not in _CENTRINGS:
        raise ScoutError("E211", f"{name}: LATT {lattice} is no lattice", "1 to 7, or minus these")
    ops = [gemmi.Op(c) * _symm(op, name) for op in symmetry for c in _CENTRINGS[abs(lattice)]]
    if lattice > 0:
        ops += [gemmi.Op("-x,-y,-z") * op for op in ops]
    loop = block.init_loop("_space_group_symop_operation_", ["xyz"])
    for op in ops:
        loop.add_row([gemmi.cif.quote(op.triplet())])
    tags = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "disorder_group"]
    loop = block.init_loop("_atom_site_", tags)
    if lattice == -1 and len(symmetry) == 1:
        orders = [1] * len(atoms)
    else:
        orders = [_order(atom[2:5], ops, block) for atom in atoms]
    for atom, order in zip(atoms, orders, strict=True):
        occupancy = number_of(atom[5])
        occupancy -= 10 * (10 <= occupancy < 20)
        if abs(occupancy) >= 20:  # m times 10 and a factor: that of the free variable m
            raise ScoutError(
                "E204",
                f"{name} is disordered: the occupancy of {atom[0]} is a free variable ({atom[5]})",
                "give an ordered model of it",
            )
        # SHELX writes 1/order where the site is full, other programs 1
        full = occupancy == 1 or abs(occupancy * order - 1) < 0.01
        site = [*map(gemmi.cif.quote, atom[:5]), "1" if full else f"{occupancy:g}"]
        loop.add_row([*site, atom[6]])
    return str(block.as_string())


def _symm(text: str, name: str) -> Any:
    import gemmi

    try:
        return gemmi.Op(text)
    except (ValueError, RuntimeError):
        raise ScoutError(
            "E211", f"{name}: SYMM {text[:40]} is no operation", "write it as 0.5-X, Y, -Z"
        ) from None


def _shelx_atom(label: str, values: Sequence[str], elements: Sequence[str], name: str) -> list[str]:
    kind = int(values[0]) if values and values[0].isdecimal() and len(values[0]) < 4 else 0
    if not 0 < kind <= len(elements) or len(values) < 4:
        raise ScoutError(
            "E203", f"{name} has a line that is no atom: {label} {' '.join(values)[:60]}"
        )
    # 10 is added to what is not refined
    at = [number_of(v) for v in values[1:4]]
    fixed = [f"{v - 10:.6f}" if 5 < v < 15 else w for v, w in zip(at, values[1:4], strict=True)]
    return [label, elements[kind - 1], *fixed, values[4] if len(values) > 4 else "1"]


def _order(at: Sequence[str], ops: Sequence[Any], block: Any) -> int:
    """How many of the operations leave a site where it is."""
    x = np.array([number_of(word) for word in at])
    images = np.array([op.apply_to_xyz(list(x)) for op in ops])
    off = images - x
    return int((np.abs(off - np.round(off)) < 0.005).all(1).sum())


# ------------------------------------------------------------------------------- JSON


def plain_structure(data: Any) -> Structure:
    """The crystal of a dictionary of pymatgen's `Structure.as_dict`: species, occupancies,
    coordinates and lattice, and nothing else. Heavy hydrogen is hydrogen.

    Read by hand: pymatgen's own decoder would import whatever classes the data name. Raises
    ValueError, TypeError or KeyError.
    """
    from pymatgen.core import Lattice, Structure

    species: list[dict[str, float]] = []
    for site in data["sites"]:
        species.append({})
        for one in site["species"]:
            if known(str(one["element"])) is None:  # pymatgen would take it for a dummy
                raise ValueError(f"{str(one['element'])[:20]} is not an element")
            symbol = element(str(one["element"]))
            species[-1][symbol] = species[-1].get(symbol, 0.0) + float(one["occu"])
    return Structure(
        Lattice(data["lattice"]["matrix"]), species, [site["abc"] for site in data["sites"]]
    )


def from_json(text: str, name: str, max_atoms: int) -> Iterator[Crystal | ScoutError]:
    """Structures of pymatgen or what holds one under ``structure``, of ASE, of OPTIMADE; one or a
    list of these.
    """
    found = list(_entries(json.loads(text)))
    for number, one in enumerate(found, start=1):
        said = name if len(found) == 1 else f"{name}#{number}"
        try:
            yield Crystal(_structure(one, said, max_atoms))
        except ScoutError as error:
            yield error
        except KeyError as error:
            yield ScoutError("E203", f"{said} has a site or a cell without {error}")
        except ValueError as error:
            yield ScoutError("E203", f"{said} is not a readable structure: {squeezed(error)}")
        except Exception:  # what a stranger wrote can be of any shape
            yield ScoutError(
                "E203", f"{said} has fields of other kinds than a structure has", _JSON_HINT
            )


def _entries(data: Any) -> Iterator[Any]:
    if isinstance(data, list):
        yield from data
    elif isinstance(data, dict) and isinstance(data.get("data"), list):
        yield from data["data"]  # OPTIMADE's answer
    elif isinstance(data, dict) and isinstance(data.get("data"), dict) and "sites" not in data:
        yield data["data"]
    elif isinstance(data, dict) and isinstance(data.get("ids"), list):
        yield from (data[str(one)] for one in data["ids"])  # ASE's database
    else:
        yield data


def _structure(data: Any, name: str, max_atoms: int) -> Any:
    from ase import Atoms

    if isinstance(data, dict) and isinstance(data.get("structure"), dict):
        data = data["structure"]
    if not isinstance(data, dict):
        raise ScoutError("E203", f"{name} is no structure", _JSON_HINT)
    if "sites" in data and "lattice" in data:
        if len(data["sites"]) > max_atoms:
            raise too_many(name, len(data["sites"]), max_atoms)
        if not all(data["lattice"].get("pbc", [True])):
            raise ScoutError("E206", f"{name} is not periodic in three dimensions")
        cell_of(data["lattice"]["matrix"], name)
        return plain_structure(data)
    if "attributes" in data:
        said = f"{name}, {str(data['id'])[:200]}" if data.get("id") else name
        return to_structure(data, said, max_atoms)
    if "numbers" in data and "positions" in data:
        numbers, positions = _array(data["numbers"]), _array(data["positions"])
        if len(numbers) > max_atoms:
            raise too_many(name, len(numbers), max_atoms)
        cell = data["cell"]
        cell = _array(cell["array"] if isinstance(cell, dict) and "array" in cell else cell)
        pbc = _array(data.get("pbc", False))
        return Atoms(numbers, positions.reshape(-1, 3), cell=cell, pbc=pbc)
    raise ScoutError("E203", f"{name} holds no structure", _JSON_HINT)


_JSON_HINT = "known are structures of pymatgen, ASE and OPTIMADE, one or a list of them"


def _array(data: Any) -> np.ndarray[Any, Any]:
    """A list, or an array as ASE writes it: shape, kind, numbers."""
    if isinstance(data, dict) and "__ndarray__" in data:
        shape, _, numbers = data["__ndarray__"]
        return np.array(numbers).reshape([int(n) for n in shape])
    return np.array(data)


# -------------------------------------------------------------------------------- XSF


_OTHER_PERIODS = ("MOLECULE", "POLYMER", "SLAB", "DIM-GROUP")
_VECTORS, _SITES = "PRIMVEC", "PRIMCOORD"


def xsf(text: str, name: str, max_atoms: int) -> Iterator[Crystal | ScoutError]:
    """XCrySDen's, of one crystal or the steps of an animation, whose cell may be given once. Forces
    behind positions and grids of data are not read.
    """
    from pymatgen.core import Structure

    lines = [line.partition("#")[0].split() for line in text.splitlines()]
    lines = [words for words in lines if words]
    lattice = None
    steps = sum(words[0].upper() == _SITES for words in lines)
    step = 0
    for at, words in enumerate(lines):
        match words[0].upper():
            case "ATOMS" if lattice is None:
                raise ScoutError("E206", f"{name} is a molecule: it has no cell")
            case word if word in _OTHER_PERIODS and words[1:2] != ["3"]:
                raise ScoutError("E206", f"{name} is not periodic in three dimensions: {word}")
            case word if word == _VECTORS:
                rows = lines[at + 1 : at + 4]
                if len(rows) < 3:
                    raise ValueError("it ends in its PRIMVEC")
                lattice = cell_of([_three(" ".join(row), at) for row in rows], name)
            case word if word == _SITES:
                step += 1
                said = f"{name}#{step}" if steps > 1 else name
                try:
                    if lattice is None:
                        raise ScoutError("E206", f"{said} has no PRIMVEC")
                    symbols, points = _xsf_sites(lines, at + 1, said, max_atoms)
                    yield Crystal(Structure(lattice, symbols, points, coords_are_cartesian=True))
                except ScoutError as error:
                    yield error
                except ValueError as error:
                    yield ScoutError("E203", f"{said} is not a readable xsf step: {error}")
    if not step:
        raise ValueError("it has no PRIMCOORD")


def _xsf_sites(
    lines: Sequence[Sequence[str]], at: int, name: str, max_atoms: int
) -> tuple[list[str], list[list[float]]]:
    head = lines[at] if at < len(lines) else ("",)
    if not (head[0].isdecimal() and len(head[0]) < 10):
        raise ValueError(f"behind PRIMCOORD is no number of atoms: {' '.join(head)[:40]}")
    number = int(head[0])
    if number > max_atoms:
        raise too_many(name, number, max_atoms)
    rows = []
    for row in lines[at + 1 :]:
        if len(row) < 4:  # a word of XCrySDen's
            break
        rows.append(row)
        if len(rows) > number:
            break
    if len(rows) != number:
        more = "more" if len(rows) > number else len(rows)
        raise ValueError(f"it says {number} atoms and has {more}")
    return [symbol_of(row[0], name) for row in rows], [
        [number_of(word) for word in row[1:4]] for row in rows
    ]


# ------------------------------------------------------------------ tensors of models


def tensors(data: bytes, name: str, max_atoms: int) -> Iterator[Crystal | ScoutError]:
    """``eval_*.pt`` of CDVAE and DiffCSP: all crystals of all its evaluations. Only tensors and
    plain values are unpickled.
    """
    import argparse
    from io import BytesIO

    import torch
    from pymatgen.core import Lattice, Structure

    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            saved = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds
        raise ScoutError(
            "E203",
            f"{name} cannot be read without running what it holds: {squeezed(error)[:80]}",
            "save its frac_coords, atom_types, lengths, angles and num_atoms alone (torch.save)",
        ) from None
    wanted = ("frac_coords", "atom_types", "lengths", "angles", "num_atoms")
    if not isinstance(saved, dict) or not all(torch.is_tensor(saved.get(key)) for key in wanted):
        raise ScoutError("E203", f"{name} lacks the tensors {', '.join(wanted)}")
    numbers = saved["num_atoms"].reshape(-1).tolist()
    types = saved["atom_types"].reshape(-1).tolist()
    lengths, angles = (saved[key].reshape(-1, 3).double().numpy() for key in ("lengths", "angles"))
    positions = saved["frac_coords"].reshape(-1, 3).double().numpy()
    fits = len(lengths) == len(angles) == len(numbers) and len(types) == len(positions)
    if not fits or min(numbers, default=0) < 0 or sum(numbers) != len(types):
        raise ScoutError("E203", f"{name}: its tensors do not fit each other")
    at = 0
    for k, number in enumerate(numbers):
        said, here = f"{name}#{k + 1}", slice(at, at + number)
        at += number
        try:
            if number > max_atoms:
                raise too_many(said, number, max_atoms)
            if not number:
                raise ScoutError("E203", f"{said} holds no atoms")
            symbols = [symbol_of(str(z), said) for z in types[here]]
            cell = [*lengths[k], *angles[k]]
            if not all(map(math.isfinite, cell)):
                raise ScoutError("E206", f"{said} has a cell that is not of numbers")
            yield Crystal(Structure(Lattice.from_parameters(*cell), symbols, positions[here]))
        except ScoutError as error:
            yield error
        except ValueError as error:
            yield ScoutError("E206", f"{said} has no cell: {squeezed(error)}")

"""The crystals that a model is trained on: read from files, filtered, each one once, split by
chemical system.

Every crystal of every file is either taken or left out for one stated reason; `Part` counts them.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import spglib
import torch
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure
from pymatgen.core.structure import StructureError
from torch import Tensor

import scoutlang.sampling.mattergen  # noqa: F401  makes mattergen importable
from scoutlang.crystals.formats import extxyz_frames
from scoutlang.crystals.io import MAX_ATOMS, as_structure, read_structures
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.support.errors import ScoutError, squeezed
from scoutlang.support.files import file_digest, write_whole
from scoutlang.validation.reference import load as load_reference

from mattergen.common.utils.data_utils import compute_lattice_polar_decomposition  # isort: skip

HEIGHTS = ("e_above_hull", "energy_above_hull")
"""Columns, or keys of an extxyz frame, that hold the height above the hull in eV/atom: the names
that MP-20 and MatterGen give it."""
SAME_LENGTH = 0.015
"""Cells whose lengths differ by less than this share may hold the same crystal."""


@dataclass(frozen=True)
class Crystal:
    """One training crystal of n atoms."""

    numbers: Tensor
    """(n,) atomic numbers."""
    frac: Tensor
    """(n, 3) fractional coordinates."""
    cell: Tensor
    """(3, 3) Å, the lattice vectors as rows of a symmetric matrix."""
    system: str
    """Its elements in alphabetical order: ``Cu-P``."""
    part: int = 0
    """Index of the file that it comes from."""


@dataclass(frozen=True)
class Filters:
    """Which crystals of a file are taken."""

    max_atoms: int = 20
    """In the primitive cell."""
    max_above_hull: float = 0.1
    """eV/atom, of the crystals whose file says their height."""
    elements: tuple[str, ...] = ()
    """Only crystals made of these; all where empty."""


@dataclass
class Part:
    """One source of crystals, and what became of them."""

    name: str
    sha256: str
    read: int = 0
    """Crystals in it, those that cannot be used included."""
    taken: int = 0
    held_out: int = 0
    """Of those taken."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason → number; together with ``taken`` all that was read."""
    first_error: str = ""
    """Of the crystals that cannot be used, why the first one cannot."""

    def __str__(self) -> str:
        why = ", ".join(f"{count} {reason}" for reason, count in self.left_out.most_common())
        return (
            f"{self.name}: {self.read} crystals, {self.taken} taken ({self.held_out} held out)"
            + (f"; left out: {why}" if why else "")
            + (f" (the first: {self.first_error})" if self.first_error else "")
        )


@dataclass(frozen=True)
class TrainingSet:
    """Crystals in the order of their files, each one once."""

    crystals: list[Crystal]
    parts: list[Part]
    filters: Filters = Filters()

    @property
    def training(self) -> list[Crystal]:
        return [c for c in self.crystals if not is_held_out(c.system)]

    @property
    def held_out(self) -> list[Crystal]:
        return [c for c in self.crystals if is_held_out(c.system)]

    @property
    def sha256(self) -> str:
        """Of what decides its content: the files and the filters."""
        return hashlib.sha256(_decides([p.sha256 for p in self.parts], self.filters)).hexdigest()


def is_held_out(system: str) -> bool:
    """4 % of the chemical systems, chosen by hash: none is in both sets, whatever the files."""
    return int(hashlib.sha256(system.encode()).hexdigest(), 16) % 25 == 0


def training_set(
    files: Sequence[Path],
    filters: Filters,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> TrainingSet:
    """The embedded crystals of `mp-mini`, then those of the files that are not among them.

    cache: a file that keeps the result and gives it back while files and filters are the same.
    say: is told what is being done. Raises ScoutError: E031 no element, E201 to E208 a file that
    cannot be used as a whole.
    """
    if unknown := [e for e in filters.elements if e not in ATOMIC_NUMBER]:
        raise ScoutError(
            "E031",
            f"'{unknown[0]}' is not an element",
            "give symbols joined by hyphens: Li-Co-O-F",
        )
    hashes = [load_reference("mp-mini").version, *map(_sha256, files)]
    names = ["mp-mini", *(f.name for f in files)]
    decides = _decides(hashes, filters)
    if cache is not None and (kept := _cached(cache, decides, names)) is not None:
        return kept
    parts = [Part(name, sha256) for name, sha256 in zip(names, hashes, strict=True)]
    # the files are opened before the first crystal is looked at, which takes minutes
    sources: list[Iterable[Row]] = [_embedded(), *map(_opened, files)]
    workers = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, 8)
    crystals = Unique()
    with ProcessPoolExecutor(workers) as pool:
        for index, (part, source) in enumerate(zip(parts, sources, strict=True)):
            for found in _in_blocks(pool, source, filters, index):
                part.read += 1
                if part.read % 5000 == 0:
                    say(f"{part.name}: {part.read} crystals read, {part.taken} taken")
                if isinstance(found, ScoutError):
                    part.left_out[UNUSABLE] += 1
                    part.first_error = part.first_error or found.message
                elif isinstance(found, str):
                    part.left_out[found] += 1
                elif not crystals.add(found):
                    part.left_out["seen before"] += 1
                else:
                    part.taken += 1
                    part.held_out += is_held_out(found.system)
    made = TrainingSet(crystals.all, parts, filters)
    if cache is not None and made.crystals:
        _keep(cache, decides, made)
    return made


UNUSABLE = "cannot be used"
BLOCK = 4096


def _in_blocks(
    pool: Executor, source: Iterable[Row], filters: Filters, part: int
) -> Iterator[Crystal | str | ScoutError]:
    """What becomes of each row, in order; a block at a time, since a pool reads all that it is
    given at once.
    """
    left = iter(source)
    while block := list(itertools.islice(left, BLOCK)):
        tasks = [(row, filters, part) for row in block]
        for found in pool.map(_packed, tasks, chunksize=64):
            yield _unpacked(found) if isinstance(found, tuple) else found


# ---- files ----


@dataclass(frozen=True)
class Row:
    """A crystal as its file gives it."""

    crystal: Structure | str | ScoutError
    """The structure, or the text of a CIF, or why there is neither."""
    e_above_hull: float | None = None
    """eV/atom, where the file says it."""
    name: str = "a row"
    """For messages."""


def _opened(file: Path) -> Iterator[Row]:
    """Its rows. Raises ScoutError at once where there are none, or one that says why."""
    left = rows(file)
    first = list(itertools.islice(left, 2))
    if not first:
        raise ScoutError("E207", f"{file} holds no crystals")
    if len(first) == 1 and isinstance(first[0].crystal, ScoutError):
        raise first[0].crystal
    return itertools.chain(first, left)


def rows(file: Path) -> Iterator[Row]:
    """The crystals of Parquet (the columns of `mp-mini`), CSV (a column ``cif``), extxyz, or of
    anything that `crystals.io.read_structures` reads.

    Raises ScoutError E203 for a table that is damaged or lacks the columns.
    """
    match "" if file.is_dir() else file.suffix.lower():
        case ".parquet":
            yield from _parquet(file)
        case ".csv":
            yield from _csv(file)
        case ".xyz" | ".extxyz":
            yield from _extxyz(file)
        case _:
            for found in read_structures(file):
                whole = found if isinstance(found, ScoutError) else _whole(found)
                yield Row(whole, name=found.name if isinstance(found, Specimen) else "")


def _whole(found: Specimen) -> Structure | ScoutError:
    """The crystal, or E212 where atoms of it have no positions."""
    if found.lacking:
        return ScoutError("E212", f"{found.name} is not whole: {found.lacking}")
    return found.crystal


def _embedded() -> Iterator[Row]:
    """The Materials Project and AFLOW crystals of `mp-mini`; the curated end members are for the
    hull only."""
    table = load_reference("mp-mini").table
    for row in table.to_pylist():
        if row["source"] != "curated":
            yield Row(_structure(row))


def _parquet(file: Path) -> Iterator[Row]:
    wanted = ("numbers", "frac", "lattice")
    try:
        table = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, f"is not Parquet: {squeezed(error)}") from None
    names = set(table.schema_arrow.names)
    if missing := [name for name in wanted if name not in names]:
        raise _unreadable(
            file, f"has no column {missing[0]}", f"it needs the columns {', '.join(wanted)}"
        )
    columns = [*wanted, *(name for name in HEIGHTS if name in names)]
    try:
        for batch in table.iter_batches(batch_size=1024, columns=columns):
            for row in batch.to_pylist():
                try:
                    yield Row(_structure(row), _height(row))
                except (ValueError, TypeError, StructureError) as error:
                    yield Row(_unreadable(file, f"holds an odd crystal: {squeezed(error)}"))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, f"is damaged: {squeezed(error)}") from None


def _csv(file: Path) -> Iterator[Row]:
    csv.field_size_limit(2**24)
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        table = csv.DictReader(lines)
        try:
            if "cif" not in (table.fieldnames or ()):
                hint = "a CSV needs a column with a CIF per row"
                raise _unreadable(file, "has no column cif", hint)
            for number, row in enumerate(table, start=1):
                name = f"{file}, row {number}"
                text = row["cif"] or ScoutError("E203", f"{name} has no CIF")
                yield Row(text, _height(row), name)
        except csv.Error as error:
            raise _unreadable(file, f"is damaged at line {table.line_num}: {error}") from None


def _extxyz(file: Path) -> Iterator[Row]:
    """Frame after frame, so that a file may be larger than the memory."""
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        try:
            for found in extxyz_frames(lines, str(file), MAX_ATOMS):
                if isinstance(found, ScoutError):
                    yield Row(found)
                else:
                    yield Row(found.structure, _height(found.facts))
        except ValueError as error:  # what follows cannot be found any more
            yield Row(_unreadable(file, f"is not a readable extxyz file: {error}"))


def _structure(row: dict[str, Any]) -> Structure:
    return Structure(
        Lattice(row["lattice"]), row["numbers"], np.reshape(row["frac"], (-1, 3)), to_unit_cell=True
    )


def _height(row: Any) -> float | None:
    for name in HEIGHTS:
        try:
            height = float(row[name])
        except (KeyError, TypeError, ValueError):
            continue
        if np.isfinite(height):
            return height
    return None


def _unreadable(file: Path, why: str, hint: str = "") -> ScoutError:
    return ScoutError("E203", f"{file} {why}", hint)


# ---- one crystal ----


def _packed(task: tuple[Row, Filters, int]) -> tuple[Any, ...] | str | ScoutError:
    """As `_prepared`, with arrays: tensors would travel between processes as open files."""
    found = _prepared(task)
    if isinstance(found, Crystal):
        return (
            found.numbers.numpy(),
            found.frac.numpy(),
            found.cell.numpy(),
            found.system,
            found.part,
        )
    return found


def _unpacked(found: tuple[Any, ...]) -> Crystal:
    numbers, frac, cell, system, part = found
    arrays = torch.from_numpy(numbers), torch.from_numpy(frac), torch.from_numpy(cell)
    return Crystal(*arrays, system, part)


def _prepared(task: tuple[Row, Filters, int]) -> Crystal | str | ScoutError:
    """The crystal, or the reason why it is left out."""
    row, filters, part = task
    if row.e_above_hull is not None and row.e_above_hull > filters.max_above_hull:
        return f"more than {filters.max_above_hull:g} eV/atom above the hull"
    try:
        structure = _parsed(row)
    except ScoutError as error:
        return error
    if filters.elements and not structure.composition.chemical_system_set <= set(filters.elements):
        return "with other elements"
    return prepared(structure, filters.max_atoms, part) or f"larger than {filters.max_atoms} atoms"


def _parsed(row: Row) -> Structure:
    if isinstance(row.crystal, ScoutError):
        raise row.crystal
    if isinstance(row.crystal, Structure):
        return as_structure(row.crystal, row.name)
    return _from_cif(row.crystal, row.name)


def _from_cif(text: str, name: str) -> Structure:
    from scoutlang.crystals.io import parse

    for found in parse(text.encode(), name, "row.cif"):
        if isinstance(found, ScoutError):
            raise found
        whole = _whole(found)
        if isinstance(whole, ScoutError):
            raise whole
        return whole
    raise ScoutError("E207", f"{name} holds no structure")


def prepared(structure: Structure, max_atoms: int = 20, part: int = 0) -> Crystal | None:
    """The primitive cell, Niggli-reduced, in MatterGen's symmetric lattice form; None where it has
    more atoms."""
    structure = _primitive(structure)
    if len(structure) > max_atoms:
        return None
    try:
        reduced = structure.get_reduced_structure("niggli")
    # Niggli reduction of a nearly degenerate cell; the cell as published serves
    except ValueError:
        reduced = structure
    cell = compute_lattice_polar_decomposition(torch.tensor(reduced.lattice.matrix.copy())[None])[0]
    symbols = sorted({site.specie.symbol for site in reduced})
    return Crystal(
        torch.tensor(reduced.atomic_numbers),
        torch.tensor(reduced.frac_coords).float() % 1.0,
        cell.float(),
        "-".join(symbols),
        part,
    )


def _primitive(structure: Structure) -> Structure:
    """The same crystal in a primitive cell, positions as given; itself where it is primitive."""
    found = spglib.standardize_cell(
        (structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers),
        to_primitive=True,
        no_idealize=True,
        symprec=0.01,
    )
    if found is None or len(found[2]) >= len(structure):
        return structure
    lattice, frac, numbers = found
    return Structure(Lattice(lattice), numbers, frac)


# ---- each one once ----


class Unique:
    """Crystals without repetition: the first of those that pymatgen's StructureMatcher takes for
    the same, among cells of the same atoms with about the same lengths.

    Reduced lengths are the successive minima of the lattice, which are the same for every
    description of it, so only pairs of nearly equal cells need to be matched.
    """

    def __init__(self) -> None:
        self.all: list[Crystal] = []
        self._alike: dict[tuple[int, ...], list[tuple[np.ndarray, Crystal]]] = {}
        self._matcher = StructureMatcher(primitive_cell=False)

    def add(self, crystal: Crystal) -> bool:
        """Whether it is new, and kept."""
        key = tuple(crystal.numbers.sort().values.tolist())
        lengths = crystal.cell.norm(dim=1).sort().values.double()
        volume = torch.linalg.det(crystal.cell).abs().double().pow(1 / 3)
        size = torch.cat([lengths, volume[None]]).numpy()
        kept = self._alike.setdefault(key, [])
        for other_size, other in kept:
            close = (np.abs(size / other_size - 1) < SAME_LENGTH).all()
            if close and self._matcher.fit(_as_structure(crystal), _as_structure(other)):
                return False
        kept.append((size, crystal))
        self.all.append(crystal)
        return True


def _as_structure(crystal: Crystal) -> Structure:
    return Structure(Lattice(crystal.cell.numpy()), crystal.numbers.tolist(), crystal.frac.numpy())


# ---- what is kept between two runs ----


def _decides(hashes: Sequence[str], filters: Filters) -> bytes:
    return repr((1, list(hashes), asdict(filters))).encode()


def _sha256(file: Path) -> str:
    try:
        if file.is_dir():
            inside = sorted(p for p in file.iterdir() if p.is_file())
            listed = [(p.name, _sha256(p)) for p in inside]  # names say what is read, and how
            return hashlib.sha256(repr(listed).encode()).hexdigest()
        return file_digest(file)
    except OSError as error:
        raise ScoutError(
            "E201",
            f"{file} cannot be read: {error.strerror or error}",
            "check that it exists and may be opened",
        ) from None


def _keep(cache: Path, decides: bytes, made: TrainingSet) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "decides": hashlib.sha256(decides).hexdigest(),
        "sizes": torch.tensor([len(c.numbers) for c in made.crystals]),
        "numbers": torch.cat([c.numbers for c in made.crystals]).to(torch.uint8),
        "frac": torch.cat([c.frac for c in made.crystals]),
        "cell": torch.stack([c.cell for c in made.crystals]),
        "part": torch.tensor([c.part for c in made.crystals]),
        "systems": [c.system for c in made.crystals],
        "parts": [{**asdict(p), "left_out": dict(p.left_out)} for p in made.parts],
        "filters": asdict(made.filters),
    }
    write_whole(cache, lambda path: torch.save(content, path))


def _cached(cache: Path, decides: bytes, names: list[str]) -> TrainingSet | None:
    try:
        kept = torch.load(cache, weights_only=True)
        if kept["decides"] != hashlib.sha256(decides).hexdigest():
            return None
        if [p["name"] for p in kept["parts"]] != names:
            return None
        sizes = kept["sizes"].tolist()
        crystals = [
            Crystal(numbers.long(), frac, cell, system, part)
            for numbers, frac, cell, system, part in zip(
                kept["numbers"].split(sizes),
                kept["frac"].split(sizes),
                kept["cell"],
                kept["systems"],
                kept["part"].tolist(),
                strict=True,
            )
        ]
        parts = [Part(**{**p, "left_out": Counter(p["left_out"])}) for p in kept["parts"]]
        filters = kept["filters"]
        return TrainingSet(
            crystals, parts, Filters(**{**filters, "elements": tuple(filters["elements"])})
        )
    except Exception:  # not there, or damaged in any way: it is made again
        return None

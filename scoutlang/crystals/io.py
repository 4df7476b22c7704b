"""Crystal structures from files of every kind that their makers have, archives and folders of them.

Files come from anywhere, so nothing is trusted: sizes are bounded, archives are read in memory and
never unpacked, and a file that cannot be used becomes a `ScoutError` of its own (codes E201-E208,
E211, E212) beside the structures that can.
"""

from __future__ import annotations

import gzip
import io
import itertools
import math
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, TypeAlias, Union, cast

from scoutlang.crystals.found import SAME, Crystal, element
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.support.encodings import decoded
from scoutlang.support.errors import ScoutError, squeezed

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

IN_ONE_PLACE = "are in the same place"
ORDERED_HINT = "give an ordered model of it, or take those that are near: --ordered"
MAX_FILE_BYTES = 64 * 2**20
MAX_ARCHIVE_BYTES = 512 * 2**20
"""Bound on what all files of one archive hold, unpacked."""
MAX_ARCHIVE_FILES = 100_000
"""Also of one list."""
MAX_ATOMS = 1000
MIN_VOLUME_PER_ATOM = 0.1
MAX_LENGTH, MAX_AWAY = 1e5, 1e6
"""Å of a cell vector, and cells that an atom may lie from the first one."""

SUPPORTED = (
    "CIF (.cif, .mcif), extxyz (.extxyz, .xyz), POSCAR (a name with POSCAR or CONTCAR, .vasp,"
    " .poscar), .res, .json, .xsf, eval_*.pt of CDVAE and DiffCSP, each also as .gz;"
    " a .zip or .tar of these, a folder of these, or a .txt that lists them"
)

_KNOWN = ATOMIC_NUMBER.keys() | {"D", "T"}

Format = Literal["cif", "extxyz", "poscar", "res", "json", "xsf", "tensors"]
_SUFFIXES: dict[str, Format] = {
    ".cif": "cif",
    ".mcif": "cif",
    ".extxyz": "extxyz",
    ".xyz": "extxyz",
    ".vasp": "poscar",
    ".poscar": "poscar",
    ".contcar": "poscar",
    ".res": "res",
    ".json": "json",
    ".xsf": "xsf",
    ".pt": "tensors",
}
_TARS = (".tar", ".tar.gz", ".tgz")
_LISTS = (".txt", ".list")
_MATTERGEN = ("generated_crystals.extxyz", "generated_crystals_cif.zip")
"""What MatterGen writes the same crystals to, the best first."""


StructureLike: TypeAlias = Union["Structure", "Atoms", Specimen, str, PathLike[str]]
"""One structure, or a path, which may stand for many."""


def read_structures(
    path: str | PathLike[str], *, ordered: bool = False
) -> Iterator[Specimen | ScoutError]:
    """Every structure of a file, archive, folder or list, in order; where one cannot be used, its
    error in its place. ordered: the ordered crystals of `scoutlang.crystals.ordering` for one that
    is disordered.
    """
    path = Path(path)
    try:
        if path.is_dir():
            yield from _read_folder(path, ordered)
        elif not path.exists():
            yield ScoutError("E201", f"{path}: no such file", "give " + SUPPORTED)
        elif not path.is_file():
            yield ScoutError("E201", f"{path} is not a regular file", "give " + SUPPORTED)
        elif path.suffix.lower() == ".zip":
            yield from _read_archive(path, ordered)
        elif path.name.lower().endswith(_TARS):
            yield from _read_tar(path, ordered)
        elif path.suffix.lower() in _LISTS:
            yield from _read_list(path, ordered)
        else:
            yield from _read_file(path, ordered)
    except OSError as error:
        yield ScoutError(
            "E201",
            f"{path} cannot be read: {error.strerror or error}",
            "check that it exists and may be opened",
        )


def specimens(structures: StructureLike | Iterable[StructureLike]) -> Iterator[Specimen]:
    """Structures in order: one or several. A path may stand for many; objects are named by their
    position and formula.

    Raises ScoutError (E201-E208) at the first that cannot be used; `read_structures` lets a caller
    skip those.
    """
    from ase import Atoms
    from pymatgen.core import SiteCollection

    # a crystal is a sequence itself, of its sites
    single = isinstance(
        structures, SiteCollection | Atoms | Specimen | str | PathLike
    ) or not isinstance(structures, Iterable)
    several = cast("Iterable[StructureLike]", [structures] if single else structures)
    for number, item in enumerate(several, start=1):
        if isinstance(item, Specimen):
            yield item
        elif isinstance(item, str | PathLike):
            for found in read_structures(item):
                if isinstance(found, ScoutError):
                    raise found
                yield found
        else:
            structure = as_structure(item, f"structure {number}")
            yield Specimen(
                structure=structure, origin=f"{number} {structure.composition.reduced_formula}"
            )


def as_structure(item: Structure | Atoms, name: str) -> Structure:
    """A pymatgen Structure or ASE Atoms as an ordered, periodic structure. Deuterium and tritium
    become hydrogen. name: for messages.

    Raises ScoutError: E204 partial occupancy or unknown species, E206 no cell, E208 too large.
    """
    from ase import Atoms
    from pymatgen.core import Structure

    if isinstance(item, Atoms):
        if not item.pbc.all() or item.cell.rank < 3:
            raise ScoutError(
                "E206",
                f"{name} is not periodic in three dimensions",
                "give it a cell with three vectors (pbc T T T)",
            )
        item = Structure(
            item.cell.array, item.get_chemical_symbols(), item.get_scaled_positions(wrap=False)
        )
    if not isinstance(item, Structure):
        kind = type(item).__name__
        raise TypeError(f"a structure is a pymatgen Structure, an ase Atoms or a path, not {kind}")
    if not len(item):
        raise ScoutError("E203", f"{name} holds no atoms")
    if len(item) > MAX_ATOMS:
        raise ScoutError(
            "E208",
            f"{name} has {len(item)} atoms, more than {MAX_ATOMS}",
            "give the primitive cell",
        )
    if not item.is_ordered:
        raise ScoutError(
            "E204",
            f"{name} is disordered: a site is shared or partly occupied",
            ORDERED_HINT,
        )
    strange = {site.specie.symbol for site in item} - _KNOWN
    if strange:
        raise ScoutError(
            "E204", f"{name} holds {', '.join(sorted(strange))}, which is not an element up to Fm"
        )
    if not all(map(math.isfinite, (*item.frac_coords.ravel(), *item.lattice.matrix.ravel()))):
        raise ScoutError("E206", f"{name} has coordinates or cell vectors that are not numbers")
    if abs(item.lattice.matrix).max() > MAX_LENGTH or abs(item.frac_coords).max() > MAX_AWAY:
        raise ScoutError(
            "E206",
            f"{name} has a cell vector longer than {MAX_LENGTH:g} Å, or an atom more than"
            f" {MAX_AWAY:g} cells away",
        )
    if heavy := {site.specie for site in item if site.specie.symbol != element(site.specie.symbol)}:
        item = item.copy()
        item.replace_species(dict.fromkeys(heavy, "H"))
    if item.volume < MIN_VOLUME_PER_ATOM * len(item):
        raise ScoutError(
            "E206", f"{name} has a degenerate cell: {item.volume:g} Å^3 for {len(item)} atoms"
        )
    return item


def unsound(structure: Structure) -> str:
    """Why a structure of a run folder is no crystal, although it is read; empty if it is one. A
    folder that we have written holds none.
    """
    if structure.lattice.volume == 0:
        return "the cell has no volume"
    if abs(structure.frac_coords).max() > MAX_AWAY:
        return f"an atom is more than {MAX_AWAY:g} cells away"
    return ""


def unread(path: Path) -> list[str]:
    """The names that `read_structures` passes over in a folder or an archive, but programs and
    hidden files: folders inside of it, files of other kinds, the same crystals again.
    """
    if path.is_dir():
        usable = _usable_in(path)
        return [
            p.name
            for p in sorted(path.iterdir())
            if p not in usable and p.suffix != ".scout" and not p.name.startswith(".")
        ]
    try:
        if path.suffix.lower() == ".zip" and path.is_file():
            with zipfile.ZipFile(path) as archive:
                names = [m.filename for m in _members(archive)]
        elif path.name.lower().endswith(_TARS) and path.is_file():
            with tarfile.open(path, "r:*") as tar:
                members = itertools.islice(iter(tar.next, None), MAX_ARCHIVE_FILES)
                names = [m.name for m in members if not m.isdir()]
        else:
            return []
    except (OSError, EOFError, zlib.error, tarfile.TarError, *_NO_ZIP):
        return []
    return [name for name in names if _format(PurePosixPath(name).name) is None]


def _usable_in(folder: Path) -> list[Path]:
    """The files of a folder that hold structures; in one of MatterGen's the one that holds all."""
    made = [folder / name for name in _MATTERGEN if (folder / name).is_file()]
    return made[:1] or [p for p in sorted(folder.iterdir()) if _usable(p)]


def _usable(path: Path) -> bool:
    name = path.name.lower()
    if not path.is_file() or name in ("run.json", "scout.json") or "metrics" in name:
        return False
    if _format(path.name) == "tensors" and not name.startswith("eval"):
        return False  # weights, most likely
    return name.endswith((".zip", *_TARS)) or _format(path.name) is not None


def _read_folder(folder: Path, ordered: bool) -> Iterator[Specimen | ScoutError]:
    usable = _usable_in(folder)
    if not usable:
        yield ScoutError("E207", f"{folder} holds no structure files", "it may hold " + SUPPORTED)
    for path in usable:
        yield from read_structures(path, ordered=ordered)


def _read_list(path: Path, ordered: bool) -> Iterator[Specimen | ScoutError]:
    """A path on each line, relative to the list; blank lines and those that begin with # are not.
    A list in a list is not followed.
    """
    with path.open("rb") as stream:
        data = stream.read(MAX_FILE_BYTES + 1)
    lines = [line.strip() for line in decoded(data).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(data) > MAX_FILE_BYTES or len(lines) > MAX_ARCHIVE_FILES:
        yield ScoutError("E202", f"{path} lists more than {MAX_ARCHIVE_FILES} files", "split it")
        return
    if not lines:
        yield ScoutError("E207", f"{path} lists no files", "a path on each line")
    elif not any((path.parent / line).exists() for line in lines):
        yield ScoutError(
            "E205",
            f"{path} is no list: no file is called {lines[0][:40]}",
            "known are " + SUPPORTED,
        )
        return
    seen: set[Path] = set()
    for line in lines:
        one = path.parent / line
        if one.suffix.lower() in _LISTS:
            yield ScoutError("E205", f"{one} is a list in the list {path}", "name its files")
        elif one not in seen:
            yield from read_structures(one, ordered=ordered)
        seen.add(one)


def _read_tar(path: Path, ordered: bool) -> Iterator[Specimen | ScoutError]:
    try:
        with tarfile.open(path, "r:*") as archive:
            total = count = used = 0
            while (member := archive.next()) is not None:
                total, count = total + member.size, count + 1
                if total > MAX_ARCHIVE_BYTES or count > MAX_ARCHIVE_FILES:
                    yield _too_large(path)
                    return
                pure = PurePosixPath(member.name)
                stream = archive.extractfile(member) if member.isreg() else None
                if stream is None or _format(pure.name) is None:
                    continue
                used += 1
                inside = "/".join(p for p in pure.parts if p not in ("/", ".."))
                data = stream.read(MAX_FILE_BYTES + 1)
                yield from parse(data, f"{path}/{inside}", pure.name, ordered=ordered)
            if not used:
                yield ScoutError(
                    "E207", f"{path} holds no structure files", "it may hold " + SUPPORTED
                )
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        cut = (
            "it is cut short"
            if isinstance(error, EOFError | zlib.error)
            else "it is damaged, or none"
        )
        yield ScoutError("E203", f"{path} is not a readable tar archive: {cut}")


def _too_large(path: Path) -> ScoutError:
    return ScoutError(
        "E202",
        f"{path} is too large unpacked",
        f"at most {MAX_ARCHIVE_BYTES >> 20} MiB, {MAX_ARCHIVE_FILES} files",
    )


def _read_archive(path: Path, ordered: bool) -> Iterator[Specimen | ScoutError]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in _members(archive) if _format(PurePosixPath(m.filename).name)]
            if not members:
                yield ScoutError(
                    "E207", f"{path} holds no structure files", "it may hold " + SUPPORTED
                )
            if (
                len(members) > MAX_ARCHIVE_FILES
                or sum(m.file_size for m in members) > MAX_ARCHIVE_BYTES
            ):
                yield _too_large(path)
                return
            for member in members:
                inside = "/".join(
                    p for p in PurePosixPath(member.filename).parts if p not in ("/", "..")
                )
                yield from _read_member(archive, member, f"{path}/{inside}", ordered)
    except _NO_ZIP as error:
        yield ScoutError("E203", f"{path} is not a readable zip archive: {squeezed(error)}")


_NO_ZIP = (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError)
"""What zipfile raises where a directory of members is none."""


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """All but folders. A member may have no name at all, which zipfile does not foresee."""
    return [m for m in archive.infolist() if m.filename and not m.is_dir()]


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, ordered: bool
) -> Iterator[Specimen | ScoutError]:
    try:
        with archive.open(member) as stream:
            # what really comes out, whatever the header says
            data = stream.read(MAX_FILE_BYTES + 1)
    except Exception as error:  # damaged, encrypted or oddly compressed: zipfile raises many kinds
        yield ScoutError("E203", f"{name} cannot be unpacked: {error}")
        return
    yield from parse(data, name, PurePosixPath(member.filename).name, ordered=ordered)


def _read_file(path: Path, ordered: bool) -> Iterator[Specimen | ScoutError]:
    with path.open("rb") as stream:
        data = stream.read(MAX_FILE_BYTES + 1)
    yield from parse(data, str(path), path.name, ordered=ordered)


def parse(
    data: bytes, name: str, filename: str, *, ordered: bool = False
) -> Iterator[Specimen | ScoutError]:
    """The structures of one file's content; errors carry ``name``. ordered: as for
    `read_structures`.
    """
    file_format = _format(filename)
    if file_format is None:
        yield ScoutError(
            "E205", f"{name}: unknown kind of structure file", "known are " + SUPPORTED
        )
        return
    found: list[Crystal | ScoutError] = []
    try:
        if filename.lower().endswith(".gz"):
            with gzip.open(io.BytesIO(data)) as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            hint = "split it"
            yield ScoutError("E202", f"{name} is larger than {MAX_FILE_BYTES >> 20} MiB", hint)
            return
        # what libraries warn of is checked by us, and said
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for one in _read(file_format, data, name, ordered):
                found += _in_order(one, name) if ordered else [one]
    except ScoutError as error:
        found.append(error)
    except Exception as error:  # parsers raise anything at all on corrupt input
        reason = squeezed(error)
        found.append(ScoutError("E203", f"{name} is not a readable {file_format} file: {reason}"))
    if not found:
        yield ScoutError("E207", f"{name} holds no structure")
    for number, item in enumerate(found, start=1):
        if isinstance(item, ScoutError):
            yield item
            continue
        origin = name if len(found) == 1 else f"{name}#{number}"
        try:
            structure = as_structure(item.structure, origin)
        except ScoutError as error:
            yield error
        else:
            notes = (*item.notes, *_in_one_place(structure))
            yield Specimen(structure=structure, origin=origin, notes=notes, lacking=item.lacking)


def _in_one_place(structure: Structure) -> list[str]:
    """A note of two atoms that are in the same place, as they are where a list has one twice."""
    # by hand: pymatgen's search takes room for all boxes of this size that a cell has
    import numpy as np

    cell = structure.lattice.get_lll_reduced_lattice()
    frac = structure.lattice.get_lll_frac_coords(structure.frac_coords)
    apart = frac[:, None] - frac[None]
    apart -= np.round(apart)
    near = np.linalg.norm(apart @ cell.matrix, axis=-1) <= SAME
    pairs: list[tuple[int, int]] = [(a, b) for a, b in np.argwhere(near).tolist() if a < b]
    if not pairs:
        return []
    (a, b), *others = pairs
    both = f"atoms {a + 1} ({structure[a].specie}) and {b + 1} ({structure[b].specie})"
    return [f"{both} {IN_ONE_PLACE}" + (f", and {len(others)} more pairs" if others else "")]


def _in_order(found: Crystal | ScoutError, name: str) -> list[Crystal | ScoutError]:
    from pymatgen.core import Structure

    from scoutlang.crystals.ordering import ordered

    if not isinstance(found, Crystal) or not isinstance(found.structure, Structure):
        return [found]
    if found.structure.is_ordered:
        return [found]
    try:
        return [*ordered(found, name)]
    except ScoutError as error:
        return [error]
    except Exception as error:  # pymatgen raises many kinds
        why = f"{name} is disordered and cannot be put in order: {squeezed(error)}"
        return [ScoutError("E204", why, "give an ordered model of it")]


def _format(filename: str) -> Format | None:
    name = filename.lower().removesuffix(".gz")
    by_suffix = _SUFFIXES.get(PurePosixPath(name).suffix)
    if by_suffix is None and ("poscar" in name or "contcar" in name):
        return "poscar" if not name.endswith((*_TARS, ".zip", *_LISTS, ".png", ".pdf")) else None
    return by_suffix


def _read(
    file_format: Format, data: bytes, name: str, disordered: bool
) -> Iterator[Crystal | ScoutError]:
    from scoutlang.crystals import cif, formats

    if file_format == "tensors":
        return formats.tensors(data, name, MAX_ATOMS)
    text = decoded(data)
    if file_format == "cif":
        return cif.crystals(text, name, max_atoms=MAX_ATOMS, disordered=disordered)
    readers: dict[str, Callable[[str, str, int], Iterator[Crystal | ScoutError]]] = {
        "extxyz": formats.extxyz,
        "poscar": formats.poscar,
        "res": formats.res,
        "json": formats.from_json,
        "xsf": formats.xsf,
    }
    return readers[file_format](text, name, MAX_ATOMS)

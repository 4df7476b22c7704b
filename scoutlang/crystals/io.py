"""Crystal structures from files: CIF, extxyz, POSCAR, a zip of these, or a folder of these.

Files come from anywhere, so nothing is trusted: sizes are bounded, archives are read in memory and
never unpacked, and a file that cannot be used becomes a `ScoutError` of its own (codes E201-E208)
beside the structures that can.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union, cast

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.support.errors import ScoutError, squeezed

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

MAX_FILE_BYTES = 64 * 2**20
MAX_ARCHIVE_BYTES = 512 * 2**20
"""Bound on what all files of one archive hold, unpacked."""
MAX_ARCHIVE_FILES = 100_000
MAX_ATOMS = 1000
MIN_VOLUME_PER_ATOM = 0.1

SUPPORTED = (
    "CIF (.cif), extxyz (.extxyz, .xyz), POSCAR (POSCAR*, CONTCAR*, .vasp, .poscar),"
    " a .zip of these, or a folder of these"
)

_KNOWN = ATOMIC_NUMBER.keys() | {"D", "T"}

Format = Literal["cif", "extxyz", "poscar"]
_SUFFIXES: dict[str, Format] = {
    ".cif": "cif",
    ".extxyz": "extxyz",
    ".xyz": "extxyz",
    ".vasp": "poscar",
    ".poscar": "poscar",
}


StructureLike: TypeAlias = Union["Structure", "Atoms", Specimen, str, PathLike[str]]
"""One structure, or a path, which may stand for many."""


def read_structures(path: str | PathLike[str]) -> Iterator[Specimen | ScoutError]:
    """Every structure of a file, archive or folder, in order; where one cannot be used, its error
    in its place.
    """
    path = Path(path)
    try:
        if path.is_dir():
            yield from _read_folder(path)
        elif not path.exists():
            yield ScoutError("E201", f"{path}: no such file", "give " + SUPPORTED)
        elif not path.is_file():
            yield ScoutError("E201", f"{path} is not a regular file", "give " + SUPPORTED)
        elif path.suffix.lower() == ".zip":
            yield from _read_archive(path)
        else:
            yield from _read_file(path)
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


def plain_structure(data: Any) -> Structure:
    """The crystal of a dictionary of pymatgen's `Structure.as_dict`: species, occupancies,
    coordinates and lattice, and nothing else.

    Read by hand: pymatgen's own decoder would import whatever classes the data name. Raises
    ValueError, TypeError or KeyError.
    """
    from pymatgen.core import Lattice, Structure

    species = [
        {str(one["element"]): float(one["occu"]) for one in site["species"]}
        for site in data["sites"]
    ]
    if strange := {symbol for site in species for symbol in site} - _KNOWN:
        # pymatgen would take it for a dummy
        raise ValueError(f"{', '.join(sorted(strange)[:3])} is not an element")
    return Structure(
        Lattice(data["lattice"]["matrix"]), species, [site["abc"] for site in data["sites"]]
    )


def as_structure(item: Structure | Atoms, name: str) -> Structure:
    """A pymatgen Structure or ASE Atoms as an ordered, periodic structure. name: for messages.

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
            "give an ordered model of it",
        )
    strange = {site.specie.symbol for site in item} - _KNOWN
    if strange:
        raise ScoutError(
            "E204", f"{name} holds {', '.join(sorted(strange))}, which is not an element up to Fm"
        )
    if not all(map(math.isfinite, (*item.frac_coords.ravel(), *item.lattice.matrix.ravel()))):
        raise ScoutError("E206", f"{name} has coordinates or cell vectors that are not numbers")
    if item.volume < MIN_VOLUME_PER_ATOM * len(item):
        raise ScoutError(
            "E206", f"{name} has a degenerate cell: {item.volume:g} Å^3 for {len(item)} atoms"
        )
    return item


def unread(folder: Path) -> list[Path]:
    """What `read_structures` passes over in a folder, but programs and hidden files: folders inside
    of it, files of other kinds.
    """
    return [
        p
        for p in sorted(folder.iterdir())
        if not _usable(p) and p.suffix != ".scout" and not p.name.startswith(".")
    ]


def _usable(path: Path) -> bool:
    return path.is_file() and (path.suffix.lower() == ".zip" or _format(path.name) is not None)


def _read_folder(folder: Path) -> Iterator[Specimen | ScoutError]:
    usable = [p for p in sorted(folder.iterdir()) if _usable(p)]
    if not usable:
        yield ScoutError("E207", f"no structure files in {folder}", "it may hold " + SUPPORTED)
    for path in usable:
        yield from read_structures(path)


def _read_archive(path: Path) -> Iterator[Specimen | ScoutError]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                m
                for m in archive.infolist()
                if not m.is_dir() and _format(PurePosixPath(m.filename).name)
            ]
            if not members:
                yield ScoutError(
                    "E207", f"no structure files in {path}", "it may hold " + SUPPORTED
                )
            if (
                len(members) > MAX_ARCHIVE_FILES
                or sum(m.file_size for m in members) > MAX_ARCHIVE_BYTES
            ):
                yield ScoutError(
                    "E202",
                    f"{path} is too large unpacked",
                    f"at most {MAX_ARCHIVE_BYTES >> 20} MiB, {MAX_ARCHIVE_FILES} files",
                )
                return
            for member in members:
                inside = "/".join(
                    p for p in PurePosixPath(member.filename).parts if p not in ("/", "..")
                )
                yield from _read_member(archive, member, f"{path}/{inside}")
    except zipfile.BadZipFile as error:
        yield ScoutError("E203", f"{path} is not a readable zip archive: {error}")


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str
) -> Iterator[Specimen | ScoutError]:
    try:
        with archive.open(member) as stream:
            # what really comes out, whatever the header says
            data = stream.read(MAX_FILE_BYTES + 1)
    except Exception as error:  # damaged, encrypted or oddly compressed: zipfile raises many kinds
        yield ScoutError("E203", f"{name} cannot be unpacked: {error}")
        return
    yield from parse(data, name, PurePosixPath(member.filename).name)


def _read_file(path: Path) -> Iterator[Specimen | ScoutError]:
    with path.open("rb") as stream:
        data = stream.read(MAX_FILE_BYTES + 1)
    yield from parse(data, str(path), path.name)


def parse(data: bytes, name: str, filename: str) -> Iterator[Specimen | ScoutError]:
    """The structures of one file's content; errors carry ``name``."""
    file_format = _format(filename)
    if file_format is None:
        yield ScoutError(
            "E205", f"{name}: unknown kind of structure file", "known are " + SUPPORTED
        )
        return
    if len(data) > MAX_FILE_BYTES:
        yield ScoutError("E202", f"{name} is larger than {MAX_FILE_BYTES >> 20} MiB", "split it")
        return
    try:
        text = data.decode("utf-8-sig")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _PARSERS[file_format](text)
    except Exception as error:  # parsers raise anything at all on corrupt input
        reason = squeezed(error)
        yield ScoutError("E203", f"{name} is not a readable {file_format} file: {reason}")
        return
    if not found:
        yield ScoutError("E207", f"{name} holds no structure")
    for number, item in enumerate(found, start=1):
        origin = name if len(found) == 1 else f"{name}#{number}"
        try:
            yield Specimen(structure=as_structure(item, origin), origin=origin)
        except ScoutError as error:
            yield error


def _format(filename: str) -> Format | None:
    if filename.upper().startswith(("POSCAR", "CONTCAR")):
        return "poscar"
    return _SUFFIXES.get(PurePosixPath(filename).suffix.lower())


def _parse_cif(text: str) -> list[Structure | Atoms]:
    from pymatgen.io.cif import CifParser

    found = list(CifParser(io.StringIO(text)).parse_structures(primitive=False))
    unread = text.count("_atom_site_fract_x") - len(found)
    if found and unread > 0:  # the parser skips a bad data block with a warning only
        raise ValueError(f"{unread} of the {unread + len(found)} structures in it cannot be read")
    return found


def _parse_extxyz(text: str) -> list[Structure | Atoms]:
    from ase.io import read

    return list(read(io.StringIO(text), index=":", format="extxyz"))


def _parse_poscar(text: str) -> list[Structure | Atoms]:
    from pymatgen.io.vasp import Poscar

    # it would invent H, He, Li…
    warnings.filterwarnings("error", message="Elements in POSCAR cannot be determined")
    return [Poscar.from_str(text).structure]


_PARSERS = {"cif": _parse_cif, "extxyz": _parse_extxyz, "poscar": _parse_poscar}

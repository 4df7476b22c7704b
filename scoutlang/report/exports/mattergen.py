"""The files of `mattergen-generate`: what evaluates those can evaluate these."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from scoutlang.report.exports._format import Format
from scoutlang.report.exports._item import Parcel

CRYSTALS, CIFS = "generated_crystals.extxyz", "generated_crystals_cif.zip"


def write(parcel: Parcel, place: Path) -> None:
    """``generated_crystals.extxyz``, with the facts of each structure in its line of comments, and
    ``generated_crystals_cif.zip`` with ``gen_0.cif`` and so on, in the same order. Raises OSError.
    """
    import ase.io
    from pymatgen.io.cif import CifWriter

    place.mkdir()
    crystals = []
    for item in parcel.items:
        atoms = item.atoms
        atoms.info |= {"scout_id": item.id, **item.known_facts}
        crystals.append(atoms)
    text = io.StringIO()
    ase.io.write(text, crystals, format="extxyz")
    (place / CRYSTALS).write_text(text.getvalue(), encoding="utf-8")
    with zipfile.ZipFile(place / CIFS, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, item in enumerate(parcel.items):
            # without the time of day: the same crystals are the same file
            entry = zipfile.ZipInfo(f"gen_{number}.cif", (1980, 1, 1, 0, 0, 0))
            said = f"# {item.id}, {item.geometry}; energies by {item.potential}, not by DFT\n"
            archive.writestr(
                entry,
                said + str(CifWriter(item.structure)),
                compress_type=zipfile.ZIP_DEFLATED,
            )


FORMAT = Format(
    about="the folder of mattergen-generate, for mattergen-evaluate",
    makes="folder",
    write=write,
)

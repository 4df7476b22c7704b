"""The shortlist as files for the next step: cells as CIF and POSCAR, and inputs for VASP and
Quantum ESPRESSO by the libraries that their users know. Every cell is the relaxed one, with its
atoms on their ideal places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pymatgen.core import Structure
from pymatgen.io.cif import CifWriter
from pymatgen.io.vasp import Poscar
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from scoutlang.report.exports._place import placed
from scoutlang.report.shortlist import Candidate, as_csv, as_json

Inputs = Literal["vasp", "qe"]

_IDEAL = 1e-3
"""Å: atoms of a symmetrised cell are on their places but for rounding."""
_ESPRESSO = {
    "control": {"calculation": "vc-relax", "pseudo_dir": "./pseudo"},
    "system": {
        "ecutwfc": 60,
        "ecutrho": 480,
        "occupations": "smearing",
        "smearing": "cold",
        "degauss": 0.015,
    },
}
"""Cut-offs (Ry) that suit most elements of the SSSP efficiency library: to be tested with the
pseudopotentials that are used."""
_KSPACING = 0.03
"""1/Å, without 2π, as ASE counts it."""


def hand_over(
    found: Sequence[Candidate], target: Path, inputs: Sequence[Inputs] = ()
) -> list[Path]:
    """Write ``candidates.csv``, ``candidates.json`` and a folder for each candidate, ``01-Cu2SiP3``
    and so on, into ``target``, which is made whole or not at all. Returns the folders.

    Raises ScoutError: E622 it exists and is not empty, E602 it cannot be written.
    """
    with placed(target, overwrite=False, hint="choose another folder for --export") as work:
        work.mkdir()
        (work / "candidates.csv").write_text(as_csv(found), encoding="utf-8")
        (work / "candidates.json").write_text(as_json(found), encoding="utf-8")
        names = [_write(one, work, inputs, len(str(len(found)))) for one in found]
    return [target / name for name in names]


def primitive(one: Candidate) -> Structure:
    """The standardised primitive cell of a candidate (Setyawan and Curtarolo, Comput. Mater. Sci.
    49, 299 (2010)); its own cell where no group was found.
    """
    ideal = one.symmetrised
    if one.space_group is None:
        return ideal
    return SpacegroupAnalyzer(ideal, symprec=_IDEAL).get_primitive_standard_structure()


def _write(one: Candidate, target: Path, inputs: Sequence[Inputs], digits: int) -> str:
    name = f"{one.rank:0{max(digits, 2)}d}-{re.sub(r'[^A-Za-z0-9.]+', '', one.formula)}"
    folder = target / name
    folder.mkdir()
    cell = primitive(one)
    symmetric = None if one.space_group is None else _IDEAL
    CifWriter(cell, symprec=symmetric).write_file(folder / "structure.cif")
    comment = f"{one.id} {one.space_group_symbol or ''}".strip()
    Poscar(cell, comment=comment).write_file(folder / "POSCAR")
    if "vasp" in inputs:
        _vasp(cell, folder / "vasp")
    if "qe" in inputs:
        _espresso(cell, folder / "qe")
    return name


def _vasp(cell: Structure, folder: Path) -> None:
    """The relaxation of the Materials Project. POTCAR.spec names the potentials that are to be
    joined: they are licensed, and not ours to give.
    """
    from pymatgen.io.vasp.sets import MPRelaxSet

    MPRelaxSet(cell).write_input(folder, potcar_spec=True)


def _espresso(cell: Structure, folder: Path) -> None:
    import ase.io
    from pymatgen.io.ase import AseAtomsAdaptor

    folder.mkdir()
    elements = sorted({str(element) for element in cell.composition})
    ase.io.write(
        folder / "pw.in",
        AseAtomsAdaptor.get_atoms(cell, msonable=False),
        format="espresso-in",
        input_data=_ESPRESSO,
        pseudopotentials={element: f"{element}.UPF" for element in elements},
        kspacing=_KSPACING,
    )

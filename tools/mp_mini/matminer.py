"""Materials Project structures from the data files inside the matminer 0.3.9 source distribution
(PyPI).

Four tables: flla_2015, elastic_tensor, dielectric_constant, piezoelectric_tensor. Materials Project
data, CC BY 4.0.
"""

from __future__ import annotations

import ast
import csv
import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import click
from pymatgen.core import Structure
from pymatgen.io.vasp import Poscar

from scoutlang.validation.reference import ReferenceStructure

SDIST = "matminer-0.3.9.tar.gz"
LICENCE = "CC-BY-4.0"

# table → citation; in this order the first table that has a material id wins
TABLES = {
    "flla_2015": "doi:10.1002/qua.24917",
    "elastic_tensor": "doi:10.1038/sdata.2015.9",
    "dielectric_constant": "doi:10.1038/sdata.2016.134",
    "piezoelectric_tensor": "doi:10.1038/sdata.2015.53",
}


def download(folder: Path) -> Path:
    """Fetch the source distribution with pip into ``folder`` and return its path. Raises
    click.ClickException when pip cannot.
    """
    target = folder / SDIST
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=matminer"]
    command = [*pip, "matminer==0.3.9", "-d", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not target.exists():
        raise click.ClickException(
            f"pip cannot download {SDIST}: {done.stderr.strip()}\nfetch it from "
            f"https://pypi.org/project/matminer/0.3.9/#files and put it at {target}"
        )
    return target


def load(sdist: Path) -> list[ReferenceStructure]:
    """All ordered structures of the four tables, one per Materials Project id, in table order."""
    csv.field_size_limit(sys.maxsize)
    found: dict[str, ReferenceStructure] = {}
    with tarfile.open(sdist, "r:gz") as archive:
        for table, citation in TABLES.items():
            member = archive.extractfile(f"matminer-0.3.9/matminer/datasets/{table}.csv")
            assert (
                member is not None
            )  # a file, not a folder; it raises KeyError where there is none
            for material_id, structure in _rows(table, io.TextIOWrapper(member, encoding="utf-8")):
                if structure.is_ordered:
                    found.setdefault(
                        material_id,
                        ReferenceStructure(
                            material_id, f"matminer/{table}", structure, citation, LICENCE
                        ),
                    )
    return list(found.values())


def _rows(table: str, lines: Iterator[str]) -> Iterator[tuple[str, Structure]]:
    next(lines)  # the first line is a comment with the citation
    for row in csv.DictReader(lines):
        if table == "flla_2015":
            sites = ast.literal_eval(row["structure"])
            species = [site["species"][0]["element"] for site in sites["sites"]]
            yield (
                row["material_id"],
                Structure(
                    sites["lattice"]["matrix"], species, [site["abc"] for site in sites["sites"]]
                ),
            )
        else:
            # the headers of the dielectric and piezoelectric tables are shifted against their
            # columns: find cells by content
            cells = [cell for cell in [*row.values(), *row.get(None, [])] if isinstance(cell, str)]
            material_id = next(
                (cell for cell in cells if re.fullmatch(r"(mp|mvc)-\d+", cell)), None
            )
            poscar = next(
                (
                    cell
                    for cell in cells
                    if "\ndirect\n" in cell and not cell.startswith(("#", "{"))
                ),
                None,
            )
            if material_id and poscar:
                yield material_id, Poscar.from_str(poscar).structure

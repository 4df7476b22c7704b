"""The files of a validated run. Each appears whole or not at all."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import ase.io
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pymatgen.io.cif import CifWriter

from scoutlang.potentials import malformed
from scoutlang.support.files import cell, write_whole
from scoutlang.validation.pipeline import Validation
from scoutlang.validation.record import IDENTITY, Record, Value

if TYPE_CHECKING:
    import pandas as pd

RECORDS_PARQUET = "records.parquet"
RECORDS_CSV = "records.csv"
CRYSTALS = "generated_crystals.extxyz"
CRYSTALS_CIF = "generated_crystals_cif.zip"
SUMMARY = "summary.json"


def write_outputs(
    folder: Path,
    validation: Validation,
    others: Mapping[str, Validation] | None = None,
    *,
    prefix: str = "",
) -> list[Path]:
    """Write records, crystals and summary into an existing folder; return their paths. Raises
    OSError when the disk does not let us.

    others: the same structures in other geometries; the records have their columns, too, as
    ``NAME.column``. prefix: of the names of the files.

    Crystals that cannot be written (none was sampled, coordinates not finite) have their row in the
    records, with the reason.
    """
    rows = _table(validation.records, others or {})
    crystals = [r for r in validation.records if _writable(r)]
    summary = validation.to_json() | {"crystals_written": len(crystals)}
    writers: dict[str, Callable[[Path], object]] = {
        RECORDS_PARQUET: lambda path: pa.parquet.write_table(rows, path),
        RECORDS_CSV: lambda path: pa.csv.write_csv(_safe(rows), path),
        CRYSTALS: lambda path: path.write_text(_extxyz(crystals), encoding="utf-8"),
        CRYSTALS_CIF: lambda path: _zip_cifs(path, crystals),
        SUMMARY: lambda path: path.write_text(
            json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False) + "\n",
            encoding="utf-8",
        ),
    }
    return [write_whole(folder / f"{prefix}{name}", writer) for name, writer in writers.items()]


def _table(records: Sequence[Record], others: Mapping[str, Validation] | None = None) -> pa.Table:
    """One row per record; a column for everything that any stage added, here and in others."""
    rows = [r.row() for r in records]
    for name, other in (others or {}).items():
        found = {r.id: r.row() for r in other.records}
        rows = [row | _under(name, found.get(str(row["id"]), {})) for row in rows]
    columns = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in columns})


def _under(name: str, row: Mapping[str, Value]) -> dict[str, Value]:
    """The columns of another geometry: what identifies the structure is there already."""
    return {f"{name}.{key}": v for key, v in row.items() if key not in IDENTITY}


def as_frame(
    records: Sequence[Record], others: Mapping[str, Validation] | None = None
) -> pd.DataFrame:
    """The same table for pandas, by id, in dtypes that can miss a value: undefined is ``<NA>``."""
    import pandas as pd

    kinds = {
        pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
    }
    frame: pd.DataFrame = _table(records, others).to_pandas(types_mapper=kinds.get)
    return frame.set_index("id")


def _safe(rows: pa.Table) -> pa.Table:
    columns = {name: rows[name] for name in rows.column_names}
    texts = {
        name: [v if v is None else cell(v) for v in c.to_pylist()]
        for name, c in columns.items()
        if pa.types.is_string(c.type)
    }
    return pa.table(columns | texts)


def _writable(record: Record) -> bool:
    structure = record.generated.structure
    return structure is not None and not malformed(structure)


def _extxyz(records: Sequence[Record]) -> str:
    text = io.StringIO()
    if records:
        ase.io.write(text, [r.atoms for r in records], format="extxyz")
    return text.getvalue()


def _zip_cifs(path: Path, records: Sequence[Record]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in records:
            # without the time of day: the same crystals are the same file
            entry = zipfile.ZipInfo(f"{record.id}.cif", (1980, 1, 1, 0, 0, 0))
            archive.writestr(
                entry, str(CifWriter(record.structure)), compress_type=zipfile.ZIP_DEFLATED
            )

"""Build ``mp-mini`` anew with ``python -m tools.mp_mini``. Same inputs, same rows and order."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import click
import pyarrow.parquet as pq
from pymatgen.analysis.structure_matcher import StructureMatcher

from scoutlang.support.resources import cache_folder
from scoutlang.validation import reference
from scoutlang.validation.reference import ReferenceStructure, to_table
from tools.mp_mini import aflow, curated, matminer

TARGET = Path(reference.__file__).parent / "data" / "mp-mini.parquet"
MAX_ATOMS = 20
"""Size limit of the Materials Project rows, that of the embedded model. The other sources bring the
larger cells that hulls need.
"""


@click.command(help=__doc__)
@click.option(
    "--sdist",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="matminer 0.3.9 source distribution; downloaded if not given",
)
@click.option(
    "--target",
    type=click.Path(dir_okay=False, path_type=Path),
    default=TARGET,
    show_default=False,
    help="file to write",
)
def main(sdist: Path | None, target: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        structures = collect(sdist or matminer.download(cache_folder()))
    pq.write_table(to_table(structures), target, compression="zstd", compression_level=19)
    click.echo(f"{target}: {len(structures)} structures, {target.stat().st_size / 1e6:.2f} MB")
    for source, count in sorted(Counter(r.source for r in structures).items()):
        click.echo(f"  {source}: {count}")


def collect(sdist: Path) -> list[ReferenceStructure]:
    """All sources, without duplicates, ordered by chemical system, formula, source and id."""
    small = [r for r in matminer.load(sdist) if len(r.structure) <= MAX_ATOMS]
    kept = without_duplicates([*small, *curated.load(), *aflow.load()])
    return sorted(
        kept,
        key=lambda r: (
            r.structure.composition.chemical_system,
            r.structure.composition.reduced_formula,
            r.source,
            r.id,
        ),
    )


def without_duplicates(structures: Iterable[ReferenceStructure]) -> list[ReferenceStructure]:
    """Of crystals that are the same within measurement (5 % in lengths, no rescaling), the first.

    Much tighter than a novelty test, so polymorphs stay apart, while one phase from two sources
    (calculated, measured) is one row.
    """
    matcher = StructureMatcher(ltol=0.05, stol=0.1, angle_tol=2, scale=False)
    kept: defaultdict[str, list[ReferenceStructure]] = defaultdict(list)
    for candidate in structures:
        same_formula = kept[candidate.structure.composition.reduced_formula]
        if not any(matcher.fit(candidate.structure, known.structure) for known in same_formula):
            same_formula.append(candidate)
    return [r for group in kept.values() for r in group]


if __name__ == "__main__":
    main()

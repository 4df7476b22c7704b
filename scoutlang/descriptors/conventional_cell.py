"""The six parameters of the conventional cell, conventional_a to conventional_gamma, each a module
of its own that is made here.

It is the cell that crystallographers tabulate, with its edges along the symmetry of the crystal:
rutile has a = 4.59 Å and c = 2.96 Å, where the Niggli cell of `a`, `b` and `c` has the short edge
first.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from scoutlang.descriptors._values import of_structures
from scoutlang.descriptors.spacegroup import SYMPREC, dataset, symprec
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature, Dimension

if TYPE_CHECKING:
    from pymatgen.core import Structure

_PAGE = """{name}: {summary}, in {unit}.

The standard setting of International Tables for Crystallography A, as spglib makes it: centred
cells with all their lattice points, monoclinic crystals with the axis b, trigonal ones with
hexagonal axes, triclinic ones by their Niggli cell; origin and orientation play no part. Edges and
angles are those that the symmetry allows exactly, means over what it makes equal. The value does
not depend on the cell that was given, nor on whether it is a supercell, but it does on the symmetry
that is found: a crystal whose symmetry is just broken has a smaller cell with other axes, so
``expect spacegroup`` or ``crystal_system`` as well.

``symprec`` and where it is undefined: as `spacegroup`. Judged only: `{niggli}` of the Niggli cell
steers. Tolerance {tolerance}, scale {scale}.

Source: A. Togo, K. Shinohara, I. Tanaka, Sci. Technol. Adv. Mater., Meth. 4, 2384822 (2024),
doi:10.1080/27660400.2024.2384822.
"""


def _made(
    place: int,
    niggli: str,
    dimension: Dimension,
    summary: str,
    example: str,
) -> ModuleType:
    """One of six modules; ``place`` among a, b, c, α, β, γ."""
    edge = dimension == "length"
    signature = DescriptorSignature(
        name=f"conventional_{niggli}",
        summary=summary,
        dimension=dimension,
        scale=1.0 if edge else 10.0,
        tolerance=0.1 if edge else 2.0,
        maximum=float("inf") if edge else 180.0,
        parameters=(SYMPREC,),
        differentiable=False,
        example=example,
        since="1.1",
    )
    unit = signature.unit
    page = _PAGE.format(
        name=signature.name,
        summary=summary,
        unit="Å" if edge else "degrees",
        niggli=niggli,
        tolerance=f"{signature.tolerance:g} {unit}",
        scale=f"{signature.scale:g} {unit}",
    )

    @of_structures
    def exact(structure: Structure, measure: Measure) -> float | None:
        """The parameter, None where no space group is found."""
        from pymatgen.core import Lattice

        found = dataset(structure, symprec(measure))
        return None if found is None else Lattice(found.std_lattice).parameters[place]

    def formula(measure: Measure) -> str:
        return (
            f"{niggli} of the conventional cell, by operations that hold within "
            f"{symprec(measure):g} Å"
        )

    module = ModuleType(f"{__package__}.{signature.name}", page)
    vars(module).update(SIGNATURE=signature, exact=exact, formula=formula)
    return module


MODULES = (
    _made(
        0, "a", "length", "edge a of the conventional cell", "expect conventional_a = 5.4 ± 0.1 Å"
    ),
    _made(1, "b", "length", "edge b of the conventional cell", "expect conventional_b < 6 Å"),
    _made(
        2,
        "c",
        "length",
        "edge c of the conventional cell",
        "expect conventional_c / conventional_a = 0.64 ± 0.02",
    ),
    _made(
        3,
        "alpha",
        "angle",
        "angle between the edges b and c of the conventional cell",
        "expect conventional_alpha = 90°",
    ),
    _made(
        4,
        "beta",
        "angle",
        "angle between the edges a and c of the conventional cell",
        "expect conventional_beta > 100°",
    ),
    _made(
        5,
        "gamma",
        "angle",
        "angle between the edges a and b of the conventional cell",
        "expect conventional_gamma = 120°",
    ),
)

"""similarity(A-B, template="site.cif"): how alike the B around each A are to the environment of a
site in a CIF, 0 to 1.

s = (2 p·p′ / (p·p + p′·p′))^4, p_nn′l = √(2l + 1) Σ_m c_nlm c_n′lm, c_nlm = exp(−l(l + 1) α²/2) Σ_j
w_j exp(−(d_j − r_n)²/2β²) Y_lm(r_j)

p is a power spectrum (SOAP): the B around a site are smeared over β = 0.4 Å in distance and α =
0.15 rad in direction, and p holds what of this density does not change when it is turned or
mirrored. p·p′ is the squared overlap of two densities, averaged over all rotations. s is 1 for the
template itself in any orientation and falls with different angles, distances and numbers of
neighbours: to about 0.95 where the coordinates scatter by 0.1 Å, to 0.9 where all bonds are 4%
longer, below 0.4 for another polyhedron (octahedron and tetrahedron, prism, square). l ≤ 8; r_n
runs over [0, r] in steps of β, and two more. All B count alike, whatever their element.

soft:   w_j = p_j(B) σ(8/Å · (r − d_ij)), with the weight p_i(A) min(1, Σ_j w_j); the template in
the same way exact:  w_j = 1 for d ≤ r, whole atoms; a site without neighbours has no value and is
left out

The template is the environment of the first site of the CIF that is one of A's elements, else of
its very first site. Its neighbours are B elements within the same r: the largest sum of Cordero
covalent radii + 0.5 Å, or the given ``r``. Undefined where A is absent. E209 where the CIF cannot
be read, is disordered, lacks atoms of its formula, or has no B around that site. Tolerance 0.1,
scale 0.1.

Source: Bartók, Kondor, Csányi, Phys. Rev. B 87, 184115 (2013), doi:10.1103/PhysRevB.87.184115.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scoutlang.descriptors._harmonics import directions, harmonics
from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._radius import RADIUS, largest_radius, unknown_radius
from scoutlang.descriptors._values import by_sharpness
from scoutlang.ir import Measure, Relation, TextFile
from scoutlang.ir.signatures import Concern, DescriptorSignature, Parameter
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    from scoutlang.crystals.specimen import Specimen

_BLUR = 0.4  # Å, β
_ANGLE_BLUR = 0.15  # rad, α
_DEGREES = range(9)
_POWER = 4


def formula(measure: Measure) -> str:
    """The value as text."""
    centre, neighbour = measure.species
    file = measure.file("template")
    return (
        f"(2 p·p′ / (p² + p′²))^{_POWER} of the power spectra of the {neighbour.text} within "
        f"{_radius(measure):.2f} Å of {centre.text} "
        f"and of the site in {file.name if file else 'the template'}"
    )


def concerns(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """A missing radius, a template that cannot be used, or what its file says and its atoms do
    not.
    """
    unknown = list(unknown_radius(measure, relation))
    yield from unknown
    if not unknown:
        try:
            _template(measure, _radius(measure))
        except ScoutError as error:
            yield Concern(error.code, error.message, error.hint)
            return
        if (file := measure.file("template")) and (notes := _read(file).notes):
            advice = "the template is used as it was read; correct its file if that is wrong"
            yield Concern("W057", f"the template {file.name}: {notes[0]}", advice)


def _similarity(
    batch: CrystalBatch, measure: Measure, sharpness: float | Tensor | None
) -> neighbours.SiteValues:
    """Of every atom (N,). Raises ScoutError E209."""
    radius = _radius(measure)
    centre, neighbour = (place.elements for place in measure.species)
    found = neighbours.bonds(batch, centre, neighbour, radius, sharpness)
    size = len(found.centre)
    own = _spectrum(found.vector, found.distance, found.weight, found.i, size, radius)
    total = neighbours.sum_by_structure(found.weight, found.i, size)

    # The template once, or once for every sharpness of the batch.
    if sharpness is None:
        vector = found.vector.new_tensor(_template(measure, radius + neighbours.BOUNDARY_SLACK))
        weight = vector.new_ones(1, len(vector))
    else:
        slope = torch.as_tensor(
            sharpness, dtype=found.vector.dtype, device=found.vector.device
        ).reshape(-1, 1)
        vector = found.vector.new_tensor(
            _template(measure, radius + neighbours.SIGMOID_TAIL / float(slope.min()))
        )
        weight = neighbours.smooth_step(torch.linalg.vector_norm(vector, dim=-1), radius, slope)
    count = len(weight)
    copy = torch.arange(count, device=vector.device).repeat_interleave(len(vector))
    vector = vector.repeat(count, 1)
    other = _spectrum(
        vector, torch.linalg.vector_norm(vector, dim=-1), weight.flatten(), copy, count, radius
    )
    other = other[batch.system] if count > 1 else other

    norms = own.square().sum(-1) + other.square().sum(-1)
    value = (2 * (own * other).sum(-1) / norms).clamp(min=0) ** _POWER
    return neighbours.SiteValues(
        value, found.centre * total.clamp(max=1), batch.system, ~found.overflow, found.centre
    )


def _spectrum(
    vector: Tensor, distance: Tensor, weight: Tensor, site: Tensor, size: int, radius: float
) -> Tensor:
    """Power spectra (size, F) of sites from their P neighbours: vectors (P, 3) Å, distances and
    weights (P,), the site of each (P,).
    """
    grid = torch.arange(0, radius + 2 * _BLUR, _BLUR, dtype=vector.dtype, device=vector.device)
    radial = weight[:, None] * torch.exp(-((distance[:, None] - grid) ** 2) / (2 * _BLUR**2))
    direction = directions(vector, distance)
    parts = []
    for degree in _DEGREES:
        waves = (radial[:, :, None] * harmonics(direction, degree)[:, None, :]).flatten(1)
        c = (
            waves.new_zeros(size, waves.shape[1])
            .index_add(0, site, waves)
            .view(size, len(grid), -1)
        )
        blur = math.sqrt(2 * degree + 1) * math.exp(-degree * (degree + 1) * _ANGLE_BLUR**2)
        parts.append(blur * (c @ c.transpose(1, 2)).flatten(1))
    return torch.cat(parts, dim=-1)


def _template(measure: Measure, reach: float) -> list[list[float]]:
    """Vectors (Å) from the centre of the template to the B within reach. Raises ScoutError E209."""
    centre, neighbour = measure.species
    file = measure.file("template")
    if file is None:
        raise ScoutError(
            "E209",
            "similarity has no template",
            'give the CIF of an environment: template="site.cif"',
        )
    structure = _read(file).crystal
    middle = next(
        (site for site in structure if site.specie.symbol in centre.elements), structure[0]
    )
    around = [
        n for n in structure.get_neighbors(middle, reach) if n.specie.symbol in neighbour.elements
    ]
    if not any(n.nn_distance <= _radius(measure) for n in around):
        raise ScoutError(
            "E209",
            f"the template {file.name} has no {neighbour.text} within {_radius(measure):.2f} Å of "
            f"its {middle.specie.symbol}",
            "give another template, or a larger radius such as r=4 Å",
        )
    return [list(n.coords - middle.coords) for n in around]


def _read(file: TextFile) -> Specimen:
    from scoutlang.crystals.given import given_crystal

    return given_crystal(file, f"the template {file.name}")


def _radius(measure: Measure) -> float:
    return measure.parameter("r") or largest_radius(measure)


soft, exact = by_sharpness(_similarity)

SIGNATURE = DescriptorSignature(
    name="similarity",
    summary="likeness of the B around each A to the environment of a site in a CIF, 0 to 1",
    species=2,
    scale=0.1,
    tolerance=0.1,
    maximum=1.0,
    domain="site",
    parameters=(
        Parameter("template", "file", "", choices=(".cif",), required=True),
        Parameter(
            "r",
            "length",
            "the largest sum of the Cordero covalent radii + 0.5 Å",
            RADIUS.minimum,
            RADIUS.maximum,
        ),
    ),
    example='require similarity(Cu-P, template="site.cif") > 0.8',
    concerns=concerns,
)

"""xrd(pattern="measured.xy"): how well the powder X-ray pattern of the crystal agrees with a
measured one; 1 is the same.

The value is the correlation of the two over the measured points: the cosine of the angle between
the two lists of intensities, after the best straight line has been taken off both. So the scale, a
constant and a sloped background do not count; a curved background does: subtract it first. Patterns
with nothing in common are near 0, or a little below.

y(2θ) = Σ_hkl |F|² (1 + cos² 2θ_hkl)/(sin² θ_hkl cos θ_hkl) exp(−(2θ − 2θ_hkl)²/2σ²), F = Σ_i
f_i(sin θ/λ) exp(2πi h·x_i)

The sum runs over the reflections of the measured range, f are the tabulated scattering factors of
neutral atoms (pymatgen), in the soft value averaged over the species probabilities. ``fwhm`` =
2.355 σ is the width of all peaks, 0.2° unless given: give that of the measured peaks.
``wavelength`` is 1.54184 Å unless given, the weighted mean of Cu Kα. Not modelled: the Kα doublet,
thermal motion, preferred orientation, absorption, zero shift. Lattice constants 1% off move most
peaks by more than their width: the derivative leads only to near solutions.

The file holds 2θ in degrees, rising, the intensity and, at will, its error, in columns between
blanks, commas or semicolons, with comments after `#`, `!`, `%`, `//`, `'` or `*` and words before
the numbers; or it is Rigaku's `.ras` or PANalytical's `.xrdml`, whose wavelength must be the one
given. E210 where it cannot be used. Undefined: a cell so large that more than 10 000 reflections
are in range (about 6000 Å^3 for 90°), a degenerate cell, no reflection in range, elements without
tabulated factors (beyond Cf). Tolerance 0.05, scale 0.1.

Source: de Graef & McHenry, Structure of Materials, 2nd edition, Cambridge University Press (2012);
as pymatgen's XRDCalculator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from scoutlang.crystals.patterns import COLUMNS, SUFFIXES, BadPattern, points
from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._values import of_crystals
from scoutlang.ir import Measure, Relation
from scoutlang.ir.elements import SYMBOLS
from scoutlang.ir.signatures import Concern, DescriptorSignature, Parameter
from scoutlang.support.errors import ScoutError

_WAVELENGTH = 1.54184  # Å, Cu Kα: Bearden, Rev. Mod. Phys. 39, 78 (1967)
_WIDTH = 0.2  # degrees
_TAIL = 5.0  # σ from a peak where it ends
_LARGEST_ANGLE = 175.0  # degrees; the Lorentz factor has a pole at 180°
_FEWEST_POINTS = 10
_OTHER_WAVELENGTH = 0.01  # relative; Kα1 and the mean of Kα are 0.1 % apart
_MOST_REFLECTIONS = 10_000  # of one crystal, h k l and −h −k −l counted once
# h k l that are looked at, more than there are reflections where the cell is skewed
_MOST_CANDIDATES = 1_000_000
_FLAT = 1e-12


@dataclass(frozen=True)
class Pattern:
    """A measured pattern."""

    angle: tuple[float, ...]
    """2θ in degrees, rising."""
    intensity: tuple[float, ...]
    """At each angle, in any unit."""


def formula(measure: Measure) -> str:
    """The value as text."""
    file = measure.file("pattern")
    wavelength, width = _settings(measure)
    measured = file.name if file else "the measured one"
    return (
        f"correlation of the powder pattern (λ = {wavelength:g} Å, peaks {width:g}° wide) "
        f"with {measured}"
    )


def concerns(measure: Measure, relation: Relation) -> Iterator[Concern]:
    """A pattern that cannot be used."""
    try:
        read_pattern(measure)
    except ScoutError as error:
        yield Concern(error.code, error.message, error.hint)


def read_pattern(measure: Measure) -> Pattern:
    """The measured pattern that a program carries. Raises ScoutError E210."""
    file = measure.file("pattern")
    if file is None:
        raise _refused("xrd has no pattern", 'give a measured one: pattern="measured.xy"')
    try:
        found = points(file.text, file.name)
    except BadPattern as error:
        raise _refused(f"the pattern {file.name}: {error}", error.hint) from None
    angles, intensities = found.angles, found.intensities
    for k, (angle, intensity, line) in enumerate(
        zip(angles, intensities, found.lines, strict=True)
    ):
        place = f"line {line}" if line else f"point {k + 1}"
        if not (0 < angle < 180 and math.isfinite(intensity)):
            raise _refused(f"{place} of the pattern {file.name} holds {angle:g}, {intensity:g}")
        if k and angle <= angles[k - 1]:
            raise _refused(f"2θ does not rise at {place} of the pattern {file.name}")
    wavelength, width = _settings(measure)
    if found.wavelength and abs(wavelength / found.wavelength - 1) > _OTHER_WAVELENGTH:
        raise _refused(
            f"the pattern {file.name} was measured with {found.wavelength:g} Å, not"
            f" {wavelength:g} Å",
            f"give wavelength={found.wavelength:g} Å",
        )
    if len(angles) < _FEWEST_POINTS:
        raise _refused(
            f"the pattern {file.name} has {len(angles)} points, fewer than {_FEWEST_POINTS}"
        )
    step = (angles[-1] - angles[0]) / (len(angles) - 1)
    if step > width:
        raise _refused(
            f"the points of {file.name} are {step:.2g}° apart, peaks of {width:g}° fall between "
            "them",
            "give a larger fwhm",
        )
    highest = max(map(abs, intensities))
    if highest < 1e-30 or highest > 1e30 or _straight(angles, [i / highest for i in intensities]):
        raise _refused(f"the pattern {file.name} shows no peaks")
    return Pattern(tuple(angles), tuple(i / highest for i in intensities))


def _refused(why: str, hint: str = COLUMNS) -> ScoutError:
    return ScoutError("E210", why, hint)


def _straight(x: list[float], y: list[float]) -> bool:
    """Whether the points lie on one line."""
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    return all(abs(y[0] + slope * (a - x[0]) - b) < 1e-9 for a, b in zip(x, y, strict=True))


def _settings(measure: Measure) -> tuple[float, float]:
    """Wavelength in Å and width of the peaks in degrees."""
    return measure.parameter("wavelength") or _WAVELENGTH, measure.parameter("fwhm") or _WIDTH


def _correlations(batch: CrystalBatch, measure: Measure) -> tuple[Tensor, Tensor]:
    """→ values (B,), finite, differentiable over the reflections of the present cell; defined (B,)
    bool. Raises ScoutError E210.
    """
    wavelength, width = _settings(measure)
    measured = _Measured(read_pattern(measure), batch.frac)
    factors = _Factors(batch.species)
    cell, sound = neighbours.sound_cell(batch.cell)
    undefined = batch.frac.new_zeros(())
    values, defined = [], []
    ends = batch.num_atoms.cumsum(0).tolist()
    for k, (end, count) in enumerate(zip(ends, batch.num_atoms.tolist(), strict=True)):
        frac, species = batch.frac[end - count : end], batch.species[end - count : end]
        value = None
        if bool(sound[k] & frac.isfinite().all()) and factors.known(species):
            calculated = _calculated(
                frac, cell[k], species, factors, wavelength, width, measured.angle
            )
            value = None if calculated is None else measured.correlation(calculated)
        values.append(undefined if value is None else value)
        defined.append(value is not None)
    return torch.stack(values), torch.tensor(defined, device=batch.frac.device)


def _calculated(
    frac: Tensor,
    cell: Tensor,
    species: Tensor,
    factors: _Factors,
    wavelength: float,
    width: float,
    angle: Tensor,
) -> Tensor | None:
    """Intensities (G,) of one crystal at the angles (G,), in units of the strongest peak. None
    where undefined.
    """
    sigma = width / math.sqrt(8 * math.log(2))
    low, high = (
        max(float(angle[0]) - _TAIL * sigma, 0.0),
        min(float(angle[-1]) + _TAIL * sigma, _LARGEST_ANGLE),
    )
    hkl = reflections(cell.detach(), low, high, wavelength)
    if hkl is None or not len(hkl):
        return None
    position, intensity = peaks(hkl, frac, cell, species, factors, wavelength)
    strongest = intensity.detach().amax()
    if float(strongest) <= _FLAT:
        return None
    with torch.no_grad():  # each peak reaches the points of its own window
        first = torch.searchsorted(angle, position - _TAIL * sigma)
        count = torch.searchsorted(angle, position + _TAIL * sigma) - first
        peak = torch.repeat_interleave(count)
        point = (
            first[peak]
            + torch.arange(len(peak), device=angle.device)
            - (count.cumsum(0) - count)[peak]
        )
    shape = torch.exp(-0.5 * ((angle[point] - position[peak]) / sigma) ** 2)
    return torch.zeros_like(angle).index_add(0, point, intensity[peak] / strongest * shape)


def reflections(cell: Tensor, low: float, high: float, wavelength: float) -> Tensor | None:
    """(R, 3) whole numbers h k l with 2θ from low to high (degrees), of ±(h k l) one each. None
    where there are too many.

    cell: (3, 3) Å with a volume, without a gradient.
    """
    longest = 2 * math.sin(math.radians(high / 2)) / wavelength  # 1/d
    shortest = 2 * math.sin(math.radians(low / 2)) / wavelength
    volume = float(torch.linalg.det(cell).abs())
    # h = a · g, so |h| ≤ |a| |g|.
    most = [math.floor(float(edge) * longest) for edge in torch.linalg.vector_norm(cell, dim=-1)]
    if (
        2 / 3 * math.pi * longest**3 * volume > _MOST_REFLECTIONS
        or (most[0] + 1) * (2 * most[1] + 1) * (2 * most[2] + 1) > _MOST_CANDIDATES
    ):
        return None
    first = (0, -most[1], -most[2])
    ranges = [
        torch.arange(a, b + 1, dtype=cell.dtype, device=cell.device)
        for a, b in zip(first, most, strict=True)
    ]
    hkl = torch.cartesian_prod(*ranges)
    length = torch.linalg.vector_norm(hkl @ torch.linalg.inv(cell).T, dim=-1)
    one_of_two = (hkl[:, 0] > 0) | (
        (hkl[:, 0] == 0) & ((hkl[:, 1] > 0) | ((hkl[:, 1] == 0) & (hkl[:, 2] > 0)))
    )
    return hkl[one_of_two & (length >= shortest) & (length <= longest)]


def peaks(
    hkl: Tensor, frac: Tensor, cell: Tensor, species: Tensor, factors: _Factors, wavelength: float
) -> tuple[Tensor, Tensor]:
    """Positions 2θ in degrees and intensities (R,) of reflections (R, 3) of a crystal,
    differentiable in all but the reflections.
    """
    length = torch.linalg.vector_norm(hkl @ torch.linalg.inv(cell).T, dim=-1)
    sine = wavelength * length / 2
    theta = torch.asin(sine)
    phase = 2 * math.pi * hkl @ frac.T
    weight = species[:, factors.columns]
    f = factors(length / 2)
    real, imaginary = ((wave @ weight * f).sum(-1) for wave in (torch.cos(phase), torch.sin(phase)))
    lorentz_polarisation = (1 + torch.cos(2 * theta) ** 2) / (sine**2 * torch.cos(theta))
    return torch.rad2deg(2 * theta), (real**2 + imaginary**2) * lorentz_polarisation


class _Factors:
    """Atomic scattering factors of the elements that occur in species probabilities (N, Z).

    f(s) = Z − 41.78214 s² Σ a exp(−b s²), s = sin θ/λ; a, b from pymatgen's table.
    """

    def __init__(self, species: Tensor) -> None:
        from pymatgen.analysis.diffraction.xrd import ATOMIC_SCATTERING_PARAMS

        present = (species > 0).any(0).nonzero().squeeze(-1).tolist()
        self.columns = [z for z in present if z and SYMBOLS[z - 1] in ATOMIC_SCATTERING_PARAMS]
        self._unknown = [z for z in present if z not in self.columns]
        table = [ATOMIC_SCATTERING_PARAMS[SYMBOLS[z - 1]] for z in self.columns]
        self._a, self._b = species.new_tensor(table).reshape(-1, 4, 2).unbind(-1)
        self._z = species.new_tensor(self.columns)

    def known(self, species: Tensor) -> bool:
        """Whether all elements of some atoms are in the table."""
        return not bool((species[:, self._unknown] > 0).any())

    def __call__(self, s: Tensor) -> Tensor:
        """(R,) sin θ/λ in 1/Å → (R, elements)."""
        squared = s[:, None, None] ** 2
        found: Tensor = self._z - 41.78214 * squared[..., 0] * (
            self._a * torch.exp(-self._b * squared)
        ).sum(-1)
        return found


class _Measured:
    """A measured pattern without its best straight line, ready to be compared."""

    def __init__(self, pattern: Pattern, like: Tensor) -> None:
        self.angle = like.new_tensor(pattern.angle)
        lines = torch.stack([torch.ones_like(self.angle), self.angle - self.angle.mean()])
        self._lines = torch.nn.functional.normalize(lines, dim=-1)
        self._intensity = torch.nn.functional.normalize(
            self._without_line(like.new_tensor(pattern.intensity)), dim=-1
        )

    def correlation(self, calculated: Tensor) -> Tensor | None:
        """With intensities (G,) at the same angles; None where these show no peak."""
        rest = self._without_line(calculated)
        norm = torch.linalg.vector_norm(rest)
        return None if float(norm.detach()) <= _FLAT else (rest * self._intensity).sum() / norm

    def _without_line(self, intensity: Tensor) -> Tensor:
        return intensity - (self._lines @ intensity) @ self._lines


soft, exact = of_crystals(_correlations)

SIGNATURE = DescriptorSignature(
    name="xrd",
    summary="agreement of the powder X-ray pattern with a measured one; 1 is the same",
    scale=0.1,
    tolerance=0.05,
    minimum=-1.0,
    maximum=1.0,
    domain="crystal",
    parameters=(
        Parameter("pattern", "file", "", choices=SUFFIXES, required=True),
        Parameter("wavelength", "length", "1.54184 Å, Cu Kα", 0.2, 5.0),
        Parameter(
            "fwhm", "angle", "0.2°, the width of the peaks at half of their height", 0.02, 5.0
        ),
    ),
    example='require xrd(pattern="measured.xy") > 0.8',
    concerns=concerns,
)

"""Powder patterns: peaks and intensities of pymatgen's calculator, the value on measured points,
and files that cannot be used.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prototypes import prototypes, settings
from pymatgen.analysis.diffraction.xrd import XRDCalculator
from pymatgen.core import Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import xrd
from scoutlang.ir import Measure, TextFile
from scoutlang.support.errors import ScoutError
from scoutlang.testing import check_descriptor

CRYSTALS = prototypes()


def against(text: str, **parameters: float) -> Measure:
    return Measure("xrd", (), (("pattern", TextFile("measured.xy", text)), *parameters.items()))


def pattern(
    structure: Structure,
    *,
    fwhm: float = 0.2,
    wavelength: float = 1.54184,
    background: str = "0",
    step: float = 0.05,
) -> str:
    """A pattern by pymatgen with Gaussian peaks, 10° to 90°, as a file."""
    found = XRDCalculator(wavelength=wavelength).get_pattern(structure, two_theta_range=(8, 92))
    x = np.arange(10, 90, step)
    sigma = fwhm / np.sqrt(8 * np.log(2))
    y = (found.y[:, None] * np.exp(-0.5 * ((x - found.x[:, None]) / sigma) ** 2)).sum(0)
    y = y + (300 - 2 * x if background == "sloped" else 0)
    return "# two theta, intensity\n" + "\n".join(
        f"{a:.4f} {b:.6f}" for a, b in zip(x, y, strict=True)
    )


@pytest.mark.parametrize(
    "name", ["rock_salt", "rutile", "quartz", "spinel", "tenorite", "cinnabar"]
)
@pytest.mark.parametrize("wavelength", [1.54184, 0.7])
def test_peaks_and_intensities_are_those_of_pymatgen(name: str, wavelength: float) -> None:
    theirs = XRDCalculator(wavelength=wavelength).get_pattern(
        CRYSTALS[name], two_theta_range=(10, 70)
    )
    for structure in settings(CRYSTALS[name])[:3]:
        batch = CrystalBatch.from_structures([structure])
        hkl = xrd.reflections(batch.cell[0], 10, 70, wavelength)
        assert hkl is not None
        position, intensity = xrd.peaks(
            hkl, batch.frac, batch.cell[0], batch.species, xrd._Factors(batch.species), wavelength
        )
        angles, heights = np.asarray(position), np.asarray(intensity)
        lines = np.array([heights[np.abs(angles - a) < 1e-3].sum() for a in theirs.x])
        their_lines = np.array([theirs.y[np.abs(theirs.x - a) < 1e-3].sum() for a in theirs.x])
        # theirs without the faintest lines
        np.testing.assert_allclose(lines / lines.max(), their_lines / their_lines.max(), atol=2e-5)
        # and no others
        assert heights.sum() / lines.max() == pytest.approx(
            theirs.y.sum() / their_lines.max(), rel=1e-3
        )


@pytest.mark.parametrize("background", ["0", "sloped"])
def test_a_crystal_agrees_with_its_own_pattern_in_any_cell(background: str) -> None:
    for name in ("rutile", "rock_salt"):
        use = against(pattern(CRYSTALS[name], background=background))
        batch = CrystalBatch.from_structures(settings(CRYSTALS[name]))
        for found in (xrd.exact(batch, use), xrd.soft(batch, use)):
            assert found.value.tolist() == pytest.approx([1] * 4, abs=1e-5)


def test_other_crystals_disagree_and_a_strained_one_falls_between() -> None:
    use = against(pattern(CRYSTALS["rutile"]))
    strained = CRYSTALS["rutile"].copy()
    strained.apply_strain(0.002)
    others = [CRYSTALS[n] for n in ("anatase", "quartz", "rock_salt")]
    near, *far = xrd.exact(CrystalBatch.from_structures([strained, *others]), use).value.tolist()
    assert max(far) < 0.2
    assert 0.5 < near < 0.99


def test_the_derivative_leads_back_to_the_atoms_and_the_cell_that_were_measured() -> None:
    true = CrystalBatch.from_structures([CRYSTALS["rutile"]])
    use = against(pattern(CRYSTALS["rutile"], fwhm=0.5), fwhm=0.5)
    rng = torch.Generator().manual_seed(0)
    frac = (
        true.frac + 0.02 * torch.randn(true.frac.shape, generator=rng, dtype=torch.float64)
    ).requires_grad_()
    strain = torch.full((), 1.004, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([{"params": [frac], "lr": 2e-3}, {"params": [strain], "lr": 5e-4}])
    for _ in range(60):
        optimizer.zero_grad()
        value = xrd.soft(true.with_geometry(frac, true.cell * strain), use).value
        (-value.sum()).backward()
        optimizer.step()
    assert float(value) > 0.995
    assert float(strain) == pytest.approx(1, abs=3e-4)


def test_species_probabilities_count_and_undecided_atoms_scatter_as_their_mean() -> None:
    batch = CrystalBatch.from_structures([CRYSTALS["rutile"]])
    use = against(pattern(CRYSTALS["rutile"]))
    species = (0.5 * batch.species).requires_grad_()
    found = xrd.soft(
        CrystalBatch(batch.frac, batch.cell, species, batch.system, batch.num_atoms), use
    )
    # half of every atom: the same pattern, weaker
    assert float(found.value) == pytest.approx(1, abs=1e-5)
    (gradient,) = torch.autograd.grad(found.value.sum(), species)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


def test_wavelength_and_width_are_used() -> None:
    text = pattern(CRYSTALS["spinel"], wavelength=0.7, fwhm=0.4)
    batch = CrystalBatch.from_structures([CRYSTALS["spinel"]])
    right = float(xrd.exact(batch, against(text, wavelength=0.7, fwhm=0.4)).value)
    assert right == pytest.approx(1, abs=1e-5)
    assert float(xrd.exact(batch, against(text, fwhm=0.4)).value) < 0.3
    assert 0.8 < float(xrd.exact(batch, against(text, wavelength=0.7)).value) < 0.99


def test_too_large_a_cell_and_an_element_without_factors_are_undefined() -> None:
    use = against(pattern(CRYSTALS["rock_salt"]))
    huge = CRYSTALS["rock_salt"].copy()
    huge.scale_lattice(40_000)
    einsteinium = CRYSTALS["rock_salt"].copy()
    einsteinium.replace_species({"Na": "Es"})
    tiny = CRYSTALS["rock_salt"].copy()
    tiny.scale_lattice(0.01)  # no reflection as far as 90°
    found = xrd.exact(
        CrystalBatch.from_structures([huge, einsteinium, tiny, CRYSTALS["rock_salt"]]), use
    )
    assert found.defined.tolist() == [False, False, False, True]


LINES = "\n".join(f"{10 + 0.1 * k:.1f} {k % 7}" for k in range(20))


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        LINES.replace("\n", " 0.5\n") + " 0.5",
        "! counts\n% of\n// two\n/* long\ncomments */\n' days\n* in all\n" + LINES,
        "Sample: NiO\n2Theta  Intensity\n" + LINES.replace(" ", "   "),
        "[Scan points]\nAngle,Intensity\n" + LINES.replace(" ", ","),
        LINES.replace(" ", " 1.0E+0").replace("1.0E+0", "0"),
        LINES.replace(" ", ","),
        LINES.replace(" ", ";"),
        LINES.replace(" ", "\t") + "\n\n# end",
        "2theta,intensity\n" + LINES.replace(" ", ", "),
        "\ufeff# BOM\n" + LINES.replace("\n", " 0.5  # error\r\n"),
    ],
)
def test_ways_to_write_a_pattern(text: str) -> None:
    found = xrd.read_pattern(against(text))
    assert found.angle[:2] == (10.0, 10.1)
    assert len(found.intensity) == 20
    assert max(found.intensity) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 points"),
        ("10 1\n11 2\n", "2 points"),
        (LINES + "\nabc def", "line 21 is not two numbers: abc def"),
        (LINES + "\n50", "line 21 has 1 numbers"),
        (LINES + "\n50 nan", "line 21"),
        (LINES.replace(" ", " 3 4 "), "line 1 has 4 numbers"),
        (LINES.replace(".", ","), "line 1 has decimal commas: 10,0 0"),
        (LINES.replace(".", ",").replace(" ", ";"), "decimal commas"),
        (LINES.replace(".", ",").replace(" ", "\t"), "decimal commas"),
        ("q intensity\n" + LINES, "its first column is q, not 2θ"),
        ("d [A],I\n" + LINES, "its first column is d, not 2θ"),
        ("Theta;counts\n" + LINES, "its first column is Theta, not 2θ"),
        (LINES + "\n50 1e999", "line 21"),
        ("0 1\n" + LINES, "line 1"),
        ("-5 1\n" + LINES, "line 1"),
        (LINES + "\n200 1", "line 21"),
        (LINES + "\n11.0 1", "does not rise at line 21"),
        ("\n".join(f"{10 + k} {2 * k}" for k in range(20)), "apart"),
        ("\n".join(f"{10 + 0.1 * k} {2 * k + 5}" for k in range(20)), "no peaks"),
        ("\n".join(f"{10 + 0.1 * k} 0" for k in range(20)), "no peaks"),
        ("\n".join(f"{10 + 0.005 * k} {k % 3}" for k in range(21_000)), "more than 20000 points"),
        ("\x00\x01\x02", "0 points"),
    ],
)
def test_a_pattern_that_cannot_be_used(text: str, words: str) -> None:
    with pytest.raises(ScoutError, match=words) as caught:
        xrd.soft(CrystalBatch.from_structures([CRYSTALS["copper"]]), against(text))
    assert caught.value.code == "E210"
    (concern,) = xrd.concerns(against(text), None)  # type: ignore[arg-type]
    assert (concern.code, concern.message) == (caught.value.code, caught.value.message)


def ras(rows: str = LINES.replace("\n", " 1.0\n") + " 1.0", wavelength: str = "1.540593") -> str:
    return (
        "*RAS_DATA_START\n*RAS_HEADER_START\n"
        f'*HW_XG_WAVE_LENGTH_ALPHA1 "{wavelength}"\n*RAS_HEADER_END\n'
        f"*RAS_INT_START\n{rows}\n*RAS_INT_END\n*RAS_DATA_END\n"
    )


def xrdml(points: str = "", counts: str = "", wavelength: str = "1.5405980", more: str = "") -> str:
    points = points or "<startPosition>10</startPosition><endPosition>11.9</endPosition>"
    counts = counts or " ".join(str(k % 7) for k in range(20))
    scan = (
        f'<scan><dataPoints><positions axis="2Theta" unit="deg">{points}</positions>'
        f'{more}<intensities unit="counts">{counts}</intensities></dataPoints></scan>'
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5"><xrdMeasurement>'
        f'<usedWavelength><kAlpha1 unit="Angstrom">{wavelength}</kAlpha1></usedWavelength>'
        f"{scan}</xrdMeasurement></xrdMeasurements>"
    )


def in_file(name: str, text: str, **parameters: float) -> Measure:
    return Measure("xrd", (), (("pattern", TextFile(name, text)), *parameters.items()))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.ras", ras()),
        ("a.RAS", ras().replace("\n", "\r\n")),
        ("a.xrdml", xrdml()),
        (
            "a.xrdml",
            xrdml(
                f"<listPositions>{' '.join(f'{10 + k / 10}' for k in range(20))}</listPositions>"
            ),
        ),
        ("a.xrdml", xrdml().replace("intensities", "counts").replace("/1.5", "/2.1")),
    ],
)
def test_what_diffractometers_write(name: str, text: str) -> None:
    found = xrd.read_pattern(in_file(name, text))
    assert found.angle[:2] == pytest.approx((10.0, 10.1))
    assert found.intensity[:8] == pytest.approx([k / 6 for k in range(7)] + [0])
    assert len(found.angle) == 20


def test_counts_behind_an_attenuator_are_multiplied_by_its_factor() -> None:
    rows = LINES.replace("\n", " 1.0\n") + " 10.0"
    assert xrd.read_pattern(in_file("a.ras", ras(rows))).intensity[-2:] == pytest.approx((0.08, 1))
    factors = (
        "<beamAttenuationFactors>" + " ".join(["1"] * 19 + ["10"]) + "</beamAttenuationFactors>"
    )
    counted = xrdml(more=factors).replace("intensities", "counts")
    assert xrd.read_pattern(in_file("a.xrdml", counted)).intensity[-1] == 1


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.ras", LINES, "0 lists of intensities"),
        ("a.ras", ras() + ras(), "2 lists of intensities"),
        ("a.ras", ras("10 x 1"), "line 6 is no angle"),
        ("a.ras", ras(wavelength="0.7093"), "measured with 0.7093 Å, not 1.54184 Å"),
        ("a.xrdml", LINES, "no XML"),
        ("a.xrdml", xrdml()[:-30], "no XML"),
        ("a.xrdml", "<!DOCTYPE x [<!ENTITY a 'b'>]>" + xrdml(), "entities"),
        ("a.xrdml", xrdml(counts="1 2 x"), "x in its intensities is no number"),
        ("a.xrdml", xrdml("<listPositions>10 11</listPositions>"), "2 angles and 20 intensities"),
        ("a.xrdml", xrdml("<commonPosition>10</commonPosition>"), "no start and end"),
        ("a.xrdml", xrdml().replace('"2Theta"', '"Omega"'), "no scan over 2Theta"),
        ("a.xrdml", "<a></a>", "0 scans"),
        ("a.xrdml", xrdml(wavelength="0.7093"), "measured with 0.7093 Å"),
    ],
)
def test_what_diffractometers_write_and_cannot_be_used(name: str, text: str, words: str) -> None:
    (concern,) = xrd.concerns(in_file(name, text), None)  # type: ignore[arg-type]
    assert (concern.code, words in concern.message) == ("E210", True), concern
    mo = in_file(name, text, wavelength=0.7093)
    assert "measured with" not in words or not [*xrd.concerns(mo, None)]  # type: ignore[arg-type]


def test_conforms() -> None:
    check_descriptor(xrd, against(pattern(CRYSTALS["copper"], step=0.2, fwhm=0.5), fwhm=0.5))

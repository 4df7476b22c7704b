"""The stage `symmetry`: known groups, the ladder, and cells on which moyopy would not return."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import moyopy
import numpy as np
import pytest
from crystals_by_hand import TablePotential, generated, known, rock_salt, simple_cubic
from pymatgen.core import Lattice, Structure
from pymatgen.core.operations import SymmOp

from scoutlang.descriptors.spacegroup import number
from scoutlang.ir import Program
from scoutlang.validation import Record, validate
from scoutlang.validation.record import Outcome
from scoutlang.validation.reference import load
from scoutlang.validation.stages import Context, Stage
from scoutlang.validation.stages.symmetry import STAGE, Group, Symmetry, moyopy_group, spglib_group

Checked = Callable[[str], Program]

NEEDLE = (1.8, 2.3, 200.0, 90.0, 89.85, 90.0)
"""Å and degrees: β is midway between those of two mirrors, whose product is a shear of infinite
order.
"""


def rutile() -> Structure:
    """TiO2, P4_2/mnm, 6 atoms."""
    x = 0.305
    oxygen = [(x, x, 0), (1 - x, 1 - x, 0), (0.5 + x, 0.5 - x, 0.5), (0.5 - x, 0.5 + x, 0.5)]
    return Structure(
        Lattice.tetragonal(4.594, 2.959),
        ["Ti"] * 2 + ["O"] * 4,
        [(0, 0, 0), (0.5, 0.5, 0.5), *oxygen],
    )


def shaken(structure: Structure, length: float, seed: int = 0) -> Structure:
    """Every atom moved by this length (Å) in a random direction."""
    shifts = np.random.default_rng(seed).normal(size=(len(structure), 3))
    shifts *= length / np.linalg.norm(shifts, axis=1)[:, None]
    return Structure(
        structure.lattice,
        structure.species,
        structure.cart_coords + shifts,
        coords_are_cartesian=True,
    )


@pytest.fixture
def ask(program: Checked) -> Callable[..., Outcome]:
    def asked(
        structure: Structure, text: str = "system Ti-O; require CN(Ti-O) = 6", stage: Stage = STAGE
    ) -> Outcome:
        context = Context(
            program(text),
            TablePotential({}),
            known(simple_cubic("Na", 4.0)),
            lambda done, total: None,
        )
        (outcome,) = stage.run([Record("a", generated(structure)[0])], context)
        assert bool(outcome.reason) == (outcome.status != "passed")
        return outcome

    return asked


Ask = Callable[..., Outcome]


class TestGroup:
    def test_a_known_crystal(self, ask: Ask) -> None:
        found = ask(rutile())
        assert found.values["space_group"] == found.values["space_group_spglib"] == 136
        assert found.values["space_group_symbol"] == "P4_2/mnm"
        assert found.values["symprec"] == 0.1
        assert found.values["symmetry_moved"] == pytest.approx(0, abs=1e-6)
        assert found.values["space_groups_agree"] is True

    def test_no_symmetry_has_no_ideal_places(self, ask: Ask) -> None:
        found = ask(shaken(rutile(), 0.4))
        assert (found.values["space_group_symbol"], found.values["symmetry_moved"]) == ("P1", None)

    def test_symbols_are_those_of_the_tables(self) -> None:
        any_crystal = rock_salt()
        assert [Group(n, any_crystal).symbol for n in (1, 2, 14, 62, 167, 194, 225)] == [
            "P1",
            "P-1",
            "P2_1/c",
            "Pnma",
            "R-3c",
            "P6_3/mmc",
            "Fm-3m",
        ]

    def test_real_crystals_in_other_cells_and_slightly_shaken(self) -> None:
        """Both programs; the ideal crystal is near the sampled one, and has the group at a
        tolerance a hundred times tighter.
        """
        turn = SymmOp.from_axis_angle_and_translation((1, 2, 3), 40)
        crystals = [
            r.structure for r in load().subset(["Cu", "Si", "P", "O"]) if len(r.structure) <= 10
        ][::2]
        crystals = [c for c in crystals if number(c, 0.01) == number(c, 0.1)]
        assert len(crystals) >= 8
        for i, crystal in enumerate(crystals):
            expected = number(crystal, 0.01)
            given = shaken(crystal * ((1, 1, 2), (2, 1, 1), (1, 1, 1))[i % 3], 0.02, seed=i)
            given.apply_operation(turn)
            given.translate_sites(range(len(given)), (0.1, 0.2, 0.3))
            for find in (moyopy_group, spglib_group):
                group = find(given, 0.1)
                assert group is not None
                assert group.number == expected
                assert group.structure.species == given.species
                assert number(group.structure, 0.001) == expected
                moved = group.moved(given)
                assert moved is None or 0 < moved < 0.06
                assert np.allclose(
                    group.structure.lattice.parameters, given.lattice.parameters, atol=0.1
                )

    def test_the_descriptor_says_the_same_as_the_column(self, ask: Ask) -> None:
        for crystal in (rutile(), shaken(rutile(), 0.05), rock_salt()):
            values = ask(crystal).values
            assert number(crystal, float(values["symprec"] or 0)) == values["space_group_spglib"]

    def test_a_disagreement_is_said(self, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
        """The programs differ on one in a hundred of sampled crystals; here spglib is given a
        tighter tolerance than moyopy.
        """
        monkeypatch.setattr(
            "scoutlang.validation.stages.symmetry.spglib_group",
            lambda s, symprec: spglib_group(s, 1e-4),
        )
        values = ask(shaken(rutile(), 0.02)).values
        assert (
            values["space_group"],
            values["space_group_spglib"],
            values["space_groups_agree"],
        ) == (136, 1, False)


class TestLadder:
    def test_how_far_atoms_are_from_their_places(self, ask: Ask) -> None:
        """One oxygen of four is 0.04 Å off along c: in the ideal crystal it stands between, on the
        mirror planes of the others.
        """
        bent = rutile()
        bent.translate_sites([2], (0, 0, 0.04), frac_coords=False)
        found = ask(bent)
        assert (found.values["space_group"], found.values["symprec"]) == (136, 0.1)
        # a sixth of the way is common to all atoms
        assert found.values["symmetry_moved"] == pytest.approx(0.04 * 5 / 6, abs=1e-6)

    def test_a_step_that_moves_atoms_too_far_is_not_taken(
        self, ask: Ask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Programs may raise the tolerance by themselves; here both take five times the step."""
        bent = rutile()
        bent.translate_sites([2], (0, 0, 0.04), frac_coords=False)
        monkeypatch.setattr(
            "scoutlang.validation.stages.symmetry.moyopy_group",
            lambda s, symprec: moyopy_group(s, 5 * symprec),
        )
        monkeypatch.setattr(
            "scoutlang.validation.stages.symmetry.spglib_group",
            lambda s, symprec: spglib_group(s, 5 * symprec),
        )
        found = ask(bent, stage=Symmetry((0.02,)))
        assert (found.status, found.reason) == (
            "undefined",
            "at 0.02 Å P4_2/mnm moves an atom by 0.033 Å",
        )
        assert ask(bent, stage=Symmetry((0.02, 0.008))).values["space_group_symbol"] == "Cm"

    def test_a_step_that_changes_a_term_is_not_taken(self, ask: Ask) -> None:
        """Shaken by 0.02 Å, the shortest bond is shorter than the ideal 1.95 Å: a limit between
        them holds for one of the two only.
        """
        bent = shaken(rutile(), 0.02)
        shortest = float(bent.distance_matrix[:2, 2:].min())
        assert shortest < 1.94
        free = ask(bent)
        assert (free.values["space_group"], free.values["symprec"]) == (136, 0.1)
        bound = ask(bent, f"system Ti-O; require min_distance(Ti-O) < {shortest + 0.002} Å")
        assert bound.status == "passed"
        assert float(bound.values["symprec"] or 1) < 0.1
        assert bound.values["space_group"] == 1

    def test_none_at_all_is_undefined(self, ask: Ask) -> None:
        """Two atoms of one element at one place: no program has a group."""
        found = ask(Structure(Lattice.cubic(3), ["Ti", "Ti"], [(0, 0, 0), (0.001, 0, 0)]))
        assert (found.status, found.reason, dict(found.values)) == (
            "undefined",
            "no program finds a space group",
            {},
        )

    def test_the_record_keeps_the_crystal_as_sampled(self, program: Checked) -> None:
        given = shaken(rutile(), 0.02)
        before = given.frac_coords.copy()
        (record,) = validate(
            program("system Ti-O; require CN(Ti-O) = 6"),
            generated(given),
            potential=TablePotential({}),
            reference=known(rutile()),
        ).records
        assert record.value("space_group") == 136
        assert (record.structure.frac_coords == before).all()
        assert (given.frac_coords == before).all()


class TestNeverHangs:
    def test_moyopy_does(self) -> None:
        """Why there is a guard; the day this fails the guard can go."""
        code = (
            "import json, sys, moyopy; print('asked', flush=True);"
            "moyopy.MoyoDataset(moyopy.Cell(json.loads(sys.argv[1]), [[0, 0, 0]], [5]), symprec=0.1)"
        )
        cell = json.dumps(Lattice.from_parameters(*NEEDLE).matrix.tolist())
        command = [sys.executable, "-c", code, cell]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as asking:
            assert asking.stdout
            assert asking.stdout.readline() == b"asked\n"
            with pytest.raises(subprocess.TimeoutExpired):
                asking.wait(timeout=2)
            asking.kill()

    @pytest.mark.parametrize("turned", [(0, 1, 2), (2, 0, 1)])
    def test_a_needle_is_left_to_spglib(
        self, ask: Ask, turned: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def asked(*_: object, **__: object) -> None:
            pytest.fail("moyopy was asked, and might not return")

        monkeypatch.setattr(moyopy, "MoyoDataset", asked)
        needle = Lattice.from_parameters(*NEEDLE).matrix[list(turned)]
        skewed = np.array([[1, 0, 0], [3, 1, 0], [-2, 5, 1]]) @ needle
        for matrix in (needle, skewed):
            assert moyopy_group(Structure(matrix, ["B"], [(0, 0, 0)]), 0.1) is None
            values = ask(
                Structure(matrix, ["B", "B"], [(0, 0, 0), (0.3, 0.4, 0.1)]),
                "system B; require CN(B-B) >= 1",
            ).values
            assert values["space_group"] == values["space_group_spglib"]
            assert values["space_groups_agree"] is None

    def test_the_bound_is_wider_than_the_theory(self) -> None:
        """β from one mirror to the other, where a³ is 1 to 40 times symprec² c, on cells that
        moyopy is asked about: it returns.
        """
        asked = 0
        for ratio in (1, 3, 5, 10, 20, 40):
            a, symprec = 1.5, 0.1
            c = a**3 / (ratio * symprec**2)
            for part in np.linspace(0, 1, 9):
                beta = 90 - np.degrees(part * a / (2 * c))
                cell = Structure(
                    Lattice.from_parameters(a, 1.1 * a, c, 90, beta, 90), ["B"], [(0, 0, 0)]
                )
                asked += moyopy_group(cell, symprec) is not None
        assert asked >= 9

    def test_every_number_has_a_symbol(self) -> None:
        assert len({moyopy.SpaceGroupType(n).hm_short for n in range(1, 231)}) == 230

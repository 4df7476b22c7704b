"""Whatever is in the input: each structure gets a clear status, the others go on as if it were not
there, and the order does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from crystals_by_hand import TablePotential, generated, known, rock_salt, simple_cubic
from pymatgen.core import Lattice, Structure

from scoutlang import potentials
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Program
from scoutlang.potentials import Evaluation, Potential, Report
from scoutlang.validation import Record, validate
from scoutlang.validation.reference import load
from scoutlang.validation.stages import built_in

TEXT = "system Na-Cl; require CN(Na-Cl) = 6; expect e_above_hull < 0.2 eV/atom; expect novel and unique"
REFERENCE = known(simple_cubic("Na", 4.0), simple_cubic("Cl", 4.0), rock_salt())
POTENTIAL = TablePotential({"Na": -1.0, "Cl2": -2.0, "NaCl": -3.5})


def needle() -> Structure:
    """moyopy would not return on its lattice."""
    return Structure(
        Lattice.from_parameters(2.6, 3.0, 600, 90, 89.938, 90),
        ["Na"] * 10,
        [(0, 0, i / 10) for i in range(10)],
    )


def pancake() -> Structure:
    return Structure(
        Lattice.orthorhombic(90, 90, 3.2),
        ["Na"] * 100,
        [(i / 10, j / 10, 0) for i in range(10) for j in range(10)],
    )


STRANGE = {
    "no structure": None,
    "partial occupancy": Structure(Lattice.cubic(4), [{"Na": 0.5, "K": 0.5}], [(0, 0, 0)]),
    "unknown element": simple_cubic("Cf", 4.0),
    "coordinates not numbers": Structure(
        Lattice.cubic(4), ["Na", "Cl"], [(0, 0, 0), (0.5, np.nan, 0.5)]
    ),
    "lattice not finite": Structure(np.diag([4, 4, np.inf]), ["Na"], [(0, 0, 0)]),
    "no volume": Structure([(4, 0, 0), (4, 0, 0), (0, 0, 4)], ["Na"], [(0, 0, 0)]),
    "two atoms on one site": Structure(Lattice.cubic(5), ["Na", "Na"], [(0.1, 0, 0), (0.1, 0, 0)]),
    "needle": needle(),
    "pancake": pancake(),
    "one atom": simple_cubic("Na", 4.2),
    "200 atoms": rock_salt() * (5, 5, 1),
}
HELD_BACK = {
    "no structure": ("geometry", "failed", "no structure"),
    "partial occupancy": ("geometry", "failed", "partially occupied"),
    "unknown element": ("screen", "undefined", "no covalent radius for Cf"),
    "coordinates not numbers": ("geometry", "failed", "not finite"),
    "lattice not finite": ("geometry", "failed", "not finite"),
    "no volume": ("geometry", "failed", "volume 0"),
    "two atoms on one site": ("screen", "failed", "Na-Na at 0.00 Å"),
}
"""The stage that a structure does not get past, and what it says."""


@pytest.fixture
def judge(program: Callable[[str], Program]) -> Callable[[Sequence[Specimen]], list[Record]]:
    def judged(raw: Sequence[Specimen]) -> list[Record]:
        return list(validate(program(TEXT), raw, potential=POTENTIAL, reference=REFERENCE).records)

    return judged


Judge = Callable[[Sequence[Specimen]], list[Record]]


def rows(records: Sequence[Record]) -> dict[str, dict[str, object]]:
    return {r.id: r.row() for r in records}


def test_nothing_is_judged_to_nothing(judge: Judge) -> None:
    assert judge([]) == []


def test_one_structure(judge: Judge) -> None:
    (record,) = judge(generated(rock_salt()))
    assert {stage: o.status for stage, o in record.outcomes.items() if o.status != "passed"} == {
        "novel": "failed",
        "expect": "failed",
    }


def test_each_strange_one_has_its_status_and_the_others_do_not_notice(judge: Judge) -> None:
    alone = judge(generated(rock_salt(), rock_salt(a=5.7)))
    records = judge(generated(rock_salt(), rock_salt(a=5.7), *STRANGE.values()))
    assert rows(records[:2]) == rows(alone)
    for name, record in zip(STRANGE, records[2:], strict=True):
        assert list(record.outcomes) == [stage.name for stage in built_in()]
        assert all(bool(o.reason) == (o.status != "passed") for o in record.outcomes.values()), name
        if name in HELD_BACK:
            stage, status, reason = HELD_BACK[name]
            assert record.outcomes[stage].status == status, (name, record.outcomes)
            assert reason in record.outcomes[stage].reason
            assert (
                record.outcomes["energy"].status == record.outcomes["symmetry"].status == "skipped"
            )
        else:
            assert record.passed("screen"), (name, record.outcomes)
            assert record.passed("symmetry"), (name, record.outcomes)
            assert record.passed("hull"), (name, record.outcomes)


def test_what_is_known_of_the_strange_crystals(judge: Judge) -> None:
    found = dict(zip(STRANGE, judge(generated(*STRANGE.values())), strict=True))
    assert found["200 atoms"].hit is True
    assert found["200 atoms"].value("matched") == "2"
    assert found["200 atoms"].value("space_group") == 225
    assert found["one atom"].value("space_group_symbol") == "Pm-3m"
    assert found["pancake"].value("space_group_symbol") is not None
    assert found["needle"].value("space_groups_agree") is None


def test_duplicates_only(judge: Judge) -> None:
    first, *others = judge(generated(*[rock_salt()] * 5))
    assert first.value("unique") is True
    assert [r.value("duplicate_of") for r in others] == [first.id] * 4


def test_the_order_of_the_input_is_that_of_the_records_and_changes_nothing_else(
    judge: Judge,
) -> None:
    raw = generated(rock_salt(), rock_salt(a=5.7), rock_salt(a=9.0), *STRANGE.values())
    forward = judge(raw)
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(raw))
        permuted = judge([raw[i] for i in order])
        assert [r.id for r in permuted] == [forward[i].id for i in order]
        assert rows(permuted) == rows(forward)


def test_a_potential_that_breaks_takes_only_its_own_answers(
    program: Callable[[str], Program],
) -> None:
    class Broken:
        name, version, weights_sha256 = "broken", "1", "0" * 64

        def energies(
            self,
            structures: Sequence[Structure],
            *,
            batch_size: int = 16,
            report: Report | None = None,
        ) -> list[Evaluation]:
            raise MemoryError("no room")

    potential: Potential = Broken()  # type: ignore[assignment]
    (record,) = validate(
        program(TEXT), generated(rock_salt()), potential=potential, reference=REFERENCE
    ).records
    assert record.outcomes["energy"].status == "undefined"
    assert "MemoryError: no room" in record.outcomes["energy"].reason
    assert record.outcomes["hull"].status == "skipped"
    assert record.hit is True
    assert record.passed("symmetry")


@pytest.mark.slow
def test_strange_ones_with_the_real_potential_and_reference(
    program: Callable[[str], Program],
) -> None:
    """Californium has a radius and a place in no training set: CHGNet says so, and the rest goes
    on.
    """
    names = [name for name in STRANGE if name not in ("needle", "pancake")]
    raw = generated(rock_salt(), *(STRANGE[name] for name in names))
    first, *others = validate(
        program(TEXT), raw, potential=potentials.load(), reference=load()
    ).records
    assert first.e_above_hull == pytest.approx(0.0, abs=0.1)
    found = dict(zip(names, others, strict=True))
    assert found["200 atoms"].e_above_hull == pytest.approx(first.e_above_hull or 0, abs=1e-3)
    assert found["unknown element"].e_above_hull is None
    assert all(
        bool(o.reason) == (o.status != "passed") for r in others for o in r.outcomes.values()
    )

"""What a program says about sampling reaches the sampler: composition, strengths over time, knobs
of the guidance.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import replace

import pytest
import torch

import scoutlang
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Program
from scoutlang.sampling.generate import check_model, generate
from scoutlang.sampling.mattergen.checkpoint import Model, load_model
from scoutlang.sampling.schedules import strength
from scoutlang.support.errors import ScoutError

TEXT = "system Cu-Si-P; require CN(Cu-P) = 4; sample 4 steps 12 seed 3"


@pytest.fixture(scope="module")
def mini() -> Model:
    return load_model("mini")


def program(text: str) -> Program:
    result = scoutlang.check(text)
    assert result.program is not None, result.diagnostics
    return result.program


def compositions(sampled: list[Specimen]) -> list[Counter[str]]:
    assert all(s.structure is not None for s in sampled)
    return [
        Counter(site.specie.symbol for site in s.structure)
        for s in sampled
        if s.structure is not None
    ]


@pytest.mark.parametrize("arm", ["guided", "non-guided"])
@pytest.mark.parametrize("recur", [1, 2])
def test_a_formula_is_exact(mini: Model, arm: str, recur: int) -> None:
    asked = program(f"{TEXT}; formula Cu2SiP3; atoms in [6, 18]; guide recur {recur}")
    for found in compositions(generate(asked, mini, arm, range(4))):  # type: ignore[arg-type]
        units = sum(found.values()) // 6
        assert found == {"Cu": 2 * units, "Si": units, "P": 3 * units}
        assert 1 <= units <= 3


def test_atoms_become_known_one_after_another(mini: Model) -> None:
    """As without a formula: the mask lifts during the steps, not all at once."""
    from scoutlang.sampling.mattergen.batches import conditions
    from scoutlang.sampling.mattergen.sampler import Sampler

    masked: list[int] = []
    types = torch.tensor([29, 29, 14, 15, 15, 15])
    sampler = Sampler(mini.module, conditions([6], "Cu-P-Si", types), [5], steps=20, cfg=1.0)
    step = sampler.processes.predict

    def watched(*args, **kwargs):  # type: ignore[no-untyped-def]
        result = step(*args, **kwargs)
        masked.append(int((result["atomic_numbers"] > 100).sum()))
        return result

    sampler.processes.predict = watched  # type: ignore[method-assign]
    batch = sampler.run()
    assert batch["atomic_numbers"].tolist() == types.tolist()
    assert masked == sorted(masked, reverse=True)
    assert len(set(masked)) > 3


def test_a_formula_that_no_cell_of_the_model_holds(mini: Model) -> None:
    with pytest.raises(ScoutError, match="the formula is outside") as error:
        check_model(program("system Cu-P; formula Cu20P11"), mini)
    assert error.value.code == "E521"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0.5", {1.0: 0.5, 0.3: 0.5}),
        ("constant(0.5)", {1.0: 0.5, 0.0: 0.5}),
        ("ramp(0 -> 0.8)", {1.0: 0.0, 0.5: 0.4, 0.0: 0.8}),
        ("ramp(0 -> 0.8, cosine)", {1.0: 0.0, 0.5: 0.4, 0.75: 0.4 * (1 - math.cos(math.pi / 4))}),
        (
            "piecewise(0.9: 0, 0.5: 1, 0.1: 0.2)",
            {1.0: 0.0, 0.9: 0.0, 0.7: 0.5, 0.5: 1.0, 0.3: 0.6, 0.05: 0.2},
        ),
    ],
)
def test_strength_over_time(written: str, expected: dict[float, float]) -> None:
    schedule = program(f"system Cu-P; guide k={written}").guide.k
    for t, value in expected.items():
        assert strength(schedule, t) == pytest.approx(value), t


def test_a_wish_is_followed_downhill_and_uphill(mini: Model) -> None:
    """Also where the value is positive and should rise, so that the loss is negative."""
    text = "system Cu-Si-P; atoms = 8; prefer volume_per_atom as {} as possible; guide move 0.3 strain 0.1; sample 8 steps 40 seed 5"

    def volume(direction: str) -> float:
        made = generate(program(text.format(direction)), mini, "guided", range(8))
        return statistics.mean(s.crystal.volume / len(s.crystal) for s in made)

    assert volume("high") > volume("low") + 2


@pytest.mark.parametrize(
    "knob", [{"types": 0.0}, {"move": 0.5}, {"strain": 0.2}, {"sharpness": 3.0}]
)
def test_every_knob_changes_the_guided_arm_only(mini: Model, knob: dict[str, float]) -> None:
    usual = program(
        "system Cu-Si-P; require CN(Cu-P) = 6; atoms = 8; guide from 1 to 0; sample 2 steps 12 seed 3"
    )
    turned = replace(usual, guide=replace(usual.guide, **knob))

    def structures(chosen: Program, arm: str) -> list[object]:
        return [s.structure for s in generate(chosen, mini, arm, [0, 1])]  # type: ignore[arg-type]

    assert structures(usual, "non-guided") == structures(turned, "non-guided")
    assert structures(usual, "guided") != structures(turned, "guided")


@pytest.mark.parametrize(
    ("written", "corrections"), [("", 1), (" corrector 0", 0), (" corrector 3", 3)]
)
def test_the_corrector_takes_the_steps_that_were_asked_for_else_those_of_the_model(
    mini: Model, written: str, corrections: int
) -> None:
    """The predictor runs at each of 12 steps, the corrector after each but the last."""
    seen: list[int] = []
    generate(
        program(TEXT + written),
        mini,
        "non-guided",
        range(2),
        on_step=lambda p: seen.append(p.evaluations),
    )
    assert seen[-1] == 2 * (12 + 11 * corrections)
    assert mini.langevin.steps == 1


@pytest.mark.parametrize(
    "unguided",
    [
        "require CN(Cu-P) = 4; guide k=0",
        "require CN(Cu-P) = 4; guide k=0 recur 3",
        "require CN(Cu-P) = 4; guide k=piecewise(1: 0, 0.5: 0) g=0.8",
        "require CN(Cu-P) = 4; guide method paper k=0 g=0",
        "expect CN(Cu-P) = 4; guide k=2",
    ],
)
def test_what_pushes_nothing_is_plain_sampling(mini: Model, unguided: str) -> None:
    """Without resampling too: nobody descends from another, nobody asks for an energy, and a
    structure does not depend on its batch.
    """
    settings = "system Cu-Si-P; atoms = 6; sample 6 batch 6 steps 10 seed 3"
    asked = program(f"{settings}; {unguided}")
    assert not asked.is_guided

    def energies(_: object) -> torch.Tensor:
        raise AssertionError("nothing is selected by energy")

    found = generate(asked, mini, "guided", range(6), above_hull=energies)
    assert [one.ancestor for one in found] == list(range(6))
    plain = program(f"{settings}; expect density > 0")
    assert [s.structure for s in found] == [
        s.structure for s in generate(plain, mini, "guided", range(6))
    ]


def test_what_pushes_is_guided() -> None:
    text = "system Cu-P; {} CN(Cu-P) = 4; guide {}"
    for verb, guide, expected in (
        ("require", "k=0.1", True),
        ("prefer", "k=ramp(0 -> 1)", True),
        ("require", "method paper k=0 g=0.1", True),
        ("require", "k=0 g=0.1", False),
        ("expect", "k=1", False),
    ):
        assert program(text.format(verb, guide)).is_guided is expected

"""One test for each trap of docs/guidance.md that is not caught elsewhere; each fails if we fall
into it.

Trap 2 and what heals trap 4 are in test_exactness.py, traps 9–12 in tests/evaluation, tests/crystals
and tests/descriptors.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from closed_form import PRIOR
from pymatgen.core import Lattice, Structure
from torch.overrides import TorchFunctionMode

import scoutlang
from scoutlang.crystals.batch import CrystalBatch
from scoutlang.evaluation.expressions import Reading, truth
from scoutlang.evaluation.loss import compile_loss
from scoutlang.ir import Compare, Guide, Program, Schedule
from scoutlang.sampling import guidance
from scoutlang.sampling.generate import guided_by
from scoutlang.sampling.mattergen import processes
from scoutlang.sampling.mattergen.batches import conditions, wrap
from scoutlang.sampling.mattergen.corrector import Langevin
from scoutlang.sampling.mattergen.sampler import Sampler
from scoutlang.sampling.noise import symmetric_noise
from scoutlang.sampling.paper import normalised_step

BOND = 1.32 + 1.07  # Å, the sum of the covalent radii of Cu and P
ZINC_BLENDE = Structure.from_spacegroup(
    "F-43m", Lattice.cubic(4 * BOND / 3**0.5), ["Cu", "P"], [[0, 0, 0], [0.25, 0.25, 0.25]]
)


def program(claim: str, system: str = "Cu-P") -> Program:
    checked = scoutlang.check(f"system {system}; require {claim}")
    assert checked.program is not None, checked.diagnostics
    return checked.program


def holds(claim: str, structure: Structure) -> bool:
    """Judged as hits are: by the exact values."""
    (term,) = program(claim).terms
    return bool(
        truth(term.claim, Reading(CrystalBatch.from_structures([structure]), "exact")).true.item()
    )  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def volume_loss():
    return compile_loss(scoutlang.check("system Cu-P; require volume_per_atom = 12").program)


def test_trap_01_clean_lattice_knows_the_limit_mean():
    clean = torch.tensor([[[4.0, 0.1, 0], [0.1, 5.0, 0], [0, 0, 6.0]]])
    mu, alpha, sigma = 3.0 * torch.eye(3)[None], torch.tensor(0.3), torch.tensor(0.8)
    noise = symmetric_noise(torch.randn(1, 3, 3))
    noisy = alpha * clean + (1 - alpha) * mu + sigma * noise
    torch.testing.assert_close(processes.clean_cell(noisy, -noise / sigma, alpha, sigma, mu), clean)


def test_trap_02_renoised_lattice_has_the_forward_moments():
    """q(z_t | z_s) ∘ q(z_s) = q(z_t), from s to t in one step."""
    g = torch.Generator().manual_seed(0)
    mu, nu, alpha_s, alpha_t = 3.0, 0.9, 0.8, 0.5
    z_s = (
        alpha_s * 5.0
        + (1 - alpha_s) * mu
        + nu * (1 - alpha_s**2) ** 0.5 * torch.randn(100_000, generator=g)
    )
    z_t = processes.renoise_cell(
        z_s,
        torch.tensor(alpha_t / alpha_s),
        torch.tensor(mu),
        torch.tensor(nu),
        torch.randn(100_000, generator=g),
    )
    assert z_t.mean().item() == pytest.approx(alpha_t * 5.0 + (1 - alpha_t) * mu, abs=0.01)
    assert z_t.std().item() == pytest.approx(nu * (1 - alpha_t**2) ** 0.5, rel=0.01)


def test_trap_03_renoised_coordinates_have_the_forward_spread():
    g = torch.Generator().manual_seed(0)
    sigma_s, sigma_t = torch.tensor(0.02), torch.tensor(0.05)
    start = wrap(0.98 + sigma_s * torch.randn(100_000, generator=g))
    end = processes.renoise_frac(start, sigma_t, sigma_s, torch.randn(100_000, generator=g))
    assert ((end >= 0) & (end < 1)).all()
    offset = (end - 0.98 + 0.5) % 1.0 - 0.5
    assert offset.std().item() == pytest.approx(0.05, rel=0.01)


def test_trap_04_the_last_steps_heal(sample_toy, volume_loss):
    """Guidance changes nothing after the end of its window, and never acts in the last step."""
    seen = []
    guide = Guide(until=0.0, since=1.0)
    sample_toy(
        2,
        steps=20,
        loss=volume_loss,
        guide=guide,
        on_step=lambda p: seen.append(p.guided is not None),
    )
    assert seen == [True] * 19 + [False]
    seen.clear()
    sample_toy(
        2,
        steps=20,
        loss=volume_loss,
        guide=Guide(since=0.88),
        on_step=lambda p: seen.append(p.guided is not None),
    )
    assert seen[-1] is False
    # t = 1.00, 0.95, …, 0.05: the first three are above the window, the last one is the last step
    assert seen == [False] * 3 + [True] * 16 + [False]


@pytest.mark.parametrize("method", ["adaptive", "paper"])
def test_trap_05_a_structure_does_not_see_its_neighbours(toy, volume_loss, method):
    guide = Guide(
        method=method,
        k=Schedule(start=0.5, end=0.5),
        g=Schedule(start=0.2, end=0.2),
        recur=2,
        backward=2,
        resample=0,
    )
    loop = guided_by(guide, volume_loss)
    sizes = [1 + i % 5 for i in range(32)]  # 32 structures of five sizes
    batch = Sampler(toy, conditions(sizes, None), range(32), steps=12, cfg=0.0).run(loop)
    for i in (0, 31):
        alone = Sampler(toy, conditions([sizes[i]], None), [i], steps=12, cfg=0.0).run(loop)
        atoms = batch.get_batch_idx("pos") == i
        torch.testing.assert_close(batch["cell"][i], alone["cell"][0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(batch["pos"][atoms], alone["pos"], rtol=1e-5, atol=1e-5)
        assert torch.equal(batch["atomic_numbers"][atoms], alone["atomic_numbers"])


def test_trap_05_batch_normalisation_is_there_for_comparison():
    square_norm = torch.tensor([9.0, 16.0])
    assert normalised_step(1.0, square_norm, over_batch=False, cap=None).tolist() == pytest.approx(
        [1 / 3, 1 / 4]
    )
    assert normalised_step(1.0, square_norm, over_batch=True, cap=None).tolist() == pytest.approx(
        [1 / 5, 1 / 5]
    )


def test_trap_06_a_small_lattice_gradient_gives_a_small_lattice_step():
    system, n = torch.zeros(2, dtype=torch.long), torch.tensor([2])
    cell = 4 * torch.eye(3)[None]
    clean = CrystalBatch(torch.zeros(2, 3), cell, torch.zeros(2, 101), system, n)
    grad_frac = torch.tensor([[4.0, 0, 0], [-4.0, 0, 0]])
    strains = []
    for size in (1e-3, 1e-6):
        d = guidance.descent(clean, grad_frac, size * torch.eye(3)[None])
        step = normalised_step(1.0, d.square_norm, over_batch=False, cap=None)
        strains.append((step[:, None, None] * d.strain).norm().item())
    assert strains[1] == pytest.approx(strains[0] / 1000, rel=1e-3)
    assert strains[0] < 1e-3


def test_trap_08_forward_guidance_reads_the_score_that_denoises(toy, volume_loss, monkeypatch):
    """x̂0 comes from the one score evaluation of the step, the classifier-free guided one."""
    calls = []
    guide = Guide(
        method="paper",
        k=Schedule(start=0.1, end=0.1),
        g=Schedule(start=0.1, end=0.1),
        since=1.0,
        until=0.0,
    )
    sampler = Sampler(toy, conditions([2], None), [0], steps=10, cfg=0.0)
    original = sampler._score
    monkeypatch.setattr(
        original, "_guided", lambda x, t, f=original._guided: calls.append(t[0].item()) or f(x, t)
    )
    sampler.run(guided_by(guide, volume_loss))
    # one for the predictor and one for the corrector of each step; the last step has no corrector
    assert len(calls) == 2 * 10 - 1


def test_trap_07_types_are_clean_probabilities(toy):
    """A masked atom counts with the network's probabilities, an unmasked one with its type, and the
    mask with nothing.
    """
    z = conditions([3], None)
    z = z.replace(
        pos=torch.rand(3, 3),
        cell=4 * torch.eye(3)[None],
        atomic_numbers=torch.tensor([101, 15, 29]),
    )
    sampler = Sampler(toy, z, [0], steps=10, cfg=0.0)
    species = sampler.processes.species(z, sampler.score(z, 0.5))
    assert species[0, 29].item() == pytest.approx(PRIOR.copper, abs=1e-5)
    assert species[0, 15].item() == pytest.approx(1 - PRIOR.copper, abs=1e-5)
    assert species[1].argmax() == 15
    assert species[2].argmax() == 29
    torch.testing.assert_close(species.sum(1), torch.ones(3))


def test_trap_13_a_mixture_of_two_and_six_is_four_on_average_only():
    around = BOND * torch.tensor(
        [[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=torch.float64
    )
    pair, octahedron = torch.tensor([6.0, 6, 6]), torch.tensor([18.0, 6, 6])
    places = torch.cat(
        [pair[None], octahedron[None], pair + around[:2], octahedron + around]
    ).numpy()
    mixture = Structure(
        Lattice.orthorhombic(24, 12, 12), ["Cu"] * 2 + ["P"] * 8, places, coords_are_cartesian=True
    )
    assert holds("CN(Cu-P) = 4", mixture)
    assert not holds("each CN(Cu-P) = 4", mixture)
    assert holds("fraction(CN(Cu-P) = 6) = 0.5", mixture)
    assert holds("each CN(Cu-P) = 4", ZINC_BLENDE)
    # the loss sees it, too
    losses = [
        compile_loss(program(c))(CrystalBatch.from_structures([mixture])).total.item()
        for c in ("CN(Cu-P) = 4", "each CN(Cu-P) = 4")
    ]
    assert losses[0] < 0.2
    assert losses[1] > 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("volume_per_atom = 12 Å^3", "volume_per_atom = 0.012 nm^3"),
        ("min_distance(Cu-P) > 2.5 Å", "min_distance(Cu-P) > 0.25 nm"),
        ("density in [1 g/cm^3, 2 g/cm^3]", "density in [1000 kg/m^3, 2000 kg/m^3]"),
    ],
)
def test_trap_14_a_loss_does_not_depend_on_the_units(one, other):
    """Residuals are dimensionless: what the user writes in another unit weighs as much beside a
    coordination number.
    """
    batch = CrystalBatch.from_structures([ZINC_BLENDE])
    first, second = (
        compile_loss(program(f"{claim}; require CN(Cu-P) = 6"))(batch) for claim in (one, other)
    )
    assert first.terms[0, 0] > 0
    torch.testing.assert_close(first.terms, second.terms)
    (term, _) = program(f"{one}; require CN(Cu-P) = 6").terms
    assert isinstance(term.claim, Compare)
    low, high = term.claim.relation.low, term.claim.relation.high
    nearest = term.claim.relation.target or (
        low if high is None or first.values[0, 0] < low else high
    )
    assert first.terms[0, 0].item() == pytest.approx(
        abs(first.values[0, 0].item() - nearest) / term.claim.relation.scale
    )


def test_trap_15_a_tight_radius_is_judged_by_the_hard_count_and_warned_about():
    """0.2 Å beyond the bond the smooth count of four neighbours is 4 σ(1.6) = 3.33."""
    claim = f"CN(Cu-P, r = {BOND + 0.2:.2f} Å) = 4 ± 0.3"
    value = compile_loss(program(claim))(CrystalBatch.from_structures([ZINC_BLENDE])).values.item()
    assert value == pytest.approx(3.33, abs=0.01)
    assert holds(claim, ZINC_BLENDE)
    (warning,) = [
        d for d in scoutlang.check(f"system Cu-P; require {claim}").diagnostics if d.code == "W056"
    ]
    assert "3.33" in warning.message
    assert not [
        d
        for d in scoutlang.check("system Cu-P; require CN(Cu-P) = 4 ± 0.3").diagnostics
        if d.code == "W056"
    ]


class Counting(TorchFunctionMode):
    """Counts the torch functions that are called from Python."""

    calls = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.calls += 1
        return func(*args, **(kwargs or {}))


def test_trap_16_a_loss_has_no_loop_over_structures_or_atoms():
    """One call of each descriptor, and as many torch functions, for 32 crystals of eight cells as
    for one.
    """
    loss = compile_loss(
        program("CN(Cu-P) = 4; require each angle(P-Cu-P) > 90°; require volume_per_atom = 12")
    )
    calls = []
    for structures in ([ZINC_BLENDE], [ZINC_BLENDE] * 32, [ZINC_BLENDE * (2, 2, 2)] * 2):
        batch = CrystalBatch.from_structures(structures)
        with Counting() as counting:
            loss(batch)
        calls.append(counting.calls)
    assert calls[0] == calls[1] == calls[2] > 50


@pytest.mark.parametrize("backward", [1, 2])
def test_trap_16_one_evaluation_and_one_backward_pass_for_each_guided_score(
    toy, volume_loss, monkeypatch, backward
):
    """`paper` with forward guidance: the network once per score, its graph used once; n_b more
    gradients, of the loss alone.
    """
    steps, evaluations, gradients, through_network = 10, [], [], []
    guide = Guide(
        method="paper",
        k=Schedule(start=0.1, end=0.1),
        g=Schedule(start=0.1, end=0.1),
        since=1.0,
        until=0.0,
        backward=backward,
    )
    sampler = Sampler(
        toy,
        conditions([2] * 5, None),
        range(5),
        steps=steps,
        cfg=0.0,
        langevin=Langevin(steps=0),
    )
    score, differentiate = toy.model.forward, torch.autograd.grad

    def evaluate(x, t):
        evaluations.append(t)
        out = score(x, t)
        if out["cell"].requires_grad:
            out["cell"].register_hook(lambda _: through_network.append(1))
        return out

    monkeypatch.setattr(toy.model, "forward", evaluate)
    monkeypatch.setattr(
        torch.autograd,
        "grad",
        lambda *a, **k: gradients.append(k.get("create_graph", False)) or differentiate(*a, **k),
    )
    sampler.run(guided_by(guide, volume_loss))
    guided = steps - 1
    assert len(evaluations) == steps
    assert len(through_network) == guided
    assert gradients == [False] * guided * (1 + backward)


def test_every_trap_has_a_test_of_its_name():
    named = set()
    for path in Path(__file__).parents[1].rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_trap_"):
                named.add(int(node.name.split("_")[2]))
    assert named == set(range(1, 17))

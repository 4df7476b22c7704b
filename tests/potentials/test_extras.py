"""Potentials of packages that are no dependency. GRACE runs wherever `make test` does; the others
are skipped without their package.

The published weights are not in these packages, so networks with random parameters stand for them:
what is tested is the way to them and back.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from crystals_by_hand import auricupride, close_packed, rock_salt

from scoutlang import potentials
from scoutlang.support.errors import ScoutError
from scoutlang.testing import check_potential


@pytest.fixture(scope="module")
def grace_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GRACE model of one layer for gold and copper, exported as TensorFlow does."""
    pytest.importorskip("tensorpotential", reason="`make grace` installs it")
    import tensorflow as tf
    from tensorpotential.potentials.presets import GRACE_1LAYER_v1_24
    from tensorpotential.tensorpot import TensorPotential

    folder = tmp_path_factory.mktemp("grace")
    shape = GRACE_1LAYER_v1_24(
        element_map={"Au": 0, "Cu": 1},
        rcut=5.0,
        avg_n_neigh=20.0,
        constant_out_shift=0.0,
        constant_out_scale=1.0,
        atomic_shift_map={0: -3.0, 1: -4.0},
        **{"lmax": 2, "max_order": 2, "n_rad_max": 4, "embedding_size": 16},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        model = TensorPotential(shape.get_instructions(), param_dtype=tf.float64, jit_compile=False)
        model.save_model(exact_path=str(folder / "model"), jit_compile=False)
    return folder / "model"


def with_hash(name: str) -> str:
    """What the refusal of a model that may run code says to write."""
    with pytest.raises(ScoutError) as caught:
        potentials.load(name)
    assert caught.value.code == "E443"
    assert caught.value.hint is not None
    return caught.value.hint.split()[-1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*inplace keyword")
def test_grace(grace_folder: Path) -> None:
    grace = potentials.load(with_hash(f"grace:{grace_folder}"))
    assert grace.name == "grace-model"
    assert "Cl" in grace.energies([rock_salt()])[0].reason
    (found,) = grace.evaluate([auricupride().perturb(0.1)])
    assert found.forces is not None
    assert np.abs(found.forces).max() > 1e-3
    check_potential(
        grace, [auricupride(), close_packed("Au", 2.9), close_packed("Cu", 2.6)], tolerance=1e-9
    )


@pytest.mark.slow
def test_a_damaged_grace_model_is_a_message(grace_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no graph")
    damaged = potentials.load(with_hash(f"grace:{tmp_path}"))
    with pytest.raises(ScoutError) as caught:
        damaged.energies([auricupride()])
    assert caught.value.code == "E447"


@pytest.mark.slow
def test_mace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the package would set it, and leave it
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    pytest.importorskip("mace")
    import torch
    from e3nn.o3 import Irreps
    from mace import modules

    torch.manual_seed(0)
    block = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    sizes = {
        "r_max": 5.0,
        "num_bessel": 4,
        "num_polynomial_cutoff": 5,
        "max_ell": 2,
        "num_interactions": 2,
        "avg_num_neighbors": 20.0,
    }
    model = modules.ScaleShiftMACE(
        **sizes,
        interaction_cls=block,
        interaction_cls_first=block,
        num_elements=2,
        hidden_irreps=Irreps("8x0e+8x1o"),
        MLP_irreps=Irreps("8x0e"),
        gate=torch.nn.functional.silu,
        atomic_energies=np.array([-4.0, -3.0]),
        atomic_numbers=[29, 79],
        correlation=2,
        atomic_inter_scale=1.0,
        atomic_inter_shift=0.0,
    )
    torch.save(model, tmp_path / "small.model")
    mace = potentials.load(with_hash(f"mace:{tmp_path / 'small.model'}"))
    check_potential(mace, [auricupride(), close_packed("Au", 2.9)], tolerance=2e-5)


@pytest.mark.slow
def test_mattersim(tmp_path: Path) -> None:
    pytest.importorskip("mattersim")
    import torch
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

    torch.manual_seed(0)
    sizes = {"num_blocks": 2, "units": 16, "max_l": 2, "max_n": 2}
    content = {
        "model_name": "m3gnet",
        "model_args": sizes,
        "model": M3Gnet(device="cpu", **sizes).state_dict(),
    }
    torch.save(content, tmp_path / "small.pth")
    check_potential(
        potentials.load(f"mattersim:{tmp_path / 'small.pth'}"),
        [auricupride(), rock_salt()],
        tolerance=2e-5,
    )
    torch.save({**content, "epoch": Path("a class")}, tmp_path / "more.pth")
    with pytest.raises(ScoutError) as caught:
        potentials.load(f"mattersim:{tmp_path / 'more.pth'}").energies([rock_salt()])
    assert caught.value.code == "E447"


@pytest.mark.slow
def test_orb(tmp_path: Path) -> None:
    """Its architecture does not know that a turned crystal is the same one, so the suite cannot
    pass; training teaches it that, nearly.
    """
    pytest.importorskip("orb_models")
    import torch
    from orb_models.forcefield.pretrained import orb_v3_conservative_architecture

    torch.manual_seed(0)
    torch.save(
        orb_v3_conservative_architecture(device="cpu").state_dict(), tmp_path / "random.ckpt"
    )
    orb = potentials.load(f"orb:{tmp_path / 'random.ckpt'}")
    (salt, francium) = orb.evaluate([rock_salt().perturb(0.1), rock_salt("Fr", 6.8)])
    assert francium.reason == "does not know Fr"
    assert salt.forces is not None
    assert np.abs(salt.forces).max() > 1e-3
    with pytest.raises(AssertionError, match="under rotation"):
        check_potential(orb, [auricupride(), rock_salt()], tolerance=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sevennet", "sevennet-l3i5"])
def test_sevennet(name: str) -> None:
    pytest.importorskip("sevenn")
    sevennet = potentials.load(name)
    (salt,) = sevennet.energies([rock_salt()])
    assert salt.energy == pytest.approx(-3.38, abs=0.05)  # without the MP2020 corrections
    check_potential(sevennet, [auricupride(), rock_salt()], tolerance=2e-5)

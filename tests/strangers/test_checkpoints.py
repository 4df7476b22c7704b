"""Checkpoint folders: bounded before anything is loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scoutlang.sampling.mattergen.checkpoint import EMBEDDED, load_model
from scoutlang.support.errors import ScoutError

CONFIG = (EMBEDDED["mini"] / "config.yaml").read_text(encoding="utf-8")
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
)
CHAIN = "a0: xx\n" + "".join(f'a{i}: "${{a{i - 1}}}${{a{i - 1}}}"\n' for i in range(1, 40))
RELATIVE = "b:\n  a0: xx\n" + "".join(
    f'  a{i}: "${{.a{i - 1}}}${{.a{i - 1}}}"\n' for i in range(1, 40)
)
BOUNDARY = "wrapping_boundary: 1.0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EMBEDDED["mini"], tmp_path / "model"))


def refused(folder: Path) -> str:
    with pytest.raises(ScoutError) as caught:
        load_model(str(folder))
    assert caught.value.code in ("E512", "E514")
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB + CONFIG, "aliases"),
        (CONFIG.replace(BOUNDARY, "wrapping_boundary: ${a39}") + CHAIN, "unfold"),
        (CONFIG.replace(BOUNDARY, "wrapping_boundary: ${b.a39}") + RELATIVE, "unfold"),
        (CONFIG + "#" * (1 << 20), "larger"),
        (CONFIG + f"x: {'[' * 1000}{']' * 1000}\n", "nested"),
        (CONFIG.replace("width: 192", "width: 1000000000"), "`width`"),
        (CONFIG.replace("width: 192", "width: 8000"), "does not describe"),
        (CONFIG.replace("layers: 4", "layers: 1000000000"), "`layers`"),
        (CONFIG.replace("layers: 4", "layers: .nan"), "`layers`"),
        (CONFIG.replace("num_steps: 1000", "num_steps: 1000000"), "`num_steps`"),
        (CONFIG.replace("dim: 101", "dim: -1"), "`dim`"),
    ],
)
def test_a_configuration_that_asks_for_too_much(text: str, why: str, folder: Path) -> None:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    assert why in refused(folder)


@pytest.mark.parametrize(
    "facts",
    [
        '{"max_atoms": -1}',
        '{"max_atoms": 0}',
        '{"max_atoms": 1000000}',
        '{"max_atoms": NaN}',
        '{"max_atoms": "3"}',
        '{"num_atoms": {"1": {"0": 1}}}',
        '{"num_atoms": {"1": {"1000000": 1}}}',
        '{"num_atoms": {"1": {"3": -1}}}',
        '{"num_atoms": {"1": {"3": NaN}}}',
        '{"num_atoms": {"1": {}}}',
        '{"elements": ["Zz"]}',
        '{"elements": []}',
        '{"corrector": {"steps": -1}}',
        '{"corrector": {"pos": NaN}}',
        '{"corrector": {"pos": 0}}',
        "[" * 100_000,
    ],
)
def test_facts_out_of_bounds_say_which(facts: str, folder: Path) -> None:
    (folder / "scout.json").write_text(facts, encoding="utf-8")
    said = refused(folder)
    assert "scout.json" in said

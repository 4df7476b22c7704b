"""The cookbook: every hypothesis is right, holds of its compound, and its near miss fails the claim
that is named and no other requirement.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import scout
from pymatgen.core import Element, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

import scoutlang
from scoutlang import ir
from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.io import read_structures
from scoutlang.evaluation.loss import loss_and_gradient
from scoutlang.evaluation.measure import of_structure_alone
from scoutlang.interfaces.cookbook import THEMES, Recipe, compounds, page, recipes
from scoutlang.ir.source import Source
from scoutlang.language.formatter import formatted

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "cookbook"

each_recipe = pytest.mark.parametrize("one", recipes().values(), ids=lambda one: one.name)


@pytest.fixture(scope="module")
def crystal(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Structure]:
    """A compound by its name, read from its CIF as a user reads it."""
    folder = tmp_path_factory.mktemp("cif")

    def read(name: str) -> Structure:
        path = folder / f"{name}.cif"
        path.write_text(compounds()[name].cif(), encoding="utf-8")
        [found] = read_structures(str(path))
        assert not isinstance(found, scoutlang.ScoutError), found
        assert found.notes == ()
        return found.crystal

    return read


def program(one: Recipe) -> ir.Program:
    result = scoutlang.check(one.path)
    assert result.program is not None, result.diagnostics
    return result.program


def test_there_are_forty_and_every_theme_has_some() -> None:
    assert len(recipes()) >= 40
    assert {one.theme for one in recipes().values()} == set(THEMES)
    assert set(recipes()) == {path.stem for path in FOLDER.glob("*.scout")}


def test_no_two_are_of_the_same_compound_and_no_crystal_is_left_over() -> None:
    hits = Counter(one.hit for one in recipes().values())
    assert set(hits.values()) == {1}
    assert set(compounds()) == set(hits) | {one.near_miss for one in recipes().values()}


@each_recipe
def test_its_comment_is_two_sentences_with_a_source(one: Recipe) -> None:
    assert len(re.findall(r"[.!?](?= [A-Z]|$)", one.chemistry)) == 2
    assert one.chemistry.startswith(one.sentence)
    assert len(one.sentence) < len(one.chemistry)
    assert re.search(r"\b(1[89]|20)\d\d\b", one.source)


@each_recipe
def test_it_checks_without_a_word_and_is_in_the_usual_form(one: Recipe) -> None:
    text = one.path.read_text(encoding="utf-8")
    result = scoutlang.check(one.path)
    assert [d.message for d in result.diagnostics] == []
    assert formatted(Source(one.path.name, text)).text == text


@each_recipe
def test_every_claim_but_wishes_has_a_name_and_it_says_how_to_sample(one: Recipe) -> None:
    text = one.path.read_text(encoding="utf-8")
    assert not re.findall(r"^(?:require|expect) (?!\w+: ).*", text, re.MULTILINE)
    assert "\nguide " in text
    assert "\nsample " in text
    made = program(one)
    assert made.is_guided
    assert made.sample.model == "mini"
    assert made.atoms is not None
    assert made.atoms.high <= 20


@each_recipe
def test_it_holds_of_its_compound(one: Recipe, crystal: Callable[[str], Structure]) -> None:
    made = program(one)
    [measured] = scoutlang.measure(made, crystal(one.hit))
    assert measured.hit is True, measured.reason
    for term, found in zip(made.terms, measured.terms, strict=True):
        if not isinstance(term.claim, ir.Wish) and of_structure_alone(term):
            assert found.satisfied is True, found.label


@each_recipe
def test_the_near_miss_fails_what_is_named_and_no_other_requirement(
    one: Recipe, crystal: Callable[[str], Structure]
) -> None:
    made = program(one)
    [measured] = scoutlang.measure(made, crystal(one.near_miss))
    failed = [
        found.label
        for term, found in zip(made.terms, measured.terms, strict=True)
        if term.decides and found.satisfied is not True
    ]
    assert failed == [one.fails]
    assert [found.satisfied for found in measured.terms if found.label == one.fails] == [False]


@each_recipe
def test_guidance_has_a_finite_gradient_and_leads_to_the_compound_not_to_the_near_miss(
    one: Recipe, crystal: Callable[[str], Structure]
) -> None:
    loss = scoutlang.compile(program(one))
    moved = crystal(one.hit).copy()
    moved.perturb(0.05, min_distance=0.01, seed=7)
    _, d_frac, d_cell = loss_and_gradient(loss, CrystalBatch.from_structures([moved]))
    assert d_frac.isfinite().all()
    assert d_cell.isfinite().all()
    both = CrystalBatch.from_structures([crystal(one.hit), crystal(one.near_miss)])
    value = loss(both)
    hit, near_miss = value.gap.tolist()
    assert hit + 0.05 < near_miss
    steering = [term for term in program(one).terms if term.steers]
    required = [place for place, term in enumerate(steering) if term.decides]
    assert float(value.terms[0, required].sum()) < 0.1  # the smooth values agree that it holds


@pytest.mark.parametrize("name", compounds())
def test_a_compound_is_a_crystal_of_its_formula_and_group(
    name: str, crystal: Callable[[str], Structure]
) -> None:
    import gemmi

    one, found = compounds()[name], crystal(name)
    wanted: Counter[str] = Counter()
    for symbol, number in re.findall(r"([A-Z][a-z]?)(\d*)", one.formula):
        wanted[symbol] += int(number or 1)
    share = found.composition.num_atoms / sum(wanted.values())
    assert {e.symbol: n for e, n in found.composition.items()} == {
        symbol: n * share for symbol, n in wanted.items()
    }
    group = gemmi.find_spacegroup_by_name(one.group)
    assert SpacegroupAnalyzer(found, symprec=1e-3).get_space_group_number() == group.number
    assert found.is_valid(tol=0.5 if Element("H") in found.composition else 1.1)


def test_the_readme_counts_them() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`scout new` lists {len(recipes())} hypotheses" in text


def test_the_page_is_what_the_command_prints() -> None:
    text = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")
    assert text == page(list(recipes().values())), (
        "run `python -m scoutlang new --format markdown > docs/cookbook.md`"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pyrite_pairs", "lithium_intercalation", "half_heusler"])
def test_it_runs(name: str, tmp_path: Path) -> None:
    made = scout("new", name, cwd=tmp_path, text=True)
    assert made.returncode == 0, made.stderr
    done = scout(
        "run", f"{name}.scout", "--count", "2", "--set", "steps=4", "--set", "relax_which=off",
        cwd=tmp_path, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

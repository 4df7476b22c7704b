"""The cookbook: hypotheses from solid-state chemistry that ship with scoutlang, each with a
compound of which it holds and a near miss.

`examples/cookbook` has one `.scout` file for each. The comment at its top says what it is:

    # Title
    #
    # Two sentences of chemistry.
    #
    # theme      one of `THEMES`
    # hit        a compound
    # near miss  a compound, the label of the claim that it fails: why
    # source     author and year

`compounds.toml` beside them has the crystals. Other files whose names begin with that of a
hypothesis and a dot belong to it and are copied with it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import groupby
from pathlib import Path

from scoutlang.ir.elements import SYMBOLS
from scoutlang.support.resources import resource

THEMES = (
    "perovskites",
    "oxides and frameworks",
    "high pressure",
    "Jahn-Teller ions",
    "lone pairs",
    "layers and hosts",
    "mixed anions",
    "pairs of atoms",
    "tetrahedral semiconductors",
    "planes and chains",
    "superconductors",
    "hydrides",
    "intermetallic phases",
    "borides and carbides",
)
"""In the order in which they are listed."""

_INTRODUCTION = """\
{count} hypotheses from solid-state chemistry to begin with. Each is a program of its own with a
compound of which it holds and a near miss, which fails one claim and no other `require`; a test
holds both. `scout new` lists them, `scout new --search perovskite` some of them.

```console
$ scout new pyrite_pairs --cif
wrote pyrite_pairs.scout
wrote FeS2_pyrite.cif
wrote FeS2_marcasite.cif

Pyrite: it holds of FeS2 (pyrite), and FeS2 (marcasite) fails `corners`: its octahedra share edges
in rows.

Next:
  scout check pyrite_pairs.scout
      what it means
  scout measure pyrite_pairs.scout FeS2_pyrite.cif FeS2_marcasite.cif
      whether a crystal is one
  scout run pyrite_pairs.scout --count 8
      a first try: eight structures in each arm
```

`scout new pyrite_pairs mine.scout` gives the copy another name. Nothing is written over without
`--force`.

The crystals are literature values, rounded, in `examples/cookbook/compounds.toml`; one that nobody
has made is called imagined. Strengths are those of the embedded model: `guide k=1` is a full step
of the usual method, and 64 structures of 100 steps take minutes. Where the cell of the compound has
more than the 20 atoms that `mini` makes, the hypothesis asks for its motif in a smaller one and
says so. `mini` meets the wide ones, such as cubes around Zr, within a dozen structures; the narrow
ones are for many structures or a published checkpoint."""

_FIELD = re.compile(r"(theme|hit|near miss|source) +(.+)")
_NEAR_MISS = re.compile(r"(\w+), (\w+): (.+)")


@dataclass(frozen=True)
class Recipe:
    """A hypothesis of the cookbook and what its comment says of it."""

    name: str
    title: str
    chemistry: str
    """Two sentences."""
    theme: str
    hit: str
    """Name of the compound, as in `compounds`."""
    near_miss: str
    fails: str
    """Label of the claim that the near miss fails."""
    reason: str
    source: str

    @property
    def sentence(self) -> str:
        """The first of the two sentences."""
        return re.split(r"(?<=[.!?]) (?=[A-Z])", self.chemistry)[0]

    @property
    def path(self) -> Path:
        """The program."""
        return resource("examples", "cookbook", f"{self.name}.scout")

    @property
    def companions(self) -> Sequence[Path]:
        """Files that the program needs beside it."""
        beside = self.path.parent.glob(f"{self.name}.*")
        return sorted(path for path in beside if path != self.path)

    def says(self, words: str) -> bool:
        """Whether each of the words begins a word of its name, comment or compounds, whatever the
        case; the symbol of an element, `Fe`, must be in its compound.
        """
        hit, near_miss = compounds()[self.hit], compounds()[self.near_miss]
        text = " ".join(
            (
                *(self.name.replace("_", " "), self.title, self.theme, self.chemistry, self.source),
                *(self.reason, hit.formula, hit.what, near_miss.formula, near_miss.what),
            )
        )
        return all(
            word in hit.elements
            if word in SYMBOLS
            else re.search(rf"(?<![^\W\d]){re.escape(word)}", text, re.IGNORECASE)
            for word in re.sub(r"(?<=[A-Za-z])-(?=[A-Z])", " ", words.replace("_", " ")).split()
        )


@dataclass(frozen=True)
class Compound:
    """A crystal as a table of crystallography has it."""

    name: str
    what: str
    group: str
    """Hermann-Mauguin symbol, with the setting."""
    cell: tuple[float, ...]
    """Å and degrees."""
    atoms: tuple[tuple[str, float, float, float], ...]
    """One of each orbit: element and fractional coordinates."""

    @property
    def formula(self) -> str:
        """What the name begins with."""
        return self.name.partition("_")[0]

    @property
    def elements(self) -> frozenset[str]:
        """Their symbols."""
        return frozenset(element for element, *_ in self.atoms)

    def cif(self) -> str:
        """A CIF with the operations of the group written out, so that every program reads it."""
        import gemmi

        group = gemmi.find_spacegroup_by_name(self.group)
        document = gemmi.cif.Document()
        block = document.add_new_block(self.name)
        block.set_pair("_chemical_name_common", gemmi.cif.quote(f"{self.name}: {self.what}"))
        for axis, length in zip("abc", self.cell[:3], strict=True):
            block.set_pair(f"_cell_length_{axis}", f"{length:g}")
        for angle, degrees in zip(("alpha", "beta", "gamma"), self.cell[3:], strict=True):
            block.set_pair(f"_cell_angle_{angle}", f"{degrees:g}")
        block.set_pair("_space_group_name_H-M_alt", gemmi.cif.quote(group.xhm()))
        block.set_pair("_space_group_IT_number", str(group.number))
        operations = block.init_loop("_space_group_symop_", ["operation_xyz"])
        for operation in group.operations():
            operations.add_row([gemmi.cif.quote(operation.triplet())])
        sites = block.init_loop(
            "_atom_site_", ["label", "type_symbol", "fract_x", "fract_y", "fract_z"]
        )
        for index, (element, *position) in enumerate(self.atoms, start=1):
            sites.add_row([f"{element}{index}", element, *(f"{x:.8g}" for x in position)])
        return str(document.as_string())


@cache
def recipes() -> Mapping[str, Recipe]:
    """All hypotheses by name, in the order of `THEMES`, then of their names."""
    found = [_read(path) for path in resource("examples", "cookbook").glob("*.scout")]
    found.sort(key=lambda one: (THEMES.index(one.theme), one.name))
    return {one.name: one for one in found}


@cache
def compounds() -> Mapping[str, Compound]:
    """The crystals of the cookbook by name."""
    table = tomllib.loads(resource("examples", "cookbook", "compounds.toml").read_text("utf-8"))
    return {
        name: Compound(
            name,
            entry["is"],
            entry["group"],
            tuple(entry["cell"]),
            tuple(map(_atom, entry["atoms"])),
        )
        for name, entry in table.items()
    }


def page(found: Sequence[Recipe]) -> str:
    """docs/cookbook.md: a table for each theme."""
    known = compounds()
    lines = [
        "<!-- Made by `scout new --format markdown > docs/cookbook.md` of examples/cookbook."
        " Edit those. -->",
        "",
        "# Cookbook",
        "",
        *_INTRODUCTION.format(count=len(found)).splitlines(),
    ]
    for theme, members in groupby(found, key=lambda one: one.theme):
        lines += ["", f"## {theme[0].upper()}{theme[1:]}", ""]
        lines += [
            "| hypothesis | chemistry | holds of | near miss | which fails |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{one.name}` | {one.chemistry} *{one.source}* |"
            f" {known[one.hit].formula}, {known[one.hit].what} |"
            f" {known[one.near_miss].formula}, {known[one.near_miss].what} |"
            f" `{one.fails}`: {one.reason} |"
            for one in members
        ]
    return "\n".join(lines) + "\n"


def _atom(text: str) -> tuple[str, float, float, float]:
    element, *position = text.split()
    x, y, z = (float(Fraction(number)) for number in position)
    return element, x, y, z


def _read(path: Path) -> Recipe:
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]
    title, chemistry, fields = "\n".join(line[2:] for line in comment).split("\n\n")
    said = {}
    for line in fields.splitlines():
        field, value = _groups(_FIELD, line)
        said[field] = value
    near_miss, fails, reason = _groups(_NEAR_MISS, said["near miss"])
    return Recipe(
        name=path.stem,
        title=title,
        chemistry=" ".join(chemistry.split()),
        theme=said["theme"],
        hit=said["hit"],
        near_miss=near_miss,
        fails=fails,
        reason=reason,
        source=said["source"],
    )


def _groups(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = pattern.fullmatch(text)
    assert found, text
    return found.groups()

"""The library: its examples check, its motifs hold where they should and nowhere else, and what can
steer has a gradient.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from prototypes import prototypes
from pymatgen.core import Element, Lattice, Structure

import scoutlang
from scoutlang import ir
from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors.shape import POLYHEDRA, shape_measure
from scoutlang.evaluation.loss import loss_and_gradient
from scoutlang.ir.elements import SYMBOLS
from scoutlang.ir.source import Source
from scoutlang.language.checking.imports import library
from scoutlang.language.parser import parse
from scoutlang.language.syntax.ast import Name
from scoutlang.support.resources import resource

MODULES = library()
EXAMPLE = "#     "


@dataclass(frozen=True)
class Case:
    """A claim, the crystals where it holds and some where it is false. Its system is what it and
    the crystal name.
    """

    claim: str
    holds: str = ""
    fails: str = ""

    @property
    def steers(self) -> bool:
        return not self.claim.startswith("expect ")

    def program(self, structure: Structure) -> ir.Program:
        named = set(re.findall(r"\b[A-Z][a-z]?\b", self.claim)) & set(SYMBOLS)
        system = "-".join(sorted(named | {e.symbol for e in structure.composition.elements}))
        imports = [
            f"import std.{m}" for m in sorted(set(re.findall(r"([a-z_]+)\.[A-Za-z]", self.claim)))
        ]
        return checked(
            "\n".join(
                [
                    *imports,
                    f"system {system}",
                    f"require {self.claim}" if self.steers else self.claim,
                ]
            )
        )


CASES = (
    Case("polyhedra.octahedron(Na, Cl)", "rock_salt"),
    Case("polyhedra.octahedron(Ti, O)", "rutile perovskite"),
    Case("polyhedra.octahedron(Ti, O, polyhedra.regular)", "rutile perovskite"),
    Case("not polyhedra.tetrahedron(Ti, O, polyhedra.distorted)", "rutile perovskite"),
    Case("polyhedra.tetrahedron(Zn, S)", "zinc_blende wurtzite"),
    Case("polyhedra.tetrahedron(Si, O)", "quartz cristobalite zircon"),
    Case("polyhedra.cube(Cs, Cl)", "cesium_chloride"),
    Case("polyhedra.cube(Ca, F)", "fluorite"),
    Case("polyhedra.cuboctahedron(Ca, O)", "perovskite"),
    Case("polyhedra.cuboctahedron(Cu, Cu)", "copper"),
    Case("polyhedra.anticuboctahedron(Mg, Mg)", "magnesium"),
    Case("polyhedra.trigonal_prism(As, Ni)", "nickel_arsenide"),
    Case("polyhedra.trigonal_prism(W, C)", "tungsten_carbide"),
    Case("polyhedra.trigonal_prism(Mo, S)", "molybdenite"),
    Case("polyhedra.trigonal_prism(C, Fe)", fails="cementite"),  # three more Fe cap it
    Case("polyhedra.square_plane(Pt, S)", "cooperite"),
    Case("polyhedra.square_plane(Cu, O)", "tenorite", fails="cuprite"),
    Case("polyhedra.dumbbell(Cu, O)", "cuprite", fails="tenorite"),
    Case("polyhedra.trigonal_plane(C, O)", "calcite"),
    Case("polyhedra.trigonal_plane(O, Ti)", "rutile", fails="perovskite"),
    Case("polyhedra.octahedron(As, Ni)", "", fails="nickel_arsenide"),
    Case("polyhedra.octahedron(Cs, Cl)", "", fails="cesium_chloride"),
    Case("polyhedra.octahedron(Mo, S)", "", fails="molybdenite"),
    Case("polyhedra.tetrahedron(Pt, S)", "", fails="cooperite"),
    Case("polyhedra.square_plane(Si, O)", "", fails="quartz"),
    Case("any polyhedra.cubic(Ca, F)", "fluorite"),
    Case("fraction(polyhedra.octahedral(Ti, O)) > 0.99", "rutile"),
    Case("connectivity.corner_sharing(Ti, O)", "rutile perovskite"),
    Case("connectivity.edge_sharing(Ti, O)", "rutile", fails="perovskite"),
    Case("connectivity.face_sharing(Al, O)", "corundum"),
    Case("connectivity.face_sharing(Ni, As)", "nickel_arsenide"),
    Case("connectivity.face_sharing(Ti, O)", "", fails="rutile perovskite"),
    Case("connectivity.only_corners(Ti, O)", "perovskite", fails="rutile"),
    Case("connectivity.only_corners(Si, O)", "quartz cristobalite"),
    Case("connectivity.only_edges(Cd, I)", "cadmium_iodide"),
    Case("connectivity.only_edges(Ni, As)", "", fails="nickel_arsenide"),
    Case("connectivity.only_faces(Ni, As)", "", fails="nickel_arsenide"),
    Case("connectivity.only_faces(Ti, Br)", "face_sharing_chain"),
    Case("connectivity.isolated(Si, O)", "zircon", fails="quartz"),
    Case("connectivity.isolated(C, O)", "calcite"),
    Case("connectivity.no_edge_sharing(Ti, O)", "perovskite", fails="rutile"),
    Case("connectivity.no_edge_sharing(C, O)", "calcite"),
    Case("connectivity.no_face_sharing(Ti, O)", "rutile perovskite"),
    Case("connectivity.no_face_sharing(Al, O)", "", fails="corundum"),
    Case("connectivity.bridging(Ti, O, 2)", "perovskite", fails="rutile"),
    Case("connectivity.bridging_share(Si, O) > 0.9", "quartz", fails="zircon"),
    Case("connectivity.pairs_per_centre(Ti, O) = 6 ± 0.1", "perovskite", fails="rutile"),
    Case("connectivity.corners(Ti, O) = 8 ± 0.1", "rutile", fails="perovskite"),
    Case("connectivity.edges(Ti, O) = 2 ± 0.1", "rutile", fails="perovskite"),
    Case("connectivity.edges(Na, Cl) = 12 ± 0.1", "rock_salt"),
    Case("connectivity.faces(Al, O) = 1 ± 0.1", "corundum"),
    Case("connectivity.faces(Ni, As) = 2 ± 0.1", "nickel_arsenide"),
    Case("connectivity.Q(Si, O, 4)", "quartz cristobalite"),
    Case("connectivity.Q(Ti, O, 6)", "perovskite", fails="rutile"),
    Case("pairs.bonded(Na, Cl, 6)", "rock_salt"),
    Case("pairs.bonded(Na, Cl, 7)", "", fails="rock_salt"),
    Case("pairs.not_bonded(Na, Na)", "rock_salt"),
    Case("pairs.not_bonded(Fe, Xe)", "pyrite"),
    Case("pairs.not_bonded(S, S)", "zinc_blende", fails="pyrite"),
    Case("pairs.apart(Na, Cl, 2.8 Å)", "rock_salt"),
    Case("pairs.apart(Na, Cl, 2.9 Å)", "", fails="rock_salt"),
    Case("pairs.alone(S)", "zinc_blende", fails="pyrite"),
    Case("pairs.catenated(S)", "pyrite", fails="zinc_blende"),
    Case("pairs.dimer(S)", "pyrite", fails="zinc_blende"),
    Case("pairs.bonded_pair(S, 2.0 Å, 2.3 Å)", "pyrite"),
    Case("pairs.bonded_pair(S, 2.2 Å, 2.3 Å)", "", fails="pyrite"),
    Case("pairs.chain(Se)", "selenium"),
    Case("pairs.chain(As)", "", fails="arsenic"),
    Case("pairs.net(As)", "arsenic"),
    Case("pairs.net(P)", "black_phosphorus"),
    Case("pairs.net(C)", "graphite", fails="diamond"),
    Case("pairs.framework(C)", "diamond lonsdaleite", fails="graphite"),
    Case("pairs.oligomer(I, 3)", "triiodide"),
    Case("pairs.oligomer(S, 2)", "pyrite"),
    Case("pairs.oligomer(I, 4)", "", fails="triiodide"),
    Case("distance(C-C) = lengths.C_C ± 0.02 Å", "diamond", fails="graphite"),
    Case("distance(C-C) = lengths.C_C_graphite ± 0.01 Å", "graphite", fails="diamond"),
    Case("distance(Cu-Cu) = lengths.Cu_Cu ± 0.01 Å", "copper"),
    Case("distance(S-S) = lengths.S_S ± 0.15 Å", "pyrite"),
    Case("distance(P-P) = lengths.P_P ± 0.05 Å", "black_phosphorus"),
    Case("expect epitaxy.square_on(epitaxy.SrTiO3, 0.03)", "perovskite", fails="rutile quartz"),
    Case("expect epitaxy.square_on(epitaxy.SrTiO3)", "", fails="perovskite"),
    Case("expect epitaxy.square_on(epitaxy.LaAlO3, 0.01)", "perovskite", fails="rutile"),
    Case("expect epitaxy.square_on(epitaxy.silicon, 0.01)", "zinc_blende", fails="wurtzite"),
    Case("expect epitaxy.rotated_on(epitaxy.GaAs, 0.01)", "lead_oxide", fails="zinc_blende"),
    Case("expect epitaxy.hexagonal_on(epitaxy.graphene)", "boron_nitride", fails="wurtzite"),
    Case("expect epitaxy.mismatch(epitaxy.MgO) = -0.1 ± 0.01", "perovskite", fails="rutile"),
    Case("expect epitaxy.square_net", "rutile", fails="wurtzite"),
    Case("layers.one_sided(I, Cd)", "cadmium_iodide"),
    Case("layers.one_sided(S, Mo)", "molybdenite"),
    Case("layers.one_sided(S, Cr)", "caswellsilverite"),
    Case("layers.one_sided(O, Ti)", "", fails="rutile perovskite"),
    Case("layers.one_sided(As, Ni)", "", fails="nickel_arsenide"),
    Case("layers.flat(B, N)", "boron_nitride"),
    Case("layers.flat(Zn, S)", "", fails="wurtzite"),
    Case("layers.honeycomb(C)", "graphite", fails="diamond"),
    Case("layers.honeycomb(As)", "", fails="arsenic"),
    Case("expect layers.layered", "cadmium_iodide molybdenite graphite", fails="rutile"),
    Case("expect layers.framework", "rutile diamond", fails="graphite"),
    Case("expect layers.chains", "selenium", fails="arsenic"),
    Case("expect layers.molecular", "triiodide", fails="selenium"),
    Case("composition.ratio(O, Ti) = 2 ± 0.01", "rutile"),
    Case("composition.ratio(O, Ti) = 3 ± 0.01", "perovskite"),
    Case("composition.binary(Ti, O, 1, 2)", "rutile", fails="perovskite"),
    Case("composition.ternary(Ca, Ti, O, 1, 1, 3)", "perovskite"),
    Case("composition.ternary(Mg, Al, O, 1, 2, 4)", "spinel"),
    Case("composition.majority(O)", "rutile perovskite"),
    Case("composition.majority(Ti)", "", fails="rutile"),
    Case("composition.present(Ca)", "perovskite", fails="rutile"),
    Case("composition.absent(Ca)", "rutile", fails="perovskite"),
    Case("structure_types.rock_salt(Na, Cl)", "rock_salt"),
    Case("structure_types.cesium_chloride(Cs, Cl)", "cesium_chloride"),
    Case("structure_types.tetrahedral_both_ways(Zn, S)", "zinc_blende wurtzite"),
    Case("structure_types.zinc_blende(Zn, S)", "zinc_blende", fails="wurtzite"),
    Case("structure_types.wurtzite(Zn, S)", "wurtzite", fails="zinc_blende"),
    Case("structure_types.nickel_arsenide(Ni, As)", "nickel_arsenide"),
    Case("structure_types.nickel_arsenide(As, Ni)", "", fails="nickel_arsenide"),
    Case("structure_types.tungsten_carbide(W, C)", "tungsten_carbide"),
    Case("structure_types.platinum_sulphide(Pt, S)", "cooperite"),
    Case("structure_types.fluorite(Ca, F)", "fluorite"),
    Case("structure_types.rutile(Ti, O)", "rutile"),
    Case("structure_types.rutile(Fe, S)", "", fails="marcasite"),  # its S are pairs
    Case("structure_types.cadmium_iodide(Cd, I)", "cadmium_iodide"),
    Case("structure_types.molybdenite(Mo, S)", "molybdenite"),
    Case("structure_types.silica(Si, O)", "quartz cristobalite"),
    Case("structure_types.silica(Zn, S)", "", fails="zinc_blende"),
    Case("structure_types.rhenium_trioxide(Re, O)", "rhenium_trioxide"),
    Case("structure_types.perovskite(Ca, Ti, O)", "perovskite orthorhombic_perovskite"),
    Case("structure_types.perovskite(Ti, Ca, O)", "", fails="perovskite"),
    # the twelve I around Cs are beyond the usual radius
    Case("structure_types.perovskite(Cs, Pb, I)", "", fails="lead_halide"),
    Case("structure_types.perovskite(Cs, Pb, I, r=4.5 Å)", "lead_halide"),
    Case("structure_types.spinel(Mg, Al, O)", "spinel"),
    Case("structure_types.spinel(Al, Mg, O)", "", fails="spinel"),
    Case("paper.dense_boron(paper.gamma_B)", "", fails="calcium_hexaboride"),
    Case("paper.dense_boron(paper.alpha_B, 3 Å^3)", "diamond"),
    Case("paper.dense_boron(paper.beta_B, 3 Å^3)", "diamond"),
    Case("paper.BFe6_counts()", "iron_prisms"),
    Case("paper.BFe6()", "iron_prisms"),
    Case("paper.BFe6(C)", fails="cementite"),
    Case("paper.BFe6(As, Ni)", "nickel_arsenide"),
    Case("paper.BFe6(Ni, As)", "", fails="nickel_arsenide"),
    Case("paper.CoO4_counts(Si)", "quartz"),
    Case("paper.CoO4(Si)", "quartz"),
    Case("paper.CoO4(Cu)", "", fails="tenorite"),
    Case("paper.CoO6_layers(Cr, S)", "caswellsilverite"),
    Case("paper.CuP_counts(4, Cu, Fe)", "", fails="chalcopyrite"),
    Case("paper.CuP_counts(4, Cu, S)", "chalcopyrite"),
    Case("paper.Cu2P6_counts()", "copper_pair stacked_squares"),
    Case("paper.Cu2P6()", "copper_pair", fails="stacked_squares"),
)


# Shapes of the language → the names of their polyhedra: of every site, and of one.
NOUNS = {
    "linear": "dumbbell",
    "trigonal_plane": "trigonal_plane",
    "tetrahedron": "tetrahedron",
    "square_plane": "square_plane",
    "trigonal_bipyramid": "trigonal_bipyramid",
    "square_pyramid": "square_pyramid",
    "octahedron": "octahedron",
    "trigonal_prism": "trigonal_prism",
    "cube": "cube",
    "square_antiprism": "square_antiprism",
    "cuboctahedron": "cuboctahedron",
    "anticuboctahedron": "anticuboctahedron",
    "icosahedron": "icosahedron",
}
ADJECTIVES = dict(
    zip(
        NOUNS,
        """linear trigonal_planar tetrahedral square_planar trigonal_bipyramidal square_pyramidal octahedral trigonal_prismatic cubic
        square_antiprismatic cuboctahedral anticuboctahedral icosahedral""".split(),
        strict=True,
    )
)
# What pymatgen says of them, where it does.
GROUPS: Mapping[str, Callable[[Element], bool]] = {
    **{f"group_{n}": (lambda e, n=n: e.group == n and e.row < 8) for n in (1, 2, *range(4, 19))},
    "group_3": lambda e: e.symbol in ("Sc", "Y", "Lu"),
    "alkali_metal": lambda e: e.is_alkali,
    "alkaline_earth": lambda e: e.is_alkaline,
    "coinage_metal": lambda e: e.group == 11,
    "triel": lambda e: e.group == 13,
    "tetrel": lambda e: e.group == 14,
    "pnictogen": lambda e: e.group == 15,
    "chalcogen": lambda e: e.is_chalcogen,
    "halogen": lambda e: e.is_halogen,
    "noble_gas": lambda e: e.is_noble_gas,
    "lanthanide": lambda e: e.is_lanthanoid,
    "actinide": lambda e: e.is_actinoid,
    "rare_earth": lambda e: e.is_lanthanoid or e.symbol in ("Sc", "Y"),
    "first_row_transition_metal": lambda e: 21 <= e.Z <= 29,
    "transition_metal": lambda e: (
        (3 <= e.group <= 11 and not e.is_lanthanoid and not e.is_actinoid) or e.symbol == "Lu"
    ),
    "d_block": lambda e: (
        (3 <= e.group <= 12 and not e.is_lanthanoid and not e.is_actinoid) or e.symbol == "Lu"
    ),
    "f_block": lambda e: e.is_lanthanoid or e.is_actinoid,
    "platinum_metal": lambda e: e.symbol in ("Ru", "Rh", "Pd", "Os", "Ir", "Pt"),
    "post_transition_metal": lambda e: e.is_post_transition_metal or e.symbol == "Po",
    "metalloid": lambda e: e.symbol in ("B", "Si", "Ge", "As", "Sb", "Te"),
    "anion": lambda e: e.symbol in ("N", "P", "As", "O", "S", "Se", "Te", "F", "Cl", "Br", "I"),
}
LENGTHS = {
    "C_C": 3.567 * math.sqrt(3) / 4,
    "C_C_graphite": 2.461 / math.sqrt(3),
    "Si_Si": 5.431 * math.sqrt(3) / 4,
    "Ge_Ge": 5.658 * math.sqrt(3) / 4,
    "Sn_Sn": 6.489 * math.sqrt(3) / 4,
    "Cu_Cu": 3.615 / math.sqrt(2),
    "Fe_Fe": 2.866 * math.sqrt(3) / 2,
    "dioxygen": 1.21,
    "peroxide": 1.49,
    "S_S": 2.06,
    "P_P": 2.21,
    "Cu_Cu_pair": 2.51,
    "Fe_B_prism": 2.14,
}
NAMED_IN_TABLES: Mapping[str, set[str]] = defaultdict(
    set,
    polyhedra={*NOUNS.values(), *ADJECTIVES.values()},
    groups={*GROUPS, "metal", "nonmetal"},
    epitaxy={"silicon", "GaAs", "GaN", "sapphire", "SrTiO3", "LaAlO3", "MgO", "graphene"},
    lengths={*LENGTHS},
)


def checked(text: str) -> ir.Program:
    result = scoutlang.check(text)
    assert result.program is not None, (text, [d.message for d in result.diagnostics])
    return result.program


def example(module: str) -> str:
    lines = resource("stdlib", f"{module}.scout").read_text(encoding="utf-8").splitlines()
    return "\n".join(line.removeprefix(EXAMPLE) for line in lines if line.startswith(EXAMPLE))


def definitions(module: str) -> set[str]:
    text = resource("stdlib", f"{module}.scout").read_text(encoding="utf-8")
    statements = parse(Source(module, text)).module.statements
    assert {s.rule for s in statements} <= {"import", "let", "motif"}
    names = [getattr(s, "name") for s in statements if s.rule in ("let", "motif")]  # noqa: B009
    return {n.text for n in names if isinstance(n, Name)}


# ---- crystals ----


def molecule(*atoms: tuple[str, float, float, float], box: float = 16.0) -> Structure:
    """Atoms at positions in Å, far from their images."""
    return Structure(
        Lattice.cubic(box), [a[0] for a in atoms], [a[1:] for a in atoms], coords_are_cartesian=True
    )


def ideal(like: str) -> Structure:
    """A TiOₙ molecule with bonds of 2 Å in the shape of an ideal polyhedron."""
    corners = torch.tensor(POLYHEDRA[like])
    corners = 2.0 * corners / torch.linalg.vector_norm(corners, dim=1, keepdim=True)
    return molecule(("Ti", 0, 0, 0), *(("O", *c) for c in corners.tolist()))


def _crystals() -> dict[str, Structure]:
    known = dict(prototypes())
    known["cooperite"] = Structure.from_spacegroup(
        "P4_2/mmc", Lattice.tetragonal(3.47, 6.11), ["Pt", "S"], [[0, 0.5, 0], [0, 0, 0.25]]
    )
    known["marcasite"] = Structure.from_spacegroup(
        "Pnnm", Lattice.orthorhombic(4.443, 5.425, 3.387), ["Fe", "S"], [[0, 0, 0], [0.2, 0.378, 0]]
    )
    known["lead_halide"] = Structure.from_spacegroup(
        "Pm-3m",
        Lattice.cubic(6.29),
        ["Cs", "Pb", "I"],
        [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0]],
    )
    prisms = known["tungsten_carbide"].copy()
    prisms.replace_species({"W": "Fe", "C": "B"})
    # Fe–B 2.12 Å, as in Nd₂Fe₁₄B
    known["iron_prisms"] = prisms.scale_lattice(prisms.volume * (2.12 / 2.197) ** 3)
    known["triiodide"] = molecule(("I", 0, 0, 0), ("I", 0, 0, 2.92), ("I", 0, 0, -2.92))
    ring = [(2.0 * math.cos(a), 2.0 * math.sin(a)) for a in (0, 2 * math.pi / 3, 4 * math.pi / 3)]
    known["face_sharing_chain"] = Structure(
        Lattice.orthorhombic(12, 12, 6),
        ["Ti"] * 2 + ["Br"] * 6,
        [[0, 0, 0], [0, 0, 3], *([x, y, 1.5] for x, y in ring), *([-x, -y, 4.5] for x, y in ring)],
        coords_are_cartesian=True,
    )
    # Cu₂P₆ as the paper draws it, Cu–Cu 2.5 Å and Cu–P 2.3 Å, and what it warns of: the same counts
    # in two squares, one above the other.
    half, bond = 1.25, 2.3
    across, along = math.sqrt(bond**2 - half**2), bond * math.cos(math.radians(54.7))
    up = math.sqrt(bond**2 - along**2)
    ends = [("P", s * (half + along), 0.0, t * up) for s in (1, -1) for t in (1, -1)]
    known["copper_pair"] = molecule(
        ("Cu", half, 0, 0), ("Cu", -half, 0, 0), ("P", 0, across, 0), ("P", 0, -across, 0), *ends
    )
    squares = [
        ("P", s * half, bond * math.cos(a), bond * math.sin(a))
        for s in (1, -1)
        for a in (0, math.pi / 2, math.pi, 3 * math.pi / 2)
    ]
    known["stacked_squares"] = molecule(("Cu", half, 0, 0), ("Cu", -half, 0, 0), *squares)
    return known


@pytest.fixture(scope="module")
def crystals() -> Mapping[str, Structure]:
    return _crystals()


# ---- documentation ----


@pytest.mark.parametrize("module", MODULES)
def test_the_example_checks_without_a_word(module: str) -> None:
    result = scoutlang.check(example(module))
    assert f"import std.{module}" in result.source.text
    assert result.ok
    assert [d for d in result.diagnostics if d.severity != "info"] == []


@pytest.mark.parametrize("module", MODULES)
def test_every_definition_is_used(module: str) -> None:
    alias = re.search(rf"import std\.{module}(?: as (\w+))?", example(module))
    assert alias
    texts = [*(c.claim for c in CASES), example(module)]
    used = {n for text in texts for n in re.findall(rf"\b(?:{module}|{alias[1]})\.(\w+)", text)}
    assert definitions(module) - used - NAMED_IN_TABLES[module] == set()


def test_the_readme_names_every_module() -> None:
    text = resource("stdlib", "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `std\.(\w+)`", text, re.MULTILINE)) == set(MODULES)


# ---- truth ----


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.claim)
def test_a_claim_holds_where_it_should_and_nowhere_else(
    case: Case, crystals: Mapping[str, Structure]
) -> None:
    assert case.holds or case.fails
    for name in (case.holds + " " + case.fails).split():
        [result] = scoutlang.measure(case.program(crystals[name]), [crystals[name]])
        assert result.terms[0].satisfied is (name in case.holds.split()), name


@pytest.mark.parametrize("like", NOUNS)
def test_every_polyhedron_holds_for_its_ideal_and_no_other(like: str) -> None:
    claims = [
        f"poly.{NOUNS[like]}(Ti, O)",
        f"each poly.{ADJECTIVES[like]}(Ti, O)",
        f"poly.{NOUNS[like]}(Ti, O, 0.001)",
    ]
    program = checked(
        "\n".join(
            ["import std.polyhedra as poly", "system Ti-O", *(f"require {c}" for c in claims)]
        )
    )
    for other, result in zip(
        NOUNS, scoutlang.measure(program, [ideal(n) for n in NOUNS]), strict=True
    ):
        assert {t.satisfied is True for t in result.terms} == {other == like}, other


def test_no_two_polyhedra_hold_at_once_by_default() -> None:
    """The angles asin √(S/100) add up along the shortest path from one shape to another (Casanova
    et al. 2004).
    """
    allowed = {}
    for like, noun in NOUNS.items():
        claim = (
            checked(f"import std.polyhedra as poly\nsystem Ti-O\nrequire poly.{noun}(Ti, O)")
            .terms[0]
            .claim
        )
        assert isinstance(claim, ir.And)
        bounds = [
            c.of.relation.high
            for c in claim.of
            if isinstance(c, ir.Each) and isinstance(c.of, ir.Compare) and c.of.relation.high
        ]
        [allowed[like]] = bounds
    for a, b in itertools.combinations(NOUNS, 2):
        if len(POLYHEDRA[a]) == len(POLYHEDRA[b]):
            apart = float(
                shape_measure(torch.tensor([POLYHEDRA[a]], dtype=torch.float64), POLYHEDRA[b])
            )
            assert sum(math.asin(math.sqrt(allowed[x] / 100)) for x in (a, b)) < math.asin(
                math.sqrt(apart / 100)
            ), (a, b)


@pytest.mark.parametrize(
    ("claim", "crystal"),
    [
        ("fraction(poly.octahedral({Mg, Al}, O)) in [0.66, 0.67]", "spinel"),
        ("each (poly.octahedral({Mg, Al}, O) or poly.tetrahedral({Mg, Al}, O))", "spinel"),
        ("each (poly.octahedral(Ti, O) or poly.tetrahedral(Ti, O))", "perovskite"),
    ],
)
def test_a_site_without_a_shape_counts(
    claim: str, crystal: str, crystals: Mapping[str, Structure]
) -> None:
    """The four nearest of six neighbours at one distance have no shape, and a tetrahedral site has
    no six nearest.
    """
    system = "-".join(e.symbol for e in crystals[crystal].composition.elements)
    program = checked(f"import std.polyhedra as poly\nsystem {system}\nrequire {claim}")
    [result] = scoutlang.measure(program, [crystals[crystal]])
    assert result.terms[0].satisfied is True


def test_groups_are_those_of_the_periodic_table() -> None:
    names = sorted(definitions("groups"))
    text = "\n".join(f"require count(g.{n}) >= 1" for n in names)
    program = checked(f"import std.groups as g\nsystem {'-'.join(SYMBOLS)}\n{text}")
    found = {
        n: set(ir.measures(t.claim)[0].species[0].elements)
        for n, t in zip(names, program.terms, strict=True)
    }
    for name, belongs in GROUPS.items():
        assert found[name] == {s for s in SYMBOLS if belongs(Element(s))}, name
    parts = [found["metal"], found["metalloid"], found["nonmetal"]]
    assert sorted(s for part in parts for s in part) == sorted(SYMBOLS)


def test_lengths_are_what_their_lattice_constants_say() -> None:
    for name, expected in LENGTHS.items():
        claim = (
            checked(
                f"import std.lengths as l\nsystem C-O\nrequire distance(C-O) = l.{name} ± 0.1 Å"
            )
            .terms[0]
            .claim
        )
        assert isinstance(claim, ir.Compare)
        assert claim.relation.target == pytest.approx(expected, abs=6e-4), name


# ---- gradients ----


@pytest.mark.parametrize("case", [c for c in CASES if c.steers], ids=lambda c: c.claim)
def test_what_steers_has_a_finite_gradient(case: Case, crystals: Mapping[str, Structure]) -> None:
    for name in (case.holds + " " + case.fails).split()[:3]:
        structure = crystals[name].copy()
        structure.perturb(0.05)
        program = case.program(structure)
        loss = scoutlang.compile(program)
        value, d_frac, d_cell = loss_and_gradient(loss, CrystalBatch.from_structures([structure]))
        assert value.total.isfinite().all()
        assert d_frac.isfinite().all()
        assert d_cell.isfinite().all()


def test_a_polyhedron_that_is_not_there_is_pulled_into_shape() -> None:
    """Descent on the loss turns a bent, incomplete octahedron into a better one."""
    structure = ideal("octahedron")
    moves = np.random.default_rng(3).normal(size=(len(structure), 3))
    for site, move in enumerate(moves):
        structure.translate_sites([site], 0.25 * move / np.linalg.norm(move), frac_coords=False)
    loss = scoutlang.compile(
        checked("import std.polyhedra as poly\nsystem Ti-O\nrequire poly.octahedron(Ti, O, 0.1)")
    )
    batch = CrystalBatch.from_structures([structure])
    first = float(loss(batch).total)
    for _ in range(50):
        _, d_frac, _ = loss_and_gradient(loss, batch)
        batch = batch.with_geometry(
            batch.frac - 2e-3 * d_frac / d_frac.norm().clamp(min=1e-9), batch.cell
        )
    assert first > 0
    assert float(loss(batch).total) < 0.5 * first

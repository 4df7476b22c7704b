"""Known crystals, each in four settings, and how the tests of descriptors read values.

Space group, lattice constants (Å, degrees) and coordinates are those of the AFLOW Encyclopedia of
Crystallographic Prototypes, which names the measurement behind each: Mehl et al., Comput. Mater.
Sci. 136, S1 (2017), doi:10.1016/j.commatsci.2017.01.017, and Hicks et al., Comput. Mater. Sci. 161,
S1 (2019), doi:10.1016/j.commatsci.2018.10.043. Settings: origin choice 1, unique axis b, hexagonal
axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from ase.spacegroup import crystal
from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import modules
from scoutlang.evaluation.expressions import Field, Reading, quantity
from scoutlang.ir import Aggregate, How, Measure, Species

# name, space group, a b c α β γ, one atom of each orbit; lanthanum_cuprate is of the K2NiF4 type,
# chromium_silicide is A15
_TABLE = """
copper                   225  3.6149 3.6149 3.6149 90 90 90  Cu 0 0 0
tungsten                 229  3.155 3.155 3.155 90 90 90  W 0 0 0
magnesium                194  3.2093 3.2093 5.2106 90 90 120  Mg 2/3 1/3 0.75
polonium                 221  3.34 3.34 3.34 90 90 90  Po 0 0 0
diamond                  227  3.55 3.55 3.55 90 90 90  C 0 0 0
graphite                 194  2.464 2.464 6.711 90 90 120  C 0 0 0.75; C 2/3 1/3 0.75
lonsdaleite              194  2.508 2.508 4.183 90 90 120  C 2/3 1/3 0.94005
tin                      141  5.8318 5.8318 3.1819 90 90 90  Sn 0.5 0 0.75
arsenic                  166  3.7595 3.7595 10.4573 90 90 120  As 0 0 0.22754
selenium                 152  4.3662 4.3662 4.9536 90 90 120  Se 0.7746 0.7746 0.5
black_phosphorus          64  3.3136 10.478 4.3763 90 90 90  P 0.5 0.60168 0.91944
indium                   139  4.6002 4.6002 4.9463 90 90 90  In 0 0 0
uranium                   63  2.8444 5.8689 4.9316 90 90 90  U 0 0.89772 0.25
rock_salt                225  5.6393 5.6393 5.6393 90 90 90  Cl 0 0 0; Na 0.5 0.5 0.5
cesium_chloride          221  4.0793 4.0793 4.0793 90 90 90  Cs 0 0 0; Cl 0.5 0.5 0.5
zinc_blende              216  5.4093 5.4093 5.4093 90 90 90  S 0.75 0.75 0.75; Zn 0 0 0
wurtzite                 186  3.8227 3.8227 6.2607 90 90 120  Zn 2/3 1/3 0; S 2/3 1/3 0.6252
nickel_arsenide          194  3.619 3.619 5.044 90 90 120  Ni 0 0 0; As 2/3 1/3 0.75
boron_nitride            194  2.504 2.504 6.6612 90 90 120  B 2/3 1/3 0.75; N 2/3 1/3 0.25
tungsten_carbide         187  2.9065 2.9065 2.8366 90 90 120  W 0 0 0; C 2/3 1/3 0.5
iron_silicide            198  4.4869 4.4869 4.4869 90 90 90  Fe 0.63652 0.63652 0.63652; Si 0.3424 0.3424 0.3424
cinnabar                 154  4.145 4.145 9.496 90 90 120  Hg 0.2802 0.2802 0.5; S 0.5111 0.5111 0
lead_oxide               129  3.9645 3.9645 4.9956 90 90 90  Pb 0.5 0 0.2368; O 0 0 0
platinum_sulphide        131  3.47 3.47 6.11 90 90 90  Pt 0 0.5 0; S 0 0 0.25
tenorite                  15  4.6837 3.4226 4.8963 90 115.307 90  Cu 0.5 0.5 0.5; O 0.5 0.8316 0.25
sodium_thallide          227  7.483 7.483 7.483 90 90 90  Na 0 0 0; Tl 0.75 0.75 0.75
copper_gold              123  2.8 2.8 3.67 90 90 90  Cu 0.5 0.5 0.5; Au 0 0 0
fluorite                 225  5.4631 5.4631 5.4631 90 90 90  Ca 0 0 0; F 0.75 0.75 0.75
rutile                   136  4.5922 4.5922 2.9574 90 90 90  Ti 0 0 0; O 0.69504 0.69504 0
anatase                  141  3.785 3.785 9.514 90 90 90  O 0 0 0.2081; Ti 0 0 0
pyrite                   205  5.417 5.417 5.417 90 90 90  Fe 0 0 0; S 0.3851 0.3851 0.3851
cadmium_iodide           164  4.24 4.24 6.84 90 90 120  Cd 0 0 0; I 2/3 1/3 0.748
molybdenite              194  3.161 3.161 12.295 90 90 120  Mo 2/3 1/3 0.75; S 2/3 1/3 0.3725
cuprite                  224  4.267 4.267 4.267 90 90 90  Cu 0.25 0.25 0.25; O 0.5 0.5 0.5
quartz                   152  4.914 4.914 5.406 90 90 120  Si 0.5301 0.5301 0.5; O 0.587 0.8538 0.61933
cristobalite             227  7.166 7.166 7.166 90 90 90  O 0.125 0.125 0.125; Si 0 0 0
baddeleyite               14  5.1505 5.2116 5.3173 90 99.23 90  Zr 0.2754 0.0395 0.2083; O 0.07 0.3317 0.3447; O 0.4496 0.7569 0.4792
aluminium_diboride       191  3.005 3.005 3.2537 90 90 120  Al 0 0 0; B 2/3 1/3 0.5
cotunnite                 62  7.6204 4.5342 9.0452 90 90 90  Pb 0.7623 0.75 0.0959; Cl 0.875 0.75 0.4217; Cl 0.9798 0.75 0.837
cubic_laves              227  7.02 7.02 7.02 90 90 90  Cu 0.625 0.625 0.625; Mg 0 0 0
hexagonal_laves          194  5.223 5.223 8.566 90 90 120  Mg 2/3 1/3 0.93714; Zn 0 0 0; Zn 0.16952 0.33904 0.75
molybdenum_silicide      139  3.2064 3.2064 7.8478 90 90 90  Mo 0 0 0; Si 0 0 0.6647
rhenium_trioxide         221  3.734 3.734 3.734 90 90 90  Re 0 0 0; O 0.5 0 0
chromium_silicide        223  4.556 4.556 4.556 90 90 90  Cr 0.25 0 0.5; Si 0 0 0
copper3_gold             221  3.7402 3.7402 3.7402 90 90 90  Cu 0 0.5 0.5; Au 0 0 0
skutterudite             204  7.58 7.58 7.58 90 90 90  As 0.1503 0.6569 0; Co 0.25 0.25 0.25
bismuth_fluoride         225  5.853 5.853 5.853 90 90 90  Bi 0 0 0; F 0.5 0.5 0.5; F 0.75 0.75 0.75
cementite                 62  5.09 6.748 4.523 90 90 90  Fe 0.036 0.25 0.852; Fe 0.186 0.063 0.328; C 0.39 0.25 0.05
lithium_nitride          191  3.6576 3.6576 3.8735 90 90 120  Li 0 0 0.5; Li 2/3 1/3 0; N 0 0 0
corundum                 167  4.7607 4.7607 12.9947 90 90 120  Al 1/3 2/3 0.01883; O 0 0.3061 0.25
bismuth_telluride        166  4.3691 4.3691 30.4229 90 90 120  Bi 1/3 2/3 0.06567; Te 0 0 0; Te 0 0 0.208
calcium_hexaboride       221  4.145 4.145 4.145 90 90 90  Ca 0 0 0; B 0.2117 0.5 0.5
calcium_pentacopper      191  5.405 5.405 4.183 90 90 120  Ca 0 0 0; Cu 2/3 1/3 0; Cu 0.5 0 0.5
barium_aluminide         139  4.53 4.53 11.1 90 90 90  Al 0.5 0 0.75; Al 0 0 0.62; Ba 0 0 0
perovskite               221  3.795 3.795 3.795 90 90 90  Ca 0 0 0; Ti 0.5 0.5 0.5; O 0 0.5 0.5
orthorhombic_perovskite   62  5.4224 7.651 5.4043 90 90 90  Ca 0.4877 0.25 0.9916; Ti 0 0 0; O 0.0313 0.25 0.0586; O 0.288 0.537 0.213
spinel                   227  8.0832 8.0832 8.0832 90 90 90  Al 0.625 0.625 0.625; Mg 0 0 0; O 0.3874 0.3874 0.3874
heusler                  225  5.95 5.95 5.95 90 90 90  Al 0 0 0; Cu 0.75 0.75 0.75; Mn 0.5 0.5 0.5
half_heusler             216  6.24 6.24 6.24 90 90 90  Ag 0.5 0.5 0.5; As 0.75 0.75 0.75; Mg 0 0 0
chalcopyrite             122  5.289 5.289 10.423 90 90 90  Cu 0.5 0 0.25; Fe 0 0.5 0.25; S 0.25 0.2574 0.375
lanthanum_cuprate        139  3.7817 3.7817 13.2487 90 90 90  Cu 0 0 0; La 0 0 0.63925; O 0 0.5 0.5; O 0 0 0.8176
calcite                  167  4.988 4.988 17.061 90 90 120  C 0 0 0.25; Ca 0 0 0; O 0 0.7433 0.25
lithium_niobate          161  5.2542 5.2542 13.8759 90 90 120  Li 0 0 0.2875; Nb 0 0 0.0128; O 0.6631 0.7207 0.0833333
zircon                   141  6.6042 6.6042 5.9796 90 90 90  O 0.184 0 0.1799; Si 0 0 0; Zr 0.5 0 0.25
caswellsilverite         166  3.5561 3.5561 19.365 90 90 120  Cr 0 0 0; Na 1/3 2/3 1/6; S 0 0 0.2667
zrcusias                 129  3.6736 3.6736 9.5712 90 90 90  Zr 0.5 0 0.2246; Cu 0 0 0.5; Si 0 0 0; As 0.5 0 0.6793
stannite                 121  5.46 5.46 10.725 90 90 90  Cu 0.5 0 0.25; Fe 0 0 0; S 0.755 0.245 0.132; Sn 0.5 0.5 0
max_phase                194  2.988 2.988 23.372 90 90 120  Ti 0 0 0.8457; Ti 2/3 1/3 0.9461; Al 2/3 1/3 0.75; N 0 0 0; N 2/3 1/3 0.395
matlockite               129  4.11 4.11 7.246 90 90 90  Pb 0.5 0 0.2058; Cl 0.5 0 0.6497; F 0 0 0
ullmannite               198  5.881 5.881 5.881 90 90 90  Ni 0.476 0.476 0.476; Sb 0.375 0.375 0.375; S 0.89 0.89 0.89
"""


def prototypes() -> Mapping[str, Structure]:
    """Conventional cells by name."""
    found = {}
    for line in _TABLE.strip().splitlines():
        name, number, *parameters = line.split()[:8]
        orbits = [orbit.split() for orbit in line.split(maxsplit=8)[8].split(";")]
        atoms = crystal(
            symbols=[element for element, *_ in orbits],
            basis=[[float(Fraction(x)) for x in position] for _, *position in orbits],
            spacegroup=int(number),
            cellpar=[float(p) for p in parameters],
        )
        found[name] = Structure(
            atoms.cell.array, atoms.get_chemical_symbols(), atoms.get_scaled_positions()
        )
    return found


def settings(conventional: Structure) -> list[Structure]:
    """The crystal as conventional, primitive, thin and skewed (determinant 1), and 2 × 1 × 2
    supercell.
    """
    primitive = SpacegroupAnalyzer(conventional).find_primitive()
    skewed = primitive.copy()
    skewed.make_supercell([[1, 0, 0], [3, 1, 0], [-2, 1, 1]], to_unit_cell=False)
    return [conventional, primitive, skewed, primitive * (2, 1, 2)]


def measure(name: str, *species: str, **parameters: float) -> Measure:
    """``measure("CN", "Cu,Si", "P", r=2.6)``."""
    places = tuple(Species(text=s, elements=tuple(s.split(","))) for s in species)
    return Measure(descriptor=name, species=places, parameters=tuple(parameters.items()))


def read(
    batch: CrystalBatch,
    use: Measure,
    kind: Literal["soft", "exact"] = "exact",
    how: How | None = None,
) -> Field:
    """One value per crystal, as a program reads it: by the descriptor's own aggregate or by
    another.
    """
    signature = modules()[use.descriptor].SIGNATURE
    expression = (
        use if signature.domain == "crystal" else Aggregate(how or signature.aggregate, use)
    )
    return quantity(expression, Reading(batch, kind))

"""The AFLOW Library of Crystallographic Prototypes, Part 1 (Mehl et al. 2017), as shipped in
pymatgen's wheel: compounds as measured.
"""

from __future__ import annotations

import re
from importlib.resources import files

from monty.serialization import loadfn

from scoutlang.validation.reference import ReferenceStructure

SOURCE = "aflow"
LICENCE = "MIT (pymatgen)"
LIBRARY = "doi:10.1016/j.commatsci.2017.01.017"

# In these alloy prototypes the elements only mark Wyckoff positions; as compounds they do not
# exist.
_LABELS = {"Cr", "Fe", "Ni"}

# Rows of the wheel whose geometry cannot be that of the named compound: more than 0.5 eV/atom above
# the CHGNet 0.3.0 hull of all the others. Most have their axis lengths in another order than the
# coordinates (brookite, FeB, TiNi); H3S needs 150 GPa.
_UNUSABLE = frozenset(
    """
    A2B_mC48_15_ae3f_2f:SiO2 A2B_mP12_3_bc3e_2e:SiO2 A2B_oC12_36_2a_a:HgBr2
    A2B_oP12_19_2a_a:Ag2Se A2B_oP24_61_2c_c:TiO2 A2B_tI12_141_e_a:TiO2 A3B_cI32_204_g_c:CoAs3
    A3B_cI8_229_b_a:H3S A4B3_cI14_229_c_b:Pt3O4 A5B2_hR7_166_a2c_c:B5Mo2
    AB11_cP36_221_c_agij:BaHg11 AB2_hP24_194_ef_fgh:MgNi2 AB2_oF72_43_ab_3b:GeS2
    AB3C6_cI80_206_a_d_e:Mn3FeO6 AB4C_tI12_82_c_g_a:BPO4 ABC_cP12_198_a_a_a:NiSbS
    ABC_oP6_59_a_a_a:CNCl AB_cP8_198_a_a:CO AB_hR2_166_a_b:CuPt AB_mC8_15_c_e:CuO
    AB_mP4_11_e_e:TiNi AB_oI4_44_a_b:GaAs AB_oP2_25_b_a:CdTe AB_oP8_62_c_c:FeB
    AB_tP4_131_c_e:PtS A_cI16_206_c:Si A_hP4_186_ab:C A_hP6_194_h:C A_tI2_139_a:In
    A_tP16_138_j:Cl2
    """.split()
)


def load() -> list[ReferenceStructure]:
    """Every ordered, usable prototype, cited by the first reference of the library for it."""
    prototypes = loadfn(str(files("pymatgen.analysis.prototypes") / "aflow_prototypes.json.gz"))
    found = []
    for prototype in prototypes:
        structure, label = prototype["snl"].structure, prototype["tags"]["aflow"]
        id_ = f"{label}:{structure.composition.reduced_formula}"
        if (
            not structure.is_ordered
            or structure.composition.chemical_system_set >= _LABELS
            or id_ in _UNUSABLE
        ):
            continue
        found.append(
            ReferenceStructure(
                id_, SOURCE, structure, f"{_cite(prototype['snl'].references)}; {LIBRARY}", LICENCE
            )
        )
    return found


def _cite(bibtex: str) -> str:
    def field(name: str) -> str:
        found = re.search(rf'^\s*{name}\s*=\s*["{{](.*?)["}}],?\s*$', bibtex, re.MULTILINE)
        return found.group(1).strip() if found else ""

    return f"{field('author')}, {field('journal')} {field('volume')} ({field('year')})"

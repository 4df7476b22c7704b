"""Judged runs made by hand, with text that tries to break out of a page wherever there is text."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from crystals_by_hand import simple_cubic
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Program
from scoutlang.potentials import Evaluation
from scoutlang.report.data import Crystal, ReportData
from scoutlang.report.figures import Figure
from scoutlang.runs.manifest import Manifest, ModelIdentity
from scoutlang.validation import validate
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference.structures import ReferenceStructure

HOSTILE = """</script><script>window.pwned=1</script><img src=x onerror="window.pwned=2">"""

TEXT = f"""# salts {HOSTILE}
system Na-Cl
require six: CN(Na-Cl) = 6
prefer dense: density as high as possible
expect e_above_hull < 0.2 eV/atom
"""


class Flat:
    """0.1 eV/atom for what holds chlorine, else 0: a salt stands 0.1 eV/atom above its elements."""

    name = "flat"
    version = "1"
    weights_sha256 = "0" * 64

    def energies(
        self, structures: Sequence[Structure], *, batch_size: int = 16, report: object = None
    ) -> list[Evaluation]:
        return [
            Evaluation(
                0.1 + 0.001 * len(s) if "Cl" in s.composition and len(s.composition) > 1 else 0.0
            )
            for s in structures
        ]


def caesium_chloride(a: float = 3.5) -> Structure:
    return Structure(Lattice.cubic(a), ["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)])


def known() -> Reference:
    sets = {f"Na {HOSTILE}": simple_cubic("Na", 4.0), "Cl": simple_cubic("Cl", 4.0)}
    return Reference.from_structures(
        "by hand", [ReferenceStructure(id_, "test", s, "none", "none") for id_, s in sets.items()]
    )


def checked(text: str) -> Program:
    program = scoutlang.check(text).program
    assert program is not None
    return program


def report_data(
    program: Program, generated: Sequence[Specimen], status: str = "finished", name: str = "salts"
) -> ReportData:
    """A judged run of these structures."""
    validation = validate(program, generated, potential=Flat(), reference=known())
    crystals = [
        Crystal(
            r.id, r.arm, r.structure.composition.reduced_formula, r.structure, {}, {}, float(k), r.e_above_hull, r.hit, r
        )
        for k, r in enumerate(validation.records)
        if r.generated.structure is not None
    ]  # fmt: skip
    reference = [
        Crystal(
            x.id,
            "reference",
            f"{x.structure.reduced_formula}{HOSTILE}",
            x.structure,
            {},
            {},
            1.0,
            0.0,
            None,
        )
        for x in known().subset(["Na", "Cl"])
    ]
    arms = list(dict.fromkeys(g.arm for g in generated))
    return ReportData(
        name=name,
        manifest=Manifest.begin(
            program,
            arms or ["guided"],
            status=status,
            model=ModelIdentity(name=HOSTILE, weights_sha256=HOSTILE, config_sha256="0"),
        ),
        validation=validation,
        crystals=(*crystals, *reference),
    )


def generated(arm: str, *structures: Structure | None) -> list[Specimen]:
    side = "guided" if arm == "guided" else "non-guided"
    return [
        Specimen(side, 7, k, s, None if s else f"NaN {HOSTILE}") for k, s in enumerate(structures)
    ]


def pareto(data: ReportData) -> Figure:
    shown = [c for c in data.crystals if c.e_above_hull is not None]
    plot = go.Figure(
        go.Scatter(
            x=[c.loss for c in shown],
            y=[c.e_above_hull for c in shown],
            customdata=[c.id for c in shown],
            mode="markers",
            marker={"size": 12},
        )
    )
    return Figure(
        "pareto", f"Pareto {HOSTILE}", f"loss and energy {HOSTILE}", plot.update_layout(height=360)
    )

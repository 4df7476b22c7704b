"""A program in one form, every part in brackets, defaults left out: what snapshots of meaning hold,
so that a person can review them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from scoutlang import ir


def outline(program: ir.Program) -> str:
    """The meaning of a program, a line for each statement and two for each term."""
    return "\n".join(_lines(program)) + "\n"


def _lines(program: ir.Program) -> Iterator[str]:
    yield f"system {' '.join(program.system)}"
    if program.atoms:
        yield f"atoms {program.atoms.low} to {program.atoms.high}"
    if program.formula:
        yield f"formula {' '.join(f'{symbol} {number}' for symbol, number in program.formula)}"
    if program.keep:
        yield f"keep {program.keep.host.name} {'lattice' if program.keep.lattice else 'sites'}"
    if program.start:
        yield f"start {program.start.seed.name} noise {program.start.noise:g}"
    if program.symmetry:
        yield f"symmetry {' '.join(map(str, program.symmetry.numbers))}"
    for parameter in program.parameters:
        yield f"param {parameter.name} = {parameter.value}"
    for sweep in program.sweeps:
        yield f"sweep {sweep.name}: {', '.join(sweep.values)}"
    for term in program.terms:
        how = ("" if term.weight == 1 else f", weight {term.weight:g}") + (
            "" if term.loss == "l1" else f", loss {term.loss}"
        )
        yield f"{term.verb} [{term.label}] line {term.location.line}{how}"
        yield f"  {wish(term.claim) if isinstance(term.claim, ir.Wish) else proposition(term.claim)}"
    for settings in (program.guide, program.sample, program.relax):
        changed = {
            f.name: getattr(settings, f.name)
            for f in dataclasses.fields(settings)
            if getattr(settings, f.name) != f.default
        }
        if changed:
            yield f"{type(settings).__name__.lower()} {', '.join(f'{k}={_setting(v)}' for k, v in changed.items())}"


def wish(claim: ir.Wish) -> str:
    return (
        f"{quantity(claim.value)} as {claim.direction} as possible{_unit(claim.unit, claim.scale)}"
    )


def proposition(node: ir.Proposition) -> str:
    match node:
        case ir.Compare():
            return f"{quantity(node.value)} {_relation(node.relation)}{_unit(node.unit, node.relation.scale)}"
        case ir.And(of=of):
            return f"({' and '.join(proposition(p) for p in of)})"
        case ir.Or(of=of):
            return f"({' or '.join(proposition(p) for p in of)})"
        case ir.Not(of=inner):
            return f"not ({proposition(inner)})"
        case ir.Implies(premise=premise, conclusion=conclusion):
            return f"({proposition(premise)} implies {proposition(conclusion)})"
        case ir.Each(of=inner):
            return f"each ({proposition(inner)})"
        case ir.Some(of=inner):
            return f"any ({proposition(inner)})"


def quantity(node: ir.Quantity) -> str:
    match node:
        case ir.Constant(value=value):
            return f"{value!r}"
        case ir.Measure():
            species = "-".join(_species(s) for s in node.species)
            arguments = ", ".join(
                [
                    *([species] if species else []),
                    *(f"{k}={_argument(v)}" for k, v in node.parameters),
                ]
            )
            return f"{node.descriptor}({arguments})" if arguments else node.descriptor
        case ir.Arithmetic(op="neg", of=(inner,)):
            return f"(- {quantity(inner)})"
        case ir.Arithmetic(op="abs" | "min" | "max" as op, of=of):
            return f"{op}({', '.join(quantity(q) for q in of)})"
        case ir.Arithmetic(op=op, of=of):
            return f"({f' {op} '.join(quantity(q) for q in of)})"
        case ir.Aggregate(how=how, of=inner):
            return f"{how}({quantity(inner)})"
        case ir.Fraction(of=inner):
            return f"fraction({proposition(inner)})"


def _relation(relation: ir.Relation) -> str:
    match relation.op:
        case "=":
            return f"= {relation.target!r} ± {'<' if relation.strict else ''}{relation.tolerance!r}"
        case "in":
            return f"in [{relation.low!r}, {relation.high!r}]"
        case op:
            return f"{op} {relation.high if relation.low is None else relation.low!r}"


def _unit(unit: str, scale: float) -> str:
    return (f" {unit}" if unit else "") + (f" [scale {scale:g}]" if scale != 1 else "")


def _species(species: ir.Species) -> str:
    return (
        species.text
        if species.elements == (species.text,)
        else f"{species.text}:{'+'.join(species.elements)}"
    )


def _argument(value: float | str | ir.TextFile) -> str:
    return (
        f"{value.name} ({len(value.text)} characters)"
        if isinstance(value, ir.TextFile)
        else str(value)
    )


def _setting(value: object) -> str:
    if not isinstance(value, ir.Schedule):
        return str(value)
    if value.points:
        return "piecewise " + ", ".join(f"{t:g}: {k:g}" for t, k in value.points)
    return (
        f"{value.start:g}"
        if value.shape == "constant"
        else f"{value.shape} {value.start:g} to {value.end:g}"
    )

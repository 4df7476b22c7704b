"""A program in a few lines: what `scout check` says when all is well."""

from __future__ import annotations

from scoutlang.ir import Guide, Measure, Program, Relation, Sample, Schedule, Term


def summary(program: Program) -> str:
    """The meaning of a program as the checker took it, defaults and aggregates included."""
    rows = [("system", "-".join(program.system))]
    if program.atoms:
        low, high = program.atoms.low, program.atoms.high
        rows.append(("atoms", str(low) if low == high else f"{low} to {high}"))
    rows += [(term.verb, claim(term)) for term in program.terms]
    rows += [("guide", _guide(program.guide)), ("sample", _sample(program.sample))]
    return "\n".join(f"  {head:<8} {body}" for head, body in rows)


def claim(term: Term) -> str:
    """``dimer: CN(Cu-Cu) = 1 ± 0.5, mean over Cu sites``."""
    measure, relation = term.measure, term.relation
    name = _measure(measure)
    label = "" if term.label == name or term.label.startswith(f"{name} #") else f"{term.label}: "
    parts = [f"{label}{name} {relation_text(relation, measure.unit)}"]
    if measure.species:
        centre = measure.species[0].text
        parts.append(f"mean over {centre} sites" if measure.aggregate == "mean" else f"{measure.aggregate} of all")
    if term.weight != 1.0:
        parts.append(f"weight {term.weight:g}")
    if term.loss != "l1":
        parts.append(f"loss {term.loss}")
    return ", ".join(parts)


def _measure(measure: Measure) -> str:
    inside = ["-".join(s.text for s in measure.species)] if measure.species else []
    inside += [f"{name}={value:g}" for name, value in measure.parameters]
    return f"{measure.descriptor}({', '.join(inside)})" if inside else measure.descriptor


def relation_text(relation: Relation, unit: str) -> str:
    """``= 4 ± 0.5``, ``in [14, 22] Å^3``, ``as low as possible``."""
    match relation.op:
        case "=":
            text = f"= {relation.target:g} ± {relation.tolerance:g}"
        case "in":
            text = f"in [{relation.low:g}, {relation.high:g}]"
        case "minimize":
            return "as low as possible"
        case "maximize":
            return "as high as possible"
        case operator:
            bound = relation.low if relation.high is None else relation.high
            text = f"{operator} {bound:g}"
    return f"{text} {unit}".rstrip()


def _guide(guide: Guide) -> str:
    parts = [f"method {guide.method}", f"k {_schedule(guide.k)}"]
    if guide.method == "paper":
        parts.append(f"g {_schedule(guide.g)}")
    return ", ".join([*parts, f"while {guide.since:g} ≥ t ≥ {guide.until:g}"])


def _schedule(schedule: Schedule) -> str:
    if schedule.shape == "constant":
        return f"{schedule.start:g}"
    return f"{schedule.start:g} -> {schedule.end:g} ({schedule.shape})"


def _sample(sample: Sample) -> str:
    settings = f"{sample.steps} steps, seed {sample.seed}, model {sample.model}, cfg {sample.cfg:g}"
    return f"{sample.count} structures, batch {sample.batch}, {settings}"

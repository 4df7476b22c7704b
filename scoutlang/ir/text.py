"""A program in a few lines: what `scout check` says when all is well."""

from __future__ import annotations

from scoutlang.descriptors import signatures
from scoutlang.ir import (
    Aggregate,
    And,
    Arithmetic,
    Compare,
    Constant,
    Each,
    Fraction,
    Guide,
    Implies,
    Measure,
    Not,
    Or,
    Program,
    Proposition,
    Quantity,
    Relation,
    Sample,
    Schedule,
    Some,
    Term,
    TextFile,
    Wish,
)
from scoutlang.ir.settings import settings

_HOLDS = "holds"  # said by the name of the descriptor alone


def summary(program: Program) -> str:
    """The meaning of a program as the checker took it, defaults and aggregates included."""
    rows = [("system", "-".join(program.system))]
    if program.atoms:
        low, high = program.atoms.low, program.atoms.high
        rows.append(("atoms", str(low) if low == high else f"{low} to {high}"))
    if program.formula:
        rows.append(
            (
                "formula",
                "".join(f"{e}{n if n > 1 else ''}" for e, n in program.formula)
                + ", exact: types are drawn to fit",
            )
        )
    rows += [("param", f"{p.name} = {p.value}") for p in program.parameters]
    rows += [(term.verb, claim(term)) for term in program.terms]
    rows += [("guide", _guide(program.guide)), ("sample", _sample(program.sample))]
    rows += [("sweep", f"{s.name} in {{{', '.join(s.values)}}}") for s in program.sweeps]
    return "\n".join(f"  {head:<8} {body}" for head, body in rows)


def claim(term: Term) -> str:
    """``dimer: CN(Cu-Cu) = 1 ± 0.5, mean over Cu sites``."""
    body, reading = term.claim, ""
    if (
        isinstance(body, Compare | Wish)
        and isinstance(body.value, Aggregate)
        and isinstance(body.value.of, Measure)
    ):
        # The aggregate of a single descriptor is said in words, so that a default one is not
        # overlooked.
        reading = (
            f"{body.value.how} over {body.value.of.species[0].text} sites"
            if len(body.value.of.species) < 3
            else body.value.how
        )
        text = _tail(quantity_text(body.value.of), body)
    else:
        text = (
            proposition_text(body)
            if not isinstance(body, Wish)
            else _tail(quantity_text(body.value), body)
        )
    parts = [text if text.startswith(_plain(term.label)) else f"{term.label}: {text}"]
    if reading:
        parts.append(reading)
    if term.weight != 1.0:
        parts.append(f"weight {term.weight:g}")
    if term.loss != "l1":
        parts.append(f"loss {term.loss}")
    return ", ".join(parts)


def _plain(label: str) -> str:
    """A label that was made up, without its number."""
    return label.partition(" #")[0]


def _tail(value: str, body: Compare | Wish) -> str:
    if isinstance(body, Wish):
        return f"{value} as {body.direction} as possible"
    return f"{value} {_word(body) or relation_text(body.relation, body.unit)}".removesuffix(
        f" {_HOLDS}"
    )


def _word(body: Compare) -> str:
    """What a descriptor of words or of truth is compared with; empty for a number."""
    if body.relation.target is None:
        return ""
    word = value_word(body.value, body.relation.target)
    return _HOLDS if word in ("yes", "no") else f"= {word}" if word else ""


def value_word(value: Quantity, number: float) -> str:
    """A value of a descriptor of words or of truth as a word; empty for one of numbers."""
    signature = signatures()[value.descriptor] if isinstance(value, Measure) else None
    if signature is None:
        return ""
    if signature.dimension == "truth":
        return "yes" if number else "no"
    return signature.categories[int(number)] if signature.categories else ""


def target_text(claim: Proposition | Wish) -> str:
    """What a claim wants, without what it measures."""
    match claim:
        case Wish(direction=direction):
            return f"as {direction} as possible"
        case Compare(relation=relation, unit=unit):
            word = _word(claim)
            return (
                "yes"
                if word == _HOLDS
                else word.removeprefix("= ")
                or relation_text(relation, unit).removeprefix("= ").removeprefix("in ")
            )
    return "true"


def quantity_text(value: Quantity) -> str:
    """``max(distance(Si-P))``: a quantity in the words of the language, aggregates written out."""
    match value:
        case Constant(value=number):
            return f"{number:g}"
        case Measure():
            return _measure(value)
        case Aggregate(how=how, of=of):
            return f"{how}({quantity_text(of)})"
        case Fraction(of=of):
            return f"fraction({proposition_text(of)})"
        case Arithmetic(op="neg", of=(of,)):
            return f"-{_bracketed(of)}"
        case Arithmetic(op=op, of=of):
            if op in ("abs", "min", "max"):
                return f"{op}({', '.join(quantity_text(q) for q in of)})"
            return f" {op} ".join(_bracketed(q) for q in of).replace(" + -", " - ")
    raise AssertionError(value)


def _bracketed(value: Quantity) -> str:
    text = quantity_text(value)
    return (
        f"({text})" if isinstance(value, Arithmetic) and value.op in ("+", "*", "/", "^") else text
    )


def proposition_text(claim: Proposition) -> str:
    """``each CN(Cu-P) = 4 ± 0.3``: a proposition in the words of the language."""
    match claim:
        case Compare(value=value):
            return _tail(quantity_text(value), claim)
        case And(of=of):
            return " and ".join(_grouped(p, And) for p in of)
        case Or(of=of):
            return " or ".join(_grouped(p, Or) for p in of)
        case Not(of=of):
            return f"not {_grouped(of, Not)}"
        case Implies(premise=premise, conclusion=conclusion):
            return f"{_grouped(premise, Implies)} implies {_grouped(conclusion, Implies)}"
        case Each(of=of):
            return f"each {_grouped(of, Each)}"
        case Some(of=of):
            return f"any {_grouped(of, Some)}"
    raise AssertionError(claim)


def _grouped(claim: Proposition, inside: type[Proposition]) -> str:
    text = proposition_text(claim)
    loose = isinstance(claim, And | Or | Implies) and not isinstance(claim, inside)
    return f"({text})" if loose else text


def _measure(measure: Measure) -> str:
    inside = ["-".join(s.text for s in measure.species)] if measure.species else []
    inside += [f"{name}={_parameter(value)}" for name, value in measure.parameters]
    return f"{measure.descriptor}({', '.join(inside)})" if inside else measure.descriptor


def _parameter(value: float | str | TextFile) -> str:
    return (
        f'"{value.name}"'
        if isinstance(value, TextFile)
        else value
        if isinstance(value, str)
        else f"{value:g}"
    )


def relation_text(relation: Relation, unit: str) -> str:
    """``= 4 ± 0.5``, ``in [14, 22] Å^3``, ``< 2.5 Å``."""
    match relation.op:
        case "=":
            text = f"= {relation.target:g} ± {relation.tolerance:g}"
        case "in":
            text = f"in [{relation.low:g}, {relation.high:g}]"
        case operator:
            text = f"{operator} {relation.low if relation.high is None else relation.high:g}"
    return f"{text} {unit}".rstrip()


def _guide(guide: Guide) -> str:
    parts = [f"method {guide.method}", f"k {_schedule(guide.k)}"]
    if guide.method == "paper":
        parts.append(f"g {_schedule(guide.g)}")
    parts.append(f"while {guide.since:g} ≥ t ≥ {guide.until:g}")
    if guide.method == "adaptive" and guide.resample:
        parts.append(f"resampled {guide.resample} times")
    said = {"method", "k", "g", "since", "until", "resample"}
    for name, setting in settings(type(guide)).items():
        value = getattr(guide, setting.field)
        if setting.field not in said and value != setting.default:
            parts.append(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(parts)


def _schedule(schedule: Schedule) -> str:
    if schedule.shape == "constant":
        return f"{schedule.start:g}"
    if schedule.shape == "piecewise":
        return ", ".join(f"{k:g} at t = {t:g}" for t, k in schedule.points)
    return f"{schedule.start:g} -> {schedule.end:g} ({schedule.shape})"


def _sample(sample: Sample) -> str:
    corrector = "" if sample.corrector is None else f", corrector {sample.corrector}"
    steps = f"{sample.steps} steps, seed {sample.seed}"
    model = f"model {sample.model}, cfg {sample.cfg:g}{corrector}"
    return f"{sample.count} structures, batch {sample.batch}, {steps}, {model}"

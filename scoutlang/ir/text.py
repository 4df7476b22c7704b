"""The one printer of the IR: programs, terms, values and settings as people read them.

`Printer` says what needs the signatures of the descriptors, since a value of a category is a word;
the functions need none. `setting_statements` is the one that can be read back as a program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scoutlang import ir
from scoutlang.ir.settings import settings
from scoutlang.ir.signatures import DescriptorSignature


@dataclass(frozen=True)
class Printer:
    """Parts of a program as text."""

    signatures: Mapping[str, DescriptorSignature]
    """Name of each descriptor that a program may use → its signature."""

    def summary(self, program: ir.Program) -> str:
        """The meaning of a program as the checker took it, defaults and aggregates included; what
        `scout check` says when all is well.
        """
        rows = [("system", "-".join(program.system))]
        if program.atoms:
            rows.append(("atoms", self.value(program.atoms)))
        if program.formula:
            rows.append(
                ("formula", f"{self.value(program.formula)}, exact: types are drawn to fit")
            )
        if program.symmetry:
            rows.append(("symmetry", f"{self.value(program.symmetry)}, kept while sampling"))
        if program.keep:
            rows.append(("keep", self.value(program.keep)))
        if program.start:
            rows.append(("start", self.value(program.start)))
        rows += [("param", self.value(parameter)) for parameter in program.parameters]
        rows += [(term.verb, self.term(term)) for term in program.terms]
        rows += [("guide", _guide(program)), ("sample", _sample(program.sample))]
        rows.append(("relax", _relax(program.relax)))
        rows += [("sweep", self.value(sweep)) for sweep in program.sweeps]
        return "\n".join(f"  {head:<8} {body}" for head, body in rows)

    def term(self, term: ir.Term) -> str:
        """``dimer: CN(Cu-Cu) = 1 ± 0.5, mean over Cu sites``."""
        body, reading = term.claim, ""
        if not isinstance(body, ir.Compare | ir.Wish):
            text = self.proposition(body)
        elif isinstance(body.value, ir.Aggregate) and isinstance(body.value.of, ir.Measure):
            # The aggregate of a single descriptor is said in words, so that a default one is not
            # overlooked.
            how, measure = body.value.how, body.value.of
            of_sites = self.signatures[measure.descriptor].domain == "site"
            reading = f"{how} over {measure.species[0].text} sites" if of_sites else how
            text = self._wanted(measure, body)
        else:
            text = self._wanted(body.value, body)
        made_up = term.label.partition(" #")[0]  # the label that the checker makes, and a number
        parts = [text if text.startswith(made_up) else f"{term.label}: {text}"]
        if reading:
            parts.append(reading)
        if term.weight != 1.0:
            parts.append(f"weight {term.weight:g}")
        if term.loss != "l1":
            parts.append(f"loss {term.loss}")
        return ", ".join(parts)

    def proposition(self, claim: ir.Proposition) -> str:
        """``each CN(Cu-P) = 4 ± 0.3``: a proposition in the words of the language."""
        match claim:
            case ir.Compare(value=value):
                return self._wanted(value, claim)
            case ir.And(of=of):
                return " and ".join(self._grouped(p, ir.And) for p in of)
            case ir.Or(of=of):
                return " or ".join(self._grouped(p, ir.Or) for p in of)
            case ir.Not(of=of):
                return f"not {self._grouped(of, ir.Not)}"
            case ir.Implies(premise=premise, conclusion=conclusion):
                return " implies ".join(self._grouped(p, ir.Implies) for p in (premise, conclusion))
            case ir.Each(of=of):
                return f"each {self._grouped(of, ir.Each)}"
            case ir.Some(of=of):
                return f"any {self._grouped(of, ir.Some)}"
        raise AssertionError(claim)

    def quantity(self, value: ir.Quantity) -> str:
        """``max(distance(Si-P))``: a quantity in the words of the language, aggregates written
        out.
        """
        match value:
            case ir.Constant(value=number):
                return f"{number:g}"
            case ir.Measure():
                return _measure(value)
            case ir.Aggregate(how=how, of=of):
                return f"{how}({self.quantity(of)})"
            case ir.Fraction(of=of):
                return f"fraction({self.proposition(of)})"
            case ir.Arithmetic(op="neg", of=(of,)):
                return f"-{self._bracketed(of)}"
            case ir.Arithmetic(op=op, of=of):
                if op in ("abs", "min", "max"):
                    return f"{op}({', '.join(self.quantity(q) for q in of)})"
                return f" {op} ".join(self._bracketed(q) for q in of).replace(" + -", " - ")
        raise AssertionError(value)

    def target(self, claim: ir.Proposition | ir.Wish) -> str:
        """What a claim wants, without what it measures."""
        match claim:
            case ir.Wish():
                return wish_text(claim)
            case ir.Compare(relation=relation, unit=unit):
                word = relation.target is not None and self.word(claim.value, relation.target)
                text = word or relation_text(relation, unit)
                return text.removeprefix("= ").removeprefix("in ")
        return "true"

    def word(self, value: ir.Quantity, number: float) -> str:
        """A value of a descriptor of words or of truth as a word; empty for one of numbers."""
        signature = self.signatures[value.descriptor] if isinstance(value, ir.Measure) else None
        if signature is None:
            return ""
        if signature.dimension == "truth":
            return "yes" if number else "no"
        return signature.categories[int(number)] if signature.categories else ""

    def value(self, value: Any) -> str:
        """Any other value of the IR: a term, a setting, a field of one of these."""
        match value:
            case ir.Term():
                return self.term(value)
            case ir.Symmetry():
                return value.text
            case ir.Keep():
                kept = "sites and lattice" if value.lattice else "sites"
                return f'"{value.host.name}", its {kept}'
            case ir.Start():
                return f'"{value.seed.name}", noise {value.noise:g}'
            case ir.AtomRange():
                return str(value.low) if value.low == value.high else f"{value.low} to {value.high}"
            case ir.ParameterValue():
                return f"{value.name} = {value.value}"
            case ir.Sweep():
                return f"{value.name} in {{{self.value(value.values)}}}"
            case tuple() if value and all(isinstance(part, tuple) for part in value):
                return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in value)
            case tuple():
                return ", ".join(map(self.value, value))
        return setting_text(value)

    def _wanted(self, value: ir.Quantity, claim: ir.Compare | ir.Wish) -> str:
        """A quantity of a claim with what is wanted of it."""
        text = self.quantity(value)
        if isinstance(claim, ir.Wish):
            return f"{text} {wish_text(claim)}"
        relation = claim.relation
        word = "" if relation.target is None else self.word(claim.value, relation.target)
        if word in ("yes", "no"):
            return text
        return f"{text} = {word}" if word else f"{text} {relation_text(relation, claim.unit)}"

    def _bracketed(self, value: ir.Quantity) -> str:
        loose = isinstance(value, ir.Arithmetic) and value.op in ("+", "*", "/", "^")
        return f"({self.quantity(value)})" if loose else self.quantity(value)

    def _grouped(self, claim: ir.Proposition, inside: type[ir.Proposition]) -> str:
        loose = isinstance(claim, ir.And | ir.Or | ir.Implies) and not isinstance(claim, inside)
        return f"({self.proposition(claim)})" if loose else self.proposition(claim)


def relation_text(relation: ir.Relation, unit: str = "") -> str:
    """``= 4 ± 0.3``, ``= 4 ± <0.5`` without the ends, ``in [14, 22] Å^3``, ``< 2.5 Å``."""
    match relation.op:
        case "=":
            within = "<" if relation.strict else ""
            text = f"= {relation.target:g} ± {within}{relation.tolerance:g}"
        case "in":
            text = f"in [{relation.low:g}, {relation.high:g}]"
        case operator:
            text = f"{operator} {relation.low if relation.high is None else relation.high:g}"
    return f"{text} {unit}".rstrip()


def wish_text(wish: ir.Wish) -> str:
    """``as low as possible``."""
    return f"as {wish.direction} as possible"


def setting_text(value: Any) -> str:
    """The value of a setting: ``0.8``, ``none``, ``0 -> 0.8 (linear)``."""
    match value:
        case None:
            return "none"
        case float():
            return _number(value)
        case ir.Schedule(shape="constant"):
            return _number(value.start)
        case ir.Schedule(shape="piecewise"):
            return ", ".join(f"{_number(k)} at t = {_number(t)}" for t, k in value.points)
        case ir.Schedule():
            return f"{_number(value.start)} -> {_number(value.end)} ({value.shape})"
    return str(value)


def setting_statements(program: ir.Program, *, guided: bool) -> list[str]:
    """The settings of a program as statements that can be read back: ``sample 64 batch 32 …`` in
    full; for a guided run the method, k and whatever else is not the default, ``guide method
    adaptive, k=1 …``; ``param rc = 2.5 Å``.
    """
    (_, count, _), *others = _values(program.sample)
    sample = [_setting(name, value) for name, value, _ in others if value is not None]
    guide = [
        _setting(name, value)
        for name, value, usual in _values(program.guide)
        if name in ("method", "k") or value != usual
    ]
    return [
        " ".join([f"sample {count}", *sample]),
        *(["guide " + ", ".join(guide)] if guided else []),
        *(f"param {parameter.name} = {parameter.value}" for parameter in program.parameters),
    ]


def _values(node: ir.Guide | ir.Sample | ir.Relax) -> Iterator[tuple[str, Any, Any]]:
    """Name of each setting in the language, its value, and the one that it usually has."""
    for name, setting in settings(type(node)).items():
        yield name, getattr(node, setting.field), setting.default


def _setting(name: str, value: Any) -> str:
    """``every 2``, ``k=ramp(0 -> 0.8, cosine)``."""
    match value:
        case ir.Schedule(shape="constant"):
            return f"{name}={_number(value.start)}"
        case ir.Schedule(shape="piecewise"):
            points = ", ".join(f"{_number(t)}: {_number(k)}" for t, k in value.points)
            return f"{name}=piecewise({points})"
        case ir.Schedule():
            ends = f"{_number(value.start)} -> {_number(value.end)}"
            return f"{name}=ramp({ends}, {value.shape})"
        case str() if not value.isidentifier():
            return f'{name} "{value}"'
    return f"{name} {setting_text(value)}"


def _guide(program: ir.Program) -> str:
    """The settings of the guidance in a line; what has its usual value may be left out."""
    guide, said = program.guide, {"method", "k", "g", "from", "to", "resample"}
    if program.is_guided:
        parts = [f"method {guide.method}", f"k {setting_text(guide.k)}"]
        if guide.method == "paper":
            parts.append(f"g {setting_text(guide.g)}")
        parts.append(f"while {_number(guide.since)} ≥ t ≥ {_number(guide.until)}")
        if guide.method == "adaptive" and guide.resample:
            parts.append(f"resampled {guide.resample} times")
    else:
        why = "no line steers" if guide.pushes else "k is 0"
        parts = [f"none, {why}: both arms are plain sampling"]
    for name, value, usual in _values(guide):
        if name not in said and value != usual:
            counted = ", counted from the crystal" if guide.counted == "crystal" else ""
            parts.append(f"{name} {setting_text(value)}{counted if name == 'every' else ''}")
    return ", ".join(parts)


def _sample(sample: ir.Sample) -> str:
    text = (
        f"{sample.count} structures, batch {sample.batch}, {sample.steps} steps, "
        f"seed {sample.seed}, model {sample.model}, cfg {_number(sample.cfg)}"
    )
    return text if sample.corrector is None else f"{text}, corrector {sample.corrector}"


def _relax(relax: ir.Relax) -> str:
    """``promising structures, 24 steps, by energy alone, and with constraint (rho 0.5)``."""
    if not relax.ways:
        return "off"
    said = {
        "energy": "by energy alone",
        "constraint": f"with constraint (rho {_number(relax.rho)} eV/atom)",
    }
    ways = ", and ".join(said[way] for way in relax.ways)
    return f"{relax.which} structures, {relax.steps} steps, {ways}"


def _number(value: float) -> str:
    """A number that somebody wrote, with the digits that were written."""
    return f"{value:.12g}"


def _measure(measure: ir.Measure) -> str:
    inside = ["-".join(s.text for s in measure.species)] if measure.species else []
    inside += [f"{name}={_parameter(value)}" for name, value in measure.parameters]
    return f"{measure.descriptor}({', '.join(inside)})" if inside else measure.descriptor


def _parameter(value: float | str | ir.TextFile) -> str:
    if isinstance(value, ir.TextFile):
        return f'"{value.name}"'
    return value if isinstance(value, str) else f"{value:g}"

"""Whether any crystal can meet all requirements at once: the values that they speak of lie in
intervals, which what is true of every crystal narrows until one is empty.

`contradictions` compares requirements two by two; this takes them together, with the formula and
the number of atoms. What it knows of crystals:

* the shares of the elements add up to 1 and their atoms to those of the cell; a formula fixes both,
  up to a whole number of formula units;
* neighbours and atoms are counted in whole numbers;
* the neighbours of a site are those of each element together, and there are as many bonds from A to
  B as from B to A;
* an atom within the radius is a neighbour, one beyond it is none;
* a mean lies between the smallest and the largest, and the shares of different sites add up to 1 at
  most;
* what never exceeds what (`DescriptorSignature.at_most`, ``monotone``).

Each end of an interval remembers the places and the facts that it follows from. Narrowing stops
after a few rounds, so what is reported is certain, and what is not may be impossible all the same.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from scoutlang import ir
from scoutlang.ir.signatures import COUNTS, DescriptorSignature
from scoutlang.ir.source import Span
from scoutlang.language.checking.intervals import (
    ROUNDING,
    End,
    Interval,
    between,
    divided,
    follows,
    multiple,
    ordered,
    said,
)
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import Diagnostic, Label

_MOST_VALUES, _ROUNDS = 200, 12  # so that a long program stays quick
_OF_SITES: tuple[ir.How, ...] = ("min", "mean", "max")

Value: TypeAlias = Hashable
"""What a crystal has one of at most: ``("mean", CN of P around Cu)``."""
_ONE, _ATOMS, _UNITS = "one", "atoms of the cell", "formula units"


class _Relation(NamedTuple):
    """A quantity lies in an interval, or outside of it."""

    of: ir.Quantity
    interval: Interval
    outside: bool = False


class _Sum(NamedTuple):
    """Σ factor · part, a value of its own."""

    value: Value
    parts: tuple[tuple[Value, float], ...]


class _Product(NamedTuple):
    """left[0] · left[1] = right[0] · right[1], none of them negative."""

    left: tuple[Value, Value]
    right: tuple[Value, Value]
    fact: str = ""


class _Kind(NamedTuple):
    """A descriptor of species that are sets, however they were written."""

    descriptor: str
    species: tuple[frozenset[str], ...]
    parameters: tuple[tuple[str, object], ...]


class _Impossible(Exception):
    """Nothing is left of a value."""

    def __init__(self, what: str, *ends: End) -> None:
        super().__init__(what)
        self.because = follows(0.0, *ends)


def check(scope: Scope) -> None:
    """Report requirements that no crystal meets together; nothing where one may."""
    try:
        _Crystal(scope).narrow()
    except _Impossible as found:
        because = found.because
        *others, last = sorted(because.places, key=lambda span: (span.start, span.end))
        code, message = ("E044", "no crystal can satisfy this")
        if others:
            code, message = ("E050", "these requirements cannot hold together")
        scope.diagnostics.append(
            Diagnostic(
                code,
                message,
                Label(last),
                tuple(Label(span) for span in others),
                help="; ".join((str(found), *because.facts)),
            )
        )


class _Crystal:
    """All that is known of the values of a crystal that meets the requirements."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.known: dict[Value, Interval] = {_ONE: between(1, 1)}
        self.counted: set[Value] = set()
        self.outside: list[tuple[Value, Interval]] = []
        self.sums: dict[frozenset[tuple[Value, float]], _Sum] = {}
        self.products: list[_Product] = []
        # Descriptors that are spoken of; shares of sites, with what is asked of each site.
        self.kinds: dict[_Kind, ir.Measure] = {}
        self.site_shares: dict[Value, _Relation] = {}

    def narrow(self) -> None:
        """Raises _Impossible."""
        self._statements()
        for term in self.scope.terms:
            if term.decides and not isinstance(term.claim, ir.Wish):
                place = Span(term.location.start, term.location.end)
                self._claim(term.claim, place, True)
                if len(self.known) > _MOST_VALUES:
                    return
        self._facts_of_descriptors()
        self._facts_of_neighbours()
        self._facts_of_shares()
        self._facts_of_the_cell()
        for _ in range(_ROUNDS):
            before = dict(self.known)
            for sum_ in tuple(self.sums.values()):
                self._narrow_sum(sum_)
            for product in self.products:
                self._narrow_product(product)
            self._narrow_by_radius()
            if before == self.known:
                break
        for value, interval in self.outside:
            if self.known[value].inside(interval):
                low, high = self.known[value].low, self.known[value].high
                what = f"{self._words(value)} would be {said(low, high)}, which is excluded"
                raise _Impossible(what, low, high, interval.low)

    # ---- what is claimed ----

    def _statements(self) -> None:
        scope = self.scope
        spans = {statement.rule: frozenset({statement.span}) for statement in scope.statements}
        if scope.formula is not None:
            place, size = spans["formula"], sum(n for _, n in scope.formula)
            amount = dict(scope.formula)
            for element in scope.system:
                part = amount.get(element, 0)
                fact = f"{part} of {size} atoms of the formula are {element}"
                share = self._share(frozenset({element}))
                self._meet(share, between(part / size, part / size, fact, place))
                self._adds_up(
                    {self._number(frozenset({element})): 1.0, _UNITS: -float(part)}, fact, place
                )
            self.counted.add(_UNITS)
            self._meet(_UNITS, between(1, math.inf))
            self._adds_up({_ATOMS: 1.0, _UNITS: -float(size)}, "", place)
        self.counted.add(_ATOMS)
        self._meet(_ATOMS, between(1, math.inf))
        if scope.atoms is not None:
            low, high = scope.atoms.low, scope.atoms.high
            self._meet(_ATOMS, between(low, high, "", spans["atoms"]))

    def _claim(self, claim: ir.Proposition, place: Span, wanted: bool) -> None:
        for part, true in _parts(claim, wanted):
            match part:
                case ir.Each(of=of):
                    self._sites(of, place, true, every=true)
                case ir.Some(of=of):
                    self._sites(of, place, true, every=not true)
                case _:
                    for relation in _relations(part, place, true):
                        self._relation(relation, place)

    def _sites(self, claim: ir.Proposition, place: Span, wanted: bool, *, every: bool) -> None:
        """Something holds (or does not) of every site, or of one at least."""
        for part, true in _parts(claim, wanted):
            for relation in _relations(part, place, true):
                if not every:
                    self._one_site(relation, (part, place))
                elif not relation.outside:
                    for how in _OF_SITES:
                        self._relation(relation._replace(of=ir.Aggregate(how, relation.of)), place)

    def _one_site(self, relation: _Relation, name: Value) -> None:
        """There is a site with such a value: it lies between the smallest and the largest."""
        value = ("a site", (relation.of, name))
        if self._counts(relation.of):
            self.counted.add(value)
        least, most = (self._value(ir.Aggregate(how, relation.of)) for how in ("min", "max"))
        self._never_exceeds(least, value)
        self._never_exceeds(value, most)
        self._lies(value, relation)

    def _relation(self, relation: _Relation, place: Span) -> None:
        parts = self._linear(relation.of)
        if list(parts.values()) == [1.0]:
            [value] = parts
            self._lies(value, relation)
            if isinstance(relation.of, ir.Fraction) and not relation.outside:
                self._share_of_sites(relation.of.of, value, relation.interval, place)
            if isinstance(relation.of, ir.Arithmetic) and relation.of.op == "/":
                self._ratio(relation)
            return
        constant = parts.pop(_ONE, 0.0)
        parts = {value: factor for value, factor in parts.items() if factor}
        if not parts:  # x − x
            return
        value, sign = self._sum(parts)
        low, high = (
            replace(end, at=sign * (end.at - constant))
            for end in (relation.interval.low, relation.interval.high)
        )
        self._lies(value, _Relation(relation.of, ordered(low, high), relation.outside))

    def _share_of_sites(
        self, asked: ir.Proposition, value: Value, interval: Interval, place: Span
    ) -> None:
        """``fraction(…)``: what it says of the sites, and what it counts."""
        if interval.low.at >= 1 - ROUNDING:
            self._sites(asked, place, True, every=True)
        elif interval.low.at > ROUNDING:
            self._sites(asked, place, True, every=False)
        match list(_relations(asked, place, True)):
            case [_Relation(outside=False) as relation]:
                self.site_shares[value] = relation

    def _ratio(self, relation: _Relation) -> None:
        """x / y in [l, h] is x − l y ≥ 0 and x − h y ≤ 0 where y is never negative."""
        assert isinstance(relation.of, ir.Arithmetic)
        above, below = (self._linear(part) for part in relation.of.of)
        if all(isinstance(v, tuple) and v[0] == "number" for v in (*above, *below)):
            # Numbers of atoms may be large, shares may not.
            above, below = (
                {self._share(v[1]): f for v, f in part.items() if isinstance(v, tuple)}
                for part in (above, below)
            )
        if relation.outside or any(f < 0 or self._known(v).low.at < 0 for v, f in below.items()):
            return
        for end, least in ((relation.interval.low, True), (relation.interval.high, False)):
            if math.isfinite(end.at):
                total = dict(above)
                for value, factor in below.items():
                    total[value] = total.get(value, 0.0) - end.at * factor
                value, sign = self._sum({v: f for v, f in total.items() if f})
                zero = replace(end, at=0.0)
                of_sum = Interval(low=zero) if least == (sign > 0) else Interval(high=zero)
                self._meet(value, of_sum)
        match relation.of.of:
            case (ir.Measure(species=()) as x, ir.Measure(species=()) as y):
                for small, large, low, high in ((y, x, 1.0, math.inf), (x, y, 0.0, 1.0)):
                    if large.descriptor in self._larger(small.descriptor):
                        fact = self._order(small.descriptor, large.descriptor)
                        self._meet(self._value(relation.of), between(low, high, fact))

    # ---- values and what is known of them ----

    def _known(self, value: Value) -> Interval:
        return self.known.setdefault(value, Interval())

    def _meet(self, value: Value, interval: Interval) -> None:
        """Narrow a value. Raises _Impossible where nothing is left of it."""
        new = self._known(value).both(interval)
        new = new.whole() if value in self.counted else new
        if new.empty:
            what = f"{self._words(value)} would be {said(new.low, new.high)}"
            raise _Impossible(what, new.low, new.high)
        self.known[value] = new

    def _lies(self, value: Value, relation: _Relation) -> None:
        if relation.outside:
            self._known(value)
            self.outside.append((value, relation.interval))
        else:
            self._meet(value, relation.interval)

    def _signature(self, descriptor: str) -> DescriptorSignature:
        return self.scope.signatures[descriptor]

    def _counts(self, of: ir.Quantity) -> bool:
        return isinstance(of, ir.Measure) and self._signature(of.descriptor).role in COUNTS

    def _value(self, of: ir.Quantity) -> Value:
        """The value that a quantity is, with all that is known of it alone."""
        how = of.how if isinstance(of, ir.Aggregate) else ""
        inner = of.of if isinstance(of, ir.Aggregate) else of
        if isinstance(inner, ir.Measure):
            return self._measured(how, inner)
        value = (how, inner)
        if value not in self.known:
            self._meet(value, between(0, 1) if isinstance(inner, ir.Fraction) else Interval())
        return value

    def _measured(self, how: str, measure: ir.Measure) -> Value:
        signature = self._signature(measure.descriptor)
        species = tuple(frozenset(s.elements) for s in measure.species)
        kind = _Kind(measure.descriptor, species, measure.parameters)
        self.kinds.setdefault(kind, measure)
        match signature.role, how:
            case "share", _:
                return self._share(species[0])
            case "number", _:
                return self._number(species[0])
            case ("nearest", "min") | ("shortest", _):
                return self._shortest(*species)
        value = (how, kind)
        if value not in self.known:
            if signature.role in COUNTS and how in ("min", "max", "sum"):
                self.counted.add(value)
            least, most = signature.minimum, signature.maximum
            if how in ("sum", "std"):
                least, most = (0.0 if how == "std" or least >= 0 else -math.inf), math.inf
            self._meet(value, between(least, most))
        return value

    def _share(self, elements: frozenset[str]) -> Value:
        value = ("share", elements)
        if value not in self.known:
            self._meet(value, between(0, 1))
            if len(elements) > 1:
                parts = {self._share(frozenset({e})): 1.0 for e in elements}
                self._adds_up({**parts, value: -1.0})
        return value

    def _number(self, elements: frozenset[str]) -> Value:
        value = ("number", elements)
        if value not in self.known:
            self.counted.add(value)
            self._meet(value, between(0, math.inf))
            self._known(_ATOMS)
            self.products.append(_Product((value, _ONE), (self._share(elements), _ATOMS)))
            if len(elements) > 1:
                parts = {self._number(frozenset({e})): 1.0 for e in elements}
                self._adds_up({**parts, value: -1.0})
        return value

    def _shortest(self, a: frozenset[str], b: frozenset[str]) -> Value:
        value = ("shortest", frozenset({a, b}))
        if value not in self.known:
            self._meet(value, between(0, math.inf))
        return value

    def _linear(self, of: ir.Quantity) -> dict[Value, float]:
        """The values that a quantity is the sum of, with their factors; `_ONE` has its constant
        part.
        """
        match of:
            case ir.Constant(value=number):
                return {_ONE: number}
            case ir.Arithmetic(op="neg", of=(one,)):
                return _scaled(self._linear(one), -1.0)
            case ir.Arithmetic(op="+", of=parts):
                total: dict[Value, float] = {}
                for part in parts:
                    for value, factor in self._linear(part).items():
                        total[value] = total.get(value, 0.0) + factor
                return total
            case ir.Arithmetic(op="*", of=parts):
                measured = [q for q in parts if not isinstance(q, ir.Constant)]
                if len(measured) == 1:
                    numbers = (q.value for q in parts if isinstance(q, ir.Constant))
                    return _scaled(self._linear(measured[0]), math.prod(numbers))
            case ir.Arithmetic(op="/", of=(one, ir.Constant(value=number))):
                return _scaled(self._linear(one), 1 / number)
        return {self._value(of): 1.0}

    def _sum(self, parts: dict[Value, float]) -> tuple[Value, float]:
        """A sum as a value of its own, and −1 where it is known with the opposite sign."""
        key = frozenset(parts.items())
        opposite = frozenset(_scaled(parts, -1.0).items())
        if opposite in self.sums:
            return self.sums[opposite].value, -1.0
        if key not in self.sums:
            self.sums[key] = _Sum(("sum", key), tuple(parts.items()))
        return self.sums[key].value, 1.0

    def _adds_up(
        self, parts: dict[Value, float], fact: str = "", places: frozenset[Span] = frozenset()
    ) -> None:
        """Σ factor · part = 0."""
        self._meet(self._sum(parts)[0], between(0, 0, fact, places))

    def _never_exceeds(self, small: Value, large: Value, fact: str = "") -> None:
        value, sign = self._sum({large: 1.0, small: -1.0})
        low, high = sorted((0.0, sign * math.inf))
        self._meet(value, between(low, high, fact))

    # ---- what is true of every crystal ----

    def _facts_of_descriptors(self) -> None:
        for kind in tuple(self.kinds):
            for larger in self._larger(kind.descriptor):
                small, large = (
                    self._measured("", ir.Measure(name)) for name in (kind.descriptor, larger)
                )
                self._never_exceeds(small, large, self._order(kind.descriptor, larger))
        for one, other in itertools.permutations(self.kinds, 2):
            direction = self._signature(one.descriptor).monotone
            comparable = direction and one[::2] == other[::2] and self.kinds[one].by_radius
            if comparable and _within(one.species, other.species):
                self._monotone(one, other, direction)

    def _monotone(self, one: _Kind, other: _Kind, direction: int) -> None:
        """Of fewer species and of more. An aggregate over other centres is another one."""
        fact = f"{self._name(one)} never exceeds {self._name(other)}"
        if direction < 0:
            fact = f"{self._name(one)} is never below {self._name(other)}"
        for how in ("", *_OF_SITES, "sum"):
            small: Value = (how, one)
            large: Value = (how, other)
            same = not how or one.species[0] == other.species[0]
            if same and small in self.known and large in self.known:
                first, second = (small, large)[::direction]
                self._never_exceeds(first, second, fact)

    def _larger(self, descriptor: str) -> list[str]:
        """The descriptors of the crystal that this one never exceeds, nearest first."""
        found: list[str] = []
        while (
            (larger := self._signature((found or [descriptor])[-1]).at_most)
            and larger in self.scope.signatures
            and larger not in found
        ):
            found.append(larger)
        return found

    def _order(self, small: str, large: str) -> str:
        first, second = (self._signature(name).summary.partition(",")[0] for name in (small, large))
        return f"{small}, the {first}, never exceeds {large}, the {second}"

    def _words(self, value: Value) -> str:
        """What a value is called in a message."""
        match value:
            case str():
                return f"the number of {value}" if value == _UNITS else "the number of atoms"
            case ("share", frozenset() as elements):
                return f"the share of {_listed(elements)}"
            case ("number", frozenset() as elements):
                return f"the number of {_listed(elements)}"
            case ("shortest", frozenset() as pair):
                ends = [_listed(elements) for elements in pair]
                return f"the shortest distance {'-'.join(sorted(ends * (3 - len(ends))))}"
            case ("a site", (_, (ir.Compare(value=ir.Measure() as measure), _))):
                return f"{measure.descriptor} of a site"
            case (str(how), _Kind() as kind):
                return f"{how} {self._name(kind)}".lstrip()
            case (_, ir.Fraction()):
                return "a share of sites"
            case ("", ir.Arithmetic(op="/", of=(ir.Measure() as x, ir.Measure() as y))):
                return f"{x.descriptor} / {y.descriptor}"
            case ("sum", frozenset()):
                return "the sum of what is compared"
        return "what is asked"

    def _name(self, kind: _Kind) -> str:
        species = "-".join(s.text for s in self.kinds[kind].species)
        return f"{kind.descriptor}({species})" if species else kind.descriptor

    def _facts_of_neighbours(self) -> None:
        for kind, measure in tuple(self.kinds.items()):
            if self._counts_neighbours(kind):
                self._elements_of(kind, measure)
        neighbours = [kind for kind in self.kinds if self._counts_neighbours(kind)]
        for kind in neighbours:
            a, b = kind.species
            self._shortest(a, b)
            back = kind._replace(species=(b, a))
            fact = f"every bond of {self._name(kind)} has two ends"
            if ("sum", kind) in self.known:
                self.products.append(
                    _Product((("sum", kind), _ONE), (self._number(a), self._mean(kind)))
                )
            if back in self.kinds and a != b and neighbours.index(kind) < neighbours.index(back):
                ends = (self._share(a), self._mean(kind)), (self._share(b), self._mean(back))
                self.products.append(_Product(*ends, fact))
        for kind in self.kinds:
            if self._signature(kind.descriptor).role in ("nearest", "shortest"):
                self._shortest(*kind.species)
        pairs = [v for v in self.known if isinstance(v, tuple) and v[0] == "shortest"]
        for few, many in itertools.permutations(pairs, 2):
            if _pair_within(few[1], many[1]):
                self._never_exceeds(many, few)
        inner = dict.fromkeys(
            v[1] for v in self.known if isinstance(v, tuple) and v[0] in _OF_SITES
        )
        for of in inner:
            hows: list[Value] = [(how, of) for how in _OF_SITES]
            if isinstance(of, _Kind) and self._signature(of.descriptor).role == "nearest":
                hows[0] = self._shortest(*of.species)
            known = [value for value in hows if value in self.known]
            for small, large in itertools.pairwise(known):
                self._never_exceeds(small, large)

    def _counts_neighbours(self, kind: _Kind) -> bool:
        return self._signature(kind.descriptor).role == "neighbours" and self.kinds[kind].by_radius

    def _mean(self, kind: _Kind) -> Value:
        return self._measured("mean", self.kinds[kind])

    def _elements_of(self, kind: _Kind, measure: ir.Measure) -> None:
        """CN(Cu-{P, Si}) = CN(Cu-P) + CN(Cu-Si)."""
        elements = measure.species[1].elements
        if len(elements) > 1:
            parts = [
                replace(measure, species=(measure.species[0], ir.Species(e, (e,))))
                for e in elements
            ]
            total = dict.fromkeys((self._measured("mean", part) for part in parts), 1.0)
            fact = f"{self._name(kind)} is the sum over {', '.join(elements)}"
            self._adds_up({**total, self._mean(kind): -1.0}, fact)

    def _facts_of_shares(self) -> None:
        """Shares of sites of the same values: what lies in another interval is another site."""
        by_inner: dict[ir.Quantity, list[tuple[Value, Interval]]] = {}
        for value, relation in self.site_shares.items():
            interval = relation.interval.whole() if self._counts(relation.of) else relation.interval
            by_inner.setdefault(relation.of, []).append((value, interval))
        for found in by_inner.values():
            found.sort(key=lambda item: item[1].high.at)
            for (one, first), (other, second) in itertools.permutations(found, 2):
                if first.inside(second):
                    self._never_exceeds(one, other)
            for start in range(len(found)):
                apart = [found[start]]
                for value, interval in found[start + 1 :]:
                    if apart[-1][1].both(interval).empty:
                        apart.append((value, interval))
                if len(apart) > 1:
                    total = self._sum(dict.fromkeys((value for value, _ in apart), 1.0))[0]
                    self._meet(total, between(-math.inf, 1, "no site is counted in both shares"))

    def _facts_of_the_cell(self) -> None:
        system = self.scope.system
        for kind, total, fact in (
            ("share", _ONE, "the shares of all elements add up to 1"),
            ("number", _ATOMS, "the atoms of all elements are those of the cell"),
        ):
            if any(isinstance(v, tuple) and v[0] == kind for v in self.known):
                make = self._share if kind == "share" else self._number
                parts = {make(frozenset({element})): 1.0 for element in system}
                self._adds_up({**parts, total: -1.0}, fact)

    # ---- narrowing ----

    def _narrow_sum(self, sum_: _Sum) -> None:
        """Each part lies between what the sum and the other parts leave."""
        within = self._known(sum_.value)
        ends = [multiple(self._known(value), factor) for value, factor in sum_.parts]
        for k, (value, factor) in enumerate(sum_.parts):
            others = [end for j, end in enumerate(ends) if j != k]
            low = within.low.at - math.fsum(high.at for _, high in others)
            high = within.high.at - math.fsum(low_.at for low_, _ in others)
            interval = Interval(
                follows(low, within.low, *(high_ for _, high_ in others)),
                follows(high, within.high, *(low_ for low_, _ in others)),
            )
            self._meet(value, divided(interval, factor))
        low_, high_ = ([end[side] for end in ends] for side in (0, 1))
        self._meet(
            sum_.value,
            Interval(
                follows(math.fsum(end.at for end in low_), *low_),
                follows(math.fsum(end.at for end in high_), *high_),
            ),
        )

    def _narrow_product(self, product: _Product) -> None:
        fact = End(0.0, facts=(product.fact,) if product.fact else ())
        for (one, other), (first, second) in (
            (product.left, product.right),
            (product.left[::-1], product.right),
            (product.right, product.left),
            (product.right[::-1], product.left),
        ):
            by, c, d = self._known(other), self._known(first), self._known(second)
            if by.high.at > 0:
                low = max(c.low.at, 0.0) * max(d.low.at, 0.0) / by.high.at
                if low > 0:
                    self._meet(one, Interval(low=follows(low, c.low, d.low, by.high, fact)))
            if by.low.at > 0 and math.isfinite(c.high.at) and math.isfinite(d.high.at):
                high = c.high.at * d.high.at / by.low.at
                self._meet(one, Interval(high=follows(high, c.high, d.high, by.low, fact)))

    def _narrow_by_radius(self) -> None:
        """Who has a neighbour has one within the radius, and who has one within it has one."""
        for kind, measure in self.kinds.items():
            reach = self._signature(kind.descriptor).reach
            if reach is None or not measure.by_radius:
                continue
            radius = reach(measure)
            fact = f"{self._name(kind)} counts up to {radius:.2f} Å"
            shortest = self._shortest(*kind.species)
            furthest = [
                ("max", k)
                for k in self.kinds
                if k.species == kind.species and self._signature(k.descriptor).role == "nearest"
            ]
            for how, distances in (
                ("mean", [shortest]),
                ("max", [shortest]),
                ("sum", [shortest]),
                ("min", [shortest, *furthest]),
            ):
                count = (how, kind)
                for distance in distances:
                    if count in self.known and distance in self.known:
                        self._within_reach(count, distance, radius, fact)

    def _within_reach(self, count: Value, distance: Value, radius: float, fact: str) -> None:
        number, far = self.known[count].low, self.known[distance].low
        told = End(0.0, facts=(fact,))
        if number.at > ROUNDING or (number.open and number.at >= 0):
            end = replace(follows(radius, number, told), open=False)
            self._meet(distance, Interval(high=end))
        if far.at > radius + 1e-3:
            self._meet(count, Interval(high=replace(follows(0.0, far, told), open=False)))


def _parts(claim: ir.Proposition, wanted: bool) -> Iterator[tuple[ir.Proposition, bool]]:
    """What must all be true, or false, for a claim to be so."""
    match claim:
        case ir.Not(of=of):
            yield from _parts(of, not wanted)
        case ir.And(of=of) if wanted:
            for part in of:
                yield from _parts(part, True)
        case ir.Or(of=of) if not wanted:
            for part in of:
                yield from _parts(part, False)
        case ir.Implies(premise=premise, conclusion=conclusion) if not wanted:
            yield from _parts(premise, True)
            yield from _parts(conclusion, False)
        case _:
            yield claim, wanted


def _relations(claim: ir.Proposition, place: Span, wanted: bool) -> Iterator[_Relation]:
    """What a comparison says of its value; of alternatives about one value, what spans them."""
    at = frozenset({place})
    match claim:
        case ir.Compare(value=value, relation=ir.Relation(op="=") as relation):
            target, slack = relation.target or 0.0, relation.tolerance or 0.0
            ends = (End(target + side * slack, relation.strict, at) for side in (-1, 1))
            yield _Relation(value, Interval(*ends), not wanted)
        case ir.Compare(value=value, relation=ir.Relation(op="in", low=low, high=high)):
            ends_ = (End(-math.inf if low is None else low, False, at),)
            yield _Relation(
                value,
                Interval(*ends_, End(math.inf if high is None else high, False, at)),
                not wanted,
            )
        case ir.Compare(value=value, relation=relation):
            bound = relation.low if relation.high is None else relation.high
            assert bound is not None
            end = End(bound, (relation.op in ("<", ">")) == wanted, at)
            upper = (relation.high is not None) == wanted
            yield _Relation(value, Interval(high=end) if upper else Interval(low=end))
        case ir.Or(of=of) if wanted:
            found = [list(_relations(part, place, True)) for part in of]
            spans = [relations[0] for relations in found if len(relations) == 1]
            same = len(spans) == len(of) and len({r.of for r in spans}) == 1
            if same and not any(r.outside for r in spans):
                low_ = min((r.interval.low for r in spans), key=lambda end: (end.at, end.open))
                high_ = max(
                    (r.interval.high for r in spans), key=lambda end: (end.at, not end.open)
                )
                yield _Relation(spans[0].of, Interval(low_, high_))


def _listed(elements: frozenset[str]) -> str:
    return "/".join(sorted(elements))


def _scaled(parts: dict[Value, float], factor: float) -> dict[Value, float]:
    return {value: factor * old for value, old in parts.items()}


def _within(small: Sequence[frozenset[str]], large: Sequence[frozenset[str]]) -> bool:
    return len(small) == len(large) and all(a <= b for a, b in zip(small, large, strict=True))


def _pair_within(small: frozenset[frozenset[str]], large: frozenset[frozenset[str]]) -> bool:
    """Whether the pairs of atoms of one are among those of the other, in either order."""
    a, b = (tuple(pair) if len(pair) == 2 else tuple(pair) * 2 for pair in (small, large))
    return _within(a, b) or _within(a[::-1], b)

"""Claims that are written twice: both would pull, and each be counted."""

from __future__ import annotations

from scoutlang import ir
from scoutlang.ir.source import Span
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import messages


def check(scope: Scope) -> None:
    """Report the first repetition of each claim, however it is written: ``180 pm`` is ``1.8 Å``."""
    said: dict[tuple[str, ir.Proposition | ir.Wish], list[ir.Term]] = {}
    for term in scope.terms:
        terms = said.setdefault((term.verb, term.claim), [])
        terms.append(term)
        if len(terms) == 2:
            first, again = (Span(one.location.start, one.location.end) for one in terms)
            scope.report(messages.said_already(), again, also=first if first != again else None)

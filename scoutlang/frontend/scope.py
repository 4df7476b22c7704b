"""What is known of a program while its statements are checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from scoutlang.diagnostics import Diagnostic, Label
from scoutlang.frontend.ast import Statement
from scoutlang.ir import AtomRange, Guide, Sample, Term
from scoutlang.signatures import DescriptorSignature
from scoutlang.source import Source, Span


class Scope:
    """Filled by the statements in turn; the checker makes the program of it.

    system: the declared elements; empty until `system` was read, and then element names are not compared with it.
    labels: names of terms, given or made up, and where. repeats: how often a made-up one was taken already.
    """

    def __init__(self, source: Source, signatures: Mapping[str, DescriptorSignature], statements: Sequence[Statement]) -> None:
        self.source = source
        self.signatures = signatures
        self.first_statement = statements[0] if statements else None
        self.diagnostics: list[Diagnostic] = []
        self.system: tuple[str, ...] = ()
        self.system_span = Span(0, 0)
        self.atoms: AtomRange | None = None
        self.guide = Guide()
        self.sample = Sample()
        self.terms: list[Term] = []
        self.labels: dict[str, Span] = {}
        self.repeats: Counter[str] = Counter()

    def report(
        self, code: str, message: str, span: Span, text: str, *, also: Label | None = None, help: str = "", replacement: str | None = None
    ) -> None:
        """Add a message about ``span``. ``replacement`` for that span would repair the program."""
        self.diagnostics.append(Diagnostic.at(code, message, span, text, also=also, help=help, replacement=replacement))

    def declare_system(self, symbols: tuple[str, ...], span: Span) -> None:
        self.system, self.system_span = symbols, span

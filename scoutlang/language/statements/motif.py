"""``motif square_planar(A, B) = …``: a proposition or a quantity with parameters.

The parameters stand for species or quantities, and may have defaults: ``motif bonded(A, B, n = 4) =
each CN(A-B) = n``. A call, ``square_planar(Cu, P)``, means the body with the arguments in their
places.
"""

from __future__ import annotations

from scoutlang.ir.source import Span
from scoutlang.language.checking import definitions
from scoutlang.language.checking.scope import Definition, Names, Scope
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.statements.statement import Defining
from scoutlang.language.syntax import printer
from scoutlang.language.syntax.ast import Node, Place


class Motif(Defining):
    rule = "motif"
    example = "motif bonded(A, B, n = 4) = each CN(A-B) = n"
    usage = "require bonded(Cu, P)"
    defines = True
    takes_arguments = True
    outline = "Function"

    places: tuple[Place, ...]
    body: Node

    def text(self) -> str:
        places = ", ".join(printer.place(p) for p in self.places)
        return f"motif {self.name.text}({places}) = {printer.expression(self.body)}"

    def declare(self, scope: Scope, names: Names) -> None:
        seen: dict[str, Span] = {}
        for place in self.places:
            if place.name.text in seen:
                scope.report(
                    Message(
                        "E070", f"`{place.name.text}` is a parameter twice", "choose another name"
                    ),
                    place.span,
                    also=seen[place.name.text],
                )
            seen.setdefault(place.name.text, place.span)
        definitions.declare(Definition(self.name, self.rule, self.body, names, self.places), scope)

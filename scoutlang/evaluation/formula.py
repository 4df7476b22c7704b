"""Expressions as formulas: what `Loss.describe` shows."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from scoutlang import ir
from scoutlang.descriptors import modules
from scoutlang.ir.text import relation_text


def formula(
    expression: ir.Quantity | ir.Proposition, catalogue: Mapping[str, ModuleType] | None = None
) -> str:
    """An expression as text, with the formulas of its descriptors."""
    catalogue = catalogue or modules()
    match expression:
        case ir.Constant(value=value):
            return f"{value:g}"
        case ir.Measure(descriptor=name):
            describe = getattr(catalogue[name], "formula", None)
            return str(describe(expression)) if describe else name
        case ir.Aggregate(how=how, of=inner):
            return f"{how} of [{formula(inner, catalogue)}]"
        case ir.Fraction(of=inner):
            return f"share of sites where {formula(inner, catalogue)}"
        case ir.Arithmetic(op="neg", of=(inner,)):
            return f"−{formula(inner, catalogue)}"
        case ir.Arithmetic(op=op, of=of):
            parts = [formula(q, catalogue) for q in of]
            return f"({f' {op} '.join(parts)})" if op in "+*/^" else f"{op}({', '.join(parts)})"
        case ir.Compare(value=value, relation=relation):
            return f"({formula(value, catalogue)} {relation_text(relation)})"
        case ir.And(of=of) | ir.Or(of=of):
            return f"({f' {expression.node} '.join(formula(p, catalogue) for p in of)})"
        case ir.Implies(premise=premise, conclusion=conclusion):
            return f"({formula(premise, catalogue)} implies {formula(conclusion, catalogue)})"
    word = "any" if expression.node == "some" else expression.node
    return f"{word} {formula(expression.of, catalogue)}"

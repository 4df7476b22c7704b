"""What differs in meaning between two programs, for `scout diff`.

Reads the fields of the IR as they are and knows no statement and no descriptor. Two programs of one
digest have no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal

from scoutlang.ir import Node, Program

Kind = Literal["added", "removed", "changed", "reordered"]

# As in `Program.digest`: the text is not the meaning, and parameters are in the terms already.
_TEXT = frozenset({"source_name", "source_text", "text", "location"})
_FOR_REPORTS = frozenset({"parameters"})
_IDENTITIES = ("label", "name")


@dataclass(frozen=True)
class Change:
    """One difference. ``old`` or ``new`` is None where nothing is.

    part: field of `Program`. name: the term's label, the setting, the parameter; None where the
    change is of the part as a whole. differs: fields that are not the same in a term, parameter or
    sweep that both programs have.
    """

    part: str
    name: str | None
    old: Any
    new: Any
    differs: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        if self.old is None:
            return "added"
        if self.new is None:
            return "removed"
        both = self.old, self.new
        same_items = all(isinstance(v, tuple) for v in both) and sorted(
            map(repr, self.old)
        ) == sorted(map(repr, self.new))
        return "reordered" if same_items else "changed"


def compare(old: Program, new: Program) -> tuple[Change, ...]:
    """The differences in meaning in the order of the fields of `Program`; empty for programs that
    mean the same.

    Terms, parameters and sweeps are matched by the label or name that the user chose, then by
    content, then by automatic labels. Changed parameters are listed beside the changes that they
    make; alone they change nothing.
    """
    changes = tuple(
        c
        for field in _meaning(old)
        for c in _changes(field, getattr(old, field), getattr(new, field))
    )
    return changes if any(c.part not in _FOR_REPORTS for c in changes) else ()


def _changes(part: str, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if (
        isinstance(old, Node)
        and isinstance(new, Node)
        and all(f.default is not MISSING for f in fields(old))
    ):
        # Settings: whatever is not said has a default.
        for name in _meaning(old):
            yield from (
                c
                for c in [Change(part, name, getattr(old, name), getattr(new, name))]
                if c.old != c.new
            )
    elif (
        isinstance(old, tuple)
        and isinstance(new, tuple)
        and all(isinstance(item, Node) for item in (*old, *new))
    ):
        yield from _collection(part, old, new)
    else:
        yield Change(part, None, old, new)


def _collection(part: str, old: Sequence[Node], new: Sequence[Node]) -> Iterator[Change]:
    matched = _matched(old, new)
    for i, before in enumerate(old):
        if i not in matched:
            yield Change(part, _identity(before), before, None)
            continue
        after = new[matched[i]]
        differs = tuple(
            name for name in _meaning(before) if getattr(before, name) != getattr(after, name)
        )
        if differs:
            yield Change(part, _identity(before), before, after, differs)
    yield from (
        Change(part, _identity(after), None, after)
        for j, after in enumerate(new)
        if j not in matched.values()
    )
    order = [matched[i] for i in sorted(matched)]
    if order != sorted(order) and part not in _FOR_REPORTS:
        yield Change(
            part,
            None,
            *(tuple(_identity(new[j]) for j in indices) for indices in (order, sorted(order))),
        )


def _matched(old: Sequence[Node], new: Sequence[Node]) -> dict[int, int]:
    """Index in ``old`` → index in ``new`` of what is the same, or a changed form of it."""
    # Content goes before automatic labels: of two terms about one descriptor the second takes the
    # label of the first when that is removed.
    keys: tuple[Callable[[Node], Hashable], ...] = (_whole, _chosen, _content, _identity)
    matched: dict[int, int] = {}
    for key in keys:
        waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
        for j, node in enumerate(new):
            if j not in matched.values():
                waiting[key(node)].append(j)
        for i, node in enumerate(old):
            if i not in matched and waiting[key(node)]:
                matched[i] = waiting[key(node)].pop(0)
    return matched


def _meaning(node: Node) -> tuple[str, ...]:
    return tuple(f.name for f in fields(node) if f.name not in _TEXT)


def _whole(node: Node) -> Hashable:
    return tuple(getattr(node, name) for name in _meaning(node))


def _chosen(node: Node) -> Hashable:
    """The label or name, if a user can have chosen it; equal to nothing if it is automatic,
    ``CN(Cu-P) #2``.
    """
    identity = _identity(node)
    return identity if identity.isidentifier() else object()


def _content(node: Node) -> Hashable:
    return tuple(getattr(node, name) for name in _meaning(node) if name not in _IDENTITIES)


def _identity(node: Node) -> str:
    name: str = next(getattr(node, name) for name in _IDENTITIES if hasattr(node, name))
    return name

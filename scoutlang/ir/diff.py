"""What differs in meaning between two programs, for `scout diff`.

Reads the fields of the IR as they are and knows no statement and no descriptor. Two programs of one
digest have no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from scoutlang.ir.nodes import Guide, Node, Program, Relax, Sample
from scoutlang.ir.settings import settings

Kind = Literal["added", "removed", "changed", "reordered"]

# As in `Program.digest`: the text is not the meaning, and parameters are in the terms already.
_TEXT = frozenset({"source_name", "source_text", "language_version", "text", "location"})
_FOR_REPORTS = frozenset({"parameters"})
_IDENTITIES = ("label", "name")


@dataclass(frozen=True)
class Change:
    """One difference."""

    part: str
    """The field of `Program`."""

    name: str | None
    """The label of the term, the parameter, the setting as the language calls it; None where the
    change is of the part as a whole.
    """

    old: Any
    """None where there was nothing."""

    new: Any
    """None where there is nothing any more."""

    differs: tuple[str, ...] = ()
    """The fields that are not the same, of a term, parameter or sweep that both programs have."""

    @property
    def kind(self) -> Kind:
        """What happened to the part, or to the entry of that name in it."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "removed"
        tuples = isinstance(self.old, tuple) and isinstance(self.new, tuple)
        same = tuples and sorted(map(repr, self.old)) == sorted(map(repr, self.new))
        return "reordered" if same else "changed"


def compare(old: Program, new: Program) -> tuple[Change, ...]:
    """The differences in meaning in the order of the fields of `Program`; empty for programs that
    mean the same.

    Terms, parameters and sweeps are matched by the label or name that the user chose, then by
    content, then by automatic labels. Changed parameters are listed beside the changes that they
    make; alone they change nothing.
    """
    changes = tuple(
        change
        for part in _meaning(old)
        for change in _changes(part, getattr(old, part), getattr(new, part))
    )
    return changes if any(c.part not in _FOR_REPORTS for c in changes) else ()


def _changes(part: str, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if isinstance(old, Guide | Sample | Relax):
        for name, setting in settings(type(old)).items():
            before, after = getattr(old, setting.field), getattr(new, setting.field)
            if before != after:
                yield Change(part, name, before, after)
        # Where `every` is another one, what it counts from is told with it.
        if isinstance(old, Guide) and old.every == new.every and old.counted != new.counted:
            yield Change(part, "every, counted from", old.counted, new.counted)
    elif _of_nodes(old) and _of_nodes(new):
        yield from _collection(part, old, new)
    else:
        yield Change(part, None, old, new)


def _of_nodes(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, Node) for item in value)


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

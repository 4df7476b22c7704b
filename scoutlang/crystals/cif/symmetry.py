"""What a file says of its symmetry, and which operations in which cell that may be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeAlias

import gemmi
import numpy as np
from numpy.typing import NDArray

from scoutlang.crystals.cif.tags import Tags, is_null
from scoutlang.support.errors import ScoutError, squeezed

Floats: TypeAlias = NDArray[np.float64]

METRIC = 0.02
"""Of a length, or the cosine of an angle: how far a cell may be from the shape that its symmetry
needs.
"""
_MOST = 192
"""Operations of F m -3 m in its usual cell."""
MAX_OPERATIONS = 4 * _MOST
_OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_MAGNETIC = "_space_group_symop_magn_operation_xyz"
_MAGNETIC_CENTRING = "_space_group_symop_magn_centering_xyz"
_MODULATED = ("_space_group_symop_ssg_operation_algebraic", "_space_group_symop_ssg_id")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_SYMBOLS = (
    "_space_group_name_h-m_alt",
    "_space_group_name_h-m_ref",
    "_space_group_name_h-m_full",
    "_symmetry_space_group_name_h-m",
    "_symmetry_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m_full",
)
_NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")
_QUALIFIED = re.compile(r"(.+?)(?:\s*:\s*([12hr])|\s+([hrsz]))", re.IGNORECASE)
_CHOICES = {"s": "1", "z": "2"}
"""Origin choices as the Inorganic Crystal Structure Database writes them."""


@dataclass(frozen=True)
class Setting:
    """A space group as operations in one cell, with one origin: x ↦ W x + w."""

    name: str
    number: int
    operations: frozenset[str]
    """Triplets, ``-x,y+1/2,z``, each in the one form that gemmi writes."""

    @cached_property
    def rotations(self) -> Floats:
        """(n, 3, 3) W, the identity first, as `translations`."""
        return np.array([op.rot for op in self._ordered]) / gemmi.Op.DEN

    @cached_property
    def translations(self) -> Floats:
        """(n, 3) w."""
        return np.array([op.tran for op in self._ordered]) / gemmi.Op.DEN

    @property
    def _ordered(self) -> list[Any]:
        return [gemmi.Op(triplet) for triplet in ("x,y,z", *sorted(self.operations - {"x,y,z"}))]

    def keeps(self, metric: Floats) -> bool:
        """Whether a cell with this metric tensor has the shape that the operations need."""
        lengths = np.sqrt(np.diag(metric))
        off = self.rotations.transpose(0, 2, 1) @ metric @ self.rotations - metric
        return bool((np.abs(off) < METRIC * np.outer(lengths, lengths)).all())


@dataclass(frozen=True)
class _Claim:
    """What a file says of its symmetry."""

    said: str
    settings: tuple[Setting, ...]
    """What that may mean; empty where it is not understood."""
    explicit: bool = False
    """The operations themselves."""


_P1 = Setting("P 1", 1, frozenset({"x,y,z"}))


@cache
def _from_hall(hall: str, name: str, number: int) -> Setting:
    return Setting(name, number, frozenset(op.triplet() for op in gemmi.symops_from_hall(hall)))


def _key(symbol: str) -> str:
    return "".join(symbol.split()).replace("_", "").replace("\\", "").lower()


@cache
def _by_symbol() -> dict[str, list[tuple[str, str, str, int]]]:
    """Hermann-Mauguin symbol without blanks, short, full or old → (origin or axes, Hall symbol,
    name, number) of the settings that it may mean.
    """
    import spglib

    found: dict[str, list[tuple[str, str, str, int]]] = {}

    def add(names: Iterable[str], entries: Iterable[tuple[str, str, str, str, int]]) -> None:
        new: dict[str, list[tuple[str, str, str, int]]] = {}
        for symbol, *entry in entries:
            new.setdefault(symbol, []).append(tuple(entry))  # type: ignore[arg-type]
        for symbol in names:
            found.setdefault(symbol, new[symbol])

    table = []
    for group in gemmi.spacegroup_table():
        entry = (group.ext.strip("\0"), group.hall, group.xhm(), group.number)
        table += [(key, *entry) for key in {_key(group.hm), _key(group.short_name())}]
    add([row[0] for row in table], table)
    full = []
    for place in range(1, 531):
        kind = spglib.get_spacegroup_type(place)
        assert kind is not None
        choice = kind.choice if kind.choice in ("1", "2", "H", "R") else ""
        name = kind.international_full + (f":{choice}" if choice else "")
        entry = (choice, kind.hall_symbol, name, kind.number)
        names = {_key(one) for one in (kind.international_full, *kind.international.split("="))}
        full += [(key, *entry) for key in names]
    add([row[0] for row in full], full)
    for key, settings in list(found.items()):  # before 1935 the bar of the cubic axes was left out
        if settings[0][3] >= 200 and "-3" in key:
            found.setdefault(key.replace("-3", "3"), settings)
    return found


def settings_of_symbol(symbol: str) -> tuple[Setting, ...]:
    matched = _QUALIFIED.fullmatch(symbol)
    choice = "" if matched is None else (matched[2] or matched[3]).lower()
    plain = symbol if matched is None else matched[1]
    found = _by_symbol().get(_key(plain), [])
    if choice and not any(one[0] for one in found):
        return ()
    wanted = _CHOICES.get(choice, choice).upper()
    return tuple(_from_hall(*one[1:]) for one in found if wanted in ("", one[0]))


@cache
def _of_number(number: int, *, standard: bool) -> tuple[Setting, ...]:
    """The settings with this number, all of them or those of the standard axes."""
    groups = [group for group in gemmi.spacegroup_table() if group.number == number]
    if standard:
        groups = [group for group in groups if group.hm == groups[0].hm]
    return tuple(_from_hall(group.hall, group.xhm(), number) for group in groups)


def _of_hall(symbol: str) -> tuple[Setting, ...]:
    try:
        operations = list(gemmi.symops_from_hall(symbol))
    except (ValueError, RuntimeError):
        return ()
    return (_setting(operations, symbol),)


def _setting(operations: Sequence[Any], name: str) -> Setting:
    """A group of operations with the number of its type. Raises ValueError for no group."""
    for op in operations:
        op.wrap()
    triplets = frozenset(op.triplet() for op in operations)
    operations = [gemmi.Op(triplet) for triplet in sorted(triplets)]
    rotations = np.array([op.rot for op in operations]) // gemmi.Op.DEN
    shifts = np.array([op.tran for op in operations])
    if any(abs(op.det_rot()) != gemmi.Op.DEN**3 for op in operations) or not _closed(
        rotations, shifts
    ):
        raise ValueError("are no group")
    if len(operations) <= _MOST and (
        group := gemmi.find_spacegroup_by_ops(gemmi.GroupOps(operations))
    ):
        return Setting(group.xhm(), group.number, triplets)
    import spglib

    found = spglib.get_spacegroup_type_from_symmetry(rotations, shifts / gemmi.Op.DEN)
    if found is None:
        raise ValueError("are those of no space group")
    return Setting(f"{found.international_short} in other axes", found.number, triplets)


def _closed(rotations: NDArray[np.int64], shifts: NDArray[np.int64]) -> bool:
    """Whether every product of two operations is one of them, up to lattice vectors."""
    den = gemmi.Op.DEN

    def codes(w: NDArray[np.int64], t: NDArray[np.int64]) -> NDArray[np.int64]:
        digits = np.concatenate([w.reshape(-1, 9) + 2, np.mod(t, den).reshape(-1, 3)], 1)
        bases = [*(5**k for k in range(9)), *(5**9 * den**k for k in range(3))]
        found: NDArray[np.int64] = digits @ np.array(bases)
        return found

    if np.abs(rotations).max(initial=0) > 2:
        return False
    known = np.unique(codes(rotations, shifts))
    for w, t in zip(rotations, shifts, strict=True):
        products = w @ rotations
        if np.abs(products).max() > 2:
            return False
        if not np.isin(codes(products, shifts @ w.T + t), known).all():
            return False
    return True


def _explicit(tags: Tags, name: str) -> _Claim | None:
    """The operations of the file. Raises ScoutError E211 where they are not understood."""
    for tag in _MODULATED:
        if tag in tags:
            raise not_understood(
                f"{name} is a modulated structure", "give an ordinary one that approximates it"
            )
    listed = [tag for tag in (*_OPERATIONS, _MAGNETIC) if tag in tags]
    if not listed:
        return None
    tag = listed[0]
    if tags.length(tag) > MAX_OPERATIONS:
        raise not_understood(f"{name} lists {tags.length(tag)} symmetry operations")
    written = [text for text in tags.column(tag) or () if not is_null(text) and text.strip()]
    if not written:
        return None
    centred = tags.column(_MAGNETIC_CENTRING) if tag == _MAGNETIC else None
    try:
        operations = [_operation(text, tag == _MAGNETIC) for text in written]
        shifts = [_operation(text, True) for text in centred or ()] or [gemmi.Op("x,y,z")]
        if len(operations) * len(shifts) > MAX_OPERATIONS:
            raise ValueError(f"are {len(operations) * len(shifts)}")
        setting = _setting([shift * op for op in operations for shift in shifts], "")
    except (ValueError, RuntimeError) as error:
        raise not_understood(
            f"{name}: its {len(written)} symmetry operations {squeezed(error)}",
            f"check {tag}: each as 'x, y+1/2, -z', and all of the group",
        ) from None
    return _Claim(f"its operations ({setting.name})", (setting,), explicit=True)


def _operation(text: str, magnetic: bool) -> Any:
    """Magnetic ones have a fourth part, the reversal of time, which does not move atoms."""
    triplet = ",".join(text.split(",")[:3]) if magnetic else text
    try:
        return gemmi.Op(triplet)
    except (ValueError, RuntimeError):
        raise ValueError(f"have one that is not understood: {text!r}") from None


def possible_settings(
    tags: Tags, name: str, metric: Floats
) -> tuple[tuple[Setting, ...], list[str]]:
    """What the symmetry of the file may be, most often one setting, and notes. Raises ScoutError
    E211.
    """
    claims = [claim] if (claim := _explicit(tags, name)) else []
    for tag, text in tags.known(_HALL):
        claims.append(_Claim(f"{tag} {text!r}", _of_hall(text)))
    for tag, text in tags.known(_SYMBOLS):
        claims.append(_Claim(f"{tag} {text!r}", settings_of_symbol(text)))
    clear = any(claim.settings for claim in claims)
    puzzling = bool(claims)
    for tag, text in tags.known(_NUMBERS):
        number = int(text) if text.isdecimal() and len(text) < 4 else 0
        standard = not clear and not puzzling
        claims.append(_Claim(f"{tag} {text}", _of_number(number, standard=standard)))
    understood = [claim for claim in claims if claim.settings]
    if not understood:
        return (_P1,), _without_symmetry(tags, name, claims)
    first, *others = understood
    notes = [
        f"{claim.said} is not understood; {first.said} decides"
        for claim in claims
        if not claim.settings
    ]
    settings = first.settings
    for other in others:
        if not {one.number for one in settings} & {one.number for one in other.settings}:
            raise _contradicts(name, first, other)
        meant = {one.operations for one in other.settings}
        if common := tuple(one for one in settings if one.operations in meant):
            settings = common
        elif first.explicit:
            notes.append(f"{other.said} is another setting of the group; {first.said} decide")
        else:
            raise _contradicts(name, first, other)
    fitting = tuple(one for one in settings if one.keeps(metric))
    if not fitting:
        raise not_understood(
            f"{name}: its cell does not have the shape that {settings[0].name} needs",
            "check the edges and angles, and which axes the space group is given for",
        )
    if first is understood[-1] and not clear and fitting[0].number > 1:
        notes.append(f"only the number of the space group is given; read as {fitting[0].name}")
    return fitting, notes


def _without_symmetry(tags: Tags, name: str, claims: Sequence[_Claim]) -> list[str]:
    """A note where nothing at all is said, for which the dictionary has P 1. Raises ScoutError
    E211.
    """
    if claims:
        raise not_understood(
            f"{name}: its symmetry is not understood: {', '.join(c.said for c in claims)}"
        )
    if unknown := [t for t in (*_OPERATIONS, *_HALL, *_SYMBOLS, *_NUMBERS) if t in tags]:
        raise not_understood(f"{name} does not know its symmetry: {unknown[0]} has no value")
    return ["the file says nothing of symmetry; all its atoms are taken to be listed (P 1)"]


def not_understood(why: str, hint: str = "") -> ScoutError:
    return ScoutError(
        "E211", why, hint or "write the symmetry operations, or a symbol as 'F m -3 m'"
    )


def _contradicts(name: str, one: _Claim, other: _Claim) -> ScoutError:
    return not_understood(
        f"{name} contradicts itself: {one.said} and {other.said} are not the same symmetry",
        "remove what is wrong",
    )

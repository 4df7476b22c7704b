"""Crystals from CIF: gemmi reads the syntax, and what it says is taken by its meaning here.

The symmetry is that of the operations, else of the Hall symbol, else of the Hermann-Mauguin symbol,
else of the number of the space group. What is not understood, or contradicts what else the file
says, is an error: nothing is taken for P 1. The crystal is then held against everything that the
file says of it: formula, formula units in the cell, multiplicities of sites, volume, density.

Tags, their meanings and defaults: the core dictionary (International Tables for Crystallography G);
tags of mmCIF and DDLm differ by a dot only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import gemmi
import numpy as np
from numpy.typing import NDArray

from scoutlang.crystals.found import SAME, Crystal, element, known, too_many
from scoutlang.support.errors import ScoutError, squeezed

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

Floats: TypeAlias = NDArray[np.float64]

SPECIAL = 0.2
"""Å: images of a site that are closer are one, and the site is on the symmetry element between."""
MOVED = 0.05
"""Å: who is moved further onto a symmetry element is told so."""
METRIC = 0.02
"""Of a length, or the cosine of an angle: how far a cell may be from the shape that its symmetry
needs.
"""
FULL = 1e-3
"""An occupancy this close to 1 is 1."""
VOLUME_NOTED, DENSITY_NOTED = 0.01, 0.03
"""Relative deviations that are said."""
ANOTHER = 1.5
"""A factor in volume or density from which on it is another crystal."""
_TYPESET = {0x2212: "-", 0xA0: " "}
"""What word processors make of a minus sign and a blank."""
_MOST = 192
"""Operations of F m -3 m in its usual cell."""
MAX_OPERATIONS = 4 * _MOST

CELL = tuple(
    f"_cell_{what}"
    for what in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
)
_AT = tuple(f"_atom_site_fract_{axis}" for axis in "xyz")
_OTHER_LISTS = ("_atom_site_aniso_", "_atom_site_fourier_", "_atom_site_moment_")
"""Of sites, too, but not of where they are."""
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
_REFLECTIONS = ("_refln_index_h", "_pd_meas_counts_total", "_pd_calc_intensity_net")

_QUALIFIED = re.compile(r"(.+?)(?:\s*:\s*([12hr])|\s+([hrsz]))", re.IGNORECASE)
_CHOICES = {"s": "1", "z": "2"}
"""Origin choices as the Inorganic Crystal Structure Database writes them."""
_FORMULA = re.compile(r"([A-Z][a-z]?)\s*(\d*\.?\d*)(?:\(\d+\))?")
_TYPE = re.compile(r"([A-Za-z]{1,2})(?:[\d.]*[+-][\d.]*|\d+)?")


def crystals(
    text: str, name: str, *, max_atoms: int, disordered: bool = False
) -> Iterator[Crystal | ScoutError]:
    """The crystal of every data block that has one, in order; where it cannot be used, its error.

    name: for messages. disordered: sites that are shared or partly occupied are given as such,
    instead of E204. Raises ValueError for what is no CIF.
    """
    try:
        document = gemmi.cif.read_string(text.translate(_TYPESET), 0)
    except (ValueError, RuntimeError) as error:
        second = " (of CIF 2.0, lists and triple quotes are not read)" * (r"#\#CIF_2" in text[:20])
        where = re.sub(r"^string:(\d+):.*?: ", r"line \1: ", str(error))
        raise ValueError(where + second) from None
    if not len(document):
        raise ValueError("it has no data block")
    several = len(document) > 1
    for block in document:
        tags = _Tags(block)
        if not tags.is_crystal:
            continue
        said = f"{name}, data_{block.name}" if several else name
        try:
            yield _crystal(tags, said, max_atoms, disordered)
        except ScoutError as error:
            yield error
        except (ValueError, OverflowError) as error:
            yield ScoutError("E203", f"{said} is not a readable cif file: {squeezed(error)}")


# ---------------------------------------------------------------------------------------- tags


class _Tags:
    """The values of a data block by tag, in small letters and with underscores for dots."""

    def __init__(self, block: Any) -> None:
        self._places: dict[str, list[tuple[Any, int | None]]] = {}
        for item in block:
            if item.pair is not None:
                self._add(item.pair[0], item.pair, None)
            elif item.loop is not None:
                for column, tag in enumerate(item.loop.tags):
                    self._add(tag, item.loop, column)

    def _add(self, tag: str, where: Any, column: int | None) -> None:
        self._places.setdefault(tag.lower().replace(".", "_"), []).append((where, column))

    def __contains__(self, tag: str) -> bool:
        return tag in self._places

    @property
    def is_crystal(self) -> bool:
        """Whether it is about one: not a text, a pattern or a list of reflections."""
        if any(tag.startswith("_atom_site_") for tag in self._places):
            return True
        return any(tag in self for tag in CELL) and not any(tag in self for tag in _REFLECTIONS)

    def length(self, tag: str) -> int:
        """How many values, before any is read."""
        return max(
            (1 if column is None else where.length() for where, column in self._places[tag]),
            default=0,
        )

    def elsewhere(self, tag: str, prefix: str) -> str | None:
        """One of the tags that begin so and are in another loop; those of `_OTHER_LISTS` may be."""
        loops = {id(where) for where, column in self._places[tag] if column is not None}
        for other, places in self._places.items():
            if not other.startswith(prefix) or other.startswith(_OTHER_LISTS):
                continue
            if loops and any(c is not None and id(w) not in loops for w, c in places):
                return other
        return None

    def column(self, tag: str) -> list[str] | None:
        """The values without quotes; None where the tag is absent. Raises ValueError where it
        stands twice and differs.
        """
        found: list[str] | None = None
        for where, column in self._places.get(tag, ()):
            raw = [where[1]] if column is None else where.values[column :: where.width()]
            values = [value if _is_null(value) else gemmi.cif.as_string(value) for value in raw]
            if found is not None and values != found:
                raise ValueError(f"{tag} stands twice in it, with other values")
            found = values
        return found

    def value(self, *tags: str) -> str | None:
        """The first that is known."""
        return next((value for _, value in self.known(tags)), None)

    def known(self, tags: Iterable[str]) -> Iterator[tuple[str, str]]:
        """(tag, value) of those with one value that is neither ``?`` nor ``.`` nor empty."""
        for tag in tags:
            values = self.column(tag) or []
            if len(values) == 1 and not _is_null(values[0]) and values[0].strip():
                yield tag, " ".join(values[0].split())

    def number(self, *tags: str) -> float | None:
        """The first that is a finite number, without its standard uncertainty."""
        found = (gemmi.cif.as_number(value) for _, value in self.known(tags))
        return next((value for value in found if math.isfinite(value)), None)


def _is_null(value: str) -> bool:
    return value in ("?", ".")


# ------------------------------------------------------------------------------------ symmetry


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


def _explicit(tags: _Tags, name: str) -> _Claim | None:
    """The operations of the file. Raises ScoutError E211 where they are not understood."""
    for tag in _MODULATED:
        if tag in tags:
            raise _not_understood(
                f"{name} is a modulated structure", "give an ordinary one that approximates it"
            )
    listed = [tag for tag in (*_OPERATIONS, _MAGNETIC) if tag in tags]
    if not listed:
        return None
    tag = listed[0]
    if tags.length(tag) > MAX_OPERATIONS:
        raise _not_understood(f"{name} lists {tags.length(tag)} symmetry operations")
    written = [text for text in tags.column(tag) or () if not _is_null(text) and text.strip()]
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
        raise _not_understood(
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


def _settings(tags: _Tags, name: str, metric: Floats) -> tuple[tuple[Setting, ...], list[str]]:
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
        raise _not_understood(
            f"{name}: its cell does not have the shape that {settings[0].name} needs",
            "check the edges and angles, and which axes the space group is given for",
        )
    if first is understood[-1] and not clear and fitting[0].number > 1:
        notes.append(f"only the number of the space group is given; read as {fitting[0].name}")
    return fitting, notes


def _without_symmetry(tags: _Tags, name: str, claims: Sequence[_Claim]) -> list[str]:
    """A note where nothing at all is said, for which the dictionary has P 1. Raises ScoutError
    E211.
    """
    if claims:
        raise _not_understood(
            f"{name}: its symmetry is not understood: {', '.join(c.said for c in claims)}"
        )
    if unknown := [t for t in (*_OPERATIONS, *_HALL, *_SYMBOLS, *_NUMBERS) if t in tags]:
        raise _not_understood(f"{name} does not know its symmetry: {unknown[0]} has no value")
    return ["the file says nothing of symmetry; all its atoms are taken to be listed (P 1)"]


def _not_understood(why: str, hint: str = "") -> ScoutError:
    return ScoutError(
        "E211", why, hint or "write the symmetry operations, or a symbol as 'F m -3 m'"
    )


def _contradicts(name: str, one: _Claim, other: _Claim) -> ScoutError:
    return _not_understood(
        f"{name} contradicts itself: {one.said} and {other.said} are not the same symmetry",
        "remove what is wrong",
    )


# --------------------------------------------------------------------------------------- atoms


@dataclass(frozen=True, eq=False)
class _Site:
    label: str
    symbol: str
    at: Floats
    occupancy: float
    group: str
    """Assembly and alternative, where the file says that it is one of several; else empty."""


@dataclass
class _Cell:
    """The atoms of a cell, site after site."""

    setting: Setting
    sites: list[_Site] = field(default_factory=list)
    places: list[Floats] = field(default_factory=list)
    """(m, 3) of each site."""
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, float]:
        """Atoms in the cell by element; deuterium is hydrogen."""
        found: dict[str, float] = {}
        for site, places in zip(self.sites, self.places, strict=True):
            symbol = element(site.symbol)
            found[symbol] = found.get(symbol, 0.0) + len(places) * site.occupancy
        return found

    def mass(self) -> float:
        """Of the cell, in atomic mass units."""
        from pymatgen.core import Element

        pairs = zip(self.sites, self.places, strict=True)
        return sum(float(Element(s.symbol).atomic_mass) * len(p) * s.occupancy for s, p in pairs)


def _crystal(tags: _Tags, name: str, max_atoms: int, disordered: bool) -> Crystal:
    if not all(tag in tags for tag in _AT):
        what = (
            "gives its atoms in Cartesian coordinates; fractional ones are wanted"
            if "_atom_site_cartn_x" in tags
            else "has a cell but no atoms with coordinates"
        )
        raise ScoutError("E203", f"{name} {what}", "write _atom_site_fract_x, _y and _z")
    if tags.length(_AT[0]) > max_atoms:
        raise too_many(name, tags.length(_AT[0]), max_atoms)
    lattice = _lattice(tags, name)
    formula = _formula(tags)
    metric = lattice.matrix @ lattice.matrix.T
    settings, notes = _settings(tags, name, metric)
    sites, said = _sites(tags, name, formula)
    if not disordered:
        _check_order(sites, name)
    found, refused = [], None
    for setting in settings:
        try:
            cell = _expanded(sites, setting, lattice, name, max_atoms, disordered)
            found.append((cell, *_held_against(tags, cell, lattice, formula, name)))
        except ScoutError as error:
            refused = refused or error
    if not found and refused:
        raise refused
    whole = [one for one in found if not one[2]] or found
    cell, noted, lacking = whole[0]
    structure = _structure(cell, lattice)
    if any(not _same(structure, _structure(other[0], lattice)) for other in whole[1:]):
        names = " or ".join(one[0].setting.name for one in whole)
        raise _not_understood(
            f"{name} does not say in which setting it is: {names}",
            f"write one of these symbols: {names}",
        )
    if len(whole) < len(settings):
        noted = [f"of its possible settings only {cell.setting.name} agrees with all else", *noted]
    return Crystal(structure, (*notes, *said, *cell.notes, *noted), lacking)


def _lattice(tags: _Tags, name: str) -> Lattice:
    from pymatgen.core import Lattice

    values = []
    for tag in CELL:
        value = tags.number(tag)
        if value is None:
            written = tags.value(tag)
            why = f"has no {tag}" if written is None else f"has no number in {tag}: {written[:40]}"
            raise ScoutError("E203", f"{name} {why}", "give all edges (Å) and angles (degrees)")
        values.append(value)
    lengths, angles = values[:3], np.radians(values[3:])
    a, b, c = np.cos(angles)
    flat = 1 - a * a - b * b - c * c + 2 * a * b * c
    if min(values) <= 0 or max(values[3:]) >= 180 or max(lengths) > 1e4 or flat < 1e-6:
        given = ", ".join(f"{v:g}" for v in values)
        raise ScoutError("E206", f"{name} has a degenerate cell: {given}")
    return Lattice.from_parameters(*values)


def _formula(tags: _Tags) -> dict[str, float] | None:
    """Atoms of one unit by element, if the file has a formula that can be read."""
    text = tags.value("_chemical_formula_sum")
    if text is None or len(text) > 1000:
        return None
    found: dict[str, float] = {}
    plain = text.replace("'", "").replace(",", " ").strip()
    while plain:
        part = _FORMULA.match(plain)
        if part is None or (known(part[1]) is None):
            return None
        if part[2] == ".":
            return None
        symbol = element(part[1])
        found[symbol] = found.get(symbol, 0.0) + float(part[2] or 1)
        plain = plain[part.end() :].strip()
    return {symbol: count for symbol, count in found.items() if count > 0}


def _sites(
    tags: _Tags, name: str, formula: dict[str, float] | None
) -> tuple[list[_Site], list[str]]:
    """The sites that are there, and what was left out. Raises ScoutError E203, E204."""
    number = tags.length(_AT[0])

    def column(tag: str, default: str) -> list[str]:
        values = tags.column(f"_atom_site_{tag}")
        if values is not None and len(values) != number:
            raise ScoutError("E203", f"{name} has {len(values)} values of _atom_site_{tag}")
        return values if values is not None else [default] * number

    if apart := tags.elsewhere(_AT[0], "_atom_site_"):
        raise ScoutError(
            "E203",
            f"{name} lists its sites twice: {_AT[0]} and {apart} are in different loops",
            "write one loop of sites",
        )
    x, y, z = (column(f"fract_{axis}", "?") for axis in "xyz")
    labels, types = column("label", "?"), column("type_symbol", "?")
    occupancies, kinds = column("occupancy", "1"), column("calc_flag", ".")
    assemblies, groups = column("disorder_assembly", "."), column("disorder_group", ".")
    sites, dummies, empty = [], [], []
    for k in range(number):
        label = labels[k] if not _is_null(labels[k]) else f"site {k + 1}"
        if kinds[k].lower() == "dum":
            dummies.append(label)
            continue
        at = [
            _number(v[k], label, f"fract_{axis}", name)
            for axis, v in zip("xyz", (x, y, z), strict=True)
        ]
        # the dictionary's default
        occupancy = (
            1.0 if occupancies[k] == "." else _number(occupancies[k], label, "occupancy", name)
        )
        if not -FULL <= occupancy <= 1 + FULL:
            raise ScoutError(
                "E203",
                f"{name}: {label} has an occupancy of {occupancy:g}",
                "an occupancy is between 0 and 1",
            )
        if occupancy < FULL:
            empty.append(label)
            continue
        symbol = symbol_of_site(types[k], labels[k], formula)
        if symbol is None:
            written = labels[k] if _is_null(types[k]) else types[k]
            raise ScoutError(
                "E204",
                f"{name}: which element is {label} ({written})?",
                "give _atom_site_type_symbol: an element up to Fm",
            )
        group = "" if _is_null(groups[k]) or groups[k] == "0" else f"{assemblies[k]} {groups[k]}"
        full = abs(occupancy - 1) <= FULL
        sites.append(_Site(label, symbol, np.array(at), 1.0 if full else occupancy, group))
    if not sites:
        raise ScoutError("E203", f"{name} holds no atoms")
    sites, notes = _hydrogens(sites), []
    if dummies:
        notes.append(f"left out: {_some(dummies)}, no atoms by _atom_site_calc_flag")
    if empty:
        notes.append(f"left out: {_some(empty)}, with an occupancy of 0")
    return sites, notes


def _hydrogens(sites: Sequence[_Site]) -> list[_Site]:
    """With one hydrogen where hydrogen and deuterium share a place: isotopes are no disorder."""
    found: list[_Site] = []
    for site in sites:
        if site.occupancy < 1 and element(site.symbol) == "H":
            for k, one in enumerate(found):
                if {one.symbol, site.symbol} in (
                    {"H", "D"},
                    {"H", "T"},
                    {"D", "T"},
                ) and np.allclose(one.at, site.at, atol=1e-3):
                    total = one.occupancy + site.occupancy
                    heavy = site if site.occupancy > one.occupancy else one
                    occupancy = 1.0 if abs(total - 1) <= FULL else total
                    found[k] = replace(heavy, occupancy=occupancy, group="")
                    break
            else:
                found.append(site)
        else:
            found.append(site)
    return found


def _number(text: str, label: str, what: str, name: str) -> float:
    value = gemmi.cif.as_number(text)
    if not math.isfinite(value) or abs(value) > 1e4:
        raise ScoutError(
            "E203",
            f"{name}: {label} has no number in _atom_site_{what}: {text[:40]}",
            "give it, or remove the site if it is not there",
        )
    return float(value)


def symbol_of_site(kind: str, label: str, formula: dict[str, float] | None) -> str | None:
    """The element of a site, by its type (``Na1+``), else by its label (``Na1``); None where it is
    not clear.
    """
    if not _is_null(kind) and (matched := _TYPE.fullmatch(kind)):
        return known(matched[1].capitalize())
    text = label if _is_null(kind) else kind
    letters = re.match(r"[A-Za-z]*", text)
    run = letters[0] if letters else ""
    if len(run) > 1 and run[1].islower():
        if len(run) > 2 and run[2].islower():
            return None  # a word
        return known(run[:2].capitalize())
    may_be = [one for n in (2, 1) if len(run) >= n and (one := known(run[:n].capitalize()))]
    if len(may_be) > 1 and formula is not None:
        may_be = [one for one in may_be if element(one) in formula]
    return may_be[0] if len(may_be) == 1 else None


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:4]) + (f" and {len(labels) - 4} more" if len(labels) > 4 else "")


def _check_order(sites: Sequence[_Site], name: str) -> None:
    """Raises ScoutError E204 for sites that are partly occupied, or one of several."""
    partly = [f"{s.label} ({s.symbol} {s.occupancy:g})" for s in sites if s.occupancy < 1]
    alternatives: dict[str, set[str]] = {}
    for site in sites:
        if site.group:
            assembly, group = site.group.split(" ", 1)
            alternatives.setdefault(assembly, set()).add(group)
    several = {a for a, groups in alternatives.items() if len(groups) > 1}
    partly = partly or [s.label for s in sites if s.group and s.group.split(" ")[0] in several]
    partly = partly or [s.label for s in sites if s.group.split(" ")[-1].startswith("-")]
    if partly:
        raise _disordered(name, f"partly occupied: {_some(partly)}")


def _disordered(name: str, why: str) -> ScoutError:
    return ScoutError(
        "E204",
        f"{name} is disordered: {why}",
        "give an ordered model of it, or take those that are near: --ordered",
    )


def _expanded(
    sites: Sequence[_Site],
    setting: Setting,
    lattice: Lattice,
    name: str,
    max_atoms: int,
    disordered: bool,
) -> _Cell:
    """All atoms of the cell. Raises ScoutError E204 for a place that two elements share, E208, E211
    for a site that no number of images fits.
    """
    matrix = lattice.matrix
    # in no cell of useful size do two lattice points count as one
    near = min(1.0, 0.4 / float(np.linalg.norm(lattice.inv_matrix, axis=0).max()) / SPECIAL)
    cell, copies, moved = _Cell(setting), [], []
    taken, owners = np.empty((0, 3)), list[_Site]()
    for site in sites:
        places, shift = _orbit(site.at, setting, matrix, near * SPECIAL)
        if len(setting.rotations) % len(places):
            raise _not_understood(
                f"{name}: {site.label} is near, but not on, a symmetry element of {setting.name}",
                "give its coordinates with more digits",
            )
        if shift > MOVED:
            moved.append(f"{site.label} by {shift:.2f} Å")
        if len(taken):
            distances = _distance(taken, places[0], matrix)
            one = owners[int(distances.argmin())]
            whole = not disordered or max(one.occupancy, site.occupancy) == 1
            if distances.min() < near * SAME and whole:
                if element(one.symbol) != element(site.symbol):
                    raise _disordered(name, f"{one.label} and {site.label} share a place")
                copies.append(f"{site.label} ({one.label})")
                continue
        if len(taken) + len(places) > max_atoms:
            raise too_many(name, len(taken) + len(places), max_atoms)
        taken = np.concatenate([taken, places])
        owners += [site] * len(places)
        cell.sites.append(site)
        cell.places.append(places)
    if copies:
        cell.notes.append(f"listed twice, counted once: {_some(copies)}")
    if moved:
        cell.notes.append(f"put on symmetry elements: {_some(moved)}")
    return cell


def _distance(points: Floats, point: Floats, matrix: Floats) -> Floats:
    """Å, to the nearest image by each coordinate, which is right for short ones."""
    off = points - point
    found: Floats = np.linalg.norm((off - np.round(off)) @ matrix, axis=-1)
    return found


def _orbit(at: Floats, setting: Setting, matrix: Floats, near: float) -> tuple[Floats, float]:
    """(m, 3) the images of a site in the cell, and how far (Å) it was moved onto the symmetry
    elements on which it is.
    """
    images = setting.rotations @ at + setting.translations
    on = _distance(images, at, matrix) < near
    off = images[on] - at
    shift = (off - np.round(off)).mean(0)
    images = setting.rotations @ (at + shift) + setting.translations
    left, found = images, []
    while len(left):
        found.append(left[0] - np.floor(left[0]))
        left = left[_distance(left, left[0], matrix) > near / 10]
    return np.array(found), float(np.linalg.norm(shift @ matrix))


def _structure(cell: _Cell, lattice: Lattice) -> Structure:
    from pymatgen.core import Structure

    species: list[dict[str, float]] = []
    places: list[Floats] = []
    for site, points in zip(cell.sites, cell.places, strict=True):
        symbol = element(site.symbol)
        for point in points:
            shared = None
            if site.occupancy < 1 and places:
                distances = _distance(np.array(places), point, lattice.matrix)
                shared = int(distances.argmin()) if distances.min() < SAME else None
            if shared is None:
                species.append({symbol: site.occupancy})
                places.append(point)
            else:
                before = species[shared].get(symbol, 0.0)
                species[shared][symbol] = min(1.0, before + site.occupancy)
    return Structure(
        lattice, [s if min(s.values()) < 1 else next(iter(s)) for s in species], places
    )


def _same(one: Structure, other: Structure) -> bool:
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher = StructureMatcher(0.05, 0.05, 1, primitive_cell=False, scale=False)
    return len(one) == len(other) and bool(matcher.fit(one, other))


# -------------------------------------------------------------------------------- cross-checks


def _held_against(
    tags: _Tags, cell: _Cell, lattice: Lattice, formula: dict[str, float] | None, name: str
) -> tuple[list[str], str]:
    """What the file says of the crystal and is not so, and which atoms are missing. Raises
    ScoutError E212 where the atoms are another crystal.
    """
    notes: list[str] = []
    counts = cell.counts()
    lacking, units = "", None
    if formula is None:
        if written := tags.value("_chemical_formula_sum"):
            notes.append(
                f"its formula {written!r} is not understood; the atoms are {_said(counts)}"
            )
    else:
        lacking, units = _against_formula(counts, formula, name)
    if not lacking and (hydrogens := _attached(tags)):
        lacking = f"{hydrogens:g} H are said to be attached to atoms and have no positions"
    volume, stated = float(lattice.volume), tags.number("_cell_volume")
    if stated is not None and stated > 0 and abs(stated / volume - 1) > VOLUME_NOTED:
        what = f"its volume is said to be {stated:g} Å^3, and its cell has {volume:.5g}"
        if max(stated / volume, volume / stated) > ANOTHER:
            raise _another(name, what)
        notes.append(what)
    density = cell.mass() / volume * 1.66053907
    stated = tags.number("_exptl_crystal_density_diffrn")
    if lacking or stated is None or stated <= 0:
        agrees = None
    else:
        agrees = abs(stated / density - 1) <= DENSITY_NOTED
        what = f"its density is said to be {stated:g} g/cm^3, and its atoms have {density:.4g}"
        if max(stated / density, density / stated) > ANOTHER:
            raise _another(name, what)
        if not agrees:
            notes.append(what)
    z = tags.number("_cell_formula_units_z")
    if units is not None and z is not None and z > 0 and formula is not None:
        of_cell = units == 1 and all(count % z == 0 for count in formula.values())
        if abs(units - z) > 0.1 and not of_cell:
            what = f"its cell is said to hold {z:g} formula units, and its atoms are {units:g}"
            if not lacking and not agrees:
                raise _another(name, what)
            notes.append(what)
    notes += _against_multiplicities(tags, cell)
    return notes, lacking


def _another(name: str, what: str) -> ScoutError:
    return ScoutError(
        "E212",
        f"{name} is not the crystal that it says: {what}",
        "check the symmetry, the cell and the list of atoms; correct what is wrong",
    )


def _against_formula(
    counts: dict[str, float], formula: dict[str, float], name: str
) -> tuple[str, float]:
    """(what is missing, formula units in the cell)."""
    said = f"its formula is {_said(formula)}, and its atoms are {_said(counts)}"
    if more := sorted(counts.keys() - formula.keys()):
        raise _another(name, f"{said}: {', '.join(more)} not in the formula")
    units = max(counts.get(symbol, 0) / count for symbol, count in formula.items())
    exact = all(count == int(count) for count in formula.values())
    missing = []
    for symbol, count in formula.items():
        wanted = units * count
        if wanted - counts.get(symbol, 0) > (0.1 if exact else 0.5 + 0.02 * wanted):
            missing.append(symbol)
    if not missing:
        return "", units
    none = all(symbol not in counts for symbol in missing)
    which = ", ".join(missing) + (" has" if len(missing) == 1 else " have")
    return f"{said}: {which} {'no positions' if none else 'too few positions'}", units


def _said(counts: dict[str, float]) -> str:
    """``Mg H2 O2``, by the smallest whole numbers if they are whole."""
    values = list(counts.values())
    if all(v == int(v) for v in values):
        divisor = math.gcd(*map(int, values))
        values = [v / divisor for v in values]
    return " ".join(f"{s}{'' if v == 1 else f'{v:g}'}" for s, v in zip(counts, values, strict=True))


def _attached(tags: _Tags) -> float:
    column = tags.column("_atom_site_attached_hydrogens") or []
    return sum(v for v in map(gemmi.cif.as_number, column) if v > 0)


def _against_multiplicities(tags: _Tags, cell: _Cell) -> list[str]:
    """Programs write either the images of a site or the order of its symmetry under the one tag."""
    labels = tags.column("_atom_site_label")
    if labels is None or len({*labels}) < len(labels):
        return []
    group = len(cell.setting.rotations)
    images = dict(zip((site.label for site in cell.sites), map(len, cell.places), strict=True))
    for tag in (
        "_atom_site_symmetry_multiplicity",
        "_atom_site_site_symmetry_multiplicity",
        "_atom_site_site_symmetry_order",
    ):
        column = tags.column(tag)
        if column is None or len(column) != len(labels):
            continue
        stated = {
            label: value
            for label, text in zip(labels, column, strict=True)
            if label in images and (value := gemmi.cif.as_number(text)) > 0
        }
        orders = {label: group / images[label] for label in stated}
        if stated != orders and any(stated[label] != images[label] for label in stated):
            wrong = next(label for label in stated if stated[label] != images[label])
            return [
                f"{wrong} is said to have {stated[wrong]:g} sites in the cell,"
                f" and it has {images[wrong]}"
            ]
    return []

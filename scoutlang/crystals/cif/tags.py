"""The values of a data block by tag."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import gemmi

CELL = tuple(
    f"_cell_{what}"
    for what in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
)
_REFLECTIONS = ("_refln_index_h", "_pd_meas_counts_total", "_pd_calc_intensity_net")
_OTHER_LISTS = ("_atom_site_aniso_", "_atom_site_fourier_", "_atom_site_moment_")
"""Of sites, too, but not of where they are."""


class Tags:
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
            values = [value if is_null(value) else gemmi.cif.as_string(value) for value in raw]
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
            if len(values) == 1 and not is_null(values[0]) and values[0].strip():
                yield tag, " ".join(values[0].split())

    def number(self, *tags: str) -> float | None:
        """The first that is a finite number, without its standard uncertainty."""
        found = (gemmi.cif.as_number(value) for _, value in self.known(tags))
        return next((value for value in found if math.isfinite(value)), None)


def is_null(value: str) -> bool:
    return value in ("?", ".")

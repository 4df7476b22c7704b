"""Crystals from the Materials Project through its own client, `mp-api` (the extra ``mp``), with the
key in ``MP_API_KEY``.

Only structures are taken: energies come from our potential, so that the hull and the candidates are
of one kind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from scoutlang.support.errors import ScoutError, squeezed
from scoutlang.validation.reference.optimade import Progress, subsystems

SOURCE = "materials-project"


def documents(
    elements: Sequence[str], max_atoms: int | None, progress: Progress
) -> Iterator[tuple[str, Any]]:
    """(material id, structure) of every material in the chemical system. Raises ScoutError: E468 no
    client or no key, E463 no answer.
    """
    key = os.environ.get("MP_API_KEY")
    if not key:
        raise ScoutError(
            "E468",
            "there is no key for the Materials Project",
            "set MP_API_KEY; `mp` as the source takes the same crystals without a key",
        )
    try:
        from mp_api.client import MPRester
    except ImportError:
        raise ScoutError(
            "E468",
            "mp-api is not installed",
            "pip install mp-api; `mp` as the source takes the same crystals without it",
        ) from None
    sizes = {"num_sites": (1, max_atoms)} if max_atoms else {}
    try:
        with MPRester(key, mute_progress_bars=True) as rester:
            for chosen in subsystems(elements):
                system = "-".join(chosen)
                found = rester.materials.summary.search(
                    chemsys=system,
                    deprecated=False,
                    fields=["material_id", "structure"],
                    all_fields=False,
                    **sizes,
                )
                progress(f"{system}: {len(found)}")
                for document in found:
                    yield str(document.material_id), document.structure
    except Exception as error:  # the client raises its own, requests' and pydantic's errors
        text = squeezed(error).replace(key, "…")
        raise ScoutError(
            "E463",
            f"the Materials Project: {type(error).__name__}: {text}",
            "check MP_API_KEY, or try again later",
        ) from None

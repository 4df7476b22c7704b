"""Crystals from any database that speaks OPTIMADE (specification 1.x,
doi:10.1038/s41597-021-00974-z).

One query for each sub-system of the chemical system, in words that the specification demands of
every server, or in others where it knows them not. Finished pages are kept in the data folder until
the set is stored, so that an interrupted download goes on where it stopped. The server is a
stranger: answers are bounded, no other host is followed, and an entry that cannot be used is
counted, not fatal. A query of which less came than was announced is an error: a hull needs all.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from scoutlang.support.files import write_whole
from scoutlang.validation.reference.fetching import AGAIN, Server, no_answer, refused, said
from scoutlang.validation.reference.store import references_folder, writing

MAX_PAGES = 10_000
"""Of one query: a bound on what a server can make us store."""
MAX_EMPTY = 20
"""Pages without an entry, one after another, before it is held to go round in circles."""
MAX_AGE = 24 * 3600
"""Seconds after which the pages of an interrupted download are fetched anew: the database may have
changed.
"""

Progress = Callable[[str], None]

_FIELDS = (
    "lattice_vectors,cartesian_site_positions,species,species_at_sites,structure_features,"
    "nperiodic_dimensions,dimension_types,nsites,chemical_formula_reduced"
)


@dataclass(frozen=True)
class Provider:
    """A public database that is known by name."""

    base_url: str
    """Where it answers, without ``/v1/structures``."""
    licence: str
    """Of its data, an SPDX name."""
    citation: str
    """What to cite with its data."""


# Addresses: the OPTIMADE list of providers (github.com/Materials-Consortia/providers,
# src/index-metadbs/*/v1/links.json). Licences and citations: the data card of LeMat-Bulk
# (huggingface.co/datasets/LeMaterial/LeMat-Bulk), which unites the three.
PROVIDERS = {
    "alexandria": Provider(
        "https://alexandria.icams.rub.de/pbe",
        "CC-BY-4.0",
        "Alexandria (PBE), doi:10.1126/sciadv.abi7948",
    ),
    "alexandria-pbesol": Provider(
        "https://alexandria.icams.rub.de/pbesol",
        "CC-BY-4.0",
        "Alexandria (PBEsol), doi:10.1038/s41597-022-01177-w",
    ),
    "mp": Provider(
        "https://optimade.materialsproject.org",
        "CC-BY-4.0",
        "Materials Project, doi:10.1063/1.4812323",
    ),
    "oqmd": Provider(
        "https://oqmd.org/optimade", "CC-BY-4.0", "OQMD, doi:10.1007/s11837-013-0755-4"
    ),
}


def subsystems(elements: Sequence[str]) -> list[tuple[str, ...]]:
    """Every non-empty choice of the elements, single ones first: what the hull of the system is
    made of.
    """
    return [
        chosen
        for size in range(1, len(elements) + 1)
        for chosen in itertools.combinations(sorted(elements), size)
    ]


def query(elements: Sequence[str], max_atoms: int | None, *, length: bool = False) -> str:
    """The filter for crystals that hold exactly these elements. HAS ALL and comparisons are
    mandatory for servers, HAS ONLY is not. length: by the length of the list of elements, for
    servers that do not know nelements, and without nsites.
    """
    quoted = ",".join(f'"{e}"' for e in elements)
    if length:
        return f"elements HAS ALL {quoted} AND elements LENGTH {len(elements)}"
    size = f" AND nsites<={max_atoms}" if max_atoms else ""
    return f"elements HAS ALL {quoted} AND nelements={len(elements)}{size}"


@dataclass(frozen=True)
class _Page:
    """One answer."""

    entries: list[dict[str, Any]]
    following: str | None
    """The address of the next, where there is one."""
    announced: int = 0
    """How many entries match the query, as far as the server says it and means it."""
    more: bool = False
    """It says that more of them are there."""


class _CannotFilter(Exception):
    """What a server said when it refused a filter."""


@dataclass(frozen=True)
class Client:
    """Reads the pages of one server."""

    base_url: str
    page_limit: int = 100
    """Entries to ask for at once."""
    pause: float = 0.2
    """As those of `Server`."""
    backoff: float = 1.0
    timeout: float = 60.0
    seconds: float = 6 * 3600
    notes: list[str] = field(default_factory=list, compare=False)
    """What is to be said of the set."""

    def entries(
        self, elements: Sequence[str], max_atoms: int | None, progress: Progress
    ) -> Iterator[dict[str, Any]]:
        """Every entry of every sub-system, each with an id. Raises ScoutError: E463 no answer, E464
        an answer that is refused or is not whole, E467 no room for pages.
        """
        folder = self._folder(elements, max_atoms)
        server = Server(self.base_url, self.pause, self.backoff, self.timeout, self.seconds)
        for chosen in subsystems(elements):
            name, known = "-".join(chosen), set[str]()
            announced, more = 0, False
            for page in self._filtered(server, folder / name, chosen, max_atoms):
                number = itertools.count(len(known) + 1)
                named = [
                    {**one, "id": said(one.get("id") or f"{name}#{next(number)}")}
                    for one in page.entries
                ]
                new = [entry for entry in named if entry["id"] not in known]
                if named and not new:
                    shutil.rmtree(folder, ignore_errors=True)
                    raise refused(self.base_url, "its pages go round in circles")
                known.update(entry["id"] for entry in new)
                announced, more = max(announced, page.announced), page.more
                progress(f"{name}: {len(known)}")
                yield from new
            if more or announced > len(known):
                shutil.rmtree(folder / name, ignore_errors=True)
                number_said = f"{announced}" if announced > len(known) else "more"
                raise refused(
                    self.base_url,
                    f"the server announced {number_said} crystals of {name}, {len(known)} came",
                    "nothing is stored, since a hull needs all of them; try again later, or tell"
                    " those who keep the server",
                )

    def forget(self, elements: Sequence[str], max_atoms: int | None) -> None:
        """Remove the pages of this download: its set is stored."""
        shutil.rmtree(self._folder(elements, max_atoms), ignore_errors=True)

    def _folder(self, elements: Sequence[str], max_atoms: int | None) -> Path:
        key = json.dumps([self.base_url, sorted(elements), max_atoms, self.page_limit, _FIELDS])
        return references_folder() / ".pages" / hashlib.sha256(key.encode()).hexdigest()[:16]

    def _filtered(
        self, server: Server, folder: Path, chosen: Sequence[str], max_atoms: int | None
    ) -> Iterator[_Page]:
        """The pages of the first filter that the server understands."""
        by_length = bool(self.notes)
        if not by_length:
            try:
                yield from self._pages(server, folder, query(chosen, max_atoms))
                return
            except _CannotFilter as error:
                words = str(error)
        try:
            yield from self._pages(server, folder, query(chosen, max_atoms, length=True))
        except _CannotFilter as error:
            words = str(error) if by_length else words
            raise refused(
                self.base_url,
                f"this server cannot filter by nelements ({words})",
                "ask those who keep it for the crystals of your system as files, and add these",
            ) from None
        if not by_length:
            self.notes.append("the server cannot filter by nelements; asked with elements LENGTH")

    def _pages(self, server: Server, folder: Path, text: str) -> Iterator[_Page]:
        """From disk as far as they are there. Raises _CannotFilter before the first."""
        with writing(folder):
            if folder.exists() and time.time() - folder.stat().st_ctime > MAX_AGE:
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
        url: str | None = self._first(text)
        asked: set[str] = set()
        empty = 0
        for number in range(MAX_PAGES):
            if url is None:
                return
            if url in asked or empty > MAX_EMPTY:
                shutil.rmtree(folder, ignore_errors=True)
                raise refused(self.base_url, "its pages go round in circles")
            asked.add(url)
            file = folder / f"{number:05}.json"
            with writing(file):
                content = file.read_bytes() if file.exists() else None
            fetched = self._answer(server, url, first=number == 0) if content is None else content
            page = self._parse(server, fetched, url)
            if content is None:  # kept only now that it is known to be OPTIMADE
                with writing(file):
                    write_whole(file, partial(_write, content=fetched))
            yield page
            empty = 0 if page.entries else empty + 1
            url = page.following
        raise refused(self.base_url, f"it has more than {MAX_PAGES} pages")

    def _first(self, text: str) -> str:
        base = self.base_url.rstrip("/")
        versioned = base if re.search(r"/v\d[^/]*$", base) else f"{base}/v1"
        asked = {"filter": text, "page_limit": self.page_limit, "response_fields": _FIELDS}
        return f"{versioned}/structures?{urlencode(asked)}"

    def _answer(self, server: Server, url: str, *, first: bool) -> bytes:
        status, body = server.get(url)
        if status == 200:
            return body
        words = f"HTTP {status}" + (f": {own}" if (own := _own_words(body)) else "")
        if first and status in (400, 501):
            raise _CannotFilter(words)
        error = no_answer(self.base_url, f"it answers with {words}")
        if status not in AGAIN:
            error.hint = f"check the address; {error.hint}"
        raise error

    def _parse(self, server: Server, content: bytes, url: str) -> _Page:
        try:
            page = json.loads(content)
        except (ValueError, RecursionError):
            raise refused(self.base_url, "it is not an OPTIMADE answer") from None
        if isinstance(page, dict) and page.get("errors"):
            words = _own_words(content) or "errors"
            hint = "ask for less: fewer elements, or --max-atoms"
            raise refused(self.base_url, f"it says: {words}", hint)
        links = (page.get("links") or {}) if isinstance(page, dict) else None
        meta = page.get("meta") if isinstance(page, dict) else None
        data = page.get("data") if isinstance(page, dict) else None
        following = links.get("next") if isinstance(links, dict) else 0
        if isinstance(following, dict):  # JSON:API allows a link to be an object
            following = following.get("href")
        if (
            not isinstance(data, list)
            or not all(isinstance(entry, dict) for entry in data)
            or not isinstance(following, str | None)
        ):
            raise refused(self.base_url, "it is not an OPTIMADE answer")
        meta = meta if isinstance(meta, dict) else {}
        number, whole, more = (
            meta.get(key) for key in ("data_returned", "data_available", "more_data_available")
        )
        # some servers say how many entries they have at all
        meant = isinstance(number, int) and not (more is False and number == whole)
        return _Page(
            data,
            server.same_host(url, following) if following else None,
            int(number or 0) if meant else 0,
            more is True,
        )


def _own_words(body: bytes) -> str:
    """Title and detail of the first error of an answer; empty where it has none."""
    try:
        first = json.loads(body)["errors"][0]
        parts = [str(first[key]) for key in ("title", "detail") if first.get(key)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return said(": ".join(parts))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)

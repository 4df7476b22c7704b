"""Crystals from any database that speaks OPTIMADE (specification 1.x,
doi:10.1038/s41597-021-00974-z).

One query for each sub-system of the chemical system, in words that the specification demands of
every server. Finished pages are kept in the data folder until the set is stored, so that an
interrupted download goes on where it stopped. The server is a stranger: answers are bounded, no
other host is followed, and an entry that cannot be used is counted, not fatal.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from scoutlang.support.errors import ScoutError
from scoutlang.support.files import write_whole
from scoutlang.support.version import __version__
from scoutlang.validation.reference.store import references_folder, writing

MAX_PAGE_BYTES = 64 * 2**20
MAX_PAGES = 10_000
"""Of one query: a bound on what a server can make us store."""
MAX_REDIRECTIONS = 5
MAX_AGE = 24 * 3600
"""Seconds after which the pages of an interrupted download are fetched anew: the database may have
changed.
"""

Progress = Callable[[str], None]

_FIELDS = (
    "lattice_vectors,cartesian_site_positions,species,species_at_sites,structure_features,"
    "nperiodic_dimensions"
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


def query(elements: Sequence[str], max_atoms: int | None) -> str:
    """The filter for crystals that hold exactly these elements. HAS ALL and comparisons are
    mandatory for servers, HAS ONLY is not.
    """
    quoted = ",".join(f'"{e}"' for e in elements)
    size = f" AND nsites<={max_atoms}" if max_atoms else ""
    return f"elements HAS ALL {quoted} AND nelements={len(elements)}{size}"


@dataclass(frozen=True)
class Client:
    """Reads the pages of one server."""

    base_url: str
    page_limit: int = 100
    """Entries to ask for at once."""
    pause: float = 0.2
    """Seconds before each request."""
    backoff: float = 1.0
    """Seconds before the first repetition of a request; twice as many before each further one."""
    timeout: float = 60.0
    """Seconds to wait for an answer."""

    def entries(
        self, elements: Sequence[str], max_atoms: int | None, progress: Progress
    ) -> Iterator[dict[str, Any]]:
        """Every entry of every sub-system. Raises ScoutError: E463 no answer, E464 an answer that
        is refused, E467 no room for pages.
        """
        folder = self._folder(elements, max_atoms)
        for chosen in subsystems(elements):
            name, found, known = "-".join(chosen), 0, set[str]()
            for page in self._pages(folder / name, query(chosen, max_atoms)):
                new = [entry for entry in page if str(entry.get("id")) not in known]
                if page and not new:
                    shutil.rmtree(folder, ignore_errors=True)
                    raise _refused(self.base_url, "its pages go round in circles")
                known.update(str(entry.get("id")) for entry in new)
                found += len(new)
                progress(f"{name}: {found}")
                yield from new

    def forget(self, elements: Sequence[str], max_atoms: int | None) -> None:
        """Remove the pages of this download: its set is stored."""
        shutil.rmtree(self._folder(elements, max_atoms), ignore_errors=True)

    def _folder(self, elements: Sequence[str], max_atoms: int | None) -> Path:
        key = json.dumps([self.base_url, sorted(elements), max_atoms, self.page_limit])
        return references_folder() / ".pages" / hashlib.sha256(key.encode()).hexdigest()[:16]

    def _pages(self, folder: Path, text: str) -> Iterator[list[dict[str, Any]]]:
        """The entries of each page, from disk as far as they are there."""
        with writing(folder):
            if folder.exists() and time.time() - folder.stat().st_ctime > MAX_AGE:
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
        url: str | None = self._first(text)
        for number in range(MAX_PAGES):
            if url is None:
                return
            file = folder / f"{number:05}.json"
            with writing(file):
                content = file.read_bytes() if file.exists() else None
            fetched = self._fetch(url) if content is None else content
            data, following = self._parse(fetched, url)
            if content is None:  # kept only now that it is known to be OPTIMADE
                with writing(file):
                    write_whole(file, partial(_write, content=fetched))
            yield data
            url = following if data else None
        raise _refused(self.base_url, f"it has more than {MAX_PAGES} pages")

    def _first(self, text: str) -> str:
        base = self.base_url.rstrip("/")
        versioned = base if re.search(r"/v\d[^/]*$", base) else f"{base}/v1"
        asked = {"filter": text, "page_limit": self.page_limit, "response_fields": _FIELDS}
        return f"{versioned}/structures?{urlencode(asked)}"

    def _fetch(self, url: str) -> bytes:
        """The body of one page. Redirections are followed on the same host only."""
        time.sleep(self.pause)
        retry = Retry(
            total=5,
            connect=2,
            redirect=False,
            status_forcelist=(429, 500, 502, 503, 504),
            backoff_factor=self.backoff,
            retry_after_max=60,
            raise_on_status=False,
        )
        try:
            with requests.Session() as session:
                for scheme in ("http://", "https://"):
                    session.mount(scheme, HTTPAdapter(max_retries=retry))
                session.headers["User-Agent"] = f"scoutlang/{__version__}"
                for _ in range(MAX_REDIRECTIONS):
                    with session.get(
                        url, timeout=self.timeout, stream=True, allow_redirects=False
                    ) as response:
                        if not response.is_redirect:
                            return self._body(response)
                        url = self._same_host(urljoin(url, response.headers["Location"]))
        except requests.RequestException as error:
            # where it was tried several times: what the last attempt failed of
            reason = getattr(error.args[0] if error.args else None, "reason", error)
            raise _no_answer(
                self.base_url, f"it cannot be reached ({type(reason).__name__})"
            ) from None
        raise _refused(self.base_url, "it redirects again and again")

    def _body(self, response: requests.Response) -> bytes:
        if response.status_code != 200:
            answer = f"HTTP {response.status_code} {response.reason}"
            raise _no_answer(self.base_url, f"it answers with {answer}")
        body = bytearray()
        for chunk in response.iter_content(2**16):
            body += chunk
            if len(body) > MAX_PAGE_BYTES:
                raise _refused(self.base_url, f"a page is larger than {MAX_PAGE_BYTES >> 20} MiB")
        return bytes(body)

    def _parse(self, content: bytes, url: str) -> tuple[list[dict[str, Any]], str | None]:
        try:
            page = json.loads(content)
            data, links = page["data"], page.get("links") or {}
            following = links.get("next")
            if isinstance(following, dict):  # JSON:API allows a link to be an object
                following = following.get("href")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise _refused(self.base_url, "it is not an OPTIMADE answer") from None
        if (
            not isinstance(data, list)
            or not all(isinstance(entry, dict) for entry in data)
            or not isinstance(following, str | None)
        ):
            raise _refused(self.base_url, "it is not an OPTIMADE answer")
        return data, self._same_host(urljoin(url, following)) if following else None

    def _same_host(self, url: str) -> str:
        """The address with the scheme of the base: servers behind a proxy often say http for https.
        Raises ScoutError E464 for another host.
        """
        base, parts = urlsplit(self.base_url), urlsplit(url)
        if parts.netloc != base.netloc:
            raise _refused(self.base_url, f"it sends us on to another host, {parts.netloc[:100]}")
        return urlunsplit(parts._replace(scheme=base.scheme))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _no_answer(base_url: str, why: str) -> ScoutError:
    return ScoutError(
        "E463", f"{base_url}: {why}", "try again later; the same command goes on where it stopped"
    )


def _refused(base_url: str, why: str) -> ScoutError:
    return ScoutError(
        "E464",
        f"the answer of {base_url} cannot be used: {why}",
        "check the address: the base URL of an OPTIMADE server, without /structures",
    )

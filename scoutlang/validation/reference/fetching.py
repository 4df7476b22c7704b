"""Bytes from an HTTP server that is a stranger: one request after another, with bounds on time and
size, on one host, asked again where it is overloaded.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from scoutlang.support.errors import ScoutError
from scoutlang.support.version import __version__

MAX_PAGE_BYTES = 64 * 2**20
MAX_ERROR_BYTES = 64 * 2**10
"""Of an answer that is an error."""
MAX_REDIRECTIONS = 5
MAX_WAIT = 60
"""Seconds that a server may have us wait (``Retry-After``)."""
AGAIN = (429, 500, 502, 503, 504)
"""Answers after which it is asked again."""


@dataclass
class Server:
    """One server, for one download."""

    base_url: str
    pause: float = 0.2
    """Seconds before each request."""
    backoff: float = 1.0
    """Seconds before the first repetition of a request; twice as many before each further one."""
    timeout: float = 60.0
    """Seconds to wait for the next bytes of an answer."""
    seconds: float = 6 * 3600
    """Of all answers together."""
    bytes_left: int = 4 * 2**30
    """That it may still send, unpacked."""
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.seconds

    def get(self, url: str) -> tuple[int, bytes]:
        """Status and body of one address. Redirections are followed on the same host only.

        Raises ScoutError: E463 no answer, E464 an answer that is refused.
        """
        time.sleep(self.pause)
        retry = Retry(
            total=5,
            connect=2,
            redirect=False,
            status_forcelist=AGAIN,
            backoff_factor=self.backoff,
            retry_after_max=MAX_WAIT,
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
                            return response.status_code, self._body(response)
                        url = self.same_host(url, response.headers["Location"])
        except (requests.RequestException, HTTPError, ValueError, OSError) as error:
            # where it was tried several times: what the last attempt failed of
            reason = getattr(error.args[0] if error.args else None, "reason", error)
            raise no_answer(
                self.base_url, f"it cannot be reached ({type(reason).__name__})"
            ) from None
        raise refused(self.base_url, "it redirects again and again")

    def _body(self, response: requests.Response) -> bytes:
        """What is there is taken at once: a server that sends a byte now and then runs out of
        time.
        """
        good = response.status_code == 200
        most = MAX_PAGE_BYTES if good else MAX_ERROR_BYTES
        body = bytearray()
        while chunk := response.raw.read1(2**16, decode_content=True):
            body += chunk
            self.bytes_left -= len(chunk)
            if time.monotonic() > self._end:
                raise no_answer(self.base_url, f"it took more than {self.seconds / 3600:.3g} hours")
            if len(body) > most:
                if not good:
                    break
                raise refused(self.base_url, f"a page is larger than {most >> 20} MiB")
            if self.bytes_left < 0:
                raise refused(self.base_url, "its pages together are larger than any use of them")
        return bytes(body)

    def same_host(self, here: str, link: str) -> str:
        """The address of a link with the scheme of the base: servers behind a proxy often say http
        for https. Raises ScoutError E464 for another host and for what is no address.
        """
        try:
            parts, base = urlsplit(urljoin(here, link)), urlsplit(self.base_url)
        except ValueError:
            raise refused(self.base_url, f"its link is no address: {said(link)}") from None
        if parts.netloc != base.netloc:
            raise refused(self.base_url, f"it sends us on to another host, {said(parts.netloc)}")
        return urlunsplit(parts._replace(scheme=base.scheme))


def said(text: Any, longest: int = 200) -> str:
    """Words of a stranger in one line: no character of it acts in a terminal or a file."""
    plain = "".join(c if c.isprintable() else " " for c in str(text)[: 10 * longest])
    return " ".join(plain.split())[:longest]


def no_answer(base_url: str, why: str) -> ScoutError:
    return ScoutError(
        "E463",
        f"{said(base_url)}: {why}",
        "try again later; the same command goes on where it stopped",
    )


def refused(base_url: str, why: str, hint: str = "") -> ScoutError:
    return ScoutError(
        "E464",
        f"the answer of {said(base_url)} cannot be used: {why}",
        hint or "check the address: the base URL of an OPTIMADE server, without /structures",
    )

"""Crystals from OPTIMADE servers: a real one of the `optimade` package, and small ones that
misbehave.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from crystals_by_hand import rock_salt, simple_cubic
from processes import LONG, until
from pymatgen.core import Lattice, Structure

from scoutlang.support.errors import ScoutError
from scoutlang.validation.reference import fetching, load, optimade
from scoutlang.validation.reference.adding import add
from scoutlang.validation.reference.store import references_folder

salt = partial(rock_salt, "Cu", "P")
quick = partial(optimade.Client, page_limit=2, pause=0.0, backoff=0.0)
"""Two entries a page, so that paging is needed."""


CRYSTALS = {
    **{f"cu-{n}": simple_cubic("Cu", 2.0 + n / 10) for n in range(5)},
    "p-0": simple_cubic("P", 2.3),
    "cup-0": salt(a=5.0),
    "cup-1": salt(a=5.1).get_primitive_structure(),
    "cup-2": salt(a=5.2),
    "si-0": simple_cubic("Si", 2.5),
    "cusip": Structure(
        Lattice.cubic(4.0), ["Cu", "Si", "P"], [[0, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5]]
    ),
}


def entry(id_: str, structure: Structure, **changes: Any) -> dict[str, Any]:
    """The crystal as the specification writes it."""
    elements = sorted(structure.composition.chemical_system_set)
    amounts = structure.composition.get_el_amt_dict()
    species = [{"name": e, "chemical_symbols": [e], "concentration": [1.0]} for e in elements]
    formula = "".join(
        f"{e}{int(n) if (n := structure.composition.reduced_composition[e]) > 1 else ''}"
        for e in elements
    )
    attributes = {
        "elements": elements, "nelements": len(elements), "elements_ratios": [amounts[e] / len(structure) for e in elements],
        "chemical_formula_descriptive": formula, "chemical_formula_reduced": formula,
        "chemical_formula_anonymous": "".join(letter + (str(n) if n > 1 else "") for letter, n in zip("ABC", sorted(
            (int(structure.composition.reduced_composition[e]) for e in elements), reverse=True), strict=False)),
        "dimension_types": [1, 1, 1], "nperiodic_dimensions": 3, "lattice_vectors": structure.lattice.matrix.tolist(),
        "cartesian_site_positions": structure.cart_coords.tolist(), "nsites": len(structure), "species": species,
        "species_at_sites": [site.specie.symbol for site in structure], "structure_features": [],
        "last_modified": "2026-01-01T00:00:00Z", "immutable_id": id_,
    }  # fmt: skip
    return {"id": id_, "type": "structures", "attributes": attributes | changes}


def disordered(id_: str) -> dict[str, Any]:
    species = [{"name": "Cu", "chemical_symbols": ["Cu", "vacancy"], "concentration": [0.5, 0.5]}]
    return entry(id_, simple_cubic("Cu", 2.9), species=species, structure_features=["disorder"])


ENTRIES = [*(entry(id_, structure) for id_, structure in CRYSTALS.items()), disordered("cu-half")]


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCOUT_DATA", str(tmp_path / "data"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "data"


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/v1/info", timeout=LONG).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The reference implementation of OPTIMADE on a free port of this machine."""
    pytest.importorskip("optimade.server.config")
    folder = tmp_path_factory.mktemp("optimade")
    lines = [{"x-optimade": {"meta": {"api_version": "1.2.0"}}}, *ENTRIES]
    (folder / "crystals.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = {
        "insert_test_data": False,
        "insert_from_jsonl": str(folder / "crystals.jsonl"),
        "database_backend": "mongomock",
    }
    (folder / "config.json").write_text(
        json.dumps(config | {"log_dir": str(folder / "logs"), "index_base_url": None})
    )
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "optimade.server.main:app",
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
        "--log-level",
        "error",
    ]
    environment = os.environ | {"OPTIMADE_CONFIG_FILE": str(folder / "config.json")}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: server.poll() is not None or answers(url))
            assert server.poll() is None, (folder / "log").read_text()
            yield url
        finally:
            server.terminate()


def test_a_chemical_system_with_its_sub_systems(real_server: str) -> None:
    told: list[str] = []
    about = add(
        "mine",
        real_server,
        elements=("P", "Cu"),
        licence="CC0",
        citation="this test",
        client=quick,
        progress=told.append,
    )
    mine = load("mine")
    assert set(mine.table["id"].to_pylist()) == {
        id_ for id_ in CRYSTALS if id_.startswith(("cu-", "p-", "cup"))
    }
    assert about["count"] == len(mine) == 9
    assert about["skipped"] == {
        "disordered, or not of known elements": {"count": 1, "first": "cu-half"}
    }
    assert (about["licence"], about["citation"], about["query"]["elements"]) == (
        "CC0",
        "this test",
        "Cu-P",
    )
    assert mine.about == about
    for found in mine.subset(["Cu", "P"]):
        sent = CRYSTALS[found.id]
        assert found.structure.lattice.matrix == pytest.approx(sent.lattice.matrix, abs=1e-5)
        assert found.structure.species == sent.species
        assert found.structure.distance_matrix == pytest.approx(sent.distance_matrix, abs=1e-5)
    # the pages, two entries each
    assert told == ["Cu: 2", "Cu: 4", "Cu: 6", "P: 1", "Cu-P: 2", "Cu-P: 3"]
    assert not any((references_folder() / ".pages").iterdir())


def test_the_limit_of_atoms_is_a_question_to_the_server(real_server: str) -> None:
    about = add("small", real_server, elements=("Cu", "P"), max_atoms=2, client=quick)
    assert {i for i in load("small").table["id"].to_pylist() if i.startswith("cup")} == {"cup-1"}
    assert set(about["skipped"]) == {"disordered, or not of known elements"}


def test_a_base_url_with_its_version(real_server: str) -> None:
    assert add("versioned", f"{real_server}/v1/", elements=("Si",), client=quick)["count"] == 1


Reply = tuple[int, bytes, dict[str, str]]


class Misbehaving:
    """An HTTP server whose answers come from a function of the path; it remembers what it was
    asked.
    """

    def __init__(self, answer: Callable[[str, int], Reply]) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                status, body, headers = answer(self.path, len(outer.asked))
                self.send_response(status)
                for key, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str, int], Reply]], Misbehaving]]:
    servers: list[Misbehaving] = []

    def start(answer: Callable[[str, int], Reply]) -> Misbehaving:
        servers.append(Misbehaving(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def page(*entries: dict[str, Any], following: Any = None) -> Reply:
    return 200, json.dumps({"data": list(entries), "links": {"next": following}}).encode(), {}


def offset(path: str) -> int:
    return int(parse_qs(urlsplit(path).query).get("page_offset", ["0"])[0])


COPPERS = [entry(f"cu-{n}", simple_cubic("Cu", 2.0 + n / 10)) for n in range(4)]

Serve = Callable[[Callable[[str, int], Reply]], Misbehaving]


def failure(server: Misbehaving) -> ScoutError:
    with pytest.raises(ScoutError) as caught:
        add("mine", server.url, elements=("Cu",), client=quick)
    assert not (references_folder() / "mine").exists()
    return caught.value


def test_an_overloaded_server_is_asked_again(serve: Serve) -> None:
    server = serve(
        lambda path, number: (503, b"", {"Retry-After": "0"}) if number < 3 else page(*COPPERS)
    )
    assert add("mine", server.url, elements=("Cu",), client=quick)["count"] == 4
    assert len(server.asked) == 3


def test_a_server_that_stays_down_is_an_error_that_says_what_to_do(serve: Serve) -> None:
    server = serve(lambda path, number: (500, b"", {}))
    error = failure(server)
    assert (error.code, len(server.asked)) == ("E463", 6)
    assert "HTTP 500" in error.message
    assert "goes on where it stopped" in error.hint


def test_no_server_at_all() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ScoutError) as caught:
        add("mine", url, elements=("Cu",), client=quick)
    assert caught.value.code == "E463"


def test_an_interrupted_download_goes_on_where_it_stopped(serve: Serve) -> None:
    broken = True

    def answer(path: str, number: int) -> Reply:
        first = offset(path)
        if first == 2 and broken:
            return 404, b"", {}
        return page(
            *COPPERS[first : first + 2],
            following=f"/v1/structures?page_offset={first + 2}" if first < 2 else None,
        )

    server = serve(answer)
    assert failure(server).code == "E463"
    asked = len(server.asked)
    broken = False
    assert add("mine", server.url, elements=("Cu",), client=quick)["count"] == 4
    assert [offset(path) for path in server.asked[asked:]] == [2]


def test_pages_of_another_day_are_fetched_anew(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = True
    server = serve(
        lambda path, n: (
            page(*COPPERS[:2], following="?page_offset=2")
            if not offset(path)
            else (404, b"", {})
            if stop
            else page()
        )
    )
    failure(server)
    asked, stop = len(server.asked), False
    monkeypatch.setattr(optimade, "MAX_AGE", -1)
    assert add("mine", server.url, elements=("Cu",), client=quick)["count"] == 2
    assert [offset(path) for path in server.asked[asked:]] == [0, 2]


@pytest.mark.parametrize("circle", ["same", "ever new"])
def test_pages_without_end_are_noticed(serve: Serve, circle: str) -> None:
    numbers = itertools.count()
    server = serve(
        lambda path, n: page(
            *COPPERS,
            following="?page_offset=0" if circle == "same" else f"?page_offset={next(numbers)}",
        )
    )
    error = failure(server)
    assert error.code == "E464"
    assert "circles" in error.message
    assert len(server.asked) == 2
    assert failure(server).code == "E464"
    assert len(server.asked) == 4  # its pages were not kept


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"data": 3}',
        b'{"data": [1]}',
        b'{"data": [], "links": 3}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_not_optimade_is_refused(serve: Serve, body: bytes) -> None:
    assert failure(serve(lambda path, n: (200, body, {}))).code == "E464"


@pytest.mark.parametrize(
    "link", ["http://example.org/v1/structures", {"href": "//example.org/x"}, "file:///etc/passwd"]
)
def test_no_other_host_is_asked(serve: Serve, link: Any) -> None:
    error = failure(serve(lambda path, n: page(*COPPERS, following=link)))
    assert error.code == "E464"
    assert "another host" in error.message


def test_a_redirection_stays_on_its_host(serve: Serve) -> None:
    server = serve(lambda path, n: (301, b"", {"Location": "/moved"}) if n == 1 else page(*COPPERS))
    assert add("mine", server.url, elements=("Cu",), client=quick)["count"] == 4


def test_a_redirection_elsewhere_is_refused(serve: Serve) -> None:
    assert (
        failure(serve(lambda path, n: (302, b"", {"Location": "http://example.org/"}))).code
        == "E464"
    )


def test_a_page_is_not_read_beyond_its_bound(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_PAGE_BYTES", 10_000)
    error = failure(serve(lambda path, n: (200, b" " * 200_000, {})))
    assert error.code == "E464"
    assert "larger" in error.message


def test_entries_that_cannot_be_used_are_counted_with_their_reasons(serve: Serve) -> None:
    good = COPPERS[0]
    bad = [
        disordered("shared"),
        entry("slab", simple_cubic("Cu", 2), nperiodic_dimensions=2),
        entry("hidden", simple_cubic("Cu", 2), structure_features=["implicit_atoms"]),
        entry("none", simple_cubic("Cu", 2), lattice_vectors=None),
        entry("flat", simple_cubic("Cu", 2), lattice_vectors=[[1, 0, 0], [0, 1, 0], [0, 0, 0]]),
        entry("unnamed", simple_cubic("Cu", 2), species_at_sites=["Xx"]),
        entry("foreign", simple_cubic("Ag", 2)),
        {"id": "empty"},
    ]
    about = add("mine", serve(lambda path, n: page(good, *bad)).url, elements=("Cu",), client=quick)
    assert about["count"] == 1
    assert {reason: counted["count"] for reason, counted in about["skipped"].items()} == {
        "disordered, or not of known elements": 1,
        "not periodic, or its cell is degenerate": 2,
        "not readable": 4,
        "other elements": 1,
    }


# ---- servers as they are ----


def answer(*entries: Any, links: Any = None, **meta: Any) -> Reply:
    return 200, json.dumps({"data": entries, "links": links or {}, "meta": meta}).encode(), {}


def refusal(status: int, **error: Any) -> Reply:
    return status, json.dumps({"errors": [error], "meta": {}}).encode(), {}


def without(*fields: str, **changes: Any) -> dict[str, Any]:
    one = entry("cu-0", simple_cubic("Cu", 2.0), **changes)
    for field in fields:
        del one["attributes"][field]
    return one


@pytest.mark.parametrize(
    "one",
    [
        without("species"),
        without(species=None),
        without(nperiodic_dimensions=None, structure_features=None),
        without("nperiodic_dimensions", "structure_features", "dimension_types"),
        without("nsites", "chemical_formula_reduced"),
        without(species=[{"name": "Cu", "chemical_symbols": ["Cu"], "concentration": [1]}]),
        without(
            species_at_sites=["Cu1"],
            species=[{"name": "Cu1", "chemical_symbols": ["Cu"], "concentration": [1.0]}],
        ),
    ],
)
def test_fields_that_servers_leave_out_or_write_otherwise(one: Any, serve: Serve) -> None:
    assert add("mine", serve(lambda path, n: answer(one)).url, elements=("Cu",))["count"] == 1
    (found,) = load("mine").subset(["Cu"])
    assert found.structure.lattice.a == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (
            without("cartesian_site_positions", fractional_site_positions=[[0, 0, 0]]),
            "not readable",
        ),
        (without(species_at_sites=["Cu2"]), "not readable"),
        (without(species_at_sites=["Cu", "Cu"]), "not readable"),
        (without(nsites=2), "not readable"),
        (without(species=[{"name": "Cu"}]), "not readable"),
        (
            without(
                species=[
                    {
                        "name": "Cu",
                        "chemical_symbols": ["Cu"],
                        "concentration": [1.0],
                        "attached": ["H"],
                        "nattached": [2],
                    }
                ]
            ),
            "not readable",
        ),
        (without(chemical_formula_reduced="CuP"), "not the crystal that the file names"),
        (
            without(species=[{"name": "Cu", "chemical_symbols": ["X"], "concentration": [1.0]}]),
            "disordered, or not of known elements",
        ),
        (without(lattice_vectors=[[1e308] * 3] * 3), "not periodic, or its cell is degenerate"),
        (without(cartesian_site_positions=[[float("nan")] * 3]), "not readable"),
    ],
)
def test_an_entry_that_hides_atoms_or_contradicts_itself_is_left_out(
    one: Any, reason: str, serve: Serve
) -> None:
    server = serve(lambda path, n: answer(one | {"id": "odd"}, COPPERS[1]))
    about = add("mine", server.url, elements=("Cu",), client=quick)
    assert (about["count"], about["skipped"]) == (1, {reason: {"count": 1, "first": "odd"}})


def test_where_nothing_can_be_used_the_first_of_each_reason_says_why(serve: Serve) -> None:
    one = without("cartesian_site_positions")
    error = failure(serve(lambda path, n: answer(one)))
    assert error.code == "E466"
    assert "not readable: 1 (cu-0: it has no cartesian_site" in error.message


@pytest.mark.parametrize(
    "meta",
    [
        {"data_returned": 5},
        {"data_returned": 5, "more_data_available": True},
        {"more_data_available": True},
        {"data_returned": 5, "data_available": 900, "more_data_available": False},
    ],
)
def test_a_set_of_which_less_came_than_was_announced_is_not_stored(
    meta: dict[str, Any], serve: Serve
) -> None:
    server = serve(lambda path, n: answer(*COPPERS, links={"next_page": "/x"}, **meta))
    error = failure(server)
    assert error.code == "E464"
    assert "crystals of Cu, 4 came" in error.message
    assert "nothing is stored" in error.hint
    asked = len(server.asked)
    failure(server)
    assert len(server.asked) == 2 * asked  # it is asked anew


@pytest.mark.parametrize(
    "meta",
    [
        {"data_returned": 4, "data_available": 10**6, "more_data_available": False},
        {"data_returned": 10**6, "data_available": 10**6, "more_data_available": False},
        {"data_returned": None},
        {"data_returned": "many"},
    ],
)
def test_what_is_announced_and_came_is_whole(meta: dict[str, Any], serve: Serve) -> None:
    server = serve(lambda path, n: answer(*COPPERS, **meta))
    assert add("mine", server.url, elements=("Cu",), client=quick)["count"] == 4


def test_an_empty_page_with_a_next_one_is_not_the_end(serve: Serve) -> None:
    def pages(path: str, number: int) -> Reply:
        first = offset(path)
        following = {"href": f"?page_offset={first + 1}", "meta": {}} if first < 3 else None
        return answer(*(COPPERS if first == 3 else ()), links={"next": following})

    assert add("mine", serve(pages).url, elements=("Cu",), client=quick)["count"] == 4


@pytest.mark.parametrize("step", [0, 1])
def test_empty_pages_without_end_are_noticed(step: int, serve: Serve) -> None:
    server = serve(lambda path, n: answer(links={"next": f"?page_offset={offset(path) + step}"}))
    assert "circles" in failure(server).message
    assert len(server.asked) <= optimade.MAX_EMPTY + 2


def test_a_server_that_cannot_filter_is_asked_in_other_words(serve: Serve) -> None:
    def knows_length(path: str, number: int) -> Reply:
        if "nelements" in path:
            return refusal(501, title="NotImplemented", detail="nelements is not supported")
        return answer(*COPPERS)

    about = add("mine", serve(knows_length).url, elements=("Cu",), client=quick)
    assert about["count"] == 4
    assert about["notes"] == ["the server cannot filter by nelements; asked with elements LENGTH"]


@pytest.mark.parametrize("status", [400, 501])
def test_a_server_that_cannot_filter_at_all_is_not_asked_to_be_patient(
    status: int, serve: Serve
) -> None:
    server = serve(lambda path, n: refusal(status, title="Sorry", detail="no \x1b[31mfilters\n"))
    error = failure(server)
    assert (error.code, len(server.asked)) == ("E464", 2)
    assert f"cannot filter by nelements (HTTP {status}: Sorry: no [31mfilters)" in error.message
    assert "later" not in error.hint


def test_a_servers_own_words_are_repeated_as_text(serve: Serve) -> None:
    odd = "Result window\x07 \ud800 is too large" + "!" * 5000
    for reply in (refusal(200, detail=odd), refusal(404, detail=odd)):
        error = failure(serve(lambda path, n, reply=reply: reply))
        assert "Result window is too large" in error.message
        assert error.message.isprintable()
        assert len(error.message) < 400


def test_ids_of_any_kind_are_kept_apart_as_text(serve: Serve) -> None:
    ids = ["\ud800x", "a\nb\x1b[2J", None, None, {"x": 1}]
    entries = [
        entry("", simple_cubic("Cu", 2.0 + k / 10)) | {"id": id_} for k, id_ in enumerate(ids)
    ]
    server = serve(lambda path, n: answer(*entries))
    assert add("mine", server.url, elements=("Cu",), client=quick)["count"] == 5
    found = [one.id for one in load("mine").subset(["Cu"])]
    assert all(one.isprintable() for one in found)
    assert "x" in found
    assert "Cu#1" in found


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}),
        (b"not gzip", {"Content-Encoding": "gzip"}),
        (b'{"data": "\xff\xfe\x00"}', {}),
        (b'{"data": [], "links": {"next": "http://[::1"}}', {}),
        (b'{"data": [], "links": {"next": ["a"]}}', {}),
        (b'{"data": [], "links": {"next": {"href": 3}}}', {}),
        (b'{"data": [], "links": []}', {}),
        (b'{"data": [], "links": 7, "meta": []}', {}),
    ],
)
def test_answers_of_other_kinds(
    body: bytes, headers: dict[str, str], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MAX_PAGE_BYTES", 1_000_000)
    error = failure(serve(lambda path, n: (200, body, headers)))
    assert error.code in ("E463", "E464", "E466")


def test_a_server_that_is_endlessly_slow_runs_out_of_time(serve: Serve) -> None:
    server = serve(lambda path, n: page(*COPPERS, following=f"?page_offset={n}"))
    client = partial(optimade.Client, pause=0.0, seconds=0.0)
    with pytest.raises(ScoutError) as caught:
        add("mine", server.url, elements=("Cu",), client=client)
    assert caught.value.code == "E463"
    assert "it took more than 0 hours" in caught.value.message


def test_how_long_a_server_may_have_us_wait_is_bounded() -> None:
    assert fetching.MAX_WAIT <= 60
    assert {429, 503} <= {*fetching.AGAIN}
    assert 501 not in fetching.AGAIN


@pytest.mark.parametrize(
    "address",
    [
        "http://[::1",
        "https://",
        "http://a:b",
        "http://a:99999999",
        "http://me@a.b",
        "http://a\x1b.b",
    ],
)
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(ScoutError) as caught:
        add("mine", address, elements=("Cu",))
    assert caught.value.code == "E462"
    assert caught.value.message.isprintable()


def test_a_database_is_not_taken_whole() -> None:
    for source in ("alexandria", "mp-api", "https://example.org/optimade"):
        with pytest.raises(ScoutError) as caught:
            add("mine", source)
        assert caught.value.code == "E462"
        assert "--elements" in caught.value.hint


def test_the_query_uses_what_every_server_must_know() -> None:
    assert (
        optimade.query(("Cu", "P"), 20)
        == 'elements HAS ALL "Cu","P" AND nelements=2 AND nsites<=20'
    )
    assert optimade.subsystems(["P", "Cu", "Si"]) == [
        ("Cu",),
        ("P",),
        ("Si",),
        ("Cu", "P"),
        ("Cu", "Si"),
        ("P", "Si"),
        ("Cu", "P", "Si"),
    ]


def test_every_known_database_has_its_licence_and_citation() -> None:
    for provider in optimade.PROVIDERS.values():
        assert urlsplit(provider.base_url).scheme == "https"
        assert provider.licence == "CC-BY-4.0"
        assert "doi:10." in provider.citation


def test_the_client_of_the_materials_project(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """mp-api itself, asking a server of ours that answers like api.materialsproject.org; only where
    the extra `mp` is installed.
    """

    def answer(path: str, number: int) -> Reply:
        found = (
            [{"material_id": "mp-1", "structure": salt(a=5.0).as_dict()}]
            if "chemsys=Cu-P" in path
            else []
        )
        heartbeat = {
            "db_version": "2026.1.1",
            "version": "0.87.3",
            "access_controlled_batch_ids": [],
        }
        reply = (
            heartbeat if "heartbeat" in path else {"data": found, "meta": {"total_doc": len(found)}}
        )
        return 200, json.dumps(reply).encode(), {"Content-Type": "application/json"}

    server = serve(answer)
    monkeypatch.setenv("MP_API_ENDPOINT", f"{server.url}/")
    monkeypatch.setenv("MP_API_KEY", "k" * 32)
    pytest.importorskip("mp_api.client")
    add("mine", "mp-api", elements=("Cu", "P"), max_atoms=20)
    (found,) = load("mine").subset(["Cu", "P"])
    assert found.id == "mp-1"
    assert found.structure.distance_matrix == pytest.approx(salt(a=5.0).distance_matrix, abs=1e-5)
    assert [
        query["chemsys"] for path in server.asked if (query := parse_qs(urlsplit(path).query))
    ] == [["Cu"], ["P"], ["Cu-P"]]

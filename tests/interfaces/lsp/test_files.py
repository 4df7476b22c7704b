"""`scout lsp` on programs of several files: what is open counts before it is saved, and a name is
changed everywhere or nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsp_client import Client, Failed
from programs import GOOD, alone

from scoutlang import language
from scoutlang.descriptors import signatures
from scoutlang.interfaces import api
from scoutlang.interfaces.lsp import project
from scoutlang.interfaces.lsp.document import Document
from scoutlang.ir.source import Source, Span
from scoutlang.language.reading import read_source
from scoutlang.support.errors import ScoutError

pytest.importorskip("pygls")

ROOT = Path(__file__).parents[3]
MODULE = "let tight = 2.9 Å  # 🧪\nmotif four(A, B, r = tight) = each CN(A-B, r=r) = 4\n"
PROGRAM = 'import "parts/mödul eins.scout" as m\nsystem Cu-P\nrequire m.four(Cu, P, r=m.tight)\n'
BESIDE = 'import "mödul eins.scout" as other\nsystem Cu-P\nlet four = 4\nrequire other.four(Cu, P) or CN(Cu-P) = four\n'
WITHIN = 'import "../parts/mödul eins.scout" as up\nmotif fours(A, B) = up.four(A, B)\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "ö rdner 100%"  # below the folder that the editor works in
    for name in ("parts", "deep", ".hidden"):
        (folder / name).mkdir(parents=True)
    (folder / "parts" / "mödul eins.scout").write_text(MODULE, encoding="utf-8")
    (folder / "program.scout").write_text(PROGRAM, encoding="utf-8")
    (folder / "parts" / "beside.scout").write_text(
        BESIDE.replace("\n", "\r\n"), encoding="utf-8", newline=""
    )
    (folder / "deep" / "within.scout").write_text(WITHIN, encoding="utf-8")
    (folder / "alone.scout").write_text(
        "system Cu-P\nlet four = 4\nrequire CN(Cu-P) = four\n", encoding="utf-8"
    )
    (folder / ".hidden" / "program.scout").write_text(PROGRAM, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    found = Client(tmp_path_factory.getbasetemp().as_uri())
    yield found
    assert found.end() == 0


def applied(edits: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    """Write the files as an editor would after the edits, none of which is on two lines."""
    files = {p.as_uri(): p for p in folder.rglob("*.scout")}
    for uri, changes in edits.items():
        lines = files[uri].read_bytes().decode().split("\n")
        for edit in sorted(changes, key=lambda e: e["range"]["start"]["character"], reverse=True):
            start, end = edit["range"]["start"], edit["range"]["end"]
            assert start["line"] == end["line"]
            data = lines[start["line"]].encode("utf-16-le")
            data = (
                data[: 2 * start["character"]]
                + edit["newText"].encode("utf-16-le")
                + data[2 * end["character"] :]
            )
            lines[start["line"]] = data.decode("utf-16-le")
        files[uri].write_bytes("\n".join(lines).encode())


@pytest.mark.parametrize(
    ("where", "line", "character", "old", "new", "changed"),
    [
        (
            "program.scout",
            2,
            11,
            "four",
            "vier",
            {"mödul eins.scout": 1, "program.scout": 1, "beside.scout": 1, "within.scout": 1},
        ),
        (
            "parts/mödul eins.scout",
            1,
            7,
            "four",
            "vier",
            {"mödul eins.scout": 1, "program.scout": 1, "beside.scout": 1, "within.scout": 1},
        ),
        (
            "program.scout",
            2,
            28,
            "tight",
            "radius_of_bonds",
            {"mödul eins.scout": 2, "program.scout": 1},
        ),
        ("program.scout", 2, 22, "r", "cutoff", {"mödul eins.scout": 2, "program.scout": 1}),
    ],
)
def test_a_name_of_a_module_is_changed_in_all_files(
    client: Any,
    folder: Path,
    where: str,
    line: int,
    character: int,
    old: str,
    new: str,
    changed: dict[str, int],
) -> None:
    uri = (folder / where).as_uri()
    client.open(uri, (folder / where).read_text(encoding="utf-8"))
    assert client.at("prepareRename", uri, line, character)["placeholder"] == old
    edits = client.at("rename", uri, line, character, newName=new)["changes"]
    assert {
        Path(folder / p).name: len(edits[p.as_uri()])
        for p in folder.rglob("*.scout")
        if p.as_uri() in edits
    } == changed
    applied(edits, folder)
    for name in ("program.scout", "parts/beside.scout"):
        assert api.check_source(read_source(folder / name)).ok
    assert (folder / ".hidden/program.scout").read_text(encoding="utf-8") == PROGRAM


def test_what_is_open_counts_before_it_is_saved(client: Any, folder: Path) -> None:
    module, program = (
        (folder / "parts/mödul eins.scout").as_uri(),
        (folder / "program.scout").as_uri(),
    )
    assert client.open(program, PROGRAM) == []
    version = client.version
    assert client.open(module, MODULE) == []  # a module needs no system
    client.diagnostics(program, version)  # once more, with the module open
    client.change(module, MODULE.replace("four", "vier"))
    [found] = client.diagnostics(program, version)
    assert found["code"] == "E072" or "four" in found["message"]
    edits = client.at("rename", module, 0, 5, newName="close")["changes"]
    assert [len(edits[u]) for u in (module, program)] == [2, 1]
    client.close(module)
    assert client.diagnostics(program, version) == []  # as it is on disk


def test_a_module_that_changes_on_disk_is_read_again(client: Any, folder: Path) -> None:
    program, module = (folder / "program.scout").as_uri(), folder / "parts/mödul eins.scout"
    assert client.open(program, PROGRAM) == []
    module.write_text(MODULE.replace("four", "vier"), encoding="utf-8")
    client.tell(
        "workspace/didChangeWatchedFiles", {"changes": [{"uri": module.as_uri(), "type": 2}]}
    )
    assert len(client.diagnostics(program)) == 1


def test_uses_are_found_in_all_files(client: Any, folder: Path) -> None:
    uri = (folder / "program.scout").as_uri()
    client.open(uri, PROGRAM)
    for declared, expected in ((True, 4), (False, 3)):
        found = client.at("references", uri, 2, 11, context={"includeDeclaration": declared})
        assert len({f["uri"] for f in found}) == len(found) == expected
    library = "import std.polyhedra as p\nsystem Cu-P\nrequire p.octahedron(Cu, P) or p.octahedron(P, Cu)\n"
    client.open(f"{uri}2", library)
    found = client.at("references", f"{uri}2", 2, 12, context={"includeDeclaration": True})
    assert sum(f["uri"] == f"{uri}2" for f in found) == 2
    assert sum(f["uri"].endswith("/polyhedra.scout") for f in found) >= 1
    assert len(client.at("documentHighlight", f"{uri}2", 2, 12)) == 2


def test_half_a_change_is_refused(client: Any, folder: Path) -> None:
    """A file that imports the name and cannot be read as a program now, and names that are taken in
    one of the files.
    """
    uri = (folder / "parts/mödul eins.scout").as_uri()
    client.open(uri, MODULE)
    with pytest.raises(Failed, match="`four` is in use"):
        client.at("rename", uri, 0, 5, newName="four")
    client.change(uri, MODULE + "motif broken(A = CN(\n")
    with pytest.raises(Failed, match="cannot use it now"):
        client.at("rename", uri, 0, 5, newName="close")


def test_a_name_in_one_file_leaves_the_others_alone(client: Any, folder: Path) -> None:
    uri = (folder / "alone.scout").as_uri()
    client.open(uri, (folder / "alone.scout").read_text(encoding="utf-8"))
    assert set(client.at("rename", uri, 1, 5, newName="vier")["changes"]) == {uri}


def test_too_large_a_folder_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importers may hide in what was not looked at."""
    path = folder / "parts/mödul eins.scout"
    home = Document(read_source(path), dict(signatures()), list)
    some = project.Project(dict(signatures()), list, {}, [folder])
    assert len(some.renamed(home, 5, "close")) == 2
    monkeypatch.setattr(project, "MAX_ENTRIES", 3)
    with pytest.raises(ScoutError, match="too many to look for"):
        some.renamed(home, 5, "close")
    given = home.name_at(5)
    assert given
    assert [u.document for u in some.uses(home, given)] == [home]
    program = Document(read_source(folder / "alone.scout"), dict(signatures()), list)
    # nothing imports a program
    assert len(some.renamed(program, program.source.text.index("four"), "vier")[0].spans) == 2


@pytest.mark.slow
def test_another_name_is_the_same_program(tmp_path: Path) -> None:
    """Every name of every right program and example, changed: what is asked for stays the same to
    the last number.
    """
    known, changed, refused = dict(signatures()), 0, list[str]()
    for case in alone(GOOD):
        (tmp_path / f"{case.name}.scout").write_bytes(case.program.encode())
    for path in [*tmp_path.iterdir(), *(ROOT / "examples").rglob("*.scout")]:
        document = Document(read_source(path), known, list)
        program = document.result.program
        names = {
            given.defined: given
            for w in document.words
            if (given := document.name_at(w.lexeme.start))
        }
        for given in names.values() if program else ():
            try:
                found = project.Project(known, list, {}, []).renamed(
                    document, given.here.start, "fresh_name"
                )
            except ScoutError as error:
                refused.append(error.message)
                continue
            texts = {d.path: replaced(d.source.text, spans) for d, spans in found}
            after = language.check(
                Source(str(path), texts.get(document.path, document.source.text), path.parent),
                known,
                unsaved=texts,
            )
            assert after.program, (path.name, after.diagnostics)
            assert [t.claim for t in after.program.terms] == [t.claim for t in program.terms], (
                path.name
            )
            assert (after.program.guide, after.program.sample) == (program.guide, program.sample)
            changed += 1
    assert changed > 150
    assert all("belongs to the library" in message for message in refused)


def replaced(text: str, spans: list[Span]) -> str:
    for span in reversed(spans):
        text = text[: span.start] + "fresh_name" + text[span.end :]
    return text

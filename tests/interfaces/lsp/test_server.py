"""`scout lsp`, asked by a client over its pipes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from lsp_client import Client, Failed
from processes import run, scout
from programs import BAD

from scoutlang.interfaces import api
from scoutlang.ir.source import Source
from scoutlang.language.formatter import formatted

pytest.importorskip("pygls")

_numbers = count()

PROGRAM = """\
import std.polyhedra as poly
param rc = 2.6 Å in [2.3, 2.9] Å  # Å is one unit, 🧪 is two
system Cu-Si-P
require tetra: each CN(Cu-P, r=rc) = 4 ± 0.3
require poly.octahedron(Si, P) or max(distance(Cu-P)) < rc
guide k=0.8, every 2
"""


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    found = Client()
    yield found
    assert found.end() == 0


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return (tmp_path / f"program{next(_numbers)}.scout").as_uri()


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """The text after the edits, whose characters are UTF-16 code units."""
    lines = text.split("\n")

    def offset(position: dict[str, int]) -> int:
        before = "\n".join([*lines[: position["line"]], ""]) if position["line"] else ""
        units = lines[position["line"]].encode("utf-16-le")[: 2 * position["character"]]
        return len(before) + len(units.decode("utf-16-le"))

    for edit in sorted(edits, key=lambda e: offset(e["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text


def place(text: str, piece: str, skip: int = 0) -> tuple[int, int]:
    """Line and UTF-16 character of a piece of text."""
    offset = -1
    for _ in range(skip + 1):
        offset = text.index(piece, offset + 1)
    before = text[:offset].split("\n")
    return len(before) - 1, len(before[-1].encode("utf-16-le")) // 2


def test_a_good_program_has_no_messages(client: Any, uri: str) -> None:
    assert [d for d in client.open(uri, PROGRAM) if d["severity"] == 1] == []


def test_every_message_of_the_checker_arrives_while_typing(client: Any, uri: str) -> None:
    client.open(uri, "system Cu-P")
    broken = "system Cu-P\nrequire Å 🧪; requre CN(Cu-S) = 4\nrequire CN(Cu-S) == 4"
    client.change(uri, "system Cu")
    client.change(uri, broken)
    found = client.diagnostics(uri)
    expected = api.check_source(Source("x", broken)).diagnostics
    assert [d["code"] for d in found] == [d.code for d in expected]
    unknown = next(d for d in found if d["code"] == "E012")
    # `requre` stands behind 13 characters, of which 🧪 is two units.
    assert unknown["range"] == {
        "start": {"line": 1, "character": 14},
        "end": {"line": 1, "character": 20},
    }
    client.change(uri, "system Cu-P; require CN(Cu-P) = 4")
    assert client.diagnostics(uri) == []


def test_quick_fixes_mend_the_program(client: Any, uri: str) -> None:
    text = "system Cu-P\n# Å 🧪\nrequre CN(Cu–P) == 4"
    found = client.open(uri, text)
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    while found:
        action, *_ = client.of("codeAction", uri, range=whole, context={"diagnostics": found})
        text = applied(text, action["edit"]["changes"][uri])
        client.change(uri, text)
        found = client.diagnostics(uri)
    assert text == "system Cu-P\n# Å 🧪\nrequire CN(Cu-P) = 4"


def test_a_quick_fix_belongs_to_its_place(client: Any, uri: str) -> None:
    client.open(uri, "system Cu-P\nrequre CN(Cu-P) = 4\nrequire CN(Cu-P) = 4")
    here, there = (
        {"start": {"line": n, "character": 2}, "end": {"line": n, "character": 2}} for n in (1, 2)
    )
    [action] = client.of("codeAction", uri, range=here, context={"diagnostics": []})
    assert action["title"] == "Replace `requre` by `require`"
    assert client.of("codeAction", uri, range=there, context={"diagnostics": []}) in ([], None)


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        ("CN(", "CN(A-B"),
        ("require", "A claim that steers the sampling and decides hits"),
        ("every", "uide every n-th step only"),
        ("Å in", "a length"),
        ("rc) = 4", "value: `2.6 Å`"),
        ("r=rc", "a length from"),
        ("octahedron", "motif octahedron(A, B"),
        ("poly.", "import std.polyhedra"),
        ("max", "argest over the sites"),
        ("Si-P", "covalent radius 1.11 Å"),
        ("each", "for every site"),
        ("tetra", "the name of this claim"),
    ],
)
def test_hover_says_what_a_word_is(client: Any, uri: str, piece: str, said: str) -> None:
    client.open(uri, PROGRAM)
    assert said in client.at("hover", uri, *place(PROGRAM, piece))["contents"]["value"]


@pytest.mark.parametrize(
    ("text", "said", "unsaid"),
    [
        ("guide every 2", ["usual value: 1", "in this program: `2`"], []),
        (
            "guide k=ramp(0 -> 0.8, cosine)",
            ["usual value: 1", "in this program: `0 -> 0.8 (cosine)`"],
            [],
        ),
        (
            "guide k=0.8, corrector plain",
            ["of: `guide`", "in this program: `plain`"],
            ["of: `sample`"],
        ),
        ("sample 8 seed 7", ["usual value: 0", "in this program: `7`"], []),
        ("sample 8 seed 7; require oops", ["usual value: 0"], ["in this program"]),
    ],
)
def test_hover_says_what_a_setting_is_and_what_it_usually_is(
    client: Any, uri: str, text: str, said: list[str], unsaid: list[str]
) -> None:
    program = f"system Cu-P; require CN(Cu-P) = 4; {text}"
    client.open(uri, program)
    setting = next(w for w in ("every", "corrector", "seed", "k=") if w in text)
    found = client.at("hover", uri, *place(program, setting))["contents"]["value"]
    assert all(s in found for s in said), found
    assert not any(s in found for s in unsaid), found


@pytest.mark.parametrize(
    ("marked", "label", "active", "about"),
    [
        ("require CN(|", "CN(A-B, r=…, r_min=…)", "A-B", None),
        ("require CN(Cu-P, |) = 4", "CN(A-B, r=…, r_min=…)", "r=…", "a length from 0.5 to"),
        ("require shape(Cu-P, r=|", "shape(A-B, like=…, r=…)", "r=…", "a length from 0.5 to"),
        ("require max(|", "max(…)", "…", None),
        (
            "require poly.octahedron(Si, |)",
            "octahedron(A, B, distortion = 3, r = default)",
            "B",
            None,
        ),
        (
            "require poly.octahedron(Si, P, r=|)",
            "octahedron(A, B, distortion = 3, r = default)",
            "r = default",
            None,
        ),
        ("require max(CN(Cu-P|))", "CN(A-B, r=…, r_min=…)", "A-B", None),
    ],
)
def test_what_a_call_takes_is_said_while_it_is_written(
    client: Any, uri: str, marked: str, label: str, active: str, about: str | None
) -> None:
    before, _, after = f"import std.polyhedra as poly; system Cu-Si-P; {marked}".partition("|")
    client.open(uri, before + after)
    found = client.at("signatureHelp", uri, 0, len(before))
    [signature] = found["signatures"]
    assert signature["label"] == label
    parameter = signature["parameters"][found["activeParameter"]]
    assert label[slice(*parameter["label"])] == active
    assert (about is None) or about in parameter["documentation"]


def test_where_nothing_is_called_nothing_is_said(client: Any, uri: str) -> None:
    text = "system Cu-P; let x = (1 + 2); require unheard(Cu) = 4 # CN("
    client.open(uri, text)
    for piece in ("Cu-P", "1 +", "Cu)", "= 4"):
        assert client.at("signatureHelp", uri, *place(text, piece)) is None
    assert client.at("signatureHelp", uri, 0, len(text)) is None


def test_hover_is_silent_where_nothing_is_to_be_said(client: Any, uri: str) -> None:
    client.open(uri, PROGRAM)
    assert client.at("hover", uri, *place(PROGRAM, "is two")) is None
    assert client.at("hover", uri, 500, 500) is None


def test_completion_replaces_what_is_typed(client: Any, uri: str) -> None:
    text = "# 🧪\nsystem Cu-P; require CN(c"
    client.open(uri, text)
    [item] = client.at("completion", uri, 1, len("system Cu-P; require CN(c"))["items"]
    assert applied(text, [item["textEdit"]]) == "# 🧪\nsystem Cu-P; require CN(Cu"
    assert item["documentation"] == "an element of the system"


def test_definitions_are_found_here_and_in_the_library(client: Any, uri: str) -> None:
    client.open(uri, PROGRAM)
    here = client.at("definition", uri, *place(PROGRAM, "rc) = 4"))
    assert (here["uri"], here["range"]["start"]) == (uri, {"line": 1, "character": 6})
    there = client.at("definition", uri, *place(PROGRAM, "octahedron"))
    path = Path(there["uri"].removeprefix("file://"))
    line, character = there["range"]["start"].values()
    assert (
        path.read_text(encoding="utf-8").split("\n")[line][character:].startswith("octahedron(A, B")
    )
    assert client.at("definition", uri, *place(PROGRAM, "guide")) is None


def test_definitions_are_found_in_a_file_beside_the_program(
    client: Any, uri: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.scout").write_text(
        "# Å\nmotif four(A, B) = each CN(A-B) = 4\n", encoding="utf-8"
    )
    text = 'import "mine.scout"\nsystem Cu-P\nrequire mine.four(Cu, P)'
    assert client.open(uri, text) == []
    found = client.at("definition", uri, *place(text, "four"))
    assert (found["uri"], found["range"]["start"]) == (
        (tmp_path / "mine.scout").as_uri(),
        {"line": 1, "character": 6},
    )
    assert (
        client.at("definition", uri, *place(text, "mine.scout"))["uri"]
        == (tmp_path / "mine.scout").as_uri()
    )


@pytest.mark.parametrize(
    ("piece", "skip", "name", "changed"),
    [("rc", 0, "cutoff", 3), ("rc", 2, "cutoff", 3), ("tetra", 0, "vier", 1)],
)
def test_a_name_is_changed_everywhere(
    client: Any, uri: str, piece: str, skip: int, name: str, changed: int
) -> None:
    client.open(uri, PROGRAM)
    where = place(PROGRAM, piece, skip)
    assert client.at("prepareRename", uri, *where)["placeholder"] == piece
    edits = client.at("rename", uri, *where, newName=name)["changes"][uri]
    after = applied(PROGRAM, edits)
    assert len(edits) == changed
    assert api.check(after).ok
    assert applied(after, []) == PROGRAM.replace(piece, name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Cu", "is in use"),
        ("CN", "is in use"),
        ("tetra", "is in use"),
        ("Fe", "is an element"),
        ("angle", "is a descriptor"),
    ]
    + [(name, "is no name") for name in ("require", "2x", "a b", "", "a;b", "#")],
)
def test_a_name_that_means_something_else_is_refused(
    client: Any, uri: str, name: str, why: str
) -> None:
    client.open(uri, PROGRAM)
    with pytest.raises(Failed, match=why):
        client.at("rename", uri, *place(PROGRAM, "rc"), newName=name)


def test_the_parameter_of_a_motif_is_changed_in_its_motif_only(client: Any, uri: str) -> None:
    text = "system Cu-P\nmotif four(A, B) = each CN(A-B) = 4\nmotif six(A, B) = each CN(A-B) = 6\nrequire four(Cu, P) or six(Cu, P)"
    client.open(uri, text)
    edits = client.at("rename", uri, *place(text, "A, B"), newName="M")["changes"][uri]
    assert applied(text, edits) == text.replace(
        "four(A, B) = each CN(A-B)", "four(M, B) = each CN(M-B)"
    )


def test_what_has_no_name_of_its_own_is_not_renamed(client: Any, uri: str) -> None:
    client.open(uri, PROGRAM)
    for piece in ("Cu", "require", "# Å"):
        assert client.at("prepareRename", uri, *place(PROGRAM, piece)) is None
        with pytest.raises(Failed, match="no name to change"):
            client.at("rename", uri, *place(PROGRAM, piece), newName="mine")
    for method in ("prepareRename", "rename"):
        with pytest.raises(Failed, match="belongs to the library"):
            client.at(method, uri, *place(PROGRAM, "octahedron"), newName="mine")


def test_formatting_is_that_of_scout_fmt(client: Any, uri: str) -> None:
    text = "system   Cu-P;require CN(Cu–P)==4+-.3 # four Å 🧪\r\n"
    client.open(uri, text)
    edits = client.of("formatting", uri, options={"tabSize": 4, "insertSpaces": True})
    assert applied(text, edits) == formatted(Source("x", text)).text
    client.change(uri, "system (")
    assert client.of("formatting", uri, options={"tabSize": 4, "insertSpaces": True}) is None


def test_tolerances_that_are_not_written_are_shown(client: Any, uri: str) -> None:
    lines = [
        "system Cu-P  # 🧪",
        "require each CN(Cu-P) = 4 weight 2",
        "require n: CN(Cu-P) = 4 ± 0.3; expect volume_per_atom = 15 Å^3",
        "require angle(P-Cu-P) = 109.5° and CN(P-P) < 1",
        "expect angle(P-Cu-P) = 109.5°",
        "expect crystal_system = cubic",
        "expect CN(Cu-P) in [3, 5]",
    ]
    client.open(uri, "\n".join(lines))
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    found = [
        (h["position"]["line"], h["position"]["character"], h["label"])
        for h in client.of("inlayHint", uri, range=whole)
    ]
    assert found == [
        (1, len("require each CN(Cu-P) = 4"), "± <0.5"),
        (2, len(lines[2]), "± 0.25 Å^3"),
        (4, len(lines[4]), "± 5°"),
    ]
    assert (
        len(client.of("inlayHint", uri, range={**whole, "start": {"line": 2, "character": 0}})) == 2
    )
    client.change(uri, "system Cu-P; require CN(Cu-P) = 4; require oops")
    assert client.of("inlayHint", uri, range=whole) in ([], None)


def test_the_outline_names_the_statements(client: Any, uri: str) -> None:
    client.open(uri, PROGRAM)
    found = client.of("documentSymbol", uri)
    assert [s["name"] for s in found][1:4] == ["rc", "system Cu-Si-P", "tetra"]
    for symbol in found:
        outer, inner = symbol["range"], symbol["selectionRange"]
        assert outer["start"]["line"] <= inner["start"]["line"]
        assert inner["end"]["line"] <= outer["end"]["line"]


def test_colours_are_those_of_the_words(client: Any, uri: str) -> None:
    client.open(uri, PROGRAM)
    legend = client.capabilities["semanticTokensProvider"]["legend"]["tokenTypes"]
    data = client.of("semanticTokens/full", uri)["data"]
    lines = PROGRAM.split("\n")
    line, character, found = 0, 0, []
    for i in range(0, len(data), 5):
        rows, columns, length, kind, _ = data[i : i + 5]
        line, character = line + rows, columns if rows else character + columns
        text = (
            lines[line]
            .encode("utf-16-le")[2 * character : 2 * (character + length)]
            .decode("utf-16-le")
        )
        found.append((text, legend[kind]))
    expected = [
        ("import", "keyword"), ("poly", "namespace"), ("rc", "variable"), ("2.6", "number"), ("Å", "type"), ("Cu", "class"),
        ("# Å is one unit, 🧪 is two", "comment"), ("tetra", "label"), ("each", "keyword"), ("CN", "function"), ("r", "parameter"),
        ("±", "operator"), ("octahedron", "macro"), ("every", "property"),
    ]  # fmt: skip
    assert set(expected) <= set(found)


def test_nothing_ends_the_server(client: Any, uri: str) -> None:
    texts = [case.program for case in sorted(BAD, key=lambda c: c.name)[::10]]
    for text in [
        *texts,
        "\ud800",
        "(" * 5000,
        "\0",
        '"',
        "\u2028system Cu\r\rrequire",
        "motif (((",
        "require a." * 50,
        "let",
    ]:
        client.open(uri, text)
        for method in ("hover", "completion", "definition", "prepareRename"):
            client.at(method, uri, 0, 3)
        client.of("semanticTokens/full", uri)
        client.of("documentSymbol", uri)
        client.of("formatting", uri, options={"tabSize": 4, "insertSpaces": True})
        client.close(uri)
    client.send(b"no json")
    with pytest.raises(Failed):
        client.at("hover", "file:///no/such/file.scout", 0, 0)
    with pytest.raises(Failed):
        client.ask("textDocument/unheardOf", {})
    client.open(uri, PROGRAM)
    assert client.at("hover", uri, *place(PROGRAM, "require")) is not None


def test_it_starts_without_torch() -> None:
    code = (
        "import sys; from scoutlang.interfaces.lsp.server import create; create().pages\n"
        "sys.exit('torch' in sys.modules or 'pymatgen' in sys.modules)"
    )
    run([sys.executable, "-c", code], check=True)


def test_without_pygls_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pygls'] = None; sys.argv = ['scout', 'lsp']\n"
        "from scoutlang.interfaces.cli import main; main()"
    )
    done = run([sys.executable, "-c", code], text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "E480" in done.stderr
    assert "pip install pygls" in done.stderr


def test_what_editors_add_to_the_command_is_understood() -> None:
    """The clients of VS Code and others start `scout lsp --stdio`."""
    done = scout("lsp", "--stdio", stdin=subprocess.DEVNULL, text=True)
    assert (done.returncode, done.stderr) == (1, "")  # no goodbye was said

"""What is said about programs that nobody would write."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from scoutlang.descriptors import signatures
from scoutlang.interfaces import manual
from scoutlang.interfaces.lsp.document import Document
from scoutlang.interfaces.lsp.positions import Positions
from scoutlang.interfaces.lsp.project import Project
from scoutlang.ir.source import Source
from scoutlang.language import parser
from scoutlang.support.errors import ScoutError

SIGNATURES = dict(signatures())
PAGES = manual.pages()
PIECES = st.sampled_from(
    """system Cu - P ; require CN ( ) = 4 each param rc 2.6 Å in [ , ] let motif f A import std.polyhedra as poly . poly octahedron { } " # or
    label : guide k every sample model mini sweep < ± 🧪 Å^3 eV/atom r \n and""".split(" ")
)


@given(st.lists(PIECES, max_size=30).map(" ".join), st.integers(0, 150))
@settings(max_examples=120, deadline=None)
def test_any_text_has_an_answer(text: str, offset: int) -> None:
    document = Document(Source("<text>", text), SIGNATURES, lambda: PAGES)
    spans = [w.lexeme.span for w in document.words]
    assert all(0 <= a.start < a.end <= b.start for a, b in pairwise(spans))
    hover = document.hover(offset)
    assert hover is None or (hover[1] and hover[0].start <= offset <= hover[0].end)
    document.definition(offset)
    document.symbols()
    given = document.name_at(offset)
    uses = document.uses(given) if given else []
    assert len({text[s.start : s.end] for s in uses}) <= 1
    try:
        [(changed, spans)] = Project(SIGNATURES, lambda: PAGES, {}, []).renamed(
            document, offset, "fresh_name"
        )
        assert (changed, spans) == (document, uses)
    except ScoutError:
        assert not uses or document.result.diagnostics or given.path


@given(st.text(alphabet="aÅ🧪\n\r\u2028", max_size=30), st.data())
def test_positions_go_there_and_back(text: str, data: st.DataObject) -> None:
    positions = Positions(text)
    offset = data.draw(st.integers(0, len(text)))
    line, character = positions.position(offset)
    inside_a_line_end = text[offset - 1 : offset + 1] == "\r\n"
    assert positions.offset(line, character) == offset - inside_a_line_end
    assert positions.offset(line + 1000, 0) == len(text)


def test_characters_are_utf16_units() -> None:
    positions = Positions("Å🧪x\r\n🧪y")
    assert [positions.position(o) for o in (0, 1, 2, 3, 5, 6, 7)] == [
        (0, 0),
        (0, 1),
        (0, 3),
        (0, 4),
        (1, 0),
        (1, 2),
        (1, 3),
    ]


def test_every_word_of_the_examples_of_the_manual_is_known() -> None:
    """No name, keyword or number of a right program is without a kind."""
    for page in PAGES:
        if page.example:
            text = page.example if "system" in page.example else f"{manual.SYSTEM}\n{page.example}"
            document = Document(Source("<text>", text), SIGNATURES, lambda: PAGES)
            known = {w.lexeme.start for w in document.words}
            lexemes = [
                x for statement in parser.split(text)[0] for x in statement if x.text[0].isalnum()
            ]
            assert [x.text for x in lexemes if x.start not in known] == [], page.name


def test_a_word_that_begins_no_statement_has_no_colour() -> None:
    document = Document(
        Source("<text>", "system Cu-P; requre CN(Cu-P) = 4"), SIGNATURES, lambda: PAGES
    )
    assert [w.lexeme.text for w in document.words][:5] == ["system", "Cu", "-", "P", "CN"]

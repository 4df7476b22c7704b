"""Names and texts from files are shown as text."""

from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text

from scoutlang.interfaces.lsp.document import Document
from scoutlang.ir.source import Source
from scoutlang.support.errors import ScoutError
from scoutlang.support.screen import Screen
from scoutlang.support.shown import code_block, code_span, painted, say, say_json, shown_lines

HOSTILE = "a\x1b]0;title\x07b\x1b[2Jc\u202ed\x9be"


def test_what_a_terminal_acts_on_becomes_a_mark() -> None:
    said = shown_lines(f"{HOSTILE}\n\tnext\r\nlast")
    assert said == "a\ufffd]0;title\ufffdb\ufffd[2Jc\ufffdd\ufffde\n    next\nlast"
    assert painted("\x1b[31mred\x1b[0m\x1b[2J") == "\x1b[31mred\x1b[0m\ufffd[2J"


def test_errors_and_what_commands_say(capsys: pytest.CaptureFixture[str]) -> None:
    say(str(ScoutError("E203", f"{HOSTILE} is no crystal", HOSTILE)))
    say(HOSTILE, err=True)
    say_json({HOSTILE: HOSTILE})
    caught = capsys.readouterr()
    assert all(c.isprintable() or c == "\n" for c in caught.out + caught.err)


def test_tables_have_no_markup_and_no_escapes() -> None:
    stream = io.StringIO()
    screen = Screen(file=stream, force_terminal=True, color_system=None, width=200)
    table = Table("name")
    table.add_row(f"[bold]{HOSTILE}[/bold]")
    screen.print(table, Text(HOSTILE), f"[link=http://example.org]{HOSTILE}[/link]")
    said = stream.getvalue()
    assert "[bold]a" in said
    assert "[link=http://example.org]a" in said
    assert "\x1b" not in said
    assert "\x07" not in said


def test_markdown_for_an_editor_stays_in_its_code() -> None:
    assert code_span("a`b") == "`` a`b ``"
    assert code_block("x\n```\n![](http://example.org)") == (
        "````\nx\n```\n![](http://example.org)\n````"
    )
    from scoutlang.descriptors import signatures

    text = (
        "let x = (1 # ```\n# ![a](http://example.org)\n + 2)\nsystem Cu-P\nrequire CN(Cu-P) = x\n"
    )
    document = Document(Source("x.scout", text), dict(signatures()), lambda: [])
    found = document.hover(text.rindex("x"))
    assert found is not None
    assert found[1].startswith("````scout\n")

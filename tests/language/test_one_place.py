"""A statement is its file and its rule in the grammar, a setting is one line of its IR node: a copy
of the package in which one of each was added knows them everywhere, without another edit.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import scoutlang

PACKAGE = Path(scoutlang.__file__).parent

CLAIM = '''"""``avoid CN(Cu-Cu) = 1``: a claim for this test.

Its text in the manual.
"""

from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.statements.statement import Claiming


class Avoid(Claiming):
    rule = "avoid"
    example = "avoid CN(Cu-Cu) = 1"
    outline = "Null"
    since = 1

    def check(self, scope):
        scope.report(Message("W065", "this is avoided", "seen"), self.span)
'''

SETTING = """    glow: float = setting(Real(0, 3), 1.5,
        "how much it glows", only="adaptive")
"""

LOOK = """
import json
import scoutlang
from scoutlang.descriptors import signatures
from scoutlang.interfaces import completion, editor_syntax, manual, words
from scoutlang.interfaces.lsp.document import Document
from scoutlang.interfaces.pygments_lexer import ScoutLexer
from scoutlang.ir.source import Source
from scoutlang.ir.text import Printer, setting_statements
from scoutlang.language.formatter import formatted

TEXT = "system Cu-P\\nguide   glow 2\\navoid  mine :  CN( Cu - P )=1\\n"
document = Document(Source("x", TEXT), dict(signatures()), manual.pages)
program = document.result.program
wrong = scoutlang.check("system Cu-P\\nguide glow 7\\navod CN(Cu-P) = 1")
print(json.dumps({
    "manual": manual.manual(),
    "order": [p.name for p in manual.pages() if p.kind == "statement"],
    "pages": {p.name: [p.kind, p.summary, dict(p.facts)] for p in manual.pages()},
    "verbs": [c.text for c in completion.complete("", 0)],
    "values": [c.text for c in completion.complete("system Cu-P\\navoid C", 19)],
    "keys": [c.text for c in completion.complete("guide ", 6)],
    "words": {w.text: w.kind for w in words.words()},
    "editors": editor_syntax.files(),
    "pygments": [[str(t), v] for t, v in ScoutLexer().get_tokens(TEXT)],
    "formatted": formatted(Source("x", TEXT)).text,
    "messages": [[d.code, d.message] for d in document.diagnostics],
    "wrong": [[d.code, d.primary.text] for d in wrong.diagnostics],
    "colours": {w.lexeme.text: w.kind for w in document.words},
    "hover": document.hover(TEXT.index("glow"))[1],
    "outline": [[s.name, s.rule, s.outline] for s in document.symbols()],
    "glow": program.guide.glow,
    "summary": Printer(signatures()).summary(program),
    "page": setting_statements(program, guided=True),
    "data": program.guide.to_data()["glow"],
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a package says that has one more statement and one more setting."""
    root = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__", "*.parquet", "*.ckpt")
    shutil.copytree(PACKAGE, root / "scoutlang", ignore=ignored)
    for name in ("grammar", "stdlib"):
        beside = PACKAGE.parent / name
        shutil.copytree(beside if beside.exists() else PACKAGE / name, root / name)
    (root / "scoutlang/language/statements/avoid.py").write_text(CLAIM, encoding="utf-8")
    _edit(
        root / "grammar/scout.lark",
        ("| expect |", "| expect | avoid |"),
        ("\nexpect:  EXPECT claim\n", "\nexpect:  EXPECT claim\navoid:   AVOID claim\n"),
        ("\nEXPECT.2:", "\nAVOID.2: /avoid\\b/\nEXPECT.2:"),
    )
    _edit(
        root / "scoutlang/ir/nodes.py",
        ("    offspring: int = setting(", f"{SETTING}    offspring: int = setting("),
    )
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _edit(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")


def test_a_statement_is_in_the_manual(seen: dict[str, Any]) -> None:
    kind, summary, facts = seen["pages"]["avoid"]
    assert (kind, summary) == ("statement", "a claim for this test.")
    assert facts["how often"] == "any number of times"
    assert "Its text in the manual." in seen["manual"]
    assert seen["order"].index("avoid") == seen["order"].index("expect") + 1
    assert ", expect, avoid, guide" in seen["manual"]  # what the version brought


def test_a_statement_is_written_and_completed(seen: dict[str, Any]) -> None:
    assert "avoid" in seen["verbs"]
    assert "CN" in seen["values"]
    assert seen["formatted"].splitlines()[2] == "avoid mine: CN(Cu-P) = 1"
    assert ["W065", "this is avoided"] in seen["messages"]
    assert ["E012", "did you mean `avoid`?"] in seen["wrong"]


def test_a_statement_has_its_colours(seen: dict[str, Any]) -> None:
    assert seen["words"]["avoid"] == seen["colours"]["avoid"] == "statement"
    assert seen["colours"]["mine"] == "label"
    assert ["mine", "avoid", "Null"] in seen["outline"]
    assert ["Token.Keyword", "avoid"] in seen["pygments"]
    assert ["Token.Name.Label", "mine"] in seen["pygments"]
    for text in seen["editors"].values():
        assert text.count("avoid") == 2  # as a word, and in front of a label


def test_a_setting_is_in_the_manual(seen: dict[str, Any]) -> None:
    kind, summary, facts = seen["pages"]["glow"]
    assert (kind, summary) == ("setting", "how much it glows")
    assert facts == {
        "of": "`guide`",
        "takes": "a number from 0 to 3",
        "usual value": "1.5",
        "used by": "`method adaptive`",
    }
    assert (
        "| `glow` | how much it glows; `method adaptive` only | a number from 0 to 3 | 1.5 |"
        in (seen["manual"])
    )


def test_a_setting_is_read_and_shown(seen: dict[str, Any]) -> None:
    assert seen["glow"] == seen["data"] == 2.0
    assert "glow" in seen["keys"]
    assert seen["formatted"].splitlines()[1] == "guide glow 2"
    assert ["E024", "needs a number from 0 to 3"] in seen["wrong"]
    assert seen["words"]["glow"] == seen["colours"]["glow"] == "setting"
    assert ["Token.Name.Attribute", "glow"] in seen["pygments"]
    assert all("glow" in text for text in seen["editors"].values())
    assert "How much it glows" in seen["hover"]
    assert "in this program: `2`" in seen["hover"]
    assert "glow 2" in seen["summary"]
    assert seen["page"][1] == "guide method adaptive, k=1, glow 2"

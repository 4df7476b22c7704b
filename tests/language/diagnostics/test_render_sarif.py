"""The SARIF log, against objects written by hand after the standard (its JSON schema cannot be
fetched where tests run).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scoutlang.ir.source import Source, Span
from scoutlang.language.diagnostics import Diagnostic, Label
from scoutlang.language.diagnostics.codes import EXPLANATIONS
from scoutlang.language.diagnostics.render.sarif import log


def results(source: Source, *diagnostics: Diagnostic) -> list[dict[str, Any]]:
    data = json.loads(json.dumps(log([(source, diagnostics)], "1.2.3")))
    return data["runs"][0]["results"]  # type: ignore[no-any-return]


def region(text: str, part: str) -> dict[str, int]:
    start = text.index(part)
    (result,) = results(
        Source("x.scout", text), Diagnostic.at("E012", "m", Span(start, start + len(part)), "")
    )
    return result["locations"][0]["physicalLocation"]["region"]  # type: ignore[no-any-return]


def test_a_log_says_who_wrote_it_and_explains_every_code() -> None:
    data = log([], "1.2.3")
    assert data["version"] == "2.1.0"
    (run,) = data["runs"]
    assert (run["columnKind"], run["results"]) == ("utf16CodeUnits", [])
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("scout", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == list(EXPLANATIONS)
    rules = {rule["id"]: rule for rule in driver["rules"]}
    assert rules["E012"]["shortDescription"] == {"text": "unknown statement"}
    assert [rules[c]["defaultConfiguration"]["level"] for c in ("E012", "W043", "I060")] == [
        "error",
        "warning",
        "note",
    ]


def test_a_result_with_everything() -> None:
    source = Source("a b/x.scout", "system Cu-P\nrequre CN(Cu-P)=4")
    also = Label(Span(0, 6), "before")
    diagnostic = Diagnostic.at(
        "E012",
        "unknown statement",
        Span(12, 18),
        "a verb?",
        also=also,
        help="more",
        replacement="require",
    )
    file = {"uri": "a%20b/x.scout"}
    place = {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 7}
    before = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 7}
    assert results(source, diagnostic) == [
        {
            "ruleId": "E012",
            "level": "error",
            "message": {"text": "unknown statement: a verb?\nmore"},
            "locations": [{"physicalLocation": {"artifactLocation": file, "region": place}}],
            "relatedLocations": [
                {
                    "physicalLocation": {"artifactLocation": file, "region": before},
                    "message": {"text": "before"},
                }
            ],
            "fixes": [
                {
                    "description": {"text": "replace by `require`"},
                    "artifactChanges": [
                        {
                            "artifactLocation": file,
                            "replacements": [
                                {"deletedRegion": place, "insertedContent": {"text": "require"}}
                            ],
                        }
                    ],
                }
            ],
        }
    ]


def test_columns_are_utf16_code_units() -> None:
    # One character and two code units; one of each; tab; wide character; base letter with a
    # combining accent.
    for before, units in (("\U0001d4d0", 2), ("Å", 1), ("\t", 1), ("配", 1), ("e\u0301", 2)):
        assert region(f"{before}HERE", "HERE") == {
            "startLine": 1,
            "startColumn": units + 1,
            "endLine": 1,
            "endColumn": units + 5,
        }
    assert region("x \U0001d4d0\U0001d4d0", "\U0001d4d0\U0001d4d0")["endColumn"] == 7


def test_a_region_over_lines_and_an_empty_one() -> None:
    assert region("ab\r\ncd", "b\r\nc") == {
        "startLine": 1,
        "startColumn": 2,
        "endLine": 2,
        "endColumn": 2,
    }
    assert region("ab\n", "") == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}


def test_braces_are_no_placeholders() -> None:
    (result,) = results(
        Source("x.scout", "x"), Diagnostic.at("E031", "`{0}` is no element", Span(0, 1), "")
    )
    assert result["message"]["text"] == "`{{0}}` is no element"


def test_a_message_about_the_whole_file_has_no_region() -> None:
    (result,) = results(
        Source("x.scout", ""), Diagnostic("E020", "there is no `system`", help="add one")
    )
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "x.scout"}}}]
    assert result["message"]["text"] == "there is no `system`\nadd one"


def test_names_become_uris(tmp_path: Path) -> None:
    def uri(name: str) -> str:
        (result,) = results(Source(name, ""), Diagnostic("E020", "m"))
        return result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]  # type: ignore[no-any-return]

    assert uri("./a:b.scout") == "a%3Ab.scout"
    assert uri("<stdin>") == "%3Cstdin%3E"
    assert uri("caf\udce9.scout") == "caf%E9.scout"
    assert uri(str(tmp_path / "ä.scout")) == f"file://{tmp_path}/%C3%A4.scout"


def test_several_programs_are_one_log() -> None:
    found = [(Source(name, ""), (Diagnostic("E020", "m"),)) for name in ("a.scout", "b.scout")]
    (run,) = log(found, "1")["runs"]
    assert [
        r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]
    ] == ["a.scout", "b.scout"]

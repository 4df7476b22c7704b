"""The SARIF log, against objects written by hand after the standard, and against its JSON schema
where that can be had: from the package of npm that Microsoft publishes under the MIT licence.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import programs
import pytest

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
    assert rules["E012"]["help"]["text"] == EXPLANATIONS["E012"].text
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
            "ruleIndex": list(EXPLANATIONS).index("E012"),
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


# ---- every message of the case files ----


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Source, tuple[Diagnostic, ...]]]:
    """Every program of the case files of which something is said."""
    place = tmp_path_factory.mktemp("cases")
    cases = [case for case in programs.CASES if case.messages is not None]
    found = [programs.check(case, place / str(number)) for number, case in enumerate(cases)]
    assert len(found) > 250
    return [(result.source, tuple(result.diagnostics)) for result in found]


def places(result: dict[str, Any]) -> Iterator[tuple[dict[str, int], str]]:
    """Every region of a result, with what it is of."""
    for one in [*result["locations"], *result.get("relatedLocations", [])]:
        if region := one["physicalLocation"].get("region"):
            yield region, "place"
    for fix in result.get("fixes", []):
        for change in fix["artifactChanges"]:
            for replacement in change["replacements"]:
                yield replacement["deletedRegion"], "fix"


def cut(text: str, region: dict[str, int]) -> str:
    """What is in a region, by the standard alone: lines from 1, columns in UTF-16 from 1."""
    lines = [line.encode("utf-16-le") for line in text.split("\n")]
    first, last = region["startLine"] - 1, region["endLine"] - 1
    wanted = lines[first : last + 1]
    wanted[-1] = wanted[-1][: 2 * (region["endColumn"] - 1)]
    wanted[0] = wanted[0][2 * (region["startColumn"] - 1) :]
    return "\n".join(line.decode("utf-16-le") for line in wanted)


def test_regions_are_the_spans_of_the_messages(
    wrong: list[tuple[Source, tuple[Diagnostic, ...]]],
) -> None:
    compared = {"place": 0, "fix": 0}
    for source, diagnostics in wrong:
        if "\r" in source.text:
            continue  # other line ends are in the tests above
        for diagnostic, result in zip(diagnostics, results(source, *diagnostics), strict=True):
            labels = [*filter(None, [diagnostic.primary]), *diagnostic.secondary]
            spans = [label.span for label in labels]
            spans += [diagnostic.fix.span] if diagnostic.fix else []
            for span, (region, kind) in zip(spans, places(result), strict=True):
                assert cut(source.text, region) == source.text[span.start : span.end]
                compared[kind] += 1
    assert compared["place"] > 400
    assert compared["fix"] > 100


_PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
_SCHEMA = "package/lib/schemas/sarif-2.1.0-rtm.5.json"
_SHA256 = "2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8"


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The schema of SARIF 2.1.0: the file that SARIF_SCHEMA names, or the one of the package."""
    if given := os.environ.get("SARIF_SCHEMA"):
        return dict(json.loads(Path(given).read_text(encoding="utf-8")))
    place = tmp_path_factory.mktemp("npm")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm here, from which the schema comes; SARIF_SCHEMA names another one")
    asked = subprocess.run(
        [npm, "pack", _PACKAGE], cwd=place, capture_output=True, text=True, timeout=120, check=False
    )
    if asked.returncode:
        pytest.skip(f"npm has no {_PACKAGE} here: {asked.stderr.strip()[-200:]}")
    with tarfile.open(next(place.glob("*.tgz"))) as archive:
        member = archive.extractfile(_SCHEMA)
        assert member is not None
        text = member.read()
    assert hashlib.sha256(text).hexdigest() == _SHA256
    return dict(json.loads(text))


@pytest.mark.slow
def test_every_log_follows_the_schema(
    schema: dict[str, Any], wrong: list[tuple[Source, tuple[Diagnostic, ...]]]
) -> None:
    validator = jsonschema.Draft4Validator(schema)
    data = json.loads(json.dumps(log(wrong, "1.2.3")))
    assert [error.message for error in validator.iter_errors(data)] == []
    assert len(data["runs"][0]["results"]) > 400
    data["runs"][0]["results"][0]["level"] = "fatal"  # and the schema is no empty one
    assert [error.message for error in validator.iter_errors(data)] != []

"""`guide kernel` and `guide existence` were removed: programs of run folders that had them switched
off are read and keep their digest, everything else says what is gone.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import scoutlang
from scoutlang.ir import Program
from scoutlang.ir.nodes import RemovedSetting
from scoutlang.runs.manifest import Manifest
from scoutlang.support.errors import ScoutError

RUN = Path(__file__).parents[1] / "runs" / "manifests" / "judged.json"

# the digest of each, computed by the last version that had the settings
DIGESTS = {
    "scout 1; system Cu-P; require CN(Cu-P)=4": "d31a6e61332f7e2c5b609a38fc9c7ba9b5e957a540a01f21be45fb54b4a97889",
    "scout 1; system Cu-P; require CN(Cu-P)=4; guide method paper, k=0.8, g 0.2, every 2": (
        "e966112791a5c9c4b0d7ccf7c874579bcec56eb175e5e1b557543f56bf0b9114"
    ),
}


def program(text: str) -> Program:
    result = scoutlang.check(text)
    assert result.program is not None, result.diagnostics
    return result.program


def as_it_was(text: str, **settings: object) -> str:
    """The JSON of the program in an old run folder."""
    data = json.loads(program(text).to_json())
    data["guide"] |= {"kernel": "sharp", "existence": 0.0} | settings
    return json.dumps(data)


@pytest.mark.parametrize(("text", "digest"), DIGESTS.items())
def test_an_unchanged_program_keeps_the_digest_that_it_always_had(text: str, digest: str) -> None:
    assert program(text).digest() == digest
    old = Program.from_json(as_it_was(text))
    assert old == program(text)
    assert old.digest() == digest


@pytest.mark.parametrize("setting", [{"kernel": "blurred"}, {"existence": 2.0}])
def test_a_program_that_used_one_is_refused_by_name(setting: dict[str, object]) -> None:
    (name,) = setting
    with pytest.raises(RemovedSetting, match=f"guide {name}"):
        Program.from_json(as_it_was("system Cu-P; require CN(Cu-P)=4", **setting))


def test_a_run_that_used_one_says_so_when_it_is_opened(tmp_path: Path) -> None:
    data = json.loads(RUN.read_bytes())
    data["program"]["guide"]["existence"] = 2.0
    data["digest"] = Program.digest_of(data["program"])
    (tmp_path / "run.json").write_text(json.dumps(data))
    with pytest.raises(ScoutError, match="`guide existence`, which was removed") as failure:
        Manifest.read(tmp_path / "run.json")
    assert failure.value.code == "E604"


@pytest.mark.parametrize("text", ["", "[]", "null", '{"guide": 1}', '{"guide": {"kernal": 1}}'])
def test_what_is_no_program_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"validation error|Expecting value"):
        Program.from_json(text)


@pytest.mark.parametrize("written", ["kernel blurred", "kernel sharp", "existence 2"])
def test_a_written_one_is_told_to_be_gone_and_why(written: str) -> None:
    (found,) = scoutlang.check(f"system Cu-P; require CN(Cu-P)=4; guide {written}").diagnostics
    assert found.code == "E023"
    assert found.message == f"`guide` has no setting `{written.split(maxsplit=1)[0]}` any more"
    assert "benchmarks/RESULTS.md" in (found.primary.text if found.primary else "")


@pytest.mark.parametrize(("text", "digest"), DIGESTS.items())
def test_a_program_of_before_there_were_versions_is_read_as_what_it_was(
    text: str, digest: str
) -> None:
    """Without the fields that version 1.1 of the language brought, and of version 1."""
    data = json.loads(as_it_was(text))
    del data["guide"]["counted"], data["terms"][0]["claim"]["relation"]["strict"]
    assert data["language_version"] == 1
    assert Program.digest_of(data) == digest
    assert Program.from_json(json.dumps(data)) == program(text)

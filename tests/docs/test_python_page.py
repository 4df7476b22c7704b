"""docs/python.md and the example notebook: what they show is what happens."""

from __future__ import annotations

import ast
import doctest
import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from processes import LONG

import scoutlang
from scoutlang.runs import judge as judged_runs

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"
TEXT = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_what_is_typed_answers_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    report: list[str] = []
    for block in re.findall(r"^```pycon\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        test = doctest.DocTestParser().get_doctest(block, names, "python.md", "python.md", 0)
        failed, attempted = doctest.DocTestRunner(verbose=False).run(
            test, out=report.append, clear_globs=False
        )
        assert attempted
        assert not failed, "".join(report)
        names.update(test.globs)
    assert names


def test_names_of_the_page_exist() -> None:
    for name in set(re.findall(r"\bsl\.(\w+)", TEXT)):
        assert name in scoutlang.__all__, name
    for name in set(re.findall(r"`run\.(\w+)", TEXT)):
        assert (
            hasattr(judged_runs.Judged, name) or name in judged_runs.Judged.__dataclass_fields__
        ), name
    for block in re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        ast.parse(block)


def shown(cell: NotebookNode) -> list[str]:
    """What a cell answers, as text: what it prints, its value, and the message of an error."""
    outputs = []
    for output in cell.outputs:
        if output.output_type == "stream":
            outputs.append(output.text)
        elif output.output_type == "error":
            outputs.append("\n".join(output.traceback))
        else:
            outputs.append(output.data["text/plain"])
    return outputs


@pytest.mark.slow
def test_the_notebook_gives_what_it_shows(tmp_path: Path) -> None:
    """Cells whose results are another machine's rounding are tagged `varies`; they have to run.
    UPDATE_SNAPSHOTS=1 writes the notebook anew.
    """
    shutil.copytree(ROOT / "examples" / "structures", tmp_path / "structures")
    before = nbformat.read(NOTEBOOK, as_version=4)
    after = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        after, timeout=LONG, record_timing=False, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    if os.environ.get("UPDATE_SNAPSHOTS"):
        nbformat.write(after, NOTEBOOK)
        return
    compared = 0
    for old, new in zip(before.cells, after.cells, strict=True):
        if old.cell_type == "code":
            assert bool(shown(old)) == bool(shown(new)), old.source
            if "varies" not in old.metadata.get("tags", []):
                assert shown(new) == shown(old), old.source
                compared += bool(shown(new))
    assert compared >= 4
    assert (tmp_path / "runs" / "notebook" / "report.html").is_file()

"""`scout check`, `compile` and `explain` as a user runs them: in a process of their own."""

from __future__ import annotations

import json
import os
import pty
import resource
import subprocess
import sys
from pathlib import Path

import processes
import pytest

PAPER = "system Cu-Si-P-Ca; require CN(Cu-P)=4; require CN(Cu-Cu)=1; guide k=0.8"


def scout(
    *args: str, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return processes.scout(*args, input=stdin, env=env)


def clean(result: subprocess.CompletedProcess[bytes], code: int) -> str:
    """Standard error, after checking the exit code and that no traceback is in it."""
    error = result.stderr.decode()
    assert result.returncode == code, error
    assert "Traceback" not in error
    return error


def test_a_right_program_from_a_file_from_text_and_from_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "x.scout"
    path.write_text(PAPER, encoding="utf-8")
    results = [
        scout("check", str(path)),
        scout("check", "-c", PAPER),
        scout("check", "-", stdin=PAPER.encode()),
    ]
    for result, name in zip(results, [str(path), "<text>", "<stdin>"], strict=True):
        assert clean(result, 0) == ""
        assert result.stdout.decode() == (
            f"ok: {name}\n"
            "  system   Cu-Si-P-Ca\n"
            "  require  CN(Cu-P) = 4 ± <0.5, mean over Cu sites\n"
            "  require  CN(Cu-Cu) = 1 ± <0.5, mean over Cu sites\n"
            "  guide    method adaptive, k 0.8, while 0.9 ≥ t ≥ 0.03, resampled 8 times\n"
            "  sample   64 structures, batch 32, 250 steps, seed 0, model mini, cfg 1\n"
            "  relax    promising structures, 24 steps, by energy alone, and with constraint "
            "(rho 0.5 eV/atom)\n"
        )


def test_json_is_one_document_with_the_program() -> None:
    result = scout("check", "-c", PAPER, "--format", "json")
    assert clean(result, 0) == ""
    data = json.loads(result.stdout)
    assert data["ok"] is True
    assert data["diagnostics"] == []
    assert data["program"]["system"] == ["Cu", "Si", "P", "Ca"]


def test_json_of_a_wrong_program() -> None:
    result = scout("check", "-c", "system Cu-P; requre CN(Cu-P)=4", "--format", "json")
    assert clean(result, 1) == ""
    data = json.loads(result.stdout)
    assert (data["ok"], data["program"]) == (False, None)
    assert data["diagnostics"][0]["code"] == "E012"
    assert data["diagnostics"][0]["fix"]["replacement"] == "require"


WRONG = "system Cu-P; requre CN(Cu-P)=4"


def two_files(folder: Path) -> tuple[str, str]:
    """A right and a wrong program."""
    paths = folder / "right.scout", folder / "wrong.scout"
    for path, text in zip(paths, (PAPER, WRONG), strict=True):
        path.write_text(text, encoding="utf-8")
    return str(paths[0]), str(paths[1])


def test_several_files_at_once(tmp_path: Path) -> None:
    right, wrong = two_files(tmp_path)
    result = scout("check", right, wrong, right)
    assert clean(result, 1).count("error[") == 1
    assert result.stdout.decode().count(f"ok: {right}\n  system   Cu-Si-P-Ca\n") == 2
    assert clean(scout("check", right, right), 0) == ""


def test_quiet_prints_problems_only(tmp_path: Path) -> None:
    right, wrong = two_files(tmp_path)
    result = scout("check", "-q", right, wrong)
    assert "error[E012]" in clean(result, 1)
    assert result.stdout == b""
    note = (
        scout("check", "-c", f"{PAPER}, g=0.5"),
        scout("check", "--quiet", "-c", f"{PAPER}, g=0.5"),
    )
    assert ["I060" in clean(r, 0) for r in note] == [True, False]


def test_json_of_several_files(tmp_path: Path) -> None:
    right, wrong = two_files(tmp_path)
    result = scout("check", right, wrong, "--format", "json")
    assert clean(result, 1) == ""
    data = json.loads(result.stdout)
    assert data["ok"] is False
    assert [(p["file"], p["ok"]) for p in data["programs"]] == [(right, True), (wrong, False)]


def test_json_for_an_output_that_cannot_show_everything() -> None:
    result = scout(
        "check",
        "-c",
        "system B; require volume_per_atom = 7",
        "--format",
        "json",
        env={"PYTHONIOENCODING": "ascii"},
    )
    clean(result, 0)
    assert b"\\u00c5" in result.stdout
    assert json.loads(result.stdout)["ok"] is True


def test_sarif_and_lsp_of_several_files(tmp_path: Path) -> None:
    right, wrong = two_files(tmp_path)
    result = scout("check", right, wrong, "--format", "sarif")
    assert clean(result, 1) == ""
    (found,) = json.loads(result.stdout)["runs"][0]["results"]
    assert found["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 1,
        "startColumn": 14,
        "endLine": 1,
        "endColumn": 20,
    }
    result = scout("check", right, wrong, "--format", "lsp")
    assert clean(result, 1) == ""
    first, second = json.loads(result.stdout)
    assert (first["diagnostics"], second["uri"]) == ([], Path(wrong).as_uri())
    assert second["diagnostics"][0]["data"]["fix"]["newText"] == "require"


@pytest.mark.parametrize(
    "args",
    [
        ["check", "--format", "json"],
        ["check", "--format", "sarif"],
        ["check", "--format", "lsp"],
        ["compile", "--format", "json"],
    ],
)
def test_a_file_that_cannot_be_read_is_reported_in_the_format(
    tmp_path: Path, args: list[str]
) -> None:
    missing, binary = tmp_path / "none.scout", tmp_path / "x.scout"
    binary.write_bytes(b"\x93\x00\xff\xfe" * 50)
    for path, code in ((missing, "E001"), (tmp_path, "E001"), (binary, "E002")):
        result = scout(*args, str(path))
        assert clean(result, 1) == ""
        json.loads(result.stdout)
        assert f'"{code}"' in result.stdout.decode().split('"results"')[-1]


def test_a_file_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    right, wrong = two_files(tmp_path)
    result = scout("check", str(tmp_path / "none.scout"), right, wrong)
    error = clean(result, 1)
    assert "no such file\n  hint: " in error
    assert "E012" in error
    assert f"ok: {right}" in result.stdout.decode()


@pytest.mark.parametrize(
    ("args", "env", "colored"),
    [
        ([], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": ""}, False),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_color_in_a_pipe(args: list[str], env: dict[str, str], colored: bool) -> None:
    error = clean(
        scout("check", "-c", WRONG, *args, env={"NO_COLOR": "", "FORCE_COLOR": "", **env}), 1
    )
    assert ("\x1b[1;31merror[E012]\x1b[0m" in error) is colored
    assert ("\x1b" in error) is colored


@pytest.mark.parametrize(
    ("env", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_color_on_a_terminal(env: dict[str, str], colored: bool) -> None:
    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm", "NO_COLOR": "", "FORCE_COLOR": "", **env}
    result = processes.scout("check", "-c", WRONG, stderr=theirs, env=environment)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert result.returncode == 1
    assert "E012" in shown
    assert ("\x1b[" in shown) is colored


def test_all_errors_in_one_go() -> None:
    error = clean(
        scout("check", "-c", "system Cu-P\nrequre CN(Cu-P)=4\nrequire CN(Cu-Ge)=1\nguide k=-1"), 1
    )
    assert [code in error for code in ("E012", "E030", "E024", "<text>: 3 errors")] == [True] * 4


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x93\x00\xff\xfe" * 50, "E002"),
        (b"# caf\xe9\n", "E002"),
        (b"#" * 2_000_000, "E003"),
        (b"", "E020"),
    ],
)
def test_files_that_are_no_program(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "x.scout"
    path.write_bytes(content)
    error = clean(scout("check", str(path)), 1)
    assert f"error[{code}]" in error


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    assert "no such file" in clean(scout("check", str(tmp_path / "none.scout")), 1)
    assert "folder" in clean(scout("check", str(tmp_path)), 1)
    assert "error[E001]" in clean(scout("check", "x" * 5000), 1)


@pytest.mark.parametrize(
    "args",
    [
        ["check"],
        ["check", "x.scout", "-c", "system B"],
        ["check", "-c", "system B", "--format", "xml"],
        ["compile", "-c", "system B", "--format", "sarif"],
        ["chek"],
        ["explain", "E999"],
        ["check", "--nonsense"],
    ],
)
def test_wrong_usage_is_exit_code_2(args: list[str]) -> None:
    assert "Error:" in clean(scout(*args), 2)


def test_an_unknown_command_gets_a_suggestion() -> None:
    assert "did you mean `check`?" in clean(scout("chek"), 2)


def test_compile_prints_each_stage() -> None:
    tree = json.loads(scout("compile", "-c", PAPER, "--emit", "ast").stdout)
    assert [s["node"] for s in tree["statements"]] == ["System", "Require", "Require", "Guide"]
    program = json.loads(scout("compile", "-c", PAPER, "--emit", "ir").stdout)
    assert [t["label"] for t in program["terms"]] == ["CN(Cu-P)", "CN(Cu-Cu)"]
    assert "E012" in clean(scout("compile", "-c", "requre"), 1)


@pytest.mark.slow
def test_compile_prints_the_loss() -> None:
    result = scout("compile", "-c", PAPER, "--emit", "loss")
    clean(result, 0)
    assert "CN(Cu-P)" in result.stdout.decode()


def test_explain_a_code_and_list_all() -> None:
    assert (
        scout("explain", "w043")
        .stdout.decode()
        .startswith("W043: shorter or longer than any bond\n\n")
    )
    assert "E012  unknown statement" in scout("explain").stdout.decode()
    assert json.loads(scout("explain", "E012", "--format", "json").stdout)[0]["code"] == "E012"


def test_output_into_a_closed_pipe_is_no_fault() -> None:
    command = f'"{sys.executable}" -m scoutlang explain | true; exit ${{PIPESTATUS[0]}}'
    result = processes.run(["bash", "-c", command])
    assert clean(result, 1) == ""


def test_output_in_a_terminal_that_cannot_show_everything() -> None:
    result = scout(
        "check",
        "-c",
        "system Cu-P; require CN(Cu–P) = 4",
        env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    )
    assert "E016" in clean(result, 1)
    result = scout(
        "check", "-c", "system B; require volume_per_atom = 7", env={"PYTHONIOENCODING": "latin-1"}
    )
    assert clean(result, 0) == ""
    assert b"0.9 \\u2265 t" in result.stdout


def test_an_endless_standard_input_is_refused() -> None:
    command = f'yes | "{sys.executable}" -m scoutlang check -'
    result = processes.run(["bash", "-c", command])
    assert "error[E003]" in clean(result, 1)


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.scout"
    try:
        Path(os.fsdecode(path)).write_text(PAPER, encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    command = [sys.executable.encode(), b"-m", b"scoutlang", b"check", path, b"--format", b"json"]
    result = processes.run(command)
    clean(result, 0)
    assert json.loads(result.stdout)["ok"] is True


def test_checking_imports_nothing_heavy_and_takes_little_time() -> None:
    code = (
        "import sys, scoutlang.interfaces.cli, scoutlang\n"
        f"assert scoutlang.check({PAPER!r}).ok\n"
        "heavy = ('torch', 'pymatgen', 'numpy', 'pandas', 'mattergen', 'ase')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = processes.run([sys.executable, "-c", code])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.stdout.decode().strip() == "[]", result.stderr
    # Processor time, not the clock: other work on the machine must not fail the test. About 0.35 s
    # on two slow cores.
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 1.5


def test_import_of_the_package_imports_next_to_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import scoutlang\n"
        "packages = ('scoutlang', 'lark', 'pydantic')\n"
        "print(*sorted(m for m in set(sys.modules) - before if m.startswith(packages)))"
    )
    said = processes.run([sys.executable, "-c", code], check=True).stdout.decode()
    assert said.split() == ["scoutlang", "scoutlang.support", "scoutlang.support.version"]

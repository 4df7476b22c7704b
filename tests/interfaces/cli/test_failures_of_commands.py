"""How commands are found, and what `main` makes of one that fails: a short message and an exit
code, whatever was raised.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from scoutlang.interfaces import cli
from scoutlang.support.errors import ScoutError


def outcome(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    @click.command("fail")
    def command() -> None:
        raise error

    monkeypatch.setattr(cli, "commands", command)
    monkeypatch.setattr("sys.argv", ["scout"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


def test_a_scout_error_is_a_message_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(monkeypatch, ScoutError("E301", "no weights", "download them")) == 1
    assert capsys.readouterr().err == "error[E301]: no weights\n  hint: download them\n"


def test_an_unexpected_error_is_short_and_says_how_to_see_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SCOUT_DEBUG", raising=False)
    assert outcome(monkeypatch, ZeroDivisionError("oops")) == 70
    error = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in error
    assert "SCOUT_DEBUG=1" in error
    assert "Traceback" not in error


def test_the_traceback_is_there_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCOUT_DEBUG", "1")
    assert outcome(monkeypatch, ZeroDivisionError("oops")) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (click.UsageError("x"), 2),
        (click.exceptions.Exit(1), 1),
    ],
)
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    assert outcome(monkeypatch, error) == code


def test_every_command_says_what_it_does() -> None:
    context = click.Context(cli.commands)
    for name in ("check", "compile", "diff", "explain"):
        command = cli.commands.get_command(context, name)
        assert command is not None
        assert command.help
    assert set(cli.commands.list_commands(context)) >= {"check", "compile", "explain"}


def test_a_command_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy.py").write_text(
        "import click\n\n\n"
        '@click.command("toy")\n@click.option("--loud", is_flag=True)\n'
        'def command(loud: bool) -> None:\n    """Say something."""\n    click.echo("a toy")\n'
    )
    (tmp_path / "_toy_helper.py").touch()
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    # so that the module is away again after the test
    monkeypatch.setattr(cli, "toy", None, raising=False)
    monkeypatch.setitem(sys.modules, f"{cli.__name__}.toy", cli)
    monkeypatch.delitem(sys.modules, f"{cli.__name__}.toy")

    said = CliRunner().invoke(cli.commands, ["--help"]).output
    assert "Say something." in said
    assert "toy_helper" not in said
    completion = ShellComplete(cli.commands, {}, "scout", "_SCOUT_COMPLETE")
    assert [one.value for one in completion.get_completions([], "to")] == ["toy"]
    assert "--loud" in [one.value for one in completion.get_completions(["toy"], "--")]
    assert CliRunner().invoke(cli.commands, ["toy"]).output == "a toy\n"
    assert "toy" in CliRunner().invoke(cli.commands, ["tyo"]).output


def test_a_program_that_claims_nothing_is_measured() -> None:
    """Its table has no rows."""
    crystal = Path(__file__).parents[3] / "examples" / "structures" / "CuP2.cif"
    done = CliRunner().invoke(cli.commands, ["measure", "-c", "system Cu-P", str(crystal)])
    assert done.exit_code == 0, done.output
    assert "CuP2.cif: undefined" in done.output

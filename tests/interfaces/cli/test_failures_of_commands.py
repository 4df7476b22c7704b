"""What `main` makes of a command that fails: a short message and an exit code, whatever was raised."""

from __future__ import annotations

import click
import pytest

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

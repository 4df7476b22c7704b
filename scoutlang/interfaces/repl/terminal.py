"""The prompt in front of a session: editing, history, colours, completion and the bar at the
bottom.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.formatted_text.utils import split_lines
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import Lexer, PygmentsLexer, SimpleLexer
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style, merge_styles, style_from_pygments_cls

from scoutlang.descriptors import signatures
from scoutlang.interfaces.pygments_lexer import ScoutLexer, TerminalStyle
from scoutlang.interfaces.repl.commands import COMMANDS, Takes
from scoutlang.interfaces.repl.inputs import COMMAND, is_command, unfinished
from scoutlang.interfaces.repl.interpreter import MORE, PROMPT, feed
from scoutlang.interfaces.repl.session import Session
from scoutlang.language.statements import SETTINGS, STATEMENTS
from scoutlang.support.colours import TERMINAL
from scoutlang.support.errors import fault
from scoutlang.support.resources import data_folder
from scoutlang.support.shown import painted, shown_lines

_MAX_HISTORY = 4 << 20
"""Bytes; a longer history is not read, so that the prompt comes at once."""

_MAX_COLORED = 20_000
"""Characters; a longer text has no colours while it is edited."""

_OWN = {
    "command": TERMINAL["command"].style,
    "bottom-toolbar": f"noreverse {TERMINAL['status'].style}",
}
_STYLE = merge_styles([style_from_pygments_cls(TerminalStyle), Style.from_dict(_OWN)])

_AS_IT_IS = re.compile(r"\s*\d* *\||.*[│┃━─█]")
"""A line with a place in the program, and one of a table or a histogram."""


def talk(session: Session) -> None:
    """Prompt until the user leaves."""
    bar = _Bar(session)
    prompt: PromptSession[str] = PromptSession(
        PROMPT,
        multiline=True,
        prompt_continuation=MORE,
        key_bindings=_keys(),
        history=_History(data_folder() / "history"),
        auto_suggest=AutoSuggestFromHistory(),
        lexer=_Colors() if session.color else None,
        style=_STYLE if session.color else None,
        color_depth=None if session.color else ColorDepth.DEPTH_1_BIT,
        completer=_Words(session),
        enable_suspend=True,
        complete_while_typing=False,
        reserve_space_for_menu=6,
        bottom_toolbar=lambda: bar.text,
    )
    click.echo("statements build a hypothesis, :help lists the commands, Ctrl-D leaves")
    while True:
        try:
            text = prompt.prompt()
        except KeyboardInterrupt:  # Ctrl-C drops what was typed
            continue
        except EOFError:
            return
        if _answer(session, text):
            return
        bar.look()


def _answer(session: Session, text: str) -> bool:
    """Feed an input and print what comes of it; whether the user wants to leave. A fault of ours
    ends the input, not the session.
    """
    try:
        reply = feed(session, f"{text}\n")
    except KeyboardInterrupt:
        click.echo("interrupted")
    except Exception as error:
        click.echo(shown_lines(fault(error)))
    else:
        if reply.text:
            click.echo(painted(wrapped(reply.text, session.host.width)), color=session.color)
        return reply.quit
    return False


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer: Buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None  # takes what is chosen in the menu
        elif buffer.text.strip() and unfinished(f"{buffer.text}\n"):
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    return keys


class _History(FileHistory):
    """Inputs of earlier sessions. A file that cannot be read or written is as good as none."""

    def load_history_strings(self) -> Iterable[str]:
        with suppress(OSError):
            if Path(os.fsdecode(self.filename)).stat().st_size <= _MAX_HISTORY:
                return list(super().load_history_strings())
        return []

    def store_string(self, string: str) -> None:
        with suppress(OSError, UnicodeError):
            Path(os.fsdecode(self.filename)).parent.mkdir(parents=True, exist_ok=True)
            super().store_string(string)


class _Bar:
    """The line at the bottom: what the program is about, how many terms it has, which model works
    where.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._said = ""
        self.look()

    @property
    def text(self) -> str:
        """As much as one line of the terminal holds."""
        return self._said[: max(1, self._session.host.width - 1)]

    def look(self) -> None:
        program = self._session.program
        if program is None:
            self._said = "no system yet"
            return
        count = len(program.terms)
        terms = f"{count} {'term' if count == 1 else 'terms'}"
        model = f"{program.sample.model} ({self._session.device or 'not loaded'})"
        self._said = " · ".join(["-".join(program.system), terms, model])


class _Colors(Lexer):
    """Colours of a program by the lexer of the language, of a command by its name."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        if not is_command(document.text):
            short = len(document.text) <= _MAX_COLORED
            lexer = PygmentsLexer(ScoutLexer) if short else SimpleLexer()
            return lexer.lex_document(document)
        head, space, rest = document.text.partition(" ")
        known = head.strip().removeprefix(COMMAND).rstrip("!") in COMMANDS
        parts = [("class:command" if known else "", head), ("", space + rest)]
        lines = dict(enumerate(split_lines(parts)))
        return lambda number: lines.get(number, [])


class _Words(Completer):
    """What may be written at the cursor: commands and what they take, and the language in the
    context of what stands.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        typed = document.text_before_cursor
        if is_command(typed):
            yield from self._command(typed.lstrip(), complete_event)
            return
        yield from self._words(self._session.standing.text, typed, document.text_after_cursor)

    def _words(self, before: str, typed: str, after: str = "") -> Iterable[Completion]:
        """What the language allows behind ``typed``, which stands behind ``before``."""
        from scoutlang.interfaces.completion import complete

        for one in complete(
            before + typed + after, len(before) + len(typed), folder=self._session.standing.folder
        ):
            meaning = f"{one.help} [{one.unit}]" if one.unit else one.help
            yield Completion(one.text, one.start - len(before) - len(typed), display_meta=meaning)

    def _command(self, typed: str, event: CompleteEvent) -> Iterable[Completion]:
        head, space, rest = typed.removeprefix(COMMAND).partition(" ")
        name = head.rstrip("!")
        if not space:
            for command in COMMANDS.values():
                if command.name.startswith(head) and command.name != head:
                    yield Completion(
                        command.name, -len(head), display=command.form, display_meta=command.help
                    )
        elif name in COMMANDS:
            word = rest.lstrip()
            takes = COMMANDS[name].takes
            if COMMANDS[name].takes_files:
                yield from _files(takes, rest, event)
            else:
                yield from (
                    Completion(one, -len(word))
                    for one in self._arguments(takes)
                    if one.startswith(word) and one != word
                )
                if takes == "expression":
                    yield from self._words(f"{self._session.standing.text}expect ", word)

    def _arguments(self, takes: Takes) -> Iterable[str]:
        if takes == "command":
            return COMMANDS
        if takes == "code":
            from scoutlang.language.diagnostics.codes import EXPLANATIONS

            return EXPLANATIONS
        if takes == "name":
            return [*STATEMENTS, *signatures()]
        program = self._session.program
        if program is not None and takes in ("term", "expression"):
            return [term.label for term in program.terms]
        if program is not None and takes in ("setting", "sweep"):
            parameters = (parameter.name for parameter in program.parameters)
            return [f"{name}=" for name in itertools.chain(parameters, *SETTINGS.values())]
        return []


def _files(takes: Takes, typed: str, event: CompleteEvent) -> Iterable[Completion]:
    """Names of files for the last word, in quotes where the command would take them for several
    words.
    """
    suffix = ".scout" if takes == "program file" else ""
    paths = PathCompleter(
        only_directories=takes == "folder",
        file_filter=lambda name: os.path.isdir(name) or name.endswith(suffix),
    )
    name, mark = last_word(typed)
    for one in paths.get_completions(Document(name, len(name)), event):
        yield Completion(
            _written(one.text, mark) + ("" if one.display_text.endswith("/") else mark),
            display=one.display,
        )


def _written(text: str, mark: str) -> str:
    """More of a file name as `shlex` reads it, behind that quotation mark."""
    if mark == "'":
        return text.replace("'", "'\\''")
    return re.sub(r'(["\\])' if mark else r"([^\w@%+=:,./~-])", r"\\\1", text)


def last_word(text: str) -> tuple[str, str]:
    """What the word at the end of a text says as `shlex` reads it, and the quotation mark that is
    still open, if one is.
    """
    said, mark, escaped = "", "", False
    for letter in text:
        if escaped:
            said += letter if mark == "" or letter in '"\\' else f"\\{letter}"
            escaped = False
        elif letter == "\\" and mark != "'":
            escaped = True
        elif letter == mark:
            mark = ""
        elif not mark and letter in "'\"":
            mark = letter
        elif not mark and letter.isspace():
            said = ""
        else:
            said += letter
    return said, mark


def wrapped(text: str, width: int) -> str:
    """Long lines of messages broken between words, deeper than they begin. Lines of a program, and
    pictures, stay as they are.
    """
    return "\n".join(line for one in text.split("\n") for line in _broken(one, width))


def _broken(line: str, width: int) -> Iterable[str]:
    bare = click.unstyle(line)
    if len(bare) <= width or _AS_IT_IS.match(bare):
        return [line]
    indent = " " * (len(bare) - len(bare.lstrip()) + 4)
    lines, now = [], ""
    for place, word in enumerate(line.split(" ")):
        longer = f"{now} {word}" if place else word
        if now.strip() and len(click.unstyle(longer)) > width:
            lines.append(now)
            longer = f"{indent}{word}"
        now = longer
    return [*lines, now]

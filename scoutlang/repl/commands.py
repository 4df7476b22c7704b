"""The commands of a session, one table: what is called, with what, what it does in a line, and the function that does it."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scoutlang import api
from scoutlang.diagnostics.render.text import render
from scoutlang.diagnostics.suggest import did_you_mean, quoted
from scoutlang.errors import ScoutError
from scoutlang.files import write_whole
from scoutlang.frontend.reading import read_source
from scoutlang.ir import Program
from scoutlang.repl import hypothesis
from scoutlang.repl.hypothesis import Hypothesis
from scoutlang.repl.inputs import below, marked
from scoutlang.repl.transcript import written

if TYPE_CHECKING:
    from scoutlang.repl.session import Reply, Session

MAX_SAMPLE = 10_000
_FEW = 8
_NARROW = 30  # columns

_FORM = re.compile(r":\s*(\w*)(!?)\s*(.*)", re.DOTALL)
_SWEEP = re.compile(r"(?:(?P<folder>\S+)\s+)?(?P<name>\w+)\s*(?:=|\bin\b)(?P<values>.*)")

Takes = Literal[
    "nothing", "program file", "structure files", "folder", "sweep", "term", "expression", "code", "name", "setting", "command",
    "number", "file", "program",
]  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What follows the name of a command. forced: it was called with ``!``. below: the text in the lines below it, None where there are none."""

    words: tuple[str, ...]
    forced: bool
    below: str | None = None

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True)
class Command:
    """arguments: as the help writes them, in square brackets those that may be missing. takes: what completion offers for them. words: how many, at least and at most."""

    name: str
    arguments: str
    help: str
    function: Callable[[Session, Given], Reply]
    takes: Takes = "nothing"
    words: tuple[int, int] = (0, 0)

    @property
    def form(self) -> str:
        return f":{self.name} {self.arguments}".rstrip()


def run(session: Session, text: str) -> Reply:
    """Run a command. Raises ScoutError: E701 there is no such command, E702 it is called in another way, and whatever went wrong in it."""
    line, *rest = text.split("\n")
    found = _FORM.fullmatch(line)
    name = found[1] if found else ""
    if found is None or name not in COMMANDS:
        raise ScoutError("E701", f"no command {quoted(f':{name}')}", _meant(name) or ":help lists them all")
    command = COMMANDS[name]
    try:
        words = tuple(shlex.split(found[3])) if command.takes.endswith(("file", "files", "folder")) else tuple(found[3].split())
    except ValueError:
        raise ScoutError("E702", "a quotation mark is missing its partner", f"it is called {command.form}") from None
    least, most = command.words
    if not least <= len(words) <= most or (rest and command.takes != "program"):
        raise ScoutError("E702", f":{name} is called in another way", f"it is called {command.form}")
    return command.function(session, Given(words, bool(found[2]), "".join(f"{below(one)}\n" for one in rest) if rest else None))


def _reply(text: str = "", ok: bool = True, *, quit: bool = False) -> Reply:
    from scoutlang.repl.session import Reply

    return Reply(text, ok, quit=quit)


# ---- the program ----


def _show(session: Session, given: Given) -> Reply:
    lines = (
        [session.standing.usual.removesuffix("\n")]
        if session.standing.pieces
        else ["nothing stands yet; begin with the elements: system Cu-P"]
    )
    lines += [f"# set from outside: {name} = {value}" for name, value in session.standing.settings.items()]
    return _reply("\n".join(lines))


def _check(session: Session, given: Given) -> Reply:
    return _reply(session.host.summary(_program(session)))


def _undo(session: Session, given: Given) -> Reply:
    return _show(session, given) if session.undo() else _reply("there is nothing to undo", ok=False)


def _redo(session: Session, given: Given) -> Reply:
    return _show(session, given) if session.redo() else _reply("there is nothing to redo", ok=False)


def _drop(session: Session, given: Given) -> Reply:
    proposal = hypothesis.without(session.standing, given.text)
    if proposal is None:
        raise ScoutError(
            "E702", f"no one statement is called {quoted(given.text)}", "name the label of a term, a param, or a verb such as guide"
        )
    return session.accept(proposal)


def _edit(session: Session, given: Given) -> Reply:
    if given.below is not None:
        return session.accept(hypothesis.propose_edited(session.standing, given.below))
    file = session.folder / "program.scout"
    if session.draft is None or given.forced:
        write_whole(file, lambda path: path.write_text(session.standing.usual, encoding="utf-8"))
        session.draft = None
    before = file.read_bytes()
    try:
        session.host.edit(file)
    finally:
        if file.read_bytes() != before:
            session.draft = file
    if session.draft is None:
        return _reply("nothing was changed")
    text = read_source(file).text
    session.inputs[-1] = "\n".join([session.inputs[-1], *map(marked, text.removesuffix("\n").split("\n"))])
    reply = session.accept(hypothesis.propose_edited(session.standing, text))
    if not reply.ok:
        return _reply(
            f"{reply.text}\n  nothing was taken, and nothing is lost:\n  :edit opens this text again, :edit! the program as it stands",
            ok=False,
        )
    session.draft = None
    return reply


def _load(session: Session, given: Given) -> Reply:
    return session.accept(hypothesis.propose_file(session.standing, read_source(given.text)))


def _save(session: Session, given: Given) -> Reply:
    if not session.standing.pieces:
        raise ScoutError("E703", "there is no program yet", "begin with the elements: system Cu-P")
    path = Path(given.text)
    if path.suffix != ".scout":
        raise ScoutError("E702", f"{quoted(given.text)} is not named as a program is", f":save {path.name or 'pairs'}.scout")
    _write(path, session.standing.usual, given.forced, "save")
    outside = "".join(f" --set {name}={value}" for name, value in session.standing.settings.items())
    note = f"\n  values that were set are not in it: scout run {path}{outside}" if outside else ""
    return _reply(f"saved in {path}{note}")


def _set(session: Session, given: Given) -> Reply:
    settings = dict(session.standing.settings)
    if not given.words:
        return _reply("\n".join(f"{name} = {value}" for name, value in settings.items()) or "nothing is set from outside")
    name, equals, value = (part.strip() for part in given.text.partition("="))
    if not equals or not name:
        raise ScoutError("E702", f"{quoted(given.text)} is not NAME=VALUE", ":set k=0.4; without a value, :set k=, it is as in the program")
    if value:
        settings[name] = value
    else:
        settings.pop(name, None)
    return session.accept(hypothesis.propose_settings(session.standing, settings))


# ---- structures ----


def _measure(session: Session, given: Given) -> Reply:
    return _reply(*session.host.measured(_program(session), given.words))


def _sample(session: Session, given: Given) -> Reply:
    program, count = _single(session), _number(given, _FEW, MAX_SAMPLE)
    bench = session.bench
    from scoutlang.repl import showing

    with session.host.watching() as watcher:
        sampled = bench.sample(program, count, watcher)
    return _reply(showing.said(sampled, session.host.width), sampled.complete)


def _run(session: Session, given: Given) -> Reply:
    program = _single(session)
    bench = session.bench
    from scoutlang.repl import showing

    with session.host.watching() as watcher:
        sampled = bench.run(program, Path(given.text) if given.words else None, watcher)
    return _reply(showing.said(sampled, session.host.width), sampled.complete)


def _sweep(session: Session, given: Given) -> Reply:
    found = _SWEEP.fullmatch(given.text)
    standing, folder, again = session.standing, found["folder"] if found else given.text, ""
    if found:
        values = found["values"].strip().strip("{}")
        again = f"{found['name']} = {values}"
        proposal = hypothesis.propose_sweep(standing, found["name"], values)
        if proposal.problems:
            return _reply(render(proposal.problems, proposal.result.source, color=session.color), ok=False)
        standing = proposal.hypothesis
    program = _whole(standing)
    if not program.sweeps:
        raise ScoutError("E702", "nothing is swept", ":sweep k = 0.2, 0.4, 0.8; or write it into the program, sweep k in {0.2, 0.4, 0.8}")
    family = api.family(standing.checked, standing.settings)
    swept = session.bench.sweep(program, family, Path(folder) if folder else None, session.host.watching)
    from scoutlang.repl import showing

    return _reply(showing.swept_said(swept, session.host.width, again), swept.complete)


def _hits(session: Session, given: Given) -> Reply:
    made = session.made.last()
    from scoutlang.repl import showing

    return _reply(showing.hits(made, session.host.width))


def _view(session: Session, given: Given) -> Reply:
    made, number = session.made.last(), _number(given, 1, 10**9)
    from scoutlang.repl import showing

    text, page = showing.view(made, number, session.host.width), showing.page(made, number)
    if page is None:
        return _reply(text)
    how = "opened in the browser" if session.host.browse(page) else "to turn it, open this page in a browser"
    return _reply(f"{text}\n{how}{' (it goes with the session)' if made.temporary else ''}:\n  {page}")


def _plot(session: Session, given: Given) -> Reply:
    made = session.made.last()
    from scoutlang.repl import showing

    term = showing.term_called(made, given.text)
    if term is not None:
        return _reply(showing.plot(made, term, term.text, session.host.width))
    _program(session)
    measured, problems = hypothesis.measured(session.standing, given.text, color=session.color)
    if measured is None:
        return _reply(problems, ok=False)
    return _reply(showing.plot(made, measured, given.text, session.host.width))


def _report(session: Session, given: Given) -> Reply:
    last = session.made.last()
    arguments = ["report", str(last.folder)]
    if given.words:
        if Path(given.text).exists() and not given.forced:
            raise ScoutError("E704", f"{given.text} exists", f":report! {given.text} writes over it")
        arguments += ["--out", given.text]
    elif last.temporary:
        raise ScoutError("E702", "what :sample made is gone after the session, and its page with it", "name a file: :report pairs.html")
    return _reply(*session.host.command(arguments))


# ---- help ----


def _explain(session: Session, given: Given) -> Reply:
    return _reply(*session.host.command(["explain", *given.words]))


def _doc(session: Session, given: Given) -> Reply:
    return _reply(*session.host.command(["doc", *given.words]))


def _history(session: Session, given: Given) -> Reply:
    inputs = session.inputs[:-1]
    if not given.words:
        kept = session.recording.file if session.recording else None
        return _reply("\n".join([*inputs, *([f"kept in {kept}; scout replay runs it again"] if kept else [])]))
    _write(Path(given.text), "".join(map(written, inputs)), given.forced, "history")
    return _reply(f"{len(inputs)} inputs in {given.text}; scout replay {given.text} runs them")


def _help(session: Session, given: Given) -> Reply:
    wanted = given.text.removeprefix(":")
    if wanted and wanted not in COMMANDS:
        raise ScoutError("E701", f"no command {quoted(f':{wanted}')}", _meant(wanted) or ":help lists them all")
    shown = [COMMANDS[wanted]] if wanted else list(COMMANDS.values())
    width = session.host.width
    head = [] if wanted else textwrap.wrap("statements build the program: system Cu-P; require CN(Cu-P) = 4", width)
    return _reply("\n".join([*head, *_listed([(one.form, one.help) for one in shown], width)]))


def _quit(session: Session, given: Given) -> Reply:
    return _reply(quit=True)


# ---- what they share ----


def _listed(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """What each is, beside its name; below it where the terminal is narrow."""
    column = max(len(name) for name, _ in rows) + 2
    for name, about in rows:
        if width - column < _NARROW:
            yield from (name, *textwrap.wrap(about, max(width, _NARROW), initial_indent="    ", subsequent_indent="    "))
        else:
            yield from textwrap.wrap(about, width, initial_indent=f"{name:<{column}}", subsequent_indent=" " * column)


def _meant(name: str) -> str:
    return did_you_mean(f":{name}", [f":{one}" for one in COMMANDS])


def _program(session: Session) -> Program:
    """Raises ScoutError E703 where there is no whole program yet."""
    return _whole(session.standing)


def _whole(standing: Hypothesis) -> Program:
    if standing.checked.program is None:
        raise ScoutError("E703", "there is no program yet", "name the elements: system Cu-Si-P-Ca")
    return standing.checked.program


def _single(session: Session) -> Program:
    """A program to sample; `sweep` makes many of them."""
    program = _program(session)
    if program.sweeps:
        raise ScoutError("E702", "a sweep is a family of runs", f":sweep runs it; without it, :drop {program.sweeps[0].name}")
    return program


def _number(given: Given, usual: int, most: int) -> int:
    if not given.words:
        return usual
    if not (given.text.isascii() and given.text.isdigit() and len(given.text) < 12 and 1 <= int(given.text) <= most):
        raise ScoutError("E702", f"{quoted(given.text)} is not a number from 1 to {most}", f"for example {usual}")
    return int(given.text)


def _write(path: Path, text: str, forced: bool, command: str) -> None:
    """Raises ScoutError E704 where a file is in the way, or the disk refuses."""
    if path.exists() and not forced:
        raise ScoutError("E704", f"{path} exists", f":{command}! {path} writes over it")
    try:
        write_whole(path, lambda file: file.write_text(text, encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ScoutError("E704", f"{path}: cannot be written ({reason})", "choose another file") from None


_TABLE = (
    Command("show", "", "the program as it stands, in the usual form", _show),
    Command("check", "", "what it means, with all defaults", _check),
    Command("undo", "", "go back by one change", _undo),
    Command("redo", "", "do again what was undone", _redo),
    Command("drop", "NAME", "take out a statement: the label of a term, a param, or a verb such as guide", _drop, "term", (1, 20)),
    Command("edit", "", "the program in $VISUAL or $EDITOR; a text that is refused is there again the next time", _edit, "program"),
    Command("load", "FILE.scout", "put a file in the place of what stands", _load, "program file", (1, 1)),
    Command("save", "FILE.scout", "write the program into a new file; :save! over one that exists", _save, "program file", (1, 1)),
    Command(
        "set",
        "[NAME=VALUE]",
        "another value for a param or a setting, as --set; without a value, as in the program",
        _set,
        "setting",
        (0, 20),
    ),
    Command("measure", "FILES", "every term on structures: CIF, extxyz, POSCAR, zip or a folder", _measure, "structure files", (1, 1000)),
    Command(
        "sample", "[N]", f"make N structures per arm now ({_FEW}); Ctrl-C ends it after the batch, twice at once", _sample, "number", (0, 1)
    ),
    Command("run", "[FOLDER]", "as scout run: all that `sample` asks for, kept in a folder", _run, "folder", (0, 1)),
    Command(
        "sweep",
        "[NAME=VALUES]",
        "a run for each value of the `sweep` lines, or of k = 0.2, 0.4; :sweep FOLDER goes on with it",
        _sweep,
        "sweep",
        (0, 1000),
    ),
    Command("hits", "", "the hits of what was made last", _hits),
    Command("view", "N", "one structure of it: formula, cell, sites, terms, and a page to turn it", _view, "number", (1, 1)),
    Command("plot", "EXPRESSION", "a histogram of a term or of anything the language measures, by arm", _plot, "expression", (1, 1000)),
    Command("report", "[FILE.html]", "a page with everything about the last run, as scout report", _report, "file", (0, 1)),
    Command("explain", "[CODE]", "the page of a message, E030", _explain, "code", (0, 1)),
    Command("doc", "[NAME]", "a page of the manual: CN, guide, Å", _doc, "name", (0, 1)),
    Command(
        "history", "[FILE]", "all inputs so far, and where they are kept; with FILE, write them for scout replay", _history, "file", (0, 1)
    ),
    Command("help", "[COMMAND]", "this list", _help, "command", (0, 1)),
    Command("quit", "", "leave (Ctrl-D)", _quit),
)

COMMANDS: Mapping[str, Command] = {command.name: command for command in _TABLE}

"""The commands of a session, one table: what is called, with what, what it does in a line, and the
function that does it.
"""

from __future__ import annotations

import glob
import re
import shlex
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scoutlang.interfaces import api
from scoutlang.interfaces.repl import hypothesis
from scoutlang.interfaces.repl.hypothesis import Hypothesis
from scoutlang.interfaces.repl.inputs import below, marked
from scoutlang.interfaces.repl.transcript import written
from scoutlang.ir import Program
from scoutlang.language.diagnostics.render.text import render
from scoutlang.language.diagnostics.suggest import did_you_mean, quoted
from scoutlang.language.reading import decode, read_source
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import write_whole

if TYPE_CHECKING:
    from scoutlang.interfaces.repl.samples import Sampled
    from scoutlang.interfaces.repl.session import Reply, Session

MAX_SAMPLE = 10_000
_FEW = 8
_NARROW = 30  # columns

_ELSEWHERE = {
    **dict.fromkeys(("q", "q!", "exit", "x", "bye"), ":quit, or Ctrl-D, leaves"),
    "wq": ":save FILE.scout, then :quit",
    "w": ":save FILE.scout",
    "h": ":help lists the commands",
}
"""What commands are called in other programs."""

_HINTS = {
    "E601": "name another folder",
    "E602": "free space, or name another place",
    "E603": "name another folder, or go on with the same program",
}
"""What to do here about errors that elsewhere are met with options of the command line."""

_FORM = re.compile(r":\s*(\w*)(!?)\s*(.*)", re.DOTALL)
_SWEEP = re.compile(
    r"""(?:(?P<folder>'[^']*'|"[^"]*"|\S+)\s+)?(?P<name>\w+)\s*(?:=|\bin\b)(?P<values>.*)"""
)

Takes = Literal[
    "nothing", "program file", "structure files", "folder", "sweep", "term", "expression", "code", "name", "setting", "command",
    "number", "file", "program",
]  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What follows the name of a command. forced: it was called with ``!``. below: the text in the
    lines below it, None where there are none.
    """

    words: tuple[str, ...]
    forced: bool
    below: str | None = None

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True)
class Command:
    """arguments: as the help writes them, in square brackets those that may be missing. takes: what
    completion offers for them. words: how many, at least and at most.
    """

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
    """Run a command. Raises ScoutError: E701 there is no such command, E702 it is called in another
    way, and whatever went wrong in it.
    """
    line, *rest = text.split("\n")
    found = _FORM.fullmatch(line)
    name = found[1] if found else ""
    if found is None or name not in COMMANDS:
        raise ScoutError(
            "E701", f"no command {quoted(f':{name}')}", _meant(name) or ":help lists them all"
        )
    command = COMMANDS[name]
    try:
        words = (
            tuple(shlex.split(found[3]))
            if command.takes.endswith(("file", "files", "folder"))
            else tuple(found[3].split())
        )
    except ValueError:
        raise ScoutError(
            "E702", "a quotation mark is missing its partner", f"it is called {command.form}"
        ) from None
    least, most = command.words
    if not least <= len(words) <= most or (rest and command.takes != "program"):
        raise ScoutError(
            "E702", f":{name} is called in another way", f"it is called {command.form}"
        )
    given = Given(
        words, bool(found[2]), "".join(f"{below(one)}\n" for one in rest) if rest else None
    )
    try:
        return command.function(session, given)
    except ScoutError as error:
        raise ScoutError(
            error.code,
            error.message,
            _HINTS.get(error.code, error.hint) if "--" in error.hint else error.hint,
        ) from None


def _reply(text: str = "", ok: bool = True, *, quit: bool = False) -> Reply:
    from scoutlang.interfaces.repl.session import Reply

    return Reply(text, ok, quit=quit)


# ---- the program ----


def _show(session: Session, given: Given) -> Reply:
    lines = (
        [session.standing.usual.removesuffix("\n")]
        if session.standing.pieces
        else ["nothing stands yet; begin with the elements: system Cu-P"]
    )
    lines += [
        f"# set from outside: {name} = {value}" for name, value in session.standing.settings.items()
    ]
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
            "E702",
            f"no one statement is called {quoted(given.text)}",
            "name the label of a term, a param, or a verb such as guide",
        )
    return session.accept(proposal)


def _edit(session: Session, given: Given) -> Reply:
    from scoutlang.interfaces.repl.session import Draft

    if given.forced:
        session.draft = None
    folder = session.draft.folder if session.draft else session.standing.folder
    text = given.below
    if text is None:
        text = _edited(session, folder)
        if text is None:
            return _reply("nothing was changed")
        session.inputs[-1] = "\n".join(
            [session.inputs[-1], *map(marked, text.removesuffix("\n").split("\n"))]
        )
    reply = session.accept(hypothesis.propose_edited(session.standing, text, folder))
    if reply.ok:
        session.draft = None
        return reply
    session.draft = Draft(text.encode(errors="backslashreplace"), folder, edited=True)
    return _reply(
        f"{reply.text}\n  nothing was taken, and nothing is lost:\n  :edit opens this text again, :edit! the program as it stands",
        ok=False,
    )


def _edited(session: Session, folder: Path | None) -> str | None:
    """What the editor makes of the text that waits, else of the program; None where it leaves the
    program as it is. Raises ScoutError E705, E002, E003.

    A text that was changed waits for the next `:edit`, whatever happens.
    """
    from scoutlang.interfaces.repl.session import Draft

    file, draft = session.folder / "program.scout", session.draft
    before = draft.content if draft else session.standing.usual.encode()
    write_whole(file, lambda path: path.write_bytes(before))
    content, missing = before, ""
    try:
        session.host.edit(file)
    finally:
        try:
            content = file.read_bytes()
        except OSError as error:
            missing = error.strerror or str(error)
        if content != before:
            session.draft = Draft(content, folder, edited=True)
    if missing:
        raise ScoutError(
            "E705",
            f"the editor left no text behind ({missing})",
            "nothing was changed; :edit opens the same text again",
        )
    return None if content == before and draft is None else decode(content, str(file)).text


def _load(session: Session, given: Given) -> Reply:
    source, standing = read_source(given.text), session.standing
    proposal, set_before = hypothesis.propose_file(standing, source), standing.settings
    if any(problem.code == "E076" for problem in proposal.problems):
        standing = replace(standing, settings=hypothesis.fitting(set_before, source))
        proposal = hypothesis.propose_file(standing, source)
    reply = session.accept(proposal)
    if not reply.ok:
        return replace(reply, text=f"{reply.text}\n{session.offer(source.text, source.folder)}")
    kept = (
        [
            f"  still set from outside: {_values(standing.settings)}; :set {next(iter(standing.settings))}= drops it"
        ]
        if standing.settings
        else []
    )
    gone = {name: value for name, value in set_before.items() if name not in standing.settings}
    lost = (
        [f"  no longer set from outside, since this program does not take it: {_values(gone)}"]
        if gone
        else []
    )
    return replace(reply, text="\n".join(text for text in [reply.text, *kept, *lost] if text))


def _values(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in settings.items())


def _save(session: Session, given: Given) -> Reply:
    if not session.standing.pieces:
        raise ScoutError("E703", "there is no program yet", "begin with the elements: system Cu-P")
    path = Path(given.text)
    if path.suffix != ".scout":
        raise ScoutError(
            "E702",
            f"{quoted(given.text)} is not named as a program is",
            f":save {_named(Path(path.stem or 'pairs'))}.scout",
        )
    _write(path, session.standing.usual, given.forced, "save")
    outside = "".join(
        f" --set {shlex.quote(f'{name}={value}')}"
        for name, value in session.standing.settings.items()
    )
    note = (
        f"\n  values that were set are not in it: scout run {_named(path)}{outside}"
        if outside
        else ""
    )
    return _reply(f"saved in {path}{note}")


def _set(session: Session, given: Given) -> Reply:
    settings = dict(session.standing.settings)
    if not given.words:
        return _reply(
            "\n".join(f"{name} = {value}" for name, value in settings.items())
            or "nothing is set from outside"
        )
    name, equals, value = (part.strip() for part in given.text.partition("="))
    if not equals or not name:
        raise ScoutError(
            "E702",
            f"{quoted(given.text)} is not NAME=VALUE",
            ":set k=0.4; without a value, :set k=, it is as in the program",
        )
    if value:
        settings[name] = value
    else:
        settings.pop(name, None)
    return session.accept(hypothesis.propose_settings(session.standing, settings))


# ---- structures ----


def _measure(session: Session, given: Given) -> Reply:
    program = _program(session)
    return _reply(
        *session.host.measured(
            program, [path for word in given.words for path in _meant_files(word)]
        )
    )


def _meant_files(word: str) -> Sequence[str]:
    """The files that a name with ``*``, ``?`` or ``[…]`` stands for, as in a shell. Raises
    ScoutError E201 where there is none.
    """
    if not glob.has_magic(word) or Path(word).exists():
        return [word]
    found = sorted(glob.glob(word))
    if not found:
        raise ScoutError(
            "E201",
            f"no file is called like {quoted(word)}",
            "Tab completes names; a folder stands for all structures in it",
        )
    return found


def _sample(session: Session, given: Given) -> Reply:
    program, count = _single(session), _number(given, _FEW, MAX_SAMPLE)
    bench = session.bench
    from scoutlang.interfaces.repl import showing

    with session.host.watching() as watcher:
        sampled = bench.sample(program, count, watcher)
    return _reply(showing.said(sampled, session.host.width), sampled.complete)


def _run(session: Session, given: Given) -> Reply:
    from scoutlang.runs.folder import goes_on

    program, folder = _single(session), Path(given.text) if given.words else None
    another = "choose another folder, or :run alone, which finds one"
    resume = folder is not None and goes_on(program, folder, another)
    bench = session.bench
    from scoutlang.interfaces.repl import showing

    with session.host.watching() as watcher:
        sampled = bench.run(program, folder, watcher, resume=resume)
    return _reply(showing.said(sampled, session.host.width), sampled.complete)


def _sweep(session: Session, given: Given) -> Reply:
    found = _SWEEP.fullmatch(given.text)
    standing, folder, again = (
        session.standing,
        _unquoted(found["folder"] if found else given.text),
        "",
    )
    if found:
        values = found["values"].strip().strip("{}")
        again = f"{found['name']} = {values}"
        proposal = hypothesis.propose_sweep(standing, found["name"], values)
        if proposal.problems:
            return _reply(
                render(proposal.problems, proposal.result.source, color=session.color), ok=False
            )
        standing = proposal.hypothesis
    program = _whole(standing)
    if not program.sweeps:
        raise ScoutError(
            "E702",
            "nothing is swept",
            ":sweep k = 0.2, 0.4, 0.8; or write it into the program, sweep k in {0.2, 0.4, 0.8}",
        )
    family = api.family(standing.checked, standing.settings)
    swept = session.bench.sweep(
        program, family, _program(session), Path(folder) if folder else None, session.host.watching
    )
    from scoutlang.interfaces.repl import showing

    return _reply(showing.swept_said(swept, session.host.width, again), swept.complete)


def _hits(session: Session, given: Given) -> Reply:
    made = session.made.last()
    from scoutlang.interfaces.repl import showing

    return _reply(_marked(session, made, showing.hits(made, session.host.width)))


def _view(session: Session, given: Given) -> Reply:
    made, number = session.made.last(), _number(given, 1, 10**9)
    from scoutlang.interfaces.repl import showing

    text, page = (
        _marked(session, made, showing.view(made, number, session.host.width)),
        showing.page(made, number),
    )
    if page is None:
        return _reply(text)
    how = (
        "opened in the browser"
        if session.host.browse(page)
        else "to turn it, open this page in a browser"
    )
    return _reply(
        f"{text}\n{how}{' (it goes with the session)' if made.temporary else ''}:\n  {page}"
    )


def _plot(session: Session, given: Given) -> Reply:
    made = session.made.last()
    from scoutlang.interfaces.repl import showing

    term = showing.term_called(made, given.text)
    if term is not None:
        return _reply(
            _marked(session, made, showing.plot(made, term, term.text, session.host.width))
        )
    _program(session)
    measured, problems = hypothesis.measured(session.standing, given.text, color=session.color)
    if measured is None:
        return _reply(problems, ok=False)
    return _reply(
        _marked(session, made, showing.plot(made, measured, given.text, session.host.width))
    )


def _marked(session: Session, made: Sampled, text: str) -> str:
    """What is said of structures, below a line on what made them where that stands no more."""
    from scoutlang.interfaces.repl import showing

    return "\n".join([*showing.made_by(made, session.program, session.host.width), text])


def _report(session: Session, given: Given) -> Reply:
    last = session.made.last()
    arguments = ["report", str(last.folder)]
    if given.words:
        path = Path(given.text)
        if path.suffix not in (".html", ".htm"):
            raise ScoutError(
                "E702",
                f"{quoted(given.text)} is not named as a page is",
                f":report {_named(Path(path.stem or 'pairs'))}.html",
            )
        if path.exists() and not given.forced:
            raise ScoutError("E704", f"{path} exists", f":report! {_named(path)} writes over it")
        arguments += ["--out", given.text]
    elif last.temporary:
        raise ScoutError(
            "E702",
            "what :sample made is gone after the session, and its page with it",
            "name a file: :report pairs.html",
        )
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
        where = (
            f"kept in {kept}, earlier sessions beside it; scout replay FILE runs one again"
            if kept
            else ""
        )
        return _reply(
            "\n".join(text for text in [*(inputs or ["nothing before this"]), where] if text)
        )
    path = Path(given.text)
    _write(path, "".join(map(written, inputs)), given.forced, "history")
    return _reply(f"{len(inputs)} inputs in {path}; scout replay {_named(path)} runs them")


def _help(session: Session, given: Given) -> Reply:
    wanted = given.text.removeprefix(":")
    if wanted and wanted not in COMMANDS:
        raise ScoutError(
            "E701", f"no command {quoted(f':{wanted}')}", _meant(wanted) or ":help lists them all"
        )
    shown = [COMMANDS[wanted]] if wanted else list(COMMANDS.values())
    width = session.host.width
    head = (
        []
        if wanted
        else textwrap.wrap("statements build the program: system Cu-P; require CN(Cu-P) = 4", width)
    )
    return _reply("\n".join([*head, *_listed([(one.form, one.help) for one in shown], width)]))


def _quit(session: Session, given: Given) -> Reply:
    return _reply(quit=True)


# ---- what they share ----


def _listed(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """What each is, beside its name; below it where the terminal is narrow."""
    column = max(len(name) for name, _ in rows) + 2
    for name, about in rows:
        if width - column < _NARROW:
            yield from (
                name,
                *textwrap.wrap(
                    about, max(width, _NARROW), initial_indent="    ", subsequent_indent="    "
                ),
            )
        else:
            yield from textwrap.wrap(
                about, width, initial_indent=f"{name:<{column}}", subsequent_indent=" " * column
            )


def _named(path: Path) -> str:
    """A file name as a command takes it."""
    return shlex.quote(str(path))


def _unquoted(name: str | None) -> str:
    """A file name without the quotation marks around it."""
    try:
        return " ".join(shlex.split(name or ""))
    except ValueError:
        raise ScoutError(
            "E702",
            "a quotation mark is missing its partner",
            "names with spaces stand in quotation marks",
        ) from None


def _meant(name: str) -> str:
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
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
        raise ScoutError(
            "E702",
            "a sweep is a family of runs",
            f":sweep runs it; without it, :drop {program.sweeps[0].name}",
        )
    return program


def _number(given: Given, usual: int, most: int) -> int:
    if not given.words:
        return usual
    if not (
        given.text.isascii()
        and given.text.isdigit()
        and len(given.text) < 12
        and 1 <= int(given.text) <= most
    ):
        raise ScoutError(
            "E702", f"{quoted(given.text)} is not a number from 1 to {most}", f"for example {usual}"
        )
    return int(given.text)


def _write(path: Path, text: str, forced: bool, command: str) -> None:
    """Raises ScoutError E704 where a file is in the way, or the disk refuses."""
    if path.exists() and not forced:
        raise ScoutError("E704", f"{path} exists", f":{command}! {_named(path)} writes over it")
    try:
        write_whole(path, lambda file: file.write_text(text, encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ScoutError(
            "E704", f"{path}: cannot be written ({reason})", "choose another file"
        ) from None


_TABLE = (
    Command("show", "", "the program as it stands, in the usual form", _show),
    Command("check", "", "what it means, with all defaults", _check),
    Command("undo", "", "go back by one change", _undo),
    Command("redo", "", "do again what was undone", _redo),
    Command(
        "drop",
        "NAME",
        "take out a statement: the label of a term, a param, or a verb such as guide",
        _drop,
        "term",
        (1, 20),
    ),
    Command(
        "edit",
        "",
        "the program in $VISUAL or $EDITOR; a text that is refused is there again the next time",
        _edit,
        "program",
    ),
    Command(
        "load",
        "FILE.scout",
        "put a file in the place of what stands",
        _load,
        "program file",
        (1, 1),
    ),
    Command(
        "save",
        "FILE.scout",
        "write the program into a new file; :save! over one that exists",
        _save,
        "program file",
        (1, 1),
    ),
    Command(
        "set",
        "[NAME=VALUE]",
        "another value for a param or a setting, as --set; without a value, as in the program",
        _set,
        "setting",
        (0, 20),
    ),
    Command(
        "measure",
        "FILES",
        "every term on structures: CIF, extxyz, POSCAR, zip or a folder",
        _measure,
        "structure files",
        (1, 1000),
    ),
    Command(
        "sample",
        "[N]",
        f"make N structures per arm now ({_FEW}); Ctrl-C ends it after the batch, twice at once",
        _sample,
        "number",
        (0, 1),
    ),
    Command(
        "run",
        "[FOLDER]",
        "as scout run: all that `sample` asks for, kept in a folder",
        _run,
        "folder",
        (0, 1),
    ),
    Command(
        "sweep",
        "[NAME=VALUES]",
        "a run for each value of the `sweep` lines, or of k = 0.2, 0.4; :sweep FOLDER goes on with it",
        _sweep,
        "sweep",
        (0, 1000),
    ),
    Command("hits", "", "the hits of what was made last", _hits),
    Command(
        "view",
        "N",
        "one structure of it: formula, cell, sites, terms, and a page to turn it",
        _view,
        "number",
        (1, 1),
    ),
    Command(
        "plot",
        "EXPRESSION",
        "a histogram of a term or of anything the language measures, by arm",
        _plot,
        "expression",
        (1, 1000),
    ),
    Command(
        "report",
        "[FILE.html]",
        "a page with everything about the last run, as scout report",
        _report,
        "file",
        (0, 1),
    ),
    Command("explain", "[CODE]", "the page of a message, E030", _explain, "code", (0, 1)),
    Command("doc", "[NAME]", "a page of the manual: CN, guide, Å", _doc, "name", (0, 1)),
    Command(
        "history",
        "[FILE]",
        "all inputs so far, and where they are kept; with FILE, write them for scout replay",
        _history,
        "file",
        (0, 1),
    ),
    Command("help", "[COMMAND]", "this list", _help, "command", (0, 1)),
    Command("quit", "", "leave (Ctrl-D)", _quit),
)

COMMANDS: Mapping[str, Command] = {command.name: command for command in _TABLE}

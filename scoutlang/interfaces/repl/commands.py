"""The commands of a session: each is one function, and the line above it says how it is called,
what it does and what Tab offers behind it.
"""

from __future__ import annotations

import glob
import re
import shlex
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from scoutlang.interfaces import api
from scoutlang.interfaces.repl import hypothesis
from scoutlang.interfaces.repl.hypothesis import Hypothesis
from scoutlang.interfaces.repl.inputs import below, written
from scoutlang.interfaces.repl.session import Draft, Reply, Session
from scoutlang.interfaces.repl.session_file import SUFFIX
from scoutlang.ir import Program
from scoutlang.language.diagnostics.suggest import did_you_mean, quoted
from scoutlang.language.reading import decode, read_source
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import followed, write_named, write_whole

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
    "nothing", "program file", "structure files", "folder", "sweep", "term", "expression", "code",
    "name", "setting", "command", "number", "file", "program",
]  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What a command is called with."""

    words: tuple[str, ...]
    """What follows its name."""
    forced: bool
    """It was called with ``!``."""
    below: str | None = None
    """The text in the lines below it, None where there are none."""

    @property
    def text(self) -> str:
        return " ".join(self.words)


_Function = Callable[[Session, Given], Reply]


@dataclass(frozen=True)
class Command:
    """What stands behind ``:NAME``."""

    name: str
    arguments: str
    """As the help writes them, in square brackets those that may be missing."""
    help: str
    """What it does, in a line."""
    function: _Function
    takes: Takes
    """What completion offers for its arguments."""
    most: int
    """Words that it can take."""

    @property
    def form(self) -> str:
        return f":{self.name} {self.arguments}".rstrip()

    @property
    def takes_files(self) -> bool:
        """Whether its arguments are names of files, which may stand in quotation marks."""
        return self.takes.endswith(("file", "files", "folder"))

    @property
    def least(self) -> int:
        """Words that it needs."""
        return 0 if not self.arguments or self.arguments.startswith("[") else 1


COMMANDS: dict[str, Command] = {}
"""In the order of this file, which is that of the help."""


def command(
    form: str, help: str, takes: Takes = "nothing", *, most: int = 1
) -> Callable[[_Function], _Function]:
    """Make a command of a function. form: its name and its arguments."""
    name, _, arguments = form.partition(" ")

    def enter(function: _Function) -> _Function:
        COMMANDS[name] = Command(name, arguments, help, function, takes, most if arguments else 0)
        return function

    return enter


def run(session: Session, text: str) -> Reply:
    """Run a command. Raises ScoutError: E701 there is no such command, E702 it is called in another
    way, and whatever went wrong in it.
    """
    line, *rest = text.split("\n")
    found = _FORM.fullmatch(line)
    assert found is not None  # whatever stands behind the colon
    command = _called(found[1])
    how = f"it is called {command.form}"
    words = _split(found[3], how) if command.takes_files else found[3].split()
    too_few_or_many = not command.least <= len(words) <= command.most
    if too_few_or_many or (rest and command.takes != "program"):
        raise ScoutError("E702", f":{command.name} is called in another way", how)
    text_below = "".join(f"{below(one)}\n" for one in rest) if rest else None
    try:
        return command.function(session, Given(tuple(words), bool(found[2]), text_below))
    except ScoutError as error:
        hint = _HINTS.get(error.code, error.hint) if "--" in error.hint else error.hint
        raise ScoutError(error.code, error.message, hint) from None


def _called(name: str) -> Command:
    """Raises ScoutError E701 where no command has that name."""
    if name not in COMMANDS:
        hint = _ELSEWHERE.get(name) or did_you_mean(f":{name}", [f":{one}" for one in COMMANDS])
        raise ScoutError("E701", f"no command {quoted(f':{name}')}", hint or ":help lists them all")
    return COMMANDS[name]


def _split(text: str, hint: str) -> list[str]:
    """The words of a text as a shell has them."""
    try:
        return shlex.split(text)
    except ValueError:
        raise ScoutError("E702", "a quotation mark is missing its partner", hint) from None


# ---- the program ----


@command("show", "the program as it stands, in the usual form")
def _show(session: Session, given: Given) -> Reply:
    standing = session.standing
    text = standing.usual.removesuffix("\n")
    lines = [
        text if standing.pieces else "nothing stands yet; begin with the elements: system Cu-P"
    ]
    lines += [f"# set from outside: {name} = {value}" for name, value in standing.settings.items()]
    return Reply("\n".join(lines))


@command("check", "what it means, with all defaults")
def _check(session: Session, given: Given) -> Reply:
    return Reply(api.printer().summary(_program(session)))


@command("undo", "go back by one change")
def _undo(session: Session, given: Given) -> Reply:
    return _show(session, given) if session.undo() else Reply("there is nothing to undo", ok=False)


@command("redo", "do again what was undone")
def _redo(session: Session, given: Given) -> Reply:
    return _show(session, given) if session.redo() else Reply("there is nothing to redo", ok=False)


@command(
    "drop NAME",
    "take out a statement: the label of a term, a param, or a verb such as guide",
    "term",
    most=20,
)
def _drop(session: Session, given: Given) -> Reply:
    proposal = hypothesis.without(session.standing, given.text)
    if proposal is None:
        raise ScoutError(
            "E702",
            f"no one statement is called {quoted(given.text)}",
            "name the label of a term, a param, or a verb such as guide",
        )
    return session.accept(proposal)


@command(
    "edit",
    "the program in $VISUAL or $EDITOR; a text that is refused is there again the next time",
    "program",
)
def _edit(session: Session, given: Given) -> Reply:
    if given.forced:
        session.draft = None
    folder = session.draft.folder if session.draft else session.standing.folder
    text = given.below
    if text is None:
        text = _edited(session, folder)
        if text is None:
            return Reply("nothing was changed")
        session.keep_below(text)
    reply = session.accept(hypothesis.propose_edited(session.standing, text, folder))
    if reply.ok:
        session.draft = None
        return reply
    session.draft = Draft(text.encode(errors="backslashreplace"), folder, edited=True)
    return Reply(
        f"{reply.text}\n  nothing was taken, and nothing is lost:\n"
        "  :edit opens this text again, :edit! the program as it stands",
        ok=False,
    )


def _edited(session: Session, folder: Path | None) -> str | None:
    """What the editor makes of the text that waits, else of the program; None where it leaves the
    program as it is. Raises ScoutError E705, E002, E003.

    A text that was changed waits for the next `:edit`, whatever happens.
    """
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


@command("load FILE.scout", "put a file in the place of what stands", "program file")
def _load(session: Session, given: Given) -> Reply:
    source, standing = read_source(given.text), session.standing
    proposal, set_before = hypothesis.propose_file(standing, source), standing.settings
    if any(problem.code == "E076" for problem in proposal.problems):
        standing = replace(standing, settings=hypothesis.fitting(set_before, source))
        proposal = hypothesis.propose_file(standing, source)
    reply = session.accept(proposal)
    if not reply.ok:
        return replace(reply, text=f"{reply.text}\n{session.offer(source.text, source.folder)}")
    lines, settings = [reply.text], standing.settings
    if settings:
        drop = f":set {next(iter(settings))}= drops it"
        lines.append(f"  still set from outside: {_values(settings)}; {drop}")
    gone = {name: value for name, value in set_before.items() if name not in settings}
    if gone:
        why = "since this program does not take it"
        lines.append(f"  no longer set from outside, {why}: {_values(gone)}")
    return replace(reply, text="\n".join(filter(None, lines)))


def _values(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in settings.items())


@command(
    "save FILE.scout",
    "write the program into a new file; :save! over one that exists",
    "program file",
)
def _save(session: Session, given: Given) -> Reply:
    if not session.standing.pieces:
        raise ScoutError("E703", "there is no program yet", "begin with the elements: system Cu-P")
    path = _file(given, "save", "a program", ".scout")
    _write(session, path, session.standing.usual, given, "save")
    settings = (f"{name}={value}" for name, value in session.standing.settings.items())
    outside = "".join(f" --set {shlex.quote(one)}" for one in settings)
    if outside:
        outside = f"\n  values that were set are not in it: scout run {_named(path)}{outside}"
    return Reply(f"saved in {path}{outside}")


@command(
    "set [NAME=VALUE]",
    "another value for a param or a setting, as --set; without a value, as in the program",
    "setting",
    most=20,
)
def _set(session: Session, given: Given) -> Reply:
    settings = dict(session.standing.settings)
    if not given.words:
        lines = (f"{name} = {value}" for name, value in settings.items())
        return Reply("\n".join(lines) or "nothing is set from outside")
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


@command(
    "measure FILES",
    "every term on structures: CIF, extxyz, POSCAR, zip or a folder",
    "structure files",
    most=1000,
)
def _measure(session: Session, given: Given) -> Reply:
    program = _program(session)
    paths = [path for word in given.words for path in _meant_files(word)]
    return Reply(*session.host.measured(program, paths))


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


@command(
    "sample [N]",
    f"make N structures per arm now ({_FEW}); Ctrl-C ends it after the batch, twice at once",
    "number",
)
def _sample(session: Session, given: Given) -> Reply:
    program, count = _single(session), _number(given, _FEW, MAX_SAMPLE)
    bench = session.bench
    from scoutlang.interfaces.repl import showing

    with session.host.watching() as watcher:
        sampled = bench.sample(program, count, watcher)
    return Reply(showing.said(sampled, session.host.width), sampled.complete)


@command("run [FOLDER]", "as scout run: all that `sample` asks for, kept in a folder", "folder")
def _run(session: Session, given: Given) -> Reply:
    from scoutlang.runs.folder import goes_on

    program, folder = _single(session), Path(given.text) if given.words else None
    another = "choose another folder, or :run alone, which finds one"
    if folder is not None:
        _inside(session, folder)
    resume = folder is not None and goes_on(program, folder, another)
    bench = session.bench
    from scoutlang.interfaces.repl import showing

    with session.host.watching() as watcher:
        sampled = bench.run(program, folder, watcher, resume=resume)
    return Reply(showing.said(sampled, session.host.width), sampled.complete)


@command(
    "sweep [NAME=VALUES]",
    "a run for each value of the `sweep` lines, or of k = 0.2, 0.4; :sweep FOLDER goes on with it",
    "sweep",
    most=1000,
)
def _sweep(session: Session, given: Given) -> Reply:
    found = _SWEEP.fullmatch(given.text)
    folder = (found["folder"] or "") if found else given.text
    folder = " ".join(_split(folder, "names with spaces stand in quotation marks"))
    if folder:
        _inside(session, Path(folder))
    standing, again = session.standing, ""
    if found:
        values = found["values"].strip().strip("{}")
        again = f"{found['name']} = {values}"
        proposal = hypothesis.propose_sweep(standing, found["name"], values)
        if proposal.problems:
            return session.accept(proposal)
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

    return Reply(showing.swept_said(swept, session.host.width, again), swept.complete)


@command("hits", "the hits of what was made last")
def _hits(session: Session, given: Given) -> Reply:
    made = session.made
    from scoutlang.interfaces.repl import showing

    return _about_made(session, showing.hits(made, session.host.width))


@command("candidates", "what of it is worth a calculation, best first")
def _candidates(session: Session, given: Given) -> Reply:
    made = session.made
    from scoutlang.interfaces.repl import showing

    return _about_made(session, showing.candidates(made, session.host.width))


@command(
    "view N", "one structure of it: formula, cell, sites, terms, and a page to turn it", "number"
)
def _view(session: Session, given: Given) -> Reply:
    made, number = session.made, _number(given, 1, 10**9)
    from scoutlang.interfaces.repl import showing

    reply = _about_made(session, showing.view(made, number, session.host.width))
    page = showing.page(made, number)
    if page is None:
        return reply
    opened = session.host.browse(page)
    how = "opened in the browser" if opened else "to turn it, open this page in a browser"
    how += " (it goes with the session)" if made.temporary else ""
    return Reply(f"{reply.text}\n{how}:\n  {page}")


@command(
    "plot EXPRESSION",
    "a histogram of a term or of anything the language measures, by arm",
    "expression",
    most=1000,
)
def _plot(session: Session, given: Given) -> Reply:
    made = session.made
    from scoutlang.interfaces.repl import showing

    title, problems = given.text, ""
    term = showing.term_called(made, title)
    if term is not None:
        title = term.text
    else:
        _program(session)
        term, problems = hypothesis.measured(session.standing, title, color=session.color)
    if term is None:
        return Reply(problems, ok=False)
    return _about_made(session, showing.plot(made, term, title, session.host.width))


def _about_made(session: Session, text: str) -> Reply:
    """What is said of structures, below a line on what made them where that stands no more."""
    from scoutlang.interfaces.repl import showing

    lines = showing.made_by(session.made, session.program, session.host.width)
    return Reply("\n".join([*lines, text]))


@command("report [FILE.html]", "a page with everything about the last run, as scout report", "file")
def _report(session: Session, given: Given) -> Reply:
    last = session.made
    arguments = ["report", str(last.folder)]
    if given.words:
        _free(session, _file(given, "report", "a page", ".html", ".htm"), given, "report")
        arguments += ["--out", given.text]
    elif last.temporary:
        raise ScoutError(
            "E702",
            "what :sample made is gone after the session, and its page with it",
            "name a file: :report pairs.html",
        )
    return Reply(*session.host.command(arguments))


# ---- help ----


@command("explain [CODE]", "the page of a message, E030", "code")
def _explain(session: Session, given: Given) -> Reply:
    return Reply(*session.host.command(["explain", *given.words]))


@command("doc [NAME]", "a page of the manual: CN, guide, Å", "name")
def _doc(session: Session, given: Given) -> Reply:
    return Reply(*session.host.command(["doc", *given.words]))


@command(
    "history [FILE]",
    "all inputs so far, and where they are kept; with FILE, write them for scout replay",
    "file",
)
def _history(session: Session, given: Given) -> Reply:
    inputs = session.inputs[:-1]
    if not given.words:
        lines = inputs or ["nothing before this"]
        if session.file and session.file.path:
            again = "earlier sessions beside it; scout replay FILE runs one again"
            lines.append(f"kept in {session.file.path}, {again}")
        return Reply("\n".join(lines))
    path = Path(given.text)
    if session.writes_below and path.suffix not in (".txt", SUFFIX):
        raise _confined(path, f"inputs are written into .txt or {SUFFIX}")
    _write(session, path, "".join(map(written, inputs)), given, "history")
    return Reply(f"{len(inputs)} inputs in {path}; scout replay {_named(path)} runs them")


@command("help [COMMAND]", "this list", "command")
def _help(session: Session, given: Given) -> Reply:
    wanted = given.text.removeprefix(":")
    width = session.host.width
    if wanted:
        return Reply("\n".join(_listed([_called(wanted)], width)))
    head = textwrap.wrap("statements build the program: system Cu-P; require CN(Cu-P) = 4", width)
    return Reply("\n".join([*head, *_listed([*COMMANDS.values()], width)]))


@command("quit", "leave (Ctrl-D)")
def _quit(session: Session, given: Given) -> Reply:
    return Reply(quit=True)


# ---- what they share ----


def _listed(commands: Sequence[Command], width: int) -> Iterator[str]:
    """What each does, beside its form; below it where the terminal is narrow."""
    column = max(len(command.form) for command in commands) + 2
    narrow = width - column < _NARROW
    indent = " " * (4 if narrow else column)
    for command in commands:
        if narrow:
            yield command.form
        head = indent if narrow else f"{command.form:<{column}}"
        columns = max(width, _NARROW)
        yield from textwrap.wrap(
            command.help, columns, initial_indent=head, subsequent_indent=indent
        )


def _named(path: Path) -> str:
    """A file name as a command takes it."""
    return shlex.quote(str(path))


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
    text = given.text
    if not (re.fullmatch("[0-9]{1,11}", text) and 1 <= int(text) <= most):
        message = f"{quoted(text)} is not a number from 1 to {most}"
        raise ScoutError("E702", message, f"for example {usual}")
    return int(text)


def _file(given: Given, command: str, what: str, *suffixes: str) -> Path:
    """Raises ScoutError E702 for a file that is not named as such things are."""
    path = Path(given.text)
    if path.suffix not in suffixes:
        raise ScoutError(
            "E702",
            f"{quoted(given.text)} is not named as {what} is",
            f":{command} {_named(Path(path.stem or 'pairs'))}{suffixes[0]}",
        )
    return path


def _inside(session: Session, path: Path) -> None:
    """Raises ScoutError E706 for a place that the session may not write into."""
    below = session.writes_below
    if not below:
        return
    place = followed(path)
    root = next((one for one in below if place.is_relative_to(followed(one))), None)
    if root is None:
        raise _confined(path, f"it writes below {' and '.join(map(str, below))}")
    if any(part.startswith(".") for part in place.relative_to(followed(root)).parts):
        raise _confined(path, "it writes no hidden files")


def _confined(path: Path, why: str) -> ScoutError:
    return ScoutError(
        "E706",
        f"{path}: a session from a file does not write there; {why}",
        "read the session; `scout` alone, without a file, writes wherever you say",
    )


def _free(session: Session, path: Path, given: Given, command: str) -> None:
    """Raises ScoutError E704 where a file is in the way, E706 where the session may not write."""
    _inside(session, path)
    there = path.exists() or path.is_symlink()
    if there and session.writes_below:
        raise _confined(path, "the file exists, and it writes over none")
    if there and not given.forced:
        raise ScoutError("E704", f"{path} exists", f":{command}! {_named(path)} writes over it")


def _write(session: Session, path: Path, text: str, given: Given, command: str) -> None:
    """Raises ScoutError E704 where a file is in the way, or the disk refuses; E706 as `_free`."""
    _free(session, path, given, command)
    try:
        write_named(path, text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"{path}: cannot be written ({reason})"
        raise ScoutError("E704", message, "choose another file") from None

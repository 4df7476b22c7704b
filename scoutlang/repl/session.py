"""A session without a terminal: inputs go in, replies come out. Every front end, the replay and the tests drive this one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scoutlang.diagnostics.render.text import render
from scoutlang.errors import ScoutError
from scoutlang.ir import Program, Term
from scoutlang.repl import commands
from scoutlang.repl.hypothesis import Hypothesis, Proposal, propose
from scoutlang.repl.inputs import COMMAND, continued, inputs, unfinished
from scoutlang.repl.interrupts import deferred

if TYPE_CHECKING:
    from scoutlang.repl.samples import Bench
    from scoutlang.running import Watcher

_MOST = 20
"""New terms that are read back, of one input."""


class Host(Protocol):
    """What a session takes from the command line it lives in, so that both say a thing in the same words."""

    def command(self, arguments: Sequence[str]) -> tuple[str, bool]:
        """What ``scout ARGUMENTS`` says, and whether it ended well."""

    def meaning(self, term: Term) -> str:
        """A term as the checker took it, in one line."""

    def summary(self, program: Program) -> str:
        """A program as the checker took it."""

    def measured(self, program: Program, paths: Sequence[str]) -> tuple[str, bool]:
        """What `scout measure` says, and whether every structure could be read."""

    def watching(self) -> AbstractContextManager[Watcher]:
        """Who shows the progress of sampling."""

    @property
    def width(self) -> int:
        """Columns of the terminal."""


@dataclass(frozen=True)
class Reply:
    """What there is to say to one input. ok: it was taken; unfinished: it goes on in the next line, and nothing was done; quit: the session is over."""

    text: str = ""
    ok: bool = True
    unfinished: bool = False
    quit: bool = False


class Session:
    """A hypothesis in the making, what was sampled with it, and all inputs so far. Close it: it has a folder for samples."""

    def __init__(self, host: Host, *, folder: Path | None = None, color: bool = False) -> None:
        """folder: where file names in statements start from, the working folder if None. color: whether messages have colours."""
        self.host = host
        self.color = color
        self.standing = Hypothesis(folder=folder or Path.cwd())
        self.inputs: list[str] = []
        self._past: list[Hypothesis] = []
        self._future: list[Hypothesis] = []
        self._bench: Bench | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Remove the folder of samples."""
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def feed(self, text: str) -> Reply:
        """Take an input: statements, a command, or several lines of both, as a paste has them. Raises nothing but what is a fault of ours."""
        if unfinished(text):
            return Reply(unfinished=True)
        said, ok = [], True
        for one in inputs(text):
            self.inputs.append(one.rstrip())
            try:
                reply = commands.run(self, one) if one.startswith(COMMAND) else self._take(one)
            except ScoutError as error:
                reply = Reply(str(error), ok=False)
            said.append(reply.text)
            ok = ok and reply.ok
            if reply.quit:
                return Reply(_together(said), ok, quit=True)
        return Reply(_together(said), ok)

    @property
    def program(self) -> Program | None:
        """The program as it stands, None as long as it has no system."""
        return self.standing.checked.program

    @property
    def bench(self) -> Bench:
        """Where samples are made; imports torch."""
        if self._bench is None:
            with deferred():
                from scoutlang.repl.samples import Bench

            self._temporary = tempfile.TemporaryDirectory(prefix="scout-")
            self._bench = Bench(Path(self._temporary.name))
        return self._bench

    @property
    def made(self) -> Bench:
        """The bench with what was made on it. Raises ScoutError E703 where that is nothing."""
        if self._bench is None:
            raise ScoutError("E703", "nothing was sampled yet", ":sample makes a few structures")
        return self._bench

    @property
    def device(self) -> str | None:
        """Where the model works, None before one was needed."""
        return None if self._bench is None else self._bench.device

    def accept(self, proposal: Proposal) -> Reply:
        """Let a proposal stand if nothing is wrong with it, and say what is new."""
        if proposal.problems:
            return Reply(render(proposal.problems, proposal.result.source, color=self.color), ok=False)
        before = self.program
        known = before.terms if before is not None else ()
        self._past.append(self.standing)
        self._future.clear()
        self.standing = proposal.hypothesis
        lines = [f"  replaces {text}" for text in proposal.replaced]
        program = proposal.result.program
        if program is not None:
            meanings = {(term.verb, self.host.meaning(term)) for term in known}
            said = ((term.verb, self.host.meaning(term)) for term in program.terms)
            new = [f"  {verb:<8} {meaning}" for verb, meaning in said if (verb, meaning) not in meanings]
            lines += new if len(new) <= _MOST else [*new[:_MOST], f"  and {len(new) - _MOST} more"]
        if proposal.doubts:
            lines.append(render(proposal.doubts, proposal.result.source, color=self.color))
        return Reply("\n".join(lines))

    def undo(self) -> bool:
        """Go back by one change; False where there is none."""
        return self._step(self._past, self._future)

    def redo(self) -> bool:
        """Do again what was undone; False where there is nothing."""
        return self._step(self._future, self._past)

    def _step(self, source: list[Hypothesis], target: list[Hypothesis]) -> bool:
        if not source:
            return False
        target.append(self.standing)
        self.standing = source.pop()
        return True

    def _take(self, text: str) -> Reply:
        return self.accept(propose(self.standing, continued(text)))


def _together(said: Sequence[str]) -> str:
    return "\n".join(text for text in said if text)

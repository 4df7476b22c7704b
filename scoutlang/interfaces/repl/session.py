"""What a session holds: the hypothesis as it stands, how it came to be, what was sampled with it,
and all inputs so far. What an input means is for the `interpreter` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from scoutlang.interfaces.api import printer
from scoutlang.interfaces.interrupts import deferred
from scoutlang.interfaces.repl.hypothesis import Hypothesis, Proposal, mended
from scoutlang.interfaces.repl.inputs import marked
from scoutlang.interfaces.repl.session_file import SessionFile
from scoutlang.ir import Program, Term
from scoutlang.ir.source import MAX_CHARACTERS
from scoutlang.language.diagnostics.render.text import render
from scoutlang.support.errors import ScoutError

if TYPE_CHECKING:
    from scoutlang.interfaces.repl.samples import Bench, Sampled
    from scoutlang.interfaces.repl.scratch import Scratch
    from scoutlang.runs.run import Watcher

_T = TypeVar("_T")

_MOST = 20
"""New terms that are read back, of one input, and statements that go."""


class Host(Protocol):
    """What a session takes from the command line it lives in, so that both say a thing in the same
    words.
    """

    def command(self, arguments: Sequence[str]) -> tuple[str, bool]:
        """What ``scout ARGUMENTS`` says, and whether it ended well."""

    def measured(self, program: Program, paths: Sequence[str]) -> tuple[str, bool]:
        """What `scout measure` says, and whether every structure could be read."""

    def note(self, text: str) -> None:
        """Say something while the user waits."""

    def watching(self) -> AbstractContextManager[Watcher]:
        """Who shows the progress of sampling."""

    def edit(self, file: Path) -> None:
        """Let the user change a file, and wait for the end of it. Raises ScoutError E705 where that
        cannot be.
        """

    def browse(self, file: Path) -> bool:
        """Open a page in a browser, if that can be; whether it was."""

    @property
    def width(self) -> int:
        """Columns of the terminal."""


@dataclass(frozen=True)
class Reply:
    """What there is to say to one input."""

    text: str = ""
    ok: bool = True
    """Whether the input was taken."""
    unfinished: bool = False
    """The input goes on in the next line, and nothing was done."""
    quit: bool = False
    """The session is over."""


@dataclass(frozen=True)
class Draft:
    """A text that was refused, for `:edit`."""

    content: bytes
    folder: Path | None
    """Where its file names start from."""
    edited: bool
    """It came out of the editor, so only `:edit!` drops it."""


class Session:
    """A hypothesis in the making, what was sampled with it, and all inputs so far. Close it: it has
    a folder for samples.
    """

    def __init__(
        self,
        host: Host,
        *,
        folder: Path | None = None,
        color: bool = False,
        file: SessionFile | None = None,
        writes_below: Sequence[Path] = (),
    ) -> None:
        """folder: where file names in statements start from, the working folder if None. color:
        whether messages have colours. file: where the inputs are kept, if anywhere.
        writes_below: the inputs are somebody else's, and may write new files in these folders only;
        anywhere if there are none.
        """
        self.host = host
        self.color = color
        self.file = file
        self.writes_below = tuple(writes_below)
        self.standing = Hypothesis(folder=folder or Path.cwd())
        self.inputs: list[str] = []
        self.draft: Draft | None = None
        self._past: list[Hypothesis] = []
        self._future: list[Hypothesis] = []
        self._bench: Bench | None = None
        self._scratch: Scratch | None = None

    def close(self) -> None:
        """Let the workers go, and remove the folder of the session."""
        if self._bench is not None:
            self._bench.close()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def keep(self, text: str) -> None:
        """Keep an input, before it is run."""
        self.inputs.append(text)
        if self.file is not None:
            self.file.add(text)

    def keep_below(self, text: str) -> None:
        """Keep a text as lines that belong to the input which is being run."""
        lines = "\n".join(map(marked, text.removesuffix("\n").split("\n")))
        self.inputs[-1] += f"\n{lines}"
        if self.file is not None:
            self.file.add_below(lines)

    @property
    def program(self) -> Program | None:
        """The program as it stands, None as long as it has no system."""
        return self.standing.checked.program

    @property
    def bench(self) -> Bench:
        """Where samples are made; imports torch."""
        if self._bench is None:
            self.host.note("loading the sampler")
            with deferred():
                from scoutlang.interfaces.repl.samples import Bench

            self._bench = Bench(self.folder)
        return self._bench

    @property
    def folder(self) -> Path:
        """A folder that goes with the session."""
        if self._scratch is None:
            from scoutlang.interfaces.repl.scratch import Scratch

            self._scratch = Scratch()
        return self._scratch.path

    @property
    def made(self) -> Sampled:
        """What was made last. Raises ScoutError E703 where that is nothing."""
        if self._bench is None or self._bench.last is None:
            raise ScoutError("E703", "nothing was sampled yet", ":sample makes a few structures")
        return self._bench.last

    @property
    def device(self) -> str | None:
        """Where the model works, None before one was needed."""
        return None if self._bench is None else self._bench.device

    def accept(self, proposal: Proposal) -> Reply:
        """Let a proposal stand if nothing is wrong with it, and say what is new."""
        if proposal.problems:
            return Reply(
                render(proposal.problems, proposal.result.source, color=self.color), ok=False
            )
        before = self.program
        if proposal.hypothesis != self.standing:
            # without what its check found, which is large
            self._past.append(replace(self.standing))
            self._future.clear()
            self.standing = proposal.hypothesis
            if self.draft is not None and not self.draft.edited:
                self.draft = None
        lines = _some(proposal.gone, lambda piece: f"  {proposal.how} {piece.usual}")
        program = proposal.result.program
        if program is not None:
            known = {_meaning(term) for term in before.terms} if before is not None else set()
            new = [term for term in program.terms if _meaning(term) not in known]
            lines += _some(new, lambda term: f"  {term.verb:<8} {printer().term(term)}")
        if proposal.doubts:
            lines.append(render(proposal.doubts, proposal.result.source, color=self.color))
        return Reply("\n".join(lines))

    def offer(self, text: str, folder: Path | None) -> str:
        """Keep a program that was refused for `:edit`, and say so. Where no more is wrong than
        `scout fmt` puts right, that is done to it.

        An edited text that waits there is worth more, and stays.
        """
        if (self.draft is not None and self.draft.edited) or len(text) > MAX_CHARACTERS:
            return "  nothing was taken"
        better = mended(self.standing, text, folder)
        self.draft = Draft((better or text).encode(errors="backslashreplace"), folder, edited=False)
        if better is None:
            return "  nothing was taken; :edit opens this text"
        return (
            "  nothing was taken; :edit opens this text with all of that put right,"
            " and takes it when you leave the editor"
        )

    def undo(self) -> bool:
        """Go back by one change; False where there is none."""
        return self._step(self._past, self._future)

    def redo(self) -> bool:
        """Do again what was undone; False where there is nothing."""
        return self._step(self._future, self._past)

    def _step(self, source: list[Hypothesis], target: list[Hypothesis]) -> bool:
        if not source:
            return False
        target.append(replace(self.standing))
        self.standing = source.pop()
        return True


def _meaning(term: Term) -> Hashable:
    """All of a term but where it stands and how it is written."""
    return term.verb, term.label, term.claim, term.weight, term.loss


def _some(what: Sequence[_T], say: Callable[[_T], str]) -> list[str]:
    """The first of them, and how many more there are."""
    lines = [say(one) for one in what[:_MOST]]
    return lines if len(what) <= _MOST else [*lines, f"  and {len(what) - _MOST} more"]

"""What an input means: each is kept, run and answered. The prompt, `scout replay` and the tests all
talk to a session through `feed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from scoutlang.interfaces.repl import commands
from scoutlang.interfaces.repl.hypothesis import propose
from scoutlang.interfaces.repl.inputs import continued, inputs, is_command, typed, unfinished
from scoutlang.interfaces.repl.session import Reply, Session
from scoutlang.language.diagnostics.suggest import quoted
from scoutlang.support.errors import ScoutError
from scoutlang.support.shown import shown

PROMPT, MORE = "scout> ", "     … "

_LEAVING = frozenset({"exit", "quit", "exit()", "quit()"})
_MEANT = {
    "help": ":help lists the commands",
    "?": ":help lists the commands",
    "q": ":quit, or Ctrl-D, leaves",
}
"""Words that other programs take for commands; none of them begins a statement."""


def feed(session: Session, text: str) -> Reply:
    """Take an input: statements, a command, or several lines of both, as a paste has them. Raises
    nothing but what is a fault of ours.
    """
    if unfinished(text):
        return Reply(unfinished=True)
    replies = []
    for reply in _replies(session, inputs(text)):
        replies.append(reply)
        if reply.quit:
            break
    return Reply(
        "\n".join(reply.text for reply in replies if reply.text),
        all(reply.ok for reply in replies),
        quit=any(reply.quit for reply in replies),
    )


def replay(session: Session, text: str, say: Callable[[str], None]) -> bool:
    """Feed the lines of a text to the session, as somebody would type them, until it quits; whether
    all of them were taken. What is unfinished at the end of the text is fed as it is.
    """
    good = True
    for one in typed(text):
        first, *rest = one.removesuffix("\n").split("\n")
        say(shown(f"{PROMPT}{first}").rstrip())
        for line in rest:
            say(shown(f"{MORE}{line}").rstrip())
        reply = feed(session, f"{one}\n")
        if reply.text:
            say(reply.text)
        good = good and reply.ok
        if reply.quit:
            break
    return good


def _replies(session: Session, several: Iterator[str]) -> Iterator[Reply]:
    """Run inputs one after another. A command behind a statement that is still open is refused
    together with it, since it may have been meant for either.
    """
    for one in several:
        is_open = not is_command(one) and unfinished(f"{one}\n")
        command = next(several, None) if is_open else None
        session.keep(one.rstrip())
        try:
            if command is not None:
                raise _in_open_statement(command)
            yield commands.run(session, one) if is_command(one) else _take(session, one)
        except ScoutError as error:
            yield Reply(str(error), ok=False)


def _take(session: Session, text: str) -> Reply:
    """Add statements to what stands, if nothing is wrong with them."""
    word = text.strip()
    if word in _LEAVING:
        return Reply(quit=True)
    if word in _MEANT:
        raise ScoutError("E701", f"{quoted(word)} is no statement", _MEANT[word])
    standing = session.standing
    proposal = propose(standing, continued(text))
    reply = session.accept(proposal)
    if reply.ok or "\n" not in word:  # one line is an arrow up away
        return reply
    offered = session.offer(proposal.hypothesis.text, standing.folder)
    return replace(reply, text=f"{reply.text}\n{offered}")


def _in_open_statement(command: str) -> ScoutError:
    return ScoutError(
        "E702",
        "a statement was still open, so neither it nor"
        f" {quoted(command.splitlines()[0])} was taken",
        "an empty line ends a statement, Ctrl-C drops it; the arrow up brings it back",
    )

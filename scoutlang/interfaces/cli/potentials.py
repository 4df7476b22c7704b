"""`scout potentials`: the potentials that there are, installed or not, with their licences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scoutlang.interfaces.cli._program_argument import echo_json, fail_if_any, format_option
from scoutlang.support.shown import say

if TYPE_CHECKING:
    from scoutlang.potentials import Listed


@click.command("potentials")
@format_option
def command(output_format: str) -> None:
    """List the interatomic potentials: what is installed, under which licence, and what to cite.

    Exit code 1 if an installed plug-in cannot be used; the others are listed all the same.
    """
    from scoutlang.potentials import listed

    found, problems = listed()
    if output_format == "json":
        echo_json([one.to_data() for one in found])
    else:
        say("\n\n".join(_text(one) for one in found))
    fail_if_any(problems)


def _text(one: Listed) -> str:
    facts = one.facts
    lines = {
        "installed": f"{facts.package} {one.version}" if one.version else f"no: {one.install}",
        "licence": facts.licence + ("" if facts.commercial else "; no commercial use"),
        "weights": "fetched at the first use" if facts.fetched else "in the package",
        "trained on": facts.training,
        "elements": ", ".join(sorted(facts.elements))
        if len(facts.elements) <= 12
        else str(len(facts.elements)),
        "cite": f"doi:{facts.citation}",
        "own model": f"{one.name}:PATH" if one.takes_own else "",
        "plug-in": one.origin,
    }
    head = f"{one.name}  {facts.model}{' (default)' if one.is_default else ''}"
    return "\n".join([head, *(f"  {word:<12}{said}" for word, said in lines.items() if said)])

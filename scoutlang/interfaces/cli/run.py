"""`scout run`: sample a hypothesis with and without guidance, judge both, and show the table."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoutlang.interfaces import api
from scoutlang.interfaces.cli._judge_options import (
    arms_option,
    confirm_option,
    judge_options,
    workers_option,
)
from scoutlang.interfaces.cli._program_argument import (
    PATH,
    checked,
    echo_json,
    load,
    on_interruption,
    program_argument,
)
from scoutlang.ir import SAMPLED, Arm, Program
from scoutlang.ir.source import Source
from scoutlang.runs.sweep import Member, members, run_each

if TYPE_CHECKING:
    from scoutlang.runs.judge import Judged


_SETTINGS = ("model", "count", "batch", "steps", "seed", "cfg")
"""Options that stand for settings of `sample`."""


@click.command("run")
@program_argument
@click.option("--out", type=PATH, help="Folder of the run (default: runs/NAME).")
@click.option("--resume", is_flag=True, help="Continue an interrupted run in that folder.")
@arms_option("--arms")
@click.option("--model", help="mini, a published MatterGen name, or a checkpoint folder.")
@click.option("--count", type=click.IntRange(1, 10_000_000), help="Structures per arm.")
@click.option("--batch", type=click.IntRange(1, 100_000), help="Structures sampled together.")
@click.option("--steps", type=click.IntRange(2, 100_000), help="Denoising steps.")
@click.option("--seed", type=click.IntRange(0, 2**53), help="Random seed.")
@click.option("--cfg", type=click.FloatRange(0, 100), help="Classifier-free guidance factor.")
@click.option("--method", type=click.Choice(["adaptive", "paper"]), help="Guidance method.")
@workers_option
@click.option("--device", help="cpu, cuda, … (default: cuda where there is one).")
@click.option(
    "--baseline",
    type=PATH,
    metavar="RUN",
    help="Take the non-guided structures of that run, if sampled alike.",
)
@judge_options
@confirm_option
@click.option(
    "--control",
    type=click.Choice(["prototypes"]),
    help="A further arm: known prototypes with the system's elements in their places.",
)
@click.option(
    "--trace",
    is_flag=True,
    help="Record losses and steps of every structure in trace.parquet; `scout report` draws them.",
)
@click.option(
    "--trace-every",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="The same for every N-th guided step.",
)
def command(
    file: str | None,
    text: str | None,
    output_format: str,
    overrides: dict[str, str],
    **options: Any,
) -> None:
    """Run a hypothesis. Options given here override its `sample` and `guide` lines; a `sweep` makes
    a folder of runs, which share their non-guided arm where they can. `scout run --resume --out
    FOLDER` goes on with the run in that folder, with its own program and settings.

    While it samples, the share of hits and the loss of each term are those of the crystals
    predicted at that moment. docs/running.md explains what is shown and what is written.
    """
    if file is None and text is None and options["resume"] and options["out"] is not None:
        _go_on(overrides, options, output_format)
        return
    source = load(file, text, output_format)
    program = checked(source, output_format, overrides)
    family = api.family(api.check_source(source, overrides), overrides)
    programs = [_with_options(one, options) for one in family]
    folder = options["out"] or Path("runs") / _name(source)

    def run_member(member: Member, baseline: Path | None) -> Judged:
        if program.sweeps:
            click.echo(f"run in {member.folder}", err=True)
        same = (
            f"the same command with --out {shlex.quote(str(folder))} --resume"
            if program.sweeps
            else _again(folder)
        )
        return _run(
            member.program,
            member.folder,
            (*options["arms"], *([options["control"]] if options["control"] else [])),
            options | {"baseline": baseline},
            same,
            quiet=output_format == "json",
        )

    results = list(run_each(members(program, programs, folder), run_member, options["baseline"]))
    if output_format == "json":
        documents = [r.to_json() for r in results]
        echo_json({"runs": documents} if program.sweeps else documents[0])
    elif program.sweeps:
        from scoutlang.report.table1 import as_text, row

        click.echo(as_text([row(r) for r in results]), nl=False)


def _go_on(overrides: dict[str, str], options: dict[str, Any], output_format: str) -> None:
    """Continue the run in a folder from what its manifest says."""
    from scoutlang.runs.folder import RunFolder

    settled = [name for name in (*_SETTINGS, "method", "baseline") if options[name] is not None]
    if overrides or settled or options["arms"] != SAMPLED or options["control"]:
        raise click.UsageError(
            "a run goes on with its own program and settings; leave out what changes them, or give "
            "the program and --out of a new run"
        )
    found = RunFolder.open(options["out"])
    quiet, again = output_format == "json", _again(found.path)
    judged = _run(found.program, found.path, found.arms, options, again, quiet=quiet)
    if quiet:
        echo_json(judged.to_json())


def _again(folder: Path) -> str:
    return f"scout run --resume --out {shlex.quote(str(folder))}"


def _run(
    program: Program,
    folder: Path,
    arms: tuple[Arm, ...],
    options: dict[str, Any],
    again: str,
    *,
    quiet: bool,
) -> Judged:
    """again: what to type to go on after an interruption."""
    from rich.console import Console

    from scoutlang.interfaces.display import Display
    from scoutlang.interfaces.patience import patiently
    from scoutlang.runs.run import run

    trace_every = options["trace_every"] or (1 if options["trace"] else None)
    as_they_are = ("resume", "device", "baseline", "potential", "reference", "confirm", "workers")
    interrupted = f"interrupted; finished batches are kept in {folder}\n  to go on: {again}"
    with (
        on_interruption(interrupted),
        Display(quiet=quiet) as display,
        patiently(display) as patient,
    ):
        result = run(
            program,
            folder,
            arms=arms,
            trace_every=trace_every,
            watcher=patient,
            **{name: options[name] for name in as_they_are},
        )
    if not quiet:
        from scoutlang.report.shortlist import render, shortlist

        console = Console()
        console.print(result.tables())
        console.print(render(result, shortlist(result)))
    return result


def _with_options(program: Program, options: dict[str, Any]) -> Program:
    sample = {key: options[key] for key in _SETTINGS if options[key] is not None}
    guide = {} if options["method"] is None else {"method": options["method"]}
    return replace(
        program, sample=replace(program.sample, **sample), guide=replace(program.guide, **guide)
    )


def _name(source: Source) -> str:
    return Path(source.name).stem if source.name.endswith(".scout") else "run"

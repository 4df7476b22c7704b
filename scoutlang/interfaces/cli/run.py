"""`scout run`: sample a hypothesis with and without guidance, judge both, and show the table."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoutlang.interfaces import api
from scoutlang.interfaces.cli._judge_options import (
    arms_option,
    confirm_option,
    judge_options,
    where_options,
    working,
)
from scoutlang.interfaces.cli._program_argument import (
    PATH,
    checked,
    color_option,
    echo_json,
    fail_if_any,
    format_option,
    load,
    on_interruption,
    set_option,
    text_option,
)
from scoutlang.ir import SAMPLED, Arm, Program
from scoutlang.ir.source import Source
from scoutlang.runs.sweep import Member, members, names_of, run_each
from scoutlang.support.errors import ScoutError
from scoutlang.support.shown import say

if TYPE_CHECKING:
    from scoutlang.runs.judge import Judged


_SETTINGS = ("model", "count", "batch", "steps", "seed", "cfg")
"""Options that stand for settings of `sample`."""


@click.command("run")
@click.argument("files", nargs=-1, metavar="FILE...")
@text_option
@format_option
@color_option
@set_option
@click.option("--out", type=PATH, help="Folder of the run, or runs (default: runs/NAME).")
@click.option("--resume", is_flag=True, help="Continue an interrupted run in that folder.")
@arms_option("--arms")
@click.option("--model", help="mini, a published MatterGen name, or a checkpoint folder.")
@click.option("--count", type=click.IntRange(1, 10_000_000), help="Structures per arm.")
@click.option("--batch", type=click.IntRange(1, 100_000), help="Structures sampled together.")
@click.option("--steps", type=click.IntRange(2, 100_000), help="Denoising steps.")
@click.option("--seed", type=click.IntRange(0, 2**53), help="Random seed.")
@click.option("--cfg", type=click.FloatRange(0, 100), help="Classifier-free guidance factor.")
@click.option("--method", type=click.Choice(["adaptive", "paper"]), help="Guidance method.")
@where_options
@click.option(
    "--only-begin",
    is_flag=True,
    help="Write the folder and its manifest only: `scout sample` makes shares of its structures.",
)
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
    files: tuple[str, ...],
    text: str | None,
    output_format: str,
    overrides: dict[str, str],
    **options: Any,
) -> None:
    """Run a hypothesis. Options given here override its `sample` and `guide` lines; a `sweep`, or
    several FILEs, make a folder of runs, which share their non-guided arms where they can, with one
    table at the end. `scout run --resume --out FOLDER` goes on with the run in that folder, with
    its own program and settings.

    While it samples, the share of hits and the loss of each term are those of the crystals
    predicted at that moment. docs/running.md explains what is shown and what is written, and
    docs/scaling.md how many cores and machines work on it.
    """
    if options["only_begin"]:
        others = ("resume", "baseline", "workers", "site")
        if given := [f"--{name}" for name in others if options[name]]:
            raise click.UsageError(f"--only-begin makes nothing: leave out {', '.join(given)}")
    if not files and text is None and options["resume"] and options["out"] is not None:
        _go_on(overrides, options, output_format)
        return
    several = len(files) > 1
    sources = [load(file, text, output_format) for file in files or (None,)]
    folder = options["out"] or Path("runs") / ("campaign" if several else _name(sources[0]))
    names = names_of([source.name for source in sources]) if several else [""]
    runs: list[Member] = []
    for source, name in zip(sources, names, strict=True):
        program = checked(source, output_format, overrides)
        family = api.family(api.check_source(source, overrides), overrides)
        programs = [_with_options(one, options) for one in family]
        runs += members(program, programs, folder, name)
    if options["only_begin"]:
        begun = [_begin(one, options, quiet=output_format == "json") for one in runs]
        if output_format == "json":
            echo_json({"runs": begun})
        return
    with working(options["workers"], options["site"]) as engine:
        options["engine"] = engine
        _run_all(runs, folder, options, quiet=output_format == "json")


def _run_all(runs: Sequence[Member], folder: Path, options: dict[str, Any], *, quiet: bool) -> None:
    if len(runs) > 1 or runs[0].name:  # a sweep of one value is a sweep
        _run_several(runs, folder, options, quiet=quiet)
        return
    judged = _run(runs[0].program, folder, _arms(options), options, _again(folder), quiet=quiet)
    if quiet:
        echo_json(judged.to_json())


def _arms(options: dict[str, Any]) -> tuple[Arm, ...]:
    return (*options["arms"], *([options["control"]] if options["control"] else []))


def _begin(one: Member, options: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    from scoutlang.runs.run import begin

    as_they_are = ("device", "potential", "reference", "confirm")
    arms = _arms(options)
    found = begin(
        one.program,
        one.folder,
        arms=arms,
        trace_every=options["trace_every"] or (1 if options["trace"] else None),
        **{name: options[name] for name in as_they_are},
    )
    size, count = found.program.sample.batch, found.program.sample.count
    batches = len(arms) * -(-count // size)
    if not quiet:
        say(
            f"{found.path}: {batches} batches of at most {size} structures\n"
            f"  each job: scout sample {shlex.quote(str(found.path))} --share I/N\n"
            f"  then: {_again(found.path)}"
        )
    return {"folder": str(found.path), "batches": batches}


def _run_several(
    runs: Sequence[Member], folder: Path, options: dict[str, Any], *, quiet: bool
) -> None:
    """One after the other, by the same workers. One that cannot be run does not end the others: it
    is said at the end.
    """
    from scoutlang.report.table1 import as_text, row

    problems: list[ScoutError] = []
    again = f"the same command with --out {shlex.quote(str(folder))} --resume"

    def run_member(member: Member, baseline: Path | None) -> Judged | None:
        place = f"{1 + runs.index(member)} of {len(runs)}"
        say(f"{place}: {member.name}, in {member.folder}", err=True)
        try:
            return _run(
                member.program,
                member.folder,
                _arms(options),
                options | {"baseline": baseline},
                again,
                quiet=quiet,
            )
        except ScoutError as error:
            say(str(error), err=True)
            error.message = f"{member.name}: {error.message}"
            problems.append(error)
            return None

    results = list(run_each(runs, run_member, options["baseline"]))
    if quiet:
        echo_json({"runs": [r.to_json() for r in results]})
    elif results:
        say(as_text([row(r) for r in results]), nl=False)
    fail_if_any(problems)


def _go_on(overrides: dict[str, str], options: dict[str, Any], output_format: str) -> None:
    """Continue the run in a folder from what its manifest says."""
    from scoutlang.runs.folder import RunFolder

    settled = [name for name in (*_SETTINGS, "method", "baseline") if options[name] is not None]
    if overrides or settled or options["arms"] != SAMPLED or options["control"]:
        raise click.UsageError(
            "a run goes on with its own program and settings; leave out what changes them, or give "
            "the program and --out of a new run"
        )
    try:
        found = RunFolder.open(options["out"])
    except ScoutError as error:
        if error.code == "E610" and any(options["out"].glob("*/run.json")):
            error.hint = "it holds several runs: the command that began them, with --resume"
        raise
    quiet, again = output_format == "json", _again(found.path)
    with working(options["workers"], options["site"]) as engine:
        options["engine"] = engine
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
    from scoutlang.interfaces.display import Display
    from scoutlang.interfaces.patience import patiently
    from scoutlang.runs.run import run
    from scoutlang.support.screen import Screen

    trace_every = options["trace_every"] or (1 if options["trace"] else None)
    as_they_are = ("resume", "device", "baseline", "potential", "reference", "confirm", "engine")
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

        console = Screen()
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

"""`scout run`: sample a hypothesis with and without guidance, judge both, and show the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scoutlang.cli.program_argument import checked, echo_json, program_argument
from scoutlang.ir import Arm, Program
from scoutlang.source import Source


@click.command("run")
@program_argument
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run (default: runs/NAME).")
@click.option("--resume", is_flag=True, help="Continue an interrupted run in that folder.")
@click.option("--arms", type=click.Choice(["both", "guided", "non-guided"]), default="both", show_default=True)
@click.option("--model", help="mini, a published MatterGen name, or a checkpoint folder.")
@click.option("--count", type=click.IntRange(1, 1_000_000), help="Structures per arm.")
@click.option("--batch", type=click.IntRange(1, 4096), help="Structures sampled together.")
@click.option("--steps", type=click.IntRange(10, 10_000), help="Denoising steps.")
@click.option("--seed", type=click.IntRange(0), help="Random seed.")
@click.option("--cfg", type=click.FloatRange(0, 100), help="Classifier-free guidance factor.")
@click.option("--method", type=click.Choice(["adaptive", "paper"]), help="Guidance method.")
@click.option("--device", help="cpu, cuda, … (default: cuda where there is one).")
def command(source: Source, output_format: str, **options: Any) -> None:
    """Run a hypothesis. Options given here override its `sample` and `guide` lines."""
    program = _with_options(checked(source, output_format), options)
    folder = options["out"] or Path("runs") / _name(source)
    arms: tuple[Arm, ...] = ("non-guided", "guided") if options["arms"] == "both" else (options["arms"],)

    from scoutlang.cli.run_display import Display

    with Display(quiet=output_format == "json") as display:
        from scoutlang.running import run

        try:
            result = run(program, folder, arms=arms, resume=options["resume"], device=options["device"], watcher=display)
        except KeyboardInterrupt:
            display.close()
            again = f"scout run {source.name if source.name != '<text>' else '-c …'} --out {folder} --resume"
            click.echo(f"interrupted; finished batches are kept in {folder}\n  continue with the same options: {again}", err=True)
            raise
    if output_format == "json":
        echo_json({"folder": str(result.folder), "files": [str(f) for f in result.files], **result.validation.to_json()})
    else:
        display.table(result)


def _with_options(program: Program, options: dict[str, Any]) -> Program:
    sample = {key: options[key] for key in ("model", "count", "batch", "steps", "seed", "cfg") if options[key] is not None}
    guide = {} if options["method"] is None else {"method": options["method"]}
    return program.model_copy(update={"sample": program.sample.model_copy(update=sample), "guide": program.guide.model_copy(update=guide)})


def _name(source: Source) -> str:
    return Path(source.name).stem if source.name.endswith(".scout") else "run"

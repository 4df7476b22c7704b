"""`scout report`: everything that a run found, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoutlang.interfaces.cli._judge_options import afresh_option, judge_options
from scoutlang.interfaces.cli._program_argument import (
    FILE,
    FOLDER,
    color_option,
    echo_json,
    format_option,
)
from scoutlang.interfaces.cli._run_or_structures import run_or_structures
from scoutlang.support.shown import say

if TYPE_CHECKING:
    from scoutlang.report.figures._export import Format
    from scoutlang.runs.folder import RunFolder

_FORMATS: tuple[Format, ...] = ("png", "svg", "pdf")


def _formats(context: click.Context, option: click.Parameter, given: str) -> tuple[Format, ...]:
    words = {word.strip().lower() for word in given.split(",")}
    asked = tuple(form for form in _FORMATS if form in words)
    if not asked or words - set(asked):
        raise click.BadParameter(
            f"formats are {', '.join(_FORMATS)}, several with a comma", context, option
        )
    return asked


@click.command("report")
@run_or_structures("--run-folder")
@click.option("--out", type=FILE, help="The page (default: report.html in the run).")
@click.option(
    "--figures",
    "figure_folder",
    type=FOLDER,
    help="Write the figures there, too, for a paper.",
)
@click.option(
    "--format-of-figures",
    "formats",
    default="svg",
    show_default=True,
    callback=_formats,
    metavar="png,svg,pdf",
    help="One or several.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=2000,
    show_default=True,
    help="Structures with a picture and a CIF, best first.",
)
@judge_options
@afresh_option
@format_option
@color_option
def command(
    run: RunFolder,
    out: Path | None,
    figure_folder: Path | None,
    formats: tuple[Format, ...],
    limit: int,
    output_format: str,
    **judges: Any,
) -> None:
    """Write one page with everything that a run found.

    The page is a single file that any browser opens, without a network: the verdict, the hypothesis
    with what became of each line, the table, figures, all structures with a view of each, and what
    it rests on. A run that is not finished is reported as far as it is; structures from elsewhere
    become a run first, as with `scout validate`. docs/report.md says how to read it.
    """
    from scoutlang.interfaces.display import judge_shown
    from scoutlang.interfaces.pygments_lexer import html_lines
    from scoutlang.report.data import collect
    from scoutlang.report.figures import draw, export
    from scoutlang.report.page import PAGE, write_page
    from scoutlang.report.verdict import conclusion

    quiet = output_format == "json"
    judged = judge_shown(run, quiet=quiet, write=out is None, **judges)
    data = collect(judged)
    drawn = draw(data)
    lines = html_lines(data.program.source_text)
    page = out or run.path / PAGE
    files = [write_page(page, data, drawn, source=lines, limit=limit, named=out is not None)]
    if figure_folder is not None:
        files.extend(export(drawn, figure_folder, formats))
    said = conclusion(data)
    if quiet:
        echo_json({"verdict": said, "files": [str(written) for written in files]})
    else:
        say(said)
        for written in files:
            say(f"  {written}")

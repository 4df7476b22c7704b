"""Figures as files for a paper: PNG, SVG and PDF, drawn by kaleido with the Chromium or Chrome of
the machine. Nothing is fetched from a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from scoutlang.report.figures._figure import Drawn, Figure
from scoutlang.report.figures._look import WIDTH
from scoutlang.runs.folder import writing
from scoutlang.support.errors import ScoutError

Format = Literal["png", "svg", "pdf"]

DPI = 300
_CSS_DPI = 96  # what a pixel of SVG and PDF is by definition
_SECONDS = 120
"""For one picture, on a machine that has other things to do."""


def export(
    figures: Sequence[Drawn],
    folder: str | Path,
    formats: Sequence[Format] = ("png", "svg", "pdf"),
    *,
    width_mm: float = 180.0,
) -> list[Path]:
    """Write every figure in every format into a folder, `width_mm` wide: 180 mm is a page of two
    columns, where texts are 7 to 8 pt high. What is left out is passed over.

    PNG has `DPI`. Raises ScoutError: E620 there is no browser, E621 it does not draw, E602 the
    folder cannot be written.
    """
    target = Path(folder)
    with writing(target):
        target.mkdir(parents=True, exist_ok=True)
    size = width_mm / 25.4 * _CSS_DPI / WIDTH
    scales = {"png": size * DPI / _CSS_DPI, "svg": size, "pdf": size}
    jobs = [
        {
            "fig": figure.plot,
            "path": target / f"{figure.name}.{form}",
            "opts": {
                "format": form,
                "width": WIDTH,
                "height": figure.plot.layout.height,
                "scale": scales[form],
            },
        }
        for figure in figures
        if isinstance(figure, Figure)
        for form in formats
    ]
    if jobs:
        _write(jobs)
    return [Path(str(job["path"])) for job in jobs]


def _write(jobs: list[dict[str, object]]) -> None:
    import kaleido
    from kaleido.errors import ChromeNotFoundError

    try:
        kaleido.write_fig_from_object_sync(jobs, kopts={"mathjax": False, "timeout": _SECONDS})
    except ChromeNotFoundError as error:
        raise ScoutError(
            "E620",
            "pictures need Chromium or Chrome, and none is installed",
            "`apt-get install chromium`, or leave the pictures out",
        ) from error
    # of many kinds: the browser does not start, stops, or takes too long
    except Exception as error:
        reason = str(error.args[0] if error.args else "").strip() or type(error).__name__
        raise ScoutError(
            "E621",
            f"the browser did not draw the pictures: {reason.splitlines()[0]}",
            "see if `chromium --version` answers",
        ) from error

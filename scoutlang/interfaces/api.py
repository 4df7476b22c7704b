"""The Python interface, and the one place where the parts are put together: the front end gets the
catalogue of descriptors here.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoutlang import language
from scoutlang.descriptors import signatures
from scoutlang.interfaces.given import with_given
from scoutlang.ir import Arm, Program
from scoutlang.ir.source import Source
from scoutlang.ir.text import Printer
from scoutlang.language import CheckResult
from scoutlang.language.diagnostics.render.text import render
from scoutlang.language.parser import parse as parse_source
from scoutlang.language.reading import read_source
from scoutlang.support.errors import ScoutError
from scoutlang.support.showing import Shown, show_with

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.io import StructureLike
    from scoutlang.evaluation.loss import Loss
    from scoutlang.evaluation.measurement import Measurements
    from scoutlang.report.exports import Geometry, Which
    from scoutlang.report.shortlist import Shortlist
    from scoutlang.runs.judge import Judged
    from scoutlang.runs.sweep import Member


def _view(shown: Shown) -> str | None:
    from scoutlang.report.embedded import view

    return view(shown)


show_with(_view)  # structures, candidates and runs in notebooks


class ProgramError(ScoutError):
    """Program text with errors, where a program was needed. ``str()`` is the rendered messages;
    ``result`` holds them as data.
    """

    def __init__(self, result: CheckResult) -> None:
        first = next(d for d in result.diagnostics if d.severity == "error")
        super().__init__(first.code, first.message)
        self.result = result

    def __reduce__(self) -> Any:
        return type(self), (self.result,)

    def __str__(self) -> str:
        return render(self.result.diagnostics, self.result.source)


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C in a run, whose finished batches are kept."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in the place of a traceback."""
        return [str(self)]


@dataclass(frozen=True, repr=False)
class ProgramText:
    """A program as it is written, with values set from outside. It can be read; `check` says
    whether it means something.
    """

    source: Source
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Values of parameters and settings as text, ``{"rc": "2.5 Å", "k": "0.4"}``; see `set`."""

    @property
    def text(self) -> str:
        """The program in the usual form, as `scout fmt` writes it, without values from outside."""
        from scoutlang.language.formatter import formatted

        return formatted(self.source).text or self.source.text

    @property
    def program(self) -> Program:
        """The checked program. Raises `ProgramError`."""
        result = self.check()
        if result.program is None:
            raise ProgramError(result)
        return result.program

    def check(self) -> CheckResult:
        """What is wrong with it, and the program if nothing is."""
        return check_source(self.source, self.overrides)

    def set(self, **values: object) -> ProgramText:
        """The same text with other values of parameters and of settings of `guide`, `sample` and
        `relax` (`relax_rho`): ``p.set(rc="2.5 Å", steps=100)``. None: as in the text.
        """
        kept = {name: value for name, value in self.overrides.items() if name not in values}
        return replace(
            self,
            overrides=kept
            | {name: str(value) for name, value in values.items() if value is not None},
        )

    def family(self) -> list[Program]:
        """The programs that its sweeps make, itself where it has none. Raises `ProgramError`."""
        return family(self.check(), self.overrides)

    def __str__(self) -> str:
        return self.text + "".join(
            f"# set from outside: {name} = {value}\n" for name, value in self.overrides.items()
        )

    def __repr__(self) -> str:
        """At a prompt and in a notebook: what was found, and what it means, as `scout check` says
        it.
        """
        result = self.check()
        said = render(result.diagnostics, result.source)
        meaning = printer().summary(result.program) if result.program else ""
        return "\n".join(part for part in (said, meaning) if part)


def _source(text: str | Path, name: str) -> Source:
    """A program's text, or the file that is meant. Raises ScoutError E001-E003 where that cannot be
    read, TypeError for anything else.
    """
    if isinstance(text, str) and not (text.endswith(".scout") and "\n" not in text):
        return Source(name, text, Path.cwd())
    if not isinstance(text, str | Path):
        raise TypeError(f"a program is text, or the path of a file, not {type(text).__name__}")
    return read_source(text)


def parse(text: str | Path, *, name: str = "<text>") -> ProgramText:
    """Read a program: text, or a file where a path is given, which is a `Path` or a line that ends
    with ``.scout``. ``name`` stands for the file in messages; files that a text names are looked
    for in the working folder, those that a file names beside it.

    Raises `ProgramError` where a text is no program, with all that is wrong with it; `ScoutError`
    E001-E003 where a file cannot be read.

    >>> parse("system Cu-P;require CN(Cu-P)=4").text
    'system Cu-P\\nrequire CN(Cu-P) = 4\\n'
    """
    source = _source(text, name)
    if parse_source(source).diagnostics:
        raise ProgramError(check_source(source))
    return ProgramText(source)


def check(
    text: str | Path, *, name: str = "<text>", overrides: Mapping[str, str] | None = None
) -> CheckResult:
    """Check a program: text or a file, as in `parse`. Raises nothing, whatever the text;
    `ScoutError` E001-E003 where a file cannot be read.

    overrides: values of parameters and settings from outside, as text: ``{"rc": "2.5 Å", "k":
    "0.4"}``.

    >>> check("system Cu-P; require CN(Cu-P) = 4").ok
    True
    """
    return check_source(_source(text, name), overrides)


def printer() -> Printer:
    """What says a checked program in words."""
    return Printer(signatures())


def check_source(source: Source, overrides: Mapping[str, str] | None = None) -> CheckResult:
    """Check a program that has been read already; see `check`."""
    return with_given(language.check(source, signatures(), overrides))


def family(result: CheckResult, overrides: Mapping[str, str] | None = None) -> list[Program]:
    """The programs that the sweeps of a checked program make, the program itself where it has none.
    Raises `ProgramError`.
    """
    if result.program is None:
        raise ProgramError(result)
    return list(language.family(result, signatures(), overrides))


Hypothesis = Program | ProgramText | CheckResult | str | Path
"""What stands for a program wherever one is asked for."""


def as_program(hypothesis: Hypothesis) -> Program:
    """A program as it is, or the one that a text or file means. Raises `ProgramError`, and
    `ScoutError` where a file cannot be read.
    """
    if isinstance(hypothesis, Program):
        return hypothesis
    if isinstance(hypothesis, ProgramText):
        return hypothesis.program
    result = hypothesis if isinstance(hypothesis, CheckResult) else check(hypothesis)
    if result.program is None:
        raise ProgramError(result)
    return result.program


def compile(hypothesis: Hypothesis) -> Loss:
    """The torch loss of a program: a function of a batch of crystals, see `batch`."""
    program = as_program(hypothesis)
    # after the check: text with errors must not wait for torch
    from scoutlang.evaluation.loss import compile_loss

    return compile_loss(program)


def batch(
    structures: StructureLike | Iterable[StructureLike], *, device: str = "cpu"
) -> CrystalBatch:
    """Crystals as one batch of float64 tensors, which a loss takes; structures as in `measure`.
    Raises ScoutError E201-E208, ValueError for none.
    """
    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.io import specimens

    found = [one.crystal for one in specimens(structures)]
    if not found:
        raise ValueError("a batch holds at least one structure")
    return CrystalBatch.from_structures(found, device=device)


def measure(
    hypothesis: Hypothesis, structures: StructureLike | Iterable[StructureLike]
) -> Measurements:
    """Every term of a program on given structures, soft and exact: pymatgen Structures, ASE Atoms,
    or paths of files and folders of them; one or several. See
    `scoutlang.evaluation.measure.measure`.
    """
    program = as_program(hypothesis)
    from scoutlang.evaluation import measure as measuring

    return measuring.measure(program, structures)


def run(
    hypothesis: Hypothesis, folder: str | Path, *, progress: bool = True, **options: Any
) -> Judged:
    """Sample both arms, judge them alike, and write everything into a folder; see
    `scoutlang.runs.run.run` for the options.

    progress: shown on standard error, a bar on a terminal, a line now and then elsewhere. With
    ``resume=True`` a run that is in the folder already goes on where it stopped, and one that is
    finished is read.
    """
    program = as_program(hypothesis)
    if program.sweeps:
        raise ScoutError(
            "E605",
            "a sweep is a family of runs",
            "`scoutlang.sweep` and `scout run` make a folder with a run for each",
        )
    from scoutlang.interfaces.display import Display
    from scoutlang.interfaces.patience import patiently
    from scoutlang.runs import run as running

    if strange := set(options) - set(inspect.signature(running.run).parameters):
        raise TypeError(
            f"no option is called {', '.join(sorted(strange))}; `guide` and so on are changed "
            "with parse(…).set(…)"
        )
    if isinstance(options.get("model"), str):
        raise TypeError(
            "`model` is a loaded model; one is named in the program, or with parse(…).set(model=…)"
        )
    with Display(quiet=not progress) as display, patiently(display) as patient:
        try:
            return running.run(program, folder, watcher=patient, **options)
        except KeyboardInterrupt:
            raise RunInterrupted(
                f"interrupted; finished batches are kept in {folder}, and resume=True goes on"
            ) from None


def sweep(
    text: ProgramText | str | Path, folder: str | Path, *, progress: bool = True, **options: Any
) -> list[Judged]:
    """Run every program that a text with sweeps stands for, each in a folder below ``folder`` named
    by its values; they share the non-guided arm where they can, and the workers. Options as in
    `run`.
    """
    return _run_all(_members({"": text}, Path(folder)), progress, options)


def campaign(
    hypotheses: Mapping[str, ProgramText | str | Path],
    folder: str | Path,
    *,
    progress: bool = True,
    **options: Any,
) -> list[Judged]:
    """Run several programs, each in the folder below ``folder`` that its name in ``hypotheses``
    says; one with sweeps has a folder for each value there. They share their non-guided arms where
    they can, and the workers. Options as in `run`.
    """
    return _run_all(_members(hypotheses, Path(folder)), progress, options)


def _members(hypotheses: Mapping[str, ProgramText | str | Path], folder: Path) -> list[Member]:
    from scoutlang.runs.sweep import members

    found: list[Member] = []
    for name, text in hypotheses.items():
        written = text if isinstance(text, ProgramText) else parse(text)
        found += members(written.program, written.family(), folder, name)
    return found


def _run_all(runs: Sequence[Member], progress: bool, options: dict[str, Any]) -> list[Judged]:
    from scoutlang.runs.sweep import run_each
    from scoutlang.support.engines.processes import opened

    baseline = options.pop("baseline", None)
    with opened(options.pop("engine", None), options.pop("workers", None)) as engine:
        return list(
            run_each(
                runs,
                lambda one, base: run(
                    one.program,
                    one.folder,
                    progress=progress,
                    baseline=base,
                    engine=engine,
                    **options,
                ),
                baseline,
            )
        )


def table(runs: Judged | str | Path | Iterable[Judged | str | Path]) -> pd.DataFrame:
    """Table 1 of the paper for some runs, two rows each: the columns of `scout table --format csv`.
    A path stands for all runs below it.
    """
    import pandas as pd

    from scoutlang.report.table1 import as_csv, find_runs, row
    from scoutlang.runs.judge import Judged

    several = [runs] if isinstance(runs, Judged | str | Path) else runs
    judged = [
        one
        for item in several
        for one in ([item] if isinstance(item, Judged) else map(judge, find_runs([Path(item)])))
    ]
    text = as_csv([row(one) for one in judged])
    return pd.read_csv(
        io.StringIO(text), dtype_backend="numpy_nullable", keep_default_na=False, na_values=[""]
    )


def judge(folder: str | Path, *, progress: bool = True, **options: Any) -> Judged:
    """What is in a run folder, judged; what was judged before is not judged again. See
    `scoutlang.runs.judge.judge` for the options.
    """
    from scoutlang.interfaces.display import judge_shown

    return judge_shown(folder, quiet=not progress, **options)


def candidates(judged: Judged) -> Shortlist:
    """The crystals of a run that are worth a calculation, best first: unique, near the hull,
    original and hits. See `scoutlang.report.shortlist.Candidate`.
    """
    from scoutlang.report.shortlist import Shortlist, shortlist

    return Shortlist(shortlist(judged))


def export(
    judged: Judged,
    form: str,
    out: str | Path,
    *,
    which: Which = "all",
    arms: Collection[Arm] = (),
    geometry: Geometry | None = None,
    licence: str = "",
    authors: Sequence[str] = (),
    overwrite: bool = False,
) -> Path:
    """Write structures of a run in a form that other programs read, as `scout export` does:
    ``ase``, ``entries``, ``mattergen``, ``optimade``, ``rocrate``. Returns where it is. See
    `scoutlang.report.exports.export`.
    """
    from scoutlang.report.exports import export as write

    done = write(
        judged,
        form,
        Path(out),
        which=which,
        arms=arms,
        geometry=geometry,
        licence=licence,
        authors=authors,
        overwrite=overwrite,
    )
    return done.path


def figures(judged: Judged) -> dict[str, go.Figure]:
    """The figures of a run that its data allow, by name, in reading order: Plotly figures."""
    from scoutlang.report.data import collect
    from scoutlang.report.figures import Figure, draw

    return {one.name: one.plot for one in draw(collect(judged)) if isinstance(one, Figure)}


def write_report(judged: Judged, out: str | Path | None = None) -> Path:
    """Write the page of a run, as `scout report` does: report.html in its folder, or ``out``.
    Returns where it is.
    """
    from scoutlang.interfaces.pygments_lexer import html_lines
    from scoutlang.report.data import collect
    from scoutlang.report.figures import draw
    from scoutlang.report.page import PAGE, write_page

    data = collect(judged)
    page = judged.folder / PAGE if out is None else Path(out)
    source = html_lines(data.program.source_text)
    return write_page(page, data, draw(data), source=source, named=out is not None)

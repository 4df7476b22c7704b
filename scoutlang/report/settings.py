"""The settings that a run was made with, as statements of the language: the command line may have
said others than the program's own lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from scoutlang.ir import Guide, Program, Sample, Schedule
from scoutlang.ir.settings import settings


def settings_of(program: Program, *, guided: bool) -> list[str]:
    """``sample 64 batch 32 …``, whole; for a guided run ``guide method adaptive, k=1 …``, as far as
    it is not the default; ``param rc = 2.5 Å``.
    """
    return [
        "sample " + " ".join(_sample(program.sample)),
        *(["guide " + ", ".join(_guide(program.guide))] if guided else []),
        *(f"param {parameter.name} = {parameter.value}" for parameter in program.parameters),
    ]


def _sample(sample: Sample) -> Iterator[str]:
    yield str(sample.count)
    for name, value in sample.to_data().items():
        if name != "count" and value is not None:
            yield f"{name} {_text(value)}"


def _guide(guide: Guide) -> Iterator[str]:
    for name, setting in settings(type(guide)).items():
        value = getattr(guide, setting.field)
        if isinstance(value, Schedule):
            if name == "k" or value != setting.default:
                yield f"{name}={_schedule(value)}"
        elif name == "method" or value != setting.default:
            yield f"{name} {_text(value)}"


def _schedule(schedule: Schedule) -> str:
    match schedule.shape:
        case "constant":
            return _text(schedule.start)
        case "piecewise":
            return f"piecewise({', '.join(f'{_text(t)}: {_text(strength)}' for t, strength in schedule.points)})"
        case shape:
            return f"ramp({_text(schedule.start)} -> {_text(schedule.end)}, {shape})"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value) if isinstance(value, int) or str(value).isidentifier() else f'"{value}"'

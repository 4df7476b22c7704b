"""A recording as a picture that moves: SVG with CSS animation, no script, so that it plays where
pages show it as an image.

Each line of the terminal is a strip of all that it ever showed, one below the other, behind a
window of one line; a step of the animation moves the strip. All lines since the beginning hang on
one long sheet, which moves up where the terminal scrolls. Where nothing may move it is the still.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import TypeVar

from scoutlang.support.colours import ANSI, EDGE, SCREEN, Shades
from tools.recording.cast import Cast
from tools.recording.screens import Run, Screen, screens

PATIENCE, FASTER = 2.0, 8
"""What the terminal does by itself, later than so many seconds after the last key, is played so
many times faster.
"""

_OF_PYTE = {"yellow": "brown", "bright_black": "brightblack"}
COLORS: Mapping[str, Shades] = {
    **SCREEN,
    **{_OF_PYTE.get(name, name): shades for name, shades in ANSI.items()},
}
"""On a light page and on a dark one, by pyte's names of colours."""

# pixels: a character, a line, its letters, and where these stand in it
_WIDE, _HIGH, _FONT, _BASE = 8.4, 17, 14, 13
_PAD, _FOOT = 14, 40  # pixels around the terminal, and below it for the caption
_APART = 8  # pixels between the pieces of a strip, so that none is seen at the edge of the window
_LEAST = 0.04  # seconds that a screen lasts; of shorter ones the last is shown
_END = 4.0  # seconds of the last screen, before it begins again
_NOWHERE = (-1000.0, 0.0)
_WORDS = re.compile(r"[─-╿█]+|[^\s─-╿█]+(?: [^\s─-╿█]+)*")
"""What is placed as one: drawn lines apart from words, for fonts differ in how wide they make them,
and no more than a blank between words.
"""

T = TypeVar("T")
Steps = list[tuple[float, T]]
"""What holds from when on, in seconds of the picture."""


@dataclass(frozen=True)
class Clock:
    """Seconds of the picture for those of the session."""

    fast: tuple[tuple[float, float], ...]
    """What is played faster, from and to, in seconds of the session."""

    @classmethod
    def of(cls, cast: Cast) -> Clock:
        fast, key, heard = [], 0.0, 0.0
        for event in [*cast.events, cast.events[-1]._replace(kind="i")]:
            if event.kind == "i":
                if heard > key + PATIENCE:
                    fast.append((key + PATIENCE, heard))
                key = event.time
            elif event.kind == "o":
                heard = event.time
        return cls(tuple(fast))

    def __call__(self, time: float) -> float:
        return time - sum(
            (min(time, end) - begin) * (1 - 1 / FASTER) for begin, end in self.fast if begin < time
        )


@dataclass(frozen=True)
class _Film:
    """Makes parts that change, and keeps the rules by which they do."""

    still: float
    """The moment that stands where nothing may move, in seconds."""
    length: float
    """Of the whole picture, in seconds."""
    rules: list[str] = field(default_factory=list)
    """Of CSS, one for each part that changes."""

    def moved(self, markup: str, steps: Steps[tuple[float, float]]) -> str:
        """Markup that jumps to a place in pixels at the time of each step."""
        x, y = _at(steps, self.still)
        name = f"a{len(self.rules)}"
        frames = (
            f"{_n(100 * time / self.length, 3)}%{{transform:translate({_n(x)}px,{_n(y)}px)}}"
            for time, (x, y) in steps
        )
        self.rules.append(f"@keyframes {name}{{{''.join(frames)}}}")
        place = f"translate({_n(x)} {_n(y)})"
        return f'<g class="m" style="animation-name:{name}" transform="{place}">{markup}</g>'

    def strip(self, steps: Steps[str], high: float) -> str:
        """Markup that takes turns, for a window of that height that shows one piece."""
        places = {
            markup: (high + _APART) * number
            for number, markup in enumerate(dict.fromkeys(markup for _, markup in steps))
        }
        pieces = "".join(
            f'<g transform="translate(0 {_n(place)})">{markup}</g>'
            for markup, place in places.items()
            if markup
        )
        return (
            self.moved(pieces, [(time, (0, -places[markup])) for time, markup in steps])
            if len(steps) > 1
            else pieces
        )


def drawn(cast: Cast) -> str:
    """The SVG. Where nothing may move it shows what stood before the last caption. Its description
    has the captions, for those who cannot see it.
    """
    clock = Clock.of(cast)
    captions = [(clock(event.time), event.data) for event in cast.events if event.kind == "m"]
    film = _Film(captions[-1][0] - _LEAST, clock(cast.duration) + _END)
    columns, rows = cast.size
    wide, high = columns * _WIDE, rows * _HIGH

    said: Steps[str] = [
        (0.0, ""),
        *(
            (time, f'<text class="caption" y="26">{escape(caption)}</text>')
            for time, caption in captions
        ),
    ]
    mark = (
        f'<text class="caption blue" y="26" x="{_n(wide)}" text-anchor="end">'
        f"{FASTER} × faster</text>"
    )
    marks: Steps[str] = [
        (0.0, ""),
        *(
            (clock(time), one)
            for begin, end in clock.fast
            for time, one in ((begin, mark), (end, ""))
        ),
    ]
    whole_wide, whole_high = wide + 2 * _PAD, high + 2 * _PAD + _FOOT
    edge = f'width="{_n(whole_wide - 1)}" height="{_n(whole_high - 1)}" rx="8"'
    done = f'width="{_n(wide)}" height="1"'
    body = f"""\
<rect class="page" stroke="{EDGE}" x="0.5" y="0.5" {edge}/>
<svg x="{_PAD}" y="{_PAD}" width="{_n(wide)}" height="{_n(high)}">{_sheet(film, cast, clock)}</svg>
<g transform="translate({_PAD} {high + 2 * _PAD})">
<rect fill="{EDGE}" opacity="0.4" {done}/><rect class="blue done" {done} transform="scale(0 1)"/>
<svg width="{_n(wide)}" height="{_FOOT}">{film.strip(said, _FOOT)}{film.strip(marks, _FOOT)}</svg>
</g>"""
    head = (
        f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(whole_wide)} {_n(whole_high)}"'
        ' class="default" role="img" aria-labelledby="t d"'
    )
    return f"""\
<svg {head}>
<title id="t">{escape(cast.header["title"])}</title>
<desc id="d">{escape(_description(cast, clock, film))}</desc>
<style>{_style(film)}</style>
{body}
</svg>
"""


def _description(cast: Cast, clock: Clock, film: _Film) -> str:
    captions = [event.data for event in cast.events if event.kind == "m"]
    took = f"The session took {minutes(cast.duration)} minutes"
    played = (
        f"what the terminal does by itself is played {FASTER} times faster,"
        f" so that the picture takes {minutes(film.length)}"
    )
    return f"{took}; {played}. {'. '.join(captions)}."


def minutes(seconds: float) -> str:
    """``3:37``."""
    whole, rest = divmod(round(seconds), 60)
    return f"{whole}:{rest:02d}"


def _sheet(film: _Film, cast: Cast, clock: Clock) -> str:
    """All lines since the beginning, and the cursor."""
    lines: list[Steps[str]] = []
    cursor: Steps[tuple[float, float]] = [(0.0, _NOWHERE)]
    scrolled: Steps[tuple[float, float]] = [(0.0, (0.0, 0.0))]
    for time, screen in _lasting((clock(screen.time), screen) for screen in screens(cast)):
        lines += [[(0.0, "")] for _ in range(len(screen.lines) - len(lines))]
        for steps, line in zip(lines, screen.lines, strict=True):
            _step(steps, time, "".join(map(_markup, line)))
        _step(scrolled, time, (0.0, -screen.gone * _HIGH))
        _step(
            cursor,
            time,
            _NOWHERE
            if screen.cursor is None
            else (screen.cursor[1] * _WIDE, screen.cursor[0] * _HIGH),
        )
    size = f'width="{_n(cast.size[0] * _WIDE)}" height="{_HIGH}"'
    strips = "".join(
        f'<svg y="{number * _HIGH}" {size}>{film.strip(steps, _HIGH)}</svg>\n'
        for number, steps in enumerate(lines)
        if len(steps) > 1
    )
    block = film.moved(f'<rect class="cursor" width="{_WIDE}" height="{_HIGH}"/>', cursor)
    return film.moved(block + strips, scrolled)


def _lasting(shown: Iterable[tuple[float, Screen]]) -> Iterator[tuple[float, Screen]]:
    """Those that are seen long enough, and the last."""
    for (time, screen), (later, _) in pairwise([*shown, (math.inf, None)]):
        if screen is not None and later - time >= _LEAST:
            yield time, screen


def _step(steps: Steps[T], time: float, what: T) -> None:
    if what != steps[-1][1]:
        steps.append((time, what))


def _at(steps: Steps[T], time: float) -> T:
    return steps[bisect_right(steps, time, key=lambda step: step[0]) - 1][1]


def _markup(run: Run) -> str:
    """A run as text on its background, each word as wide as its characters are in any font."""
    parts = []
    if run.background != "default":
        place = f'x="{_n(run.column * _WIDE)}" y="0"'
        size = f'width="{_n(len(run.text) * _WIDE)}" height="{_HIGH}"'
        parts.append(f"<rect {place} {size}{_fill(run.background)}/>")
    for found in _WORDS.finditer(run.text):
        x, width = (run.column + found.start()) * _WIDE, len(found[0]) * _WIDE
        bold = ' font-weight="bold"' if run.bold else ""
        place = f'x="{_n(x)}" y="{_BASE}" textLength="{_n(width)}"'
        said = escape(found[0], quote=False)
        parts.append(f"<text {place}{_fill(run.color)}{bold}>{said}</text>")
    return "".join(parts)


def _fill(color: str) -> str:
    if color == "default":
        return ""
    return f' class="{color}"' if color in COLORS else f' fill="#{color}"'


def _style(film: _Film) -> str:
    """Nothing glides, which would have the whole picture painted anew all the time."""
    light, dark = (
        "".join(f".{name}{{fill:{pair[i]}}}" for name, pair in COLORS.items()) for i in (0, 1)
    )
    length = f"{_n(film.length, 3)}s infinite"
    fonts = 'ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono","Liberation Mono",Consolas'
    moving = (
        f".m{{animation:{length} step-end}}"
        f".done{{animation:{length} steps({film.length:.0f}) done}}"
    )
    return f"""
text{{font:{_FONT}px {fonts},monospace}}
.caption{{font:15px system-ui,"Segoe UI","DejaVu Sans",sans-serif}}
.cursor{{opacity:.5}}
{light}
@media (prefers-color-scheme:dark){{{dark}}}
@media (prefers-reduced-motion:no-preference){{{moving}}}
@keyframes done{{to{{transform:scaleX(1)}}}}
{chr(10).join(film.rules)}
"""


def _n(number: float, digits: int = 1) -> str:
    return f"{number:.{digits}f}".rstrip("0").rstrip(".") if number else "0"

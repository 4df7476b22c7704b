"""Every colour that scoutlang shows: on the page, in figures and structures, in a terminal.

Blue and orange of the two arms are those of Okabe and Ito's palette for all kinds of colour vision
(https://jfly.uni-koeln.de/color/), the orange darker, so that both stand out from white and from
black.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args


class Shades(NamedTuple):
    """A colour on a light and on a dark ground, as ``#rrggbb``."""

    light: str
    dark: str


PAGE: Mapping[str, Shades] = {
    "paper": Shades("#fbfbf9", "#12161b"),
    "card": Shades("#ffffff", "#191f26"),
    "ink": Shades("#1a1f26", "#e9edf1"),
    "soft": Shades("#55606c", "#a9b4bf"),
    "line": Shades("#d9dee4", "#333d48"),
    "accent": Shades("#0a5aa8", "#86bdf7"),
    "chosen": Shades("#e3eefa", "#21364c"),
    "warn": Shades("#7a4b00", "#ffd48a"),
    "warn-paper": Shades("#fff3d6", "#3a2c0c"),
    "yes": Shades("#1d6b36", "#7fd69a"),
    "no": Shades("#a52a1c", "#ff9c8f"),
    "guided": Shades("#0072b2", "#4aa3dd"),
    "non-guided": Shades("#d98200", "#e39a2e"),
    "prototypes": Shades("#00805c", "#2bb08a"),
    "statement": Shades("#8a1f6a", "#f29bd6"),
    "keyword": Shades("#0a5aa8", "#86bdf7"),
    "element": Shades("#1d6b36", "#7fd69a"),
    "number": Shades("#8a4b08", "#f2b36b"),
    "comment": Shades("#5f6a75", "#9aa6b2"),
    "call": Shades("#4a3aa8", "#b9adff"),
}
"""Variable of the page's style sheet → its shades. ``card`` is what texts and figures stand on,
``ink`` their colour; the last six are of words of a program.
"""

REFERENCE = NEUTRAL = "#808080"
TARGET = "#c8409f"
WHITE, BLACK, CLEAR = "#ffffff", "#000000", "rgba(0,0,0,0)"
SURFACE = "Cividis"
"""Plotly's name of the scale of a density in two dimensions."""

OKABE_ITO = ("#0072b2", "#cc79a7", "#009e73", "#f0e442", "#56b4e9", "#d55e00")
"""For elements whose usual colours are too much alike."""


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``, from 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def faint(colour: str, opacity: float) -> str:
    """The colour as CSS and plotly write one that is seen through; opacity: 0 to 1."""
    return f"rgba({','.join(map(str, channels(colour)))},{opacity:g})"


AnsiName = Literal["red", "green", "yellow", "blue", "magenta", "cyan", "bright_black"]
"""In the order of the numbers that terminals give them."""


@dataclass(frozen=True)
class Ink:
    """A colour of the terminal: its user chose the shade. An empty name: the usual colour."""

    name: AnsiName | Literal[""] = ""
    """As click calls it."""

    bold: bool = False

    @property
    def sgr(self) -> str:
        """Parameters of the control sequence "select graphic rendition": ``1;31``."""
        return ";".join(["1"] * self.bold + [str(_SGR[name]) for name in [self.name] if name])

    @property
    def style(self) -> str:
        """As Pygments and prompt_toolkit write it: ``bold ansired``."""
        return " ".join(
            ["bold"] * self.bold + [f"ansi{self.name.replace('_', '')}"] * bool(self.name)
        )


_SGR = dict(zip(get_args(AnsiName), (*range(31, 37), 90), strict=True))

TERMINAL: Mapping[str, Ink] = {
    "error": Ink("red", bold=True),
    "warning": Ink("yellow", bold=True),
    "info": Ink("cyan", bold=True),
    "frame": Ink("blue", bold=True),
    "headline": Ink(bold=True),
    "-": Ink("red"),
    "+": Ink("green"),
    "~": Ink("yellow"),
    "@": Ink("cyan"),
    "command": Ink("green", bold=True),
    "status": Ink("bright_black"),
}
"""What is said in colour: messages and the lines beside the program in them, differences by their
marks, a command of the REPL, the line below its prompt.
"""

SCREEN: Mapping[str, Shades] = {
    "page": Shades("#ffffff", "#0f141a"),
    "default": Shades("#1f2328", "#dde3ea"),
}
"""Ground and text of a terminal that is drawn, in the recording of a session."""

EDGE = "#8b949e"
"""The frame of that terminal."""

ANSI: Mapping[AnsiName, Shades] = {
    "red": Shades("#b3202a", "#ff8078"),
    "green": Shades("#14682e", "#5ad07a"),
    "yellow": Shades("#7a5000", "#e0b44c"),
    "blue": Shades("#1653b5", "#7db8ff"),
    "magenta": Shades("#8431a8", "#d6a5ff"),
    "cyan": Shades("#0b6370", "#58cfdc"),
    "bright_black": Shades("#5a636e", "#8f99a6"),
}
"""Shades of its colours."""


class Token(NamedTuple):
    """How words of a kind are shown."""

    page: str
    """The variable of `PAGE`."""

    ink: Ink = Ink()


TOKENS: Mapping[str, Token] = {
    "Comment.Single": Token("comment", Ink("bright_black")),
    "Keyword": Token("statement", Ink("blue", bold=True)),
    "Keyword.Type": Token("ink"),
    "Operator": Token("soft"),
    "Operator.Word": Token("keyword", Ink("blue")),
    "Number": Token("number", Ink("magenta")),
    "String": Token("element", Ink("green")),
    "Name.Class": Token("element", Ink("cyan")),
    "Name.Builtin": Token("call", Ink("yellow")),
    "Name.Function": Token("call", Ink("yellow")),
    "Name.Attribute": Token("keyword", Ink("blue")),
}
"""Kind of a token, as Pygments calls it → its colours; ``Name.Class`` is an element, ``Keyword`` a
statement. What is not here has the colour of the text.
"""

"""Programs of the whole language for hypothesis: every statement, expressions of bounded depth, any
blanks, comments and spellings.

The programs are well typed. Each is made of words first; how they are spaced, broken into lines and
commented comes after.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from scoutlang.language.checking.imports import library

ELEMENTS = ("Cu", "Si", "P", "Ca")
Words = list[str]

# Dimension → spellings of its units with how many of them make a usual value, and that value in the
# canonical unit.
_UNITS = {
    "plain": ((("",), 1.0), 0.5),
    "length": ((("Å", "Ang", "angstrom", "A\u030a"), 1.0), 3.0),
    "volume": ((("Å^3", "Å³", "Å^3/atom", "Ang^3"), 1.0), 18.0),
    "angle": ((("°", "deg", "º", "degrees"), 1.0), 90.0),
    "density": ((("g/cm^3", "g/cc"), 1.0), 5.0),
}
DIMENSIONS = tuple(_UNITS)
_COMMENTS = st.text(st.sampled_from("abc =#;()\"Å–\t'"), max_size=8)
_BLANKS = st.sampled_from([" ", "  ", "\t"])
_WORDLIKE = re.compile(r"[\w.\u030a°º]")


def picked(draw: DrawFn, *choices: SearchStrategy[Words]) -> Words:
    return draw(st.one_of(*choices))


# ---- quantities ----


@st.composite
def species(draw: DrawFn) -> Words:
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return ["*"]
    if kind == 1:
        chosen = draw(st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=3, unique=True))
        return ["{", *_joined([[c] for c in chosen], ","), "}"]
    return [draw(st.sampled_from([*ELEMENTS, "metal"]))]


@st.composite
def numbers(
    draw: DrawFn, dimension: str = "plain", share: float = 1.0, *, unit: bool | None = None
) -> Words:
    """A usual value of a dimension, times a share, with or without its unit."""
    (spellings, _), usual = _UNITS[dimension]
    text = f"{usual * share * draw(st.sampled_from([0.9, 1.0, 1.1])):.3g}"
    text = draw(
        st.sampled_from(
            [
                text,
                text.removeprefix("0"),
                f"{float(text):.2e}",
                text if "." in text else f"{text}.",
            ]
        )
    )
    wanted = draw(st.booleans()) if unit is None else unit
    return (
        [text, f"~{draw(st.sampled_from(spellings))}"] if wanted and spellings != ("",) else [text]
    )


@st.composite
def descriptors(draw: DrawFn, dimension: str, *, per_site: bool) -> Words:
    """A descriptor; one that has a value of each Cu, where that is wanted."""
    centre = ["Cu"] if per_site else draw(species())
    pair = [*centre, "-", *draw(species())]
    radius = [",", "r", "=", *draw(numbers("length", 1.2))] if draw(st.booleans()) else []
    sites = {
        "plain": [
            ["CN", "(", *pair, *radius, ")"],
            ["q", "(", *pair, ",", "l", "=", "4", ")"],
            ["shape", "(", *pair, ",", "tetrahedron", ")"],
        ],
        "length": [["distance", "(", *pair, ")"]],
    }
    crystal = {
        "plain": [["packing_fraction"], ["atomic_fraction", "(", *draw(species()), ")"]],
        "length": [["min_distance", "(", *pair, ")"], ["a"]],
        "volume": [["volume_per_atom"], ["volume_per_atom", "(", ")"]],
        "angle": [["angle", "(", "P", "-", "Cu", "-", *draw(species()), ")"], ["beta"]],
        "density": [["density"]],
    }
    return draw(
        st.sampled_from(
            sites.get(dimension, [])
            if per_site
            else [*sites.get(dimension, []), *crystal[dimension]]
        )
    )


@st.composite
def quantities(draw: DrawFn, dimension: str, depth: int = 2, *, per_site: bool = False) -> Words:
    """A quantity in which something is measured."""
    inner = quantities(dimension, depth - 1, per_site=per_site)
    kind = draw(st.integers(0, 9)) if depth > 0 else 0
    if kind == 1:
        operands = [
            draw(inner),
            *draw(st.lists(st.one_of(inner, numbers(dimension)), min_size=1, max_size=2)),
        ]
        return _grouped(draw, _spread(draw, operands, "+", "-"))
    if kind == 2:
        plain = numbers() if per_site else st.one_of(numbers(), quantities("plain", depth - 1))
        return _spread(draw, [_bracketed(draw(inner)), draw(plain.map(_bracketed))], "*", "/")
    if kind == 3:
        return ["(", "-", *_bracketed(draw(inner)), ")"]
    if kind == 4:
        return ["abs", "(", *draw(inner), ")"]
    if kind == 5:
        return ["min", "(", *_joined([draw(inner), draw(inner)], ","), ")"]
    if kind == 6 and not per_site and dimension in ("plain", "length"):
        return [
            draw(st.sampled_from(["mean", "max", "sum", "std"])),
            "(",
            *draw(quantities(dimension, depth - 1, per_site=True)),
            ")",
        ]
    if kind == 7 and not per_site and dimension == "plain":
        return ["fraction", "(", *draw(propositions(depth - 1, per_site=True)), ")"]
    if kind == 8 and dimension == "volume":
        length = (
            draw(quantities("length", depth - 1))
            if draw(st.booleans())
            else draw(numbers("length", unit=True))
        )
        return [
            *draw(descriptors(dimension, per_site=per_site)),
            "+",
            *_bracketed(length),
            "^",
            "3",
        ]
    return draw(descriptors(dimension, per_site=per_site))


# ---- propositions ----


@st.composite
def relations(draw: DrawFn, depth: int, *, per_site: bool) -> Words:
    dimension = draw(st.sampled_from(("plain", "length") if per_site else DIMENSIONS))
    measured = draw(quantities(dimension, depth, per_site=per_site))
    match draw(st.integers(0, 3)):
        case 0:
            tolerance = [draw(st.sampled_from(["±", "+-", "+/-"])), *draw(numbers(dimension, 0.1))]
            return [*measured, "=", *draw(numbers(dimension)), *tolerance]
        case 1:
            unit = draw(st.sampled_from(_UNITS[dimension][0][0]))
            low, high = (
                draw(numbers(dimension, 0.8, unit=False)),
                draw(numbers(dimension, 1.2, unit=False)),
            )
            return [
                *measured,
                "in",
                "[",
                *low,
                ",",
                *high,
                "]",
                *([f"~{unit}"] if unit and draw(st.booleans()) else []),
            ]
        case 2:
            return [
                *draw(numbers(dimension, 0.8)),
                "<",
                *measured,
                draw(st.sampled_from(["<", "<=", "≤"])),
                *draw(numbers(dimension, 1.2)),
            ]
        case _:
            return [
                *measured,
                draw(st.sampled_from(["<", "<=", "≤", ">", ">=", "≥"])),
                *draw(numbers(dimension)),
            ]


@st.composite
def propositions(draw: DrawFn, depth: int = 2, *, per_site: bool = False) -> Words:
    inner = propositions(depth - 1, per_site=per_site).map(_bracketed)
    kind = draw(st.integers(0, 7)) if depth > 0 else 0
    if kind == 1:
        return ["not", *draw(inner)]
    if kind in (2, 3):
        word = "and" if kind == 2 else "or"
        return _joined(draw(st.lists(inner, min_size=2, max_size=3)), word)
    if kind == 4:
        return [*draw(inner), "implies", *draw(inner)]
    if kind in (5, 6) and not per_site:
        return [
            "each" if kind == 5 else "any",
            *_bracketed(draw(propositions(depth - 1, per_site=True))),
        ]
    if kind == 7:
        return [
            *["bonded", "(", *(["Cu"] if per_site else draw(species())), ",", *draw(species())],
            *draw(_number_of_neighbours()),
            ")",
        ]
    return _grouped(draw, draw(relations(depth, per_site=per_site)))


@st.composite
def _number_of_neighbours(draw: DrawFn) -> Words:
    return [",", "n", "=", draw(st.sampled_from(["4", "4.", "6"]))] if draw(st.booleans()) else []


# ---- statements ----


@st.composite
def claims(draw: DrawFn, number: int) -> Words:
    verb = draw(st.sampled_from(["require", "prefer", "expect"]))
    label = [f"claim{number}", ":"] if draw(st.booleans()) else []
    judged = [
        "spacegroup >= 75",
        "crystal_system in { cubic , trigonal }",
        "novel and not unique",
        "e_above_hull < - 20 ~meV/atom",
    ]
    match verb, draw(st.integers(0, 3)):
        case "prefer", 0:
            body = [
                *draw(quantities(draw(st.sampled_from(DIMENSIONS)))),
                *"as low as possible".split(),
            ]
        case "expect", 0 | 1:
            body = draw(st.sampled_from(judged)).split()
        case _:
            body = draw(propositions())
    modifiers = [
        *(["weight", "2"] if draw(st.booleans()) else []),
        *(["loss", "=", "huber"] if draw(st.booleans()) else []),
    ]
    return [verb, *label, *_grouped(draw, body), *modifiers]


@st.composite
def settings(draw: DrawFn) -> list[Words]:
    guide = [
        "k = .8",
        "k = ramp ( 0 -> 0.8 , cosine )",
        "k = piecewise ( 1 : 0 , .5 : 0.8 )",
        "k k0",
        "method paper",
        "from .9 to 0.03",
        "every = 2",
    ]
    sample = ["batch 8", "steps = 100", "seed 7", "model mini", 'model "runs/my model"', "cfg 2."]
    chosen = draw(st.lists(st.sampled_from(guide), max_size=3, unique_by=lambda s: s.split()[0]))
    drawn = draw(st.lists(st.sampled_from(sample), max_size=3, unique_by=lambda s: s.split()[0]))
    comma = draw(st.sampled_from(["", ","]))
    return [
        ["guide", *_joined([s.split(" ") for s in chosen], comma)],
        [
            "sample",
            *(["64"] if draw(st.booleans()) else []),
            *_joined([_kept_whole(s) for s in drawn], comma),
        ],
        ["sweep", "k", "in", "{", *_joined([["0.2"], [".4"]], ","), "}"],
        ["sweep", "rc", "in", "{", *_joined([["2.4", "~Ang"], ["0.26", "~nm"]], ","), "}"],
    ]


@st.composite
def statements(draw: DrawFn) -> list[Words]:
    """The statements of a right program, as words."""
    system = ["system", *_joined([[e] for e in ELEMENTS], "-")]
    module = draw(st.sampled_from(library()))
    definitions: list[Words] = [
        [
            "param",
            "rc",
            "=",
            *draw(numbers("length", 0.85, unit=True)),
            "in",
            "[",
            "2",
            ",",
            "3",
            "]",
            "~Å",
        ],
        ["param", "k0", "=", "0.5"],
        ["let", "metal", "=", "{", "Cu", ",", "Ca", ",", "Zn", "}"],
        ["let", "tight", "=", *draw(quantities("length", 1))],
        [
            "motif",
            "bonded",
            "(",
            "A",
            ",",
            "B",
            ",",
            "n",
            "=",
            "4",
            ")",
            "=",
            "CN",
            "(",
            "A",
            "-",
            "B",
            ")",
            ">=",
            "n",
        ],
    ]
    others: list[Words] = [
        ["import", f"std.{module}", *(["as", "lib"] if draw(st.booleans()) else [])],
        draw(
            st.sampled_from(
                [
                    ["atoms", "in", "[", "8", ",", "20", "]"],
                    ["atoms", "<=", "20"],
                    ["atoms", "=", "12."],
                ]
            )
        ),
        draw(st.sampled_from([["formula", '"CuSi2P3"'], ["formula", "CuSi2P3"]])),
        draw(
            st.sampled_from(
                [
                    ["symmetry", "225"],
                    ["symmetry", "cubic"],
                    ["symmetry", "{", "Pnma", ",", "tetragonal", "}"],
                ]
            )
        ),
        *draw(settings()),
    ]
    chosen = draw(
        st.lists(st.sampled_from(others), max_size=3, unique_by=lambda s: " ".join(s[:2]))
    )
    claimed = [draw(claims(i)) for i in range(draw(st.integers(0, 3)))]
    rest = draw(st.permutations([system, *definitions, *chosen, *claimed]))
    return [*([["scout", "1"]] if draw(st.booleans()) else []), *rest]


# ---- words to text ----


@st.composite
def programs(draw: DrawFn) -> str:
    """The text of a program that can be read and that means something."""
    text = draw(st.sampled_from(["", "\n", "# first\n\n"]))
    for words in draw(statements()):
        text += draw(_blank()) + draw(spaced(words)) + draw(_end())
    return text


@st.composite
def _blank(draw: DrawFn) -> str:
    return draw(_BLANKS) if draw(st.integers(0, 4)) == 0 else ""


@st.composite
def _end(draw: DrawFn) -> str:
    """What ends a statement, and what stands between it and the next."""
    ends = st.sampled_from(["\n", "\n", "\n", "\r\n", ";", " ; ", "\n\n", "\n \n\n", ";\n"])
    kind = draw(st.integers(0, 7))
    if kind == 0:
        return f" #{draw(_COMMENTS)}\n"
    if kind == 1:
        return f"\n  #{draw(_COMMENTS)}\n" + draw(
            st.sampled_from(["", "\n", f"#{draw(_COMMENTS)}\n"])
        )
    return draw(ends)


@st.composite
def spaced(draw: DrawFn, words: Words) -> str:
    """A statement with any blanks, and in brackets any line ends and comments."""
    habit = draw(st.sampled_from(["tight", "wide", "lines"]))
    text, depth = "", 0
    for before, marked in zip(["", *words], words, strict=False):
        unit, word = marked.startswith("~"), marked.removeprefix("~")
        glued = (
            before != "" and _WORDLIKE.match(before[-1]) and _WORDLIKE.match(word[0]) and not unit
        )
        needed = before.startswith("~") or glued or (before, word) == ("+", "-")
        gap = " " if needed or habit == "wide" else ""
        if habit == "lines" and depth > 0 and before and draw(st.integers(0, 9)) == 0:
            gap += draw(
                st.sampled_from(
                    [
                        "\n",
                        "\n   ",
                        f" #{draw(_COMMENTS)}\n",
                        f"\n\n # {draw(_COMMENTS)}\n  # and\n",
                    ]
                )
            )
        text += (gap if before else "") + word
        depth += (word in "([{") - (word in ")]}")
    return text


def _kept_whole(setting: str) -> Words:
    return setting.split(" ", 1) if '"' in setting else setting.split(" ")


def _joined(parts: Sequence[Words], joint: str) -> Words:
    words: Words = []
    for part in parts:
        words += [*([joint] if words and joint else []), *part]
    return words


def _spread(draw: DrawFn, operands: Sequence[Words], *operators: str) -> Words:
    words = list(operands[0])
    for operand in operands[1:]:
        words += [draw(st.sampled_from(operators)), *operand]
    return words


def _bracketed(words: Words) -> Words:
    return ["(", *words, ")"] if len(words) > 1 and not _is_call(words) else words


def _is_call(words: Words) -> bool:
    """Whether the words are one call and nothing more."""
    depth = 0
    for position, word in enumerate(words):
        depth += (word == "(") - (word == ")")
        if position > 0 and depth == 0:
            return (
                word == ")"
                and position == len(words) - 1
                and words[0].isidentifier()
                and words[0] not in ("not", "each", "any")
            )
    return False


def _grouped(draw: DrawFn, words: Words) -> Words:
    """Sometimes with brackets that change nothing."""
    return ["(", *words, ")"] if draw(st.integers(0, 5)) == 0 else words

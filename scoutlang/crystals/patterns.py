"""Powder patterns as diffractometers and their programs write them: columns, Rigaku's RAS,
PANalytical's XRDML.

Nothing is guessed: what has more columns than 2θ, intensity and its error, decimal commas, or
another first column than 2θ, is an error that says how to write it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from xml.etree import ElementTree

SUFFIXES = (".xy", ".xye", ".dat", ".txt", ".csv", ".asc", ".ras", ".xrdml")
MOST_POINTS = 20_000
MOST_HEADER = 1000
"""Lines before the first numbers."""

COLUMNS = "two columns are expected: 2θ in degrees, rising, and the intensity"
_COMMENT = re.compile(r"\s*(?:#|!|%|//|'|/\*|\*)")
_BEHIND = re.compile(r"[#!%].*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eEdD][+-]?[0-9]{1,3})?")
_DECIMAL_COMMA = re.compile(r"(?<![0-9.])[+-]?[0-9]+,[0-9]+(?![0-9]*[.])")
_OTHER_AXES = re.compile(
    r"\W*(q|d|d[-_ ]?(?:spacing|value)s?|tof|energy|time|theta|th|θ|s)\W*(?:\[.*)?", re.IGNORECASE
)
_WAVELENGTH = re.compile(r"\*HW_XG_WAVE_LENGTH_ALPHA1\s+\"?([0-9.]+)")


class BadPattern(ValueError):
    """Why a pattern cannot be used, and what to do."""

    def __init__(self, why: str, hint: str = COLUMNS) -> None:
        super().__init__(why)
        self.hint = hint


@dataclass(frozen=True)
class Points:
    """What a file holds."""

    angles: list[float]
    """2θ in degrees, as they stand there."""
    intensities: list[float]
    lines: list[int]
    """Where each stands, counted from 1; 0 where there are no lines."""
    wavelength: float | None = None
    """Å, where the file says it."""


def points(text: str, name: str) -> Points:
    """The points of a file. name: it says which format. Raises BadPattern."""
    match PurePath(name).suffix.lower():
        case ".ras":
            return _ras(text)
        case ".xrdml":
            return _xrdml(text)
        case _:
            return _columns(text)


def _columns(text: str) -> Points:
    """Two columns, or three with the error of the intensity, between blanks, commas or semicolons.
    Comments begin with ``# ! % // ' * /*``; words may come before the first numbers.
    """
    angles: list[float] = []
    intensities: list[float] = []
    places: list[int] = []
    before, block = "", False
    for place, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if block or "/*" in raw:
            block = "*/" not in raw
            continue
        if _COMMENT.match(raw):
            continue
        line = _BEHIND.sub("", raw).strip(" \t,;")
        if not line:
            continue
        words = re.split(r"[\s,;]+", line)
        if not all(map(_NUMBER.fullmatch, words)):
            if angles or place > MOST_HEADER:
                raise BadPattern(f"line {place} is not two numbers: {_shown(line)}")
            before = line
            continue
        if _has_decimal_commas(line):
            raise BadPattern(
                f"line {place} has decimal commas: {_shown(line)}",
                "write points for them: 10.5 123.0",
            )
        if not angles:
            _check_axis(before)
        if len(words) not in (2, 3):
            raise BadPattern(
                f"line {place} has {len(words)} numbers: {_shown(line)}",
                COLUMNS + "; a third may be its error",
            )
        angle, intensity = (float(re.sub("[dD]", "e", word)) for word in words[:2])
        angles.append(angle)
        intensities.append(intensity)
        places.append(place)
        if len(angles) > MOST_POINTS:
            raise BadPattern(f"it has more than {MOST_POINTS} points", "merge neighbouring points")
    return Points(angles, intensities, places)


def _has_decimal_commas(line: str) -> bool:
    """``10,5 123`` or ``10,5;123``: a comma between digits beside another separator."""
    if not _DECIMAL_COMMA.search(line):
        return False
    return bool(re.search(r"[^\s,;][ \t]*;|[^\s,;][ \t]+[^\s,;]", line))


def _check_axis(before: str) -> None:
    first = re.split(r"[,;\t]|\s{2,}", before)[0] if before else ""
    alone = re.split(r"[\s,;]+", before)[0] if before else ""
    if other := _OTHER_AXES.fullmatch(first) or _OTHER_AXES.fullmatch(alone):
        raise BadPattern(f"its first column is {other[1]}, not 2θ")


def _shown(line: str) -> str:
    return "".join(c if c.isprintable() else " " for c in line[:40])


def _ras(text: str) -> Points:
    """Rigaku's: angle, counts, and the factor of the attenuator by which counts are multiplied."""
    lines = text.splitlines()
    marks = ("*RAS_INT_START", "*RAS_INT_END")
    starts, ends = ([k for k, line in enumerate(lines) if line.strip() == mark] for mark in marks)
    if len(starts) != 1 or len(ends) != 1:
        raise BadPattern(
            f"it has {len(starts)} lists of intensities instead of one",
            "write the one that is meant as two columns",
        )
    angles, intensities, places = [], [], []
    for place, line in enumerate(lines[starts[0] + 1 : ends[0]], start=starts[0] + 2):
        words = line.split()
        if not 2 <= len(words) <= 3 or not all(map(_NUMBER.fullmatch, words)):
            raise BadPattern(f"line {place} is no angle with counts: {_shown(line)}")
        numbers = [float(word) for word in words]
        angles.append(numbers[0])
        intensities.append(math.prod(numbers[1:]))
        places.append(place)
        if len(angles) > MOST_POINTS:
            raise BadPattern(f"it has more than {MOST_POINTS} points", "merge neighbouring points")
    found = _WAVELENGTH.search(text)
    try:
        wavelength = float(found[1]) if found else None
    except ValueError:
        wavelength = None
    return Points(angles, intensities, places, wavelength)


def _xrdml(text: str) -> Points:
    """PANalytical's, of one scan over 2θ."""
    if re.search(r"<!(?:DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise BadPattern("it declares entities, which no diffractometer does")
    try:
        # without the declaration, whose encoding is that of the file and not of the text
        root = ElementTree.fromstring(re.sub(r"^\ufeff?\s*<\?xml.*?\?>", "", text, count=1))
    except (ElementTree.ParseError, ValueError) as error:
        raise BadPattern(f"it is no XML: {error}", "export it as .xy") from None
    scans = [*_inside(root, "scan")]
    if len(scans) != 1:
        raise BadPattern(
            f"it has {len(scans)} scans instead of one", "write the one that is meant as .xy"
        )
    axis = next((p for p in _inside(scans[0], "positions") if p.get("axis") == "2Theta"), None)
    counts = next((c for tag in ("counts", "intensities") for c in _inside(scans[0], tag)), None)
    if axis is None or counts is None:
        raise BadPattern("it has no scan over 2Theta with intensities", "export it as .xy")
    intensities = _numbers(counts)
    factors = [f for one in _inside(scans[0], "beamAttenuationFactors") for f in _numbers(one)]
    if len(factors) == len(intensities) and not counts.tag.endswith("intensities"):
        intensities = [i * f for i, f in zip(intensities, factors, strict=True)]
    listed = [_numbers(one) for one in _inside(axis, "listPositions")]
    if listed:
        angles = listed[0]
    else:
        start, end = (
            [x for one in _inside(axis, tag) for x in _numbers(one)]
            for tag in ("startPosition", "endPosition")
        )
        if len(start) != 1 or len(end) != 1 or len(intensities) < 2:
            raise BadPattern("its 2Theta has no start and end", "export it as .xy")
        step = (end[0] - start[0]) / (len(intensities) - 1)
        angles = [start[0] + k * step for k in range(len(intensities))]
    if len(angles) != len(intensities):
        raise BadPattern(f"it has {len(angles)} angles and {len(intensities)} intensities")
    if len(angles) > MOST_POINTS:
        raise BadPattern(f"it has more than {MOST_POINTS} points", "merge neighbouring points")
    wavelengths = [x for one in _inside(root, "kAlpha1") for x in _numbers(one)]
    return Points(angles, intensities, [0] * len(angles), next(iter(wavelengths), None))


def _inside(element: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    """What it holds of this name, in any version of the schema."""
    return (one for one in element.iter() if one.tag == tag or one.tag.endswith("}" + tag))


def _numbers(element: ElementTree.Element) -> list[float]:
    words = (element.text or "").split()
    if not all(map(_NUMBER.fullmatch, words)):
        wrong = next(word for word in words if not _NUMBER.fullmatch(word))
        raise BadPattern(f"{_shown(wrong)} in its {element.tag.rsplit('}')[-1]} is no number")
    return [float(word) for word in words]

"""Numbers of both arms as bars of text, side by side in the same bins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from scoutlang.ir import Arm
from scoutlang.validation.record import Value

_BINS = 10
_BAR = 24  # columns of the longest bar, where there is room


def histogram(values: Mapping[Arm, Sequence[Value]], width: int) -> Iterator[str]:
    """The lines of a histogram, the arms side by side in the same bins; what has no value is counted below."""
    numbers = {arm: [float(v) for v in some if isinstance(v, int | float)] for arm, some in values.items()}
    every = [v for some in numbers.values() for v in some]
    if every:
        low, high = min(every), max(every)
        bins = _BINS if high > low else 1
        step = (high - low) / bins
        counts = {arm: _counts(some, low, step, bins) for arm, some in numbers.items()}
        most = max(max(some) for some in counts.values())
        edges = [f"{low + i * step:.3g}" for i in range(bins + 1)]
        widest = max(len(edge) for edge in edges)
        bar = min(_BAR, max(2, (width - 2 * widest - 3) // len(counts) - 6))
        yield f"{'':{2 * widest + 3}}  {'  '.join(f'{arm:<{bar + 4}}' for arm in counts)}".rstrip()
        for i in range(bins):
            cells = (f"{'█' * math.ceil(some[i] / most * bar)} {some[i] or ''}" for some in counts.values())
            extent = f"{edges[i]:>{widest}} – {edges[i + 1]:<{widest}}"
            yield f"{extent}  {'  '.join(f'{cell:<{bar + 4}}' for cell in cells)}".rstrip()
    for arm, some in values.items():
        if without := len(some) - len(numbers[arm]):
            yield f"  {arm}: {without} of {len(some)} without a value"


def _counts(numbers: Sequence[float], low: float, step: float, bins: int) -> list[int]:
    counts = [0] * bins
    for number in numbers:
        counts[min(int((number - low) / step), bins - 1) if step else 0] += 1
    return counts

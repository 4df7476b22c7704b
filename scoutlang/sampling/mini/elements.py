"""Physical features of the elements: they let a small model share what it learns between chemically
similar elements.
"""

from __future__ import annotations

import torch
from torch import Tensor

from scoutlang.ir.elements import COVALENT_RADIUS, SYMBOLS

# atomic numbers at which a period begins (noble gas before it + 1)
_PERIOD_START = (1, 3, 11, 19, 37, 55, 87, 119)

# Pauling electronegativity, Z = 1…100; noble gases without a value and unknown ones are given as 0
# (CRC Handbook of Chemistry and Physics)
_PAULING = """
2.20 0 0.98 1.57 2.04 2.55 3.04 3.44 3.98 0 0.93 1.31 1.61 1.90 2.19 2.58 3.16 0 0.82 1.00 1.36
1.54 1.63 1.66 1.55 1.83 1.88 1.91 1.90 1.65 1.81 2.01 2.18 2.55 2.96 3.00 0.82 0.95 1.22 1.33
1.6 2.16 1.9 2.2 2.28 2.20 1.93 1.69 1.78 1.96 2.05 2.1 2.66 2.6 0.79 0.89 1.10 1.12 1.13 1.14
1.13 1.17 1.2 1.20 1.1 1.22 1.23 1.24 1.25 1.1 1.27 1.3 1.5 2.36 1.9 2.2 2.20 2.28 2.54 2.00
1.62 2.33 2.02 2.0 2.2 0 0.7 0.9 1.1 1.3 1.5 1.38 1.36 1.28 1.3 1.3 1.3 1.3 1.3 1.3
"""

FEATURES = 26


def element_features() -> Tensor:
    """(102, FEATURES): row Z describes element Z; rows 0 and 101 (the mask state) are zero.

    Columns: period one-hot (7), block one-hot (4), position inside the block, valence electrons,
    electronegativity, covalent radius, and their low powers, all of order one.
    """
    pauling = [float(v) for v in _PAULING.split()]
    table = torch.zeros(102, FEATURES)
    for z, symbol in enumerate(SYMBOLS, start=1):
        period = sum(z >= start for start in _PERIOD_START) - 1
        inside = z - _PERIOD_START[period]
        length = _PERIOD_START[period + 1] - _PERIOD_START[period]
        block, position, width = _block(inside, length)
        radius = COVALENT_RADIUS.get(symbol, 1.7)
        chi = pauling[z - 1]
        row = table[z]
        row[period] = 1.0
        row[7 + block] = 1.0
        place = position / max(width - 1, 1)
        row[11:26] = torch.tensor(
            [
                place,
                place**2,
                (1 - place) ** 2,
                inside / 32,
                (length - inside) / 32,
                chi / 2,
                (chi / 2) ** 2,
                float(chi == 0),
                radius / 1.5,
                (radius / 1.5) ** 2,
                1.5 / radius / 2,
                z / 100,
                place * float(block == 1),
                place * float(block == 2),
                place * float(block == 3),
            ]
        )
    return table


def _block(inside: int, length: int) -> tuple[int, int, int]:
    """Block (s 0, p 1, d 2, f 3), position in it and its width, from the place in a period of given
    length.
    """
    if inside < 2:
        return 0, inside, 2
    from_end = length - inside
    if from_end <= 6:
        return 1, 6 - from_end, 6
    if length == 32 and inside < 16:
        return 3, inside - 2, 14
    return 2, 10 - (from_end - 6), 10

"""Real spherical harmonics of bond directions, shared by the descriptors of bond orientation. Not a
descriptor itself.
"""

from __future__ import annotations

import math

from scoutlang.descriptors._later import Tensor, torch


def harmonics(direction: Tensor, degree: int) -> Tensor:
    """Real spherical harmonics of one degree l in Schmidt's normalisation: Σ_m Y_m(a) Y_m(b) =
    P_l(a · b).

    direction: (P, 3) of length 1 (or 0: a finite value without a meaning) → (P, 2l + 1).
    Polynomials in x, y, z, so smooth at the poles.
    """
    x, y, z = direction.unbind(-1)
    columns = []
    # of the m-fold azimuth, times sin^m of the polar angle
    cosine, sine = torch.ones_like(z), torch.zeros_like(z)
    for m in range(degree + 1):
        # Legendre's recursion from l = m upwards, without the sin^m.
        lower, value = torch.zeros_like(z), torch.full_like(z, math.prod(range(1, 2 * m, 2)))
        for level in range(m + 1, degree + 1):
            lower, value = (
                value,
                ((2 * level - 1) * z * value - (level + m - 1) * lower) / (level - m),
            )
        norm = math.sqrt((2 if m else 1) * math.factorial(degree - m) / math.factorial(degree + m))
        columns.append(norm * value * cosine)
        if m:
            columns.append(norm * value * sine)
        cosine, sine = x * cosine - y * sine, x * sine + y * cosine
    return torch.stack(columns, dim=-1)


def directions(vector: Tensor, distance: Tensor) -> Tensor:
    """(P, 3) vectors and their lengths (P,) → unit vectors; atoms on top of each other get (0, 0,
    0), with a finite gradient.
    """
    return vector / torch.where(distance > 0, distance, torch.ones_like(distance))[:, None]

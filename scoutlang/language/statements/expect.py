"""``expect e_above_hull < 0.2 eV/atom``: a claim that judges the results, without steering the
sampling.

It takes what `require` takes, and descriptors without a gradient, such as `spacegroup` and `novel`.
Of every structure it is reported whether it holds; hits are decided by `require` alone. ``symprec
0.1 Å`` behind the claim is the tolerance of the symmetry search.
"""

from __future__ import annotations

from scoutlang.language.statements.statement import Claiming


class Expect(Claiming):
    rule = "expect"
    example = "expect e_above_hull < 0.2 eV/atom"
    steers = False

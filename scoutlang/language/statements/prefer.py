"""``prefer volume_per_atom as low as possible``: a claim that steers the sampling and is reported,
but never decides a hit.

It takes what `require` takes, and wishes: ``as low as possible``, ``as high as possible``. Name,
weight and loss are written as in `require`.
"""

from __future__ import annotations

from scoutlang.language.statements.statement import Claiming


class Prefer(Claiming):
    rule = "prefer"
    example = "prefer volume_per_atom as low as possible"
    judges = False

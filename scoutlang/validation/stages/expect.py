"""Does the structure fulfil every ``expect`` of the program: what is judged after sampling, such as ``e_above_hull < 0.2 eV/atom``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from scoutlang.ir import Term
from scoutlang.loss.penalties import margin
from scoutlang.validation.record import Outcome, Record, Value
from scoutlang.validation.stages import Context, one_by_one

"""Shipped conformance suites: what every plugged-in part must satisfy, ready to call from its own
tests.
"""

from __future__ import annotations

from scoutlang.testing.descriptors import check_descriptor, check_entry_point
from scoutlang.testing.potentials import check_potential

__all__ = ["check_descriptor", "check_entry_point", "check_potential"]

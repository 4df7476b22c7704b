"""The catalogue of descriptors. One file per descriptor; the file is the registration.

A descriptor module defines ``SIGNATURE`` (torch-free), and, when it can be evaluated on a structure alone, ``soft`` and ``exact``.
Importing this package does not import torch, so the checker starts at once.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType

from scoutlang.signatures import DescriptorSignature


def modules() -> Mapping[str, ModuleType]:
    """Descriptor name → its module, in alphabetical order of file name."""
    found = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda i: i.name):
        module = importlib.import_module(f"{__name__}.{info.name}")
        signature = getattr(module, "SIGNATURE", None)
        if isinstance(signature, DescriptorSignature):
            found[signature.name] = module
    return found


def signatures() -> Mapping[str, DescriptorSignature]:
    """What the checker needs to know of every descriptor."""
    return {name: module.SIGNATURE for name, module in modules().items()}

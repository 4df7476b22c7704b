from __future__ import annotations

import sys
from pathlib import Path

# The known crystals of the tests of descriptors.
sys.path.append(str(Path(__file__).parents[1] / "descriptors"))

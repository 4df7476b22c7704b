"""The version of the package; whoever needs it reads it here and not from the package, which stands
above everything.
"""

from __future__ import annotations

__version__ = "0.1.0"
MATTERGEN = "1.0.3"
"""The release of mattergen that is known to work."""

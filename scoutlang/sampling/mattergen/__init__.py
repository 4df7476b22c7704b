"""MatterGen backend: the only place that imports `mattergen`. Importing this package makes ``import
mattergen`` work.
"""

from scoutlang.sampling.mattergen.compat import import_mattergen

import_mattergen()

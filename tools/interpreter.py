"""Can this Python install scoutlang? `python tools/interpreter.py`, before anything is downloaded.

Runs on any Python 3 and needs no package.
"""

import os
import platform
import shutil
import sys
import sysconfig

WHEELS = ((3, 11), (3, 12))
"""Versions of CPython for which CHGNet has wheels, on x86-64 and on macOS."""


def problem():
    """Why not; empty if it can."""
    here = "Python " + platform.python_version()
    if sys.version_info < WHEELS[0]:
        return here + " is too old: scoutlang needs 3.11 or newer (make install PYTHON=python3.12)"
    common = platform.machine() in ("x86_64", "AMD64") or sys.platform == "darwin"
    if common and sys.version_info[:2] in WHEELS:
        return ""
    header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
    compiler = os.environ.get("CC") or "cc"
    if shutil.which(compiler.split()[0]) and os.path.isfile(header):
        return ""
    where = here + " on " + platform.machine()
    return (
        where
        + ": CHGNet, the default potential, has no wheel here, and there is no C compiler with "
        "Python.h to build it; take Python 3.11 or 3.12 on x86-64 or macOS "
        "(make install PYTHON=python3.12), or a compiler (apt-get install gcc python3-dev)"
    )


if __name__ == "__main__":
    sys.exit(problem() or 0)

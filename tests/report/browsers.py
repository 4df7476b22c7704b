"""The browser of the machine, for tests and for the picture of a page."""

from __future__ import annotations

import os
import shutil
from typing import Any


def executable() -> str | None:
    return os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


def chromium(playwright: Any) -> Any:
    """Headless. Its sandbox does not start as root, which CI is."""
    return playwright.chromium.launch(
        executable_path=executable(), args=["--no-sandbox"] if os.geteuid() == 0 else []
    )

"""What the browser tests need on a machine, and what to do where it is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def missing() -> str:
    """Empty: nothing is."""
    if CHROMIUM is None:
        return "NO BROWSER: install Chromium (Debian: apt-get install chromium fonts-ipafont-gothic)"
    if not AXE.exists():
        return "NO AXE-CORE: run `npm ci` in tests/browser"
    return ""

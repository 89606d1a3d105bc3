"""Where a program may keep what it can make again."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Where prepared data may be kept: ``MYOSTREAM_CACHE``, or the platform's own place for caches.

    Raises:
        ValueError: it is not named, and this user has no home.
    """
    if named := os.environ.get("MYOSTREAM_CACHE"):
        return Path(named)
    if sys.platform == "darwin":
        return _home() / "Library" / "Caches" / "myostream"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or _home() / "AppData" / "Local") / "myostream" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "myostream"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise ValueError(
            "this user has no home folder to keep files in; name a folder in the environment as MYOSTREAM_CACHE"
        ) from error

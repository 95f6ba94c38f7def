"""The cache folder: decoded photos, downloaded weights and data sets. Everything in it can be made again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder(name: str) -> Path:
    """The folder for one kind of cached file, such as "store" or "weights"; it is not made here.

    It is `$HEADWAY_CACHE/name`, else in the platform's usual place (on Linux `~/.cache/headway/name`).
    """
    # Looked up each time, so that a test or a notebook may set it late.
    if root := os.environ.get("HEADWAY_CACHE"):
        return Path(root) / name
    # Not installed with a server alone, which keeps nothing.
    import platformdirs

    return platformdirs.user_cache_path("headway", appauthor=False) / name

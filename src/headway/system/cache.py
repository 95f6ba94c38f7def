"""The cache folder: decoded photos, downloaded weights and data sets. Everything in it can be made again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["cache_folder"]


def cache_folder(name: str) -> Path:
    """The folder for one kind of cached file; it is not made here.

    Args:
        name: What it holds, such as "store" or "weights".

    Returns:
        `$HEADWAY_CACHE/name`, else the platform's usual place (on Linux `~/.cache/headway/name`).
    """
    root = os.environ.get("HEADWAY_CACHE")
    return (Path(root) if root else platformdirs.user_cache_path("headway", appauthor=False)) / name

"""Paths: files and folders as objects, the same on every system."""

from pathlib import Path


def pictures_of(folder: Path) -> list[tuple[str, str]]:
    """Name and folder's name of each PNG file below `folder`, at any depth, sorted by path. PNG or png is the same."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() == ".png")
    return [(file.name, file.parent.name) for file in files]

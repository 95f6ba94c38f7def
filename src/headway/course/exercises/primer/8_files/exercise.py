"""Paths: files and folders as objects, the same on every system.

With the files pictures/cat/1.png, pictures/dog/2.PNG and pictures/notes.txt:

    pictures_of(Path("pictures"))    [("1.png", "cat"), ("2.PNG", "dog")]
"""

from pathlib import Path


def pictures_of(folder: Path) -> list[tuple[str, str]]:
    """Name and folder's name of each PNG file below `folder`, at any depth, sorted by path. PNG or png is the same."""
    # Write it here.
    raise NotImplementedError

"""The named data sets: what they are, where their files are published, and the hashes that those files must have.

They are listed in `catalogue.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from typing import Any

from headway.errors import ConfigError, did_you_mean

__all__ = ["CATALOGUE", "NamedData", "PublishedFile", "entry"]


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file as it is published, `size` bytes long; of its addresses, http or https, the first that answers is used."""

    name: str
    addresses: tuple[str, ...]
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class NamedData:
    """A data set that is available by its name.

    Attributes:
        what: What it shows, in a few words.
        items: How many items it has, all parts together.
        size: The side of the square to train on, in pixels.
        channels: 3 for colour, 1 for grey.
        licence: What its authors say about its use.
        page: The data set's own page.
        source: Where the addresses and hashes were taken from.
        files: What is downloaded.
        layout: The form of the files; a key of `LAYOUTS`, which make class folders of them.
        class_names: The classes in the order of the files' numbers, or by the files' names for them.
    """

    name: str
    what: str
    items: int
    classes: int
    size: int
    channels: int = 3
    licence: str
    page: str
    source: str
    files: tuple[PublishedFile, ...] = ()
    layout: str
    class_names: Mapping[str, str] | Sequence[str] = ()

    @property
    def download_bytes(self) -> int:
        """What is downloaded, in bytes."""
        return sum(file.size for file in self.files)

    @property
    def ready_bytes(self) -> int:
        """What it takes on the disk at most once it is ready: about as much again, and a block a file."""
        # A file takes whole blocks of the disk, of 4 kB mostly.
        return self.download_bytes + self.items * 4096


def entry(name: str) -> NamedData:
    """The data set of that name; case, hyphens and underscores do not matter.

    Raises:
        ConfigError: If there is none.

    Example:
        >>> entry("Fashion_MNIST").items
        70000
    """
    by_plain_name = {_plain(known): data for known, data in CATALOGUE.items()}
    if _plain(name) not in by_plain_name:
        fix = did_you_mean(name, CATALOGUE)
        raise ConfigError("Unknown data set.", given=repr(name), fix=fix)
    return by_plain_name[_plain(name)]


def _plain(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum())


def _named_data(
    name: str, *, folders: Sequence[str] = (), files: Sequence[Mapping[str, Any]] = (), **facts: Any
) -> NamedData:
    """An entry of `catalogue.toml`, where an address is that of a folder with all the files."""
    published = (PublishedFile(**file, addresses=tuple(folder + file["name"] for folder in folders)) for file in files)
    return NamedData(name=name, files=tuple(published), **facts)


# All named data sets, by name.
CATALOGUE: dict[str, NamedData] = {
    name: _named_data(name, **facts)
    for name, facts in tomllib.loads(
        package_files("headway.datasets").joinpath("catalogue.toml").read_text("utf-8")
    ).items()
}

"""Addresses of bundles, on the Hugging Face hub or elsewhere, and fetching them.

Of a repository one file is read, and it is checked as any other bundle is: no pickle, no code, no other operator than
those that Headway writes. The hub's own client does the talking (`huggingface_hub`), elsewhere fsspec; both keep what
they fetched.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from headway.errors import BundleError, ConfigError, in_a_line
from headway.system.hub import hub_answers
from headway.system.remote import MAX_CACHE_BYTES, fetched

__all__ = ["FILE", "Address", "fetch", "is_address", "reaching"]

FILE = "model.headway"
# A path takes one of two slashes away.
_ANYWHERE = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+):/{1,2}(?P<rest>[^/].*)", flags=re.IGNORECASE)
_ADDRESS = re.compile(r"hf:/{1,2}(?P<repo>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[^/@]+))?(?:/(?P<file>.+\.headway))?")


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a bundle lies on the hub.

    Attributes:
        repo: The owner's name and the repository's.
        revision: A branch, a tag or a commit.
        file: The bundle in it.
    """

    repo: str
    revision: str = "main"
    file: str = FILE

    @classmethod
    def of(cls, text: str) -> Self:
        """The address that a text such as "hf://user/name" or "hf://user/name@v2" means.

        Raises:
            ConfigError: If it means none.

        Example:
            >>> Address.of("hf://ada/pets@v2")
            Address(repo='ada/pets', revision='v2', file='model.headway')
        """
        match = _ADDRESS.fullmatch(text)
        if match is None:
            what = "That is not the address of a bundle on the hub."
            raise ConfigError(what, given=text, fix='Write it as "hf://user/name", or "hf://user/name@revision".')
        return cls(**{name: value for name, value in match.groupdict().items() if value})


def is_address(path: str | os.PathLike[str]) -> bool:
    """Whether a bundle's path is an address, on the hub or elsewhere."""
    return bool(_ANYWHERE.fullmatch(os.fspath(path)))


def fetch(address: str | os.PathLike[str]) -> Path:
    """The file of a bundle elsewhere: as it was kept where it is as it was, else downloaded.

    Args:
        address: Such as "hf://user/name" or "s3://models/pets.headway".

    Raises:
        ConfigError: If it is no address.
        BundleError: If there is no such bundle, or its server cannot be reached.
    """
    parts = _ANYWHERE.fullmatch(os.fspath(address))
    if parts is not None and parts["scheme"] != "hf":
        elsewhere = f"{parts['scheme']}://{parts['rest']}"
        with reaching(f"The bundle cannot be fetched: {elsewhere}.", "Check the address, and that you may read it."):
            return fetched(elsewhere, max_bytes=MAX_CACHE_BYTES)
    from huggingface_hub import hf_hub_download

    where = Address.of(os.fspath(address))
    problem = f"No bundle could be fetched from the hub: {where.repo}, {where.file}."
    with reaching(problem, "Check the name, the network, and for a private repository HF_TOKEN or `hf auth login`."):
        # Without a network the client would try for half a minute before it looks at what it has kept.
        options = {"revision": where.revision, "local_files_only": not hub_answers()}
        return Path(hf_hub_download(where.repo, where.file, library_name="headway", **options))


@contextmanager
def reaching(what: str, fix: str) -> Iterator[None]:
    """A context for the client of a server; whatever it raises becomes a BundleError with its reason."""
    try:
        yield
    # The hub's says in many ways that there is no network, no such repository, or no right to it.
    except Exception as error:
        raise BundleError(what, given=in_a_line(error), fix=fix) from error

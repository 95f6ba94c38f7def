"""A published file on this machine: from a mirror or its own address, resumed where it broke off, verified before use.

A file that does not have the published hash is never used, so that neither the mirror nor the network needs to be
trusted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway.datasets.catalogue import PublishedFile
from headway.errors import ConfigError, HeadwayError

if TYPE_CHECKING:
    import requests

__all__ = ["DownloadError", "Patience", "obtain"]

MIRROR = "HEADWAY_MIRROR"

_CHUNK = 2**16
# A try that brought less than this many bytes counts as failed.
_PROGRESS = 2**20

_MAX_REDIRECTS = 10
_OTHER = "another file than the published one"
_TRY_LATER = {408, 425, 429, 500, 502, 503, 504}


class DownloadError(HeadwayError, OSError):
    """A file cannot be downloaded."""


class _PassingError(Exception):
    """Something that may go better the next time."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait, and how often to try again.

    Attributes:
        connect_seconds: For an address to answer.
        stall_seconds: For the next bytes.
        tries: How many tries in a row may bring next to nothing, at each address.
        pause_seconds: Before the second try; twice as long before each one after it.
    """

    connect_seconds: float = 10
    stall_seconds: float = 30
    tries: int = 3
    pause_seconds: float = 1


def obtain(
    file: PublishedFile,
    folder: Path,
    *,
    name: str,
    on_progress: Callable[[int, int], None] | None = None,
    patience: Patience | None = None,
) -> Path:
    """A published file, verified: the one in the folder, else the mirror's, else downloaded.

    What a broken or killed download left behind (`.part`) is used by the next one. The environment variable
    `HEADWAY_MIRROR`, a folder or an http(s) address, is looked at before the file's own addresses, for
    `<mirror>/<name>/<file>`.

    Args:
        file: The file.
        folder: Where to; made if need be. One process at a time: the caller holds a lock.
        name: The data set's name, which a mirror keeps its files under.
        on_progress: Called with (bytes received, bytes in all).
        patience: How long to wait; the default is meant for people.

    Returns:
        Its path: in `folder`, or in the mirror where that is a folder.

    Raises:
        DownloadError: If no address has it; the text names each of them and what was wrong.
        ConfigError: If `HEADWAY_MIRROR` is neither a folder nor an http(s) address.
    """
    target, mirror = folder / file.name, _mirror(name, file)
    folder.mkdir(parents=True, exist_ok=True)
    failures: dict[str, str] = {}
    for here in [target, *([mirror] if isinstance(mirror, Path) else [])]:
        if _is_published(here, file):
            return here
        if here.exists() or here == mirror:
            failures[str(here)] = _OTHER if here.exists() else "no such file"
    for address in ([mirror] if isinstance(mirror, str) else []) + list(file.addresses):
        try:
            _Download(file, address, target, on_progress or (lambda done, total: None), patience or Patience()).run()
        except DownloadError as error:
            failures[address] = str(error)
            continue
        if mirror is not None and address != mirror:
            warnings.warn(f"{MIRROR} was passed over for {name}: {failures[str(mirror)]} ({mirror})", stacklevel=2)
        return target
    raise _failed(file, folder, name, failures)


def _mirror(name: str, file: PublishedFile) -> Path | str | None:
    """Where the mirror has this file: a path, an address, or None where no mirror is set."""
    mirror = os.environ.get(MIRROR, "")
    if not mirror:
        return None
    if re.match(r"https?://", mirror, flags=re.IGNORECASE):
        return f"{mirror.rstrip('/')}/{name}/{file.name}"
    if not Path(mirror).expanduser().is_dir():
        what = f"{MIRROR} must be a folder, or an address that begins with http:// or https://."
        raise ConfigError(what, given=mirror, fix="Correct it, or unset it.")
    return Path(mirror).expanduser().absolute() / name / file.name


def _is_published(path: Path, file: PublishedFile) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256


def _failed(file: PublishedFile, folder: Path, name: str, failures: dict[str, str]) -> DownloadError:
    tried = "".join(f"\n    {place}: {reason}" for place, reason in failures.items())
    return DownloadError(
        f"{file.name} of the data set {name} could not be downloaded.",
        given=f"{file.size:,} bytes, SHA-256 {file.sha256}; tried:{tried}",
        fix=f"Check the network and try again: what was received is kept. Or download it elsewhere and put it at "
        f"{folder / file.name}, or set {MIRROR} to a folder or address that has {name}/{file.name}.",
    )


@dataclass(frozen=True)
class _Download:
    """One file over http, through interruptions."""

    file: PublishedFile
    address: str
    target: Path
    on_progress: Callable[[int, int], None]
    patience: Patience

    @property
    def part(self) -> Path:
        """What was received so far."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def notes(self) -> Path:
        """Where the part is from, and of which version of the file it is."""
        return self.part.with_name(f"{self.part.name}.json")

    @property
    def received(self) -> int:
        """The part's bytes."""
        return self.part.stat().st_size if self.part.exists() else 0

    def run(self) -> None:
        """Downloads the file; it gets its name only when all its bytes are there and the right ones."""
        is_resumed = self._receive_all()
        if is_resumed and not _is_published(self.part, self.file):
            # What was received in pieces may be pieces of two files; from the start it is one.
            self.part.unlink()
            self._receive_all()
        if not _is_published(self.part, self.file):
            self.part.unlink()
            raise DownloadError(_OTHER)
        os.replace(self.part, self.target)
        self.notes.unlink(missing_ok=True)

    def _receive_all(self) -> bool:
        """Asks until all bytes are there; whether they came in pieces."""
        is_resumed, failures = False, 0
        while True:
            before = self.received
            is_resumed |= before > 0
            try:
                self._receive()
                return is_resumed
            except _PassingError as error:
                failures = 0 if self.received - before >= _PROGRESS else failures + 1
                if failures >= self.patience.tries:
                    raise DownloadError(str(error)) from error
            time.sleep(self.patience.pause_seconds * 2 ** max(failures - 1, 0))

    def _receive(self) -> None:
        """One request, for what is missing; its bytes are added to the part."""
        import requests
        import urllib3

        if self.received == self.file.size:
            return
        if self.received > self.file.size:
            self.part.unlink()
        headers = {"Accept-Encoding": "identity", **self._range()}
        timeout = (self.patience.connect_seconds, self.patience.stall_seconds)
        try:
            with requests.Session() as session:
                session.max_redirects = _MAX_REDIRECTS
                with session.get(self.address, headers=headers, timeout=timeout, stream=True) as response:
                    self._append(response)
        except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL) as error:
            message = f"it leads to something other than an http address ({error})"
            raise DownloadError(message) from error
        except requests.exceptions.TooManyRedirects as error:
            message = f"more than {_MAX_REDIRECTS} redirects"
            raise DownloadError(message) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _PassingError(_reason(error, self.patience)) from error

    def _range(self) -> dict[str, str]:
        """The headers that ask for the rest of a file, if it is still the one that the part came from."""
        if not self.received:
            return {}
        try:
            notes: Any = json.loads(self.notes.read_text())
            validator = notes["validator"] if notes["url"] == self.address else None
        except (OSError, ValueError, KeyError, TypeError):
            validator = None
        headers = {"Range": f"bytes={self.received}-"}
        return headers | {"If-Range": validator} if isinstance(validator, str) else headers

    def _append(self, response: requests.Response) -> None:
        start = self._start(response)
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and start + int(length) != self.file.size:
            message = f"it has {start + int(length):,} bytes"
            raise DownloadError(message)
        if start == 0:
            validator = _validator(response.headers)
            self.notes.write_text(json.dumps({"url": self.address, "validator": validator}))
        with open(self.part, "ab" if start else "wb") as stream:
            received = start
            self.on_progress(received, self.file.size)
            while chunk := response.raw.read(_CHUNK, decode_content=False):
                received += len(chunk)
                if received > self.file.size:
                    stream.truncate(0)
                    message = f"it has more than {self.file.size:,} bytes"
                    raise DownloadError(message)
                stream.write(chunk)
                self.on_progress(received, self.file.size)
        if received < self.file.size:
            message = f"the connection was cut after {received:,} bytes"
            raise _PassingError(message)

    def _start(self, response: requests.Response) -> int:
        """The position of the answer's first byte in the file."""
        status = response.status_code
        if status == 200:
            return 0
        if status == 206:
            found = re.match(r"bytes (\d+)-\d+/(\d+|\*)$", response.headers.get("Content-Range", ""))
            if found and int(found[1]) == self.received and found[2] in ("*", str(self.file.size)):
                return int(found[1])
        if status in (206, 416):
            self.part.unlink(missing_ok=True)
            message = "it sent another range than the one that was asked for"
            raise _PassingError(message)
        message = f"it answers {status} {response.reason}".strip()
        raise _PassingError(message) if status in _TRY_LATER else DownloadError(message)


def _validator(headers: Any) -> str | None:
    """What the server knows this version of the file by; a weak ETag does not say that bytes are equal."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified")


def _reason(error: Exception, patience: Patience) -> str:
    import requests
    import urllib3

    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no answer within {patience.connect_seconds:g} s"
    if isinstance(error, (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        return f"nothing came for {patience.stall_seconds:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return f"its certificate is not accepted ({error})"
    if isinstance(error, requests.exceptions.ConnectionError) and "NameResolutionError" in str(error):
        return "its name cannot be looked up: is there a network?"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "no connection"
    return "the connection was cut"

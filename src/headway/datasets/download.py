"""A published file on this machine: from a mirror or its own address, resumed where it broke off, verified before use.

pooch compares the hash and gives the file its name; what it lacks is here: a download that goes on where it was cut,
says why it failed, and never takes more than it should. A file that does not have the published hash is never used,
so that neither the mirror nor the network needs to be trusted.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
_PROGRESS = 2**20
"""A try that brought less than this many bytes counts as failed."""

_MAX_REDIRECTS = 10
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
        DownloadError: If it is to be had nowhere; the text names every address and what was wrong.
        ConfigError: If `HEADWAY_MIRROR` is neither a folder nor an http(s) address.
    """
    import pooch

    folder.mkdir(parents=True, exist_ok=True)
    failures: dict[str, str] = {}
    mirror = _mirror(name, file)
    places = [folder / file.name] + ([mirror] if isinstance(mirror, Path) else [])
    for place in places:
        if place.is_file() and pooch.file_hash(str(place)) == file.sha256:
            return place
        if place.exists() or place == mirror:
            failures[str(place)] = "another file than the published one" if place.exists() else "no such file"
    receive = _Download(file, on_progress or (lambda done, total: None), patience or Patience())
    for address in ([mirror] if isinstance(mirror, str) else []) + list(file.addresses):
        try:
            found = _retrieve(address, file, folder, receive)
        except DownloadError as error:
            failures[address] = str(error)
            continue
        if mirror is not None and address != mirror:
            warnings.warn(f"{MIRROR} was passed over for {name}: {failures[str(mirror)]} ({mirror})", stacklevel=2)
        return found
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


def _retrieve(address: str, file: PublishedFile, folder: Path, receive: _Download) -> Path:
    import pooch

    # What was received in pieces may be pieces of two files; from the start it is one.
    for last in (False, True):
        try:
            with _quiet(pooch.get_logger()):
                # pooch describes downloaders by another signature than the one that it calls them with.
                call: Any = receive
                return Path(pooch.retrieve(address, f"sha256:{file.sha256}", file.name, folder, downloader=call))
        except ValueError as error:
            if last or not receive.resumed:
                message = "another file than the published one"
                raise DownloadError(message) from error
    raise AssertionError


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Without pooch's own lines, which would run through a progress bar."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _failed(file: PublishedFile, folder: Path, name: str, failures: dict[str, str]) -> DownloadError:
    tried = "".join(f"\n    {place}: {reason}" for place, reason in failures.items())
    return DownloadError(
        f"{file.name} of the data set {name} could not be downloaded.",
        given=f"{file.size:,} bytes, SHA-256 {file.sha256}; tried:{tried}",
        fix=f"Look at the network and try again: what was received is kept. Or download it elsewhere and put it at "
        f"{folder / file.name}, or set {MIRROR} to a folder or address that has {name}/{file.name}.",
    )


class _Download:
    """pooch's downloader: one file over http, through interruptions."""

    def __init__(self, file: PublishedFile, on_progress: Callable[[int, int], None], patience: Patience) -> None:
        self._file, self._on_progress, self._patience = file, on_progress, patience
        self.resumed = False

    def part(self, folder: Path) -> Path:
        """What was received so far."""
        return folder / f"{self._file.name}.part"

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Downloads the file; the name is given to it only when all its bytes are there."""
        part = self.part(Path(output_file).parent)
        self.resumed = False
        failures = 0
        while True:
            before = _size(part)
            self.resumed |= before > 0
            try:
                self._receive(url, part)
                break
            except _PassingError as error:
                failures = 0 if _size(part) - before >= _PROGRESS else failures + 1
                if failures >= self._patience.tries:
                    raise DownloadError(str(error)) from error
            time.sleep(self._patience.pause_seconds * 2 ** max(failures - 1, 0))
        os.replace(part, output_file)
        _notes(part).unlink(missing_ok=True)

    def _receive(self, url: str, part: Path) -> None:
        """One request, for what is missing; its bytes are added to the part."""
        import requests
        import urllib3

        if _size(part) >= self._file.size:
            if _size(part) == self._file.size:
                return
            part.unlink()
        headers = {"Accept-Encoding": "identity", **_range(url, part)}
        timeout = (self._patience.connect_seconds, self._patience.stall_seconds)
        try:
            with requests.Session() as session:
                session.max_redirects = _MAX_REDIRECTS
                with session.get(url, headers=headers, timeout=timeout, stream=True) as response:
                    self._append(response, part, url)
        except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL) as error:
            message = f"it leads to something other than an http address ({error})"
            raise DownloadError(message) from error
        except requests.exceptions.TooManyRedirects as error:
            message = f"more than {_MAX_REDIRECTS} redirects"
            raise DownloadError(message) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _PassingError(_reason(error, self._patience)) from error

    def _append(self, response: requests.Response, part: Path, url: str) -> None:
        start = self._start(response, part)
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and start + int(length) != self._file.size:
            message = f"it has {start + int(length):,} bytes"
            raise DownloadError(message)
        if start == 0:
            validator = _validator(response.headers)
            _notes(part).write_text(json.dumps({"url": url, "validator": validator}))
        with open(part, "ab" if start else "wb") as stream:
            received = start
            self._on_progress(received, self._file.size)
            while chunk := response.raw.read(_CHUNK, decode_content=False):
                received += len(chunk)
                if received > self._file.size:
                    stream.truncate(0)
                    message = f"it has more than {self._file.size:,} bytes"
                    raise DownloadError(message)
                stream.write(chunk)
                self._on_progress(received, self._file.size)
        if received < self._file.size:
            message = f"the connection was cut after {received:,} bytes"
            raise _PassingError(message)

    def _start(self, response: requests.Response, part: Path) -> int:
        """The position of the answer's first byte in the file."""
        status = response.status_code
        if status == 200:
            return 0
        if status == 206:
            found = re.match(r"bytes (\d+)-\d+/(\d+|\*)$", response.headers.get("Content-Range", ""))
            if found and int(found[1]) == _size(part) and found[2] in ("*", str(self._file.size)):
                return int(found[1])
        if status in (206, 416):
            part.unlink(missing_ok=True)
            message = "it sent another range than the one that was asked for"
            raise _PassingError(message)
        message = f"it answers {status} {response.reason}".strip()
        raise _PassingError(message) if status in _TRY_LATER else DownloadError(message)


def _range(url: str, part: Path) -> dict[str, str]:
    """The headers that ask for the rest of a file, if it is still the one that the part came from."""
    start = _size(part)
    if not start:
        return {}
    try:
        notes: Any = json.loads(_notes(part).read_text())
        validator = notes["validator"] if notes["url"] == url else None
    except (OSError, ValueError, KeyError, TypeError):
        validator = None
    headers = {"Range": f"bytes={start}-"}
    return headers | {"If-Range": validator} if isinstance(validator, str) else headers


def _validator(headers: Any) -> str | None:
    """What the server knows this version of the file by; a weak ETag does not say that bytes are equal."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified")


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


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

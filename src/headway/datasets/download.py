"""A published file on this machine: from a mirror or its own address, resumed where it broke off, verified before use.

A file that does not have the published hash is never used, so that neither the mirror nor the network needs to be
trusted.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from headway.datasets.catalogue import PublishedFile
from headway.errors import ConfigError, HeadwayError

if TYPE_CHECKING:
    import requests

__all__ = ["DownloadError", "obtain"]

MIRROR = "HEADWAY_MIRROR"

CONNECT_SECONDS = 10.0
STALL_SECONDS = 30.0

# How many tries in a row may bring next to nothing, at each address.
TRIES = 3
# A try that brought less than this many bytes counts as failed.
PROGRESS_BYTES = 2**20
# Before the second try; twice as long before each one after it.
PAUSE_SECONDS = 1.0

_CHUNK = 2**16
_MAX_REDIRECTS = 10
_OTHER = "another file than the published one"
_TRY_LATER = {408, 425, 429, 500, 502, 503, 504}


class DownloadError(HeadwayError, OSError):
    """A file cannot be downloaded."""


class _PassingError(Exception):
    """Something that may go better the next time."""


def obtain(
    file: PublishedFile, folder: Path, *, name: str, on_progress: Callable[[int], None] = lambda done: None
) -> Path:
    """The path of a published file, verified: the one in the folder, else the mirror's, else downloaded.

    What a broken or killed download left behind (`.part`) is used by the next one. The environment variable
    `HEADWAY_MIRROR`, a folder or an http(s) address, is looked at before the file's own addresses, for
    `<mirror>/<name>/<file>`.

    Args:
        file: The file.
        folder: Made if need be. One process at a time: the caller holds a lock.
        name: The data set's name, which a mirror keeps its files under.
        on_progress: Called with the number of bytes received.

    Raises:
        DownloadError: If no address has it; the text names each of them and what was wrong.
        ConfigError: If `HEADWAY_MIRROR` is neither a folder nor an http(s) address.
    """
    target, mirror = folder / file.name, _mirror(name, file)
    folder.mkdir(parents=True, exist_ok=True)
    failures: dict[str, str] = {}
    for path in [target, *([mirror] if isinstance(mirror, Path) else [])]:
        if _is_published(path, file):
            return path
        if path.exists() or path == mirror:
            failures[str(path)] = _OTHER if path.exists() else "no such file"
    for address in ([mirror] if isinstance(mirror, str) else []) + list(file.addresses):
        try:
            _download(file, address, target, on_progress)
        except DownloadError as error:
            failures[address] = str(error)
            continue
        if mirror is not None and address != mirror:
            warnings.warn(f"{MIRROR} was passed over for {name}: {failures[str(mirror)]} ({mirror})", stacklevel=2)
        return target
    tried = "".join(f"\n    {address}: {reason}" for address, reason in failures.items())
    raise DownloadError(
        f"{file.name} of the data set {name} could not be downloaded.",
        given=f"{file.size:,} bytes, SHA-256 {file.sha256}; tried:{tried}",
        fix=f"Check the network and try again: what was received is kept. Or download it elsewhere and put it at "
        f"{target}, or set {MIRROR} to a folder or address that has {name}/{file.name}.",
    )


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


def _download(file: PublishedFile, address: str, target: Path, on_progress: Callable[[int], None]) -> None:
    """Downloads a file over http; it gets its name only when all its bytes are there and the right ones."""
    part = target.with_name(f"{target.name}.part")
    is_resumed = _receive_all(file, address, part, on_progress)
    if is_resumed and not _is_published(part, file):
        # What was received in pieces may be pieces of two files; from the start it is one. The hash tells, so that
        # nothing needs to be known of where an old piece came from.
        part.unlink()
        _receive_all(file, address, part, on_progress)
    if not _is_published(part, file):
        part.unlink()
        raise DownloadError(_OTHER)
    os.replace(part, target)


def _receive_all(file: PublishedFile, address: str, part: Path, on_progress: Callable[[int], None]) -> bool:
    """Asks until all bytes are there; whether they came in pieces."""
    is_resumed, failures = False, 0
    while True:
        before = _size(part)
        is_resumed |= before > 0
        try:
            _receive(file, address, part, on_progress)
            return is_resumed
        except _PassingError as error:
            # A slow line that brings something each time is not given up.
            failures = 0 if _size(part) - before >= PROGRESS_BYTES else failures + 1
            if failures >= TRIES:
                raise DownloadError(str(error)) from error
        time.sleep(PAUSE_SECONDS * 2 ** max(failures - 1, 0))


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _receive(file: PublishedFile, address: str, part: Path, on_progress: Callable[[int], None]) -> None:
    """One request, for what is missing; its bytes are added to the part."""
    import requests
    import urllib3

    if _size(part) == file.size:
        return
    if _size(part) > file.size:
        part.unlink()
    # Some servers call a .gz file gzip-encoded; it is not to be unpacked on the way.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={_size(part)}-"} if _size(part) else {})
    try:
        with requests.Session() as session:
            session.max_redirects = _MAX_REDIRECTS
            timeout = CONNECT_SECONDS, STALL_SECONDS
            with session.get(address, headers=headers, timeout=timeout, stream=True) as response:
                _append(response, file, part, on_progress)
    except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL) as error:
        message = f"it leads to something other than an http address ({error})"
        raise DownloadError(message) from error
    except requests.exceptions.TooManyRedirects as error:
        message = f"more than {_MAX_REDIRECTS} redirects"
        raise DownloadError(message) from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _PassingError(_reason(error)) from error


def _append(response: requests.Response, file: PublishedFile, part: Path, on_progress: Callable[[int], None]) -> None:
    received = _start(response, file, part)
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and received + int(length) != file.size:
        message = f"it has {received + int(length):,} bytes"
        raise DownloadError(message)
    with open(part, "ab" if received else "wb") as stream:
        on_progress(received)
        # Raw bytes: what the hash was taken of, whatever the server says of their encoding.
        while chunk := response.raw.read(_CHUNK, decode_content=False):
            received += len(chunk)
            # Stopped at once: a wrong or hostile address could fill the disk.
            if received > file.size:
                stream.truncate(0)
                message = f"it has more than {file.size:,} bytes"
                raise DownloadError(message)
            stream.write(chunk)
            on_progress(received)
    if received < file.size:
        message = f"the connection was cut after {received:,} bytes"
        raise _PassingError(message)


def _start(response: requests.Response, file: PublishedFile, part: Path) -> int:
    """The position of the answer's first byte in the file."""
    status = response.status_code
    if status == 200:
        return 0
    if status == 206:
        match = re.match(r"bytes (\d+)-\d+/(\d+|\*)$", response.headers.get("Content-Range", ""))
        if match and int(match[1]) == _size(part) and match[2] in ("*", str(file.size)):
            return int(match[1])
    if status in (206, 416):
        part.unlink(missing_ok=True)
        message = "it sent another range than requested"
        raise _PassingError(message)
    message = f"it answers {status} {response.reason}".strip()
    raise _PassingError(message) if status in _TRY_LATER else DownloadError(message)


def _reason(error: Exception) -> str:
    import requests
    import urllib3

    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no answer within {CONNECT_SECONDS:g} s"
    if isinstance(error, (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        return f"nothing came for {STALL_SECONDS:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return f"its certificate is not accepted ({error})"
    if isinstance(error, requests.exceptions.ConnectionError):
        # The name of the error is all that requests leaves of it.
        is_unknown = "NameResolutionError" in str(error)
        return "its name cannot be looked up: is there a network?" if is_unknown else "no connection"
    return "the connection was cut"

"""The archive `model.headway`: how it is written, and how a file from anywhere is read without trusting it.

A zip of five stored members: `manifest.json`, `weights.safetensors`, `model.onnx`, `check.npz` and `card.md`. The
manifest holds the size and the SHA-256 of the others. All of that is checked before anything is parsed, and nothing
here can run code. `docs/bundle-format.md` is the format in full.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import stat
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from headway.bundle.hub import fetch, is_address
from headway.errors import BundleError
from headway.system.files import looked_up, open_file, whole_file, writable

__all__ = [
    "FORMAT_VERSION",
    "INPUT_DTYPES",
    "MAX_BUNDLE_BYTES",
    "MAX_MANIFEST_BYTES",
    "Bundle",
    "Check",
    "bundle_name",
    "damage",
    "pack_check",
    "read_bundle",
    "unpack_check",
    "write_bundle",
]

FORMAT_VERSION = 1
# Protocol buffers, in which ONNX is written, end at 2 GiB.
MAX_BUNDLE_BYTES = 2**31 - 1
MAX_MANIFEST_BYTES = 4 * 2**20

# Every version ever released stays here.
_FILES = {1: ("weights.safetensors", "model.onnx", "check.npz", "card.md")}
_MANIFEST = "manifest.json"
# Whatever a field may declare for its items; what the graph gives is always float32.
INPUT_DTYPES = ("bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32")
_CHECK = {
    "inputs": tuple(np.dtype(name).newbyteorder("<").str for name in INPUT_DTYPES),
    "outputs": ("<f4",),
    "distances": ("<f4",),
}

# Of the two zips that are read here one has five members, the other up to three.
_MAX_MEMBERS = 16
_END = struct.Struct("<4s4H2LH")
# Flags of the zip format: encrypted, strongly encrypted, with a masked directory.
_ENCRYPTED = 0x1 | 0x40 | 0x2000


@dataclass(frozen=True)
class Bundle:
    """What an archive holds, checked: the manifest, and the other members' bytes by name."""

    manifest: dict[str, Any]
    files: dict[str, bytes]

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return self.files["card.md"].decode()


@dataclass(frozen=True)
class Check:
    """A few inputs, and what the graph gave for them when the bundle was made.

    Attributes:
        inputs: What goes into the graph, `[items, ...]` of the input field's dtype: for photos uint8 `[items, height,
            width, channels]`, for rows of a table float32 `[items, columns]`.
        outputs: What comes out, float32 `[items, outputs, ...]`: probabilities, or numbers in their unit.
        distances: How far each is from the training data, float32 `[items]`; None where the graph does not say.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    distances: np.ndarray | None = None

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that there are, by name."""
        named = {"inputs": self.inputs, "outputs": self.outputs, "distances": self.distances}
        return {name: array for name, array in named.items() if array is not None}


def damage(
    what: str, *, given: object, fix: str = "Copy it again from where it was made, or export it again."
) -> BundleError:
    """The error for a bundle that cannot be used."""
    return BundleError(what, given=given, fix=fix)


def bundle_name(path: Path) -> str:
    """What a person would call the model: the file's name, or the run's where the file has the usual one."""
    path = path.resolve()
    return path.parent.name if path.stem == "model" else path.stem


def write_bundle(path: str | os.PathLike[str], *, manifest: dict[str, Any], files: dict[str, bytes]) -> Path:
    """Writes an archive. The same input gives the same bytes; a crash leaves the old file or none.

    Args:
        path: Where to; folders above it are made.
        manifest: Plain JSON values without NaN; `format_version` and `files` are added here.
        files: The bytes of `weights.safetensors`, `model.onnx`, `check.npz` and `card.md`.

    Raises:
        BundleError: If the manifest is not plain JSON, or if it or the archive would be too large to be read again.
    """
    assert sorted(files) == sorted(_FILES[FORMAT_VERSION])
    target = Path(path).expanduser()
    listed = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    try:
        text = json.dumps({**manifest, "format_version": FORMAT_VERSION, "files": listed}, indent=2, allow_nan=False)
    except (TypeError, ValueError) as error:
        what = "The manifest must hold plain JSON values: text, numbers that are finite, lists and dicts."
        raise damage(what, given=error, fix="Leave that value out, or store it as text.") from error
    members = {_MANIFEST: text.encode(), **{name: files[name] for name in _FILES[FORMAT_VERSION]}}
    manifest_bytes, total_bytes = len(members[_MANIFEST]), sum(map(len, members.values()))
    # The directory and the headers take under a kilobyte a member.
    if total_bytes > MAX_BUNDLE_BYTES - _MAX_MEMBERS * 1024:
        what = f"The bundle would be {total_bytes / 1e9:.1f} GB, and the limit is {MAX_BUNDLE_BYTES / 1e9:.1f} GB."
        raise damage(what, given=target, fix="Choose a smaller architecture.")
    if manifest_bytes > MAX_MANIFEST_BYTES:
        what = f"The manifest would be {manifest_bytes / 2**20:.1f} MB; the limit is {MAX_MANIFEST_BYTES // 2**20} MB."
        raise damage(what, given=target, fix="Put less into it.")
    with writable("The bundle", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as draft, draft.open("wb") as file:
            _write_zip(file, members)
    return target


def read_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Reads an archive, having checked its structure, its version, and each file's size and SHA-256.

    Args:
        path: A `model.headway` file, or an address such as "hf://user/name" on the hub or "s3://models/pets.headway".

    Raises:
        BundleError: If anything about the file is wrong; there is no other error.
    """
    if is_address(path):
        path = fetch(path)
    with _open(Path(path).expanduser()) as file:
        start = file.read(4)
        if start != b"PK\x03\x04":
            raise _no_bundle("it is not a zip archive." if start else "it is empty.", path)
        members = _read_zip(file, source=path)
    raw = members.pop(_MANIFEST, None)
    if raw is None:
        raise _no_bundle("it is a zip archive without a manifest.json.", path)
    manifest = _parse_manifest(raw, path)
    expected = _FILES[manifest["format_version"]]
    if sorted(members) != sorted(expected):
        raise damage(f"The bundle does not hold just {_MANIFEST}, {', '.join(expected)}.", given=path)
    for name, data in members.items():
        listed = manifest["files"].get(name)
        if not isinstance(listed, dict) or type(listed.get("size")) is not int or listed["size"] != len(data):
            raise damage(f"The bundle is damaged: the size of {name} is not the one in the manifest.", given=path)
        if listed.get("sha256") != hashlib.sha256(data).hexdigest():
            raise damage(f"The bundle is damaged: the SHA-256 of {name} is not the one in the manifest.", given=path)
    try:
        members["card.md"].decode()
    except UnicodeDecodeError as error:
        raise damage(f"The bundle is damaged: card.md is not UTF-8 (byte {error.start}).", given=path) from error
    return Bundle(manifest, members)


def pack_check(check: Check) -> bytes:
    """The bytes of `check.npz`: an npz that `numpy.load` opens too; the same arrays give the same bytes.

    Example:
        >>> data = pack_check(Check(np.zeros((2, 8, 8, 3), np.uint8), np.full((2, 4), 0.25, np.float32)))
        >>> unpack_check(data, source="check.npz").outputs.shape
        (2, 4)
    """
    members = {}
    for name, array in check.arrays.items():
        assert array.dtype.str in _CHECK[name]
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
        members[f"{name}.npy"] = buffer.getvalue()
    npz = io.BytesIO()
    _write_zip(npz, members)
    return npz.getvalue()


def unpack_check(data: bytes, *, source: object) -> Check:
    """The arrays of `check.npz`, read without numpy's own zip reader; `source` is what an error calls the bundle.

    Raises:
        BundleError: If it holds anything but these arrays, stored, with as many bytes as their headers claim.
    """
    members = _read_zip(io.BytesIO(data), source=source)
    if not {"inputs.npy", "outputs.npy"} <= members.keys() <= {f"{name}.npy" for name in _CHECK}:
        names = "inputs and outputs, with or without distances"
        raise damage(f"The bundle's check.npz does not hold just {names}.", given=source)
    try:
        check = Check(**{name[:-4]: _parse_npy(raw, _CHECK[name[:-4]]) for name, raw in members.items()})
    # The header is Python source text; numpy's parser raises whatever it trips over.
    except Exception as error:
        raise damage(f"The bundle's check.npz holds an array that cannot be read ({error}).", given=source) from error
    counts = {len(array) if array.ndim else 0 for array in check.arrays.values()}
    flat = check.outputs.ndim >= 2 and (check.distances is None or check.distances.ndim == 1)
    if not flat or len(counts) > 1 or 0 in counts:
        raise damage("The bundle's check.npz does not hold one answer for each input.", given=source)
    return check


def _parse_npy(raw: bytes, dtypes: tuple[str, ...]) -> np.ndarray:
    buffer = io.BytesIO(raw)
    if np.lib.format.read_magic(buffer) != (1, 0):
        message = "not version 1.0 of npy"
        raise ValueError(message)
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(buffer)
    # numpy would allocate whatever the header claims, before looking at what there is.
    if dtype.str not in dtypes or fortran_order or math.prod(shape) * dtype.itemsize != len(raw) - buffer.tell():
        message = f"not {' or '.join(dtypes)} in C order of the size claimed"
        raise ValueError(message)
    return np.frombuffer(raw, dtype=dtype, offset=buffer.tell()).reshape(shape)


def _parse_manifest(raw: bytes, source: object) -> dict[str, Any]:
    if len(raw) > MAX_MANIFEST_BYTES:
        raise damage(f"The bundle's manifest is over the limit of {MAX_MANIFEST_BYTES // 2**20} MB.", given=source)
    try:
        manifest = json.loads(raw.decode())
        # NaN, infinity, 1e999 and halves of characters: nobody else could read what is made of them.
        json.dumps(manifest, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise damage(f"The bundle's manifest is not JSON ({error}).", given=source) from error
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if type(version) is not int or version < 1 or not isinstance(manifest.get("files"), dict):
        raise damage("The bundle's manifest lacks its format version or its list of files.", given=source)
    if version not in _FILES:
        what = f"The bundle has format version {version}; this version of Headway reads up to {FORMAT_VERSION}."
        raise damage(what, given=source, fix="Upgrade Headway: pip install --upgrade headway")
    return manifest


def _open(path: Path) -> BinaryIO:
    if path.is_dir():
        inside = path / "model.headway"
        fix = f"Pass {inside}." if inside.is_file() else "Pass the model.headway file itself."
        raise damage("A bundle is a file, and this is a folder.", given=path, fix=fix)
    try:
        return open_file(path, max_bytes=MAX_BUNDLE_BYTES)
    except (OSError, ValueError) as error:
        is_missing = isinstance(error, FileNotFoundError)
        reason, given = ("there is no such file", looked_up(path)) if is_missing else (str(error), str(path))
        raise damage(f"The bundle cannot be opened: {reason}.", given=given, fix="Correct the path.") from error


def _no_bundle(why: str, source: object) -> BundleError:
    fix = "Pass a model.headway file, as written by `headway train` or `learner.export`."
    return damage(f"This is not a Headway bundle: {why}", given=source, fix=fix)


def _write_zip(file: BinaryIO, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w", compression=zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            # The first day that the format knows, so that the same content gives the same bytes.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            # zipfile would write the platform it runs on.
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, data)


def _read_zip(file: BinaryIO, *, source: object) -> dict[str, bytes]:
    """The members of a zip of a few stored files; the structure is checked before a member is read."""
    size = file.seek(0, os.SEEK_END)
    count = _check_end(file, size, source)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            problem = _problem(entries, size) if len(entries) == count else "its end tells another number of members"
            if problem:
                raise damage(f"The bundle is unsafe or damaged: {problem}.", given=source)
            return {entry.filename: archive.read(entry) for entry in entries}
    except BundleError:
        raise
    # zipfile raises BadZipFile, EOFError, NotImplementedError, struct.error, UnicodeDecodeError and others.
    except Exception as error:
        raise damage(f"The bundle is damaged: {error or type(error).__name__}.", given=source) from error


def _check_end(file: BinaryIO, size: int, source: object) -> int:
    """The number of members by the zip's end, whose directory is bounded before zipfile reads all of it."""
    file.seek(max(0, size - _END.size))
    tail = file.read(_END.size)
    if len(tail) != _END.size or not tail.startswith(b"PK\x05\x06"):
        raise damage("The bundle is cut short, or something follows its end.", given=source)
    _, _, _, _, count, directory_bytes, directory_start, _ = _END.unpack(tail)
    if count > _MAX_MEMBERS or directory_start + directory_bytes + _END.size != size or directory_bytes > 2**16:
        raise damage("The bundle is damaged: its directory is not as it should be.", given=source)
    return count


def _problem(entries: list[zipfile.ZipInfo], size: int) -> str | None:
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names):
        return "it has two members of one name"
    # Members that share bytes could be many times as large as the file.
    if sum(entry.file_size for entry in entries) > size:
        return "its members claim more bytes than there are"
    for entry in entries:
        name = entry.filename
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if not name or any(sign in name for sign in "/\\:\0") or name.startswith("."):
            return f"{name!r} is not a plain file name"
        if kind not in (0, stat.S_IFREG):
            return f"{name} is not a regular file"
        if entry.flag_bits & _ENCRYPTED:
            return f"{name} is encrypted"
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            return f"{name} is compressed"
    return None

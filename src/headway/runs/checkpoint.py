"""Checkpoints: what a run has done so far, kept in files, so that a run that was killed goes on to the same bits.

A call that trains is a sequence of pieces of work: the body's features, the solved head, the epochs of a stage.
Each finished piece is a file. To go on is to make the same call again: what is finished is read instead of computed,
and the stage that was under way starts at its last checkpoint. Nothing else has to be remembered, since every random
draw depends on (seed, epoch, step, row) alone; see `headway.seeds`.

A file appears under its name only when it is whole: it is written beside it, flushed to the disk, and renamed.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import nn

from headway.errors import CheckpointError

__all__ = ["DONE", "PLAN", "STAGE", "Checkpoints", "Saved", "load_model", "model_tensors"]

# The name of the piece that says that a call is finished, and holds what it made of model and history.
DONE = "done"

# The name of the checkpoint that a stage under way writes over and over.
STAGE = "stage"

# The name of the piece that holds how many steps a number of minutes came to.
PLAN = "plan"


@dataclass(frozen=True)
class Saved:
    """What one file holds.

    Attributes:
        tensors: By name, on the CPU.
        values: Plain JSON values.
    """

    tensors: Mapping[str, torch.Tensor] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The finished pieces of one call that trains, and the state of the stage under way, in a folder.

    Args:
        folder: Where; made when the first file is written. None: nothing is kept, and every piece is computed.

    Example:
        >>> nothing_kept = Checkpoints(None)
        >>> nothing_kept.piece("sum", lambda: Saved(values={"sum": 1 + 1})).values["sum"]
        2
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def piece(self, name: str, make: Callable[[], Saved]) -> Saved:
        """What `make` gives; read, where it was finished before."""
        found = self.load(name)
        if found is None:
            found = make()
            self.save(name, found)
        return found

    def load(self, name: str) -> Saved | None:
        """What was saved under a name; None where nothing was.

        Raises:
            CheckpointError: If the file cannot be read.
        """
        if not self.has(name):
            return None
        file = self._file(name)
        try:
            with safetensors.safe_open(file, framework="pt") as opened:
                kept = opened.metadata() or {}
                tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
            if kept["checksum"] != _checksum(tensors, kept["values"]):
                message = "its bytes are not those that were written"
                raise ValueError(message)
            return Saved(tensors, json.loads(kept["values"]))
        except (OSError, KeyError, ValueError, safetensors.SafetensorError) as error:
            what = "A checkpoint cannot be read."
            fix = f"Delete {file}: the run then goes on from what was saved before it."
            raise CheckpointError(what, given=f"{file} ({error})", fix=fix) from error

    def save(self, name: str, saved: Saved) -> None:
        """Writes a file, whole or not at all; the one before it stays until then.

        Raises:
            CheckpointError: If it cannot be written: the disk is full, or the folder may not be written to.
        """
        if self.folder is None:
            return
        # Tied weights are written once for each name. The largest numbers come first, so that all lie where they may.
        tensors = {key: value.detach().cpu().contiguous() for key, value in saved.tensors.items()}
        tensors = dict(sorted(tensors.items(), key=lambda each: (-each[1].itemsize, each[0])))
        values = json.dumps(dict(saved.values))
        header = _header(tensors, {"values": values, "checksum": _checksum(tensors, values)})
        file = self._file(name)
        part = file.with_suffix(".part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as opened:
                opened.write(header)
                for tensor in tensors.values():
                    opened.write(_bytes(tensor))
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(part, file)
            _flush_folder(file.parent)
        except OSError as error:
            # What cannot be written may not be removed either.
            with suppress(OSError):
                part.unlink(missing_ok=True)
            size = len(header) + sum(tensor.nbytes for tensor in tensors.values())
            given = f"{file} of {size / 2**20:.1f} MiB ({error.strerror or error})"
            fix = "Make room or mend the permissions, then: headway resume RUN. What was saved before is whole."
            raise CheckpointError("A checkpoint cannot be written.", given=given, fix=fix) from error

    def has(self, name: str) -> bool:
        """Whether something was saved under a name."""
        return self.folder is not None and self._file(name).exists()

    def forget(self, name: str) -> None:
        """Removes what was saved under a name."""
        if self.folder is not None:
            self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{name}.safetensors"


def model_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """A model's weights and buffers under the names that `load_model` looks for."""
    return {f"model.{name}": value for name, value in model.state_dict().items()}


def load_model(model: nn.Module, saved: Saved) -> None:
    """Copies saved weights and buffers into a model.

    Raises:
        CheckpointError: If they are another model's.
    """
    found = {name.removeprefix("model."): value for name, value in saved.tensors.items() if name.startswith("model.")}
    try:
        model.load_state_dict(found)
    except RuntimeError as error:
        given = f"{type(model).__name__}: {' '.join(str(error).split())[:200]}"
        fix = "Pass the module that the run was started with (arch=)."
        raise CheckpointError("The checkpoint is another model's.", given=given, fix=fix) from error


def _checksum(tensors: Mapping[str, torch.Tensor], values: str) -> str:
    """A file of the right length with a wrong byte would otherwise give other weights, and nobody would know."""
    total = zlib.crc32(values.encode())
    for name in sorted(tensors):
        total = zlib.crc32(_bytes(tensors[name]), zlib.crc32(name.encode(), total))
    return f"{total:08x}"


def _header(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> bytes:
    """What a file of safetensors begins with: where each tensor's bytes lie, one after another, as JSON.

    The library would write it with copies of all bytes, or under a name of its own that a kill leaves behind.

    Source:
        https://huggingface.co/docs/safetensors, "Format".
    """
    entries: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        entries[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.complex64: "C64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def _bytes(tensor: torch.Tensor) -> memoryview:
    """A contiguous tensor's bytes, not copied."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def _flush_folder(folder: Path) -> None:
    """Flushes a rename to the disk; Windows cannot, and does it by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

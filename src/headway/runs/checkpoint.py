"""Checkpoints: what a run has done so far, kept in files, so that a run that was killed goes on to the same bits.

A call that trains is a sequence of pieces of work: the body's features, the solved head, the epochs of a stage.
Each finished piece is a file. To go on is to make the same call again: what is finished is read instead of computed,
and the stage that was under way starts at its last checkpoint. Nothing else has to be remembered, since every random
draw depends on (seed, epoch, step, row) alone; see `headway.seeds`.

A file appears under its name only when it is whole: it is written beside it, flushed to the disk, and renamed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import nn

from headway.errors import CheckpointError, in_a_line
from headway.system.files import open_file, write_whole

__all__ = [
    "DONE",
    "PLAN",
    "STAGE",
    "Checkpoints",
    "Saved",
    "cannot_write",
    "load_model",
    "model_tensors",
    "safetensors_file",
]

# The name of the piece that says that a call is finished, and holds what it made of model and history.
DONE = "done"

# The name of the checkpoint that a stage under way writes over and over.
STAGE = "stage"

# The name of the piece that holds how many steps a number of minutes came to.
PLAN = "plan"


@dataclass(frozen=True)
class Saved:
    """What one file holds: tensors by name, on the CPU, and plain JSON values."""

    tensors: Mapping[str, torch.Tensor] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The finished pieces of one call that trains, and the state of the stage under way, in a folder.

    Args:
        folder: Where; made when the first file is written. None: nothing is saved, and every piece is computed.

    Example:
        >>> nowhere = Checkpoints(None)
        >>> nowhere.piece("sum", lambda: Saved(values={"sum": 1 + 1})).values["sum"]
        2
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    @property
    def run(self) -> str:
        """The run's folder, in which that of the checkpoints lies; empty where nothing is saved."""
        return "" if self.folder is None else str(self.folder.parents[1])

    def piece(self, name: str, make: Callable[[], Saved]) -> Saved:
        """What `make` gives; read, where it was finished before."""
        saved = self.load(name)
        if saved is None:
            saved = make()
            self.save(name, saved)
        return saved

    def load(self, name: str) -> Saved | None:
        """What was saved under a name; None where nothing was.

        Raises:
            CheckpointError: If the file cannot be read.
        """
        if not self.has(name):
            return None
        file = self._file(name)
        try:
            # Its reader takes a path; a pipe would keep it waiting.
            open_file(file, max_bytes=2**40).close()
            with safetensors.safe_open(file, framework="pt") as opened:
                metadata = opened.metadata() or {}
                tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
            # The format itself checks sizes alone.
            if metadata["checksum"] != _checksum(tensors, metadata["values"]):
                message = "its checksum is wrong"
                raise ValueError(message)
            return Saved(tensors, json.loads(metadata["values"]))
        except (OSError, KeyError, ValueError, RecursionError, safetensors.SafetensorError) as error:
            what = "A checkpoint cannot be read."
            fix = f"Delete {file}: the run then continues from the checkpoint before it."
            raise CheckpointError(what, given=f"{file} ({error})", fix=fix) from error

    def save(self, name: str, saved: Saved) -> None:
        """Writes a file, whole or not at all; the one before it stays until then.

        Raises:
            CheckpointError: If it cannot be written: the disk is full, or the folder may not be written to.
        """
        if self.folder is None:
            return
        tensors = {key: value.detach().cpu().contiguous() for key, value in saved.tensors.items()}
        # As one text, so that the checksum is of the very bytes that are read again.
        values = json.dumps(dict(saved.values))
        chunks = safetensors_file(tensors, {"values": values, "checksum": _checksum(tensors, values)})
        file = self._file(name)
        try:
            write_whole(file, *chunks)
        except OSError as error:
            given = f"{file} of {sum(map(len, chunks)) / 2**20:.1f} MiB ({error.strerror or error})"
            raise cannot_write("A checkpoint cannot be written.", given) from error

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
    state = {name.removeprefix("model."): value for name, value in saved.tensors.items() if name.startswith("model.")}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        given = f"{type(model).__name__}: {in_a_line(error)}"
        fix = "Pass the module that the run was started with (arch=)."
        raise CheckpointError("The checkpoint belongs to another model.", given=given, fix=fix) from error


def cannot_write(what: str, given: str, *, run: object = "RUN") -> CheckpointError:
    """The error for a file of a run that the system refused to write."""
    fix = f"Free space or fix the permissions, then: headway resume {run}. What was saved before stays as it is."
    return CheckpointError(what, given=given, fix=fix)


def _checksum(tensors: Mapping[str, torch.Tensor], values: str) -> str:
    # A file of the right length with a wrong byte would otherwise give other weights, and nobody would know.
    total = zlib.crc32(values.encode())
    for name in sorted(tensors):
        total = zlib.crc32(_bytes(tensors[name]), zlib.crc32(name.encode(), total))
    return f"{total:08x}"


def safetensors_file(
    tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> list[bytes | memoryview]:
    """A safetensors file, in chunks: a header, and the bytes of contiguous tensors on the CPU, not copied.

    Source:
        https://huggingface.co/docs/safetensors, "Format".
    """
    # The library would copy all bytes, refuse tied weights, or write under a name of its own that a kill leaves behind.
    entries: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    # The largest numbers come first, so that all lie where they may.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0]))
    for name, tensor in ordered:
        start, end = end, end + tensor.nbytes
        entries[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(entries).encode()
    # So that the tensors begin at a multiple of eight bytes, as the format has it.
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little") + text, *(_bytes(tensor) for _, tensor in ordered)]


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

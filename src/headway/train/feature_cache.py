"""Features of frozen bodies in the cache folder: what an audit computed, training reads, and so does each later run.

They are found by what they depend on: the items' bytes, the field that reads them, the body with its weights, the
number format and the libraries' versions. Whatever of it changes, they are computed anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from headway.data.dataset import Part
from headway.errors import CheckpointError
from headway.runs.checkpoint import Checkpoints, Saved
from headway.system.cache import cache_folder
from headway.system.versions import library_versions

if TYPE_CHECKING:
    from headway.train.stage import Setup

__all__ = ["FeatureCache"]

# What all kept features take on the disk at most; those that were not used for longest go first.
_MOST_BYTES = 2**30
# Code of other packages may change while its version does not, such as a module of one's own.
_KNOWN = {"headway", "timm", "torch", "torchvision", "transformers"}


class FeatureCache:
    """The features of one body, kept where they are the same whenever they are computed.

    Args:
        setup: What reads and prepares the items.
        body: The frozen body.
    """

    def __init__(self, setup: Setup, body: nn.Module) -> None:
        modules = {type(module).__module__.partition(".")[0] for module in (*body.modules(), *setup.prepare.modules())}
        # What is not decoded once and for all may be lost in between.
        self._is_used = modules <= _KNOWN and setup.data.store.canvases is not None
        self._files = Checkpoints(cache_folder("features"))
        self._digest = _digest(setup, body) if self._is_used else None

    def read(self, part: Part, compute: Callable[[], Saved]) -> Saved:
        """The features of a part, its targets and its rows: kept ones with the part's own targets, or computed."""
        name = self._name(part)
        if name is None:
            return compute()
        features = self.find(part)
        if features is None:
            saved = compute()
            # Rows may have been lost while they were computed.
            if len(saved.tensors["features"]) == len(part):
                self._keep(name, saved.tensors["features"])
            return saved
        targets = torch.from_numpy(part.targets.copy())
        return Saved({"features": features, "targets": targets, "rows": torch.from_numpy(part.rows)})

    def find(self, part: Part) -> torch.Tensor | None:
        """The features of a part's items, float32 `[items, features]`; None where they are not kept."""
        name = self._name(part)
        features = None if name is None else self._kept(name)
        return None if features is None or len(features) != len(part) else features

    def _name(self, part: Part) -> str | None:
        if self._digest is None or part.data.lost:
            return None
        digest = self._digest.copy()
        digest.update("\n".join(part.items["content"].to_list()).encode())
        return digest.hexdigest()

    def _kept(self, name: str) -> torch.Tensor | None:
        try:
            saved = self._files.load(name)
        except CheckpointError:
            # Damaged: computed once more, and written over.
            return None
        if saved is None or self._files.folder is None:
            return None
        # Another process may have just made room.
        with suppress(OSError):
            os.utime(self._files.folder / f"{name}.safetensors")
        return saved.tensors["features"]

    def _keep(self, name: str, features: torch.Tensor) -> None:
        folder = self._files.folder
        assert folder is not None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _make_room(sorted(folder.glob("*.safetensors"), key=os.path.getmtime), features.nbytes)
            self._files.save(name, Saved({"features": features}))
        except (OSError, CheckpointError):
            # A full disk, or a folder that may not be written to: then they are computed each time.
            return


def _make_room(files: list[os.PathLike[str]], size: int) -> None:
    used = sum(os.path.getsize(file) for file in files)
    for file in files:
        if used + size <= _MOST_BYTES:
            return
        used -= os.path.getsize(file)
        os.unlink(file)


def _described(module: nn.Module) -> list[Any]:
    """What a module computes besides its tensors: its layers, and their plain values, which its `repr` may lack."""
    plain = (str, int, float, tuple)
    values = [
        {name: value for name, value in vars(layer).items() if isinstance(value, plain) and name != "training"}
        for layer in module.modules()
    ]
    return [repr(module), values]


def _digest(setup: Setup, body: nn.Module) -> hashlib.blake2b:
    digest = hashlib.blake2b(digest_size=16)
    precision = setup.precision
    facts = {
        "input": setup.data.input.to_json(),
        "target": type(setup.data.target).__name__,
        "modules": [_described(setup.prepare), _described(body)],
        "precision": [str(precision.device), str(precision.dtype), precision.may_round, torch.get_num_threads()],
        "batch": max(setup.batch_size, 32),
        "versions": library_versions(),
    }
    digest.update(json.dumps(facts, sort_keys=True, default=str).encode())
    for module in (setup.prepare, body):
        for name, tensor in module.state_dict().items():
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest

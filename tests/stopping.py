"""What the tests of runs that are stopped share: a kill at a chosen moment, and what must come out the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import scipy.optimize
import torch
from torch import nn

import headway as hw
from headway.runs.checkpoint import Checkpoints, Saved
from headway.system.cache import cache_folder
from headway.train import stage_checkpoint

QUIET: dict[str, Any] = {"progress": False, "device": "cpu", "precision": "float32"}


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@contextmanager
def saves_counted(*, error: BaseException | None = None, at: int = 0, half_done: bool = False) -> Iterator[list[str]]:
    """A context in which every step is saved, and the names of what was saved are noted.

    Args:
        error: Raised out of one of the saves.
        at: Out of which, counted from 1.
        half_done: Whether that one is broken off before its file has its name.
    """
    names: list[str] = []
    real, replace = Checkpoints.save, os.replace

    def save(self: Checkpoints, name: str, saved: Saved) -> None:
        if self.folder == cache_folder("features"):
            # No run's: computed again where they are not there.
            real(self, name, saved)
            return
        if self.folder is not None:
            names.append(name)
        is_last = error is not None and len(names) == at
        if is_last and half_done:
            patch.setattr(os, "replace", refuse)
        real(self, name, saved)
        if is_last:
            raise error

    def refuse(*_: object) -> None:
        patch.setattr(os, "replace", replace)
        assert error is not None
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage_checkpoint, "SECONDS_BETWEEN", 0.0)
        patch.setattr(Checkpoints, "save", save)
        yield names


@contextmanager
def killed_at(save: int, *, half_done: bool = False) -> Iterator[None]:
    """A context that ends as if the process were killed at one of its saves, counted from 1."""
    with pytest.raises(Killed), saves_counted(error=Killed(), at=save, half_done=half_done):
        yield


def solve_heads_roughly(patch: pytest.MonkeyPatch) -> None:
    """Ends the search for a head after a few steps: it has bits, too, and takes most of the time of small runs."""
    minimize = scipy.optimize.minimize

    def roughly(*args: Any, options: dict[str, Any], **named: Any) -> Any:
        return minimize(*args, options=options | {"maxiter": 4}, **named)

    patch.setattr(scipy.optimize, "minimize", roughly)


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same_bits(one: nn.Module | dict[str, torch.Tensor], other: nn.Module | dict[str, torch.Tensor]) -> bool:
    ours, theirs = (weights(each) if isinstance(each, nn.Module) else each for each in (one, other))
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def told(history: hw.History) -> tuple[list[dict[str, Any]], list[str]]:
    """What a history says, but for the seconds."""
    return [asdict(entry) | {"seconds": None} for entry in history], history.notes


def without_seconds(value: Any) -> Any:
    """JSON values without what depends on the clock."""
    if isinstance(value, dict):
        return {key: without_seconds(each) for key, each in value.items() if key != "seconds"}
    if isinstance(value, str):
        # A verdict says in words what the model cost.
        return value.partition(" Training took ")[0]
    return [without_seconds(each) for each in value] if isinstance(value, list) else value


def checkpoint_names(run: Path, number: int = 0) -> set[str]:
    """What a call has saved, without the marks of its items."""
    files = (run / "checkpoints" / str(number)).glob("*.safetensors")
    return {file.stem.split("-")[0] for file in files}

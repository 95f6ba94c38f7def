"""What the frozen body makes of the items of each part: computed once, a few hundred at a time, and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from headway.data.dataset import Part
from headway.data.loader import Loader
from headway.runs.checkpoint import Saved
from headway.train.batchnorm_fusion import folded
from headway.train.feature_cache import FeatureCache
from headway.train.loop import evaluating
from headway.train.model import is_fixed
from headway.train.stage import Setup

__all__ = ["ByPart", "body_features", "frozen_body", "known_features", "mark_of"]

ByPart = dict[str, tuple[torch.Tensor, torch.Tensor]]
"""Features and targets of each part."""

# Items whose features are computed, and saved, at a time.
CHUNK = 512


def body_features(setup: Setup, *, kept_as: str = "features") -> ByPart:
    """The frozen body's features of each part, and the targets; a few hundred items at a time, each saved."""
    by_part, cache = {}, FeatureCache(setup, setup.model.get_submodule("body"))
    with frozen_body(setup) as body:
        for name in setup.data.parts:
            part = setup.data.part(name)
            chunks = []
            for number, chunk in enumerate(_chunks(part)):
                piece = f"{kept_as}-{name}-{number * CHUNK}-{mark_of(chunk)}"
                saved = _features_of(setup, body, chunk, cache, name=piece)
                # Read from a checkpoint, the rows that were lost then are lost now, too, or features and targets would
                # not align.
                for row in np.setdiff1d(chunk.rows, saved.tensors["rows"].numpy()).tolist():
                    setup.data.lose(row, setup.data.lost.get(row, "could not be read when its features were computed"))
                chunks.append(saved.tensors)
            features, targets = (torch.cat([chunk[key] for chunk in chunks]) for key in ("features", "targets"))
            by_part[name] = features, targets
    return by_part


def known_features(setup: Setup, part: Part) -> torch.Tensor | None:
    """The body's features of a part, `[items, features]`, where the body is fixed and they were computed before."""
    # Only then are they to the bit what the model would compute: other bodies give features by fewer steps.
    if not is_fixed(setup.model) or setup.precision.dtype is not torch.float32 or len(part) == 0:
        return None
    cache = FeatureCache(setup, setup.model.get_submodule("body"))
    features = []
    for chunk in _chunks(part):
        of_chunk = cache.find(chunk)
        if of_chunk is None:
            return None
        features.append(of_chunk)
    return torch.cat(features)


def _chunks(part: Part) -> Iterator[Part]:
    for start in range(0, len(part), CHUNK):
        yield Part(part.data, part.name, part.items[start : start + CHUNK])


def _features_of(setup: Setup, body: nn.Module, part: Part, cache: FeatureCache, *, name: str) -> Saved:
    def compute() -> Saved:
        features, targets = setup.outputs(body, part)
        return Saved({"features": features, "targets": targets, "rows": torch.from_numpy(part.left().rows)})

    return setup.checkpoints.piece(name, lambda: cache.read(part, compute))


@contextmanager
def frozen_body(setup: Setup) -> Iterator[nn.Module]:
    """The body in evaluation mode; in float32 with fewer steps, where it has convolutions that are normalised."""
    body = setup.model.get_submodule("body")
    with evaluating(body):
        # In shorter numbers other steps round otherwise, by a few per cent: features would no longer be those that the
        # model answers from.
        if setup.precision.dtype is not torch.float32:
            yield body
            return
        batch = next(iter(Loader(setup.data.train, 2))).to(setup.precision.device)
        with folded(body, setup.precision.layout(setup.prepare(batch.inputs))):
            yield body


def mark_of(part: Part) -> str:
    """A few letters for the names of pieces that were computed from a part's items."""
    # Of the items' bytes: what was computed from others, before a change that was accepted, is not found by it.
    return hashlib.blake2b("\n".join(part.items["content"].to_list()).encode(), digest_size=4).hexdigest()

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from headway.inputs.series.minirocket import NUM_KERNELS, MiniRocket


def walks(items: int, channels: int, length: int, seed: int) -> torch.Tensor:
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.standard_normal((items, channels, length)).cumsum(2).astype(np.float32))


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "length"), [(1, 24), (1, 150), (3, 100), (1, 600)])
def test_features_are_those_of_aeon(channels: int, length: int) -> None:
    rocket: Any = pytest.importorskip("aeon.transformations.collection.convolution_based").MiniRocket
    theirs = rocket(random_state=0).fit(walks(20, channels, length, 0).numpy())
    num_channels, indices, dilations, counts, biases = theirs.parameters
    ours = MiniRocket(channels, length)
    assert ours.dilations == dict(zip(dilations.tolist(), counts.tolist(), strict=True))
    masks, start = torch.zeros(len(dilations) * NUM_KERNELS, channels), 0
    for row, count in enumerate(num_channels):
        masks[row, indices[start : start + count]] = 1
        start += count
    ours.channel_masks.copy_(masks.reshape(-1, NUM_KERNELS, channels))
    ours.biases.copy_(torch.from_numpy(biases))
    items = walks(20, channels, length, 1)
    difference = np.abs(ours(items).numpy() - np.asarray(theirs.transform(items.numpy())))
    # A value that lies within rounding of a threshold is above it in one of the two sums and not in the other.
    assert np.mean(difference > 1e-5) < 2e-4
    assert difference.max() < 0.02


def test_thresholds_are_quantiles_of_training_items() -> None:
    body = MiniRocket(1, 60, num_features=NUM_KERNELS * 4)
    body.learn_from(walks(30, 1, 60, 0).diff(dim=2, prepend=torch.zeros(30, 1, 1)))
    shares = body(walks(200, 1, 60, 1).diff(dim=2, prepend=torch.zeros(200, 1, 1))).mean(0)
    # Thresholds at evenly spread quantiles are passed about half of the time, and none always or never.
    assert 0.4 < shares.mean() < 0.6
    assert shares.min() > 0.0
    assert shares.max() < 1.0


@pytest.mark.slow
def test_features_do_not_depend_on_the_batch_and_export_alike() -> None:
    body = MiniRocket(2, 40, seed=3, num_features=NUM_KERNELS * 2)
    # Whole numbers: many values equal a threshold. More items than moments, of which a batch is laid out otherwise.
    items = walks(50, 2, 40, 2).round()
    body.learn_from(items)
    whole = body(items)
    assert torch.equal(whole, torch.cat([body(item[None]) for item in items]))
    program = torch.export.export(body, (items,))
    assert torch.allclose(program.module()(items), whole, atol=1e-6)
    # Each takes the exporter of a graph a hundredth of a second, and a series of hundreds of moments has 32 dilations.
    operators = [node for node in program.graph.nodes if node.op == "call_function"]
    assert len(operators) <= 18 * len(body.dilations) + 20


def test_draws_are_counted() -> None:
    first, second, other = (MiniRocket(6, 40, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.channel_masks, second.channel_masks)
    assert not torch.equal(first.channel_masks, other.channel_masks)
    assert first.channel_masks.sum(2).min() >= 1

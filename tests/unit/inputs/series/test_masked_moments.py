"""Masked moments: what is hidden of a series, what counts, and which bodies learn so."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

import headway as hw
from headway.inputs.series.masked_moments import MaskedMomentModel, hide, masked_moments
from headway.inputs.series.models import Convolutional
from headway.train.model import BodyAndHead
from tests.stopping import QUIET

SERIES = torch.arange(1.0, 101).repeat(200, 2, 1)


def test_a_third_of_the_moments_is_hidden_in_stretches_of_all_channels() -> None:
    inputs, targets = hide(SERIES, rows=np.arange(200), seed=0, epoch=1)
    is_hidden = targets.isfinite()
    assert (is_hidden[:, 0] == is_hidden[:, 1]).all()
    assert (inputs[is_hidden] == 0).all()
    assert (targets[is_hidden] == SERIES[is_hidden]).all()
    assert (inputs[~is_hidden] == SERIES[~is_hidden]).all()
    counts = is_hidden[:, 0].sum(dim=1)
    assert counts.min() >= 10
    assert counts.max() <= 40
    assert 0.28 < is_hidden.float().mean() < 0.38
    # No stretch is shorter than a tenth of the series.
    for row in is_hidden[:, 0].numpy():
        edges = np.flatnonzero(np.diff(np.pad(row.astype(int), 1)))
        assert (edges[1::2] - edges[::2] >= 10).all()


def test_the_draws_are_counted() -> None:
    once, again, other = (hide(SERIES, rows=np.arange(200), seed=0, epoch=epoch)[0] for epoch in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert torch.equal(hide(SERIES[:2], rows=np.arange(7, 9), seed=0, epoch=1)[0], once[7:9])


def test_hidden_moments_alone_count() -> None:
    torch.manual_seed(0)
    body = Convolutional([torch.nn.Conv1d(2, Convolutional.width, 3, padding=1)])
    pretraining = masked_moments(BodyAndHead(body, body.width, 3), 2)
    assert pretraining is not None
    assert isinstance(pretraining.module, MaskedMomentModel)
    inputs, targets = hide(torch.ones(1, 2, 20), rows=np.array([0]), seed=0, epoch=1)
    outputs = pretraining.module(inputs)
    assert outputs.shape == (1, 2, 20)
    outputs = outputs.detach().requires_grad_()
    loss = pretraining.loss_fn(outputs, targets)
    loss.backward()
    assert outputs.grad is not None
    assert ((outputs.grad != 0) == targets.isfinite()).all()
    is_hidden = targets.isfinite()
    assert torch.isclose(loss, torch.nn.functional.mse_loss(outputs[is_hidden], targets[is_hidden]))
    assert masked_moments(BodyAndHead(torch.nn.Flatten(), 40, 3), 2) is None


@pytest.mark.slow
def test_series_without_a_label_are_learned_from() -> None:
    draw, moments = np.random.default_rng(0), np.arange(30)
    series = [np.sin(moments / (2 + row % 2) + draw.uniform(0, 6)).tolist() for row in range(60)]
    labels = [["slow", "fast"][row % 2] if row < 40 else None for row in range(60)]
    data = hw.from_items(pl.DataFrame({"wave": series, "speed": labels}), input=hw.Series("wave"), target="speed")
    learner = hw.Learner(data, "resnet1d", batch_size=16, **QUIET)
    history = [*learner.adapt(3)]
    assert [entry.stage for entry in history] == ["adapt"] * 3
    assert history[2].valid_loss < history[0].valid_loss
    assert learner.history.notes[0].startswith("Pretraining went on with 52 series, 20 of them without a target.")
    learner.fine_tune(1)
    assert len(learner.predictions().targets) == 8

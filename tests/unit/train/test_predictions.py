from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import headway as hw
from headway.train.predictions import Predictions
from headway.train.stage import Setup

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]


@pytest.fixture
def found(linear: Make, make_setup: MakeSetup) -> tuple[Setup, Predictions]:
    setup = make_setup(linear())
    answers = setup.predict(setup.data.valid)
    return setup, answers


def test_arrays_are_aligned(found: tuple[Setup, Predictions], digits_data: hw.Data) -> None:
    _, answers = found
    assert np.array_equal(answers.rows, digits_data.valid.rows)
    assert np.array_equal(answers.targets, digits_data.valid.targets)
    assert answers.probabilities.shape == (40, 10)
    assert answers.probabilities.dtype == answers.losses.dtype == np.float32
    assert answers.probabilities.sum(axis=1) == pytest.approx(np.ones(40), abs=1e-5)
    right = answers.probabilities[np.arange(40), answers.targets]
    assert answers.losses == pytest.approx(-np.log(right), rel=1e-4)


def test_each_row_has_the_answer_for_its_own_file(found: tuple[Setup, Predictions], digits_data: hw.Data) -> None:
    setup, answers = found
    files = dict(digits_data.items.select("row", "file").iter_rows())
    for row, probabilities in zip(answers.rows[::7], answers.probabilities[::7], strict=True):
        pixels = torch.tensor(digits_data.input.read(files[int(row)])).permute(2, 0, 1)[None]
        with torch.no_grad():
            expected = F.softmax(setup.model.eval()(setup.prepare(pixels)), dim=1)[0]
        assert probabilities == pytest.approx(expected.numpy(), abs=1e-5)


def test_losses_stay_finite_where_a_probability_is_zero(linear: Make, make_setup: MakeSetup) -> None:
    """The log loss is taken from the scores, not from rounded probabilities."""
    model = linear()
    with torch.no_grad():
        model[2].weight.mul_(1e4)  # pyright: ignore[reportIndexIssue]
    setup = make_setup(model)
    answers = replace(setup, model=model).predict(setup.data.valid)
    assert (answers.probabilities == 0).any()
    assert np.isfinite(answers.losses).all()
    assert answers.losses.max() > 100

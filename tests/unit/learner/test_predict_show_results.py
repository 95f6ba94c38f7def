from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw
from tests.stopping import QUIET


def test_pictures_with_answer_and_truth(digits_data: hw.Data) -> None:
    learner = hw.Learner(digits_data, **QUIET)
    figure = learner.show_results(4)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert len(titles) == 4
    assert all(axes.images for axes in figure.axes if axes.get_title())
    assert all("\ntrue: " in title for title in titles)
    assert [axes.get_title() for axes in learner.show_results(4).axes] == [axes.get_title() for axes in figure.axes]


def test_rows_as_text() -> None:
    frame = pl.DataFrame({"size": np.linspace(0, 1, 40), "price": np.linspace(1, 3.5, 40)})
    figure = hw.Learner(hw.from_items(frame, target="price"), **QUIET).show_results(3, part="train")
    (text,) = figure.axes[0].texts
    assert text.get_text().startswith("size: 0.")
    assert figure.axes[0].get_title().startswith("2.")


@pytest.mark.parametrize(("n", "part"), [(0, "valid"), (3, "test")])
def test_nothing_to_show(digits_data: hw.Data, n: int, part: Any) -> None:
    with pytest.raises(hw.ConfigError, match=r"There is nothing to show\."):
        hw.Learner(digits_data, **QUIET).show_results(n, part=part)

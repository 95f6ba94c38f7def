"""The lab: the same rows through each route, a table of them, and a page for the eye."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.inputs.past.field import Past
from headway.lab.pictures import fitting, pictures


def waves() -> hw.Data:
    """Two classes of waves, fast ones and slow ones."""
    draw = np.random.default_rng(0)
    moments = np.arange(40)
    is_fast = [row % 2 == 1 for row in range(60)]
    series = [np.sin(moments / (2 if fast else 6) + draw.random() * 6).tolist() for fast in is_fast]
    table = pl.DataFrame({"wave": series, "kind": ["fast" if fast else "slow" for fast in is_fast]})
    return hw.from_items(table, target="kind", split=hw.RandomSplit(0.4, seed=0))


@pytest.fixture(scope="module")
def report() -> hw.lab.LabReport:
    return hw.lab.compare(waves(), ["native", "recurrence plot"], size=64, epochs=0)


@pytest.mark.slow
def test_each_route_is_judged_on_the_same_items(report: hw.lab.LabReport) -> None:
    native, plot = report.routes
    assert (native.name, native.arch) == ("native", "minirocket")
    assert (plot.name, plot.arch) == ("recurrence plot", "efficientnet_lite0")
    assert report.part == "valid"
    assert report.count == len(waves().valid)
    assert native.difference is None
    assert plot.difference is not None
    assert plot.difference.value == pytest.approx(100 * (plot.score.value - native.score.value))
    assert min(native.score.value, plot.score.value) > 0.8
    assert str(report).splitlines()[0] == f"On valid, {report.count} items, with 95 % intervals."
    assert "seen" not in report.to_json()


@pytest.mark.slow
def test_the_page_shows_six_items_of_each_class(report: hw.lab.LabReport, tmp_path: Path) -> None:
    text = report.save(tmp_path / "lab.html").read_text()
    HTMLParser().feed(text)
    assert text.count("<img") == 12
    assert "<figcaption>fast</figcaption>" in text
    assert "http" not in text.replace("http-equiv", "")


def test_what_pictures_there_are_depends_on_the_items() -> None:
    of_series = ["spectrogram", "gramian sum", "gramian difference", "markov transition", "recurrence plot"]
    assert fitting(waves()) == of_series
    draw = np.random.default_rng(0)
    trails = [[draw.normal(size=20).cumsum().tolist() for _ in range(40)] for _ in range(2)]
    table = pl.DataFrame({"x": trails[0], "y": trails[1], "who": ["a", "b"] * 20})
    two = hw.from_items(table, target="who")
    assert fitting(two) == [*of_series, "pointer trail"]
    rows = hw.from_items({"age": draw.normal(size=40).tolist(), "who": ["a", "b"] * 20}, target="who")
    assert fitting(rows) == ["cells"]
    future = hw.from_items({"x": draw.normal(size=60).tolist()}, target=hw.Future("x", horizon=3))
    assert isinstance(future.input, Past)
    assert fitting(future) == []


def test_every_picture_has_the_size_that_was_asked() -> None:
    data = waves()
    for name in fitting(data):
        drawn = pictures(data, name, size=24)
        assert len(drawn) == len(data.items)
        assert {image.shape for image in drawn} == {(24, 24, 3)}
        assert {image.dtype for image in drawn} == {np.dtype(np.uint8)}
        # Not one grey: the picture has something to show.
        assert all(image.std() > 5 for image in drawn)


def test_what_is_not_known_is_said_before_anything_is_trained() -> None:
    with pytest.raises(hw.ConfigError) as error:
        hw.lab.compare(waves(), ["native", "recurence plot"])
    assert str(error.value) == (
        "There is no such picture of series.\n  Given: 'recurence plot'\n  Fix:   Did you mean \"recurrence plot\"?"
    )
    with pytest.raises(hw.ConfigError) as error:
        hw.lab.compare(waves(), ["native"])
    assert str(error.value) == (
        "These items have no pictures to compare with.\n"
        "  Given: Series('wave')\n"
        "  Fix:   Pass series, recordings, bytes or rows of a table."
    )

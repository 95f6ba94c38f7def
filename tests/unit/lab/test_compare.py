"""The lab: the same rows through each route, a table of them, and a page for the eye."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

import headway as hw
from tests.unit.lab.test_pictures import waves


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

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as PILImage

from headway.judge.report.report import Report
from tests.kinds import KINDS


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    kind = KINDS["sound"]
    learner = kind.learner(kind.data(tmp_path_factory.mktemp("tones")))
    learner.fit(1, lr=1e-2)
    return learner.report()


@pytest.mark.slow
def test_the_recordings_with_the_highest_loss_are_seen_and_heard(report: Report) -> None:
    rows = [row for section in report.sections.values() if not section.is_small for row in section.rows]
    assert rows
    for row in rows:
        picture = report.pictures[row]
        assert picture.sound
        samples, rate = soundfile.read(io.BytesIO(picture.sound))
        assert rate == 8000
        assert np.abs(samples).max() > 0.4
        assert picture.heat is not None


@pytest.mark.slow
def test_low_tones_are_bright_below_and_high_ones_above(report: Report) -> None:
    items = report.sections["top_losses"].rows
    for row in items:
        image = np.asarray(PILImage.open(io.BytesIO(report.pictures[row].photo)).convert("L")).astype(float)
        peak = image.mean(axis=1).argmax() / len(image)
        # Even rows are 300 Hz and some, odd ones 1,500.
        assert (peak > 0.6) == (row % 2 == 0)


def test_the_page_plays_them(report: Report, tmp_path: Path) -> None:
    report.save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count("<audio controls") == len(report.sections["top_losses"].rows)
    assert 'src="data:audio/wav;base64,UklGR' in page

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import headway as hw
from headway.inputs.bytes.baselines import hashed_ngrams, histogram
from tests.kinds import KINDS


def windows(data: bytes, length: int) -> np.ndarray:
    return hw.Bytes("file", window=length).read(data)


def test_a_histogram_does_not_count_padding() -> None:
    shares = histogram(windows(b"aab" * 20, 64)) ** 2
    assert shares[[ord("a"), ord("b")]] == pytest.approx([2 / 3, 1 / 3])
    assert shares.sum() == pytest.approx(1)


def test_ngrams_do_not_reach_over_the_end_of_a_window_or_of_the_file() -> None:
    counts = hashed_ngrams(windows(b"ab" * 16, 64)) ** 2
    # Of two letters that alternate there are two pairs, and two fours.
    assert (counts[:256] > 0).sum() == (counts[256:] > 0).sum() == 2
    assert hashed_ngrams(windows(b"a", 64)).tolist() == [0] * 512


def test_other_orders_of_the_same_bytes_have_other_ngrams() -> None:
    one, other = windows(b"abcd" * 16, 64), windows(b"dcba" * 16, 64)
    assert np.array_equal(histogram(one), histogram(other))
    assert not np.allclose(hashed_ngrams(one), hashed_ngrams(other))


def test_counts_separate_text_from_noise_where_they_are_enough(tmp_path: Path) -> None:
    data = KINDS["bytes"].data(tmp_path)
    answers = {
        one.name: one.predictions["valid"].argmax(axis=1) for one in hw.Learner(data, progress=False).baselines()
    }
    assert (answers["logistic regression on byte counts"] == data.valid.targets).all()
    # Twenty files are too few for a tree to split.
    assert len(set(answers["gradient boosting on hashed n-grams"].tolist())) == 1

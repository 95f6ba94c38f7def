from __future__ import annotations

import json

import numpy as np
import pytest

from headway.inputs.text.surprisal import Surprisal

SIZE, PADDING = 500, 0


def texts(count: int, *, seed: int = 0, first: int = 1) -> list[np.ndarray]:
    """Texts of 20 tokens, of which the first ones are the most frequent, as words are."""
    draw = np.random.default_rng(seed)
    return [first + np.minimum(draw.zipf(1.5, 20), 200) for _ in range(count)]


@pytest.fixture(scope="module")
def fitted() -> Surprisal:
    return Surprisal.fit(texts(1_000), size=SIZE, ignored=(PADDING,))


def test_new_texts_are_familiar_and_texts_of_rare_tokens_far(fitted: Surprisal) -> None:
    assert fitted.is_far(np.stack(texts(1_000, seed=1))).mean() <= 0.03
    assert fitted.is_far(np.stack(texts(100, first=250))).all()


def test_padding_says_nothing_and_a_few_tokens_little(fitted: Surprisal) -> None:
    rare = np.full((1, 20), 400)
    assert fitted.is_far(rare).all()
    assert fitted.is_far(np.pad(rare, ((0, 0), (0, 100)))).all()
    assert not fitted.is_far(np.full((3, 20), PADDING)).any()
    assert fitted.is_far(np.full((1, 20), 60)).all()
    assert not fitted.is_far(np.array([[60]])).any()


def test_the_share_of_training_texts_that_are_far_is_small(fitted: Surprisal) -> None:
    assert fitted.is_far(np.stack(texts(1_000))).mean() <= 0.01


@pytest.mark.parametrize("count", [2, 4, 8, 20, 50, 150])
def test_after_few_training_texts_hardly_any_of_their_kind_is_far(count: int) -> None:
    new = np.stack(texts(500, seed=1_000))
    fits = [Surprisal.fit(texts(count, seed=seed), size=SIZE, ignored=(PADDING,)) for seed in range(20)]
    assert np.mean([fitted.is_far(new).mean() for fitted in fits]) <= 0.02
    if count >= 20:
        assert all(fitted.is_far(np.stack(texts(100, first=250))).all() for fitted in fits)


def test_of_one_training_text_nothing_can_be_said() -> None:
    fitted = Surprisal.fit(texts(1), size=SIZE, ignored=(PADDING,))
    assert not fitted.is_far(np.stack(texts(20, first=250))).any()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_training_texts_are_enough_to_be_asked(count: int) -> None:
    fitted = Surprisal.fit(texts(count), size=SIZE, ignored=(PADDING,))
    assert fitted.is_far(np.stack(texts(5))).shape == (5,)
    assert Surprisal.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted


def test_json_gives_the_same_answers(fitted: Surprisal) -> None:
    again = Surprisal.from_json(json.loads(json.dumps(fitted.to_json())))
    arrays = np.stack([*texts(50, seed=2), *texts(50, first=100)])
    assert (again.is_far(arrays) == fitted.is_far(arrays)).all()

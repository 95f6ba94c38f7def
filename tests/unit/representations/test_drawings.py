"""Rows as cells, and the way of a pointer."""

from __future__ import annotations

import numpy as np

from headway.representations.drawings import cells, pointer_trail


def test_values_come_back_from_their_cells() -> None:
    for count in (1, 4, 5, 9, 10):
        values = np.random.default_rng(count).random(count)
        picture = cells(values)
        assert picture.shape[0] == picture.shape[1]
        assert picture.flat[:count].tolist() == values.tolist()


def test_a_trail_shows_speed_where_the_pointer_was_fast() -> None:
    # Slow along the top, then fast down the right side.
    slow = np.stack([np.linspace(0, 1, 30), np.zeros(30)], axis=1)
    fast = np.stack([np.ones(5), np.linspace(0, 1, 6)[1:]], axis=1)
    picture = pointer_trail(np.concatenate([slow, fast]), side=32)
    line, speed = picture[..., 0], picture[..., 1]
    assert (line[0] == 1).all()
    assert (line[:, -1] == 1).all()
    assert line[5:, :-5].sum() == 0
    assert speed[20, -1] > 3 * speed[0, 10] > 0


def test_twice_as_slow_with_times_is_the_same_way() -> None:
    way = np.random.default_rng(0).random((20, 2))
    np.testing.assert_allclose(pointer_trail(way), pointer_trail(way, times=2.0 * np.arange(20)), atol=1e-9)


def test_a_click_is_a_white_square() -> None:
    way = np.stack([np.linspace(0, 1, 11), np.linspace(0, 1, 11)], axis=1)
    picture = pointer_trail(way, clicks=np.arange(11) == 5, side=21)
    assert (picture[8:13, 8:13] == 1).all()
    assert (picture[0:5, 15:] == 0).all()


def test_a_pointer_that_stands_still_is_a_dot() -> None:
    for count in (1, 4):
        assert (pointer_trail(np.ones((count, 2)), side=8)[..., 0] > 0).sum() == 1

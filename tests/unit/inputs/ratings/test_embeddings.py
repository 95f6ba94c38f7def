from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from headway.errors import ConfigError
from headway.inputs.ratings.embeddings import Embeddings

DRAW = np.random.default_rng(0)
NAMES = tuple(f"film {number}" for number in range(30))
FOUND = Embeddings(names=NAMES, vectors=DRAW.normal(size=(30, 5)), biases=DRAW.normal(size=30))


def test_the_most_similar_points_the_same_way() -> None:
    vectors = FOUND.vectors.copy()
    vectors[7], vectors[9] = 3 * vectors[2], -vectors[2]
    found = Embeddings(names=NAMES, vectors=vectors, biases=FOUND.biases).similar("film 2", n=29)
    assert found[0] == ("film 7", pytest.approx(1.0))
    assert found[-1] == ("film 9", pytest.approx(-1.0))
    assert "film 2" not in dict(found)
    assert [each for _, each in found] == sorted((each for _, each in found), reverse=True)


def test_a_vector_of_nothing_is_similar_to_none() -> None:
    vectors = FOUND.vectors.copy()
    vectors[3] = 0
    found = Embeddings(names=NAMES, vectors=vectors, biases=FOUND.biases)
    assert {each for _, each in found.similar("film 3")} == {0.0}


def test_extremes_are_the_largest_and_the_smallest_biases() -> None:
    best, worst = FOUND.extremes(n=3)
    assert [each for _, each in best] == sorted(FOUND.biases.tolist(), reverse=True)[:3]
    assert [each for _, each in worst] == sorted(FOUND.biases.tolist())[:3]


def test_components_are_scikit_learn_s() -> None:
    theirs = PCA(2).fit_transform(FOUND.vectors)
    np.testing.assert_allclose(FOUND.components(), theirs)


def test_the_picture_names_so_many() -> None:
    dollars = Embeddings(names=("$5 a day", *NAMES[1:]), vectors=FOUND.vectors, biases=FOUND.biases)
    figure = dollars.plot(n=6)
    (axes,) = figure.axes
    assert [each.get_text() for each in axes.texts] == [r"\$5 a day", *NAMES[1:6]]
    assert axes.get_xlabel() == "first principal component"
    figure.canvas.draw()


@pytest.mark.parametrize("n", [0, -1, 1.5, "2"])
def test_how_many_come_first_is_a_whole_number(n: Any) -> None:
    expected = f"`n` must be a whole number from 1.\n  Given: n={n!r}\n  Fix:   Leave it out."
    learned = Embeddings(names=("a", "b"), vectors=np.eye(2), biases=np.array([0.1, -0.2]))
    for call in (lambda: learned.similar("a", n=n), lambda: learned.extremes(n=n)):
        with pytest.raises(ConfigError) as caught:
            call()
        assert str(caught.value) == expected


def test_an_unknown_name_is_answered_with_the_closest() -> None:
    with pytest.raises(ConfigError) as caught:
        FOUND.similar("flim 21")
    assert str(caught.value).startswith("The training rows do not have this name.\n  Given: 'flim 21'\n")
    assert '"film 21"' in str(caught.value)

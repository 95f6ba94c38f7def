from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss

from headway.inputs.text.baselines import BASELINES, classifier, with_bayes
from headway.inputs.text.tfidf import Counts, Weighing
from headway.judge.baselines.base import Baseline, BaselineData
from tests.unit.inputs.text.reviews import as_rows, halves, read_messages, read_reviews

BAYES, LOGISTIC = "naive Bayes", "logistic regression and naive Bayes on TF-IDF"
RIDGE = "ridge regression on TF-IDF"
GOOD, BAD = "a fine film , warm and funny", "a dull film , cold and long"


def answers(
    name: str, train: BaselineData, valid: BaselineData, *, task: str = "classification", num_outputs: int = 2
) -> np.ndarray:
    return BASELINES[task][name].run(train, {"valid": valid}, num_outputs=num_outputs, seed=0)["valid"]


def films(count: int) -> BaselineData:
    """Films that are fine or dull, each with a word of its own."""
    words = np.array(["sea", "night", "war", "love", "city", "snow"])
    texts = [f"{GOOD if row % 2 else BAD} {words[row % 6]}{row}" for row in range(count)]
    return as_rows(texts, np.arange(count) % 2)


@pytest.mark.slow
def test_reviews_are_told_by_words_as_well_as_by_scikit_learns_best_practice(
    shared_data: Callable[[str], Path],
) -> None:
    """Tuned on folds of the training rows, not on what they are measured on."""
    train, valid = halves(as_rows(*read_reviews(shared_data("rt_polarity"))), 5_000)
    accuracy = {name: (answers(name, train, valid).argmax(1) == valid.targets).mean() for name in (BAYES, LOGISTIC)}
    assert accuracy[LOGISTIC] >= 0.765
    assert accuracy[BAYES] >= 0.755
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = LogisticRegression(C=10).fit(vectorizer.fit_transform(train["texts"][:, 0]), train.targets)
    plain = model.score(vectorizer.transform(valid["texts"][:, 0]), valid.targets)
    assert accuracy[LOGISTIC] > plain + 0.005


@pytest.mark.slow
def test_the_rival_is_surer_of_reviews_than_a_logistic_regression_alone_and_right_more_often(
    shared_data: Callable[[str], Path],
) -> None:
    """On few rows, and without a choice of options: what naive Bayes adds."""
    train, valid = halves(as_rows(*read_reviews(shared_data("rt_polarity"))), 1_500)
    counts, weighing = Counts(train["texts"], pieces=False), Weighing(1, is_sublinear=True)
    rows, others = (counts.weighed(counts.of(part["texts"]), weighing) for part in (train, valid))
    both, alone = (make(10.0).fit(rows, train.targets).predict_proba(others) for make in (with_bayes, classifier))
    right, right_alone = ((given.argmax(1) == valid.targets).mean() for given in (both, alone))
    assert right > right_alone + 0.005
    assert log_loss(valid.targets, both) < log_loss(valid.targets, alone)


@pytest.mark.slow
def test_spam_is_told_by_words(shared_data: Callable[[str], Path]) -> None:
    texts, is_spam = read_messages(shared_data("sms_spam"))
    train, valid = halves(as_rows(texts, is_spam.astype(np.int64)), 4_400)
    assert f1_score(valid.targets, answers(LOGISTIC, train, valid).argmax(1)) >= 0.93
    assert f1_score(valid.targets, answers(BAYES, train, valid).argmax(1)) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", [BAYES, LOGISTIC])
def test_classes_without_training_texts_get_0_and_one_class_alone_1(name: str) -> None:
    train, valid = films(30), films(6)
    given = answers(name, train, valid, num_outputs=4)
    assert given.shape == (6, 4)
    assert (given.argmax(1) == valid.targets).all()
    assert given.sum(1) == pytest.approx(1)
    assert not given[:, 2:].any()
    alone = BaselineData(targets=np.full(30, 1), arrays=train.arrays)
    assert (answers(name, alone, valid, num_outputs=4) == [0, 1, 0, 0]).all()


@pytest.mark.parametrize("name", [BAYES, LOGISTIC])
def test_several_labels_are_learned_one_by_one(name: str) -> None:
    train, valid = films(30), films(6)
    labels = [np.stack([rows.targets, rows.targets * 0 + 1], axis=1).astype(np.float32) for rows in (train, valid)]
    train = BaselineData(targets=labels[0], arrays=train.arrays)
    given = answers(name, train, BaselineData(targets=labels[1], arrays=valid.arrays), task="multilabel")
    assert ((given > 0.5) == labels[1]).all()


def test_numbers_follow_the_words() -> None:
    train, valid = films(60), films(6)
    stars = [(2 + 2 * rows.targets[:, None]).astype(np.float32) for rows in (train, valid)]
    train = BaselineData(targets=stars[0], arrays=train.arrays)
    given = answers(RIDGE, train, valid, task="regression", num_outputs=1)
    assert given == pytest.approx(stars[1], abs=0.4)


@pytest.mark.parametrize("texts", [[" ", "\t"], ["a", "b"], ["!", "?"]])
@pytest.mark.parametrize("name", [BAYES, LOGISTIC])
def test_texts_without_words_and_single_rows_are_taken(name: str, texts: list[str]) -> None:
    rows = as_rows(texts, np.array([0, 1]))
    assert answers(name, rows, rows).sum(1) == pytest.approx(1)
    assert answers(name, rows.take(np.array([0])), rows).tolist() == [[1, 0], [1, 0]]


@pytest.mark.slow
def test_each_column_has_words_of_its_own() -> None:
    """The same words mean the opposite in another column."""
    titles, bodies = np.where(np.arange(60) % 2, "yes", "no"), np.where(np.arange(60) % 3, "yes", "no")
    rows = BaselineData(targets=np.arange(60) % 2, arrays={"texts": np.stack([titles, bodies], axis=1).astype(object)})
    assert (answers(LOGISTIC, rows, rows).argmax(1) == rows.targets).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_answers_and_rows_stay_as_they_are() -> None:
    rows = films(40)
    before = rows["texts"].copy()
    assert (answers(LOGISTIC, rows, rows) == answers(LOGISTIC, rows, rows)).all()
    assert (rows["texts"] == before).all()


def test_neighbours_look_at_directions_of_frozen_features() -> None:
    baseline: Baseline = BASELINES["classification"]["k-nearest neighbours on frozen features"]
    features = np.array([[1.0, 0.1], [0.1, 1]] * 5, np.float32)
    rows = BaselineData(targets=np.array([0, 1] * 5), arrays={"features": features})
    far = BaselineData(targets=np.array([0, 1]), arrays={"features": 100 * features[:2]})
    given = baseline.run(rows, {"far": far}, num_outputs=2, seed=0)["far"]
    assert given.argmax(1).tolist() == [0, 1]
    assert baseline.needs == "features"
    assert baseline.size is not None
    assert baseline.size(rows, 2) == 30


def test_pieces_of_words_are_counted_in_the_beginning_of_a_long_text() -> None:
    """Words everywhere."""
    long = "abc " * 1_250
    counts = Counts(np.array([[long + "xyz"], ["xyz"]], dtype=object), pieces=True)
    words, pieces = (block.toarray() for block in counts.blocks)
    names = counts.names(Weighing(1, is_sublinear=True))
    xyz = names.index((0, "xyz"))
    assert words[:, xyz].tolist() == [1, 1]
    assert pieces[:, names.index((0, "yz")) - words.shape[1]].tolist() == [0, 1]

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from headway.errors import ConfigError, DataError
from headway.targets.categories.field import Categories, best_threshold
from headway.targets.registry import target_from_json

FIELD = Categories("tags", labels=("bird", "cat", "dog"))


def test_labels_are_learned_sorted_from_texts_and_lists() -> None:
    rows = pl.DataFrame({"tags": ["dog cat", "", None, " bird  cat "]})
    assert Categories("tags").fit(rows).labels == ("bird", "cat", "dog")
    rows = pl.DataFrame({"tags": [["dog", "cat"], [], None, ["bird"]]})
    assert Categories("tags").fit(rows).labels == ("bird", "cat", "dog")
    assert FIELD.fit(pl.DataFrame({"tags": ["fish"]})) is FIELD
    assert Categories("tags").num_outputs == 0
    assert FIELD.num_outputs == 3


def test_a_separator_of_ones_own() -> None:
    field = Categories("tags", sep=";").fit(pl.DataFrame({"tags": ["hot dog; cat", "cat;"]}))
    assert field.labels == ("cat", "hot dog")
    assert field.encode(["hot dog;cat"]).tolist() == [[1, 1]]


def test_each_label_is_a_column() -> None:
    encoded = FIELD.encode(["cat dog", "dog dog", "", None, ["bird"], []])
    assert encoded.dtype == np.float32
    assert encoded.tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_an_item_without_labels_is_not_missing() -> None:
    rows = pl.DataFrame({"tags": ["cat", None, ""]})
    assert FIELD.is_missing(rows) == [False, False, False]


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(DataError) as error:
        FIELD.encode(["cat", "dgo cat"])
    assert str(error.value) == (
        "Column 'tags' has labels that are not among those of the training rows.\n"
        "  Given: dgo\n"
        '  Fix:   Correct or remove those rows. Did you mean "dog"?'
    )


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ConfigError) as error:
        Categories("tags", sep="", labels=("cat", "cat"), thresholds=(2.0,))
    assert str(error.value) == (
        "`labels` must differ from one another. `sep` must not be empty. `thresholds` must be as many as `labels`. "
        "`thresholds` must lie between 0 and 1.\n"
        "  Given: sep='', labels=['cat', 'cat'], thresholds=[2.0]\n"
        "  Fix:   Leave them out, or correct the call."
    )


def test_strata_are_sets_of_labels_and_the_rare_are_one() -> None:
    rows = pl.DataFrame({"tags": ["cat dog", "dog cat"] * 6 + ["bird"] * 3 + [None] * 10})
    assert set(FIELD.strata(rows)[:12]) == {"cat dog"}
    assert set(FIELD.strata(rows)[12:15]) == {"(rare)"}
    assert set(FIELD.strata(rows)[15:]) == {"(none)"}


def test_what_reaches_its_threshold_is_given_the_surest_first() -> None:
    found = FIELD.decode(np.array([0.4, 0.6, 0.9]))
    assert (found.label, found.value, found.score) == ("dog cat", ("dog", "cat"), None)
    assert list(found.probabilities) == ["dog", "cat", "bird"]
    known = Categories("tags", labels=FIELD.labels, thresholds=(0.4, 0.7, 0.95))
    assert known.decode(np.array([0.4, 0.6, 0.9])).value == ("bird",)
    nothing = FIELD.decode(np.zeros(3))
    assert (nothing.label, nothing.value) == ("", ())


def test_it_travels_as_json() -> None:
    for field in (FIELD, Categories("tags", sep=", ", labels=("a", "b"), thresholds=(0.25, 0.5))):
        assert target_from_json(field.to_json()) == field


@pytest.mark.slow
def test_thresholds_have_the_best_f1_on_what_they_were_chosen_on() -> None:
    draw = np.random.default_rng(0)
    targets = (draw.uniform(size=(300, 3)) < (0.05, 0.3, 0.6)).astype(np.float32)
    probabilities = np.clip(0.2 + 0.3 * targets + draw.normal(scale=0.2, size=targets.shape), 0, 1)
    field = FIELD.fit_answers(probabilities, targets)
    assert len(field.thresholds) == 3
    for place, threshold in enumerate(field.thresholds):
        reached = f1_score(targets[:, place], probabilities[:, place] >= threshold)
        tried = [f1_score(targets[:, place], probabilities[:, place] >= each) for each in np.linspace(0, 1, 201)]
        assert reached >= max(tried) - 1e-9
    assert field.fit_answers(1 - probabilities, targets) is field


def test_thresholds_where_there_is_nothing_to_choose() -> None:
    assert best_threshold(np.array([0.1, 0.2]), np.array([0, 0])) == 0.5
    # Of equally good cuts the nearest to a half.
    assert best_threshold(np.array([0.1, 0.9]), np.array([0, 1])) == 0.5
    # Equal probabilities are given the label together.
    assert best_threshold(np.array([0.5, 0.5, 0.5]), np.array([0, 1, 1])) == 0.25


@pytest.mark.parametrize(
    ("texts", "sep"),
    [
        (["cat dog", "cat", ""], " "),
        (["cat,dog", "cat"], ","),
        (["new york, rome", "new york"], ","),
        (["cat;dog", "cat"], ";"),
        (["cat|dog", "cat"], "|"),
        (["cat, dog|fish", "cat"], "|"),
        (["a b"] * 20 + ["a, b"], " "),
        (["cat", None], " "),
        (["['cat', 'dog']", '["cat"]', "[]"], " "),
    ],
)
def test_what_stands_between_labels_is_recognised(texts: list[str | None], sep: str) -> None:
    rows = pl.DataFrame({"tags": texts})
    field = Categories("tags").bind(rows)
    assert field.sep == sep
    told = [f"Labels of column 'tags' are separated by {sep!r}; another: --label-separator (sep=)."]
    assert field.remarks(rows) == ([] if sep == " " else told)
    assert Categories("tags", sep="/").bind(rows).sep == "/"


def test_a_list_that_is_written_as_text_is_one() -> None:
    rows = pl.DataFrame({"tags": ["['cat', 'dog']", '["cat", 3.0]', "[]", "[cat]"]})
    field = Categories("tags").bind(rows).fit(rows)
    assert field.labels == ("3", "[cat]", "cat", "dog")
    assert field.encode(rows["tags"].to_list()).tolist() == [[0, 0, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_the_separator_on_the_command_line() -> None:
    assert Categories.parse_options({"label_separator": "/"}) == {"sep": "/"}
    assert Categories.parse_options({}) == {"sep": None}

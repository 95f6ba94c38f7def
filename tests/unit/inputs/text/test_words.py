from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headway.inputs.text.words import NUM_WORDS, label_words
from tests.unit.inputs.text.reviews import as_rows, read_messages


def test_words_that_speak_for_a_class_come_first() -> None:
    texts = np.array([[f"good {row}", "x"] if row % 2 else [f"bad {row}", "y"] for row in range(40)], dtype=object)
    no, yes = label_words(texts, np.arange(40) % 2, ["no", "yes"])
    assert {(word.column, word.word) for word in no.words[:2]} == {(0, "bad"), (1, "y")}
    assert {(word.column, word.word) for word in yes.words[:2]} == {(0, "good"), (1, "x")}
    assert [(word.num_items, word.share) for word in yes.words[:2]] == [(20, 1.0), (20, 1.0)]
    assert all(word.weight > 0 for word in (*no.words, *yes.words))


def test_labels_have_words_of_their_own_and_none_where_all_or_no_items_have_them() -> None:
    texts = np.array([["sea"], ["sea air"], ["air"], ["city"]] * 10, dtype=object)
    labels = np.array([[1, 0, 1, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 1, 0]] * 10, np.float32)
    sea, air, every, none = label_words(texts, labels, ["sea", "air", "every", "none"])
    assert sea.words[0].word == "sea"
    assert air.words[0].word == "air"
    assert every.words == none.words == []


@pytest.mark.parametrize("texts", [[" "] * 6, ["a", "b", "c", "d", "e", "f"]])
def test_without_frequent_words_there_are_none(texts: list[str]) -> None:
    words = label_words(np.array(texts, dtype=object)[:, None], np.arange(6) % 2, ["no", "yes"])
    assert [one.words for one in words] == [[], []]


def test_words_of_spam_are_those_of_advertisements(shared_data: Callable[[str], Path]) -> None:
    texts, is_spam = read_messages(shared_data("sms_spam"))
    rows = as_rows(texts[:1_500], is_spam[:1_500].astype(np.int64))
    _, spam = label_words(rows["texts"], rows.targets, ["ham", "spam"])
    assert len(spam.words) == NUM_WORDS
    assert {"txt", "call", "free"} <= {word.word for word in spam.words}
    assert np.mean([word.share for word in spam.words]) > 0.6

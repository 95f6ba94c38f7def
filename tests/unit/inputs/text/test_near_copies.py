from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np
import pytest

from headway.inputs.text.near_copies import find_copies, words_of
from tests.unit.inputs.text.reviews import read_messages, read_reviews

TEXT = "The old sea captain told his story to nobody but the cat."


@pytest.mark.parametrize(
    "copy",
    [
        TEXT.upper(),
        TEXT.replace(" ", "  ").removesuffix("."),
        re.sub(r"[^\w\s]", "", TEXT) + " !!!",
        TEXT.replace("story", "secret"),
        f"{TEXT} Then he went back to his ship and slept for a week.",
        f"Nobody had expected that of him. {TEXT}",
        f'<div class="post"><p>{TEXT}</p><br></div>',
        TEXT.replace(" ", "&nbsp;"),
    ],
)
def test_what_is_nearly_the_same_is_a_copy(copy: str) -> None:
    others = [f"Text {number} of many says that {number + 1} follows it, and no more" for number in range(20)]
    assert (0, 21) not in find_copies(["Another text.", *others, TEXT])
    assert find_copies([TEXT, "Something else altogether.", copy]) == [(0, 2)]


def test_of_eight_words_one_is_changed() -> None:
    others = [f"text {number} of many says {number + 1} then" for number in range(300)]
    changed = others[7].replace("says", "tells")
    assert find_copies([*others, changed]) == []
    rare = "sell the grey boat before winter comes again"
    assert find_copies([*others, rare, rare.replace("boat", "barge"), f"{rare} whoever asks us for it"]) == [
        (300, 301),
        (300, 302),
    ]


def test_what_shares_a_phrase_or_nothing_is_none() -> None:
    texts = [
        "I don't know what to say to her tonight",
        "he asked me what to say and I could not answer",
        "the best film of the year so far",
        "perhaps the worst film of the decade",
        "",
        "",
        "!!!",
        "???",
        "one",
    ]
    assert find_copies(texts) == []
    assert find_copies([]) == []
    assert find_copies(["One.", "one", "ONE"]) == [(0, 1), (1, 2)]


@pytest.mark.slow
def test_short_sentences_that_share_a_turn_of_speech_are_none(shared_data: Callable[[str], Path]) -> None:
    """Of 10,000 sentences of real reviews six pairs are copies, none of those that end "from every pore"."""
    texts = sorted(set(read_reviews(shared_data("rt_polarity"))[0]))
    assert sum("from every pore" in text for text in texts) > 1
    pairs = [(words_of(texts[one]), words_of(texts[other])) for one, other in find_copies(texts)]
    assert len(pairs) <= 6
    assert not any("pore" in one for one, _ in pairs)
    assert (["a", "pretentious", "mess"],) * 2 in pairs
    # With a mark before it.
    assert pairs[1][0] == pairs[1][1]


def test_scripts_without_spaces_and_with_marks_are_read() -> None:
    japanese = "古い海の船長は猫にだけ話をした"
    russian = "Старый капитан рассказал свою историю только кошке"
    texts = [japanese, russian, japanese.replace("船長", "船員"), russian.lower() + "!"]
    assert find_copies(texts) == [(0, 2), (1, 3)]


def test_a_crowd_of_copies_hangs_together() -> None:
    """Of a template that many texts have each is a copy of some other; of one that all of them have, none is."""
    draw = np.random.default_rng(0)
    others = [" ".join(f"word{number}" for number in draw.integers(1_000, 9_000, size=12)) for _ in range(300)]
    words = [f"word{number}" for number in range(40)]
    texts = []
    for number in range(100):
        own = list(words)
        own[draw.integers(40)] = f"number{number}"
        texts.append(" ".join(own))
    assert {row for pair in find_copies([*texts, *others]) for row in pair} == set(range(100))
    assert find_copies(texts) == []


def test_the_order_of_texts_does_not_matter() -> None:
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(list("abcdefghij"), 12)) for _ in range(200)]
    texts += [text.upper() for text in texts[:20]]
    order = draw.permutation(len(texts))
    forwards = {frozenset((texts[a], texts[b])) for a, b in find_copies(texts)}
    shuffled = [texts[index] for index in order]
    assert {frozenset((shuffled[a], shuffled[b])) for a, b in find_copies(shuffled)} == forwards


def planted(texts: Sequence[str], count: int) -> tuple[list[str], dict[int, int]]:
    """The texts with so many copies behind them, each changed in one of five ways, and which text each is a copy of.

    Of a text of up to ten words a word changed, or a sentence added, may make another one.
    """
    draw = np.random.default_rng(0)
    words = " ".join(texts[:2_000]).split()

    def one_word(text: str) -> str:
        changed = text.split()
        changed[draw.integers(len(changed))] = words[draw.integers(len(words))]
        return " ".join(changed)

    def longer(text: str) -> str:
        added = " ".join(words[index] for index in draw.integers(len(words), size=12))
        return f"{text} {added}" if draw.random() < 0.5 else f"{added}. {text}"

    ways: list[Callable[[str], str]] = [
        lambda text: text.title(),
        lambda text: re.sub(r"[^\w\s]", "", text) + "!",
        one_word,
        longer,
        lambda text: f"<p>{escape(text)}</p>",
    ]
    originals: list[int] = draw.permutation(len(texts))[:count].tolist()
    chosen = [
        (0, 1, 4)[number % 3] if len(words_of(texts[index])) <= 10 else number % 5
        for number, index in enumerate(originals)
    ]
    copies = [ways[way](texts[index]) for way, index in zip(chosen, originals, strict=True)]
    return [*texts, *copies], {len(texts) + number: index for number, index in enumerate(originals)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rt_polarity", "sms_spam"])
def test_planted_copies_of_real_texts_are_found(name: str, shared_data: Callable[[str], Path]) -> None:
    read = read_reviews if name == "rt_polarity" else read_messages
    texts = sorted(set(read(shared_data(name))[0]))
    every, originals = planted(texts, 2_000)
    # Messages of a lottery that are alike are copies of one another, too: those that were there before do not count.
    before = {row for pair in find_copies(texts) for row in pair}
    pairs = find_copies(every)
    linked = {frozenset(pair) for pair in pairs}
    own = {copy: original for copy, original in originals.items() if original not in before}
    recall = np.mean([frozenset((copy, original)) in linked for copy, original in own.items()])
    new = [pair for pair in pairs if not before & set(pair)]
    precision = np.mean([own.get(max(pair)) == min(pair) for pair in new])
    assert recall >= 0.98
    assert precision >= 0.95
    # Of clean sentences hardly any pair.
    if name == "rt_polarity":
        assert len(before) < 0.01 * len(texts)

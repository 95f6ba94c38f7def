from __future__ import annotations

import pytest

from headway.inputs.text.statistics import NO_LETTERS, reference_of, script_of, text_bins, text_statistics


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Straße, façade", "Latin"),
        ("\uff28\uff45\uff4c\uff4c\uff4f", "Latin"),
        ("Привет, мир", "Cyrillic"),
        ("γειά σου", "Greek"),
        ("שלום עולם", "Hebrew"),
        ("مرحبا بالعالم", "Arabic"),
        ("नमस्ते दुनिया", "Devanagari"),
        ("สวัสดีชาวโลก", "Thai"),
        ("안녕하세요", "Hangul"),
        ("こんにちは世界", "Kana"),
        ("你好，世界", "Han"),
        ("12 + 30 = 42 \N{GRINNING FACE}", NO_LETTERS),
        ("", NO_LETTERS),
    ],
)
def test_scripts_are_those_of_most_letters(text: str, script: str) -> None:
    assert script_of(text) == script


def test_statistics_are_shares_of_characters() -> None:
    assert text_statistics("ÄB c1") == {
        "digits": 0.2,
        "capitals": 0.6667,
        "non_ascii": 0.2,
        "script": "Latin",
    }
    empty = text_statistics("")
    assert empty == {"digits": 0, "capitals": 0, "non_ascii": 0, "script": NO_LETTERS}


def test_texts_lie_in_the_bins_of_their_reference() -> None:
    texts = ["calm and short", "A longer text, with 12 digits in it: 0123456789", "да", "so so"] * 10
    reference = reference_of(texts)
    assert reference["script"]["bins"] == {"Latin": 0.75, "Cyrillic": 0.25, "other": 0.0}
    for column in reference.values():
        assert sum(column["bins"].values()) == pytest.approx(1)
    assert text_bins("да", reference)["script"] == "Cyrillic"
    assert text_bins("שלום", reference)["script"] == "other"
    assert text_bins("SHOUTED", reference)["capitals"] == "above 50%"
    # Of a bundle that was written without one of them.
    assert set(text_bins("да", {"script": reference["script"]})) == {"script"}
    assert reference_of([]) == {}

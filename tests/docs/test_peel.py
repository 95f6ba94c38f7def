"""What docs/peel.md and the README show of peeled files is what they hold."""

from __future__ import annotations

import re

import numpy as np

import headway as hw
from tests.meta.modules import ROOT


def test_the_page_shows_lines_of_the_files() -> None:
    draw = np.random.default_rng(0)
    age, fare = draw.integers(18, 80, 200), draw.exponential(30, 200).round(2)
    people = {"age": age.tolist(), "fare": fare.tolist(), "survived": np.where(age + fare < 70, "yes", "no").tolist()}
    learner = hw.Learner(hw.from_items(people, target="survived"), batch_size=64, progress=False)
    learner.fine_tune(epochs=3)
    shown = re.findall(r"```text\n(.*?)```", (ROOT / "docs" / "peel.md").read_text(), flags=re.DOTALL)
    texts = [learner.peel("fine_tune", layer=layer).text for layer in ("method", "loop", "torch")]
    assert len(shown) == len(texts)
    for excerpt, text in zip(shown, texts, strict=True):
        assert excerpt in text

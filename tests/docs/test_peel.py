"""What docs/peel.md and the README show of peeled files is what they hold."""

from __future__ import annotations

import re

import numpy as np
import pytest

import headway as hw
from tests.meta.modules import ROOT

LAYERS = ("method", "loop", "torch")


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The layers of the run that both pages show."""
    draw = np.random.default_rng(0)
    age, fare = draw.integers(18, 80, 200), draw.exponential(30, 200).round(2)
    people = {"age": age.tolist(), "fare": fare.tolist(), "survived": np.where(age + fare < 70, "yes", "no").tolist()}
    learner = hw.Learner(hw.from_items(people, target="survived"), batch_size=64, progress=False)
    learner.fine_tune(epochs=3)
    return {layer: learner.peel("fine_tune", layer=layer).text for layer in LAYERS}


def test_the_page_shows_lines_of_the_files(texts: dict[str, str]) -> None:
    shown = re.findall(r"```text\n(.*?)```", (ROOT / "docs" / "peel.md").read_text(), flags=re.DOTALL)
    assert len(shown) == len(texts)
    for excerpt, text in zip(shown, texts.values(), strict=True):
        assert excerpt in text


def test_the_readme_has_the_same_step_in_three_layers(texts: dict[str, str]) -> None:
    (block,) = re.findall(r"```text\n(# method\n.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    parts = dict(part.split("\n", 1) for part in re.split(r"^# ", block, flags=re.MULTILINE) if part)
    assert tuple(parts) == LAYERS
    for layer, lines in parts.items():
        written = [line.strip() for line in texts[layer].splitlines()]
        positions = [written.index(line) for line in lines.strip().splitlines()]
        assert positions == sorted(positions)

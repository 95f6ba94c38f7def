from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import headway as hw
from headway.inputs.registry import INPUTS, input_class
from headway.judge.baselines.run import BaselineResult
from headway.judge.diagnosis.finding import KINDS, Finding, describe
from headway.judge.intervals import Estimate, newcombe, wilson
from headway.judge.report.inputs import ReportInputs
from headway.predictions import LayerActivity, Predictions
from headway.targets.category.diagnosis import diagnose as diagnosis
from headway.targets.category.diagnosis.classifier_run import ClassifierRun, Judged
from headway.targets.category.diagnosis.diagnose import find_in_run, find_problems
from headway.targets.category.mistakes import label_judges
from tests.judging import diagnose, target_of

Arrays = tuple[np.ndarray, np.ndarray]


def answers(right: int, wrong: int, *, sure: float | None = None, classes: int = 4) -> Arrays:
    """So many right and wrong answers, the errors spread evenly; as sure as they are right, unless said otherwise."""
    count = right + wrong
    place = np.arange(count)
    targets = place % classes
    given = np.where(place < wrong, (targets + 1 + place // classes % (classes - 1)) % classes, targets)
    sure = min(right / count, 0.995) if sure is None else sure
    probabilities = np.full((count, classes), (1 - sure) / (classes - 1))
    probabilities[place, given] = sure
    return probabilities, targets


def log_loss(arrays: Arrays) -> float:
    probabilities, targets = arrays
    return float(-np.log(probabilities[np.arange(len(targets)), targets]).mean())


def history(
    train: Sequence[float],
    valid: Sequence[float],
    accuracy: Sequence[float] | None = None,
    *,
    lr: Sequence[float] | None = None,
    head: tuple[float, float, float] | None = None,
) -> list[dict[str, Any]]:
    """As `History.to_json()` gives it; `head` is (train_loss, valid_loss, accuracy)."""
    rows = []
    if head is not None:
        one, two, three = head
        rows.append({"stage": "head", "epoch": 1, "train_loss": one, "valid_loss": two, "accuracy": three, "lr": None})
    for place, (one, two) in enumerate(zip(train, valid, strict=True)):
        row = {"stage": "all", "epoch": place + 1, "train_loss": one, "valid_loss": two, "lr": 1e-3, "seconds": 1.0}
        row |= {} if accuracy is None else {"accuracy": accuracy[place]}
        row |= {} if lr is None else {"lr": lr[place]}
        rows.append(row)
    return rows


def found(rows: list[dict[str, Any]], valid: Arrays, train: Arrays | None = None, **given: Any) -> list[Finding]:
    labels = [str(each) for each in range(valid[0].shape[1])]
    findings = diagnose(rows, valid=valid, train=train, labels=labels, **given)
    for finding in findings:
        assert json.loads(json.dumps(finding.to_json(), allow_nan=False)) == finding.to_json()
        assert finding.kind in KINDS
        assert finding.remedies
        assert finding.sentence.endswith(".")
    assert findings == sorted(findings, key=lambda finding: finding.rank)
    return findings


def names(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.kind, finding.severity) for finding in findings]


def alarms(findings: Sequence[Finding]) -> list[str]:
    return [finding.kind for finding in findings if finding.severity != "note"]


GOOD = answers(970, 30)
GOOD_TRAIN = answers(2960, 40)
FALLING = [1.2, 0.6, 0.3, 0.2, 0.15, 0.12]


# Nothing wrong


def test_a_good_run_has_no_findings() -> None:
    valid = [1.0, 0.5, 0.3, 0.25, 0.22, log_loss(GOOD)]
    assert found(history(FALLING, valid, [0.7, 0.8, 0.9, 0.95, 0.96, 0.97]), GOOD, GOOD_TRAIN) == []
    assert describe([]) == "No problems found."


def test_a_good_head_has_none_either() -> None:
    rows = history([], [], head=(0.01, log_loss(GOOD), 0.97))
    assert found(rows, GOOD, GOOD_TRAIN, baseline_accuracy=0.96, num_label_issues=10, num_checked=1000) == []


def test_without_a_history_predictions_are_judged() -> None:
    assert found([], GOOD, GOOD_TRAIN) == []
    assert alarms(found([], answers(700, 300), answers(1000, 0))) == ["overfitting"]


@pytest.mark.slow
def test_good_models_are_hardly_ever_accused() -> None:
    """Simulated: the model is as good on valid as on train, or a little less so."""
    draw = np.random.default_rng(0)
    accused = 0
    for trial in range(180):
        count = (100, 300, 2000)[trial % 3]
        wrong, wrong_train = draw.binomial(count, 0.06), draw.binomial(2000, (0.06, 0.03)[trial % 2])
        accused += bool(alarms(found([], answers(count - wrong, wrong), answers(2000 - wrong_train, wrong_train))))
    assert accused <= 1


# Overfitting, over-confidence


@pytest.mark.parametrize(
    ("valid", "severity"),
    [(answers(400, 100), "serious"), (answers(900, 100), "warning"), (answers(960, 40), None), (answers(23, 2), None)],
)
def test_a_gap_is_told_when_it_is_beyond_noise(valid: Arrays, severity: str | None) -> None:
    gaps = [each for each in found([], valid, answers(3000, 0)) if each.kind == "overfitting"]
    assert [each.severity for each in gaps] == ([severity] if severity else [])


def test_remedies_for_overfitting_have_their_order() -> None:
    rows, photos = history([0.5], [0.9]), hw.Image("file").tries
    [finding] = found(rows, answers(800, 200), answers(1000, 0), tries=photos)
    assert finding.sentence == (
        "The model is right on 100.0% of its training items and on 80.0% of valid: 20.0 points [17.6, 22.6] fewer."
    )
    assert finding.remedies == (
        "more data (`learning_curve()` says how much it would help)",
        "more augmentation",
        "a pretrained architecture",
        "an architecture that generalises better",
        "regularisation: weight decay, dropout, fewer epochs",
        "a smaller model, last",
    )


TURNED = [0.5, 0.4, 0.35, 0.45, 0.6, 0.7]


def test_a_turn_that_costs_accuracy_is_overfitting() -> None:
    rows = history(FALLING, TURNED, [0.8, 0.85, 0.88, 0.85, 0.8, 0.78])
    [finding] = found(rows, answers(1560, 440))
    assert (finding.kind, finding.severity) == ("overfitting", "serious")
    assert finding.sentence == (
        "The validation loss was lowest after epoch 3 (0.35) and rose to 0.7, while the training loss fell from 0.3 to "
        "0.12. The accuracy on valid fell by 10.0 points from its best epoch."
    )
    assert finding.evidence["best_epoch"] == 3


def test_a_turn_that_costs_none_is_over_confidence_and_no_harm_yet() -> None:
    rows = history(FALLING, TURNED, [0.8, 0.85, 0.88, 0.885, 0.89, 0.89])
    [finding] = found(rows, answers(1780, 220))
    assert (finding.kind, finding.severity) == ("overconfidence", "note")
    assert "only overconfident" in finding.sentence
    slightly_less = history(FALLING, TURNED, [0.8, 0.85, 0.88, 0.895, 0.89, 0.89])
    assert names(found(slightly_less, answers(1780, 220))) == [("overconfidence", "note")]
    assert "temperature scaling" in finding.remedies


@pytest.mark.parametrize(
    "rows",
    [
        history(FALLING[:1], TURNED[-1:], [0.78]),
        history(FALLING[:2], [0.35, 0.7], [0.88, 0.78]),
        history(FALLING, [0.35, 0.5, 0.6, 0.45, 0.37, 0.36], [0.8, 0.7, 0.7, 0.75, 0.78, 0.78]),
        history(FALLING, [0.5, 0.4, 0.38, 0.36, 0.35, 0.7], [0.88] * 5 + [0.78]),
        history([0.1, 0.2, 0.3, 0.4, 0.45, 0.5], TURNED, [0.88] * 5 + [0.78]),
        history(FALLING, TURNED, [0.88] * 5 + [0.78], head=(0.1, log_loss(answers(1560, 440)), 0.78)),
    ],
    ids=[
        "one epoch",
        "two epochs",
        "back again",
        "the last epoch alone",
        "training loss rises too",
        "the head was kept",
    ],
)
def test_what_is_no_turn(rows: list[dict[str, Any]]) -> None:
    kinds = {each.kind for each in found(rows, answers(1560, 440))}
    assert not kinds & {"overfitting", "overconfidence"}


def test_a_turn_within_the_noise_of_few_items_is_not_told() -> None:
    rows = history(FALLING, [0.5, 0.4, 0.35, 0.36, 0.39, 0.4], [0.8, 0.85, 0.88, 0.85, 0.8, 0.78])
    assert "overfitting" not in alarms(found(rows, answers(39, 11)))


@pytest.mark.parametrize(("sure", "severity"), [(0.87, None), (0.93, "note"), (0.99, "warning")])
def test_being_too_sure(sure: float, severity: str | None) -> None:
    expected = [("overconfidence", severity)] if severity else []
    assert names(found([], answers(1700, 300, sure=sure))) == expected


# Underfitting and its causes


def test_errors_on_training_items_are_underfitting() -> None:
    [finding] = found([], answers(690, 310), answers(1400, 600))
    assert (finding.kind, finding.severity) == ("underfitting", "warning")
    assert finding.sentence == (
        "The model gets 30.0% of its own training items wrong. Either the model is too small, or the inputs do not "
        "contain enough information."
    )
    assert names(found([], answers(850, 150), answers(1700, 300))) == [("underfitting", "note")]


def test_a_loss_that_still_falls_asks_for_more_epochs_first() -> None:
    valid = answers(690, 310)
    rows = history([2.0, 1.2, 0.9], [1.9, 1.1, log_loss(valid)], lr=[1e-3, 5e-4, 1e-6])
    [finding] = found(rows, valid, answers(1400, 600))
    assert finding.remedies[0] == "more epochs"
    assert finding.evidence["still_falling"]


def test_a_simple_model_that_does_better_proves_underfitting() -> None:
    valid, train = answers(850, 150), answers(1700, 300)
    assert names(found([], valid, train, baseline_accuracy=0.95)) == [("underfitting", "warning")]


def test_a_model_that_answers_the_commonest_class_is_seriously_underfitted() -> None:
    assert names(found([], answers(250, 750), answers(520, 1480))) == [("underfitting", "serious")]


def test_label_noise_explains_training_errors() -> None:
    valid, train = answers(690, 310), answers(1400, 600)
    [finding] = found([], valid, train, num_label_issues=600, num_checked=3000)
    assert (finding.kind, finding.severity) == ("label_noise", "serious")
    assert finding.sentence.startswith("600 of 3,000 labels (20.0%) look wrong")
    assert [name for name, _ in names(found([], valid, train, num_label_issues=3, num_checked=3000))] == [
        "underfitting"
    ]


@pytest.mark.parametrize(
    ("issues", "checked", "severity"), [(4, 20, None), (20, 1000, None), (60, 1000, "warning"), (200, 1000, "serious")]
)
def test_label_noise(issues: int, checked: int, severity: str | None) -> None:
    expected = [("label_noise", severity)] if severity else []
    assert names(found([], GOOD, num_label_issues=issues, num_checked=checked)) == expected


def test_nothing_that_learns_knows_the_labels() -> None:
    [finding] = found([], answers(250, 750), answers(1900, 100), baseline_accuracy=0.26, baseline_learns=True)
    assert (finding.kind, finding.severity) == ("label_noise", "serious")
    assert finding.sentence == (
        "Neither the model (25.0% right on valid) nor any simple model (at most 26.0%) knows more than the commonest "
        f"class ({finding.evidence['majority_share']:.1%}). The labels may be shuffled, or have nothing to do with the "
        "inputs. The model learned its training items by heart (95.0% right)."
    )
    for known in ({"baseline_accuracy": 0.9, "baseline_learns": True}, {"baseline_accuracy": 0.26}):
        blamed = found([], answers(250, 750), answers(1900, 100), **known)
        assert "label_noise" not in [kind for kind, _ in names(blamed)]


def guessed(share: float, gain: float, *, count: int = 150) -> ReportInputs:
    """A model and a baseline of two classes that say the commoner; each item's own class gets `gain` more."""
    draw, target = np.random.default_rng(0), target_of(labels=["cat", "dog"])
    targets = (np.arange(count) >= share * count).astype(np.int64)

    def answers(seed: int) -> np.ndarray:
        dog = np.clip(1 - share + 0.1 * draw.normal(size=count) + np.where(targets, gain, -gain), 0.01, 0.99)
        return np.column_stack([1 - dog, dog])

    predictions = Predictions(rows=np.arange(count), predictions=answers(0), targets=targets)
    baseline = BaselineResult("neighbours", {"valid": answers(1)}, 0.0, needs="pixels")
    return ReportInputs(target=target, metrics=target.metrics(), parts={"valid": predictions}, baselines=[baseline])


def test_of_few_items_shuffled_labels_are_suspected() -> None:
    assert names(find_problems(guessed(0.52, 0.0)))[0] == ("label_noise", "warning")
    [finding, *_] = find_problems(guessed(0.52, 0.0))
    own, baseline = finding.evidence["valid_accuracy"]["value"], finding.evidence["baseline_accuracy"]
    assert finding.sentence == (
        f"Neither the model ({own:.1%} right on valid) nor any simple model (at most {baseline:.1%}) surely knows more "
        "than the commonest class (52.0%). The labels may be shuffled, or have nothing to do with the inputs."
    )
    assert "label_noise" not in alarms(find_problems(guessed(0.52, 0.0, count=40)))


def test_who_knows_a_rare_class_by_its_probability_is_not_blind() -> None:
    inputs = guessed(0.85, 0.05)
    assert inputs.metrics.score(inputs.seen.predictions, inputs.seen.targets) < 0.88
    assert "label_noise" not in alarms(find_problems(inputs))


def test_pixels_have_no_say_on_labels_beside_what_is_right_far_more_often() -> None:
    inputs = guessed(0.5, 0.0)
    targets, wrong = inputs.seen.targets, np.arange(150) % 15 == 0
    own = np.eye(2)[np.where(wrong, 1 - targets, targets)] * 0.8 + 0.1
    seen = replace(inputs.seen, predictions=own)
    judges = label_judges(replace(inputs, parts={"valid": seen}))
    assert judges["valid"].num_sure_errors == 0
    apart = np.where(np.arange(150) % 15 == 1, 1 - targets, targets)
    other = replace(inputs.baselines[0], predictions={"valid": np.eye(2)[apart] * 0.8 + 0.1})
    assert not label_judges(replace(inputs, parts={"valid": seen}, baselines=[other]))["valid"].is_agreed[wrong].any()
    assert label_judges(replace(inputs, parts={"valid": seen}))["valid"].is_agreed.all()


def test_labels_of_train_are_judged_by_baselines_that_did_not_see_them() -> None:
    two = guessed(0.5, 0.3)
    inputs = replace(two, target=target_of(labels=["cat", "dog", "owl"]))
    targets, wrong = np.arange(120) % 2, np.arange(120) % 20 == 0
    is_answer, top = np.eye(2, dtype=bool)[np.where(wrong, 1 - targets, targets)], np.linspace(0.6, 0.9, 120)[:, None]
    sure = np.where(is_answer, top, 1 - top)
    aside = Predictions(rows=np.arange(500, 620), predictions=sure, targets=targets)
    judges = label_judges(replace(inputs, baselines=[replace(inputs.baselines[0], held_out=aside)]))
    assert list(judges) == ["valid", "train"]
    assert judges["train"].rows.tolist() == aside.rows.tolist()
    assert judges["train"].num_sure_errors in range(4, 9)
    assert list(label_judges(replace(two, baselines=[replace(inputs.baselines[0], held_out=aside)]))) == ["valid"]
    # Heads that were solved without the items know more than a baseline, and one that learned from few knows little.
    few = Predictions(rows=np.arange(99), predictions=sure[:99], targets=targets[:99])
    assert list(label_judges(replace(inputs, baselines=[replace(inputs.baselines[0], held_out=few)]))) == ["valid"]
    [_, of_train] = label_judges(replace(inputs, held_out=few)).values()
    assert len(of_train.targets) == 99


# Learning rate: chance is log(4) = 1.386

POOR = answers(300, 700)
POOR_TRAIN = answers(600, 1400)


@pytest.mark.parametrize(
    ("train", "lr", "expected"),
    [
        ([1.39, 1.38, 1.37, 1.36, 1.355], 1e-3, ["lr_too_low"]),
        ([1.39, 1.39, 1.391, 1.389, 1.39], 1e-6, ["lr_too_low"]),
        ([1.9, 1.8, 1.7, 1.6, 1.5], 1e-4, ["lr_too_low"]),
        ([5.4, 1.6, 1.5, 1.4, 1.39], 3.0, ["lr_too_high"]),
        ([1.3, 2.9, 4.0, 1.5, 1.39], 1e-3, ["lr_too_high"]),
        ([1.3, 0.9, 1.4, 1.2, 1.1], 1e-3, ["lr_too_high"]),
        ([1.3, 1.2, math.nan, math.nan, math.nan], 1e-3, ["lr_too_high"]),
        ([1.39, 1.2, 1.12, 1.1, 1.1], 1e-3, ["underfitting"]),
        ([1.39, 1.39], 1e-3, ["underfitting"]),
        ([5.4], 3.0, ["underfitting"]),
    ],
)
def test_learning_rates(train: list[float], lr: float, expected: list[str]) -> None:
    valid = [*train[:-1], log_loss(POOR)]
    assert alarms(found(history(train, valid, lr=[lr] * len(train)), POOR, POOR_TRAIN)) == expected


def test_a_loss_of_ones_own_is_not_compared_with_chance() -> None:
    rows = history([91.0, 90.0, 89.0, 88.0], [91.0, 90.0, 89.0, 88.0], lr=[0.1] * 4)
    assert alarms(found(rows, POOR, POOR_TRAIN)) == ["underfitting"]


def test_a_loss_above_what_probabilities_can_have_diverged() -> None:
    lost = np.eye(4)[np.arange(1_000) % 3], np.arange(1_000) % 4
    rows = history([5e14, 1e9, 2e4], [9e13, 1e8, 4e3], lr=[30.0, 15.0, 0.1])
    [finding] = [finding for finding in found(rows, lost) if finding.kind == "lr_too_high"]
    assert (finding.severity, finding.sentence) == (
        "serious",
        "After 3 epochs the training loss is 2e+04, and it was 5e+14 on the way; answering with the classes' shares "
        "alone gives 1.39. Training diverged.",
    )


def test_a_jump_from_which_training_recovers_is_a_note() -> None:
    rows = history([1.3, 0.5, 0.9, 0.2, 0.1], [1.0, 0.5, 0.9, 0.2, log_loss(GOOD)])
    assert names(found(rows, GOOD, GOOD_TRAIN)) == [("lr_too_high", "note")]


def test_a_second_call_is_not_a_jump() -> None:
    train, lr = [1.0, 0.3, 0.1, 0.8, 0.3, 0.1], [5e-3, 2e-3, 1e-7, 5e-3, 2e-3, 1e-7]
    rows = history(train, [0.9, 0.4, 0.15, 0.9, 0.4, log_loss(GOOD)], lr=lr)
    assert found(rows, GOOD, GOOD_TRAIN) == []
    assert names(found(history(train, [0.9, 0.4, 0.15, 0.9, 0.4, log_loss(GOOD)]), GOOD)) == [("lr_too_high", "note")]


def test_training_every_layer_that_tears_the_features_apart() -> None:
    worse = answers(700, 300)
    losses, accuracy = ([1.3, 1.1, 0.95], [1.2, 1.0, log_loss(worse)]), [0.5, 0.6, 0.7]
    kept = found(history(*losses, accuracy, head=(0.05, 0.2, 0.95)), worse)
    assert names(kept) == [("lr_too_high", "warning")]
    assert "from 95.0% (head) to 70.0%" in kept[0].sentence
    losses = ([1.3, 1.1, 0.95], [1.2, 1.0, 0.9])
    left = found(history(*losses, accuracy, head=(0.05, log_loss(GOOD), 0.97)), GOOD, GOOD_TRAIN)
    assert names(left) == [("lr_too_high", "note")]
    assert left[0].sentence.endswith("Only the head was kept, so the model is not affected.")


def test_training_every_layer_that_forgets_the_head_and_finds_back_is_a_note() -> None:
    rows = history([2.0, 0.5, 0.1], [1.5, 0.4, log_loss(GOOD)], [0.6, 0.9, 0.97], head=(0.1, 0.2, 0.95))
    assert names(found(rows, GOOD, GOOD_TRAIN)) == [("lr_too_high", "note")]
    rows = history([0.9, 0.5, 0.1], [0.4, 0.3, log_loss(GOOD)], [0.9, 0.9, 0.97], head=(0.1, 0.2, 0.95))
    assert found(rows, GOOD, GOOD_TRAIN) == []


# Leaks


def test_better_on_valid_than_on_train() -> None:
    [finding] = found([], answers(990, 10), answers(1860, 140))
    assert (finding.kind, finding.severity) == ("leak", "warning")
    assert finding.sentence.startswith("The model does better on valid (99.0%) than on its own training items (93.0%)")
    assert found([], answers(480, 20), answers(1880, 120)) == []


@pytest.mark.parametrize(
    ("count", "baseline", "expected"),
    [
        (60, 0.5, []),
        (500, None, [("leak", "note")]),
        (500, 0.99, []),
        (500, 0.95, [("leak", "note")]),
        (500, 0.6, [("leak", "warning")]),
    ],
)
def test_no_error_at_all(count: int, baseline: float | None, expected: list[tuple[str, str]]) -> None:
    assert names(found([], answers(count, 0), answers(2000, 0), baseline_accuracy=baseline)) == expected


# Activations, pairs, size


def layer(name: str, share_dead: float = 0.0, largest: float = 5.0) -> LayerActivity:
    return LayerActivity(name=name, share_dead=share_dead, largest=largest)


def test_dead_layers() -> None:
    assert found([], GOOD, activity=[layer("one", 0.3), layer("two")]) == []
    [finding] = found([], GOOD, activity=[layer("one", 0.6), layer("two"), layer("three", 0.7)])
    assert finding.severity == "warning"
    assert finding.sentence == (
        'In 2 of 3 layers more than half of the channels are zero for every item; most in "three" (70%).'
    )
    poor = found([], POOR, POOR_TRAIN, activity=[layer("one", 1.0)])
    assert names(poor) == [("dead_activations", "serious")]


@pytest.mark.parametrize(("largest", "severity"), [(2e4, "warning"), (1e5, "serious"), (math.inf, "serious")])
def test_exploding_layers(largest: float, severity: str) -> None:
    given = [layer("one"), layer("two", largest=largest), layer("three", largest=1.5e4)]
    [finding] = found([], GOOD, activity=given)
    assert (finding.kind, finding.severity) == ("exploding_activations", severity)
    assert finding.evidence["first"] == "two"
    assert names(found([], GOOD, activity=[layer("one", largest=math.nan)])) == [("exploding_activations", "serious")]


def test_answers_in_the_targets_unit_may_be_large() -> None:
    whole = layer("whole", largest=14_000.0)
    assert names(found([], GOOD, activity=[layer("one"), whole])) == []
    assert names(found([], GOOD, activity=[layer("one"), layer("whole", largest=math.inf)])) == [
        ("exploding_activations", "serious")
    ]


def test_a_confused_pair() -> None:
    probabilities, targets = answers(2000, 0)
    swapped = np.flatnonzero(targets == 1)[:100]
    probabilities[swapped] = probabilities[swapped][:, [0, 2, 1, 3]]
    [finding] = diagnose([], valid=(probabilities, targets), labels=["cat", "dog", "wolf", "fox"])
    assert (finding.kind, finding.severity) == ("confused_pair", "note")
    assert finding.sentence == (
        '"dog" and "wolf" are taken for one another in 10.0% of their 1,000 items on valid: 100 dog were called wolf, '
        "and 0 wolf dog."
    )
    assert finding.evidence["labels"] == ["dog", "wolf"]


def test_of_a_thousand_classes_only_the_confused_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = np.arange(5_000) % 1_000
    given = np.where(targets == 7, 3, targets)
    compared = []

    def counted(successes: int, trials: int) -> Estimate:
        compared.append((successes, trials))
        return wilson(successes, trials)

    monkeypatch.setattr(diagnosis, "wilson", counted)
    [finding] = diagnose([], valid=(np.eye(1_000)[given], targets), labels=[str(label) for label in range(1_000)])
    assert finding.evidence["labels"] == ["3", "7"]
    assert compared == [(5, 10)]


def test_errors_that_fall_evenly_confuse_no_pair() -> None:
    assert found([], answers(1400, 600)) == []
    assert found([], answers(700, 300, classes=2)) == []


@pytest.mark.parametrize(("right", "wrong", "severity"), [(60, 5, "note"), (20, 10, "warning"), (960, 40, None)])
def test_little_validation_data(right: int, wrong: int, severity: str | None) -> None:
    findings = found([], answers(right, wrong))
    assert names(findings) == ([("little_validation_data", severity)] if severity else [])
    if findings:
        wanted = findings[0].evidence["wanted"]
        estimate = wilson(round(right / (right + wrong) * wanted), wanted)
        assert estimate.high - estimate.low == pytest.approx(0.1, abs=0.005)


# Text, statistics


def test_describe_says_the_worst_first() -> None:
    text = describe(found([], answers(800, 200, sure=0.8), answers(1000, 0), activity=[layer("one", largest=1e5)]))
    assert text == (
        "Found: 2 serious problems.\n\n"
        "Serious: exploding activations. In 1 of 1 layers outputs are larger than 10,000; the largest is\n"
        '  100,000, in "one", and it begins in "one".\n'
        "  Try: normalise the inputs; normalisation between the layers; a lower learning rate; float32 in\n"
        "    place of float16.\n\n"
        "Serious: overfitting. The model is right on 100.0% of its training items and on 80.0% of valid: 20.0\n"
        "  points [17.6, 22.6] fewer.\n"
        "  Try: more data; more regularisation; a smaller model, last."
    )


def test_difference_is_newcombes_example() -> None:
    ours = newcombe(wilson(56, 70), wilson(48, 80))
    assert [ours.value, ours.low, ours.high] == pytest.approx([0.2, 0.0524, 0.3339], abs=5e-5)


def test_losses_of_mixed_targets_are_compared_with_one_another_alone() -> None:
    """A training loss near chance is what mixup gives, and no sign of a learning rate."""
    targets = np.arange(200) % 2
    sure = np.where(np.eye(2)[targets] == 1, 0.9, 0.1)
    given = {"valid": (sure, targets), "labels": ["cat", "dog"]}
    entry = {"stage": "all", "valid_loss": float(-np.log(0.9)), "accuracy": 1.0}
    rows = [entry | {"train_loss": 0.69 - 0.02 * place, "lr": 1e-3} for place in range(4)]
    assert "lr_too_low" in {each.kind for each in diagnose(rows, **given)}
    mixed = [row | {"is_mixed": True} for row in rows]
    assert not {"lr_too_low", "lr_too_high"} & {each.kind for each in diagnose(mixed, **given)}


@pytest.mark.parametrize("kind", INPUTS)
def test_advice_is_for_what_the_items_are(kind: str) -> None:
    """More augmentation where there is some, larger images for photos; of texts and tables neither."""
    tries, rows = input_class(kind).tries, history([0.5], [0.9])
    assert set(tries) <= set(KINDS)
    remedies = {
        finding.kind: finding.remedies
        for arrays in (
            {"valid": answers(800, 200), "train": answers(1000, 0)},
            {"valid": answers(500, 500, sure=0.9)},
            {"valid": answers(500, 500), "train": answers(500, 500)},
            {"valid": confused()},
        )
        for finding in found(rows, **arrays, tries=tries)
    }
    wanted = {"overfitting", "overconfidence", "underfitting", "confused_pair"}
    assert wanted <= set(remedies)
    assert all(set(tries[name]) <= set(remedies[name]) for name in wanted & set(tries))
    said = {remedy.partition(",")[0] for name in wanted for remedy in remedies[name]}
    assert ("larger images" in said) == (kind == "image")
    assert ("more augmentation" in said) == (kind in ("bytes", "image", "sound"))


def confused() -> Arrays:
    """Two of four classes that are taken for one another in every fifth item."""
    targets = np.arange(800) % 4
    given = np.where((np.arange(800) % 5 == 0) & (targets < 2), 1 - targets, targets)
    return np.eye(4)[given] * 0.88 + 0.03, targets


def test_of_a_model_trained_elsewhere_nothing_is_said_of_epochs() -> None:
    """Boosted trees, say, of which only the answers are known."""
    results = [
        *found([], answers(800, 200), answers(1000, 0)),
        *found([], answers(500, 500, sure=0.9)),
        *found([], answers(500, 500), answers(500, 500)),
    ]
    said = "; ".join(remedy for finding in results for remedy in finding.remedies)
    assert {"overfitting", "overconfidence", "underfitting"} <= {finding.kind for finding in results}
    assert not re.search("epoch|weight decay|find_lr|augment|image|dropout|learner", said)


def test_boosted_trees_are_not_sent_to_train_for_longer() -> None:
    predictions, targets = answers(130, 70, classes=2)
    report = hw.judge_predictions(predictions[:, ::-1], targets)
    [finding] = [finding for finding in report.findings if finding.kind == "no_better_than_baseline"]
    assert finding.remedies == (
        "check whether the inputs contain the information that the target depends on",
        "use majority class instead, which costs less",
    )


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        (14, "The 90 validation items are too few for an interval of the accuracy: 14 groups, 30 needed."),
        (45, "The 90 validation items put the accuracy between 73.4% and 93.9%; 378 would narrow it to 10 points."),
    ],
)
def test_little_validation_data_in_groups(groups: int, sentence: str) -> None:
    targets = np.arange(90) % 2
    given = np.where(np.arange(90) // 2 % 8 == 0, 1 - targets, targets)
    valid = Judged(np.eye(2)[given] * 0.8 + 0.1, targets)
    run = ClassifierRun(labels=["a", "b"], valid=valid, clusters=np.arange(90) * groups // 90)
    [finding] = [finding for finding in find_in_run(run) if finding.kind == "little_validation_data"]
    assert finding.sentence == sentence

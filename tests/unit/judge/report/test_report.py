from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pytest

from headway.errors import ConfigError
from headway.judge.baselines.run import BaselineResult
from headway.judge.diagnosis.finding import Finding, describe
from headway.judge.intervals import mcnemar, paired_difference
from headway.judge.report.card import card
from headway.judge.report.page import render
from headway.judge.report.report import Report
from headway.judge.verdict import verdict
from headway.predictions import LayerActivity
from tests.judging import baseline_data, judged, metrics_of, report_of, run_baselines

HISTORY = [
    {"stage": "head", "epoch": 1, "train_loss": None, "valid_loss": 0.5, "accuracy": 0.9, "lr": 0.0, "seconds": 3.0},
    {"stage": "all", "epoch": 1, "train_loss": 0.4, "valid_loss": 0.3, "accuracy": 0.92, "lr": 1e-3, "seconds": 5.0},
    {"stage": "all", "epoch": 2, "train_loss": 0.2, "valid_loss": 0.25, "accuracy": 0.95, "lr": 1e-4, "seconds": 5.0},
]
EVIL = '<script>alert("x")</script>'


def answers(targets: np.ndarray, wrong: slice, *, classes: int = 3) -> np.ndarray:
    """Probabilities that are right everywhere but in `wrong`."""
    given = targets.copy()
    given[wrong] = (given[wrong] + 1) % classes
    return np.eye(classes)[given] * 0.7 + 0.1


def baseline(name: str, probabilities: np.ndarray, part: str = "test") -> BaselineResult:
    return BaselineResult(name, {part: probabilities}, 0.25)


@pytest.fixture
def report() -> Report:
    """A model with 12 mistakes in 300, and with 5 in 60 on valid."""
    targets = {"valid": np.arange(60) % 3, "test": np.arange(300) % 3}
    rows = {part: baseline_data(targets=each) for part, each in targets.items()}
    return report_of(
        {
            "valid": judged(answers(targets["valid"], slice(5)), targets["valid"]),
            "test": judged(answers(targets["test"], slice(12)), targets["test"]),
        },
        labels=["cat", EVIL, "dog & fox"],
        baselines=run_baselines(rows["valid"], rows, num_outputs=3),
        history=HISTORY,
        settings={"arch": "tiny", "lr": 0.001, "runs": Path("runs")},
        data={"items": np.int64(360), "parts": {"valid": 60, "test": 300}, EVIL: EVIL},
        notes=[f"A note on {EVIL}."],
        seconds=42.0,
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "kind", "opening"),
    [
        (slice(0, 5), slice(0, 40), "better", "Better than the best baseline (second, 0.800): +17.5 points ["),
        (slice(0, 40), slice(0, 5), "worse", "Worse than the best baseline (second, 0.975): -17.5 points ["),
        (slice(0, 10), slice(6, 18), "indistinguishable", "Not distinguishable from the best baseline (second, 0.940)"),
    ],
)
def test_verdict(ours: slice, theirs: slice, kind: str, opening: str) -> None:
    targets = np.arange(200) % 3
    model, best = answers(targets, ours), answers(targets, theirs)
    found = verdict(
        model,
        targets,
        [baseline("first", answers(targets, slice(0, 150))), baseline("second", best)],
        part="test",
        metrics=metrics_of(),
    )
    right, other = model.argmax(1) == targets, best.argmax(1) == targets
    assert (found.kind, found.baseline) == (kind, "second")
    assert found.sentence.startswith(opening)
    alone = paired_difference(right, other).scaled(100)
    assert found.difference.value == alone.value
    assert found.difference.low <= alone.low < alone.high <= found.difference.high + 1e-9
    assert found.p >= mcnemar(right, other)


def test_the_interval_and_the_test_must_agree() -> None:
    targets = np.arange(280) % 3
    # Five items against none: the bootstrap's interval leaves out 0, McNemar's p is 0.0625. A reader who goes by the
    # interval must come to the test's answer.
    found = verdict(
        answers(targets, slice(0)),
        targets,
        [baseline("b", answers(targets, slice(5)))],
        part="test",
        metrics=metrics_of(),
    )
    assert found.difference.low == 0
    assert found.difference.high > 3
    assert found.p == pytest.approx(0.0625)
    assert found.kind == "indistinguishable"
    assert found.sentence == (
        "Not distinguishable from the best baseline (b, 0.982): +1.8 points [0.0, 3.6], McNemar p = 0.062."
    )


def test_what_transfer_learning_brought() -> None:
    targets = np.arange(200) % 3
    plain, frozen = answers(targets, slice(0, 60)), answers(targets, slice(0, 12))
    others = [baseline("pixels", plain, "valid"), replace(baseline("features", frozen, "valid"), needs="features")]
    parts = {"valid": judged(answers(targets, slice(0, 10)), targets)}
    found = report_of(parts, labels=list("abc"), baselines=others)
    assert found.verdict.baseline == "features"
    without = found.verdict_without_pretrained
    assert without is not None
    assert (without.baseline, without.kind) == ("pixels", "better")
    assert without.sentence == (
        "Without the pretrained network: better than the best baseline (pixels, 0.700): +25.0 points [19.0, 31.0], "
        "McNemar p < 0.001."
    )
    assert without.sentence in str(found)
    assert escape(without.sentence) in render(found)
    assert without.sentence in card(found)
    assert report_of(parts, labels=list("abc"), baselines=others[:1]).verdict_without_pretrained is None


def test_as_good_as_a_baseline_on_the_same_pretrained_network_is_a_note() -> None:
    targets = np.arange(200) % 3
    plain, frozen = answers(targets, slice(0, 60)), answers(targets, slice(0, 12))
    others = [baseline("pixels", plain, "valid"), replace(baseline("features", frozen, "valid"), needs="features")]
    parts = {"valid": judged(answers(targets, slice(0, 10)), targets)}
    head = report_of(parts, labels=list("abc"), baselines=others, history=HISTORY[:1])
    [finding] = [finding for finding in head.findings if finding.kind == "no_better_than_baseline"]
    assert finding.severity == "note"
    assert finding.sentence == (
        "On valid the model's accuracy, 0.95, is not distinguishable from that of features, 0.94, which uses the same "
        "pretrained network. Over the best baseline without it (pixels) the network brings +25.0 points [19.0, 31.0]."
    )
    assert finding.remedies == ("give it more time: minutes=5 (--minutes 5)",)
    assert head.verdict.sentence == (
        "Not distinguishable from the best baseline (features, 0.940): +1.0 points [-0.5, 3.2], p = 0.5, corrected "
        "for 2 baselines."
    )
    answer = "Better than every baseline without the pretrained network, no clear difference from the best one with it"
    assert f'<div class="verdict better"><p class="answer">{answer}</p>' in render(head)
    # Every layer was trained for two epochs already.
    longer = report_of(parts, labels=list("abc"), baselines=others, history=HISTORY)
    [finding] = [finding for finding in longer.findings if finding.kind == "no_better_than_baseline"]
    assert finding.remedies == ("train every layer for longer: epochs=4 (--epochs 4)",)
    # Worse than the features' baseline is more than a note.
    worse = {"valid": judged(answers(targets, slice(0, 30)), targets)}
    behind = report_of(worse, labels=list("abc"), baselines=others)
    [finding] = [finding for finding in behind.findings if finding.kind == "no_better_than_baseline"]
    assert finding.severity == "serious"
    assert '<div class="verdict worse"><p class="answer">No, the best baseline is better</p>' in render(behind)


@pytest.mark.parametrize(
    ("wrong", "sentence", "remedy"),
    [
        (
            5,
            "The model is right on all 40 items of valid, and pixels on 87.5%: too few items to call the difference "
            "more than chance.",
            "more items, or a larger share for valid",
        ),
        (
            0,
            "The model and pixels are right on all 40 items of valid, which show no difference.",
            "use pixels, which costs less",
        ),
    ],
)
def test_a_model_without_an_error_is_not_to_be_trained_for_longer(wrong: int, sentence: str, remedy: str) -> None:
    targets = np.arange(40) % 3
    other = baseline("pixels", answers(targets, slice(wrong)), "valid")
    judge = report_of({"valid": judged(answers(targets, slice(0)), targets)}, labels=list("abc"), baselines=[other])
    [finding] = [finding for finding in judge.findings if finding.kind == "no_better_than_baseline"]
    assert (finding.severity, finding.sentence, finding.remedies) == ("note", sentence, (remedy,))


def test_dead_channels_of_a_frozen_body_are_no_fault_of_this_training() -> None:
    targets = np.arange(40) % 3
    parts = {"valid": judged(answers(targets, slice(0)), targets)}
    dead = [LayerActivity(name="body.7", share_dead=0.6, largest=3.0)]
    options = {
        "labels": list("abc"),
        "activity": dead,
        "baselines": [baseline("b", answers(targets, slice(9)), "valid")],
    }
    head, whole = (report_of(parts, history=history, **options) for history in (HISTORY[:1], HISTORY))
    assert "dead_activations" not in [finding.kind for finding in head.findings]
    assert "dead_activations" in [finding.kind for finding in whole.findings]


def test_the_verdict_is_on_test_where_there_is_one(report: Report) -> None:
    targets = np.arange(60) % 3
    only = report_of(
        {"valid": judged(answers(targets, slice(5)), targets)},
        labels=list("abc"),
        baselines=[baseline("b", answers(targets, slice(9)), "valid")],
    )
    assert (report.verdict_part, only.verdict_part) == ("test", "valid")
    assert report.baselines[0].metrics.keys() == report.parts.keys() == {"valid", "test"}


def test_the_report_has_the_numbers(report: Report) -> None:
    test = report.parts["test"]
    assert test.count == 300
    assert test.metrics["accuracy"].value == pytest.approx(0.96)
    assert test.confusion.tolist() == [[96, 4, 0], [0, 96, 4], [4, 0, 96]]
    assert [each.scores["recall"].value for each in test.per_class] == pytest.approx([0.96] * 3)
    assert report.verdict.kind == "better"
    assert [row.name for row in report.baselines] == ["majority class", "stratified"]
    assert report.baselines[0].difference.value == pytest.approx(100 * (0.96 - 1 / 3))


def test_text(report: Report) -> None:
    lines = str(report).splitlines()
    assert lines[0] == "test, 300 items  accuracy (95 % interval)   seconds"
    assert lines[1] == "majority class   0.333 [0.282, 0.388]           0.0"
    assert lines[3] == "this model       0.960 [0.931, 0.977]          42.0"
    assert lines[5:8] == [report.verdict.sentence, f"A note on {EVIL}.", ""]
    assert "\n".join(lines[8:]) == describe(report.findings)
    assert lines[8].startswith("Found: ")


def test_json_has_a_stable_form(report: Report, tmp_path: Path) -> None:
    saved = json.loads(report.save(tmp_path / "new" / "report.json").read_text(encoding="utf-8"))
    assert saved == report.to_json()
    assert list(saved) == [
        "schema_version",
        "task",
        "metric",
        "higher_is_better",
        "is_share",
        "labels",
        "parts",
        "verdict_part",
        "focus_part",
        "baselines",
        "verdict",
        "verdict_without_pretrained",
        "findings",
        "slices",
        "worst_slices",
        "fairness",
        "learning_curve",
        "views_gain",
        "history",
        "settings",
        "data",
        "versions",
        "notes",
        "seconds",
        "size",
        "name",
        "suspected_leak",
        "confusion",
        "top_losses",
        "label_issues",
        "calibration",
    ]
    assert saved["schema_version"] == 1
    assert saved["suspected_leak"] is None
    assert list(saved["parts"]["test"]) == ["count", "metrics", "per_class", "confusion"]
    assert list(saved["parts"]["test"]["metrics"]["auroc"]) == ["value", "low", "high"]
    assert list(saved["baselines"][0]) == ["name", "seconds", "metrics", "difference", "p", "size"]
    assert list(saved["verdict"]) == ["kind", "sentence", "baseline", "difference", "p"]
    assert saved["settings"]["runs"] == "runs"
    assert saved["data"]["items"] == 360


def test_a_suspected_leak_stands_beside_the_verdict(report: Report) -> None:
    leaks = [
        Finding("leak", "serious", "Column '<fee>' alone explains 100% [99%, 100%] of the target's variance.", {}, ()),
        Finding("leak", "warning", "2 of 60 items of valid are nearly the same as training items.", {}, ()),
        Finding("leak", "serious", "30 of 60 items of test are nearly the same as training items.", {}, ()),
    ]
    leaked = replace(report, findings=leaks)
    sentence = (
        "A leak may explain this result. Column '<fee>' alone explains 100% [99%, 100%] of the target's variance. "
        "30 of 60 items of test are nearly the same as training items."
    )
    assert leaked.suspected_leak == leaked.to_json()["suspected_leak"] == sentence
    lines = str(leaked).splitlines()
    assert lines[lines.index(leaked.verdict.sentence) + 1] == sentence
    assert f"- {sentence}\n" in card(leaked)
    verdict_box = render(leaked).split('<div class="verdict')[1].split("</div>")[0]
    assert f"<p><strong>{escape(sentence)}</strong></p>" in verdict_box
    assert "A leak may explain" not in f"{report}{card(report)}{render(report)}"
    assert not replace(report, findings=leaks[1:2]).suspected_leak


@pytest.mark.slow
def test_json_of_many_classes_has_no_blanks(tmp_path: Path) -> None:
    targets = np.arange(600) % 300
    many = report_of(
        {"valid": judged(np.eye(300)[targets], targets)},
        labels=[str(label) for label in range(300)],
        baselines=[baseline("b", np.full((600, 300), 1 / 300), "valid")],
    )
    path = many.save(tmp_path / "report.json")
    assert json.loads(path.read_text())["parts"]["valid"]["confusion"] == (2 * np.eye(300, dtype=int)).tolist()
    # Three bytes a pair of classes, and no more than a kilobyte for each class.
    assert path.stat().st_size < 3 * 300**2 + 300 * 1_000


def test_json_of_what_is_not_known_is_null(report: Report, tmp_path: Path) -> None:
    targets = np.zeros(10, dtype=int)
    single = report_of(
        {"valid": judged(answers(targets, slice(2)), targets)},
        labels=list("abc"),
        baselines=[baseline("b", answers(targets, slice(3)), "valid")],
        history=[HISTORY[0] | {"valid_loss": float("nan")}],
    )
    saved = json.loads(single.save(tmp_path / "report.json").read_text(encoding="utf-8"))
    assert saved["parts"]["valid"]["metrics"]["auroc"] == {"value": None, "low": None, "high": None}
    assert saved["history"][0]["valid_loss"] is None
    assert "nan" not in render(single)


def test_saving_replaces_the_whole_file_and_leaves_no_other(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.HTML"
    path.write_text("old")
    assert report.save(str(path)) == path
    assert path.read_text(encoding="utf-8") == render(report)
    assert [each.name for each in tmp_path.iterdir()] == ["report.HTML"]


def test_a_save_that_fails_keeps_the_old_file(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(ConfigError) as caught:
        report.save(path)
    assert str(caught.value) == (
        f"The report cannot be written.\n  Given: {path} (No space left on device)\n"
        "  Fix:   Free space, or name another file."
    )
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("report.json", "old")]


def test_the_verdict_is_about_the_baseline_that_was_chosen_on_training_items() -> None:
    targets, metrics = np.arange(200) % 2, metrics_of("classification")
    draw = np.random.default_rng(0)

    def answers(share: float) -> np.ndarray:
        return np.eye(2)[np.where(draw.random(200) < share, targets, 1 - targets)]

    ours, theirs = answers(0.97), [answers(0.86) for _ in range(4)]
    scores = [metrics.score(array, targets) for array in theirs]
    plain = [BaselineResult(str(index), {"valid": array}, 0.0) for index, array in enumerate(theirs)]
    chosen = int(np.argmin(scores))
    known = [replace(one, train_score=0.9 if index == chosen else 0.8) for index, one in enumerate(plain)]
    by_all, by_one = (verdict(ours, targets, some, part="valid", metrics=metrics) for some in (plain, known))
    assert by_all.baseline == str(int(np.argmax(scores)))
    assert by_one.baseline == str(chosen)
    assert f"({chosen}, {min(scores):.3f}, chosen on training items): " in by_one.sentence
    assert by_one.p < by_all.p
    # Of one that lacks the score nothing is known.
    assert verdict(ours, targets, [*known[1:], plain[0]], part="valid", metrics=metrics).sentence == by_all.sentence

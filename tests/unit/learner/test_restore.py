"""A call that is killed at any of its saves and goes on ends at the same bits."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

import headway as hw
from headway.errors import RunError, TrainingError
from headway.inputs.image.augment import Augment
from headway.judge.report.page import render
from headway.runs.checkpoint import Checkpoints
from headway.train import fine_tune as fine_tuning
from headway.train.callbacks import BatchResult, Callback, TrainState
from headway.train.history import Epoch, History
from headway.train.options import Plan
from headway.train.stage import Setup, fit
from tests.stopping import (
    QUIET,
    Killed,
    checkpoint_names,
    killed_at,
    same_bits,
    saves_counted,
    solve_heads_roughly,
    told,
    without_seconds,
)

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]


def kept(learner: hw.Learner) -> hw.History:
    return learner.fine_tune(2, lr=1e-3)


def not_kept(learner: hw.Learner) -> hw.History:
    return learner.fine_tune(1, lr=1e-1)


def broken_off(learner: hw.Learner) -> hw.History:
    return learner.fine_tune(lr=10.0)


def head_alone(learner: hw.Learner) -> hw.History:
    return learner.fine_tune(0)


def twice(learner: hw.Learner) -> hw.History:
    learner.fit(2, lr=3e-3)
    return learner.fit(1, lr=1e-3, schedule="cosine")


def both(learner: hw.Learner) -> hw.History:
    learner.fine_tune(1, lr=1e-3)
    return learner.fit(1)


CALLS = {
    "kept": kept,
    "not kept": not_kept,
    "broken off": broken_off,
    "head alone": head_alone,
    "fit twice": twice,
    "both": both,
}


@pytest.fixture
def make(
    digits_data: hw.Data, body_head: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., hw.Learner]:
    """Makes a learner with a run of the given name."""
    # Forty rows decide nothing clearly after so little training: the lower loss does, so that both are kept in turn.
    monkeypatch.setattr(fine_tuning, "is_clearly_lower", lambda losses, others: bool(losses.mean() < others.mean()))
    solve_heads_roughly(monkeypatch)

    def learner(name: str, **options: Any) -> hw.Learner:
        options = {"augment": Augment(flip=False), "batch_size": 32, **QUIET, **options}
        module = options.pop("arch", None) or body_head()
        return hw.Learner(digits_data, module, two_stages=True, run=tmp_path / name, **options)

    return learner


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_killed_at_each_save(name: str, make: Callable[..., hw.Learner], body_head: Make, tmp_path: Path) -> None:
    calls = CALLS[name]
    with saves_counted() as saves:
        whole = make("whole")
        calls(whole)
    note = " ".join(whole.history.notes)
    assert ("and was kept" in note) == (name in ("kept", "both"))
    assert ("the head was kept" in note) == (name in ("not kept", "broken off"))
    assert ("it was broken off" in note) == (name == "broken off")
    # The first of them keeps the module's own first weights, and comes before the first call is known. Of two calls
    # what lies between them is new: those before are tried with the first alone.
    first = saves.index("done") + 1 if name == "both" else 2
    for number in range(first, len(saves) + 1):
        with killed_at(number, half_done=number % 2 == 1):
            calls(make(f"{number}"))
        learner = hw.Learner.resume(tmp_path / str(number), arch=body_head(seed=number), progress=False)
        if len(learner.run.config["training"]) < len(whole.run.config["training"]):
            # Whoever called it, calls what is left.
            learner.fit(1, lr=1e-3, schedule="cosine") if name == "fit twice" else learner.fit(1)
        assert same_bits(learner.model, whole.model), (number, saves[number - 1])
        assert told(learner.history) == told(whole.history)
        lines = (learner.run.path / "history.jsonl").read_text().splitlines()
        assert [json.loads(line) | {"seconds": 0} for line in lines] == [
            entry | {"seconds": 0} for entry in whole.history.to_json()
        ]
        assert not learner.model.training
        if number % 5 == 0:
            assert_same_features(learner, whole)


def assert_same_features(one: hw.Learner, other: hw.Learner) -> None:
    assert (one.features is None) == (other.features is None)
    if one.features is None or other.features is None:
        return
    assert {name: part.tobytes() for name, part in one.features.parts.items()} == {
        name: part.tobytes() for name, part in other.features.parts.items()
    }
    assert one.features.held_out is not None
    assert other.features.held_out is not None
    assert one.features.held_out.tobytes() == other.features.held_out.tobytes()


@pytest.mark.slow
def test_a_finished_call_leaves_no_stage_behind(make: Callable[..., hw.Learner]) -> None:
    learner = make("digits")
    kept(learner)
    assert learner.run is not None
    assert checkpoint_names(learner.run.path) == {"features", "head", "aside", "done"}
    assert not list(learner.run.path.rglob("*.part"))


@pytest.mark.slow
def test_killed_many_times(make: Callable[..., hw.Learner], body_head: Make, tmp_path: Path) -> None:
    whole, part = make("whole"), make("part")
    kept(whole)
    with killed_at(3):
        kept(part)
    stops = 0
    while True:
        try:
            # The first save of each process is the last that it comes to.
            with saves_counted(error=Killed(), at=1):
                learner = hw.Learner.resume(tmp_path / "part", arch=body_head(), progress=False)
            break
        except Killed:
            stops += 1
    assert stops == 10
    assert same_bits(learner.model, whole.model)
    assert told(learner.history) == told(whole.history)


@pytest.mark.slow
def test_the_same_report(make: Callable[..., hw.Learner], body_head: Make, tmp_path: Path) -> None:
    whole = make("digits")
    kept(whole)
    whole.report()
    with killed_at(6):
        kept(make("elsewhere/digits"))
    hw.Learner.resume(tmp_path / "elsewhere" / "digits", arch=body_head(), progress=False).report()
    folders = (tmp_path / "digits", tmp_path / "elsewhere" / "digits")
    first, second = (json.loads((folder / "report.json").read_text()) for folder in folders)
    assert without_seconds(first) == without_seconds(second)


@pytest.mark.slow
def test_named_architectures_and_a_resume_of_what_is_done(
    digits_data: hw.Data, tmp_path: Path, make: Callable[..., hw.Learner]
) -> None:
    whole = make("whole", arch="small_resnet", seed=3)
    whole.fine_tune(1)
    with killed_at(2):
        make("part", arch="small_resnet", seed=3).fine_tune(1)
    part = hw.Learner.resume(tmp_path / "part", progress=False)
    again = hw.Learner.resume(tmp_path / "part", data=digits_data, progress=False)
    assert same_bits(part.model, whole.model)
    assert same_bits(again.model, whole.model)
    assert told(again.history) == told(whole.history)
    assert again.settings == whole.settings
    # It is a learner like any other: both go on the same way.
    whole.fit(1)
    again.fit(1)
    assert same_bits(again.model, whole.model)


@pytest.mark.slow
def test_broken_off_and_another_call_in_the_same_process(
    make: Callable[..., hw.Learner], body_head: Make, tmp_path: Path
) -> None:
    """What was left of the first call is not made up for: the second went on from where it stood."""
    one = make("one")
    with pytest.raises(KeyboardInterrupt), saves_counted(error=KeyboardInterrupt(), at=8):
        one.fit(3)
    assert len(one.history) == 1
    one.fit(2)
    again = hw.Learner.resume(tmp_path / "one", arch=body_head(1), progress=False)
    assert same_bits(again.model, one.model)
    assert told(again.history) == told(one.history)

    for save in (1, 4, 11):
        two = make(f"two-{save}")
        with pytest.raises(KeyboardInterrupt), saves_counted(error=KeyboardInterrupt(), at=8):
            two.fit(3)
        # The first save of the second call finishes the first.
        with killed_at(save):
            two.fit(2)
        again = hw.Learner.resume(tmp_path / f"two-{save}", arch=body_head(1), progress=False)
        if save == 1:
            assert len(again.run.config["training"]) == 1
            again.fit(2)
        assert same_bits(again.model, one.model)
        assert told(again.history) == told(one.history)


@pytest.mark.slow
def test_broken_off_while_features_are_computed(
    make: Callable[..., hw.Learner], body_head: Make, tmp_path: Path
) -> None:
    one = make("one")
    with pytest.raises(KeyboardInterrupt), saves_counted(error=KeyboardInterrupt(), at=1):
        one.fine_tune(1)
    one.fit(1)
    again = hw.Learner.resume(tmp_path / "one", arch=body_head(1), progress=False)
    assert same_bits(again.model, one.model)
    assert again.features is None


@pytest.mark.slow
def test_an_error_in_a_callback(make: Callable[..., hw.Learner], body_head: Make, tmp_path: Path) -> None:
    """The step that it broke off was not saved, and is done again."""
    whole = make("whole")
    whole.fit(2)
    with pytest.raises(ZeroDivisionError), saves_counted():
        make("part", callbacks=[Fails(7)]).fit(2)
    again = hw.Learner.resume(tmp_path / "part", arch=body_head(1), callbacks=[Callback()], progress=False)
    assert same_bits(again.model, whole.model)
    assert told(again.history) == told(whole.history)


class Fails(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        if state.step == self.step:
            raise ZeroDivisionError


class Patience(Callback):
    """Ends training by what it remembers of its steps and epochs, and begins anew with each call."""

    def __init__(self) -> None:
        self.steps, self.losses, self.means = 0, 0.0, []

    def on_train_begin(self, state: TrainState) -> None:
        self.means = []

    def on_epoch_begin(self, state: TrainState) -> None:
        self.steps, self.losses = 0, 0.0

    def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
        self.steps, self.losses = self.steps + 1, self.losses + result.loss.item()
        state.stop_training = len(self.means) == 2 and self.steps == 3

    def on_epoch_end(self, state: TrainState, epoch: Epoch) -> None:
        self.means.append([self.steps, self.losses])

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "losses": self.losses, "means": self.means}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        self.steps, self.losses, self.means = values["steps"], values["losses"], list(values["means"])


@pytest.mark.slow
def test_callbacks_that_remember(make: Callable[..., hw.Learner], body_head: Make, tmp_path: Path) -> None:
    patience = Patience()
    with saves_counted() as saves:
        whole = make("whole", callbacks=[Callback(), patience])
        whole.fit(5)
    assert [steps for steps, _ in patience.means] == [5, 5, 3]
    for number in range(2, len(saves)):
        with killed_at(number):
            make(f"{number}", callbacks=[Callback(), Patience()]).fit(5)
        mine = Patience()
        # Those that remember nothing may differ.
        again = hw.Learner.resume(tmp_path / str(number), arch=body_head(1), callbacks=[mine], progress=False)
        assert mine.means == patience.means
        assert same_bits(again.model, whole.model)
        assert told(again.history) == told(whole.history)


@pytest.mark.slow
def test_minutes(
    make: Callable[..., hw.Learner], body_head: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan that was measured is kept: another measurement would be another run."""
    # Far more time than the steps take, so that the clock shortens nothing.
    monkeypatch.setattr(fine_tuning, "step_seconds", lambda *_, **__: 60.0)
    for name in ("fine_tune", "scratch"):
        arch = body_head() if name == "fine_tune" else "small_resnet"
        with saves_counted() as saves:
            whole = make(f"whole-{name}", arch=arch)
            whole.fine_tune(minutes=10)
        planned = saves.index("plan") + 1
        for number in (planned, planned + 1):
            part = make(f"{name}-{number}", arch=body_head() if name == "fine_tune" else "small_resnet")
            with killed_at(number):
                part.fine_tune(minutes=10)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(fine_tuning, "step_seconds", lambda *_, **__: 1.0)
                again = hw.Learner.resume(
                    tmp_path / f"{name}-{number}", arch=body_head(1) if name == "fine_tune" else None, progress=False
                )
            assert same_bits(again.model, whole.model)
            assert told(again.history) == told(whole.history)


@pytest.fixture
def max_steps(linear: Make, make_setup: MakeSetup, tmp_path: Path) -> Callable[..., tuple[nn.Module, History]]:
    def train(folder: str) -> tuple[nn.Module, History]:
        setup = make_setup(linear(), checkpoints=Checkpoints(tmp_path / folder))
        history = History()
        fit(setup, Plan(epochs=3, lr=1e-2, max_steps=7), history)
        return setup.model, history

    return train


@pytest.mark.slow
def test_max_steps(max_steps: Callable[..., tuple[nn.Module, History]]) -> None:
    with saves_counted() as saves:
        model, history = max_steps("whole")
    assert len(saves) == 7
    assert len(history) == 2
    for number in range(1, 8):
        with killed_at(number):
            max_steps(f"{number}")
        again, found = max_steps(f"{number}")
        assert same_bits(again, model)
        assert told(found) == told(history)


@pytest.mark.slow
def test_a_loss_that_is_no_number_leaves_what_was_saved(
    make: Callable[..., hw.Learner], body_head: Make, tmp_path: Path
) -> None:
    """The checkpoint is of the step before, and a run that goes on comes to the same error."""
    with pytest.raises(TrainingError, match="stopped at step 7"), saves_counted():
        make("lost", loss_fn=Lost(7)).fit(2)
    saved = Checkpoints(tmp_path / "lost" / "checkpoints" / "0").load("stage")
    assert saved is not None
    assert saved.values["step"] == 6
    assert all(tensor.isfinite().all() for tensor in saved.tensors.values())
    with pytest.raises(TrainingError, match="stopped at step 7"):
        hw.Learner.resume(tmp_path / "lost", arch=body_head(), loss_fn=Lost(1), progress=False)
    whole = make("whole")
    whole.fit(2)
    again = hw.Learner.resume(tmp_path / "lost", arch=body_head(), loss_fn=Lost(99), progress=False)
    assert same_bits(again.model, whole.model)


class Lost:
    """Cross-entropy, which is no number at one of its training steps."""

    def __init__(self, step: int) -> None:
        self.step, self.steps = step, 0

    def __call__(self, outputs: Any, targets: Any) -> Any:
        loss = nn.functional.cross_entropy(outputs, targets)
        self.steps += outputs.requires_grad
        return loss * float("nan") if self.steps == self.step else loss


@pytest.mark.parametrize("call", ["export", "__init__", None])
def test_a_run_that_goes_on_runs_nothing_but_what_trains(digits_data: hw.Data, tmp_path: Path, call: str) -> None:
    hw.Learner(digits_data, "small_resnet", run=tmp_path / "run", progress=False)
    file = tmp_path / "run" / "config.json"
    planted = {"call": call, "path": str(tmp_path / "planted.headway")}
    file.write_text(json.dumps({**json.loads(file.read_text()), "training": [planted]}))
    with pytest.raises(RunError) as caught:
        hw.Learner.resume(tmp_path / "run", progress=False)
    assert str(caught.value) == (
        "The run's config.json names a call that does not train, so nothing of it was run.\n"
        f"  Given: call={call!r}\n"
        "  Fix:   Use a run's folder only as Headway wrote it."
    )
    assert not (tmp_path / "planted.headway").exists()


@pytest.mark.slow
def test_what_was_said_of_the_data_is_said_again(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(120, 5))

    def lines(rows: np.ndarray, digits: int) -> list[str]:
        written = (
            ";".join([*(f"{number:.{digits}f}" for number in row), "yes" if row[0] > 0 else "no"]) for row in rows
        )
        return [line.replace(".", ",") for line in written]

    # Half of the rows come again, rounded: near-copies.
    table = "\n".join(["a;b;c;d;e;y", *lines(numbers, 4), *lines(numbers[:60], 3)])
    (tmp_path / "t.csv").write_text(table)
    learner = hw.Learner(hw.from_csv(tmp_path / "t.csv", target="y"), run=tmp_path / "run", **QUIET)
    learner.fit(1)
    data, report = learner.data, learner.report()
    assert data.notes
    assert data.copies
    again = hw.Learner.resume(tmp_path / "run", progress=False)
    assert again.data.notes == data.notes
    assert [copy.sentence for copy in again.data.copies] == [copy.sentence for copy in data.copies]
    anew = again.report()
    assert anew.notes == report.notes
    assert set(data.notes) <= set(anew.notes)
    assert all(note in str(anew) and escape(note) in render(anew) for note in data.notes)
    assert [leak.sentence for leak in anew.findings] == [leak.sentence for leak in report.findings]
    # A run of before has none.
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    del config["data"]["notes"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert hw.Learner.resume(tmp_path / "run", progress=False).data.notes == ()

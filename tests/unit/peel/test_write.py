"""What cannot be peeled says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

import headway as hw
from headway.peel.write import LAYERS, LayerName, Peeled
from headway.train import schedules
from tests.kinds import KINDS
from tests.unit.peel.running import assigned_anew, same_bits


@pytest.fixture(scope="module")
def data() -> hw.Data:
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(64, 2))
    return hw.from_arrays(numbers, (numbers[:, 0] > 0).astype(int))


def trained(data: hw.Data, arguments: dict[str, Any] | None = None, **options: Any) -> hw.Learner:
    learner = hw.Learner(data, progress=False, **options)
    learner.fine_tune(**(arguments or {"epochs": 1}))
    return learner


def cannot(layer: str, reason: str, fix: str = 'Pass layer="method", or "loop" where that can be written.') -> str:
    return f"This run cannot be written as the layer {layer!r}.\n  Given: {reason}\n  Fix:   {fix}"


@pytest.mark.parametrize(
    ("options", "arguments", "reason"),
    [
        ({}, {"epochs": 1, "accumulate": 2}, "these options have no peeled form: accumulate"),
        ({"callbacks": [hw.EarlyStopping()]}, None, "it has callbacks"),
    ],
)
def test_what_has_no_peeled_form(
    options: dict[str, Any], arguments: dict[str, Any] | None, reason: str, data: hw.Data
) -> None:
    learner = trained(data, arguments, **options)
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel(layer="torch")
    assert str(raised.value) == cannot("torch", reason)


def test_a_batch_that_was_divided_among_processes(data: hw.Data, tmp_path: Path) -> None:
    learner = trained(data, run=tmp_path / "run")
    assert learner.run is not None
    learner.run.write_config({**learner.run.config, "processes": 2})
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel(layer="loop")
    reason = "each batch was divided among 2 processes, whose sums round in another way"
    assert str(raised.value) == cannot("loop", reason)


def test_objects_of_ones_own_have_no_source(data: hw.Data) -> None:
    learner = trained(data, loss_fn=nn.CrossEntropyLoss())
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel(layer="method")
    assert str(raised.value) == cannot(
        "method",
        "it was started with objects of your own: loss_fn",
        'Train with what has a name, such as optimizer="sgd".',
    )


def test_a_call_that_was_broken_off(data: hw.Data) -> None:
    class Stops(hw.Callback):
        def on_batch_end(self, state: Any, result: Any) -> None:
            raise ZeroDivisionError

    learner = hw.Learner(data, callbacks=[Stops()], progress=False)
    with pytest.raises(ZeroDivisionError):
        learner.fit(1)
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel(layer="method")
    reason = "a call that trained it was broken off"
    assert str(raised.value) == cannot("method", reason, "Train a new learner to the end.")


@pytest.mark.slow
def test_options_and_several_calls_come_to_the_same_bits(data: hw.Data, tmp_path: Path) -> None:
    learner = hw.Learner(data, class_weights="balanced", optimizer="sgd", progress=False)
    learner.fine_tune(epochs=1, lr=0.01, label_smoothing=0.1)
    learner.fit(2, lr=0.02, ema=0.9, clip_norm=1.0)
    assert same_bits(learner, "loop", tmp_path)
    assert same_bits(learner, "torch", tmp_path)
    text = learner.peel(layer="torch").text
    # The second call's epochs have a name of their own, and nothing of the first call's options is in it.
    assert "EPOCHS_2 = 2" in text
    assert text.count("softened(targets[batch]") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"class_weights": {"1": 3}}, {"epochs": 1}),
        ({"optimizer": "lion"}, {"epochs": 1, "lr": 1e-3}),
        ({}, {"epochs": 2, "ema": 0.5, "dropout": 0.3}),
    ],
)
def test_each_option_comes_to_the_same_bits(
    options: dict[str, Any], arguments: dict[str, Any], data: hw.Data, tmp_path: Path
) -> None:
    learner = trained(data, arguments, **options)
    for layer in LAYERS:
        assert same_bits(learner, layer, tmp_path)


def slower(step: int, *, total_steps: int, max_lr: float) -> float:
    """A straight fall."""
    return max_lr * (1 - step / total_steps)


@pytest.mark.slow
def test_a_changed_schedule_is_the_one_in_the_file(
    data: hw.Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(schedules._SCHEDULES, "cosine", slower)
    learner = trained(data, {"epochs": 3})
    # Changed where it is run alone, the file comes to other bits, which every test of a file notices.
    assert not same_bits(learner, "torch", tmp_path)
    # Changed itself, its new source is what the file has.
    monkeypatch.setattr(schedules, "cosine", slower)
    assert same_bits(learner, "torch", tmp_path)
    assert "return max_lr * (1 - step / total_steps)" in learner.peel(layer="torch").text


def test_a_plan_in_minutes(data: hw.Data) -> None:
    learner = trained(data, {"minutes": 0.001})
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel()
    reason = "it was planned in minutes, and how many steps these were was measured"
    assert str(raised.value) == cannot("loop", reason)


@pytest.mark.slow
def test_of_several_calls_one_is_shown_alone(data: hw.Data) -> None:
    learner = trained(data)
    learner.fit(2, lr=0.01)
    assert learner.peel("fit", layer="method").text == (
        'learner.fit(epochs=2, lr=0.01, schedule="one_cycle", lr_decay=1.0, weight_decay=0.01, freeze_norm=False)\n'
    )
    loop = learner.peel("fit").text
    assert loop.count("loss.backward()") == 1
    assert "# Training. Call 2, fit." in loop


def test_a_learner_that_was_not_trained(data: hw.Data) -> None:
    with pytest.raises(hw.ConfigError) as raised:
        hw.Learner(data, progress=False).peel()
    assert str(raised.value) == cannot("loop", "it was not trained yet", "Train it first.")


def test_an_unknown_layer_and_an_unknown_call(data: hw.Data) -> None:
    learner = trained(data)
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel(layer="tourch")  # pyright: ignore[reportArgumentType]
    assert str(raised.value) == ("Unknown layer.\n  Given: layer='tourch'\n  Fix:   Did you mean \"torch\"?")
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel("fit")
    assert str(raised.value) == (
        "No such call trained the model.\n  Given: 'fit'; the calls: fine_tune\n  Fix:   Name one that did, or none."
    )


@pytest.mark.slow
def test_a_file_that_cannot_be_written(data: hw.Data, tmp_path: Path) -> None:
    peeled = trained(data).peel(layer="method")
    (tmp_path / "file").write_text("")
    with pytest.raises(hw.ConfigError) as raised:
        peeled.save(tmp_path / "file" / "run.py")
    assert str(raised.value) == (
        f"The peeled file cannot be written.\n  Given: {tmp_path / 'file' / 'run.py'} (File exists)\n"
        "  Fix:   Name another."
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["torch", "headway", "random"])
def test_a_file_never_stands_in_for_a_module(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.py"
    with pytest.raises(hw.ConfigError) as raised:
        Peeled("method", "import torch\n").save(file)
    assert str(raised.value) == (
        "The peeled file may not have the name of a module: Python would import it in the module's stead.\n"
        f"  Given: {file}\n  Fix:   Name another, such as {name}_run.py."
    )
    assert not file.exists()


def test_one_call_is_shown_alone(data: hw.Data) -> None:
    learner = trained(data)
    assert learner.peel("fine_tune", layer="method").text == (
        'learner.fine_tune(epochs=1, lr=0.0025, schedule="cosine", lr_decay=1.0, weight_decay=0.02, '
        "freeze_norm=False)\n"
    )
    loop = learner.peel("fine_tune").text
    assert "loss.backward()" in loop
    assert "hw.from_items" not in loop
    assert "import headway" not in learner.peel("fine_tune", layer="torch").text


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["method", "loop"])
def test_what_of_a_network_is_measured_is_measured_in_the_file_too(layer: LayerName, tmp_path: Path) -> None:
    learner = hw.Learner(KINDS["series"].data(tmp_path), progress=False)
    learner.fit(1)
    assert same_bits(learner, layer, tmp_path)


def test_an_input_that_its_target_made_cannot_be_written(tmp_path: Path) -> None:
    learner = KINDS["future"].learner(KINDS["future"].data(tmp_path))
    learner.fit(1)
    with pytest.raises(hw.ConfigError) as error:
        learner.peel(layer="method")
    reason = "its target made the input, Past, of a whole text or table"
    assert str(error.value) == cannot("method", reason, "Keep the call that made the data, and the table that it read.")


def test_sections_may_not_share_names_that_functions_read() -> None:
    function = "def scaled(number):\n    own = number * scale\n    return own\n"
    assert assigned_anew(f"scale = 2\n{function}own = 3\nown = 4\n") == set()
    assert assigned_anew(f"scale = 2\n{function}mean, scale = 3, 4\n") == {"scale"}

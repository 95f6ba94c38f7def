"""What cannot be peeled says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

import headway as hw
from headway.peel import Peeled


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
    ("options", "arguments", "layer", "reason"),
    [
        ({"loss_fn": nn.CrossEntropyLoss()}, None, "loop", "it was started with objects of your own: loss_fn"),
        ({}, {"epochs": 1, "ema": 0.9}, "loop", "these options have no peeled form: ema"),
        ({}, {"epochs": 1, "label_smoothing": 0.1}, "torch", "these options have no peeled form: label_smoothing"),
        ({"optimizer": "sgd"}, None, "torch", "optimizer='sgd'"),
        ({"class_weights": "balanced"}, None, "torch", "its classes have weights"),
        ({"callbacks": [hw.EarlyStopping()]}, None, "loop", "it has callbacks"),
    ],
)
def test_what_has_no_peeled_form(
    options: dict[str, Any], arguments: dict[str, Any] | None, layer: Any, reason: str, data: hw.Data
) -> None:
    learner = trained(data, arguments, **options)
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel(layer=layer)
    assert str(raised.value) == cannot(layer, reason)


def test_a_plan_in_minutes(data: hw.Data) -> None:
    learner = trained(data, {"minutes": 0.001})
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel()
    reason = "it was planned in minutes, and how many steps these were was measured"
    assert str(raised.value) == cannot("loop", reason)


def test_two_calls_are_written_as_calls_alone(data: hw.Data) -> None:
    learner = trained(data)
    learner.fit(2, lr=0.01)
    lines = learner.peel(layer="method").text.splitlines()
    assert [line for line in lines if line.startswith("learner.f")] == [
        "learner.fine_tune(epochs=1)",
        "learner.fit(epochs=2, lr=0.01)",
    ]
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel()
    assert str(raised.value) == cannot("loop", "more than one call trained it")


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


def test_a_file_that_cannot_be_written(data: hw.Data, tmp_path: Path) -> None:
    peeled = trained(data).peel(layer="method")
    (tmp_path / "file").write_text("")
    with pytest.raises(hw.ConfigError) as raised:
        peeled.save(tmp_path / "file" / "run.py")
    assert str(raised.value) == (
        f"The peeled file cannot be written.\n  Given: {tmp_path / 'file' / 'run.py'} (File exists)\n"
        "  Fix:   Name another."
    )


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
        'learner.fine_tune(epochs=1, lr=0.02, schedule="cosine", lr_decay=1.0, weight_decay=0.02, freeze_norm=False)\n'
    )
    loop = learner.peel("fine_tune").text
    assert "loss.backward()" in loop
    assert "hw.from_items" not in loop
    assert "import headway" not in learner.peel("fine_tune", layer="torch").text

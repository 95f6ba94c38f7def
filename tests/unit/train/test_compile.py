from __future__ import annotations

import copy
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import ConfigError
from headway.train import compile as compiling
from headway.train.callbacks import TrainState
from headway.train.compile import compile_passes
from headway.train.history import History
from headway.train.options import Options, Plan
from headway.train.stage import Setup, fit, new_state, set_training_mode
from tests.stopping import QUIET, killed_at

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Torch traces the model, and runs what it traced as it is; nothing is translated to machine code."""
    monkeypatch.setattr(compiling, "BACKEND", "eager")
    yield
    torch.compiler.reset()


def begun(setup: Setup) -> TrainState:
    """A stage's state before its first step, its passes compiled."""
    state = new_state(setup, Options(), make_inputs=setup.augmented)
    set_training_mode(setup.model, freeze_norm=False)
    compile_passes(state, next(iter(setup.loader(setup.data.train, shuffle=True).epoch(0))))
    return state


@pytest.mark.slow
def test_compiling_changes_nothing_but_the_forward(body_head: Make, make_setup: MakeSetup) -> None:
    """Statistics of batches, torch's generators, gradients, the optimizer."""
    setup = make_setup(body_head(dropout=0.5))
    before, drawn = copy.deepcopy(setup.model.state_dict()), torch.get_rng_state()
    state = begun(setup)
    assert state.forward is not state.model
    assert all(torch.equal(value, before[name]) for name, value in setup.model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(parameter.grad is None for parameter in setup.model.parameters())
    assert not state.optimizer.state


@pytest.mark.slow
def test_training_ends_at_the_same_weights(
    body_head: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, as this backend computes what the plain model does; dropout and normalisation included."""
    plain = make_setup(body_head())
    fit(plain, Plan(epochs=2, lr=0.01), History())
    other, history = make_setup(body_head()), History()
    calls = count_passes(monkeypatch)
    fit(other, Plan(epochs=2, lr=0.01, options=Options(compile=True)), history)
    assert len(calls) == 10 + 1
    assert history.notes == ["The forward and backward passes were compiled."]
    names = other.model.state_dict().keys()
    assert names == plain.model.state_dict().keys()
    assert all(torch.equal(plain.model.state_dict()[name], other.model.state_dict()[name]) for name in names)


def count_passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets an entry for each forward pass through a compiled model."""
    calls: list[int] = []
    real = torch.compile

    def counting(model: nn.Module, **given: Any) -> Callable[..., Any]:
        function = real(model, **given)

        def forward(inputs: torch.Tensor) -> Any:
            calls.append(len(inputs))
            return function(inputs)

        return forward

    monkeypatch.setattr(torch, "compile", counting)
    return calls


def fails(*_: Any, **__: Any) -> None:
    message = "No working C++ compiler found"
    raise RuntimeError(message)


def test_it_says_that_the_model_cannot_be_compiled(
    linear: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "BACKEND", fails)
    with pytest.raises(ConfigError) as raised:
        begun(make_setup(linear()))
    first, given, fix = str(raised.value).splitlines()
    assert first == "The model cannot be compiled here."
    assert "No working C++ compiler found" in given
    assert fix == "  Fix:   Leave `compile` out (--compile); a C++ compiler may be missing."


def test_minutes_do_not_count_compiling_as_steps(
    linear: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the first step would look so slow that the rest of the stage were given up."""
    now, clock = 0.0, time.monotonic

    def compiles(*_: object) -> None:
        nonlocal now
        now += 1000.0

    monkeypatch.setattr(time, "monotonic", lambda: clock() + now)
    monkeypatch.setattr("headway.train.stage.compile_passes", compiles)
    for seconds, epochs in ((1500.0, 2), (1000.0, 1)):
        setup, history = make_setup(linear()), History()
        fit(setup, Plan(epochs=2, lr=0.01, options=Options(compile=True), max_seconds=seconds), history)
        assert len(history) == epochs


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler")
def test_a_compiled_run_is_resumed_exported_and_predicts(
    digits_data: hw.Data, body_head: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "inductor")
    learner = hw.Learner(digits_data, body_head(), **QUIET)
    learner.fit(2, lr=0.01, compile=True)
    assert learner.history.notes == ["The forward and backward passes were compiled."]
    plain = hw.Learner(digits_data, body_head(), **QUIET)
    plain.fit(2, lr=0.01)
    losses = [each.history.epochs[-1].valid_loss for each in (learner, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=0.3)
    with killed_at(6):
        hw.Learner(digits_data, body_head(), run=tmp_path / "run", **QUIET).fit(2, lr=0.01, compile=True)
    again = hw.Learner.resume(tmp_path / "run", arch=body_head(), progress=False)
    assert again.history.notes == learner.history.notes
    assert all(torch.equal(value, again.model.state_dict()[name]) for name, value in learner.model.state_dict().items())
    again.export(tmp_path / "digits.headway")
    found = hw.load(tmp_path / "digits.headway").predict(digits_data.valid.items["file"][0])
    assert found.label in digits_data.target.labels
    assert b"_orig_mod" not in (tmp_path / "digits.headway").read_bytes()

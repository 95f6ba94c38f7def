from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import headway as hw
from headway.errors import ConfigError
from headway.runs.checkpoint import Checkpoints
from headway.train import compile as compiling
from headway.train.compile import PIECE, Trial, compiled
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
    monkeypatch.setattr(compiling, "LEAST_SECONDS", 0.0)
    yield
    torch.compiler.reset()


def times(monkeypatch: pytest.MonkeyPatch, plain: float, compiled: float) -> None:
    """What the trial is to measure of a step."""
    found = iter([plain, compiled])
    monkeypatch.setattr(compiling, "_seconds", lambda *_: next(found))


def begun(setup: Setup, **options: Any) -> tuple[Any, ...]:
    chosen = Options(**options)
    state = new_state(setup, chosen, make_inputs=setup.augmented)
    state.total_steps = 10
    set_training_mode(setup.model, freeze_norm=False)
    return chosen, state, setup.loader(setup.data.train, shuffle=True), setup.checkpoints


@pytest.mark.parametrize(("steps", "pays"), [(39, False), (40, False), (41, True)])
def test_a_trial_pays_where_the_steps_left_save_more_than_compiling_took(steps: int, pays: bool) -> None:
    assert Trial(plain=1.0, compiled=0.75, cost=10.0).pays(steps) is pays


def test_a_trial_of_slower_code_never_pays() -> None:
    assert not Trial(plain=1.0, compiled=1.5, cost=0.0).pays(10**9)


def test_auto_compiles_where_it_pays(linear: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    times(monkeypatch, 1000.0, 1.0)
    given = begun(make_setup(linear()), compile="auto")
    found = compiled(*given)
    assert found.is_compiled
    assert found.seconds > 0
    assert "a step's passes take 1e+03 ms instead of 1e+06 ms, over 10 steps a gain of 9.99e+03 s" in found.note
    assert given[1].forward is not given[1].model


def test_auto_leaves_the_model_plain_where_it_does_not_pay(
    linear: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    times(monkeypatch, 1.0, 1.0)
    given = begun(make_setup(linear()), compile="auto")
    found = compiled(*given)
    assert not found.is_compiled
    assert found.note.startswith("Not compiled: a step's passes take")
    assert given[1].forward is given[1].model


def test_a_short_stage_has_no_trial(linear: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "LEAST_SECONDS", 30.0)
    monkeypatch.setattr(torch, "compile", lambda *_, **__: pytest.fail("compiled"))
    found = compiled(*begun(make_setup(linear()), compile="auto"))
    assert found.note.startswith("Not compiled, nor tried: the forward and backward passes of all 10 steps take about")


def test_a_trial_changes_nothing_but_the_forward(body_head: Make, make_setup: MakeSetup) -> None:
    """Statistics of batches, torch's generators, gradients, the optimizer."""
    setup = make_setup(body_head(dropout=0.5))
    given = begun(setup, compile="auto")
    before, drawn = copy.deepcopy(setup.model.state_dict()), torch.get_rng_state()
    compiled(*given)
    assert all(torch.equal(value, before[name]) for name, value in setup.model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(parameter.grad is None for parameter in setup.model.parameters())
    assert not given[1].optimizer.state


@pytest.mark.parametrize("choice", ["on", "auto"])
def test_training_ends_at_the_same_weights(
    choice: Any, body_head: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, as this backend computes what the plain model does; dropout and normalisation included."""
    plain = make_setup(body_head())
    fit(plain, Plan(epochs=2, lr=0.01), History())
    other, history = make_setup(body_head()), History()
    calls = count_passes(monkeypatch)
    times(monkeypatch, 1000.0, 1.0)
    fit(other, Plan(epochs=2, lr=0.01, options=Options(compile=choice)), history)
    assert len(calls) == 10 + 1
    assert history.notes[0].startswith(("Compiled: ", "The forward and backward passes were compiled."))
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


def test_auto_goes_on_where_it_cannot_be_compiled(
    linear: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "BACKEND", fails)
    setup, history = make_setup(linear()), History()
    fit(setup, Plan(epochs=1, lr=0.01, options=Options(compile="auto")), history)
    assert len(history) == 1
    assert history.notes[0].startswith("Not compiled: it failed (")
    assert "No working C++ compiler found" in history.notes[0]


def test_on_says_that_it_cannot_be_compiled(
    linear: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "compile", fails)
    given = begun(make_setup(linear()), compile="on")
    with pytest.raises(ConfigError) as raised:
        compiled(*given)
    assert str(raised.value) == (
        "The model cannot be compiled here.\n"
        "  Given: No working C++ compiler found\n"
        '  Fix:   Leave it out, or pass "auto" (--compile auto), which goes on without where it cannot be done.'
    )
    assert given[1].forward is given[1].model


@pytest.mark.parametrize("faster", [True, False])
def test_a_run_that_goes_on_does_as_was_decided(
    faster: bool, linear: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    setup = make_setup(linear(), checkpoints=Checkpoints(tmp_path))
    times(monkeypatch, 1000.0, 1.0 if faster else 2000.0)
    first = compiled(*begun(setup, compile="auto"))
    assert Checkpoints(tmp_path).has(PIECE)
    # A second trial would find no more times.
    given = begun(setup, compile="auto")
    assert compiled(*given) == first
    assert (given[1].forward is not given[1].model) is first.is_compiled is faster


def test_minutes_do_not_count_the_trial_as_steps(
    linear: Make, make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the first step would look so slow that the rest of the stage were given up."""
    found = compiling.Decision(is_compiled=False, note="Not compiled.", seconds=1000.0)
    monkeypatch.setattr("headway.train.stage.compiled", lambda *_: found)
    setup, history = make_setup(linear()), History()
    fit(setup, Plan(epochs=2, lr=0.01, options=Options(compile="auto"), max_seconds=1500.0), history)
    assert len(history) == 2
    history = History()
    fit(setup, Plan(epochs=2, lr=0.01, options=Options(compile="auto"), max_seconds=1000.0), history)
    assert len(history) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler")
def test_a_compiled_run_is_resumed_exported_and_predicts(
    digits_data: hw.Data, body_head: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "inductor")
    learner = hw.Learner(digits_data, body_head(), **QUIET)
    learner.fit(2, lr=0.01, compile="on")
    assert learner.history.notes == ["The forward and backward passes were compiled."]
    plain = hw.Learner(digits_data, body_head(), **QUIET)
    plain.fit(2, lr=0.01)
    losses = [each.history.epochs[-1].valid_loss for each in (learner, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=0.3)
    with killed_at(6):
        hw.Learner(digits_data, body_head(), run=tmp_path / "run", **QUIET).fit(2, lr=0.01, compile="on")
    again = hw.Learner.resume(tmp_path / "run", arch=body_head(), progress=False)
    assert again.history.notes == learner.history.notes
    assert all(torch.equal(value, again.model.state_dict()[name]) for name, value in learner.model.state_dict().items())
    again.export(tmp_path / "digits.headway")
    found = hw.load(tmp_path / "digits.headway").predict(digits_data.valid.items["file"][0])
    assert found.label in digits_data.target.labels
    assert b"_orig_mod" not in (tmp_path / "digits.headway").read_bytes()

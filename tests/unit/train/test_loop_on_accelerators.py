"""Training steps as an accelerator sees them, without one.

On PyTorch's "meta" device tensors have shapes and no numbers. A step that mixes devices fails there, and so does one
that reads a number back, be it by `item`, by a condition, or by a mask of unknown size: on an accelerator each of these
would make the step wait for everything before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import headway as hw
from headway.data.loader import to_device
from headway.train.callbacks import TrainState
from headway.train.loop import train_epoch, train_step
from headway.train.nan_guard import FiniteLoss
from headway.train.options import Options
from headway.train.precision import choose_precision
from headway.train.stage import Setup, new_state, set_training_mode
from headway.train.stage_checkpoint import capture, restore
from tests.kinds import KINDS, registered

META = torch.device("meta")


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    with registered():
        yield


@pytest.fixture(autouse=True)
def optimizer_of_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fused update does not know the device; this one is without parameters' steps on it."""
    real = torch.optim.AdamW
    monkeypatch.setattr(torch.optim, "AdamW", lambda groups, **given: real(groups, **{**given, "fused": False}))


def make(kind: str, folder: Path) -> hw.Learner:
    return KINDS[kind].learner(KINDS[kind].data(folder))


def on_meta(learner: hw.Learner, **options: Any) -> tuple[TrainState, Setup]:
    precision = replace(learner.setup.precision, device=META)
    setup = replace(learner.setup, precision=precision, model=precision.place(learner.model))
    setup.prepare.to(META)
    chosen = Options(**options)
    state = new_state(setup, chosen, make_inputs=partial(setup.augmented, options=chosen, size=options.get("sizes")))
    set_training_mode(setup.model, freeze_norm=False)
    return state, setup


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_stays_on_its_device_and_reads_nothing_back(kind: str, tmp_path: Path) -> None:
    state, setup = on_meta(make(kind, tmp_path))
    batch = next(setup.loader(setup.data.train, shuffle=True).epoch(0))
    before = [parameter.device for parameter in setup.model.parameters()]
    result = train_step(state, batch)
    assert result.loss.device == result.outputs.device == state.loss_sum.device == META
    assert before == [META] * len(before)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"mixup": 0.4}, {"mixup": 0.4, "cutmix": 1.0, "accumulate": 2}])
def test_mixing_does_neither(options: dict[str, Any], tmp_path: Path) -> None:
    state, setup = on_meta(make("categories", tmp_path), **options)
    for batch in setup.loader(setup.data.train, shuffle=True).epoch(0):
        assert train_step(state, batch).targets.device == META


def test_smaller_photos_do_neither(tmp_path: Path) -> None:
    state, setup = on_meta(make("number", tmp_path))
    state.make_inputs = partial(setup.augmented, size=8)
    result = train_step(state, next(setup.loader(setup.data.train, shuffle=True).epoch(0)))
    assert result.inputs.shape[2:] == (8, 8)


@pytest.mark.slow
def test_an_epoch_reads_one_number_back_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, setup = on_meta(make("category", tmp_path))
    state.callbacks = [FiniteLoss(setup.data)]
    reads: list[torch.device] = []
    monkeypatch.setattr(torch.Tensor, "item", lambda tensor: reads.append(tensor.device) or 0.5)
    train_epoch(state, setup.loader(setup.data.train, shuffle=True).epoch(0))
    # The optimizer of this test counts its steps on the processor, and looks at them there.
    assert [device for device in reads if device == META] == [META]


def test_a_step_that_looks_at_its_numbers_would_be_found(tmp_path: Path) -> None:
    state, setup = on_meta(make("category", tmp_path))
    forward = state.forward

    def looking(inputs: torch.Tensor) -> torch.Tensor:
        outputs = forward(inputs)
        return outputs if outputs.max() > 0 else -outputs

    state.forward = looking
    with pytest.raises((RuntimeError, NotImplementedError)):
        train_step(state, next(setup.loader(setup.data.train, shuffle=True).epoch(0)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter:UserWarning")
def test_what_is_restored_lies_where_the_weights_are(tmp_path: Path) -> None:
    """The count of steps as well: the fused update reads it on the device."""
    learner = make("category", tmp_path)
    setup = learner.setup
    state = new_state(setup, Options(), make_inputs=setup.augmented)
    train_step(state, next(setup.loader(setup.data.train, shuffle=True).epoch(0)))
    saved = capture(state)
    other, _ = on_meta(make("category", tmp_path))
    restore(other, saved)
    kept = [value for values in other.optimizer.state.values() for value in values.values()]
    assert len(kept) == 3 * len(list(setup.model.parameters()))
    assert {value.device for value in kept} == {META}


@pytest.mark.parametrize(("kind", "waits"), [("cpu", True), ("mps", True), ("cuda", False)])
def test_only_copies_to_cuda_go_on_while_the_program_does(kind: str, waits: bool) -> None:
    """On Apple's devices such a copy may read memory that was given back."""
    given: list[bool] = []

    class Spy(torch.Tensor):
        def to(self, device: torch.device, *, non_blocking: bool = False) -> torch.Tensor:
            given.append(non_blocking)
            return self

    to_device(torch.zeros(2).as_subclass(Spy), torch.device(kind))
    assert given == [not waits]


@pytest.mark.gpu
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif(not torch.accelerator.is_available(), reason="there is no accelerator")
def test_a_step_on_an_accelerator_ends_near_that_of_the_processor(kind: str, tmp_path: Path) -> None:
    losses = []
    for device in (torch.device("cpu"), torch.zeros(1, device=torch.accelerator.current_accelerator()).device):
        torch.manual_seed(0)
        learner = make(kind, tmp_path)
        precision = choose_precision(device, "float32")
        setup = replace(
            learner.setup,
            precision=precision,
            model=precision.place(learner.model),
        )
        setup.prepare.to(device)
        state = new_state(setup, Options(), make_inputs=setup.augmented)
        # Without dropout: each device draws in its own way.
        setup.model.eval()
        state.schedule = lambda _: 0.01
        losses.append(train_epoch(state, setup.loader(setup.data.train, shuffle=True).epoch(0)))
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)

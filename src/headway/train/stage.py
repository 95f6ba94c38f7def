"""One stage of training: loop, schedule, evaluation after each epoch, callbacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from headway.data.dataset import Data, Part
from headway.data.loader import Batch, Loader, to_device
from headway.data.store import reader_threads
from headway.errors import ConfigError, Stopped, TrainingError
from headway.inputs.training_view import TrainingView
from headway.predictions import Predictions
from headway.runs.checkpoint import STAGE, Checkpoints, Saved, load_model
from headway.runs.interrupt import Signals
from headway.seeds import generator
from headway.train.callbacks import Callback, TrainState
from headway.train.compile import compile_passes
from headway.train.cross_fitting import choose_heads
from headway.train.distributed import ALONE, Processes, check_share
from headway.train.dropout import dropout_rate
from headway.train.ema import Average
from headway.train.history import Epoch, History, Stage
from headway.train.loop import gradients, predict, train_epoch
from headway.train.mixup import mixed, softened
from headway.train.nan_guard import FiniteLoss
from headway.train.objective import Objective
from headway.train.optimizers import OptimizerChoice, depth_groups, make_optimizer
from headway.train.options import Options, Plan
from headway.train.precision import Precision
from headway.train.recipe import FINE_TUNE, Recipe
from headway.train.schedules import schedule
from headway.train.shard import divided, put_whole
from headway.train.stage_checkpoint import KeepState, capture, restore
from headway.train.time_budget import Pace
from headway.train.untouched import untouched

__all__ = [
    "MetricFn",
    "Setup",
    "fit",
    "score",
    "set_training_mode",
    "step_seconds",
]

PLAIN = Options()

# Predictions, such as probabilities `[items, classes]`, and targets to a number.
MetricFn = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What stays the same through all the stages of a run: data, model, and how it is run."""

    # What a stage with this setup is called in the history.
    stage: ClassVar[Stage] = "all"
    data: Data
    model: nn.Module
    # Inputs as they are read to what the model takes; a part of the exported graph.
    prepare: nn.Module
    objective: Objective
    # What is computed on valid after each epoch, by name.
    metrics: Mapping[str, MetricFn]
    precision: Precision
    training_view: TrainingView
    batch_size: int
    seed: int
    # How the model trains from random weights, where nothing else is asked for.
    recipe: Recipe = field(default_factory=Recipe)
    # The same in the second of two stages.
    fine_tuning: Recipe = FINE_TUNE
    optimizer: OptimizerChoice = "adamw"
    higher_is_better: Mapping[str, bool] = field(default_factory=dict)
    # Whether a batch is taken in pieces when memory runs out.
    split_batches: bool = False
    callbacks: Sequence[Callback] = ()
    # Called with each entry of the history, the head's as well.
    on_entry: Callable[[Epoch], None] = lambda _: None
    # Called with how many entries the history has left, where some were taken back.
    on_forget: Callable[[int], None] = lambda _: None
    checkpoints: Checkpoints = field(default_factory=lambda: Checkpoints(None))
    # Those that train together. Outside of a call that trains each process is alone.
    processes: Processes = ALONE

    def knowing(self, answers: np.ndarray, targets: np.ndarray) -> Setup:
        """The same with a target that has learned from answers for training rows that the model did not learn from."""
        target = self.data.target.fit_answers(answers, targets)
        return self if target is self.data.target else replace(self, data=replace(self.data, target=target))

    def reading(self, data: Data) -> Setup:
        """The same with the items as another field reads them."""
        augment = self.training_view.to_json() or None
        return replace(self, data=data, training_view=data.input.training_view(data.target, augment))

    def record(self, history: History, entry: Epoch) -> None:
        """Adds an entry to the history and tells of it."""
        history.epochs.append(entry)
        if not self.processes.is_writer:
            return
        self.on_entry(entry)
        for callback in self.callbacks:
            callback.on_entry(entry)

    def forget(self, history: History, first: int) -> None:
        """Takes the entries from `first` on back: those of a stage of which nothing is left."""
        del history.epochs[first:]
        if self.processes.is_writer:
            self.on_forget(first)

    def _mixed(
        self, inputs: torch.Tensor, targets: torch.Tensor, options: Options, *, rows: np.ndarray, seed: int, epoch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A process's share of the batch, mixed: items are mixed with any others of the whole batch."""
        known, numbers = self.processes, torch.from_numpy(rows)
        counts = known.counts(len(rows))[0]
        own = slice(sum(counts[: known.rank]), sum(counts[: known.rank + 1]))
        inputs, targets, numbers = known.whole(inputs, targets, numbers)
        shares: dict[str, Any] = {"mixup": options.mixup, "cutmix": options.cutmix, "seed": seed, "epoch": epoch}
        inputs, targets = mixed(inputs, targets, rows=numbers.numpy(), **shares)
        return inputs[own], targets[own]

    def loader(self, part: Part, *, shuffle: bool = False, accumulate: int = 1) -> Loader:
        """Batches of a part; for evaluation they may be larger, as nothing is kept for a backward pass."""
        # One batch of the loader is one step: it is taken apart again into `accumulate` pieces in the loop.
        size = self.batch_size * accumulate if shuffle else max(self.batch_size, 32)
        pin = self.precision.device.type == "cuda"
        # Pinned memory is what a CUDA device copies from while it computes; elsewhere it costs and gains nothing.
        here = self.processes.local_world
        threads = max(1, reader_threads() // here) if here > 1 else None
        dealt: dict[str, Any] = {"threads": threads, "share": self.processes.share}
        return Loader(part, size, seed=self.seed, shuffle=shuffle, pin_memory=pin, **dealt)

    def outputs(self, module: nn.Module, part: Part) -> tuple[torch.Tensor, torch.Tensor]:
        """What a module (the model, or its body) gives for a part, `[items, outputs]`, and the targets, on the CPU."""
        batches = predict(module, self.loader(part), prepare=self.prepare, precision=self.precision)
        outputs, targets, rows = self.every([(logits, batch.targets, batch.rows) for logits, batch in batches])
        order = in_order(rows)
        return torch.cat(outputs)[order], torch.cat(targets)[order]

    def every(self, answers: list[tuple[Any, ...]]) -> Iterator[list[Any]]:
        """What all processes made of a part's batches, an item's several answers apart; with it, what they lost."""
        if self.processes.world > 1:
            for row, reason in self.processes.every(list(self.data.lost.items())):
                self.data.lose(row, reason)
        return map(list, zip(*self.processes.every(answers), strict=True))

    def prepared(self, part: Part, most: int) -> torch.Tensor:
        """Some of a part's items, at most so many, drawn by the seed, as the model is given them."""
        chosen = np.sort(generator(self.seed, "order").permutation(len(part))[:most])
        batches = self.loader(Part(part.data, part.name, part.items[chosen]))
        with torch.no_grad():
            return torch.cat([self.prepare(to_device(batch.inputs, self.precision.device)) for batch in batches])

    def predict(self, part: Part, *, features: torch.Tensor | None = None) -> Predictions:
        """What the model gives for a part, and the loss of each item; from its body's `features`, if they are known."""
        objective = self.objective
        precision = objective.judged_in(self.precision)
        made = []
        if features is None:
            answers_by_batch = predict(self.model, self.loader(part), prepare=self.prepare, precision=precision)
        else:
            answers_by_batch = self._from_features(part, features, precision)
        for logits, batch in answers_by_batch:
            answers, truth = objective.activate(logits), batch.targets
            predictions = objective.keep(answers)
            # Of maps the most probable class is kept alone, batch by batch: their outputs would fill the memory.
            outputs = logits if predictions is answers else None
            # The mean weighted by items, as the last batch may be smaller.
            total = objective.loss_fn(logits, truth).item() * len(truth)
            made.append((outputs, predictions, truth, batch.rows, objective.item_losses(logits, truth), total))
        outputs, predictions, targets, rows, losses, totals = self.every(made)
        order = in_order(rows)
        return Predictions(
            rows=part.left().rows,
            predictions=torch.cat(predictions)[order].numpy(),
            targets=torch.cat(targets)[order].numpy(),
            losses=torch.cat(losses)[order].numpy(),
            outputs=None if outputs[0] is None else torch.cat(outputs)[order].numpy(),
            loss=sum(totals) / sum(map(len, losses)),
        )

    def _from_features(
        self, part: Part, features: torch.Tensor, precision: Precision
    ) -> Iterator[tuple[torch.Tensor, Batch]]:
        head = self.model.get_submodule("head")
        for batch in self.loader(part):
            with torch.inference_mode(), precision.autocast():
                places = torch.from_numpy(np.searchsorted(part.rows, batch.rows))
                logits = head(features[places].to(precision.device)).float().cpu()
            yield logits, batch

    def measured(self, predictions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """The metrics that are shown while training."""
        return {name: metric(predictions, targets) for name, metric in self.metrics.items()}

    def judged(self) -> tuple[float, dict[str, float]]:
        """The loss on valid, and the metrics that are shown while training."""
        predicted = self.predict(self.data.valid)
        return predicted.loss, self.measured(predicted.predictions, predicted.targets)

    def augmented(
        self, batch: Batch, epoch: int, *, options: Options = PLAIN, size: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A training batch's inputs as the model takes them, augmented and mixed, and their targets.

        `size` is the side of photos in pixels, the whole one when left out.
        """
        drawn: dict[str, Any] = {"rows": batch.rows, "seed": self.seed, "epoch": epoch}
        inputs, targets = self.training_view(batch.inputs, batch.targets, size=size, **drawn)
        # Smoothed first: of smoothed targets a mixture is what smoothing the mixture gives, and mixing needs numbers.
        if options.has_soft_targets:
            targets = softened(targets, self.objective, label_smoothing=options.label_smoothing)
        if options.mixup or options.cutmix:
            inputs, targets = self._mixed(inputs, targets, options, **drawn)
        return self.prepare(inputs), targets


def in_order(batches: Sequence[np.ndarray]) -> torch.Tensor | slice:
    """What brings items, whose rows these are by batch, into the order of their rows, which is a part's own."""
    rows = np.concatenate(batches)
    # Most loaders keep to it, and a copy of all maps would be large.
    return slice(None) if (np.diff(rows) > 0).all() else torch.from_numpy(np.argsort(rows))


def fit(setup: Setup, plan: Plan, history: History, *, part: Part | None = None) -> None:
    """Trains the model in place and adds an entry an epoch to the history.

    Where the setup's checkpoints hold a stage under way, it goes on from there, to the same bits as without a stop.
    Without `part` the rows to train on are those of train.

    Raises:
        TrainingError: If the loss becomes NaN or infinite; the model is as at the last checkpoint, where there is one.
        CheckpointError: If a checkpoint cannot be written or read.
        Stopped: If Ctrl-C or SIGTERM came; the stage was saved.
    """
    stage = _Stage(setup, plan, part or setup.data.train, history)
    try:
        # Torch's own generators are seeded at every step; what the caller does with them is left as it was.
        with (
            setup.precision.own_randomness(),
            setup.precision.products(),
            stage.signals,
            dropout_rate(setup.model, plan.options.dropout),
        ):
            stage.run()
    except TrainingError:
        saved = setup.checkpoints.load(STAGE)
        if saved is not None:
            load_model(setup.model, saved)
        raise
    except RuntimeError as error:
        # Of several processes, another may have obeyed a signal before this one came to the end of its step.
        if setup.processes.world > 1 and stage.signals.received is not None:
            raise Stopped(stage.signals.received) from error
        raise
    finally:
        setup.model.eval()


class _Stage:
    """One stage: its state, the entries it made, and what watches over it."""

    def __init__(self, setup: Setup, plan: Plan, part: Part, history: History) -> None:
        self.setup, self.plan, self.history = setup, plan, history
        self.loader = setup.loader(part, shuffle=True, accumulate=plan.options.accumulate)
        known = {"items": len(part), "batches": len(self.loader), "batch_size": setup.batch_size}
        check_share(setup.processes.world, **known)
        if setup.processes.shard and plan.options.compile:
            fix = "Leave out one of --compile and --shard."
            raise ConfigError("A divided model cannot be compiled.", given="compile=True, --shard", fix=fix)
        self.signals, self.losses = Signals(setup.checkpoints.run), FiniteLoss(setup.data)
        self.began = time.perf_counter()
        self.first_entry = len(history)
        # A second call goes on counting, or it would see the same orders and the same augmentations again.
        self.first_epoch = sum(entry.stage == setup.stage for entry in history)
        self.state = new_state(setup, plan.options, make_inputs=self.make_inputs)
        # Made before a checkpoint is read, whose average then replaces this one.
        self.average = Average(self.state.model, plan.options.ema) if plan.options.ema else None
        total_steps = min(plan.epochs * len(self.loader), plan.max_steps)
        watching: list[Callback] = [self.losses, *([self.average] if self.average else [])]
        self.pace = Pace(plan.max_seconds, batches=len(self.loader))
        if plan.max_seconds < float("inf"):
            watching.append(self.pace)
        # Last, so that what it keeps is as it stands after the step.
        watching.append(KeepState(self.save, self.signals, batches=len(self.loader)))
        self.state.schedule = self.lr
        self.state.callbacks, self.state.total_steps = (*setup.callbacks, *watching), total_steps
        self.state.epoch = self.first_epoch

    def run(self) -> None:
        """Trains, from the last checkpoint where there is one."""
        state = self.state
        # A step that was broken off may have left its gradients behind.
        state.optimizer.zero_grad(set_to_none=True)
        if self.plan.options.compile:
            start = time.monotonic()
            set_training_mode(state.model, freeze_norm=self.plan.options.freeze_norm)
            compile_passes(state, next(iter(self.loader.epoch(state.epoch))))
            # Or the first step would look so slow that most of a stage planned in minutes were given up.
            self.pace.seconds -= time.monotonic() - start
        share_gradients(state, self.loader)
        # What callbacks begin with comes before what they had come to.
        for callback in state.callbacks:
            callback.on_train_begin(state)
        self.go_on()
        while state.batch or (state.step < state.total_steps and not state.stop_training):
            entry = self.epoch()
            self.setup.record(self.history, entry)
            with self.average.in_place() if self.average else nullcontext():
                for callback in state.callbacks:
                    callback.on_epoch_end(state, entry)
        if self.average:
            self.average.put()
        self.put_whole()
        for callback in state.callbacks:
            callback.on_train_end(state)
        self.note()

    def lr(self, step: int) -> float:
        """The learning rate after so many steps; it falls to its end in a stage that is shortened meanwhile, too."""
        return schedule(self.plan.options.schedule, total_steps=self.state.total_steps, max_lr=self.plan.lr)(step)

    def make_inputs(self, batch: Batch, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """What the model is given of a batch, and its targets."""
        choose_heads(self.state.model, batch.rows)
        size = self.plan.size(epoch - self.first_epoch)
        return self.setup.augmented(batch, epoch, options=self.plan.options, size=size)

    def epoch(self) -> Epoch:
        """An epoch, or what is left of one, and its evaluation."""
        setup, state = self.setup, self.state
        self.began, before = time.perf_counter(), state.seconds
        set_training_mode(state.model, freeze_norm=self.plan.options.freeze_norm)
        # A stage that was killed in its last evaluation has no batches left, only that.
        over = state.stop_training or state.step == state.total_steps
        # Closed at once, whatever ends the epoch: the garbage collector would wait for its threads in any other thread,
        # and in one that is just starting, for ever.
        with closing(self.loader.epoch(state.epoch, start=state.batch)) as batches:
            train_loss = train_epoch(state, () if over else batches)
        self.losses.check()
        with self.average.in_place() if self.average else nullcontext():
            self.put_whole()
            valid_loss, metrics = setup.judged()
        state.seconds = 0.0
        return Epoch(
            stage=setup.stage,
            epoch=state.epoch,
            train_loss=train_loss,
            valid_loss=valid_loss,
            metrics=metrics,
            # The schedule counts steps done, and the epoch's last step was taken with one less.
            lr=state.schedule(state.step - 1),
            seconds=before + time.perf_counter() - self.began,
            # Of mixed targets the loss on train lies above that on valid, which a diagnosis must not take for
            # underfitting.
            is_mixed=self.plan.options.has_soft_targets,
        )

    def put_whole(self) -> None:
        """Gives the learner's model the weights, where a copy is trained that is divided among processes."""
        if self.state.model is not self.setup.model:
            put_whole(self.state.model, self.setup.model)

    def note(self) -> None:
        """Says in the history what the numbers do not show."""
        state = self.state
        self.history.notes += state.notes
        self.history.notes += self.plan.options.notes
        if state.pieces > self.plan.options.accumulate:
            self.history.notes.append(f"Low memory: each batch was split into {state.pieces} pieces.")
        # Only float16 has a scaler that is on; the optimizer counts the steps that it did take.
        if state.precision.scaler.is_enabled():
            counts = [float(values["step"]) for values in state.optimizer.state.values() if "step" in values]
            skipped = state.step - int(max(counts, default=0))
            self.history.notes.append(
                f"float16: {skipped} of {state.step} steps were skipped because of gradient overflow."
            )

    def save(self) -> None:
        """Saves the state; raises TrainingError where a loss up to it is NaN or infinite."""
        if self.setup.checkpoints.folder is None:
            return
        self.losses.check()
        captured = capture(self.state)
        values = {
            **captured.values,
            "seconds": self.state.seconds + time.perf_counter() - self.began,
            "entries": [asdict(entry) for entry in self.history.epochs[self.first_entry :]],
            # Files that failed once may be back: a run that goes on must train on the same items as before.
            "lost": list(self.setup.data.lost.items()),
        }
        self.setup.checkpoints.save(STAGE, Saved(captured.tensors, values))

    def go_on(self) -> None:
        """Takes up the stage where its checkpoint left it; without one, nothing."""
        saved = self.setup.checkpoints.load(STAGE)
        if saved is None:
            return
        restore(self.state, saved)
        for row, reason in saved.values["lost"]:
            self.setup.data.lose(row, reason)
        for values in saved.values["entries"]:
            self.setup.record(self.history, Epoch(**values))


def set_training_mode(model: nn.Module, *, freeze_norm: bool) -> None:
    """Puts a model into training mode, except batch normalisation that is frozen or keeps its statistics."""
    model.train()
    # A head that was not pretrained has no statistics worth keeping.
    body = model.get_submodule("body") if len(depth_groups(model)) > 1 else model
    keeping = set(body.modules()) if freeze_norm else set()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
            # A frozen layer is to answer as before; its statistics are part of that.
            is_frozen = module.affine and not any(parameter.requires_grad for parameter in module.parameters())
            if is_frozen or module in keeping:
                module.eval()


def score(setup: Setup, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, dict[str, float]]:
    """Mean loss and metrics of a model's outputs for a part, on the CPU."""
    loss = setup.objective.loss_fn(outputs, targets).item()
    return loss, setup.measured(setup.objective.activate(outputs).numpy(), targets.numpy())


def new_state(
    setup: Setup, options: Options, *, make_inputs: Callable[[Batch, int], tuple[torch.Tensor, torch.Tensor]]
) -> TrainState:
    """The state before the first step of a stage, its learning rate 0."""
    model = divided(setup.model) if setup.processes.shard else setup.model
    return TrainState(
        model=model,
        make_inputs=make_inputs,
        loss_fn=setup.objective.loss_fn,
        optimizer=make_optimizer(model, setup.optimizer, weight_decay=options.weight_decay, lr_decay=options.lr_decay),
        schedule=lambda _: 0.0,
        precision=setup.precision.for_training(setup.model),
        seed=setup.seed,
        pieces=options.accumulate,
        split_batches=setup.split_batches,
        clip_norm=options.clip_norm,
        processes=setup.processes,
        higher_is_better=setup.higher_is_better,
    )


def share_gradients(state: TrainState, loader: Loader) -> None:
    """Has the gradients of several processes added up in each backward pass; `loader` is that of the stage."""

    def find_unused() -> list[nn.Parameter]:
        plain = replace(state, callbacks=(), notes=[], pieces=1)
        with closing(loader.epoch(state.epoch)) as batches, untouched(plain):
            gradients(plain, next(batches).to(state.precision.device))
            return [parameter for parameter in state.model.parameters() if parameter.grad is None]

    state.forward = state.processes.parallel(state.forward, find_unused)


def step_seconds(setup: Setup, options: Options, *, steps: int = 3) -> float:
    """How many seconds a training step takes: the mean of some, after one to warm up; the model stays as it is."""
    # Real steps, as forward, backward, augmentation and reading together decide what a stage takes.
    # A state of its own, so that the optimizer's averages do not begin with these steps.
    state = new_state(setup, options, make_inputs=partial(setup.augmented, options=options))
    loader = setup.loader(setup.data.train, shuffle=True, accumulate=options.accumulate)
    set_training_mode(state.model, freeze_norm=options.freeze_norm)
    share_gradients(state, loader)
    with untouched(state):
        state.total_steps = 1
        train_epoch(state, loader.epoch(0))
        state.total_steps = 1 + steps
        start = time.perf_counter()
        train_epoch(state, loader.epoch(0))
        seconds = time.perf_counter() - start
    setup.model.eval()
    return seconds / max(state.step - 1, 1)

"""What does a step of training a small MLP cost, beside plain PyTorch, fastai, Lightning, skorch and Keras?

A network of 64-128-10 units, batches of 64, AdamW, float32, one thread; processor time, which other programs disturb
less than the clock. With so little to compute, a step is mostly what the library does around it.

First the loop alone: Headway's `train_epoch` with all that watches over a real run, on batches that are there already,
beside the four lines of PyTorch's tutorials with the same optimizer. Goal: at most 1.1 of plain.

Then an epoch of 32,000 shuffled rows from the call to its end, batching included, beside plain PyTorch that slices
shuffled tensors. The peers as their documentation has them for arrays, with whatever shows or keeps something turned
off, and all but Keras with the same fused AdamW: fastai's `Learner` on `DataLoaders.from_dsets` (docs.fast.ai:
data.core, and optimizer for `OptimWrapper`); Lightning's `Trainer` without logger, checkpoints, bar and summary, and
its `barebones=True`, which its documentation has for measuring overhead; skorch's `NeuralNetClassifier` without a split
of its own; Keras' `fit` on arrays, with the torch backend. Headway and fastai also evaluate 200 rows, as always.
"""

from __future__ import annotations

import logging
import os
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import headway as hw
from benchmarks.peers import is_installed
from benchmarks.results import Row
from headway.data.loader import Batch
from headway.runs.interrupt import Signals
from headway.train.callbacks import TrainState
from headway.train.loop import train_epoch
from headway.train.nan_guard import FiniteLoss
from headway.train.optimizers import make_optimizer, set_lr
from headway.train.precision import choose_precision
from headway.train.stage_checkpoint import KeepState

BATCH, WIDTH, CLASSES = 64, 64, 10
STEPS, PAIRS = 100, 150
EPOCH_STEPS, TRIALS = 500, 7
LR = 1e-3

Epoch = Callable[[], object]
"""Trains for an epoch."""


def run() -> list[Row]:
    """The loop alone, then whole epochs; everything in turn, after a warm-up each."""
    threads = torch.get_num_threads()
    # One thread: with a network this small, others only wait for one another.
    torch.set_num_threads(1)
    try:
        return [_loop_alone(), *_epochs()]
    finally:
        torch.set_num_threads(threads)


def _loop_alone() -> Row:
    inputs, targets = _arrays(BATCH)
    batches = [Batch(torch.from_numpy(inputs), torch.from_numpy(targets), np.arange(BATCH))] * STEPS
    plain, ours = [], []
    for _ in range(PAIRS + 1):
        plain.append(_seconds(_plain_loop(batches)))
        ours.append(_seconds(_headway_loop(batches)))
    plain, ours = plain[1:], ours[1:]
    ratios = [b / a for a, b in zip(plain, ours, strict=True)]
    print(f"loop alone: {statistics.median(ratios):.3f} of plain", flush=True)
    return {
        "what": "Headway, the loop alone",
        "time / plain, median of trials": statistics.median(ratios),
        "time / plain, fastest of each": min(ours) / min(plain),
        "microseconds a step": 1e6 * statistics.median(ours) / STEPS,
        "plain, microseconds a step": 1e6 * statistics.median(plain) / STEPS,
        "trials": PAIRS,
    }


def _epochs() -> list[Row]:
    inputs, targets = _arrays(EPOCH_STEPS * BATCH)
    made = {
        "PyTorch, slices of tensors": _plain_slices,
        "PyTorch, DataLoader": _plain_loader,
        "Headway, Learner.fit": _headway,
        "fastai, Learner.fit": _fastai,
        "Lightning, Trainer.fit": _lightning,
        "Lightning, barebones": partial(_lightning, barebones=True),
        "skorch, NeuralNetClassifier.fit": _skorch,
        "Keras (torch), Model.fit": _keras,
    }
    seconds: dict[str, list[float]] = {name: [] for name in made}
    # Whatever a library remembers of earlier training would be timed with the next.
    for trial in range(TRIALS + 1):
        for name in list(seconds):
            train = made[name](inputs, targets)
            if train is None:
                del seconds[name]
                continue
            took = _seconds(train)
            if trial:
                seconds[name].append(took)
        print(f"epochs: trial {trial} of {TRIALS}", flush=True)
    return [_row(name, seconds) for name in seconds]


def _row(name: str, seconds: dict[str, list[float]]) -> Row:
    plain = next(iter(seconds.values()))
    ratios = [b / a for a, b in zip(plain, seconds[name], strict=True)]
    return {
        "what": f"{name}, an epoch",
        "time / plain, median of trials": statistics.median(ratios),
        "time / plain, fastest of each": min(seconds[name]) / min(plain),
        "microseconds a step": 1e6 * statistics.median(seconds[name]) / EPOCH_STEPS,
        "plain, microseconds a step": 1e6 * statistics.median(plain) / EPOCH_STEPS,
        "trials": TRIALS,
    }


def _seconds(train: Epoch) -> float:
    start = time.process_time()
    train()
    return time.process_time() - start


def _arrays(rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(size=(rows, WIDTH)).astype(np.float32), random.integers(0, CLASSES, rows)


def _mlp() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(WIDTH, 128), nn.ReLU(), nn.Linear(128, CLASSES))


def _plain_loop(batches: list[Batch]) -> Epoch:
    model = _mlp()
    # The groups are Headway's, so that both do the same arithmetic.
    optimizer = make_optimizer(model)
    set_lr(optimizer, LR)

    def train() -> None:
        for batch in batches:
            loss = F.cross_entropy(model(batch.inputs), batch.targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return train


def _headway_loop(batches: list[Batch]) -> Epoch:
    model = _mlp()
    state = TrainState(
        model=model,
        make_inputs=lambda batch, _: (batch.inputs, batch.targets),
        loss_fn=F.cross_entropy,
        optimizer=make_optimizer(model),
        schedule=lambda _: LR,
        precision=choose_precision(torch.device("cpu"), "float32"),
        # What watches over every stage of a real run; only when a loss is no number does it look at the data.
        callbacks=[
            FiniteLoss(None),  # pyright: ignore[reportArgumentType]
            KeepState(lambda: None, Signals(), batches=len(batches)),
        ],
    )
    return lambda: train_epoch(state, batches)


def _plain_slices(inputs: np.ndarray, targets: np.ndarray) -> Epoch:
    model, x, y = _mlp(), torch.from_numpy(inputs), torch.from_numpy(targets)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)

    def train() -> None:
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return train


def _plain_loader(inputs: np.ndarray, targets: np.ndarray) -> Epoch:
    model, loader = _mlp(), _loader(inputs, targets)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)

    def train() -> None:
        for x, y in loader:
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return train


def _loader(inputs: np.ndarray, targets: np.ndarray) -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.from_numpy(inputs), torch.from_numpy(targets)), BATCH, shuffle=True)


def _headway(inputs: np.ndarray, targets: np.ndarray) -> Epoch:
    more, labels = _arrays(200)
    rows: dict[str, Any] = {f"x{column}": np.concatenate([inputs, more])[:, column] for column in range(WIDTH)}
    rows |= {"label": np.concatenate([targets, labels]), "part": ["train"] * len(inputs) + ["valid"] * len(more)}
    columns = hw.Table(continuous=[f"x{column}" for column in range(WIDTH)])
    data = hw.from_items(rows, input=columns, target=hw.Category("label"), split=hw.ColumnSplit("part"))
    learner = hw.Learner(data, _mlp(), batch_size=BATCH, device="cpu", progress=False)
    return lambda: learner.fit(1, lr=LR)


def _fastai(inputs: np.ndarray, targets: np.ndarray) -> Epoch | None:
    if not is_installed("fastai"):
        return None
    import fastai.callback.progress  # pyright: ignore[reportMissingImports]  # noqa: F401 - it gives a learner what turns its bars off
    from fastai.basics import DataLoaders, Learner, OptimWrapper  # pyright: ignore[reportMissingImports]

    from benchmarks.peers import quiet

    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    loaders = DataLoaders.from_dsets(TensorDataset(x, y), TensorDataset(x[:200], y[:200]), bs=BATCH, num_workers=0)
    optimizer = partial(OptimWrapper, opt=partial(torch.optim.AdamW, fused=True))
    learner = Learner(loaders, _mlp(), loss_func=nn.CrossEntropyLoss(), opt_func=optimizer)

    def train() -> None:
        with quiet(learner):
            learner.fit(1, LR)

    return train


def _lightning(inputs: np.ndarray, targets: np.ndarray, *, barebones: bool = False) -> Epoch | None:
    if not is_installed("lightning"):
        return None
    import lightning  # pyright: ignore[reportMissingImports]

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = _mlp()

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            return F.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=LR, fused=True)

    names = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    options = {"barebones": True} if barebones else dict.fromkeys(names, False)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", **options)
    module, loader = Module(), _loader(inputs, targets)

    def train() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer.fit(module, loader)

    return train


def _skorch(inputs: np.ndarray, targets: np.ndarray) -> Epoch | None:
    if not is_installed("skorch"):
        return None
    from skorch import NeuralNetClassifier  # pyright: ignore[reportMissingImports]

    net = NeuralNetClassifier(
        _mlp(),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        lr=LR,
        batch_size=BATCH,
        max_epochs=1,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return lambda: net.fit(inputs, targets)


def _keras(inputs: np.ndarray, targets: np.ndarray) -> Epoch | None:
    if not is_installed("keras"):
        return None
    os.environ["KERAS_BACKEND"] = "torch"
    import keras  # pyright: ignore[reportMissingImports]

    layers = [keras.layers.Dense(128, activation="relu"), keras.layers.Dense(CLASSES)]
    model = keras.Sequential([keras.Input((WIDTH,)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.AdamW(LR), loss=loss)
    return lambda: model.fit(inputs, targets, batch_size=BATCH, epochs=1, verbose=0)

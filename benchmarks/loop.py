"""What does a step of Headway's loop cost beside a hand-written PyTorch loop, on a small MLP?

A network of 64-128-10 units at batch 64 on resident tensors, in float32, on one thread. Both loops have the same
optimizer and do the same arithmetic, so the ratio is the loop's own cost. Goal: at most 1.2.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.results import Row
from headway.data.loader import Batch
from headway.train.checkpoint import KeepState
from headway.train.finite import FiniteLoss
from headway.train.interrupt import Signals
from headway.train.loop import train_epoch
from headway.train.optimizers import adamw, set_lr
from headway.train.precision import choose_precision
from headway.train.state import TrainState

STEPS, TRIALS = 500, 15


def run() -> list[Row]:
    """Both loops in turn, after a warm-up each."""
    # One thread: with a network this small, others only wait for one another.
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(64, 64, generator=generator), torch.randint(0, 10, (64,), generator=generator)
    batches = [Batch(inputs, targets, np.arange(64))] * STEPS
    ratios, plain, ours = [], [], []
    for trial in range(TRIALS + 1):
        a, b = _plain(inputs, targets), _headway(batches)
        if trial:
            plain.append(a)
            ours.append(b)
            ratios.append(b / a)
    return [
        {
            "Headway / plain, median of pairs": statistics.median(ratios),
            "Headway / plain, fastest of each": min(ours) / min(plain),
            "plain, microseconds a step": 1e6 * statistics.median(plain) / STEPS,
            "Headway, microseconds a step": 1e6 * statistics.median(ours) / STEPS,
            "pairs": TRIALS,
        }
    ]


def _mlp() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def _plain(inputs: torch.Tensor, targets: torch.Tensor) -> float:
    model = _mlp()
    optimizer = adamw(model)
    set_lr(optimizer, 1e-3)
    start = time.perf_counter()
    for _ in range(STEPS):
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return time.perf_counter() - start


def _headway(batches: list[Batch]) -> float:
    model = _mlp()
    state = TrainState(
        model=model,
        prepare=lambda batch, _: (batch.inputs, batch.targets),
        loss_fn=F.cross_entropy,
        optimizer=adamw(model),
        schedule=lambda _: 1e-3,
        precision=choose_precision(torch.device("cpu"), "float32"),
        # What watches over every stage of a real run: only when a loss is no number does it look at the data.
        callbacks=[FiniteLoss(None), KeepState(lambda: None, Signals(), batches=len(batches))],
    )
    start = time.perf_counter()
    train_epoch(state, batches)
    return time.perf_counter() - start

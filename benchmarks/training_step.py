"""How many photos a second does full fine-tuning take, beside a bare PyTorch loop, fastai and Lightning?

A step is forward, backward and AdamW's update of all weights, at 224 pixels, on a batch that is in memory already and
not augmented; 32 photos of efficientnet_lite0 and resnet18, 16 of resnet50, ten classes, weights drawn at random. The
bare loop is timm's network as a person would train it with all that makes it fast here: channels last, the number
format that Headway chooses (bfloat16 by autocast where the processor has it), AdamW in its fused form. Headway's side
is its own loop with what watches over every real run, and its network, whose head sees more of the body than timm's;
none of them keeps freed memory, as Headway's loader has the process do in real runs, since that is quicker for all.
fastai is `Learner.fit_one_cycle` (docs.fast.ai/learner) and Lightning `Trainer.fit` (lightning.ai/docs: "Lightning in
15 minutes"), both as they come, in float32 and contiguous, bars, loggers and checkpoints off; their time is that of
the epoch alone. All take turns, a few steps each, after a warm-up; ratios are medians over the turns. Goal: at least
0.97 of the bare loop.
"""

from __future__ import annotations

import gc
import logging
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import timm
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.peers import is_installed, quiet
from benchmarks.results import Row
from headway.data.loader import Batch
from headway.inputs.image.networks import Prepare, multi_level
from headway.runs.interrupt import Signals
from headway.train.callbacks import TrainState
from headway.train.loop import train_epoch
from headway.train.model import BodyAndHead
from headway.train.nan_guard import FiniteLoss
from headway.train.optimizers import make_optimizer
from headway.train.precision import Precision, choose_precision
from headway.train.stage_checkpoint import KeepState

ARCHITECTURES = {"efficientnet_lite0": 32, "resnet18": 32, "resnet50": 16}
"""Names, and photos a step."""
SIZE, NUM_CLASSES, LR = 224, 10, 1e-3
STEPS, TRIALS = 2, 7

Loop = Callable[[], float]
"""Takes STEPS steps; gives the seconds."""


def run() -> list[Row]:
    """Each architecture, all loops in turn."""
    makers = {"Headway": _headway, "bare": _bare}
    makers |= {name: make for name, make in {"fastai": _fastai, "lightning": _lightning}.items() if is_installed(name)}
    rows: list[Row] = []
    for arch, batch_size in ARCHITECTURES.items():
        torch.manual_seed(0)
        batch = _batch(batch_size)
        loops: dict[str, Loop] = {name: make(arch, batch) for name, make in makers.items()}
        found: dict[str, list[float]] = {name: [] for name in loops}
        for trial in range(TRIALS + 1):
            seconds = {name: loop() for name, loop in loops.items()}
            for name, each in seconds.items() if trial else ():
                found[name].append(each)
        rows.append({"model": arch, **_summary(found, batch_size)})
        print(rows[-1], flush=True)
        del loops
        gc.collect()
    return rows


def _summary(found: dict[str, list[float]], batch_size: int) -> Row:
    def ratios(name: str) -> list[float]:
        return [theirs / ours for ours, theirs in zip(found["Headway"], found[name], strict=True)]

    others = [name for name in found if name != "Headway"]
    return {
        **{f"Headway / {name}": statistics.median(ratios(name)) for name in others},
        "of bare, lowest to highest": f"{min(ratios('bare')):.2f} to {max(ratios('bare')):.2f}",
        **{f"{name}, photos a second": STEPS * batch_size / statistics.median(each) for name, each in found.items()},
        "photos a step": batch_size,
        "precision": str(_precision()),
        "turns": TRIALS,
    }


def _precision() -> Precision:
    return choose_precision(torch.device("cpu"))


def _batch(batch_size: int) -> Batch:
    pixels = torch.randint(0, 256, (batch_size, 3, SIZE, SIZE), dtype=torch.uint8)
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    return Batch(pixels, torch.randint(0, NUM_CLASSES, (batch_size,)), np.arange(batch_size))


def _prepare() -> Prepare:
    return Prepare((127.0,) * 3, (128.0,) * 3)


def _timm(arch: str) -> nn.Module:
    return timm.create_model(arch, num_classes=NUM_CLASSES)


def _headway(arch: str, batch: Batch) -> Loop:
    body = multi_level(timm.create_model(arch, num_classes=0).eval(), torch.zeros(2, 3, SIZE, SIZE))
    with torch.no_grad():
        num_features = body(torch.zeros(2, 3, SIZE, SIZE)).shape[-1]
    precision, prepare = _precision(), _prepare()
    model = precision.place(BodyAndHead(body, num_features, NUM_CLASSES)).train()
    state = TrainState(
        model=model,
        make_inputs=lambda batch, _: (prepare(batch.inputs), batch.targets),
        loss_fn=F.cross_entropy,
        optimizer=make_optimizer(model),
        schedule=lambda _: LR,
        precision=precision,
        callbacks=[
            FiniteLoss(None),  # pyright: ignore[reportArgumentType]
            KeepState(lambda: None, Signals(), batches=STEPS),
        ],
    )

    def loop() -> float:
        start = time.perf_counter()
        train_epoch(state, [batch] * STEPS)
        return time.perf_counter() - start

    return loop


def _bare(arch: str, batch: Batch) -> Loop:
    model = _timm(arch).to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)
    prepare, dtype = _prepare(), _precision().dtype

    def loop() -> float:
        start = time.perf_counter()
        for _ in range(STEPS):
            inputs = prepare(batch.inputs).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", dtype=dtype, enabled=dtype is not torch.float32):
                outputs = model(inputs)
            loss = F.cross_entropy(outputs.float(), batch.targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - start

    return loop


def _repeated(batch: Batch, times: int) -> torch.utils.data.TensorDataset:
    """The batch as a data set of ready inputs, so often that an epoch has that many steps."""
    inputs = _prepare()(batch.inputs).contiguous().repeat(times, 1, 1, 1)
    return torch.utils.data.TensorDataset(inputs, batch.targets.repeat(times))


def _fastai(arch: str, batch: Batch) -> Loop:
    import fastai.callback.all  # pyright: ignore[reportMissingImports]  # noqa: F401 - it gives learners methods
    from fastai.callback.core import Callback  # pyright: ignore[reportMissingImports]
    from fastai.data.core import DataLoaders  # pyright: ignore[reportMissingImports]
    from fastai.learner import Learner  # pyright: ignore[reportMissingImports]
    from fastai.losses import CrossEntropyLossFlat  # pyright: ignore[reportMissingImports]

    class Clock(Callback):
        def before_train(self) -> None:
            self.start = time.perf_counter()

        def after_train(self) -> None:
            self.seconds = time.perf_counter() - self.start

    size, clock = len(batch.targets), Clock()
    loaders = DataLoaders.from_dsets(
        _repeated(batch, STEPS), _repeated(batch, 1), bs=size, val_bs=size, num_workers=0, device=torch.device("cpu")
    )
    learner = Learner(loaders, _timm(arch), loss_func=CrossEntropyLossFlat(), cbs=clock)

    def loop() -> float:
        with quiet(learner):
            learner.fit_one_cycle(1, LR)
        return clock.seconds

    return loop


def _lightning(arch: str, batch: Batch) -> Loop:
    import lightning as L  # pyright: ignore[reportMissingImports]

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = _timm(arch)

        def training_step(self, given: Any, _: int) -> torch.Tensor:
            inputs, targets = given
            return F.cross_entropy(self.model(inputs), targets)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=LR)

        def on_train_epoch_start(self) -> None:
            self.start = time.perf_counter()

        def on_train_epoch_end(self) -> None:
            self.seconds = time.perf_counter() - self.start

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    module = Module()
    loader = torch.utils.data.DataLoader(_repeated(batch, STEPS), batch_size=len(batch.targets), shuffle=True)
    off: dict[str, Any] = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )

    def loop() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            L.Trainer(max_epochs=1, accelerator="cpu", **off).fit(module, loader)
        return module.seconds

    return loop

"""Learner: data and a model, and what one does with them. Each method calls the layer below in a few lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headway.augment import Augment
from headway.bundle.export import NUM_CHECKS, export_bundle
from headway.data.dataset import Data, PartName
from headway.errors import ConfigError, explain
from headway.fields import Image
from headway.judge import metrics
from headway.judge.baselines import BaselineResult, Rows, run_baselines
from headway.judge.card import card
from headway.judge.intervals import Estimate
from headway.judge.report import Report, build_report
from headway.models import zoo
from headway.models.vision import Prepare
from headway.seeds import torch_seed
from headway.train.callbacks import Callback
from headway.train.fine_tune import Features, check_plan, fine_tune, train_from_scratch
from headway.train.fit import MetricFn, Plan, Setup, check_model, fit, has_linear_head
from headway.train.history import Epoch, History
from headway.train.lr_finder import LrFinder, find_lr
from headway.train.precision import PrecisionName, choose_device, choose_precision
from headway.train.predictions import Predictions, predictions
from headway.train.progress import Progress, make_progress
from headway.train.run import Run, new_run
from headway.train.schedules import ScheduleName

__all__ = ["Learner"]

METRICS_SHOWN = ("accuracy",)


class Learner:
    """A model and the data it learns from.

    Args:
        data: The data set.
        arch: An architecture's name, or any module of your own that takes images `[batch, channels, size, size]`,
            float32 from 0 to 1, and gives logits `[batch, classes]`. Left out: a good choice for the data.
        pretrained: Whether a named architecture starts from pretrained weights.
        run: A folder for this run, made anew; its items, history and report are kept there. Left out: nothing is
            written.
        seed: Decides everything random. The same seed and data give the same weights on the same kind of processor.
        batch_size: Items a step; 32, or 64 for images under 64 pixels, when left out.
        augment: What is done to training images; mild for pretrained bodies, digits and the like excepted.
        loss_fn: `(logits, targets)` to the mean loss; cross-entropy when left out.
        callbacks: Called around epochs and steps, in order.
        device: "auto", "cpu", "cuda", "cuda:1", "mps" ...
        precision: "auto", "float32", "bfloat16" or "float16".
        progress: Whether to show how far training has come.

    Attributes:
        model: The plain torch module.
        history: The epochs so far.

    Raises:
        ConfigError: If an argument cannot work.
        WeightsError: If pretrained weights are not to be had.

    Example:
        >>> learner = Learner(data, "efficientnet_lite0")  # doctest: +SKIP
        >>> learner.fine_tune()  # doctest: +SKIP
    """

    def __init__(
        self,
        data: Data,
        arch: str | nn.Module | None = None,
        *,
        pretrained: bool = True,
        run: str | os.PathLike[str] | None = None,
        seed: int = 0,
        batch_size: int | None = None,
        augment: Augment | None = None,
        loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = F.cross_entropy,
        callbacks: Sequence[Callback] = (),
        device: str | torch.device = "auto",
        precision: PrecisionName = "auto",
        progress: bool | Progress = True,
    ) -> None:
        _check_settings(seed, batch_size)
        self.data = data
        self.seed = seed
        self.history = History()
        self.features: Features | None = None
        chosen = choose_precision(choose_device(device), precision)
        built = _build(data, arch, pretrained=pretrained, seed=seed)
        self.arch = arch if isinstance(arch, str) else type(built.model).__name__ if arch else zoo_name(data)
        self.pretrained = built.pretrained
        self.model = chosen.place(built.model)
        self.prepare = built.prepare.to(chosen.device)
        self.progress = progress if isinstance(progress, Progress) else make_progress() if progress else None
        shown = [self.progress] if self.progress else []
        self.setup = Setup(
            data=data,
            model=self.model,
            prepare=self.prepare,
            loss_fn=loss_fn,
            metrics=_metric_functions(METRICS_SHOWN),
            precision=chosen,
            augment=augment or Augment(),
            batch_size=batch_size or (64 if _size(data) < 64 else 32),
            seed=seed,
            callbacks=(*callbacks, *shown),
            on_entry=self._record,
        )
        # What a module of one's own does is not known before it is tried.
        is_plain = check_model(self.setup) if isinstance(arch, nn.Module) else bool(self.pretrained)
        self.two_stages = is_plain and has_linear_head(self.model)
        self._baselines: list[BaselineResult] | None = None
        self.run: Run | None = None
        if run is not None:
            self.run = new_run(Path(run).parent, Path(run).name)
            self.run.start(data, self.settings)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the run, as plain values."""
        return {
            "arch": self.arch,
            "pretrained": self.pretrained,
            "seed": self.seed,
            "batch_size": self.setup.batch_size,
            "precision": str(self.setup.precision),
            "augment": repr(self.setup.augment),
        }

    def fine_tune(self, epochs: int | None = None, *, minutes: float | None = None, lr: float | None = None) -> History:
        """Transfer learning in two stages; see `headway.train.fine_tune`.

        A named architecture without pretrained weights is trained in one stage, as is a module of your own, unless it
        has a `body` and a linear `head`.

        Args:
            epochs: Epochs that train every layer; a good number for the data when left out.
            minutes: Time to take, instead of `epochs`.
            lr: Peak learning rate of the last layers.

        Returns:
            The history.
        """
        check_plan(epochs=epochs, minutes=minutes, lr=lr)
        self._note_call("fine_tune", epochs=epochs, minutes=minutes, lr=lr)
        if self.two_stages:
            features = fine_tune(self.setup, self.history, epochs=epochs, minutes=minutes, lr=lr)
            # After the first time the body is no longer the one that was pretrained.
            if self.features is None:
                self.features, self._baselines = features, None
        else:
            train_from_scratch(self.setup, self.history, epochs=epochs, minutes=minutes, lr=lr)
        return self.history

    def fit(self, epochs: int, *, lr: float | None = None, schedule: ScheduleName = "one_cycle") -> History:
        """Trains every layer at the same rate.

        Args:
            epochs: Passes over the training rows, at least 1.
            lr: Peak learning rate; 0.001 when left out.
            schedule: "one_cycle", "cosine" or "constant".

        Returns:
            The history.
        """
        plan = Plan(epochs=epochs, lr=1e-3 if lr is None else lr, schedule=schedule)
        self._note_call("fit", epochs=epochs, lr=lr, schedule=schedule)
        fit(self.setup, plan, self.history)
        return self.history

    def find_lr(self) -> LrFinder:
        """Tries learning rates from 1e-6 to 1 and suggests one; the model stays as it is."""
        return find_lr(self.setup)

    def predictions(self, part: PartName = "valid") -> Predictions:
        """The model's answers for a part: rows, probabilities, targets and losses, aligned.

        Raises:
            ConfigError: If there is no such part, or it has no rows.
        """
        if not len(self.data.part(part)):
            fix = f"The parts are: {', '.join(self.data.parts)}."
            raise ConfigError(explain("That part of the data has no rows.", given=repr(part), fix=fix))
        return predictions(self.model, self.data.part(part), prepare=self.prepare, precision=self.setup.precision)

    def evaluate(self, part: PartName = "valid") -> dict[str, Estimate]:
        """Every metric on a part, each with its 95 % interval."""
        found = self.predictions(part)
        return metrics.evaluate(found.probabilities, found.targets, seed=self.seed)

    def baselines(self) -> list[BaselineResult]:
        """Simple models, trained on the same rows and applied to the same parts; computed once."""
        if self._baselines is None:
            features = self.features.parts if self.features else {}
            rows = {name: _rows(self.data, name, features.get(name)) for name in self.data.parts}
            train = rows.pop("train")
            self._baselines = run_baselines(train, dict(rows), num_classes=self.data.target.num_outputs, seed=self.seed)
        return self._baselines

    def report(self) -> Report:
        """The model against its baselines, with intervals and a verdict; kept in the run folder where there is one."""
        found = {name: self.predictions(name) for name in self.data.parts if name != "train"}
        report = build_report(
            {name: each.probabilities for name, each in found.items()},
            {name: each.targets for name, each in found.items()},
            labels=_labels(self.data),
            baselines=self.baselines(),
            history=self.history.to_json(),
            settings=self.settings,
            data=self.data.to_json(),
            notes=self.history.notes,
            seconds=sum(epoch.seconds for epoch in self.history),
            seed=self.seed,
        )
        if self.run is not None:
            report.save(self.run.path / "report.html")
            report.save(self.run.path / "report.json")
        return report

    def export(self, path: str | os.PathLike[str], *, report: Report | None = None) -> Path:
        """Writes the model as one file that predicts without torch; see `headway.bundle`.

        Args:
            path: Where, usually ending in `.headway`.
            report: The report whose figures go into the file; made anew when left out.

        Returns:
            The path.
        """
        report = report or self.report()
        facts = report.to_json()
        manifest = {
            "arch": self.arch,
            "pretrained": self.pretrained,
            "metrics": {name: part["metrics"] for name, part in facts["parts"].items()},
            "baselines": facts["baselines"],
            "verdict": facts["verdict"],
            "data": facts["data"],
        }
        examples = [part.canvases(range(min(NUM_CHECKS, len(part)))) for part in (self.data.valid, self.data.train)]
        return export_bundle(
            Path(path),
            model=self.model,
            prepare=self.prepare,
            input=self.data.input,
            target=self.data.target,
            examples=self.data.input.view(np.concatenate(examples)),
            manifest=manifest,
            card=card(report),
        )

    def _note_call(self, name: str, **settings: Any) -> None:
        if self.run is not None:
            self.run.note_call(name, settings)

    def _record(self, entry: Epoch) -> None:
        if self.run is not None:
            self.run.record(entry)
        if self.progress is not None:
            self.progress.entry(entry)


def zoo_name(data: Data) -> str:
    """The architecture that is chosen for a data set when none is named."""
    return zoo.default_arch(_size(data))


def _build(data: Data, arch: str | nn.Module | None, *, pretrained: bool, seed: int) -> zoo.Built:
    if not (arch is None or isinstance(arch, (str, nn.Module))):
        given = type(arch).__name__
        fix = "Pass a name, a module (not its class), or nothing."
        raise ConfigError(explain("`arch` must be an architecture's name or an nn.Module.", given=given, fix=fix))
    reader = data.input
    channels = reader.channels if isinstance(reader, Image) else 1
    if isinstance(arch, nn.Module):
        return zoo.Built(arch, Prepare((0.0,) * channels, (255.0,) * channels), "")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "init"))
        return zoo.create(
            arch or zoo_name(data),
            num_outputs=data.target.num_outputs,
            channels=channels,
            size=_size(data),
            pretrained=pretrained,
        )


def _rows(data: Data, name: PartName, features: np.ndarray | None) -> Rows:
    side = min(_size(data), 28 if _size(data) < 64 else 16)
    return Rows(targets=data.part(name).targets, pixels=data.part(name).pixels(side), features=features)


def _size(data: Data) -> int:
    return data.input.size if isinstance(data.input, Image) else 0


def _labels(data: Data) -> list[str]:
    return list(data.target.to_json()["labels"])


def _metric_functions(names: Sequence[str]) -> dict[str, MetricFn]:
    return {name: metrics.CLASSIFICATION[name].compute for name in names}


def _check_settings(seed: int, batch_size: int | None) -> None:
    if not 0 <= seed < 2**63:
        given = f"seed={seed}"
        raise ConfigError(explain("`seed` must lie between 0 and 2**63 - 1.", given=given, fix="Pass 0 or another."))
    if batch_size is not None and batch_size < 1:
        given = f"batch_size={batch_size}"
        raise ConfigError(explain("`batch_size` must be at least 1.", given=given, fix="Leave it out for 32."))

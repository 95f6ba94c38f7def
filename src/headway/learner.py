"""Learner: data and a model, and what one does with them. Each method calls the layer below in a few lines."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from headway import reporting
from headway.augment import Augment
from headway.bundle.quantize import QuantizeName, check_quantize
from headway.bundle.trained import export_trained
from headway.data.dataset import Data, PartName
from headway.errors import ConfigError, explain
from headway.fields import Image
from headway.judge.baselines import BaselineFunction, BaselineResult
from headway.judge.intervals import Estimate
from headway.judge.learning_curve import LearningCurve
from headway.judge.report import Report
from headway.judge.tasks import evaluate, shown_metrics
from headway.models import zoo
from headway.train.callbacks import Callback
from headway.train.calls import perform
from headway.train.fine_tune import Features, check_plan, fine_tune, kept_features, train_from_scratch
from headway.train.fit import Plan, Setup, check_model, fit, has_linear_head
from headway.train.history import Epoch, History
from headway.train.lr_finder import LrFinder, find_lr
from headway.train.objective import Loss, objective
from headway.train.precision import PrecisionName, choose_device, choose_precision
from headway.train.predictions import Predictions
from headway.train.progress import Progress, make_progress
from headway.train.run import Run, differences, environment, new_run, open_run
from headway.train.schedules import ScheduleName

__all__ = ["Learner"]

T = TypeVar("T")


class Learner:
    """A model and the data it learns from.

    Args:
        data: The data set.
        arch: An architecture's name, or any module of your own that takes images `[batch, channels, size, size]`,
            float32 from 0 to 1, and gives logits `[batch, classes]`. Left out: a good choice for the data.
        pretrained: Whether a named architecture starts from pretrained weights.
        run: A folder for this run, made anew; its items, history, checkpoints and report are kept there. Left out:
            nothing is written.
        seed: Decides everything random. The same seed and data give the same weights on the same kind of processor.
        batch_size: Items a step; 32, or 64 for images under 64 pixels, when left out. "auto" takes a batch in pieces
            when memory runs out, with the same result up to rounding where no layer looks at the batch as a whole.
        augment: What is done to training images; mild for pretrained bodies, digits and the like excepted.
        loss_fn: `(outputs, targets)` to the mean loss; when left out, by the target: for classes cross-entropy, for
            numbers the squared error in standard deviations.
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
        run: str | os.PathLike[str] | Run | None = None,
        seed: int = 0,
        batch_size: int | Literal["auto"] | None = None,
        augment: Augment | None = None,
        loss_fn: Loss | None = None,
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
        chosen, found = choose_precision(choose_device(device), precision), objective(data.target)
        built = zoo.build(arch, data.input, data.target, pretrained=pretrained, seed=seed)
        self.arch = built.arch
        self.pretrained = built.pretrained
        self.model = chosen.place(built.model)
        self.prepare = built.prepare.to(chosen.device)
        self.progress = progress if isinstance(progress, Progress) else make_progress() if progress else None
        shown = [self.progress] if self.progress else []
        self.setup = Setup(
            data=data,
            model=self.model,
            prepare=self.prepare,
            objective=replace(found, loss_fn=loss_fn) if loss_fn else found,
            metrics=shown_metrics(data.target),
            precision=chosen,
            augment=augment or Augment(),
            batch_size=batch_size if isinstance(batch_size, int) else _batch_size(data),
            split_batches=batch_size == "auto",
            seed=seed,
            callbacks=(*callbacks, *shown),
            on_entry=self._record,
        )
        # What a module of one's own does is not known before it is tried.
        is_plain = check_model(self.setup) if isinstance(arch, nn.Module) else bool(self.pretrained)
        self.two_stages = is_plain and has_linear_head(self.model)
        self._baselines: list[BaselineResult] | None = None
        self._calls = 0
        self.run = run if isinstance(run, Run) or run is None else new_run(Path(run).parent, Path(run).name)
        if self.run is not None:
            given = {"arch": isinstance(arch, nn.Module), "loss_fn": loss_fn is not None}
            own = [name for name, is_own in {**given, "callbacks": bool(callbacks)}.items() if is_own]
            self.run.begin(data, {**self.settings, "own": own}, self.model)

    @classmethod
    def resume(
        cls,
        run: str | os.PathLike[str],
        *,
        data: Data | None = None,
        arch: nn.Module | None = None,
        loss_fn: Loss | None = None,
        callbacks: Sequence[Callback] = (),
        accept_changes: bool = False,
        progress: bool | Progress = True,
    ) -> Learner:
        """A run's learner again: what was done is read, and what is left of the call that was stopped is done.

        On the same kind of processor, with as many threads, it ends at the same bits as without the stop.

        Args:
            run: The run's folder.
            data: The same data set, where its items were arrays or images in memory.
            arch: The same module, where the run was started with one of your own; its weights do not matter.
            loss_fn: The same function, likewise.
            callbacks: The same callbacks, likewise.
            accept_changes: Whether to go on when files of the data have changed since.
            progress: Whether to show how far training has come.

        Raises:
            ConfigError: If that is no run's folder.
            DataError: If the data have changed.
            RunError: If something of your own is not passed again, or another process is at work on the run.
            CheckpointError: If a checkpoint cannot be read, or is another model's.
        """
        folder = open_run(run)
        own = {"arch": arch, "loss_fn": loss_fn, "callbacks": callbacks}
        settings = folder.check(data=data, own=own)
        shown = progress if isinstance(progress, Progress) else make_progress() if progress else False

        def count(done: int, total: int) -> None:
            if shown:
                shown.count("reading", done, total)

        learner = cls(
            data or folder.data(accept_changes=accept_changes, on_progress=count),
            arch or settings["arch"],
            pretrained=bool(settings["pretrained"]),
            run=folder,
            seed=settings["seed"],
            batch_size=settings["batch_size"],
            augment=Augment(**settings["augment"]),
            loss_fn=loss_fn,
            callbacks=callbacks,
            device=settings["device"],
            precision=settings["precision"],
            progress=shown,
        )
        changed = [each for each in differences(folder.config, environment()) if not each.startswith("git: ")]
        if changed and shown:
            shown.tell(f"Since the run began, this has changed, and the last bits may with it: {'; '.join(changed)}")
        for call in folder.config.get("training", []):
            getattr(learner, call["call"])(**{name: value for name, value in call.items() if name != "call"})
        return learner

    @property
    def _trained(self) -> reporting.Trained:
        """The model with all that a report needs to know of it."""
        folder = self.run.path if self.run else None
        features = self.features.left(self.data) if self.features else None
        return reporting.Trained(
            setup=self.setup, history=self.history, features=features, settings=self.settings, folder=folder
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the run, as plain values."""
        return {
            "arch": self.arch,
            "pretrained": self.pretrained,
            "seed": self.seed,
            "batch_size": "auto" if self.setup.split_batches else self.setup.batch_size,
            "device": str(self.setup.precision.device),
            "precision": str(self.setup.precision.dtype).removeprefix("torch."),
            "augment": asdict(self.setup.augment),
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
        plan = {"epochs": epochs, "minutes": minutes, "lr": lr}
        train = fine_tune if self.two_stages else train_from_scratch
        found = self._train("fine_tune", plan, lambda setup: train(setup, self.history, **plan), kept_features)
        # After the first time the body is no longer the one that was pretrained.
        if found is not None and self.features is None:
            self.features, self._baselines = found, None
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
        given = {"epochs": epochs, "lr": lr, "schedule": schedule}
        self._train("fit", given, lambda setup: fit(setup, plan, self.history), lambda _: None)
        return self.history

    def find_lr(self) -> LrFinder:
        """Tries learning rates from 1e-6 to 1 and suggests one; the model stays as it is."""
        return find_lr(self.setup)

    def predictions(self, part: PartName = "valid", *, tta: int = 0) -> Predictions:
        """The model's answers for a part: rows, probabilities, targets and losses, aligned.

        Args:
            part: "train", "valid" or "test".
            tta: Test-time augmentation: the mean over so many augmented views of each item and its plain one.

        Raises:
            ConfigError: If there is no such part, it has no rows, or `tta` cannot have an effect.
        """
        return reporting.answers(self._trained, part, tta=tta)

    def evaluate(self, part: PartName = "valid") -> dict[str, Estimate]:
        """Every metric on a part, each with its 95 % interval."""
        found = self.predictions(part)
        return evaluate(found.answers, found.targets, task=self.data.target.task, seed=self.seed)

    def baselines(self) -> list[BaselineResult]:
        """Simple models, trained on the same rows and applied to the same parts; computed once."""
        if self._baselines is None:
            self._baselines = reporting.baselines(self._trained)
        return self._baselines

    def report(
        self,
        *,
        slices: Sequence[str] = (),
        tta: int = 0,
        baselines: Mapping[str, BaselineFunction] | None = None,
    ) -> Report:
        """Is the model good, better than something simple, for everyone, and why not; kept in the run's folder.

        Args:
            slices: Columns of the items by whose values every metric is given, such as `["site"]`.
            tta: Augmented views of each item whose gain is measured on valid; none when 0.
            baselines: Baselines of your own by name; see `headway.judge.baselines`.

        Raises:
            ConfigError: If a column is not known or has no groups, or `tta` cannot have an effect.
        """
        reporting.check_request(self._trained, slices=slices, tta=tta, own=baselines or ())
        own = reporting.own_baselines(self._trained, baselines or {})
        report = reporting.make_report(self._trained, baselines=[*self.baselines(), *own], slices=slices, tta=tta)
        if self.run is not None:
            report.save(self.run.path / "report.html")
            report.save(self.run.path / "report.json")
        return report

    def diagnose(self) -> reporting.Diagnosis:
        """Prints what is wrong with the model and what to try next; gives the findings."""
        found = reporting.findings(self._trained, baselines=self.baselines())
        print(found.text)  # noqa: T201
        return found

    def learning_curve(self) -> LearningCurve:
        """How much more data would help: the head solved on growing shares of the training rows.

        Raises:
            ConfigError: If the model was not fine-tuned in two stages, which keeps the features that this takes.
        """
        return reporting.curve(self._trained)

    def export(
        self, path: str | os.PathLike[str], *, report: Report | None = None, quantize: QuantizeName | None = None
    ) -> Path:
        """Writes the model as one file that predicts without torch; see `headway.bundle`.

        Args:
            path: Where, usually ending in `.headway`.
            report: The report whose figures go into the file; made anew when left out.
            quantize: "int8" for a smaller and faster graph, where it costs at most half a point of accuracy on valid;
                the manifest's `quantization` says what was kept, with accuracy, size and time of both.

        Returns:
            The path.
        """
        check_quantize(quantize)
        known = self.features.parts if self.features else None
        return export_trained(path, setup=self.setup, report=report or self.report(), known=known, quantize=quantize)

    def _train(self, name: str, given: dict[str, Any], work: Callable[[Setup], T], recall: Callable[[Setup], T]) -> T:
        number, self._calls = self._calls, self._calls + 1
        try:
            return perform(
                self.run, number, name, given, setup=self.setup, history=self.history, work=work, recall=recall
            )
        finally:
            if self.progress is not None:
                self.progress.close()

    def _record(self, entry: Epoch) -> None:
        if self.run is not None:
            self.run.record(len(self.history) - 1, entry)
        if self.progress is not None:
            self.progress.entry(entry)


def _batch_size(data: Data) -> int:
    """Rows of a table are small: so many that there are about a hundred steps an epoch, from 32 to 1,024."""
    if isinstance(data.input, Image):
        return 64 if data.input.size < 64 else 32
    return min(max(2 ** round(math.log2(max(len(data.train), 1) / 100)), 32), 1024)


def _check_settings(seed: int, batch_size: int | Literal["auto"] | None) -> None:
    if not 0 <= seed < 2**63:
        given = f"seed={seed}"
        raise ConfigError(explain("`seed` must lie between 0 and 2**63 - 1.", given=given, fix="Pass 0 or another."))
    if not (batch_size in (None, "auto") or (isinstance(batch_size, int) and batch_size >= 1)):
        given = f"batch_size={batch_size!r}"
        what = '`batch_size` must be a whole number from 1, or "auto".'
        raise ConfigError(explain(what, given=given, fix="Leave it out for 32."))

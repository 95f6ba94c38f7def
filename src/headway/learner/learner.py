"""Learner: data and a model, and what one does with them. Each method calls the layer below in a few lines."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from headway.bundle.quantize import QuantizeName, check_quantize
from headway.data.dataset import Data
from headway.data.near_copies import ADVICE
from headway.data.rebuild import for_architecture
from headway.judge.ensemble import Ensemble
from headway.judge.metric import MetricLike
from headway.judge.report.report import Report
from headway.learner.adapt import adapt, pretraining_of
from headway.learner.cross_validation import CrossValidation, fold_data
from headway.learner.ensemble import ensemble
from headway.learner.export import export_trained
from headway.learner.judged import Judged
from headway.learner.peel import FIT_LR, subject_of
from headway.learner.predict import Answers
from headway.learner.report import UNTRAINED
from headway.learner.restore import Call, made_again, recorded, replay, resume_run
from headway.learner.subject import TrainedModel
from headway.learner.weights import load_weights, save_weights
from headway.runs.run import Run, new_run
from headway.train.callbacks import Callback, check_callbacks
from headway.train.checks import check_data, check_training, choose_stages
from headway.train.fine_tune import fine_tune, kept_features, recommended, train_from_scratch
from headway.train.history import Epoch, History
from headway.train.lr_finder import LrFinder, find_lr
from headway.train.make_model import make_model
from headway.train.model import MEASURED, Model
from headway.train.objective import ClassWeights, Loss, make_objective
from headway.train.optimizers import OptimizerChoice, check_optimizer, freeze_to
from headway.train.options import Plan, check_run, options_of
from headway.train.precision import PrecisionName, choose_device, choose_precision, float32_default
from headway.train.progress import Progress, make_progress
from headway.train.stage import Setup, fit
from headway.train.stage_one import Features

if TYPE_CHECKING:
    from headway.peel.write import LayerName, Peeled

__all__ = ["Learner"]


class Learner(Answers, Judged):
    """A model and the data it learns from.

    Args:
        data: The data set.
        arch: An architecture's name, or any module of your own that takes images `[batch, channels, size, size]`,
            float32 from 0 to 1, and gives logits `[batch, classes]`; or a `Model` with more around the module. Left
            out: a good choice for the data.
        pretrained: Whether a named architecture starts from pretrained weights.
        two_stages: Whether `fine_tune` solves a linear `head` on the features of the frozen `body` before it trains
            every layer. Default: where the body is pretrained.
        run: A folder for this run, made anew; its items, history, checkpoints and report are kept there. Left out:
            nothing is written.
        seed: Decides everything random. The same seed and data give the same weights on the same kind of processor.
        batch_size: Items a step. Default: 32, or 64 for images under 64 pixels. "auto" takes a batch in pieces
            where memory is short, with the same result up to rounding where no layer looks at the batch as a whole.
        augment: What is done to training items, such as an `Augment` to photos. Default: mild.
        metrics: More metrics, shown each epoch and in every report: functions of targets and predictions, scorers of
            scikit-learn or their names, or `hw.Metric`s.
        main_metric: The name of the metric that verdicts are about. Default: the target's own.
        optimizer: "adamw", "sgd", "lamb" or another name of timm's; a class of torch's; or a function from groups of
            parameters to an optimizer. The learning rate is `lr` of the call that trains, whatever it was made with.
        loss_fn: A function of outputs and targets, or a loss of torch's such as `nn.CrossEntropyLoss()`; for numbers
            both are in standard deviations of the training rows. When left out, by the target: for classes
            cross-entropy, for numbers the squared error.
        class_weights: How much an item of each class counts in the loss: a dict by label, 1 for those not named; or
            "balanced", where all items of a class count as much as all of another.
        callbacks: Called around epochs and steps, in order.
        device: "auto", "cpu", "cuda", "cuda:1", "mps" ...
        precision: "auto", "float32", "bfloat16" or "float16".
        progress: Whether to show how far training has come.

    Attributes:
        model: The plain torch module.
        history: The epochs so far.
        adapted: Those of `adapt`.

    Raises:
        ConfigError: If an argument cannot work.
        WeightsError: If pretrained weights are not available.

    Example:
        >>> learner = Learner(data, "efficientnet_lite0")  # doctest: +SKIP
        >>> learner.fine_tune()  # doctest: +SKIP
    """

    def __init__(
        self,
        data: Data,
        arch: str | nn.Module | Model | None = None,
        *,
        pretrained: bool = True,
        two_stages: bool | None = None,
        run: str | os.PathLike[str] | Run | None = None,
        seed: int = 0,
        batch_size: int | Literal["auto"] | None = None,
        augment: Any = None,
        metrics: MetricLike | Sequence[MetricLike] = (),
        main_metric: str | None = None,
        optimizer: OptimizerChoice = "adamw",
        loss_fn: Loss | None = None,
        class_weights: ClassWeights | None = None,
        callbacks: Callback | Sequence[Callback] = (),
        device: str | torch.device = "auto",
        precision: PrecisionName = "auto",
        progress: bool | Progress = True,
    ) -> None:
        check_data(data, arch)
        check_run(seed=seed, batch_size=batch_size)
        check_optimizer(optimizer)
        callbacks = check_callbacks(callbacks)
        if isinstance(arch, str):
            data = for_architecture(data, arch)
        self.data, self.seed, self.adapted = data, seed, History()
        self.features: Features | None = None
        view = data.input.training_view(data.target, augment)
        chosen = choose_precision(choose_device(device), precision, is_small=view.is_small)
        known = data.target.metrics().with_metrics(metrics, main=main_metric)
        made = make_model(arch, data.input, data.target, pretrained=pretrained, seed=seed)
        self.arch, self.pretrained, self.history = made.arch, made.pretrained, History(notes=[*made.notes])
        self.model = chosen.place(made.module)
        assert made.prepare is not None
        self.prepare = made.prepare.to(chosen.device)
        items = (
            batch_size if isinstance(batch_size, int) else view.batch_size or made.recipe.batch_size(len(data.train))
        )
        chosen_loss = {"loss_fn": loss_fn, "class_weights": class_weights}
        objective = make_objective(data.target, data.train.targets, **chosen_loss).with_decays(made.decays)
        self.progress = progress if isinstance(progress, Progress) else make_progress() if progress else None
        self.setup = Setup(
            data=data,
            model=self.model,
            prepare=self.prepare,
            objective=objective,
            metrics=known.shown_functions(),
            higher_is_better={name: known.metrics[name].higher_is_better for name in known.shown},
            precision=chosen,
            training_view=view,
            batch_size=items,
            recipe=made.recipe,
            fine_tuning=made.fine_tuning,
            optimizer=optimizer,
            split_batches=batch_size == "auto",
            seed=seed,
            callbacks=(*callbacks, *([self.progress] if self.progress else [])),
            on_entry=self._record,
            on_forget=lambda left: self.run.forget(left) if self.run else None,
        )
        if made.measure is not None:
            made.measure(self.setup.prepared(data.train, MEASURED))
        # A module of one's own as it was before training, from which other data can be learned.
        self._start = copy.deepcopy(arch) if isinstance(arch, (nn.Module, Model)) else None
        is_own = self._start is not None or loss_fn is not None
        self.two_stages = choose_stages(self.setup, made, is_own=is_own, wanted=two_stages)
        self._baselines = None
        self._calls: list[dict[str, Any]] = []
        # After each call that came to its end, how many epochs all layers have trained in.
        self._epochs: list[int] = []
        weights = dict(class_weights) if isinstance(class_weights, Mapping) else class_weights
        # As the user passed them, which is what a run that goes on passes again.
        self._asked = {"two_stages": two_stages, "main_metric": main_metric, "class_weights": weights}
        # What is no plain value: a run's folder says only that it was there.
        self._own = {
            "metrics": metrics,
            "optimizer": None if isinstance(optimizer, str) else optimizer,
            "loss_fn": loss_fn,
        }
        # What the folder cannot hold: a run that goes on refuses to do so without it.
        own = {"arch": self._start is not None, **self._own, "callbacks": callbacks}
        # Last: an argument that cannot work leaves no folder behind.
        self.run = None if run is None else run if isinstance(run, Run) else new_run(Path(run).parent, Path(run).name)
        if self.run is not None:
            settings = {**self.settings, "own": [*filter(own.get, own)], "notes": [*self.history.notes]}
            self.run.begin(data, settings, self.model)
            # A run that goes on names its architecture: why it was chosen is known from when it began.
            self.history.notes[:] = self.run.config["settings"].get("notes", [])

    @classmethod
    def resume(
        cls,
        run: str | os.PathLike[str],
        *,
        data: Data | str | os.PathLike[str] | None = None,
        arch: nn.Module | Model | None = None,
        metrics: Sequence[MetricLike] = (),
        optimizer: OptimizerChoice | None = None,
        loss_fn: Loss | None = None,
        callbacks: Sequence[Callback] = (),
        accept_changes: bool = False,
        progress: bool | Progress = True,
    ) -> Learner:
        """A run's learner again: what was done is read, and what is left of the call that was stopped is done.

        On the same kind of processor, with as many threads, it ends at the same bits as without the stop.

        Args:
            run: The run's folder.
            data: Where its files have moved, the folder that they are in now; the same data set, where its items were
                arrays or images in memory.
            arch: The same module, where the run was started with one of your own; its weights do not matter.
            metrics: The same metrics, where the run was started with some of your own.
            optimizer: The same class or function, where the run was started with one.
            loss_fn: The same function, likewise.
            callbacks: The same callbacks, likewise.
            accept_changes: Whether to go on when files of the data have changed since.
            progress: Whether to show how far training has come.

        Raises:
            ConfigError: If that is no run's folder.
            DataError: If the data have changed.
            RunError: If something of your own is not passed again, or another process is using the run.
            CheckpointError: If a checkpoint cannot be read, or belongs to another model.
        """
        own = {"arch": arch, "metrics": metrics, "optimizer": optimizer, "loss_fn": loss_fn, "callbacks": callbacks}
        return resume_run(cls, run, data=data, own=own, accept_changes=accept_changes, progress=progress)

    @property
    def _trained(self) -> TrainedModel:
        """The model with all that a report needs to know of it."""
        return TrainedModel(
            setup=self.setup,
            metrics=self.data.target.metrics().with_metrics(self._own["metrics"], main=self._asked["main_metric"]),
            history=self.history,
            all_features=self.features,
            settings=self.settings,
            folder=self.run.path if self.run else None,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the run, as plain values."""
        setup = self.setup
        return {
            "arch": self.arch,
            "pretrained": self.pretrained,
            **self._asked,
            "seed": setup.seed,
            "optimizer": setup.optimizer if isinstance(setup.optimizer, str) else None,
            "batch_size": "auto" if setup.split_batches else setup.batch_size,
            "device": str(setup.precision.device),
            "precision": setup.precision.name_for(setup.model),
            "augment": setup.training_view.to_json(),
        }

    def fine_tune(
        self, epochs: int | None = None, *, minutes: float | None = None, lr: float | None = None, **options: Any
    ) -> History:
        """Transfer learning in two stages; see `headway.train.fine_tune`.

        A model without pretrained weights is trained in one stage.

        Args:
            epochs: Epochs that train every layer. Default: a good number; less where the head alone does better.
            minutes: Time to take, instead of `epochs`.
            lr: Peak learning rate of the last layers.
            options: Of the stage for every layer, such as `mixup=0.2`: the fields of `hw.Options`.

        Raises:
            ConfigError: If an option is not known or cannot have an effect.
            TrainingError: If the loss is NaN.
        """
        arguments = {"epochs": epochs, "minutes": minutes, "lr": lr, **options}
        chosen = options_of(arguments, recommended(self.setup, two_stages=self.two_stages))
        check_training(chosen, self.setup, epochs=epochs, minutes=minutes)
        train = fine_tune if self.two_stages else train_from_scratch
        with self._recorded("fine_tune", arguments) as call:
            if call.is_done:
                features = kept_features(call.setup)
            else:
                features = train(call.setup, self.history, epochs=epochs, minutes=minutes, lr=lr, options=chosen)
        if features is not None and features.data.input is not self.data.input:
            self.data, self._baselines = features.data, None
            self.setup = self.setup.reading(self.data)
        # After the first time the body is no longer the one that was pretrained.
        if features is not None and self.features is None:
            self.features, self._baselines = features, None
            if features.unseen is not None:
                self.setup = self.setup.knowing(*features.unseen)
                self.data = self.setup.data
        return self.history

    def adapt(self, epochs: int | None = None, *, minutes: float | None = None) -> History:
        """Goes on pretraining the body on your own items, before `fine_tune`; see `headway.train.pretraining`.

        Of texts, words are hidden and guessed; of series, stretches of time. It learns from training rows and from rows
        without a target, never from valid or test. What that brought, on folds of the training rows, is noted in
        `history` and in the report.

        Args:
            epochs: Passes over these rows. Default: a good number for them.
            minutes: Time to take, instead of `epochs`.

        Returns:
            The epochs of pretraining alone: `valid_loss` is on a few of these rows, held out.

        Raises:
            ConfigError: If the model has no body that learns so, or an argument is out of its range.
            TrainingError: If the loss is NaN.
        """
        arguments = {"epochs": epochs, "minutes": minutes}
        options_of(arguments)
        pretraining = pretraining_of(self.setup, epochs=epochs)
        with self._recorded("adapt", arguments) as call:
            adapt(call, pretraining, self.history, self.adapted, **arguments)
        # They were those of the body that was not adapted.
        self.features, self._baselines = None, None
        return self.adapted

    def fit(self, epochs: int, *, lr: float | None = None, **options: Any) -> History:
        """Trains every layer, at the same rate unless `lr_decay` is below 1.

        Args:
            epochs: Passes over the training rows, at least 1.
            lr: Peak learning rate. Default: 0.001.
            options: Such as `mixup=0.2`: the fields of `hw.Options`.

        Raises:
            ConfigError: If an option is not known or cannot have an effect.
            TrainingError: If the loss is NaN.
        """
        arguments = {"epochs": epochs, "lr": lr, **options}
        plan = Plan(epochs=epochs, lr=FIT_LR if lr is None else lr, options=options_of(arguments))
        check_training(plan.options, self.setup)
        with self._recorded("fit", arguments) as call:
            if not call.is_done:
                fit(call.setup, plan, self.history)
        return self.history

    def freeze(self, to: int = -1) -> None:
        """Freezes the layers before a group, so that training changes those from it on alone.

        A body has up to three groups of layers, from its first to its last; the head is the last group.

        Args:
            to: The first group that trains. Default: -1, the head alone.

        Raises:
            ConfigError: If there is no such group, or the model has no body and head.
        """
        freeze_to(self.model, to)
        # There is nothing to train; it is written down, so that a run that goes on freezes the same layers.
        with self._recorded("freeze", {"to": to}):
            pass

    def unfreeze(self) -> None:
        """Lets every layer train."""
        self.freeze(to=0)

    def save_weights(self, path: str | os.PathLike[str]) -> Path:
        """Writes the model's weights as a safetensors file; `export` writes a model that predicts on its own."""
        return save_weights(self.model, path)

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Takes the weights that `save_weights` wrote.

        Raises:
            WeightsError: If the file cannot be read, or holds another model's weights.
        """
        with self._recorded("load_weights", {"path": os.fspath(path)}) as call:
            if not call.is_done:
                load_weights(self.model, path)
        # They were the features of the body that the model had before.
        self.features, self._baselines = None, None

    def find_lr(self) -> LrFinder:
        """Tries learning rates from 1e-6 to 1 and suggests one; the model stays as it is."""
        return find_lr(self.setup)

    def cross_validate(self, folds: int = 5) -> CrossValidation:
        """Trains and judges the model anew for each fold of the train and valid rows; this learner stays as it is.

        The calls are those that trained this learner, else `fine_tune()`; without callbacks. Groups stay whole.
        Weights that were loaded from a file are loaded for every fold: they must not come from these rows.

        Args:
            folds: How many, from 2.

        Raises:
            ConfigError: If the rows cannot be divided into so many folds.
        """
        estimates = [self._again(data).evaluate() for data in fold_data(self.data, folds, seed=self.seed)]
        values = [{name: estimate.value for name, estimate in fold.items()} for fold in estimates]
        return CrossValidation.of(values, self._trained.metrics)

    def ensemble_with(self, baseline: str) -> Ensemble:
        """The average of the model and a baseline, such as "gradient boosting", judged beside each alone.

        The weight is chosen on training rows that are set aside, so both are trained once more, on the rest.

        Args:
            baseline: Its name; see `baselines()`.

        Raises:
            ConfigError: If there is no such baseline, or answers of this kind are not averaged.
        """
        return ensemble(self._trained, baseline, train_again=lambda data: self._again(data)._trained)  # noqa: SLF001

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        report: Report | None = None,
        quantize: QuantizeName | None = None,
        intended_use: str = "",
        misuse: str = "",
        sheet: str | os.PathLike[str] | None = None,
    ) -> Path:
        """Writes the model as one file that predicts without torch; see `headway.bundle`.

        Args:
            path: Where, usually ending in `.headway`.
            report: The report whose figures go into the file. Default: made anew.
            quantize: "int8" for a smaller and faster graph, where it costs at most half a point on valid, or
                1 % of an error in a unit; the manifest's `quantization` has the figures of both and which was kept.
            intended_use: For the model card: what the model is for, and who uses it. Default: a blank.
            misuse: Likewise, what it must not be used for.
            sheet: A data sheet that you have filled in, a Markdown file. Default: that of `data.sheet()`.

        Raises:
            ConfigError: If the data sheet cannot be read.
        """
        check_quantize(quantize, self.data.input)
        if self.progress is not None and not len(self.history):
            self.progress.tell(UNTRAINED)
        said = {"intended_use": intended_use, "misuse": misuse, "sheet": sheet}
        made = {"report": report or self.report(), "known": self.features and self.features.parts, "quantize": quantize}
        return export_trained(path, setup=self.setup, **made, **said)

    def peel(self, call: str | None = None, *, layer: LayerName = "loop") -> Peeled:
        """The training so far as code: a runnable file one layer down or two, which ends at the same bits.

        Args:
            call: A call that trained, such as "fine_tune": then only what stands for it is given. Default: the whole
                file.
            layer: "method" for the calls with all their options, "loop" for the training loop with Headway's parts,
                "torch" for plain PyTorch without Headway.

        Returns:
            The code; `save` writes it, and the files that it reads, such as the table of items, beside it.

        Raises:
            ConfigError: If there is no such call or layer, or the training cannot be written as that layer.
        """
        from headway.peel.write import peel

        own = {"arch": self._start, "optimizer": self._own["optimizer"], "loss_fn": self._own["loss_fn"]}
        known = {"calls": self._calls, "epochs": self._epochs, "own": own, "two_stages": self.two_stages}
        return peel(subject_of(self._trained, run=self.run, **known), layer, call=call)

    def _again(self, data: Data) -> Learner:
        """A learner with the same settings, trained in the same way on other data."""
        # A copy: training changes the module, and there may be other data after these.
        own = {**self._own, "arch": copy.deepcopy(self._start)}
        made = made_again(type(self), self.settings, data, **own, progress=False)
        return replay(made, self._calls or [{"call": "fine_tune"}])

    @contextmanager
    def _recorded(self, name: str, arguments: dict[str, Any]) -> Iterator[Call]:
        """A context for a call that trains: kept in the run's folder, or read from there where it was done before."""
        call = {"call": name, **arguments}
        self._calls.append(call)
        if self.progress is not None and name != "freeze" and not len(self.history):
            for copies in self.data.copies:
                self.progress.tell(f"{copies.sentence} {ADVICE}")
        try:
            number, known = len(self._calls) - 1, {"setup": self.setup, "history": self.history}
            with float32_default(), recorded(self.run, number, call, **known) as made:
                yield made
            self._epochs.append(sum(entry.stage == "all" for entry in self.history))
        finally:
            if self.progress is not None:
                self.progress.close()

    def __repr__(self) -> str:
        count = sum(parameter.numel() for parameter in self.model.parameters())
        trained = str(self.history) if len(self.history) else "not trained"
        return f"Learner({self.arch}, {count:,} parameters; {self.data}; {trained})"

    def _repr_html_(self) -> str:
        """What a notebook shows: what it is, and its history."""
        return f"<p>{escape(repr(self))}</p>{self.history._repr_html_()}"

    def _record(self, entry: Epoch) -> None:
        if self.run is not None:
            self.run.record(len(self.history) - 1, entry.to_json())

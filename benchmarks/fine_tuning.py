"""How much better than the head alone is a model that takes longer, on folds of training photos, and what does it cost?

All photos come from training folders; the others of a set are never read. Three stratified folds, of which one is
judged: a model learns from the other two. "head" is `fine_tune(epochs=0)`, "default" is `fine_tune()`: mirror images
where heads do better so, then every layer, unless the head is good enough, broken off halfway where that is worse. "3
epochs" are those of every layer. "10 times" is `fine_tune(minutes=)` with ten times the seconds that the head alone
took: then photos may be read larger.

Others start from the same weights and take the same photos at 224 pixels. fastai is set up as in `time_to_accuracy`,
for 5 and for 10 epochs after the frozen one. "timm, 3 + 10 epochs" is a bare recipe: timm's network and augmentation,
AdamW and a cosine schedule, three epochs of the classifier alone and ten of every layer at a rate of 0.0003.

"times the head" is processor time beside that of the head alone, from opening the folder, processes that read photos
included. Differences are to the head of the same fold, with the 95 % interval of a bootstrap over photos. The accuracy
after each epoch is drawn over processor time in `docs/fine_tuning.svg`. The environment variable HEADWAY_PHOTOS may
name another folder with a folder a class.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.peers import fastai_learner, fastai_loaders, is_installed, quiet, timm_model, watched
from benchmarks.results import ROOT, Row, data_folder, empty_cache, pet_breeds
from headway.data.build import from_folder
from headway.learner.learner import Learner
from headway.train.history import Epoch
from headway.train.progress import Progress

FOLDS, SEED = 3, 0
# How many of the folds are judged: on one core the plans take most of an hour for each.
JUDGED = 1
TIMES = 10

# Epochs and rates of the classifier alone, and of every layer, in timm's bare recipe, and photos a step.
TIMM_EPOCHS, TIMM_RATES, TIMM_BATCH = (3, 10), (3e-3, 3e-4), 32


@dataclass(frozen=True)
class Judged:
    """What a plan made of a fold.

    Attributes:
        is_right: Whether each photo of the fold's own part was named rightly, bool `[photos]`.
        losses: Their log losses, `[photos]`.
        curve: Seconds of the processor and held-out accuracy after each epoch and at the end.
    """

    is_right: np.ndarray
    losses: np.ndarray
    curve: Sequence[tuple[float, float]]

    @classmethod
    def of(cls, probabilities: np.ndarray, targets: np.ndarray, curve: Sequence[tuple[float, float]]) -> Judged:
        """From answers `[photos, classes]` and the classes, after `curve`."""
        losses = -np.log(probabilities[np.arange(len(targets)), targets].clip(1e-12))
        return cls(probabilities.argmax(axis=1) == targets, losses, curve)

    @property
    def seconds(self) -> float:
        """All that the plan took of the processor."""
        return self.curve[-1][0]


def run() -> list[Row]:
    """Each set, by plan."""
    rows: list[Row] = []
    curves: dict[str, dict[str, list[Judged]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        clothing, own = data_folder("clothing"), os.environ.get("HEADWAY_PHOTOS")
        folders = {"clothing": clothing and clothing / "train", "pet_breeds": pet_breeds(Path(scratch))}
        if own:
            folders |= {Path(own).name: Path(own)}
        for name, folder in folders.items():
            if folder is None:
                print(f"{name}: not there, left out")
                continue
            judged = study(name, folder, Path(scratch) / f"folds-{name}")
            rows += [_row(name, plan, folds, judged["head"]) for plan, folds in judged.items()]
            curves[name] = judged
    if curves:
        draw(curves, ROOT / "docs" / "fine_tuning.svg")
    return rows


def study(name: str, folder: Path, scratch: Path) -> dict[str, list[Judged]]:
    """One set: each plan, by fold."""
    judged: dict[str, list[Judged]] = {}
    for fold in range(JUDGED):
        photos = _fold(folder, scratch / str(fold), fold=fold)
        elapsed = 0.0
        for plan, train in _plans().items():
            start = time.perf_counter()
            # Features that an earlier plan computed would be read.
            with empty_cache():
                found = train(photos, TIMES * elapsed / 60)
            elapsed = time.perf_counter() - start if plan == "head" else elapsed
            judged.setdefault(plan, []).append(found)
            shown = f"{found.is_right.mean():.4f} {found.losses.mean():.3f} {found.seconds:.1f}"
            print(name, fold, plan, shown, [round(accuracy, 3) for _, accuracy in found.curve], flush=True)
    return judged


def _plans() -> dict[str, Callable[[Path, float], Judged]]:
    """What is compared: functions of a folder and of minutes, ten times those of the head, which is the first."""
    plans: dict[str, Callable[[Path, float], Judged]] = {
        "head": lambda photos, _: _headway(photos, epochs=0),
        "default": lambda photos, _: _headway(photos),
        "3 epochs": lambda photos, _: _headway(photos, epochs=3),
        "10 times": lambda photos, minutes: _headway(photos, minutes=minutes),
        "timm, 3 + 10 epochs": lambda photos, _: _timm(photos),
    }
    if is_installed("fastai"):
        plans["fastai, fine_tune(5)"] = lambda photos, _: _fastai(photos, epochs=5)
        plans["fastai, fine_tune(10)"] = lambda photos, _: _fastai(photos, epochs=10)
    return plans


def _headway(photos: Path, *, epochs: int | None = None, minutes: float | None = None) -> Judged:
    start = _seconds()
    curve: list[tuple[float, float]] = []

    class Clock(Progress):
        def tell(self, text: str) -> None:
            pass

        def on_entry(self, entry: Epoch) -> None:
            curve.append((_seconds() - start, entry.metrics["accuracy"]))

    learner = Learner(from_folder(photos), "efficientnet_lite0", seed=SEED, progress=Clock())
    learner.fine_tune(epochs, minutes=minutes)
    seconds = _seconds() - start
    # Of the learner's own data: they may be larger than they were. Stage two need not be what is kept.
    predicted = learner.setup.predict(learner.data.valid)
    accuracy = (predicted.predictions.argmax(axis=1) == predicted.targets).mean()
    return Judged.of(predicted.predictions, predicted.targets, [*curve, (seconds, accuracy)])


def _fastai(photos: Path, *, epochs: int) -> Judged:
    import fastai.vision.all  # pyright: ignore[reportMissingImports]  # noqa: F401 - no part of the seconds

    items = from_folder(photos).items
    start = _seconds()
    # With 64, its default, fewer photos would make few steps an epoch.
    num_train = (items["split"] == "train").sum()
    learner = fastai_learner(fastai_loaders(items, batch_size=64 if num_train >= 300 else 16, seed=SEED))
    at, accuracies = watched(learner, _seconds)
    with quiet(learner):
        learner.fine_tune(epochs)
        curve = [(seconds - start, accuracy) for seconds, accuracy in zip(at, accuracies, strict=True)]
        probabilities, targets = learner.get_preds()
    return Judged.of(probabilities.numpy(), targets.numpy(), curve)


def _timm(photos: Path) -> Judged:
    from timm.data.config import resolve_data_config
    from timm.data.dataset import ImageDataset
    from timm.data.transforms_factory import create_transform
    from torch.utils.data import DataLoader

    torch.manual_seed(SEED)
    start = _seconds()
    model = timm_model(sum(label.is_dir() for label in (photos / "train").iterdir()))
    config: dict[str, Any] = resolve_data_config(model=model)
    loaders = {
        part: DataLoader(
            ImageDataset(str(photos / part), transform=create_transform(**config, is_training=part == "train")),
            batch_size=TIMM_BATCH,
            shuffle=part == "train",
        )
        for part in ("train", "valid")
    }
    curve: list[tuple[float, float]] = []
    probabilities, targets = torch.empty(0), torch.empty(0)
    for epochs, lr, trained in zip(TIMM_EPOCHS, TIMM_RATES, (model.get_classifier(), model), strict=True):
        model.requires_grad_(False)
        optimizer = torch.optim.AdamW(trained.requires_grad_(True).parameters(), lr=lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loaders["train"]))
        for _ in range(epochs):
            model.eval()
            trained.train()
            for images, labels in loaders["train"]:
                optimizer.zero_grad()
                F.cross_entropy(model(images), labels).backward()
                optimizer.step()
                schedule.step()
            probabilities, targets = _answers(model.eval(), loaders["valid"])
            curve.append((_seconds() - start, (probabilities.argmax(1) == targets).float().mean().item()))
    return Judged.of(probabilities.numpy(), targets.numpy(), curve)


@torch.no_grad()
def _answers(model: torch.nn.Module, batches: Any) -> tuple[torch.Tensor, torch.Tensor]:
    answers = [(model(images).softmax(1), labels) for images, labels in batches]
    return torch.cat([probabilities for probabilities, _ in answers]), torch.cat([labels for _, labels in answers])


def _seconds() -> float:
    """Of the processor, by this process and those that it has waited for."""
    return sum(os.times()[:4])


def _row(name: str, plan: str, folds: Sequence[Judged], head: Sequence[Judged]) -> Row:
    is_right, losses = (np.concatenate([getattr(fold, each) for fold in folds]) for each in ("is_right", "losses"))
    gain = is_right.astype(float) - np.concatenate([fold.is_right for fold in head])
    draws = np.random.default_rng(0).integers(0, len(gain), (2000, len(gain)))
    low, high = np.quantile(gain[draws].mean(axis=1), (0.025, 0.975))
    return {
        "photos": f"{name}, {len(gain)}",
        "plan": plan,
        "accuracy": f"{is_right.mean():.4f}",
        "points more than the head": f"{100 * gain.mean():+.1f}, {100 * low:+.1f} to {100 * high:+.1f}",
        "log loss": f"{losses.mean():.3f}",
        "times the head": sum(fold.seconds for fold in folds) / sum(fold.seconds for fold in head),
    }


def draw(curves: Mapping[str, Mapping[str, Sequence[Judged]]], file: Path) -> None:
    """Accuracy over processor time, the mean over folds, of each set and plan, as an SVG."""
    import matplotlib as mpl
    from matplotlib.ticker import NullFormatter

    from headway.system.figures import new_figure

    figure, axes = new_figure(columns=len(curves))
    for each, (name, plans) in zip(axes, curves.items(), strict=True):
        for plan, folds in plans.items():
            at = [[seconds for seconds, _ in fold.curve] for fold in folds]
            # Folds need not have as many epochs in the time: between epochs the mean is of straight lines.
            grid = np.geomspace(max(one[0] for one in at), max(one[-1] for one in at), 40)
            heights = [[accuracy for _, accuracy in fold.curve] for fold in folds]
            mean = np.mean([np.interp(grid, *pair) for pair in zip(at, heights, strict=True)], axis=0)
            (line,) = each.plot(grid, mean, label=plan, linestyle="--" if "," in plan else "-")
            each.plot(grid[-1:], mean[-1:], "o", color=line.get_color())
        each.set(xscale="log", title=name, xlabel="seconds of the processor", ylabel="held-out accuracy")
        # Of two decades or fewer each tick would have a number, one over the other.
        each.xaxis.set_minor_formatter(NullFormatter())
        low = min(fold.is_right.mean() for folds in plans.values() for fold in folds)
        each.set_ylim(bottom=max(low - 0.1, 0))
    axes[0].legend(fontsize="small")
    with mpl.rc_context({"svg.hashsalt": file.stem, "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None})


def _fold(folder: Path, scratch: Path, *, fold: int) -> Path:
    """A folder of links, with the parts train and valid: within a class every third photo is in the fold."""
    for label in sorted(path for path in folder.iterdir() if path.is_dir()):
        photos = sorted(path for path in label.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
        for number, position in enumerate(np.random.default_rng(SEED).permutation(len(photos))):
            part = scratch / ("valid" if number % FOLDS == fold else "train") / label.name
            part.mkdir(parents=True, exist_ok=True)
            (part / photos[position].name).symlink_to(photos[position].resolve())
    return scratch

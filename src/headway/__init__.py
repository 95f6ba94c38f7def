"""Headway: deep learning for coders.

The public names, loaded when they are first used: `import headway as hw` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headway import datasets, lab, sklearn
    from headway.bundle.predictor import Predictor, load
    from headway.bundle.scoring import Scorer
    from headway.data.arrays import from_arrays, from_dataset
    from headway.data.build import from_csv, from_folder, from_items
    from headway.data.dataset import Data
    from headway.data.splits import ColumnSplit, GroupSplit, RandomSplit, TimeSplit
    from headway.errors import (
        BundleError,
        CheckpointError,
        ConfigError,
        DataError,
        HeadwayError,
        ReadError,
        RunError,
        ShapeError,
        Stopped,
        TrainingError,
        WeightsError,
    )
    from headway.inputs.bytes.field import Bytes
    from headway.inputs.image.augment import Augment
    from headway.inputs.image.field import Image
    from headway.inputs.ratings.field import Ratings
    from headway.inputs.series.field import Series
    from headway.inputs.sound.field import Sound
    from headway.inputs.table.field import Table
    from headway.inputs.text.field import Text
    from headway.judge.intervals import Estimate
    from headway.judge.metric import Metric
    from headway.judge.report.build import judge_predictions
    from headway.judge.report.report import Report
    from headway.learner.learner import Learner
    from headway.targets.base import Prediction
    from headway.targets.categories.field import Categories
    from headway.targets.category.field import Category
    from headway.targets.future.field import Future
    from headway.targets.mask.field import Mask
    from headway.targets.next_token.field import NextToken
    from headway.targets.number.field import Number
    from headway.targets.points.field import Points
    from headway.train.callbacks import Callback
    from headway.train.early_stopping import EarlyStopping
    from headway.train.history import History
    from headway.train.loggers import CSVLogger, TensorBoard, Trackio
    from headway.train.model import Model
    from headway.train.options import Options
    from headway.train.recipe import Recipe

    __version__: str

__all__ = [
    "Augment",
    "BundleError",
    "Bytes",
    "CSVLogger",
    "Callback",
    "Categories",
    "Category",
    "CheckpointError",
    "ColumnSplit",
    "ConfigError",
    "Data",
    "DataError",
    "EarlyStopping",
    "Estimate",
    "Future",
    "GroupSplit",
    "HeadwayError",
    "History",
    "Image",
    "Learner",
    "Mask",
    "Metric",
    "Model",
    "NextToken",
    "Number",
    "Options",
    "Points",
    "Prediction",
    "Predictor",
    "RandomSplit",
    "Ratings",
    "ReadError",
    "Recipe",
    "Report",
    "RunError",
    "Scorer",
    "Series",
    "ShapeError",
    "Sound",
    "Stopped",
    "Table",
    "TensorBoard",
    "Text",
    "TimeSplit",
    "Trackio",
    "TrainingError",
    "WeightsError",
    "__version__",
    "datasets",
    "from_arrays",
    "from_csv",
    "from_dataset",
    "from_folder",
    "from_items",
    "judge_predictions",
    "lab",
    "load",
    "sklearn",
]

# The public names of each module.
_NAMES: dict[str, tuple[str, ...]] = {
    "headway.bundle.predictor": ("Predictor", "load"),
    "headway.bundle.scoring": ("Scorer",),
    "headway.data.arrays": ("from_arrays", "from_dataset"),
    "headway.data.build": ("from_csv", "from_folder", "from_items"),
    "headway.data.dataset": ("Data",),
    "headway.data.splits": ("ColumnSplit", "GroupSplit", "RandomSplit", "TimeSplit"),
    "headway.errors": (
        "BundleError",
        "CheckpointError",
        "ConfigError",
        "DataError",
        "HeadwayError",
        "ReadError",
        "RunError",
        "ShapeError",
        "Stopped",
        "TrainingError",
        "WeightsError",
    ),
    "headway.inputs.bytes.field": ("Bytes",),
    "headway.inputs.image.augment": ("Augment",),
    "headway.inputs.image.field": ("Image",),
    "headway.inputs.series.field": ("Series",),
    "headway.inputs.ratings.field": ("Ratings",),
    "headway.inputs.sound.field": ("Sound",),
    "headway.inputs.table.field": ("Table",),
    "headway.inputs.text.field": ("Text",),
    "headway.judge.intervals": ("Estimate",),
    "headway.judge.metric": ("Metric",),
    "headway.judge.report.build": ("judge_predictions",),
    "headway.judge.report.report": ("Report",),
    "headway.learner.learner": ("Learner",),
    "headway.targets.base": ("Prediction",),
    "headway.targets.categories.field": ("Categories",),
    "headway.targets.category.field": ("Category",),
    "headway.targets.mask.field": ("Mask",),
    "headway.targets.future.field": ("Future",),
    "headway.targets.next_token.field": ("NextToken",),
    "headway.targets.number.field": ("Number",),
    "headway.targets.points.field": ("Points",),
    "headway.train.callbacks": ("Callback",),
    "headway.train.early_stopping": ("EarlyStopping",),
    "headway.train.history": ("History",),
    "headway.train.loggers": ("CSVLogger", "TensorBoard", "Trackio"),
    "headway.train.model": ("Model",),
    "headway.train.options": ("Options",),
    "headway.train.recipe": ("Recipe",),
}

_HOMES = {name: module for module, names in _NAMES.items() for name in names}

_MODULES = {"datasets": "headway.datasets", "lab": "headway.lab", "sklearn": "headway.sklearn"}


def __getattr__(name: str) -> Any:
    """The public name, from its home (PEP 562)."""
    if name == "__version__":
        # The one place that knows it is pyproject.toml.
        return import_module("importlib.metadata").version("headway")
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOMES:
        message = f"module 'headway' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__

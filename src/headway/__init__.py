"""Headway: deep learning for coders.

The public names, loaded when they are first used: `import headway as hw` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headway.augment import Augment
    from headway.bundle.predictor import Predictor, load
    from headway.data import datasets
    from headway.data.build import from_csv, from_folder, from_items
    from headway.data.dataset import Data
    from headway.data.splits import ColumnSplit, GroupSplit, RandomSplit, TimeSplit
    from headway.errors import HeadwayError
    from headway.fields.base import Prediction
    from headway.fields.categories import Categories
    from headway.fields.category import Category
    from headway.fields.image import Image
    from headway.fields.mask import Mask
    from headway.fields.number import Number
    from headway.fields.pair import Pair
    from headway.fields.points import Points
    from headway.fields.table import Table
    from headway.judge.arrays import judge
    from headway.learner import Learner
    from headway.train.callbacks import Callback

__all__ = [
    "Augment",
    "Callback",
    "Categories",
    "Category",
    "ColumnSplit",
    "Data",
    "GroupSplit",
    "HeadwayError",
    "Image",
    "Learner",
    "Mask",
    "Number",
    "Pair",
    "Points",
    "Prediction",
    "Predictor",
    "RandomSplit",
    "Table",
    "TimeSplit",
    "datasets",
    "from_csv",
    "from_folder",
    "from_items",
    "judge",
    "load",
]

_HOMES = {
    "Augment": "headway.augment",
    "Callback": "headway.train.callbacks",
    "Categories": "headway.fields.categories",
    "Category": "headway.fields.category",
    "ColumnSplit": "headway.data.splits",
    "Data": "headway.data.dataset",
    "GroupSplit": "headway.data.splits",
    "HeadwayError": "headway.errors",
    "Image": "headway.fields.image",
    "Learner": "headway.learner",
    "Mask": "headway.fields.mask",
    "Number": "headway.fields.number",
    "Pair": "headway.fields.pair",
    "Points": "headway.fields.points",
    "Prediction": "headway.fields.base",
    "Predictor": "headway.bundle.predictor",
    "RandomSplit": "headway.data.splits",
    "Table": "headway.fields.table",
    "TimeSplit": "headway.data.splits",
    "from_csv": "headway.data.build",
    "from_folder": "headway.data.build",
    "from_items": "headway.data.build",
    "judge": "headway.judge",
    "load": "headway.bundle.predictor",
}

_MODULES = {"datasets": "headway.data.datasets"}


def __getattr__(name: str) -> Any:
    """The public name, from its home (PEP 562)."""
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOMES:
        message = f"module 'headway' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__

"""Small bundles of every kind, whose answers are known: `make("number", folder)`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import nn

from headway.bundle.export import export_bundle
from headway.bundle.reference import reference
from headway.inputs.base import Input, learned
from headway.inputs.bytes.field import Bytes
from headway.inputs.image.field import Image
from headway.inputs.past.field import Past
from headway.inputs.past.models import build
from headway.inputs.ratings.field import Ratings
from headway.inputs.sound.field import Sound
from headway.inputs.sound.spectrogram import LogMel
from headway.inputs.table.field import Table
from headway.inputs.text.encoder import Encoder, EncoderSize
from headway.inputs.text.field import Text
from headway.inputs.text.networks import PooledEncoder
from headway.targets.base import Target
from headway.targets.categories.field import Categories
from headway.targets.category.field import Category
from headway.targets.future.field import Future
from headway.targets.mask.field import Mask
from headway.targets.number.field import Number
from headway.targets.points.field import Points
from headway.train.model import BodyAndHead

__all__ = ["PEOPLE", "make"]

SIZE = 16
COLOURS = ("red", "green", "blue")
# Emptied when the process ends.
_MADE = tempfile.TemporaryDirectory(prefix="headway-bundles-")


class Colour(nn.Module):
    """The mean of each channel, from 0 to 1, and a linear layer on it."""

    def __init__(self, weight: list[list[float]], bias: list[float]) -> None:
        super().__init__()
        self.head = nn.Linear(3, len(bias))
        self.head.weight.data, self.head.bias.data = torch.tensor(weight), torch.tensor(bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(inputs.mean(dim=(2, 3)))


class Pixels(nn.Module):
    """A class a pixel: the second where it is rather red."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        red = 20 * (inputs[:, :1] - inputs[:, 1:].mean(dim=1, keepdim=True) - 0.5)
        return torch.cat([-red, red], dim=1)


class Rows(nn.Module):
    """One number from a row's first feature, as logits of two classes where they are wanted."""

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        self.num_outputs = num_outputs

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.cat([-inputs[:, :1], inputs[:, :1]], dim=1)[:, -self.num_outputs :]


class Words(nn.Module):
    """The sum of what each token says of two classes: "lovely" for the second, "awful" for the first."""

    def __init__(self, field: Text) -> None:
        super().__init__()
        self.words = nn.Embedding(field.vocabulary, 2, padding_idx=0)
        self.words.weight.data.zero_()
        for word, weight in (("lovely", 2.0), ("awful", -2.0)):
            self.words.weight.data[int(field.read(word)[-1]), 1] = weight

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.words(inputs).sum(dim=1)


class Scaled(nn.Module):
    """Pixels from 0 to 255 to numbers from 0 to 1."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs / 255


class Pitch(nn.Module):
    """Two classes, low and high: by whether the loudest band of a spectrogram lies below the 20th or above."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        bands = inputs.mean(dim=(1, 3))
        higher = 9 * (bands[:, 20:].amax(dim=1, keepdim=True) - bands[:, :20].amax(dim=1, keepdim=True))
        return torch.cat([-higher, higher], dim=1)


class HighBytes(nn.Module):
    """Two classes, text and binary: by whether any byte lies from 128 on."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        is_high = ((inputs >= 128) & (inputs < 256)).float().amax(dim=(1, 2))[:, None]
        return 9 * torch.cat([0.5 - is_high, is_high - 0.5], dim=1)


def _people() -> pl.DataFrame:
    """A table with a column of every kind, and missing values in some of them."""
    draw = np.random.default_rng(0)
    count = 200
    age = draw.integers(18, 80, count).astype(float).tolist()
    jobs = draw.choice(["cook", "smith", "nurse", 'a "b" <c>'], count).tolist()
    joined = [date(2020, 1, 1) + timedelta(days=int(each)) for each in draw.integers(0, 1500, count)]
    frame = {"age": [None, *age[1:]], "job": [*jobs[:-1], None], "joined": joined, "smokes": (draw.random(count) > 0.5)}
    return pl.DataFrame(frame)


PEOPLE = _people()
"""The training rows of the tables."""


def _photo_model(target: Target, model: nn.Module) -> Callable[[], tuple[Input, Target, nn.Module, nn.Module]]:
    return lambda: (Image("file", size=SIZE), target, model, Scaled())


def _table_model(target: Target) -> Callable[[], tuple[Input, Target, nn.Module, nn.Module]]:
    def make_model() -> tuple[Input, Target, nn.Module, nn.Module]:
        field = Table(continuous=["age"], categorical=["job", "smokes"], dates=["joined"]).fit(PEOPLE)
        return field, target, Rows(target.num_outputs), nn.Identity()

    return make_model


def _text_model() -> tuple[Input, Target, nn.Module, nn.Module]:
    """A small encoder with random weights, whose answers mean nothing."""
    torch.manual_seed(0)
    field = Text("job", max_tokens=16).fit(PEOPLE)
    size = EncoderSize(vocabulary=field.vocabulary, positions=16, dim=8, heads=2, layers=2, width=16)
    body = PooledEncoder(Encoder(size), (1, 2))
    target = Category("rich", labels=("no", "yes"))
    return field, target, BodyAndHead(body, body.num_features, target.num_outputs), nn.Identity()


REVIEWS = pl.DataFrame({"review": ["A lovely film, and an awful book.", "The lovely actors were awful."] * 30})
"""The training rows of the texts."""


def _review_model() -> tuple[Input, Target, nn.Module, nn.Module]:
    field = Text("review", tokenizer="byte_pair").fit(REVIEWS)
    return field, Category("liked", labels=("no", "yes")), Words(field), nn.Identity()


@cache
def _sales() -> tuple[Past, pl.DataFrame]:
    """A field of one series, and its training rows. Not when imported: few tests need it."""
    days = pl.DataFrame({"sales": [20 + 5 * (day % 4) + day / 10 for day in range(60)]})
    return Past("sales", horizon=2, season=4).items_of(days)[:2]


def _future_model() -> tuple[Input, Target, nn.Module, nn.Module]:
    """The last season again: nothing was learned."""
    past, rows = _sales()
    field = past.fit(rows)
    return field, Future("sales", horizon=2, season=4), build(None, field).module, nn.Identity()


_KINDS: dict[str, Callable[[], tuple[Input, Target, nn.Module, nn.Module]]] = {
    "number": _photo_model(learned(Number("redness"), mean=0.0, std=1.0), Colour([[100.0, 0.0, 0.0]], [0.0])),
    "labels": _photo_model(
        Categories("colours", labels=COLOURS, thresholds=(0.5, 0.5, 0.5)),
        Colour((8 * np.eye(3, dtype=np.float32)).tolist(), [-4.0] * 3),
    ),
    "points": _photo_model(
        learned(Points("corners"), mean=(-0.5, -0.5, 0.5, 0.0), std=1.0), Colour([[0.0, 0.0, 0.0]] * 4, [0.0] * 4)
    ),
    "mask": _photo_model(Mask("mask", classes=["rest", "red"]), Pixels()),
    "ratings": lambda: (
        Ratings("job", "smokes").fit(PEOPLE),
        learned(Number("height"), mean=170.0, std=10.0),
        Rows(1),
        nn.Identity(),
    ),
    "sound": lambda: (
        Sound("file", seconds=0.5, rate=16_000),
        Category("pitch", labels=("low", "high")),
        Pitch(),
        LogMel(16_000),
    ),
    "future": _future_model,
    "bytes": lambda: (
        Bytes("file", window=256),
        Category("form", labels=("text", "binary")),
        HighBytes(),
        nn.Identity(),
    ),
    "text": _text_model,
    "table": _table_model(Category("rich", labels=("no", "yes"))),
    "reviews": _review_model,
    "table-number": _table_model(learned(Number("height"), mean=170.0, std=10.0)),
}


def make(kind: str, folder: Path) -> Path:
    """Writes the bundle of a kind into a folder; a process makes it once."""
    return Path(shutil.copy(_made(kind), folder))


@cache
def _made(kind: str) -> Path:
    folder = Path(_MADE.name)
    field, target, model, prepare = _KINDS[kind]()
    draw = np.random.default_rng(0)
    rows = _sales()[1] if kind == "future" else REVIEWS if kind == "reviews" else PEOPLE
    if field.source == "values":
        examples = field.collate(list(field.read_rows(rows.head(3))))
    elif isinstance(field, Bytes):
        examples = draw.integers(0, 256, (3, 2, field.length)).astype(np.int16)
    elif isinstance(field, Sound):
        examples = draw.uniform(-0.1, 0.1, (3, 2, field.num_samples)).astype(np.float32)
    else:
        examples = draw.integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    metrics: dict[str, Any] = {"valid": {"mae": {"value": 3.2, "low": 2.9, "high": 3.6}}}
    told = [target.statistics(target.decode(scores)) for scores in _answers(target, draw)]
    return export_bundle(
        folder / f"{kind}.headway",
        model=model,
        prepare=prepare,
        input=field,
        target=target,
        examples=examples,
        manifest={
            "arch": "by hand",
            "metrics": metrics if isinstance(target, Number) else {},
            "reference": reference([], told, labels=target.labels, columns=field.reference(rows)),
        },
        card="# By hand\n\nMade for tests.\n",
    )


def _answers(target: Target, draw: np.random.Generator) -> np.ndarray:
    if isinstance(target, Mask):
        return draw.random((50, target.num_outputs, 4, 4))
    return draw.random((50, target.num_outputs))

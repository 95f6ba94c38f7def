"""The one list of kinds that tests go through: every kind of input and of target, with a tiny data set and bad items.

A new kind is an entry here; `tests/contract/test_kinds.py` then asks of it what it asks of all the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile
from PIL import Image as PILImage
from torch import Tensor, nn

import headway as hw
from headway.inputs import registry
from headway.inputs.base import Input
from headway.inputs.past.field import Past
from headway.inputs.sound.mel import NUM_BANDS
from headway.inputs.sound.networks import SmallNet, Windows
from headway.inputs.text_blocks.field import TextBlocks
from headway.inputs.text_blocks.models import Gpt, Writer
from headway.targets.base import Target
from headway.train.model import BodyAndHead
from tests.meta.dice.field import Dice

__all__ = ["DICE", "KINDS", "Kind", "items_of", "registered", "request", "sent_items"]

NUM_PHOTOS = 24
NUM_ROWS = 120
SIDE = 16
IMAGE = hw.Image("photo", size=SIDE)
DICE = "tests.meta.dice.field:Dice"

Columns = dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of input with a kind of target.

    Attributes:
        input: The field for the input, not fitted.
        target: The field for the target, not fitted.
        write: Writes the files that items are, and gives the columns of the item table.
        hostile: Items that cannot be read, as a server is sent them: the bytes of a file, or a row.
        make_module: A small module of one's own; the kind's usual model where there is none.
        batch_size: Few enough that an epoch has several steps.
    """

    input: Input
    target: Target
    write: Callable[[Path], Columns]
    hostile: tuple[Any, ...]
    make_module: Callable[[], nn.Module] | None = None
    batch_size: int = 32

    def data(self, folder: Path) -> hw.Data:
        """The data set, written into a folder that is there and read from it."""
        pl.DataFrame(self.write(folder)).write_csv(folder / "items.csv")
        return hw.from_csv(folder / "items.csv", input=self.input, target=self.target)

    def model(self) -> nn.Module | None:
        """What goes in as `arch`: the same module each time it is called, random weights and all."""
        return self.make_module() if self.make_module else None

    def learner(self, data: hw.Data, **options: Any) -> hw.Learner:
        """A learner that was not trained, in float32 on the processor."""
        settings = {"batch_size": self.batch_size, "device": "cpu", "precision": "float32", "progress": False}
        return hw.Learner(data, self.model(), **settings, **options)


def items_of(data: hw.Data) -> list[Any]:
    """The validation items as `read` and `predict` take them."""
    return [data.input.from_row(row) for row in data.valid.items.iter_rows(named=True)]


def sent_items(data: hw.Data) -> list[Any]:
    """The validation items as a client sends them: the bytes of a file, or a row."""
    field, rows = data.input, data.valid.items.iter_rows(named=True)
    if field.source == "file":
        return [Path(row[field.column]).read_bytes() for row in rows]
    return [{name: row[name] for name in field.columns} for row in rows]


def request(sent: Any) -> dict[str, Any]:
    """The arguments of a client's `post` for one such item, or for what is sent in its place."""
    is_file = isinstance(sent, bytes)
    return {
        "content": sent if is_file else json.dumps(sent),
        "headers": {"Content-Type": "image/png" if is_file else "application/json"},
    }


@contextmanager
def registered() -> Iterator[None]:
    """A context in which the toy kind is in the registry, as a user's own would be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.INPUTS, "dice", DICE)
        yield


# Modules of one's own: for photos, since no network of timm's is small enough for tests as many as these, and for some
# of the others, whose usual models take seconds to export: the blocks of their pages do that.


def small_module(width: int, num_outputs: int, *, pooled: int | None = None) -> nn.Module:
    """Two linear layers on `width` numbers, which are means over `pooled` stretches of time where there is a time."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [nn.Flatten(), nn.Linear(width, 8), nn.ReLU(), nn.Linear(8, num_outputs)]
        return nn.Sequential(*([nn.AdaptiveAvgPool1d(pooled)] if pooled else ()), *layers)


def png(pixels: np.ndarray) -> bytes:
    file = BytesIO()
    PILImage.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def photos(folder: Path, **columns: list[Any]) -> Columns:
    """Photos of noise, each with a mask of a class for each pixel beside it."""
    draw = np.random.default_rng(0)
    for number in range(NUM_PHOTOS):
        # Wider than high, so that what the model sees is not the whole of it.
        (folder / f"{number}.png").write_bytes(png(draw.integers(0, 256, (SIDE, 20, 3), dtype=np.uint8)))
        (folder / f"{number}-mask.png").write_bytes(png(draw.integers(1, 4, (SIDE, 20), dtype=np.uint8)))
    return {"photo": [f"{number}.png" for number in range(NUM_PHOTOS)], **columns}


def module_of_photos(channels: int, num_outputs: int, *, is_dense: bool) -> nn.Module:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers: list[nn.Module] = [nn.Conv2d(channels, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()]
        last = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(4, num_outputs)]
        return nn.Sequential(*layers, *([nn.Conv2d(4, num_outputs, 1)] if is_dense else last))


def photo_kind(
    target: Target, num_outputs: int, *, input: hw.Image = IMAGE, is_dense: bool = False, **columns: list[Any]
) -> Kind:
    whole = png(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    return Kind(
        input=input,
        target=target,
        write=lambda folder: photos(folder, **columns),
        hostile=(b"", b"no picture", whole[:100], whole[:8] + bytes(40), b"GIF89a" + bytes(20)),
        make_module=lambda: module_of_photos(input.channels, num_outputs, is_dense=is_dense),
        batch_size=6,
    )


# Recordings: tones, of which the low ones are one class and the high ones the other.


def wav(samples: np.ndarray, rate: int = 8000) -> bytes:
    file = BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def tone(hertz: float, seconds: float = 0.3, rate: int = 8000) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def tones(folder: Path) -> Columns:
    for number in range(NUM_PHOTOS):
        # Some are longer than a window.
        samples = tone((300, 1500)[number % 2] + 10 * number, 0.8 if number % 5 == 0 else 0.3)
        (folder / f"{number}.wav").write_bytes(wav(samples))
    return {"clip": [f"{number}.wav" for number in range(NUM_PHOTOS)], "pitch": ["low", "high"] * (NUM_PHOTOS // 2)}


# Files of bytes: text of one class, bytes of any value of the other; some have several windows, and one a single byte.


def blobs(folder: Path) -> Columns:
    draw = np.random.default_rng(0)
    for number in range(NUM_PHOTOS):
        length = 1 if number == 0 else int(draw.integers(60, 500))
        low, high = ((32, 127), (0, 256))[number % 2]
        (folder / f"{number}.bin").write_bytes(draw.integers(low, high, length).astype(np.uint8).tobytes())
    return {"blob": [f"{number}.bin" for number in range(NUM_PHOTOS)], "made": ["text", "noise"] * (NUM_PHOTOS // 2)}


# Rows of tables.


def table_kind(target: Target, make_module: Callable[[], nn.Module] | None = None, **columns: list[Any]) -> Kind:
    draw = np.random.default_rng(0)
    ages = draw.integers(18, 80, NUM_ROWS)
    people = {
        "age": [None, *ages[1:].astype(float).tolist()],
        "job": [*draw.choice(["cook", "smith", "nurse"], NUM_ROWS - 1).tolist(), None],
        "joined": [f"20{20 + age % 5}-0{1 + age % 9}-11" for age in ages.tolist()],
    }
    row = {"age": 30.0, "job": "cook", "joined": "2021-05-05"}
    return Kind(
        input=hw.Table(continuous=["age"], categorical=["job"], dates=["joined"]),
        target=target,
        write=lambda _: {**people, **columns},
        hostile=({**row, "age": "old"}, {**row, "age": [30]}, {**row, "joined": "soon"}, {}, [], 5, None),
        make_module=make_module,
    )


def games(_: Path) -> Columns:
    draw = np.random.default_rng(0)
    throws = [draw.integers(1, 7, (int(draw.integers(1, 9)), 2)).tolist() for _ in range(NUM_ROWS)]
    return {
        "throws": [" ".join(f"{a}-{b}" for a, b in each) for each in throws],
        "luck": ["high" if np.mean(each) > 3.5 else "low" for each in throws],
    }


def reviews(_: Path) -> Columns:
    draw, words = np.random.default_rng(0), {"glad": ["good", "fine", "süß"], "sad": ["bad", "dull", "悲しい"]}
    moods = draw.choice(list(words), NUM_ROWS).tolist()
    return {
        "title": [f"day {row}" if row % 5 else None for row in range(NUM_ROWS)],
        "body": [" ".join(draw.choice(["it", "is", *words[mood]], int(draw.integers(3, 20)))) for mood in moods],
        "mood": moods,
    }


def series_kind(target: Target, num_outputs: int, **columns: list[Any]) -> Kind:
    """Waves of two channels and unequal lengths, one of them with a gap."""
    draw = np.random.default_rng(0)
    waves = []
    for row in range(NUM_ROWS):
        moments = np.arange(24 + row % 5) / (2 + row % 5)
        waves.append([np.sin(moments), np.cos(moments) + draw.normal(0, 0.1, len(moments))])
    texts = [[" ".join(f"{value:.4f}" for value in wave[channel]) for wave in waves] for channel in range(2)]
    texts[0][3] = texts[0][3].replace(texts[0][3].split()[5], "?")
    item = {"x": "1 2 3", "y": "1 2 3"}
    hostile = ({**item, "x": "one two"}, {**item, "y": "1 2"}, {**item, "x": ""}, {**item, "x": [True]}, {"x": "1"})
    return Kind(
        input=hw.Series(["x", "y"]),
        target=target,
        write=lambda _: {"x": texts[0], "y": texts[1], **columns},
        hostile=(*hostile, {**item, "x": [1e300] * 3}, {}, [], 5, None),
        make_module=lambda: small_module(2 * 4, num_outputs, pooled=4),
    )


def tales(_: Path) -> Columns:
    draw = np.random.default_rng(0)
    words = ["once", "upon", "a", "time", "Käse", "slept", "the", "end"]
    return {"text": [" ".join(draw.choice(words, int(draw.integers(3, 30)))) for _ in range(30)]}


def shops(_: Path) -> Columns:
    """Two shops with a season of four and a gap; days in no order."""
    draw = np.random.default_rng(0)
    days = [(shop, day) for day in range(50) for shop in ("north", "süd")]
    sales = [round(20 + 5 * np.sin(day * np.pi / 2) + day / 5 + draw.normal(0, 1), 3) for _, day in days]
    return {
        "shop": [shop for shop, _ in days][::-1],
        "day": [f"2024-{1 + day // 28:02}-{1 + day % 28:02}" for _, day in days][::-1],
        "sales": [None, *sales[1:]][::-1],
    }


def module_of_words() -> nn.Module:
    """Sums of the tokens' vectors; that of padding is 0 and stays 0."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Embedding(500, 8, padding_idx=0), Sum(), nn.Linear(8, 2))


class Sum(nn.Module):
    """Over time."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.sum(dim=1)


def module_of_bytes() -> nn.Module:
    """Sums of the values' vectors over all windows; that of padding is 0 and stays 0."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(Whole(), nn.Embedding(257, 8, padding_idx=256), Sum(), Sum(), nn.Linear(8, 2))


class Whole(nn.Module):
    """Indices as an embedding takes them."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.int()


def module_of_recordings() -> nn.Module:
    """The network for recordings that needs no weights, with a quarter of its width."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = Windows(net := SmallNet(NUM_BANDS, width=4))
        return BodyAndHead(body, net.num_features, 2)


def module_of_texts() -> nn.Module:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Writer(Gpt(300, width=16, depth=1, heads=2))


NUMBERS = [float(number % 7) for number in range(NUM_PHOTOS)]
FIVES = [row % 5 for row in range(NUM_ROWS)]

KINDS: dict[str, Kind] = {
    "category": photo_kind(hw.Category("label"), 2, label=["cat", "Katzenbär"] * 12),
    "categories": photo_kind(hw.Categories("tags", sep=" "), 2, tags=["a b", "b", "a"] * 8),
    "number": photo_kind(
        hw.Number("age", low=0, high=7),
        1,
        input=hw.Image("photo", size=SIDE, channels=1, squeeze=1.0, crop=0.9),
        age=NUMBERS,
    ),
    "points": photo_kind(
        hw.Points(columns=("x", "y", "u", "v"), swap=[(0, 1)]), 4, x=NUMBERS, y=NUMBERS, u=NUMBERS[::-1], v=NUMBERS
    ),
    "mask": photo_kind(
        hw.Mask("mask", classes={2: "out", 1: "in"}, ignore=3),
        2,
        is_dense=True,
        mask=[f"{number}-mask.png" for number in range(NUM_PHOTOS)],
    ),
    "table": table_kind(
        hw.Category("rich"), lambda: small_module(8, 2), rich=["no", "yes", "no", "no", "yes"] * (NUM_ROWS // 5)
    ),
    "table-number": table_kind(
        hw.Number("height"), lambda: small_module(8, 1), height=[150.0 + 7 * row for row in FIVES]
    ),
    "ratings": Kind(
        input=hw.Ratings("user", "book"),
        target=hw.Number("stars", low=1, high=5),
        write=lambda _: {
            "user": [f"u{row % 11}" for row in range(NUM_ROWS)],
            "book": [f"b{row % 9}" for row in range(NUM_ROWS)],
            "stars": [1.0 + row for row in FIVES],
        },
        hostile=({"user": "u1"}, {"user": ["u1"], "book": "b1"}, {}, [], 5, None),
    ),
    "sound": Kind(
        input=hw.Sound("clip", seconds=0.5),
        target=hw.Category("pitch"),
        write=tones,
        hostile=(b"", b"no recording", wav(tone(300))[:30], wav(np.zeros(0)), b"RIFF" + bytes(60), b"ID3" + bytes(90)),
        make_module=module_of_recordings,
        batch_size=6,
    ),
    "bytes": Kind(
        input=hw.Bytes("blob", window=128),
        target=hw.Category("made"),
        write=blobs,
        hostile=(b"",),
        batch_size=6,
        make_module=module_of_bytes,
    ),
    "text": Kind(
        input=hw.Text(["title", "body"], tokenizer="byte_pair"),
        target=hw.Category("mood"),
        write=reviews,
        hostile=({"title": "good"}, {"title": None, "body": " "}, {"title": 5, "body": "fine"}, {}, [], 5, None),
        make_module=module_of_words,
    ),
    "series": series_kind(hw.Category("speed"), 5, speed=[f"speed {row}" for row in FIVES]),
    "series-number": series_kind(hw.Number("period"), 1, period=[2.0 + row for row in FIVES]),
    "next_token": Kind(
        input=TextBlocks("text", tokenizer="characters", block=40),
        target=hw.NextToken("text", tokenizer="characters", block=40),
        write=tales,
        hostile=({"text": 5}, {"text": ""}, {"text": None}, {}, [], 5, None),
        make_module=module_of_texts,
        batch_size=8,
    ),
    "future": Kind(
        input=Past("sales", horizon=3),
        target=hw.Future("sales", horizon=3),
        write=shops,
        hostile=(
            *({"sales": wrong} for wrong in (5, ["a"], [], [None], "1 x", [1e20, 1] * 6)),
            *({}, [], 5, None),
        ),
        batch_size=16,
    ),
    "dice": Kind(
        input=Dice("throws"),
        target=hw.Category("luck"),
        write=games,
        hostile=({"throws": "7-1"}, {"throws": ""}, {"throws": 5}, {"throws": None}, {}, [], 5),
    ),
}
"""By a name for the test's output."""

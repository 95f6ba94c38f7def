"""What the tests of several processes share: processes that form a group, and a small model and data for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

import headway as hw
from headway.inputs.text.encoder import Encoder, EncoderSize
from headway.inputs.text.networks import PooledEncoder
from headway.train.model import BodyAndHead
from tests.commands import fork

State = dict[str, torch.Tensor]


def together(world: int, work: Callable[..., None], *arguments: object, folder: Path) -> list[int | None]:
    """The exit statuses of so many processes that do this work as one group; `folder` is for what they share."""
    group = folder / f"group-{len(list(folder.glob('group-*')))}"
    started = [fork(_member, rank, world, group, work, *arguments) for rank in range(world)]
    for process in started:
        process.join(300)
        process.kill()
    return [process.exitcode for process in started]


def _member(rank: int, world: int, group: Path, work: Callable[..., None], *arguments: object) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{group}", rank=rank, world_size=world)
    work(*arguments)
    dist.destroy_process_group()


def data() -> hw.Data:
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (40, 12, 12), generator=draw, dtype=torch.uint8)
    columns: dict[str, Any] = {"image": [image.numpy() for image in pixels], "label": ["a", "b"] * 20}
    return hw.from_items(columns, input=hw.Image("image", size=12, channels=1), target=hw.Category("label"))


def texts() -> hw.Data:
    """Of one to forty words."""
    lines = [" ".join(["dark" if row % 2 else "light", *["word"] * (row * row % 40)]) for row in range(40)]
    columns = {"text": lines, "label": ["a", "b"] * 20}
    return hw.from_items(columns, input=hw.Text("text"), target=hw.Category("label"))


def model(*, is_plain: bool = False) -> nn.Module:
    body = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3))
    body = nn.Flatten() if is_plain else body
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for module in body.children():
            getattr(module, "reset_parameters", lambda: None)()
        return nn.Sequential(OrderedDict(body=body, head=nn.Linear(144 if is_plain else 400, 2)))


def encoder() -> nn.Module:
    """For texts, with a head of two outputs."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = PooledEncoder(Encoder(EncoderSize(dim=16, heads=2, layers=1, width=32, dropout=0.0)), (0, 1))
        return BodyAndHead(body, body.num_features, 2)

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import spawn

import headway as hw
from headway.errors import ConfigError
from headway.train.distributed import ALONE, check_share, current, join
from headway.train.fine_tune import fine_tune
from headway.train.history import History
from tests.stopping import QUIET

WORLD = 2


def data() -> hw.Data:
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (40, 12, 12), generator=draw, dtype=torch.uint8)
    columns: dict[str, Any] = {"image": [image.numpy() for image in pixels], "label": ["a", "b"] * 20}
    return hw.from_items(columns, input=hw.Image("image", size=12, channels=1), target=hw.Category("label"))


def model(*, is_plain: bool = False) -> nn.Module:
    body = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3))
    body = nn.Flatten() if is_plain else body
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for module in body.children():
            getattr(module, "reset_parameters", lambda: None)()
        return nn.Sequential(OrderedDict(body=body, head=nn.Linear(144 if is_plain else 400, 2)))


# By name: the call that trains. Seven items a batch, which no two processes can share equally.
CALLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "pieces": {"accumulate": 2},
    "mixed": {"mixup": 0.2, "label_smoothing": 0.1},
    "clipped": {"clip_norm": 0.1, "ema": 0.9},
}

BOTH_STAGES = "both stages"


def trained() -> dict[str, dict[str, torch.Tensor]]:
    weights = {}
    for name, options in CALLS.items():
        # Pieces of shares have other items than pieces of the batch, which statistics and dropout would show.
        learner = hw.Learner(data(), model(is_plain=name == "pieces"), batch_size=7, **QUIET)
        learner.fit(2, lr=1e-2, **options)
        weights[name] = learner.model.state_dict()
    learner = hw.Learner(data(), model(), batch_size=7, **QUIET)
    fine_tune(replace(learner.setup, processes=current()), History(), epochs=1)
    weights[BOTH_STAGES] = learner.model.state_dict()
    return weights


def work(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'group'}", rank=rank, world_size=WORLD)
    torch.save(trained(), folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, torch.Tensor]]]:
    """What each of two processes has trained."""
    folder = tmp_path_factory.mktemp("processes")
    spawn(work, args=(folder,), nprocs=WORLD)
    return [torch.load(folder / f"{rank}.pt") for rank in range(WORLD)]


@pytest.fixture(scope="module")
def alone() -> dict[str, dict[str, torch.Tensor]]:
    return trained()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CALLS, BOTH_STAGES])
def test_two_processes_have_the_same_bits(name: str, both: list[dict[str, dict[str, torch.Tensor]]]) -> None:
    first, second = (weights[name] for weights in both)
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CALLS, BOTH_STAGES])
def test_two_processes_are_one_up_to_rounding(
    name: str, both: list[dict[str, dict[str, torch.Tensor]]], alone: dict[str, dict[str, torch.Tensor]]
) -> None:
    torch.testing.assert_close(both[0][name], alone[name], rtol=1e-4, atol=1e-5)


def test_one_process_is_alone() -> None:
    assert current() == ALONE
    with join() as processes:
        assert processes == ALONE
    assert (ALONE.is_writer, ALONE.share) == (True, (0, 1))


def test_a_batch_has_an_item_for_each_process() -> None:
    check_share(4, items=16, batches=4, batch_size=4)
    message = (
        "Every process needs an item of each batch.\n"
        "  Given: 5 processes, batch_size=4, 16 training items\n"
        "  Fix:   Use 4 processes or fewer (--processes), or a larger batch (--batch-size)."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_share(5, items=16, batches=4, batch_size=4)

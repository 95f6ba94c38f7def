from __future__ import annotations

import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

import headway as hw
from headway.errors import ConfigError, TrainingError
from headway.train import compile, distributed, shared_memory, stage_checkpoint
from headway.train.distributed import ALONE, check_shard, check_share, current, join, sharding
from headway.train.fine_tune import fine_tune
from headway.train.history import History
from headway.train.options import Options, Plan
from headway.train.stage import fit
from headway.train.stage_checkpoint import KeepState
from tests.processes import State, data, encoder, model, texts, together
from tests.stopping import QUIET, same_bits

# By name: the call that trains. Seven items a batch, which no two processes can share equally.
CALLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "pieces": {"accumulate": 2},
    "mixed": {"mixup": 0.2, "label_smoothing": 0.1},
    "clipped": {"clip_norm": 0.1, "ema": 0.9},
}

BOTH_STAGES = "both stages"

# Of different lengths, so that shares are padded to lengths of their own; without dropout, whose draws would differ.
TEXTS = "texts"

# The call "clipped", by processes that divide the model.
SHARES = "shares"

# A text encoder that goes on pretraining; with its weights the loss on what was held out.
ADAPTED = "adapted"

NAMES = (*CALLS, BOTH_STAGES, SHARES, TEXTS, ADAPTED, "bfloat16", "compiled")

# By name: what training is run with, and how far rounding may take it. AdamW takes whole steps by gradients that are
# nothing but rounding, as those of attention's keys' biases are.
TOLERANCES: dict[str, dict[str, float]] = {
    "bfloat16": {"rtol": 0.05, "atol": 2e-3},
    ADAPTED: {"rtol": 1e-3, "atol": 2e-3},
    "compiled": {},
}


def trained() -> dict[str, State]:
    weights = {}
    for name, options in CALLS.items():
        # Pieces of shares have other items than pieces of the batch, which statistics and dropout would show.
        learner = hw.Learner(data(), model(is_plain=name == "pieces"), batch_size=7, **QUIET)
        learner.fit(2, lr=1e-2, **options)
        weights[name] = learner.model.state_dict()
    learner = hw.Learner(data(), model(), batch_size=7, **QUIET)
    fine_tune(replace(learner.setup, processes=current()), History(), epochs=1)
    weights[BOTH_STAGES] = learner.model.state_dict()
    # Small gradients, whose signs rounding may change, count little where steps are as large as gradients.
    learner = hw.Learner(data(), model(), batch_size=7, optimizer="sgd", **{**QUIET, "precision": "bfloat16"})
    learner.fit(1, lr=0.02)
    weights["bfloat16"] = learner.model.state_dict()
    with pytest.MonkeyPatch.context() as patch:
        # The compiler's front end, which is what a group has to do with.
        patch.setattr(compile, "BACKEND", "eager")
        learner = hw.Learner(data(), model(), batch_size=8, **QUIET)
        learner.fit(1, lr=1e-2, compile=True)
    weights["compiled"] = learner.model.state_dict()
    learner = hw.Learner(texts(), "lstm", batch_size=7, **QUIET)
    learner.fit(1, lr=1e-2, dropout=0.0)
    weights[TEXTS] = learner.model.state_dict()
    learner = hw.Learner(texts(), hw.Model(encoder(), pretrained="a test"), batch_size=7, **QUIET)
    losses = [entry.valid_loss for entry in learner.adapt(2)]
    weights[ADAPTED] = {**learner.model.state_dict(), "valid_loss": torch.tensor(losses)}
    return weights


def trained_in_shares() -> State:
    learner = hw.Learner(data(), model(), batch_size=7, **QUIET)
    with sharding():
        learner.fit(2, lr=1e-2, **CALLS["clipped"])
    return learner.model.state_dict()


def diverged() -> str:
    learner = hw.Learner(data(), model(), batch_size=7, **QUIET)
    with pytest.raises(TrainingError) as error:
        learner.fit(1, lr=1e30)
    return str(error.value)


def open_store(store: Path) -> str:
    was_there = store.exists()
    store.touch()
    return "read" if was_there else "built"


def train_all(folder: Path) -> None:
    (folder / f"{dist.get_rank()}.store").write_text(current().first_here(lambda: open_store(folder / "store")))
    torch.save(({**trained(), SHARES: trained_in_shares()}, diverged()), folder / f"{dist.get_rank()}.pt")


Trained = tuple[dict[str, State], str]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[Trained]:
    """What each of two processes has trained, and the error of a training that diverged."""
    folder = tmp_path_factory.mktemp("processes")
    assert together(2, train_all, folder, folder=folder) == [0, 0]
    # Once on a machine.
    assert [(folder / f"{rank}.store").read_text() for rank in range(2)] == ["built", "read"]
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.fixture(scope="module")
def alone() -> dict[str, State]:
    return trained()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_two_processes_have_the_same_bits(name: str, both: list[Trained]) -> None:
    assert same_bits(*(weights[name] for weights, _ in both))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_two_processes_are_one_up_to_rounding(name: str, both: list[Trained], alone: dict[str, State]) -> None:
    known = alone["clipped" if name == SHARES else name]
    allowed = TOLERANCES.get(name) or {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(both[0][0][name], known, rtol=allowed["rtol"], atol=allowed["atol"])


@pytest.mark.slow
def test_all_say_of_a_batch_what_one_process_says(both: list[Trained]) -> None:
    assert {error for _, error in both} == {diverged()}


def tell(folder: Path) -> None:
    """What two processes tell one another through memory and by gloo, and whether they have the memory."""
    processes = current()
    tensor = torch.randn(3, 500_000, generator=torch.Generator().manual_seed(processes.rank))
    told = []
    for _ in range(2):
        whole = processes.whole(tensor[: 1 + processes.rank])[0]
        told.append({"gathered": processes.gathered(tensor), "added": processes.added(tensor), "whole": whole})
        memory = distributed._MEMORY[dist.group.WORLD]
        told[-1]["has memory"] = torch.tensor(memory is not None)
        distributed._MEMORY[dist.group.WORLD] = None
    torch.save(told, folder / f"{processes.rank}.pt")


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="processes share memory on x86 Linux"
)
def test_memory_tells_what_gloo_tells(tmp_path: Path) -> None:
    before = set(shared_memory.FOLDER.glob("headway-*"))
    assert together(2, tell, tmp_path, folder=tmp_path) == [0, 0]
    assert set(shared_memory.FOLDER.glob("headway-*")) == before
    (first, by_gloo), (second, _) = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert (first.pop("has memory"), by_gloo.pop("has memory")) == (True, False)
    second.pop("has memory")
    assert same_bits(first, second)
    assert same_bits(first, by_gloo)


def go_on(run: Path, end: Path, killed: tuple[int, int] | None, shard: bool) -> None:
    """Begins a run in both stages, or goes on; `killed` is which process is killed, after which step of stage two."""
    with sharding(is_on=shard):
        _go_on(run, end, killed)


def _go_on(run: Path, end: Path, killed: tuple[int, int] | None) -> None:
    rank, after = current().rank, KeepState.on_batch_end
    steps = 0

    def on_batch_end(self: KeepState, state: Any, result: Any) -> None:
        nonlocal steps
        after(self, state, result)
        steps += 1
        if (rank, steps) == killed:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        # Every step is saved.
        patch.setattr(stage_checkpoint, "SECONDS_BETWEEN", 0.0)
        patch.setattr(KeepState, "on_batch_end", on_batch_end)
        if (run / "config.json").exists():
            learner = hw.Learner.resume(run, data=data(), arch=model(), progress=False)
        else:
            own = run if rank == 0 else None
            learner = hw.Learner(data(), model(), run=own, two_stages=True, batch_size=8, **QUIET)
            learner.fine_tune(2)
    if rank == 0:
        torch.save(learner.model.state_dict(), end)


def ended(folder: Path, *attempts: tuple[int, tuple[int, int] | None], shard: int | None = None) -> State:
    """The weights of a run, after attempts in so many processes, one of which is killed in all but the last.

    `shard` is how many processes divide the model among them, when there are as many.
    """
    run, end = folder / "run", folder / "end.pt"
    for world, killed in attempts:
        assert not end.exists()
        statuses = together(world, go_on, run, end, killed, world == shard, folder=folder)
        if killed is None:
            assert statuses == [0] * world
        else:
            # The others end with an error, as they can't go on without it.
            assert statuses == [1] * killed[0] + [-signal.SIGKILL] + [1] * (world - killed[0] - 1)
    return torch.load(end)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> State:
    return ended(tmp_path_factory.mktemp("undisturbed"), (2, None))


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_killed_and_resumed_has_the_same_bits(rank: int, undisturbed: State, tmp_path: Path) -> None:
    assert same_bits(ended(tmp_path, (2, (rank, 2)), (2, None)), undisturbed)


@pytest.mark.slow
def test_killed_on_four_resumed_on_two_and_on_one(undisturbed: State, tmp_path: Path) -> None:
    # What two have divided is saved whole.
    weights = ended(tmp_path, (4, (3, 2)), (2, (1, 3)), (1, None), shard=2)
    torch.testing.assert_close(weights, undisturbed, rtol=1e-4, atol=1e-5)


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


def test_what_cannot_be_divided() -> None:
    message = (
        "`--shard` divides a model among several processes.\n"
        "  Given: 1 process\n"
        "  Fix:   Pass --processes 2 or more, or leave --shard out."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_shard(1)
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"), join(shard=True):
        pass
    learner = hw.Learner(data(), model(), **QUIET)
    setup = replace(learner.setup, processes=replace(ALONE, shard=True))
    message = (
        "A divided model cannot be compiled.\n"
        "  Given: compile=True, --shard\n"
        "  Fix:   Leave out one of --compile and --shard."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        fit(setup, Plan(epochs=1, lr=0.01, options=Options(compile=True)), History())


@pytest.mark.slow
def test_whose_launcher_was_killed_stops(tmp_path: Path) -> None:
    code = """if True:
        import time
        from headway.train.distributed import join
        with join():
            open("began", "w").close()
            time.sleep(30)"""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        sizes = {
            "RANK": 0,
            "WORLD_SIZE": 1,
            "LOCAL_RANK": 0,
            "LOCAL_WORLD_SIZE": 1,
            "MASTER_PORT": free.getsockname()[1],
        }
    known = {"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RUN_ID": "none", **{name: str(n) for name, n in sizes.items()}}
    command = ["sh", "-c", '"$0" -c "$1" & wait', sys.executable, code]
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **known}, stdout=subprocess.PIPE) as launcher:
        while not (tmp_path / "began").exists():
            time.sleep(0.05)
        launcher.kill()
        # Open for as long as one of the two is there: where they went on, the time that a test has runs out.
        assert launcher.stdout is not None
        assert launcher.stdout.read() == b""

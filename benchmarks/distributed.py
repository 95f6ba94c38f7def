"""Do two processes on one machine's cores train as fast as one process does with as many threads, and as well?

Each measurement is of fresh processes, started by torch's elastic agent (`torchrun --standalone`); one process and two
take turns, and ratios are medians over the turns. Cores are shared, so two processes cannot be faster: what they say to
one another, and what both do, is what is lost.

- *Speed*: seconds of the quickest of five epochs with its evaluation, as other programs of a machine only slow one
  down; random photos in memory, 32 a step. Fine-tuning is that of the default network, 128 photos of 160 pixels, as
  `headway train` does it: batch normalisation keeps its statistics. resnet18 has random weights, so statistics are
  those of the whole batch, which processes tell one another at each layer; with 128 photos of 160 pixels a step
  computes much, with 512 of 64 pixels as many gradients are exchanged for a sixth of the work. Goal: at least 0.9 of
  one process with a thread a core. "said nothing" is what two could reach: each trains alone on half of the photos, in
  batches of half the size, on one thread, at the same time as the other.
- *Overhead*: milliseconds that a step of a tiny network takes longer.
- *Start-up*: seconds that `headway train` of a small table takes longer with `--processes 2`, all in all.
- *Memory*: what training a network of 139 MB adds to the resident set of the first process at its highest, with
  `--shard` and without.
- *Two hosts*: two agents in two network namespaces, joined by a virtual cable, a process each; the largest relative
  difference of an epoch's losses from those of one process. For root on Linux; left out elsewhere.
"""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import headway as hw
from benchmarks.results import ROOT, Row
from headway.train.distributed import join

TRIALS, EPOCHS = 3, 5

# Photos, a fifth of them for validation, and pixels of a side. Of memory a few steps show all.
PHOTOS = {
    "fine-tuning-160": (160, 160),
    "resnet18-160": (160, 160),
    "resnet18-64": (640, 64),
    "tiny": (640, 12),
    "wide": (80, 12),
}
AGENT = (sys.executable, "-m", "torch.distributed.run")


def run() -> list[Row]:
    """All measurements, one after the other."""
    rows: list[Row] = []
    photos = ("fine-tuning-160", "resnet18-160", "resnet18-64")
    speeds = (*((name, "s an epoch", 1.0) for name in photos), ("tiny", "ms a step", 1000 / 16))
    for name, unit, factor in speeds:
        trials = [[_worker(1, name)["seconds"], _worker(2, name)["seconds"], _strangers(name)] for _ in range(TRIALS)]
        one, two, _ = (factor * statistics.median(column) for column in zip(*trials, strict=True))
        told, silent = (statistics.median(trial[0] / trial[number] for trial in trials) for number in (1, 2))
        row = {"what": f"{name}, {unit}", "one process": one, "two": two, "ratio": told, "goal": 0.9}
        rows.append(row | {"said nothing": silent})
        print(rows[-1], trials, flush=True)
    del rows[-1]["goal"]
    with tempfile.TemporaryDirectory() as folder:
        table = _table(Path(folder))
        pairs = [[_command(table, "--processes", str(n)) for n in (1, 2)] for _ in range(TRIALS)]
        one, two = (statistics.median(column) for column in zip(*pairs, strict=True))
        rows.append({"what": "headway train of a small table, s", "one process": one, "two": two})
        whole, shard = (_worker(2, "wide", *more)["megabytes"] for more in ((), ("--shard",)))
        rows.append({"what": "training adds, MB, without and with --shard", "two": whole, "--shard": shard})
        if os.name == "posix" and os.geteuid() == 0 and shutil.which("ip"):
            rows.append({"what": "two hosts: largest difference of a loss", "ratio": _two_hosts(table)})
    return rows


def _worker(world: int, name: str, *more: str) -> dict[str, float]:
    command = [*AGENT, "--standalone", "--nproc-per-node", str(world), "-m", "benchmarks.distributed", name, *more]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _strangers(name: str) -> float:
    """Seconds of an epoch where two processes train at once and neither knows of the other; those of the slower one."""
    command = [sys.executable, "-m", "benchmarks.distributed", name, "--half"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return max(json.loads(process.communicate()[0].splitlines()[-1])["seconds"] for process in both)


def _work(name: str, *, shard: bool, half: bool) -> None:
    """What one of the processes does: trains, and says how long an epoch took and how much memory training added.

    With `half` it has half of the photos, and batches of half the size.
    """
    with join(shard=shard) as processes:
        count, size = PHOTOS[name]
        photos = _photos(count // 2 if half else count, size)
        model = None if name.startswith("fine-tuning") else _model(name)
        learner = hw.Learner(photos, model, batch_size=16 if half else 32, progress=False)
        before = _peak_megabytes()
        history = learner.fit(EPOCHS, lr=1e-3) if model else learner.fine_tune(EPOCHS)
        if processes.is_writer:
            seconds = min(entry.seconds for entry in history if entry.stage == "all")
            print(json.dumps({"seconds": seconds, "megabytes": _peak_megabytes() - before}))


def _model(name: str) -> nn.Module:
    torch.manual_seed(0)
    if name.startswith("resnet18"):
        import timm

        return timm.create_model("resnet18", num_classes=2)
    if name == "tiny":
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 2))
    blocks = [nn.Sequential(nn.Linear(3000, 3000), nn.ReLU()) for _ in range(4)]
    model = nn.Sequential()
    model.add_module("body", nn.Sequential(nn.Flatten(), nn.Linear(432, 3000), nn.ReLU(), *blocks))
    model.add_module("head", nn.Linear(3000, 2))
    return model


def _photos(count: int, size: int) -> hw.Data:
    draw = np.random.default_rng(0)
    columns: dict[str, Any] = {
        "image": list(draw.integers(0, 256, (count, size, size, 3), dtype=np.uint8)),
        "label": ["a", "b"] * (count // 2),
    }
    return hw.from_items(columns, input=hw.Image("image", size=size), target=hw.Category("label"))


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _table(folder: Path) -> Path:
    lines = [f"{math.sin(row)},{math.cos(3 * row)},{'yes' if row * row % 7 < 3 else 'no'}" for row in range(200)]
    table = folder / "rows.csv"
    table.write_text("\n".join(["a,b,y", *lines]))
    return table


def _train(table: Path) -> list[str]:
    return [
        "-m",
        "headway",
        "train",
        str(table),
        "--target",
        "y",
        "--epochs",
        "2",
        "--runs",
        str(table.parent / "runs"),
    ]


def _command(table: Path, *more: str) -> float:
    start = time.perf_counter()
    # One process is what the command is without the option.
    more = () if more[-1] == "1" else more
    subprocess.run([sys.executable, *_train(table), *more], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


def _two_hosts(table: Path) -> float:
    """How far the losses of two hosts are from those of one process."""
    _command(table, "1")
    with _hosts() as hosts:
        agents = []
        for number, host in enumerate(hosts):
            address = ("--rdzv-backend", "c10d", "--rdzv-endpoint", "10.77.0.1:29400", "--rdzv-id", "hosts")
            own = ("--rdzv-conf", f"is_host={1 - number}", "--local-addr", f"10.77.0.{number + 1}")
            sizes = ("--nnodes", "2", "--nproc-per-node", "1")
            command = ["ip", "netns", "exec", host, *AGENT, *sizes, *address, *own, *_train(table)]
            environment = {**os.environ, "GLOO_SOCKET_IFNAME": f"hw-cable-{number}"}
            agents.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL))
        assert [agent.wait() for agent in agents] == [0, 0]
    alone, apart = (_losses(run) for run in sorted((table.parent / "runs").iterdir(), key=_changed)[-2:])
    return max(abs(ours / theirs - 1) for ours, theirs in zip(apart, alone, strict=True))


def _changed(run: Path) -> float:
    return (run / "report.json").stat().st_mtime


def _losses(run: Path) -> list[float]:
    entries = map(json.loads, (run / "history.jsonl").read_text().splitlines())
    return [entry[name] for entry in entries for name in ("train_loss", "valid_loss")]


@contextmanager
def _hosts() -> Iterator[Sequence[str]]:
    """Two network namespaces with a cable between them: 10.77.0.1 and 10.77.0.2."""
    hosts = ("hw-host-0", "hw-host-1")
    cables = ("hw-cable-0", "hw-cable-1")
    try:
        for host in hosts:
            _ip("netns", "add", host)
        _ip("link", "add", cables[0], "type", "veth", "peer", "name", cables[1])
        for number, (host, cable) in enumerate(zip(hosts, cables, strict=True), start=1):
            _ip("link", "set", cable, "netns", host)
            _ip("-n", host, "addr", "add", f"10.77.0.{number}/24", "dev", cable)
            _ip("-n", host, "link", "set", cable, "up")
            _ip("-n", host, "link", "set", "lo", "up")
        yield hosts
    finally:
        for host in hosts:
            # The cable goes with it.
            subprocess.run(["ip", "netns", "del", host], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


if __name__ == "__main__":
    _work(sys.argv[1], shard="--shard" in sys.argv[2:], half="--half" in sys.argv[2:])

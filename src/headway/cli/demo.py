"""`headway demo`: the whole way, on real digits, in about a minute."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from headway.system.terminal import echo

__all__ = ["demo"]


def demo(
    *,
    runs: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of all runs.")] = Path("runs"),
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Train a small network on 5,000 handwritten digits, and compare it with baselines."""
    start = time.perf_counter()
    from headway.cli.train import finish
    from headway.data.build import from_folder
    from headway.datasets.named import write_digits
    from headway.inputs.image.augment import Augment
    from headway.inputs.image.field import Image
    from headway.learner.learner import Learner

    digits = write_digits(runs / "digits")
    data = from_folder(digits, input=Image("file", size=28, channels=1), seed=seed)
    # A digit has a right way round, lies in the middle and has no light of its own.
    augment = Augment(flip=False, crop=1, stretch=1, rotate=15, shift=0.1, warp=0.15, light=0)
    learner = Learner(data, "small_resnet", run=runs / "demo", seed=seed, augment=augment)
    echo(f"{data}\n{learner.arch}, from scratch; {learner.setup.precision}", lines=True)
    learner.fine_tune()
    finish(learner, start=start, as_json=as_json)
    if not as_json:
        run = learner.run
        assert run is not None
        echo()
        echo(f"{time.perf_counter() - start:.0f} s from start to finish. Next, try:")
        # `make demo` runs the one in .venv, which is not on the path.
        command = "headway" if shutil.which("headway") else os.path.relpath(sys.argv[0])
        echo(f"  {command} predict {run.bundle} {sorted((digits / '7').iterdir())[0]}")
        echo(f"  {command} train PHOTOS   # a folder of your own photos, one sub-folder a class")

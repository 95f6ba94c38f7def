"""Peeled files, run."""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

import headway as hw
from headway.peel.facts import sha256_of

__all__ = ["output_of", "same_bits"]


def same_bits(learner: hw.Learner, layer: Any, folder: Path, *, fresh: bool = False) -> bool:
    """Whether a learner's file trains to the learner's weights, in this process or in a fresh one."""
    # A file called torch.py would be imported in torch's place.
    file = learner.peel(layer=layer).save(folder / f"run_{layer}.py")
    run, here = (line.split()[1] for line in output_of(file, fresh=fresh).splitlines()[-2:])
    if layer == "torch":
        assert not re.search(r"^(import|from) headway", file.read_text(), flags=re.MULTILINE)
    assert run == sha256_of(learner.model)
    return run == here


def output_of(file: Path, *, fresh: bool = False) -> str:
    """What a file prints."""
    if fresh:
        # Without Headway on its path, a file of plain PyTorch must do.
        own = {} if "import headway" in file.read_text() else {"PYTHONPATH": ""}
        done = subprocess.run(
            [sys.executable, str(file)], env={**os.environ, **own}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
    printed = io.StringIO()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(printed):
        runpy.run_path(str(file))
    return printed.getvalue()

"""Peeled files, run."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch

import headway as hw
from headway.peel.facts import sha256_of

__all__ = ["assigned_anew", "output_of", "same_bits"]


def same_bits(learner: hw.Learner, layer: Any, folder: Path, *, fresh: bool = False) -> bool:
    """Whether a learner's file trains to the learner's weights, in this process or in a fresh one."""
    # A file called torch.py would be imported in torch's place.
    file = learner.peel(layer=layer).save(folder / f"run_{layer}.py")
    run, here = (line.split()[1] for line in output_of(file, fresh=fresh).splitlines()[-2:])
    if layer == "torch":
        assert not re.search(r"^(import|from) headway", file.read_text(), flags=re.MULTILINE)
        assert (again := assigned_anew(file.read_text())) == set(), again
    assert run == sha256_of(learner.model)
    return run == here


def assigned_anew(code: str) -> set[str]:
    """Names of the file that functions read and that it assigns more than once: sections may not share them."""
    module = ast.parse(code)
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    # A function inside another one reads what is that one's own.
    nested = {id(node) for function in functions for node in ast.walk(function) if node is not function}
    functions = [function for function in functions if id(function) not in nested]
    names = [node for node in ast.walk(module) if isinstance(node, ast.Name)]
    # A comprehension's names are its own.
    inside |= {
        id(node) for one in ast.walk(module) if isinstance(one, ast.comprehension) for node in ast.walk(one.target)
    }
    times = Counter(name.id for name in names if isinstance(name.ctx, ast.Store) and id(name) not in inside)
    read = set[str]()
    for function in functions:
        own = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
        own |= {
            name.id for name in ast.walk(function) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        read |= {name.id for name in ast.walk(function) if isinstance(name, ast.Name)} - own
    return {name for name, count in times.items() if count > 1} & read


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

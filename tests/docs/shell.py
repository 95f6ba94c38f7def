"""The documents' shell blocks, run as they stand in a folder that has what the documents speak of.

A block that cannot run on any machine says so to its reader, in its first line: `# Not run by the tests: needs Docker`.
Its `headway` commands are checked against the command line all the same.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
import subprocess
import sys
from itertools import chain
from pathlib import Path

from tests.commands import run_command
from tests.docs.code import BrokenCodeError, check_command, check_target

MARK = "# Not run by the tests: "

# What a block makes is the same however long it trained: where a command leaves that to Headway, one epoch is enough.
_FEW_EPOCHS = "from headway.train.recipe import Recipe\nRecipe.epochs = lambda self, num_train: 1"


def reason_not_to_run(block: str) -> str | None:
    """What a block's first line says, or that it only calls make, which these tests may be a part of."""
    if block.startswith(MARK):
        return block.splitlines()[0].removeprefix(MARK)
    lines = [line for line in block.splitlines() if line and not line.startswith("#")]
    return "calls make" if all(line.startswith("make ") for line in lines) else None


def run_block(block: str, folder: Path) -> str:
    """Runs a block, or checks its commands where it says that it is not run; what it printed.

    Raises:
        BrokenCodeError: If it ends with an error, or names a command, an option or a target that there is not.
    """
    for line in block.replace("\\\n", " ").splitlines():
        for target in re.findall(r"^make ([\w-]+)", line):
            check_target(target)
        for command in re.findall(r"^(?:\w+=\S+ )*(?:\.venv/bin/)?(headway .*)", line):
            check_command(command)
    if reason_not_to_run(block):
        return ""
    # The interpreter that runs the tests stands in for the .venv of a fresh clone.
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    lines = [line for line in block.splitlines() if line.strip() and not line.startswith("#")]
    # Line by line, where no line needs another one.
    parts = lines if all(map(_is_plain, lines)) else [block]
    return "".join(_run(part, folder) for part in parts)


def _is_plain(line: str) -> bool:
    """Whether a line is one command and its arguments, which need nothing of a shell but quotes and `*`."""
    return not re.search(r"[|&;<>$`\\(){}?~]|^\s|^\w+=|^(?:cd|export|source)\b", line)


def _run(part: str, folder: Path) -> str:
    command = re.match(r"(?:\.venv/bin/)?headway ", part)
    if command and _is_plain(part):
        words = shlex.split(part[command.end() :], comments=True)
        # A shell gives a pattern that nothing matches as it stands.
        found = [sorted(glob.glob(word, root_dir=folder)) if "*" in word else [] for word in words]
        arguments = chain(*(names or [word] for names, word in zip(found, words, strict=True)))
        done = run_command(*arguments, cwd=folder, patch=_FEW_EPOCHS)
        status, out, err = done.status, done.out, done.err
    else:
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        shell = ["bash", "-euo", "pipefail", "-c", part]
        ended = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        status, out, err = ended.returncode, ended.stdout, ended.stderr
    if status:
        raise BrokenCodeError(f"{part}\n{out}\n{err}")
    return out

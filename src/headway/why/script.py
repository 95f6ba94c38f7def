"""A script in a process of its own, so that its failure can be explained: `headway why script.py`.

`python -m headway.why.script FILE SCRIPT ...` is that process; it writes what it knows to FILE.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from headway.errors import ConfigError
from headway.why.capture import capture, capture_end
from headway.why.failure import Failure, load, save

__all__ = ["observe", "run_script"]


def run_script(script: Path, arguments: Sequence[str] = ()) -> Failure:
    """Runs a script as `python script.py` does; what is known of its failure, or of its end.

    Its output goes where this process's goes.

    Raises:
        ConfigError: If there is no such file.
    """
    if not script.is_file():
        fix = "Pass a Python file, or paste a traceback: headway why < traceback.txt"
        raise ConfigError("There is no such script.", given=str(script), fix=fix)
    with tempfile.TemporaryDirectory(prefix="headway-why-") as folder:
        file = Path(folder) / "failure.json"
        command = [sys.executable, "-m", "headway.why.script", str(file), str(script), *arguments]
        # With -m Python would put this folder before the script's; the child sets that right.
        status = subprocess.run(command, check=False).returncode
        failure = load(file)
    return failure or killed(status)


def killed(status: int) -> Failure:
    """The failure of a process that left no word: a signal ended it, or it ended itself."""
    if status >= 0:
        return Failure("SystemExit", str(status))
    return Failure("Killed", f"The process was ended by {signal.Signals(-status).name}.")


def observe(script: Path, arguments: Sequence[str] = ()) -> Failure:
    """Runs a script in this process; what is known of its failure, or of its end. Shows a traceback as Python does."""
    sys.argv = [str(script), *arguments]
    sys.path[0] = str(script.resolve().parent)
    texts: list[str] = []

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
        texts.append(f"{category.__name__}: {message}")
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))

    # A script that opens too many files leaves none for what explains it.
    reserved = [os.dup(2) for _ in range(8)]
    with warnings.catch_warnings():
        warnings.showwarning = show
        try:
            failure = capture_end(script, runpy.run_path(str(script), run_name="__main__"))
        except SystemExit as error:
            failure = Failure("SystemExit", str(error.code)) if error.code else capture_end(script, {})
        except Exception as error:
            for number in reserved:
                os.close(number)
            failure = _without_runner(capture(error), script)
            _show(error, script)
    return replace(failure, warnings=tuple(dict.fromkeys(texts)))


def _without_runner(failure: Failure, script: Path) -> Failure:
    """The frames from the script on."""
    names = [frame.file for frame in failure.frames]
    first = names.index(str(script)) if str(script) in names else len(names)
    return replace(failure, frames=failure.frames[first:] or failure.frames[-1:])


def _show(error: BaseException, script: Path) -> None:
    step = error.__traceback__
    while step is not None and step.tb_frame.f_code.co_filename != str(script):
        step = step.tb_next
    traceback.print_exception(error.with_traceback(step))


def _main() -> None:
    file, script, *arguments = sys.argv[1:]
    failure = observe(Path(script), arguments)
    save(failure, Path(file))
    sys.stdout.flush()
    # Threads of libraries must not keep the reader waiting after a failure.
    if failure.type:
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    _main()

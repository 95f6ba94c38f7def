"""The command line: one file a command. Each command imports what it needs when it runs, so `--help` is quick."""

from __future__ import annotations

import atexit
import copy
import gc
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.main import get_command_name

from headway.cli.audit import audit
from headway.cli.clean import clean
from headway.cli.compare import compare
from headway.cli.course import course, show_overview
from headway.cli.data_options import LEFT_OUT, DataCommand
from headway.cli.datasets import datasets
from headway.cli.demo import demo
from headway.cli.drift import drift
from headway.cli.evaluate import evaluate
from headway.cli.export import export
from headway.cli.export_web import export_web
from headway.cli.generate import generate
from headway.cli.lab import lab
from headway.cli.peel import peel
from headway.cli.predict import predict
from headway.cli.push import push
from headway.cli.repeat import repeat
from headway.cli.report import report
from headway.cli.resume import resume
from headway.cli.runs import runs
from headway.cli.serve import serve
from headway.cli.train import train
from headway.cli.why import why
from headway.errors import ConfigError, HeadwayError, Stopped
from headway.system.terminal import echo, show_cursor, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typer.models import CommandInfo

    from headway.runs.interrupt import Signals

__all__ = ["app", "main"]

app = typer.Typer(
    name="headway",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Start with: headway train photos/ (one folder per class), then open runs/photos/report.html.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        echo(version("headway"))
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Deep learning for coders: train, evaluate and use models on your own photos, tables or ratings."""


# The commands by subject, each with examples that end its `--help`.
COMMANDS = {
    "Data": {
        audit: ("headway audit photos/ --open", "headway audit people.csv --target income"),
        clean: ("headway clean photos/ --decisions decisions.jsonl",),
    },
    "Train": {
        demo: ("headway demo",),
        train: ("headway train photos/", "headway train people.csv --target income --minutes 5"),
        resume: ("headway resume runs/photos",),
        repeat: ("headway repeat runs/photos",),
        peel: ("headway peel runs/photos --layer torch --output photos.py",),
        runs: ("headway runs",),
    },
    "Evaluate": {
        report: ("headway report runs/photos --slices site,year --open",),
        evaluate: ("headway evaluate runs/photos/model.headway new_photos/",),
        compare: ("headway compare runs/before runs/cleaned",),
        drift: ("headway drift runs/photos/model.headway requests/",),
        lab: ('headway lab beats.csv --target rhythm --representations "native,recurrence plot"',),
    },
    "Help": {
        why: ("headway why train.py --epochs 3", "headway why --run runs/photos", "headway why"),
    },
    "Use": {
        predict: ("headway predict runs/photos/model.headway rex.jpg",),
        generate: ('headway generate runs/stories/model.headway "Once" --temperature 0.8',),
        serve: ("headway serve runs/photos/model.headway --port 8000",),
        export: (
            'headway export runs/loans --groups sex,race --misuse "to decide alone"',
            "headway export runs/photos --format onnx",
        ),
        export_web: ("headway export-web runs/photos/model.headway site/",),
        push: ("headway push runs/photos/model.headway ada/pets --license apache-2.0",),
    },
}

for subject, commands in COMMANDS.items():
    for command, examples in commands.items():
        # What stands behind a script is the script's.
        settings = {"allow_interspersed_args": False, "ignore_unknown_options": True} if command is why else None
        epilog = "\n".join(("Example:", *examples))
        kind = DataCommand if command.__name__ in LEFT_OUT else None
        app.command(cls=kind, rich_help_panel=subject, epilog=epilog, context_settings=settings)(command)
app.add_typer(course, name="course", rich_help_panel="Learn", epilog="Example:\nheadway course")
app.add_typer(datasets, name="datasets", rich_help_panel="Data", epilog="Example:\nheadway datasets fetch mnist")


def main() -> None:
    """Runs the command; an error made on purpose is shown without a traceback and gives exit status 2.

    Ctrl-C gives 130 and SIGTERM 143, as a shell expects.
    """
    # Importing torch makes objects that stay: looking through them at Python's own rate takes a sixth of its time.
    gc.set_threshold(10_000)
    signal.signal(signal.SIGTERM, _stop)
    _watch_signals()
    formatted = warnings.formatwarning

    def shown(message: Warning | str, category: type[Warning], *where: Any, **named: Any) -> str:
        # Where in the code it was is for those who write code; Headway's own warnings are for everybody.
        text = f"Warning: {message}\n" if category is UserWarning else formatted(message, category, *where, **named)
        return visible(text, lines=True)

    warnings.formatwarning = shown
    stops: list[int] = []
    # What is registered first runs last: to take all of torch apart would keep whoever pressed Ctrl-C waiting.
    atexit.register(lambda: stops and os._exit(stops[0]))
    try:
        _asked_for(sys.argv[1:], app)()
    except (HeadwayError, ModuleNotFoundError) as error:
        _save(error)
        in_words = error if isinstance(error, HeadwayError) else _not_installed(error)
        if in_words is None:
            raise
        echo(f"headway: {_shown(in_words)}", err=True, lines=True)
        sys.exit(2)
    except (SystemExit, KeyboardInterrupt) as exit:
        stopped = _interrupt(exit)
        if stopped is None:
            raise
        echo(err=True)
        echo(f"headway: {stopped if str(stopped) else 'Stopped.'}", err=True)
        status = 128 + getattr(stopped, "signum", signal.SIGINT)
        sys.stdout.flush()
        stops.append(status)
        threading.Thread(target=_end, args=(status,), daemon=True).start()
        sys.exit(status)
    except Exception as error:
        _save(error)
        raise


def _asked_for(words: Sequence[str], whole: typer.Typer) -> Callable[[], object]:
    """The part of the command line that these words need: to build every command takes longer than most take to run."""
    if not words:
        return whole
    # The look at where one is has no option to read, and what reads them takes half of the time.
    if list(words) == ["course"]:
        return show_overview
    commands = [one for one in whole.registered_commands if _name(one) == words[0]]
    groups = [one for one in whole.registered_groups if one.name == words[0]]
    # Help and hints at a misspelt command name all of them.
    if not commands and not groups:
        return whole
    part = copy.copy(whole)
    part.registered_commands, part.registered_groups = commands, groups
    return part


def _name(command: CommandInfo) -> str:
    return command.name or get_command_name(getattr(command.callback, "__name__", ""))


def _save(error: Exception) -> None:
    """Saves what failed, for `headway why`; of that command's own errors nothing."""
    if sys.argv[1:2] == ["why"]:
        return
    # Beside a server alone not all is installed that explains failures; the error itself must be seen.
    with suppress(ImportError):
        from headway.why.capture import capture
        from headway.why.failure import save

        save(capture(error))


def _not_installed(error: ModuleNotFoundError) -> HeadwayError | None:
    """The error in words where Headway's own code imports a library that is missing, as beside a server alone."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    if not frame.f_globals.get("__name__", "").startswith("headway."):
        return None
    what = "A library that this command needs is not installed."
    return ConfigError(what, given=error.name, fix="pip install headway installs all that it needs.")


def _shown(error: HeadwayError) -> HeadwayError:
    """The error with its own line breaks alone, none of a file's name or a label."""
    what, fix = (visible(text, lines=True) for text in (error.what, error.fix))
    return HeadwayError(what, given=visible(error.given), fix=fix)


def _watch_signals() -> None:
    """Answers a signal at once where Python's own handler must wait: in a step, or in a run of a bundle's graph."""
    # Python handles signals between its own instructions, of which a backward pass or a graph's run is a single one.
    reader, writer = os.pipe()
    # Python writes to it within the signal's handler, which must never wait.
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_answer_signals, args=(reader,), name="headway-signals", daemon=True).start()


def _answer_signals(signals: int) -> None:
    announced = None
    while signum := os.read(signals, 1):
        graph = sys.modules.get("headway.bundle.graph")
        # Where no bundle was opened there is nothing to end, and the module need not be imported for it.
        if graph is not None and not graph.end_runs(threading.main_thread().ident):
            os._exit(128 + signum[0])
        stage = _training()
        if stage is not None and stage is announced:
            threading.Thread(target=_end_step, args=(stage, signum[0]), daemon=True).start()
            continue
        # Most steps end sooner, and then there is nothing to say.
        time.sleep(0.1)
        if stage is not None and stage.waiting and stage is _training():
            echo("Stopping after this step. Press Ctrl-C again to stop at once.", err=True)
            announced = stage


def _training() -> Signals | None:
    """What takes the signals of a stage that trains; None where none does, and torch need not be imported for it."""
    module = sys.modules.get("headway.runs.interrupt")
    return None if module is None else module.Signals.active


def _end_step(stage: Signals, signum: int) -> None:
    """Ends the process within a step that has not ended after a second; the run goes on from its last checkpoint."""
    time.sleep(1)
    if stage is _training():
        # The bar has hidden it.
        show_cursor()
        echo(err=True)
        echo(f"headway: {Stopped(signum, stage.run)}", err=True)
        os._exit(128 + signum)


def _end(status: int) -> None:
    """Ends the process in a second, if it has not ended. Python itself would wait for a thread whose disk is gone."""
    time.sleep(1)
    os._exit(status)


def _interrupt(error: BaseException | None) -> KeyboardInterrupt | None:
    """The interrupt behind an error; the command-line library makes an exit of it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def _stop(signum: int, _: object) -> None:
    raise Stopped(signum)

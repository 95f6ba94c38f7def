"""`headway peel`: a run as code, one layer down or two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from headway.cli.data_options import AcceptChanges, MovedTo
from headway.system.terminal import echo

__all__ = ["peel"]


def peel(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run, such as runs/photos.")],
    *,
    layer: Annotated[
        Literal["method", "loop", "torch"],
        typer.Option(
            metavar="NAME",
            help="method: the calls with all their options; loop: the training loop with Headway's parts; "
            "torch: plain PyTorch, without Headway.",
        ),
    ] = "loop",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The Python file. Default: print the code.")
    ] = None,
    data: MovedTo = None,
    accept_changes: AcceptChanges = False,
) -> None:
    """Write a run as one Python file that trains to the same bits: its calls, its loop, or plain PyTorch."""
    from headway.learner.learner import Learner
    from headway.runs.repeat import final_weights
    from headway.runs.run import open_run

    # Else it would be trained to its end first.
    final_weights(open_run(run))
    learner = Learner.resume(run, data=data, accept_changes=accept_changes, progress=False)
    peeled = learner.peel(layer=layer)
    if output is None:
        echo(peeled.text.removesuffix("\n"), lines=True)
        return
    file = peeled.save(output)
    beside = [str(file.with_suffix(ending)) for ending in peeled.beside]
    echo(f"{file}, {len(peeled.text.splitlines())} lines" + (f"; it reads {', '.join(beside)}" if beside else ""))

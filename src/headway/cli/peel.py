"""`headway peel`: a run as code, one layer down or two; a bundle's answers in numpy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headway.cli.data_options import AcceptChanges, MovedTo
from headway.system.terminal import echo

if TYPE_CHECKING:
    from headway.learner.learner import Learner
    from headway.peel.write import LayerName, Peeled

__all__ = ["peel"]


def peel(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run, such as runs/photos.")],
    *,
    layer: Annotated[
        Literal["method", "loop", "torch", "numpy"],
        typer.Option(
            metavar="NAME",
            help="method: the calls with all their options; loop: the training loop with Headway's parts; "
            "torch: plain PyTorch, without Headway; numpy: the answers of a bundle, RUN or a file, without torch.",
        ),
    ] = "loop",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The Python file. Default: print the code.")
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write a page with this layer beside the one above it, as HTML.")
    ] = False,
    data: MovedTo = None,
    accept_changes: AcceptChanges = False,
) -> None:
    """Write a run as one Python file that trains to the same bits: its calls, its loop, or plain PyTorch."""
    if layer == "numpy":
        from headway.peel.graph import graph_in_numpy

        _write(graph_in_numpy(run / "model.headway" if run.is_dir() else run), output)
        return
    from headway.learner.learner import Learner
    from headway.runs.repeat import final_weights
    from headway.runs.run import open_run

    # Else it would be trained to its end first.
    final_weights(open_run(run))
    learner = Learner.resume(run, data=data, accept_changes=accept_changes, progress=False)
    if diff:
        echo(_page(learner, layer, output or Path(f"{run.resolve().name}-{layer}.html")))
        return
    _write(learner.peel(layer=layer), output)


def _write(peeled: Peeled, output: Path | None) -> None:
    """Writes the code to a file, and what it reads beside it, or else shows it."""
    if output is None:
        echo(peeled.text.removesuffix("\n"), lines=True)
        return
    file = peeled.save(output)
    beside = [str(file.with_suffix(ending)) for ending in peeled.beside]
    echo(f"{file}, {len(peeled.text.splitlines())} lines" + (f"; it reads {', '.join(beside)}" if beside else ""))


def _page(learner: Learner, layer: LayerName, file: Path) -> Path:
    """Writes a layer and the one above it, or below it where there is none above, side by side."""
    from headway.errors import ConfigError
    from headway.peel.page import side_by_side
    from headway.peel.write import LAYERS
    from headway.system.files import write_whole

    lower = max(LAYERS.index(layer), 1)
    upper, lower = (learner.peel(layer=LAYERS[index]) for index in (lower - 1, lower))
    try:
        write_whole(file, side_by_side(upper, lower, name=learner.run.path.name if learner.run else "run").encode())
    except OSError as error:
        given = f"{file} ({error.strerror or error})"
        raise ConfigError("The page cannot be written.", given=given, fix="Name another file.") from error
    return file

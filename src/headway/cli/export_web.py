"""`headway export-web`: a folder of static files that predicts in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headway.system.terminal import echo

__all__ = ["export_web"]


def export_web(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write.")],
    *,
    runtime: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Archive of onnxruntime-web. Default: fetched with npm.")
    ] = None,
) -> None:
    """Write a static web page that runs the model in the browser. No data leaves it."""
    from importlib.resources import as_file, files

    from headway.bundle.format import bundle_name, read_bundle
    from headway.bundle.predictor import open_bundle
    from headway.bundle.site import write_site

    model = read_bundle(bundle)
    # The whole check first: what does not answer here will not answer there.
    open_bundle(model, source=bundle)
    with as_file(files("headway.serve") / "page") as page:
        written = write_site(folder, model, name=bundle_name(bundle), page=page, runtime=runtime)
    megabytes = sum(file.stat().st_size for file in written) / 1e6
    echo(f"{folder}: {len(written)} files, {megabytes:.1f} MB. To look at it: python -m http.server -d {folder}")

"""`headway course site`: the course as pages, to read and search in a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["site"]


def site(
    *,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the pages go.", show_default="site in your course folder"),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="BUNDLE", help="A model to try in the lessons' pages, such as model.headway. Needs --serve."
        ),
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve them on this computer too; Ctrl-C stops.")] = False,
    port: Annotated[
        int, typer.Option(metavar="N", help="Port of --serve; 0 takes a free one.", min=0, max=65535)
    ] = 8010,
    open_: Annotated[bool, typer.Option("--open", help="Open them in your browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Build the course's pages: lessons, questions marked in the browser, words, failures, a search. No network."""
    from headway.course.site.build import build
    from headway.course.state import course_folder

    folder = (output or course_folder() / "site").expanduser().absolute()
    count = len(build(folder, model=model))
    start = (folder / "index.html").as_uri()

    def show(address: str) -> None:
        if as_json:
            print(json.dumps({"folder": str(folder), "files": count, "address": address}), flush=True)
        else:
            print(f"{count} files in {folder}\nThe course: {address}", flush=True)
        if open_:
            import webbrowser

            webbrowser.open(address)

    if serve:
        from headway.course.site.serving import serve as serve_pages

        serve_pages(folder, port=port, show=show)
    else:
        show(start)

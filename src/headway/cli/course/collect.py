"""`headway course collect`: a page that takes pictures of the learner's own things."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from headway.cli.course.lessons import lesson_number
from headway.system.terminal import echo

__all__ = ["collect"]


def collect(
    lesson: Annotated[
        int, typer.Argument(metavar="N", help="Number of the lesson that the pictures are for.", parser=lesson_number)
    ] = 1,
    *,
    port: Annotated[int, typer.Option(metavar="N", help="Port; 0 takes a free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and open no page.")] = False,
) -> None:
    """Take pictures of two things of your own, with the camera or from files. Ctrl-C stops it."""
    from headway.course.collect.app import create_app
    from headway.course.collect.pictures import Collection
    from headway.course.data import collected_folder
    from headway.serve.server import serve_app

    collection = Collection(collected_folder(str(lesson)))

    def show(address: str) -> None:
        if as_json:
            print(json.dumps({"address": address, "folder": str(collection.folder)}), flush=True)
            return
        echo(f"page:  {address}\nPictures go to {collection.folder}\nCtrl-C stops it.", lines=True)
        if browser:
            import webbrowser

            webbrowser.open(address)

    with collection.alone():
        serve_app(
            lambda on_start: create_app(collection, lesson=str(lesson), on_start=on_start), port=port, on_ready=show
        )
    counts = collection.counts()
    if not as_json:
        for label, number in counts.items():
            echo(f"{label}: {number['pictures']} pictures in {number['bursts']} bursts")

"""`headway serve`: a bundle as a web page and an API."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.data_options import Providers
from headway.errors import ConfigError
from headway.system.terminal import echo

__all__ = ["parse_amount", "serve"]

limit_option, log_option = (partial(typer.Option, rich_help_panel=subject) for subject in ("Limits", "Log"))

# As disks and cameras count, not as memory does.
_UNITS = {"": 1, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}


def serve(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="Port; 0 takes a free one.", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(metavar="N", help="Worker processes; one uses all cores.", min=1)] = 1,
    host_name: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Host name that requests may have; repeatable.")
    ] = None,
    provider: Providers = None,
    max_body: Annotated[str, limit_option(metavar="SIZE", help="Largest request body.")] = "10MB",
    max_pixels: Annotated[str, limit_option(metavar="SIZE", help="Largest image.")] = "40MP",
    queue: Annotated[
        int, limit_option(metavar="N", help="Items that may wait; further requests get status 503.", min=1)
    ] = 256,
    deadline: Annotated[
        float, limit_option(metavar="SECONDS", help="Time to answer; later requests get status 504.")
    ] = 10.0,
    log: Annotated[Path | None, log_option(metavar="FOLDER", help="Write one JSON line per item.")] = None,
    keep_inputs: Annotated[
        bool,
        log_option("--keep-inputs", help="Log the inputs too: files up to 1 GB, rows in the log."),
    ] = False,
) -> None:
    """Serve a model as a web page and a REST API, without torch. Ctrl-C stops it."""
    from headway.serve.server import serve as serve_bundle
    from headway.serve.settings import Settings

    settings = Settings(
        max_body_bytes=parse_amount(max_body, option="--max-body", unit="B"),
        max_pixels=parse_amount(max_pixels, option="--max-pixels", unit="P"),
        queue=queue,
        deadline_seconds=deadline,
        log=log,
        host_names=tuple(host_name or ()),
        keep_inputs=keep_inputs,
        providers=tuple(provider or ()),
    )

    def show(address: str) -> None:
        echo(f"page:  {address}\nAPI:   {address}/docs\nCtrl-C stops it.", lines=True)

    serve_bundle(bundle, host=host, port=port, workers=workers, settings=settings, on_ready=show)


def parse_amount(text: str, *, option: str, unit: str) -> int:
    """A number with a unit, such as 10MB: K, M or G, then the unit's letter; either may be left out.

    Raises:
        ConfigError: If it is not such a number, or not positive.

    Example:
        >>> parse_amount("10MB", option="--max-body", unit="B"), parse_amount("0.5m", option="--max-body", unit="B")
        (10000000, 500000)
    """
    match = re.fullmatch(rf"([0-9]+(?:\.[0-9]+)?)\s*([KMG]?){unit}?", text.strip(), flags=re.IGNORECASE)
    amount = int(float(match[1]) * _UNITS[match[2].upper()]) if match else 0
    if amount < 1:
        fix = f"Write it as 500K{unit} or 10M{unit}."
        raise ConfigError(f"`{option}` must be a positive size.", given=repr(text), fix=fix)
    return amount

"""`headway serve`: a bundle as a web page and an API."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from headway.errors import ConfigError

__all__ = ["parse_amount", "serve"]

# As disks and cameras count, not as memory does.
_UNITS = {"": 1, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}


def serve(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    *,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for every address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 for any that is free.", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that share the port; one uses every core.", min=1)] = 1,
    max_body: Annotated[str, typer.Option(metavar="SIZE", help="The largest body of a request.")] = "10MB",
    max_pixels: Annotated[str, typer.Option(metavar="SIZE", help="The largest picture.")] = "40MP",
    queue: Annotated[int, typer.Option(help="Items that may wait; beyond, requests get 503.", min=1)] = 256,
    deadline: Annotated[float, typer.Option(help="Seconds from body to answer; beyond, requests get 504.")] = 10.0,
    log: Annotated[Path | None, typer.Option(metavar="DIR", help="Write one JSON line an item there.")] = None,
    keep_inputs: Annotated[
        bool,
        typer.Option("--keep-inputs", help="Keep files beside the log, up to 1 GB; rows in it."),
    ] = False,
) -> None:
    """Serve a model as a web page and an API, without torch. Ctrl-C or SIGTERM ends it once all is answered."""
    from headway.serve.server import serve as serve_bundle
    from headway.serve.settings import Settings

    settings = Settings(
        max_body_bytes=parse_amount(max_body, option="--max-body", unit="B"),
        max_pixels=parse_amount(max_pixels, option="--max-pixels", unit="P"),
        queue=queue,
        deadline_seconds=deadline,
        log=log,
        keep_inputs=keep_inputs,
    )

    def show(address: str) -> None:
        typer.echo(f"page:  {address}\nAPI:   {address}/docs\nCtrl-C ends it.")

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

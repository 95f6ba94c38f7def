"""`headway dockerfile`: what builds a container that serves a bundle, without torch."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["SERVING", "dockerfile", "pinned"]

# The libraries that serving and predicting import: of Headway's dependencies a few, and not torch.
SERVING = (
    "fastapi",
    "numpy",
    "onnxruntime",
    "pillow",
    "prometheus-client",
    "python-multipart",
    "typer",
    "uvicorn",
)

# What pip would ask of the machine in the container, whatever machine this is.
_CONTAINER = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}


def dockerfile(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A model.headway file.")],
    *,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Dockerfile beside the bundle by default.")
    ] = None,
    wheel: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A wheel of Headway, in place of the released version.")
    ] = None,
) -> None:
    """Write a Dockerfile that serves a model without torch, every version pinned to the one that is installed here."""
    from headway.bundle.predictor import load
    from headway.errors import ConfigError

    load(bundle)
    folder = bundle.resolve().parent
    target = output or folder / "Dockerfile"
    if wheel is not None and wheel.resolve().parent != folder:
        what = "The wheel must lie beside the bundle: docker sees no files outside of the folder that it builds from."
        raise ConfigError(what, given=wheel, fix=f"Copy it to {folder}.")
    if target.exists():
        fix = "Remove it, or name another with --output."
        raise ConfigError("The file for the Dockerfile exists already.", given=target, fix=fix)
    text = _text(bundle.name, wheel=wheel.name if wheel else None)
    target.write_text(text)
    typer.echo(f"{target}\nbuild: docker build -t headway-model -f {target} {folder}")
    typer.echo("run:   docker run --rm -p 8000:8000 headway-model")


def pinned(names: Iterable[str]) -> list[str]:
    """The installed versions of libraries and of all that they need on Linux, as pip's requirements, sorted.

    Raises:
        ConfigError: If one of them is not installed here, so that its version is not known.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    from headway.errors import ConfigError

    found: dict[str, str] = {}
    waiting = [Requirement(name) for name in names]
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (name, frozenset(wanted.extras)) in done:
            continue
        done.add((name, frozenset(wanted.extras)))
        try:
            found[name] = version(name)
        except PackageNotFoundError as error:
            what = "A library that serving needs is not installed here, so its version cannot be pinned."
            raise ConfigError(what, given=name, fix=f"Install it: pip install {name}") from error
        extras = ["", *wanted.extras]
        for line in requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({**_CONTAINER, "extra": e}) for e in extras):
                waiting.append(needed)
    # A local version, as in 2.0+cpu, is of no registry.
    return [f"{name}=={found[name].partition('+')[0]}" for name in sorted(found)]


def _text(bundle: str, *, wheel: str | None) -> str:
    copied = f"{wheel} " if wheel else ""
    headway = f"./{wheel}" if wheel else f"headway=={version('headway')}"
    pins = " \\\n        ".join(pinned(SERVING))
    return f"""\
# Serves {bundle}. Made by `headway dockerfile`; the versions are those that the model was tried with.
FROM python:{platform.python_version()}-slim

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

# What serving needs, and no torch: Headway itself is installed without its other dependencies.
RUN pip install --no-deps \\
        {pins}
COPY {copied}{bundle} ./
RUN pip install --no-deps {headway}

RUN useradd --system --no-create-home headway
USER headway

EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \\
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["headway", "serve", "{bundle}", "--host", "0.0.0.0", "--port", "8000"]
"""

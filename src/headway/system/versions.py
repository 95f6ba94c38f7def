"""What a run's numbers depend on besides data and settings: the versions of Python, of libraries, of one's own code."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["git_state", "library_versions"]

# Those whose version has a say in some bit of a run, a model or an answer.
_LIBRARIES = (
    "headway",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "pillow",
    "polars",
    "safetensors",
    "scikit-learn",
    "timm",
    "torch",
    "torchvision",
)


def library_versions() -> dict[str, str]:
    """Versions by name, with Python's; "unknown" for a library that is not installed as a package.

    Example:
        >>> sorted(library_versions())[:3]
        ['headway', 'numpy', 'onnx']
    """
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    # Asked several times in a run, and each library is looked for in all folders that modules come from.
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "unknown"
    return versions


def git_state() -> dict[str, str | bool] | None:
    """The commit that the working folder stands at, and whether files differ from it; None outside of a repository."""
    try:
        commit, changes = (_git("rev-parse", "HEAD"), _git("status", "--porcelain"))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "changed": bool(changes)}


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()

"""What a run's numbers depend on besides data and settings: the versions of Python and of the libraries."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["library_versions"]

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
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found

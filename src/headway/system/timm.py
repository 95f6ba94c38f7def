"""timm, imported when one of its architectures or optimizers is first asked for."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

__all__ = ["load_timm"]


# timm imports torchvision and all of its architectures, which a run without it need not wait for.
def load_timm(module: str = "timm") -> Any:
    """The library, or one of its modules such as "timm.optim"."""
    with warnings.catch_warnings():
        # What it imports complains of missing widgets in a notebook, which nothing here uses.
        warnings.filterwarnings("ignore", message="IProgress not found")
        return import_module(module)

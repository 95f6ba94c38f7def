"""What torch's exporter makes anew for each graph, made once for all: half of the time that a small graph takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any


@cache
def make_its_tables_once() -> None:
    """Its table of operators, for which 500 functions are parsed, and torch's list of composite operators.

    Nothing changes them, and bundles come out the same, byte for byte.
    """
    from torch._export import utils
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    ONNXRegistry.from_torchlib = staticmethod(cache(ONNXRegistry.from_torchlib))
    utils._materialize_cpp_cia_ops = cache(utils._materialize_cpp_cia_ops)


def with_tables_made_once(export: Callable[..., Any]) -> Callable[..., Any]:
    """An exporter that makes them when it is first called: to import them takes a second, too."""

    @wraps(export)
    def exported(*args: Any, **options: Any) -> Any:
        make_its_tables_once()
        return export(*args, **options)

    return exported

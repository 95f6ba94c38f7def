"""What torch's exporter makes anew for each graph, made once for all: half of the time that a small graph takes."""

from __future__ import annotations

from functools import cache


def make_its_tables_once() -> None:
    """Its table of operators, for which 500 functions are parsed, and torch's list of composite operators.

    Nothing changes them, and bundles come out the same, byte for byte.
    """
    from torch._export import utils
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    ONNXRegistry.from_torchlib = staticmethod(cache(ONNXRegistry.from_torchlib))
    utils._materialize_cpp_cia_ops = cache(utils._materialize_cpp_cia_ops)

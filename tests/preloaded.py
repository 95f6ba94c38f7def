"""What each process that tests fork finds imported, and made: `tests.commands.fork` begins by importing this."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from PIL import Image as PILImage

import headway.inputs
import headway.targets

# What training, judging and exporting import no sooner than they need it.
_LATE = (
    "cleanlab.filter",
    "headway.cli.train",
    "headway.inputs.image.models",
    "headway.learner.learner",
    "onnxruntime",
    "onnxscript.function_libs.torch_lib.ops",
    "pydantic",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.neighbors",
    "tests.processes",
    "timm",
    "torch._dynamo",
    "torch.export._trace",
    "torch.onnx._internal.exporter._compat",
)
_FIELDS = [
    f"{kinds.__name__}.{each.name}.field"
    for kinds in (headway.inputs, headway.targets)
    for each in pkgutil.iter_modules(kinds.__path__)
    if each.ispkg
]
for _name in (*_LATE, *_FIELDS):
    importlib.import_module(_name)
PILImage.init()


def make_the_exporters_table_once() -> None:
    """The exporter's table of operators, for which 500 functions are parsed; nothing changes it."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    ONNXRegistry.from_torchlib = staticmethod(cache(ONNXRegistry.from_torchlib))
    ONNXRegistry.from_torchlib()


make_the_exporters_table_once()

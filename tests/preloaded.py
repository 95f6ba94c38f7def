"""What each process that tests fork finds imported, and made: `tests.commands.fork` begins by importing this."""

from __future__ import annotations

import importlib
import pkgutil
import warnings

import torch
from PIL import Image as PILImage
from torch import nn

import headway.inputs
import headway.targets
from tests.estimators import look_up_their_parameters_once
from tests.exporter import make_its_tables_once

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
look_up_their_parameters_once()


def _export_once() -> None:
    """The first graph of a process takes five times as long as the second."""
    make_its_tables_once()
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 36, 2)).eval()
    sizes = ({0: torch.export.Dim("batch")},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(network, (torch.zeros(3, 3, 8, 8),), dynamic_shapes=sizes, strict=False)
        torch.onnx.export(program, dynamic_shapes=sizes, external_data=False, verbose=False)


_export_once()

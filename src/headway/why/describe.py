"""What is known of a variable: shapes, dtypes, devices, lengths, modes, and facts without values.

Libraries are recognised where they are loaded; none is imported.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from headway.why.failure import Variable

__all__ = ["describe", "describe_all"]

MAX_VARIABLES, MAX_PARTS, MAX_LAYERS = 200, 6, 100
# A larger tensor is not read: the reader waits.
MAX_ELEMENTS = 5_000_000
# Of a layer: what it takes and gives.
SIZES = ("in_features", "out_features", "in_channels", "out_channels", "kernel_size", "num_embeddings", "num_features")


def describe_all(variables: Mapping[str, Any]) -> dict[str, Variable]:
    """What is known of variables by name, parts such as `batch[0]` and `self.head` among them.

    Example:
        >>> [f"{name}: {variable}" for name, variable in describe_all({"rows": [1, 2], "name": "x"}).items()]
        ['rows: list of length 2', 'name: str of length 1']
    """
    values: dict[str, Any] = {}
    for name, value in itertools.islice(variables.items(), MAX_VARIABLES):
        values[name] = value
        values |= _safely(_parts, name, value)
    described = {name: describe(name, value) for name, value in values.items()}
    for name, facts in _safely(_relations, values).items():
        described[name] = Variable(name, described[name].kind, {**described[name].facts, **facts})
    return described


def describe(name: str, value: Any) -> Variable:
    """What is known of one variable; its kind alone where it cannot be described."""
    return Variable(name, type(value).__name__, _safely(_facts, value))


def _safely(facts: Callable[..., dict[str, Any]], *values: Any) -> dict[str, Any]:
    """What a function knows of values; nothing where it fails.

    A variable can be anything, and its own code may fail here. The failure that is explained is another one.
    """
    try:
        return facts(*values)
    except Exception:
        return {}


def _loaded(name: str, attribute: str) -> Any:
    """A library, where it is loaded, and is not a file of the reader's with its name."""
    # Never imported here: a script without torch should not wait for it, and its variables hold none.
    module = sys.modules.get(name)
    return module if hasattr(module, attribute) else None


def _facts(value: Any) -> dict[str, Any]:
    torch, numpy = _loaded("torch", "Tensor"), _loaded("numpy", "ndarray")
    if torch is not None and isinstance(value, torch.Tensor):
        return _tensor(value)
    if torch is not None and isinstance(value, torch.nn.Module):
        return _module(value)
    if torch is not None and isinstance(value, torch.optim.Optimizer):
        return {"lr": [float(group["lr"]) for group in value.param_groups]}
    if torch is not None and isinstance(value, torch.utils.data.DataLoader):
        return _loader(value)
    if numpy is not None and isinstance(value, numpy.ndarray):
        return {"shape": list(value.shape), "dtype": str(value.dtype), **_read(value, numpy)}
    return _plain(value)


def _plain(value: Any) -> dict[str, Any]:
    if isinstance(value, ModuleType):
        return {"file": getattr(value, "__file__", None) or ""}
    if isinstance(value, str | bytes | list | tuple | dict | set | range):
        facts = _list(value) if isinstance(value, list | tuple) else {}
        return {"length": len(value), **facts, **(_names(value) if isinstance(value, dict) else {})}
    # By name: pandas and polars call it the same, and neither need be installed.
    if type(value).__name__ == "DataFrame":
        columns = [str(dtype) for dtype in value.dtypes]
        return {"shape": list(value.shape), "columns": columns, **_names(value.columns)}
    if hasattr(value, "mode") and hasattr(value, "size") and hasattr(value, "getbands"):
        return {"mode": value.mode, "shape": list(value.size)}
    return {"callable": True} if callable(value) else {}


def _list(values: Any) -> dict[str, Any]:
    """Of a list its first element's kind; of numbers whether they are finite and whether they change."""
    facts: dict[str, Any] = {"of": type(values[0]).__name__} if values else {}
    if len(values) and all(isinstance(value, float | int) for value in values[:1000]):
        finite = [value for value in values if math.isfinite(value)]
        facts["finite"] = len(finite) == len(values)
        largest = max(map(abs, finite), default=0)
        # Five epochs within one percent: a loss that does not move.
        facts["flat"] = len(values) >= 5 and bool(finite) and max(finite) - min(finite) <= 0.01 * largest
        facts["perfect"] = bool(finite) and finite[-1] == 1
    if len(values) and hasattr(values[0], "requires_grad"):
        facts["graph"] = any(getattr(value, "grad_fn", None) is not None for value in values[:10])
    return facts


def _names(names: Iterable[Any]) -> dict[str, Any]:
    """Whether a name begins with a byte order mark, which nobody sees."""
    return {"bom": True} if any(str(name).startswith("\ufeff") for name in names) else {}


def _tensor(value: Any) -> dict[str, Any]:
    facts = {
        "shape": list(value.shape),
        "dtype": str(value.dtype).removeprefix("torch."),
        "device": str(value.device),
        "requires_grad": value.requires_grad,
        "leaf": value.is_leaf,
        "contiguous": value.is_contiguous(),
        "graph": value.grad_fn is not None,
    }
    # Reading from another device waits for it, and a sparse tensor has no `min`.
    if value.device.type != "cpu" or value.layout is not sys.modules["torch"].strided:
        return facts
    return facts | _read(value.detach(), sys.modules["torch"])


def _read(value: Any, library: Any) -> dict[str, Any]:
    """Yes-or-no facts of a tensor's or an array's numbers, no number itself."""
    size = math.prod(value.shape)
    if not size or size > MAX_ELEMENTS or str(value.dtype) in ("object", "bool", "torch.bool"):
        return {}
    low, high = float(value.min()), float(value.max())
    facts: dict[str, Any] = {
        "finite": math.isfinite(low) and math.isfinite(high),
        "negative": low < 0,
        "zero": low <= 0 <= high and bool((value == 0).any()),
        "constant": size > 1 and low == high,
        "whole": bool((value == value.round()).all()),
        "share": low >= 0 and high <= 1,
        # Above 2, as what was scaled and normalised seldom is.
        "bytes": low >= 0 and 2 < high <= 255,
    }
    if len(value.shape) == 2 and value.shape[1] > 1 and facts["finite"]:
        sums = value.sum(1)
        facts["rows_sum_to_one"] = facts["share"] and bool(abs(sums - 1).max() < 1e-3)
    if len(value.shape) == 1 and facts["whole"]:
        facts["from_one"], facts["classes"] = low == 1, len(library.unique(value))
    return facts


def _module(value: Any) -> dict[str, Any]:
    parameters = list(value.parameters())
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    layers = [(name, layer) for name, layer in value.named_modules() if not any(True for _ in layer.children())]
    return {
        "training": value.training,
        "parameters": len(parameters),
        "trainable": sum(parameter.requires_grad for parameter in parameters),
        "device": str(parameters[0].device) if parameters else "",
        "dtype": str(parameters[0].dtype).removeprefix("torch.") if parameters else "",
        "grads": len(grads),
        "zero_grads": sum(not grad.any() for grad in grads),
        "finite": all(bool(parameter.isfinite().all()) for parameter in parameters if parameter.numel() < MAX_ELEMENTS),
        "layers": [_layer(name, layer) for name, layer in layers[:MAX_LAYERS]],
        # Layers in a plain list are invisible to `parameters()`: a common fault without a message.
        "lists": [key for key, held in vars(value).items() if isinstance(held, list) and _holds_modules(held)],
    }


def _holds_modules(values: Iterable[Any]) -> bool:
    torch = sys.modules["torch"]
    return any(isinstance(value, torch.nn.Module | torch.nn.Parameter) for value in values)


def _layer(name: str, layer: Any) -> dict[str, Any]:
    sizes = {size: getattr(layer, size) for size in SIZES if hasattr(layer, size)}
    return {"name": name, "kind": type(layer).__name__, "training": layer.training, **sizes}


def _loader(value: Any) -> dict[str, Any]:
    return {
        "length": len(value),
        "batch_size": value.batch_size,
        "workers": value.num_workers,
        # A loader does not keep its `shuffle`, but the sampler that it chose.
        "shuffled": type(value.sampler).__name__ != "SequentialSampler",
        "items": len(value.dataset),
    }


def _parts(name: str, value: Any) -> dict[str, Any]:
    """Tensors inside of a batch, and the tensors and layers of `self`."""
    if isinstance(value, tuple | list):
        held = {f"{name}[{index}]": part for index, part in enumerate(value[:MAX_PARTS])}
    elif isinstance(value, dict):
        # Other keys can be data, such as people's names.
        names = [key for key in value if isinstance(key, str) and key.isidentifier()]
        held = {f'{name}["{key}"]': value[key] for key in names[:MAX_PARTS]}
    elif name == "self" and hasattr(value, "__dict__"):
        layers = vars(value).get("_modules") or {}
        held = {f"self.{key}": part for key, part in {**vars(value), **layers}.items() if not key.startswith("_")}
    else:
        return {}
    return {key: part for key, part in held.items() if hasattr(part, "shape") or name == "self"}


def _relations(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What variables have to do with one another: whose parameters an optimizer has, which data are the same."""
    torch = _loaded("torch", "Tensor")
    if torch is None:
        return {}
    relations: dict[str, dict[str, Any]] = {}
    modules = {name: value for name, value in values.items() if isinstance(value, torch.nn.Module)}
    # By identity: an optimizer holds the very tensors, and a model that was made anew has others.
    owned = {name: {id(one) for one in module.parameters()} for name, module in modules.items()}
    data: dict[int, str] = {}
    for name, value in values.items():
        if isinstance(value, torch.optim.Optimizer):
            held = {id(one) for group in value.param_groups for one in group["params"]}
            relations[name] = {"models": [module for module, ids in owned.items() if ids & held]}
        if isinstance(value, torch.utils.data.DataLoader):
            relations[name] = {"data": data.setdefault(id(value.dataset), name)}
        if isinstance(value, torch.Tensor) and value.device.type == "cpu" and value.numel() > 1:
            # Two names of the same memory and shape are the same data; a slice has another shape.
            first = data.setdefault(hash((value.data_ptr(), value.shape)), name)
            relations[name] = {"data": first} if not value.is_sparse else {}
    return relations

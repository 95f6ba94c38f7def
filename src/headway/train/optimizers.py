"""Which parameters are updated how: rates by depth, and no decay where it does harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

from headway.errors import ConfigError, did_you_mean
from headway.system.timm import load_timm

__all__ = [
    "OptimizerChoice",
    "check_optimizer",
    "clear_gradients",
    "depth_groups",
    "freeze_to",
    "lr_factors",
    "make_optimizer",
    "parameter_groups",
    "set_lr",
]

# A name, such as "adamw" or one of timm's; or what makes an optimizer from groups of parameters, such as a class of
# torch's. The learning rate is set at each step, whatever the optimizer was made with.
OptimizerChoice = str | Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


def make_optimizer(
    model: nn.Module,
    optimizer: OptimizerChoice = "adamw",
    *,
    weight_decay: float = 0.01,
    lr_decay: float = 1.0,
) -> torch.optim.Optimizer:
    """An optimizer over a model's trainable parameters; each of its groups has an "lr_scale", which `set_lr` applies.

    Biases and the weights of normalisation layers are not decayed. Earlier layers learn more slowly: each of the
    groups of `depth_groups` has `lr_decay` times the rate of the next. A model may ask for rates of its
    own besides; see `lr_factors`.

    Raises:
        ConfigError: If no parameter is trainable, or there is no such optimizer.

    Example:
        >>> type(make_optimizer(nn.Linear(2, 2), "sgd")).__name__
        'SGD'

    Source:
        Loshchilov and Hutter 2019, arXiv:1711.05101; the rates by depth: Howard and Ruder 2018, arXiv:1801.06146.
    """
    groups = parameter_groups(model, weight_decay=weight_decay, lr_decay=lr_decay)
    if optimizer == "adamw":
        # The rate is set at each step; 0.99, as in fastai, averages over a hundred steps, where 0.999 takes a thousand.
        return torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.99), fused=True)
    check_optimizer(optimizer)
    try:
        made = (
            load_timm("timm.optim").create_optimizer_v2(groups, optimizer)
            if isinstance(optimizer, str)
            else optimizer(groups)
        )
    except (TypeError, ValueError) as error:
        fix = "Pass a function that makes it from groups: lambda groups: torch.optim.SGD(groups, momentum=0.9)."
        raise ConfigError("The optimizer cannot be made from groups of parameters.", given=error, fix=fix) from error
    if not isinstance(made, torch.optim.Optimizer):
        fix = "Return a torch.optim.Optimizer over the groups that it is given."
        raise ConfigError("`optimizer` must give an optimizer.", given=type(made).__name__, fix=fix)
    return made


def check_optimizer(optimizer: OptimizerChoice) -> None:
    """Raises a ConfigError if that is neither an optimizer's name nor something that makes one."""
    if isinstance(optimizer, torch.optim.Optimizer) or not (isinstance(optimizer, str) or callable(optimizer)):
        raise ConfigError(
            "`optimizer` must be a name, a class of torch's, or a function from groups of parameters to an optimizer.",
            given=type(optimizer).__name__,
            fix='Pass "sgd", torch.optim.SGD or lambda groups: ..., for instance.',
        )
    # timm takes long to import, so the default does without.
    if not isinstance(optimizer, str) or optimizer == "adamw":
        return
    if optimizer not in (known := load_timm("timm.optim").list_optimizers()):
        fix = f"Name one of timm's optimizers. {did_you_mean(optimizer, known)}"
        raise ConfigError("Unknown optimizer.", given=repr(optimizer), fix=fix)


def parameter_groups(model: nn.Module, *, weight_decay: float, lr_decay: float) -> list[dict[str, Any]]:
    """The trainable parameters by depth, by whether they decay, and by the rate that the model asks for."""
    groups = []
    by_depth, factors = depth_groups(model), lr_factors(model)
    # By identity: tensors compare by their values.
    asked = {id(parameter): factors[name] for name, parameter in model.named_parameters()}
    for depth, parameters in enumerate(by_depth):
        # As few groups as there can be: the fused update runs once for each.
        alike: dict[tuple[bool, float], list[nn.Parameter]] = {}
        for parameter in parameters:
            if parameter.requires_grad:
                # Biases and the weights of normalisation layers are those of one dimension.
                alike.setdefault((parameter.ndim > 1, asked[id(parameter)]), []).append(parameter)
        for decays, factor in sorted(alike, reverse=True):
            decay = weight_decay if decays else 0.0
            scale = factor * lr_decay ** (len(by_depth) - 1 - depth)
            groups.append({"params": alike[decays, factor], "weight_decay": decay, "lr_scale": scale})
    if not groups:
        given = f"{type(model).__name__} with {sum(1 for _ in model.parameters())} parameters, all of them frozen"
        fix = "Leave requires_grad=True where the model is to learn."
        raise ConfigError("There is nothing to train in the model.", given=given, fix=fix)
    return groups


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Sets each group's rate to `lr` times its "lr_scale" (1 where it has none)."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1.0)


def clear_gradients(optimizer: torch.optim.Optimizer) -> None:
    """Sets every gradient to None."""
    # `zero_grad` tells the profiler of it, which takes longer.
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def depth_groups(model: nn.Module, *, num_groups: int = 3) -> list[list[nn.Parameter]]:
    """A model's parameters from the first layers to the last, for lower rates on earlier layers; no group is empty.

    Where a `body` and a `head` make up the whole model, the body is divided into `num_groups` at most, by count of
    parameter tensors, and the head is the last group. Any other model is one group.

    Source:
        Howard and Ruder 2018, arXiv:1801.06146 (discriminative fine-tuning).
    """
    body, head = getattr(model, "body", None), getattr(model, "head", None)
    if not isinstance(body, nn.Module) or not isinstance(head, nn.Module):
        return [list(model.parameters())]
    parameters = list(body.parameters())
    # Weights that both use belong to the body; weights that neither has would not be trained at all.
    last = [parameter for parameter in head.parameters() if all(parameter is not other for other in parameters)]
    if not last or len(parameters) + len(last) < len(list(model.parameters())):
        return [list(model.parameters())]
    # Rounded up, so that there are never more groups than `num_groups`.
    size = max(1, -(-len(parameters) // num_groups))
    groups = [parameters[start : start + size] for start in range(0, len(parameters), size)]
    return [*groups, last]


def freeze_to(model: nn.Module, to: int) -> None:
    """Lets the groups of layers from `to` on train, and freezes those before; negative numbers count from the end.

    Raises:
        ConfigError: If the model has only one group, or no such group.
    """
    # The groups that have learning rates of their own, so that both count layers in the same way.
    groups = depth_groups(model)
    # `to=0` is for `unfreeze`, which every model can.
    if to and len(groups) == 1:
        what = "A model without a `body` and a `head` has no groups of layers to freeze."
        fix = "Set requires_grad of the parameters of `learner.model` yourself."
        raise ConfigError(what, given=type(model).__name__, fix=fix)
    if not -len(groups) <= to < len(groups):
        fix = f"Pass a number from 0 to {len(groups) - 1}, or -1 for the last."
        raise ConfigError("Unknown group of layers.", given=f"to={to}, {len(groups)} groups", fix=fix)
    first = to % len(groups)
    for number, parameters in enumerate(groups):
        for parameter in parameters:
            parameter.requires_grad_(number >= first)


def lr_factors(model: nn.Module) -> dict[str, float]:
    """What the learning rate of each parameter is multiplied by, by the parameter's name, as its model asks; else 1.

    A model asks with an attribute `lr_factors`, a dict of factors by the beginnings of names.
    """
    asked = getattr(model, "lr_factors", None)
    factors = cast("dict[str, float]", asked) if isinstance(asked, dict) else {}

    def factor(name: str) -> float:
        prefixes = [prefix for prefix in factors if f"{name}.".startswith(f"{prefix}.")]
        # The longest beginning is the most particular one.
        return factors[max(prefixes, key=len)] if prefixes else 1.0

    return {name: factor(name) for name, _ in model.named_parameters()}

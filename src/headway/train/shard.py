"""A model divided among processes (`--shard`): each computes with all of it, and updates its share of the parameters.

A stage trains a copy whose parameters are divided, with their gradients and what the optimizer remembers of them. The
learner's own model stays whole: it has the weights where they are evaluated, saved or used.

Source:
    Rajbhandari et al. 2020, arXiv:1910.02054 (ZeRO); in torch: `torch.distributed.fsdp.fully_shard`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from headway.system.machine import return_freed_memory

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

__all__ = ["divided", "put_whole", "share_of", "whole"]


def divided(model: nn.Module) -> nn.Module:
    """A copy of a model whose parameters are divided among the processes of torch's default group."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    # Whole parameters come and go in each pass, and of those that are kept none would fit the next.
    return_freed_memory()
    model = copy.deepcopy(model)
    for parameter in model.parameters():
        # The only layout that it divides.
        parameter.data = parameter.data.contiguous()
    mesh = init_device_mesh(next(model.parameters()).device.type, (dist.get_world_size(),))
    for module in (*_blocks(model), model):
        module.register_forward_hook(_own_memory)
        fully_shard(module, mesh=mesh)
        assert isinstance(module, FSDPModule)
        # The loss is a mean over the whole batch, so that gradients are summed, where torch takes their mean.
        module.set_gradient_divide_factor(1.0)
        module.set_force_sum_reduction_for_comms(enable=True)
    return model


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of a tensor that may be divided; every process must ask for it."""
    return cast("DTensor", tensor).full_tensor() if hasattr(tensor, "full_tensor") else tensor


def share_of(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A whole tensor, divided as another one is, if that is."""
    if not hasattr(like, "full_tensor"):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    known = cast("DTensor", like)
    return distribute_tensor(tensor.to(like.device).contiguous(), known.device_mesh, known.placements)


def put_whole(source: nn.Module, model: nn.Module) -> None:
    """Copies the weights and buffers of a divided model into a whole one."""
    values = model.state_dict()
    with torch.no_grad():
        for name, value in source.state_dict().items():
            values[name].copy_(whole(value))


def _own_memory(_: nn.Module, __: object, outputs: torch.Tensor) -> torch.Tensor:
    # What follows may change it in place, as activations do. In a view of another tensor the gradients would be lost.
    return outputs.clone() if isinstance(outputs, torch.Tensor) and outputs._is_view() else outputs  # noqa: SLF001


def _blocks(model: nn.Module) -> Iterator[nn.Module]:
    """The parts that have all their parameters on a process only while they compute."""
    body = cast("nn.Module", getattr(model, "body", model))
    for block in body.children():
        # A list is not called, only what is in it.
        for part in block if isinstance(block, nn.ModuleList) else (block,):
            if any(parameter.requires_grad for parameter in part.parameters()):
                yield part

"""What a model computes over a batch as a whole, where each of several processes has a share of it.

Batch normalisation takes its statistics over the whole batch, and dropout draws for the whole batch and keeps the share
of this process. So the shares together give what one process would.

Source:
    Statistics over processes: Peng et al. 2018, arXiv:1711.07240. Combined from those of shares: Chan, Golub and
    LeVeque 1983, "Algorithms for computing the sample variance".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from headway.train.distributed import Processes

__all__ = ["whole_batch"]


def whole_batch(processes: Processes, counts: Sequence[int]) -> AbstractContextManager[Any]:
    """A context for a forward pass of a batch of which each process has so many items, by rank."""
    # Modules of any library call torch's functions, so that these are what is replaced, not the modules.
    return nullcontext() if processes.world == 1 else _WholeBatch(processes, counts)


class _WholeBatch(TorchFunctionMode):
    def __init__(self, processes: Processes, counts: Sequence[int]) -> None:
        super().__init__()
        self.processes = processes
        self.count, self.total = counts[processes.rank], sum(counts)
        self.start = sum(counts[: processes.rank])
        self.replaced: dict[Any, Callable[..., torch.Tensor]] = {
            F.batch_norm: self.batch_norm,
            F.dropout: self.dropout,
            F.dropout1d: self.dropout_of_channels,
            F.dropout2d: self.dropout_of_channels,
            F.dropout3d: self.dropout_of_channels,
            torch.Tensor.bernoulli_: self.bernoulli,
            torch.Tensor.random_: self.random,
        }

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        inputs: Sequence[Any] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        return self.replaced.get(func, func)(*inputs, **(options or {}))

    def batch_norm(
        self,
        inputs: torch.Tensor,
        running_mean: torch.Tensor | None,
        running_var: torch.Tensor | None,
        weight: torch.Tensor | None = None,
        bias: torch.Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> torch.Tensor:
        if not training:
            return F.batch_norm(inputs, running_mean, running_var, weight, bias, False, momentum, eps)
        outputs, mean, var = _BatchNorm.apply(inputs, weight, bias, eps, self.processes)  # pyright: ignore[reportGeneralTypeIssues]
        if running_mean is not None and running_var is not None:
            with torch.no_grad():
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
                running_var.lerp_(var.to(running_var.dtype), momentum)
        return outputs

    def dropout(
        self, input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> torch.Tensor:
        return self._dropped(F.dropout, input, input.shape, p, training, inplace)

    def dropout_of_channels(
        self, input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> torch.Tensor:
        shape = (*input.shape[:2], *[1] * (input.ndim - 2))
        return self._dropped(F.dropout, input, shape, p, training, inplace)

    def bernoulli(self, tensor: torch.Tensor, p: float = 0.5, **options: Any) -> torch.Tensor:
        """Whole items are left out, as in stochastic depth."""
        if not self._of_items(tensor):
            return tensor.bernoulli_(p, **options)
        return tensor.copy_(self._own(tensor, tensor.shape, lambda whole: whole.bernoulli_(p, **options)))

    def random(self, tensor: torch.Tensor, *bounds: int | None) -> torch.Tensor:
        """The numbers of `headway.train.dropout.Dropout`."""
        if not self._of_items(tensor):
            return tensor.random_(*bounds)  # pyright: ignore[reportCallIssue, reportArgumentType]
        return tensor.copy_(self._own(tensor, tensor.shape, lambda whole: whole.random_(*bounds)))

    def _dropped(
        self,
        otherwise: Callable[..., torch.Tensor],
        inputs: torch.Tensor,
        shape: Sequence[int],
        rate: float,
        training: bool,
        inplace: bool,
    ) -> torch.Tensor:
        if not training or rate in (0, 1) or not self._of_items(inputs):
            return otherwise(inputs, rate, training, inplace)
        noise = self._own(inputs, shape, lambda whole: whole.bernoulli_(1 - rate)).div_(1 - rate)
        return inputs.mul_(noise) if inplace else inputs * noise

    def _of_items(self, tensor: torch.Tensor) -> bool:
        """Whether the first axis is that of the batch's items, or of equally many parts of each."""
        return tensor.ndim > 0 and len(tensor) % self.count == 0

    def _own(self, like: torch.Tensor, shape: Sequence[int], fill: Callable[[torch.Tensor], Any]) -> torch.Tensor:
        """The share of this process of what is drawn for the whole batch, in the order in which one process draws."""
        parts = len(like) // self.count
        sizes = (parts * self.total, *shape[1:])
        whole = like.new_empty(sizes)
        if tuple(shape) == tuple(like.shape) and like.ndim == 4:
            # Numbers are drawn in the order of memory, which for maps of a photo may be channels last.
            last = like.is_contiguous(memory_format=torch.channels_last) and not like.is_contiguous()
            whole = whole.contiguous(memory_format=torch.channels_last) if last else whole
        fill(whole)
        return whole[parts * self.start : parts * (self.start + self.count)]


class _BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        weight: torch.Tensor | None,
        bias: torch.Tensor | None,
        eps: float,
        processes: Processes,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Outputs, and the mean and the unbiased variance over the whole batch."""
        mean, var = _statistics(inputs)
        values = inputs.numel() // inputs.shape[1]
        shares = processes.gathered(torch.cat([mean, var, mean.new_tensor([values])])).double()
        (means, variances), sizes = shares[:, :-1].chunk(2, dim=1), shares[:, -1:]
        total = sizes.sum()
        mean = (means * sizes).sum(dim=0) / total
        # Within each share, and between the shares.
        var = ((variances + (means - mean).square()) * sizes).sum(dim=0) / total
        unbiased = (var * total / (total - 1)).float()
        mean, var = mean.float(), var.float()
        ctx.save_for_backward(inputs, weight, mean, var)
        ctx.eps, ctx.total, ctx.processes = eps, total.item(), processes
        ctx.mark_non_differentiable(mean, unbiased)
        return F.batch_norm(inputs, mean, var, weight, bias, False, 0.0, eps), mean, unbiased

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs, weight, mean, var = ctx.saved_tensors
        ones = torch.ones_like(mean) if weight is None else weight
        # As with fixed statistics; the sums that this gives say how the statistics move with the inputs.
        passed, by_weight, by_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0].contiguous(memory_format=torch.channels_last)
            if inputs.ndim == 4 and inputs.is_contiguous(memory_format=torch.channels_last)
            else gradients[0].contiguous(),
            inputs,
            ones,
            mean,
            var,
            None,
            None,
            False,
            ctx.eps,
            [True, True, True],
        )
        sums = ctx.processes.added(torch.cat([by_weight, by_bias]).float()) / ctx.total
        of_weight, of_bias = sums.chunk(2)
        scale = -ones * (var + ctx.eps).rsqrt()
        # Once more a normalisation with fixed statistics: of each channel a multiple of its inputs, and a number.
        passed.add_(F.batch_norm(inputs, mean, var, scale * of_weight, scale * of_bias, False, 0.0, ctx.eps))
        if weight is None:
            return passed, None, None, None, None
        return passed, by_weight, by_bias, None, None


def _statistics(inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and biased variance of each channel."""
    if inputs.is_cpu:
        # Torch's general function takes five to thirty times as long there, as it is not vectorised for these axes. In
        # float32 whatever the inputs are in, as running statistics that are would be; these are not moved.
        unmoved = torch.zeros(inputs.shape[1])
        values = inputs.float() if inputs.dtype is torch.float64 else inputs
        return torch.ops.aten.batch_norm_update_stats(values, unmoved, unmoved, 0.0)
    var, mean = torch.var_mean(inputs.float(), [0, *range(2, inputs.ndim)], correction=0)
    return mean, var

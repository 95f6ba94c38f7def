"""Networks that predict the next token: an LSTM and a small GPT, each with a memory of what it has read.

Legend: B batch, T new tokens, P tokens in memory, H heads, D dimensions a head.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["NETWORKS", "Gpt", "Lstm", "Network", "Writer"]


class Network(nn.Module, ABC):
    """Tokens and a memory to logits and what is new in the memory.

    Attributes:
        memory_axes: The names of the memory's axes whose lengths are not fixed, by position. Where one of them is
            "past", it grows by what a call gives; else that takes its place.
    """

    memory_axes: ClassVar[dict[int, str]]

    @abstractmethod
    def empty_memory(self, batch: int) -> Tensor:
        """The memory before anything was read, float32 `[batch, ...]`."""

    @abstractmethod
    def forward(self, tokens: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Logits `[B, T, vocabulary]` for tokens `[B, T]`, and what is new in the memory, None where none came in."""


class Writer(nn.Module):
    """How many bits a text takes; and, with a memory, what may come next.

    Example:
        >>> writer = Writer(Gpt(300, width=16, depth=1, heads=2))
        >>> counted, logits, new = writer(torch.tensor([[0, 5, 6]]), writer.empty_memory(1))
        >>> counted.shape, logits.shape, new.shape
        (torch.Size([1, 2]), torch.Size([1, 300]), torch.Size([1, 3, 1, 2, 2, 8]))
    """

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = model
        self.memory_axes = model.memory_axes

    def empty_memory(self, batch: int) -> Tensor:
        """The memory before anything was read."""
        return self.model.empty_memory(batch)

    def forward(self, tokens: Tensor, memory: Tensor | None = None) -> Tensor | tuple[Tensor, ...]:
        """Tokens, whole numbers `[B, T]` with -1 behind a text's end, to their bits and their number, `[B, 2]`.

        The first token is not predicted, nor counted. With a memory two more: the logits of the token after the last,
        `[B, vocabulary]`, and what is new in the memory.
        """
        logits, new = self.model(tokens.clamp_min(0).long(), memory)
        bits, is_token = _bits(logits, tokens)
        counted = torch.stack([bits.sum(dim=1), is_token.sum(dim=1).float()], dim=1)
        return counted if memory is None else (counted, logits[:, -1], new)

    def bits(self, tokens: Tensor) -> Tensor:
        """The bits of each token's successor, float32 `[B, T]`; 0 where it has none."""
        return _bits(self.model(tokens.clamp_min(0).long())[0], tokens)[0]


def _bits(logits: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The bits of each token's successor, float32 `[B, T]`, and whether it has one, by the logits at its place."""
    # As long as the tokens, which the exporter needs: behind the last one nothing is known.
    successors = F.pad(tokens, (0, 1), value=-1)[:, 1:]
    is_token = successors >= 0
    chosen = logits.float().log_softmax(dim=-1).gather(-1, successors.clamp_min(0).long()[..., None])[..., 0]
    return chosen * is_token / -math.log(2), is_token


class Gpt(Network):
    """A transformer that sees what came before alone: RMSNorm, rotary positions, one table for input and output.

    Args:
        num_tokens: The vocabulary's size.
        width: Numbers a token.
        depth: Blocks.
        heads: Of attention, each `width / heads` wide.
        dropout: Rate, after the embedding and in each block.

    Source:
        Radford et al. 2019, "Language models are unsupervised multitask learners"; Zhang and Sennrich 2019,
        arXiv:1910.07467 (RMSNorm); Su et al. 2021, arXiv:2104.09864 (rotary positions); Press and Wolf 2017,
        arXiv:1608.05859 (one table).
    """

    # Batch first, so that of a batch of one the past is one piece of memory, however much of it there is.
    memory_axes: ClassVar[dict[int, str]] = {0: "batch", 1: "past"}

    def __init__(
        self, num_tokens: int, *, width: int = 192, depth: int = 4, heads: int = 4, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.shape = (depth, 2, heads, width // heads)
        self.embed = nn.Embedding(num_tokens, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(_Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.RMSNorm(width)
        nn.init.normal_(self.embed.weight, std=0.02)
        for name, weight in self.blocks.named_parameters():
            if weight.ndim == 2:
                # What is added to the stream is smaller the more blocks add to it.
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * depth) if name.endswith("out.weight") else 0.02)

    def empty_memory(self, batch: int) -> Tensor:
        return self.embed.weight.new_zeros((batch, 0, *self.shape), dtype=torch.float32)

    def forward(self, tokens: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        past = 0 if memory is None else memory.shape[1]
        turns, mask = _turns(past, tokens.shape[1], self.shape[-1], tokens.device), None
        if memory is not None:
            seen = torch.arange(past + tokens.shape[1], device=tokens.device)
            mask = seen[None, :] <= seen[past:, None]
        stream, new = self.dropout(self.embed(tokens)), []
        for index, block in enumerate(self.blocks):
            stream, kept = block(stream, turns, None if memory is None else memory[:, :, index], mask)
            new.append(kept)
        logits = F.linear(self.norm(stream), self.embed.weight)
        return logits, None if memory is None else torch.stack(new, dim=2).float()


class _Block(nn.Module):
    """Attention and a network of two layers, each added to the stream."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.rate = heads, dropout
        self.attention_norm, self.mlp_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.attention_in = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width, bias=False)
        self.mlp_in = nn.Linear(width, 4 * width, bias=False)
        self.mlp_out = nn.Linear(4 * width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, stream: Tensor, turns: tuple[Tensor, Tensor], past: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The stream `[B, T, width]` after the block, and the new tokens' keys and values, `[B, T, 2, H, D]`."""
        batch, length, width = stream.shape
        qkv = self.attention_in(self.attention_norm(stream)).view(batch, length, 3, self.heads, width // self.heads)
        queries, keys = _turned(qkv[:, :, 0], turns), _turned(qkv[:, :, 1], turns)
        kept = torch.stack([keys, qkv[:, :, 2]], dim=2)
        every = kept if past is None else torch.cat([past.to(kept.dtype), kept], dim=1)
        queries, keys, values = (part.float().transpose(1, 2) for part in (queries, every[:, :, 0], every[:, :, 1]))
        # On a CPU the backward pass of torch's attention takes up to four times as long in bfloat16 as in float32.
        with torch.autocast("cpu", enabled=False):
            attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=mask is None)
        stream = stream + self.dropout(self.attention_out(attended.transpose(1, 2).reshape(batch, length, width)))
        return stream + self.dropout(self.mlp_out(F.gelu(self.mlp_in(self.mlp_norm(stream))))), kept


def _turns(start: int, length: int, dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the angle at each position and pair of dimensions, `[T, 1, D / 2]`."""
    positions = torch.arange(start, start + length, device=device, dtype=torch.float32)
    rates = 10_000 ** (-torch.arange(0, dim, 2, device=device, dtype=torch.float32) / dim)
    angles = (positions[:, None] * rates)[:, None]
    return angles.cos(), angles.sin()


def _turned(heads: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Queries or keys `[B, T, H, D]`, each pair of dimensions turned by the angle of its position."""
    (cosine, sine), (first, second) = turns, heads.chunk(2, dim=-1)
    turned = torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)
    return turned.to(heads.dtype)


class Lstm(Network):
    """A recurrent network of several layers whose output is compared with the table of its inputs.

    Args:
        num_tokens: The vocabulary's size.
        width: Numbers a token.
        hidden: Numbers of a layer's state.
        depth: Layers.
        dropout: Rate, after the embedding, between layers and after the last.

    Source:
        Hochreiter and Schmidhuber 1997, "Long short-term memory"; Merity, Keskar and Socher 2017, arXiv:1708.02182.
    """

    memory_axes: ClassVar[dict[int, str]] = {0: "batch"}

    def __init__(
        self, num_tokens: int, *, width: int = 192, hidden: int = 384, depth: int = 2, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.shape = (depth, 2, hidden)
        self.embed = nn.Embedding(num_tokens, width)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.LSTM(width, hidden, depth, batch_first=True, dropout=dropout)
        self.narrow = nn.Linear(hidden, width)
        self.bias = nn.Parameter(torch.zeros(num_tokens))
        nn.init.normal_(self.embed.weight, std=0.05)

    def empty_memory(self, batch: int) -> Tensor:
        return self.embed.weight.new_zeros((batch, *self.shape), dtype=torch.float32)

    def forward(self, tokens: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        states = None
        if memory is not None:
            hidden, cell = memory.permute(2, 1, 0, 3).contiguous()
            states = hidden, cell
        embedded = self.dropout(self.embed(tokens))
        # Torch's exporter would write out a step for each token of its example.
        is_exported = torch.compiler.is_exporting()
        features, states = (
            self._as_onnx(embedded, *states) if states and is_exported else self.recurrent(embedded, states)
        )
        logits = F.linear(self.narrow(self.dropout(features)), self.embed.weight, self.bias)
        return logits, None if memory is None else torch.stack(states).permute(2, 1, 0, 3).float()

    def _as_onnx(self, features: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The recurrent layers as operators of ONNX; without dropout."""
        features, ends = features.transpose(0, 1), []
        length, batch, _ = features.shape
        size = hidden.shape[-1]
        for layer in range(len(hidden)):
            names = (f"{name}_l{layer}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            # The gates' order is another one: input, output, forget, cell.
            gates = [
                torch.cat([getattr(self.recurrent, name).chunk(4)[gate] for gate in (0, 3, 1, 2)]) for name in names
            ]
            into, back, bias = gates[0][None], gates[1][None], torch.cat(gates[2:])[None]
            state = [hidden[layer : layer + 1], cell[layer : layer + 1]]
            features, *end = torch.onnx.ops.symbolic_multi_out(
                "LSTM",
                [features, into, back, bias, None, *state],
                {"hidden_size": size},
                dtypes=[torch.float32] * 3,
                shapes=[(length, 1, batch, size), (1, batch, size), (1, batch, size)],
                version=14,
            )
            features = features.squeeze(1)
            ends.append(end)
        hidden, cell = (torch.cat(states) for states in zip(*ends, strict=True))
        return features.transpose(0, 1), (hidden, cell)


NETWORKS: dict[str, Callable[[int], Network]] = {"gpt": Gpt, "lstm": Lstm}

"""BERT's encoder in plain PyTorch, whose weights are read from a file of others: the packaged MiniLM's.

Shapes are written with B texts, T tokens, H heads and D numbers a head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from headway.inputs.text.tokenizer import PADDING
from headway.train.dropout import Dropout

__all__ = ["Encoder", "EncoderLayer", "EncoderSize", "from_bert"]


@dataclass(frozen=True, kw_only=True)
class EncoderSize:
    """How large an encoder is; as it stands here, MiniLM-L6-H384.

    Attributes:
        window: Tokens that it reads together, as many as it was trained with. A longer text is read in windows.

    Source:
        Wang et al. 2020, arXiv:2002.10957 (MiniLM); Reimers and Gurevych 2019, arXiv:1908.10084 (sentences).
    """

    vocabulary: int = 30_522
    positions: int = 512
    window: int = 256
    dim: int = 384
    heads: int = 12
    layers: int = 6
    width: int = 1_536
    dropout: float = 0.1


class EncoderLayer(nn.Module):
    """Attention among the tokens of a text, and a small network for each token; both added to what came in.

    Source:
        Vaswani et al. 2017, arXiv:1706.03762, normalised after each addition.
    """

    def __init__(self, size: EncoderSize) -> None:
        super().__init__()
        self.heads = size.heads
        self.qkv = nn.Linear(size.dim, 3 * size.dim)
        self.out = nn.Linear(size.dim, size.dim)
        self.norm1 = nn.LayerNorm(size.dim, eps=1e-12)
        self.up = nn.Linear(size.dim, size.width)
        self.down = nn.Linear(size.width, size.dim)
        self.norm2 = nn.LayerNorm(size.dim, eps=1e-12)
        self.dropout = Dropout(size.dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Vectors `[B, T, H * D]` to vectors; `mask` `[B, 1, T, T]` is far below 0 where a token does not see one."""
        q, k, v = self.qkv(x).float().unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # On a CPU the backward pass of torch's attention takes up to four times as long in bfloat16 as in float32.
        with torch.autocast("cpu", enabled=False):
            attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.norm1(x + self.dropout(self.out(attended.transpose(1, 2).flatten(2))))
        return self.norm2(x + self.dropout(self.down(F.gelu(self.up(x)))))


class Encoder(nn.Module):
    """Tokens to a vector for each of them, of every depth.

    What a token does not see, padding and other windows, is far below 0 in the mask and not minus infinity: a text that
    is padding throughout would become NaN.

    Example:
        >>> encoder = Encoder(EncoderSize(vocabulary=9, positions=8, dim=4, heads=2, layers=3, width=8))
        >>> states = encoder(torch.tensor([[5, 3, 0]], dtype=torch.int32))
        >>> len(states), states[-1].shape
        (4, torch.Size([1, 3, 4]))
    """

    def __init__(self, size: EncoderSize) -> None:
        super().__init__()
        self.size = size
        self.words = nn.Embedding(size.vocabulary, size.dim, padding_idx=PADDING)
        self.positions = nn.Embedding(size.positions, size.dim)
        self.norm = nn.LayerNorm(size.dim, eps=1e-12)
        self.dropout = Dropout(size.dropout)
        self.layers = nn.ModuleList(EncoderLayer(size) for _ in range(size.layers))

    def forward(self, tokens: torch.Tensor) -> list[torch.Tensor]:
        """Tokens, int32 `[B, T]` padded with 0, to the vectors before and after each layer, `[B, T, dim]`."""
        position = torch.arange(tokens.shape[1], device=tokens.device)
        window = position // self.size.window
        is_seen = (tokens != PADDING)[:, None, :] & (window[:, None] == window)
        mask = torch.where(is_seen, 0.0, -1e4)[:, None]
        x = self.words(tokens) + self.positions(position % self.size.window)
        states = [self.dropout(self.norm(x))]
        for layer in self.layers:
            states.append(layer(states[-1], mask))
        return states


def from_bert(tensors: Mapping[str, torch.Tensor], size: EncoderSize) -> Encoder:
    """An encoder with the weights of a BERT, as its file names them."""
    encoder = Encoder(size)
    # Every token is of the first of BERT's two kinds of sentence, whose vector is a part of each position's.
    positions = tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
    state = {"words.weight": tensors["embeddings.word_embeddings.weight"], "positions.weight": positions}
    names = {"norm": "embeddings.LayerNorm"}
    for number in range(size.layers):
        ours, theirs = f"layers.{number}", f"encoder.layer.{number}"
        for kind in ("weight", "bias"):
            parts = [tensors[f"{theirs}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"{ours}.qkv.{kind}"] = torch.cat(parts)
        names |= {
            f"{ours}.out": f"{theirs}.attention.output.dense",
            f"{ours}.norm1": f"{theirs}.attention.output.LayerNorm",
            f"{ours}.up": f"{theirs}.intermediate.dense",
            f"{ours}.down": f"{theirs}.output.dense",
            f"{ours}.norm2": f"{theirs}.output.LayerNorm",
        }
    for ours, theirs in names.items():
        state |= {f"{ours}.{kind}": tensors[f"{theirs}.{kind}"] for kind in ("weight", "bias")}
    encoder.load_state_dict(state)
    return encoder

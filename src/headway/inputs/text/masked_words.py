"""Masked words: an encoder learns a language by guessing words that are hidden from it.

Source:
    Devlin et al. 2019, arXiv:1810.04805; whole words as in the later models of its authors. Of the words that are
    hidden, 80 in 100 become the token for what is masked, 10 another token, and 10 stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headway.inputs.text.networks import PooledEncoder
from headway.inputs.text.tokenizer import mask_of, opened, uncounted
from headway.inputs.text.transformer import TransformerBody
from headway.seeds import generator
from headway.train.options import Options
from headway.train.pretraining import Pretraining
from headway.train.recipe import Recipe

if TYPE_CHECKING:
    from headway.inputs.text.field import Text

__all__ = ["MaskedWordModel", "Words", "masked_words"]

_SHARE_HIDDEN, _SHARE_MASKED, _SHARE_OTHER = 0.15, 0.8, 0.1

# The head begins with random weights, the body does not.
_HEAD_RATE = 10.0

RECIPE = Recipe(lr=1e-4, options=Options(clip_norm=1.0), samples_seen=16_000, min_epochs=1, max_epochs=10)


class MaskedWordModel(nn.Module):
    """An encoder that says which tokens were hidden; the vectors of tokens that it reads with are those it answers by.

    Args:
        body: The encoder.
    """

    def __init__(self, body: PooledEncoder | TransformerBody) -> None:
        super().__init__()
        self.body = body
        self.head = _WordHead(*body.word_vectors.shape)
        self.lr_factors = {"head": _HEAD_RATE}

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Tokens and where they are hidden, int32 `[B, 2, T]`, to logits of the hidden ones, `[hidden, vocabulary]`."""
        tokens, is_hidden = inputs.unbind(dim=1)
        return self.head(self.body.vectors(tokens)[is_hidden.bool()], self.body.word_vectors)


class _WordHead(nn.Module):
    def __init__(self, vocabulary: int, dim: int) -> None:
        super().__init__()
        self.change = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, vectors: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        return F.linear(self.norm(F.gelu(self.change(vectors))), words.to(vectors.dtype), self.bias.to(vectors.dtype))


@dataclass(frozen=True, eq=False)
class Words:
    """What is known of a vocabulary's tokens.

    Attributes:
        mask: The token that stands for a hidden one.
        begins: Whether each token begins a word, bool `[vocabulary]`.
        is_word: Whether each stands for something in a text, bool `[vocabulary]`.
    """

    mask: int
    begins: np.ndarray
    is_word: np.ndarray

    def hide(
        self, inputs: torch.Tensor, *, rows: np.ndarray, seed: int, epoch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens, int32 `[B, T]`, as `MaskedWordModel` takes them, and those that were hidden, int64 `[hidden]`."""
        tokens = inputs.cpu().numpy()
        hidden = [
            self._hidden(text, generator(seed, "mask", epoch=epoch, row=row))
            for text, row in zip(tokens, rows.tolist(), strict=True)
        ]
        masked, is_hidden = (np.stack(arrays) for arrays in zip(*hidden, strict=True))
        given = torch.from_numpy(np.stack([masked, is_hidden], axis=1)).to(inputs.device)
        return given, torch.from_numpy(tokens[is_hidden]).long().to(inputs.device)

    def _hidden(self, text: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A text's tokens with some of its words hidden, and where, bool `[T]`; at least one, where there is one."""
        is_word = self.is_word[text]
        word = np.cumsum(self.begins[text] | ~is_word)
        words = np.unique(word[is_word])
        chosen = draw.permutation(words)[: max(round(_SHARE_HIDDEN * len(words)), 1)]
        is_hidden = is_word & np.isin(word, chosen)
        draws, others = draw.random(len(text)), draw.integers(len(self.is_word), size=len(text))
        other_or_same = np.where(draws < _SHARE_MASKED + _SHARE_OTHER, others, text)
        masked = np.where(draws < _SHARE_MASKED, self.mask, other_or_same)
        return np.where(is_hidden, masked, text).astype(text.dtype), is_hidden


def masked_words(field: Text, model: nn.Module) -> Pretraining | None:
    """Pretraining of a text model's encoder; None where it has none, or its tokenizer no token for what is masked."""
    mask = mask_of(field.fitted)
    body = getattr(model, "body", None)
    if mask is None or not isinstance(body, PooledEncoder | TransformerBody):
        return None
    tokenizer = opened(field.fitted, field.max_tokens)
    names = [tokenizer.id_to_token(token) or "" for token in range(tokenizer.get_vocab_size())]
    is_word = np.ones(len(names), dtype=bool)
    is_word[[*uncounted(field.fitted), mask]] = False
    words = Words(mask, np.array([not name.startswith("##") for name in names]), is_word)
    return Pretraining(module=MaskedWordModel(body), hide=words.hide, loss_fn=_loss, recipe=RECIPE)


def _loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    # The mean, of nothing 0 and not NaN.
    return F.cross_entropy(outputs, targets, reduction="sum") / max(len(targets), 1)

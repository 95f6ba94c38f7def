"""Encoders of the library transformers with their weights, as bodies of a model.

The library is imported when one is asked of it. Its files are read as data: no code of a model's author runs.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from headway.errors import ConfigError, in_a_line
from headway.inputs.text.encoder_files import OFFSET_PADDING, encoder_folder
from headway.inputs.text.token_scores import TokenScores

if TYPE_CHECKING:
    from transformers import PretrainedConfig

__all__ = ["TransformerBody", "layer_rates"]


class TransformerBody(nn.Module):
    """An encoder of transformers: the mean of a text's vectors after its last layer.

    Args:
        name: A folder or a name, as `is_encoder` takes them.
        padding: The token that fills a batch up.
        pretrained: Whether with its weights, or with random ones.
        num_classes: Of how many classes its last features are the scores of `TokenScores`.

    Raises:
        ConfigError: If transformers is not installed, or does not know the architecture as an encoder.
    """

    def __init__(self, name: str, *, padding: int, pretrained: bool, num_classes: int = 0) -> None:
        super().__init__()
        self.padding = padding
        folder = encoder_folder(name)
        try:
            from transformers import AutoConfig, AutoModel
        except ImportError as error:
            what = "A text encoder by name or folder needs the package transformers, which is not installed."
            raise ConfigError(what, given=f"arch={name!r}", fix="Run: pip install transformers") from error
        try:
            config: PretrainedConfig = AutoConfig.from_pretrained(folder)
            # Only safetensors: other files of weights can run code.
            options: dict[str, Any] = {"attn_implementation": "sdpa", "dtype": torch.float32}
            model = (
                AutoModel.from_pretrained(folder, use_safetensors=True, **options)
                if pretrained
                else AutoModel.from_config(config, **options)
            )
        # The library raises a ValueError for what it does not know, and others for what it cannot read.
        except (ValueError, OSError, KeyError, TypeError) as error:
            what = "The library transformers cannot open this model as a text encoder."
            fix = "Name another encoder, such as distilbert-base-uncased."
            raise ConfigError(what, given=f"arch={name!r}: {in_a_line(error)}", fix=fix) from error
        # A layer that answers for the first token, and would never be trained.
        if getattr(model, "pooler", None) is not None:
            model.pooler = None
        self.encoder = model
        self._takes = tuple(inspect.signature(model.forward).parameters)
        self.counter = TokenScores(int(config.vocab_size), num_classes, padding=padding) if num_classes else None
        self.num_features = int(config.hidden_size) + num_classes

    @property
    def word_vectors(self) -> torch.Tensor:
        """The vectors that tokens are looked up as, `[vocabulary, dim]`."""
        return self.encoder.get_input_embeddings().weight

    def vectors(self, inputs: torch.Tensor) -> torch.Tensor:
        """Tokens, int32 `[B, T]`, to a vector for each, `[B, T, hidden size]`."""
        is_token = inputs != self.padding
        # All is said that the library would find out by itself: so the exported graph takes texts of any length.
        others = {"position_ids": self._positions(is_token), "token_type_ids": torch.zeros_like(inputs).long()}
        others = {name: value for name, value in others.items() if name in self._takes}
        # With all four axes, so that the library need not look into it.
        mask = torch.where(is_token, 0.0, -1e4)[:, None, None, :].expand(-1, 1, inputs.shape[1], -1)
        return self.encoder(input_ids=inputs.long(), attention_mask=mask, **others).last_hidden_state

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Tokens, int32 `[B, T]`, to features `[B, num_features]`."""
        vectors = self.vectors(inputs)
        counted = (inputs != self.padding).unsqueeze(-1).to(vectors.dtype)
        mean = (vectors * counted).sum(dim=1) / counted.sum(dim=1).clamp_min(1)
        return mean if self.counter is None else torch.cat([mean, self.counter(inputs)], dim=1)

    def _positions(self, is_token: torch.Tensor) -> torch.Tensor:
        """The tokens' positions, int64 `[B, T]`."""
        if self.padding == OFFSET_PADDING:
            return is_token.long().cumsum(dim=1) * is_token + self.padding
        return torch.arange(is_token.shape[1], device=is_token.device).expand(is_token.shape)


def layer_rates(body: TransformerBody, decay: float) -> dict[str, float]:
    """What an encoder's learning rates are multiplied by: each layer's by `decay`, compared with the next."""
    count = int(body.encoder.config.num_hidden_layers)
    rates = {"body.encoder": decay ** (count + 1)}
    for name, module in body.encoder.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            rates |= {f"body.encoder.{name}.{layer}": decay ** (count - layer) for layer in range(count)}
    return rates

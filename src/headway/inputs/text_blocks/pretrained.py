"""Causal language models of transformers, by name or local folder; the library is imported when one is requested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from headway.errors import ConfigError, WeightsError, in_a_line
from headway.inputs.text_blocks.models import Network, Writer
from headway.train.model import Model
from headway.train.options import Options
from headway.train.recipe import Recipe

if TYPE_CHECKING:
    from headway.inputs.text_blocks.field import TextBlocks

__all__ = ["Pretrained", "build_pretrained"]

# Weights that know texts already change slowly.
RECIPE = Recipe(
    lr=1e-4,
    options=Options(weight_decay=0.1, clip_norm=1.0),
    samples_seen=2_000,
    min_epochs=1,
    max_epochs=3,
    # Few texts a step: logits of 50,000 tokens fill the memory.
    steps=1_000,
    min_batch_size=4,
    max_batch_size=16,
)


def build_pretrained(name: str, input: TextBlocks, *, pretrained: bool) -> Model:
    """A causal model of transformers, by its name on the hub or its folder.

    Raises:
        WeightsError: If there is none of that name.
        ConfigError: If the field has other tokens than the model, or longer blocks than it takes.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(name)
        if pretrained:
            # Not pickled weights, which could run code.
            model = AutoModelForCausalLM.from_pretrained(name, use_safetensors=True, dtype=torch.float32)
        else:
            model = AutoModelForCausalLM.from_config(config)
    # transformers raises what the hub, the file system and its own readers do.
    except Exception as error:
        what = f"{name!r} cannot be read as a causal language model."
        fix = "Pass the folder of such a model of transformers, with its config.json and model.safetensors."
        raise WeightsError(what, given=in_a_line(error), fix=fix) from error
    if input.tokenizer != name or input.num_tokens > config.vocab_size:
        what = "A pretrained language model needs its own tokens."
        given = f"arch={name!r}, tokenizer={input.tokenizer!r}"
        raise ConfigError(what, given=given, fix=f"Pass target=hw.NextToken(tokenizer={name!r}).")
    if input.context > config.max_position_embeddings:
        what = "The blocks are longer than what the model takes."
        given = f"up to {input.context:,} tokens; the model takes {config.max_position_embeddings:,}"
        raise ConfigError(what, given=given, fix=f"Pass target=hw.NextToken(block={input.block // 2}).")
    weights = name if pretrained else ""
    return Model(Writer(Pretrained(model)), recipe=RECIPE, pretrained=weights, arch=name)


class Pretrained(Network):
    """A causal model of transformers, whose keys and values of each layer are the memory."""

    memory_axes: ClassVar[dict[int, str]] = {0: "batch", 1: "past"}

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, config = model, model.config
        heads = config.num_attention_heads
        dim = getattr(config, "head_dim", None) or config.hidden_size // heads
        shared = getattr(config, "num_key_value_heads", None) or heads
        self.shape = (config.num_hidden_layers, 2, shared, dim)

    def empty_memory(self, batch: int) -> Tensor:
        return torch.zeros((batch, 0, *self.shape), device=self.model.device)

    def forward(self, tokens: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        from transformers import DynamicCache

        if memory is None:
            return self.model(input_ids=tokens, use_cache=False).logits, None
        cache, past = DynamicCache(), memory.shape[1]
        for layer in range(self.shape[0]):
            keys, values = (memory[:, :, layer, part].transpose(1, 2) for part in (0, 1))
            cache.update(keys, values, layer)
        logits = self.model(input_ids=tokens, cache=cache, use_cache=True).logits
        kept: list[Any] = cache.layers
        layers = [torch.stack([layer.keys, layer.values], dim=3) for layer in kept]
        # From `[B, H, P + T, 2, D]` for each layer.
        new = torch.stack(layers, dim=1)[:, :, :, past:]
        return logits, new.permute(0, 3, 1, 4, 2, 5).float()

"""Language models by name, and how they are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headway.errors import ConfigError, did_you_mean
from headway.inputs.text_blocks.models import NETWORKS, Writer
from headway.inputs.text_blocks.tokenizer import is_pretrained
from headway.train.model import Model
from headway.train.options import Options
from headway.train.recipe import Recipe

if TYPE_CHECKING:
    from headway.inputs.text_blocks.field import TextBlocks

__all__ = ["RECIPE", "build"]

# Of few blocks many steps are taken. On 1.7 million characters of docstrings, of which 800,000 tokens were seen, four
# blocks a step without dropout came to 2.15 bits a character on other documents of the training part, and sixteen with
# a dropout of 0.1 to 2.40. The four took 1.13 times as long. How much of that dropout is was seen at 320,000 tokens
# only: four blocks a step came to 2.49 bits without and to 2.51 with it.
RECIPE = Recipe(
    lr=3e-3,
    options=Options(weight_decay=0.1, clip_norm=1.0),
    samples_seen=5_000,
    min_epochs=2,
    max_epochs=20,
    steps=1_000,
    min_batch_size=4,
    max_batch_size=16,
)


def build(arch: str | None, input: TextBlocks, *, pretrained: bool) -> Model:
    """A language model, by a key of `NETWORKS`, the first when left out; or a causal model of transformers.

    Raises:
        ConfigError: If the name is not known, or the model has other tokens than the field.
        WeightsError: If a pretrained model cannot be read.
    """
    name = arch or next(iter(NETWORKS))
    if name in NETWORKS:
        return Model(Writer(NETWORKS[name](input.num_tokens)), recipe=RECIPE, arch=name)
    if not is_pretrained(name):
        what, fix = "Unknown architecture for language models.", did_you_mean(name, NETWORKS)
        raise ConfigError(what, given=repr(name), fix=f"{fix} Or name the folder of a causal model of transformers.")
    from headway.inputs.text_blocks.pretrained import build_pretrained

    return build_pretrained(name, input, pretrained=pretrained)

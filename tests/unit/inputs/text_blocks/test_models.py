"""Both networks see what came before alone, and go on from their memory as if they read all of it at once."""

from __future__ import annotations

import math

import pytest
import torch

from headway.errors import ConfigError
from headway.inputs.text_blocks.build import RECIPE, build
from headway.inputs.text_blocks.field import TextBlocks
from headway.inputs.text_blocks.models import Gpt, Lstm, Network, Writer
from headway.inputs.text_blocks.pretrained import RECIPE as PRETRAINED

NUM_TOKENS = 40


def network(name: str) -> Network:
    torch.manual_seed(0)
    if name == "gpt":
        return Gpt(NUM_TOKENS, width=16, depth=2, heads=2).eval()
    return Lstm(NUM_TOKENS, width=8, hidden=12, depth=2).eval()


@pytest.mark.parametrize("name", ["gpt", "lstm"])
def test_what_comes_later_changes_nothing_before(name: str) -> None:
    model, tokens = network(name), torch.randint(NUM_TOKENS, (2, 9))
    changed = tokens.clone()
    changed[:, 6:] = (changed[:, 6:] + 1) % NUM_TOKENS
    with torch.inference_mode():
        torch.testing.assert_close(model(tokens)[0][:, :6], model(changed)[0][:, :6])


@pytest.mark.parametrize("name", ["gpt", "lstm"])
def test_a_text_in_pieces_gives_what_it_gives_at_once(name: str) -> None:
    model, tokens = network(name), torch.randint(NUM_TOKENS, (2, 9))
    with torch.inference_mode():
        whole, memory, pieces = model(tokens)[0], model.empty_memory(2), []
        for piece in tokens.split([4, 1, 1, 3], dim=1):
            logits, new = model(piece, memory)
            pieces.append(logits)
            memory = torch.cat([memory, new], dim=1) if "past" in model.memory_axes.values() else new
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["gpt", "lstm"])
def test_padding_behind_a_text_costs_no_bits(name: str) -> None:
    writer, tokens = Writer(network(name)).eval(), torch.randint(NUM_TOKENS, (1, 7))
    padded = torch.nn.functional.pad(tokens, (0, 3), value=-1)
    with torch.inference_mode():
        counted = writer(tokens)
        torch.testing.assert_close(writer(padded), counted)
        torch.testing.assert_close(writer.bits(tokens).sum(), counted[0, 0])
    assert counted[0, 1] == 6


def test_an_untrained_model_takes_about_as_many_bits_as_a_guess() -> None:
    writer, tokens = Writer(network("gpt")).eval(), torch.randint(NUM_TOKENS, (4, 50))
    with torch.inference_mode():
        bits, count = writer(tokens).sum(dim=0)
    assert float(bits / count) == pytest.approx(math.log2(NUM_TOKENS), abs=0.1)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        build("gtp", TextBlocks("text"), pretrained=True)
    assert str(caught.value) == (
        "Unknown architecture for language models.\n"
        "  Given: 'gtp'\n"
        '  Fix:   Did you mean "gpt"? Or name the folder of a causal model of transformers.'
    )


def test_few_blocks_make_many_steps() -> None:
    """Sixteen blocks a step were a few hundred steps, after which a model knew little more than single words."""
    for recipe in (RECIPE, PRETRAINED):
        assert [recipe.batch_size(count) for count in (100, 2_700, 50_000)] == [4, 4, 16]

from __future__ import annotations

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F

from headway.inputs.text.encoder import Encoder, EncoderSize, from_bert
from headway.inputs.text.networks import ConvolutionalBody, LSTMBody, PooledEncoder
from headway.inputs.text.tokenizer import encoder_file
from headway.inputs.text_blocks.models import Gpt

SMALL = EncoderSize(vocabulary=20, positions=16, dim=8, heads=2, layers=3, width=16, window=4)


def bodies() -> list[torch.nn.Module]:
    return [
        PooledEncoder(Encoder(SMALL), (1, 3)).eval(),
        ConvolutionalBody(20, dim=8, filters=5).eval(),
        LSTMBody(20, dim=8, width=6).eval(),
    ]


@pytest.mark.parametrize("body", bodies(), ids=lambda body: type(body).__name__)
def test_padding_and_other_texts_change_nothing(body: torch.nn.Module) -> None:
    alone = body(torch.tensor([[5, 3, 7]], dtype=torch.int32))
    batch = body(torch.tensor([[5, 3, 7, 0, 0], [1, 2, 3, 4, 5], [0, 0, 0, 0, 0]], dtype=torch.int32))
    assert alone.shape == (1, body.num_features)
    torch.testing.assert_close(batch[:1], alone)
    assert batch.isfinite().all()


def test_the_order_of_tokens_matters() -> None:
    for body in bodies():
        one, other = body(torch.tensor([[5, 3, 7], [7, 3, 5]], dtype=torch.int32))
        assert not torch.allclose(one, other)


def test_a_long_text_is_read_in_windows() -> None:
    """Each as if it stood alone."""
    encoder = Encoder(SMALL).eval()
    tokens = torch.tensor([[5, 3, 7, 2, 9, 8, 4]], dtype=torch.int32)
    first, second = encoder(tokens[:, :4])[-1], encoder(tokens[:, 4:])[-1]
    torch.testing.assert_close(encoder(tokens)[-1], torch.cat([first, second], dim=1))


def test_attention_is_computed_in_float32_where_the_rest_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of texts and of language models: on a processor its way back in bfloat16 takes several times as long."""
    seen, plain = [], F.scaled_dot_product_attention

    def watched(*heads: torch.Tensor, attn_mask: torch.Tensor | None, is_causal: bool = False) -> torch.Tensor:
        answer = plain(*heads, attn_mask=attn_mask, is_causal=is_causal)
        seen.append(answer.dtype)
        return answer

    monkeypatch.setattr(F, "scaled_dot_product_attention", watched)
    tokens = torch.tensor([[5, 3, 7]], dtype=torch.int32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = Encoder(SMALL)(tokens)
        logits, _ = Gpt(20, width=8, depth=2, heads=2)(tokens)
    assert seen == [torch.float32] * 5
    assert logits.dtype is torch.bfloat16
    states[-1].sum().backward()


@pytest.mark.slow
def test_the_packaged_weights_give_what_transformers_gives() -> None:
    from transformers import BertModel

    path = encoder_file("model.safetensors")
    ours = from_bert(safetensors.torch.load_file(path), EncoderSize()).eval()
    theirs = BertModel.from_pretrained(path.parent, add_pooling_layer=False).eval()
    tokens = torch.tensor([[101, 2023, 2003, 2307, 102], [101, 2204, 102, 0, 0]])
    with torch.inference_mode():
        states = ours(tokens.int())
        expected = theirs(tokens, attention_mask=(tokens > 0).long(), output_hidden_states=True).hidden_states
    assert len(states) == len(expected)
    for state, wanted in zip(states, expected, strict=True):
        torch.testing.assert_close(state[tokens > 0], wanted[tokens > 0], atol=2e-4, rtol=1e-3)

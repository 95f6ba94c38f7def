from __future__ import annotations

import pytest
import torch
from torch import nn

from headway.inputs.text.networks import ConvolutionalBody, LSTMBody

NUM_TOKENS = 50


@pytest.mark.parametrize("make", [ConvolutionalBody, LSTMBody])
def test_padding_changes_no_features(make: type[nn.Module]) -> None:
    torch.manual_seed(0)
    body = make(NUM_TOKENS).eval()
    short, long = torch.randint(1, NUM_TOKENS, (1, 5)), torch.randint(1, NUM_TOKENS, (1, 12))
    padded = torch.cat([short, torch.zeros(1, 7, dtype=torch.int64)], dim=1)
    together = body(torch.cat([padded, long]))
    assert torch.allclose(together[0], body(short)[0], atol=1e-5)
    assert torch.allclose(together[1], body(long)[0], atol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-2)

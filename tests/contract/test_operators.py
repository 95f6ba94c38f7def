"""What Headway's exports are made of is what a bundle's graph may have: a stranger's may have no more."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import onnx
import onnx.defs
import pytest
import timm
import torch
from torch import nn

from headway.bundle.graph import OPERATORS, check_operators

# Together they have each operator that ten known architectures have. Those of every kind and of int8 are looked at when
# such a graph is opened, as each export does.
ARCHITECTURES = ("resnetv2_50", "test_efficientnet", "test_vit", "mobilenetv3_small_050")


def operators(graph: bytes) -> set[str]:
    """The operators of a graph by their names, those of another domain with it."""
    nodes = onnx.load_from_string(graph).graph.node
    return {f"{node.domain}:{node.op_type}" if node.domain else node.op_type for node in nodes}


def check(graph: bytes) -> None:
    assert operators(graph) <= OPERATORS
    # Functions and inner graphs too.
    check_operators(graph)


def exported(module: nn.Module, *inputs: torch.Tensor) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module.eval(), inputs, dynamo=True, verbose=False, external_data=False)
    assert program is not None
    return program.model_proto.SerializeToString()


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures_of_photos(name: str) -> None:
    side = 160 if name.endswith("vit") else 64
    module = timm.create_model(name, pretrained=False, num_classes=3)
    check(exported(module, torch.rand(2, 3, side, side)))


class Embedded(nn.Module):
    """Words as indices, through one of torch's layers for sequences."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.words, self.layer, self.head = nn.Embedding(50, 16), layer, nn.Linear(16, 2)

    def forward(self, indices: torch.Tensor) -> torch.Tensor:
        states = self.layer(self.words(indices))
        states = states[0] if isinstance(states, tuple) else states
        return self.head(nn.functional.dropout(states.mean(dim=1), training=self.training))


class Attention(nn.Module):
    """Attention to what came before, with the keys and values of earlier calls."""

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        keys = torch.cat([torch.zeros_like(states), states], dim=2)
        mask = torch.ones(states.shape[2], keys.shape[2], dtype=torch.bool).tril(states.shape[2])
        return nn.functional.scaled_dot_product_attention(states, keys, keys, attn_mask=mask), keys


class LogMel(nn.Module):
    """A spectrogram in decibels, as models of sound take it."""

    def __init__(self) -> None:
        super().__init__()
        self.bands = nn.Parameter(torch.ones(8, 33))

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        window = torch.hann_window(64)
        spectrum = torch.stft(samples, 64, hop_length=32, window=window, return_complex=True).abs().square()
        return torch.log10(torch.clamp(self.bands @ spectrum, 1e-10))


OTHERS: dict[str, Callable[[], tuple[nn.Module, torch.Tensor]]] = {
    "gru": lambda: (Embedded(nn.GRU(16, 16, batch_first=True)), torch.ones(2, 5, dtype=torch.int64)),
    "lstm": lambda: (Embedded(nn.LSTM(16, 16, batch_first=True)), torch.ones(2, 5, dtype=torch.int64)),
    "transformer": lambda: (
        Embedded(nn.TransformerEncoderLayer(16, 2, 32, activation="gelu", batch_first=True)),
        torch.ones(2, 5, dtype=torch.int64),
    ),
    "attention with a cache": lambda: (Attention(), torch.rand(1, 2, 5, 8)),
    "log-mel": lambda: (LogMel(), torch.rand(2, 400)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_texts_and_sound(name: str) -> None:
    check(exported(*OTHERS[name]()))


def test_the_list_has_no_control_flow_and_nothing_random_and_only_what_onnx_has() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if not schema.domain}
    # An older onnx does not know the latest.
    assert known >= OPERATORS or onnx.defs.onnx_opset_version() < 28
    forbidden = ("If", "Loop", "Scan", "Random", "Bernoulli", "Multinomial", "Sequence", "Optional", "String", "Image")
    assert not [name for name in OPERATORS if name.startswith(forbidden)]

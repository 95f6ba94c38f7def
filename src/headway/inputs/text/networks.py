"""What a model for texts is made of: a body that turns tokens into features.

Shapes are written with B texts and T tokens; padding is 0, and each network finds by it where a text ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from headway.inputs.text.encoder import Encoder
from headway.inputs.text.token_scores import TokenScores
from headway.inputs.text.tokenizer import PADDING

__all__ = ["LSTM", "ConvolutionalBody", "LSTMBody", "PooledEncoder"]

# A token more or less at the end of a text: padding must not change what the widest filter gives.
WIDTHS = (2, 3, 4)


class PooledEncoder(nn.Module):
    """An encoder whose features are the means of a text's vectors, at several depths.

    The last layer knows what the encoder was trained for; the layers before it still know what sort of words there
    are, and let a linear head separate what that training never had to. The last features are the scores of
    `TokenScores`, one for each class.

    Source:
        Evci et al. 2022, arXiv:2201.03529 (a head on features of all depths); here without choosing among them.
    """

    def __init__(self, body: Encoder, depths: Sequence[int], num_classes: int = 0) -> None:
        super().__init__()
        self.encoder = body
        self.depths = tuple(depths)
        self.counter = TokenScores(body.size.vocabulary, num_classes) if num_classes else None
        self.num_features = len(self.depths) * body.size.dim + num_classes

    @property
    def word_vectors(self) -> torch.Tensor:
        """The vectors that tokens are looked up as, `[vocabulary, dim]`."""
        return self.encoder.words.weight

    def vectors(self, inputs: torch.Tensor) -> torch.Tensor:
        """Tokens, int32 `[B, T]`, to a vector for each, `[B, T, dim]`."""
        return self.encoder(inputs)[-1]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Tokens, int32 `[B, T]`, to features `[B, num_features]`."""
        states = self.encoder(inputs)
        is_token = (inputs != PADDING).unsqueeze(-1).to(states[0].dtype)
        counts = is_token.sum(dim=1).clamp_min(1)
        features = [(states[depth] * is_token).sum(dim=1) / counts for depth in self.depths]
        if self.counter is not None:
            features.append(self.counter(inputs))
        return torch.cat(features, dim=1)


class ConvolutionalBody(nn.Module):
    """Convolutions over a text's tokens, and of each filter the strongest answer anywhere in the text.

    Source:
        Kim 2014, arXiv:1408.5882; the vectors of tokens are learned from scratch.
    """

    def __init__(self, vocabulary: int, *, dim: int = 128, filters: int = 96) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, dim, padding_idx=PADDING)
        self.convolutions = nn.ModuleList(nn.Conv1d(dim, filters, width, padding=width - 1) for width in WIDTHS)
        self.dropout = nn.Dropout(0.5)

    @property
    def num_features(self) -> int:
        """How many features there are."""
        return sum(int(layer.out_channels) for layer in self.convolutions if isinstance(layer, nn.Conv1d))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Tokens, int32 `[B, T]`, to features `[B, num_features]`."""
        vectors = self.words(inputs).transpose(1, 2)
        # Beyond a text's end the filters see zeros, whether these are padding or the convolution's own.
        length = (inputs != PADDING).sum(dim=1, keepdim=True)
        strongest = []
        for width, convolution in zip(WIDTHS, self.convolutions, strict=True):
            answers = torch.relu(convolution(vectors))
            # A window counts where it holds a token of the text.
            steps = torch.arange(answers.shape[-1], device=inputs.device)
            is_inside = steps < length + width - 1
            strongest.append((answers * is_inside[:, None, :]).amax(dim=-1))
        return self.dropout(torch.cat(strongest, dim=1))


class LSTM(nn.Module):
    """Torch's LSTM in one direction, which in an exported graph stays one operator for texts of any length."""

    def __init__(self, dim: int, width: int, *, num_layers: int) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.LSTM(dim, width, num_layers=num_layers, batch_first=True)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Vectors `[B, T, dim]` to outputs `[B, T, width]`."""
        if not torch.compiler.is_exporting():
            return self.layers(inputs)[0]
        outputs = inputs.transpose(0, 1)
        for input_weight, weight, input_bias, bias in self.layers.all_weights:
            outputs = torch.onnx.ops.symbolic(
                "LSTM",
                (outputs, *map(_onnx_gates, (input_weight, weight, torch.cat([input_bias, bias], dim=0)))),
                {"hidden_size": self.width},
                dtype=inputs.dtype,
                shape=(inputs.shape[1], 1, inputs.shape[0], self.width),
            ).squeeze(1)
        return outputs.transpose(0, 1)


def _onnx_gates(weights: torch.Tensor) -> torch.Tensor:
    """An LSTM's weights with ONNX's order of gates, and with an axis for its one direction."""
    # Torch: input, forget, cell, output. A bias is two of them, one after the other.
    gates = weights.unflatten(0, (-1, 4, weights.shape[0] // 4 if weights.ndim > 1 else weights.shape[0] // 8))
    return gates[:, [0, 3, 1, 2]].flatten(0, 2).unsqueeze(0)


class LSTMBody(nn.Module):
    """Two LSTM layers that read a text from its first token to its last: their last, mean and largest outputs.

    They read in one direction, so that padding after a text's end changes nothing.

    Source:
        Hochreiter and Schmidhuber 1997; the three poolings: Howard and Ruder 2018, arXiv:1801.06146.
    """

    def __init__(self, vocabulary: int, *, dim: int = 128, width: int = 192) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, dim, padding_idx=PADDING)
        self.dropout = nn.Dropout(0.3)
        self.lstm = LSTM(dim, width, num_layers=2)

    @property
    def num_features(self) -> int:
        """How many features there are."""
        return 3 * self.lstm.width

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Tokens, int32 `[B, T]`, to features `[B, num_features]`."""
        outputs = self.lstm(self.dropout(self.words(inputs)))
        is_token = (inputs != PADDING).unsqueeze(-1)
        length = is_token.sum(dim=1, keepdim=True).clamp_min(1)
        last = outputs.gather(1, (length - 1).expand(-1, 1, outputs.shape[-1])).squeeze(1)
        mean = (outputs * is_token).sum(dim=1) / length.squeeze(1)
        # An LSTM's outputs lie above -1.
        largest = torch.where(is_token, outputs, -1.0).amax(dim=1)
        return self.dropout(torch.cat([last, mean, largest], dim=1))

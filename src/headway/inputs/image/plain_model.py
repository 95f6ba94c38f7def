"""A network of timm's with exported weights, without Headway: torch and timm. `headway export` copies it."""

from typing import Any

import timm
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

__all__ = ["load"]


class Classifier(nn.Module):
    """Pixels `[batch, channels, size, size]`, 0 to 255, to logits: a body's features and a linear layer."""

    body: Any
    head: nn.Module
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__()
        field = facts["input"]
        options = {"num_classes": 0, "in_chans": field["channels"]}
        config = timm.get_pretrained_cfg(facts["arch"], allow_unregistered=True)
        if config is not None and config.fixed_input_size and config.input_size[-1] != field["size"]:
            options["img_size"] = field["size"]
        self.body = timm.create_model(facts["arch"], **options)
        self.grids: tuple[int, ...] = ()
        self.is_mirrored = False
        for name in ("mean", "std"):
            self.register_buffer(name, torch.tensor(facts["prepare"][name]).view(1, -1, 1, 1), persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The logits, `[batch, classes]`."""
        inputs = (pixels.float() - self.mean) / self.std
        features = self.features(inputs)
        if self.is_mirrored:
            # The mean of a photo's features and its mirror image's.
            features = (features + self.features(inputs.flip(3))) / 2
        return self.head(features)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the body gives: its end and, of most pretrained ones, its last two maps, averaged over a coarse grid."""
        if not self.grids:
            return self.body(inputs)
        last, levels = self.body.forward_intermediates(inputs, indices=len(self.grids))
        cells = [F.adaptive_avg_pool2d(level, grid).flatten(1) for level, grid in zip(levels, self.grids, strict=True)]
        return torch.cat([self.body.forward_head(last, pre_logits=True), *cells], dim=1)


def load(file: str, facts: dict[str, Any]) -> nn.Module:
    """The network with the weights in a file, ready to answer; `facts` is what facts.json holds."""
    weights = load_file(file)
    model = Classifier(facts).eval()
    model.is_mirrored = weights.pop("body.mirrored", None) is not None
    if all(name.startswith(("body.body.", "head.")) for name in weights):
        weights = {name.replace("body.body.", "body."): value for name, value in weights.items()}
        model.grids = _grids(model, weights["head.weight"].shape[1], facts["input"])
    model.head = nn.Linear(weights["head.weight"].shape[1], weights["head.weight"].shape[0])
    model.load_state_dict(weights)
    return model


def _grids(model: Classifier, num_features: int, field: dict[str, Any]) -> tuple[int, ...]:
    """The cells along each side of the two maps: those that give as many features as the linear layer takes."""
    pixels = torch.zeros(2, field["channels"], field["size"], field["size"])
    for grids in ((3, 2), (2, 2), (2, 1), (1, 1)):
        model.grids = grids
        with torch.no_grad():
            if model.features(pixels).shape[1] == num_features:
                return grids
    message = f"no grid gives {num_features} features"
    raise ValueError(message)

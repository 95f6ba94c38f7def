from __future__ import annotations

import torch

from headway.inputs.sound.networks import SmallNet, Windows
from headway.inputs.sound.spectrogram import NOTHING
from headway.train.model import BodyAndHead


def test_a_recording_is_the_mean_of_its_windows_and_of_nothing_else() -> None:
    torch.manual_seed(0)
    model = BodyAndHead(Windows(net := SmallNet(62, width=4)), net.num_features, 3).eval()
    inputs = torch.rand(2, 3, 80, 50)
    with torch.no_grad():
        features = model.body(inputs[:, :2])
        singles = [model.body(inputs[:, [window]]) for window in range(2)]
        assert torch.allclose(features, (singles[0] + singles[1]) / 2, atol=1e-5)
        inputs[:, 2] = NOTHING
        assert torch.allclose(model.body(inputs), features, atol=1e-5)


def test_loudness_changes_nothing() -> None:
    torch.manual_seed(0)
    net = SmallNet(62, width=4).eval()
    inputs = torch.rand(1, 1, 80, 50)
    assert torch.allclose(net(inputs), net(inputs + 0.3), atol=1e-5)

from __future__ import annotations

import pytest
import torch

import headway as hw
from headway.errors import ConfigError
from headway.inputs.sound.models import build
from headway.inputs.sound.networks import SmallNet, Windows
from headway.inputs.sound.spectrogram import NOTHING
from headway.train.model import BodyAndHead

FIELD = hw.Sound("file", seconds=0.5, rate=8000)
DIGIT = hw.Category("digit", labels=("0", "1"))


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


def test_an_architecture_that_is_not_known() -> None:
    with pytest.raises(ConfigError) as caught:
        build("sound_resnt", FIELD, DIGIT, pretrained=True)
    assert str(caught.value) == (
        "Unknown architecture for sound.\n"
        "  Given: 'sound_resnt'\n"
        '  Fix:   Did you mean "sound_resnet"? Or pass a module of your own.'
    )


def test_a_network_for_pictures_sees_spectrograms_and_is_pretrained() -> None:
    made = build("efficientnet_lite0", FIELD, DIGIT, pretrained=True)
    assert made.pretrained
    model = made.module.eval()
    with torch.no_grad():
        spectrograms = torch.rand(2, 1, 80, 50)
        outputs = model(spectrograms)
        assert outputs.shape == (2, 2)
        # However loud it is.
        assert torch.allclose(outputs, model(spectrograms - 0.2), atol=1e-4)

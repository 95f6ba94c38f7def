from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from headway.errors import ConfigError
from headway.inputs.image.networks import small_resnet
from headway.train import precision as module
from headway.train.precision import choose_device, choose_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)]
)
def test_names(name: Any, dtype: torch.dtype) -> None:
    found = choose_precision(CPU, name)
    assert found.device == CPU
    assert found.dtype == dtype
    threads = torch.get_num_threads()
    assert str(found) == f"CPU, {threads} thread{'s' * (threads > 1)}, {name}, channels last"
    layer = nn.Linear(3, 2)
    with found.autocast():
        outputs = layer(torch.ones(1, 3))
    assert outputs.dtype == dtype
    assert layer.weight.dtype == torch.float32
    # A small gradient would vanish in float16 alone.
    assert found.scaler.is_enabled() == (name == "float16")


@pytest.mark.parametrize(
    ("machine", "capabilities", "dtype"),
    [
        ("x86_64", {"avx512_bf16": True}, torch.bfloat16),
        ("AMD64", {"amx_bf16": True}, torch.bfloat16),
        ("x86_64", {"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ("x86_64", {}, torch.float32),
        ("arm64", {"avx512_bf16": True}, torch.float32),
    ],
)
def test_auto_takes_what_the_processor_does_natively(
    monkeypatch: pytest.MonkeyPatch, machine: str, capabilities: dict[str, bool], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(module.platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_precision(CPU).dtype == dtype


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_auto_on_an_accelerator(monkeypatch: pytest.MonkeyPatch, native: bool, dtype: torch.dtype) -> None:
    asked = []

    def is_supported(*, including_emulation: bool) -> bool:
        asked.append(including_emulation)
        return native

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    monkeypatch.setattr(torch.cuda, "device", nullcontext)
    assert module._native(torch.device("cuda")) == dtype
    assert asked == [False]


def test_auto_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device() == CPU
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert module._best() == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert module._best() == "cuda"


def test_an_accelerator_has_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As its tensors say it: without, they would seem to be on another device."""

    class OnFirst:
        device = torch.device("cuda", 0)

        def item(self) -> float:
            return 0.0

    monkeypatch.setattr(torch, "zeros", lambda *_, **__: OnFirst())
    assert choose_device("cuda") == torch.device("cuda:0")


@pytest.mark.parametrize(
    ("device", "given"),
    [
        ("cpu", {"devices": []}),
        ("cuda:1", {"devices": [1], "device_type": "cuda"}),
        ("mps", {"devices": [0], "device_type": "mps"}),
    ],
)
def test_whose_generators_are_left_as_they_were(
    monkeypatch: pytest.MonkeyPatch, device: str, given: dict[str, Any]
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(torch.random, "fork_rng", lambda **found: asked.append(found))
    replace(choose_precision(CPU, "float32"), device=torch.device(device)).own_randomness()
    assert asked == [given]


@pytest.mark.parametrize(("device", "precision", "inside"), [
    ("cuda:0", "auto", "high"), ("cuda:0", "float32", "highest"), ("cpu", "auto", "highest"), ("mps", "auto", "highest")
])  # fmt: skip
def test_products_of_matrices_are_rounded_on_cuda_unless_asked_not_to(device: str, precision: Any, inside: str) -> None:
    found = replace(choose_precision(CPU, precision, is_small=True), device=torch.device(device))
    with found.products():
        assert torch.get_float32_matmul_precision() == inside
    assert torch.get_float32_matmul_precision() == "highest"


def test_apples_devices_keep_the_plain_layout() -> None:
    found = replace(choose_precision(CPU, "float32"), device=torch.device("mps"))
    images = torch.rand(2, 4, 5, 3).permute(0, 3, 1, 2)
    assert found.layout(images).is_contiguous()
    assert str(found) == "mps, float32"


def test_a_fresh_scaler_begins_anew() -> None:
    used = choose_precision(CPU, "float16")
    used.scaler.load_state_dict({**used.scaler.state_dict(), "scale": 2.0})
    assert used.fresh().scaler.get_scale() == 65536
    assert used.scaler.get_scale() == 2
    assert not choose_precision(CPU, "float32").fresh().scaler.is_enabled()


@pytest.mark.parametrize("device", ["cpu", CPU])
def test_a_device_by_name_or_as_torchs(device: Any) -> None:
    assert choose_device(device) == CPU


@pytest.mark.parametrize("device", ["banana", "", "cpu:x", "meta", "cuda:99", None])
def test_devices_that_are_not_here(device: Any) -> None:
    with pytest.raises(ConfigError):
        choose_device(device)


@pytest.mark.parametrize("name", ["float64", "half", "", "Float32"])
def test_unknown_precisions(name: Any) -> None:
    with pytest.raises(ConfigError):
        choose_precision(CPU, name)


def test_a_model_is_placed_channels_last_with_the_same_weights() -> None:
    model = small_resnet(3, 2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    parameters = list(model.parameters())
    assert choose_precision(CPU, "float32").place(model) is model
    assert all(one is other for one, other in zip(model.parameters(), parameters, strict=True))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert model.body[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_weights_of_any_number_of_dimensions_can_be_placed() -> None:
    model = nn.ModuleList([nn.Conv1d(2, 2, 3), nn.Conv2d(2, 2, 3), nn.Conv3d(2, 2, 3), nn.Linear(2, 2)])
    choose_precision(CPU, "float32").place(model)
    assert model[1].weight.is_contiguous(memory_format=torch.channels_last)
    assert model[2].weight.is_contiguous()


def test_inputs_get_the_layout_of_convolutions() -> None:
    found = choose_precision(CPU, "float32")
    images = torch.rand(2, 3, 4, 5)
    assert found.layout(images).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found.layout(images), images)
    table = torch.rand(2, 3)
    assert found.layout(table) is table


def test_seeding_is_torchs() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(2**62 + 1)
        expected = torch.rand(4)
        torch.rand(1)
        choose_precision(CPU, "float32").seed(2**62 + 1)
        assert torch.equal(torch.rand(4), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.parametrize("name", ["auto", "float32", "bfloat16", "float16"])
def test_a_step_on_an_accelerator(name: Any) -> None:
    device = choose_device()
    found = choose_precision(device, name)
    model = found.place(small_resnet(3, 2))
    images = found.layout(torch.rand(4, 3, 32, 32, device=device))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with found.autocast():
        outputs = model(images)
    found.scaler.scale(outputs.float().square().mean()).backward()
    found.scaler.step(optimizer)
    found.scaler.update()
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert {parameter.device.type for parameter in model.parameters()} == {"cuda"}


def test_a_stage_takes_float32_where_bfloat16_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions of 5 x 5 by channel, on processors without AMX, unless bfloat16 is asked for by name."""
    wide, narrow = (nn.Conv2d(8, 8, size, groups=8) for size in (5, 3))
    capabilities = {"avx512_bf16": True}
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: capabilities)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    auto = choose_precision(torch.device("cpu"))
    assert auto.dtype is auto.for_training(narrow).dtype is torch.bfloat16
    assert auto.for_training(wide).dtype is torch.float32
    # What a run keeps of it makes the same choice again.
    assert (auto.name_for(narrow), auto.name_for(wide)) == ("bfloat16", "auto")
    assert choose_precision(torch.device("cpu"), "bfloat16").for_training(wide).dtype is torch.bfloat16
    capabilities["amx_bf16"] = True
    assert auto.for_training(wide).dtype is torch.bfloat16

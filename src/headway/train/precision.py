"""Number formats and memory layout, chosen by what the processor does natively."""

from __future__ import annotations

import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Literal

import torch

from headway.errors import ConfigError, did_you_mean, explain

__all__ = ["Precision", "PrecisionName", "choose_device", "choose_precision"]

PrecisionName = Literal["auto", "float32", "bfloat16", "float16"]
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """How the forward and backward passes are computed. Weights are always kept in float32.

    Attributes:
        device: Where.
        dtype: What matrix products and convolutions are computed in.
        scaler: Scales the loss, for float16 alone.
    """

    device: torch.device
    dtype: torch.dtype
    scaler: torch.amp.GradScaler = field(repr=False)

    def seed(self, seed: int) -> None:
        """Seeds torch's generators here and on the device; `torch.manual_seed` takes a hundred times as long."""
        torch.default_generator.manual_seed(seed)
        kind = self.device.type
        if kind == "cuda":
            torch.cuda.default_generators[self.device.index or 0].manual_seed(seed)
        elif kind == "mps":
            torch.mps.manual_seed(seed)

    def own_randomness(self) -> AbstractContextManager[None]:
        """A context after which torch's generators, here and on the device, are as they were before it."""
        devices = [self.device.index or 0] if self.device.type == "cuda" else []
        return torch.random.fork_rng(devices=devices)

    def autocast(self) -> AbstractContextManager[object]:
        """The context of a forward pass."""
        if self.dtype is torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def place(self, model: torch.nn.Module) -> torch.nn.Module:
        """The model itself, moved to the device, its convolutions channels last in memory."""
        model.to(self.device)
        # `Module.to(memory_format=...)` refuses 5-d weights; only images' layers have this layout anyway.
        for parameter in model.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return model

    def layout(self, inputs: torch.Tensor) -> torch.Tensor:
        """Inputs in the layout of the model's convolutions."""
        return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs

    def __str__(self) -> str:
        name = {"cuda": torch.cuda.get_device_name, "cpu": lambda _: f"CPU, {torch.get_num_threads()} threads"}
        where = name.get(self.device.type, str)(self.device)
        return f"{where}, {str(self.dtype).removeprefix('torch.')}, channels last"


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """The device of that name; with "auto" an accelerator where there is one, else the processor.

    Raises:
        ConfigError: If it is not on this machine.
    """
    if str(device) == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).item()
    except (RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).splitlines() or ["unknown"])[0]
        given = f"device={str(device)!r} ({reason})"
        raise ConfigError(
            explain("That device is not to be had on this machine.", given=given, fix='Pass "auto" or "cpu".')
        ) from error
    return chosen


def choose_precision(device: torch.device, precision: PrecisionName = "auto", *, is_small: bool = False) -> Precision:
    """The precision of that name; with "auto" the fastest that the device computes natively and that trains safely.

    Args:
        device: Where.
        precision: Its name.
        is_small: Whether the model is so small that shorter numbers make nothing faster: "auto" is then float32.

    Raises:
        ConfigError: If the name is not known.
    """
    if precision != "auto" and precision not in _DTYPES:
        fix = did_you_mean(str(precision), ["auto", *_DTYPES])
        raise ConfigError(explain("There is no precision of that name.", given=repr(precision), fix=fix))
    name = "float32" if precision == "auto" and is_small else precision
    dtype = _native(device) if name == "auto" else _DTYPES[name]
    scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
    return Precision(device, dtype, scaler)


def _native(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        # Emulated bfloat16 (before Ampere) is slower than float16 with a scaled loss.
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and platform.machine() in ("x86_64", "AMD64"):
        features = torch.cpu.get_capabilities()
        if features.get("avx512_bf16") or features.get("amx_bf16"):
            return torch.bfloat16
    return torch.float32

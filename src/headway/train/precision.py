"""Number formats and memory layout, chosen by what the processor does natively."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from headway.errors import ConfigError, did_you_mean

__all__ = ["Precision", "PrecisionName", "choose_device", "choose_precision", "float32_default"]

PrecisionName = Literal["auto", "float32", "bfloat16", "float16"]
_NO_CONTEXT = nullcontext()
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@contextmanager
def float32_default() -> Iterator[None]:
    """A context in which new parameters and tensors are float32, whatever torch's default dtype is."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@dataclass(frozen=True)
class Precision:
    """How the forward and backward passes are computed. Weights are always kept in float32.

    Attributes:
        device: Where.
        dtype: What matrix products and convolutions are computed in.
        scaler: Scales the loss, for float16 alone.
        may_round: Whether products of float32 numbers may be rounded to TF32, where the device has it.
    """

    device: torch.device
    dtype: torch.dtype
    scaler: torch.amp.GradScaler = field(repr=False)
    may_round: bool = False

    def seed(self, seed: int) -> None:
        """Seeds torch's generators here and on the device."""
        # Once a step: `torch.manual_seed` takes a hundred times as long.
        torch.default_generator.manual_seed(seed)
        kind = self.device.type
        if kind == "cuda":
            torch.cuda.default_generators[self._index].manual_seed(seed)
        elif kind == "mps":
            torch.mps.manual_seed(seed)

    def for_training(self, model: torch.nn.Module) -> Precision:
        """How a stage trains a model: the same, its scaler as new, in float32 where that is several times faster."""
        if (
            self.may_round
            and self.dtype is torch.bfloat16
            and self.device.type == "cpu"
            and _is_slow_in_bfloat16(model)
        ):
            return replace(self, dtype=torch.float32)
        return self.fresh()

    def name_for(self, model: torch.nn.Module) -> str:
        """What `choose_precision` is called with to compute this model so again; "auto" where its stages differ."""
        name = str(self.dtype).removeprefix("torch.")
        return name if self.for_training(model).dtype is self.dtype else "auto"

    def fresh(self) -> Precision:
        """The same, its scaler as new."""
        # Each stage begins so, whether or not the process has trained before: it may be resumed in another one.
        return replace(self, scaler=torch.amp.GradScaler(self.device.type, enabled=self.scaler.is_enabled()))

    def own_randomness(self) -> AbstractContextManager[None]:
        """A context after which torch's generators, here and on the device, are as they were before it."""
        if self.device.type == "cpu":
            # Without the list it would also keep the state of every CUDA device, and start CUDA for that.
            return torch.random.fork_rng(devices=[])
        return torch.random.fork_rng(devices=[self._index], device_type=self.device.type)

    @contextmanager
    def products(self) -> Iterator[None]:
        """A context in which products of float32 numbers are as quick as they may be; afterwards all is as before.

        Source:
            https://docs.pytorch.org/docs/stable/notes/cuda.html, "TensorFloat-32".
        """
        if self.device.type != "cuda" or not self.may_round:
            yield
            return
        # Convolutions have TF32 from the start in PyTorch, products of matrices when told.
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)

    @property
    def _index(self) -> int:
        return self.device.index or 0

    @property
    def _has_channels_last(self) -> bool:
        # On Apple's devices that layout has been slower, and wrong (github.com/pytorch/pytorch/issues/174345).
        return self.device.type != "mps"

    def autocast(self) -> AbstractContextManager[object]:
        """The context of a forward pass."""
        if self.dtype is torch.float32:
            return _NO_CONTEXT
        return torch.autocast(self.device.type, dtype=self.dtype)

    def place(self, model: torch.nn.Module) -> torch.nn.Module:
        """The model itself, moved to the device, its convolutions channels last in memory where that is good."""
        model.to(self.device)
        if not self._has_channels_last:
            return model
        # `Module.to(memory_format=...)` refuses 5-d weights; only images' layers have this layout anyway.
        for parameter in model.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return model

    def layout(self, inputs: torch.Tensor) -> torch.Tensor:
        """Inputs in the layout of the model's convolutions."""
        if inputs.ndim != 4:
            return inputs
        last = torch.channels_last if self._has_channels_last else torch.contiguous_format
        return inputs.contiguous(memory_format=last)

    def __str__(self) -> str:
        threads = torch.get_num_threads()
        cores = f"CPU, {threads} thread{'s' * (threads != 1)}"
        name = {"cuda": torch.cuda.get_device_name, "cpu": lambda _: cores}
        where = name.get(self.device.type, str)(self.device)
        last = ", channels last" if self._has_channels_last else ""
        return f"{where}, {str(self.dtype).removeprefix('torch.')}{last}"


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """The device of that name, an accelerator with its number; "auto" is one where there is one, else the processor.

    Raises:
        ConfigError: If it is not on this machine.
    """
    if str(device) == "auto":
        device = _best()
    try:
        # Made and read: some drivers only fail when they compute.
        probe = torch.zeros(1, device=torch.device(device))
        probe.item()
    except (RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).splitlines() or ["unknown"])[0]
        what, given = "That device is not available on this machine.", f"device={str(device)!r} ({reason})"
        raise ConfigError(what, given=given, fix='Pass "auto" or "cpu".') from error
    # Tensors say which accelerator they are on; only with the same number is theirs equal to this one.
    return probe.device


def choose_precision(device: torch.device, precision: PrecisionName = "auto", *, is_small: bool = False) -> Precision:
    """The precision of that name; with "auto" the fastest that the device computes natively and that trains safely.

    Raises:
        ConfigError: If the name is not known.
    """
    if precision != "auto" and precision not in _DTYPES:
        fix = did_you_mean(str(precision), ["auto", *_DTYPES])
        raise ConfigError("Unknown precision.", given=repr(precision), fix=fix)
    # Of a small model shorter numbers make nothing faster.
    name = "float32" if precision == "auto" and is_small else precision
    dtype = _native(device) if name == "auto" else _DTYPES[name]
    scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
    # Who asks for float32 by name gets all of its digits.
    return Precision(device, dtype, scaler, may_round=precision == "auto")


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _is_slow_in_bfloat16(model: torch.nn.Module) -> bool:
    """Whether it has convolutions of 5 x 5 and more by channel, whose gradients processors are slow at in bfloat16."""
    # On an AMD EPYC a step of efficientnet_lite0 takes 1.4 times as long as in float32, some of its layers 8 times;
    # networks with 3 x 3 alone, such as mobilenetv2, take 0.7 times as long. With AMX nothing was measured.
    if torch.cpu.get_capabilities().get("amx_bf16"):
        return False
    return any(
        isinstance(module, torch.nn.Conv2d) and module.groups == module.in_channels > 1 and module.kernel_size[0] >= 5
        for module in model.modules()
    )


def _native(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        # Emulated bfloat16 (before Ampere) is slower than float16 with a scaled loss.
        with torch.cuda.device(device):
            is_native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if is_native else torch.float16
    if device.type == "cpu" and platform.machine() in ("x86_64", "AMD64"):
        # Without these instructions bfloat16 is emulated, several times slower than float32.
        features = torch.cpu.get_capabilities()
        if features.get("avx512_bf16") or features.get("amx_bf16"):
            return torch.bfloat16
    return torch.float32

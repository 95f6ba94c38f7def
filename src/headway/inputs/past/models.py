"""Networks that forecast: a linear model of trend and remainder, and a small network of two layers.

Both see a window in its own standard deviations, and begin as the seasonal naive forecast, which they learn to correct.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from headway.errors import ConfigError, did_you_mean
from headway.inputs.past.field import Past
from headway.train.model import Model
from headway.train.options import Options
from headway.train.recipe import Recipe

__all__ = ["ARCHITECTURES", "DLinear", "Forecaster", "build"]

_HIDDEN = 64
# Without a season the trend is the mean of so many neighbours.
_SMOOTH = 5
# Ends of intervals begin 1.28 deviations off, as a normal distribution's lie, which is what softplus makes of this; and
# they are learned so many times as fast as weights: few steps must be enough.
_NORMAL, _FAST = 0.955, 10.0
# The decay, which draws a model towards the seasonal naive forecast, was chosen on five short series, see
# `benchmarks/forecasting.py`.
_RECIPE = Recipe(
    lr=3e-3, options=Options(weight_decay=3.0), samples_seen=200_000, min_epochs=10, max_epochs=150, max_batch_size=256
)


class DLinear(nn.Module):
    """A window's trend, a moving average, and its remainder, with a linear layer each.

    Source:
        Zeng et al. 2023, "Are transformers effective for time series forecasting?", arXiv:2205.13504.
    """

    def __init__(self, length: int, num_outputs: int, *, smooth: int) -> None:
        super().__init__()
        self.before, self.after = (smooth - 1) // 2, smooth // 2
        self.trend, self.remainder = nn.Linear(length, num_outputs), nn.Linear(length, num_outputs, bias=False)
        for layer in (self.trend, self.remainder):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.trend.bias)
        self.smooth = smooth

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """float32 `[batch, length]` to `[batch, num_outputs]`."""
        padded = F.pad(windows[:, None], (self.before, self.after), mode="replicate")
        trend = F.avg_pool1d(padded, self.smooth, stride=1)[:, 0]
        return self.trend(trend) + self.remainder(windows - trend)


class Forecaster(nn.Module):
    """From the past to medians and the two ends of intervals, in the unit of the past.

    Args:
        correction: From windows in standard deviations `[batch, length]` to what is added to the last season,
            `[batch, horizon]`.
        length: Values of a window.
        horizon: Values to forecast.
        period: Moments of a season; 1 where there is none.
        known: Columns that are known ahead. What is forecast as above is a series without their effect, which is taken
            off the past and added to the future: a number a column, the same at every moment.
    """

    ahead: torch.Tensor

    def __init__(self, correction: nn.Module, *, length: int, horizon: int, period: int, known: int = 0) -> None:
        super().__init__()
        self.correction, self.length, self.horizon = correction, length, horizon
        # The last season again and again.
        ahead = torch.tensor([length - period + step % period for step in range(horizon)])
        self.register_buffer("ahead", ahead, persistent=False)
        # How far the ends lie from the median, in the window's standard deviations, by how far ahead a value is: as
        # many parameters as can be learned from few windows.
        self.below, self.above = (nn.Parameter(torch.full((horizon,), _NORMAL / _FAST)) for _ in range(2))
        self.effects = nn.Parameter(torch.zeros(known, 1)) if known else None

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """As `Past.read` gives them, to `[batch, 3 * horizon]`: all medians, then all low and all high ends."""
        past = inputs[:, : self.length]
        centre = past.mean(dim=1, keepdim=True)
        # A window that never changes would be divided by 0. Not added: onnxruntime takes so small a number for none.
        spread = (past - centre).square().mean(dim=1, keepdim=True).sqrt() + 1e-6 * centre.abs()
        spread = spread.clamp_min(1e-12)
        window = (past - centre) / spread
        if self.effects is None:
            middle = self.correction(window) + window[:, self.ahead]
        else:
            known = inputs[:, self.length :].unflatten(1, (len(self.effects), self.length + self.horizon))
            effect = (_FAST * self.effects * known).sum(dim=1)
            window = window - effect[:, : self.length]
            middle = self.correction(window) + window[:, self.ahead] + effect[:, self.length :]
        ends = [middle, middle - F.softplus(_FAST * self.below), middle + F.softplus(_FAST * self.above)]
        return centre + spread * torch.cat(ends, dim=1)


def _dlinear(length: int, num_outputs: int, period: int) -> nn.Module:
    return DLinear(length, num_outputs, smooth=period if period > 1 else min(_SMOOTH, length))


def _mlp(length: int, num_outputs: int, period: int) -> nn.Module:
    last = nn.Linear(_HIDDEN, num_outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(length, _HIDDEN), nn.ReLU(), nn.Dropout(0.1), last)


# By name, the default first.
ARCHITECTURES: dict[str, Callable[[int, int, int], nn.Module]] = {"dlinear": _dlinear, "mlp_forecaster": _mlp}


def build(arch: str | None, input: Past) -> Model:
    """A model that forecasts, by a name of `ARCHITECTURES`, the first when left out."""
    name = arch or next(iter(ARCHITECTURES))
    if name not in ARCHITECTURES:
        fix = f"{did_you_mean(name, ARCHITECTURES)} Or pass a module of your own."
        raise ConfigError("Unknown architecture for forecasts.", given=repr(name), fix=fix)
    correction = ARCHITECTURES[name](input.length, input.horizon, input.period)
    shape = {"length": input.length, "horizon": input.horizon, "period": input.period, "known": len(input.known)}
    module = Forecaster(correction, **shape)
    return Model(module, recipe=_RECIPE, arch=name)

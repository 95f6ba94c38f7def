"""Learning rates over the steps of a stage: plain functions of the steps done."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from headway.errors import ConfigError, did_you_mean

__all__ = ["ScheduleName", "check_schedule", "constant", "cosine", "one_cycle", "schedule"]

ScheduleName = Literal["one_cycle", "cosine", "constant"]


# The share of a stage in which the one-cycle schedule rises.
WARMUP = 0.25


def one_cycle(step: int, *, total_steps: int, max_lr: float) -> float:
    """Learning rate at one step of the one-cycle schedule: a rise from a 25th of the peak, then a long fall to zero.

    Args:
        step: Optimizer steps done, from 0 to `total_steps`.
        total_steps: Steps in the stage (not epochs).
        max_lr: Peak learning rate.

    Returns:
        The learning rate, between 0 and `max_lr`.

    Example:
        >>> one_cycle(25, total_steps=100, max_lr=0.1)
        0.1

    Source:
        Smith and Topin 2017, arXiv:1708.07120; here rise and fall are cosines.
    """
    rising = WARMUP * total_steps
    if step < rising:
        # Where fastai's and PyTorch's one-cycle schedules begin, too.
        return _between(max_lr / 25, max_lr, step / rising)
    return _between(max_lr, 0.0, (step - rising) / max(total_steps - rising, 1))  # a stage may be of one step


def cosine(step: int, *, total_steps: int, max_lr: float) -> float:
    """A fall along half a cosine, from `max_lr` at step 0 to zero at `total_steps`.

    Example:
        >>> round(cosine(50, total_steps=100, max_lr=0.1), 6)
        0.05

    Source:
        Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts.
    """
    return _between(max_lr, 0.0, step / max(total_steps, 1))


def constant(step: int, *, total_steps: int, max_lr: float) -> float:
    """The same rate at every step.

    Example:
        >>> constant(7, total_steps=100, max_lr=0.1)
        0.1
    """
    return max_lr


def schedule(name: ScheduleName, *, total_steps: int, max_lr: float) -> Callable[[int], float]:
    """The schedule of that name as a function of the steps done.

    Raises:
        ConfigError: If the name is not known.
    """
    check_schedule(name)
    chosen = _SCHEDULES[name]
    return lambda step: chosen(step, total_steps=total_steps, max_lr=max_lr)


def check_schedule(name: str) -> None:
    """Raises a ConfigError if there is no schedule of that name."""
    if name not in _SCHEDULES:
        fix = did_you_mean(str(name), _SCHEDULES)
        raise ConfigError("Unknown schedule.", given=repr(name), fix=fix)


_SCHEDULES: dict[str, Callable[..., float]] = {"one_cycle": one_cycle, "cosine": cosine, "constant": constant}


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2

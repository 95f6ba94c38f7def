"""Is the model good, and for whom: metrics with intervals, baselines, diagnosis, report. Works on arrays.

The package itself can be called: `headway.judge(probabilities, targets)` judges any model's predictions, as
`headway.judge.arrays.judge` tells. A function of that name could not stand beside it: importing one of the package's
modules puts the package in its place.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from headway.judge import arrays

__all__ = ["judge"]


class _Judge(ModuleType):
    """A package that can be called."""

    __call__ = staticmethod(arrays.judge)
    # Where `inspect.signature` and `help` look.
    __wrapped__ = staticmethod(arrays.judge)


if TYPE_CHECKING:
    from headway.judge.arrays import judge
else:
    judge = sys.modules[__name__]
    judge.__class__ = _Judge

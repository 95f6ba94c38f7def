"""Write the test that catches drift.

A server writes down the brightness of every picture (or the score of every answer, or any other number). `before` holds
these numbers for the validation data, `now` for last week's log. `has_drifted` says whether somebody must be called.

- It fires if the numbers have clearly changed: their middle, their spread or their form.
- It stays silent if they come from the same source, however few there are: chance alone moves every number.
- It stays silent, too, if a shift is real and too small to matter. In a log of a million lines every test for chance
  fires; nobody wants to be called for a hundredth of the usual spread.

So ask two questions: could it be chance? And how large is it? `scipy.stats.ks_2samp` answers both: `pvalue`, and
`statistic`, the largest distance between the two cumulative shares, from 0 to 1. A distance below a tenth is small.

The check tries 20 logs of each sort. One mistake in 20 is allowed, as chance is chance.
"""

import numpy as np


def has_drifted(before: np.ndarray, now: np.ndarray) -> bool:
    """Whether the numbers of a log look different from those that the model was judged on, and by much.

    Both are float, `[items]`, at least 30 of them, and need not be equally many.
    """
    # Write it here.
    raise NotImplementedError

"""Write the test that catches a leaking split.

`test_split` is handed a splitter: a function from groups [rows], a share and a seed to two arrays of row numbers, those
of train and those of valid. It returns nothing if the splitter keeps its promises, and fails, by `assert`, if not:

- no row is on both sides,
- no group is on both sides,
- no row is lost,
- there are rows on both sides.

How the groups are drawn is not your concern: by chance, by time or by size are all fine, and so is any order of the row
numbers. Try groups of several sizes, in mixed order, with several shares and seeds: some leaks show only now and then.
"""

from collections.abc import Callable

import numpy as np


def test_split(split: Callable[[np.ndarray, float, int], tuple[np.ndarray, np.ndarray]]) -> None:
    """Fails, by `assert`, if the splitter leaks or loses rows."""
    # Write it here.
    raise NotImplementedError

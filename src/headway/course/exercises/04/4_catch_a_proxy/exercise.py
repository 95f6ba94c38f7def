"""Write the test that catches a table which gives the group away.

The column `group` (A or B) must not be used for loans, so somebody wants to train on all the others. `test_no_proxy` is
handed the table, a polars frame of 1,000 people, and fails, by `assert`, if the other columns together tell the group:

- a *proxy*: with the other columns one can tell the group of people *not seen before*, with an AUROC of 0.7 or more,
- *harmless*: nothing better than 0.55 is possible. There is nothing in between.

Columns are numbers, words, or True and False, and values may be missing (null). The groups may be of unequal size. Any
tool is fine: scikit-learn is here, and a cross-validation judges on people not seen before.
"""

import polars as pl


def test_no_proxy(table: pl.DataFrame) -> None:
    """Fails, by `assert`, if a person's group can be told from the other columns."""
    # Write it here.
    raise NotImplementedError

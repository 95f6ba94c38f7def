"""Which dials of `loans` were turned: one comparison of the groups for each."""

import numpy as np
import polars as pl


def sources(table: pl.DataFrame) -> set[str]:
    """The dials that are on, if both groups are alike in their means, which only the maker of the table can know."""
    a, b = (table.filter(pl.col("group") == name) for name in "AB")
    shown = {
        "sample": len(b) / len(table) < 0.33,
        "measurement": np.median(b["income"]) < 0.9 * np.median(a["income"]),
        "gap": a["repaid"].mean() - b["repaid"].mean() > 0.1,
        "history": a["approved"].mean() - b["approved"].mean() > 0.1,
        "aggregation": debt_effect(b) - debt_effect(a) > 0.2,
    }
    return {name for name, is_on in shown.items() if is_on}


def debt_effect(people: pl.DataFrame) -> float:
    """How debt goes with repayment: negative where debt is a shortage."""
    return float(np.corrcoef(np.log(people["debt"] + 0.1), people["repaid"])[0, 1])

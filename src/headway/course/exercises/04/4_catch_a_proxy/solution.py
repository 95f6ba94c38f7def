"""The test that catches a table which gives the group away."""

import numpy as np
import polars as pl
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

LIMIT = 0.63


def test_no_proxy(table: pl.DataFrame) -> None:
    """Fails, by `assert`, if a person's group can be told from the other columns."""
    is_b = (table["group"] == "B").to_numpy()
    columns = np.stack([numbers(table[name]) for name in table.columns if name != "group"], axis=1)
    # Trees see bends and combinations, which a correlation of one column does not.
    trees = ExtraTreesClassifier(20, min_samples_leaf=4, random_state=0)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    scores = cross_val_predict(trees, columns, is_b, cv=folds, method="predict_proba")[:, 1]
    auroc = roc_auc_score(is_b, scores)
    assert auroc < LIMIT, f"the group can be told with an AUROC of {auroc:.2f}"


def numbers(column: pl.Series) -> np.ndarray:
    """A column as numbers: words by their rank, and what is missing as a number of its own."""
    if column.dtype == pl.String:
        column = column.rank("dense")
    return column.cast(pl.Float64).fill_null(-1e6).to_numpy()

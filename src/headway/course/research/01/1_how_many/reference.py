"""How the accuracy grows with the number of drawings."""

from pathlib import Path

import polars as pl

import headway as hw

# Measured by `accuracy` below, for the seeds 0, 1 and 2.
CURVE = {
    5: [0.6407, 0.637, 0.7037],
    10: [0.7185, 0.7407, 0.8556],
    20: [0.763, 0.8444, 0.8259],
    40: [0.8556, 0.8852, 0.8593],
    80: [0.8926, 0.9111, 0.8815],
}
# Doubling brought 0.11, 0.04, 0.06 and 0.03 on average: the next one brings about 0.02, give or take the seeds' spread.
PREDICTED = (0.88, 0.95)
MEASURED = 0.921


def accuracy(table: Path, per_class: int, seed: int) -> float:
    """The accuracy on valid of a table of a model that was trained on so many drawings of each class."""
    split = hw.GroupSplit("group", valid=0.4)
    items = hw.from_csv(table, input="file", target="label", size=128, split=split).items
    train = items.filter(pl.col("split") == "train").sample(fraction=1, shuffle=True, seed=seed)
    train = train.group_by("label", maintain_order=True).head(per_class).select(items.columns)
    parts = pl.concat([train, items.filter(pl.col("split") == "valid")]).select("file", "label", "split")
    field = hw.Image("file", size=128)
    data = hw.from_items(parts, input=field, target="label", split=hw.ColumnSplit("split"))
    learner = hw.Learner(data, seed=seed)
    learner.fine_tune(0)
    return float(learner.evaluate()["accuracy"])

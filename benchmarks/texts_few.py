"""Are a hundred labelled texts enough to be better than TF-IDF?

`rt_polarity` and `sms_spam`. For each draw a hundred rows have a label and 500 others judge. Ours is
`hw.Learner(data).fine_tune()`; nothing is chosen by the rows that judge. TF-IDF is the report's own baseline, its
options chosen on folds of the hundred. "gain" is the mean difference of the accuracies over the draws, with its 95 %
interval over draws by Student's t. Goal: an interval above 0. `measured(items, draws=3, adapt=True)` has 2,000 more
rows without a label, from which `adapt` learns first.
"""

from __future__ import annotations

import numpy as np
import polars as pl

import headway as hw
from benchmarks.results import Row
from benchmarks.texts import text_sets
from headway.judge.intervals import student

DRAWS, LABELLED, JUDGED, UNLABELLED = 10, 100, 500, 2_000


def run() -> list[Row]:
    """Each set."""
    rows: list[Row] = []
    for name, items in text_sets().items():
        rows.append({"data": name, **measured(items, draws=DRAWS)})
        print(rows[-1], flush=True)
    if not rows:
        print("rt_polarity, sms_spam: not there, left out")
    return rows


def measured(items: pl.DataFrame, *, draws: int, adapt: bool = False) -> Row:
    """The means over the draws."""
    results = np.array([_one_draw(items, seed=seed, adapt=adapt) for seed in range(draws)])
    ours, head, tfidf = results.mean(axis=0).round(4).tolist()
    gains = results[:, 0] - results[:, 2]
    half = student(draws - 1) * gains.std(ddof=1) / draws**0.5
    gain = f"{gains.mean():+.4f} ({gains.mean() - half:+.4f} to {gains.mean() + half:+.4f})"
    return {"adapt": adapt, "accuracy": ours, "head": head, "TF-IDF": tfidf, "gain": gain, "draws": draws}


def drawn(items: pl.DataFrame, *, seed: int, adapt: bool = False) -> hw.Data:
    """A hundred rows with a label, those that judge, and with `adapt` more without a label."""
    order = np.random.default_rng(seed).permutation(len(items))
    counts = {"train": LABELLED, "valid": JUDGED, "unlabelled": UNLABELLED if adapt else 0}
    parts = np.repeat(list(counts), list(counts.values()))
    table = items[order[: len(parts)].tolist()].with_columns(pl.Series("part", parts))
    is_unlabelled = pl.col("part") == "unlabelled"
    table = table.with_columns(
        pl.when(is_unlabelled).then(None).otherwise(pl.col("label")).alias("label"),
        pl.when(is_unlabelled).then(pl.lit("train")).otherwise(pl.col("part")).alias("part"),
    )
    return hw.from_items(table, input=hw.Text("text"), target="label", split=hw.ColumnSplit("part"))


def _one_draw(items: pl.DataFrame, *, seed: int, adapt: bool) -> tuple[float, float, float]:
    """The accuracies of the model, of its head on frozen features, and of TF-IDF."""
    learner = hw.Learner(drawn(items, seed=seed, adapt=adapt), seed=seed, progress=False)
    if adapt:
        learner.adapt()
    history = learner.fine_tune()
    answers = learner.predictions("valid")
    tfidf = next(one for one in learner.baselines() if "TF-IDF" in one.name).predictions["valid"].argmax(axis=1)
    ours = float((answers.probabilities.argmax(axis=1) == answers.targets).mean())
    result = ours, history.epochs[0].metrics["accuracy"], float((tfidf == answers.targets).mean())
    print(seed, result, history.notes, flush=True)
    return result

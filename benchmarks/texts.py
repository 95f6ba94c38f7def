"""How well are texts classified with the defaults beside TF-IDF, and how soon?

`rt_polarity` (Pang and Lee 2005: 10,662 sentences of film reviews, positive or negative) and `sms_spam` (Almeida et al.
2011: 5,574 messages), a fifth held out, the mean of three seeds. Ours is `hw.Learner(data).fine_tune()`; nothing is
chosen by the held-out rows. TF-IDF is the report's own baseline: words, pairs and pieces of words, and the mean of
naive Bayes and a logistic regression whose options are chosen on folds of the training rows. "gain" is the mean
difference to it, with the range over seeds; "interval" is the paired one of the first seed. The head is what stage one
ends with, on frozen features. Seconds count from the opened data. Goals: on `rt_polarity` TF-IDF at least 0.785, the
head at least 0.79 within 40 s, all at least 0.84 within 4 minutes of two cores; on `sms_spam` an F1 of at least 0.96.
"""

from __future__ import annotations

import time

import numpy as np
import polars as pl

import headway as hw
from benchmarks.results import Row, data_folder, empty_cache
from headway.judge.significance import compare_right
from headway.train.history import Epoch
from headway.train.progress import Progress

SEEDS = (0, 1, 2)

# What F1 counts, where one class is rare.
RARE = {"sms_spam": "spam"}


class Clock(Progress):
    """Says nothing, and notes when an epoch was judged.

    Attributes:
        moments: For each entry of the history when it was made, by `time.perf_counter`.
    """

    def __init__(self) -> None:
        self.moments: list[float] = []

    def tell(self, text: str) -> None:
        """Says nothing."""

    def on_entry(self, entry: Epoch) -> None:
        """Notes the time."""
        self.moments.append(time.perf_counter())


def text_sets() -> dict[str, pl.DataFrame]:
    """The sets that are here, as tables with the columns "text" and "label"."""
    tables: dict[str, pl.DataFrame] = {}
    if folder := data_folder("rt_polarity"):
        sides = {"positive": "pos", "negative": "neg"}
        rows = [
            {"text": line, "label": label}
            for label, ending in sides.items()
            for line in (folder / f"rt-polarity.{ending}").read_text(encoding="utf-8").splitlines()
        ]
        tables["rt_polarity"] = pl.DataFrame(rows)
    if folder := data_folder("sms_spam"):
        lines = (folder / "SMSSpamCollection.tsv").read_text().splitlines()
        rows = [dict(zip(("label", "text"), line.split("\t", 1), strict=True)) for line in lines]
        tables["sms_spam"] = pl.DataFrame(rows)
    return tables


def text_data(items: pl.DataFrame, *, seed: int = 0) -> hw.Data:
    """A set with a fifth held out, drawn by the seed."""
    return hw.from_items(items, input=hw.Text("text"), target="label", split=hw.RandomSplit(0.2, seed=seed))


def run() -> list[Row]:
    """Each set: the means over the seeds, and what goals are about."""
    rows: list[Row] = []
    tables = text_sets()
    if not tables:
        print("rt_polarity, sms_spam: not there, left out")
    for name, items in tables.items():
        rows.append({"data": name, **measured(items, rare=RARE.get(name))})
        print(rows[-1], flush=True)
    return rows


def measured(items: pl.DataFrame, *, rare: str | None = None) -> Row:
    """One set, trained with each seed."""
    runs = []
    for seed in SEEDS:
        # Features that an earlier run computed would be read.
        with empty_cache():
            runs.append(_one_run(items, seed=seed, rare=rare))
    names = [name for name in runs[0] if isinstance(runs[0][name], float)]
    means = {name: float(np.mean([one[name] for one in runs])) for name in names}
    gains = [one["accuracy"] - one["TF-IDF"] for one in runs]
    return {
        **{name: round(value, 4) if "seconds" not in name else value for name, value in means.items()},
        "gain": f"{np.mean(gains):+.4f} ({min(gains):+.4f} to {max(gains):+.4f})",
        "interval": runs[0]["interval"],
        "seeds": len(SEEDS),
    }


def _one_run(items: pl.DataFrame, *, seed: int, rare: str | None) -> Row:
    from sklearn.metrics import f1_score

    data = text_data(items, seed=seed)
    clock = Clock()
    learner = hw.Learner(data, seed=seed, progress=clock)
    start = time.perf_counter()
    learner.fine_tune()
    seconds = time.perf_counter() - start
    answers = learner.predictions("valid")
    labels = answers.probabilities.argmax(axis=1)
    tfidf = next(one for one in learner.baselines() if "TF-IDF" in one.name).predictions["valid"].argmax(axis=1)
    ours, theirs = (np.asarray(answer == answers.targets, dtype=np.float64) for answer in (labels, tfidf))
    gain = compare_right(ours, theirs).difference
    f1 = {}
    if rare:
        assert isinstance(data.target, hw.Category)
        position = data.target.labels.index(rare)
        pairs = {"F1": labels, "F1 of TF-IDF": tfidf}
        f1 = {name: float(f1_score(answers.targets == position, answer == position)) for name, answer in pairs.items()}
    head = next((entry for entry in learner.history if entry.stage == "head"), None)
    row = {
        "accuracy": float(ours.mean()),
        "TF-IDF": float(theirs.mean()),
        "head": head.metrics["accuracy"] if head else float("nan"),
        **f1,
        "seconds": seconds,
        "seconds of the head": clock.moments[0] - start,
        "interval": f"{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})",
    }
    print(seed, row, learner.history.notes, flush=True)
    return row

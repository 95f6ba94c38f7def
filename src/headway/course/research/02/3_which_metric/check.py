"""Checks a comparison of two models by three metrics; the models are also trained on lateness that the check has drawn."""

from functools import cache

import numpy as np
import polars as pl

from headway.course.checking import case, close, equal, function, require

scores = function("scores", "before", "after")
table = function("table", "scores", "late")
LATER = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]


def asked(flights: pl.DataFrame) -> tuple[list[np.ndarray], np.ndarray]:
    """What the learner's two models say about the last 8,000 flights, and whether these were late."""
    both = [np.asarray(one, dtype=float) for one in scores(flights[:-8000], flights[-8000:].drop("late", *LATER))]
    equal(len(both), 2, meaning="a list of probabilities for each of two models")
    for probable in both:
        equal(probable.shape, (8000,), meaning="the flights of `after`, in their order")
        require(
            probable.min() >= 0 and probable.max() <= 1, "Probabilities.", came=f"{probable.min()} to {probable.max()}"
        )
    return both, flights["late"][-8000:].to_numpy()


@cache
def real() -> tuple[list[np.ndarray], np.ndarray]:
    from headway.course.data import flights

    return asked(flights())


def drawn() -> pl.DataFrame:
    """The same flights in a world where those early in the day, in dry air, and of some airlines are late."""
    from headway.course.data import flights

    numbers = np.random.default_rng(23)
    table = flights()
    airlines = sorted(table["carrier"].unique())
    pull = dict(zip(airlines, numbers.permutation(np.linspace(-1, 1, len(airlines))), strict=True))
    hour, humid = table["scheduled"].dt.hour(), table["humid"].fill_null(60)
    log_odds = (
        -1.0 + (14 - hour) / 3 + (60 - humid) / 20 + table["carrier"].replace_strict(pull, return_dtype=pl.Float64)
    )
    late = pl.Series("late", numbers.random(table.height) < 1 / (1 + np.exp(-log_odds.to_numpy())))
    # What was measured after departure belongs to the lateness that was.
    return table.with_columns(late, *(pl.lit(None).cast(table[name].dtype).alias(name) for name in LATER))


def ours(probable: np.ndarray, late: np.ndarray) -> dict:
    from sklearn.metrics import roc_auc_score

    # Warn where 10 p > 1 - p, that is above 1/11.
    warned = probable > 1 / 11
    cost = 10 * (late & ~warned).sum() + (~late & warned).sum()
    highest = np.argsort(-probable, kind="stable")[:500]
    return {"cost": float(cost), "found": float(late[highest].sum()), "auroc": float(roc_auc_score(late, probable))}


@case("computes the three numbers")
def _():
    draws = np.random.default_rng(0)
    late = draws.random(2000) < 0.25
    probable = np.clip(0.25 + 0.15 * late + 0.12 * draws.normal(size=2000), 0.001, 0.999)
    came, wanted = table(probable, late), ours(probable, late)
    equal(sorted(came), sorted(wanted))
    close(
        came["cost"], wanted["cost"], meaning="warn where ten times the probability is more than that of being on time"
    )
    close(came["found"], wanted["found"], meaning="late flights among the 500 with the highest probability")
    close(came["auroc"], wanted["auroc"], within=1e-6)


@case("has two models that know only what is known before")
def _():
    both, late = real()
    for probable in both:
        auroc = ours(probable, late)["auroc"]
        require(auroc > 0.55, "Better than chance.", came=f"AUROC {auroc:.3f}")
        meaning = "delays at departure are not known before departure"
        require(auroc < 0.8, "Not better than what can be known.", came=f"AUROC {auroc:.3f}", meaning=meaning)


@case("each of the two wins a story")
def _():
    both, late = real()
    one, other = (ours(probable, late) for probable in both)
    ahead = {name: (one[name] - other[name]) * (-1 if name == "cost" else 1) for name in one}
    came = f"{one} and {other}"
    require(max(ahead.values()) > 0 > min(ahead.values()), "One wins in one story, the other in another.", came=came)


@case("learns what made other flights late", last=True)
def _():
    both, late = asked(drawn())
    meaning = (
        "lateness was drawn anew, by the hour, the air and the airline: whoever trains on `before` finds out, and what "
        "is written down about the real flights is of no use"
    )
    for probable in both:
        auroc = ours(probable, late)["auroc"]
        require(auroc > 0.6, "AUROC above 0.6.", came=f"{auroc:.3f}", meaning=meaning)

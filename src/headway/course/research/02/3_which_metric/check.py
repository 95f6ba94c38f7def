"""Checks a comparison of two models by three metrics."""

import numpy as np

from headway.course.checking import case, close, equal, function, require

scores = function("scores")
table = function("table", "scores", "late")


def truth() -> np.ndarray:
    from headway.course.data import flights

    return flights()["late"].to_numpy()[-8000:]


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
    both = [np.asarray(one, dtype=float) for one in scores()]
    for probable in both:
        equal(len(probable), 8000, meaning="the last fifth of the flights, in their order")
        require(
            probable.min() >= 0 and probable.max() <= 1, "Probabilities.", came=f"{probable.min()} to {probable.max()}"
        )
        auroc = ours(probable, truth())["auroc"]
        require(auroc > 0.55, "Better than chance.", came=f"AUROC {auroc:.3f}")
        meaning = "delays at departure are not known before departure"
        require(auroc < 0.8, "Not better than what can be known.", came=f"AUROC {auroc:.3f}", meaning=meaning)


@case("each of the two wins a story")
def _():
    one, other = (ours(np.asarray(probable, dtype=float), truth()) for probable in scores())
    ahead = {name: (one[name] - other[name]) * (-1 if name == "cost" else 1) for name in one}
    came = f"{one} and {other}"
    require(max(ahead.values()) > 0 > min(ahead.values()), "One wins in one story, the other in another.", came=came)

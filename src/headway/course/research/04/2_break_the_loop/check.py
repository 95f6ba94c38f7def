"""Checks a rule for patrols on hidden seeds: even where crime is even, more where there is more, and what it costs."""

from functools import cache

import numpy as np

from headway.course.checking import case, close, function, require, value

rule = function("rule", "start", "records", "sent", "numbers")
START = np.array([70, 30])
ROUNDS, LAST, PATROLS, SEEDS = 60, 20, 100, range(701, 716)


@cache
def run(second: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The patrols of each round and the records since the start, both [districts]."""
    numbers, crime = np.random.default_rng(seed), np.array([0.1, second])
    records, sent, rounds = np.zeros(2, dtype=int), np.zeros(2, dtype=int), []
    for _ in range(ROUNDS):
        shares = np.asarray(rule(START.copy(), records.copy(), sent.copy(), numbers), dtype=float)
        require(shares.shape == (2,) and abs(shares.sum() - 1) < 1e-6, "Two shares that sum to 1.", came=shares)
        require(shares.min() >= 0.05 - 1e-9, "At least 0.05 for each district.", came=shares)
        patrols = numbers.multinomial(PATROLS, shares)
        records, sent = records + numbers.binomial(patrols, crime), sent + patrols
        rounds.append(patrols)
    return np.array(rounds), records


@case("recovers from a false start", section="loop")
def _():
    for seed in SEEDS:
        share = run(0.1, seed)[0][-LAST:, 0].mean() / PATROLS
        meaning = "crime is the same in both: the share of patrols in the first district, rounds 41 to 60"
        require(0.4 <= share <= 0.6, "0.5, within 0.1.", came=f"{share:.3f}", meaning=meaning)


@case("finds where there is more", section="loop")
def _():
    for seed in SEEDS:
        share = run(0.2, seed)[0][-LAST:, 1].mean() / PATROLS
        meaning = "the second district has twice the crime; a rule that never learns cannot know it"
        require(share >= 0.6, "0.6 or more of the patrols.", came=f"{share:.3f}", meaning=meaning)


@case("knows its cost")
def _():
    fewer = [1 - run(0.2, seed)[1].sum() / (ROUNDS * PATROLS * 0.2) for seed in SEEDS]
    close(value("COST"), float(np.mean(fewer)), within=0.03, meaning="the mean over the hidden seeds")


@case("says who pays")
def _():
    text = value("WHO_PAYS")
    came = f"{len(text)} characters, {len(set(text.split()))} different words"
    require(len(text) >= 150 and len(set(text.split())) >= 20, "150 characters or more, in sentences.", came=came)

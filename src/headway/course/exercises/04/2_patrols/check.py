"""Checks the simulator of patrols."""

import numpy as np

from headway.course.checking import case, close, equal, function, pure, require

most_records = function("most_records", "records")
one_round = function("one_round", "records", "crime", "rule", "numbers", "patrols")
history = function("history", "rule", "rounds", "seed")


def evenly(records):
    return np.full(len(records), 1 / len(records))


def only_the_first(records):
    return np.eye(len(records))[0]


@case("most go where most was recorded")
def _():
    close(most_records(np.array([10, 30])), [0.2, 0.8], meaning="the second district has more records")
    close(most_records(np.array([5, 9, 1])), [0.1, 0.8, 0.1], meaning="the others share what is left")
    close(most_records(np.array([7, 7])), [0.8, 0.2], meaning="of equal ones the first")


@case("finds nothing where nobody patrols")
def _():
    numbers = np.random.default_rng(0)
    came = one_round(np.array([5, 5]), np.array([0.5, 0.5]), only_the_first, numbers)
    close(np.asarray(came)[1], 5, meaning="all patrols were in the first district, so the second has no new record")
    require(came[0] > 25, "About 50 new records in the first district.", came=came)


@case("sends every patrol")
def _():
    for seed in range(5):
        came = one_round(np.array([0, 0, 0]), np.ones(3), evenly, np.random.default_rng(seed))
        meaning = "every patrol finds something here, so 100 patrols in three districts make 100 records"
        close(np.sum(came), 100, meaning=meaning)


@case("keeps what was recorded before")
def _():
    came = one_round(np.array([40, 60]), np.zeros(2), evenly, np.random.default_rng(0))
    close(came, [40, 60], meaning="nothing is found here, so the records stay as they are")


@case("finds as much as there is")
def _():
    numbers = np.random.default_rng(1)
    records = [one_round(np.array([0, 0]), np.array([0.1, 0.3]), evenly, numbers, patrols=1000) for _ in range(40)]
    meaning = "500 patrols each, of which a tenth and three tenths find something"
    close(np.mean(records, axis=0), [50, 150], within=8, meaning=meaning)


@case("leaves the records as they are")
def _():
    pure(lambda records: one_round(records, np.array([0.5, 0.5]), evenly, np.random.default_rng(0)), np.array([3, 4]))


@case("has a share for each round")
def _():
    shares = history(evenly, rounds=7, seed=0)
    equal(len(shares), 7, meaning="one share for each round")
    require(all(0 < share < 1 for share in shares), "Shares between 0 and 1.", came=shares)


@case("the seed decides")
def _():
    equal(history(evenly, 5, seed=3), history(evenly, 5, seed=3), meaning="the same seed, the same history")
    meaning = "another seed, another history"
    require(
        history(evenly, 5, seed=3) != history(evenly, 5, seed=4), "Other numbers.", came="the same", meaning=meaning
    )


@case("the loop makes a small lead large", section="loop")
def _():
    last = [history(most_records, rounds=50, seed=seed)[-1] for seed in range(20)]
    meaning = "52 of 100 at the start; records of all rounds add up, and most patrols go where most records are"
    require(
        min(last) > 0.68,
        "Every time more than 0.68 after 50 rounds.",
        came=f"{min(last):.3f} at the least",
        meaning=meaning,
    )


@case("without the loop it stays small", section="loop")
def _():
    last = np.mean([history(evenly, rounds=50, seed=seed)[-1] for seed in range(20)])
    close(last, 0.503, within=0.02, meaning="patrols spread evenly find as much here as there")

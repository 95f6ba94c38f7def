"""Checks `grouped_split`."""

import numpy as np

from headway.course.checking import case, equal, function, property, pure, require, shape

grouped_split = function("grouped_split", "groups", "share", "seed")

PATIENTS = np.array([f"patient {number // 4}" for number in range(200)])


def draws(numbers):
    """Groups of one to six rows, in mixed order, a share, and a seed."""
    sizes = numbers.integers(1, 7, int(numbers.integers(2, 30)))
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return numbers.permutation(groups), float(numbers.uniform(0.1, 0.6)), int(numbers.integers(0, 1000))


@case("says for each row whether it is in valid")
def _():
    mask = grouped_split(PATIENTS, share=0.2, seed=0)
    shape(mask, (200,))
    require(np.asarray(mask).dtype == bool, "True and false.", came=np.asarray(mask).dtype.name)


@case("no group is on both sides")
def _():
    def holds(groups, share, seed):
        mask = np.asarray(grouped_split(groups, share, seed))
        return not set(groups[mask]) & set(groups[~mask])

    property(holds, draws=draws, asked="A group's rows are all in valid, or all in train.", meaning="a leak by thing")


@case("both sides have a group")
def _():
    def holds(groups, share, seed):
        mask = np.asarray(grouped_split(groups, share, seed))
        return bool(mask.any() and not mask.all())

    property(holds, draws=draws, asked="At least one group in valid, and one in train.")


@case("the share of rows is near")
def _():
    def holds(groups, share, seed):
        largest = np.unique(groups, return_counts=True)[1].max()
        return abs(np.sum(grouped_split(groups, share, seed)) - share * len(groups)) <= largest

    meaning = "count rows, not groups: groups have different sizes"
    property(
        holds, draws=draws, asked="Rows in valid: the share of all rows, within one group's size.", meaning=meaning
    )


@case("the seed decides, and nothing else")
def _():
    first = np.asarray(grouped_split(PATIENTS, share=0.2, seed=1)).tolist()
    np.random.seed(5)
    equal(
        np.asarray(grouped_split(PATIENTS, share=0.2, seed=1)).tolist(), first, meaning="the same seed, the same split"
    )
    others = [np.asarray(grouped_split(PATIENTS, share=0.2, seed=seed)).tolist() for seed in range(2, 8)]
    meaning = "of seven splits of 50 groups two are hardly ever the same"
    require(first not in others, "Another seed, another split.", came="the same split again", meaning=meaning)


@case("groups are drawn by chance")
def _():
    # Sizes grow with the name, and time with both: no end of the list may be preferred.
    groups = np.repeat(np.arange(30), np.arange(1, 31))
    counts = np.zeros(30)
    for seed in range(200):
        counts[np.unique(groups[np.asarray(grouped_split(groups, share=0.3, seed=seed))])] += 1
    meaning = "sorted by size or by name, the same groups would always be drawn"
    require(
        counts.min() > 5 and counts.max() < 195,
        "Each group is in valid for some seeds, and not for all.",
        came=f"{int(counts.min())} to {int(counts.max())} of 200 times",
        meaning=meaning,
    )


@case("the order of rows makes no difference")
def _():
    order = np.random.default_rng(0).permutation(200)
    plain, mixed = grouped_split(PATIENTS, 0.2, 3), grouped_split(PATIENTS[order], 0.2, 3)
    equal(sorted(set(PATIENTS[order][np.asarray(mixed)])), sorted(set(PATIENTS[np.asarray(plain)])))


@case("leaves the groups as they are")
def _():
    pure(lambda groups: grouped_split(groups, 0.2, 0), PATIENTS.copy())

"""Checks that the learner's test lets honest splitters pass and catches leaking ones."""

import numpy as np

from headway.course.checking import case, catches, function

test_split = function("test_split", "split")


def sides(mask):
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def by_chance(groups, share, seed):
    names = np.random.default_rng(seed).permutation(np.unique(groups))
    return sides(np.isin(groups, names[: max(1, int(share * len(names)))]))


def latest(groups, share, seed):
    names = np.unique(groups)
    return sides(np.isin(groups, names[-max(1, int(share * len(names))) :]))


def largest_first(groups, share, seed):
    names, sizes = np.unique(groups, return_counts=True)
    train, valid = sides(np.isin(groups, names[np.argsort(-sizes)[: max(1, int(share * len(names)))]]))
    return np.random.default_rng(seed).permutation(train), valid[::-1]


@case("lets honest splitters pass")
def _():
    honest = {"by chance": by_chance, "the latest groups": latest, "the largest, in any order": largest_first}
    catches(test_split, honest=honest)


@case("catches a split of rows")
def _():
    def rows(groups, share, seed):
        return sides(np.random.default_rng(seed).permutation(len(groups)) < share * len(groups))

    catches(test_split, mutants={"rows are drawn, not groups": rows})


@case("catches a group that is cut in two")
def _():
    def cut(groups, share, seed):
        order = np.argsort(groups, kind="stable")
        count = int(share * len(groups))
        return order[count:], order[:count]

    def now_and_then(groups, share, seed):
        train, valid = by_chance(groups, share, seed)
        return (train, valid) if seed % 5 or share < 0.3 else cut(groups, share, seed)

    wrong = {"the border cuts a group": cut, "it does so for some seeds and shares": now_and_then}
    catches(test_split, mutants=wrong)


@case("catches rows on both sides")
def _():
    def everything(groups, share, seed):
        return np.arange(len(groups)), by_chance(groups, share, seed)[1]

    catches(test_split, mutants={"train is the whole table": everything})


@case("catches rows that are lost")
def _():
    def singles_lost(groups, share, seed):
        train, valid = by_chance(groups, share, seed)
        names, sizes = np.unique(groups, return_counts=True)
        return train[np.isin(groups[train], names[sizes > 1])], valid

    def doubled(groups, share, seed):
        train, valid = by_chance(groups, share, seed)
        return np.append(train[:-1], train[:1]), valid

    wrong = {"groups of one row are lost": singles_lost, "one row is lost and another one there twice": doubled}
    catches(test_split, mutants=wrong)


@case("catches an empty side")
def _():
    def nothing(groups, share, seed):
        return np.arange(len(groups)), np.arange(0)

    catches(test_split, mutants={"valid is empty": nothing})

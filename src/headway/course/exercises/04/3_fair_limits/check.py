"""Checks `fair_limits`."""

import numpy as np

from headway.course.checking import case, close, equal, function, pure, require

fair_limits = function("fair_limits", "scores", "targets", "groups", "valid", "test", "share")


def applicants(seed: int = 0, size: int = 2000):
    """Scores that are lower in group B at the same means, with who repays, and the parts."""
    numbers = np.random.default_rng(seed)
    groups = np.where(numbers.random(size) < 0.4, "B", "A")
    means = numbers.normal(size=size)
    targets = means + 0.7 * numbers.normal(size=size) > -0.4
    scores = 1 / (1 + np.exp(-(1.5 * means - 0.9 * (groups == "B"))))
    part = numbers.integers(0, 2, size)
    return scores, targets, groups, part == 0, part == 1


@case("has a limit and a share for each group")
def _():
    table = fair_limits(*applicants(), share=0.8)
    equal(sorted(table), ["A", "B"])
    equal([len(pair) for pair in table.values()], [2, 2], meaning="a limit, and what came on test")


@case("chooses on valid")
def _():
    scores, targets, groups, valid, test = applicants()
    plain = fair_limits(scores, targets, groups, valid, test, share=0.8)
    other = np.where(test, scores / 2, scores)
    came = fair_limits(other, targets, groups, valid, test, share=0.8)
    meaning = "the scores of test were halved, and the limits moved: they must not know test"
    close([came[name][0] for name in "AB"], [plain[name][0] for name in "AB"], meaning=meaning)


@case("each group has its own limit")
def _():
    scores, targets, groups, valid, test = applicants()
    table = fair_limits(scores, targets, groups, valid, test, share=0.8)
    for name in "AB":
        came = (scores[(groups == name) & targets & valid] >= table[name][0]).mean()
        meaning = f"of group {name}'s good payers in valid"
        close(came, 0.8, within=0.01, meaning=meaning)
    require(table["B"][0] < table["A"][0] - 0.1, "A lower limit for B, whose scores are lower.", came=table)


@case("at least the share gets a loan")
def _():
    scores, targets, groups, valid, test = applicants(size=180)
    for share in (0.5, 0.75, 0.9):
        table = fair_limits(scores, targets, groups, valid, test, share=share)
        own = scores[(groups == "B") & targets & valid]
        came = (own >= table["B"][0]).mean()
        require(
            came >= share,
            f"At least {share} of B's good payers in valid.",
            came=came,
            meaning="whole people: round in their favour",
        )


@case("reports good payers on test")
def _():
    scores, targets, groups, valid, test = applicants()
    table = fair_limits(scores, targets, groups, valid, test, share=0.8)
    for name in "AB":
        limit, came = table[name]
        expected = float((scores[(groups == name) & targets & test] >= limit).mean())
        meaning = f"the rule is about those who repay: of group {name}'s good payers in test, who gets a loan"
        close(came, expected, within=1e-9, meaning=meaning)


@case("is near on test, and not exact")
def _():
    came = [fair_limits(*applicants(seed, 600), share=0.8)["B"][1] for seed in range(12)]
    close(
        np.mean(came),
        0.8,
        within=0.03,
        meaning="the mean over twelve tables: what held on valid roughly holds on new people",
    )
    meaning = "exactly the wanted share on test every time: then test has chosen"
    require(
        np.std(came) > 0.015,
        "It varies from table to table.",
        came=f"{np.std(came):.4f} (standard deviation)",
        meaning=meaning,
    )


@case("leaves the table as it is")
def _():
    pure(lambda *table: fair_limits(*table, share=0.8), *applicants(size=300))

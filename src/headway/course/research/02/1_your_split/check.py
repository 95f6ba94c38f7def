"""Checks three splits of one's own pictures."""

from headway.course.checking import case, close, equal, function, require, value

table = function("table")
split = function("split", "kind")
accuracy = function("accuracy", "kind")
KINDS = ("random", "burst", "place")


@case("has a hundred pictures of two classes, in bursts, at two places")
def _():
    rows = table()
    equal(sorted(rows), ["burst", "label", "picture", "place"], meaning="the columns")
    lengths = {len(column) for column in rows.values()}
    require(len(lengths) == 1 and lengths.pop() >= 100, "100 rows or more, in columns of one length.", came=lengths)
    counts = {name: len(set(rows[name])) for name in ("label", "burst", "place")}
    enough = counts["label"] >= 2 and counts["burst"] >= 10 and counts["place"] >= 2
    require(enough, "Two labels, ten bursts and two places or more.", came=counts)


@case("splits as it says")
def _():
    rows = table()
    for kind in KINDS:
        train, valid = (list(side) for side in split(kind))
        equal(sorted(train + valid), list(range(len(rows["label"]))), meaning=f"{kind}: each row once, on one side")
        require(len(valid) >= 10, f"{kind}: ten rows or more in valid.", came=len(valid))
        if kind != "random":
            both = {rows[kind][row] for row in train} & {rows[kind][row] for row in valid}
            require(not both, f"No {kind} on both sides.", came=sorted(map(str, both))[:3])
    train, valid = split("random")
    twins = {rows["burst"][row] for row in train} & {rows["burst"][row] for row in valid}
    require(twins, "The random split takes no notice of bursts.", came="no burst is on both sides")


@case("reports what comes out", last=True)
def _():
    reported = value("ACCURACY")
    equal(sorted(reported), sorted(KINDS))
    for kind in KINDS:
        close(accuracy(kind), reported[kind], within=0.03, meaning=f"the split by {kind}, judged again")

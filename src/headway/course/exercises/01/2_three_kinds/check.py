"""Checks the table of three kinds, the split by studio, and the model."""

from functools import cache

import polars as pl

from headway.course.checking import beats, case, equal, function, require, value

three_kinds = function("three_kinds", "table")
by_studio = function("by_studio", "table")
train_model = function("train_model", "table")
KINDS = ["bird", "bug", "mammal"]


@cache
def table() -> pl.DataFrame:
    return value("read_table")()


@cache
def learner():
    expected = table().filter(pl.col("kind").is_in(KINDS))
    is_new = pl.col("studio") == "openmoji"
    split = pl.when(is_new).then(pl.lit("valid")).otherwise(pl.lit("train"))
    return train_model(expected.with_columns(split.alias("split")))


@case("keeps three kinds and no other")
def _():
    equal(sorted(set(three_kinds(table())["kind"])), KINDS, meaning="the kinds that are left")


@case("loses no drawing")
def _():
    wanted = table().filter(pl.col("kind").is_in(KINDS))
    meaning = "every mammal, bird and bug, by all three studios"
    equal(sorted(three_kinds(table())["file"]) == sorted(wanted["file"]), True, meaning=meaning)


@case("sets one studio aside")
def _():
    split = by_studio(table().filter(pl.col("kind").is_in(KINDS)))
    require("split" in split.columns, 'A column "split".', came=", ".join(split.columns))
    parts = {part: sorted(set(rows["studio"])) for (part,), rows in split.group_by("split")}
    equal(parts, {"train": ["noto", "twemoji"], "valid": ["openmoji"]}, meaning="studios by part of the split")


@case("answers with three kinds", last=True)
def _():
    equal(list(learner().data.target.labels), KINDS, meaning="the classes of the model: the values of `kind`")


@case("never trains on the new studio", last=True)
def _():
    data = learner().data
    studios = data.items.filter(pl.col("row").is_in(data.train.rows.tolist()))["studio"]
    equal(sorted(set(studios)), ["noto", "twemoji"], meaning="studios among the training rows")


@case("knows a style it has never seen", section="borrowed", last=True)
def _():
    answers = learner().predictions("valid")
    share = float((answers.predictions.argmax(axis=1) == answers.targets).mean())
    # The best of Headway's baselines on pixels gets 0.71 here.
    meaning = "below this, colours and outlines alone would do: was the model trained before it was returned?"
    beats(share, 0.75, meaning=meaning)

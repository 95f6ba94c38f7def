"""Which columns of a wide table are checked, and that the report and the bundle keep to them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.data.build import from_items
from headway.errors import ShapeError
from headway.inputs.table import interpret, leakage, redundancy, screening
from headway.inputs.table.screening import screen, screening_note
from headway.learner import export
from headway.serve.drift import compare
from headway.targets.category.field import Category

NOTE = (
    "Importance, dependence, redundancy and leaks were checked for 5 of 39 columns: those that each explain most of "
    "the target in the training rows."
)


def wide(count: int = 200, width: int = 40) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    values = draw.normal(size=(count, width - 4))
    answer = values[:, 3] + values[:, 7] > 0
    return pl.DataFrame(
        {
            **{f"c{number}": column for number, column in enumerate(values.T)},
            "bent": np.where(answer, 0.0, draw.choice([-2.0, 2.0], size=count)) + draw.normal(size=count) / 3,
            "absent": [None if positive else 1.0 + row for row, positive in enumerate(answer)],
            "colour": np.where(draw.random(count) < 0.2, "blue", np.where(answer, "red", "green")),
            "name": [f"{'z' if positive else 'a'}{row}" for row, positive in enumerate(answer)],
            "y": np.where(answer, "yes", "no"),
        }
    )


def test_what_explains_the_target_is_chosen_whatever_its_form() -> None:
    items = wide()
    targets = (items["y"] == "yes").to_numpy().astype(np.int64)
    chosen = screen(items.drop("y"), targets, count=6)
    assert chosen == ("c3", "c7", "bent", "absent", "colour", "name")
    assert screen(items.drop("y"), items["c3"].to_numpy()[:, None], count=1) == ("c3",)


def test_of_few_columns_all_are_checked() -> None:
    items = pl.DataFrame({"a": [1, 2], "b": pl.Series([None, None], dtype=pl.Float64), "c": ["x", "y"]})
    assert screen(items, np.array([0, 1])) == ("a", "b", "c")
    assert len(screen(items, np.array([0, 0]), count=2)) == 2
    assert screening_note(100, 100) == ""


def test_every_item_needs_a_target() -> None:
    with pytest.raises(ShapeError) as caught:
        screen(pl.DataFrame({"a": [1, 2]}), np.array([0]))
    assert str(caught.value) == (
        "Every item needs a target.\n  Given: 2 items, 1 targets\n  Fix:   Pass both of the same part."
    )


@pytest.mark.slow
def test_what_is_checked_of_a_wide_table_is_bounded_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening.screen, "__kwdefaults__", {"count": 5, "seed": 0})
    counts: dict[str, int] = {}

    def counted(name: str) -> None:
        counts[name] = counts.get(name, 0) + 1

    skill, association = leakage.explained_share, redundancy._association
    monkeypatch.setattr(
        leakage, "explained_share", lambda *values, **named: counted("skill") or skill(*values, **named)
    )
    monkeypatch.setattr(redundancy, "_association", lambda *values: counted("pairs") or association(*values))
    learner = hw.Learner(from_items(wide(), input=hw.Table(), target=Category("y")), progress=False)
    learner.fit(1)
    report = learner.report()
    assert len(report["columns"].importance.columns) == 5
    assert report["columns"].redundancy.columns == learner.interpret().columns
    # Each column alone, and all that are not suspected together.
    assert counts == {"skill": 6, "pairs": 10}
    assert NOTE in report.notes
    assert NOTE in str(report)
    assert report.to_json()["columns"]["note"] == NOTE
    assert report._repr_html_().count(NOTE) == 2
    known = export._reference(learner.setup, None)
    assert sorted(known["columns"]) == sorted(learner.interpret().columns)
    assert known["num_columns"] == 39
    answered = {"label": "yes", "score": 0.9, "columns": {}}
    drift = compare(known, [answered] * 30, labels=["no", "yes"], noun="rows")
    said = "Compared 5 of 39 columns: those that each explain most of the target in the training rows."
    assert drift.note == said
    assert f"\n{said}\n" in str(drift)
    assert compare({**known, "num_columns": "x"}, [answered] * 30, labels=["no", "yes"]).note == ""


@pytest.mark.slow
def test_columns_that_are_named_together_are_always_shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpret, "screen", lambda items, targets, seed: ("c3", "c7"))
    learner = hw.Learner(from_items(wide(), input=hw.Table(), target=Category("y")), progress=False)
    learner.fit(1)
    needed = learner.interpret().importance(together=[["c0", "c1"]], permutations=1)
    assert sorted(column.name for column in needed.columns) == ["c0 + c1", "c3", "c7"]


@pytest.mark.slow
def test_a_summary_names_the_first_of_many_columns() -> None:
    items = pl.DataFrame({f"c{number}": [1.5 * number, 2.0, 3.0] for number in range(1_150)})
    [_, numbers] = hw.Table(continuous=items.columns).fit(items).describe()
    assert numbers.endswith("c98, c99, 1,050 more")

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.inputs.table.leakage import column_skills, find_leaks
from tests.unit.inputs.table.adult import read_adult


def honest(count: int = 400, *, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Columns that say something of the answer, but by far not all."""
    draw = np.random.default_rng(seed)
    items = pl.DataFrame({name: draw.normal(size=count) for name in "abc"})
    return items, (items["a"].to_numpy() + items["b"].to_numpy() + draw.normal(size=count) > 0).astype(np.int64)


@pytest.mark.slow
def test_nothing_is_suspected_where_nothing_leaks() -> None:
    items, targets = honest()
    assert find_leaks(items, targets) == []
    assert [each.column for each in column_skills(items, targets)][2] == "c"


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), form=st.sampled_from(["number", "text", "noisy", "gap"]))
def test_a_copy_of_the_target_is_found_in_any_form(seed: int, form: str) -> None:
    items, targets = honest(seed=seed)
    draw = np.random.default_rng(seed)
    copies = {
        "number": targets * 7.5 - 2,
        "text": np.array(["no", "yes"])[targets],
        "noisy": targets + 0.1 * draw.normal(size=len(targets)),
        # What is filled in only after the answer is known.
        "gap": np.where(targets == 1, draw.normal(size=len(targets)), np.nan),
    }
    [finding] = find_leaks(items.with_columns(pl.Series("after", copies[form])), targets)
    assert (finding.kind, finding.severity, finding.evidence["columns"]) == ("leak", "serious", ["after"])


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.0, -1000.0])
def test_a_copy_of_a_number_is_found(scale: float) -> None:
    items, _ = honest()
    targets = np.random.default_rng(3).normal(size=(400, 1))
    [finding] = find_leaks(items.with_columns(pl.Series("after", scale * targets[:, 0] + 5)), targets)
    assert (finding.severity, finding.evidence["columns"]) == ("serious", ["after"])
    assert find_leaks(items, targets) == []


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_noise_explains_nothing(seed: int) -> None:
    draw = np.random.default_rng(seed)
    items = pl.DataFrame({"noise": draw.normal(size=300), "name": draw.permutation(300).astype(str)})
    for each in column_skills(items, draw.integers(3, size=300)):
        assert each.skill.value < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("form", ["{}", "P-{}", "id{}x"])
def test_ids_in_whose_order_the_answers_are(form: str) -> None:
    """Rows that were exported class by class, and numbered then; as text the numbers have no leading zeros."""
    items, _ = honest()
    targets = np.repeat([0, 1], 200)
    items = items.with_columns(pl.Series("id", [form.format(number) for number in range(400)]))
    [finding] = find_leaks(items, targets)
    assert finding.evidence["columns"] == ["id"]
    assert "it looks like an id, in whose order the rows are by their target" in finding.sentence
    assert finding.remedies[-1] == "shuffle ids, or leave them out"


@pytest.mark.slow
def test_the_whole_text_of_a_finding() -> None:
    items, targets = honest()
    [finding] = find_leaks(items.with_columns(pl.Series("after", targets)), targets)
    rest, low = finding.evidence["rest"]["value"], finding.evidence["skills"]["after"]["low"]
    assert finding.sentence == (
        f"Column 'after' alone explains 100% [{low:.0%}, 100%] of the target's variance in rows it was not fitted on; "
        f"all columns that are not suspected explain {rest:.0%} together."
    )
    assert 0.2 < rest < 0.8
    assert finding.remedies == (
        "ask whether 'after' is known at the time when the answer is wanted, and how it came about",
        "train without 'after', and compare",
    )


@pytest.mark.slow
def test_several_columns_that_leak_are_one_finding() -> None:
    items, targets = honest()
    both = items.with_columns(pl.Series("after", targets), pl.Series("later", 3 - 2 * targets))
    [finding] = find_leaks(both, targets)
    assert set(finding.evidence["columns"]) == set(finding.evidence["skills"]) == {"after", "later"}
    assert finding.sentence.startswith("Each of these columns alone explains much: '")
    assert finding.remedies[1] == "train without 'after', 'later', and compare"


@pytest.mark.slow
def test_a_real_table_that_leaks(shared_data: Callable[[str], Path]) -> None:
    """COMPAS: whether somebody was charged again is in four columns besides the target."""
    items = pl.read_csv(shared_data("compas") / "compas-scores-two-years_deidentified.csv")
    targets = items["two_year_recid"].to_numpy()
    found = find_leaks(items.drop("two_year_recid"), targets)
    serious = {column for each in found if each.severity == "serious" for column in each.evidence["columns"]}
    assert serious == {"is_recid", "r_charge_degree", "r_charge_desc"}
    kept = ["sex", "age", "race", "priors_count", "juv_fel_count", "c_charge_degree", "decile_score"]
    assert find_leaks(items.select(kept), targets) == []


@pytest.mark.slow
def test_real_tables_that_do_not_leak(shared_data: Callable[[str], Path]) -> None:
    assert find_leaks(*read_adult(shared_data("adult"), count=4_000)) == []
    passengers = pl.read_csv(shared_data("titanic") / "train.csv")
    assert find_leaks(passengers.drop("survived"), passengers["survived"].to_numpy()) == []

"""How well columns tell a group: planted proxies, columns that say nothing, and cross-validation that shows it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from headway.judge.baselines.base import BaselineData
from headway.judge.fairness.learned import Learned
from headway.judge.fairness.proxies import ALL, Proxy, proxies


def learned(rows: int = 2000, *, seed: int = 0) -> Learned:
    """Two groups: `income` and `district` tell them, `noise` and the codes of `name` do not."""
    draw = np.random.default_rng(seed)
    group, repaid = draw.integers(2, size=rows), draw.integers(2, size=rows)
    income = draw.normal(size=rows) + 1.5 * group + 0.8 * repaid
    income[draw.random(rows) < 0.1] = np.nan
    district = np.where(draw.random(rows) < 0.9, group, 1 - group)
    columns = [income, draw.normal(size=rows), group, district, draw.integers(rows // 2, size=rows)]
    names = ("income", "noise", "group", "district", "name")
    data = BaselineData(
        targets=repaid,
        arrays={"table": np.stack(columns, axis=1).astype(np.float64)},
        about={"categorical": (2, 3, 4), "names": names},
    )
    return Learned(train=data, items=pl.DataFrame({"group": np.array(["a", "b"])[group]}), judged=data)


@pytest.fixture(scope="module")
def found() -> dict[str, Proxy]:
    return {proxy.column: proxy for proxy in proxies(learned(), "group")}


@pytest.mark.slow
def test_planted_proxies_are_told_from_noise(found: dict[str, Proxy]) -> None:
    assert [*found] == [ALL, "district", "income", "noise", "name"] or [*found][:3] == [ALL, "district", "income"]
    assert found["district"].auroc.value == pytest.approx(0.9, abs=0.03)
    # Two normal distributions 1.5 standard deviations apart, with a tenth of the values missing, and the other column.
    assert 0.75 < found["income"].auroc.value < 0.88
    assert found[ALL].auroc.value > found["district"].auroc.value
    assert {name for name, proxy in found.items() if proxy.is_proxy} == {ALL, "district", "income"}


@pytest.mark.slow
def test_what_says_nothing_is_at_one_half(found: dict[str, Proxy]) -> None:
    # Half as many names as rows: without cross-validation they would tell each group.
    for name in ("noise", "name"):
        assert found[name].auroc.value == pytest.approx(0.5, abs=0.05)


def test_features_of_a_body_stand_for_columns() -> None:
    draw = np.random.default_rng(0)
    group = draw.integers(2, size=400)
    features = draw.normal(size=(400, 8)).astype(np.float32)
    features[:, 0] += 2 * group
    data = BaselineData(targets=group, arrays={"features": features})
    table = pl.DataFrame({"site": np.array(["a", "b"])[group]})
    [proxy] = proxies(Learned(train=data, items=table, judged=data), "site")
    assert (proxy.column, proxy.is_proxy) == (ALL, True)
    nothing = BaselineData(targets=group, arrays={"pixels": features})
    assert proxies(Learned(train=nothing, items=table, judged=nothing), "site") == []


def test_one_group_has_no_proxies() -> None:
    known = learned(100)
    alone = Learned(train=known.train, items=pl.DataFrame({"group": ["a"] * 90 + ["b"] * 10}), judged=known.judged)
    assert proxies(alone, "group") == []

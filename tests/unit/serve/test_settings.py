from __future__ import annotations

import pytest

from headway.cli.serve import parse_amount
from headway.errors import ConfigError
from headway.serve.server import serve
from headway.serve.settings import Settings


def test_limits_are_checked_all_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(queue=0, deadline_seconds=float("nan"), max_pixels=-1)
    assert str(caught.value) == (
        "A limit must be a positive number.\n"
        "  Given: max_pixels=-1, queue=0, deadline=nan\n"
        "  Fix:   Leave it out for the default."
    )


def test_pictures_are_kept_only_beside_a_log() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(keep_inputs=True)
    assert str(caught.value) == (
        "Inputs can be kept only in the folder of a log.\n  Given: keep_inputs without log\n  Fix:   Add --log DIR."
    )


def test_there_is_at_least_one_worker() -> None:
    with pytest.raises(ConfigError) as caught:
        serve("none.headway", workers=0)
    assert str(caught.value) == "`workers` must be at least 1.\n  Given: 0\n  Fix:   Leave it out for 1."


@pytest.mark.parametrize(
    ("text", "amount"),
    [("10MB", 10_000_000), ("10mb", 10_000_000), ("1.5 M", 1_500_000), ("512", 512), ("2GB", 2 * 10**9), ("7B", 7)],
)
def test_amounts_have_units(text: str, amount: int) -> None:
    assert parse_amount(text, option="--max-body", unit="B") == amount


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "0", "ten", "1TB", "1MP", "0.1", "1e6", "٣MB"])
def test_other_texts_are_errors(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_amount(text, option="--max-body", unit="B")
    assert str(caught.value) == (
        f"`--max-body` must be a positive size.\n  Given: {text!r}\n  Fix:   Write it as 500KB or 10MB."
    )

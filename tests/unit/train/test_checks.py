from __future__ import annotations

from collections.abc import Callable

from torch import nn

from headway.train.checks import has_linear_head
from headway.train.model import BodyAndHead

Make = Callable[..., nn.Module]


def test_which_models_have_a_linear_head(linear: Make, body_head: Make) -> None:
    assert has_linear_head(body_head())
    assert not has_linear_head(linear())
    other = BodyAndHead(nn.Linear(4, 4), 4, 2)
    other.head = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    assert not has_linear_head(other)
    necked = BodyAndHead(nn.Linear(4, 4), 4, 2)
    necked.neck = nn.Linear(4, 4)
    assert not has_linear_head(necked)

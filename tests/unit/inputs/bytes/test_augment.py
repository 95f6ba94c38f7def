from __future__ import annotations

import numpy as np
import pytest
import torch

from headway.errors import ConfigError
from headway.inputs.bytes.augment import Augment, BytesView

NONE = torch.zeros(0)


def files(*counts: int, length: int = 100) -> torch.Tensor:
    """Files of so many windows; each byte of a window is its number."""
    inputs = torch.full((len(counts), max(counts), length), 256, dtype=torch.int16)
    for file, count in zip(inputs, counts, strict=True):
        file[:count] = torch.arange(count, dtype=torch.int16)[:, None]
    return inputs


def seen(view: BytesView, inputs: torch.Tensor, rows: list[int], *, epoch: int = 0) -> torch.Tensor:
    return view(inputs, NONE, rows=np.array(rows), size=None, seed=0, epoch=epoch)[0]


def test_head_and_tail_are_always_seen_and_others_change() -> None:
    view = BytesView(Augment(hide=0))
    chosen = [seen(view, files(9), [0], epoch=epoch)[0, :, 0].tolist() for epoch in range(20)]
    assert all(len(windows) == 4 and windows[0] == 0 and windows[-1] == 8 for windows in chosen)
    assert all(windows == sorted(set(windows)) for windows in chosen)
    assert {window for windows in chosen for window in windows} == set(range(9))


def test_a_file_with_fewer_windows_than_others_has_padding_in_their_place() -> None:
    first = seen(BytesView(Augment(hide=0)), files(1, 2, 3, 8), [0, 1, 2, 3])[..., 0].tolist()
    assert first[:3] == [[0, 256, 256, 256], [0, 1, 256, 256], [0, 1, 2, 256]]


def test_what_is_hidden_is_one_stretch_and_does_not_depend_on_the_batch() -> None:
    view = BytesView({"hide": 0.5})
    alone, together = seen(view, files(1), [3]), seen(view, files(8, 1), [7, 3])
    assert torch.equal(alone[0, 0], together[1, 0])
    hidden = (seen(view, files(8), [1])[0] == 256).numpy()
    assert not hidden[:, 0].any()
    assert (np.abs(np.diff(hidden.astype(int), axis=1)).sum(axis=1) <= 2).all()
    shares = [(seen(view, files(1), [0], epoch=epoch) == 256).float().mean() for epoch in range(50)]
    assert 0.15 < np.mean(shares) < 0.35
    assert max(shares) <= 0.5


def test_nothing_is_drawn_twice_the_same_but_for_the_same_epoch() -> None:
    view, inputs = BytesView(None), files(9)
    assert torch.equal(seen(view, inputs, [0]), seen(view, inputs, [0]))
    assert not torch.equal(seen(view, inputs, [0]), seen(view, inputs, [0], epoch=1))


def test_hiding_too_much() -> None:
    with pytest.raises(ConfigError) as caught:
        Augment(hide=1)
    assert str(caught.value) == (
        "`hide` must lie between 0 and 0.9.\n  Given: hide=1\n  Fix:   Pass a share such as 0.5, or 0 for none."
    )

from __future__ import annotations

import json

from matplotlib.figure import Figure

from headway.train.history import Epoch, History


def epoch(number: int, *, stage: str = "all", **metrics: float) -> Epoch:
    return Epoch(
        stage=stage,  # pyright: ignore[reportArgumentType]
        epoch=number,
        train_loss=1 / number,
        valid_loss=2 / number,
        metrics=metrics,
        lr=None if stage == "head" else 1e-3,
        seconds=1.0,
    )


def test_an_epoch_is_plain_json() -> None:
    found = epoch(2, accuracy=0.5).to_json()
    assert json.loads(json.dumps(found)) == {
        "stage": "all",
        "epoch": 2,
        "train_loss": 0.5,
        "valid_loss": 1.0,
        "accuracy": 0.5,
        "lr": 0.001,
        "seconds": 1.0,
    }


def test_a_history_is_its_epochs() -> None:
    history = History()
    assert len(history) == 0
    first, second = epoch(1, stage="head"), epoch(1)
    history.epochs += [first, second]
    assert list(history) == [first, second]
    assert len(history) == 2
    assert history.to_json() == [first.to_json(), second.to_json()]
    assert history.to_json()[0]["lr"] is None


def test_histories_do_not_share_their_lists() -> None:
    one, other = History(), History()
    one.epochs.append(epoch(1))
    one.notes.append("a note")
    assert (other.epochs, other.notes) == ([], [])


def test_the_picture_has_the_losses_and_each_metric() -> None:
    numbers = (1, 2, 4)
    figure = History([epoch(n, accuracy=n / 10, auroc=n / 5) for n in numbers]).plot()
    assert isinstance(figure, Figure)
    losses, accuracy, auroc = figure.axes
    train, valid = losses.get_lines()
    assert list(train.get_xdata()) == [1, 2, 3]
    assert list(train.get_ydata()) == [1, 0.5, 0.25]
    assert list(valid.get_ydata()) == [2, 1, 0.5]
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["train", "valid"]
    assert accuracy.get_ylabel() == "accuracy on valid"
    assert list(accuracy.get_lines()[0].get_ydata()) == [0.1, 0.2, 0.4]
    assert auroc.get_ylabel() == "auroc on valid"


def test_an_empty_history_can_be_drawn() -> None:
    figure = History().plot()
    assert len(figure.axes) == 1
    assert len(figure.axes[0].get_lines()[0].get_xdata()) == 0

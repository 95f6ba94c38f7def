"""The test that a loss must pass."""

from collections.abc import Callable

import torch


def test_loss(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
    """Fails, by `assert`, if the loss cannot steer a training."""

    def of(outputs: list[float], labels: list[float]) -> float:
        value = loss(torch.tensor(outputs), torch.tensor(labels))
        assert torch.as_tensor(value).numel() == 1, "one number"
        return float(value)

    for place in range(3):
        for label, surer in ((1.0, 1), (0.0, -1)):
            labels = [1.0, 0.0, 1.0]
            labels[place] = label
            outputs = [0.5, -0.5, 0.5]

            def at(output: float, outputs: list[float] = outputs, labels: list[float] = labels, place: int = place):
                return of([*outputs[:place], output, *outputs[place + 1 :]], labels)

            assert at(surer * 1.1) < at(surer * 1.0), "falls when a right answer grows a little surer"
            assert at(-surer * 1.1) > at(-surer * 1.0), "rises when a wrong answer grows a little surer"
    for output in (200.0, -200.0):
        for label in (0.0, 1.0):
            value = of([output], [label])
            assert value == value and abs(value) != float("inf"), "finite for sure models"

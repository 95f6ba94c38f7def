"""Photos of one shade each: what is mixed can be read off them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import headway as hw
from headway.inputs.image.augment import Augment
from headway.train.history import History
from headway.train.mixup import mixed
from headway.train.options import Options, Plan
from headway.train.stage import Setup, fit

Make = Callable[..., nn.Module]
MakeSetup = Callable[..., Setup]

batches = st.integers(1, 12)
seeds = st.integers(0, 2**63 - 1)
alphas = st.sampled_from([0.05, 0.2, 1.0, 4.0])


def shades(items: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Photos of shade 1, 2, 4 ..., of another class each, and their rows."""
    images = (2.0 ** torch.arange(items)).view(-1, 1, 1, 1).expand(-1, 3, 9, 7).clone()
    return images, torch.eye(items), 5 * np.arange(items) + 3


@given(batches, seeds, st.integers(0, 9), alphas)
def test_mixup_mixes_every_pixel_as_the_target(items: int, seed: int, epoch: int, alpha: float) -> None:
    images, targets, rows = shades(items)
    found, soft = mixed(images, targets, rows=rows, seed=seed, epoch=epoch, mixup=alpha)
    assert torch.allclose(soft.sum(dim=1), torch.ones(items))
    others = soft.clone().fill_diagonal_(0) > 0
    assert (others.sum(dim=0) <= 1).all()
    assert (others.sum(dim=1) <= 1).all()
    expected = soft @ (2.0 ** torch.arange(items))
    assert torch.allclose(found, expected.view(-1, 1, 1, 1).expand_as(found), rtol=1e-5)


@given(batches, seeds, alphas)
def test_cutmix_mixes_the_target_by_area(items: int, seed: int, alpha: float) -> None:
    images, targets, rows = shades(items)
    found, soft = mixed(images, targets, rows=rows, seed=seed, epoch=0, cutmix=alpha)
    assert torch.allclose(soft.sum(dim=1), torch.ones(items))
    for number, (photo, shares) in enumerate(zip(found, soft, strict=True)):
        shade = 2.0**number
        others = photo[0] != shade
        assert len(set(photo[photo != shade].tolist())) <= 1
        assert torch.equal(photo[0], photo[1])
        assert torch.isclose(others.float().mean(), 1 - shares[number], atol=1e-6)
        if others.any():
            rows_cut, columns_cut = others.any(dim=1), others.any(dim=0)
            assert others.sum() == rows_cut.sum() * columns_cut.sum(), "a rectangle"


@pytest.mark.slow
@given(st.integers(2, 12), seeds, st.randoms(use_true_random=False))
def test_what_is_drawn_does_not_depend_on_the_order(items: int, seed: int, random: object) -> None:
    images, targets, rows = shades(items)
    images = torch.rand(images.shape, generator=torch.Generator().manual_seed(0))
    order = np.arange(items)
    random.shuffle(order)  # pyright: ignore[reportAttributeAccessIssue]
    whole, soft = mixed(images, targets, rows=rows, seed=seed, epoch=2, mixup=1.0, cutmix=1.0)
    other, other_soft = mixed(
        images[order], targets[order], rows=rows[order], seed=seed, epoch=2, mixup=1.0, cutmix=1.0
    )
    assert torch.equal(other, whole[order])
    assert torch.equal(other_soft, soft[order])


@pytest.mark.slow
def test_shares_follow_their_distribution() -> None:
    """Zhang et al.: Beta(alpha, alpha)."""
    rows = np.arange(2000)
    images = torch.zeros(2000, 1, 2, 2)
    for alpha, outside in ((1.0, 0.5), (0.2, 0.807), (8.0, 0.033)):
        _, soft = mixed(images, torch.eye(2000), rows=rows, seed=1, epoch=0, mixup=alpha)
        shares = soft.diagonal().numpy()
        assert abs(shares.mean() - 0.5) < 0.03
        # P(share < 0.25 or > 0.75), from the distribution function of Beta(alpha, alpha).
        assert abs(np.mean(abs(shares - 0.5) > 0.25) - outside) < 0.03


def test_each_epoch_and_seed_mixes_anew() -> None:
    images, targets, rows = shades(8)
    found = [
        mixed(images, targets, rows=rows, seed=seed, epoch=epoch, mixup=0.5)[1]
        for seed, epoch in ((0, 0), (0, 1), (1, 0))
    ]
    again = mixed(images, targets, rows=rows, seed=0, epoch=0, mixup=0.5)[1]
    assert torch.equal(found[0], again)
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_both_by_a_coin() -> None:
    images, targets, rows = shades(12)
    whole = 0
    for epoch in range(40):
        found, _ = mixed(images, targets, rows=rows, seed=0, epoch=epoch, mixup=1.0, cutmix=1.0)
        whole += sum(len(photo.unique()) == 1 for photo in found)
    # A mixed-up photo has one shade; one with a rectangle two, unless the rectangle is empty.
    assert 0.45 < whole / 480 < 0.62


def augmented(setup: Setup, options: Options, epoch: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    batch = next(iter(setup.loader(setup.data.train, shuffle=True)))
    return *setup.augmented(batch, epoch, options=options), batch.targets


def test_the_loss_is_the_mixture_of_two_losses(linear: Make, make_setup: MakeSetup) -> None:
    """Zhang et al.: the loss of a mixed target is the mixture of the losses of the two targets."""
    setup = make_setup(linear())
    inputs, soft, _ = augmented(setup, Options(mixup=0.4))
    outputs = setup.model(inputs)
    by_hand = -(soft * outputs.log_softmax(dim=1)).sum(dim=1).mean()
    assert torch.isclose(setup.objective.loss_fn(outputs, soft), by_hand)
    assert soft.shape == outputs.shape


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing_is_torchs_own(linear: Make, make_setup: MakeSetup, smoothing: float) -> None:
    setup = make_setup(linear())
    inputs, soft, labels = augmented(setup, Options(label_smoothing=smoothing))
    plain, _, _ = augmented(setup, Options())
    assert torch.equal(inputs, plain)
    outputs = setup.model(inputs)
    expected = F.cross_entropy(outputs, labels, label_smoothing=smoothing)
    assert torch.isclose(setup.objective.loss_fn(outputs, soft), expected)


def tagged() -> hw.Data:
    draw = np.random.default_rng(0)
    photos = list(draw.integers(0, 256, (40, 16, 16), dtype=np.uint8))
    columns = {"photo": photos, "tags": ["a b", "a", "b c", ""] * 10, "size": np.linspace(3, 9, 40)}
    return hw.from_items(columns, input=hw.Image("photo", size=16, channels=1), target=hw.Categories("tags", sep=" "))


def quiet(data: hw.Data) -> Setup:
    model = nn.Sequential(nn.Flatten(), nn.Linear(256, data.target.num_outputs))
    return hw.Learner(data, model, progress=False, device="cpu", precision="float32").setup


def test_labels_are_smoothed_each_on_its_own() -> None:
    _, soft, labels = augmented(quiet(tagged()), Options(label_smoothing=0.2))
    assert torch.allclose(soft, labels * 0.8 + 0.1)


def test_labels_and_numbers_are_mixed() -> None:
    data = tagged()
    _, soft, labels = augmented(quiet(data), Options(mixup=0.4))
    assert soft.shape == labels.shape
    assert ((soft > 0) & (soft < 1)).any()
    numbers = hw.from_items(data.items.select("photo", "size"), input=data.input, target=hw.Number("size"))
    setup = quiet(numbers)
    inputs, mixture, plain = augmented(setup, Options(mixup=0.4))
    assert not torch.equal(mixture, plain)
    assert plain.min() <= mixture.min() <= mixture.max() <= plain.max()
    assert torch.isfinite(setup.objective.loss_fn(setup.model(inputs), mixture))


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"mixup": 1.0}, {"cutmix": 1.0}, {"label_smoothing": 0.3}])
def test_a_network_becomes_less_sure_of_itself(linear: Make, make_setup: MakeSetup, options: dict[str, Any]) -> None:
    """The effect that the three papers report, on the photos that it was trained on."""
    sure = []
    for each in ({}, options):
        setup = make_setup(linear(), augment=Augment.none())
        fit(setup, Plan(epochs=12, lr=1e-2, options=Options(**each)), History())
        sure.append(setup.predict(setup.data.train).probabilities.max(axis=1).mean())
    assert 1 - sure[1] > 3 * (1 - sure[0])

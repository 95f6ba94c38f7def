"""Training on masks: the loss of pixels, masks that follow their photos, what is kept, and a run that goes on."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image as PILImage
from torch import nn

import headway as hw
from headway.errors import DataError, ShapeError
from headway.runs.run import open_run

FIELD = hw.Mask("mask", classes=["out", "in"])


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Twenty photos of light discs, and their masks."""
    folder, draw, rows = tmp_path_factory.mktemp("discs"), np.random.default_rng(0), []
    down, across = np.mgrid[:32, :32]
    for number in range(20):
        y, x = draw.integers(12, 20, size=2)
        disc = np.hypot(down - y, across - x) < draw.integers(8, 13)
        pixels = np.where(disc[..., None], 200, 60) + draw.integers(-30, 30, size=(32, 32, 3))
        for kind, array in (("jpg", pixels), ("png", disc)):
            PILImage.fromarray(array.astype(np.uint8)).save(folder / f"{number}.{kind}")
        rows.append((str(folder / f"{number}.jpg"), str(folder / f"{number}.png")))
    return pl.DataFrame(rows, schema=["photo", "mask"], orient="row")


@pytest.fixture
def data(discs: pl.DataFrame) -> hw.Data:
    return hw.from_items(discs, input=hw.Image("photo", size=32), target=FIELD)


def small_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 1))


def learner(data: hw.Data, model: nn.Module | None = None, **options: object) -> hw.Learner:
    settings = {"progress": False, "batch_size": 4, "precision": "float32"}
    return hw.Learner(data, model or small_model(), **{**settings, **options})  # pyright: ignore[reportArgumentType]


def test_pixels_without_a_label_are_left_out_of_the_loss() -> None:
    found, outputs = FIELD.objective(), torch.randn(3, 2, 4, 5)
    targets = torch.randint(0, 2, (3, 4, 5), dtype=torch.uint8)
    targets[0, :2], targets[2] = 255, 255
    losses = -outputs.log_softmax(dim=1).gather(1, targets.clamp(max=1).long()[:, None])[:, 0]
    expected = torch.stack([losses[0, 2:].mean(), losses[1].mean(), torch.tensor(0.0)])
    assert torch.allclose(found.item_losses(outputs, targets), expected)
    assert found.loss_fn(outputs, targets).item() == pytest.approx(expected.mean().item())
    outputs.requires_grad_()
    found.loss_fn(outputs, targets).backward()
    assert outputs.grad is not None
    assert (outputs.grad[2] == 0).all()
    assert (outputs.grad[0, :, :2] == 0).all()


def test_answers_are_kept_as_classes() -> None:
    found, outputs = FIELD.objective(), torch.randn(3, 2, 4, 5)
    kept = found.keep(found.activate(outputs))
    assert kept.dtype == torch.uint8
    assert (kept == outputs.argmax(dim=1)).all()


@pytest.mark.parametrize("crop", [1.0, 0.75])
def test_masks_follow_their_photos(crop: float) -> None:
    """A photo that shows its own mask in black and white is, once augmented, still like it."""
    draw = np.random.default_rng(1)
    masks = np.zeros((6, 48, 48), np.uint8)
    for place, mask in enumerate(masks):
        top, left = draw.integers(4, 20, size=2)
        mask[top : top + 20, left : left + 14 + 2 * place] = 1
    photos = torch.from_numpy(255 * masks)[:, None].repeat(1, 3, 1, 1)
    augment, size = hw.Augment(light=0, warp=0.3, rotate=40, shift=0.1), round(48 * crop)
    drawn = {"rows": np.arange(6), "size": size, "seed": 3, "epoch": 2}
    seen = augment(photos, **drawn)
    found = augment.follow(torch.from_numpy(masks), FIELD, side=48, **drawn)
    assert found.dtype == torch.uint8
    assert found.shape == (6, size, size)
    clear = (seen[:, 0] < 30) | (seen[:, 0] > 225)
    assert clear.float().mean() > 0.8
    assert ((seen[:, 0] > 127) == found.bool())[clear].all()
    assert not torch.equal(found, torch.from_numpy(masks)[:, :size, :size])


def test_without_augmentation_they_are_what_validation_sees(data: hw.Data) -> None:
    masks = torch.from_numpy(data.train.placed)
    drawn = {"rows": data.train.rows, "size": 32, "seed": 0, "epoch": 0}
    assert torch.equal(hw.Augment.none().follow(masks, FIELD, side=32, **drawn), masks)


@pytest.mark.slow
def test_a_small_model_learns_discs(data: hw.Data) -> None:
    trained = learner(data)
    trained.fit(12, lr=0.05)
    losses = [epoch.valid_loss for epoch in trained.history]
    assert losses[-1] < losses[0] / 2
    found = trained.predictions()
    assert found.predictions.dtype == np.uint8
    assert found.predictions.shape == found.targets.shape == (4, 32, 32)
    assert found.losses.mean() == pytest.approx(losses[-1], abs=1e-5)
    assert trained.evaluate()["mean_iou"].value > 0.85
    assert trained.history.epochs[-1].metrics["mean_iou"] == pytest.approx(trained.evaluate()["mean_iou"].value)


def test_a_model_must_answer_for_each_pixel(data: hw.Data) -> None:
    for model in (nn.Conv2d(3, 3, 1), nn.Conv2d(3, 2, 3), nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))):
        with pytest.raises(ShapeError, match="The model must give 2 numbers for each item"):
            learner(data, model)


@pytest.mark.slow
def test_a_unet_freezes_the_statistics_of_its_body_alone(data: hw.Data) -> None:
    unet = hw.Learner(data, progress=False, batch_size=8, precision="float32")
    assert not unet.two_stages
    body, head = (unet.model.get_submodule(name) for name in ("body", "head"))

    def statistics(module: nn.Module) -> list[torch.Tensor]:
        return [value.clone() for name, value in module.named_buffers() if name.endswith("running_mean")]

    before = statistics(body), statistics(head)
    weights = [each.detach().clone() for each in body.parameters()]
    unet.fine_tune(1)
    assert all(map(torch.equal, statistics(body), before[0]))
    assert not any(map(torch.equal, statistics(head), before[1]))
    assert not all(map(torch.equal, body.parameters(), weights))
    assert [epoch.stage for epoch in unet.history] == ["all"]


def test_a_run_whose_masks_have_changed_does_not_go_on(discs: pl.DataFrame, tmp_path: Path) -> None:
    files = [tmp_path / Path(file).name for file in discs["mask"]]
    for source, file in zip(discs["mask"], files, strict=True):
        file.write_bytes(Path(source).read_bytes())
    items = discs.with_columns(mask=pl.Series(map(str, files)))
    learner(hw.from_items(items, input=hw.Image("photo", size=32), target=FIELD), run=tmp_path / "run").fit(1)
    file = io.BytesIO()
    PILImage.new("L", (32, 32), 1).save(file, "PNG")
    files[3].write_bytes(file.getvalue())
    with pytest.raises(DataError) as caught:
        open_run(tmp_path / "run").data()
    assert str(caught.value) == (
        "Files of the run's answers have changed since it began, so it would not end the same.\n"
        "  Given: column 'mask'\n"
        "  Fix:   Put them back; if they have moved, pass --data FOLDER (data=); to take them as they are now, "
        "--accept-changes (accept_changes=True)."
    )
    assert len(open_run(tmp_path / "run").data(accept_changes=True).items) == 20
    # The photos lie in another folder than the masks; of a run both may have moved, one below the other.
    assert open_run(tmp_path / "run").data().items["mask"].to_list() == items["mask"].to_list()

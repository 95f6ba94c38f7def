"""A run on photos as code: each layer trains to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from PIL import Image as PILImage
from typer.testing import CliRunner

import headway as hw
from headway.cli import app
from headway.inputs.image.peel import parts
from headway.peel.method import _table
from tests.unit.peel.running import output_of, same_bits

LAYERS: list[Any] = ["method", "loop", "torch"]
DIGITS = hw.Augment(flip=False, crop=1, stretch=1, rotate=15, shift=0.1, warp=0.15, light=0)


@pytest.fixture(scope="module")
def from_scratch(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> hw.Learner:
    """A run on digits."""
    data = hw.from_folder(digits, input=hw.Image("file", size=28, channels=1))
    run = tmp_path_factory.mktemp("runs") / "digits"
    learner = hw.Learner(data, "small_resnet", run=run, augment=DIGITS, precision="float32", progress=False)
    learner.fine_tune(epochs=1)
    return learner


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_photos_from_scratch(layer: str, from_scratch: hw.Learner, tmp_path: Path) -> None:
    assert same_bits(from_scratch, layer, tmp_path)


@pytest.mark.long
@pytest.mark.slow
def test_a_fresh_process_without_headway_comes_to_the_same_bits(from_scratch: hw.Learner, tmp_path: Path) -> None:
    assert same_bits(from_scratch, "torch", tmp_path, fresh=True)


@pytest.mark.slow
def test_the_command(from_scratch: hw.Learner, tmp_path: Path) -> None:
    assert from_scratch.run is not None
    file, run = tmp_path / "digits.py", str(from_scratch.run.path)
    done = CliRunner().invoke(app, ["peel", run, "--output", str(file)], catch_exceptions=False)
    assert done.stdout.startswith(f"{file}, ")
    assert done.stdout.endswith(f" lines; it reads {file.with_suffix('.parquet')}\n")
    first, second = (line.split()[1] for line in output_of(file).splitlines()[-2:])
    assert first == second
    printed = CliRunner().invoke(app, ["peel", run, "--layer", "method"], catch_exceptions=False).stdout
    assert "learner.fine_tune(epochs=1, " in printed
    page = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["peel", run, "--diff", "--output", str(page)], catch_exceptions=False)
    assert done.stdout == f"{page}\n"
    assert "<title>digits: method and loop</title>" in page.read_text()
    (tmp_path / "file").write_text("")
    with pytest.raises(hw.ConfigError) as raised:
        CliRunner().invoke(
            app, ["peel", run, "--diff", "--output", str(tmp_path / "file" / "x")], catch_exceptions=False
        )
    given = f"{tmp_path / 'file' / 'x'} (File exists)"
    assert str(raised.value) == f"The page cannot be written.\n  Given: {given}\n  Fix:   Name another file."


@pytest.mark.slow
def test_the_command_wants_a_finished_run(from_scratch: hw.Learner, tmp_path: Path) -> None:
    learner = hw.Learner(from_scratch.data, "small_resnet", run=tmp_path / "run", progress=False)
    assert learner.run is not None
    with pytest.raises(hw.RunError) as raised:
        CliRunner().invoke(app, ["peel", str(learner.run.path)], catch_exceptions=False)
    assert str(raised.value) == (
        f"The run is not finished.\n  Given: {learner.run.path}\n"
        f"  Fix:   Resume it first: headway resume {learner.run.path}"
    )


def photos(folder: Path, *, count: int = 12) -> Path:
    """Two classes of photos of all kinds: turned, grey, see-through, long and high."""
    draw = np.random.default_rng(0)
    for label, level in (("dark", 60), ("light", 170)):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            size = ((48, 32), (30, 90), (32, 32))[number % 3]
            pixels = np.clip(level + draw.normal(0, 50, (*size, 4)), 0, 255).astype(np.uint8)
            photo = PILImage.fromarray(pixels).convert(("RGB", "L", "RGBA")[number % 3])
            exif = PILImage.Exif()
            exif[274] = 1 + number % 8
            if photo.mode == "RGBA":
                photo.save(folder / label / f"{number}.png")
            else:
                photo.save(folder / label / f"{number}.jpg", exif=exif)
    return folder


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., hw.Learner]:
    """Trains on photos; each layer is compared with one and the same run, which nothing may change."""
    folder = photos(tmp_path_factory.mktemp("photos") / "photos")

    @cache
    def trained(input: hw.Image, arch: str, *, epochs: int, precision: Any = "float32", **options: Any) -> hw.Learner:
        data = hw.from_folder(folder, input=input)
        learner = hw.Learner(data, arch, precision=precision, batch_size=8, progress=False, **options)
        with pytest.MonkeyPatch.context() as patch:
            if precision == "bfloat16":
                # Whatever is tried of the head and of mirror images is kept.
                patch.setattr("headway.train.stage_one.WORTH_LOOKING", 100.0)
            learner.fine_tune(epochs=epochs)
        return learner

    return trained


@pytest.mark.slow
@pytest.mark.parametrize(
    ("epochs", "precision", "layer"),
    [
        *((2, "float32", layer) for layer in LAYERS),
        (2, "bfloat16", "loop"),
        (2, "bfloat16", "torch"),
        (0, "float32", "torch"),
    ],
)
def test_pretrained_photos(
    epochs: int, precision: str, layer: str, make: Callable[..., hw.Learner], tmp_path: Path
) -> None:
    learner = make(hw.Image("file", size=32), "efficientnet_lite0", epochs=epochs, precision=precision)
    assert same_bits(learner, layer, tmp_path)
    if layer == "torch":
        # What a reader takes in at one sitting.
        lines = {name: len(learner.peel(layer=name).text.splitlines()) for name in LAYERS}
        # Mirror images are told in six lines more, where they are looked at, and so is a head that is held back.
        body, head = (cast("Any", learner.model.get_submodule(name)) for name in ("body", "head"))
        is_held_back = getattr(head, "held_back", None) is not None
        assert lines["torch"] <= 502 + 6 * body.is_mirrored + 6 * is_held_back
        assert is_held_back or precision != "bfloat16" or not epochs
        assert lines["method"] + lines["loop"] <= 150


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS[1:])
def test_a_precision_that_the_run_chose(layer: str, make: Callable[..., hw.Learner], tmp_path: Path) -> None:
    """Its stages may differ in it."""
    learner = make(hw.Image("file", size=32), "efficientnet_lite0", epochs=1, precision="auto")
    assert same_bits(learner, layer, tmp_path)


@pytest.mark.slow
def test_other_forms_of_photos(make: Callable[..., hw.Learner], tmp_path: Path) -> None:
    """A canvas that is larger than the crop, grey, another network, no augmentation."""
    input = hw.Image("file", size=32, channels=1, crop=0.8, squeeze=1)
    for number, augment in enumerate((hw.Augment.none(), hw.Augment(flip_vertical=True))):
        learner = make(input, "test_resnet", epochs=1, pretrained=False, augment=augment)
        (tmp_path / str(number)).mkdir()
        assert same_bits(learner, "torch", tmp_path / str(number))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"mixup": 0.4, "cutmix": 1.0, "label_smoothing": 0.1}, {"dropout": 0.3}],
)
def test_options_of_photos(options: dict[str, float], from_scratch: hw.Learner, tmp_path: Path) -> None:
    learner = hw.Learner(from_scratch.data, "small_resnet", precision="float32", progress=False)
    learner.fit(1, **options)
    for layer in LAYERS[1:]:
        assert same_bits(learner, layer, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("target", [hw.Number("value"), hw.Number("value", low=0), hw.Categories("tags")])
def test_what_photos_are_learned_for_changes_nothing_of_how_they_are_read(
    target: Any, from_scratch: hw.Learner, tmp_path: Path
) -> None:
    """Each section of a file has names of its own, whichever kinds come together."""
    items = from_scratch.data.items
    columns = items.select("file", value=items["label"].cast(float), tags=items["label"].str.replace("^", "a|"))
    data = hw.from_items(columns, input=hw.Image("file", size=28, channels=1), target=target)
    learner = hw.Learner(data, "small_resnet", precision="float32", progress=False)
    learner.fit(1)
    assert same_bits(learner, "torch", tmp_path)


@pytest.mark.slow
def test_frozen_layers_and_several_calls(make: Callable[..., hw.Learner], tmp_path: Path) -> None:
    learner = make(hw.Image("file", size=16), "test_resnet", epochs=1, pretrained=False, two_stages=True)
    learner.freeze(2)
    learner.fit(1, lr=1e-3)
    learner.load_weights(learner.save_weights(tmp_path / "weights.safetensors"))
    learner.unfreeze()
    learner.fine_tune(epochs=1, ema=0.9)
    for layer in LAYERS:
        assert same_bits(learner, layer, tmp_path)


def test_photos_in_memory_have_no_file() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 16), dtype=np.uint8)
    learner = hw.Learner(hw.from_arrays(pixels, [0, 1] * 12), progress=False)
    learner.fine_tune(epochs=1)
    with pytest.raises(hw.ConfigError) as raised:
        learner.peel(layer="torch")
    assert str(raised.value) == (
        "This run cannot be written as the layer 'torch'.\n  Given: its items lie in memory, not in files\n"
        "  Fix:   Write them to files, and train from these."
    )


def test_photos_at_addresses_are_read_by_headway_alone(from_scratch: hw.Learner) -> None:
    data = from_scratch.data
    there = [f"https://example.org/{number}.png" for number in range(len(data.items))]
    remote = replace(data, items=data.items.with_columns(file=pl.Series(there)))
    assert _table(remote)["file"].to_list() == there
    with pytest.raises(hw.ConfigError) as raised:
        parts(remote.input, cast("Any", SimpleNamespace(setup=SimpleNamespace(data=remote))))
    assert str(raised.value) == (
        "This run cannot be written as the layer 'torch'.\n"
        "  Given: its pictures lie at addresses, which Pillow does not read\n"
        '  Fix:   Pass layer="method", or "loop" where that can be written.'
    )

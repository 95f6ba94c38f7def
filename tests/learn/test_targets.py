"""Photos with several labels, a number or points each: learned from real data, and points answered without torch.

The pets are 96 photos whose heads have a box each, of 192 in all.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.data.dataset import Data
from headway.targets.base import Target

SharedData = Callable[[str], Path]

SIZE = 96
BREEDS = {"Abyssinian": "cat", "Bengal": "cat", "american_bulldog": "dog"}

TARGETS: Mapping[str, Target] = {
    "categories": hw.Categories("tags"),
    "number": hw.Number("width", low=0, high=1),
    "points": hw.Points("corners", swap=[(0, 1), (2, 3)]),
}

SIMPLEST = {
    "multilabel": "label frequencies",
    "regression": "median",
    "points": "mean position",
}


@pytest.fixture(scope="module")
def pets(shared_data: SharedData) -> pl.DataFrame:
    """A row a photo: its file, its labels, and where its head is."""
    folder = shared_data("oxford_pets")
    rows = []
    for file in sorted((folder / "xmls").iterdir()):
        root = ElementTree.parse(file).getroot()
        width = int(root.findtext("size/width", ""))
        names = ("xmin", "ymin", "xmax", "ymax")
        left, top, right, bottom = (int(root.findtext(f"object/bndbox/{name}", "")) for name in names)
        breed = re.sub(r"_\d+$", "", file.stem)
        rows.append(
            {
                "file": str(folder / "images" / f"{file.stem}.jpg"),
                "tags": f"{BREEDS[breed]} {breed}",
                "width": (right - left) / width,
                "corners": f"{left} {top} {right} {top} {left} {bottom} {right} {bottom}",
                "left": left,
                "top": top,
                "right": right,
                "bottom": bottom,
            }
        )
    return pl.DataFrame(rows)


def data_of(pets: pl.DataFrame, kind: str) -> Data:
    return hw.from_items(pets, input=hw.Image("file", size=SIZE), target=TARGETS[kind])


def answers_without_torch(bundle: Path, files: list[str]) -> list[dict[str, Any]]:
    """What `predict_many` says in a process that has no torch to import."""
    code = (
        "import json, sys\n"
        "sys.modules['torch'] = None\n"
        "import headway as hw\n"
        f"found = hw.load({str(bundle)!r}).predict_many({files!r})\n"
        "print(json.dumps([each.to_json() for each in found]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("kind", TARGETS)
def test_a_model_beats_the_simplest_and_goes_on_as_it_was(kind: str, pets: pl.DataFrame, tmp_path: Path) -> None:
    data = data_of(pets, kind)
    learner = hw.Learner(data, run=tmp_path / kind, precision="float32", device="cpu", progress=False)
    # The head alone for most; every layer for one kind that must move with the picture and one that need not.
    learner.fine_tune(1 if kind in ("points", "number") else 0)
    report = learner.report()
    facts = report.to_json()
    assert facts["task"] == data.target.task

    # Better by far than what needs no photo.
    (main,) = learner.setup.metrics
    reached = facts["parts"]["valid"]["metrics"][main]["value"]
    simple = {each["name"]: each["metrics"]["valid"][main]["value"] for each in facts["baselines"]}
    guess = simple[SIMPLEST[data.target.task]]
    assert len(simple) >= 3
    assert reached > guess + 0.4 if kind == "categories" else reached < 0.85 * guess

    ours = learner.predictions().predictions
    if kind == "points":
        # In the photo's own pixels; what every kind's bundle answers, tests/contract/ asks.
        bundle = learner.export(tmp_path / "pets.headway", report=report)
        files = data.valid.items["file"].to_list()
        for file, theirs, scores in zip(files, answers_without_torch(bundle, files), ours, strict=True):
            target = learner.data.target
            expected = target.to_item(target.decode(scores), data.input.geometry(file))
            np.testing.assert_allclose(theirs["value"], expected.value, atol=0.5, rtol=1e-3)

    # The run is finished: going on changes nothing, and what was chosen on training rows comes out the same.
    again = hw.Learner.resume(tmp_path / kind)
    assert again.data.target == learner.data.target
    np.testing.assert_array_equal(again.predictions().predictions, ours)


@pytest.mark.slow
def test_thresholds_are_chosen_on_training_rows_and_kept(pets: pl.DataFrame) -> None:
    learner = hw.Learner(data_of(pets, "categories"), precision="float32", device="cpu", progress=False)
    learner.fine_tune(0)
    target = learner.data.target
    assert isinstance(target, hw.Categories)
    assert learner.features is not None
    assert learner.features.held_out is not None
    assert target == hw.Categories("tags", labels=target.labels, sep=target.sep).fit_answers(
        learner.features.held_out, learner.data.train.targets
    )
    assert all(0 < each < 1 for each in target.thresholds)


@pytest.mark.slow
def test_a_small_network_learns_points_from_nothing() -> None:
    """Where a bright square is, which is drawn anywhere: only a model that follows the augmentation can tell."""
    draw = np.random.default_rng(0)
    places = draw.uniform(8, 40, (240, 2))
    photos = np.zeros((240, 48, 48, 3), dtype=np.uint8)
    for photo, (x, y) in zip(photos, places, strict=True):
        photo += draw.integers(0, 90, photo.shape, dtype=np.uint8)
        photo[round(y) - 4 : round(y) + 4, round(x) - 4 : round(x) + 4] = 250
    frame = {"file": list(photos), "x": places[:, 0], "y": places[:, 1]}
    data = hw.from_items(frame, input=hw.Image("file", size=48), target=hw.Points(columns=["x", "y"], swap=[]))
    learner = hw.Learner(data, "small_resnet", precision="float32", device="cpu", progress=False)
    assert learner.setup.training_view.augment.flip
    learner.fine_tune(12)
    away = np.linalg.norm(places - places.mean(axis=0), axis=1).mean()
    assert learner.evaluate()["error_pixels"].value < 0.75 * away

"""Real photos of pets and which of their pixels are pet: from the files to masks without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import headway as hw
from headway.targets.mask.metrics import check_masks, pixel_scores

SharedData = Callable[[str], Path]

WITHOUT_TORCH = """
import json, sys
sys.modules["torch"] = None
import headway as hw
import numpy as np
predictor = hw.load(sys.argv[1])
found = list(predictor.predict_many(sys.argv[3:]))
np.savez(sys.argv[2], *[each.value for each in found])
print(json.dumps([each.probabilities for each in found]))
"""


def pets_table(folder: Path) -> pl.DataFrame:
    """Every third photo with its trimap; by the number in its name a fifth is for test and a fifth for valid."""
    photos = sorted((folder / "images").glob("*.jpg"))[::3]
    parts = ("test", "valid", "train", "train", "train")
    rows = [
        (str(photo), str(folder / "trimaps" / f"{photo.stem}.png"), parts[int(photo.stem.rsplit("_", 1)[1]) % 5])
        for photo in photos
    ]
    return pl.DataFrame(rows, schema=["photo", "trimap", "split"], orient="row")


@pytest.mark.long
@pytest.mark.slow
def test_pets(shared_data: SharedData, tmp_path: Path) -> None:
    items = pets_table(shared_data("oxford_pets"))
    field = hw.Mask("trimap", classes={1: "pet", 2: "background"}, ignore=3)
    data = hw.from_items(items, input=hw.Image("photo", size=96), target=field, split=hw.ColumnSplit("split"))
    learner = hw.Learner(data, precision="float32", progress=False, run=tmp_path / "run")
    learner.fine_tune(epochs=20)

    found = learner.predictions("valid")
    main = learner.evaluate("valid")["mean_iou"]
    assert main.value > 0.7
    report = learner.report()
    assert report.verdict.kind == "better"
    baselines = {row.name: row.metrics["valid"]["mean_iou"].value for row in report.baselines}
    assert set(baselines) == {"majority class", "commonest class at each place"}
    assert max(baselines.values()) < main.low
    pet, background = pixel_scores(*check_masks(found.predictions, found.targets), labels=data.target.labels)
    assert pet.label == "pet"
    assert min(pet.scores["iou"].value, background.scores["iou"].value) > 0.5

    bundle = learner.export(tmp_path / "pets.headway", report=report)
    predictor = hw.load(bundle)
    images = data.input.view(data.valid.canvases(range(8)))
    assert (predictor.outputs(images).argmax(axis=1) == found.predictions[:8]).mean() > 0.9999

    files = data.valid.items["photo"].to_list()[:8]
    command = [sys.executable, "-c", WITHOUT_TORCH, str(bundle), str(tmp_path / "found.npz"), *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shares = json.loads(done.stdout)
    with np.load(tmp_path / "found.npz") as masks:
        for place, (file, name) in enumerate(zip(files, masks.files, strict=True)):
            here = predictor.predict(file)
            assert (here.value == masks[name]).all()
            assert shares[place] == here.probabilities
            # As large as the photo, and still right there.
            truth = field.encode([data.valid.items["trimap"][place]])[0]
            assert here.value.shape == truth.shape
    value = predictor.predict(files[0]).value
    assert (field.encode([field.to_png(value)])[0] == value).all()

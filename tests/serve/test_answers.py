"""Answers that are no single class, as a program sees them: numbers, several labels, points and masks of photos."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from tests.serve.bundles import make
from tests.serve.server import Running, form, picture, running

KINDS = ("number", "labels", "points", "mask")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return {kind: make(kind, folder) for kind in KINDS}


@pytest.fixture(scope="module")
def servers(bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    logs = tmp_path_factory.mktemp("logs")
    with (
        running("--log", logs / "number", bundle=bundles["number"]) as number,
        running("--log", logs / "labels", bundle=bundles["labels"]) as labels,
        running("--log", logs / "points", bundle=bundles["points"]) as points,
        running("--log", logs / "mask", bundle=bundles["mask"]) as mask,
    ):
        yield dict(zip(KINDS, (number, labels, points, mask), strict=True))


def test_a_number_has_no_score(servers: dict[str, Running]) -> None:
    answer = servers["number"].predict(picture("red")).json
    assert answer == {
        "label": "100",
        "score": None,
        "probabilities": {},
        "value": pytest.approx(100, abs=0.1),
        "familiar": None,
        "seconds": answer["seconds"],
    }
    facts = servers["number"].ask("GET", "/model").json
    assert (facts["target"], facts["labels"], facts["metrics"]["valid"]["mae"]["value"]) == ("redness", [], 3.2)


def test_there_may_be_several_labels_or_none(servers: dict[str, Running]) -> None:
    answers = {colour: servers["labels"].predict(picture(colour)).json for colour in ("red", "yellow", "black")}
    assert answers["red"]["value"] == ["red"]
    assert sorted(answers["yellow"]["value"]) == ["green", "red"]
    assert answers["black"]["value"] == []
    assert all(set(each["probabilities"]) == {"red", "green", "blue"} for each in answers.values())


def test_points_are_in_the_pictures_own_pixels(servers: dict[str, Running]) -> None:
    # The model sees the middle 250 x 200 of it, and finds its points at a quarter, and at three quarters and the half.
    assert servers["points"].predict(picture("red", (300, 200))).json["value"] == [[87.5, 50.0], [212.5, 100.0]]
    turned = PILImage.Exif()
    turned[0x0112] = 6
    jpeg = picture("red", (200, 300), kind="JPEG", exif=turned)
    assert servers["points"].predict(jpeg, "image/jpeg").json["value"] == [[87.5, 50.0], [212.5, 100.0]]


def test_a_mask_is_a_picture_to_whom_wants_one(servers: dict[str, Running]) -> None:
    answer = servers["mask"].predict(picture("red", (60, 40)))
    assert answer.json["label"] == "red"
    assert answer.json["probabilities"] == {"red": 1.0, "rest": 0.0}
    assert "value" not in answer.json
    drawn = servers["mask"].predict(picture("red", (60, 40)), accept="image/png")
    assert drawn.headers["content-type"] == "image/png"
    mask = PILImage.open(io.BytesIO(drawn.body))
    assert (mask.mode, mask.size) == ("P", (60, 40))
    # What lies outside of what the model saw has no class.
    found = np.asarray(mask)
    assert (found[:, 10:50] == 1).all()
    assert (found[:, :4] > 1).all()
    both = servers["mask"].ask("POST", "/predict?mask=png", picture("red", (60, 40)), content_type="image/png")
    assert base64.b64decode(both.json["mask"]) == drawn.body
    assert {**both.json, "seconds": 0} == {**answer.json, "seconds": 0, "mask": both.json["mask"]}
    body, content_type = form(("file", "a.png", "image/png", picture("red")), ("file", "b.png", "image/png", b"broken"))
    several = servers["mask"].ask("POST", "/predict?mask=png", body, content_type=content_type)
    assert ["mask" in each for each in several.json["predictions"]] == [True, False]
    assert servers["mask"].predict(b"broken", accept="image/png").kind == "unreadable"
    assert set(servers["mask"].ask("GET", "/model").json["colours"]) == {"rest", "red"}


@pytest.mark.parametrize("kind", KINDS)
def test_several_pictures_are_answered_alike(servers: dict[str, Running], kind: str) -> None:
    parts = [("file", f"{colour}.png", "image/png", picture(colour)) for colour in ("red", "blue")]
    found = servers[kind].predict(*form(*parts)).json["predictions"]
    for (_, name, _, data), answer in zip(parts, found, strict=True):
        alone = servers[kind].predict(data).json
        assert answer == {"file": name, **alone, "seconds": answer["seconds"]}


def test_counters_do_not_grow_with_the_numbers(servers: dict[str, Running]) -> None:
    for kind in KINDS:
        for red in range(0, 256, 25):
            servers[kind].predict(picture(f"#{red:02x}0000"))
    text = {kind: servers[kind].ask("GET", "/metrics").body.decode() for kind in KINDS}
    names = {
        kind: {line.split('"')[1] for line in text[kind].splitlines() if line.startswith("headway_labels_total")}
        for kind in KINDS
    }
    assert names["number"] == {"number"}
    assert names["points"] == {"points"}
    assert names["mask"] == {"mask"}
    assert names["labels"] <= {"red", "green", "blue", "no label"}


def test_the_log_has_what_drift_compares(bundles: dict[str, Path], tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from headway.cli import app

    wanted = {"number": {"number"}, "labels": {"labels"}, "points": {"x", "y"}, "mask": {"shares"}}
    for kind in KINDS:
        with running("--log", tmp_path / kind, bundle=bundles[kind]) as server:
            body, content_type = form(*[("file", "a.png", "image/png", picture("red"))] * 40)
            server.predict(body, content_type)
        lines = [json.loads(line) for line in (tmp_path / kind / "predictions.jsonl").read_text().splitlines()]
        assert all(wanted[kind] < set(line) for line in lines)
        done = CliRunner().invoke(app, ["drift", str(bundles[kind]), str(tmp_path / kind), "--json"])
        assert done.exit_code == 0, done.output
        found = json.loads(done.output)
        assert found["items"] == 40
        names = {shift["name"] for shift in found["shifts"]}
        assert names == ({"share of rest", "share of red"} if kind == "mask" else wanted[kind])
        # The reference was drawn at random, and all of these were red.
        assert found["moved"]


def test_openapi_allows_what_is_answered(servers: dict[str, Running]) -> None:
    described = servers["mask"].ask("GET", "/openapi.json").json["paths"]["/predict"]["post"]
    assert set(described["responses"]["200"]["content"]) == {"application/json", "image/png"}
    assert "Accept: image/png" in described["description"]
    fields = servers["number"].ask("GET", "/openapi.json").json["components"]["schemas"]["Predicted"]["properties"]
    assert {each.get("type") for each in fields["score"]["anyOf"]} == {"number", "null"}

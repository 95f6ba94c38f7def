from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from headway.bundle.format import pack_check, read_bundle, unpack_check, write_bundle
from headway.bundle.predictor import Predictor, load
from headway.errors import ConfigError, ReadError, ShapeError

GOLDEN = Path(__file__).parents[2] / "bundles" / "v1.headway"
COLOURS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250)}


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return load(GOLDEN)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Nine photos of one colour: red, green, blue, red ..."""
    folder = tmp_path_factory.mktemp("photos")
    paths = []
    for number in range(9):
        paths.append(folder / f"{number}.png")
        PILImage.new("RGB", (20, 10 + number), list(COLOURS.values())[number % 3]).save(paths[-1])
    return paths


def test_it_opens_and_tells_what_it_is(predictor: Predictor) -> None:
    assert predictor.labels == ("red", "green", "blue")
    assert predictor.manifest["arch"] == "mean colour"
    assert predictor.input.column == "file"
    assert "manifest" not in repr(predictor)


def test_an_item_may_be_a_path_bytes_a_file_an_array_or_an_image(predictor: Predictor, photos: list[Path]) -> None:
    image = PILImage.open(photos[1])
    data = photos[1].read_bytes()
    answers = [predictor.predict(item) for item in (photos[1], str(photos[1]), data, io.BytesIO(data), image)]
    answers.append(predictor.predict(np.asarray(image)))
    assert {answer.label for answer in answers} == {"green"}
    assert len({answer.score for answer in answers}) == 1
    assert list(answers[0].probabilities) == ["green", "red", "blue"]
    assert sum(answers[0].probabilities.values()) == pytest.approx(1)
    assert answers[0].score == answers[0].probabilities["green"] > 0.9


def test_an_unreadable_item_is_named(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"^nowhere\.jpg: no such file$"):
        predictor.predict("nowhere.jpg")
    with pytest.raises(ReadError, match=r"^bytes: empty: 0 bytes$"):
        predictor.predict(b"")
    with pytest.raises(ReadError, match=r"^'\\ud800 \\x1b\[2J': "):
        predictor.predict("\ud800 \x1b[2J")
    with pytest.raises(ReadError) as error:
        predictor.predict("a" * 100_000)
    assert str(error.value).startswith("'" + "a" * 300 + "': ")


@pytest.mark.parametrize("batch_size", [1, 2, 4, 9, 32])
def test_many_are_answered_in_their_order(predictor: Predictor, photos: list[Path], batch_size: int) -> None:
    answers = list(predictor.predict_many(photos, batch_size=batch_size))
    assert [answer.label for answer in answers] == ["red", "green", "blue"] * 3
    for answer, photo in zip(answers, photos, strict=True):
        assert answer.score == pytest.approx(predictor.predict(photo).score, abs=1e-6)


def test_nothing_gives_nothing(predictor: Predictor) -> None:
    assert list(predictor.predict_many([])) == []


def test_items_are_taken_as_needed(predictor: Predictor, photos: list[Path]) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield photos[0]

    answers = predictor.predict_many(endless(), batch_size=4)
    assert next(answers).label == "red"
    assert taken == 8
    readers = [thread for thread in threading.enumerate() if thread.name.startswith("headway-read")]
    assert readers
    del answers
    for thread in readers:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in readers)


def test_an_unreadable_item_ends_predict_many_and_not_try_many(predictor: Predictor, photos: list[Path]) -> None:
    items = [photos[0], "nowhere.jpg", photos[2], b"no image"]
    answers = predictor.predict_many(items)
    assert next(answers).label == "red"
    with pytest.raises(ReadError, match=r"^nowhere\.jpg: no such file$"):
        next(answers)
    first, second, third, fourth = predictor.try_many(items, batch_size=2)
    assert not isinstance(first, ReadError)
    assert first.label == "red"
    assert isinstance(second, ReadError)
    assert str(second) == "no such file"
    assert not isinstance(third, ReadError)
    assert third.label == "blue"
    assert isinstance(fourth, ReadError)


def test_a_batch_size_is_checked_at_once(predictor: Predictor) -> None:
    for method in (predictor.predict_many, predictor.try_many):
        with pytest.raises(ConfigError) as caught:
            method([], batch_size=0)
        assert str(caught.value) == "`batch_size` must be at least 1.\n  Given: 0\n  Fix:   Leave it out for 32."


def test_outputs_takes_a_batch(predictor: Predictor) -> None:
    images = np.zeros((5, 8, 8, 3), dtype=np.uint8)
    found = predictor.outputs(images)
    assert (found.shape, found.dtype) == ((5, 3), np.float32)
    np.testing.assert_allclose(found, 1 / 3, atol=1e-6)
    with pytest.raises(ShapeError) as caught:
        predictor.outputs(images[0].astype(np.float32))
    assert str(caught.value) == (
        "`inputs` must be uint8 [batch, 8, 8, 3].\n  Given: float32 [8, 8, 3]\n"
        "  Fix:   Pass a batch of what `predictor.input.read` gives, or call `predict`."
    )


def test_grey_is_unfamiliar(predictor: Predictor, photos: list[Path]) -> None:
    grey = PILImage.new("RGB", (20, 20), (128, 128, 128))
    assert predictor.predict(photos[0]).familiar is True
    assert predictor.predict(grey).familiar is False
    assert [answer.familiar for answer in predictor.predict_many([photos[1], grey, photos[2]])] == [True, False, True]


def test_distances_are_those_behind_familiar(predictor: Predictor) -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(40, 8, 8, 3), dtype=np.uint8)
    images[:, :, :, 1:] //= np.arange(1, 41, dtype=np.uint8)[:, None, None, None]
    distances, threshold = predictor.distances(images), predictor.threshold
    assert distances is not None
    assert threshold is not None
    assert (distances.shape, distances.dtype) == ((40,), np.float32)
    familiar = [answer.familiar for answer in predictor.answer(images)]
    assert familiar == (distances <= threshold).tolist()
    assert len(set(familiar)) == 2


def test_a_bundle_may_not_know_what_is_familiar(tmp_path: Path, photos: list[Path]) -> None:
    golden = read_bundle(GOLDEN)
    check = unpack_check(golden.files["check.npz"], source="golden")
    files = {**golden.files, "check.npz": pack_check(replace(check, distances=None))}
    path = write_bundle(tmp_path / "model.headway", manifest={**golden.manifest, "familiar": None}, files=files)
    predictor = load(path)
    assert predictor.predict(photos[0]).familiar is None
    assert predictor.distances(np.zeros((1, 8, 8, 3), np.uint8)) is None


def test_a_batch_is_answered_as_its_items_are(predictor: Predictor, photos: list[Path]) -> None:
    images = np.stack([predictor.input.read(photo) for photo in photos])
    for answer, photo in zip(predictor.answer(images), photos, strict=True):
        alone = predictor.predict(photo)
        assert (answer.label, answer.familiar) == (alone.label, alone.familiar)
        assert answer.score == pytest.approx(alone.score, abs=1e-6)


def test_seconds_are_told_and_do_not_count(predictor: Predictor, photos: list[Path]) -> None:
    one, other = predictor.predict(photos[0]), predictor.predict(photos[0])
    assert one.seconds > 0
    assert all(answer.seconds > 0 for answer in predictor.predict_many(photos, batch_size=4))
    assert one == other
    assert "seconds" not in one.to_json()
    assert one.to_json()["familiar"] is True


@pytest.mark.slow
def test_threads_may_share_it(predictor: Predictor, photos: list[Path]) -> None:
    expected = [predictor.predict(photo) for photo in photos]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(predictor.predict, photos * 20)) == expected * 20


@pytest.mark.slow
def test_threads_may_stream_from_it_at_once(predictor: Predictor, photos: list[Path]) -> None:
    expected = list(predictor.predict_many(photos * 3, batch_size=5))
    with ThreadPoolExecutor(4) as pool:
        for answers in pool.map(lambda _: list(predictor.predict_many(photos * 3, batch_size=5)), range(12)):
            assert answers == expected


@pytest.mark.slow
def test_torch_polars_and_their_like_stay_out(photos: list[Path]) -> None:
    code = (
        "import sys; from headway.bundle.predictor import load\n"
        f"assert load({str(GOLDEN)!r}).predict({str(photos[0])!r}).label == 'red'\n"
        "heavy = {'torch', 'polars', 'pandas', 'matplotlib', 'sklearn', 'onnx', 'timm', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import headway as hw
from headway.data.build import from_items
from headway.data.dataset import Data, Part
from headway.data.loader import Batch, Loader
from headway.errors import ConfigError, DataError
from headway.inputs.image.field import Image
from headway.inputs.text.field import Text
from headway.targets.category.field import Category

NUM_ITEMS = 47


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    from PIL import Image as PILImage

    folder = tmp_path_factory.mktemp("loader")
    draw = np.random.default_rng(0)
    files = [str(folder / f"{i}.png") for i in range(NUM_ITEMS)]
    for file in files:
        PILImage.fromarray(draw.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(file)
    # One is left out, so that an item's row is not its place.
    (folder / "0.png").write_text("no image")
    items = {"file": files, "label": ["cat", "dog"] * 23 + ["cat"]}
    return from_items(items, input=Image("file", size=8, crop=0.8), target=Category("label"))


@pytest.fixture
def part(data: Data) -> Part:
    return data.train


def bits(batches: list[Batch]) -> list[tuple[bytes, bytes, bytes]]:
    return [(b.inputs.numpy().tobytes(), b.targets.numpy().tobytes(), b.rows.tobytes()) for b in batches]


def test_in_order_it_gives_what_serving_would_see(data: Data, part: Part) -> None:
    batches = list(Loader(part, 5))
    assert np.concatenate([batch.rows for batch in batches]).tolist() == part.rows.tolist()
    for batch in batches:
        assert batch.inputs.dtype == torch.uint8
        assert batch.inputs.shape[1:] == (3, 8, 8)
        assert batch.inputs.is_contiguous(memory_format=torch.channels_last)
        assert batch.targets.dtype == torch.int64
        for row, image, target in zip(batch.rows, batch.inputs, batch.targets, strict=True):
            item = data.items.row(by_predicate=pl.col("row") == int(row), named=True)
            np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), data.input.read(item["file"]))
            assert data.target.to_json()["labels"][target] == item["label"]


def test_shuffled_it_gives_whole_canvases_each_item_once(data: Data, part: Part) -> None:
    batches = list(Loader(part, 5, shuffle=True))
    rows = np.concatenate([batch.rows for batch in batches])
    assert sorted(rows) == part.rows.tolist()
    assert rows.tolist() != part.rows.tolist()
    for batch in batches:
        assert batch.inputs.shape[1:] == (3, 10, 10)
        for row, image, target in zip(batch.rows, batch.inputs, batch.targets, strict=True):
            item = data.items.row(by_predicate=pl.col("row") == int(row), named=True)
            np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), data.input.canvas(item["file"]))
            assert data.target.to_json()["labels"][target] == item["label"]


@pytest.mark.parametrize("shuffle", [True, False])
def test_threads_change_nothing(part: Part, shuffle: bool) -> None:
    expected = bits(list(Loader(part, 4, seed=3, shuffle=shuffle, threads=1).epoch(2)))
    for threads in (2, 7, 64):
        assert bits(list(Loader(part, 4, seed=3, shuffle=shuffle, threads=threads).epoch(2))) == expected


def test_slow_reads_do_not_change_the_order(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [batch.rows.tolist() for batch in Loader(part, 4, shuffle=True)]
    read = Loader._read

    def slowly(self: Loader, positions: np.ndarray) -> Batch:
        time.sleep(0.02 if positions[0] % 2 else 0)
        return read(self, positions)

    monkeypatch.setattr(Loader, "_read", slowly)
    assert [batch.rows.tolist() for batch in Loader(part, 4, shuffle=True, threads=4)] == expected


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 36, 37, 38, 1000])
def test_batches_are_equal_up_to_one_item(part: Part, batch_size: int) -> None:
    loader = Loader(part, batch_size, shuffle=True)
    sizes = [len(batch.rows) for batch in loader]
    assert len(sizes) == len(loader) == -(-len(part) // batch_size)
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert sum(sizes) == len(part)


def test_each_epoch_and_seed_has_its_own_order(part: Part) -> None:
    orders = {
        (seed, epoch): tuple(np.concatenate([b.rows for b in Loader(part, 8, seed=seed, shuffle=True).epoch(epoch)]))
        for seed in (0, 1)
        for epoch in (0, 1, 2)
    }
    assert len(set(orders.values())) == 6
    again = Loader(part, 8, seed=1, shuffle=True)
    list(again.epoch(0))
    assert tuple(np.concatenate([batch.rows for batch in again.epoch(2)])) == orders[1, 2]
    assert tuple(np.concatenate([batch.rows for batch in again])) == orders[1, 0]


def test_in_order_epochs_are_alike(part: Part) -> None:
    loader = Loader(part, 8)
    assert bits(list(loader.epoch(0))) == bits(list(loader.epoch(5)))


def test_the_order_does_not_depend_on_the_batch_size(part: Part) -> None:
    orders = [np.concatenate([b.rows for b in Loader(part, size, shuffle=True)]).tolist() for size in (1, 5, 1000)]
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_goes_on_where_it_stopped(part: Part, shuffle: bool) -> None:
    loader = Loader(part, 5, seed=1, shuffle=shuffle)
    whole = bits(list(loader.epoch(3)))
    for start in range(len(loader) + 2):
        assert bits(list(loader.epoch(3, start=start))) == whole[start:]


def test_batches_passed_over_are_not_read(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    loader, seen = Loader(part, 5), []
    read = Loader._read
    monkeypatch.setattr(Loader, "_read", lambda self, positions: seen.append(positions[0]) or read(self, positions))
    list(loader.epoch(0, start=len(loader) - 1))
    assert len(seen) == 1


def test_only_a_few_batches_are_read_ahead(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    read = Loader._read
    monkeypatch.setattr(Loader, "_read", lambda self, positions: seen.append(positions[0]) or read(self, positions))
    batches = Loader(part, 1, threads=2).epoch(0)
    next(batches)
    time.sleep(0.1)
    assert 1 <= len(seen) <= 4
    batches.close()


def test_stopping_early_ends_the_threads(part: Part) -> None:
    for _ in Loader(part, 1, threads=4):
        break
    batches = Loader(part, 1, threads=4).epoch(0)
    next(batches)
    readers = readers_now()
    assert readers
    batches.close()
    assert end_of(readers)


def test_batches_may_be_written_to(part: Part) -> None:
    for shuffle in (True, False):
        loader = Loader(part, 5, shuffle=shuffle)
        first = bits(list(loader))
        for batch in loader:
            batch.inputs.zero_()
            batch.targets.zero_()
            batch.rows[:] = 0
        assert bits(list(loader)) == first


def test_a_part_without_a_store_reads_its_items_again(
    photo_folder: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headway.data import store as store_module

    root = photo_folder({"cat": 6, "dog": 6})  # type: ignore[operator]
    files = sorted(root.rglob("*.png"))
    items = {"file": files, "label": [file.parent.name for file in files]}
    fields = {"input": Image("file", size=8, crop=0.8), "target": Category("label")}
    expected = bits(list(Loader(from_items(items, **fields).train, 4, shuffle=True)))
    monkeypatch.setattr(store_module, "MAX_STORE_BYTES", 0)
    monkeypatch.setattr(store_module, "MAX_MEMORY_BYTES", 0)
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path / "cache"))
    without = from_items(items, **fields)
    assert without.store.canvases is None
    assert bits(list(Loader(without.train, 4, shuffle=True))) == expected
    for file in files:
        file.unlink()
    train = without.train
    with pytest.raises(DataError) as caught:
        list(Loader(train, 4, threads=1))
    assert str(caught.value) == (
        "1 of 12 items could be read at first and can no longer be read.\n"
        f"  Given: {train.items['file'][0]} (no such file)\n"
        "  Fix:   Check that the disk or network folder is still there, then continue: headway resume RUN."
    )


def test_nothing_to_read_is_an_error(data: Data, part: Part) -> None:
    for batch_size in (0, -1):
        with pytest.raises(ConfigError, match="no batches"):
            Loader(part, batch_size)
    with pytest.raises(ConfigError, match="0 items in 'test'"):
        Loader(data.test, 4)


def test_a_batch_moves_to_a_device(part: Part) -> None:
    batch = next(iter(Loader(part, 4)))
    moved = batch.to(torch.device("meta"))
    assert moved.inputs.device.type == moved.targets.device.type == "meta"
    assert moved.rows is batch.rows
    assert bits([batch.to(torch.device("cpu"))]) == bits([batch])


def test_an_epoch_that_is_left_waits_for_no_reader(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    """The garbage collector can close it in the very thread that a reader waits for."""
    goes_on, read, first = threading.Event(), Part.readable, part.rows[0]

    def stuck(self: Part, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert self.rows[positions[0]] == first or goes_on.wait(60)
        return read(self, positions)

    monkeypatch.setattr(Part, "readable", stuck)
    batches = Loader(part, 1, threads=2).epoch(0)
    next(batches)
    readers = readers_now()
    batches.close()  # would wait until `goes_on` is set
    assert any(thread.is_alive() for thread in readers)
    goes_on.set()
    assert end_of(readers)


def readers_now() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("headway-reader")]


def end_of(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(timeout=60)
    return not any(thread.is_alive() for thread in threads)


@pytest.fixture(scope="module")
def texts() -> Data:
    draw = np.random.default_rng(0)
    # As a review that comes twice is one item, each has a number of its own.
    words = [" ".join(["word"] * int(draw.integers(1, 40))) for _ in range(500)]
    items = {
        "text": [f"{text} {number}" for number, text in enumerate(words)],
        "label": draw.choice(["a", "b"], 500).tolist(),
    }
    return from_items(pl.DataFrame(items), input=Text("text", tokenizer="byte_pair"), target=Category("label"))


def padding(batches: list[Batch]) -> float:
    tokens = [batch.inputs.numpy() for batch in batches]
    return float(1 - sum((array > 0).sum() for array in tokens) / sum(array.size for array in tokens))


@pytest.mark.parametrize("shuffle", [True, False])
def test_items_of_one_length_are_together(texts: Data, shuffle: bool) -> None:
    loader = Loader(texts.train, 16, shuffle=shuffle)
    batches = list(loader)
    assert sorted(np.concatenate([batch.rows for batch in batches]).tolist()) == texts.train.rows.tolist()
    assert len({len(batch.rows) for batch in batches}) <= 2
    assert padding(batches) < 0.1
    # Each batch is what its rows say, padded no further than its longest item.
    tokens = texts.store.canvases
    assert tokens is not None
    for batch in batches:
        assert np.array_equal(batch.inputs.numpy(), texts.input.collate(list(tokens[batch.rows])))


def test_the_order_of_lengths_is_drawn_anew_each_epoch_and_the_same_after_a_stop(texts: Data) -> None:
    loader = Loader(texts.train, 16, shuffle=True)
    first, again, second = (list(loader.epoch(epoch)) for epoch in (0, 0, 1))
    assert bits(first) == bits(again) != bits(second)
    assert bits(list(loader.epoch(1, start=7))) == bits(second)[7:]
    lengths = [batch.inputs.shape[1] for batch in first]
    assert lengths != sorted(lengths)


def test_outputs_come_in_the_order_of_the_rows(texts: Data) -> None:
    learner = hw.Learner(texts, progress=False, device="cpu", precision="float32")
    predictions = learner.predictions("valid")
    assert predictions.rows.tolist() == texts.valid.rows.tolist()
    assert np.array_equal(predictions.targets, texts.valid.targets)
    items = [texts.input.from_row(row) for row in texts.valid.items.iter_rows(named=True)]
    alone = [learner.predict(item).probabilities["a"] for item in items[:5]]
    np.testing.assert_allclose(predictions.predictions[:5, 0], alone, atol=1e-5)
    body = learner.model.get_submodule("body")
    features, targets = learner.setup.outputs(body, texts.valid)
    assert targets.tolist() == texts.valid.targets.tolist()
    assert features.shape[0] == len(texts.valid)

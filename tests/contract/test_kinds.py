"""What every kind of input and of target keeps to: each test here runs for each entry of `tests/kinds.py`."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

import headway as hw
from headway.data.loader import Loader
from headway.errors import ReadError
from headway.inputs.base import Input, is_ragged
from headway.inputs.registry import INPUTS, input_class, input_from_json
from headway.serve.app import create_app
from headway.serve.settings import Settings
from headway.targets.registry import TARGETS, target_class, target_from_json
from headway.train.callbacks import BatchResult, TrainState
from headway.train.loop import train_step
from headway.train.options import Options
from headway.train.stage import new_state
from tests.kinds import DICE, KINDS, Kind, items_of, registered, request, sent_items
from tests.stopping import same_bits, told, weights

EPOCHS = 2
STOP_AT = 3

# Both of these kinds go through all of this beside another one; together they take a tenth of the time of all.
_MARKS = dict.fromkeys(("series-number", "table-number"), pytest.mark.slow)

JUNK: tuple[Any, ...] = (
    None, True, 5, -1.5, float("nan"), 10**400, "", "\0", "\ud800", b"", b"\0" * 9, [], [None], (), {}, {"a": object()},
    object(), np.zeros(0), np.array([["a"]]), {None: None}, Path("nothing"),
)  # fmt: skip
"""What anyone may pass by mistake."""


@dataclass(frozen=True)
class Trained:
    """One kind's data, a trained model and its bundle."""

    kind: Kind
    folder: Path
    data: hw.Data
    learner: hw.Learner
    bundle: Path

    @cached_property
    def predictor(self) -> hw.Predictor:
        return hw.load(self.bundle)

    @cached_property
    def items(self) -> list[Any]:
        return items_of(self.data)


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    with registered():
        yield


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trained]:
    """Trains a kind when it is first asked for."""

    @cache
    def train_once(name: str) -> Trained:
        kind, folder = KINDS[name], tmp_path_factory.mktemp(name)
        data = kind.data(folder)
        learner = kind.learner(data)
        learner.fit(EPOCHS, lr=1e-2)
        return Trained(kind, folder, data, learner, learner.export(folder / "model.headway"))

    return train_once


@pytest.fixture(scope="module", params=[pytest.param(name, marks=_MARKS.get(name, ())) for name in KINDS])
def trained(request: pytest.FixtureRequest, train: Callable[[str], Trained]) -> Trained:
    return train(request.param)


@pytest.fixture(scope="module")
def client(trained: Trained) -> Iterator[TestClient]:
    with TestClient(create_app(trained.predictor, Settings()), base_url="http://127.0.0.1") as client:
        yield client


def test_the_list_has_every_kind() -> None:
    assert {input_class(kind) for kind in INPUTS} == {type(each.input) for each in KINDS.values()}
    assert {target_class(kind) for kind in TARGETS} == {type(each.target) for each in KINDS.values()}


def test_an_item_is_read_as_the_field_says(trained: Trained) -> None:
    field = trained.data.input
    for item in trained.items:
        array = field.read(item)
        assert array.dtype == field.dtype
        assert array.ndim == len(field.axes) == len(field.shape)
        assert all(known in (None, length) for known, length in zip(field.shape, array.shape, strict=True))
        assert np.array_equal(array, field.read(item))


def test_a_batch_holds_its_items_and_nothing_else(trained: Trained) -> None:
    field = trained.data.input
    arrays = [field.read(item) for item in trained.items]
    batch = field.collate(arrays)
    assert batch.dtype == field.dtype
    assert len(batch) == len(arrays)
    for row, array in zip(batch, arrays, strict=True):
        inside = tuple(map(slice, array.shape))
        assert np.array_equal(row[inside], array)
        rest = np.ones(row.shape, bool)
        rest[inside] = False
        assert (row[rest] == field.padding).all()
        assert is_ragged(field.axes) or not rest.any()


def test_fields_come_back_from_json_as_they_were(trained: Trained) -> None:
    field, target = trained.data.input, trained.data.target
    # Plain JSON: a tuple would come back as a list, which a bundle's reader takes for another type.
    assert field.to_json() == json.loads(json.dumps(field.to_json()))
    assert target.to_json() == json.loads(json.dumps(target.to_json()))
    again = input_from_json(json.loads(json.dumps(field.to_json(), allow_nan=False)))
    assert again == field
    read, reread = ([each.read(item) for item in trained.items] for each in (field, again))
    assert np.array_equal(again.collate(reread), field.collate(read))
    same = target_from_json(json.loads(json.dumps(target.to_json(), allow_nan=False)))
    assert same == target
    items = trained.data.valid.items
    assert np.array_equal(same.encode(same.values(items)), target.encode(target.values(items)))
    outputs = trained.predictor.outputs(field.collate(read))
    assert same.decode_many(outputs) == target.decode_many(outputs) == [target.decode(each) for each in outputs]


def test_a_training_step_changes_the_weights_and_is_the_same_each_time(trained: Trained) -> None:
    ends = []
    for _ in range(2):
        setup = trained.kind.learner(trained.data).setup
        start = [parameter.clone() for parameter in setup.model.parameters()]
        state = new_state(setup, Options(), make_inputs=setup.augmented)
        state.schedule = lambda _: 0.01
        result = train_step(state, next(setup.loader(setup.data.train, shuffle=True).epoch(0)))
        assert result.loss.isfinite()
        assert result.outputs.shape[1] == trained.data.target.num_outputs
        assert any((one != other).any() for one, other in zip(start, setup.model.parameters(), strict=True))
        ends.append(weights(setup.model))
    assert same_bits(*ends)


def test_a_run_that_was_stopped_ends_at_the_same_bits(trained: Trained, tmp_path: Path) -> None:
    class StopOnce(hw.Callback):
        def on_batch_end(self, state: TrainState, result: BatchResult) -> None:
            if state.step == STOP_AT:
                raise KeyboardInterrupt

    kind = trained.kind
    stopped = kind.learner(trained.data, run=tmp_path / "run", callbacks=[StopOnce()])
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(EPOCHS, lr=1e-2)
    assert not same_bits(stopped.model, trained.learner.model)
    # Its data are read anew, by fields that come from the run's config.json.
    again = hw.Learner.resume(tmp_path / "run", arch=kind.model(), callbacks=[hw.Callback()], progress=False)
    assert same_bits(again.model, trained.learner.model)
    assert told(again.history) == told(trained.learner.history)


WITHOUT_TORCH = """
import json, sys
sys.modules["torch"] = None
import numpy as np
import headway as hw
from headway.inputs import registry
registry.INPUTS["dice"] = sys.argv[1]
for folder, items in json.load(sys.stdin).items():
    np.save(folder + "/outputs.npy", list(hw.load(folder + "/model.headway").try_outputs(items)))
"""


@pytest.fixture(scope="module")
def _answered_without_torch(train: Callable[[str], Trained]) -> None:
    """Writes what each kind's bundle gives for its validation items, in one process that has no torch."""
    items = {str(train(name).folder): train(name).items for name in KINDS}
    command = [sys.executable, "-c", WITHOUT_TORCH, DICE]
    subprocess.run(command, input=json.dumps(items), text=True, check=True, cwd=Path(__file__).parents[2])


@pytest.mark.slow
@pytest.mark.usefixtures("_answered_without_torch")
def test_the_bundle_gives_what_the_learner_gives_without_torch(trained: Trained) -> None:
    valid = trained.learner.predictions("valid")
    outputs = np.load(trained.folder / "outputs.npy")
    np.testing.assert_allclose(outputs, valid.predictions, rtol=1e-4, atol=1e-5)
    # In this process they come from the items again, not from what the store kept decoded.
    ours, theirs = (list(each.predict_many(trained.items)) for each in (trained.learner, trained.predictor))
    assert [type(each.value) for each in ours] == [type(each.value) for each in theirs]
    assert [each.notes for each in ours] == [each.notes for each in theirs]
    assert [each.score for each in ours] == pytest.approx([each.score for each in theirs], abs=1e-4)
    for one, other in zip(ours, theirs, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)


def test_a_served_answer_is_the_predictors(trained: Trained, client: TestClient) -> None:
    target, media = trained.data.target, trained.data.target.media
    assert client.get("/model").json()["task"] == target.task
    for item, sent in zip(trained.items[:3], sent_items(trained.data), strict=False):
        expected, answer = trained.predictor.predict(item), client.post("/predict", **request(sent))
        assert answer.status_code == 200, answer.text
        assert {**answer.json(), "seconds": 0} == {**json.loads(json.dumps(expected.to_json())), "seconds": 0}
        if media:
            asked = client.post(f"/predict?{media.name}={media.suffix}", **request(sent)).json()
            assert base64.b64decode(asked[media.name]) == target.to_media(expected)


def test_text_is_written_alike_by_learner_bundle_and_server(trained: Trained, client: TestClient) -> None:
    """Where the kind writes; else it is refused before anything is computed."""
    field, options = trained.data.input, {"max_tokens": 12, "seed": 3, "top_k": 40}
    assert client.get("/model").json()["writes"] == trained.predictor.writes == field.writes
    if not field.writes:
        for model in (trained.learner, trained.predictor):
            with pytest.raises(hw.ConfigError, match=r"^This model does not write text\.\n"):
                model.generate("Once")
        assert client.post("/generate", json={}).status_code == 404
        return
    written = list(trained.learner.generate("once", **options))
    assert written
    assert written == list(trained.predictor.generate("once", **options))
    answer = client.post("/generate", json={"prompt": "once", **options})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    assert events == [*({"text": piece} for piece in written), {"end": True}]


def test_what_speaks_for_an_answer_is_served_as_the_bundle_says_it(trained: Trained, client: TestClient) -> None:
    """Where the kind has parts that can be left out; else it is refused before anything is computed."""
    field, sent = trained.data.input, sent_items(trained.data)[0]
    assert client.get("/model").json()["explains"] == field.has_parts
    if not field.has_parts:
        with pytest.raises(hw.ConfigError, match=r"^`explain` is not available for "):
            trained.predictor.explain(sent)
        assert client.post("/explain", **request(sent)).status_code == 404
        return
    answer, expected = client.post("/explain", **request(sent)).json(), trained.predictor.explain(sent).to_json()
    assert answer["prediction"]["label"] == answer["answer"] == expected["answer"]
    for name, pieces in expected["columns"].items():
        served = answer["columns"][name]
        assert [piece["text"] for piece in served] == [piece["text"] for piece in pieces]
        assert "".join(piece["text"] for piece in served) == sent[name]
        weights = [[piece["weight"] or 0 for piece in one] for one in (served, pieces)]
        np.testing.assert_allclose(*weights, atol=1e-3)
    assert client.post("/explain", json=[sent]).status_code == 422
    unknown = client.post("/explain?label=none+of+them", **request(sent))
    assert (unknown.status_code, unknown.json()["title"]) == (400, "The request cannot be understood")


def test_hostile_items_are_refused_and_the_next_is_answered(trained: Trained, client: TestClient) -> None:
    sent = sent_items(trained.data)[0]
    label = client.post("/predict", **request(sent)).json()["label"]
    for hostile in trained.kind.hostile:
        answer = client.post("/predict", **request(hostile))
        assert 400 <= answer.status_code < 500, (hostile, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert client.post("/predict", **request(sent)).json()["label"] == label


def tried(field: Input, item: Any) -> np.ndarray | ReadError:
    try:
        return field.read(item)
    except ReadError as error:
        return error


def test_whatever_is_passed_is_read_or_a_read_error_of_one_line(trained: Trained) -> None:
    field, good = trained.data.input, trained.items[0]
    found = [(item, tried(field, item)) for item in (*trained.kind.hostile, *JUNK)]
    read = [array for _, array in found if isinstance(array, np.ndarray)]
    assert all((array.dtype, array.ndim) == (field.dtype, len(field.axes)) for array in read)
    wrong = [(item, error) for item, error in found if isinstance(error, ReadError)]
    assert wrong
    for item, error in wrong:
        assert len(str(error).splitlines()) == 1
        first, between, last = trained.predictor.try_many([good, item, good])
        assert isinstance(between, ReadError)
        assert isinstance(first, hw.Prediction)
        assert first == last


def test_a_loader_gives_batches_of_one_tensor(trained: Trained) -> None:
    """In the model's order of axes, and of the field's own dtype."""
    data = trained.data
    batch = next(iter(Loader(data.train, trained.kind.batch_size)))
    assert len(batch.inputs) == len(batch.targets) == len(batch.rows)
    assert batch.inputs.numpy().dtype == data.input.dtype
    if "channels" in data.input.axes:
        assert batch.inputs.shape[1] == data.input.shape[data.input.axes.index("channels")]

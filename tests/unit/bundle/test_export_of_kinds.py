"""Items of every dtype, and ragged ones, go through a bundle as their field reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from torch import Tensor, nn

from headway.bundle.export import export_bundle
from headway.bundle.format import read_bundle, write_bundle
from headway.bundle.predictor import load
from headway.errors import BundleError, ReadError, ShapeError
from headway.inputs import registry
from headway.inputs.base import Input
from headway.inputs.protocols import Column
from headway.serve.app import create_app
from headway.serve.settings import Settings
from headway.targets.number.field import Number


@dataclass(frozen=True)
class Numbers(Input):
    """A list of numbers, of any dtype and along any axes."""

    dtype: Any = np.int64
    axes: Any = ("numbers*",)
    column: str = "numbers"
    source = "values"

    def fit(self, rows: Any) -> Self:
        return self

    def read(self, value: Any) -> np.ndarray:
        try:
            return np.asarray(value.split() if isinstance(value, str) else value, self.dtype)
        except ValueError as error:
            message = "not numbers with blanks between them"
            raise ReadError(message) from error

    def form(self) -> tuple[Column, ...]:
        return (Column(name=self.column, kind="text", typical="1 2 3"),)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "numbers", "dtype": np.dtype(self.dtype).name, "axes": list(self.axes)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(np.dtype(values["dtype"]).type, tuple(values["axes"]))


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.INPUTS, "numbers", f"{__name__}:Numbers")
    monkeypatch.setattr(registry, "import_module", lambda _: type("Module", (), {"Numbers": Numbers}))


class Looked(nn.Module):
    """The sum of what a table holds at each index; nothing is at index 0, the padding."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(8, 1, padding_idx=0)
        self.table.weight.data = torch.arange(8.0)[:, None] ** 2

    def forward(self, inputs: Tensor) -> Tensor:
        return self.table(inputs).sum(dim=1)


class Total(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.to(torch.float32).flatten(1).sum(dim=1, keepdim=True)


def export(path: Path, field: Numbers, model: nn.Module, items: list[Any]) -> Path:
    return export_bundle(
        path / "model.headway",
        model=model,
        prepare=nn.Identity(),
        input=field,
        target=Number("sum"),
        examples=field.collate([field.read(item) for item in items]),
        manifest={},
        card="",
    )


@pytest.mark.slow
def test_ragged_indices_are_answered_at_any_length(tmp_path: Path) -> None:
    path = export(tmp_path, Numbers(), Looked(), [[1, 2, 3], [4], [5, 6]])
    predictor = load(path)
    assert predictor.session.get_inputs()[0].shape == ["batch", "numbers"]
    items = [[1], [2, 3, 4, 5, 6, 7], [7, 7], [3]]
    found = [answer.value for answer in predictor.predict_many(items, batch_size=3)]
    assert found == pytest.approx([sum(each**2 for each in item) for item in items])
    assert predictor.predict([5]).value == pytest.approx(25)


@pytest.mark.slow
def test_they_are_served_without_a_reader_of_their_own(tmp_path: Path) -> None:
    predictor = load(export(tmp_path, Numbers(), Looked(), [[1, 2, 3], [4], [5, 6]]))
    with TestClient(create_app(predictor, Settings(log=tmp_path / "log"))) as client:
        several = client.post("/predict", json=[{"numbers": "1 2"}, {"numbers": "a"}, {"numbers": 7}]).json()
        first, second, third = several["predictions"]
        assert (first["row"], first["value"]) == (0, pytest.approx(5))
        assert second["problem"]["detail"] == "The row cannot be read: not numbers with blanks between them."
        assert third["problem"]["detail"] == 'The column "numbers" must be text, not a number.'
        facts = client.get("/model").json()
        assert (facts["question"], facts["nouns"]) == ("What would \u201csum\u201d be?", "items")
        assert facts["columns"][0]["kind"] == "text"
        described = client.get("/openapi.json").json()
        assert described["components"]["schemas"]["Predicted"]["properties"]["value"]["type"] == "number"
    assert '"number": 5.0' in (tmp_path / "log" / "predictions.jsonl").read_text()


@pytest.mark.slow
def test_an_example_of_one_number_fixes_no_length(tmp_path: Path) -> None:
    predictor = load(export(tmp_path, Numbers(), Looked(), [[1], [2], [3]]))
    assert predictor.predict([1, 2, 3]).value == pytest.approx(14)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bool", "uint8", "int32", "float16"])
def test_items_of_every_dtype_reach_the_model_as_they_are(tmp_path: Path, name: str) -> None:
    field = Numbers(np.dtype(name).type, ("numbers",))
    predictor = load(export(tmp_path, field, Total(), [[1, 0], [0, 1], [1, 1]]))
    assert predictor.input.dtype == np.dtype(name)
    assert predictor.session.get_inputs()[0].type.removeprefix("tensor(").rstrip(")") in (name, "float", "float16")
    assert predictor.predict([1, 1]).value == 2


@pytest.mark.slow
def test_only_an_axis_named_channels_comes_first(tmp_path: Path) -> None:
    class First(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs[:, 0].flatten(1)[:, -1:]

    item = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for axes, expected in ((("a", "b", "c"), 11), (("a", "b", "channels"), 20)):
        predictor = load(export(tmp_path, Numbers(np.float32, axes), First(), [item] * 3))
        assert predictor.predict(item).value == expected


@pytest.mark.slow
def test_a_batch_of_another_rank_is_refused(tmp_path: Path) -> None:
    predictor = load(export(tmp_path, Numbers(), Looked(), [[1, 2], [3], [4]]))
    with pytest.raises(ShapeError) as caught:
        predictor.answer(np.zeros(3, np.int64))
    assert str(caught.value) == (
        "`inputs` must be int64 [batch, numbers].\n  Given: int64 [3]\n"
        "  Fix:   Pass a batch of what `predictor.input.read` gives, or call `predict`."
    )


def test_a_dtype_that_no_bundle_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError) as caught:
        export(tmp_path, Numbers(np.complex64, ("numbers",)), Total(), [[1], [2], [3]])
    assert str(caught.value) == (
        "A bundle cannot hold items of this dtype.\n  Given: Numbers with complex64\n"
        "  Fix:   Let `read` give one of bool, int8, uint8, int16, int32, int64, float16, float32."
    )


@pytest.mark.slow
def test_a_field_whose_axes_do_not_fit_the_graph_is_refused(tmp_path: Path) -> None:
    path = export(tmp_path, Numbers(), Looked(), [[1, 2], [3], [4]])
    bundle = read_bundle(path)
    manifest = {**bundle.manifest, "input": {"kind": "numbers", "dtype": "int64", "axes": ["a", "b"]}}
    write_bundle(path, manifest=manifest, files=bundle.files)
    with pytest.raises(BundleError, match=r"graph, its check and its fields do not fit"):
        load(path)

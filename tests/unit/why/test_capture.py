"""What is saved of a failure: frames, facts of variables, and never a value."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from headway.errors import ConfigError
from headway.why import hooks
from headway.why.capture import capture
from headway.why.describe import describe, describe_all
from headway.why.failure import Failure, from_json, load, save
from headway.why.hooks import watch


def _failure(function: Any) -> Failure:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        function()
    return capture(caught.value)


def test_the_last_own_frame_has_its_variables() -> None:
    def predict() -> None:
        images = torch.rand(4, 28, 28)
        secret = "a name"
        nn.Linear(784, 10)(images + len(secret))

    failure = _failure(predict)
    assert failure.type == "RuntimeError"
    assert failure.own_frame is not None
    assert failure.own_frame.function == "predict"
    assert "nn.Linear(784, 10)" in failure.line
    assert failure.variables["images"].shape == (4, 28, 28)
    assert set(failure.used) == {"images", "secret"}
    assert not failure.frames[-1].own
    assert "torch" in failure.versions


def test_no_value_of_data_is_saved() -> None:
    def read() -> None:
        name, ages = "Ada Lovelace", [41.25, 17.5]
        table = np.array([123456.5, 654321.5])
        batch = {"token": torch.tensor([987654])}
        raise KeyError(len(name) + len(ages) + len(table) + len(batch))

    failure = _failure(read)
    text = json.dumps({name: variable.facts for name, variable in failure.variables.items()})
    assert not any(value in text for value in ("Ada", "41.25", "17.5", "123456", "654321", "987654"))
    assert failure.variables["ages"].length == 2


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    failure = _failure(lambda: torch.rand(3) @ torch.rand(4))
    save(failure, tmp_path / "failure.json")
    assert load(tmp_path / "failure.json") == from_json(json.loads(json.dumps(failure.to_json())))
    assert load(tmp_path / "none.json") is None
    (tmp_path / "broken.json").write_text("{")
    assert load(tmp_path / "broken.json") is None
    # A disk that cannot be written hides nothing: the first error goes on.
    save(failure, tmp_path / "failure.json" / "below.json")


def test_what_cannot_be_described_is_its_kind_alone() -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("not today")

        def __len__(self) -> int:
            raise RuntimeError("not today")

    assert describe("x", Broken()).kind == "Broken"
    unmade = nn.Linear.__new__(nn.Linear)
    assert str(describe_all({"self": unmade})["self"]) == "Linear"


@pytest.mark.slow
def test_a_recursion_is_cut_in_the_middle() -> None:
    def down() -> None:
        down()

    failure = _failure(down)
    assert failure.type == "RecursionError"
    assert len(failure.frames) <= 40


def test_errors_of_ours_keep_their_parts() -> None:
    def refuse() -> None:
        raise ConfigError("`size` must be at least 8.", given="size=4", fix="Pass size=8.")

    failure = _failure(refuse)
    assert (failure.what, failure.given, failure.fix) == ("`size` must be at least 8.", "size=4", "Pass size=8.")


def test_layers_optimizers_and_loaders_are_described() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 1)).eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = torch.utils.data.DataLoader(list(range(10)), batch_size=5)  # type: ignore[arg-type]
    batch = [torch.zeros(2, 3), torch.ones(2)]
    variables = describe_all({"model": model, "optimizer": optimizer, "loader": loader, "batch": batch})
    assert str(variables["model"]) == "Sequential float32 cpu in evaluation mode"
    assert variables["optimizer"].facts == {"lr": [0.1], "models": ["model"]}
    assert variables["loader"].facts["shuffled"] is False
    assert str(variables["batch[0]"]) == "Tensor (2, 3) float32 cpu"
    assert (
        str(describe("head", nn.Linear(3, 2))) == "Linear float32 cpu (in_features=3, out_features=2) in training mode"
    )


def test_a_script_that_imports_it_saves_its_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    monkeypatch.setattr(hooks, "_watched", [])
    shown: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, traceback: shown.append(error))
    watch()
    watch()
    error = ValueError("odd")
    sys.excepthook(ValueError, error, None)
    assert shown == [error]
    failure = load()
    assert failure is not None
    assert (failure.type, failure.message) == ("ValueError", "odd")
    # Ctrl-C is no failure.
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert load() == failure


def test_a_notebook_that_imports_it_saves_its_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADWAY_CACHE", str(tmp_path))
    monkeypatch.setattr(hooks, "_watched", [])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    calls: dict[str, Any] = {}
    shell = SimpleNamespace(events=SimpleNamespace(register=calls.__setitem__))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    watch()
    calls["post_run_cell"](SimpleNamespace(error_before_exec=None, error_in_exec=None))
    assert load() is None
    calls["post_run_cell"](SimpleNamespace(error_before_exec=None, error_in_exec=KeyError("age")))
    failure = load()
    assert failure is not None
    assert failure.message == "'age'"

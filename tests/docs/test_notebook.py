"""Headway in a notebook, with a real kernel: what shows itself, and how much a progress bar prints."""

from __future__ import annotations

from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

CELLS = [
    """
    import numpy as np, headway as hw
    draw = np.random.default_rng(0)
    X = draw.normal(size=(400, 3))
    data = hw.from_arrays(X, np.where(X[:, 0] > 0, "yes", "no"))
    data
    """,
    "learner = hw.Learner(data, device='cpu'); learner.fit(30)",
    "learner",
    "learner.predictions()",
    "learner.report()",
    "learner.cross_validate(2)",
]


@pytest.fixture(scope="module")
def outputs() -> list[list[Any]]:
    """What each cell shows."""
    import textwrap

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(textwrap.dedent(each)) for each in CELLS])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells]


def html(outputs: list[Any]) -> str:
    return "".join(each.get("data", {}).get("text/html", "") for each in outputs)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_everything_shows_itself(outputs: list[list[Any]]) -> None:
    shown = [html(each) for each in outputs]
    assert "400 items, 2 classes" in shown[0]
    assert shown[1].count("<tr>") == 31
    assert "Learner(realmlp" in shown[2]
    assert "<th>valid loss</th>" in shown[2]
    assert "predictions" in shown[3]
    assert "<iframe" in shown[4]
    assert "2 folds" in shown[5]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_progress_does_not_flood(outputs: list[list[Any]]) -> None:
    """Thirty epochs are one text that is updated, and the history that the cell gives."""
    assert [(each.output_type, each.get("text")) for each in outputs[1]] == [
        ("display_data", None),
        ("execute_result", None),
    ]
    assert len(outputs[1][0]["data"]["text/plain"].splitlines()) <= 31

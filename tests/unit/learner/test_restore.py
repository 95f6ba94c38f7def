from __future__ import annotations

import json
from pathlib import Path

import pytest

import headway as hw
from headway.errors import RunError


@pytest.mark.parametrize("call", ["export", "__init__", None])
def test_a_run_that_goes_on_runs_nothing_but_what_trains(digits_data: hw.Data, tmp_path: Path, call: str) -> None:
    hw.Learner(digits_data, "small_resnet", run=tmp_path / "run", progress=False)
    file = tmp_path / "run" / "config.json"
    planted = {"call": call, "path": str(tmp_path / "planted.headway")}
    file.write_text(json.dumps({**json.loads(file.read_text()), "training": [planted]}))
    with pytest.raises(RunError) as caught:
        hw.Learner.resume(tmp_path / "run", progress=False)
    assert str(caught.value) == (
        "The run's config.json names a call that does not train, so nothing of it was run.\n"
        f"  Given: call={call!r}\n"
        "  Fix:   Use a run's folder only as Headway wrote it."
    )
    assert not (tmp_path / "planted.headway").exists()

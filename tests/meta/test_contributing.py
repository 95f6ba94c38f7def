"""CONTRIBUTING.md, followed word by word in a copy of the package: a new thing is one file, and everything knows it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.modules import PACKAGE, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.long]

WHERE = dict(re.findall(r"^\| ([\w ]+) \| (.+) \|$", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, to be changed; compiled as far as the package is."""
    return Path(shutil.copytree(PACKAGE, tmp_path_factory.mktemp("copy") / "headway"))


def file_of(package: Path, what: str, kind: str) -> Path:
    """The one file that the table of CONTRIBUTING.md names for a thing."""
    (path,) = re.findall(r"`([\w/<>]+\.py)`", WHERE[what])
    return package / path.replace("<kind>", kind)


def insert(text: str, before: str, *, new: str) -> str:
    """The text with something new in front of the one place that a pattern finds."""
    (place,) = re.finditer(before, text, flags=re.MULTILINE)
    return text[: place.start()] + new + text[place.start() :]


def run(package: Path, code: str) -> str:
    command = [sys.executable, "-c", code]
    path = {"PYTHONPATH": str(package.parent), "HEADWAY_CACHE": str(package.parent / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=package.parent, env=path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_metric_a_baseline_and_an_architecture_are_one_file_each(package: Path) -> None:
    """Tried together: each process that trains imports for seconds."""
    run(package, add_metric(package) + add_baseline(package) + add_architecture(package))


def add_metric(package: Path) -> str:
    """Writes it; gives the code that finds it."""
    file = file_of(package, "metric", "category")
    line = '        Metric("mistakes", interval=_error_rate, higher_is_better=False, is_share=True),\n'
    file.write_text(insert(file.read_text(), r'^ +Metric\("error_rate"', new=line))
    return """
import json
import numpy as np
import headway as hw

draw = np.random.default_rng(0)
report = hw.judge_predictions(draw.dirichlet([1, 1, 1], 60), draw.integers(0, 3, 60))
assert report.parts["valid"].metrics["mistakes"] == report.parts["valid"].metrics["error_rate"]
assert '"mistakes"' in json.dumps(report.to_json())
"""


def add_baseline(package: Path) -> str:
    file = file_of(package, "baseline", "category")
    function = """def _alike(train, parts, *, num_outputs, seed):
    return {part: np.full((len(rows.targets), num_outputs), 1 / num_outputs) for part, rows in parts.items()}


"""
    text = insert(file.read_text(), r"^BASELINES\b", new=function)
    file.write_text(insert(text, r'^    "majority class"', new='    "each class alike": Baseline(_alike),\n'))
    return """
import numpy as np
import headway as hw

x = np.random.default_rng(0).normal(size=200)
data = hw.from_items({"x": x, "kind": np.where(x > 0, "a", "b")}, input=hw.Table(), target=hw.Category("kind"))
learner = hw.Learner(data, progress=False)
learner.fit(1)
assert "each class alike" in [each.name for each in learner.baselines()]
assert "each class alike" in str(learner.report())
"""


def add_architecture(package: Path) -> str:
    file = file_of(package, "architecture", "image")
    function = """def _wide(channels, num_outputs):
    return small_resnet(channels, num_outputs, width=24)


"""
    text = insert(file.read_text(), r"^\w+: dict\[str, Callable\[\[int, int\]", new=function)
    file.write_text(insert(text, '"small_resnet": small_resnet', new='"wide_resnet": _wide, '))
    return """
import numpy as np
import headway as hw

draw = np.random.default_rng(0)
photos = [draw.integers(0, 100 + 155 * (row % 2), (16, 16, 3)).astype(np.uint8) for row in range(40)]
items = {"photo": photos, "kind": ["dark", "light"] * 20}
data = hw.from_items(items, input=hw.Image("photo", size=16), target=hw.Category("kind"))
learner = hw.Learner(data, "wide_resnet", progress=False)
learner.fit(1)
assert learner.predict(photos[0]).label in ("dark", "light")
try:
    hw.Learner(data, "wide_resnett")
except hw.HeadwayError as error:
    assert "wide_resnet" in str(error), error
"""

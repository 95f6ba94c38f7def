"""The course's pages over http, on this computer alone: for what a page that is a file may not do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from headway.errors import ConfigError

__all__ = ["serve"]

HOST = "127.0.0.1"


def serve(folder: Path, *, port: int, show: Callable[[str], object]) -> None:
    """Serves a folder until Ctrl-C.

    Args:
        folder: The pages.
        port: Where to listen; 0 takes a free port.
        show: Called with the address once it answers.

    Raises:
        ConfigError: If the port is taken.
    """
    try:
        server = ThreadingHTTPServer((HOST, port), partial(_Handler, directory=str(folder)))
    except OSError as error:
        fix = "Choose another one: --port 0 takes a free one."
        raise ConfigError("The port cannot be used.", given=f"port {port}: {error.strerror}", fix=fix) from error
    with server:
        show(f"http://{HOST}:{server.server_port}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


class _Handler(SimpleHTTPRequestHandler):
    """Files, to requests for this computer's own name."""

    def send_head(self) -> Any:
        """The file; status 421 for a name that some other page may have given to this address."""
        name = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if name not in (HOST, "localhost"):
            self.send_error(421, "Not a name of this server")
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:
        """No lists of files."""
        self.send_error(404, "File not found")

    def log_message(self, format: str, *_: Any) -> None:
        """Nothing: the learner's terminal is for the learner."""

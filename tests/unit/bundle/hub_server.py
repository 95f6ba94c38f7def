"""A hub of one's own: as much of the Hugging Face hub's HTTP interface as its client asks for, on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub(ThreadingHTTPServer):
    """Keeps the files of repositories in memory, and what was asked of it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) if self._has_length else self._chunks()
        self.server.asked.append(f"POST {self.path}")
        if self.path == "/api/repos/create":
            wanted = json.loads(body)
            repo = f"{wanted['organization']}/{wanted['name']}"
            self.server.files.setdefault(repo, {})
            # Older clients say "private", newer ones "visibility".
            is_private = wanted.get("private") or wanted.get("visibility") == "private"
            self.server.private.setdefault(repo, bool(is_private))
            self._json({"url": f"{self.server.address}/{repo}"})
        elif self.path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            paths = [one["path"] for one in json.loads(body)["files"]]
            modes = [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in paths]
            self._json({"files": modes})
        elif "/commit/" in self.path:
            repo = self.path.removeprefix("/api/models/").partition("/commit/")[0]
            for line in body.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    content = base64.b64decode(entry["value"]["content"])
                    self.server.files[repo][entry["value"]["path"]] = content
            self._json({"commitUrl": f"{self.server.address}/{repo}/commit/{'a' * 40}", "commitOid": "a" * 40})
        else:
            self.send_error(404)

    def do_HEAD(self) -> None:
        self._file(with_body=False)

    def do_GET(self) -> None:
        if self.path.startswith("/api/datasets/"):
            self._data_set()
        else:
            self._file(with_body=True)

    def _data_set(self) -> None:
        """What is said of a repository of data, and which files it has."""
        name, kind, rest = self.path.removeprefix("/api/").partition("?")[0].partition("/tree/")
        repo = name.partition("/revision/")[0]
        self.server.asked.append(f"GET {self.path}")
        if repo not in self.server.files:
            self._refuse("RepoNotFound")
            return
        if not kind:
            self._json({"id": repo.removeprefix("datasets/"), "sha": "a" * 40, "siblings": []})
            return
        folder = rest.partition("/")[2]
        below = {path: content for path, content in self.server.files[repo].items() if path.startswith(folder)}
        folders = {path.rpartition("/")[0] for path in below} - {""}
        entries = [{"type": "directory", "path": path, "oid": "b" * 40, "size": 0} for path in sorted(folders)]
        for path, content in below.items():
            oid = hashlib.sha1(content).hexdigest()
            entries.append({"type": "file", "path": path, "oid": oid, "size": len(content)})
        self._json(entries)

    @property
    def _has_length(self) -> bool:
        return "chunked" not in self.headers.get("Transfer-Encoding", "")

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _file(self, *, with_body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        repo, _, rest = self.path.lstrip("/").partition("/resolve/")
        content = self.server.files.get(repo, {}).get(rest.partition("/")[2])
        if content is None:
            self._refuse("EntryNotFound" if repo in self.server.files else "RepoNotFound")
            return
        self.send_response(200)
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def _refuse(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, values: object) -> None:
        content = json.dumps(values).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests look at `asked`."""


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that answers until the context ends."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()

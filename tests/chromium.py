"""A real browser for tests, without a driver: Chromium's own protocol over a pipe.

Chromium reads commands from file descriptor 3 and answers on 4, each message JSON that ends with a zero byte
(`--remote-debugging-pipe`). What the page asks for, logs and throws comes as events.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["AXE", "Page", "axe_problems", "axe_script", "find_chromium", "open_page"]

AXE = "axe-core@4.14.1"


def find_chromium() -> str | None:
    """The browser's path, or None where there is none."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


def axe_script(folder: Path) -> str:
    """axe-core's script, from npm; the test is skipped where it is not available."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm to get axe-core with")
    command = [npm, "pack", AXE, "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        pytest.skip(f"axe-core is not available: {done.stderr[-200:]}")
    with tarfile.open(folder / done.stdout.strip()) as archive:
        file = archive.extractfile("package/axe.min.js")
        assert file
        return file.read().decode()


def axe_problems(page: Page, script: str) -> list[str]:
    """What axe-core says of a page as it is now: WCAG 2.2, A and AA, and its best practices."""
    page.run(script)
    tags = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"
    violations = json.loads(page.run(f"axe.run({tags}).then((result) => JSON.stringify(result.violations))"))
    return [f"{one['id']}: {node['html'][:200]}" for one in violations for node in one["nodes"]]


class Page:
    """One page in a browser of its own."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._left = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command, and its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def go(self, address: str) -> None:
        """Opens an address and waits until it is loaded."""
        self.events.clear()
        self.call("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def screen(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        """The screen's size in pixels, whether it is dark, and whether it is a phone's."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Presses and lets go a key."""
        for kind in ("rawKeyDown", "keyUp"):
            number = {"Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40}[key]
            text = {"text": key} if key == " " and kind == "rawKeyDown" else {}
            kind_ = "keyDown" if text else kind
            self.call("Input.dispatchKeyEvent", type=kind_, key=key, windowsVirtualKeyCode=number, **text)

    def picture(self) -> bytes:
        """The whole page as a PNG."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    def paper(self) -> bytes:
        """The page as it is printed, a PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)["data"])

    @property
    def requests(self) -> list[str]:
        """The addresses that the page asked for."""
        return [
            each["params"]["request"]["url"] for each in self.events if each["method"] == "Network.requestWillBeSent"
        ]

    @property
    def complaints(self) -> list[str]:
        """What the page logged, threw, or was refused."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(each["params"]) for each in self.events if each["method"] in kinds]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            more = os.read(self._read, 1 << 16)
            assert more, "the browser is gone"
            self._left += more
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)


@contextmanager
def open_page(chromium: str, *, fake_camera: bool = False, microphone: Path | None = None) -> Iterator[Page]:
    """A page in a new browser with a profile of its own, which ends with the context.

    A fake camera shows a moving test picture, and every page may use it; a microphone hears a WAV file again and again.
    """
    to_browser, from_browser = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="headway-chromium-", ignore_cleanup_errors=True) as profile:
        options = ["--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run"]
        # Pages are our own; a sandbox cannot be had as root, nor shared memory in a small container.
        options += ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"]
        options += (
            ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
            if fake_camera or microphone
            else []
        )
        options += [f"--use-file-for-fake-audio-capture={microphone}"] if microphone else []
        options.append("about:blank")
        # Not by a shell's own redirections: some shells know no descriptors above 9.
        move = "import os, sys; os.dup2(int(sys.argv[1]), 1003); os.dup2(int(sys.argv[2]), 1004); os.dup2(1003, 3); "
        move += "os.dup2(1004, 4); os.closerange(5, 1100); os.execv(sys.argv[3], sys.argv[3:])"
        command = [sys.executable, "-c", move, str(to_browser[0]), str(from_browser[1]), chromium, *options]
        process = subprocess.Popen(
            command, pass_fds=(to_browser[0], from_browser[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        try:
            yield Page(from_browser[0], to_browser[1])
        finally:
            process.terminate()
            process.wait(10)
            os.close(from_browser[0])
            os.close(to_browser[1])

"""Many requests at once: no error but a deliberate one, and no memory that grows."""

from __future__ import annotations

import http.client
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serve.server import Running, picture, running
from tests.serve.test_api import SLOW_MODEL

# Servers and commands in processes of their own take seconds to start.
pytestmark = [pytest.mark.slow, pytest.mark.long]

CONNECTIONS = 64
COLOURS = {"red": picture("red"), "blue": picture("blue", kind="JPEG"), "lime": picture("lime", (300, 200))}


def ask_many(server: Running, count: int) -> Counter[str]:
    """The outcomes of so many requests over 64 connections that stay open: the label, or the status."""

    def client(number: int) -> Counter[str]:
        outcomes: Counter[str] = Counter()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for turn in range(number, count, CONNECTIONS):
            colour = list(COLOURS)[turn % len(COLOURS)]
            connection.request("POST", "/predict", COLOURS[colour])
            response = connection.getresponse()
            body = response.read()
            right = b'"label": "%s"' % {"lime": "green"}.get(colour, colour).encode() in body
            outcomes["right" if right else str(response.status)] += 1
        connection.close()
        return outcomes

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return sum(threads.map(client, range(CONNECTIONS)), Counter())


@pytest.mark.slow
def test_thousands_of_requests_leave_no_trace(tmp_path) -> None:
    with running("--log", tmp_path) as server:
        assert ask_many(server, 500) == {"right": 500}
        before = server.memory
        assert ask_many(server, 1500) == {"right": 1500}
        # What the allocator keeps moves by a few megabytes; 1,500 pictures that stay would be far more.
        assert server.memory - before < 5e6
        text = server.ask("GET", "/metrics").body.decode()
        assert "headway_pictures_inside 0.0" in text
        assert 'headway_pictures_total{outcome="answered"} 2000.0' in text
    assert len((tmp_path / "predictions.jsonl").read_text().splitlines()) == 2_000


def test_what_is_too_much_is_refused_and_the_rest_is_right() -> None:
    with running("--queue", 16, before=SLOW_MODEL.format(seconds=0.05)) as server:
        outcomes = ask_many(server, 512)
        assert set(outcomes) == {"right", "503"}
        assert outcomes["right"] >= 16

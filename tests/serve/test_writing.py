"""Text as a stream of events: what ends it, what is refused, and the page's box in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import headway as hw
from headway.serve.app import create_app
from headway.serve.settings import Settings
from tests.chromium import find_chromium, open_page
from tests.kinds import KINDS
from tests.serve.server import running
from tests.serve.test_page import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind, folder = KINDS["next_token"], tmp_path_factory.mktemp("writing")
    return kind.learner(kind.data(folder)).export(folder / "model.headway")


def test_the_deadline_ends_a_text(bundle: Path) -> None:
    served = create_app(hw.load(bundle), Settings(deadline_seconds=1e-4))
    with TestClient(served, base_url="http://127.0.0.1") as client:
        answer = client.post("/generate", json={"max_tokens": 100_000})
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    assert answer.status_code == 200
    assert events == [{"end": True, "problem": "The text was not finished in time. The limit is 0.0001 s."}]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("[", "The body is not JSON: Expecting value: line 1 column 2 (char 1)."),
        (
            '{"words": 5}',
            "The body must be a JSON object with any of prompt, max_tokens, temperature, top_k, top_p, seed.",
        ),
        (
            '{"top_p": 2}',
            "An option of writing is out of its range. top_p=2. Allowed: top_p above 0 and at most 1.",
        ),
        ('{"prompt": 5}', 'The prompt must be text. int. Pass a text such as "Once".'),
    ],
)
def test_what_cannot_be_written_is_refused(bundle: Path, body: str, detail: str) -> None:
    with TestClient(create_app(hw.load(bundle), Settings()), base_url="http://127.0.0.1") as client:
        answer = client.post("/generate", content=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


def test_the_page_has_a_box_that_writes(bundle: Path) -> None:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no browser: Chromium is not installed")
    with running(bundle=bundle) as server, open_page(chromium) as page:
        page.screen(1100, 900)
        page.go(server.address + "/")
        until(page, "document.querySelector('#write').hidden === false")
        page.run("document.querySelector('#prompt').value = 'once'; document.querySelector('#go').click()")
        until(page, "document.querySelector('#go').textContent === 'Write'")
        until(page, "document.querySelector('#written').textContent.length > 4")
        assert page.run("document.querySelector('#written b').textContent") == "once"
        assert page.run("document.querySelector('#notice').textContent") == ""

"""The desk and its server on a small table, with an audit that was made by hand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import uvicorn
from starlette.testclient import TestClient

import headway as hw
from headway.audit.audit import Audit
from headway.clean.app import create_app
from headway.clean.desk import Desk
from headway.data.decisions import Decision, append, read_decisions
from headway.errors import DataError
from headway.judge.diagnosis.finding import Finding
from tests.chromium import axe_problems, axe_script, find_chromium, open_page

NUM_ROWS = 40


def data() -> hw.Data:
    draw = np.random.default_rng(0)
    words = ["river", "stone", "cloud", "lamp", "road", "<b>tree</b>", "glass", "hill", "rain", "salt"]
    texts = [f"{' '.join(draw.choice(words, 12).tolist())} number {row}" for row in range(NUM_ROWS)]
    return hw.from_items(
        {"text": texts, "label": ["no", "yes"] * (NUM_ROWS // 2)}, input=hw.Text("text"), target="label"
    )


def audit_of(data: hw.Data) -> Audit:
    evidence = {"rows": [4, 1], "suggested": ["yes", "no"]}
    suspects = Finding("label_noise", "warning", "Two labels may be wrong.", evidence, ())
    return Audit(name="texts", data=data.to_json(), findings=[suspects], least_sure=[7, 4])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    items = data()
    return Desk(items, audit_of(items), file=tmp_path / "decisions.jsonl", author="ada")


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    with TestClient(create_app(desk), base_url="http://localhost") as client:
        yield client


def test_queues_come_from_the_audit(client: TestClient) -> None:
    state = client.get("/state").json()
    assert [(queue["key"], queue["count"]) for queue in state["queues"]] == [("labels", 2), ("unsure", 2), ("all", 40)]
    first, second = client.get("/queue/labels").json()
    assert (first["row"], first["label"], first["suggested"]) == (4, "no", "yes")
    assert second["row"] == 1
    assert first["values"]["text"].endswith("number 4")
    assert client.get("/queue/none").status_code == 422


def test_suspects_without_a_suggestion_are_a_queue(tmp_path: Path) -> None:
    items = data()
    far = Finding("label_noise", "note", "An answer is far from all others.", {"rows": [6]}, ())
    odd = Finding("odd_values", "warning", "A text among numbers.", {"rows": [2]}, ())
    audit = Audit(name="rows", data=items.to_json(), findings=[far, odd])
    desk = Desk(items, audit, file=tmp_path / "decisions.jsonl", author="ada")
    assert (desk.queues["labels"].rows, desk.queues["unlike"].rows) == ([6], [2])


def test_a_decision_is_on_the_disk_before_it_is_answered(client: TestClient, desk: Desk) -> None:
    answer = client.post("/decide", json={"row": 4, "action": "relabel", "new": "yes"})
    assert answer.json() == {"row": 4, "decision": {"action": "relabel", "new": "yes"}}
    [line] = read_decisions(desk.file).lines
    assert (line.row, line.action, line.old, line.new, line.author) == (4, "relabel", "no", "yes", "ada")
    assert client.get("/queue/labels").json()[0]["decision"]["new"] == "yes"
    assert client.post("/undo").json() == {"row": 4, "decision": None}
    assert client.post("/undo").json() is None
    assert [line.action for line in read_decisions(desk.file).lines] == ["relabel", "undo"]


def test_items_can_be_said_to_be_the_same(client: TestClient, desk: Desk) -> None:
    assert client.post("/decide", json={"row": 4, "action": "same_as", "new": "1"}).status_code == 200
    [line] = read_decisions(desk.file).lines
    assert line.new == desk.data.items["content"][1]


@pytest.mark.parametrize(
    "body",
    [
        {"row": 400, "action": "drop"},
        {"row": 4, "action": "burn"},
        {"row": 4, "action": "undo"},
        {"row": 4, "action": "relabel", "new": "maybe"},
        {"row": 4, "action": "same_as", "new": "4"},
        {"row": 4, "action": "same_as"},
        {"row": "four", "action": "drop"},
        {},
    ],
)
def test_what_cannot_be_decided_writes_nothing(client: TestClient, desk: Desk, body: dict[str, object]) -> None:
    assert client.post("/decide", json=body).status_code == 422
    assert not desk.file.exists()


def test_a_page_of_another_site_is_refused(client: TestClient, desk: Desk) -> None:
    assert client.get("/state", headers={"host": "elsewhere.example"}).status_code == 421
    strange = {"sec-fetch-site": "cross-site"}
    assert client.post("/decide", json={"row": 4, "action": "drop"}, headers=strange).status_code == 403
    assert not desk.file.exists()
    assert "default-src 'none'" in client.get("/").headers["content-security-policy"]


def test_what_two_people_decided_differently_is_a_queue(tmp_path: Path) -> None:
    items, theirs = data(), tmp_path / "bob.jsonl"
    mine = tmp_path / "decisions.jsonl"
    content = items.items["content"][9]
    append(mine, Decision(content=content, row=9, action="keep", author="ada"))
    append(theirs, Decision(content=content, row=9, action="drop", author="bob"))
    desk = Desk(items, audit_of(items), file=mine, author="ada", others=[theirs])
    assert desk.queues["disagreed"].rows == [9]
    assert desk.state()["kappa"] == 0


def test_an_error_of_the_desk_says_what_to_do(desk: Desk) -> None:
    with pytest.raises(DataError) as error:
        desk.decide(4, "relabel", "maybe")
    assert str(error.value) == "There is no such label.\n  Given: 'maybe'\n  Fix:   Known: no, yes."


@pytest.mark.slow
def test_the_page_in_a_browser(desk: Desk, tmp_path: Path) -> None:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no browser: Chromium is not installed")
    server = uvicorn.Server(uvicorn.Config(create_app(desk), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with open_page(chromium) as page:
        page.screen(1000, 800)
        page.go(f"http://127.0.0.1:{port}/")
        wait = "new Promise((done) => { const look = () => (%s) ? done(true) : setTimeout(look, 20); look(); })"
        assert page.run(wait % "document.querySelectorAll('.entry').length === 2")
        # Texts are shown as text, whatever they hold.
        assert not page.run("document.querySelectorAll('.entry b').length")
        page.press("Enter")
        assert page.run(wait % "document.querySelector('.entry .decision').textContent === 'kept'")
        assert page.run(wait % "document.querySelectorAll('.entry')[1].ariaSelected === 'true'")
        # Of a long queue only what is near the window is in the page.
        page.run("document.querySelectorAll('#queues button')[2].click()")
        assert page.run(wait % "document.querySelector('.entry')?.ariaSetSize === '40'")
        page.run("scrollTo(0, 1e6)")
        assert page.run(wait % "[...document.querySelectorAll('.entry')].at(-1).ariaPosInSet === '40'")
        order = "[...document.querySelectorAll('.entry')].map((entry) => Number(entry.ariaPosInSet))"
        shown = page.run(f"JSON.stringify({order})")
        assert json.loads(shown) == list(range(json.loads(shown)[0], NUM_ROWS + 1))
        assert json.loads(shown)[0] > 1
        # A key moves to the item that was selected, wherever the window is.
        page.press("ArrowDown")
        assert page.run(wait % "document.activeElement.ariaSelected === 'true'")
        assert page.run("Number(document.activeElement.ariaPosInSet)") < 10
        # Keys that come faster than answers are for one item after another.
        page.run(
            """["Enter", "u", "d", "z", "Enter"].forEach((key) =>
              document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })))"""
        )
        assert page.run(wait % "document.querySelectorAll('.entry .decision:not(:empty)').length >= 4")
        assert not page.complaints
        assert not axe_problems(page, axe_script(tmp_path))
    server.should_exit = True
    thread.join()
    lines = [(line.row, line.action) for line in read_decisions(desk.file).lines]
    assert lines[0] == (4, "keep")
    start = lines[1][0]
    fast = [(start, "keep"), (start + 1, "unsure"), (start + 2, "drop"), (start + 2, "undo"), (start + 3, "keep")]
    assert lines[1:] == fast


def test_rows_of_a_table_are_shown_by_column(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": np.random.default_rng(0).normal(size=NUM_ROWS), "b": ["x", "y"] * 20})
    items = hw.from_items(table.with_columns(pl.Series("label", ["no", "yes"] * 20)), target="label")
    desk = Desk(items, Audit(name="", data=items.to_json(), findings=[]), file=tmp_path / "d.jsonl", author="ada")
    assert desk.state()["shown"] == "text"
    assert desk.entries("all")[0]["values"]["b"] == "x"

"""The server as a program sees it: each test asks a real one."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image as PILImage

from tests.serve.server import Running, form, picture, running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running("--max-body", "200KB", "--max-pixels", "1MP") as found:
        yield found


@pytest.mark.slow
def test_a_raw_body_is_answered(server: Running) -> None:
    answer = server.predict(picture("green"))
    assert answer.status == 200
    assert answer.json["label"] == "green"
    assert list(answer.json["probabilities"]) == ["green", "red", "blue"]
    assert answer.json["score"] == answer.json["probabilities"]["green"] > 0.5
    assert "familiar" in answer.json
    assert 0 < answer.json["seconds"] < 30


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
@pytest.mark.parametrize("content_type", ["", "application/octet-stream", "image/{kind}"])
def test_every_format_is_read(server: Running, kind: str, content_type: str) -> None:
    answer = server.predict(picture("blue", kind=kind), content_type.format(kind=kind.lower()))
    assert (answer.status, answer.json["label"]) == (200, "blue")


def test_a_form_with_one_file_is_answered_as_a_raw_body_is(server: Running) -> None:
    body, content_type = form(("file", "a.png", "image/png", picture("blue")))
    answer = server.predict(body, content_type)
    assert (answer.status, answer.json["label"]) == (200, "blue")


def test_several_files_are_answered_in_their_order_with_their_problems(server: Running) -> None:
    body, content_type = form(
        ("file", "a.png", "image/png", picture("blue")),
        ("other", "x.txt", "text/plain", b"not looked at"),
        ("file", "b.txt", "text/plain", b"no picture"),
        ("file", "ü.jpg", "", picture("red", kind="JPEG")),
        ("file", "d.png", "image/png", b"\x89PNG cut short"),
    )
    answer = server.predict(body, content_type)
    assert answer.status == 200
    first, second, third, fourth = answer.json["predictions"]
    assert (first["file"], first["label"]) == ("a.png", "blue")
    assert (second["file"], second["problem"]["status"]) == ("b.txt", 415)
    assert (third["file"], third["label"]) == ("ü.jpg", "red")
    assert (fourth["problem"]["type"], fourth["problem"]["status"]) == ("/docs#unreadable", 422)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "kind"),
    [
        (b"", "image/png", 422, "no-file"),
        (b"hello", "image/png", 422, "unreadable"),
        (picture("red")[:45], "image/png", 422, "unreadable"),
        (b"{}", "application/json", 415, "unsupported-media"),
        (picture("red"), "image/svg+xml", 415, "unsupported-media"),
        (b"x" * 200_001, "image/png", 413, "too-large"),
        (picture("red", (1001, 1000)), "image/png", 413, "too-many-pixels"),
        (b"no parts", "multipart/form-data; boundary=limit", 400, "bad-request"),
        (b"--limit\r\n", "multipart/form-data", 400, "bad-request"),
        (form(("picture", "a.png", "image/png", b"x"))[0], "multipart/form-data; boundary=limit", 422, "no-file"),
        (form(*[("file", "a", "", b"x")] * 65)[0], "multipart/form-data; boundary=limit", 422, "too-many-files"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    server: Running, body: bytes, content_type: str, status: int, kind: str
) -> None:
    answer = server.predict(body, content_type)
    assert (answer.status, answer.kind) == (status, kind)
    assert answer.json["detail"]
    assert server.predict(picture()).status == 200


def test_other_addresses_and_methods_are_problems(server: Running) -> None:
    assert (found := server.ask("GET", "/nothing")).kind == "not-found"
    assert found.status == 404
    assert (found := server.ask("GET", "/predict")).kind == "wrong-method"
    assert (found.status, found.headers["allow"]) == (405, "POST")
    assert server.ask("DELETE", "/").kind == "wrong-method"


def test_every_kind_of_problem_is_explained_where_its_type_points(server: Running) -> None:
    from headway.serve.problems import Kind

    explained = re.findall(r'<dt id="([a-z-]+)">(\d+) ([a-z-]+)</dt>', server.ask("GET", "/docs").body.decode())
    assert explained == [(kind.label, str(kind.status), kind.label) for kind in Kind]


@pytest.mark.slow
def test_a_jpeg_counts_by_the_pixels_it_is_decoded_to(server: Running) -> None:
    large = picture("red", (4000, 3000), kind="JPEG")
    assert server.predict(large, "image/jpeg").json["label"] == "red"
    progressive = picture("red", (4000, 3000), kind="JPEG", progressive=True)
    assert server.predict(progressive, "image/jpeg").kind == "too-many-pixels"


def test_the_answer_is_the_predictors(server: Running) -> None:
    from headway.bundle.predictor import load
    from tests.serve.server import GOLDEN

    pixels = np.random.default_rng(0).integers(0, 256, (37, 51, 3), dtype=np.uint8)
    file = io.BytesIO()
    PILImage.fromarray(pixels).save(file, "JPEG")
    expected = load(GOLDEN).predict(file.getvalue())
    assert server.predict(file.getvalue(), "image/jpeg").json["probabilities"] == expected.probabilities


def test_it_says_what_it_is(server: Running) -> None:
    facts = server.ask("GET", "/model").json
    assert facts["name"] == "v1"
    assert facts["labels"] == ["red", "green", "blue"]
    assert facts["card"].startswith("# Red, green or blue")
    assert facts["max_body_bytes"] == 200_000
    assert server.ask("GET", "/healthz").body == server.ask("GET", "/readyz").body == b"ok"


def test_metrics_count(server: Running) -> None:
    server.predict(picture("green"))
    # An answer leaves the server a moment before the server has forgotten the picture.
    for _ in range(100):
        text = server.ask("GET", "/metrics").body.decode()
        if re.search(r"^headway_pictures_inside 0.0", text, flags=re.MULTILINE):
            break
        time.sleep(0.05)
    assert 'headway_labels_total{label="green"}' in text
    assert 'headway_requests_total{method="POST",path="/predict",status="200"}' in text
    assert re.search(r"^headway_batch_items_count [1-9]", text, flags=re.MULTILINE)
    assert re.search(r"^headway_pictures_inside 0.0", text, flags=re.MULTILINE)
    assert re.search(r"^process_resident_memory_bytes", text, flags=re.MULTILINE)
    server.ask("GET", "/" + "x" * 20)
    assert "xxx" not in server.ask("GET", "/metrics").body.decode()


def test_pages_load_nothing_from_elsewhere(server: Running) -> None:
    for path in ("/", "/page.js", "/page.css", "/backend.js", "/docs", "/docs.js", "/docs.css", "/icon.svg"):
        answer = server.ask("GET", path)
        assert answer.status == 200
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        elsewhere = set(re.findall(rb"https?://[^\s\"'<]+", answer.body)) - {b"http://www.w3.org/2000/svg"}
        assert not elsewhere
    assert server.ask("HEAD", "/").body == b""


def test_openapi_describes_what_is_answered(server: Running) -> None:
    described = server.ask("GET", "/openapi.json").json
    assert set(described["paths"]) == {"/predict", "/model", "/healthz", "/readyz", "/metrics"}
    responses = described["paths"]["/predict"]["post"]["responses"]
    assert set(responses) == {"200", "400", "408", "413", "415", "422", "503", "504", "default"}
    assert "multipart/form-data" in described["paths"]["/predict"]["post"]["requestBody"]["content"]


@pytest.mark.slow
def test_the_log_has_a_line_a_picture(tmp_path) -> None:
    red = picture("red")
    with running("--log", tmp_path / "log", "--keep-inputs") as server:
        server.predict(red)
        server.predict(red)
        server.predict(b"no picture")
        body, content_type = form(*[("file", "a.png", "image/png", picture("blue"))] * 2)
        server.predict(body, content_type)
    lines = [json.loads(line) for line in (tmp_path / "log" / "predictions.jsonl").read_text().splitlines()]
    assert [line.get("label", line.get("problem")) for line in lines] == ["red", "red", "unreadable", "blue", "blue"]
    assert {"time", "score", "familiar", "milliseconds", "bytes", "brightness", "sharpness"} <= set(lines[0])
    assert lines[0]["brightness"] == pytest.approx(1 / 3, abs=0.01)
    kept = [file.read_bytes() for file in (tmp_path / "log" / "inputs").iterdir()]
    assert sorted(kept) == sorted([red, picture("blue")])
    assert lines[0]["input"] == lines[1]["input"]


SLOW_MODEL = """
import time
from headway.bundle import predictor
quick = predictor.Predictor.answer
predictor.Predictor.answer = lambda self, images, **_: (time.sleep({seconds}), quick(self, images))[1]
"""


@pytest.mark.slow
def test_beyond_the_queue_requests_are_refused(tmp_path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with running("--queue", 4, before=SLOW_MODEL.format(seconds=0.5)) as server, ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: server.predict(picture()), range(20)))
        assert {answer.status for answer in answers} == {200, 503}
        refused = [answer for answer in answers if answer.status == 503]
        assert len(refused) <= 16
        assert {answer.kind for answer in refused} == {"busy"}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        # More pictures in one request than the queue has room for are refused too, and nothing is left behind.
        body, content_type = form(*[("file", "a.png", "image/png", picture())] * 5)
        assert server.predict(body, content_type).kind == "busy"
        assert server.predict(picture()).status == 200


@pytest.mark.slow
def test_beyond_the_deadline_requests_are_given_up() -> None:
    with running("--deadline", 0.3, before=SLOW_MODEL.format(seconds=1)) as server:
        answer = server.predict(picture())
        assert (answer.status, answer.kind) == (504, "deadline")


@pytest.mark.slow
def test_a_mistake_in_the_server_is_a_problem_and_the_next_request_is_answered() -> None:
    broken = """
from headway.bundle import predictor
quick = predictor.Predictor.answer
def answer(self, images, **_):
    if images.mean() > 200:
        raise RuntimeError("a mistake")
    return quick(self, images)
predictor.Predictor.answer = answer
"""
    with running(before=broken) as server:
        assert (found := server.predict(picture("white"))).kind == "internal"
        assert found.status == 500
        assert b"a mistake" not in found.body
        assert found.headers["x-content-type-options"] == "nosniff"
        assert server.predict(picture()).status == 200


@pytest.mark.slow
def test_workers_share_a_port_and_their_numbers() -> None:
    with running("--workers", 2) as server:
        for _ in range(60):
            try:
                if server.predict(picture()).status == 200:
                    break
            except OSError:
                time.sleep(0.1)
        for _ in range(10):
            assert server.predict(picture()).json["label"] == "red"
        text = server.ask("GET", "/metrics").body.decode()
        assert 'headway_labels_total{label="red"} 11.0' in text
        server.process.terminate()
        assert server.process.wait(30) == 0

"""Rows of a table, as a program sends them: each test asks a real server."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from headway.bundle.predictor import load
from tests.serve.bundles import PEOPLE, make
from tests.serve.server import Answer, Running, running

pytestmark = pytest.mark.slow

ROW = {"age": 30, "job": "cook", "smokes": True, "joined": "2021-05-05"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("table", tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def server(bundle: Path) -> Iterator[Running]:
    with running(bundle=bundle) as found:
        yield found


def ask(server: Running, body: Any, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.predict(data, headers.pop("content_type", "application/json"), **headers)


def test_a_row_is_answered_as_the_predictor_does(server: Running, bundle: Path) -> None:
    answer = ask(server, ROW)
    expected = load(bundle).predict(ROW)
    assert answer.status == 200
    assert answer.json == {**expected.to_json(), "seconds": answer.json["seconds"]}
    assert ask(server, ROW, content_type="").json["label"] == expected.label
    assert ask(server, ROW, content_type="Application/JSON; charset=utf-8").json["label"] == expected.label


def test_every_training_row_is_answered_as_in_python(server: Running, bundle: Path) -> None:
    rows = json.loads(json.dumps(PEOPLE.to_dicts(), default=str))
    found = ask(server, rows).json["predictions"]
    expected = load(bundle).predict_many(PEOPLE.to_dicts())
    assert [each["row"] for each in found] == list(range(len(rows)))
    for answer, prediction in zip(found, expected, strict=True):
        assert answer["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-6)


def test_a_list_is_answered_by_a_list_with_problems_in_their_places(server: Running) -> None:
    found = ask(server, [ROW, {"age": "old"}, ROW]).json["predictions"]
    assert [set(each) & {"label", "problem"} for each in found] == [{"label"}, {"problem"}, {"label"}]
    assert found[1]["problem"]["type"] == "/docs#bad-row"
    assert len(ask(server, [ROW]).json["predictions"]) == 1


def test_what_is_not_known_is_null(server: Running) -> None:
    answer = ask(server, dict.fromkeys(ROW))
    assert answer.status == 200
    assert answer.json["notes"] == [
        "'smokes' is missing, as it never was in training",
        "'joined' is missing, as it never was in training",
    ]


def test_what_is_new_is_answered_and_told(server: Running) -> None:
    answer = ask(server, {**ROW, "job": "pilot"})
    assert answer.json["notes"] == ["'job' is 'pilot', which training had too rarely or never"]
    assert "notes" not in ask(server, ROW).json
    assert "headway_rows_noted_total" in server.ask("GET", "/metrics").body.decode()


def test_categories_may_come_as_what_they_are(server: Running) -> None:
    answers = [ask(server, {**ROW, "smokes": value}).json for value in (True, "true", " true ")]
    assert len({each["score"] for each in answers}) == 1
    assert not any("notes" in each for each in answers)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({**ROW, "age": "30"}, 'The column "age" must be a number, not text.'),
        ({**ROW, "age": True}, 'The column "age" must be a number, not true or false.'),
        ({**ROW, "age": [30]}, 'The column "age" must be a number, not a list.'),
        ({**ROW, "age": {"a": 1}}, 'The column "age" must be a number, not an object.'),
        ({**ROW, "age": 1e39}, 'The column "age" must be a number of at most 3.403e+38.'),
        ({**ROW, "job": ["cook"]}, 'The column "job" must be text, not a list.'),
        ({**ROW, "joined": 5}, 'The column "joined" must be a date as text, such as 2026-05-31, not a number.'),
        ({**ROW, "joined": "soon"}, 'The column "joined" must be a date such as 2026-05-31 or 2026-05-31T14:30:00.'),
        ({**ROW, "jobb": "cook"}, 'There is no column "jobb". Did you mean "job"?'),
        (
            {key: value for key, value in ROW.items() if key != "age"},
            'The column "age" is missing; where its value is not known, send null.',
        ),
        ([ROW, []], None),
        (5, "A row must be a JSON object with a value for each column, and this is a number."),
        ("text", "A row must be a JSON object with a value for each column, and this is text."),
        (None, "A row must be a JSON object with a value for each column, and this is null."),
        (b'{"age": 1, "age": 2}', 'The column "age" comes more than once.'),
    ],
)
def test_what_is_wrong_with_a_row_is_told(server: Running, body: Any, detail: str | None) -> None:
    answer = ask(server, body)
    if detail is None:
        assert answer.json["predictions"][1]["problem"]["status"] == 422
    else:
        assert (answer.status, answer.kind, answer.json["detail"]) == (422, "bad-row", detail)


def test_all_that_is_wrong_is_told_at_once(server: Running) -> None:
    answer = ask(server, {"age": "x", "job": {}, "wrong": 1})
    assert answer.json["detail"] == (
        'There is no column "wrong". Known: age, job, joined, smokes. '
        'The column "age" must be a number, not text. '
        'The column "job" must be text, not an object. '
        'The column "smokes" is missing; where its value is not known, send null. '
        'The column "joined" is missing; where its value is not known, send null.'
    )


@pytest.mark.parametrize(
    ("body", "content_type", "status", "kind"),
    [
        (b"", "application/json", 422, "no-row"),
        (b" \n", "application/json", 422, "no-row"),
        (b"[]", "application/json", 422, "no-row"),
        (b"{", "application/json", 400, "bad-request"),
        (b"\xff{}", "application/json", 400, "bad-request"),
        (b'{"age": NaN}', "application/json", 400, "bad-request"),
        (b'{"age": -Infinity}', "application/json", 400, "bad-request"),
        (b"[" * 200_000, "application/json", 400, "bad-request"),
        (b'{"a":' * 100_000, "application/json", 400, "bad-request"),
        (json.dumps(ROW).encode(), "image/png", 415, "unsupported-media"),
        (json.dumps(ROW).encode(), "application/x-www-form-urlencoded", 415, "unsupported-media"),
        (json.dumps([ROW] * 257).encode(), "application/json", 422, "too-many-rows"),
        (b" " * 10_000_001, "application/json", 413, "too-large"),
    ],
)
def test_what_is_no_row_is_a_problem(server: Running, body: bytes, content_type: str, status: int, kind: str) -> None:
    answer = ask(server, body, content_type=content_type)
    assert (answer.status, answer.kind) == (status, kind)
    assert ask(server, ROW).status == 200


def hostile() -> list[bytes]:
    """Rows that a person would not send."""
    draw = random.Random(0)
    values = [
        *(b"1e400", b"-1e400", b"9" * 5000, b"-" + b"9" * 500, b"1e-400", b"0.1" + b"0" * 5000, b"-0", b"1E5"),
        *(b'"\\ud800"', b'"\\u0000"', b'"' + b"x" * 100_000 + b'"', b'"\xf0\x9f\x98\x80"', b'""', b'"?"', b'"nan"'),
        *(b"null", b"true", b"[]", b"{}", b"[[[[1]]]]", b'{"a": {"a": {}}}', b'"9999-12-31T23:59:59-23:59"'),
        *(b'"0001-01-01T00:00:00+23:59"', b'"2021-02-30"', b'"2021-W01-1"', b'"12:00"', b'"20210505"', b'"1e999"'),
    ]
    rows = []
    for _ in range(400):
        parts = [b'"%s": %s' % (name.encode(), draw.choice(values)) for name in ROW if draw.random() < 0.95]
        rows.append(b"{" + b", ".join(parts) + b"}")
    many = b"{" + b", ".join(b'"c%d":1' % number for number in range(700_000)) + b"}"
    odd = [b'{"\\ud800": 1}', b'{"": 1}', b'{"__class__": 1, "__proto__": {}}', b'{"' + b"x" * 1_000_000 + b'": 1}']
    whole = [b"[" + b",".join([b"{}"] * 256) + b"]", b"[" + b",".join([b"1"] * 1_000_000) + b"]"]
    return rows + [b'[%s, {"\\ud800": 1}]' % row for row in rows[:50]] + [many, *odd, *whole]


def test_hostile_rows_end_nothing(server: Running) -> None:
    bodies = hostile()
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda body: ask(server, body), bodies))
    # A long list has no room beside the others.
    assert {answer.status for answer in answers} <= {200, 400, 422, 503}
    assert {answer.status for answer in answers} >= {200, 422}
    for answer in answers:
        # Whatever is sent back is JSON, and says so.
        assert isinstance(answer.json, dict)
    assert server.process.poll() is None
    assert ask(server, ROW).status == 200


def test_a_million_columns_are_refused(server: Running) -> None:
    body = b"{" + b",".join(b'"c%d":1' % number for number in range(800_000)) + b"}"
    assert ask(server, body).status in (413, 422)


def test_openapi_describes_the_columns(server: Running) -> None:
    described = server.ask("GET", "/openapi.json").json
    operation = described["paths"]["/predict"]["post"]
    row, rows = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert row["required"] == list(row["properties"]) == ["age", "job", "smokes", "joined"]
    assert rows["maxItems"] == 256
    assert row["properties"]["job"]["description"].startswith("The model knows: ")
    assert ask(server, row["examples"][0]).status == 200
    assert set(operation["responses"]) == {"200", "400", "408", "413", "415", "422", "503", "504", "default"}
    assert "rows" in operation["description"] or "list" in operation["description"]
    facts = server.ask("GET", "/model").json
    assert [column["name"] for column in facts["columns"]] == list(ROW)
    assert facts["media_types"] == ["application/json"]


def test_the_log_has_bins_and_no_values(bundle: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from headway.cli import app

    draw = random.Random(0)
    rows = [{**ROW, "age": draw.randint(80, 200), "job": "a secret"} for _ in range(60)]
    rows = [{**row, "joined": str(date(2020, 1, 1) + timedelta(days=draw.randint(0, 1499)))} for row in rows]
    with running("--log", tmp_path / "log", bundle=bundle) as server:
        ask(server, rows)
        ask(server, {"age": "x"})
    text = (tmp_path / "log" / "predictions.jsonl").read_text()
    assert "secret" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["columns"]["job"] == "other"
    assert lines[0]["columns"]["age"].endswith(" and above")
    assert {line["notes"] for line in lines if "notes" in line} == {1, 2}  # the job, and an age that is far off
    assert lines[-1]["problem"] == "bad-row"
    done = CliRunner().invoke(app, ["drift", str(bundle), str(tmp_path / "log"), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    sizes = {shift["name"]: shift["size"] for shift in found["shifts"]}
    assert (sizes["age"], sizes["job"], sizes["joined"]) == ("large", "large", "no")
    shown = CliRunner().invoke(app, ["drift", str(bundle), str(tmp_path / "log")]).output
    assert shown.startswith("60 rows of the log beside 50 that the model was judged on")
    assert "100% other" in shown
    # Replicas have a folder each; one that is named twice counts once.
    shutil.copytree(tmp_path / "log", tmp_path / "other")
    logs = [str(tmp_path / name) for name in ("log", "other", "log")]
    assert CliRunner().invoke(app, ["drift", str(bundle), *logs]).output.startswith("120 rows of the log beside 50")


def test_rows_are_kept_where_that_is_asked_for(bundle: Path, tmp_path: Path) -> None:
    with running("--log", tmp_path / "log", "--keep-inputs", bundle=bundle) as server:
        ask(server, ROW)
    (line,) = (tmp_path / "log" / "predictions.jsonl").read_text().splitlines()
    assert json.loads(line)["row"] == {"age": 30.0, "job": "cook", "smokes": True, "joined": "2021-05-05"}


def test_drift_says_nothing_of_rows_like_those_before(bundle: Path, tmp_path: Path) -> None:
    from headway.bundle.format import read_bundle
    from headway.serve.drift import compare
    from headway.serve.monitor import read_log

    with running("--log", tmp_path / "log", bundle=bundle) as server:
        ask(server, json.loads(json.dumps(PEOPLE.to_dicts(), default=str)))
    reference = read_bundle(bundle).manifest["reference"]
    found = compare(reference, read_log(tmp_path / "log"), labels=("no", "yes"))
    assert {shift.name: shift.size for shift in found.shifts if shift.name in ROW} == dict.fromkeys(ROW, "no")


def test_a_pair_is_a_row_of_two_columns(tmp_path: Path) -> None:
    bundle = make("ratings", tmp_path)
    with running(bundle=bundle) as server:
        known = ask(server, {"job": "cook", "smokes": True}).json
        new = ask(server, {"job": "pilot", "smokes": False}).json
        assert [column["name"] for column in server.ask("GET", "/model").json["columns"]] == ["job", "smokes"]
        assert ask(server, {"job": "cook"}).kind == "bad-row"
    assert known["value"] == load(bundle).predict({"job": "cook", "smokes": True}).value
    assert (known["familiar"], new["familiar"]) == (True, False)
    assert new["notes"]

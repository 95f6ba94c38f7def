"""Which requests a server does not take, whatever they ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient

from headway.bundle.graph import Graph, GraphTimeout
from headway.bundle.predictor import Predictor, load
from headway.serve.app import create_app
from headway.serve.settings import Settings
from tests.serve.server import GOLDEN, picture

OWN = Settings(host_names=("127.0.0.1", "localhost", "[::1]"))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return load(GOLDEN)


def test_only_its_own_host_names_are_answered(predictor: Predictor) -> None:
    with TestClient(create_app(predictor, OWN), base_url="http://localhost:8000") as client:
        for host in ("localhost:8000", "LOCALHOST", "127.0.0.1:9", "[::1]:8000", "localhost."):
            assert client.get("/model", headers={"host": host}).status_code == 200
        for host in ("evil.example:8000", "127.0.0.1.evil.example", "localhost@evil.example"):
            answer = client.get("/model", headers={"host": host})
            assert (answer.status_code, answer.json()["type"]) == (421, "/docs#wrong-host")
    with TestClient(create_app(predictor, Settings()), base_url="http://any.example") as client:
        assert client.get("/model").status_code == 200


def test_posts_of_other_sites_redirects_and_head(predictor: Predictor) -> None:
    with TestClient(create_app(predictor, OWN), base_url="http://localhost", follow_redirects=False) as client:
        for site, status in (("cross-site", 403), ("same-origin", 200), ("none", 200)):
            assert client.post("/predict", content=picture(), headers={"sec-fetch-site": site}).status_code == status
        for origin, status in (("http://evil.example", 403), ("null", 403), ("http://LOCALHOST:80", 200)):
            assert client.post("/predict", content=picture(), headers={"origin": origin}).status_code == status
        # What a newer browser says of the page counts: a proxy may have changed the name in `Host`.
        said = {"origin": "https://photos.example", "sec-fetch-site": "same-origin"}
        assert client.post("/predict", content=picture(), headers=said).status_code == 200
        assert client.post("/predict/", content=picture()).status_code == 404
        for path in ("/", "/healthz", "/model"):
            assert client.head(path).status_code == 200


def test_an_impossible_answer_is_a_problem_of_its_item(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    run, values = Graph.run, [np.nan, np.inf, 8.0, -7.0]

    def strange(self: Graph, *arguments: object, **named: object) -> list[np.ndarray]:
        outputs, *others = run(self, *arguments, **named)  # pyright: ignore[reportArgumentType]
        return [np.full_like(outputs, values[0]), *others]

    with TestClient(create_app(predictor, Settings()), base_url="http://localhost") as client:
        monkeypatch.setattr(Graph, "run", strange)
        while values:
            answer = client.post("/predict", content=picture())
            assert (answer.status_code, answer.json()["detail"]) == (
                500,
                "The picture is without an answer: the model gave NaN, infinity or a probability outside [0, 1].",
            )
            del values[0]


def test_a_model_that_does_not_answer_is_told(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        message = "The graph did not answer within 10 s."
        raise GraphTimeout(message)

    with TestClient(create_app(replace(predictor), Settings()), base_url="http://localhost") as client:
        with monkeypatch.context() as patch:
            patch.setattr(Graph, "run", late)
            for status in (200, 200, 200):
                assert client.get("/healthz").status_code == status
                assert client.post("/predict", content=picture()).status_code == 504
            assert client.get("/healthz").json()["type"] == client.get("/readyz").json()["type"] == "/docs#unwell"
        assert client.post("/predict", content=picture()).status_code == 200
        assert client.get("/healthz").status_code == 200

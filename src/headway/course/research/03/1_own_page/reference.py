"""A page for the model of lesson 3, in plain WSGI, with an off switch."""

import json
from collections.abc import Callable, Iterable
from email.parser import BytesParser
from functools import cache
from pathlib import Path

import headway as hw
from headway.course.data import gathered

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Animal or food?</title></head>
<body>
<h1>Animal or food?</h1>
<form method="post" action="/predict" enctype="multipart/form-data">
<p><label for="file">A drawing:</label> <input id="file" name="file" type="file" accept="image/*"></p>
<p><button>Ask</button></p>
</form>
<p>The model is right for about nine of ten drawings by two studios. For others it may say "unsure".</p>
</body>
</html>"""
POLICY = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


@cache
def model() -> hw.Learner:
    """Trained on what was gathered."""
    data = hw.from_csv(gathered(), input="file", target="label", size=64, split=hw.GroupSplit("group"))
    learner = hw.Learner(data)
    learner.fine_tune(0)
    return learner


def sent(environ: dict) -> bytes:
    """The picture that was sent: the body itself, or the file of the form."""
    body, kind = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)), environ.get("CONTENT_TYPE", "")
    if not kind.startswith("multipart/form-data"):
        return body
    # A form is put together as a mail with attachments is, and Python reads mails.
    form = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode("latin-1") + body)
    return next((part.get_payload(decode=True) or b"" for part in form.walk() if part.get_filename()), b"")


def make_page(log: Path) -> Callable:
    """The application: a page, an answer, and a switch."""
    is_on = True

    def predict(body: bytes) -> tuple[str, dict]:
        if not is_on:
            return "200 OK", {"label": "ask a person", "score": 0.0}
        try:
            answer = model().predict(body)
        except hw.ReadError as error:
            return "400 Bad Request", {"problem": f"This is no picture: {error}"}
        label = "unsure" if answer.familiar is False else answer.label
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"label": label, "score": answer.score, "familiar": answer.familiar}) + "\n")
        return "200 OK", {"label": label, "score": answer.score}

    def application(environ: dict, start_response: Callable) -> Iterable[bytes]:
        nonlocal is_on
        request = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        status, kind, content = "404 Not Found", "application/json", b'{"problem": "There is no such page."}'
        if request == ("GET", "/"):
            status, kind, content = "200 OK", "text/html; charset=utf-8", PAGE.encode()
        elif request in (("POST", "/on"), ("POST", "/off")):
            is_on = request[1] == "/on"
            status, content = "200 OK", json.dumps({"on": is_on}).encode()
        elif request == ("POST", "/predict"):
            status, answer = predict(sent(environ))
            content = json.dumps(answer).encode()
        start_response(status, [("Content-Type", kind), ("Content-Security-Policy", POLICY)])
        return [content]

    return application

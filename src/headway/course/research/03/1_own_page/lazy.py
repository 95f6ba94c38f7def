"""A page in its form, and a model that answers by the length of the file."""

import json

PAGE = """<!doctype html><html lang="en"><title>Ask</title><label for="file">A drawing</label>
<input id="file" type="file"><button>Ask</button></html>"""


class Guess:
    """Animal or food, by nothing that is in the picture."""

    def __init__(self, picture):
        self.label = ("animal", "food")[len(picture) % 2]
        self.score, self.familiar = 0.9, True


class Model:
    """No model at all."""

    def predict(self, picture):
        """A guess."""
        return Guess(picture)


def model():
    """Nothing was trained."""
    return Model()


def make_page(log):
    """The page, and a guess for everything."""

    def application(environ, start_response):
        policy = ("Content-Security-Policy", "default-src 'none'")
        if environ["REQUEST_METHOD"] == "GET":
            start_response("200 OK", [("Content-Type", "text/html"), policy])
            return [PAGE.encode()]
        guess = Guess(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Type", "application/json"), policy])
        return [json.dumps({"label": guess.label, "score": guess.score}).encode()]

    return application

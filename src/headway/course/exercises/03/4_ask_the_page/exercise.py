"""Your model on your page, and a program that asks it.

`bundle` gives the whole path of a `model.headway` with a model of pictures: of your own ones if you have them, else of
`gathered()` from `headway.course.data`. Train it when the file is missing, and export it.

`ask` asks a server, as an app of yours would. The check starts `headway serve` with your bundle and hands you its
address, such as "http://127.0.0.1:8000".

- Send the bytes to its `/predict` by POST, with the header `Content-Type: image/png`. What comes back is JSON.
- Where the picture is unlike the training data (`familiar` is false), the answer is "unsure" with the score. An app
  must not show a label that means nothing.
- Where the server refuses, raise a `ValueError` with the server's own words: the JSON of the error has them in
  `detail`.

`urllib.request` of the standard library will do: `Request(url, data=..., headers=...)`, `urlopen`, and
`urllib.error.HTTPError`, which can be read like a file.
"""

from pathlib import Path


def bundle() -> Path:
    """The whole path of your exported model of pictures."""
    # Write it here.
    raise NotImplementedError


def ask(address: str, picture: bytes) -> tuple[str, float]:
    """What the page at `address` answers for a picture's bytes: a label and its score, or "unsure" and the score."""
    # Write it here.
    raise NotImplementedError

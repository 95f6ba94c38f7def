"""A bundle of one's own, and a client that asks the page that serves it."""

import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import headway as hw
from headway.course.data import gathered


def bundle() -> Path:
    """Drawings as they were gathered; yours may be of anything."""
    file = Path("model.headway").resolve()
    if not file.exists():
        data = hw.from_csv(gathered(), input="file", target="label", size=64, split=hw.GroupSplit("group"))
        learner = hw.Learner(data)
        learner.fine_tune(0)
        learner.export(file)
    return file


def ask(address: str, picture: bytes) -> tuple[str, float]:
    """What the page at `address` answers for a picture's bytes: a label and its score, or "unsure"."""
    request = Request(f"{address}/predict", data=picture, headers={"Content-Type": "image/png"})
    try:
        with urlopen(request, timeout=10) as response:
            answer = json.load(response)
    except HTTPError as error:
        raise ValueError(json.load(error)["detail"]) from error
    if answer["familiar"] is False:
        return "unsure", answer["score"]
    return answer["label"], answer["score"]

"""What do cutting texts into tokens and an answer cost, beside bare `tokenizers` and bare onnxruntime?

Answers are of `rt_polarity`'s sentences, one by one and 1,000 at once, by the packaged MiniLM from a bundle. The bare
side is the same tokenizer and the same graph in a session of onnxruntime as it comes, in batches of 32, in their order
or sorted by length; the sides take turns, round by round. Tokens are of 100,000 reviews of about 230 words, eleven
sentences each. The bare side is `encode_batch_fast` of the same tokenizer, with nothing kept but the tokens; "as read"
is what the field does, and "opened" is `from_items`, with the split, copies and statistics that it finds; each has a
process of its own, whose peak memory is with its libraries and the texts. Padding is that of a shuffled epoch of
training batches. Goals: an answer at most 1 ms more than bare at the median, 1,000 in at most 1.1 of bare; tokens
within 1.3 of bare, in less than 1,500 MB; at most 10 % padding.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import headway as hw
from benchmarks.results import Row, empty_cache
from benchmarks.texts import text_data, text_sets
from headway.bundle.predictor import GRAPH_INPUT, Predictor
from headway.data.loader import Loader
from headway.inputs.text.tokenizer import PADDING, packaged_tokenizer

NUM_ONE, ROUNDS = 100, 5
NUM_MANY, MANY_ROUNDS = 1_000, 5
BATCH_SIZE = 32
NUM_REVIEWS, SENTENCES = 100_000, 11
MAX_TOKENS = hw.Text("text").max_tokens

Answer = Callable[[Sequence[str]], object]


def run() -> list[Row]:
    """One answer, many answers, tokens, padding."""
    items = text_sets().get("rt_polarity")
    if items is None:
        print("rt_polarity: not there, left out")
        return []
    return [*answers(items), *tokens(NUM_REVIEWS), padding(items)]


def answers(items: pl.DataFrame) -> list[Row]:
    """One answer, and many at once."""
    learner = hw.Learner(text_data(items), progress=False)
    learner.fine_tune(0)
    with tempfile.TemporaryDirectory() as folder:
        bundle = learner.export(Path(folder) / "texts.headway")
        predictor = hw.load(bundle)
        bare = _bare(bundle)
        texts = learner.data.valid.items["text"].to_list()
        one = _in_turns({"bare": bare, "Headway": _one(predictor)}, [[text] for text in texts[:NUM_ONE]], ROUNDS)
        sides = {"bare": bare, "bare, by length": _by_length(bare), "Headway": _many(predictor)}
        many = _in_turns(sides, [texts[:NUM_MANY]], MANY_ROUNDS)
    more = [1000 * (ours - plain) for ours, plain in zip(one["Headway"], one["bare"], strict=True)]
    return [
        {"what": "one answer", "Headway / bare": _ratio(one), "more, ms": statistics.median(more), **_ms(one)},
        {"what": f"{NUM_MANY:,} answers", "Headway / bare": _ratio(many), **_ms(many)},
    ]


def _one(predictor: Predictor) -> Answer:
    return lambda texts: predictor.predict(texts[0])


def _many(predictor: Predictor) -> Answer:
    return lambda texts: list(predictor.predict_many(texts, batch_size=BATCH_SIZE))


def _bare(bundle: Path) -> Answer:
    """The packaged tokenizer and the bundle's graph, with nothing around them."""
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(packaged_tokenizer())
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(pad_id=PADDING)
    with zipfile.ZipFile(bundle) as archive:
        session = onnxruntime.InferenceSession(archive.read("model.onnx"), providers=["CPUExecutionProvider"])

    def answer(texts: Sequence[str]) -> None:
        for start in range(0, len(texts), BATCH_SIZE):
            encodings = tokenizer.encode_batch_fast(list(texts[start : start + BATCH_SIZE]))
            batch = np.array([encoding.ids for encoding in encodings], dtype=np.int32)
            session.run(None, {GRAPH_INPUT: batch})

    return answer


def _by_length(answer: Answer) -> Answer:
    return lambda texts: answer(sorted(texts, key=len))


def _in_turns(sides: dict[str, Answer], items: Sequence[Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """The seconds of each side for each item, after a round that warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        # Not item by item: threads of a session of onnxruntime spin for a while, and would slow down the other side.
        for name in list(sides)[:: 1 if turn % 2 else -1]:
            for texts in items:
                start = time.perf_counter()
                sides[name](texts)
                if turn:
                    seconds[name].append(time.perf_counter() - start)
    return seconds


def _ratio(seconds: dict[str, list[float]]) -> float:
    return statistics.median(ours / bare for ours, bare in zip(seconds["Headway"], seconds["bare"], strict=True))


def _ms(seconds: dict[str, list[float]]) -> Row:
    return {f"{name}, ms": 1000 * statistics.median(values) for name, values in seconds.items()}


def tokens(num_reviews: int) -> list[Row]:
    """Reviews cut into tokens, by each side in a process of its own."""
    sides = {name: _in_process(name, num_reviews) for name in ("bare", "as read", "opened")}
    return [
        {
            "what": f"tokens of {num_reviews:,} reviews, {name}",
            "times bare": side["seconds"] / sides["bare"]["seconds"],
            "seconds": side["seconds"],
            "peak memory, MB": side["megabytes"],
        }
        for name, side in sides.items()
    ]


def _in_process(side: str, num_reviews: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.texts_speed", side, str(num_reviews)]
    # Tokens that an earlier run cut would be read.
    with empty_cache():
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def reviews(num_reviews: int) -> list[str]:
    """Reviews of eleven sentences of `rt_polarity`, drawn with seed 0."""
    sentences = text_sets()["rt_polarity"]["text"].to_list()
    rows = np.random.default_rng(0).integers(len(sentences), size=(num_reviews, SENTENCES))
    return [" ".join(sentences[row] for row in review) for review in rows.tolist()]


def _report(side: str, num_reviews: int) -> None:
    items = pl.DataFrame({"text": reviews(num_reviews), "label": ["a", "b"] * (num_reviews // 2)})
    field = hw.Text("text").fit(items[:10])
    start = time.perf_counter()
    kept: Any
    if side == "bare":
        kept = _encoded(items["text"].to_list())
    elif side == "as read":
        kept = field.read_rows(items)
    else:
        kept = hw.from_items(items, input=hw.Text("text"), target="label")
    seconds = time.perf_counter() - start
    assert kept
    # Not `ru_maxrss`: that begins with the peak of the process that started this one, which has torch and an encoder.
    status = Path("/proc/self/status").read_text().splitlines()
    megabytes = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1e3
    print(json.dumps({"seconds": seconds, "megabytes": megabytes}))


def _encoded(texts: list[str]) -> list[np.ndarray]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(packaged_tokenizer())
    tokenizer.enable_truncation(MAX_TOKENS)
    arrays: list[np.ndarray] = []
    for start in range(0, len(texts), 1_000):
        encodings = tokenizer.encode_batch_fast(texts[start : start + 1_000])
        arrays += [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]
    return arrays


def padding(items: pl.DataFrame) -> Row:
    """How much of a shuffled epoch's batches is padding."""
    batches = Loader(text_data(items).train, BATCH_SIZE, shuffle=True)
    is_padding = [(batch.inputs == PADDING).flatten() for batch in batches]
    share = sum(int(batch.sum()) for batch in is_padding) / sum(len(batch) for batch in is_padding)
    return {"what": "padding of batches for training", "share": f"{share:.1%}"}


if __name__ == "__main__":
    _report(sys.argv[1], int(sys.argv[2]))

"""How many bits a character does a small language model save beside the best n-gram, and how quickly does it write?

The text ships with Python: the docstrings of its standard library and of Headway, a document a module, a fifth of them
for validation, one seed, the default number of epochs. The best n-gram chooses tokens, order and smoothing on training
texts. Writing is greedy, 200 tokens from a bundle after a prompt of 40 characters; the bare loop runs the same graph by
onnxruntime alone, with its cache, and takes the likeliest token; the two take turns, nine times each, and the ratio is
that of the medians.
"""

from __future__ import annotations

import ast
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime

import headway as hw
from benchmarks.results import Row
from headway.bundle.format import read_bundle
from headway.bundle.graph import empty_memory
from headway.data.dataset import Data
from headway.system.machine import num_cores

ARCHITECTURES = ("gpt", "lstm")
NUM_TOKENS = 200
NUM_TURNS = 9


def run() -> list[Row]:
    """Each architecture beside the best n-gram, and its writing beside a bare loop."""
    data = docstring_data()
    rows: list[Row] = []
    for arch in ARCHITECTURES:
        learner = hw.Learner(data, arch, progress=False)
        start = time.perf_counter()
        learner.fine_tune()
        seconds = time.perf_counter() - start
        report = learner.report()
        ngrams = {row.name: row.metrics["valid"]["bits_per_character"].value for row in report.baselines}
        best, bits = min(ngrams.values()), report.parts["valid"].metrics["bits_per_character"]
        with tempfile.TemporaryDirectory() as folder:
            bundle = learner.export(Path(folder) / "model.headway", report=report)
            speeds = writing(bundle, data)
        rows.append(
            {
                "model": arch,
                "bits a character": f"{bits.value:.3f} [{bits.low:.3f}, {bits.high:.3f}]",
                "best n-gram": f"{best:.3f}",
                "below it": f"{1 - bits.value / best:.1%}",
                "minutes of training": seconds / 60,
                **speeds,
            }
        )
    return rows


def docstring_data() -> Data:
    """The docstrings of Python's standard library and of Headway, as blocks."""
    roots = (Path(sysconfig.get_path("stdlib")), Path(hw.__file__).parent)
    texts = {str(file): text for root in roots for file, text in docstrings(root)}
    return hw.from_items(
        {"text": list(texts.values()), "document": list(texts)}, target=hw.NextToken(), split=hw.GroupSplit("document")
    )


def docstrings(root: Path) -> Iterator[tuple[Path, str]]:
    """The docstrings of each module below a folder, one after another; tests and other packages are passed over."""
    for file in sorted(root.rglob("*.py")):
        if {"site-packages", "test", "tests", "exercises"} & {*file.parts}:
            continue
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeError):
            continue
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        texts = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
        text = "\n\n".join(filter(None, texts))
        if text:
            yield file, text


def writing(bundle: Path, data: Data) -> Row:
    """Tokens a second of `generate` and of a bare loop over the same graph, for the same text."""
    predictor, prompt = hw.load(bundle), data.valid.items["text"][0][:40]
    session = bare_session(read_bundle(bundle).files["model.onnx"])
    field: Any = predictor.input
    tokens = [field.start, *field.token_indices(prompt)]
    seconds: dict[str, list[float]] = {"ours": [], "bare": []}
    count = 0
    for turn in range(NUM_TURNS + 1):
        start = time.perf_counter()
        text = "".join(predictor.generate(prompt, max_tokens=NUM_TOKENS, temperature=0))
        middle = time.perf_counter()
        written = bare_loop(session, tokens, end=field.end_index)
        # The first turn is for warming up.
        if turn:
            seconds["ours"].append(middle - start)
            seconds["bare"].append(time.perf_counter() - middle)
        assert field.opened.decode(written) == text
        count = len(written)
    ours, bare = (count / median(seconds[name]) for name in ("ours", "bare"))
    return {"tokens a second": ours, "bare loop": bare, "ratio": ours / bare}


def bare_session(graph: bytes) -> onnxruntime.InferenceSession:
    """The graph in onnxruntime, with as many threads as Headway gives it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_cores()
    # Threads that spin while they wait would take the cores from one another.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def bare_loop(session: onnxruntime.InferenceSession, tokens: list[int], *, end: int) -> list[int]:
    """What is written after some tokens, the likeliest each time: nothing but the graph and its cache."""
    shape = session.get_inputs()[1].shape
    memory, grows, written = empty_memory(shape, batch=1), "past" in shape, list[int]()
    unread = tokens
    while len(written) < NUM_TOKENS:
        inputs = {"inputs": np.array([unread], dtype=np.int32), "memory": memory}
        logits, new = session.run(["logits", "new_memory"], inputs)
        memory = np.concatenate([memory, new], axis=1) if grows else new
        token = int(np.asarray(logits)[0].argmax())
        if token == end:
            break
        written.append(token)
        unread = [token]
    return written

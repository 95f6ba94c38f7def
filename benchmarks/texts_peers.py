"""How many times sooner than transformers' `Trainer` is its best accuracy on texts reached, and in how much memory?

`rt_polarity` (Pang and Lee 2005), a fifth held out, from the packaged MiniLM's weights; each side in a process of its
own, with the same number of threads. `Trainer` is set up as its task guide for text classification does it
(huggingface.co/docs/transformers/tasks/sequence_classification): `DataCollatorWithPadding`, batches of 16, a rate of
2e-5, a weight decay of 0.01, two epochs, each evaluated and saved, the best one loaded at the end; and with its own
default rate and epochs, 5e-5 and three. Its guide's evaluation counts. Headway is `from_items` and `fine_tune()` with
nothing chosen.

Seconds count from the table in memory: cutting texts into tokens, training and each epoch's evaluation are in them,
and imports are not. A side reaches an accuracy with the first entry of its history that has it, or Headway with the
model that it ends with; "best" is the highest of `Trainer`'s. Peak memory is the process's, its libraries included.
fastai's `text_classifier_learner` is from scratch, since its weights cannot be fetched here, and trains ten epochs at
1e-2 (docs.fast.ai/tutorial.text: batches of 64, `AWD_LSTM`, `drop_mult=0.5`). Goals: 3 times sooner than `Trainer`, in
at most half of its memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.results import Row, empty_cache
from benchmarks.texts import text_data, text_sets

# Of `Trainer`: the guide's options, and its own defaults.
RECIPES = {
    "Trainer, as its guide": {"learning_rate": 2e-5, "num_train_epochs": 2, "weight_decay": 0.01},
    "Trainer, its default rate and epochs": {"learning_rate": 5e-5, "num_train_epochs": 3},
}
FASTAI_EPOCHS = 10

History = dict[str, Any]
"""What a side's process reports: accuracies, when each was there, all seconds, and megabytes."""


def run() -> list[Row]:
    """Headway, both recipes of `Trainer`, and fastai."""
    from benchmarks.peers import is_installed

    items = text_sets().get("rt_polarity")
    if items is None or not (is_installed("transformers") and is_installed("accelerate")):
        print("rt_polarity, transformers or accelerate: not there, left out")
        return []
    return measured(items, with_fastai=is_installed("fastai"))


def measured(items: pl.DataFrame, *, with_fastai: bool = False) -> list[Row]:
    """The sides on a table, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "items.parquet"
        text_data(items).items.drop("row", "content").write_parquet(file)
        ours = _in_process("headway", file)
        theirs = {name: _in_process("trainer", file, **recipe) for name, recipe in RECIPES.items()}
        rows = [_row("Headway", ours, ours), *(_row(name, history, ours) for name, history in theirs.items())]
        if with_fastai:
            rows.append(_row("fastai, from scratch", _in_process("fastai", file, epochs=FASTAI_EPOCHS), ours))
    return rows


def _row(side: str, history: History, ours: History) -> Row:
    best = max(history["accuracies"])
    reached, ours_reached = first_as_good(history, best), first_as_good(ours, best)
    sooner = reached / ours_reached if reached and ours_reached else None
    beside = {"sooner, times": sooner or "never", "memory, times": history["megabytes"] / ours["megabytes"]}
    return {
        "side": side,
        **({} if history is ours else beside),
        "best accuracy": f"{best:.4f}",
        "reached, s": reached,
        "trained, s": history["seconds"],
        "peak memory, MB": history["megabytes"],
        "accuracies": ", ".join(f"{accuracy:.4f}" for accuracy in history["accuracies"]),
    }


def first_as_good(history: History, accuracy: float) -> float | None:
    """When a side's accuracy was first as high, in seconds; None if it never was."""
    moments = zip(history["elapsed"], history["accuracies"], strict=True)
    return next((seconds for seconds, value in moments if value >= accuracy), None)


def _in_process(side: str, file: Path, **options: float) -> History:
    command = [sys.executable, "-m", "benchmarks.texts_peers", side, str(file), json.dumps(options)]
    # Features that an earlier run computed would be read.
    with empty_cache():
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    history = json.loads(done.stdout.splitlines()[-1])
    print(side, options, history, flush=True)
    return history


def _headway(items: pl.DataFrame, folder: Path) -> History:
    import headway as hw
    from benchmarks.texts import Clock

    make, clock = (hw.from_items, hw.Text, hw.ColumnSplit, hw.Learner), Clock()
    began = time.perf_counter()
    from_items, text, split, learner_of = make
    data = from_items(items, input=text("text"), target="label", split=split("split"))
    learner = learner_of(data, progress=clock)
    learner.fine_tune()
    # What was kept is the last entry's network, or the head's, and may answer by more than its weights.
    kept = learner.evaluate("valid")["accuracy"].value
    return {
        "elapsed": [*(moment - began for moment in clock.moments), time.perf_counter() - began],
        "accuracies": [*(entry.metrics["accuracy"] for entry in learner.history), kept],
        "seconds": time.perf_counter() - began,
    }


def _trainer(items: pl.DataFrame, folder: Path, **recipe: float) -> History:
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    from headway.inputs.text.tokenizer import encoder_file

    moments: list[float] = []
    accuracies: list[float] = []

    class Watch(TrainerCallback):
        def on_evaluate(self, *_: Any, metrics: dict[str, float], **__: Any) -> None:
            moments.append(time.perf_counter())
            accuracies.append(metrics["eval_accuracy"])

    weights = encoder_file("model.safetensors").parent
    began = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(weights)
    parts = {}
    for side in ("train", "valid"):
        rows = items.filter(pl.col("split") == side)
        encoded = tokenizer(rows["text"].to_list(), truncation=True, max_length=256)
        labels = (rows["label"] == "positive").cast(pl.Int64).to_list()
        names = ("input_ids", "attention_mask", "token_type_ids")
        parts[side] = [
            {"label": label, **{name: encoded[name][row] for name in names}} for row, label in enumerate(labels)
        ]
    options: dict[str, Any] = {**recipe, "output_dir": str(folder), "use_cpu": True, "disable_tqdm": True}
    trainer = Trainer(
        model=AutoModelForSequenceClassification.from_pretrained(weights, num_labels=2),
        args=TrainingArguments(
            per_device_train_batch_size=16,
            per_device_eval_batch_size=16,
            eval_strategy="epoch",
            save_strategy="epoch",
            logging_strategy="no",
            load_best_model_at_end=True,
            dataloader_pin_memory=False,
            **options,
        ),
        train_dataset=parts["train"],  # pyright: ignore[reportArgumentType] - a list is enough
        eval_dataset=parts["valid"],  # pyright: ignore[reportArgumentType]
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=lambda answers: {"accuracy": float(np.mean(answers[0].argmax(axis=1) == answers[1]))},
        callbacks=[Watch()],
    )
    trainer.train()
    return {
        "elapsed": [moment - began for moment in moments],
        "accuracies": accuracies,
        "seconds": time.perf_counter() - began,
    }


def _fastai(items: pl.DataFrame, folder: Path, *, epochs: float) -> History:
    import pandas as pd
    from fastai.metrics import accuracy  # pyright: ignore[reportMissingImports]
    from fastai.text.all import (  # pyright: ignore[reportMissingImports]
        AWD_LSTM,
        TextDataLoaders,
        text_classifier_learner,
    )

    from benchmarks.peers import quiet, watched

    frame = pd.DataFrame({name: items[name].to_list() for name in ("text", "label")})
    frame["valid"] = (items["split"] == "valid").to_list()
    began = time.perf_counter()
    loaders = TextDataLoaders.from_df(frame, path=folder, text_col="text", label_col="label", valid_col="valid", bs=64)
    learner = text_classifier_learner(loaders, AWD_LSTM, pretrained=False, drop_mult=0.5, metrics=accuracy)
    moments, accuracies = watched(learner)
    with quiet(learner):
        learner.fit_one_cycle(int(epochs), 1e-2)
    return {
        "elapsed": [moment - began for moment in moments],
        "accuracies": accuracies,
        "seconds": time.perf_counter() - began,
    }


def _report(side: str, file: str, options: str) -> None:
    sides: dict[str, Callable[..., History]] = {"headway": _headway, "trainer": _trainer, "fastai": _fastai}
    with tempfile.TemporaryDirectory() as folder:
        history = sides[side](pl.read_parquet(file), Path(folder), **json.loads(options))
    # In kilobytes, on Linux.
    history["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps(history))


if __name__ == "__main__":
    _report(*sys.argv[1:])

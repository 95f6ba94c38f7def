"""What a bundle says of a trained model and its data: figures, what is familiar, and what answers usually look like."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from headway.bundle.export import NUM_CHECKS, export_bundle, export_program
from headway.bundle.out_of_distribution import Familiar, find_familiar, find_threshold
from headway.bundle.quantize import QuantizeName
from headway.bundle.reference import reference
from headway.data.dataset import Data
from headway.errors import ConfigError
from headway.judge.report.card import card
from headway.judge.report.report import Report
from headway.system.files import read_file
from headway.train.stage import Setup

__all__ = ["export_trained", "program_of"]

# Validation rows that the reference is made of at most.
MAX_REFERENCE = 20_000


def export_trained(
    path: str | os.PathLike[str],
    *,
    setup: Setup,
    report: Report,
    known: Mapping[str, np.ndarray] | None = None,
    quantize: QuantizeName | None = None,
    intended_use: str = "",
    misuse: str = "",
    sheet: str | os.PathLike[str] | None = None,
) -> Path:
    """Writes a trained model as a bundle, the report's figures in its manifest and card.

    `known` are the body's features by part, where they were computed earlier; `sheet` is a data sheet that somebody
    has filled in.

    Raises:
        ConfigError: If the data sheet cannot be read.
        BundleError: If the model cannot be turned into a graph, or the graph does not answer as the model does.
    """
    data, facts = setup.data, report.to_json()
    familiar = find_familiar(setup, known)
    manifest = {
        "arch": facts["settings"].get("arch"),
        "pretrained": facts["settings"].get("pretrained"),
        "metrics": {name: part["metrics"] for name, part in facts["parts"].items()},
        # A bundle carries what its figures were compared with, or they would say little elsewhere.
        "baselines": facts["baselines"],
        "verdict": facts["verdict"],
        # The fields stand in the manifest itself.
        "data": {name: value for name, value in facts["data"].items() if name not in ("input", "target")},
        "reference": _reference(setup, familiar),
    }
    return export_bundle(
        Path(path),
        model=setup.model,
        prepare=setup.prepare,
        input=data.input,
        target=data.target,
        examples=_examples(data),
        manifest=manifest,
        card=card(report, intended_use=intended_use, misuse=misuse, sheet=_sheet(setup, report, sheet)),
        familiar=familiar,
        quantize=data if quantize == "int8" else None,
    )


def program_of(setup: Setup, path: Path) -> None:
    """Writes a trained model as a program of `torch.export`; see `export_program`."""
    data = setup.data
    fields = {"input": data.input, "target": data.target}
    export_program(path, model=setup.model, prepare=setup.prepare, example=_examples(data), **fields)


def _examples(data: Data) -> np.ndarray:
    """Items for a bundle's check, of valid and, where that has too few, of train."""
    examples = [item for part in (data.valid, data.train) for item in part.canvases(range(min(NUM_CHECKS, len(part))))]
    return data.input.view(data.input.collate(examples))


def _sheet(setup: Setup, report: Report, path: str | os.PathLike[str] | None) -> str:
    if path is None:
        fairness = report.fairness
        return setup.data.sheet([] if fairness is None else [*fairness.columns])
    try:
        return read_file(path).decode()
    except (OSError, ValueError) as error:
        what, fix = "The data sheet cannot be read.", "Pass a text file, such as the sheet.md of `headway audit`."
        raise ConfigError(what, given=f"{path}: {error}", fix=fix) from error


def _reference(setup: Setup, familiar: Familiar | None) -> dict[str, Any]:
    part = setup.data.valid
    input, target = part.data.input, part.data.target
    predictions = setup.predict(part).predictions
    part = part.left()
    # Tens of thousands of items say as much as millions.
    chosen = np.linspace(0, len(part) - 1, min(len(part), MAX_REFERENCE)).astype(np.int64)
    known = familiar.valid_distances <= find_threshold(familiar.valid_distances) if familiar else None
    columns = input.reference(part.items[chosen.tolist()])
    checked = input.checked_columns(setup) or columns
    return reference(
        (input.statistics(input.view(part.canvases([index])[0])) for index in chosen),
        (target.statistics(target.decode(predictions[index])) for index in chosen),
        labels=target.labels,
        columns={name: column for name, column in columns.items() if name in checked},
        num_columns=len(columns),
        familiar=known,
    )

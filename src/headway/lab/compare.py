"""Is a picture of the data a good idea? The same rows and splits by each representation, and by the native method."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from headway.as_json import AsJson
from headway.data.build import from_items
from headway.data.dataset import Data
from headway.data.splits import ColumnSplit
from headway.errors import ConfigError
from headway.inputs.image.augment import Augment
from headway.inputs.image.field import Image
from headway.judge.grouped_items import number_groups
from headway.judge.intervals import Estimate
from headway.judge.metric import TaskMetrics
from headway.judge.significance import format_p
from headway.judge.verdict import format_parameters, verdict_part
from headway.lab.pictures import fitting, pictures
from headway.learner.learner import Learner
from headway.predictions import Predictions
from headway.system.files import writable, write_whole

__all__ = ["NATIVE", "LabReport", "Route", "compare"]

NATIVE = "native"
_PICTURE = "picture"


@dataclass(frozen=True, kw_only=True)
class Route(AsJson):
    """One way from the data to answers.

    Attributes:
        name: "native", or the representation.
        arch: The network.
        score: The main metric on the part, with its interval.
        seconds: For making the pictures and training.
        size: Parameters.
        difference: The score less that of the native route on the same items, of shares in points; None for it itself.
        p: That there is no difference, by a paired test.
        kind: What that says: "better", "worse" or "indistinguishable".
    """

    name: str
    arch: str
    score: Estimate
    seconds: float
    size: int
    difference: Estimate | None = None
    p: float | None = None
    kind: Literal["better", "worse", "indistinguishable"] | None = None


@dataclass(frozen=True, kw_only=True)
class LabReport(AsJson):
    """What `compare` found.

    Attributes:
        part: The part that the routes were judged on.
        count: Its items.
        metric: The main metric in words.
        routes: One a representation, the native one first where it was compared.
        seen: Pictures of some items for the eye, by representation and class: uint8 `[height, width, 3]` each.
    """

    part: str
    count: int
    metric: str
    is_share: bool
    routes: list[Route]
    seen: dict[str, dict[str, list[np.ndarray]]] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values, without the pictures."""
        return {name: value for name, value in super().to_json().items() if name != "seen"}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes one HTML page: the table, and six items of each class by each representation."""
        from headway.lab.page import page

        file = Path(path)
        with writable("The page", file):
            write_whole(file, page(self).encode())
        return file

    def rows(self) -> list[tuple[str, ...]]:
        """The table's rows as text: route, score, difference from native, verdict, seconds, parameters."""
        digits, sign = (3, " points") if self.is_share else (4, "")
        rows = []
        for route in self.routes:
            gap = route.difference.format(1 if self.is_share else 4, sign=True, unit=sign) if route.difference else ""
            said = f"{route.kind}, {format_p(route.p)}" if route.p is not None else ""
            seconds, size = f"{route.seconds:.1f}", format_parameters(route.size)
            rows.append((f"{route.name} ({route.arch})", route.score.format(digits), gap, said, seconds, size))
        return rows

    def __str__(self) -> str:
        head = ("route", self.metric, "less native", "verdict", "seconds", "parameters")
        table = [head, *self.rows()]
        widths = [max(len(row[column]) for row in table) for column in range(len(head))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
        ]
        return "\n".join([f"On {self.part}, {self.count:,} items, with 95 % intervals.", *lines])


def compare(
    data: Data,
    representations: Sequence[str] | None = None,
    *,
    arch: str = "efficientnet_lite0",
    size: int = 96,
    epochs: int | None = None,
    seed: int = 0,
    tell: Callable[[str], object] = str,
) -> LabReport:
    """The same rows and splits through the native method, and as pictures through a photo network.

    Args:
        data: A data set of series, recordings, bytes or rows of a table.
        representations: "native", and names of `headway.lab.pictures.REPRESENTATIONS`. Default: native, and all that
            such items have.
        arch: The photo network.
        size: Side of the pictures, in pixels.
        epochs: Epochs of the photo network's fine-tuning; 0 solves its head alone. Default: its own. The native method
            is trained by its own recipe.
        seed: The seed of every route.
        tell: Called with the name of each route before it begins.

    Raises:
        ConfigError: If a representation is not known, or these items have none.

    Example:
        >>> print(compare(data, ["native", "recurrence plot"]))  # doctest: +SKIP
    """
    names = list(representations or [NATIVE, *fitting(data)])
    if not [name for name in names if name != NATIVE]:
        what, fix = (
            "These items have no pictures to compare with.",
            "Pass series, recordings, bytes or rows of a table.",
        )
        raise ConfigError(what, given=str(data.input), fix=fix)
    # All pictures first, so that a name that is not known costs no training.
    drawn = {name: _timed(pictures, data, name, size=size) for name in names if name != NATIVE}
    part, runs = verdict_part([name for name in data.parts if name != "train"]), {}
    for name in names:
        tell(name)
        if name == NATIVE:
            runs[name] = _run(data, None, part=part, epochs=None, seed=seed)
            continue
        images, seconds = drawn[name]
        learned = _run(_as_pictures(data, images, size), arch, part=part, epochs=epochs, seed=seed, is_picture=True)
        runs[name] = (*learned[:2], learned[2] + seconds, learned[3])
    return _report(data, runs, part=part, drawn={name: images for name, (images, _) in drawn.items()}, seed=seed)


_Run = tuple[Predictions, str, float, int]


def _timed(make: Callable[..., Any], *inputs: Any, **options: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    made = make(*inputs, **options)
    return made, time.perf_counter() - start


def _run(data: Data, arch: str | None, *, part: Any, epochs: int | None, seed: int, is_picture: bool = False) -> _Run:
    """Predictions, architecture, seconds and parameters of one route; rows are those of the given data."""
    # A picture of data has an up and a left, and means another thing when it is turned.
    augment = {"augment": Augment.none()} if is_picture else {}
    learner, seconds = _timed(Learner, data, arch, seed=seed, progress=False, **augment)
    _, training = _timed(learner.fine_tune, **({} if epochs is None else {"epochs": epochs}))
    size = sum(tensor.numel() for tensor in learner.model.state_dict().values())
    return learner.predictions(part), learner.arch, seconds + training, size


def _as_pictures(data: Data, images: Sequence[np.ndarray], size: int) -> Data:
    """The same rows in the same parts, with pictures in place of the items."""
    columns = [name for name in dict.fromkeys([*data.target.columns, "split"]) if name in data.items.columns]
    frame: dict[str, Any] = {name: data.items[name].to_list() for name in columns}
    frame[_PICTURE] = list(images)
    return from_items(frame, input=Image(_PICTURE, size=size), target=data.target, split=ColumnSplit("split"))


def _report(
    data: Data, runs: dict[str, _Run], *, part: str, drawn: dict[str, list[np.ndarray]], seed: int
) -> LabReport:
    metrics, rows = data.target.metrics(), data.items["row"].to_list()
    # Pictures are numbered anew; two that are the same may have been left out of train.
    numbered = {
        name: dict(zip(_rows_of(run[0], rows, name), range(len(run[0])), strict=True)) for name, run in runs.items()
    }
    common = [row for row in rows if all(row in numbers for numbers in numbered.values())]
    answers = {name: run[0].predictions[[numbered[name][row] for row in common]] for name, run in runs.items()}
    first = next(iter(runs))
    targets = runs[first][0].targets[[numbered[first][row] for row in common]]
    column = data.split.groups
    where = [rows.index(row) for row in common]
    groups = None if column is None else number_groups(data.items[column][where])
    routes = []
    for name, (_, arch, seconds, size) in runs.items():
        score = metrics.evaluate(answers[name], targets, names=[metrics.main], seed=seed, groups=groups)[metrics.main]
        route: dict[str, Any] = {"name": name, "arch": arch, "score": score, "seconds": seconds, "size": size}
        if NATIVE in answers and name != NATIVE:
            route |= _against(metrics, answers[name], answers[NATIVE], targets, seed=seed, groups=groups)
        routes.append(Route(**route))
    seen = {name: _of_each_class(data, images) for name, images in drawn.items()}
    facts: dict[str, Any] = {"part": part, "count": len(common), "metric": metrics.title, "is_share": metrics.is_share}
    return LabReport(**facts, routes=routes, seen=seen)


def _rows_of(predictions: Predictions, rows: Sequence[int], name: str) -> list[int]:
    """The rows of the data set that a route's predictions are of."""
    return predictions.rows.tolist() if name == NATIVE else [rows[number] for number in predictions.rows.tolist()]


def _against(metrics: TaskMetrics, ours: Any, native: Any, targets: Any, **options: Any) -> dict[str, Any]:
    compared = metrics.compare(ours, native, targets, **options)
    gap, kind = compared.difference, "indistinguishable"
    if compared.p < 0.05 and (gap.low > 0 or gap.high < 0):
        kind = "better" if (gap.value > 0) == metrics.higher_is_better else "worse"
    return {"difference": gap, "p": compared.p, "kind": kind}


def _of_each_class(data: Data, images: Sequence[np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Six training items of each class, drawn as they come; of numbers six of each third."""
    labels = data.items.with_columns(pl.Series("_stratum", data.target.strata(data.items)))
    strata = labels.filter(pl.col("split") == "train")["_stratum"].unique().sort().to_list()
    is_train = (data.items["split"] == "train").to_list()
    chosen: dict[str, list[np.ndarray]] = {str(name): [] for name in strata}
    for image, stratum, is_shown in zip(images, labels["_stratum"], is_train, strict=True):
        if is_shown and len(chosen[stratum]) < 6:
            chosen[stratum].append(image)
    return chosen

"""A table in plain PyTorch: how its columns become numbers and indices, and the network of its rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import torch

from headway.inputs.table.columns import _DATE_NUMBERS, MAX_CATEGORIES, MIN_ROWS
from headway.inputs.table.field import Table
from headway.inputs.table.models import TabularModel
from headway.inputs.table.parse_values import Scale, frequencies
from headway.peel.facts import KindParts, Subject, refuse
from headway.peel.specialise import Known, constant
from headway.seeds import torch_seed

__all__ = ["parts"]


def parts(field: Table, subject: Subject) -> KindParts:
    """What a table brings to the file."""
    if subject.settings["arch"] != "realmlp":
        refuse("torch", f"arch={subject.settings['arch']!r} for a table")
    has = {kind: bool(getattr(field, kind)) for kind in ("continuous", "categorical", "dates")}
    facts = {f"facts.{kind}": constant(kind.upper(), list(getattr(field, kind))) for kind in has}
    facts |= {f"facts.has_{kind}": Known(value=value) for kind, value in has.items()}
    facts["facts.bins"] = constant("BINS", field.num_bins, "quantiles of a column that tell its numbers apart, at most")
    has_numbers, has_indices = Known(value=bool(field.edges)), Known(value=bool(field.categories))
    model = {"edges": has_numbers, "sizes": has_indices}
    model |= {"self.numbers is not None": has_numbers, "self.categories is not None": has_indices}
    sizes = [size - 1 for size in field.categories.values()]
    has_many = Known(value=any(size > 9 for size in sizes))
    model |= {"self.vectors is not None": has_many, "many": has_many}
    return KindParts(
        blocks={"data": read_table, "model": make_model},
        known={
            "": facts,
            "headway.inputs.table.models": model,
            "headway.inputs.table.columns": {"_SECONDS_A_DAY": Known("86_400")},
        },
        methods={Scale: ("fit", "__call__")},
        columns=field.plain(subject.setup.data.items),
    )


def number_column(values: np.ndarray, train: np.ndarray, bins: int) -> tuple[np.ndarray, tuple[float, ...]]:
    """A column on one scale, which is learned from the training rows; and their quantiles."""
    scale = Scale.fit(values[train][~np.isnan(values[train])], bins=bins)
    return scale(values), scale.edges


def category_column(texts: pl.Series, train: np.ndarray) -> tuple[np.ndarray, int]:
    """A column as indices, and how many there are: 0 for what training rows had too rarely, or never."""
    known = [text for text, count in frequencies(texts[train]) if count >= MIN_ROWS][:MAX_CATEGORIES]
    if texts[train].null_count():
        known.append(None)
    index = {text: number for number, text in enumerate(known, start=1)}
    return np.array([index.get(text, 0) for text in texts]), 1 + len(known)


def date_columns(moments: list[Any], train: np.ndarray, bins: int) -> tuple[list[Any], list[Any], list[np.ndarray]]:
    """A column of dates as several numbers, their quantiles, and month and weekday as indices, 0 for a missing date."""
    known = sorted(moments[position] for position in train if moments[position] is not None)
    origin = known[len(known) // 2]
    is_known = np.array([moment is not None for moment in moments])
    numbers, edges = [], []
    for name, of in _DATE_NUMBERS.items():
        values = np.array([math.nan if moment is None else of(moment, origin) for moment in moments])
        # A number that is the same in all rows, such as the hour of a date without a time, says nothing.
        if name == "days" or len(np.unique(values[train][is_known[train]])) > 1:
            scale = Scale.fit(values[train][is_known[train]], bins=bins)
            numbers.append(np.where(is_known, scale(values), 0.0))
            edges.append(scale.edges)
    months = np.array([0 if moment is None else moment.month for moment in moments])
    weekdays = np.array([0 if moment is None else moment.isoweekday() for moment in moments])
    return numbers, edges, [months, weekdays]


def read_table(facts: Any, items: pl.DataFrame, train: np.ndarray) -> None:
    numbers, edges, indices, sizes = [], [], [], []
    if facts.has_continuous:
        for name in facts.continuous:
            values = items[name].fill_null(math.nan).to_numpy()
            column, quantiles = number_column(values, train, facts.bins)
            numbers.append(column)
            edges.append(quantiles)
            # Missing numbers are the median, and an index says so.
            if np.isnan(values[train]).any():
                indices.append(np.isnan(values))
                sizes.append(2)
    if facts.has_categorical:
        for name in facts.categorical:
            column, size = category_column(items[name], train)
            indices.append(column)
            sizes.append(size)
    if facts.has_dates:
        for name in facts.dates:
            columns, quantiles, calendar = date_columns(items[name].to_list(), train, facts.bins)
            numbers += columns
            edges += quantiles
            indices += calendar
            sizes += [13, 8]
    # A row is one array: first the scaled numbers, then the category indices.
    table = np.stack([*numbers, *indices], axis=1).astype(np.float32)

    def inputs_of(positions: np.ndarray, epoch: int | None = None) -> torch.Tensor:
        """Rows as the model takes them, the same in each epoch: float32 `[batch, features]`."""
        return torch.from_numpy(table[positions])


def make_model(facts: Any, edges: list[Any], sizes: list[int]) -> None:
    torch.manual_seed(torch_seed(facts.seed, "init"))
    model = TabularModel(edges=edges, sizes=sizes, num_outputs=facts.num_outputs)

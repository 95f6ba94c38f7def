"""Items that were left out, that are unlike all others, and classes that come from one source alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl

from headway.audit.leaks import group_columns, whole_groups
from headway.data.dataset import Data, Part
from headway.judge.diagnosis.finding import DROP, Finding, Line, Severity
from headway.judge.diagnosis.item_audit import ItemAudit, Unseen
from headway.judge.intervals import wilson

__all__ = ["check_left_out", "check_sources", "check_unlike"]

_SHOWN = 200
_MANY = 0.01
# A source of so many items or more, of at most so many sources; how likely a class of one source is by chance.
_MOST_SOURCES, _FEWEST, _BY_CHANCE = 50, 10, 1e-4
# How far an item's nearest neighbours are, in deviations of their logarithm, to be unlike the rest.
_NEIGHBOURS, _UNLIKE = 5, 4.5
# Of many items so large a share: strange ones can be alike, such as drawings among photos.
_SHARE = 0.03


def check_left_out(data: Data) -> list[Finding]:
    """Items that cannot be read or have no answer."""
    # Neither what the split itself leaves out, such as the gap before valid of forecasts, nor what people decided on.
    is_meant = pl.col("reason").str.contains("identical to an item|^dropped by ") | (
        pl.col("reason") == data.split.left_out
    )
    problems = data.problems.filter(~is_meant)
    if not len(problems):
        return []
    share = wilson(len(problems), len(problems) + len(data.items))
    severity: Severity = "warning" if share.low > _MANY else "note"
    reasons = Counter(reason.partition(":")[0] for reason in problems["reason"])
    named = "; ".join(f"{count:,} {reason}" for reason, count in reasons.most_common(4))
    sentence = f"{len(problems):,} of {len(problems) + len(data.items):,} items ({share.value:.1%}) left out: {named}."
    shown = problems.head(5)
    names = shown[data.input.column] if data.input.source == "file" else "row " + shown["row"].cast(pl.String)
    first = [f"{name}: {reason}" for name, reason in zip(names, shown["reason"], strict=True)]
    evidence = {"share": share.to_json(), "first": first}
    line = Line(python="print(data.problems)")
    return [Finding("unreadable", severity, sentence, evidence, ("repair or remove them",), line)]


def check_sources(items: ItemAudit) -> list[Finding]:
    """Classes all of whose items come from one camera, site or author, where others come from several."""
    part = items.part
    if not part.data.target.is_one_class:
        return []
    findings = []
    for name, column, is_named in group_columns(items):
        known = pl.DataFrame({"source": column, "target": part.targets}).drop_nulls()
        shares = known["source"].value_counts(normalize=True, name="share")
        if not 2 <= len(shares) <= _MOST_SOURCES:
            continue
        by_source = dict(shares.rows())
        single = known.group_by("target").agg(pl.col("source").unique().alias("sources"), pl.len().alias("count"))
        single = single.filter((pl.col("sources").list.len() == 1) & (pl.col("count") >= _FEWEST))
        named = [
            (part.data.target.labels[target], sources[0], count)
            for target, sources, count in single.sort("target").rows()
            if by_source[sources[0]] ** count < _BY_CHANCE
        ]
        if named:
            shown = "; ".join(f'all {count:,} of "{label}" from {source}' for label, source, count in named[:5])
            sentence = f"By {name!r} {len(named)} of {len(part.data.target.labels)} classes have one source: {shown}."
            remedies = ("collect each class from several sources", "judge the model on items from another source")
            evidence = {"column": name, "classes": [label for label, *_ in named[:50]]}
            line = whole_groups(name, is_named=is_named, solves=False)
            findings.append(Finding("single_source", "warning", sentence, evidence, remedies, line))
    return findings


def check_unlike(part: Part, unseen: Unseen | None) -> list[Finding]:
    """Items far from all others, by what a pretrained body makes of them."""
    if unseen is None or unseen.features is None or len(unseen.rows) <= 2 * _NEIGHBOURS:
        return []
    features = unseen.features / np.maximum(np.linalg.norm(unseen.features, axis=1, keepdims=True), 1e-9)
    distances = np.concatenate(
        [_distances(block, features) for block in np.array_split(features, 1 + len(features) // 1024)]
    )
    logs = np.log(np.maximum(distances, 1e-9))
    spread = max(1.4826 * float(np.median(np.abs(logs - np.median(logs)))), 1e-3)
    scores = (logs - np.median(logs)) / spread
    order = np.argsort(-scores, kind="stable")
    far = order[scores[order] > _UNLIKE]
    if not len(far):
        return []
    share = wilson(len(far), len(features))
    sentence = f"Far from all others, as a pretrained network sees them: {len(far):,} of {len(features):,} items."
    evidence = {"share": share.to_json(), "rows": unseen.rows[far].tolist()[:_SHOWN]}
    return [Finding("unlike_items", "note", sentence, evidence, ("look through them: headway clean DATA",), DROP)]


def _distances(block: np.ndarray, features: np.ndarray) -> np.ndarray:
    """How far each item of a block is from its nearest ones but itself, on average, by the angle."""
    similar = block @ features.T
    count = max(_NEIGHBOURS, round(_SHARE * len(features)))
    nearest = np.partition(similar, -count - 1, axis=1)[:, -count - 1 :]
    return 1 - np.sort(nearest, axis=1)[:, :-1].mean(axis=1)

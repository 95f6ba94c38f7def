"""A trained model's evidence in texts: by leaving words out, checked against gradients x input; and the report's."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from textwrap import shorten
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from headway.data.dataset import Part
from headway.inputs.text.evidence import TextEvidence, TextParts, card
from headway.judge.report.report import Picture, Report
from headway.train.checks import has_linear_head
from headway.train.loop import evaluating
from headway.train.predictions import as_inputs, nearest, part_vectors, predict_arrays
from headway.train.stage import Setup

if TYPE_CHECKING:
    from headway.inputs.text.field import Text

__all__ = ["explain", "report_pictures", "token_gradients"]

# Training texts that are compared with a text that a report shows; how many of them it shows, and what of each.
_COMPARED, _SIMILAR, _SHORT = 2_000, 2, 160
# Characters of a text that a report shows with its words marked.
_SHOWN = 1_500


def explain(setup: Setup, value: Any, label: str | None = None) -> TextEvidence:
    """What in a text speaks for an answer, by default the most probable one; see `Learner.explain`."""
    field, target = cast("Text", setup.data.input), setup.data.target
    parts = TextParts(field, value)
    arrays = field.collate([field.read(text) for text in parts.values])
    answers = target.decode_many(predict_arrays(setup, arrays, batch_size=32))
    evidence = parts.weighed(answers, label=label, of=target.column)
    output = target.labels.index(evidence.answer) if target.labels else 0
    slopes = token_gradients(setup, field.read(value)[None], output)
    return replace(evidence, agreement=_agreement(parts, evidence, slopes)) if slopes is not None else evidence


def token_gradients(setup: Setup, tokens: np.ndarray, output: int) -> np.ndarray | None:
    """How much each token of a text speaks for an output: gradients x input, summed over its vector.

    Args:
        setup: The model with its data.
        tokens: One text, int32 `[1, tokens]`.
        output: Of the outputs' indices.

    Returns:
        float32 `[tokens]`; None where the model looks up no vectors, as one of a user's own may not.

    Source:
        Shrikumar et al. 2016, arXiv:1605.01713; on the vectors of tokens as in Li et al. 2016, arXiv:1506.01066.
    """
    vectors: list[torch.Tensor] = []

    def keep(_: nn.Module, __: Any, looked_up: torch.Tensor) -> torch.Tensor | None:
        # The tokens' own vectors are looked up first, those of their positions later.
        if vectors:
            return None
        vectors.append(looked_up.detach().requires_grad_())
        return vectors[0]

    tables = [module for module in setup.model.modules() if isinstance(module, nn.Embedding)]
    handles = [table.register_forward_hook(keep) for table in tables]
    try:
        with evaluating(setup.model), torch.enable_grad():
            outputs = setup.model(as_inputs(setup, tokens)).float()[0]
            if not vectors or vectors[0].shape[:2] != tokens.shape:
                return None
            others = torch.cat([outputs[:output], outputs[output + 1 :]])
            is_one_class = setup.data.target.is_one_class and len(others)
            (slopes,) = torch.autograd.grad(outputs[output] - (others.logsumexp(0) if is_one_class else 0), vectors)
    finally:
        for handle in handles:
            handle.remove()
    return (slopes * vectors[0]).sum(dim=-1)[0].detach().float().cpu().numpy()


def _agreement(parts: TextParts, evidence: TextEvidence, slopes: np.ndarray) -> float | None:
    """Spearman's correlation of the two weights of each part; None where there is nothing to rank."""
    from scipy.stats import spearmanr

    by_gradient = [
        sum(
            float(slope)
            for slope, (token, stop) in zip(slopes, parts.offsets, strict=True)
            if token < stop and token < parts.starts[column] + end and stop > parts.starts[column] + start
        )
        for column, start, end in parts.spans
    ]
    weights = [piece.weight for pieces in evidence.columns.values() for piece in pieces if piece.weight is not None]
    if len(weights) < 3 or not np.ptp(weights) or not np.ptp(by_gradient):
        return None
    correlation, _ = spearmanr(weights, by_gradient)
    return float(cast("Any", correlation))


def report_pictures(setup: Setup, report: Report) -> dict[int, Picture]:
    """The texts that the report's sections show, by their rows; where an answer is explained, with marked words."""
    field = cast("Text", setup.data.input)
    shown = {row for section in report.sections.values() for row in section.rows}
    values = {row["row"]: field.from_row(row) for row in setup.data.items.iter_rows(named=True) if row["row"] in shown}
    pictures = {row: Picture(html=card(field, value)) for row, value in values.items()}
    explained = {row: output for section in report.sections.values() for row, output in section.explained.items()}
    evidence = {row: explain(setup, values[row], report.labels[output]) for row, output in explained.items()}
    legend = _legend([one.agreement for one in evidence.values() if one.agreement is not None])
    similar = _similar_texts(setup, field, list(evidence))
    marked = {row: one.to_html(limit=_SHOWN) + similar.get(row, "") for row, one in evidence.items()}
    return pictures | {row: Picture(html=html, legend=legend) for row, html in marked.items()}


def _similar_texts(setup: Setup, field: Text, rows: list[int]) -> dict[int, str]:
    """The training texts that the model's body takes for most like these rows, with their labels, as HTML."""
    data = setup.data
    asked = Part(data, "valid", data.items.filter(data.items["row"].is_in(rows)))
    known = Part(data, "train", data.train.items.gather_every(-(-len(data.train) // _COMPARED)))
    if not rows or not has_linear_head(setup.model) or len(known) <= _SIMILAR:
        return {}
    positions, similarities = nearest(part_vectors(setup, known), part_vectors(setup, asked), k=_SIMILAR)
    labels = data.target.values(known.items)
    texts = [shorten(text, _SHORT, placeholder=" ...") for text in field.joined(known.items)]
    cards = [f"<b>{escape(str(label))}</b>{escape(text)}" for label, text in zip(labels, texts, strict=True)]
    among = "" if len(known) == len(data.train) else f" of {len(known):,}"
    return {
        row: f'<p class="file">Nearest training texts{among}: '
        + "".join(f"{cards[position]} ({similarity:.2f})" for position, similarity in zip(*pair, strict=True))
        + "</p>"
        for row, *pair in zip(asked.rows.tolist(), positions.tolist(), similarities.tolist(), strict=True)
    }


def _legend(agreements: list[float]) -> str:
    check = ""
    if agreements:
        check = (
            f" Gradients x input rank the words alike with a rank correlation of {np.mean(agreements):.2f}, the mean "
            f"of {len(agreements)} text{'s' if len(agreements) > 1 else ''}."
        )
    return (
        '<p>Words that speak <mark class="for" style="--share:1">for</mark> the prediction, and '
        '<mark class="against" style="--share:1">against</mark> it: what its odds lose or gain when the word is left '
        f"out.{check}</p>"
    )

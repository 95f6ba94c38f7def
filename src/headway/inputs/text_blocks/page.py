"""What a report shows of a language model: what it writes, and where real texts surprise it most."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from headway.as_json import AsJson
from headway.inputs.text_blocks.models import Writer
from headway.judge.report.report import Report, Section
from headway.train.loop import evaluating
from headway.train.predictions import as_inputs, step_of
from headway.train.stage import Setup

if TYPE_CHECKING:
    from headway.inputs.text_blocks.field import TextBlocks

__all__ = ["Sample", "Surprise", "sections"]

NUM_SAMPLES, SAMPLE_TOKENS, PROMPT_CHARACTERS, TEMPERATURE = 3, 100, 40, 0.8
# Blocks that are searched, and characters around a place.
NUM_BLOCKS, NUM_PLACES, AROUND = 64, 12, 60


@dataclass(frozen=True)
class Sample(AsJson):
    """The beginning of a validation text, and what the model makes of it."""

    prompt: str
    text: str


@dataclass(frozen=True)
class Surprise(AsJson):
    """A token of a validation text that the model gave little probability, with the text around it.

    A token of 10 bits had a probability of 1 in 1,024.
    """

    row: int
    before: str
    token: str
    after: str
    bits: float


def sections(field: TextBlocks, setup: Setup, report: Report) -> dict[str, Section]:
    """What the model writes, and its most surprising places in valid."""
    if not isinstance(setup.model, Writer):
        return {}
    samples, surprises = _samples(field, setup), _surprises(field, setup, setup.model)
    return {
        "samples": Section("What it writes", samples, lambda _, value: _samples_html(value)),
        "surprises": Section("Most surprising places", surprises, lambda _, value: _surprises_html(value)),
    }


def _samples(field: TextBlocks, setup: Setup) -> list[Sample]:
    texts = setup.data.valid.items[field.column].to_list()[:NUM_SAMPLES]
    samples = []
    for seed, text in enumerate(texts):
        prompt = text[:PROMPT_CHARACTERS]
        options: dict[str, Any] = {"max_tokens": SAMPLE_TOKENS, "temperature": TEMPERATURE, "seed": seed}
        samples.append(Sample(prompt, "".join(field.write(step_of(setup), prompt, **options))))
    return samples


def _surprises(field: TextBlocks, setup: Setup, writer: Writer) -> list[Surprise]:
    part = setup.data.valid
    candidates = []
    for position in np.linspace(0, len(part) - 1, min(NUM_BLOCKS, len(part))).astype(int).tolist():
        tokens = part.canvases([position])
        with evaluating(setup.model), torch.inference_mode():
            bits = writer.bits(as_inputs(setup, tokens))[0].cpu().numpy()
        # The bits of a token stand where the one before it is.
        candidates += [(float(bits[index]), position, index + 1) for index in np.argsort(-bits)[:NUM_PLACES].tolist()]
    worst = sorted(candidates, key=lambda candidate: -candidate[0])[:NUM_PLACES]
    return [_surprise(field, setup, *candidate) for candidate in worst]


def _surprise(field: TextBlocks, setup: Setup, bits: float, position: int, index: int) -> Surprise:
    part, tokens = setup.data.valid, setup.data.valid.canvases([position])[0]
    before, token, after = (
        field.opened.decode(piece.tolist(), skip_special_tokens=False)
        for piece in (tokens[1:index], tokens[index : index + 1], tokens[index + 1 :])
    )
    return Surprise(int(part.rows[position]), before[-AROUND:], token, after[:AROUND], bits)


def _samples_html(samples: list[Sample]) -> str:
    texts = "".join(f"<pre><b>{escape(sample.prompt)}</b>{escape(sample.text)}</pre>" for sample in samples)
    return (
        f"<p>The beginnings of {len(samples)} validation texts, in bold, and how the model goes on "
        f"(temperature {TEMPERATURE:g}).</p>{texts}"
    )


def _surprises_html(surprises: list[Surprise]) -> str:
    rows = "".join(
        f"<tr><td>{surprise.bits:.1f}</td><td>{escape(surprise.before)}<b>{escape(surprise.token)}</b>{escape(surprise.after)}</td>"
        f"<td>{surprise.row}</td></tr>"
        for surprise in surprises
    )
    return (
        "<p>The tokens of validation texts that the model gave the least probability, in bold. A token of 10 bits had "
        f"a probability of 1 in 1,024.</p><table><tr><th>bits</th><th>text</th><th>row</th></tr>{rows}</table>"
    )

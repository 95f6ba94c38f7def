"""The model card that goes into the bundle: facts alone, and blanks where only a person knows.

Source of the form: Mitchell et al. 2019, arXiv:1810.03993.
"""

from __future__ import annotations

from headway.judge.report import Report

__all__ = ["card"]


def card(report: Report) -> str:
    """A model card in Markdown."""
    facts = report.to_json()
    data, settings = facts["data"], facts["settings"]
    lines = [
        "# Model card",
        "",
        f"- Task: {facts['task']}, {len(facts['labels'])} classes: {', '.join(facts['labels'])}",
        f"- Architecture: {settings.get('arch')}; pretrained weights: {settings.get('pretrained') or 'none'}",
        f"- Data: {data['items']} items ({', '.join(f'{count} {name}' for name, count in data['parts'].items())}); "
        f"{data['left_out']} left out; split: {data['split']}",
        f"- Verdict: {facts['verdict']['sentence']}",
        "",
        "## How good it is",
        "",
        "| part | metric | value | 95 % interval |",
        "|---|---|---|---|",
    ]
    for name, part in report.parts.items():
        for metric, estimate in part.metrics.items():
            lines.append(f"| {name} | {metric} | {estimate.value:.4f} | {estimate.low:.4f} to {estimate.high:.4f} |")
    lines += ["", "## To be filled in by a person", ""]
    lines += [f"- {question}: ____" for question in _QUESTIONS]
    return "\n".join(lines) + "\n"


_QUESTIONS = (
    "What it is meant for, and what it is not",
    "Who made it, and whom to ask",
    "Where the data come from, with whose consent, under which licence",
    "Who could be harmed when it is wrong, and how",
)

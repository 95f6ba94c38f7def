"""What the page that answers says of a model, the same from a server and in the browser.

A file of its own, since a server must not load what `bundle/site.py` needs.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from headway.inputs.base import Input
from headway.targets.base import Target

__all__ = ["page_facts"]


def page_facts(input: Input, target: Target) -> dict[str, Any]:
    """What the page says of a model's fields, and what it needs to show an answer, as JSON values."""
    return {
        "task": target.task,
        "target": target.column,
        "labels": list(target.labels),
        "question": input.question(target),
        "summary": target.summary(),
        "noun": input.noun,
        "nouns": input.nouns,
        "media": asdict(target.media) if target.media else None,
        **target.page_facts(),
    }

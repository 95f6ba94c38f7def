"""`headway course doctor`: whether this computer has what the course needs."""

from __future__ import annotations

import json
from typing import Annotated

import typer

__all__ = ["doctor"]


def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line for each check.")] = False
) -> None:
    """Look at what the course needs on this computer, with a remedy for each problem; measure its speed."""
    from dataclasses import asdict

    from headway.course.doctor import examine
    from headway.course.state import course_folder

    remedies = 0
    for finding in examine(course_folder()):
        remedies += bool(finding.remedy)
        if as_json:
            print(json.dumps(asdict(finding)))
            continue
        print(f"{finding.name + ':':13}{finding.text}", flush=True)
        if finding.remedy:
            print(f"{'':13}{finding.remedy}")
    if not as_json:
        print(
            "Everything is there: headway course run 1"
            if not remedies
            else f"Lines with a remedy: {remedies}. The course runs without editor, fsrs and watchfiles."
        )

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

    for finding in examine(course_folder()):
        if as_json:
            print(json.dumps(asdict(finding)))
            continue
        print(f"{finding.name + ':':13}{finding.text}", flush=True)
        if finding.remedy:
            print(f"{'':13}{finding.remedy}")

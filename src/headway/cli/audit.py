"""`headway audit`: what is wrong with data, before a single step of training."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from headway.cli.data_options import (
    Decimal,
    DecisionFiles,
    Encoding,
    InputColumns,
    KindName,
    LabelSeparator,
    Limits,
    MaskClasses,
    MaskIgnore,
    Missing,
    Separator,
    Size,
    SplitColumn,
    TargetColumn,
    ValidShare,
    check_fields,
    local,
    open_data,
)
from headway.system.terminal import echo

__all__ = ["audit"]


def audit(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", callback=local, help="A folder or a table, as for `headway train`."),
    ],
    *,
    input: InputColumns = None,
    target: TargetColumn = None,
    kind: KindName = None,
    classes: MaskClasses = None,
    ignore: MaskIgnore = None,
    limits: Limits = None,
    missing: Missing = None,
    label_separator: LabelSeparator = None,
    split_column: SplitColumn = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    valid: ValidShare = 0.2,
    size: Size = None,
    decisions: DecisionFiles = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed.")] = 0,
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where audit.html and audit.json go. Default: audits/NAME.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Look for leaks, shortcuts, wrong labels and poor items in data, before training."""
    options = {key: value for key, value in locals().items() if key not in ("output", "open_page", "as_json")}
    options |= {"data": str(data.absolute()), "near_copies": "keep", "tokenizer": None}
    check_fields(data, options)
    from headway.audit.build import audit_data
    from headway.train.progress import make_progress

    progress = make_progress()
    items = open_data(options, on_progress=lambda done, total: progress.count("reading", done, total))
    name = re.sub(r"[^\w.-]+", "-", data.resolve().stem).strip(".") or "data"
    judged = audit_data(
        items,
        name=name,
        source=shlex.quote(str(data)),
        seed=seed,
        tell=lambda check: progress.tell(f"checking {check}"),
    )
    folder = output or Path("audits") / name
    folder.mkdir(parents=True, exist_ok=True)
    judged.save(folder / "audit.json")
    page = judged.save(folder / "audit.html")
    sheet = folder / "sheet.md"
    # Somebody may have filled it in.
    if not sheet.exists():
        sheet.write_text(items.sheet(), encoding="utf-8")
    if as_json:
        echo(json.dumps(judged.to_json()))
    else:
        echo(f"{judged}\n", lines=True)
        echo(f"audit: {page}")
        echo(f"data sheet, with blanks to fill: {sheet}")
    if open_page:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())

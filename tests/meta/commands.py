"""docs/commands.md: every command with its options, as their `--help` says them.

It is made by `.venv/bin/python -m tests.meta.commands`; a test compares it with the command line.
"""

from __future__ import annotations

import textwrap
from typing import Any

from typer.main import get_command

from headway.cli import app
from tests.meta.modules import ROOT

PAGE = ROOT / "docs" / "commands.md"

OPENING = """# Commands

Every command of `headway`, as its `--help` shows it. All but `serve` and `export-web` take `--json`, for output that a
program can read. `headway --version` prints the version; `python -m headway` is the same command for another Python.

## Completion

The first line teaches the shell that it runs in (bash, zsh, fish or PowerShell) to complete commands and options, from
the next shell on; the second prints what the first would add:

```text
headway --install-completion
headway --show-completion
```

## Exit status

| status | when |
|---|---|
| 0 | The command did what it was asked. A server that was stopped ends with it, too. |
| 1 | An item cannot be read, a failure was explained, an exercise or a claim fails; or a traceback, of Headway's own. |
| 2 | A mistake in the command, the options or the data, or something is missing. The message names it and what to do. |
| 130 | Ctrl-C. What had been done was saved where there is a run. |
| 143 | SIGTERM, likewise. |
"""


def page() -> str:
    root: Any = get_command(app)
    sections = [OPENING]
    for name, command in root.commands.items():
        sections += _section(f"headway {name}", command)
        for below, subcommand in getattr(command, "commands", {}).items():
            sections += _section(f"headway {name} {below}", subcommand)
    return "\n".join(sections)


def _section(name: str, command: Any) -> list[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    usage = " ".join([name, *(f"[{each.metavar}]" if not each.required else each.metavar for each in arguments)])
    examples = [f"    {line}" for line in command.epilog.splitlines()[1:]]
    lines = [f"## `{usage}`\n", f"{textwrap.fill(command.help, 120)}\n", *examples, ""]
    rows = [(parameter.rich_help_panel or "", _row(parameter)) for parameter in command.params]
    subjects = list(dict.fromkeys(subject for subject, _ in rows))
    for subject in sorted(subjects, key=bool):
        title = f"| {subject.lower() or 'argument or option'} | meaning |\n|---|---|"
        lines += [title, *(row for own, row in rows if own == subject), ""]
    return lines


def _row(parameter: Any) -> str:
    names = (
        [parameter.metavar] if parameter.param_type_name == "argument" else parameter.opts + parameter.secondary_opts
    )
    default = parameter.default
    shown = f" Default: {default}." if isinstance(default, int | float | str) and not isinstance(default, bool) else ""
    help = parameter.help if parameter.help.endswith((".", "...")) else f"{parameter.help}."
    return f"| {', '.join(f'`{name}`' for name in names)} | {help}{shown} |"


if __name__ == "__main__":
    PAGE.write_text(page())

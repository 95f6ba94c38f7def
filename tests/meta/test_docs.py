"""The documents name what there is, all of it, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from headway.cli import app
from tests.meta import commands
from tests.meta.architecture import with_tables
from tests.meta.modules import ROOT, modules, pages

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_architecture_has_a_line_for_every_file() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert page == with_tables(page), "write it anew: python -m tests.meta.architecture"
    assert sorted(re.findall(r"^\| `([\w/]+\.py)` \| .+ \|$", page, flags=re.MULTILINE)) == sorted(
        name for name in modules() if name == "__init__.py" or not name.endswith("/__init__.py")
    )


def test_architecture_has_the_layers_that_are_checked() -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text(), flags=re.DOTALL)
    (contract,) = [each for each in SETTINGS["tool"]["importlinter"]["contracts"] if each["type"] == "layers"]
    assert shown.splitlines() == contract["layers"]
    # import-linter passes over a module that its list does not name.
    layers = {name.removeprefix("headway.").partition(".")[0] for name in re.findall(r"[\w.]+", shown)}
    assert layers == {name.partition("/")[0].removesuffix(".py") for name in modules()} - {"__init__", "__main__"}


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    extras, groups = SETTINGS["project"]["optional-dependencies"], SETTINGS["dependency-groups"]
    sections = {
        "the course": extras["course"],
        "medical and scientific pictures": extras["medical"],
        "files elsewhere": extras["remote"],
        "working on Headway": groups["dev"],
        "the docs site": groups["docs"],
        "benchmarks": extras["bench"],
    }
    users, *others = re.split("|".join(f"## For {name}\n" for name in sections), text)
    assert _named(users, column=2) == {_name(each) for each in SETTINGS["project"]["dependencies"]}
    for (name, libraries), section in zip(sections.items(), others, strict=True):
        assert _named(section, column=1) == {_name(library) for library in libraries}, name


def _named(text: str, *, column: int) -> set[str]:
    rows = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    return {name for row in rows for name in re.findall(r"`([\w-]+)`", row[column])}


def _name(requirement: str) -> str:
    found = re.match(r"[\w-]+", requirement)
    assert found
    return found[0].lower()


def test_files_of_replicas_can_be_read_and_name_options_that_there_are() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "deploy.md").read_text(), flags=re.DOTALL)
    (compose,), (deployment, service) = (list(yaml.safe_load_all(block)) for block in blocks)
    shell = compose["services"]["model"]["command"]
    assert (shell[:2], compose["services"]["proxy"]["depends_on"].keys()) == (["sh", "-c"], {"model"})
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    serve: Any = get_command(app).commands["serve"]  # pyright: ignore[reportAttributeAccessIssue]
    for command in (shlex.split(shell[2])[1:], container["command"]):
        assert command[:2] == ["headway", "serve"]
        options = serve.make_context("serve", command[2:]).params
        assert (options["port"], options["host"], Path(options["log"]).parent) == (8000, "0.0.0.0", Path("/logs"))
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels == service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert container["readinessProbe"]["httpGet"]["port"] == service["spec"]["ports"][0]["targetPort"] == 8000


def test_links_lead_somewhere() -> None:
    problems = []
    for page in pages():
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if re.match(r"https?://|mailto:", target):
                continue
            path, _, anchor = target.partition("#")
            file = page.parent / path if path else page
            if not file.exists():
                problems.append(f"{page.name}: there is no {target}")
            elif anchor and anchor not in _anchors(file.read_text()):
                problems.append(f"{page.name}: {path or page.name} has no heading #{anchor}")
    assert not problems, "\n".join(problems)


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {target for page in pages() for target in re.findall(r"`make ([a-z-]+)", page.read_text())}
    assert named <= targets


def test_page_of_commands_is_that_of_the_command_line() -> None:
    assert commands.PAGE.read_text() == commands.page(), "write it anew: python -m tests.meta.commands"


def test_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Copyright The Headway authors" in text
    assert SETTINGS["project"]["license"].startswith("Apache-2.0 AND ")

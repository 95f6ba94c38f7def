"""Each line that a finding says to run is run, on small data with faults, as a command and as Python."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import headway as hw
from headway.audit import build
from headway.audit.audit import Audit
from headway.cli import app
from tests.planted import PLANTED

pytestmark = [pytest.mark.slow, pytest.mark.long]

# What is planted in each, and must have a line.
WANTED = {
    "table": {"leak", "shortcut", "straddling_groups", "personal_data", "time_order", "useless_columns"},
    "photos": {"leak", "shortcut", "straddling_groups", "label_noise", "poor_items"},
    "texts": {"leak", "one_class", "poor_items", "personal_data", "mixed_texts"},
    "sounds": {"leak", "poor_items"},
    "series": {"leak"},
}


@dataclass(frozen=True)
class Planted:
    """A data set with faults, what the command said of it, and the data and the audit that it made."""

    findings: list[dict[str, Any]]
    data: hw.Data
    audit: Audit


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Smaller forests, and of the simple models the one that is learned fastest: others find the same faults."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headway.audit.shortcuts._TREES", 10)
        best = "headway.audit.unseen._best"
        patch.setattr(best, lambda _, known, *__: "naive Bayes" if "naive Bayes" in known else max(known))
        yield


@pytest.fixture(scope="module", params=PLANTED)
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        path, *options = PLANTED[request.param](folder)
        made: list[tuple[hw.Data, Audit]] = []
        real = build.audit_data

        def noted(data: hw.Data, **options: Any) -> Audit:
            made.append((data, real(data, **options)))
            return made[-1][1]

        with pytest.MonkeyPatch.context() as spy:
            spy.setattr(build, "audit_data", noted)
            findings = audited([path, *options])
        yield request.param, Planted(findings, *made[0])


def audited(arguments: Sequence[str]) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["audit", *arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout.splitlines()[-1])["findings"]


def named(finding: dict[str, Any]) -> tuple[str, str]:
    evidence = finding["evidence"]
    names = [str(evidence.get(name)) for name in ("from", "column", "how", "part", "columns")]
    return finding["kind"], " ".join([*names, *map(str, evidence.get("labels", []))])


def test_each_fault_has_a_line(planted: tuple[str, Planted]) -> None:
    kind, of = planted
    assert {finding["kind"] for finding in of.findings if finding["line"]} >= WANTED[kind]
    assert [finding.kind for finding in of.audit.findings] == [finding["kind"] for finding in of.findings]
    if kind == "table":
        assert [finding.kind for finding in of.data.audit().findings] == [finding["kind"] for finding in of.findings]


def test_commands_can_be_run_and_solve_what_they_promise(planted: tuple[str, Planted]) -> None:
    batches: dict[str, tuple[list[str], list[dict[str, Any]]]] = {}
    for finding in of_line(planted[1], "command"):
        program, command, *arguments = shlex.split(finding["line"]["command"])
        assert program == "headway"
        # All of it is understood; what `headway train` learns from is what `headway audit` looks at.
        with get_command(app).commands[command].make_context(command, list(arguments)):  # pyright: ignore[reportAttributeAccessIssue]
            pass
        if finding["line"]["solves"]:
            # What leaves the split as it is goes into one audit: decisions, columns left out, copies that move.
            name = next((one for one in ("--decisions", "--without", "--near-copies") if one in arguments), "")
            joined, findings = batches.setdefault("" if name else str(arguments), ([], []))
            joined += arguments[arguments.index(name) :] if joined else arguments
            findings.append(finding)
    for arguments, findings in batches.values():
        left = list(map(named, audited(arguments)))
        assert not [finding["line"] for finding in findings if named(finding) in left]


def test_python_lines_can_be_run_and_change_what_they_promise(planted: tuple[str, Planted]) -> None:
    kind, of = planted
    for finding in of_line(of, "python"):
        line = finding["line"]["python"]
        if "cross_validate" in line:
            continue
        names = {"hw": hw, "data": of.data, "audit": of.audit}
        exec(line, names)
        changed = names["data"]
        assert isinstance(changed, hw.Data)
        if "drop=" in line:
            assert len(changed.items) == len(of.data.items) - len(of.data.items.filter(gone(changed, of.data)))
            assert len(changed.items) < len(of.data.items)
        if "relabel=" in line and finding["line"]["solves"]:
            assert changed.target.labels != of.data.target.labels or kind == "photos"
        if "rebuild" in line:
            assert changed.fingerprint != of.data.fingerprint or "without" in line


def gone(changed: hw.Data, data: hw.Data) -> Any:
    return ~data.items["row"].is_in(changed.items["row"].to_list())


def of_line(planted: Planted, form: str) -> list[dict[str, Any]]:
    return [finding for finding in planted.findings if finding["line"] and finding["line"][form]]


def test_a_line_trains(planted: tuple[str, Planted], monkeypatch: pytest.MonkeyPatch) -> None:
    kind, of = planted
    if kind != "table":
        pytest.skip("one kind shows it")
    monkeypatch.setattr("headway.learner.learner.export_trained", lambda *_, **__: None)
    leak = next(finding for finding in of.findings if finding["kind"] == "leak")
    done = CliRunner().invoke(app, [*shlex.split(leak["line"]["command"])[1:], "--epochs", "1"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "'code'" not in done.stdout

"""`headway course check`, `watch`, `hint`, `solution`, `reset` and `update`: working on exercises."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headway.system.terminal import echo, visible

if TYPE_CHECKING:
    from headway.course.exercise import Exercise
    from headway.course.run import CheckResult, Zygote
    from headway.course.workspace import Workspace

__all__ = ["check", "hint", "reset", "solution", "update", "watch"]

ID = typer.Argument(metavar="ID", help="The exercise: 1.2, or its file.")
JSON = typer.Option("--json", help="Print JSON.")


def check(
    id: Annotated[str, typer.Argument(metavar="ID", help="The exercise, or its file. Default: the next one.")] = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="Check all exercises that you have changed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line for each exercise.")] = False,
) -> None:
    """Check an exercise as it is saved, in a process of its own. The exit status is 1 where it is not solved yet."""
    from headway.course.run import Zygote
    from headway.course.workspace import Workspace

    workspace = Workspace()
    chosen = _changed(workspace) if every else [_chosen(workspace, id)]
    if not chosen:
        print("No exercise has been changed yet.")
    with Zygote() if len(chosen) > 1 else nullcontext() as zygote:
        results = [_checked(workspace, one, as_json=as_json, zygote=zygote) for one in chosen]
    if any(result.state != "solved" for result in results):
        raise typer.Exit(1)


def watch(
    *,
    count: Annotated[int, typer.Option(help="Stop after so many checks. 0: go on until Ctrl-C.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line for each check.")] = False,
) -> None:
    """Check an exercise whenever you save it. Ctrl-C stops."""
    from headway.course.run import Zygote
    from headway.course.workspace import Workspace

    changes = _saves(Workspace().folder)
    with Zygote() as zygote:
        if not as_json:
            print("Save an exercise to have it checked. Ctrl-C stops.", flush=True)
        done = 0
        for saved in changes:
            for one in saved:
                _checked(Workspace(), one, as_json=as_json, zygote=zygote)
                done += 1
            if count and done >= count:
                return


def hint(id: Annotated[str, ID], *, as_json: Annotated[bool, JSON] = False) -> None:
    """Show the next hint of an exercise: the first is a question, the last is nearly the solution."""
    from headway.course.exercise import find_exercise
    from headway.course.practice import next_hint
    from headway.course.workspace import Workspace

    exercise = find_exercise(id)
    number, text = next_hint(Workspace(), exercise)
    if as_json:
        print(json.dumps({"id": exercise.id, "hint": number, "of": len(exercise.hints), "text": text}))
        return
    echo(f"Hint {number} of {len(exercise.hints)}: {text}")


def solution(
    id: Annotated[str, ID],
    *,
    give_up: Annotated[
        bool,
        typer.Option("--give-up", help="Show it after two tries. The exercise then counts as seen."),
    ] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show the authors' solution of an exercise that you have solved."""
    from headway.course.exercise import find_exercise
    from headway.course.practice import solution_of
    from headway.course.workspace import Workspace

    exercise = find_exercise(id)
    text = solution_of(Workspace(), exercise, give_up=give_up)
    print(json.dumps({"id": exercise.id, "solution": text}) if as_json else visible(text.rstrip(), lines=True))


def reset(id: Annotated[str, ID], *, as_json: Annotated[bool, JSON] = False) -> None:
    """Bring an exercise's file back to how it came. Yours is kept."""
    from headway.course.exercise import find_exercise
    from headway.course.workspace import Workspace

    exercise = find_exercise(id)
    workspace = Workspace()
    before = workspace.reset(exercise)
    if as_json:
        print(json.dumps({"id": exercise.id, "before": str(before)}))
        return
    echo(f"{workspace.exercise_file(exercise)} is as it came. Yours is kept: {before}")


def update(*, as_json: Annotated[bool, JSON] = False) -> None:
    """Bring the lessons that you have opened to the installed version. What you changed stays."""
    from headway.course.workspace import Workspace

    changes = Workspace().update()
    if as_json:
        print(json.dumps([{"file": str(change.file), "kind": change.kind} for change in changes]))
        return
    for change in changes:
        if change.kind == "conflict":
            new = change.file.with_suffix(".new.py")
            echo(f"{change.file}: you and the new version changed the same lines. The new one is in {new.name}")
        else:
            echo(f"{change.file}: {change.kind}")
    if not changes:
        print("All files are up to date.")


def _checked(workspace: Workspace, exercise: Exercise, *, as_json: bool, zygote: Zygote | None = None) -> CheckResult:
    from headway.course.practice import attempt, explain

    if not as_json and exercise.seconds > 20:
        print(f"Checking {exercise.id}. This can take up to {exercise.seconds:g} seconds.", flush=True)
    result = attempt(workspace, exercise, zygote=zygote)
    if as_json:
        print(json.dumps(_row(result, exercise)), flush=True)
        return result
    for line in explain(result, exercise):
        echo(line, lines=True)
    if result.state == "solved":
        print(f"Solved. The authors' solution: headway course solution {exercise.id}", flush=True)
    else:
        if result.state == "crashed":
            print("Explained: headway why")
        print(f"Next hint: headway course hint {exercise.id}", flush=True)
    return result


def _row(result: CheckResult, exercise: Exercise) -> dict[str, Any]:
    from dataclasses import asdict

    return {"id": exercise.id, **asdict(result)}


def _chosen(workspace: Workspace, id: str) -> Exercise:
    """The exercise of this name; without one the first, of those in the learner's folder, that is not solved."""
    from headway.course.exercise import exercises_of, find_exercise
    from headway.course.practice import states
    from headway.errors import ConfigError

    if id:
        return find_exercise(id)
    for lesson in workspace.opened():
        known = exercises_of(lesson)
        now = states(workspace, known)
        for one in known:
            if now[one.id] not in ("solved", "seen", "changed since solved"):
                return one
    fix = "Open a lesson: headway course open 1"
    raise ConfigError("There is no exercise left to check.", given=f"{workspace.folder}", fix=fix)


def _changed(workspace: Workspace) -> list[Exercise]:
    from headway.course.exercise import exercises_of
    from headway.course.practice import states

    known = [one for lesson in workspace.opened() for one in exercises_of(lesson)]
    now = states(workspace, tuple(known))
    return [one for one in known if now[one.id] != "untouched"]


def _saves(folder: Path) -> Any:
    """Exercises whenever they are saved, several at once in a list."""
    from headway.course.exercise import exercises_of, find_exercise
    from headway.course.workspace import Workspace
    from headway.errors import ConfigError

    try:
        import watchfiles
    except ImportError:
        fix = 'Run: pip install "headway[course]". Or check by hand: headway course check'
        raise ConfigError("Watching needs the library watchfiles.", given="it is not installed", fix=fix) from None
    if not folder.is_dir():
        fix = "Open a lesson: headway course open 1"
        raise ConfigError("There is no course folder yet.", given=folder, fix=fix)
    workspace = Workspace(folder)
    for changes in watchfiles.watch(folder, debounce=50, step=20, raise_interrupt=True):
        saved = {Path(path).resolve() for kind, path in changes if kind != watchfiles.Change.deleted}
        known = [one for lesson in workspace.opened() for one in exercises_of(lesson)]
        # Files that come with a lesson that is being opened are nobody's work yet.
        written = [one for one in known if workspace.exercise_file(one).resolve() in saved]
        names = [one.id for one in written if workspace.text(one) != workspace.start(one)]
        if names:
            yield [find_exercise(name) for name in names]

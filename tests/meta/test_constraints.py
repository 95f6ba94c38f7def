"""A fresh checkout installs what was tested, and whoever installs Headway is held to lower bounds alone."""

from __future__ import annotations

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.meta.constraints import FILE, NOT_LOWERED, OF_A_PLATFORM, SETTINGS, direct, oldest

PINNED = {
    canonicalize_name(line.partition("==")[0]): line.partition("==")[2].strip()
    for line in FILE.read_text().splitlines()
    if not line.startswith("#")
}


def test_everything_that_is_named_is_pinned_to_an_allowed_version() -> None:
    for each in direct():
        version = PINNED.get(canonicalize_name(each.name))
        assert version, f"{each.name} has no line in constraints.txt: run `make constraints`"
        assert version in each.specifier, f"{each} does not allow the tested {version}"


def test_nothing_of_one_machine_is_pinned() -> None:
    assert not [name for name, version in PINNED.items() if OF_A_PLATFORM.match(name) or "+" in version]
    assert "headway" not in PINNED


def test_libraries_have_a_lower_bound_and_no_upper_one() -> None:
    for each in map(Requirement, SETTINGS["project"]["dependencies"]):
        operators = {specifier.operator for specifier in each.specifier}
        assert operators <= {">="}, f"{each} shuts out versions that may work"
        assert operators or each.name == "torchvision", f"{each} has no lower bound"
    lowered = oldest(with_torch=True) + oldest(with_torch=False)
    assert len(lowered) == len(SETTINGS["project"]["dependencies"]) - len(NOT_LOWERED)

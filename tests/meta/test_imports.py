"""Importing is cheap, and what answers or judges never needs torch. Each test looks into a fresh process."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

from PIL import Image

from tests.meta.modules import PACKAGE, ROOT, body, modules, trees

TORCH = {"torch", "torchvision", "timm", "onnxscript"}
HEAVY = TORCH | {"matplotlib", "numpy", "onnx", "onnxruntime", "pandas", "PIL", "polars", "rich", "scipy", "sklearn"}
BUNDLE = ROOT / "tests" / "bundles" / "v1.headway"


def loaded(code: str, *arguments: object) -> set[str]:
    """The names of all modules that a process has loaded when `code` has run there."""
    # Printed at exit, since commands end by SystemExit.
    watch = "import atexit, sys; atexit.register(lambda: print('\\n' + repr(sorted(sys.modules))))\n"
    command = [sys.executable, "-c", watch + code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(ast.literal_eval(done.stdout.splitlines()[-1]))


def test_import_loads_nothing_but_the_standard_library() -> None:
    new = loaded("import headway") - loaded("")
    assert {name for name in new if name.startswith("headway")} == {"headway"}
    assert {name.partition(".")[0] for name in new} <= sys.stdlib_module_names | {"headway"}
    assert len(new) < 60


COMMANDS = ("", "course", "datasets", "demo", "train", "evaluate", "report", "predict", "serve", "drift", "runs")
HELPS = """
import contextlib, sys
from headway.cli import main
for command in sys.argv[1:]:
    sys.argv = ["headway", *command.split(), "--help"]
    with contextlib.suppress(SystemExit):
        main()
"""


def test_help_loads_no_heavy_library() -> None:
    """One process shows all of them: whichever loads something heavy, it is loaded."""
    # rich draws the page.
    assert not loaded(HELPS, *COMMANDS) & (HEAVY - {"rich"})


def test_predicting_never_imports_torch(tmp_path: Path) -> None:
    photo = tmp_path / "red" / "0.png"
    photo.parent.mkdir()
    Image.new("RGB", (20, 12), "red").save(photo)
    answer = "import sys, headway as hw; assert hw.load(sys.argv[1]).predict(sys.argv[2]).label == 'red'"
    main = "from headway.cli import main; main()"
    assert not loaded(answer, BUNDLE, photo) & (TORCH | {"matplotlib", "pandas", "polars", "sklearn", "scipy"})
    assert not loaded(main, "predict", BUNDLE, photo) & (TORCH | {"matplotlib", "pandas", "polars", "sklearn"})
    assert not loaded(main, "evaluate", BUNDLE, photo.parent.parent, "--json") & (TORCH | {"matplotlib", "pandas"})


def test_what_must_not_import_torch_does_not() -> None:
    """The contracts of import-linter, once more while running: it cannot see imports that are made by name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = [each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "forbidden"]
    sources = [name for contract in contracts for name in contract["source_modules"]]
    wanted = [name.removeprefix("headway.").replace(".", "/") for name in sources]
    names = [
        "headway." + name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in modules()
        if any(fnmatch(name, f"{each}.py") or fnmatch(name, f"{each}/*") for each in wanted)
    ]
    # What may import torch when it is imported, and not only inside of a function.
    names = [name for name in names if not re.fullmatch(r"headway\.targets\.\w+\.(objective|peel)", name)]
    assert len(names) > len(wanted)
    code = "import json, sys, importlib\nfor name in json.loads(sys.argv[1]): importlib.import_module(name)"
    assert not loaded(code, json.dumps(names)) & (TORCH | {"matplotlib"})


def test_every_module_lists_its_public_names_sorted() -> None:
    problems = []
    for name, tree in trees().items():
        listed = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__all__"
        ]
        if not listed:
            problems += [f"{name}: no __all__"] if body(tree) else []
        elif listed[0] != sorted(listed[0], key=_order) or len(set(listed[0])) != len(listed[0]):
            problems.append(f"{name}: __all__ is not sorted: {sorted(listed[0], key=_order)}")
    assert not problems


def test_modules_have_names_that_say_something() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "core", "misc", "base_utils", "shared"}
    parts = {part for name in modules() for part in re.split(r"[/.]", name)}
    assert not parts & vague
    assert (PACKAGE / "py.typed").exists()


def _order(name: str) -> tuple[int, str]:
    """ruff's: CONSTANTS, Classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)

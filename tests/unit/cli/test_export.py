"""`headway export --format`: what it refuses, and where it writes."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Command

GOLDEN = Path(__file__).parents[2] / "bundles" / "v1.headway"


def test_a_bundle_becomes_a_folder(headway: Command, tmp_path: Path) -> None:
    done = headway("export", GOLDEN, tmp_path / "colours", "--format", "onnx")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{tmp_path}/colours/model.onnx: how to use it is in {tmp_path}/colours/README.md\n"


def test_a_bundle_holds_no_program(headway: Command) -> None:
    done = headway("export", GOLDEN, "--format", "torch")
    assert (done.status, done.err) == (
        2,
        f"headway: A bundle holds no code, and a program of torch.export is code.\n  Given: {GOLDEN}\n"
        "  Fix:   Name the run's folder, or take --format onnx.\n",
    )


def test_options_that_would_change_nothing(headway: Command) -> None:
    done = headway("export", GOLDEN, "--format", "onnx", "--quantize", "int8", "--misuse", "as proof")
    assert (done.status, done.err) == (
        2,
        "headway: With --format nothing is judged again, and no card is written.\n  Given: --misuse, --quantize\n"
        "  Fix:   Export the bundle with them first.\n",
    )


def test_a_provider_that_is_not_installed(headway: Command) -> None:
    done = headway("predict", GOLDEN, "rex.jpg", "--provider", "qnn")
    assert done.status == 2
    assert done.err.startswith("headway: This installation of onnxruntime does not have the provider.\n  Given: qnn\n")

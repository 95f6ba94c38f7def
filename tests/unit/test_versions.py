from __future__ import annotations

import sys
from importlib.metadata import version

from headway.versions import library_versions


def test_versions_of_what_decides_the_numbers() -> None:
    found = library_versions()
    assert found["torch"] == version("torch")
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"python", "headway", "timm", "numpy", "pillow", "onnx"} <= set(found)

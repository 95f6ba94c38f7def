from __future__ import annotations

import sys
from typing import Any

import pytest

from headway.system.figures import new_figure


@pytest.mark.slow
def test_a_figure_shows_itself_in_a_notebook_and_is_not_pyplots() -> None:
    figure: Any
    figure, axes = new_figure(columns=2, rows=3)
    assert len(axes) == 6
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()

"""Two layers side by side."""

from __future__ import annotations

import re

from headway.peel.page import side_by_side
from headway.peel.write import Peeled

METHOD = Peeled(
    "method",
    '"""Calls."""\n\nimport headway as hw\n\ndata = hw.from_folder("<photos>")\nlearner = hw.Learner(data)\n'
    "learner.fine_tune(epochs=1)\nprint(1)\n",
)
LOOP = Peeled(
    "loop",
    '"""Loop."""\n\nSEED = 0\n\n# The data, read.\n\ndata = 1\n\n# The model.\n\nmodel = 2\n\n'
    "# Stage one: the head.\n\nhead = 3\n\n# Training.\n\nfor epoch in range(4):\n    pass\n\n"
    "# The same bits?\n\nprint(5)\n",
)


def pairs(page: str) -> dict[str, list[str]]:
    """The texts of both columns under each title."""
    sections = re.findall(r"<section><h2>(.*?)</h2>(.*?)</section>", page, flags=re.DOTALL)
    return {
        title: [re.sub("<.*?>", "", code) for code in re.findall(r"<pre.*?>(.*?)</pre>", body, flags=re.DOTALL)]
        for title, body in sections
    }


def test_a_call_and_what_stands_for_it() -> None:
    page = side_by_side(METHOD, LOOP, name="<b>pets")
    assert "<b>" not in page
    assert "<title>&lt;b&gt;pets: method and loop</title>" in page
    shown = pairs(page)
    assert list(shown) == ["Settings", "The data", "The model", "Training", "The same bits?"]
    assert shown["The data"] == ["data = hw.from_folder(&quot;&lt;photos&gt;&quot;)", "# The data, read.\n\ndata = 1"]
    call, loop = shown["Training"]
    assert call == "learner.fine_tune(epochs=1)"
    assert "head = 3" in loop
    assert "for epoch in range(4):" in loop


def test_stages_stand_beside_stages() -> None:
    torch = Peeled("torch", LOOP.text.replace("head = 3", "head = solve()"))
    assert pairs(side_by_side(LOOP, torch, name="pets"))["Stage one"] == [
        "# Stage one: the head.\n\nhead = 3",
        "# Stage one: the head.\n\nhead = solve()",
    ]

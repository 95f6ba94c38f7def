"""Links that never break: every page and anchor that was ever published is in `anchors.lock`.

`.venv/bin/python -m headway.course.site.anchors` adds new ones; those that stand there are never taken out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from headway.course.site.build import files
from headway.system.files import write_whole

__all__ = ["LOCK", "anchors", "locked"]

LOCK = Path(__file__).with_name("anchors.lock")


def anchors(contents: Mapping[str, bytes]) -> set[str]:
    """Every page and every anchor on it, as links name them: "why.html#shapes.linear"."""
    known = set()
    for name, content in contents.items():
        if name.endswith(".html"):
            ids = re.findall(r'<(?:section|article|div|li)[^>]* id="([^"]+)"', content.decode())
            known |= {name, *(f"{name}#{anchor}" for anchor in ids)}
    return known


def locked() -> set[str]:
    """What was published."""
    return set(LOCK.read_text(encoding="utf-8").split()) if LOCK.exists() else set()


if __name__ == "__main__":
    write_whole(LOCK, ("\n".join(sorted(locked() | anchors(files()))) + "\n").encode())

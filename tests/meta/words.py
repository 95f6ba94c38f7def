"""The course's table of words, from docs/vocabulary.md: pages of the course are built where the documents are not.

`.venv/bin/python -m tests.meta.words` writes `src/headway/course/words.md`.
"""

from __future__ import annotations

from tests.meta.modules import PACKAGE, ROOT

FILE = PACKAGE / "course" / "words.md"
# Behind it stand rules for those who write code and messages.
END = "## Names that hold nothing"


def table() -> str:
    """The vocabulary's tables of terms."""
    text = (ROOT / "docs" / "vocabulary.md").read_text(encoding="utf-8")
    return text.partition(END)[0].rstrip() + "\n"


if __name__ == "__main__":
    FILE.write_text(table(), encoding="utf-8")

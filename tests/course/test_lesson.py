from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.course.lesson import Ask, Guess, lesson_files, parse, read, render
from headway.errors import ConfigError, DataError
from tests.course.lesson_text import LESSON


def test_facts_cells_and_sections() -> None:
    lesson = parse(LESSON, name="07_small.py")
    assert (lesson.id, lesson.title, lesson.layer, lesson.minutes, lesson.needs) == (
        7,
        "A small lesson",
        "call",
        5,
        (1, 2),
    )
    assert [cell.is_code for cell in lesson.cells] == [False, False, True, True, False]
    assert [(one.anchor, one.title, one.layer, one.cells) for one in lesson.sections] == [
        ("predict", "Predict first", "call", (1, 2, 3)),
        ("says", "What it says", "number", (4,)),
    ]
    assert lesson.cells[2].text == "from headway.course.claims import claim\n\nshare = 3 / 4"
    assert [cell.seconds for cell in lesson.cells] == [0, 0, 0, 20, 0]
    assert lesson.cells[3].line == 18
    assert lesson.claims == ("share",)
    assert lesson.section_of(0) is None
    assert lesson.section_of(3) == lesson.sections[0]


def test_marks_in_the_text() -> None:
    lesson = parse(LESSON)
    yes, number = Guess("7.predict.1", ("yes", "no")), Guess("7.predict.2", ("a number",))
    assert lesson.parts(0) == ["# A small lesson\n\nIt promises little."]
    assert lesson.parts(1) == ["## Predict first\nWill it be more than half?", yes, "And how much?", number]
    assert lesson.parts(2) == []
    asks = Ask("7.01"), Ask("7.02")
    assert lesson.parts(4) == ["## What it says\nIt was {share:.0%},", asks[0], "and `{share}` is code.", asks[1]]
    assert lesson.asks == ("7.01", "7.02")
    assert lesson.guesses == (yes, number)


def test_a_guess_beside_the_result() -> None:
    guess = Guess("1.a.1", ("few", "many"), "many")
    assert guess.outcome("many") == "You guessed: many. Right."
    assert guess.outcome("few") == "You guessed: few. It was: many"
    assert Guess("1.a.1", ("how many?",)).outcome("9") == "You guessed (how many?): 9"
    marked = parse(LESSON.replace("⟨guess yes | no⟩", "⟨guess *yes | no⟩"))
    assert marked.guesses[0] == Guess("7.predict.1", ("yes", "no"), "yes")


def test_the_source_of_a_fact_is_shown() -> None:
    lesson = parse(f"{HEAD}\n# %% [markdown]\n# It was a million ⟨fact: their paper⟩.\n")
    assert lesson.parts(1) == ["It was a million (their paper)."]


HEAD = '# %% [markdown]\n# # T\n# id = 1, layer = "call", minutes = 1, needs = []'
LINES = st.text(
    st.characters(blacklist_characters="\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", codec="utf-8"), max_size=12
)
CODE = LINES.filter(lambda line: not line.startswith("# %%"))
TEXT = LINES.filter(lambda line: not line.startswith(("#", "%%"))).map(lambda line: f"# {line}" if line else "#")
CELLS = st.one_of(
    st.lists(CODE, max_size=4).map(lambda lines: ["# %%", *lines]),
    st.lists(st.one_of(TEXT, st.just("")), max_size=4).map(lambda lines: ["# %% [markdown]", *lines]),
    st.lists(CODE, max_size=2).map(lambda lines: ['# %% tags=["seconds:20", "x"]', *lines]),
)


@pytest.mark.slow
@given(st.lists(CODE, max_size=3), st.lists(CELLS, max_size=5), st.booleans())
def test_the_same_bytes_come_back(preamble: list[str], cells: list[list[str]], ends: bool) -> None:
    lines = [*preamble, *HEAD.split("\n"), *(line for cell in cells for line in cell), *([""] if ends else [])]
    source = "\n".join(lines)
    assert render(parse(source)) == source


def test_every_lesson_comes_back_as_it_is() -> None:
    for file in lesson_files().values():
        assert render(read(file)) == file.read_text(encoding="utf-8")


GOOD = "# %% [markdown]\n# # T\n"
BROKEN = {
    "x = 1\n": (
        "x.py, line 1: A lesson needs cells.\n"
        "  Given: 2 lines without a cell\n"
        '  Fix:   Begin it with a cell of text: "# %% [markdown]".'
    ),
    "# %% [raw]\n": (
        "x.py, line 1: This is not the first line of a cell.\n"
        "  Given: # %% [raw]\n"
        '  Fix:   Write "# %%", "# %% [markdown]" or, with tags, # %% tags=["seconds:20"].'
    ),
    '# %%\n1\n# %% tags=["seconds:many"]\n': (
        "x.py, line 3: The tags of a cell cannot be read.\n"
        '  Given: ["seconds:many"]\n'
        '  Fix:   Write them as a list of strings: tags=["seconds:20"].'
    ),
    "# %% [markdown]\n# a\nx = 1\n": (
        "x.py, line 3: A line of a text cell must be a comment.\n"
        "  Given: x = 1\n"
        '  Fix:   Begin the line with "# ", or put "# %%" before code.'
    ),
    GOOD: (
        "x.py, line 1: The first cell must hold the title and the lesson's facts.\n"
        "  Given: \n"
        '  Fix:   Write "# # Title" and below it: # id = 1, layer = "call", minutes = 40, needs = []'
    ),
    GOOD + '# id = 1, layer = "deep", minutes = 40, needs = []\n': (
        "x.py, line 1: The lesson's facts cannot be read.\n"
        '  Given: id = 1, layer = "deep", minutes = 40, needs = []\n'
        '  Fix:   Write "# # Title" and below it: # id = 1, layer = "call", minutes = 40, needs = []'
    ),
    f"{HEAD}\n# %% [markdown]\n# ## No anchor\n": (
        "x.py, line 4: A section needs an anchor.\n"
        "  Given: ## No anchor\n"
        "  Fix:   Write it with an anchor, in a cell of its own section: ## Five lines {#five-lines}"
    ),
    f"{HEAD}\n# %% [markdown]\n# Before.\n# ## Late {{#late}}\n": (
        "x.py, line 4: A section must begin its cell, and its anchor must be its own.\n"
        "  Given: ## Late {#late}\n"
        "  Fix:   Write it with an anchor, in a cell of its own section: ## Five lines {#five-lines}"
    ),
    f"{HEAD}\n# %% [markdown]\n# ## Deep {{#deep .deep}}\n": (
        "x.py, line 4: No layer has this name.\n"
        "  Given: ## Deep {#deep .deep}\n"
        "  Fix:   Write one of: call, method, loop, tensor, number."
    ),
}


@pytest.mark.parametrize("source", BROKEN)
def test_what_is_wrong_is_said_with_its_line(source: str) -> None:
    with pytest.raises(DataError) as caught:
        parse(source, name="x.py")
    assert str(caught.value) == BROKEN[source]


def test_a_lesson_that_does_not_exist() -> None:
    with pytest.raises(ConfigError) as caught:
        read(99)
    known = ", ".join(map(str, lesson_files()))
    assert str(caught.value) == f"There is no such lesson.\n  Given: lesson 99\n  Fix:   Choose one of: {known}."


def test_the_quick_form_has_less_to_compute() -> None:
    tagged = LESSON.replace('tags=["seconds:20"]', 'tags=["seconds:20", "quick:0.01 -> 0.02"]')
    lesson = parse(tagged)
    (cell,) = [cell for cell in lesson.cells if cell.seconds]
    assert 'claim("share", share, near=0.75, within=0.02)' in lesson.quick().cells[lesson.cells.index(cell)].text
    assert [one for one in lesson.quick().cells if one.source != cell.quick().source] == [
        one for one in lesson.cells if one is not cell
    ]


@pytest.mark.parametrize("tag", ["quick:range(9) -> range(1)", "quick:share"])
def test_a_quick_tag_that_does_not_fit_its_cell(tag: str) -> None:
    lesson = parse(LESSON.replace('"seconds:20"', f'"{tag}"'), name="07_small.py")
    with pytest.raises(DataError) as caught:
        lesson.quick()
    old = tag.removeprefix("quick:").partition(" -> ")[0]
    (cell,) = [cell for cell in lesson.cells if tag in cell.tags]
    assert str(caught.value) == (
        "A quick tag must change a text that its cell has once.\n"
        f"  Given: {tag!r}, cell at line {cell.line}, whose code has {old!r} {cell.source.count(old)} times\n"
        '  Fix:   Write "quick:OLD -> NEW", where the code has OLD once.'
    )

"""The catalogue is complete, its tests exist, and its sentences are short and in plain terms."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from typer.main import get_command

import headway as hw
from headway.cli import app
from headway.why.catalogue import Entry, entries
from headway.why.checks import CHECKS
from headway.why.failure import Failure, Frame, Variable
from headway.why.match import explain
from headway.why.show import MORE, show
from tests.meta.modules import ROOT

ENTRIES = {entry.id: entry for entry in entries()}


def test_it_has_every_family_and_at_least_120_entries() -> None:
    assert len(ENTRIES) >= 120
    families = "data dtypes environment files gradients headway learning memory python runs serving shapes tables"
    assert sorted({name.partition(".")[0] for name in ENTRIES}) == families.split()


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.id)
def test_an_entry_is_whole(entry: Entry) -> None:
    when = entry.when
    assert when.type or when.values or when.finding
    assert entry.because
    assert entry.tags
    assert entry.since == "0.2"
    for pattern in (when.message, when.frame, entry.expects):
        re.compile(pattern)
    tests = [cause.test for cause in entry.because if cause.test] + [when.values] * bool(when.values)
    assert {test.partition(":")[0] for test in tests} <= CHECKS.keys()
    for test in tests:
        name, _, argument = test.partition(":")
        if name in ("line", "code", "no_code", "message", "kind"):
            re.compile(argument)
    # At least one cause needs no variables, so that a pasted traceback is answered too.
    assert any(not cause.test for cause in entry.because)
    compile(entry.repro, entry.id, "exec") if entry.id not in ("python.syntax", "python.indentation") else None


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.id)
def test_sentences_name_what_is_known(entry: Entry) -> None:
    """A name in braces is a group of the message's pattern, or what the cause's own test binds."""
    groups = set(re.compile(entry.when.message).groupindex)
    of_values = {"x", "column", "flat", "n", "a", "b", "model", "layer", "list", "file"} if entry.when.values else set()
    if entry.when.values.startswith("code:"):
        of_values |= set(re.compile(entry.when.values.partition(":")[2]).groupindex)
    assert _named(entry.says) | _named(entry.fix) <= groups | of_values
    for cause in entry.because:
        bound = {"x", "a", "b", "column", "flat", "n", "line", "layer", "list", "model", "wanted", "got"}
        own = (
            set(re.compile(cause.test.partition(":")[2]).groupindex)
            if cause.test.startswith(("code", "line", "mess"))
            else set()
        )
        assert _named(cause.says) | _named(cause.fix) <= groups | of_values | own | (bound if cause.test else set())


def _named(sentence: str) -> set[str]:
    return {re.split(r"[.\[]", name)[0] for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_sentences_are_short_and_plain() -> None:
    page = (ROOT / "docs" / "vocabulary.md").read_text()
    table = page.split("## Phrases")[1].partition("## One word a thing")[0]
    phrases = re.findall(r"`([\w -]+)`", "".join(re.findall(r"^\| (`[^|]+`) \|", table, flags=re.MULTILINE)))
    banned = re.compile(rf"\b({'|'.join(phrases)}|simply|obviously|just)\b|!$", flags=re.IGNORECASE)
    wrong = []
    for entry in entries():
        for text in (entry.title, entry.says, *(cause.says for cause in entry.because)):
            wrong += [f"{entry.id}: {match[0]}: {text}" for match in banned.finditer(text)]
            sentences = re.split(r"(?<=[.:;?])\s", text)
            wrong += [f"{entry.id}: long: {one}" for one in sentences if len(one.split()) > 28]
    assert not wrong, "\n".join(wrong)


def test_no_entry_fits_a_failure_without_a_likeness() -> None:
    assert explain(Failure("ValueError", "the frobnicator refused the widget")) == []
    assert explain(Failure("WeirdError", "")) == []


def test_an_error_of_headway_that_no_entry_fits_says_that_its_message_is_all() -> None:
    failure = Failure("ConfigError", "Odd.", what="Odd.", given="size=3", fix="Pass size=8.")
    assert show(failure, explain(failure)) == (
        "ConfigError: Odd.\n\nGiven: size=3\nFix:   Pass size=8.\nMore:  help(hw.Learner), in Python\n\n"
        "The message is all that Headway knows of it.\n"
        "`headway why --question` writes a question that you can post."
    )


@pytest.mark.slow
def test_what_says_more_is_there_wherever_the_library_is() -> None:
    commands = get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
    for folder, more in MORE.items():
        assert folder in ("headway", *(path.name for path in (ROOT / "src" / "headway").rglob("*") if path.is_dir()))
        if name := re.fullmatch(r"help\(hw\.(\w+)\), in Python", more):
            assert getattr(hw, name[1]).__doc__
        else:
            words = re.fullmatch(r"headway (\w+) --help", more)
            assert words
            assert words[1] in commands


def test_words_find_the_nearest_where_no_pattern_fits() -> None:
    near = explain(Failure("CustomError", "cannot load state_dict: size mismatch, missing key, unexpected key"))
    assert near
    assert not near[0].exact
    assert near[0].entry.id.startswith("files.state")
    assert "No entry fits exactly" in show(Failure("CustomError", "..."), near)


def test_every_explanation_can_be_shown_without_variables() -> None:
    """As for a pasted traceback: no cause that would need them, no gap in a sentence of the entry."""
    for entry in entries():
        assert not re.search(r"\{x\.", entry.fix) or entry.when.values, entry.id


def test_shapes_are_named(tmp_path: Path) -> None:
    variables = {
        "outputs": Variable("outputs", "Tensor", {"shape": [64], "graph": True}),
        "targets": Variable("targets", "Tensor", {"shape": [64, 1], "graph": False}),
    }
    [explanation] = explain(Failure("", "", variables=variables))
    assert explanation.entry.id == "shapes.broadcast"
    assert "`targets` is (64, 1), `outputs` is (64,)" in explanation.says
    assert explanation.fix == "targets = targets.squeeze(1)"


# What newcomers' scripts raise, as it stands in their tracebacks: no reproduction, but the same mistake.
STRANGERS = [
    ("TypeError", "Net.__init__() takes 1 positional argument but 2 were given", "out = model(x)", "python.arguments"),
    (
        "TypeError",
        "'method' object is not iterable",
        "torch.optim.SGD(model.parameters, lr=0.1)",
        "gradients.optimizer_argument",
    ),
    (
        "TypeError",
        "empty(): argument 'size' failed to unpack: type must be tuple of ints,but got float",
        "nn.Linear(100 / 2, 10)",
        "python.float_index",
    ),
    (
        "ValueError",
        "Classification metrics can't handle a mix of multilabel-indicator and multiclass targets",
        "confusion_matrix(y, p)",
        "tables.mixed_targets",
    ),
    (
        "AttributeError",
        "'Series' object has no attribute 'reshape'",
        "x = df['age'].reshape(-1, 1)",
        "tables.no_such_attribute",
    ),
    (
        "ValueError",
        "Expected a 2-dimensional container but got <class 'pandas.Series'> instead.",
        "StandardScaler().fit(df['age'])",
        "data.one_axis",
    ),
    (
        "ImportError",
        "\n`load_boston` has been removed from scikit-learn since version 1.2.",
        "from sklearn.datasets import load_boston",
        "environment.cannot_import",
    ),
    (
        "ModuleNotFoundError",
        "No module named 'sklearn.externals.joblib'",
        "import sklearn.externals.joblib",
        "environment.no_submodule",
    ),
    ("KeyError", "10", "print(df.loc[10])", "python.key"),
    ("TypeError", "'str' object cannot be interpreted as an integer", "for i in range(n):", "python.text_and_number"),
    (
        "TypeError",
        "from_csv() missing 1 required keyword-only argument: 'target'",
        "hw.from_csv(f)",
        "python.arguments",
    ),
    ("AttributeError", "'Learner' object has no attribute 'save'", "learner.save('m')", "python.no_such_member"),
    ("AttributeError", "'NoneType' object has no attribute 'backward'", "loss.backward()", "python.none"),
    (
        "ValueError",
        'time data "31/12/2020" doesn\'t match format "%Y-%m-%d"',
        "pd.to_datetime(d)",
        "tables.date_format",
    ),
    (
        "SyntaxError",
        "Missing parentheses in call to 'print'. Did you mean print(...)?",
        "print 'hello'",
        "python.syntax",
    ),
]


@pytest.mark.parametrize(("kind", "message", "line", "id"), STRANGERS)
def test_what_strangers_meet_is_named_first(kind: str, message: str, line: str, id: str) -> None:
    failure = Failure(kind, message, (Frame("script.py", 3, "<module>", line),), source=line)
    assert explain(failure)[0].entry.id == id


def test_a_cause_is_read_from_the_line() -> None:
    lines = {
        "print(df.loc[10])": ("KeyError", "10", "df.iloc[0]"),
        "print 'hello'": ("SyntaxError", "invalid syntax", 'print("hello")'),
        "out = model(x)": ("TypeError", "Net.__init__() takes 1 positional argument but 2 were given", "model = Net()"),
    }
    for line, (kind, message, fix) in lines.items():
        (explanation, *_) = explain(Failure(kind, message, (Frame("script.py", 3, "<module>", line),), source=line))
        assert explanation.fix.startswith(fix)


def test_a_word_in_common_is_no_explanation() -> None:
    # "given" and "format" stand in other entries; neither says anything about these.
    assert explain(Failure("ValueError", "the format that was given is not one of those known for dates")) == []
    assert explain(Failure("ValueError", "Expected n_neighbors <= n_samples_fit, but n_neighbors = 10")) == []

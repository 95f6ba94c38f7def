"""What an audit asks of texts: length, marks, script, markup, and personal data, which are counted and never shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl

from headway.inputs.text.evidence import card
from headway.inputs.text.languages import language_of
from headway.inputs.text.statistics import NO_LETTERS, script_of, text_statistics
from headway.judge.diagnosis.finding import DROP, Finding, Line, Severity
from headway.judge.diagnosis.item_audit import ItemAudit
from headway.judge.diagnosis.personal_data import check_personal_data, masked
from headway.judge.intervals import wilson
from headway.judge.report.report import Picture

if TYPE_CHECKING:
    from headway.inputs.text.field import Text

__all__ = ["TextAudit"]

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|&(amp|nbsp|lt|gt|quot|#\d+);")
_FEW, _MANY = 0.002, 0.02
_SHORTEST = 3
# Texts, and the share of them that has a word, from which on it is looked at; the share of a class's variance that a
# word explains to be reported, and to be serious.
_FEWEST, _LEAST_SHARE = 40, 0.02
_TELLS, _TELLS_ALL, _MOST_WORDS = 0.7, 0.9, 4
_SHOWN = 200


@dataclass(frozen=True)
class TextAudit(ItemAudit):
    """Texts, by their characters."""

    usual: ClassVar[frozenset[str]] = frozenset(
        {"the length of the text", "its first and last characters", "capitals and special characters"}
    )

    @property
    def _reader(self) -> Text:
        from headway.inputs.text.field import Text

        reader = self.part.data.input
        assert isinstance(reader, Text)
        return reader

    @cached_property
    def _texts(self) -> list[str]:
        return self._reader.joined(self.part.items)

    @cached_property
    def _languages(self) -> list[str]:
        return list(map(language_of, self._texts))

    def incidental(self) -> Mapping[str, pl.DataFrame]:
        texts = self._texts
        ends = [_ends(text) for text in texts]
        return {
            "the length of the text": pl.DataFrame(
                {"characters": list(map(len, texts)), "words": [len(text.split()) for text in texts]}
            ),
            "its first and last characters": pl.DataFrame(
                ends, schema={"first": pl.String, "last": pl.String}, orient="row"
            ),
            "capitals and special characters": pl.DataFrame(list(map(text_statistics, texts))).select(
                "capitals", "non_ascii"
            ),
            "blanks around the text and between lines": pl.DataFrame(
                {
                    "around": [len(text) - len(text.strip()) for text in texts],
                    "lines": [text.count("\n") for text in texts],
                    "double": [text.count("  ") for text in texts],
                }
            ),
        }

    def findings(self) -> list[Finding]:
        texts = self._texts
        tags = [index for index, text in enumerate(texts) if _TAG.search(text)]
        short = [index for index, text in enumerate(texts) if len(text.strip()) < _SHORTEST]
        findings = [
            *self._scripts(),
            *self._telling(),
            *check_personal_data({self._reader.column: texts}, self.part.rows, DROP),
        ]
        if 0 < len(tags) < len(texts):
            words = "HTML tags or entities in some texts alone"
            remedy = "take markup out of all texts, in one way"
            findings.append(self._mixed("markup", tags, words, remedy))
        if garbled := [index for index, text in enumerate(texts) if _is_garbled(text)]:
            words = "Letters that were read in another encoding than they were written in, such as Ã© for é"
            findings.append(self._mixed("encoding", garbled, words, "read them anew: --encoding utf-8 (encoding=)"))
        if short:
            share = wilson(len(short), len(texts))
            severity: Severity = "warning" if share.low > _MANY else "note"
            sentence = f"Fewer than {_SHORTEST} characters: {len(short):,} of {len(texts):,} texts ({share.value:.1%})."
            evidence = {"share": share.to_json(), "rows": self.part.rows[short].tolist()[:_SHOWN]}
            line = replace(DROP, solves=len(short) <= _SHOWN)
            remedies = ("look through them, and drop them: headway clean DATA",)
            findings.append(Finding("poor_items", severity, sentence, evidence, remedies, line))
        return findings

    def _telling(self) -> list[Finding]:
        """Words that alone tell most of the label, such as the label itself in a footer."""
        from sklearn.feature_extraction.text import CountVectorizer

        target = self.part.data.target
        if not target.is_one_class or len(self._texts) < _FEWEST:
            return []
        options: Any = {"min_df": _LEAST_SHARE, "token_pattern": r"\S+"}
        counter = CountVectorizer(binary=True, **options)
        try:
            has_word: Any = counter.fit_transform(self._texts)
        except ValueError:
            # No word is in enough of the texts.
            return []
        own = np.eye(len(target.labels))[self.part.targets]
        shares, with_word = own.mean(axis=0), np.asarray(has_word.mean(axis=0)).ravel()
        together = np.asarray(has_word.T @ own) / len(own)
        spread = np.maximum(with_word * (1 - with_word), 1e-12)[:, None]
        # Of a class's own variance: of many classes a word can tell but one.
        of_class = np.maximum(shares * (1 - shares), 1e-12)
        explained = ((together - with_word[:, None] * shares) ** 2 / spread / of_class).max(axis=1)
        words = list(map(str, counter.get_feature_names_out()))
        order = [place for place in np.argsort(-explained, kind="stable") if explained[place] >= _TELLS]
        # An address that tells the class is a leak, and yet must not be shown.
        order = [place for place in order if masked(words[place]) == words[place]][:_MOST_WORDS]
        if not order:
            return []
        named = ", ".join(f'"{words[place]}" {explained[place]:.0%}' for place in order)
        sentence = f"One word alone explains most of whether a text is of a class: {named} of the variance."
        severity: Severity = "serious" if explained[order[0]] >= _TELLS_ALL else "warning"
        remedies = ("ask whether new texts have this word before the answer is known", "take it out of all texts")
        pattern = "(?i)" + "|".join(re.escape(words[place]) for place in order)
        name = self._reader.columns[0]
        python = (
            f'data = data.rebuild(columns=data.items[["row"]].with_columns('
            f'data.items[{name!r}].str.replace_all({pattern!r}, " ")))'
        )
        evidence = {"words": [words[place] for place in order], "explained": explained[order].tolist()}
        line = Line(python=python, solves=True) if len(self._reader.columns) == 1 else None
        return [Finding("leak", severity, sentence, evidence, remedies, line)]

    def _scripts(self) -> list[Finding]:
        """Texts in another script, or in another language, than most."""
        findings = []
        for how, kinds in {"script": list(map(script_of, self._texts)), "language": self._languages}.items():
            counts = Counter(kind for kind in kinds if kind not in ("", NO_LETTERS))
            if len(counts) < 2:
                continue
            usual = counts.most_common(1)[0][0]
            others = [index for index, kind in enumerate(kinds) if kind not in (usual, "", NO_LETTERS)]
            named = ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common()[1:5])
            words = f"In another {how} than {usual} ({named})"
            findings.append(self._mixed(how, others, words, f"split or filter by {how}"))
        return findings

    def _mixed(self, how: str, positions: Sequence[int], words: str, remedy: str) -> Finding:
        share = wilson(len(positions), len(self._texts))
        severity: Severity = "warning" if share.low > _MANY else "note"
        sentence = f"{words}: {len(positions):,} of {len(self._texts):,} texts ({share.value:.1%})."
        rows = self.part.rows[list(positions)].tolist()[:_SHOWN]
        evidence = {"how": how, "share": share.to_json(), "rows": rows}
        line = replace(DROP, solves=len(positions) <= _SHOWN)
        return Finding("mixed_texts", severity, sentence, evidence, (remedy, "or leave them out"), line)

    def picture(self, position: int) -> Picture:
        row = self.part.items.row(position, named=True)
        shown = {name: masked(value) if isinstance(value, str) else value for name, value in row.items()}
        return Picture(html=card(self._reader, self._reader.from_row(shown)))


def _is_garbled(text: str) -> bool:
    """Whether a text is UTF-8 that was read as Latin-1: hardly any other text is UTF-8 again when it is written so."""
    if text.isascii():
        return False
    for encoding in ("windows-1252", "latin-1"):
        try:
            text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        return True
    return False


def _ends(text: str) -> tuple[str, str]:
    """The kinds of the first and last characters: letters are alike, marks are themselves."""
    first, last = ("a" if one.isalpha() else "0" if one.isdigit() else one for one in (text[:1], text[-1:]))
    return first, last

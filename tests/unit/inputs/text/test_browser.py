"""Texts in the browser: the same tokens as in Python, whatever characters a text is made of."""

from __future__ import annotations

import json
import shutil
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headway.errors import ConfigError
from headway.inputs.text import browser
from headway.inputs.text.field import Text

WEB = Path(browser.__file__).with_name("web")
NUM_TEXTS = 2_000

READ = """
import { readFileSync } from "node:fs";
import { tokensOf } from "./read.js";
const field = JSON.parse(readFileSync("field.json"));
const texts = JSON.parse(readFileSync("texts.json"));
process.stdout.write(JSON.stringify(texts.map((text) => tokensOf(text, field))));
"""


def random_texts(count: int, *, seed: int) -> list[str]:
    """Texts of characters of every kind: each a mixture of a few kinds, and some of all of Unicode."""
    draw = np.random.default_rng(seed)
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    plain = [character for character in every if unicodedata.category(character) not in ("Cn", "Co")]
    kinds = [
        [chr(code) for code in range(32, 127)],
        list("etaoinshrdlu "),
        [character for character in plain if unicodedata.category(character)[0] == "M"],
        [character for character in plain if unicodedata.combining(character)],
        [character for character in plain if unicodedata.decomposition(character)],
        [character for character in plain if unicodedata.category(character)[0] in "PSZC"],
        [character for character in plain if character.lower() != character],
        [chr(code) for code in (*range(0x4E00, 0x4F00), *range(0x3040, 0x3100), *range(0xAC00, 0xAD00))],
        ["[SEP]", "[CLS]", "[MASK]", "[sep]", "[UNK", "[PAD]", "]", "running", "unaffable", "x" * 101, "\r\n", " "],
        plain,
        every,
    ]
    texts = []
    for _ in range(count):
        chosen = [kinds[index] for index in draw.choice(len(kinds), size=int(draw.integers(1, 4)))]
        length = int(draw.integers(1, 60))
        texts.append(
            "".join(kind[draw.integers(len(kind))] for kind in (chosen[draw.integers(len(chosen))],) * length)
            if draw.random() < 0.3
            else "".join(kind[draw.integers(len(kind))] for kind in (chosen[at % len(chosen)] for at in range(length)))
        )
    return texts


@pytest.mark.slow
def test_the_browser_gives_the_tokens_of_python(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    field = Text("text", max_tokens=256).fit(pl.DataFrame({"text": ["A text."]}))
    texts = []
    for text in random_texts(NUM_TEXTS, seed=0):
        readable = field.unreadable(pl.DataFrame({"text": [text]})) == {}
        texts += [text] if readable else []
    assert len(texts) > 0.9 * NUM_TEXTS
    shutil.copytree(WEB, tmp_path / "web")
    files = {"package.json": {"type": "module"}, "texts.json": [[text] for text in texts]}
    files["field.json"] = {**field.to_json(), "facts": field.browser_facts()}
    for name, values in files.items():
        (tmp_path / "web" / name).write_text(json.dumps(values))
    (tmp_path / "web" / "main.js").write_text(READ)
    done = subprocess.run([node, "main.js"], cwd=tmp_path / "web", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for text, tokens in zip(texts, json.loads(done.stdout), strict=True):
        assert tokens == field.read(text).tolist(), ascii(text)


def test_other_tokenizers_are_refused() -> None:
    field = Text("text", tokenizer="byte_pair").fit(pl.DataFrame({"text": ["A text.", "And a text."]}))
    with pytest.raises(ConfigError) as caught:
        field.browser_facts()
    assert str(caught.value) == (
        "`headway export-web` cannot cut texts into tokens of this kind in the browser.\n"
        "  Given: tokenizer='byte_pair'\n"
        "  Fix:   Serve the model with `headway serve`, or train one with the architecture minilm."
    )

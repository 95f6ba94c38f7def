"""A language model from a text to its report, its bundle and the terminal; and causal models of transformers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import headway as hw
from headway.cli import app
from headway.inputs.text_blocks.models import Gpt, Writer

pytestmark = [pytest.mark.slow, pytest.mark.long]


def story(*, sentences: int = 2_500) -> str:
    """Sentences whose verbs depend on who stands at their beginning, four words before."""
    draw, verbs = np.random.default_rng(0), {"dog": "barked", "cat": "slept", "owl": "hooted"}
    names, places = list(verbs), ["green garden", "old house", "deep forest", "small town"]
    lines = []
    for _ in range(sentences):
        name = names[draw.integers(3)]
        lines.append(f"The {name} in the {places[draw.integers(4)]} {verbs[name]}.")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> hw.Learner:
    folder = tmp_path_factory.mktemp("story")
    data = hw.from_items({"text": [story()]}, target=hw.NextToken(tokenizer="characters", block=200))
    model = Writer(Gpt(data.input.num_tokens, width=48, depth=2, heads=2, dropout=0))  # pyright: ignore[reportAttributeAccessIssue]
    learner = hw.Learner(data, model, run=folder / "story", batch_size=8, progress=False)
    learner.fit(6, lr=1e-2, clip_norm=1.0)
    return learner


@pytest.fixture(scope="module")
def report(learner: hw.Learner) -> hw.Report:
    return learner.report()


def test_it_learns_what_stands_far_before(report: hw.Report) -> None:
    known = {row.name: row.metrics["valid"]["bits_per_character"].value for row in report.baselines}
    ours = report.parts["valid"].metrics["bits_per_character"].value
    # An n-gram long enough to know who stood at the beginning saw too few of them.
    assert ours < 0.85 * min(known.values())
    assert (report.verdict.kind, report.verdict.baseline) == ("better", "n-gram of characters")


def test_a_report_shows_what_it_writes_and_what_surprises_it(report: hw.Report, tmp_path: Path) -> None:
    facts = report.to_json()
    assert all(sample["text"] for sample in facts["samples"])
    # Who is in a sentence, and where, cannot be known; the rest of it follows.
    places = facts["surprises"]
    assert places == sorted(places, key=lambda place: -place["bits"])
    assert places[0]["bits"] > 1.5
    assert len(places[0]["token"]) == 1
    page = report.save(tmp_path / "report.html").read_text()
    assert "What it writes" in page
    assert "Most surprising places" in page


def test_it_writes_sentences_of_the_story(learner: hw.Learner) -> None:
    text = "".join(learner.generate("The owl in the ", max_tokens=120, temperature=0.5))
    first = text.split("\n")[0]
    assert first.endswith(" hooted.")
    assert text == "".join(learner.generate("The owl in the ", max_tokens=120, temperature=0.5))
    assert text != "".join(learner.generate("The owl in the ", max_tokens=120, temperature=0.5, seed=1))


def test_a_bundle_writes_in_the_terminal_and_is_measured(
    learner: hw.Learner, report: hw.Report, tmp_path: Path
) -> None:
    bundle = learner.export(tmp_path / "story.headway", report=report)
    call = CliRunner().invoke(app, ["generate", str(bundle), "The cat", "--temperature", "0", "--max-tokens", "60"])
    assert call.exit_code == 0
    assert call.output == f"The cat{''.join(learner.generate('The cat', temperature=0, max_tokens=60))}\n"
    (tmp_path / "more.txt").write_text(story(sentences=100))
    measured = CliRunner().invoke(app, ["evaluate", str(bundle), str(tmp_path / "more.txt"), "--json"])
    metrics = json.loads(measured.stdout)["metrics"]
    assert metrics["bits_per_character"]["value"] < 0.2


def test_a_folder_of_texts_is_trained_on_by_one_command(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.txt").write_text(story(sentences=20)[number * 7 :])
    options = ["--kind", "next_token", "--tokenizer", "characters", "--arch", "lstm", "--epochs", "1", "--json"]
    call = CliRunner().invoke(app, ["train", str(tmp_path), *options, "--runs", str(tmp_path / "runs"), "--name", "a"])
    assert call.exit_code == 0, call.output
    facts = json.loads(call.stdout.splitlines()[-1])
    assert facts["metrics"]["bits_per_character"]["value"] < 8
    assert Path(facts["bundle"]).is_file()


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_causal_model_of_transformers_is_fine_tuned_and_exported(kind: str, tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from headway.inputs.text_blocks.tokenizer import train_tokenizer

    text, folder = story(sentences=200), tmp_path / kind
    own = Tokenizer.from_str(train_tokenizer([text], "byte_pair", vocabulary=300))
    PreTrainedTokenizerFast(tokenizer_object=own, eos_token="<|end|>").save_pretrained(folder)
    shape = {"vocab_size": 300, "bos_token_id": 0, "eos_token_id": 1}
    if kind == "llama":
        sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
        model = LlamaForCausalLM(LlamaConfig(**shape, **sizes, num_key_value_heads=2, max_position_embeddings=128))
    else:
        model = GPT2LMHeadModel(GPT2Config(**shape, n_embd=16, n_layer=1, n_head=4, n_positions=128))
    model.save_pretrained(folder)
    # The architecture brings its own tokens, whatever the data were read with.
    data = hw.from_items({"text": [text]}, target=hw.NextToken(block=100))
    learner = hw.Learner(data, str(folder), batch_size=16, progress=False)
    assert learner.pretrained == str(folder)
    before = learner.evaluate()["bits_per_character"].value
    learner.fit(5, lr=1e-2)
    assert learner.evaluate()["bits_per_character"].value < 0.8 * before
    predictor = hw.load(learner.export(tmp_path / "model.headway"))
    written = "".join(learner.generate("The dog", max_tokens=70, seed=2))
    assert written
    assert written == "".join(predictor.generate("The dog", max_tokens=70, seed=2))


def test_a_pretrained_model_must_fit_the_blocks(tmp_path: Path) -> None:
    data = hw.from_items({"text": [story(sentences=100)]}, target=hw.NextToken(block=100))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(hw.WeightsError, match=rf"^The tokenizer of '{tmp_path}' cannot be read\.\n"):
        hw.Learner(data, str(tmp_path))

"""A model for those who leave: its graph, its weights or its program in other libraries' formats, in one folder.

Beside the model lie `facts.json` (labels, and how an item is read), `check.npz` (a few inputs, and the outputs that
they must give), and a README with the lines that answer without Headway. A kind of input may bring `plain_reader.py`
and `plain_model.py` beside its field: files that import nothing of Headway, and are copied.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np

from headway.bundle.format import Bundle
from headway.bundle.predictor import GRAPH_INPUT, GRAPH_OUTPUT
from headway.inputs.base import Input
from headway.inputs.registry import input_from_json
from headway.system.files import writable, write_whole

__all__ = ["FORMATS", "FormatName", "write_other_format"]

READER, MODEL = "plain_reader.py", "plain_model.py"
FormatName = Literal["onnx", "torch", "safetensors"]
FORMATS: dict[FormatName, str] = {"onnx": "model.onnx", "torch": "model.pt2", "safetensors": "model.safetensors"}

_ANSWER = """import json
from pathlib import Path

import numpy as np
{imports}
facts = json.loads(Path("facts.json").read_text(encoding="utf-8"))
{inputs}
{answers}
for answer in answers:
    print({shown})
"""
_INPUTS = """items = [{items}]
inputs = read(items, facts["input"])"""
_IMPORTS: dict[FormatName, str] = {
    "onnx": "import onnxruntime\n",
    "torch": "import torch\n",
    "safetensors": "import torch\n\nfrom plain_model import load\n",
}
_ANSWERS: dict[FormatName, str] = {
    "onnx": f"""session = onnxruntime.InferenceSession("model.onnx")
answers = session.run(["{GRAPH_OUTPUT}"], {{"{GRAPH_INPUT}": inputs}})[0]""",
    "torch": """program = torch.export.load("model.pt2").module()
answers = program(torch.from_numpy(inputs))[0].detach().numpy()""",
    "safetensors": """model = load("model.safetensors", facts)
with torch.no_grad():
    logits = model(torch.from_numpy(inputs).permute(0, 3, 1, 2))
answers = logits.softmax(dim=1).numpy()""",
}
_NEEDS: dict[FormatName, str] = {
    "onnx": "numpy onnxruntime",
    "torch": "numpy torch",
    "safetensors": "numpy safetensors timm torch",
}
_ABOUT: dict[FormatName, str] = {
    "onnx": "`model.onnx` is the model as an ONNX graph: whatever reads ONNX runs it. Its metadata name the labels.",
    "torch": "`model.pt2` is the model as a program of `torch.export`. **Open only a file that you trust**: torch's "
    "reader of such files is not made for those of strangers.",
    "safetensors": "`model.safetensors` holds the weights by name and no code; its metadata name the architecture.",
}
_NO_MODEL = """This architecture is no network of timm's with a linear layer, so the weights alone are here. `headway
peel RUN --layer torch` writes the network in plain PyTorch, and the `load_state_dict` of its model takes them."""


def write_other_format(
    bundle: Bundle, folder: Path, *, format: FormatName, name: str, program: Callable[[Path], None] | None = None
) -> list[Path]:
    """Writes a bundle's model and how to use it without Headway; the files, the model's first.

    Args:
        bundle: The model.
        folder: Where; made where it is missing. Files in it that have these names are replaced.
        format: "onnx" for the graph, "safetensors" for the weights, "torch" for the program.
        name: What the README calls the model.
        program: Writes the program, which a bundle does not hold; for "torch".

    Raises:
        ConfigError: If the folder cannot be written.
    """
    manifest, input = bundle.manifest, input_from_json(bundle.manifest["input"])
    facts = {key: manifest.get(key) for key in ("arch", "prepare", "input", "target", "versions")}
    beside = {READER: _beside(input, READER)}
    if format == "safetensors" and _is_timm(facts):
        beside[MODEL] = _beside(input, MODEL)
    written = {file: text.encode() for file, text in beside.items() if text is not None}
    written["README.md"] = _readme(name, format, bundle, input, helpers=written.keys()).encode()
    written["facts.json"] = (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()
    written["check.npz"] = bundle.files["check.npz"]
    model = folder / FORMATS[format]
    with writable("The model", folder):
        folder.mkdir(parents=True, exist_ok=True)
        if format == "torch":
            assert program is not None
            program(model)
        else:
            write_whole(model, _graph(bundle) if format == "onnx" else _weights(bundle))
        for file, content in written.items():
            write_whole(folder / file, content)
    return [model, *(folder / file for file in sorted(written))]


def _beside(input: Input, file: str) -> str | None:
    """The text of a file beside the field's module."""
    path = files(type(input).__module__.rpartition(".")[0]) / file
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _is_timm(facts: dict[str, Any]) -> bool:
    """Whether a class for each item is told by one of timm's networks, whose normalisation is known."""
    from timm import is_model

    return facts["target"]["kind"] == "category" and bool(facts["prepare"]) and is_model(str(facts["arch"]))


def _labels(bundle: Bundle) -> list[str]:
    return list(bundle.manifest["target"].get("labels", ()))


def _graph(bundle: Bundle) -> bytes:
    """The graph, with what it is for in its metadata."""
    import onnx

    model = onnx.load_from_string(bundle.files["model.onnx"])
    known = {"labels": _labels(bundle), "target": bundle.manifest["target"]["kind"]}
    known |= {"input": bundle.manifest["input"]["kind"], "arch": bundle.manifest.get("arch")}
    onnx.helper.set_model_props(model, {key: json.dumps(value, ensure_ascii=False) for key, value in known.items()})
    return model.SerializeToString(deterministic=True)


def _weights(bundle: Bundle) -> bytes:
    """The weights, with the architecture and the labels in the header."""
    from safetensors.numpy import load, save

    metadata = {"format": "pt", "arch": str(bundle.manifest.get("arch")), "labels": json.dumps(_labels(bundle))}
    return save(load(bundle.files["weights.safetensors"]), metadata)


def _readme(name: str, format: FormatName, bundle: Bundle, input: Input, *, helpers: Collection[str]) -> str:
    has_reader, labels = READER in helpers, _labels(bundle)
    gives = f"one of {len(labels):,} classes" if labels else f"`{bundle.manifest['target']['kind']}`"
    lengths = [length or axis.rstrip("*") for axis, length in zip(input.axes, input.shape, strict=True)]
    takes = f"It takes {np.dtype(input.dtype)} `[{', '.join(map(str, ['batch', *lengths]))}]`"
    lines = [
        f"# {name}",
        f"A model of {input.nouns} that gives {gives}, trained with Headway, which this folder does not need.",
        _ABOUT[format],
        f"{takes}, as `{READER}` makes it." if has_reader else f"{takes}; `facts.json` has what its values mean.",
        "`check.npz` has a few `inputs`, and the `outputs` that they must give, up to rounding.",
    ]
    if format == "safetensors" and MODEL not in helpers:
        return "\n\n".join([*lines, _NO_MODEL]) + "\n"
    read = "from plain_reader import read\n" if has_reader else ""
    shown = 'facts["target"]["labels"][answer.argmax()], answer.max()' if labels else "answer"
    inputs = _INPUTS.format(items=_example(input)) if has_reader else 'inputs = np.load("check.npz")["inputs"]'
    code = _ANSWER.format(imports=_IMPORTS[format] + read, inputs=inputs, answers=_ANSWERS[format], shown=shown)
    needs = f"`pip install {_NEEDS[format]}`" + (f" and what `{READER}` imports" if has_reader else "")
    return "\n\n".join([*lines, f"To answer, after {needs}:", f"```python\n{code}```"]) + "\n"


def _example(input: Input) -> str:
    """An item, as Python source."""
    if input.source == "file":
        return '"photo.jpg"'
    return repr({column.name: column.typical for column in input.form()})

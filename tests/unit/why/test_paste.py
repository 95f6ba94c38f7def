"""Pasted tracebacks: of Python, of IPython, of a log, or the last line alone."""

from __future__ import annotations

import pytest

from headway.errors import ConfigError
from headway.why.match import explain
from headway.why.paste import parse_traceback
from headway.why.question import question

PYTHON = """Epoch 1
Traceback (most recent call last):
  File "/data/ada/train.py", line 31, in <module>
    train(model)
  File "/data/ada/train.py", line 22, in train
    loss = loss_fn(outputs, targets)
  File "/opt/venv/lib/python3.12/site-packages/torch/nn/modules/module.py", line 1740, in _call_impl
    return forward_call(*args, **kwargs)
RuntimeError: expected scalar type Long but found Float
"""

NOTEBOOK = """---------------------------------------------------------------------------
\x1b[31mValueError\x1b[39m                                Traceback (most recent call last)
Cell In[7], line 3
      1 outputs = model(images)
      2 targets = labels
----> 3 loss = F.binary_cross_entropy_with_logits(outputs, targets)

File /opt/venv/lib/python3.12/site-packages/torch/nn/functional.py:3639, in binary_cross_entropy_with_logits(input)
   3636     reduction_enum = _Reduction.get_enum(reduction)
-> 3639     raise ValueError(

ValueError: Target size (torch.Size([64])) must be the same as input size (torch.Size([64, 1]))
"""


def test_of_python() -> None:
    failure = parse_traceback(PYTHON)
    assert failure.type == "RuntimeError"
    assert failure.own_frame is not None
    assert (failure.own_frame.line, failure.own_frame.function) == (22, "train")
    assert failure.line == "loss = loss_fn(outputs, targets)"
    assert explain(failure)[0].entry.id == "dtypes.targets_float"


def test_of_a_notebook() -> None:
    failure = parse_traceback(NOTEBOOK)
    assert failure.type == "ValueError"
    assert failure.line == "loss = F.binary_cross_entropy_with_logits(outputs, targets)"
    assert explain(failure)[0].entry.id == "shapes.bce_size"


def test_the_last_line_alone_is_enough() -> None:
    failure = parse_traceback("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert failure.type == "OutOfMemoryError"
    assert explain(failure)[0].entry.id == "memory.out_of_memory"


def test_a_warning_is_explained_too() -> None:
    text = "train.py:9: UserWarning: Using a target size (torch.Size([64])) that is different to the input size "
    failure = parse_traceback(text + "(torch.Size([64, 1])). This will likely lead to incorrect results.")
    assert explain(failure)[0].entry.id == "shapes.broadcast_warning"


def test_messages_of_several_lines_are_whole() -> None:
    text = (
        "RuntimeError: Error(s) in loading state_dict for Net:\n"
        "\tsize mismatch for head.weight: copying a param with shape torch.Size([1000, 512]) from checkpoint, "
        "the shape in current model is torch.Size([2, 512]).\n"
    )
    [explanation, *_] = explain(parse_traceback(text))
    assert explanation.says == "`head.weight` is [1000, 512] in the file and [2, 512] in the model."


def test_a_text_without_an_error_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        parse_traceback("all is well\nhere")
    assert str(error.value) == (
        "The text names no error.\n  Given: 2 lines\n"
        "  Fix:   Paste the traceback to its last line, which names the error."
    )


def test_a_question_names_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/data/ada")
    text = question(parse_traceback(PYTHON))
    assert '  File "~/train.py", line 22, in train\n    loss = loss_fn(outputs, targets)' in text
    assert "/data/ada" not in text
    assert text.startswith("# RuntimeError: expected scalar type Long but found Float\n")

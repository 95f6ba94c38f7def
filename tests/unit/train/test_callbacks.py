from __future__ import annotations

from typing import Any

import pytest
from torch import nn

import headway as hw
from headway.train.callbacks import check_callbacks


def test_a_misspelt_hook_is_an_error_when_the_class_is_defined() -> None:
    with pytest.raises(hw.ConfigError) as caught:

        class Watch(hw.Callback):
            def on_epoch_ende(self, state: Any, epoch: Any) -> None: ...

    assert str(caught.value) == (
        "A callback has a method that no step of training calls.\n"
        "  Given: Watch.on_epoch_ende\n"
        '  Fix:   Did you mean "on_epoch_end" or "on_epoch_begin" or "on_batch_end"?'
    )


def test_methods_of_other_names_are_allowed() -> None:
    class Watch(hw.Callback):
        def on_epoch_end(self, state: Any, epoch: Any) -> None:
            self.onwards()

        def onwards(self) -> None: ...

    check_callbacks([Watch()])


@pytest.mark.parametrize(
    ("wrong", "given", "fix"),
    [
        (hw.EarlyStopping, "the class EarlyStopping", "Pass EarlyStopping()."),
        (print, "builtin_function_or_method", "Derive its class from hw.Callback."),
    ],
)
def test_what_is_no_callback(digits_data: hw.Data, wrong: Any, given: str, fix: str) -> None:
    with pytest.raises(hw.ConfigError) as caught:
        hw.Learner(digits_data, nn.Linear(1, 1), callbacks=[wrong])
    assert str(caught.value) == f"A callback must be an instance of hw.Callback.\n  Given: {given}\n  Fix:   {fix}"

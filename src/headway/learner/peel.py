"""What peeling needs to know of a learner."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from headway.learner.subject import TrainedModel
from headway.peel.facts import Call, Subject
from headway.runs.run import Run
from headway.train.fine_tune import recommended
from headway.train.make_model import make_model
from headway.train.options import Options, options_of
from headway.train.stage import Setup

__all__ = ["subject_of"]

FIT_LR = 1e-3


def subject_of(
    trained: TrainedModel,
    *,
    run: Run | None,
    calls: Sequence[Mapping[str, Any]],
    epochs: Sequence[int],
    own: Mapping[str, Any],
    two_stages: bool,
) -> Subject:
    """The learner's training.

    `epochs` are those that all layers had trained in after each call that came to its end, `own` the learner's
    arguments that are no plain values, by name.
    """
    setup, settings = trained.setup, trained.settings

    def make_blank() -> nn.Module:
        pretrained = bool(settings["pretrained"])
        fields = setup.data.input, setup.data.target
        return make_model(settings["arch"], *fields, pretrained=pretrained, seed=setup.seed).module

    spans = zip((0, *epochs), epochs, strict=False)
    return Subject(
        setup=setup,
        calls=[_call(setup, call, *span, two_stages=two_stages) for call, span in zip(calls, spans, strict=False)],
        is_whole=len(epochs) == len(calls),
        own=[name for name, value in own.items() if value is not None],
        settings=settings,
        run=run,
        make_blank=make_blank,
    )


def _call(setup: Setup, call: Mapping[str, Any], before: int, after: int, *, two_stages: bool) -> Call:
    arguments = {name: value for name, value in call.items() if name != "call" and value is not None}
    if "path" in arguments:
        arguments["path"] = os.path.abspath(arguments["path"])
    is_fine_tuned, trains = call["call"] == "fine_tune", call["call"] in ("fit", "fine_tune")
    usual = (setup.fine_tuning if two_stages else setup.recipe).lr_with(setup.batch_size)
    base = recommended(setup, two_stages=two_stages) if is_fine_tuned else None
    return Call(
        name=call["call"],
        arguments=arguments,
        options=options_of(arguments, base) if trains else Options(),
        lr=arguments.get("lr") or (usual if is_fine_tuned else FIT_LR),
        two_stages=two_stages and is_fine_tuned,
        epochs=after - before,
        first_epoch=before,
    )

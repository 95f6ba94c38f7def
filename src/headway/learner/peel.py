"""What peeling needs to know of a learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from headway.learner.subject import TrainedModel
from headway.peel.facts import Subject
from headway.runs.run import Run
from headway.train.fine_tune import DEFAULT_LR, recommended
from headway.train.make_model import make_model
from headway.train.options import options_of

__all__ = ["subject_of"]

FIT_LR = 1e-3


def subject_of(
    trained: TrainedModel,
    *,
    run: Run | None,
    calls: Sequence[Mapping[str, Any]],
    own: Mapping[str, Any],
    two_stages: bool,
) -> Subject:
    """The learner's training; `own` are its arguments that are no plain values, by name."""
    setup, settings = trained.setup, trained.settings
    # More than one call is refused where its options matter.
    call = dict(next((call for call in calls if call["call"] in ("fit", "fine_tune")), {}))
    is_fine_tuned = call.pop("call", None) == "fine_tune"
    usual = setup.recipe.lr if not two_stages else DEFAULT_LR
    base = recommended(setup, two_stages=two_stages) if is_fine_tuned else None

    def make_blank() -> nn.Module:
        pretrained = bool(settings["pretrained"])
        fields = setup.data.input, setup.data.target
        return make_model(settings["arch"], *fields, pretrained=pretrained, seed=setup.seed).module

    return Subject(
        setup=setup,
        history=trained.history,
        calls=calls,
        own=[name for name, value in own.items() if value is not None],
        arch=settings["arch"],
        pretrained=settings["pretrained"],
        two_stages=two_stages and is_fine_tuned,
        settings=settings,
        options=options_of(call, base),
        lr=call.get("lr") or (usual if is_fine_tuned else FIT_LR),
        run=run,
        make_blank=make_blank,
    )

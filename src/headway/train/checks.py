"""What is checked before training: that model, loss and options fit the data, tried on two items where they must be."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from headway.data.dataset import Data
from headway.data.loader import Loader
from headway.errors import ConfigError, DataError, HeadwayError, ShapeError, in_a_line
from headway.inputs.base import model_order
from headway.train.loop import evaluating
from headway.train.model import Model, is_fixed
from headway.train.optimizers import depth_groups
from headway.train.options import Options, check_sizes
from headway.train.stage import Setup

__all__ = ["check_data", "check_model", "check_training", "choose_stages", "has_linear_head"]


def check_data(data: Any, arch: Any) -> None:
    """Raises a ConfigError unless the data are a data set of ours, and a DataError where they cannot be trained on."""
    if isinstance(data, Data):
        if (refusal := data.refusal) is not None:
            raise DataError(refusal.what, given=refusal.given, fix=refusal.fix)
        return
    fix = "Make one with hw.from_folder(...), hw.from_csv(...), hw.from_items(...) or hw.from_arrays(...)."
    # As scikit-learn has it: the model first.
    if isinstance(arch, Data):
        fix = "The data come first: hw.Learner(data, model)."
    raise ConfigError("`data` must be a data set.", given=type(data).__name__, fix=fix)


def has_linear_head(model: nn.Module) -> bool:
    """Whether a model has a body and a linear head, so that its head can be solved on the frozen body's features."""
    if len(depth_groups(model)) < 2 and not is_fixed(model):
        return False
    head = model.get_submodule("head")
    # The solved head has a bias, which needs a place to be copied to.
    return isinstance(head, nn.Linear) and head.bias is not None


def check_model(setup: Setup) -> bool:
    """Tries the model on two items; True where its output is just its linear head on its body's features.

    Raises:
        ShapeError: If it does not give as many outputs as the target needs for each item.
    """
    model, data = setup.model, setup.data
    part = data.valid if len(data.valid) > 1 else data.train
    batch = next(iter(Loader(part, 2))).to(setup.precision.device)
    inputs = setup.precision.layout(setup.prepare(batch.inputs))
    # Not inference mode: a lazy module makes its weights here, and they are to be trained.
    with evaluating(model), torch.no_grad():
        outputs = _tried(model, inputs)
        by_parts = model.get_submodule("head")(model.get_submodule("body")(inputs)) if has_linear_head(model) else None
    # Of a mask the model gives an output for each place of the input, of anything else one for the item.
    axes = (data.input.axes[index - 1] for index in model_order(data.input.axes)[1:])
    lengths = dict(zip(axes, batch.inputs.shape[1:], strict=True))
    wanted = (len(inputs), data.target.num_outputs, *(lengths[axis] for axis in data.target.axes[1:]))
    if not isinstance(outputs, torch.Tensor) or outputs.shape != wanted:
        shape = list(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
        raise ShapeError(
            f"The model must give {wanted[1]} numbers for each item, such as one logit a class.",
            given=f"outputs {shape} for inputs {list(inputs.shape)}",
            fix=f"End the model with a layer of {wanted[1]} outputs.",
        )
    try:
        setup.objective.loss_fn(outputs.float(), batch.targets)
    # A loss of the user's own fails in ways of its own.
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        if isinstance(error, HeadwayError):
            raise
        shapes = ", ".join(
            f"{name} {str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
            for name, tensor in zip(
                ("outputs", "targets"), setup.objective.compared(outputs, batch.targets), strict=True
            )
        )
        what = "`loss_fn` cannot compute a loss from the model's outputs and the targets."
        fix = "Pass a loss for such shapes and dtypes, or a function that converts them first."
        raise ShapeError(what, given=f"{shapes}: {in_a_line(error)}", fix=fix) from error
    # Compared by what they give, since a `forward` may do more than its parts, such as a scale or a second branch.
    return by_parts is not None and torch.allclose(outputs, by_parts, atol=1e-4)


def _tried(model: nn.Module, inputs: torch.Tensor) -> Any:
    """What a model gives, or a ShapeError that says what it was given."""
    try:
        return model(inputs)
    # Every layer says in its own way that an input does not fit.
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        what = "The model cannot compute outputs from two items."
        given = f"inputs float32 {list(inputs.shape)}: {in_a_line(error)}"
        raise ShapeError(what, given=given, fix="Make its first layer, and its `forward`, take such inputs.") from error


def check_training(options: Options, setup: Setup, *, epochs: int | None = None, minutes: float | None = None) -> None:
    """Checks, before any work, that options can have an effect on the setup's data and model.

    Raises:
        ConfigError: With the first one that cannot.
    """
    view, objective = setup.training_view, setup.objective
    kinds = f"{type(setup.data.input).__name__} and {type(setup.data.target).__name__}"
    mixes = ", ".join(f"{name}={getattr(options, name)}" for name in ("mixup", "cutmix") if getattr(options, name))
    if mixes and not (view.can_mix and objective.soften):
        what = "Mixup and cutmix need photos whose target is classes, labels or numbers."
        raise ConfigError(what, given=f"{mixes}, {kinds}", fix="Leave them out.")
    if options.label_smoothing and objective.even is None:
        given = f"label_smoothing={options.label_smoothing}, {kinds}"
        raise ConfigError("Label smoothing is for classes and labels.", given=given, fix="Leave it out.")
    # Of maps (BatchNorm2d) one item has many places to take statistics over; of rows it has one value.
    has_norm = any(isinstance(module, nn.BatchNorm1d) for module in setup.model.modules())
    if has_norm and setup.batch_size == 1 and not options.freeze_norm:
        what, given = "Batch normalisation needs more than one item a step.", "batch_size=1, a model with BatchNorm1d"
        raise ConfigError(what, given=given, fix="Pass batch_size=2 or more, or freeze_norm=True.")
    if not options.sizes:
        return
    given = f"sizes={list(options.sizes)}"
    if view.full_size is None or max(options.sizes) > view.full_size:
        what = "Sizes are for photos, and none may be above that of the data."
        given += f", {kinds}" if view.full_size is None else f", size={view.full_size}"
        raise ConfigError(what, given=given, fix="Leave them out, or read larger photos (size=).")
    if minutes is not None:
        what = "Sizes share the epochs among them, so they need a number of epochs."
        raise ConfigError(what, given=f"{given}, minutes={minutes}", fix="Pass epochs instead of minutes.")
    check_sizes(options.sizes, epochs)
    size = min(options.sizes)
    batch = next(iter(Loader(setup.data.train, 2, shuffle=True))).to(setup.precision.device)
    # The smallest size is tried, as layers that shrink a photo run out of pixels there first.
    inputs, _ = setup.augmented(batch, 0, size=size)
    try:
        with evaluating(setup.model), torch.no_grad():
            setup.model(setup.precision.layout(inputs))
    # Every architecture that wants one size alone says so in its own way.
    except (RuntimeError, ValueError, AssertionError) as error:
        what = "The model does not take photos of that size."
        given = f"a side of {size} pixels ({in_a_line(error)})"
        raise ConfigError(what, given=given, fix="Pass larger sizes, or leave them out.") from error


def choose_stages(setup: Setup, model: Model, *, is_own: bool, wanted: bool | None) -> bool:
    """Whether `fine_tune` has two stages: a head solved on the frozen body's features, then all layers.

    Where the user wants neither, two if the body is pretrained, or has no weights to train, and the head is a linear
    layer. A module or a loss of the user's own (`is_own`) is tried on two items.

    Raises:
        ShapeError: If a module of one's own does not give the outputs that the target needs.
        ConfigError: If two stages are wanted, and the model is more than a linear `head` on its `body`.
    """
    # A module of one's own is tried on two items; those by name are known to have a linear head or none.
    fixed = is_fixed(setup.model)
    is_plain = check_model(setup) if is_own or wanted else has_linear_head(setup.model)
    if wanted and not is_plain:
        what = "Two stages need a model that is its linear `head` on the features of its `body`."
        given = f"two_stages=True, {type(setup.model).__name__}"
        raise ConfigError(what, given=given, fix="Leave it out, or give the module these two parts.")
    return is_plain and (fixed or bool(model.pretrained) if wanted is None else wanted)

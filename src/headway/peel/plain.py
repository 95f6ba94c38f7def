"""Plain PyTorch: the templates of a file that does without Headway, in the order in which data flow.

Each function here is a section: its statements become those of the file, what they call is written before them, and
of each `if facts...` only the branch that the run took. Sections leave behind, for those after them: `items` (the
table), `rows`, `train` and `valid` (positions in it), `targets` (a tensor), `inputs_of(positions, epoch)`, `model`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import safetensors.torch
import timm.optim
import torch
from torch import nn

from headway.data.loader import by_length, shuffled_by_length
from headway.peel.facts import sha256_of
from headway.seeds import generator, torch_seed
from headway.train.aside import is_clearly_lower
from headway.train.batchnorm_fusion import _fold
from headway.train.body_features import CHUNK
from headway.train.counts import add_scores, judged
from headway.train.cross_fitting import FoldHeads, solve_fold_heads
from headway.train.dropout import dropout_rate
from headway.train.ema import Average
from headway.train.linear_probe import Head, solve_head
from headway.train.mixup import softened
from headway.train.objective import calibrated_losses
from headway.train.optimizers import freeze_to, parameter_groups
from headway.train.stage import set_training_mode

__all__ = [
    "begin",
    "end",
    "freeze",
    "keep_better",
    "load_weights",
    "restart",
    "stage_one",
    "stage_two",
    "train_all",
    "update_rule",
]

InputsOf = Callable[..., torch.Tensor]


def begin(facts: Any) -> None:
    torch.set_num_threads(facts.threads)
    items = pl.read_parquet(Path(__file__).with_suffix(".parquet"))
    # A row's number stays when others are left out, and decides random draws; `train` and `valid` are positions.
    rows = items["row"].to_numpy()
    train, valid = (np.flatnonzero(items["split"].to_numpy() == part) for part in ("train", "valid"))


@torch.no_grad()
def outputs_of(facts: Any, module: nn.Module, inputs_of: InputsOf, positions: np.ndarray) -> torch.Tensor:
    """What a module gives for items as validation sees them, float32 `[items, outputs]`."""
    module.eval()
    batches = np.array_split(positions, math.ceil(len(positions) / facts.valid_batch_size))
    if facts.is_ragged:
        batches = by_length(batches, facts.lengths)
    if facts.is_short:
        # Weights stay float32; products are computed in bfloat16, where this processor is faster.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = [module(inputs_of(batch)).float() for batch in batches]
    else:
        outputs = [module(inputs_of(batch)).float() for batch in batches]
    if facts.is_ragged:
        return torch.cat(outputs)[np.argsort(np.concatenate(batches))]
    return torch.cat(outputs)


def stage_one(
    facts: Any, model: Any, train: np.ndarray, valid: np.ndarray, targets: torch.Tensor, inputs_of: InputsOf
) -> None:
    if facts.is_mirrored:
        # Features are the mean of a photo's and its mirror image's: better so for heads on held-out training rows.
        model.body.register_buffer("mirrored", torch.tensor(True))
    if facts.counts:
        # Scores that an earlier call counted.
        model.body.counter.put(torch.zeros_like(model.body.counter.table))
    if facts.merges:
        # Each convolution and the normalisation after it as one layer: faster, and the same up to rounding.
        body = copy.deepcopy(model.body).eval()
        _fold(body, inputs_of(train[:2]))
    else:
        body = model.body
    # Chunks and batches are those of the run: sums over another number of items round in another way.
    chunks = [train[start : start + CHUNK] for start in range(0, len(train), CHUNK)]
    features = torch.cat([outputs_of(facts, body, inputs_of, chunk) for chunk in chunks])
    head = solve_head(features, targets[train], target=facts.field, seed=facts.seed)
    head.put_into(model.head)
    if facts.scores_head:
        # Scores of classes by how often each token is in each: better so for heads on held-out training rows.
        table, _ = model.body.counter.count(inputs_of(train), targets[train], seed=facts.seed)
        model.body.counter.put(table)
        add_scores(model.head)
    valid_loss = facts.loss_fn(outputs_of(facts, model, inputs_of, valid), targets[valid])
    print(f"head: weight decay {head.weight_decay:g}, valid loss {valid_loss:.4f}")


def stage_two(
    facts: Any,
    model: Any,
    items: pl.DataFrame,
    rows: np.ndarray,
    train: np.ndarray,
    head: Head,
    features: torch.Tensor,
    targets: torch.Tensor,
    inputs_of: InputsOf,
) -> None:
    # What is kept if training every layer is not better: its head has seen all training rows.
    solved = copy.deepcopy(model.state_dict())
    # Some of the training rows decide between the stages; the table says which.
    is_aside = items["aside"].to_numpy()[train]
    train, aside = train[~is_aside], train[is_aside]
    # The head that stage two starts from has not seen them; its weight decay is stage one's, which they helped choose.
    blind = solve_head(
        features[~is_aside], targets[train], target=facts.field, seed=facts.seed, decays=(head.weight_decay,)
    )
    blind.put_into(model.head)
    head_outputs = model.head(features[is_aside]).detach()
    if facts.cross_fits:
        # The body trains by heads of folds: each row's features go to one that was solved without it.
        heads = solve_fold_heads(
            features[~is_aside],
            targets[train],
            rows[train],
            target=facts.field,
            seed=facts.seed,
            decays=(head.weight_decay,),
        )
        own_head = model.head
        model.head = heads
    if facts.counts:
        # Scores of classes by how often each token is in each: counted now, used when the weights are trained.
        table, _ = model.body.counter.count(inputs_of(train), targets[train], seed=facts.seed)
        model.body.counter.put(table)
        scores = model.body.counter(inputs_of(aside))
        model.body.counter.put(torch.zeros_like(table))
        head_losses, _ = judged(head_outputs, targets[aside], scores, objective=facts.objective)
    else:
        head_losses = calibrated_losses(head_outputs, targets[aside], objective=facts.objective)


def update_rule(facts: Any, model: Any) -> None:
    if not facts.has_plain_groups:
        groups = parameter_groups(model, weight_decay=facts.weight_decay, lr_decay=facts.lr_decay)
    else:
        # Earlier layers, whose parameters come first, learn more slowly. Biases and normalisations do not decay.
        of_body = list(model.body.parameters())
        third = math.ceil(len(of_body) / 3)
        thirds = of_body[2 * third :], of_body[third : 2 * third], of_body[:third]
        groups = []
        for level, parameters in enumerate([list(model.head.parameters()), *thirds]):
            decayed = [parameter for parameter in parameters if parameter.ndim > 1]
            others = [parameter for parameter in parameters if parameter.ndim <= 1]
            groups.append({"params": decayed, "weight_decay": facts.weight_decay, "lr_scale": facts.lr_decay**level})
            groups.append({"params": others, "weight_decay": 0.0, "lr_scale": facts.lr_decay**level})
    if facts.is_adamw:
        # The rate is set at each step; 0.99 averages over a hundred steps, where the usual 0.999 takes a thousand.
        optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.99), fused=True)
    else:
        # The rate is set at each step.
        optimizer = timm.optim.create_optimizer_v2(groups, facts.optimizer)  # pyright: ignore[reportPrivateImportUsage]


def train_all(
    facts: Any,
    model: Any,
    rows: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    targets: torch.Tensor,
    inputs_of: InputsOf,
    targets_of: InputsOf,
    mixed_of: Callable[..., tuple[torch.Tensor, torch.Tensor]],
    answers: torch.Tensor,
    average: Average,
    optimizer: torch.optim.Optimizer,
    dropping: AbstractContextManager[None],
) -> None:
    num_batches = math.ceil(len(train) / facts.batch_size)
    step, total_steps = 0, facts.epochs * num_batches
    if facts.ema:
        average = Average(model, facts.ema)
    if facts.drops:
        # Entered here and left when training ends; a `with` around all of it would hide the loop.
        dropping = dropout_rate(model, facts.dropout_rate)
        dropping.__enter__()
    for epoch in range(facts.first_epoch, facts.first_epoch + facts.epochs):
        if facts.may_freeze:
            set_training_mode(model, freeze_norm=facts.freeze_norm)
        else:
            model.train()
            if facts.freeze_norm:
                # The body's normalisations keep the statistics that they were pretrained with.
                for module in model.body.modules():
                    if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
                        module.eval()
        order = generator(facts.seed, "order", epoch=epoch).permutation(len(train))
        batches = np.array_split(train[order], num_batches)
        if facts.is_ragged:
            batches = shuffled_by_length(batches, facts.lengths, seed=facts.seed, epoch=epoch)
        for batch in batches:
            # For what is drawn inside the model, such as dropout.
            torch.manual_seed(torch_seed(facts.seed, "forward", epoch=epoch, step=step))
            lr = facts.schedule(step, total_steps=total_steps, max_lr=facts.lr)
            for group in optimizer.param_groups:
                group["lr"] = lr * group["lr_scale"]
            if facts.is_soft:
                answers = softened(targets[batch], objective=facts.objective, label_smoothing=facts.label_smoothing)
            if facts.mixes:
                inputs, answers = mixed_of(batch, answers, epoch, mixup=facts.mixup, cutmix=facts.cutmix)
            else:
                inputs = inputs_of(batch, epoch)
            if facts.crosses:
                model.head.choose(rows[batch])
            if facts.trains_short:
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    outputs = model(inputs)
            else:
                outputs = model(inputs)
            if facts.is_soft:
                loss = facts.loss_fn(outputs.float(), answers)
            elif facts.moves:
                loss = facts.loss_fn(outputs.float(), targets_of(batch, epoch))
            else:
                loss = facts.loss_fn(outputs.float(), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            if facts.clip_norm:
                nn.utils.clip_grad_norm_(model.parameters(), facts.clip_norm)
            optimizer.step()
            step += 1
            if facts.ema:
                average.update(step)
        if facts.ema:
            with average.in_place():
                outputs = outputs_of(facts, model, inputs_of, valid)
        else:
            outputs = outputs_of(facts, model, inputs_of, valid)
        print(f"epoch {epoch + 1}: valid loss {facts.loss_fn(outputs, targets[valid]):.4f}")
    if facts.drops:
        dropping.__exit__(None, None, None)
    if facts.ema:
        average.put()


def freeze(facts: Any, model: nn.Module) -> None:
    freeze_to(model, facts.to)


def load_weights(facts: Any, model: nn.Module) -> None:
    model.load_state_dict(safetensors.torch.load_file(facts.path))


def restart(items: pl.DataFrame) -> None:
    train = np.flatnonzero(items["split"].to_numpy() == "train")


def keep_better(
    facts: Any,
    model: Any,
    aside: np.ndarray,
    solved: dict[str, torch.Tensor],
    own_head: nn.Linear,
    heads: FoldHeads,
    head_losses: torch.Tensor,
    table: torch.Tensor,
    scores: torch.Tensor,
    targets: torch.Tensor,
    inputs_of: InputsOf,
) -> None:
    if facts.cross_fits:
        # Their mean is the model's own head.
        model.head = own_head
        heads.put_mean_into(own_head)
    outputs = outputs_of(facts, model, inputs_of, aside)
    if facts.counts:
        losses, is_scored = judged(outputs, targets[aside], scores, objective=facts.objective)
        if is_scored:
            model.body.counter.put(table)
            add_scores(model.head)
    else:
        losses = calibrated_losses(outputs, targets[aside], objective=facts.objective)
    print(f"on {len(aside)} rows set aside: head {head_losses.mean():.3g}, fine-tuned {losses.mean():.3g}")
    if not is_clearly_lower(losses, head_losses):
        model.load_state_dict(solved)


def end(facts: Any, model: nn.Module) -> None:
    print(f"run   {facts.run_sha256}\nhere  {sha256_of(model)}")

"""The training loop written out with Headway's parts: the templates of the layer "loop".

As in `headway.peel.plain` each function is a section, and only the branches that the run took are written.
"""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager
from typing import Any

import safetensors.torch
import torch
from torch import nn

from headway.data.dataset import Data, Part
from headway.peel.facts import sha256_of
from headway.seeds import torch_seed
from headway.train.aside import is_clearly_lower, set_aside
from headway.train.body_features import body_features
from headway.train.counts import Counts, count, forget_counts, judged
from headway.train.cross_fitting import FoldHeads, solve_fold_heads
from headway.train.dropout import dropout_rate
from headway.train.ema import Average
from headway.train.linear_probe import Head, solve_head
from headway.train.make_model import make_model
from headway.train.model import MEASURED
from headway.train.objective import Objective, calibrated_losses, with_class_weights
from headway.train.optimizers import clear_gradients, freeze_to, make_optimizer, set_lr
from headway.train.options import Options
from headway.train.precision import choose_device, choose_precision
from headway.train.schedules import schedule
from headway.train.stage import Setup, set_training_mode

__all__ = [
    "begin",
    "end",
    "freeze",
    "keep_better",
    "load_weights",
    "make_setup",
    "restart",
    "stage_one",
    "stage_two",
    "train_all",
    "update_rule",
]


def begin(facts: Any) -> None:
    torch.set_num_threads(facts.threads)
    data = facts.data


def make_setup(facts: Any, data: Data) -> None:
    made = make_model(facts.arch, data.input, data.target, pretrained=facts.pretrained, seed=facts.seed)
    precision = choose_precision(choose_device("cpu"), facts.precision)
    objective = data.target.objective().with_decays(made.decays)
    if facts.class_weights:
        objective = with_class_weights(
            objective, facts.class_weights, labels=data.target.labels, targets=data.train.targets
        )
    setup = Setup(
        data=data,
        model=precision.place(made.module),
        prepare=made.prepare or nn.Identity(),
        objective=objective,
        metrics=data.target.metrics().shown_functions(),
        precision=precision,
        training_view=facts.view,
        batch_size=facts.batch_size,
        seed=facts.seed,
    )
    model, train = setup.model, data.train
    if facts.measures:
        # What of the network is measured rather than trained, such as thresholds.
        made.measure(setup.prepared(train, MEASURED))  # pyright: ignore[reportOptionalCall]


def stage_one(facts: Any, setup: Setup, data: Data, model: Any, objective: Objective) -> None:
    if facts.is_mirrored:
        # Features are the mean of a photo's and its mirror image's: better so for heads on held-out training rows.
        model.body.mirror()
    if facts.counts:
        forget_counts(model)
    features, targets = body_features(setup)["train"]
    if facts.is_held_back:
        # On the features of maps, after the pooled ones: better so for heads on held-out training rows.
        fields = {"target": data.target, "objective": objective, "seed": facts.seed}
        head = solve_head(features, targets, held_back=facts.held_back, **fields)
    else:
        head = solve_head(features, targets, target=data.target, objective=objective, seed=facts.seed)
    head.put_into(model.head)
    if facts.scores_head:
        # Scores of classes by how often each token is in each: better so for heads on held-out training rows.
        counts = count(model, data.train, seed=facts.seed)
        counts.put_into(model)  # pyright: ignore[reportOptionalMemberAccess]
    print(f"head: weight decay {head.weight_decay:g}, train loss {head.train_loss:.4f}")


def stage_two(
    facts: Any,
    setup: Setup,
    data: Data,
    model: Any,
    objective: Objective,
    head: Head,
    features: torch.Tensor,
    targets: torch.Tensor,
) -> None:
    # Some of the training rows are set aside and decide between the stages.
    train, aside = set_aside(data.train, facts.seed, most=facts.most_aside)
    seen = torch.isin(torch.from_numpy(data.train.rows), torch.from_numpy(train.rows))
    # The head that stage two starts from has not seen them either.
    solved = copy.deepcopy(model.state_dict())
    fields = {"target": data.target, "objective": objective, "seed": facts.seed, **head.choices}
    blind = solve_head(features[seen], targets[seen], **fields)
    blind.put_into(model.head)
    if facts.cross_fits:
        # The body trains by heads of folds: each row's features go to one that was solved without it.
        own_head, heads = model.head, solve_fold_heads(features[seen], targets[seen], train.rows, **fields)
        model.head = heads
    if facts.counts:
        # Scores of classes by how often each token is in each: counted now, used when the weights are trained.
        counts = count(model, train, seed=facts.seed)
        scores = counts.scores(model, aside)  # pyright: ignore[reportOptionalMemberAccess]
        forget_counts(model)
        head_losses, _ = judged(blind(features[~seen]), targets[~seen], scores, objective=objective)
    else:
        head_losses = calibrated_losses(blind(features[~seen]), targets[~seen], objective=objective)


def update_rule(facts: Any, model: nn.Module) -> None:
    options = facts.options
    optimizer = make_optimizer(model, facts.optimizer, weight_decay=options.weight_decay, lr_decay=options.lr_decay)


def train_all(
    facts: Any,
    setup: Setup,
    data: Data,
    model: Any,
    objective: Objective,
    train: Part,
    options: Options,
    average: Average,
    optimizer: torch.optim.Optimizer,
    dropping: AbstractContextManager[None],
) -> None:
    batches = setup.loader(train, shuffle=True)
    lr = schedule(options.schedule, total_steps=facts.epochs * len(batches), max_lr=facts.lr)
    step, precision = 0, setup.precision.for_training(model)
    if facts.ema:
        average = Average(model, facts.ema)
    if facts.drops:
        # Entered here and left when training ends; a `with` around all of it would hide the loop.
        dropping = dropout_rate(model, facts.dropout_rate)
        dropping.__enter__()
    for epoch in range(facts.first_epoch, facts.first_epoch + facts.epochs):
        set_training_mode(model, freeze_norm=options.freeze_norm)
        for batch in batches.epoch(epoch):
            # One step: forward, loss, backward, update. What is random in it comes from seed, epoch and step.
            precision.seed(torch_seed(facts.seed, "forward", epoch=epoch, step=step))
            set_lr(optimizer, lr(step))
            inputs, answers = setup.augmented(batch, epoch, options=options)
            if facts.crosses:
                model.head.choose(batch.rows)
            with precision.autocast():
                outputs = model(precision.layout(inputs))
            loss = objective.loss_fn(outputs.float(), answers)
            loss.backward()
            if facts.clip_norm:
                nn.utils.clip_grad_norm_(model.parameters(), options.clip_norm)
            optimizer.step()
            clear_gradients(optimizer)
            step += 1
            if facts.ema:
                average.update(step)
        if facts.ema:
            with average.in_place():
                predicted = setup.predict(data.valid)
        else:
            predicted = setup.predict(data.valid)
        metrics = setup.measured(predicted.predictions, predicted.targets)
        print(f"epoch {epoch + 1}: valid loss {predicted.loss:.4f}, {metrics}")
    if facts.drops:
        dropping.__exit__(None, None, None)
    if facts.ema:
        average.put()


def keep_better(
    facts: Any,
    setup: Setup,
    model: Any,
    objective: Objective,
    aside: Part,
    solved: dict[str, torch.Tensor],
    own_head: nn.Linear,
    heads: FoldHeads,
    head_losses: torch.Tensor,
    counts: Counts,
    scores: torch.Tensor,
) -> None:
    if facts.cross_fits:
        # Their mean is the model's own head.
        model.head = own_head
        heads.put_mean_into(own_head)
    if facts.counts:
        losses, is_scored = judged(*setup.outputs(model, aside), scores, objective=objective)
        if is_scored:
            counts.put_into(model)
    else:
        losses = calibrated_losses(*setup.outputs(model, aside), objective=objective)
    if not is_clearly_lower(losses, head_losses):
        model.load_state_dict(solved)
    print(f"on {len(aside)} rows set aside: head {head_losses.mean():.3g}, fine-tuned {losses.mean():.3g}")


def freeze(facts: Any, model: nn.Module) -> None:
    freeze_to(model, facts.to)


def load_weights(facts: Any, model: nn.Module) -> None:
    model.load_state_dict(safetensors.torch.load_file(facts.path))


def restart(data: Data) -> None:
    train = data.train


def end(facts: Any, model: nn.Module) -> None:
    print(f"run   {facts.run_sha256}\nhere  {sha256_of(model)}")

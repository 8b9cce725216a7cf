"""One student in training: its optimisers, its three losses on a batch, its step, its state on disk."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertForMaskedLM

from unibert_lib import checkpoint, objective, processes
from unibert_lib import record as records
from unibert_lib.batches import Batch
from unibert_lib.config import ObjectiveConfig, PretrainConfig
from unibert_lib.optimiser import parameter_groups
from unibert_lib.record import TrainingError as TrainingError
from unibert_lib.record import Whole
from unibert_lib.runs import RunError
from unibert_lib.student import build_discriminator
from unibert_lib.terms import Terms
from unibert_lib.tokens import TokenStore

ONE_PASS = ("grl", "loss_reversal")


@dataclass
class Trainee:
    """A student with what trains it."""

    name: str
    model: BertForMaskedLM
    discriminator: nn.Module
    optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    names: dict[int, str] = field(default_factory=dict)
    bad_steps: int = 0
    one_language: int = 0


def make(name: str, model: BertForMaskedLM, store: TokenStore, config: PretrainConfig) -> Trainee:
    """A student ready to train: its discriminator and optimisers.

    In the one-pass modes the discriminator's parameters join the student's optimiser; else it has its own.
    """
    options = config.objective
    if model.config.vocab_size != store.vocab_size:
        raise RunError(
            f"student {name} has {model.config.vocab_size} word pieces, "
            f"the token store {store.vocab_size}; build it with the store's"
        )
    discriminator = build_discriminator(
        model.config.hidden_size, len(store.languages), options.discriminator_hidden, config.seed
    ).to(model.device)
    joined = discriminator.named_parameters() if options.adversary in ONE_PASS else ()
    optimizer = torch.optim.AdamW(
        parameter_groups(
            (*model.named_parameters(), *joined), options.weight_decay, scaled=config.initialisation == "scaled"
        ),
        lr=options.learning_rate,
        betas=options.betas,
        eps=options.epsilon,
        fused=True,
    )
    own = torch.optim.AdamW(
        discriminator.parameters(), lr=options.discriminator_learning_rate, weight_decay=0.0, fused=True
    )
    names = {id(p): n for n, p in model.named_parameters()} | {
        id(p): f"discriminator.{n}" for n, p in discriminator.named_parameters()
    }
    return Trainee(name, model.train(), discriminator, optimizer, own, names)


def learning_rate(step: int, config: PretrainConfig) -> float:
    """Linear warm-up to the peak, then linear decay to zero at the last step. Source: paper 3.4."""
    warmup = round(config.objective.warmup_fraction * config.steps)
    rising = (step + 1) / max(1, warmup)
    falling = (config.steps - step) / max(1, config.steps - warmup)
    return config.objective.learning_rate * min(1.0, rising, falling)


def learn(
    trainee: Trainee,
    step: int,
    batch: Batch,
    hidden: Tensor,
    terms: Terms,
    whole: Whole,
    store: TokenStore,
    config: PretrainConfig,
) -> dict[str, Any]:
    """The third loss of one batch, the weighted sum of all, one optimiser step, and the row for the log.

    ``hidden`` is [rows, seq, hidden]; ``terms`` are the two losses that were computed from it already; ``whole``
    counts the batches of all processes, whose gradients are added up here.

    Raises
    ------
    TrainingError
        See :func:`unibert_lib.pretrain.pretrain`.

    Source: paper 3.3, Eq. 1 to 5.
    """
    options, progress = config.objective, step / config.steps
    chosen = batch.real if options.pooling == "real" else batch.attended
    pooled = objective.pool(hidden, batch.sequence_ids, chosen, len(batch.language_ids))
    own_optimizer = options.adversary not in ONE_PASS
    balance = _balance(store, options, pooled.device)
    share = whole.share(balance)
    own_steps = range(options.discriminator_steps if own_optimizer else 0)
    done = [
        _discriminator_step(trainee, pooled.detach(), batch.language_ids, balance, share, config) for _ in own_steps
    ]
    adversary, reading = objective.adversary_losses(
        pooled, batch.language_ids, trainee.discriminator, mode=options.adversary, class_weights=balance
    )
    adversary = adversary * (whole.share() if options.adversary == "confusion" else share)
    strength = options.adversary_weight * (objective.ramp(progress) if options.adversary_ramp else 1.0)
    total = terms.total + strength * adversary
    record = {
        "step": step,
        "student": trainee.name,
        "learning_rate": learning_rate(step, config),
        "adversary_weight": strength,
    }
    if not all(done):
        record["discriminator_skipped"] = done.count(False)
    sums = {
        "mlm": terms.mlm,
        "adversary": adversary,
        "distillation": terms.distillation,
        "total": total,
        "discriminator": reading * share,
        "mlm_unsmoothed": terms.unsmoothed / max(whole.masked, 1),
        "masked_accuracy": terms.hits / max(whole.masked, 1),
    }
    norms = dict(terms.gradients)
    if norms:
        (gradient,) = torch.autograd.grad(strength * adversary, hidden, retain_graph=True, allow_unused=True)
        norms["adversary"] = hidden.new_zeros(()) if gradient is None else gradient.norm()
    with torch.no_grad():
        read = trainee.discriminator(pooled).argmax(-1)
    alone = records.complete(record, sums, norms, read, batch, whole, store)
    trainee.one_language = trainee.one_language + 1 if alone else 0
    records.warn_of_collapse(trainee.name, step, trainee.one_language)
    _update(trainee, total, step, record, config)
    return record


def _update(trainee: Trainee, total: Tensor, step: int, record: dict[str, Any], config: PretrainConfig) -> None:
    trainee.optimizer.zero_grad(set_to_none=True)
    total.backward()
    parameters = [p for group in trainee.optimizer.param_groups for p in group["params"]]
    processes.add_gradients(parameters)
    norm = nn.utils.clip_grad_norm_(parameters, config.objective.max_gradient_norm)
    record["gradient_norm"] = float(norm)
    finite = math.isfinite(float(norm))
    trainee.bad_steps = 0 if finite and "discriminator_skipped" not in record else trainee.bad_steps + 1
    if trainee.bad_steps >= config.max_bad_steps:
        raise TrainingError(
            f"{trainee.name}: gradients overflowed {trainee.bad_steps} times in a row, last at step {step}; "
            "lower learning_rate, or train in fp32. The newest checkpoint is the last good one"
        )
    if not finite:
        record["skipped"] = True
        return
    for group in trainee.optimizer.param_groups:
        group["lr"] = learning_rate(step, config) * group.get("scale", 1.0)
    trainee.optimizer.step()


def _discriminator_step(
    trainee: Trainee,
    features: Tensor,
    language_ids: Tensor,
    balance: Tensor | None,
    share: float,
    config: PretrainConfig,
) -> bool:
    """The discriminator's own update, clipped apart from the student's; whether its gradient was finite."""
    _, loss = objective.adversary_losses(
        features, language_ids, trainee.discriminator, mode="off", class_weights=balance
    )
    trainee.discriminator_optimizer.zero_grad(set_to_none=True)
    (loss * share).backward()
    processes.add_gradients(trainee.discriminator.parameters())
    norm = nn.utils.clip_grad_norm_(trainee.discriminator.parameters(), config.objective.max_gradient_norm)
    if finite := math.isfinite(float(norm)):
        trainee.discriminator_optimizer.step()
    return finite


def _balance(store: TokenStore, options: ObjectiveConfig, device: torch.device) -> Tensor | None:
    """Class weights inverse to how often a language is drawn, with mean 1 over the draws."""
    if not options.balanced_adversary:
        return None
    shares = np.maximum(store.sizes(), 1).astype(float) ** options.language_alpha
    weights = 1 / shares
    return torch.as_tensor(weights / (weights * shares / shares.sum()).sum(), dtype=torch.float32, device=device)


def dropout_seed(seed: int, step: int, name: str, rank: int = 0) -> int:
    """Each student's dropout follows from (seed, step, rank, student), so that its neighbours change nothing."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{step}/{rank}/{name}".encode(), digest_size=7).digest(), "big")


def state_tensors(trainee: Trainee) -> dict[str, dict[str, Tensor]]:
    """Everything that changes in training, as named groups of tensors; ``restore`` is its inverse."""
    return {
        f"{trainee.name}.model": dict(trainee.model.named_parameters()),
        f"{trainee.name}.discriminator": dict(trainee.discriminator.named_parameters()),
        f"{trainee.name}.optimizer": checkpoint.optimizer_tensors(trainee.optimizer, trainee.names),
        f"{trainee.name}.discriminator_optimizer": checkpoint.optimizer_tensors(
            trainee.discriminator_optimizer, trainee.names
        ),
    }


@torch.no_grad()
def restore(trainee: Trainee, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
    for part in ("model", "discriminator"):
        for name, parameter in getattr(trainee, part).named_parameters():
            parameter.copy_(tensors[f"{trainee.name}.{part}"][name])
    for part in ("optimizer", "discriminator_optimizer"):
        checkpoint.restore_optimizer(getattr(trainee, part), trainee.names, tensors[f"{trainee.name}.{part}"])

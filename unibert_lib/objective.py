"""The objective of the paper's section 3.3: three losses and their weighted sum. Tensors in, tensors out.

Rows are tokens or samples that the caller selected, so that logits of tokens no loss asks for need never exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

IGNORE_INDEX = -100
MODES = ("alternating", "grl", "loss_reversal", "confusion", "off")


class Weights(NamedTuple):
    mlm: float = 0.5  # paper 3.4
    adversary: float = 0.1  # paper 3.4
    distillation: float = 0.4  # paper 3.4


class AdversaryLosses(NamedTuple):
    """``student`` enters the total with the weight lambda; ``discriminator`` is the cross-entropy in nats,
    minimised by the discriminator's own optimiser where the mode has one, else for the log alone."""

    student: Float[Tensor, ""]
    discriminator: Float[Tensor, ""]


def mlm_loss(
    logits: Float[Tensor, "tokens vocab"],
    labels: Int[Tensor, " tokens"],
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Float[Tensor, ""]:
    """Cross-entropy in nats over the tokens whose label is not ``IGNORE_INDEX``; 0 where there is none.

    With label smoothing e the target is (1 - e) on the true token and e / vocab everywhere. The paper's
    e = 0.7 leaves a floor of 8.79 nats over 119,547 tokens, which no model can go below.

    Source: UniBERT 3.3.1, Eq. 1 (a sum there); the mean per token is ours.
    """
    kept = labels != IGNORE_INDEX
    if not kept.any():
        return logits.sum() * 0.0  # still part of the graph, so that backward works
    return F.cross_entropy(
        _wide(select(logits, kept)), select(labels, kept), label_smoothing=label_smoothing, reduction=reduction
    )


def distillation_loss(
    student_logits: Float[Tensor, "tokens vocab"],
    teacher_logits: Float[Tensor, "tokens vocab"],
    *,
    temperature: float,
    temperature_squared: bool = True,
    reverse: bool = False,
    top_k: int = 0,
) -> Float[Tensor, ""]:
    """T**2 * KL(teacher || student) of softmax(z / T), in nats per token; 0 where there is no token.

    The T**2 undoes the 1/T**2 shrinkage of soft-target gradients. The teacher gets no gradient.
    ``reverse`` gives KL(student || teacher). ``top_k`` keeps the teacher's k likeliest tokens, renormalised,
    and compares the student's distribution over the same k.

    Raises
    ------
    ValueError
        If ``temperature <= 0`` or the shapes differ.

    Source: UniBERT 3.3.3, Eq. 4; Hinton et al. (2015), section 2.
    """
    if temperature <= 0:
        raise ValueError(f"temperature={temperature}: a positive number is needed")
    if student_logits.shape != teacher_logits.shape:
        raise ValueError(
            f"student {tuple(student_logits.shape)} and teacher {tuple(teacher_logits.shape)} differ in [tokens, vocab]"
        )
    if len(student_logits) == 0:
        return student_logits.sum() * 0.0
    teacher_logits = teacher_logits.detach()
    if top_k:
        teacher_logits, kept = teacher_logits.topk(min(top_k, teacher_logits.shape[-1]), dim=-1)
        student_logits = student_logits.gather(-1, kept)
    student = F.log_softmax(_wide(student_logits) / temperature, dim=-1)
    teacher = F.log_softmax(_wide(teacher_logits) / temperature, dim=-1)
    first, second = (student, teacher) if reverse else (teacher, student)
    divergence = F.kl_div(second, first, log_target=True, reduction="sum") / len(student)
    return divergence * temperature**2 if temperature_squared else divergence


class _ReverseGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, features: Tensor) -> Tensor:
        return features.view_as(features)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return -gradient


def adversary_losses(
    features: Float[Tensor, "samples hidden"],
    language_ids: Int[Tensor, " samples"],
    discriminator: Callable[[Tensor], Tensor],
    *,
    mode: str,
    class_weights: Float[Tensor, " languages"] | None = None,
) -> AdversaryLosses:
    """The student's adversarial term and the discriminator's own loss, in nats per sample.

    ======================  ==================================================  =========================
    mode                    the student's term (added with weight lambda)       the discriminator
    ======================  ==================================================  =========================
    ``alternating``         -CE through the frozen discriminator                minimises CE, detached
    ``grl``                 CE behind a layer that reverses the gradient        minimises it in one pass
    ``loss_reversal``       -CE, the literal Eq. 5                              maximises CE too
    ``confusion``           KL(uniform || prediction), discriminator frozen     minimises CE, detached
    ``off``                 0                                                   minimises CE: a monitor
    ======================  ==================================================  =========================

    Raises
    ------
    ValueError
        For an unknown mode.

    Source: UniBERT 3.3.2, Eq. 2, 3 and 5 (``loss_reversal``); Ganin et al. (2016) (``grl``); Goodfellow et
    al. (2014) (``alternating``); Tzeng et al. (2015) (``confusion``).
    """
    if mode not in MODES:
        raise ValueError(f"unknown adversary mode {mode!r}; valid: {', '.join(MODES)}")
    features = _wide(features)
    if mode in ("grl", "loss_reversal"):  # one pass, one optimiser
        read = discriminator(_reverse_gradient(features) if mode == "grl" else features)
        loss = F.cross_entropy(_wide(read), language_ids, weight=class_weights)
        return AdversaryLosses(loss if mode == "grl" else -loss, loss.detach())
    own = F.cross_entropy(_wide(discriminator(features.detach())), language_ids, weight=class_weights)
    if mode == "off":
        return AdversaryLosses(features.sum() * 0.0, own)
    read = _wide(_frozen(discriminator, features))
    if mode == "alternating":
        return AdversaryLosses(-F.cross_entropy(read, language_ids, weight=class_weights), own)
    log_probabilities = F.log_softmax(read, dim=-1)
    uniform = torch.full_like(log_probabilities, 1 / log_probabilities.shape[-1])
    return AdversaryLosses(F.kl_div(log_probabilities, uniform, reduction="batchmean"), own)


def _reverse_gradient(features: Tensor) -> Tensor:
    reversed_: Tensor = _ReverseGradient.apply(features)  # type: ignore[no-untyped-call]
    return reversed_


def _frozen(discriminator: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
    """Apply the discriminator so that gradients reach the features and not its parameters."""
    if not isinstance(discriminator, torch.nn.Module):
        return discriminator(features)
    fixed = {name: parameter.detach() for name, parameter in discriminator.named_parameters()}
    read: Tensor = torch.func.functional_call(discriminator, fixed, (features,))
    return read


def pool(
    hidden: Float[Tensor, "rows seq hidden"],
    sequence_ids: Int[Tensor, "rows seq"],
    chosen: Bool[Tensor, "rows seq"],
    samples: int,
) -> Float[Tensor, "samples hidden"]:
    """The mean of each sample's chosen token vectors; 0 for a sample without any.

    Works on padded and packed batches alike, as it goes by ``sequence_ids``.
    Source: UniBERT 3.3.2 (the average of the embeddings).
    """
    index, hidden = sequence_ids[chosen], _wide(hidden)
    sums = hidden.new_zeros(samples, hidden.shape[-1]).index_add(0, index, hidden[chosen])
    counts = torch.bincount(index, minlength=samples).clamp(min=1)
    return sums / counts[:, None]


def total_loss(
    mlm: Float[Tensor, ""], adversary: Float[Tensor, ""], distillation: Float[Tensor, ""], weights: Weights
) -> Float[Tensor, ""]:
    """The weighted sum. The minus sign of Eq. 5 already sits in the student's adversarial term.

    Source: UniBERT 3.3.4, Eq. 5; weights from 3.4.
    """
    return weights.mlm * mlm + weights.adversary * adversary + weights.distillation * distillation


def select(values: Tensor, chosen: Bool[Tensor, " tokens"]) -> Tensor:
    """``values[chosen]`` without the copy where all are chosen: logits over 119,547 words are large."""
    return values if bool(chosen.all()) else values[chosen]


def _wide(values: Tensor) -> Tensor:
    """Half precision as fp32, the rest as it is: losses are never summed in 8 bits of mantissa."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def ramp(progress: float) -> float:
    """2 / (1 + exp(-10 p)) - 1: from 0 to 1 over training. Source: Ganin et al. (2016), 5.2.2."""
    return float(2 / (1 + torch.exp(torch.tensor(-10.0 * progress))) - 1)

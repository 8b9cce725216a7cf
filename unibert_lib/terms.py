"""The masked-token and distillation terms of a batch, in two ways that give the same: plain, or fused.

``plain`` is what notebook 03 teaches: logits of the selected tokens, then :mod:`unibert_lib.objective`. ``fused``
never holds these logits (see :mod:`unibert_lib.fused`) and serves all students at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from unibert_lib import encoder, fused, objective
from unibert_lib.batches import IGNORE_INDEX
from unibert_lib.blockwise import Counts, Head, Options
from unibert_lib.config import ObjectiveConfig, PretrainConfig
from unibert_lib.products import FastLinear


class Terms(NamedTuple):
    """``total`` is what trains: the weighted sum of ``mlm`` and ``distillation``. The rest is for the log.

    ``unsmoothed`` and ``hits`` are sums over the masked tokens: their loss without label smoothing, and how many
    the student got right. ``gradients`` holds the norm of each weighted term's gradient at the encoder's output,
    where asked for.
    """

    total: Float[Tensor, ""]
    mlm: Float[Tensor, ""]
    distillation: Float[Tensor, ""]
    unsmoothed: Float[Tensor, ""]
    hits: Float[Tensor, ""]
    gradients: dict[str, Float[Tensor, ""]]


class TopK(NamedTuple):
    """A teacher's likeliest pieces for some tokens, the best first."""

    ids: Int[Tensor, "tokens k"]
    log_probabilities: Float[Tensor, "tokens k"]


def can_fuse(config: PretrainConfig, *, cached: bool = False) -> bool:
    """Reverse KL and the teacher's top k stay with the plain functions, unless a cache holds that top already."""
    if cached:
        return config.loss == "fused"
    return config.loss == "fused" and not config.objective.reverse_kl and not config.objective.teacher_top_k


def transformed(model: nn.Module, hidden: Float[Tensor, "tokens hidden"]) -> Head:
    """A model's head before its last matrix product, for selected tokens."""
    predictions: Any = model.cls.predictions  # type: ignore[union-attr]
    with FastLinear():
        made = predictions.transform(hidden)
    return Head(made, predictions.decoder.weight, predictions.decoder.bias)


def plain(
    model: nn.Module,
    hidden: Float[Tensor, "rows seq hidden"],
    rows: Bool[Tensor, "rows seq"],
    labels: Int[Tensor, " tokens"],
    expected: Float[Tensor, "tokens vocab"] | TopK | None,
    options: ObjectiveConfig,
    counts: Counts,
    *,
    norms: bool = False,
) -> Terms:
    """The two terms from the logits of the tokens that ``rows`` selects; ``labels`` are theirs.

    ``expected`` holds the teacher's logits of the same tokens, or its likeliest pieces. ``counts`` are the
    denominators: those of this batch, or of all processes and micro-batches.

    Source: UniBERT 3.3.1 and 3.3.3, Eq. 1 and 4.
    """
    logits = encoder.head(model, hidden[rows])
    kept = labels != IGNORE_INDEX
    summed = objective.mlm_loss(logits, labels, label_smoothing=options.label_smoothing, reduction="sum")
    mlm = summed / max(counts.masked, 1)
    kd = logits.sum() * 0.0
    if isinstance(expected, TopK):
        kd = _distil(logits.gather(-1, expected.ids), expected.log_probabilities, 0, options, counts)
    elif expected is not None:
        kd = _distil(logits, expected, options.teacher_top_k, options, counts)
    weighted = {"mlm": options.mlm_weight * mlm, "distillation": options.distillation_weight * kd}
    with torch.no_grad():
        unsmoothed = objective.mlm_loss(logits, labels, reduction="sum")
        hits = (objective.select(logits, kept).argmax(-1) == labels[kept]).float().sum()
    gradients = {}
    for name, term in weighted.items() if norms else ():
        gradients[name] = torch.autograd.grad(term, hidden, retain_graph=True)[0].norm()
    total = weighted["mlm"] + weighted["distillation"]
    return Terms(total, mlm.detach(), kd.detach(), unsmoothed, hits, gradients)


def _distil(logits: Tensor, expected: Tensor, top_k: int, options: ObjectiveConfig, counts: Counts) -> Tensor:
    """A cache's log probabilities serve as logits: what they lack is the same for all pieces of a token."""
    mean = objective.distillation_loss(
        logits,
        expected,
        temperature=options.temperature,
        temperature_squared=options.temperature_squared,
        reverse=options.reverse_kl,
        top_k=top_k,
    )
    return mean * (len(logits) / max(counts.distilled, 1))


def fuse(
    models: Sequence[nn.Module],
    hiddens: Sequence[Tensor],
    rows: Bool[Tensor, "rows seq"],
    labels: Int[Tensor, " tokens"],
    expected: Head | TopK | None,
    config: PretrainConfig,
    counts: Counts,
    *,
    norms: bool = False,
) -> list[Terms]:
    """What :func:`plain` gives, for several students at once; ``expected`` is the teacher's head on these tokens.

    Of a cached teacher only the student's logits of the cached pieces are needed beside the masked-token loss.

    ``hiddens`` are each student's own, [rows, seq, hidden].
    """
    heads = [transformed(model, hidden[rows]) for model, hidden in zip(models, hiddens, strict=True)]
    options = Options(**{name: getattr(config.objective, name) for name in Options._fields})
    guide = expected if isinstance(expected, Head) else None
    made = fused.losses(
        heads, guide, labels, counts, options, chunk=config.loss_chunk, apart=norms, compiled=config.compile
    )
    found = []
    for head, hidden, one in zip(heads, hiddens, made, strict=True):
        total, distillation, pulls = one.total, one.distillation, dict(one.gradients)
        if isinstance(expected, TopK):
            pieces = F.embedding(expected.ids, head.weight)
            logits = torch.einsum("th,tkh->tk", head.hidden, pieces) + head.bias[expected.ids]
            distillation = _distil(logits, expected.log_probabilities, 0, config.objective, counts)
            weighted = config.objective.distillation_weight * distillation
            total = total + weighted
            if norms:
                pulls["distillation"] = torch.autograd.grad(weighted, head.hidden, retain_graph=True)[0]
        gradients = {}
        for name, gradient in pulls.items():
            seed = gradient.to(head.hidden.dtype)
            gradients[name] = torch.autograd.grad(head.hidden, hidden, seed, retain_graph=True)[0].norm()
        found.append(Terms(total, one.mlm, distillation.detach(), one.unsmoothed, one.hits, gradients))
    return found

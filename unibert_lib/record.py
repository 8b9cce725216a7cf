"""The row that one step of one student leaves in the log, over all processes; what it refuses and warns of."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unibert_lib import processes
from unibert_lib.batches import IGNORE_INDEX, Batch
from unibert_lib.tokens import TokenStore

COLLAPSE_STEPS = 50  # ours: this many batches in a row with one predicted language is a collapse
LOSSES = ("mlm", "adversary", "distillation", "total", "discriminator")


class TrainingError(RuntimeError):
    """A loss or gradient that cannot be trained on; the message names it, the step and the batch."""


class Whole(NamedTuple):
    """What the batches of all processes hold together; every loss is a mean over these.

    ``languages`` counts samples by language, ``own`` those of this process.
    """

    masked: int
    distilled: int
    tokens: int
    languages: Int[Tensor, " languages"]
    own: Int[Tensor, " languages"]

    def share(self, class_weights: Float[Tensor, " languages"] | None = None) -> float:
        """This process's part of a mean over samples, or of a weighted one; 1 in a single process."""
        weights = 1 if class_weights is None else class_weights
        return float((self.own * weights).sum() / (self.languages * weights).sum())


def whole(batch: Batch, rows: Bool[Tensor, "rows seq"], store: TokenStore) -> Whole:
    """The counts of the whole batch; ``rows`` are the tokens that this process distils."""
    own = torch.bincount(batch.language_ids, minlength=len(store.languages))
    tokens = [(batch.labels != IGNORE_INDEX).sum(), rows.sum(), batch.real.sum()]
    sums = processes.total(torch.cat([torch.stack(tokens), own]))
    masked, distilled, real = sums[:3].tolist()
    return Whole(masked, distilled, real, sums[3:], own)


def complete(
    record: dict[str, Any],
    sums: Mapping[str, Tensor],
    norms: Mapping[str, Tensor],
    read: Int[Tensor, " samples"],
    batch: Batch,
    whole: Whole,
    store: TokenStore,
) -> bool:
    """Add a step's figures over all processes to ``record``; whether one and the same language was read throughout.

    ``sums`` holds what adds up over processes, ``norms`` those of this process's gradients, ``read`` the languages
    that the discriminator names.

    Raises
    ------
    TrainingError
        If a loss is NaN or infinite, in every process at once.
    """
    right = (read == batch.language_ids).sum()
    parts = [*sums.values(), right, *(norm.square() for norm in norms.values())]
    mine = torch.stack([part.detach().to(sums["total"].dtype) for part in parts])
    named = torch.bincount(read, minlength=len(store.languages)).to(mine.dtype)
    totals = processes.total(torch.cat([mine, named]))
    values = totals[: len(mine)].tolist()
    record |= {name: value + 0.0 for name, value in zip(sums, values, strict=False)}
    _refuse_nan(record, whole, store)
    samples = int(whole.languages.sum())
    record["discriminator_accuracy"] = values[len(sums)] / samples
    record["chance"] = float(whole.languages.max()) / samples
    squares = zip(norms, values[len(sums) + 1 :], strict=True)
    record |= {f"gradient_{name}": math.sqrt(square) for name, square in squares}
    record["tokens"] = whole.tokens
    return int((totals[len(mine) :] > 0).sum()) == 1 and int((whole.languages > 0).sum()) > 1


def warn_of_collapse(name: str, step: int, batches: int) -> None:
    if batches == COLLAPSE_STEPS and processes.rank() == 0:
        warnings.warn(
            f"{name}: the discriminator has named one and the same language for {COLLAPSE_STEPS} batches, "
            f"up to step {step}; its gradient no longer teaches the student anything",
            stacklevel=2,
        )


def _refuse_nan(record: dict[str, Any], whole: Whole, store: TokenStore) -> None:
    for name in LOSSES:
        if not math.isfinite(record[name]):
            present = whole.languages.tolist()
            languages = ", ".join(code for code, n in zip(store.languages, present, strict=True) if n)
            raise TrainingError(
                f"{record['student']}: the {name} loss is {record[name]} at step {record['step']} "
                f"(batch of {int(sum(present))} samples in {languages}; make_batch gives it again). "
                "The newest checkpoint is the last good one; a lower learning_rate or fp32 usually helps"
            )

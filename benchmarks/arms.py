"""The ways to do one training step that are compared: naive ones, and ours with one technique after another.

An arm computes the three losses of the whole pool, normalised by the pool's counts, and their gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.pool import LANGUAGES, Plan, Pool
from unibert_lib import encoder, objective, terms
from unibert_lib.batches import IGNORE_INDEX, Batch
from unibert_lib.blockwise import Counts
from unibert_lib.config import ObjectiveConfig, PretrainConfig
from unibert_lib.student import build_discriminator

Tokens = Literal["real", "masked"]
GROUP = 8  # sequences whose longest sets the width of the naive arm that pads to the longest


@dataclass(frozen=True)
class Arm:
    """``layout``: 512 (each row padded to it), longest (of eight rows), buckets (longest of neighbours in length),
    packed. ``rows``: all logits, or those of the tokens a loss uses. ``distilled``: KD-all or KD-mask."""

    layout: Literal["512", "longest", "buckets", "packed"] = "packed"
    rows: Literal["all", "used"] = "used"
    fused: bool = True
    compiled: bool = False
    bf16: bool = False
    distilled: Tokens = "real"
    short_last_layer: bool = True

    @property
    def naive(self) -> bool:
        return self.rows == "all"


NAIVE = Arm("512", "all", fused=False)
LONGEST = replace(NAIVE, layout="longest")


class Bench:
    """Models, pool and the loss head of the adversary; ``run`` performs a step of an arm."""

    def __init__(self, plan: Plan, pool: Pool, students: Sequence[Any], teacher: Any, device: torch.device) -> None:
        self.plan, self.pool, self.device = plan, pool, device
        self.students = [one.to(device) for one in students]
        self.teacher = teacher.to(device)
        widths = [one.config.hidden_size for one in self.students]
        self.readers = [build_discriminator(width, LANGUAGES, seed=plan.seed).to(device) for width in widths]

    def parts(self, arm: Arm, turn: int | None = None) -> list[list[int]]:
        """Which sequences are computed together. With ``turn``, the naive arms' share for that round."""
        whole = list(range(self.plan.sequences))
        if arm.layout == "packed" and arm.fused:
            return [whole]
        if arm.layout in ("buckets", "packed"):
            whole.sort(key=lambda i: len(self.pool.inputs[i]))
        size = self.plan.together * (1 if arm.naive else 4)
        parts = [whole[i : i + size] for i in range(0, len(whole), size)]
        if turn is None or not arm.naive:
            return parts
        if arm.layout == "512":
            return parts[turn % self.plan.share :: self.plan.share]
        group, groups = GROUP // size, -(-self.plan.sequences // GROUP)
        return parts[turn % groups * group :][:group]

    def tokens(self, arm: Arm, turn: int) -> float:
        """Real tokens of what :meth:`parts` gives; rows padded to 512 cost alike, so the pool's mean stands for each."""
        chosen = [i for part in self.parts(arm, turn) for i in part]
        if arm.naive and arm.layout == "512":
            return self.pool.tokens * len(chosen) / self.plan.sequences
        return sum(len(self.pool.inputs[i]) for i in chosen)

    def batches(self, arm: Arm, parts: list[list[int]]) -> Iterator[Batch]:
        sizes = [len(part) + 2 for part in self.pool.inputs]
        for part in parts:
            width = self.plan.max_length if arm.layout == "512" else 0
            if arm.layout == "longest":
                start = part[0] // GROUP * GROUP
                width = max(sizes[start : start + GROUP])
            made = self.pool.batch(part, "packed" if arm.layout == "packed" else "padded", width)
            yield made.to(self.device)

    def prepare(
        self, arm: Arm, turn: int | None = None, parts: list[list[int]] | None = None
    ) -> Callable[[], list[dict[str, float]]]:
        """A function of no argument that does the arm's step, batches made beforehand, gradients cleared."""
        made = list(self.batches(arm, self.parts(arm, turn) if parts is None else parts))
        for one in self.students if parts is None else ():
            one.zero_grad(set_to_none=True)

        def step() -> list[dict[str, float]]:
            sums = [{"mlm": 0.0, "distillation": 0.0, "adversary": 0.0} for _ in self.students]
            for batch in made:
                for total, values in zip(sums, self._micro_step(arm, batch), strict=True):
                    for name, value in values.items():
                        total[name] += float(value)
            return sums

        return step

    def _micro_step(self, arm: Arm, batch: Batch) -> list[dict[str, Tensor]]:
        half = torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=arm.bf16)
        if arm.naive:
            return [self._naive(arm, batch, *pair, half) for pair in zip(self.students, self.readers, strict=True)]
        return self._ours(arm, batch, half)

    def _naive(self, arm: Arm, batch: Batch, student: Any, reader: nn.Module, half: Any) -> dict[str, Tensor]:
        """As one writes it first: both models' logits of every slot, the losses over all, then those that count."""
        inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attended.long()}
        with half:
            hidden = student.bert(**inputs).last_hidden_state
            logits = student.cls(hidden)
            with torch.no_grad():
                expected = self.teacher(**inputs).logits
        logits, expected, t = logits.float(), expected.float(), 2.0
        where = batch.real if arm.distilled == "real" else batch.labels != IGNORE_INDEX
        counts = self._counts(arm)
        mlm = F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), reduction="sum") / counts.masked
        each = F.kl_div(F.log_softmax(logits / t, -1), F.softmax(expected / t, -1), reduction="none").sum(-1)
        kd = t**2 * (each * where).sum() / counts.distilled
        return self._finish(batch, hidden, reader, {"mlm": mlm, "distillation": kd}, 0.5 * mlm + 0.4 * kd)

    def _ours(self, arm: Arm, batch: Batch, half: Any) -> list[dict[str, Tensor]]:
        """As :func:`unibert_lib.pretrain._step` does it."""
        config = PretrainConfig(
            objective=ObjectiveConfig(distillation_tokens=arm.distilled), compile=arm.compiled, device="cpu"
        )
        rows = batch.real if arm.distilled == "real" else batch.labels != IGNORE_INDEX
        labels, counts, found = batch.labels[rows], self._counts(arm), []
        with half:
            with torch.no_grad():
                if arm.short_last_layer:
                    taught = encoder.encode(self.teacher, batch, rows, compiled=arm.compiled)
                else:
                    taught = encoder.encode(self.teacher, batch, compiled=arm.compiled)[rows]
            if arm.fused:
                hiddens = [encoder.encode(one, batch, compiled=arm.compiled) for one in self.students]
                with torch.no_grad():
                    guide = terms.transformed(self.teacher, taught)
                made = terms.fuse(self.students, hiddens, rows, labels, guide, config, counts)
            else:
                with torch.no_grad():
                    logits = encoder.head(self.teacher, taught)
                hiddens, made = [], []
                for one in self.students:
                    hiddens.append(encoder.encode(one, batch))
                    guess = (one, hiddens[-1], rows, labels, logits)
                    made.append(terms.plain(*guess, config.objective, counts))
        for hidden, both, reader in zip(hiddens, made, self.readers, strict=True):
            values = {"mlm": both.mlm, "distillation": both.distillation}
            found.append(self._finish(batch, hidden, reader, values, both.total))
        return found

    def _finish(
        self, batch: Batch, hidden: Tensor, reader: nn.Module, values: dict[str, Tensor], total: Tensor
    ) -> dict[str, Tensor]:
        """The adversary's term, which costs next to nothing, and the backward pass."""
        samples = len(batch.language_ids)
        pooled = objective.pool(hidden, batch.sequence_ids, batch.real, samples)
        adversary, _ = objective.adversary_losses(pooled, batch.language_ids, reader, mode="alternating")
        adversary = adversary * samples / self.plan.sequences
        (total + 0.1 * adversary).backward()
        return {name: value.detach() for name, value in {**values, "adversary": adversary}.items()}

    def _counts(self, arm: Arm) -> Counts:
        return Counts(self.pool.masked, self.pool.tokens if arm.distilled == "real" else self.pool.masked)

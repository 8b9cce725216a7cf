"""The masked-token and distillation losses without ever holding the logits of all tokens.

:mod:`unibert_lib.objective` says what is computed; this module computes the same a few tokens at a time, and
the gradients along with it, so that logits exist for one chunk of tokens and are gone before the next. Within a
chunk the vocabulary is walked in blocks that fit a processor's cache, twice: for the normalisers, then for the
gradients. One walk serves several students, so that the teacher's logits are computed once for all.

Source: after Hsu et al. (2024), "Liger Kernel", and Wijmans et al. (2025), "Cut your losses"; the walk is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unibert_lib.blockwise import (
    UNIT,
    Counts,
    Head,
    Options,
    Projection,
    Softmax,
    Work,
    add_product,
    difference,
    place,
)
from unibert_lib.objective import IGNORE_INDEX
from unibert_lib.products import run

CHUNK = {"cpu": 256, "cuda": 4096}  # tokens whose logits exist at a time


class Losses(NamedTuple):
    """``total`` is the weighted sum and differentiable; ``mlm`` and ``distillation`` are its terms, for the log.

    ``unsmoothed`` is the masked-token loss without label smoothing, summed; ``hits`` how many masked tokens'
    likeliest piece is right. ``gradients``, where asked for, are those of each weighted term for ``Head.hidden``.
    """

    total: Float[Tensor, ""]
    mlm: Float[Tensor, ""]
    distillation: Float[Tensor, ""]
    unsmoothed: Float[Tensor, ""]
    hits: Float[Tensor, ""]
    gradients: dict[str, Tensor]


def losses(
    students: Sequence[Head],
    teacher: Head | None,
    labels: Int[Tensor, " tokens"],
    counts: Counts,
    options: Options,
    *,
    chunk: int = 0,
    apart: bool = False,
    compiled: bool = False,
) -> list[Losses]:
    """Each student's masked-token and distillation losses and their weighted sum, exact.

    A token whose label is ``IGNORE_INDEX`` counts in the distillation alone. With a teacher every token is
    distilled: ``teacher.hidden`` holds the same tokens in the same order; it gets no gradient. Matrix products
    run in the autocast type where one is set; sums are in fp32, or double for double inputs.

    ``chunk`` is the number of tokens whose logits exist at a time (0: see ``CHUNK``); ``apart`` asks for
    ``Losses.gradients``; ``compiled`` lets torch.compile fuse the work on a block.

    Raises
    ------
    ValueError
        If ``temperature <= 0``, or the heads differ in tokens or vocabulary.

    Source: UniBERT 3.3.1 and 3.3.3, Eq. 1 and 4, as :mod:`unibert_lib.objective` has them.
    """
    if options.temperature <= 0:
        raise ValueError(f"temperature={options.temperature}: a positive number is needed")
    heads = [*students] if teacher is None else [*students, teacher]
    shapes = {(len(head.hidden), len(head.weight)) for head in heads}
    if len(shapes | {(len(labels), len(students[0].weight))}) > 1:
        raise ValueError(f"heads of (tokens, vocabulary) {sorted(shapes)} with {len(labels)} labels: all must agree")
    device, half = labels.device.type, students[0].hidden.dtype
    if torch.is_autocast_enabled(device):
        half = torch.get_autocast_dtype(device)
    with torch.no_grad(), torch.autocast(device, enabled=False):
        work = Work(counts, options, half, 1.0 if teacher is None else options.temperature, compiled)
        learners = [_Learner(head, work, apart) for head in students]
        guide = None if teacher is None else Projection(teacher, work)
        masked = labels != IGNORE_INDEX
        order, left = torch.argsort((~masked).int(), stable=True), int(masked.sum())
        if guide is None:
            order = order[:left]  # the others count in no loss
        size = min(chunk or CHUNK.get(device, CHUNK["cpu"]), len(labels))
        shape = (len(heads), size, len(students[0].weight))
        buffers = students[0].bias.new_empty(shape, dtype=work.wide)
        for tokens in order.split(size) if len(order) else ():
            _chunk(learners, guide, tokens, labels[tokens] if left > 0 else None, buffers[:, : len(tokens)], work)
            left -= len(tokens)
    return [learner.losses() for learner in learners]


class _Learner(Projection):
    """A student's head, and its losses and gradients summed over the chunks."""

    def __init__(self, head: Head, work: Work, apart: bool) -> None:
        super().__init__(head, work)
        self.d_hidden, self.d_weight, self.d_bias = (torch.zeros_like(part, dtype=work.wide) for part in head)
        zero = self.bias.new_zeros(())
        self.mlm, self.distillation, self.unsmoothed, self.hits = (zero.clone() for _ in range(4))
        self.gradients = {name: torch.zeros_like(self.d_hidden) for name in ("mlm", "distillation") if apart}

    def losses(self) -> Losses:
        options = self.work.options
        value = options.mlm_weight * self.mlm + options.distillation_weight * self.distillation
        gradients = (self.d_hidden, self.d_weight, self.d_bias)
        total: Tensor = _Attach.apply(value, gradients, *self.head)  # type: ignore[no-untyped-call]
        return Losses(total, self.mlm, self.distillation, self.unsmoothed, self.hits, self.gradients)


def _chunk(
    learners: list[_Learner],
    guide: Projection | None,
    tokens: Int[Tensor, " tokens"],
    labels: Int[Tensor, " tokens"] | None,
    buffers: Float[Tensor, "heads tokens vocab"],
    work: Work,
) -> None:
    """Losses and gradients of one chunk; ``labels`` is None where no token of it is masked."""
    readings = [_Reading(*pair, tokens, labels) for pair in zip(learners, buffers, strict=False)]
    blocks = work.blocks(buffers.device.type, buffers.shape[-1])
    teacher = None
    if guide is not None:
        teacher, x = Softmax(buffers[-1], work.compiled), guide.inputs(tokens)
    for block in blocks:
        expected = None
        if guide is not None and teacher is not None:
            expected = guide.logits(x, block)
            teacher.read(expected, block)
        for one in readings:
            one.read(block, expected, teacher)
    for one in readings:
        one.count(teacher)
        one.differentiate(blocks, teacher)


class _Reading:
    """One student's logits on one chunk, read block by block; then its losses; then its gradients."""

    def __init__(self, learner: _Learner, buffer: Tensor, tokens: Tensor, labels: Tensor | None) -> None:
        self.learner, self.work, self.tokens, self.labels = learner, learner.work, tokens, labels
        self.x, self.softmax = learner.inputs(tokens), Softmax(buffer, learner.work.compiled)
        if labels is not None:
            self.kept = (labels != IGNORE_INDEX).to(self.work.wide)
            self.right, self.whole = torch.zeros_like(self.kept), torch.zeros_like(self.kept)

    def read(self, block: slice, expected: Tensor | None, teacher: Softmax | None) -> None:
        logits = self.learner.logits(self.x, block)
        self.softmax.read(logits, block)
        if expected is not None and teacher is not None:
            self.softmax.compare(block, expected, logits, teacher)
        if self.labels is not None:
            self.softmax.raise_to(self.work.temperature, block)
            column, inside = place(self.labels, block)
            self.right += logits.gather(1, column)[:, 0] * inside
            if self.work.options.label_smoothing:
                self.whole += logits.sum(1)

    def count(self, teacher: Softmax | None) -> None:
        """Add the chunk's losses and hits to the learner's."""
        learner, work = self.learner, self.work
        logs, self.shares = self.softmax.normalise()
        if teacher is not None:
            their_logs, self.their_shares = teacher.normalise()
            cross = (self.their_shares * torch.stack(self.softmax.crosses, 1)).sum(1) * UNIT
            learner.distillation += (cross - their_logs + logs).sum() * work.kd_scale
        if self.labels is not None:
            logs, self.sharp_shares = self.softmax.normalise(work.temperature)
            eps, right = work.options.label_smoothing, self.right * work.unit
            smooth = logs - (1 - eps) * right - eps * self.whole * work.unit / self.softmax.exponentials.shape[1]
            learner.mlm += (smooth * self.kept).sum() / max(work.counts.masked, 1)
            learner.unsmoothed += ((logs - right) * self.kept).sum()
            learner.hits += (self.softmax.likeliest() == self.labels).sum()

    def differentiate(self, blocks: list[slice], teacher: Softmax | None) -> None:
        """Add the chunk's gradients to the learner's."""
        learner, sums = self.learner, torch.zeros_like(self.x, dtype=self.work.wide)
        apart = {name: torch.zeros_like(sums) for name in learner.gradients}
        for number, block in enumerate(blocks):
            parts = self._parts(number, block, teacher)
            weight = learner.weight[block]
            for name, gradient in apart.items():
                if name in parts:
                    add_product(gradient, parts[name].to(weight.dtype), weight.t())
            whole, *rest = parts.values()
            for part in rest:
                whole = whole.add_(part)
            learner.d_bias[block] += whole.sum(0)
            whole = whole.to(weight.dtype)
            add_product(sums, whole, weight.t())
            add_product(learner.d_weight[block], whole.t(), self.x.t(), 1.0 if self.work.mixed else self.work.unit)
        learner.d_hidden[self.tokens] = sums
        for name, gradient in apart.items():
            learner.gradients[name][self.tokens] = gradient

    def _parts(self, number: int, block: slice, teacher: Softmax | None) -> dict[str, Tensor]:
        """The gradient of each weighted term for one block of the student's logits."""
        work, mine, parts = self.work, self.softmax.exponentials[:, block], {}
        if teacher is not None:
            scale = work.options.distillation_weight * work.kd_scale / work.temperature
            student, guide = (shares[:, number, None] * scale for shares in (self.shares, self.their_shares))
            mix = run(difference, work.compiled)
            parts["distillation"] = mix(mine, student, teacher.exponentials[:, block], guide)
        if self.labels is not None:
            kept, eps = work.mlm_scale * self.kept[:, None], work.options.label_smoothing
            column, inside = place(self.labels, block)
            part = mine.pow(work.temperature).mul_(self.sharp_shares[:, number, None] * kept)
            part.scatter_add_(1, column, (eps - 1) * kept * inside[:, None])
            parts["mlm"] = part.sub_(kept * (eps / self.softmax.exponentials.shape[1])) if eps else part
        return parts


class _Attach(torch.autograd.Function):
    """A value whose gradients are known already."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: tuple[Tensor, ...], *head: Tensor) -> Tensor:
        ctx.gradients, ctx.types = gradients, [part.dtype for part in head]
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        parts = ctx.gradients
        if gradient.is_cuda or gradient != 1:  # a CPU may look, and mostly has nothing to scale
            parts = [part * gradient for part in parts]
        return (None, None, *(part.to(kind) for part, kind in zip(parts, ctx.types, strict=True)))

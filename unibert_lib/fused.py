"""The masked-token and distillation losses without ever holding the logits of all tokens.

:mod:`unibert_lib.objective` says what is computed; this module computes the same a few tokens at a time, and
the gradients along with it, so that logits exist for one chunk of tokens and are gone before the next. Within a
chunk the vocabulary is walked in blocks that fit a processor's cache, twice: for the normalisers, then for the
gradients. One walk serves several students, so that the teacher's logits are computed once for all.

Source: after Hsu et al. (2024), "Liger Kernel", and Wijmans et al. (2025), "Cut your losses"; the walk is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unibert_lib.objective import IGNORE_INDEX

CHUNK = {"cpu": 512, "cuda": 4096}  # tokens whose logits exist at a time
BLOCK = {"cpu": 2048, "cuda": 16_384}  # word pieces worked on at a time
COMPILED: dict[Callable[..., Any], Any] = {}


class Head(NamedTuple):
    """What a masked language model's logits are made of: ``hidden @ weight.T + bias``."""

    hidden: Float[Tensor, "tokens hidden"]
    weight: Float[Tensor, "vocab hidden"]
    bias: Float[Tensor, " vocab"]


class Counts(NamedTuple):
    """Over how many tokens each loss is averaged: those of all processes and micro-batches. 1 gives the sum."""

    masked: float
    distilled: float


class Options(NamedTuple):
    """What both terms need of :class:`unibert_lib.config.ObjectiveConfig`."""

    mlm_weight: float = 0.5
    distillation_weight: float = 0.4
    temperature: float = 2.0
    temperature_squared: bool = True
    label_smoothing: float = 0.0


class Losses(NamedTuple):
    """``total`` is the weighted sum and differentiable; ``mlm`` and ``distillation`` are its terms, for the log.

    ``unsmoothed`` is the masked-token loss without label smoothing, ``hits`` how many masked tokens' likeliest
    piece is the right one. ``gradients``, where asked for, are those of each weighted term for ``Head.hidden``.
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
    device, half = labels.device.type, _product_type(students[0].hidden)
    with torch.no_grad(), torch.autocast(device, enabled=False):
        walk = _Walk(students, teacher, labels, counts, options, apart, compiled, half)
        masked = labels != IGNORE_INDEX
        order, left = torch.argsort((~masked).int(), stable=True), int(masked.sum())
        for tokens in order.split(min(chunk or CHUNK.get(device, 512), max(1, len(order)))):
            walk.step(tokens, left > 0)
            left -= len(tokens)
    return [_finish(one, options) for one in walk.learners]


def _product_type(hidden: Tensor) -> torch.dtype:
    device = hidden.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype


@dataclass
class _Learner:
    """A student's head, its matrix in the type of the products, and the sums over all chunks."""

    head: Head
    weight: Tensor
    bias: Tensor
    d_hidden: Tensor
    d_weight: Tensor
    d_bias: Tensor
    sums: dict[str, Tensor]
    gradients: dict[str, Tensor] = field(default_factory=dict)


class _Softmax:
    """Distributions of some tokens, read block by block; unnormalised until ``close``.

    Every block keeps exp(logit - its own largest); ``shares`` [tokens, blocks] then turn these into probabilities.
    """

    def __init__(self, exponentials: Tensor) -> None:
        self.exponentials = exponentials
        self.tops: list[Tensor] = []
        self.sums: list[Tensor] = []

    def read(self, logits: Tensor, block: slice, work: Callable[..., Any]) -> None:
        top, total = work(logits, self.exponentials[:, block])
        self.tops.append(top)
        self.sums.append(total)

    def close(self) -> None:
        self.log_normaliser, self.shares = _normalise(torch.stack(self.tops, 1), torch.stack(self.sums, 1))


def _normalise(tops: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
    log_normaliser = (tops + sums.log()).logsumexp(1)
    return log_normaliser, (tops - log_normaliser[:, None]).exp()


class _Walk:
    """Over the tokens chunk by chunk, over the vocabulary block by block."""

    def __init__(
        self,
        students: Sequence[Head],
        teacher: Head | None,
        labels: Tensor,
        counts: Counts,
        options: Options,
        apart: bool,
        compiled: bool,
        half: torch.dtype,
    ) -> None:
        self.labels, self.teacher, self.counts, self.smoothing = labels, teacher, counts, options.label_smoothing
        self.half, self.wide = half, torch.promote_types(half, torch.float32)  # of products, of sums
        # Logits come divided by the temperature, so that one exponential serves both terms: exp(z) = exp(z / T) ** T.
        self.temperature = t = options.temperature if teacher is not None else 1.0
        self.squared = t**2 if options.temperature_squared else 1.0
        self.mlm_scale = options.mlm_weight / counts.masked if counts.masked else 0.0
        self.kd_scale = options.distillation_weight * self.squared / t / counts.distilled if counts.distilled else 0.0
        size, device = len(students[0].weight), labels.device.type
        step = BLOCK.get(device, 2048)
        self.blocks = [slice(start, min(start + step, size)) for start in range(0, size, step)]
        self.work = {f: _compiled(f) if compiled else f for f in (_exponentials, _cross, _powers, _mix)}
        self.learners = [self._learner(head, apart) for head in students]
        if teacher is not None:
            self.guide = (teacher.weight.to(half), teacher.bias.to(self.wide) / t)
        self.buffers: list[Tensor] = []

    def _learner(self, head: Head, apart: bool) -> _Learner:
        zeros = [torch.zeros_like(part, dtype=self.wide) for part in head]
        sums = {name: zeros[2].new_zeros(()) for name in ("mlm", "distillation", "unsmoothed", "hits")}
        terms = {name: torch.zeros_like(zeros[0]) for name in ("mlm", "distillation") if apart}
        return _Learner(
            head, head.weight.to(self.half), head.bias.to(self.wide) / self.temperature, *zeros, sums, terms
        )

    def _inputs(self, head: Head, tokens: Tensor) -> Tensor:
        return (head.hidden[tokens] / self.temperature).to(self.half)

    def _logits(self, x: Tensor, weight: Tensor, bias: Tensor, block: slice) -> Tensor:
        if self.half == self.wide:
            return torch.addmm(bias[block], x, weight[block].t())
        return (x @ weight[block].t()).to(self.wide).add_(bias[block])

    def step(self, tokens: Tensor, masked: bool) -> None:
        """One chunk of tokens: losses and gradients of every student."""
        if not self.buffers:  # made once, as large as the first chunk, which is the largest
            shape = (len(tokens), len(self.learners[0].weight))
            self.buffers = [self.labels.new_empty(shape, dtype=self.wide) for _ in range(len(self.learners) + 1)]
        labels = self.labels[tokens] if masked else None
        guide, *mine = (_Softmax(buffer[: len(tokens)]) for buffer in self.buffers)
        readings = [_Reading(self, *pair, tokens, labels) for pair in zip(self.learners, mine, strict=True)]
        x = None if self.teacher is None else self._inputs(self.teacher, tokens)
        for block in self.blocks:
            expected = None
            if x is not None:
                expected = self._logits(x, *self.guide, block)
                guide.read(expected, block, self.work[_exponentials])
            for one in readings:
                one.read(block, expected, guide.exponentials[:, block])
        if x is not None:
            guide.close()
        for one in readings:
            one.finish(None if x is None else guide)


class _Reading:
    """One student's reading of one chunk."""

    def __init__(
        self, walk: _Walk, learner: _Learner, softmax: _Softmax, tokens: Tensor, labels: Tensor | None
    ) -> None:
        self.walk, self.learner, self.softmax, self.tokens, self.labels = walk, learner, softmax, tokens, labels
        self.x = walk._inputs(learner.head, tokens)
        self.crosses: list[Tensor] = []
        if labels is not None:
            self.kept = (labels != IGNORE_INDEX).to(walk.wide)
            self.powers: list[Tensor] = []
            self.bests: list[Tensor] = []
            self.right = torch.zeros_like(self.kept)  # the right piece's logit
            self.whole = torch.zeros_like(self.kept)  # the sum of all logits

    def read(self, block: slice, expected: Tensor | None, guide: Tensor) -> None:
        walk = self.walk
        logits = walk._logits(self.x, self.learner.weight, self.learner.bias, block)
        self.softmax.read(logits, block, walk.work[_exponentials])
        if self.labels is not None:
            self.powers.append(walk.work[_powers](self.softmax.exponentials[:, block], walk.temperature))
            place, inside = self._place(block)
            self.right += logits.gather(1, place)[:, 0] * inside
            self.bests.append(logits.argmax(1) + block.start)
            if walk.smoothing:
                self.whole += logits.sum(1)
        if expected is not None:
            self.crosses.append(walk.work[_cross](guide, expected, logits))

    def _place(self, block: slice) -> tuple[Tensor, Tensor]:
        """Each token's label as a column of the block, and whether it stands there at all."""
        assert self.labels is not None
        inside = (self.labels >= block.start) & (self.labels < block.stop)
        return (self.labels - block.start).clamp(0, block.stop - block.start - 1)[:, None], inside

    def finish(self, guide: _Softmax | None) -> None:
        """Normalise, add the chunk's losses to the sums, and walk the blocks again for the gradients."""
        walk, sums = self.walk, self.learner.sums
        self.softmax.close()
        if self.labels is not None:
            self._count()
        if guide is not None:
            cross = (guide.shares * torch.stack(self.crosses, 1)).sum(1)
            divergence = cross - guide.log_normaliser + self.softmax.log_normaliser
            sums["distillation"] += divergence.sum() * walk.squared / max(walk.counts.distilled, 1)
        terms = {name: torch.zeros_like(self.x, dtype=walk.wide) for name in ("mlm", "distillation")}
        for number, block in enumerate(walk.blocks):
            parts = self._gradients(number, block, guide)
            whole = list(parts.values())[0] if len(parts) == 1 else sum(parts.values())
            self.learner.d_bias[block] += whole.sum(0)
            whole = whole.to(walk.half)
            _add_product(self.learner.d_weight[block], whole.t(), self.x, walk.temperature)
            weight = self.learner.weight[block]
            if self.learner.gradients:
                for name, part in parts.items():
                    _add_product(terms[name], part.to(walk.half), weight)
            else:
                _add_product(terms["mlm"], whole, weight)
        self.learner.d_hidden[self.tokens] = terms["mlm"] + terms["distillation"]
        for name, gradient in self.learner.gradients.items():
            gradient[self.tokens] = terms[name]

    def _count(self) -> None:
        """Losses and hits of the masked tokens."""
        walk, sums, t = self.walk, self.learner.sums, self.walk.temperature
        tops, eps = torch.stack(self.softmax.tops, 1), self.walk.smoothing
        self.log_normaliser, self.shares = _normalise(tops * t, torch.stack(self.powers, 1))
        right, mean = self.right * t, self.whole * t / self.learner.weight.shape[0]
        smooth = self.log_normaliser - (1 - eps) * right - eps * mean
        best = torch.stack(self.bests, 1).gather(1, tops.argmax(1, keepdim=True))[:, 0]
        denominator = max(walk.counts.masked, 1)
        sums["mlm"] += (smooth * self.kept).sum() / denominator
        sums["unsmoothed"] += ((self.log_normaliser - right) * self.kept).sum()
        sums["hits"] += (best == self.labels).sum()

    def _gradients(self, number: int, block: slice, guide: _Softmax | None) -> dict[str, Tensor]:
        """Of each weighted term for one block of the student's logits."""
        walk, mine, parts = self.walk, self.softmax.exponentials[:, block], {}
        if guide is not None:
            student, teacher = (one.shares[:, number, None] * walk.kd_scale for one in (self.softmax, guide))
            parts["distillation"] = walk.work[_mix](mine, student, guide.exponentials[:, block], teacher)
        if self.labels is not None:
            scale = walk.mlm_scale * self.kept[:, None]
            place, inside = self._place(block)
            part = mine.pow(walk.temperature).mul_(self.shares[:, number, None] * scale)
            part.scatter_add_(1, place, (walk.smoothing - 1) * scale * inside[:, None])
            if walk.smoothing:
                part -= scale * (walk.smoothing / len(self.learner.weight))
            parts["mlm"] = part
        return parts or {"mlm": torch.zeros_like(mine)}


def _exponentials(logits: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
    top = logits.amax(1, keepdim=True)
    out.copy_(logits).sub_(top).exp_()
    return top[:, 0], out.sum(1)


def _powers(exponentials: Tensor, temperature: float) -> Tensor:
    return exponentials.pow(temperature).sum(1)


def _cross(exponentials: Tensor, expected: Tensor, logits: Tensor) -> Tensor:
    return (expected - logits).mul_(exponentials).sum(1)


def _mix(mine: Tensor, student: Tensor, guide: Tensor, teacher: Tensor) -> Tensor:
    return (mine * student).addcmul_(guide, teacher, value=-1)


def _compiled(function: Callable[..., Any]) -> Any:
    if function not in COMPILED:
        COMPILED[function] = torch.compile(function)
    return COMPILED[function]


def _add_product(total: Tensor, left: Tensor, right: Tensor, scale: float = 1.0) -> None:
    """``total += scale * left @ right``, summed in the type of ``total``."""
    if left.dtype == total.dtype:
        total.addmm_(left, right, alpha=scale)
    else:
        total.add_(left @ right, alpha=scale)


def _finish(one: _Learner, options: Options) -> Losses:
    value = options.mlm_weight * one.sums["mlm"] + options.distillation_weight * one.sums["distillation"]
    total: Tensor = _Attach.apply(value, one.d_hidden, one.d_weight, one.d_bias, *one.head)  # type: ignore[no-untyped-call]
    return Losses(total, **one.sums, gradients=one.gradients)


class _Attach(torch.autograd.Function):
    """A value whose gradients are known already."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, d_hidden: Tensor, d_weight: Tensor, d_bias: Tensor, *head: Tensor) -> Tensor:
        ctx.gradients, ctx.types = (d_hidden, d_weight, d_bias), [part.dtype for part in head]
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if gradient.is_cuda or gradient != 1:  # on a CPU one may look, and mostly nothing needs to be scaled
            ctx.gradients = [part * gradient for part in ctx.gradients]
        made = (part.to(kind) for part, kind in zip(ctx.gradients, ctx.types, strict=True))
        return (None, None, None, None, *made)

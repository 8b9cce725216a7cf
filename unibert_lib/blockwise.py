"""A softmax read block by block: what :mod:`unibert_lib.fused` needs of logits that never exist all at once.

A block of logits is a few tokens by some of the vocabulary, in units of ``UNIT * T`` nats at temperature T: then
exp(z / T) is 2 ** logit, and exp(z) the T-th power of that, so that one quick exponential serves both. Each block
keeps 2 ** (logit - its own largest); weights for each token and block turn these into probabilities in the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unibert_lib.products import product, run

UNIT = math.log(2)  # nats
BLOCK = {"cpu": 2048, "cuda": 16_384}  # word pieces worked on at a time
Log = Float[Tensor, " tokens"]
Share = Float[Tensor, "tokens blocks"]


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


@dataclass(frozen=True)
class Work:
    """What is the same for every chunk and student; products run in ``half``, sums in ``wide``."""

    counts: Counts
    options: Options
    half: torch.dtype
    temperature: float
    compiled: bool

    @property
    def wide(self) -> torch.dtype:
        return torch.promote_types(self.half, torch.float32)

    @property
    def mixed(self) -> bool:
        return self.half != self.wide

    @property
    def unit(self) -> float:
        return UNIT * self.temperature

    def blocks(self, device: str, vocab: int) -> list[slice]:
        return [slice(start, min(start + width(device), vocab)) for start in range(0, vocab, width(device))]

    @property
    def mlm_scale(self) -> float:
        return self.options.mlm_weight / max(self.counts.masked, 1)

    @property
    def kd_scale(self) -> float:
        squared = self.temperature**2 if self.options.temperature_squared else 1.0
        return squared / max(self.counts.distilled, 1)


class Projection:
    """A head whose products run in half precision and whose logits come in units of ``work.unit`` nats."""

    def __init__(self, head: Head, work: Work) -> None:
        self.head, self.work = head, work
        self.weight, self.bias = head.weight.to(work.half), head.bias.to(work.wide) / work.unit

    def inputs(self, tokens: Tensor) -> Tensor:
        """Divided by the unit already, unless half precision would round them for that."""
        x = self.head.hidden[tokens].to(self.work.half)
        return x if self.work.mixed else x.div_(self.work.unit)

    def logits(self, x: Tensor, block: slice) -> Tensor:
        if self.work.mixed:
            return torch.add(self.bias[block], product(x, self.weight[block]), alpha=1 / self.work.unit)
        return product(x, self.weight[block], self.bias[block])


def width(device: str) -> int:
    return BLOCK.get(device, BLOCK["cpu"])


class Softmax:
    """The distributions of one chunk of tokens; ``exponentials`` is [tokens, vocab], a buffer to be written to."""

    def __init__(self, exponentials: Float[Tensor, "tokens vocab"], compiled: bool = False) -> None:
        self.exponentials, self.compiled = exponentials, compiled
        self.tops: list[Tensor] = []
        self.sums: list[Tensor] = []
        self.powers: list[Tensor] = []
        self.crosses: list[Tensor] = []

    def read(self, logits: Float[Tensor, "tokens block"], block: slice) -> None:
        top, total = run(exponentials, self.compiled)(logits, self.exponentials[:, block])
        self.tops.append(top)
        self.sums.append(total)

    def raise_to(self, power: float, block: slice) -> None:
        """Also sum the block's exponentials raised to the temperature, for the softmax at temperature 1."""
        self.powers.append(run(powers, self.compiled)(self.exponentials[:, block], power))

    def compare(self, block: slice, expected: Tensor, logits: Tensor, guide: Softmax) -> None:
        """Sum 2**expected * (expected - logits) over the block: the KL divergence before normalisation."""
        self.crosses.append(run(cross, self.compiled)(guide.exponentials[:, block], expected, logits))

    def normalise(self, power: float | None = None) -> tuple[Log, Share]:
        """Each token's log(sum(exp)) in nats, and what makes each block's exponentials probabilities.

        With ``power`` the same at temperature 1, for the exponentials raised to that power.
        """
        tops = torch.stack(self.tops, 1) * (UNIT if power is None else UNIT * power)
        logs = (tops + torch.stack(self.sums if power is None else self.powers, 1).log()).logsumexp(1)
        return logs, (tops - logs[:, None]).exp()

    def likeliest(self) -> Int[Tensor, " tokens"]:
        """Each token's likeliest piece; only the block with the largest logit is looked at."""
        size = width(self.exponentials.device.type)
        start = torch.stack(self.tops, 1).argmax(1, keepdim=True) * size
        pieces = start + torch.arange(size, device=start.device)
        pieces = pieces.clamp(max=self.exponentials.shape[1] - 1)
        return pieces.gather(1, self.exponentials.gather(1, pieces).argmax(1, keepdim=True))[:, 0]


def exponentials(logits: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
    top = logits.amax(1, keepdim=True)
    torch.sub(logits, top, out=out).exp2_()  # on a CPU several times quicker than exp
    return top[:, 0], out.sum(1)


def powers(exponentials: Tensor, power: float) -> Tensor:
    return exponentials.pow(power).sum(1)


def cross(guide: Tensor, expected: Tensor, logits: Tensor) -> Tensor:
    return (expected - logits).mul_(guide).sum(1)


def difference(mine: Tensor, weights: Tensor, theirs: Tensor, their_weights: Tensor) -> Tensor:
    return (mine * weights).addcmul_(theirs, their_weights, value=-1)


def add_product(total: Tensor, left: Tensor, right: Tensor, scale: float = 1.0) -> None:
    """``total += scale * left @ right.T``, summed in the type of ``total``."""
    total.add_(product(left, right), alpha=scale)


def place(labels: Tensor, block: slice) -> tuple[Tensor, Tensor]:
    """Each token's label as a column of the block, and whether it stands there at all."""
    inside = (labels >= block.start) & (labels < block.stop)
    return (labels - block.start).clamp(0, block.stop - block.start - 1)[:, None], inside

"""A softmax read block by block: what :mod:`unibert_lib.fused` needs of logits that never exist all at once.

A block of logits is a few tokens by some of the vocabulary, in units of ``UNIT * T`` nats at temperature T: then
exp(z / T) is 2 ** logit, and exp(z) the T-th power of that, so that one quick exponential serves both. Each block
keeps 2 ** (logit - its own largest); weights for each token and block turn these into probabilities in the end.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unibert_lib.products import product, run

UNIT = math.log(2)  # nats
Log = Float[Tensor, " tokens"]
Share = Float[Tensor, "tokens blocks"]


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

    def likeliest(self, width: int) -> Int[Tensor, " tokens"]:
        """Each token's likeliest piece; blocks are ``width`` wide, and only the one with the largest is looked at."""
        start = torch.stack(self.tops, 1).argmax(1, keepdim=True) * width
        pieces = start + torch.arange(width, device=start.device)
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

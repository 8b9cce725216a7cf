"""What is measured on: a pool of sequences with Wikipedia's spread of lengths, and models of the real shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from unibert_lib import batches, student
from unibert_lib.batches import IGNORE_INDEX, Batch
from unibert_lib.student import Size
from unibert_lib.tokenizer import SPECIAL_IDS

LANGUAGES = 107
PEAK = 4.0  # standard deviation of the logits: random models are made as sure of themselves as trained ones


@dataclass(frozen=True)
class Plan:
    """What one run of the benchmark measures; the defaults are the protocol's."""

    sequences: int = 32
    rounds: int = 5
    sizes: dict[str, Size] = field(default_factory=lambda: dict(student.SIZES))
    vocab_size: int = student.MBERT_VOCAB
    intermediate_size: int = student.INTERMEDIATE_SIZE
    teacher: Size = field(default_factory=lambda: Size(12, 768, 12))  # mBERT's
    mean_length: float = 110.0
    max_length: int = 512
    together: int = 2  # sequences in a naive micro-batch: the logits of more do not fit a small machine
    share: int = 4  # a round of a naive arm takes every share-th micro-batch: padded to 512, all cost the same
    compiled: bool = True
    memory: bool = True
    seed: int = 0


def lengths(plan: Plan) -> list[int]:
    """Real tokens of each sequence: the middles of equal parts of a lognormal (sigma 0.9), capped, in mixed order.

    The mean after the cap is the plan's, as near as whole numbers allow.
    """
    middles = [NormalDist().inv_cdf((i + 0.5) / plan.sequences) for i in range(plan.sequences)]
    low, high = 0.0, 10.0
    for _ in range(60):
        mu = (low + high) / 2
        made = [min(plan.max_length - 2, max(1, round(math.exp(mu + 0.9 * z)))) for z in middles]
        low, high = (mu, high) if np.mean(made) < plan.mean_length else (low, mu)
    return [made[i] for i in np.random.default_rng(plan.seed).permutation(plan.sequences)]


@dataclass(frozen=True)
class Pool:
    """Sequences with 15 % of all tokens masked, and the language of each."""

    inputs: list[np.ndarray]
    labels: list[np.ndarray]
    languages: torch.Tensor

    @property
    def tokens(self) -> int:
        return sum(map(len, self.inputs))

    @property
    def masked(self) -> int:
        return sum(int((part != IGNORE_INDEX).sum()) for part in self.labels)

    def batch(self, chosen: list[int], layout: str, width: int = 0) -> Batch:
        """Some of the sequences as one batch; ``width`` pads each row to that many tokens."""
        inputs, labels = ([part[i] for i in chosen] for part in (self.inputs, self.labels))
        made = batches.assemble(inputs, labels, self.languages[chosen], SPECIAL_IDS, layout)
        missing = width - made.input_ids.shape[1]
        if layout == "packed" or missing <= 0:
            return made
        blank = {"input_ids": 0, "labels": IGNORE_INDEX, "position_ids": 0, "sequence_ids": -1, "real": False}
        wide = {n: nn.functional.pad(getattr(made, n), (0, missing), value=v) for n, v in blank.items()}
        return Batch(**wide, language_ids=made.language_ids)


def make_pool(plan: Plan) -> Pool:
    random = np.random.default_rng([plan.seed, 1])
    ends = np.cumsum(lengths(plan))
    flat = random.integers(104, plan.vocab_size, ends[-1])
    chosen = random.permutation(ends[-1])[: round(0.15 * ends[-1])]
    labels = np.full(ends[-1], IGNORE_INDEX, dtype=np.int64)
    labels[chosen] = flat[chosen]
    flat[chosen] = SPECIAL_IDS["[MASK]"]
    languages = torch.from_numpy(random.integers(0, LANGUAGES, plan.sequences))
    return Pool(np.split(flat, ends[:-1]), np.split(labels, ends[:-1]), languages)


def make_student(plan: Plan, name: str) -> BertForMaskedLM:
    shape = (plan.sizes[name], plan.vocab_size, plan.intermediate_size)
    return _peaked(student.build(*shape, seed=plan.seed, dropout=0.0)).train()


def make_teacher(plan: Plan) -> BertForMaskedLM:
    """mBERT's geometry with random weights: the cost of a step does not hang on their values."""
    shape = (plan.teacher, plan.vocab_size, 4 * plan.teacher.hidden_size)
    return _peaked(student.build(*shape, seed=plan.seed + 1, dropout=0.0)).eval().requires_grad_(False)


@torch.no_grad()
def _peaked(model: BertForMaskedLM) -> BertForMaskedLM:
    config: BertConfig = model.config
    embeddings = model.get_input_embeddings().weight  # also the decoder's matrix; what it reads has a variance of 1
    embeddings.mul_(PEAK / (config.initializer_range * config.hidden_size**0.5))
    return model

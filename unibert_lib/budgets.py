"""How much of everything: smoke a minute for tests, demo the classroom, paper the paper's."""

from __future__ import annotations

from dataclasses import dataclass

from unibert_lib import config


@dataclass(frozen=True)
class Budget:
    """How much of everything. Classroom values are ours, chosen to fit two CPU cores."""

    pages: int | None  # Atlas pages a language; None is all of them
    languages: tuple[str, ...]  # of Atlas, that 03 trains on; an empty tuple is all twelve
    vocab_size: int  # word pieces of a tokenizer trained on the corpus
    steps: dict[str, int]  # optimiser steps of each size
    teacher_steps: int  # of the embedded teacher
    teacher_batch_size: int
    batch_size: int
    max_length: int  # tokens, [CLS] and [SEP] included
    learning_rate: dict[str, float]  # peak for each size; wider students take proportionally less
    epsilon: float  # AdamW's; 1e-6 (BERT's own) keeps rare pieces from drifting in short runs
    dropout: float  # 0 where no sample is seen often enough to be learned by heart
    checkpoint_every: int
    evaluate_every: int
    gradient_norms_every: int
    samples: int  # a language, for evaluation and probe


# Ours: five scripts and one pair that shares its script. Half of Atlas learns twice as fast: with all twelve, these
# minutes end before words in context are learned.
CLASSROOM = ("ar", "el", "en", "ru", "sw", "zh")

BUDGETS: dict[str, Budget] = {
    "smoke": Budget(
        pages=12,
        languages=CLASSROOM,
        vocab_size=1500,
        steps={"small": 3, "xsmall": 6, "xxsmall": 12},
        teacher_steps=8,
        teacher_batch_size=16,
        batch_size=16,
        max_length=64,
        learning_rate={"small": 5e-4, "xsmall": 1e-3, "xxsmall": 2e-3},
        epsilon=1e-6,
        dropout=0.0,
        checkpoint_every=6,
        evaluate_every=6,
        gradient_norms_every=1,
        samples=16,
    ),
    "demo": Budget(
        pages=None,
        languages=CLASSROOM,
        vocab_size=2500,
        steps={"small": 200, "xsmall": 400, "xxsmall": 600},
        teacher_steps=1200,
        teacher_batch_size=32,
        batch_size=16,
        max_length=128,
        learning_rate={"small": 5e-4, "xsmall": 1e-3, "xxsmall": 2e-3},
        epsilon=1e-6,
        dropout=0.0,
        checkpoint_every=300,
        evaluate_every=100,
        gradient_norms_every=5,
        samples=96,
    ),
    "paper": Budget(
        pages=None,
        languages=(),
        vocab_size=119_547,
        steps=dict.fromkeys(("small", "xsmall", "xxsmall"), 1_000_000),
        teacher_steps=1_000_000,
        teacher_batch_size=128,
        batch_size=128,
        max_length=512,
        learning_rate=dict.fromkeys(("small", "xsmall", "xxsmall"), 5e-4),
        epsilon=1e-8,
        dropout=0.1,
        checkpoint_every=5000,
        evaluate_every=50_000,
        gradient_norms_every=100,
        samples=512,
    ),
}


def budget(name: str) -> Budget:
    if name not in BUDGETS:
        raise ValueError(config.unknown("budget", name, BUDGETS))
    return BUDGETS[name]

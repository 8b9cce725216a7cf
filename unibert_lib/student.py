"""The three students of Table 1: predicted, then built."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from unibert_lib import initialise
from unibert_lib.config import unknown

MBERT_VOCAB = 119_547
MAX_POSITIONS = 512  # as in mBERT
TOKEN_TYPES = 2  # as in BERT, though pretraining uses one
# Not in the paper. BertConfig's default is the one that gives Table 1's 87 M / 39 M / 19 M; BERT's usual
# 4 x hidden gives 81 / 34 / 16 M. Notebook 02 solves this before the reader's eyes.
INTERMEDIATE_SIZE = 3072


@dataclass(frozen=True)
class Size:
    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int


SIZES = {  # Table 1
    "small": Size(6, 512, 8),
    "xsmall": Size(4, 256, 8),
    "xxsmall": Size(4, 128, 4),
}


@dataclass(frozen=True)
class Footprint:
    """What a size costs before anything is built.

    Parameters are counts, bytes are fp32, FLOPs are for one token: forward and backward together, a
    multiplication and an addition as two, attention's own products (linear in the sequence) left out.
    """

    size: str
    vocab_size: int
    intermediate_size: int
    embedding_parameters: int
    body_parameters: int
    head_parameters: int
    body_flops: int
    head_flops: int

    @property
    def parameters(self) -> int:
        return self.embedding_parameters + self.body_parameters + self.head_parameters

    @property
    def bytes(self) -> int:
        return 4 * self.parameters

    @property
    def megabytes(self) -> float:
        """MB, 10**6 bytes."""
        return self.bytes / 1e6

    @property
    def mebibytes(self) -> float:
        """MiB, 2**20 bytes."""
        return self.bytes / 2**20


def shape(size: str | Size) -> Size:
    """Layers, width and heads of a named size; any other :class:`Size` as it is."""
    if isinstance(size, Size):
        return size
    if size not in SIZES:
        raise ValueError(unknown("size", size, SIZES))
    return SIZES[size]


def predict(size: str, vocab_size: int = MBERT_VOCAB, intermediate_size: int = INTERMEDIATE_SIZE) -> Footprint:
    """Parameters, bytes and FLOPs of a size, by counting matrices; the decoder is tied to the embeddings.

    Forward and backward cost 6 FLOPs a weight and token: 2 forward, 4 backward.

    Source: paper 3.2, Table 1; the intermediate size is ours.
    """
    s, wide = shape(size), intermediate_size
    h, norm = s.hidden_size, 2 * s.hidden_size
    attention = 4 * (h * h + h) + norm
    feed_forward = h * wide + wide + wide * h + h + norm
    weights = s.num_hidden_layers * (4 * h * h + 2 * h * wide)
    return Footprint(
        size=size,
        vocab_size=vocab_size,
        intermediate_size=wide,
        embedding_parameters=(vocab_size + MAX_POSITIONS + TOKEN_TYPES) * h + norm,
        body_parameters=s.num_hidden_layers * (attention + feed_forward),
        head_parameters=h * h + h + norm + vocab_size,  # transform and the decoder's bias; its matrix is tied
        body_flops=6 * weights,
        head_flops=6 * (h * h + h * vocab_size),
    )


def build(
    size: str | Size,
    vocab_size: int = MBERT_VOCAB,
    intermediate_size: int = INTERMEDIATE_SIZE,
    seed: int = 0,
    *,
    initialisation: str = "bert",
    counts: NDArray[np.int64] | None = None,
    dropout: float = 0.1,
) -> BertForMaskedLM:
    """A randomly initialised student; the same seed gives the same weights.

    ``initialisation`` is ``bert`` (normal, 0.02 everywhere) or ``scaled`` (see
    :func:`unibert_lib.initialise.scaled`, which takes ``counts``, how often each piece occurs, shape [vocab]).

    Source: paper 3.2, Table 1; dropout 0.1 is BERT's. No next-sentence objective, so no pooler.
    """
    if initialisation not in initialise.NAMES:
        raise ValueError(unknown("initialisation", initialisation, initialise.NAMES))
    s = shape(size)
    config = BertConfig(
        vocab_size=vocab_size,
        hidden_size=s.hidden_size,
        num_hidden_layers=s.num_hidden_layers,
        num_attention_heads=s.num_attention_heads,
        intermediate_size=intermediate_size,
        max_position_embeddings=MAX_POSITIONS,
        type_vocab_size=TOKEN_TYPES,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForMaskedLM(config)
    return initialise.scaled(model, counts) if initialisation == "scaled" else model


def build_discriminator(hidden_size: int, languages: int, width: int = 0, seed: int = 0) -> nn.Module:
    """FF of Eq. 2, from [samples, hidden] to [samples, languages]: one Linear, or an MLP of ``width``.

    Source: paper 3.3.2, Eq. 2; the MLP is ours.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if width == 0:
            return nn.Linear(hidden_size, languages)
        return nn.Sequential(nn.Linear(hidden_size, width), nn.GELU(), nn.Linear(width, languages))

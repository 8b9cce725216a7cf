"""A head start for short runs: random weights that suit narrow models and look at neighbours first.

Nothing of the architecture changes and every weight stays trainable; only where training starts does. BERT's own
initialisation (normal, 0.02 everywhere) needs millions of tokens before context reaches a masked place in a
model of width 128; ``NOTES.md`` has the measurements.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import BertForMaskedLM

NAMES = ("scaled", "bert")
WORDS = 0.1  # deviation of word and position embeddings: small ones become parallel under AdamW
BRANCH = 0.1  # of what a branch adds to the residual stream: what the first layer saw must reach the head
TYPES = 0.01  # of token types, of which pretraining uses one
OFFSETS = (-1, 1, -2, 2, -3, 3, -4, 4)  # where the first layer's heads look
SHARPNESS = 2.5  # scale of their scores: about nine tenths of the attention on the neighbour meant
SLOWEST = 500.0  # ratio of the fastest to the slowest of the positions' waves


@torch.no_grad()
def scaled(model: BertForMaskedLM, counts: NDArray[np.int64] | None = None) -> BertForMaskedLM:
    """Rescale a fresh model's random weights, and set what need not be found by chance.

    - Matrices: deviation ``fan_in ** -0.5``, whatever the width; a tenth of it where a branch joins the residual
      stream, but for the first layer's attention: what that layer saw must reach the head.
    - Word embeddings 0.1; positions are sinusoids of the same size, so that distances show in products.
    - First layer: head ``h`` starts by attending to the token ``OFFSETS[h]`` places away.
    - Decoder bias: the log frequency of each piece (``counts``, shape [vocab]), which training would
      otherwise learn first and slowly.

    Source: ours; LeCun et al. (1998), "Efficient BackProp", 4.6, for ``fan_in ** -0.5``; Vaswani et al. (2017),
    3.5, for the sinusoids; Wang et al. (2022), "DeepNet", for small branches.
    """
    old = model.config.initializer_range
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            words, types = "word_embeddings" in name, "token_type" in name
            parameter.mul_((WORDS if words else TYPES if types else parameter.shape[1] ** -0.5) / old)
            if name.endswith("output.dense.weight") and "layer.0.attention" not in name:
                parameter.mul_(BRANCH)
    embeddings = model.bert.embeddings.position_embeddings.weight
    waves = math.pi * SLOWEST ** (-torch.arange(embeddings.shape[1] // 2) / (embeddings.shape[1] // 2))
    angles = torch.arange(len(embeddings))[:, None] * waves
    embeddings.copy_(torch.cat([angles.sin(), angles.cos()], dim=1) * WORDS * 2**0.5)
    layer: Any = model.bert.encoder.layer[0]  # typed as a mere Module
    attention = layer.attention.self
    heads = model.config.num_attention_heads
    for head, (query, key) in enumerate(_neighbour_heads(waves, heads)):
        rows = slice(head * len(query), (head + 1) * len(query))
        attention.query.weight[rows], attention.key.weight[rows] = query, key
    if counts is not None:
        share = torch.as_tensor(counts, dtype=torch.float32) + 0.5
        model.cls.predictions.bias.copy_((share / share.sum()).log())
    return model


def _neighbour_heads(waves: Tensor, heads: int) -> list[tuple[Tensor, Tensor]]:
    """(query, key) matrices of each head, both [head_dim, hidden].

    Keys read the fastest waves of a position; queries read the same waves turned by the offset, since
    sin((i + o) w) = sin(iw) cos(ow) + cos(iw) sin(ow): their product is greatest where j = i + o.
    """
    half, size = len(waves), 2 * len(waves) // heads
    count = size // 2
    made = []
    for head in range(heads):
        turn = waves[:count] * OFFSETS[head % len(OFFSETS)]
        query, key = torch.zeros(size, 2 * half), torch.zeros(size, 2 * half)
        wave = torch.arange(count)
        key[wave, wave] = key[count + wave, half + wave] = 1.0
        query[wave, wave] = query[count + wave, half + wave] = turn.cos()
        query[wave, half + wave], query[count + wave, wave] = turn.sin(), -turn.sin()
        made.append((query * SHARPNESS**0.5, key * SHARPNESS**0.5))
    return made

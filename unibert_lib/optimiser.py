"""AdamW's parameter groups, the same for pretraining and fine-tuning."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from torch import nn

# Ours: AdamW moves every weight alike, so a matrix of 3072 inputs moves its output six times as far as one of 512.
# With the scaled initialisation such matrices take smaller steps (after Yang et al., 2022, "Tensor Programs V").
WIDE = 512
_FEED_FORWARD_OUTPUT = re.compile(r"layer\.\d+\.output\.dense\.weight$")


def parameter_groups(
    named: Iterable[tuple[str, nn.Parameter]], weight_decay: float, *, scaled: bool = False
) -> list[dict[str, Any]]:
    """Decayed matrices, free biases and LayerNorms, and, if ``scaled``, feed-forward outputs in smaller steps.

    A group may hold ``scale``: its learning rate is that share of the others'. At 1e-3 the vectors of a student
    pretrained with smaller steps there become alike within ten steps of fine-tuning without them (NOTES.md).

    Source: paper 3.4 (weight decay); Devlin et al. (2019) (none on biases and LayerNorm); the smaller steps are ours.
    """
    trained = [(name, p) for name, p in named if p.requires_grad]
    wide: dict[int, list[nn.Parameter]] = {}
    rest = []
    for name, p in trained:
        if scaled and _FEED_FORWARD_OUTPUT.search(name) and p.shape[1] > WIDE:
            wide.setdefault(p.shape[1], []).append(p)
        else:
            rest.append(p)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups += [{"params": held, "weight_decay": weight_decay, "scale": WIDE / inputs} for inputs, held in wide.items()]
    return [group for group in groups if group["params"]]

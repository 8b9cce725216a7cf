"""What a GPU's figures mean: tokens a second, utilisation, and hours for the paper's run."""

from __future__ import annotations

import time
from typing import Any

import torch

from benchmarks.pool import Plan, lengths
from unibert_lib.student import Size

STEPS, SAMPLES = 1_000_000, 128  # paper 3.4


def flops(plan: Plan, sizes: list[str], distilled: str) -> float:
    """Model FLOPs of a real token: matrices and attention, nothing recomputed, no padding.

    The students' bodies forward and backward (6 FLOPs a weight) and their heads at the tokens a loss uses; the
    teacher forward (2 FLOPs a weight), its head likewise.
    """
    share = 1.0 if distilled == "real" else 0.15
    found = _forward(plan, plan.teacher, 4 * plan.teacher.hidden_size, share)
    return found + sum(3 * _forward(plan, plan.sizes[name], plan.intermediate_size, share) for name in sizes)


def _forward(plan: Plan, shape: Size, intermediate: int, share: float) -> float:
    each = lengths(plan)
    seen = sum(n * n for n in each) / sum(each)  # tokens that a token attends to, on average
    h, layers = shape.hidden_size, shape.num_hidden_layers
    body = layers * (2 * (4 * h * h + 2 * h * intermediate) + 4 * h * seen)
    return body + share * 2 * (h * h + h * plan.vocab_size)


def peak() -> float:
    """FLOP/s of a large bf16 matrix product on this GPU, as measured."""
    n = 8192
    one, two = (torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        one @ two
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(20):
        one @ two
    torch.cuda.synchronize()
    return float(20 * 2 * n**3 / (time.perf_counter() - began))


def projection(plan: Plan, sizes: list[str], found: dict[str, Any], reached: float | None = None) -> dict[str, Any]:
    """Of each arm of ours: tokens/s, model FLOP utilisation, and hours for 1 M steps of 128 samples."""
    reached, made = reached or peak(), {}
    total = STEPS * SAMPLES * sum(lengths(plan)) / plan.sequences
    for name, row in found["arms"].items():
        if name.startswith("KD-"):
            speed = 1000 / row["ms"]
            work = flops(plan, sizes, "real" if name.startswith("KD-all") else "masked")
            update = STEPS * found.get("optimizer_ms_a_step", 0.0) / 1000 / 3600
            made[name] = {
                "tokens_per_second": speed,
                "utilisation": work * speed / reached,
                "hours": total / speed / 3600 + update,
            }
    return made

"""Large matrix products on a CPU by oneDNN, which torch otherwise keeps for half precision.

In fp32 torch multiplies by MKL, which on other makers' processors leaves half of their vector width unused:
oneDNN was measured at 190 GFLOP/s where MKL gave 90 (AMD Zen 5, one thread), and equal elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

LARGE = 2**25  # multiplications; oneDNN prepares each new shape for a millisecond or so


def product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """``left @ right.T + bias``, both matrices two-dimensional; no gradient on the oneDNN path."""
    if not _suits(left, right):
        return F.linear(left, right, bias)
    made: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, bias, "none", [], "")
    return made


def _suits(left: Tensor, right: Tensor) -> bool:
    return (
        left.dtype == right.dtype == torch.float32
        and left.device.type == "cpu"
        and left.ndim == 2
        and left.numel() * right.shape[0] >= LARGE
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needs = ctx.needs_input_grad
        return (
            product(gradient, weight.t()) if needs[0] else None,
            product(gradient.t(), x.t()) if needs[1] else None,
            gradient.sum(0) if needs[2] else None,
        )


class FastLinear(TorchFunctionMode):
    """Within it, ``F.linear`` (and so ``nn.Linear``) goes through :func:`product`, forward and backward."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is F.linear and not kwargs and not torch.is_autocast_enabled("cpu") and _suits(*args[:2]):
            return _Linear.apply(*args)  # type: ignore[no-untyped-call]
        return func(*args, **(kwargs or {}))


@cache
def run(function: Callable[..., Any], compiled: bool) -> Callable[..., Any]:
    """The function, through torch.compile where that is asked for; compiled once for all its callers."""
    return torch.compile(function) if compiled else function

"""Products by oneDNN are those of torch, forward and backward, and only where they pay."""

from __future__ import annotations

import pytest
import torch

from unibert_lib import products
from unibert_lib.products import FastLinear, product


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes that went through :func:`product`; every size counts as large."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this build of torch has no oneDNN")
    monkeypatch.setattr(products, "LARGE", 1)
    seen: list[tuple[int, ...]] = []
    monkeypatch.setattr(products, "product", lambda left, *rest: seen.append(left.shape) or product(left, *rest))
    return seen


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_gives_the_same_values_and_gradients(calls: list[tuple[int, ...]], bias: bool) -> None:
    torch.manual_seed(0)
    layer, x, ends = torch.nn.Linear(7, 5, bias=bias), torch.randn(9, 7, requires_grad=True), []
    for mode in (FastLinear(), torch.enable_grad()):
        with mode:
            made = layer(x)
        ends.append([made, *torch.autograd.grad(made.square().sum(), [x, *layer.parameters()])])
    assert calls == [(9, 7), (9, 5), (5, 9)]  # forward; backward to x and to the weight
    for fast, plain in zip(*ends, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-5, atol=1e-6)


def test_a_frozen_layer_costs_no_backward_product(calls: list[tuple[int, ...]]) -> None:
    layer = torch.nn.Linear(7, 5).requires_grad_(False)
    with FastLinear():
        layer(torch.randn(9, 7))
    assert calls == [(9, 7)]


def test_transposed_views_are_multiplied_as_they_are(calls: list[tuple[int, ...]]) -> None:
    left, right = torch.randn(6, 9).t(), torch.randn(6, 4).t()
    torch.testing.assert_close(product(left, right), left @ right.t(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_and_small_products_are_left_to_torch(dtype: torch.dtype) -> None:
    large = torch.zeros(1, dtype=dtype).expand(products.LARGE, 1)
    assert not products._suits(large, large) and not products._suits(torch.zeros(9, 7), torch.zeros(5, 7))
    layer, x = torch.nn.Linear(7, 5).to(dtype), torch.randn(9, 7, dtype=dtype)
    with FastLinear():
        fast = layer(x)
    assert torch.equal(fast, layer(x))

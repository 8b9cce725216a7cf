"""A packed row gives every token what its padded sample gives it, whichever way attention is computed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from conftest import make_store
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM

from unibert_lib import batches, encoder
from unibert_lib.batches import Batch, make_batch
from unibert_lib.config import BatchConfig
from unibert_lib.encoder import Samples, encode
from unibert_lib.tokens import TokenStore

CONFIG = BatchConfig(batch_size=10, max_length=32, bucket_window=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    return make_store(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def model(store: TokenStore) -> BertForMaskedLM:
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    return BertForMaskedLM(BertConfig(vocab_size=store.vocab_size, **shape)).double().eval()


def pair(store: TokenStore) -> tuple[Batch, Batch]:
    padded, packed = (make_batch(store, dataclasses.replace(CONFIG, layout=x), 0, 3) for x in ("padded", "packed"))
    return padded, packed


def reference_varlen(q: Tensor, k: Tensor, v: Tensor, ends_q: Tensor, ends_k: Tensor, *_: int) -> Tensor:
    """The contract of torch.nn.attention.varlen.varlen_attn, one sample after the other."""
    assert ends_q.dtype == torch.int32 and torch.equal(ends_q, ends_k) and ends_q[-1] == len(q)
    cuts = [x.tensor_split(ends_q[1:-1].long()) for x in (q, k, v)]
    parts = [F.scaled_dot_product_attention(*(x.transpose(0, 1)[None] for x in one)) for one in zip(*cuts, strict=True)]
    return torch.cat([part[0].transpose(0, 1) for part in parts])


@pytest.fixture(params=["_by_length", "_side_by_side", "_flash"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Attention in each of the ways that a device may take."""
    monkeypatch.setattr(encoder, "varlen_attn", reference_varlen)

    def attend(self: Samples, parts: Any, dropout: float) -> Tensor:
        rest = () if request.param == "_flash" else (dropout,)
        made: Tensor = getattr(self, request.param)(parts, *rest)
        return made

    monkeypatch.setattr(Samples, "attend", attend)
    return str(request.param)


@pytest.mark.parametrize("multiple", [1, 64])
def test_a_packed_row_gives_every_token_what_its_padded_sample_gives(
    store: TokenStore, model: BertForMaskedLM, way: str, multiple: int
) -> None:
    padded, packed = pair(store)
    packed = batches.fill(packed, multiple)
    assert packed.input_ids.shape[1] % multiple == 0 and len(set(Samples(packed).lengths)) > 3
    gradients = []
    for batch in (padded, packed):
        model.zero_grad()
        hidden = encode(model, batch)
        assert hidden.shape == (*batch.input_ids.shape, 16)
        gradients.append([hidden[batch.attended], *_gradients(model, hidden[batch.real])])
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)


def _gradients(model: BertForMaskedLM, hidden: Tensor) -> list[Tensor]:
    weights = torch.linspace(-1, 1, hidden.numel(), dtype=hidden.dtype).reshape(hidden.shape)
    (hidden * weights).sum().backward()
    return [p.grad for p in model.bert.parameters() if p.grad is not None]


def test_attention_in_half_precision_is_that_in_single_precision(store: TokenStore, model: BertForMaskedLM) -> None:
    _, packed = pair(store)
    exact = encode(model.float(), packed)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = encode(model, packed)
    assert ((found - exact).norm() / exact.norm()).item() < 0.01 and not torch.equal(found, exact)


@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_needed_tokens_alone_are_those_of_the_whole(store: TokenStore, model: BertForMaskedLM, layout: str) -> None:
    batch = make_batch(store, dataclasses.replace(CONFIG, layout=layout), 0, 3)
    needed = batch.labels != batches.IGNORE_INDEX
    torch.testing.assert_close(encode(model, batch, needed), encode(model, batch)[needed], rtol=1e-12, atol=1e-14)


def test_the_last_layer_is_computed_for_needed_tokens_only(store: TokenStore, model: BertForMaskedLM) -> None:
    _, batch = pair(store)
    needed = batch.labels != batches.IGNORE_INDEX
    seen = []
    for layer in model.bert.encoder.layer:
        layer.output.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    encode(model, batch, needed)
    whole = batch.input_ids.shape[1]
    assert seen == [whole, whole, int(needed.sum())] and seen[2] < whole / 5


@pytest.mark.parametrize("way", ["_by_length", "_side_by_side"], indirect=True)
def test_dropout_is_drawn_in_attention_and_follows_the_seed(
    store: TokenStore, model: BertForMaskedLM, way: str
) -> None:
    _, batch = pair(store)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for layer in model.bert.encoder.layer:
        layer.attention.self.dropout.p = 0.5
    model.train()
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(encode(model, batch))
    assert torch.equal(made[0], made[1]) and not torch.allclose(made[0], made[2])
    assert not torch.allclose(made[0], encode(model.eval(), batch))


def test_no_mask_is_built_for_a_packed_row(
    store: TokenStore, model: BertForMaskedLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, batch = pair(store)

    def refuse(_: Batch) -> Any:
        raise AssertionError("a mask of tokens x tokens")

    monkeypatch.setattr(Batch, "attention_mask", property(refuse))
    assert encode(model, batch).isfinite().all()


def test_filling_leaves_padded_batches_and_whole_multiples_as_they_are(store: TokenStore) -> None:
    padded, packed = pair(store)
    assert batches.fill(padded, 64) is padded and batches.fill(packed, packed.input_ids.shape[1]) is packed
    filled = batches.fill(packed, 1000)
    tail = slice(packed.input_ids.shape[1], None)
    assert not filled.attended[0, tail].any() and not filled.real[0, tail].any()
    assert (filled.labels[0, tail] == batches.IGNORE_INDEX).all() and not filled.input_ids[0, tail].any()

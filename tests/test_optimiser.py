"""AdamW's groups: what decays, what takes smaller steps, and that nothing is in two groups or in none."""

import pytest
from transformers import BertConfig, BertForMaskedLM

from unibert_lib.optimiser import parameter_groups


@pytest.fixture(scope="module")
def model():
    return BertForMaskedLM(
        BertConfig(vocab_size=300, hidden_size=640, num_hidden_layers=2, num_attention_heads=2, intermediate_size=1024)
    )


@pytest.mark.parametrize("scaled", [False, True])
def test_every_weight_is_in_one_group_and_vectors_do_not_decay(model, scaled):
    groups = parameter_groups(model.named_parameters(), 0.01, scaled=scaled)
    held = [id(p) for group in groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())
    assert all((group["weight_decay"] == 0) == (p.ndim < 2) for group in groups for p in group["params"])


def test_feed_forward_outputs_alone_take_smaller_steps(model):
    *rest, slow = parameter_groups(model.named_parameters(), 0.01, scaled=True)
    assert slow["scale"] == 0.5, "512 of 1024 inputs"
    layers = model.bert.encoder.layer
    assert {id(p) for p in slow["params"]} == {id(layer.output.dense.weight) for layer in layers}
    assert not any("scale" in group for group in rest), "attention's output has 640 inputs and keeps its step"


def test_frozen_weights_are_left_out(model):
    named = [(name, p) for name, p in model.named_parameters() if "embeddings" not in name]
    model.bert.embeddings.requires_grad_(False)
    held = {id(p) for group in parameter_groups(model.named_parameters(), 0.0) for p in group["params"]}
    model.bert.embeddings.requires_grad_(True)
    tied = id(model.bert.embeddings.word_embeddings.weight)
    assert held == {id(p) for _, p in named} - {tied}

"""Predicted parameters are the built ones, and Table 1's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unibert_lib import initialise, student

PRINTED = {"small": 87, "xsmall": 39, "xxsmall": 19}  # Table 1, millions


@pytest.mark.parametrize("size", student.SIZES)
@pytest.mark.parametrize("intermediate", [3072, 64])
def test_predicted_parameters_are_the_built_ones(size: str, intermediate: int) -> None:
    model = student.build(size, 500, intermediate)
    assert student.predict(size, 500, intermediate).parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("size", "millions"), [("small", 87.07), ("xsmall", 38.28), ("xxsmall", 18.93)])
def test_an_intermediate_size_of_3072_gives_table_1(size: str, millions: float) -> None:
    footprint = student.predict(size)
    assert footprint.parameters / 1e6 == pytest.approx(millions, abs=0.005)
    assert abs(footprint.parameters / 1e6 - PRINTED[size]) < 0.8


@pytest.mark.parametrize(("size", "millions"), [("small", 80.8), ("xsmall", 34.1), ("xxsmall", 16.3)])
def test_four_times_hidden_does_not(size: str, millions: float) -> None:
    hidden = student.SIZES[size].hidden_size
    footprint = student.predict(size, intermediate_size=4 * hidden)
    assert footprint.parameters / 1e6 == pytest.approx(millions, abs=0.05)
    assert abs(footprint.parameters / 1e6 - PRINTED[size]) > 2


def test_the_printed_sizes_mix_mb_and_mib() -> None:
    small, xsmall, xxsmall = (student.predict(s) for s in ("small", "xsmall", "xxsmall"))
    assert abs(small.mebibytes - 334) < abs(small.megabytes - 334)  # 334 M is nearer to MiB
    assert abs(xsmall.mebibytes - 148) < abs(xsmall.megabytes - 148)
    assert abs(xxsmall.megabytes - 74) < 2 and abs(xxsmall.mebibytes - 74) < 2


@pytest.mark.parametrize(("size", "body", "head"), [("small", 151, 369), ("xsmall", 44, 184), ("xxsmall", 20, 92)])
def test_flops_a_token_by_counting_matrices(size: str, body: int, head: int) -> None:
    footprint = student.predict(size)
    assert round(footprint.body_flops / 1e6) == body and round(footprint.head_flops / 1e6) == head


def test_the_decoder_is_tied_to_the_embeddings() -> None:
    model = student.build("xxsmall", 300)
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight


def test_the_same_seed_gives_the_same_student_and_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two, other = (
        student.build("xxsmall", 300),
        student.build("xxsmall", 300),
        student.build("xxsmall", 300, seed=1),
    )
    assert torch.equal(torch.rand(1), expected)
    weight = "bert.encoder.layer.0.attention.self.query.weight"
    assert torch.equal(one.state_dict()[weight], two.state_dict()[weight])
    assert not torch.equal(one.state_dict()[weight], other.state_dict()[weight])


def test_an_unknown_size_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean"):
        student.predict("smal")


def test_the_discriminator_is_one_linear_layer_unless_a_width_is_given() -> None:
    assert isinstance(student.build_discriminator(8, 3), torch.nn.Linear)
    assert student.build_discriminator(8, 3, 16)(torch.zeros(2, 8)).shape == (2, 3)


def test_scaled_initialisation_follows_the_width_and_starts_at_the_unigram() -> None:
    counts = np.array([7] * 200 + [0] * 100)
    model = student.build("xsmall", 300, initialisation="scaled", counts=counts)
    layer = model.bert.encoder.layer[0]
    assert layer.intermediate.dense.weight.std().item() == pytest.approx(256**-0.5, rel=0.02)
    assert layer.output.dense.weight.std().item() == pytest.approx(0.1 * 3072**-0.5, rel=0.02)
    own = [one.attention.output.dense.weight.std().item() for one in model.bert.encoder.layer[:2]]
    assert own == pytest.approx([256**-0.5, 0.1 * 256**-0.5], rel=0.02)  # only the first layer's speaks at full voice
    assert model.bert.embeddings.word_embeddings.weight.std().item() == pytest.approx(0.1, rel=0.02)
    positions = model.bert.embeddings.position_embeddings.weight
    assert positions.square().mean().sqrt().item() == pytest.approx(0.1, rel=0.02)
    share = model.cls.predictions.bias.exp()
    assert share.sum().item() == pytest.approx(1, abs=1e-5)
    assert (share[0] / share[-1]).item() == pytest.approx(7.5 / 0.5, rel=1e-4)


def test_berts_initialisation_is_0_02_everywhere_and_others_are_refused() -> None:
    model = student.build("xxsmall", 300, initialisation="bert")
    assert model.bert.encoder.layer[0].output.dense.weight.std().item() == pytest.approx(0.02, rel=0.02)
    with pytest.raises(ValueError, match="unknown initialisation"):
        student.build("xxsmall", 300, initialisation="xavier")


def test_any_geometry_can_be_built() -> None:
    model = student.build(student.Size(1, 32, 2), 300, 64, dropout=0.0)
    assert model.config.hidden_size == 32 and model.config.hidden_dropout_prob == 0


@pytest.mark.parametrize("size", student.SIZES)
def test_the_first_layers_heads_start_by_looking_at_their_neighbour(size: str) -> None:
    model = student.build(size, 300, initialisation="scaled").eval()
    model.set_attn_implementation("eager")
    torch.manual_seed(0)
    ids = torch.randint(104, 300, (64, 40))
    with torch.no_grad():
        seen = model.bert(ids, output_attentions=True).attentions[0].mean(0)  # [heads, seq, seq]
    for head, offset in enumerate(initialise.OFFSETS[: len(seen)]):
        row = 20
        assert int(seen[head, row].argmax()) == row + offset
        assert seen[head, row, row + offset].item() > 0.35  # 1 / 40 without the head start

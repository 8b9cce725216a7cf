"""The three losses against values worked by hand, and where their gradients may and may not go."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from jaxtyping import TypeCheckError

from unibert_lib import objective
from unibert_lib.objective import MODES, Weights


def test_mlm_loss_of_uniform_logits_is_the_log_of_the_vocabulary() -> None:
    loss = objective.mlm_loss(torch.zeros(3, 8), torch.tensor([0, -100, 7]))
    assert loss.item() == pytest.approx(math.log(8))


def test_mlm_loss_by_hand_ignores_unlabelled_tokens() -> None:
    logits = torch.tensor([[0.0, math.log(3.0)], [5.0, -5.0]])  # P = (1/4, 3/4); the second row does not count
    assert objective.mlm_loss(logits, torch.tensor([1, -100])).item() == pytest.approx(math.log(4 / 3))


def test_mlm_loss_without_a_masked_token_is_zero_and_differentiable() -> None:
    logits = torch.randn(4, 8, requires_grad=True)
    loss = objective.mlm_loss(logits, torch.full((4,), -100))
    loss.backward()
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()


def test_label_smoothing_of_0_7_leaves_a_floor_of_8_79_nats_over_mberts_vocabulary() -> None:
    vocab, smoothing = 119_547, 0.7
    best = torch.full((1, vocab), math.log(smoothing / vocab), dtype=torch.float64)
    best[0, 5] = math.log(1 - smoothing + smoothing / vocab)  # no model can do better than the target itself
    floor = objective.mlm_loss(best, torch.tensor([5]), label_smoothing=smoothing).item()
    assert floor == pytest.approx(8.79, abs=0.006)
    assert objective.mlm_loss(best, torch.tensor([5])).item() == pytest.approx(-math.log(0.3), abs=1e-4)


def test_mlm_sum_grows_with_the_batch_and_the_mean_does_not() -> None:
    logits, labels = torch.zeros(6, 8), torch.arange(6)
    assert objective.mlm_loss(logits, labels, reduction="sum").item() == pytest.approx(6 * math.log(8))


def test_distillation_by_hand() -> None:
    student, teacher = torch.zeros(1, 2), torch.tensor([[0.0, 2 * math.log(3.0)]])
    # At T = 2 the teacher says (1/4, 3/4), the student (1/2, 1/2).
    kl = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert objective.distillation_loss(student, teacher, temperature=2.0).item() == pytest.approx(4 * kl, abs=1e-6)
    plain = objective.distillation_loss(student, teacher, temperature=2.0, temperature_squared=False)
    assert plain.item() == pytest.approx(kl, abs=1e-6)
    reverse = objective.distillation_loss(student, teacher, temperature=2.0, temperature_squared=False, reverse=True)
    assert reverse.item() == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3), abs=1e-6)


def test_distillation_is_the_mean_over_tokens() -> None:
    student, teacher = torch.randn(5, 7), torch.randn(5, 7)
    each = [objective.distillation_loss(student[i : i + 1], teacher[i : i + 1], temperature=2.0) for i in range(5)]
    assert objective.distillation_loss(student, teacher, temperature=2.0).item() == pytest.approx(
        torch.stack(each).mean().item(), rel=1e-5
    )


def test_distillation_with_top_k_of_the_whole_vocabulary_is_the_plain_one() -> None:
    student, teacher = torch.randn(5, 7), torch.randn(5, 7)
    plain = objective.distillation_loss(student, teacher, temperature=2.0)
    whole = objective.distillation_loss(student, teacher, temperature=2.0, top_k=7)
    some = objective.distillation_loss(student, teacher, temperature=2.0, top_k=3)
    assert whole.item() == pytest.approx(plain.item(), rel=1e-5) and some.item() != pytest.approx(plain.item())


def test_no_gradient_reaches_the_teacher() -> None:
    student, teacher = torch.randn(4, 9, requires_grad=True), torch.randn(4, 9, requires_grad=True)
    objective.distillation_loss(student, teacher, temperature=2.0).backward()
    assert student.grad is not None and student.grad.any() and teacher.grad is None


def test_distillation_of_no_token_is_zero_and_of_other_shapes_an_error() -> None:
    assert objective.distillation_loss(torch.zeros(0, 5), torch.zeros(0, 5), temperature=2.0).item() == 0
    with pytest.raises((ValueError, TypeCheckError), match=r"differ|tokens vocab"):  # the latter while tests run
        objective.distillation_loss(torch.zeros(2, 5), torch.zeros(2, 6), temperature=2.0)
    with pytest.raises(ValueError, match="temperature"):
        objective.distillation_loss(torch.zeros(2, 5), torch.zeros(2, 5), temperature=0.0)


def _adversary(mode: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of (features by the student's term, discriminator by it, features and discriminator by CE)."""
    torch.manual_seed(0)
    reader, features, languages = torch.nn.Linear(6, 3), torch.randn(8, 6, requires_grad=True), torch.arange(8) % 3
    student, _ = objective.adversary_losses(features, languages, reader, mode=mode)
    own = torch.autograd.grad(student, [features, reader.weight], allow_unused=True, retain_graph=True)
    plain = torch.autograd.grad(F.cross_entropy(reader(features), languages), [features, reader.weight])
    zero = [torch.zeros_like(p) if g is None else g for g, p in zip(own, plain, strict=True)]
    return zero[0], zero[1], plain[0], plain[1]


@pytest.mark.parametrize("mode", ["alternating", "grl", "loss_reversal"])
def test_the_student_climbs_the_discriminators_loss(mode: str) -> None:
    encoder, _, plain, _ = _adversary(mode)
    torch.testing.assert_close(encoder, -plain)


@pytest.mark.parametrize(("mode", "sign"), [("alternating", 0), ("grl", 1), ("loss_reversal", -1), ("confusion", 0)])
def test_what_the_students_term_does_to_the_discriminator(mode: str, sign: int) -> None:
    """grl trains it in the same pass, the literal Eq. 5 worsens it, the others leave it alone."""
    _, reader, _, plain = _adversary(mode)
    torch.testing.assert_close(reader, sign * plain)


def test_confusion_pulls_towards_uniform_predictions() -> None:
    encoder, _, _, _ = _adversary("confusion")
    torch.manual_seed(0)
    reader, features, languages = torch.nn.Linear(6, 3), torch.randn(8, 6), torch.arange(8) % 3
    before = objective.adversary_losses(features, languages, reader, mode="confusion").student
    after = objective.adversary_losses(features - 0.1 * encoder, languages, reader, mode="confusion").student
    assert 0 <= after.item() < before.item()


def test_confusion_is_zero_where_the_discriminator_knows_nothing() -> None:
    reader = torch.nn.Linear(6, 3)
    torch.nn.init.zeros_(reader.weight)
    torch.nn.init.zeros_(reader.bias)
    losses = objective.adversary_losses(torch.randn(4, 6), torch.arange(4) % 3, reader, mode="confusion")
    assert losses.student.item() == pytest.approx(0, abs=1e-6)


def test_off_gives_the_encoder_no_gradient_and_still_measures() -> None:
    encoder, reader, _, _ = _adversary("off")
    assert not encoder.any() and not reader.any()
    losses = objective.adversary_losses(torch.randn(4, 6), torch.arange(4) % 3, torch.nn.Linear(6, 3), mode="off")
    assert losses.student.item() == 0 and losses.discriminator.item() > 0


@pytest.mark.parametrize("mode", ["alternating", "confusion", "off"])
def test_the_discriminators_own_loss_sends_nothing_to_the_encoder(mode: str) -> None:
    reader, features = torch.nn.Linear(6, 3), torch.randn(8, 6, requires_grad=True)
    objective.adversary_losses(features, torch.arange(8) % 3, reader, mode=mode).discriminator.backward()
    assert features.grad is None and reader.weight.grad is not None and reader.weight.grad.any()


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_of_one_language_is_finite_in_every_mode(mode: str) -> None:
    losses = objective.adversary_losses(torch.randn(4, 6), torch.zeros(4).long(), torch.nn.Linear(6, 3), mode=mode)
    assert all(torch.isfinite(value) for value in losses)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="alternating, grl"):
        objective.adversary_losses(torch.randn(4, 6), torch.zeros(4).long(), torch.nn.Linear(6, 3), mode="gan")


def test_class_weights_count_in_the_cross_entropy() -> None:
    features, languages, reader = torch.randn(4, 6), torch.tensor([0, 0, 0, 1]), torch.nn.Linear(6, 2)
    weights = torch.tensor([1.0, 3.0])
    expected = F.cross_entropy(reader(features), languages, weight=weights)
    losses = objective.adversary_losses(features, languages, reader, mode="alternating", class_weights=weights)
    torch.testing.assert_close(losses.discriminator, expected)


def test_the_total_is_equation_5() -> None:
    mlm, crossentropy, kd = torch.tensor(2.0), torch.tensor(3.0), torch.tensor(5.0)
    total = objective.total_loss(mlm, -crossentropy, kd, Weights())
    assert total.item() == pytest.approx(0.5 * 2 - 0.1 * 3 + 0.4 * 5)


def test_pooling_averages_the_chosen_tokens_of_each_sample() -> None:
    hidden = torch.tensor([[[1.0], [3.0], [9.0]], [[5.0], [7.0], [9.0]]])
    sequence = torch.tensor([[0, 0, -1], [1, 1, 1]])
    chosen = torch.tensor([[True, True, False], [True, False, False]])
    assert objective.pool(hidden, sequence, chosen, 2).tolist() == [[2.0], [5.0]]


def test_pooling_a_sample_without_chosen_tokens_is_zero() -> None:
    pooled = objective.pool(torch.ones(1, 2, 3), torch.tensor([[0, 0]]), torch.zeros(1, 2, dtype=torch.bool), 1)
    assert pooled.tolist() == [[0.0, 0.0, 0.0]]


def test_the_ramp_rises_from_zero_to_one() -> None:
    assert objective.ramp(0.0) == 0 and objective.ramp(1.0) == pytest.approx(1, abs=1e-4)
    assert objective.ramp(0.1) == pytest.approx(2 / (1 + math.exp(-1)) - 1, abs=1e-6)

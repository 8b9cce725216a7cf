"""The fused losses against the plain ones: values, gradients, and what they promise about memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from unibert_lib import blockwise, fused, objective
from unibert_lib.batches import IGNORE_INDEX
from unibert_lib.blockwise import Counts, Head, Options
from unibert_lib.fused import Losses

VOCAB = 50


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(blockwise.BLOCK, "cpu", 16)  # three whole blocks and a rest


def make_head(tokens: int, width: int, seed: int, dtype: torch.dtype = torch.float64, sharp: float = 2.0) -> Head:
    draw = torch.Generator().manual_seed(seed)
    shapes = ((tokens, width), (VOCAB, width), (VOCAB,))
    parts = [torch.randn(*shape, dtype=dtype, generator=draw) * sharp for shape in shapes]
    return Head(*(part.requires_grad_() for part in parts))


def some_labels(tokens: int) -> Tensor:
    draw = torch.Generator().manual_seed(9)
    labels = torch.randint(VOCAB, (tokens,), generator=draw)
    labels[torch.rand(tokens, generator=draw) < 0.6] = IGNORE_INDEX
    return labels


def plainly(student: Head, teacher: Head | None, labels: Tensor, options: Options) -> tuple[Tensor, Tensor, Tensor]:
    """(weighted sum, masked-token loss, distillation loss) by the functions that notebook 03 teaches."""
    logits = student.hidden @ student.weight.T + student.bias
    mlm = objective.mlm_loss(logits, labels, label_smoothing=options.label_smoothing)
    kd = logits.sum() * 0
    if teacher is not None:
        kd = objective.distillation_loss(
            logits,
            teacher.hidden @ teacher.weight.T + teacher.bias,
            temperature=options.temperature,
            temperature_squared=options.temperature_squared,
        )
    return options.mlm_weight * mlm + options.distillation_weight * kd, mlm, kd


def whole_counts(labels: Tensor) -> Counts:
    return Counts(int((labels != IGNORE_INDEX).sum()), len(labels))


def one(student: Head, teacher: Head | None, labels: Tensor, options: Options, **rest: Any) -> Losses:
    return fused.losses([student], teacher, labels, whole_counts(labels), options, **rest)[0]


CASES = {
    "recommended": Options(),
    "paper literal": Options(temperature_squared=False, label_smoothing=0.7),
    "no temperature": Options(temperature=1.0, label_smoothing=0.1),
    "odd temperature": Options(mlm_weight=2.0, distillation_weight=0.3, temperature=1.7),
}


@pytest.mark.parametrize("guided", [True, False])
@pytest.mark.parametrize("options", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("chunk", [1, 7, 0])
def test_losses_and_gradients_are_those_of_the_plain_functions(options: Options, chunk: int, guided: bool) -> None:
    student, labels = make_head(23, 6, 0), some_labels(23)
    teacher = make_head(23, 9, 1) if guided else None
    total, mlm, kd = plainly(student, teacher, labels, options)
    found = one(student, teacher, labels, options, chunk=chunk)
    for mine, theirs in ((found.total, total), (found.mlm, mlm), (found.distillation, kd)):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)
    wanted, given = (torch.autograd.grad(value, student) for value in (total, found.total))
    for mine, theirs in zip(given, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)
    assert all(gradient.abs().max() > 1e-3 for gradient in wanted)


def test_in_single_precision_losses_agree_to_a_millionth_and_gradients_to_three_hundred_thousandths() -> None:
    student, teacher, labels = make_head(40, 6, 0, torch.float32), make_head(40, 9, 1, torch.float32), some_labels(40)
    total, _, _ = plainly(student, teacher, labels, Options())
    found = one(student, teacher, labels, Options(), chunk=16).total
    assert found.item() == pytest.approx(total.item(), rel=1e-6)
    wanted, given = (torch.autograd.grad(value, student) for value in (total, found))
    for mine, theirs in zip(given, wanted, strict=True):
        assert ((mine - theirs).norm() / theirs.norm()).item() < 3e-5


def test_far_logits_neither_overflow_nor_vanish() -> None:
    student, teacher, labels = make_head(9, 6, 0, sharp=40.0), make_head(9, 9, 1, sharp=40.0), some_labels(9)
    total, _, _ = plainly(student, teacher, labels, Options())
    found = one(student, teacher, labels, Options(), chunk=4).total
    assert total.item() > 100 and found.item() == pytest.approx(total.item(), rel=1e-12)
    for mine, theirs in zip(*(torch.autograd.grad(value, student) for value in (found, total)), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12)


def test_no_token_and_no_masked_token_cost_nothing_and_can_be_differentiated() -> None:
    student, teacher = make_head(4, 6, 0), make_head(4, 9, 1)
    nothing = one(Head(student.hidden[:0], *student[1:]), None, some_labels(4)[:0], Options())
    unmasked = torch.full((4,), IGNORE_INDEX)
    alone = one(student, None, unmasked, Options())
    for found in (nothing, alone):
        gradients = torch.autograd.grad(found.total, student, allow_unused=True)
        assert found.total.item() == 0 and not any(g.any() for g in gradients if g is not None)
    taught = one(student, teacher, unmasked, Options())
    assert taught.mlm.item() == 0 and taught.distillation.item() > 0


def test_what_the_log_needs() -> None:
    student, labels = make_head(60, 6, 0), some_labels(60)
    logits = student.hidden @ student.weight.T + student.bias
    kept = labels != IGNORE_INDEX
    labels[kept.nonzero()[:9, 0]] = logits.argmax(-1)[kept.nonzero()[:9, 0]]  # nine right answers
    found = one(student, None, labels, Options(label_smoothing=0.7), chunk=8)
    assert found.hits.item() == (logits.argmax(-1) == labels).sum() >= 9
    unsmoothed = found.unsmoothed.item() / int(kept.sum())
    assert unsmoothed == pytest.approx(objective.mlm_loss(logits, labels).item(), rel=1e-12)


def test_each_terms_gradient_can_be_had_apart() -> None:
    student, teacher, labels = make_head(23, 6, 0), make_head(23, 9, 1), some_labels(23)
    _, mlm, kd = plainly(student, teacher, labels, Options())
    found = one(student, teacher, labels, Options(), chunk=7, apart=True)
    for name, term in (("mlm", 0.5 * mlm), ("distillation", 0.4 * kd)):
        (wanted,) = torch.autograd.grad(term, student.hidden, retain_graph=True)
        torch.testing.assert_close(found.gradients[name], wanted, rtol=1e-10, atol=1e-12)
    (whole,) = torch.autograd.grad(found.total, student.hidden)
    torch.testing.assert_close(whole, found.gradients["mlm"] + found.gradients["distillation"])


def test_micro_batches_with_the_counts_of_all_add_up_to_the_whole() -> None:
    student, teacher, labels = make_head(23, 6, 0), make_head(23, 9, 1), some_labels(23)
    whole = one(student, teacher, labels, Options())
    parts, counts = [], whole_counts(labels)
    for rows in (slice(0, 4), slice(4, 5), slice(5, 23)):
        mine, guide = (Head(head.hidden[rows], head.weight, head.bias) for head in (student, teacher))
        parts.append(fused.losses([mine], guide, labels[rows], counts, Options())[0].total)
    added = torch.stack(parts).sum()
    torch.testing.assert_close(added, whole.total)
    for mine, theirs in zip(*(torch.autograd.grad(value, student) for value in (added, whole.total)), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_student_among_others_gets_to_the_bit_what_it_gets_alone() -> None:
    students, teacher = [make_head(23, width, width) for width in (4, 6, 8)], make_head(23, 9, 1)
    labels = some_labels(23)
    together = fused.losses(students, teacher, labels, whole_counts(labels), Options(), chunk=7)
    for student, found in zip(students, together, strict=True):
        alone = one(student, teacher, labels, Options(), chunk=7)
        assert torch.equal(found.total, alone.total)
        for mine, theirs in zip(*(torch.autograd.grad(v.total, student) for v in (found, alone)), strict=True):
            assert torch.equal(mine, theirs)


def test_the_teacher_gets_no_gradient_and_a_scaled_loss_scales_the_students() -> None:
    student, teacher, labels = make_head(9, 6, 0), make_head(9, 9, 1), some_labels(9)
    once, thrice = (one(student, teacher, labels, Options()).total * scale for scale in (1, 3))
    for mine, theirs in zip(*(torch.autograd.grad(value, student) for value in (thrice, once)), strict=True):
        torch.testing.assert_close(mine, 3 * theirs)
    one(student, teacher, labels, Options()).total.backward()
    assert all(part.grad is None for part in teacher) and all(part.grad is not None for part in student)


def test_half_precision_products_are_summed_in_single_precision() -> None:
    student, teacher, labels = make_head(40, 6, 0, torch.float32), make_head(40, 9, 1, torch.float32), some_labels(40)
    exact = one(student, teacher, labels, Options())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = one(student, teacher, labels, Options(), chunk=16)
    assert found.total.dtype == torch.float32 and found.total.item() != exact.total.item()
    assert found.total.item() == pytest.approx(exact.total.item(), rel=0.02)
    for mine, theirs in zip(*(torch.autograd.grad(v.total, student) for v in (found, exact)), strict=True):
        assert mine.dtype == torch.float32 and ((mine - theirs).norm() / theirs.norm()).item() < 0.03


def test_no_tensor_is_as_large_as_the_logits_of_all_tokens() -> None:
    """Every tensor that an operation makes, forward or backward, is looked at."""
    from torch.utils._python_dispatch import TorchDispatchMode

    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            made = func(*args, **(kwargs or {}))
            for value in made if isinstance(made, (tuple, list)) else (made,):
                if isinstance(value, Tensor):
                    largest = max(largest, value.numel())
            return made

    student, teacher, labels = make_head(400, 4, 0), make_head(400, 5, 1), some_labels(400)
    with Watch():
        one(student, teacher, labels, Options(), chunk=20).total.backward()
    assert largest < 3000 and 400 * VOCAB == 20_000
    with Watch():
        plainly(student, teacher, labels, Options())[0].backward()
    assert largest == 20_000


def test_heads_that_do_not_fit_are_refused() -> None:
    student, labels = make_head(4, 6, 0), some_labels(4)
    with pytest.raises(ValueError, match=r"\(4, 50\), \(5, 50\)"):
        one(student, make_head(5, 6, 1), labels, Options())
    with pytest.raises(ValueError, match="temperature=0"):
        one(student, None, labels, Options(temperature=0))

"""The benchmark of the step on toy shapes: what it compares computes the same, and its figures mean what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import gpu, step
from benchmarks.arms import LONGEST, NAIVE, Arm, Tokens
from benchmarks.pool import Plan, lengths, make_pool, make_teacher
from unibert_lib.batches import IGNORE_INDEX
from unibert_lib.student import Size

CPU = torch.device("cpu")
TINY = Plan(
    sequences=8,
    rounds=2,
    sizes={"wide": Size(2, 16, 2), "narrow": Size(1, 8, 2)},
    vocab_size=300,
    intermediate_size=32,
    teacher=Size(2, 24, 2),
    mean_length=20.0,
    max_length=64,
    share=2,
    compiled=False,
    memory=False,
)


def test_lengths_are_the_protocols() -> None:
    found = sorted(lengths(Plan()))
    assert len(found) == 32 and sum(found) / 32 == pytest.approx(110, abs=0.5) and found[-1] == 510
    middle = (found[15] * found[16]) ** 0.5
    assert found[25] / middle == pytest.approx(2.718 ** (0.9 * 0.84), rel=0.05)  # 80 % lie below: z = 0.84


def test_exactly_15_percent_are_masked_and_the_pool_is_the_same_each_time() -> None:
    one, two = make_pool(Plan()), make_pool(Plan())
    assert one.masked == round(0.15 * one.tokens)
    assert all((a == b).all() for a, b in zip(one.inputs, two.inputs, strict=True))
    for inputs, labels in zip(one.inputs, one.labels, strict=True):
        assert (inputs[labels != IGNORE_INDEX] == 103).all() and (inputs[labels == IGNORE_INDEX] >= 104).all()


def test_logits_are_peaked() -> None:
    teacher = make_teacher(TINY)
    logits = teacher(torch.randint(104, 300, (4, 30))).logits
    assert logits.std().item() == pytest.approx(4, rel=0.25)


@pytest.mark.parametrize("distilled", ["real", "masked"])
def test_every_arm_computes_the_losses_and_gradients_of_the_naive_one(distilled: Tokens) -> None:
    bench = step.make_bench(TINY, ["wide"], CPU)
    arms = {"naive": replace(NAIVE, distilled=distilled), "longest": replace(LONGEST, distilled=distilled)}
    arms |= step.ladder(distilled)
    ends = {}
    for name, arm in arms.items():
        losses = bench.prepare(arm)()[0]
        ends[name] = losses, [p.grad.clone() for p in bench.students[0].parameters() if p.grad is not None]
    losses, gradients = ends.pop("naive")
    assert min(map(abs, losses.values())) > 0.1
    for name, (found, given) in ends.items():
        assert found == pytest.approx(losses, rel=1e-5), name
        for mine, theirs in zip(given, gradients, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-5)


def test_a_naive_round_takes_its_share_and_all_rounds_together_everything() -> None:
    bench = step.make_bench(TINY, ["narrow"], CPU)
    for arm in (NAIVE, LONGEST):
        turns = range(TINY.share if arm is NAIVE else 1)
        taken = [i for turn in turns for part in bench.parts(arm, turn) for i in part]
        assert sorted(taken) == list(range(8))
        assert sum(bench.tokens(arm, turn) for turn in turns) == bench.pool.tokens
    assert bench.tokens(Arm(), 5) == bench.pool.tokens
    shapes = [batch.input_ids.shape for batch in bench.batches(NAIVE, bench.parts(NAIVE))]
    assert set(shapes) == {(2, 64)}
    (packed,) = bench.batches(Arm(), bench.parts(Arm()))
    assert packed.input_ids.shape == (1, bench.pool.tokens + 16)


def test_ratios_are_taken_within_each_round() -> None:
    assert step.ratio([10.0, 30.0, 20.0], [1.0, 2.0, 4.0]) == {"median": 10.0, "min": 5.0, "max": 15.0}


def test_the_report_has_every_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(command, "QUICK", TINY)
    parts = "correctness,arms,ladder,optimizer,together"
    arguments = ["bench", "--quick", "--sizes", "wide,narrow", "--parts", parts, "--out", str(tmp_path / "b.json")]
    monkeypatch.setattr("sys.argv", arguments)
    command.main()
    report = json.loads((tmp_path / "b.json").read_text())
    assert set(report["step"]) == {"wide", "narrow", "all three"} and report["machine"]["torch"] == torch.__version__
    wide = report["step"]["wide"]
    assert all(figures["gradient_error"] < 1e-5 for figures in wide["correctness"].values())
    assert set(wide["arms"]) == set(step.arms(TINY)) and len(wide["arms"]["KD-all fp32"]["rounds"]) == TINY.rounds
    assert wide["arms"]["naive fp32"]["x_naive_fp32"] == {"median": 1, "min": 1, "max": 1}
    assert (
        set(wide["ladder KD-mask"]) == set(step.ladder("masked")) and "ladder KD-mask" not in report["step"]["narrow"]
    )
    assert set(report["step"]["all three"]["x_wide_alone"]) == {
        f"{kind} {half}" for kind in ("KD-all", "KD-mask") for half in ("fp32", "bf16")
    }
    assert "KD-mask fp32" in capsys.readouterr().out
    arguments[arguments.index(parts)] = "optimizer"
    monkeypatch.setattr("sys.argv", arguments)
    command.main()  # what is not asked for stays
    assert json.loads((tmp_path / "b.json").read_text())["step"]["wide"]["arms"] == wide["arms"]


@pytest.mark.slow
def test_memory_is_measured_in_a_process_of_its_own(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    large = replace(TINY, vocab_size=20_000, max_length=256)
    found = {arm: step._peak(large, "wide", arm, 2) for arm in (NAIVE, Arm(distilled="masked"))}
    # Naive: at least five tensors of 512 slots x 20,000 pieces in fp32, 41 MB each.
    assert found[NAIVE] > 200 and found[Arm(distilled="masked")] < found[NAIVE] / 2


def test_operations_are_those_of_the_guide() -> None:
    """FLOPs of a token by hand: body 6 a weight, teacher 2 a weight, heads at the tokens used, attention by length."""
    plan = Plan(sizes={"one": Size(1, 10, 2)}, vocab_size=100, intermediate_size=40, teacher=Size(2, 20, 2))
    seen = sum(n * n for n in lengths(plan)) / sum(lengths(plan))
    student = 6 * (4 * 100 + 2 * 400) + 12 * 10 * seen
    guide = 2 * (2 * (4 * 400 + 2 * 20 * 80)) + 2 * 4 * 20 * seen
    heads = 6 * (100 + 1000) + 2 * (400 + 2000)
    assert gpu.flops(plan, ["one"], "real") == pytest.approx(student + guide + heads)
    assert gpu.flops(plan, ["one"], "masked") == pytest.approx(student + guide + 0.15 * heads)
    assert gpu.flops(Plan(), ["small"], "real") / 1e6 == pytest.approx(875, rel=0.03)


def test_projected_hours_are_those_of_a_million_steps_of_128_samples() -> None:
    found = {"arms": {"KD-all bf16": {"ms": 0.001}, "naive bf16": {"ms": 1.0}}, "optimizer_ms_a_step": 3.6}
    (made,) = gpu.projection(Plan(), ["small"], found, reached=790e12).values()
    tokens = 128 * sum(lengths(Plan())) / 32
    assert made["tokens_per_second"] == pytest.approx(1e6)
    assert made["hours"] == pytest.approx(tokens / 3600 + 1.0)  # a million steps in microseconds a token
    assert made["utilisation"] == pytest.approx(gpu.flops(Plan(), ["small"], "real") * 1e6 / 790e12)

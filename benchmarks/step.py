"""Our training step against the naive one: first that both compute the same, then time and memory.

Process CPU time around forward and backward, one process, one thread, shapes warmed, rounds interleaved; ratios
are medians over rounds of (naive / ours within the round). On a GPU: wall time between synchronisations.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.arms import LONGEST, NAIVE, Arm, Bench, Tokens
from benchmarks.pool import Plan, make_pool, make_student, make_teacher
from unibert_lib.student import Size

TOGETHER = "all three"
SEMANTICS: dict[str, Tokens] = {"KD-all": "real", "KD-mask": "masked"}
ERRORS = ("loss_error", "gradient_error", "worst_parameter")  # relative


def arms(plan: Plan, *, alone: bool = True) -> dict[str, Arm]:
    """Naive arms, then ours for both distillation semantics, types and, where the plan says so, compiled."""
    made = {"naive fp32": NAIVE, "naive bf16": replace(NAIVE, bf16=True)} if alone else {}
    if alone:
        made["naive bf16, longest of 8"] = replace(LONGEST, bf16=True)
    for name, distilled in SEMANTICS.items():
        for bf16 in (False, True):
            for compiled in (False, True) if plan.compiled else (False,):
                label = f"{name} {'bf16' if bf16 else 'fp32'}{' compiled' if compiled else ''}"
                made[label] = Arm(distilled=distilled, bf16=bf16, compiled=compiled)
    return made


def ladder(distilled: Tokens) -> dict[str, Arm]:
    """One technique after the other, each on top of those before it (fp32, eager)."""
    first = Arm("512", fused=False, short_last_layer=False, distilled=distilled)
    steps = {"heads on used rows": first}
    steps["+ length buckets"] = replace(first, layout="buckets")
    steps["+ packed"] = replace(first, layout="packed")
    steps["+ fused loss"] = replace(first, layout="packed", fused=True)
    steps["+ teacher's short last layer"] = replace(first, layout="packed", fused=True, short_last_layer=True)
    return steps


def make_bench(plan: Plan, sizes: list[str], device: torch.device) -> Bench:
    return Bench(plan, make_pool(plan), [make_student(plan, size) for size in sizes], make_teacher(plan), device)


def correctness(plan: Plan, size: str, device: torch.device) -> dict[str, Any]:
    """Loss and gradients of our step against the naive one, relative, on four sequences, for both semantics."""
    few = replace(plan, sequences=4, mean_length=min(plan.mean_length, 60.0), together=2)
    bench, found = make_bench(few, [size], device), {}
    for name, distilled in SEMANTICS.items():
        ends = []
        for arm in (replace(NAIVE, distilled=distilled), Arm(distilled=distilled)):
            values = bench.prepare(arm)()[0]
            named = bench.students[0].named_parameters()
            ends.append((values, {n: p.grad.clone() for n, p in named if p.grad is not None}))
        (naive, wanted), (ours, given) = ends
        losses = {k: abs(ours[k] - naive[k]) / max(abs(naive[k]), 1e-30) for k in naive}
        whole = [torch.cat([g.flatten() for g in gradients.values()]) for gradients in (wanted, given)]
        found[name] = {
            "losses": naive,
            "loss_error": max(losses.values()),
            "gradient_error": float((whole[1] - whole[0]).norm() / whole[0].norm()),
            # A key's bias has no gradient in truth (softmax does not see it): what is there is rounding.
            "worst_parameter": max(_error(given[n], g) for n, g in wanted.items() if g.norm() > 1e-6 * whole[0].norm()),
        }
    return found


def _error(given: Tensor, wanted: Tensor) -> float:
    return float((given - wanted).norm() / wanted.norm())


def clock(device: torch.device) -> Callable[[], float]:
    if device.type != "cuda":
        return time.process_time

    def now() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return now


def timings(
    bench: Bench, chosen: dict[str, Arm], rounds: int, say: Callable[[str], None], *, warm: bool = False
) -> dict[str, list[float]]:
    """Milliseconds per real token of every arm in every round, arms interleaved; a round before these warms up."""
    now, found = clock(bench.device), {name: [] for name in chosen}
    gc.freeze()  # what was there before is not looked through again after each arm
    for turn in range(0 if warm else -1, rounds):
        for name, arm in chosen.items():
            if turn < 0 and arm.naive:
                continue  # large tensors warm nothing: one micro-batch shape, a hundred times within the step
            step = bench.prepare(arm, turn)
            began = now()
            step()
            spent = now() - began
            if turn >= 0:
                found[name].append(1000 * spent / bench.tokens(arm, turn))
            gc.collect()
        say(
            (f"round {turn + 1}/{rounds}: " if turn >= 0 else "warm")
            + ", ".join(f"{n} {v[-1]:.2f}" for n, v in found.items() if v)
        )
    gc.unfreeze()
    return found


def ratio(naive: list[float], ours: list[float]) -> dict[str, float]:
    """Median, least and greatest of the ratios round by round."""
    each = [n / o for n, o in zip(naive, ours, strict=True)]
    return {"median": median(each), "min": min(each), "max": max(each)}


def summary(found: dict[str, list[float]], naive: dict[str, list[float]]) -> dict[str, dict[str, Any]]:
    """Each arm's cost, and its ratio to the naive step in fp32 and in the arm's own type."""
    table: dict[str, dict[str, Any]] = {}
    for name, spent in found.items():
        own = naive["naive bf16" if "bf16" in name else "naive fp32"]
        to_fp32 = ratio(naive["naive fp32"], spent)
        table[name] = {
            "ms": median(spent),
            "rounds": spent,
            "x_naive_fp32": to_fp32,
            "x_naive_same_type": ratio(own, spent),
        }
    return table


def optimizer_step(plan: Plan, size: str, device: torch.device) -> float:
    """Milliseconds of clipping and AdamW, once a step whatever its batch; apart from all ratios."""
    model, now = make_student(plan, size).to(device), clock(device)
    optimizer, spent = torch.optim.AdamW(model.parameters(), fused=True), []
    for _ in range(4):
        for p in model.parameters():
            p.grad = torch.full_like(p, 1e-3)
        began = now()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        spent.append(1000 * (now() - began))
    return median(spent[1:])


def memory(plan: Plan, size: str) -> dict[str, float]:
    """MB a real token above the weights and gradients, each arm in a process of its own.

    The naive arm's pool does not fit a small machine: its figure is what one more sequence in the micro-batch
    adds, times the slots of a real token. Ours is the whole pool's peak, fixed costs and all.
    """
    found, tokens = {}, make_pool(plan).tokens
    one, two = (_peak(plan, size, replace(NAIVE), together) for together in (1, 2))
    found["naive fp32"] = (two - one) / (tokens / plan.sequences)
    for name, arm in {"KD-all fp32": Arm(), "KD-mask fp32": Arm(distilled="masked")}.items():
        found[name] = _peak(plan, size, arm, plan.together) / tokens
    for name in ("KD-all fp32", "KD-mask fp32"):
        found[f"{name} share"] = found[name] / found["naive fp32"]
    return found


def _peak(plan: Plan, size: str, arm: Arm, together: int) -> float:
    """MB that a step needs at its peak above what stood before it, in a fresh process."""
    order = json.dumps({"plan": asdict(replace(plan, together=together)), "size": size, "arm": asdict(arm)})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.step"], input=order, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"measuring the memory of {arm}: {done.stderr[-2000:]}")
    return float(done.stdout.split()[-1])


def _measure_peak(order: dict[str, Any]) -> float:
    """In that process: the most that is resident during a step, less what is before it, in MB."""
    shapes = {name: Size(**size) for name, size in order["plan"].pop("sizes").items()}
    plan = Plan(**{**order["plan"], "sizes": shapes, "teacher": Size(**order["plan"]["teacher"])})
    torch.set_num_threads(1)
    bench, arm = make_bench(plan, [order["size"]], torch.device("cpu")), Arm(**order["arm"])
    for student in bench.students:  # gradients are as large as the weights, whatever the batch
        for p in student.parameters():
            p.grad = torch.ones_like(p)
    parts = bench.parts(arm)[:1]
    step = bench.prepare(arm, parts=parts)
    gc.collect()
    before = _resident()
    step()
    return _peak_so_far() - before


def _peak_so_far() -> float:
    """MB. On Linux by VmHWM, which begins with the program: ru_maxrss remembers the process that started it."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024 / 1e6
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _unit() / 1e6


def _unit() -> int:
    return 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, KiB elsewhere


def _resident() -> float:
    """MB resident now; where the system does not say, the most so far."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 1e6
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _unit() / 1e6


if __name__ == "__main__":
    print(_measure_peak(json.loads(sys.stdin.read())))

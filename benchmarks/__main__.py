"""``make bench``: measure, print, and write ``runs/bench.json``.

The step first (correctness, then time, then memory), then the filters. Sizes and parts that are not asked for keep the
figures that the file holds already.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks import gpu, step
from benchmarks.pool import Plan, make_pool

# PERFORMANCE.md: small, ratio per real token to the naive step of the same type; must, target, moonshot.
GOALS = {
    "KD-all fp32": (6, 7.5, 9),
    "KD-mask fp32": (12, 15, 18),
    "KD-all bf16": (6, 8, 12),
    "KD-mask bf16": (14, 19, 25),
}
PARTS = ("correctness", "arms", "ladder", "optimizer", "memory", "together")
QUICK = Plan(sequences=8, rounds=2, share=4, compiled=False)


def machine() -> dict[str, Any]:
    """What the figures hang on."""
    flags, model = "", platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next((line for line in lines if line.startswith("flags")), "")
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    units = [unit for unit in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f" {unit}" in flags]
    found = {"cpu": model, "cores": os.cpu_count(), "vector_units": units, "threads": torch.get_num_threads()}
    found |= {"torch": torch.__version__, "load_at_start": os.getloadavg()[0]}
    return found | ({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {})


def measure(plan: Plan, sizes: list[str], device: torch.device, parts: Collection[str] = PARTS) -> dict[str, Any]:
    """One entry a size, and one for all students from one teacher pass where all sizes are asked for."""
    found: dict[str, Any] = {}
    for size in sizes:
        print(f"\n== {size} on {device} ==", flush=True)
        one: dict[str, Any] = {}
        if "correctness" in parts:
            one["correctness"] = step.correctness(plan, size, device)
            for name, figures in one["correctness"].items():
                errors = {key: f"{figures[key]:.1e}" for key in step.ERRORS}
                print(f"{name} against naive, fp32: {errors}", flush=True)
        bench = step.make_bench(plan, [size], device)
        if "arms" in parts:
            spent = step.timings(bench, step.arms(plan), plan.rounds, say)
            one["arms"] = step.summary(spent, spent)
        if "ladder" in parts and size == next(iter(plan.sizes)):
            for name, distilled in step.SEMANTICS.items():
                one[f"ladder {name}"] = step.timings(bench, step.ladder(distilled), plan.rounds, say)
        del bench
        if "optimizer" in parts:
            one["optimizer_ms_a_step"] = step.optimizer_step(plan, size, device)
        if "memory" in parts and device.type == "cpu":
            one["memory_mb_a_token"] = step.memory(plan, size)
        if device.type == "cuda" and "arms" in one:
            one["gpu"] = gpu.projection(plan, [size], one)
        show(one, size)
        found[size] = one
    if "together" in parts and len(sizes) == len(plan.sizes) > 1:
        found[step.TOGETHER] = together(plan, sizes, device)
    return found


def together(plan: Plan, sizes: list[str], device: torch.device) -> dict[str, Any]:
    """All students from one teacher pass against the first alone, rounds interleaved."""
    print("\n== all students from one teacher pass ==", flush=True)
    chosen = {n: a for n, a in step.arms(replace(plan, compiled=False)).items() if not a.naive}
    every, first = (step.make_bench(plan, names, device) for names in (sizes, sizes[:1]))
    spent: dict[str, dict[str, list[float]]] = {"all": {}, "first": {}}
    for turn in range(plan.rounds):
        for key, bench in (("all", every), ("first", first)):
            for name, figures in step.timings(bench, chosen, 1, say, warm=turn > 0).items():
                spent[key].setdefault(name, []).extend(figures)
    ratios = {name: step.ratio(spent["all"][name], spent["first"][name]) for name in chosen}
    for name, found in ratios.items():
        print(f"{name}: {found['median']:.2f} ({found['min']:.2f}-{found['max']:.2f}) times {sizes[0]} alone")
    every_arm = {"arms": {name: {"ms": median(rounds)} for name, rounds in spent["all"].items()}}
    projected = {"gpu": gpu.projection(plan, sizes, every_arm)} if device.type == "cuda" else {}
    return {"rounds": spent, f"x_{sizes[0]}_alone": ratios} | projected


def show(found: dict[str, Any], size: str) -> None:
    """The table of one size."""
    if "arms" in found:
        print(f"\n{size + ', per real token':28}{'ms':>10}  x naive of its type{'x naive fp32':>18}")
    for name, row in found.get("arms", {}).items():
        own, wide = row["x_naive_same_type"], row["x_naive_fp32"]
        goal = GOALS.get(name.removesuffix(" compiled")) if size == "small" else None
        against = f"   must/target/moonshot {'/'.join(map(str, goal))}" if goal else ""
        spread = f"{own['median']:.1f} ({own['min']:.1f}-{own['max']:.1f})"
        print(f"{name:28}{row['ms']:10.2f}  {spread:19}{wide['median']:18.1f}{against}")
    for key in (f"ladder {name}" for name in step.SEMANTICS):
        for name, rounds in found.get(key, {}).items():
            print(f"{key:16}{name:32}{median(rounds):8.2f} ms")
    for name, value in found.get("memory_mb_a_token", {}).items():
        print(f"memory {name:24}" + (f"{100 * value:10.1f} % of naive" if "share" in name else f"{value:10.3f} MB"))
    for name, row in found.get("gpu", {}).items():
        print(f"{name}: {row}")


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes: a small pool, two rounds")
    parser.add_argument("--sizes", default="small,xsmall,xxsmall", help="comma-separated")
    parser.add_argument("--parts", default=",".join((*PARTS, "filters")), help="comma-separated")
    parser.add_argument("--compiled", action="store_true", help="also our arms through torch.compile: minutes each")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default: 5)")
    parser.add_argument("--share", type=int, help="a round of a naive arm takes every n-th micro-batch")
    parser.add_argument("--out", type=Path, default=Path("runs/bench.json"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plan = QUICK if asked.quick else Plan()
    plan = replace(plan, compiled=asked.compiled or device.type == "cuda")
    plan = replace(plan, rounds=asked.rounds or plan.rounds, share=asked.share or plan.share)
    report = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    report |= {"machine": machine(), "plan": asdict(plan), "real_tokens": make_pool(plan).tokens}
    parts = asked.parts.split(",")
    measured = measure(plan, asked.sizes.split(","), device, parts) if set(parts) & set(PARTS) else {}
    for name, figures in measured.items():
        report.setdefault("step", {}).setdefault(name, {}).update(figures)
    if "filters" in parts:
        from benchmarks.filters import filters  # here, since it pins threads for the whole process

        report["filters"] = filters(rounds=2, cold=False) if asked.quick else filters()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {asked.out}")


if __name__ == "__main__":
    main()

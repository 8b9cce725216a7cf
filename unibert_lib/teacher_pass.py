"""One pass of the teacher over the batches of a run, for :mod:`unibert_lib.teacher_cache`; its size and fidelity."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from filelock import FileLock
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from unibert_lib import checkpoint, encoder, objective, processes
from unibert_lib.batches import IGNORE_INDEX, Batch, make_batch
from unibert_lib.config import PretrainConfig
from unibert_lib.progress import bar
from unibert_lib.runs import Run, writing
from unibert_lib.teacher_cache import TeacherCache, TeacherCacheError, pack, read_state, unpack
from unibert_lib.terms import TopK
from unibert_lib.tokens import TokenStore

LARGEST = 1 << 17  # word pieces that 17 bits can number
KEEP = 10**9  # parts: all of them


def make(store: TokenStore, config: PretrainConfig, teacher: PreTrainedModel, k: int, run: Run) -> TeacherCache:
    """Fill ``run`` up to ``config.steps``, whatever is there already staying; several processes share the work.

    Raises
    ------
    TeacherCacheError
        If ``k`` is not in [1, vocabulary], the vocabulary is beyond 17 bits, or the disk has too little space.

    Source: ours; the top of the teacher's distribution as in Shen and Xing (2021), "A fast knowledge distillation".
    """
    if not 1 <= k <= store.vocab_size <= LARGEST:
        raise TeacherCacheError(f"teacher_cache_k={k} of {store.vocab_size} pieces: 1 <= k <= pieces <= {LARGEST}")
    accelerator = processes.open_accelerator(config)
    missing = TeacherCache(run.path).missing(config.steps)
    processes.agree("what the teacher cache lacks", missing)  # nobody writes before all have looked
    if missing and processes.rank() == 0:
        print(_room(store, config, k, run.path, sum(last - first for first, last in missing)))
    teacher = teacher.to(accelerator.device).eval()
    mine = missing[processes.rank() :: processes.size()]
    left = sum(last - first for first, last in mine)
    with bar(total=left, desc="teacher cache", unit="step", disable=processes.rank() > 0 or not left) as shown:
        for first, last in mine:
            with accelerator.autocast():
                tensors, mass = _part(store, config, teacher, k, range(first, last), shown)
            state = {"first": first, "tokens": len(tensors["low"]), "mass": mass}
            # One at a time, as a save sweeps away what a killed one has left.
            with writing(run.path), FileLock(run.path / ".save.lock"):
                checkpoint.save(run.path, last, {"top": tensors}, state, KEEP)
    while (cache := TeacherCache(run.path)).missing(config.steps):  # of other processes; torchrun ends us if one died
        time.sleep(0.5)
    if missing and processes.rank() == 0:
        held = sum(read_state(part.path)["mass"] * (part.last - part.first) for part in cache.parts)
        print(f"{run.path} holds {held / cache.parts[-1].last:.1%} of the teacher's probability")
    return cache


@torch.no_grad()
def _part(
    store: TokenStore, config: PretrainConfig, teacher: PreTrainedModel, k: int, steps: range, shown: Any
) -> tuple[dict[str, Tensor], float]:
    """The tensors of one part, and the mean probability that the kept pieces hold."""
    kept, counts, samples, mass = [], [], [], 0.0
    for step in steps:
        batch = make_batch(store, config.batch, config.seed, step).to(teacher.device)
        top = logits(teacher, batch).log_softmax(-1).topk(k)
        kept.append(pack(TopK(top.indices, top.values), store.vocab_size))
        owners = batch.sequence_ids[batch.labels != IGNORE_INDEX]
        samples.append(torch.bincount(owners, minlength=len(batch.language_ids)).cpu().numpy())
        counts.append(len(owners))
        mass += float(top.values.exp().sum())
        shown.update()
    arrays = {name: np.concatenate([one[name] for one in kept]) for name in kept[0]}
    arrays |= {"offsets": np.cumsum([0, *counts]), "samples": np.stack(samples)}
    return {name: torch.from_numpy(values) for name, values in arrays.items()}, mass / max(1, sum(counts))


def logits(model: PreTrainedModel, batch: Batch) -> Float[Tensor, "tokens vocab"]:
    """A model's logits for a batch's masked tokens."""
    return encoder.head(model, encoder.encode(model, batch, batch.labels != IGNORE_INDEX))


def bytes_a_step(store: TokenStore, config: PretrainConfig, k: int) -> float:
    """Bytes on disk, from the masked tokens of four steps spread over the run."""
    steps = sorted({round(at) for at in np.linspace(0, config.steps - 1, 4)})
    masked = [int((make_batch(store, config.batch, config.seed, s).labels != IGNORE_INDEX).sum()) for s in steps]
    high = -(-k // 8) if store.vocab_size > 1 << 16 else 0
    return float(np.mean(masked)) * (4 * k + high) + 8 * (config.batch_size + 1)


def _room(store: TokenStore, config: PretrainConfig, k: int, path: Path, steps: int) -> str:
    size, free = bytes_a_step(store, config, k), shutil.disk_usage(path).free
    words = (
        f"teacher cache of the {k} likeliest pieces: {size / 1e3:,.0f} kB a step, {size * steps / 1e9:,.2f} GB for the "
        f"{steps:,} steps to make ({size * 1e6 / 1e9:,.0f} GB for a million); {free / 1e9:,.1f} GB are free at {path}"
    )
    if size * steps * 1.02 > free:
        raise TeacherCacheError(f"{words}. Free some space, take a smaller teacher_cache_k, or train without a cache")
    return words


def fidelity(
    store: TokenStore,
    config: PretrainConfig,
    teacher: PreTrainedModel,
    student: PreTrainedModel,
    ks: Sequence[int] = (8, 16, 32, 64, 128),
    steps: int = 4,
) -> pd.DataFrame:
    """What keeping ``k`` pieces costs, one row a ``k``, over the masked tokens of the first ``steps`` batches.

    Columns: k; mass (the teacher's probability that is kept), softened (the same at the temperature); divergence
    (KL(kept || whole) at the temperature, nats a token); loss and whole_loss (the student's distillation from the kept
    pieces and from all); cosine (between both gradients at the student's logits); kilobytes (a step).

    Source: ours.
    """
    t, rows = config.objective.temperature, []
    with torch.no_grad():
        seen = [make_batch(store, config.batch, config.seed, step) for step in range(steps)]
        expected = torch.cat([logits(teacher, batch.to(teacher.device)).cpu() for batch in seen])
        guesses = torch.cat([logits(student, batch.to(student.device)).cpu() for batch in seen])
    guesses.requires_grad_()
    whole = objective.distillation_loss(guesses, expected, temperature=t)
    (pull,) = torch.autograd.grad(whole, guesses)
    soft = (expected / t).softmax(-1)
    for k in (k for k in ks if k <= store.vocab_size):
        top = expected.log_softmax(-1).topk(k)
        kept = unpack(pack(TopK(top.indices, top.values), store.vocab_size))
        loss = objective.distillation_loss(guesses.gather(-1, kept.ids), kept.log_probabilities, temperature=t)
        (gradient,) = torch.autograd.grad(loss, guesses)
        held = soft.gather(-1, kept.ids).sum(-1)
        figures = {"mass": top.values.exp().sum(-1).mean(), "softened": held.mean(), "divergence": -held.log().mean()}
        figures |= {"loss": loss, "whole_loss": whole}
        figures["cosine"] = torch.cosine_similarity(gradient.flatten(), pull.flatten(), dim=0)
        row = {name: float(value.detach()) for name, value in figures.items()}
        rows.append({"k": k, **row, "kilobytes": bytes_a_step(store, config, k) / 1e3})
    return pd.DataFrame(rows)

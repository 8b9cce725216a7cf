"""The teacher's likeliest pieces for every masked token: worked out once, then read from disk.

A teacher that never changes answers the same masked batch the same way. Its ``k`` likeliest pieces are kept: ids in
16 bits (17 where the vocabulary needs them), log probabilities in fp16. The files are parts of at most ``PART``
steps, each written whole or not at all, memory-mapped, and held against their sums when first read. Distillation
from them is that of ``teacher_top_k = k`` on masked tokens, up to fp16's rounding: another loss than that of the
whole distribution. :mod:`unibert_lib.teacher_pass` makes a cache and measures how far its loss is from the whole one's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from transformers import PreTrainedModel

from unibert_lib import checkpoint, runs
from unibert_lib.config import PretrainConfig
from unibert_lib.terms import TopK
from unibert_lib.tokens import TokenStore

PART = 500  # steps; a making that is interrupted loses at most one part a process


class TeacherCacheError(ValueError):
    """A teacher cache that does not fit this run or this disk; the message names what differs or lacks."""


class Part(NamedTuple):
    first: int  # step
    last: int  # step after the last
    path: Path


class TeacherCache:
    """A run's folder filled by :func:`unibert_lib.teacher_pass.make`: its ``parts`` and what they were made of."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`TeacherCacheError` where ``path`` holds no teacher cache."""
        if not (path / "config.json").exists():
            raise TeacherCacheError(f"{path}: no teacher cache here; teacher_pass.make makes one")
        self.path = path
        self.identity: dict[str, Any] = json.loads((path / "config.json").read_text(encoding="utf-8"))["config"]
        self.parts = [
            Part(int(known["first"]), int(known["step"]), folder)
            for folder in checkpoint.list_checkpoints(path)
            for known in (read_state(folder),)
        ]
        self._files: dict[Path, Any] = {}

    def missing(self, steps: int) -> list[tuple[int, int]]:
        """The stretches of ``range(steps)`` that no part holds, none longer than ``PART``."""
        found, at = [], 0
        for first, last in [*((part.first, part.last) for part in self.parts), (steps, steps)]:
            end = min(first, steps)
            found += [(start, min(start + PART, end)) for start in range(at, end, PART)]
            at = max(at, last)
        return found

    def check(self, store: TokenStore, config: PretrainConfig, teacher: PreTrainedModel) -> None:
        """Raises :class:`TeacherCacheError` where this run would see other batches or another teacher."""
        k = int(self.identity["k"])
        there, asked = self.identity, runs.plain(identity(store, config, teacher, k))
        differs = [f"{name} {there.get(name)!r} -> {asked[name]!r}" for name in asked if there.get(name) != asked[name]]
        if left := self.missing(config.steps):
            differs.append(f"steps {left[0][0]} -> {config.steps}")
        if config.objective.distillation_tokens != "masked":
            differs.append(f"distillation_tokens 'masked' -> {config.objective.distillation_tokens!r}")
        if not 0 < config.objective.teacher_top_k <= k:
            differs.append(f"teacher_top_k 1 to {k} -> {config.objective.teacher_top_k}")
        if differs:
            raise TeacherCacheError(
                f"{self.path} does not fit this run. Differences (there -> asked): {'; '.join(differs)}. "
                "Make a cache for this run, or train without one"
            )

    def read(self, step: int, k: int, rank: int = 0, world: int = 1) -> TopK:
        """The ``k`` likeliest pieces for the masked tokens of one process's share of a step, in the batch's order."""
        part = next((part for part in self.parts if part.first <= step < part.last), None)
        if part is None:
            raise TeacherCacheError(f"{self.path}: no part holds step {step}; it was removed, so make the cache again")
        file, row = self._open(part), step - part.first
        first, last = file.get_slice("offsets")[row : row + 2].tolist()
        samples = file.get_slice("samples")[row]
        mine = np.repeat(np.arange(len(samples)) % world, samples) == rank
        names = [name for name in ("low", "high", "log_probabilities") if name in file.keys()]  # noqa: SIM118
        found = unpack({name: file.get_slice(name)[first:last][mine] for name in names})
        return TopK(found.ids[:, :k], found.log_probabilities[:, :k])

    def _open(self, part: Part) -> Any:
        if part.path not in self._files:
            if reason := checkpoint.verify(part.path):
                raise TeacherCacheError(f"{part.path}: {reason}. Remove this folder and make the cache again")
            self._files = {part.path: safe_open(part.path / "top.safetensors", "np")}  # the last one alone stays open
        return self._files[part.path]


def identity(store: TokenStore, config: PretrainConfig, teacher: PreTrainedModel, k: int) -> dict[str, Any]:
    """Everything that the teacher's answers follow from, but the number of steps; the layout changes nothing."""
    batch = {name: value for name, value in vars(config.batch).items() if name != "layout"}
    corpus = {name: store.meta[name] for name in ("corpus", "tokenizer", "languages", "heldout_share")}
    return {
        "k": k,
        "teacher": teacher_mark(teacher),
        **corpus,
        "tokens": store.fingerprint,
        "seed": config.seed,
        **batch,
    }


def teacher_mark(teacher: PreTrainedModel) -> str:
    """sha256 (hex) of a model's weights and of what else of it changes its answers."""
    names = ("model_type", "hidden_act", "num_attention_heads", "layer_norm_eps")
    digest = hashlib.sha256(repr([getattr(teacher.config, name, None) for name in names]).encode())
    for name, value in sorted(teacher.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def pack(top: TopK, vocab_size: int) -> dict[str, NDArray[Any]]:
    """As it lies on disk: ``low`` holds 16 bits of each id, ``high`` the 17th, eight to a byte, where ids need it."""
    ids = top.ids.cpu().numpy()
    packed = {"low": (ids & 0xFFFF).astype(np.uint16), "log_probabilities": top.log_probabilities.half().cpu().numpy()}
    return packed | ({"high": np.packbits(ids >> 16, axis=1)} if vocab_size > 1 << 16 else {})


def unpack(packed: Mapping[str, NDArray[Any]]) -> TopK:
    ids = packed["low"].astype(np.int64)
    if "high" in packed:
        ids += np.unpackbits(packed["high"], axis=1, count=ids.shape[1]).astype(np.int64) << 16
    return TopK(torch.from_numpy(ids), torch.from_numpy(packed["log_probabilities"].astype(np.float32)))


def read_state(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TeacherCacheError(f"{folder}: {error}. Remove this folder and make the cache again") from error
    return found

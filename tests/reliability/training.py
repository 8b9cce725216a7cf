"""A small pretraining run for the goals: the same call begins it and goes on with it, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import BertConfig, BertForMaskedLM

from tests.reliability import events
from unibert_lib import checkpoint, config, journal, pretrain, runs, tokenizer, tokens

TEXTS = {
    "en": ("the cat sat on the mat", "a dog ran to the old house by the river", "rain falls again", "birds sing"),
    "nl": ("de kat zit op de mat", "een hond rende naar het oude huis bij de rivier", "het regent", "vogels zingen"),
}
CODE = re.compile(rb"Code `[^`]*`")  # the card names the code version, and someone may edit while this runs
EVERY = 2  # steps from one save to the next
OPTIONS = config.PretrainConfig(
    steps=6, batch_size=4, max_length=24, checkpoint_every=EVERY, evaluate_every=3, keep_checkpoints=2, device="cpu"
)


@dataclass(frozen=True)
class Training:
    """What every run is made of, in ``material``; ``train`` begins or resumes the one in ``folder``."""

    material: Path

    @classmethod
    def prepare(cls, folder: Path) -> Training:
        corpus = folder / "corpus"
        for code, texts in TEXTS.items():
            (corpus / code).mkdir(parents=True)
            rows = [(str(i), f"{text} {i}") for i in range(10) for text in texts]
            table = pa.table(dict(zip(("page", "text"), map(list, zip(*rows, strict=True)), strict=True)))
            pq.write_table(table, corpus / code / "part-00000.parquet")
        pieces = tokenizer.train((text for texts in TEXTS.values() for text in texts), 300)
        pieces.save_pretrained(folder / "tokenizer")
        tokens.write(corpus, pieces, folder / "tokens", heldout_share=0.2)
        return cls(folder)

    def model(self, seed: int) -> BertForMaskedLM:
        torch.manual_seed(seed)
        store = tokens.TokenStore.open(self.material / "tokens")
        shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
        return BertForMaskedLM(BertConfig(vocab_size=store.vocab_size, **shape))

    def train(self, folder: Path) -> None:
        store, pieces = tokens.TokenStore.open(self.material / "tokens"), tokenizer.load(self.material / "tokenizer")
        run = runs.open_run("pretrain", "run", OPTIONS, {"tokens": store.fingerprint}, folder)
        pretrain.pretrain(OPTIONS, store, {"student": self.model(1)}, self.model(2), run, tokenizer=pieces)


def place(folder: Path) -> Path:
    return folder / "pretrain" / "run"


def checkpoints(folder: Path) -> Path:
    return place(folder) / "checkpoints"


def result(folder: Path) -> dict[str, Any]:
    """What a finished run leaves: sha256 of each exported file, and of the losses of each step and evaluation."""
    path = place(folder)
    found = {file.name: _sha256(CODE.sub(b"", file.read_bytes())) for file in sorted((path / "model").iterdir())}
    for name in ("metrics", "evaluation"):
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in journal.read(path / f"{name}.jsonl")]
        found[name] = _sha256(json.dumps(rows).encode())
    return found | {"done": (path / "DONE").exists(), "steps": _steps(path)}


def _steps(path: Path) -> list[int]:
    return [row["step"] for row in journal.read(path / "metrics.jsonl")]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Progress:
    """Memory that a child shares with its parent: how many steps it has done, and how many saves."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 2)

    steps = property(lambda self: self._shared[0])
    saves = property(lambda self: self._shared[1])

    def train(self, training: Training, folder: Path) -> None:
        """``training.train``, counted."""
        write, save = journal.Journal.metrics, checkpoint.save

        def written(one: journal.Journal, rows: list[dict[str, Any]]) -> None:
            write(one, rows)
            self._shared[0] = rows[-1]["step"] + 1

        def saved(*arguments: Any, **options: Any) -> Path:
            path = save(*arguments, **options)
            self._shared[1] += 1
            return path

        journal.Journal.metrics, checkpoint.save = written, saved
        training.train(folder)


def first_difference(expected: dict[str, Any], folder: Path) -> str | None:
    """What of a run's result is not as it was without an interruption."""
    try:
        found = result(folder)
    except OSError as error:
        return f"{os.path.relpath(error.filename, folder)} is missing"
    return next((name for name in sorted({*expected, *found}) if expected.get(name) != found.get(name)), None)


def resume(training: Training, folder: Path, expected: dict[str, Any]) -> str | None:
    """Run the same call again; why the run did not end as it would have, or None."""
    ended = events.start(lambda: training.train(folder)).wait()
    if ended.status:
        return f"resuming ended with {ended.status}: {ended.error}"
    differs = first_difference(expected, folder)
    return f"{differs} differs from the uninterrupted run" if differs else None

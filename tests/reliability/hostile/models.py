"""Models, tokenizers, checkpoints and results of somebody else's."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForTokenClassification, BertConfig, BertForMaskedLM

from tests.reliability.hostile import Bomb, attack
from unibert_lib import checkpoint, results, runs, teacher, tokenizer, tokens
from unibert_lib.tasks import sources, task


def model(folder: Path) -> Path:
    """A tiny student as ``save_pretrained`` leaves it."""
    pieces = tokenizer.train(["the cat sat on the mat", "a dog"] * 5, 300)
    pieces.save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertForMaskedLM(BertConfig(vocab_size=len(pieces), **sizes)).save_pretrained(folder)
    return folder


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def module(folder: Path, canary: Path) -> None:
    (folder / "evil.py").write_text(f"import os\nos.mkdir({str(canary)!r})\nclass Evil: pass\n")


def opened(folder: Path) -> None:
    """Through every door: the tokenizer's, the teacher's, the tasks'."""
    refused = []
    for call in (
        lambda: tokenizer.load(folder),
        lambda: teacher.load(folder, tokenizer.train(["the cat sat on the mat", "a dog"] * 5, 300)),
        lambda: task.load_encoder(AutoModelForTokenClassification, folder, num_labels=3),
    ):
        try:
            call()
        except ValueError as error:
            refused.append(error)
    if refused:
        raise refused[0]


@attack("pickle named model.safetensors")
def _(here: Path, canary: Path) -> None:
    (model(here / "m") / "model.safetensors").write_bytes(pickle.dumps(Bomb(canary)))
    opened(here / "m")


@attack("pickled weights instead of safetensors")
def _(here: Path, canary: Path) -> None:
    (model(here / "m") / "model.safetensors").unlink()
    torch.save({"bert.x": torch.zeros(1), "bomb": Bomb(canary)}, here / "m" / "pytorch_model.bin")
    opened(here / "m")


@attack("pickles beside good weights")
def _(here: Path, canary: Path) -> None:
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        model(here / "m").joinpath(name).write_bytes(pickle.dumps(Bomb(canary)))
    opened(here / "m")


@attack("configuration with code of its own")
def _(here: Path, canary: Path) -> None:
    auto = {name: "evil.Evil" for name in ("AutoConfig", "AutoModelForMaskedLM", "AutoModelForTokenClassification")}
    edit(model(here / "m") / "config.json", model_type="evil", auto_map=auto)
    module(here / "m", canary)
    opened(here / "m")


@attack("tokenizer with code of its own")
def _(here: Path, canary: Path) -> None:
    edit(
        model(here / "m") / "tokenizer_config.json",
        tokenizer_class="Evil",
        auto_map={"AutoTokenizer": ["evil.Evil"] * 2},
    )
    module(here / "m", canary)
    opened(here / "m")


@attack("configuration that names a kernel of the hub")
def _(here: Path, canary: Path) -> None:
    edit(model(here / "m") / "config.json", _attn_implementation="evil/kernel")
    opened(here / "m")


@attack("shards that lie outside")
def _(here: Path, canary: Path) -> None:
    (model(here / "m") / "model.safetensors").rename(here / "elsewhere.safetensors")
    index = {"metadata": {}, "weight_map": {"bert.x": "../elsewhere.safetensors"}}
    (here / "m" / "model.safetensors.index.json").write_text(json.dumps(index))
    opened(here / "m")


@attack("pickle named config.json")
def _(here: Path, canary: Path) -> None:
    (model(here / "m") / "config.json").write_bytes(pickle.dumps(Bomb(canary)))
    opened(here / "m")


@attack("pickle named tokenizer.json")
def _(here: Path, canary: Path) -> None:
    (model(here / "m") / "tokenizer.json").write_bytes(pickle.dumps(Bomb(canary)))
    opened(here / "m")


@attack("hub ids that are paths or commands")
def _(here: Path, canary: Path) -> None:
    for name in (
        "../../m",
        "a/../../m",
        "https://example.invalid/m",
        f"x;mkdir {canary}",
        f"$(mkdir {canary})",
        "a\nb/c",
    ):
        for call in (
            lambda name=name: tokenizer.load(name, "0" * 40),
            lambda name=name: task.load_encoder(AutoModelForTokenClassification, name, "0" * 40),
            lambda name=name: sources.hub_rows(name, None, "train", "0" * 40),
        ):
            try:
                call()
            except ValueError:
                continue
            return f"{name!r} was opened"
    return None


def sealed(folder: Path, files: dict[str, bytes]) -> Path:
    """A checkpoint of these files whose manifest is right: whoever can write the files can write their sums."""
    step = folder / "step-00000001"
    step.mkdir(parents=True)
    for name, content in files.items():
        (step / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (step / "manifest.json").write_text(json.dumps(sums) + "\n")
    return folder


@attack("pickle as a checkpoint's tensors")
def _(here: Path, canary: Path) -> None:
    checkpoint.load_newest(sealed(here / "c", {"state.json": b"{}", "m.safetensors": pickle.dumps(Bomb(canary))}))


@attack("pickle as a checkpoint's counters")
def _(here: Path, canary: Path) -> None:
    checkpoint.load_newest(sealed(here / "c", {"state.json": pickle.dumps(Bomb(canary))}))


@attack("manifest that names files elsewhere")
def _(here: Path, canary: Path) -> None:
    folder = sealed(here / "c", {"state.json": b"{}"})
    sums = {"state.json": hashlib.sha256(b"{}").hexdigest(), "../../../x": "0", "/etc/passwd": "0"}
    (folder / "step-00000001" / "manifest.json").write_text(json.dumps(sums) + "\n")
    checkpoint.load_newest(folder)


@attack("names of runs that leave their folder")
def _(here: Path, canary: Path) -> str | None:
    for name in (f"../../{canary.name}", str(canary), "..", "a/b", ".hidden", "a\nb", "a\0b"):
        try:
            path = runs.open_run("k", name, {}, {}, here / "runs").path
        except ValueError:
            continue
        return f"{name!r} made {path}"
    return None


@attack("result lines that are something else")
def _(here: Path, canary: Path) -> None:
    (here / "r.jsonl").write_bytes(pickle.dumps(Bomb(canary)).replace(b"\n", b" ") + b"\n" + b"[" * 100_000 + b"\n")
    results.load(here / "r.jsonl")


@attack("pickled counts in a token store")
def _(here: Path, canary: Path) -> None:
    (here / "meta.json").write_text(json.dumps({"format": tokens.FORMAT, "languages": ["../../x"]}))
    np.save(here / "counts.npy", np.array([Bomb(canary)], dtype=object))
    _ = tokens.TokenStore.open(here).counts

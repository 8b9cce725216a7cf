"""Checkpoints: staged, verified, atomic.

A checkpoint is a folder ``step-00001000`` with tensors in safetensors, counters in JSON and a manifest of
sha256 sums. It is written beside its place, flushed to disk and renamed, so that a valid one is there at
every moment; it is read only after its sums were checked. Pickles are neither written nor read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from unibert_lib.runs import NotWritten, write_json, writing

MANIFEST = "manifest.json"
NAME = re.compile(r"step-(\d{8,})")


class CheckpointError(ValueError):
    """No checkpoint can be used; the message names each one tried and why it was refused."""


def save(
    folder: Path,
    step: int,
    tensors: Mapping[str, Mapping[str, Tensor]],
    state: Mapping[str, Any],
    keep: int = 2,
) -> Path:
    """Write ``folder/step-<step>`` whole or not at all; of those before it the newest ``keep - 1`` stay.

    ``tensors`` maps a file's name (without ending) to its tensors, ``state`` is plain JSON.

    Raises
    ------
    CheckpointError
        If the disk is full; earlier checkpoints are as they were.

    Source: ours.
    """
    final, staging = folder / f"step-{step:08d}", folder / f".staging-step-{step:08d}"
    try:
        with writing(final):
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(".staging-*"):  # by a process that was killed
                shutil.rmtree(left)
            staging.mkdir()
            for name, values in tensors.items():
                save_file(
                    {key: value.detach().contiguous().cpu() for key, value in values.items()},
                    staging / f"{name}.safetensors",
                )
            write_json(staging / "state.json", {"step": step, **state})
            write_json(staging / MANIFEST, {file.name: _sha256(file) for file in sorted(staging.iterdir())})
            for file in staging.iterdir():
                _flush(file)
            _flush(staging)
            if final.exists():  # only an invalid one can stand there: valid ones are resumed from
                _remove(final)
            os.replace(staging, final)
            _flush(folder)
    except NotWritten as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise CheckpointError(str(error)) from error
    before = [path for path in list_checkpoints(folder) if _step(path) < step]
    for old in before[: max(0, len(before) - keep + 1)]:
        _remove(old)
    return final


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints, oldest first; staging folders are none."""
    found = [p for p in folder.glob("step-*") if p.is_dir() and NAME.fullmatch(p.name)] if folder.is_dir() else []
    return sorted(found, key=_step)


def _step(path: Path) -> int:
    return int(path.name.split("-")[1])


def _remove(path: Path) -> None:
    """Hidden by one rename first, so that a kill leaves no half of a checkpoint to be seen."""
    shutil.rmtree(path.rename(path.with_name(f".staging-old-{path.name}")))


def verify(path: Path) -> str | None:
    """Why a checkpoint cannot be trusted, or None where its files are those of its manifest, to the bit."""
    try:
        text = (path / MANIFEST).read_text(encoding="utf-8")
        manifest = json.loads(text)
    except (OSError, ValueError) as error:
        return f"manifest unreadable ({type(error).__name__})"
    if not isinstance(manifest, dict) or "state.json" not in manifest:
        return "manifest names no state.json"
    if not text.endswith("}\n"):
        return "manifest cut short"
    if unknown := sorted({file.name for file in path.iterdir()} - {MANIFEST, *manifest}):
        return f"manifest does not name {unknown[0]}"
    for name, expected in manifest.items():
        file = path / name
        if Path(name).name != name or not file.is_file():
            return f"{name} missing"
        if _sha256(file) != expected:
            return f"{name} differs from its sha256 sum"
    return None


def load_newest(folder: Path) -> tuple[Path, dict[str, dict[str, Tensor]], dict[str, Any]] | None:
    """The newest valid checkpoint as (path, tensors, state); None where there has never been one.

    An invalid one is passed over with a warning, never used and never removed.

    Raises
    ------
    CheckpointError
        If there are checkpoints and none is valid: starting anew in silence would lose the run.

    Source: ours.
    """
    refused: list[str] = []
    for path in reversed(list_checkpoints(folder)):
        reason = verify(path)
        if reason is None:
            try:
                tensors = {file.stem: load_file(file) for file in sorted(path.glob("*.safetensors"))}
                state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            except (SafetensorError, ValueError) as error:  # whoever changes a file can write its sum too
                reason = f"sums are right, contents are not ({error})"
            else:
                if refused:
                    passed = "; ".join(refused)
                    warnings.warn(f"checkpoints passed over: {passed}; resuming from {path.name}", stacklevel=2)
                return path, tensors, state
        refused.append(f"{path.name}: {reason}")
    if refused:
        raise CheckpointError(
            f"{folder}: no valid checkpoint ({'; '.join(refused)}). "
            "Restore one from a copy, or remove the run to start anew"
        )
    return None


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: Mapping[int, str]) -> dict[str, Tensor]:
    """An optimiser's state as flat tensors ``<parameter>/<moment>``; ``names`` maps id(parameter) to its name."""
    return {
        f"{names[id(parameter)]}/{key}": torch.as_tensor(value)
        for parameter, moments in optimizer.state.items()
        for key, value in moments.items()
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer, names: Mapping[int, str], tensors: Mapping[str, Tensor]
) -> None:
    """The inverse of :func:`optimizer_tensors`."""
    parameters = {names[id(p)]: p for group in optimizer.param_groups for p in group["params"]}
    for key, value in tensors.items():
        name, moment = key.rsplit("/", 1)
        parameter = parameters[name]
        optimizer.state[parameter][moment] = value.to(parameter.device).clone()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """fsync a file or folder; Windows has no handle for folders, where the rename alone must do."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

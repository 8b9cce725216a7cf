"""A valid checkpoint at every moment, and never one that is not what was written."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from unibert_lib import checkpoint
from unibert_lib.checkpoint import CheckpointError


def _save(folder: Path, step: int, keep: int = 2) -> Path:
    return checkpoint.save(folder, step, {"model": {"w": torch.full((3, 4), float(step))}}, {"note": step}, keep)


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    _save(tmp_path, 5)
    found = checkpoint.load_newest(tmp_path)
    assert found is not None
    path, tensors, state = found
    assert path.name == "step-00000005" and state == {"step": 5, "note": 5}
    assert torch.equal(tensors["model"]["w"], torch.full((3, 4), 5.0))


def test_where_nothing_was_saved_nothing_is_found(tmp_path: Path) -> None:
    assert checkpoint.load_newest(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("name", "content"), [("model.safetensors", b"\x80\x04K\x01."), ("state.json", b"\x80\x04K\x01.")]
)
def test_a_pickle_whose_sum_is_right_is_passed_over(tmp_path: Path, name: str, content: bytes) -> None:
    _save(tmp_path, 1)
    newest = _save(tmp_path, 2)
    (newest / name).write_bytes(content)
    sums = json.loads((newest / "manifest.json").read_text()) | {name: hashlib.sha256(content).hexdigest()}
    (newest / "manifest.json").write_text(json.dumps(sums) + "\n")
    with pytest.warns(UserWarning, match="sums are right, contents are not"):
        found = checkpoint.load_newest(tmp_path)
    assert found is not None and found[2]["step"] == 1


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4):
        _save(tmp_path, step, keep=2)
    assert [p.name for p in checkpoint.list_checkpoints(tmp_path)] == ["step-00000003", "step-00000004"]


@pytest.mark.parametrize("file", ["model.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_checkpoint_is_passed_over_and_said_so(tmp_path: Path, file: str, damage: str) -> None:
    _save(tmp_path, 1)
    target = _save(tmp_path, 2) / file
    data = bytearray(target.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
        target.write_bytes(data)
    elif damage == "cut":
        target.write_bytes(data[:-3])
    else:
        target.unlink()
    with pytest.warns(UserWarning, match="step-00000002"):
        found = checkpoint.load_newest(tmp_path)
    assert found is not None and found[2]["step"] == 1


def test_any_flipped_bit_of_the_weights_is_found(tmp_path: Path) -> None:
    path = _save(tmp_path, 1)
    data, dice = (path / "model.safetensors").read_bytes(), random.Random(0)
    assert checkpoint.verify(path) is None
    for _ in range(25):
        broken = bytearray(data)
        broken[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        (path / "model.safetensors").write_bytes(broken)
        assert checkpoint.verify(path) == "model.safetensors differs from its sha256 sum"


def test_without_a_valid_one_it_is_an_error_and_no_silent_restart(tmp_path: Path) -> None:
    (_save(tmp_path, 1) / "state.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"no valid checkpoint \(step-00000001: state.json differs"):
        checkpoint.load_newest(tmp_path)


def test_a_manifest_cannot_point_outside_its_folder(tmp_path: Path) -> None:
    path = _save(tmp_path, 1)
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, "../../etc/passwd": "0"}) + "\n")
    assert checkpoint.verify(path) == "../../etc/passwd missing"


def test_a_full_disk_leaves_the_earlier_checkpoint_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _save(tmp_path, 1)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_json", full)
    with pytest.raises(CheckpointError, match=r"step-00000002: not written .*No space left.*Free some disk space"):
        _save(tmp_path, 2)
    monkeypatch.undo()
    found = checkpoint.load_newest(tmp_path)
    assert found is not None and found[2]["step"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]


def test_a_full_disk_is_told_whoever_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _save(tmp_path, 1)
    # What safetensors says on a full disk; it is no OSError.
    said = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    monkeypatch.setattr(checkpoint, "save_file", raising(said))
    with pytest.raises(CheckpointError, match=r"step-00000002: not written .*No space left"):
        _save(tmp_path, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]


def raising(error: Exception) -> Callable[..., None]:
    def call(*_: object, **__: object) -> None:
        raise error

    return call


def test_a_wrong_tensor_is_no_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "save_file", raising(SafetensorError("key missing")))
    with pytest.raises(SafetensorError, match="key missing"):
        _save(tmp_path, 1)


def test_a_file_that_the_manifest_does_not_name_is_not_loaded(tmp_path: Path) -> None:
    path = _save(tmp_path, 1)
    shutil.copy(path / "model.safetensors", path / "other.safetensors")
    assert checkpoint.verify(path) == "manifest does not name other.safetensors"


def test_a_manifest_without_its_last_byte_is_found(tmp_path: Path) -> None:
    path = _save(tmp_path, 1)
    text = (path / "manifest.json").read_text()
    (path / "manifest.json").write_text(text[:-1])
    assert json.loads(text[:-1]) == json.loads(text) and checkpoint.verify(path) == "manifest cut short"


def test_newer_ones_that_were_passed_over_do_not_crowd_out_the_one_just_saved(tmp_path: Path) -> None:
    for step in (2, 4, 6):
        _save(tmp_path, step, keep=3)
    for step in (4, 6):
        (tmp_path / f"step-{step:08d}" / "state.json").write_text("{}")
    _save(tmp_path, 3, keep=1)
    with pytest.warns(UserWarning, match="passed over"):
        found = checkpoint.load_newest(tmp_path)
    assert found is not None and found[2]["step"] == 3


def test_no_half_removed_checkpoint_is_ever_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in (1, 2):
        _save(tmp_path, step)

    def dies(path: Path, *_: object, **__: object) -> None:
        (path / "state.json").unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.shutil, "rmtree", dies)
    with pytest.raises(KeyboardInterrupt):
        _save(tmp_path, 3)
    monkeypatch.undo()
    assert [checkpoint.verify(path) for path in checkpoint.list_checkpoints(tmp_path)] == [None, None]
    _save(tmp_path, 4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000003", "step-00000004"], "leftovers are gone"


def test_a_kill_before_the_rename_leaves_no_half_checkpoint(tmp_path: Path) -> None:
    _save(tmp_path, 1)
    shutil.copytree(tmp_path / "step-00000001", tmp_path / ".staging-step-00000002")
    found = checkpoint.load_newest(tmp_path)
    assert found is not None and found[2]["step"] == 1
    _save(tmp_path, 2)  # the leftovers do not stand in the way
    assert checkpoint.verify(tmp_path / "step-00000002") is None


def test_an_optimisers_state_survives_the_round_trip(tmp_path: Path) -> None:
    def make() -> tuple[torch.nn.Linear, torch.optim.Optimizer, dict[int, str]]:
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2)
        return model, torch.optim.AdamW(model.parameters(), fused=True), {id(p): n for n, p in model.named_parameters()}

    def step(model: torch.nn.Linear, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()

    model, optimizer, names = make()
    step(model, optimizer)
    saved = {k: v.clone() for k, v in checkpoint.optimizer_tensors(optimizer, names).items()}
    weights = {n: p.detach().clone() for n, p in model.named_parameters()}
    step(model, optimizer)
    other, second, names = make()
    with torch.no_grad():
        for n, p in other.named_parameters():
            p.copy_(weights[n])
    checkpoint.restore_optimizer(second, names, saved)
    step(other, second)
    assert torch.equal(model.weight, other.weight)

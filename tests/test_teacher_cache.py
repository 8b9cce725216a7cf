"""Distillation from the cached top of the teacher is that from the teacher itself, and no run gets another's cache."""

from __future__ import annotations

import dataclasses
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_store
from test_pretrain import configure, same, tiny, weights
from test_processes import fork

from unibert_lib import (
    checkpoint,
    journal,
    objective,
    parameters,
    pretrain,
    processes,
    recipes,
    runs,
    teacher_cache,
    teacher_pass,
)
from unibert_lib.batches import IGNORE_INDEX, make_batch
from unibert_lib.teacher_cache import TeacherCache, TeacherCacheError
from unibert_lib.terms import TopK
from unibert_lib.tokens import TokenStore

MASKED: dict[str, Any] = {"distillation_tokens": "masked", "teacher_top_k": 6}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    return make_store(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher_cache, "PART", 4)


def peaked(store: TokenStore, seed: int = 7) -> Any:
    """A teacher with something to say."""
    guide = tiny(store, seed, hidden=24, dropout=0.0)
    for parameter in guide.parameters():
        parameter.data.mul_(6)
    return guide


def cached(path: Path, store: TokenStore, config: Any, guide: Any, k: int = 6) -> TeacherCache:
    made_of = teacher_cache.identity(store, config, guide, k)
    return teacher_pass.make(store, config, guide, k, runs.open_run("teacher-cache", "c", made_of, {}, path))


def train(path: Path, store: TokenStore, config: Any, guide: Any, cache: TeacherCache | None) -> Path:
    run = runs.open_run("pretrain", "run", config, {}, path)
    both = {"a": tiny(store, 2, dropout=0.0), "b": tiny(store, 3, hidden=24, dropout=0.0)}
    pretrain.pretrain(config, store, both, guide, run, cache=cache)
    return run.path


def test_ids_of_seventeen_bits_come_back_and_log_probabilities_to_half_precision() -> None:
    ids = torch.tensor([[0, 65_535, 65_536], [119_546, 131_071, 7]])
    top = TopK(ids, torch.tensor([[-0.001, -3.3, -11.0], [-0.5, -1.7, -20.0]]))
    packed = teacher_cache.pack(top, 119_547)
    found = teacher_cache.unpack(packed)
    assert torch.equal(found.ids, ids)
    torch.testing.assert_close(found.log_probabilities, top.log_probabilities, rtol=2**-11, atol=1e-6)
    assert {name: values.dtype for name, values in packed.items()} == {
        "low": np.uint16,
        "log_probabilities": np.float16,
        "high": np.uint8,
    }
    assert set(teacher_cache.pack(TopK(ids % 100, top.log_probabilities), 65_536)) == {"low", "log_probabilities"}


def test_a_cached_step_is_the_teachers_top_k_to_half_precision(tmp_path: Path, store: TokenStore) -> None:
    config, guide = configure(6, **MASKED), peaked(store)
    cache, student = cached(tmp_path, store, config, guide), tiny(store, 2).eval()
    for step in (0, 3, 5):
        batch = make_batch(store, dataclasses.replace(config.batch, layout="padded"), config.seed, step)
        with torch.no_grad():
            expected, guesses = (teacher_pass.logits(model, batch) for model in (guide, student))
        top = cache.read(step, 6)
        assert torch.equal(top.ids, expected.topk(6).indices)
        whole = objective.distillation_loss(guesses, expected, temperature=2.0, top_k=6)
        ours = objective.distillation_loss(guesses.gather(-1, top.ids), top.log_probabilities, temperature=2.0)
        assert float(ours) == pytest.approx(float(whole), rel=1e-3) and float(whole) > 0.05


WAYS: list[dict[str, Any]] = [
    {"layout": "padded", "loss": "plain"},
    {"layout": "packed", "loss": "plain", "reverse_kl": True},
    {"layout": "packed", "loss": "fused", "loss_chunk": 5},
    {"layout": "packed", "loss": "fused", "teacher_top_k": 3, "temperature_squared": False, "label_smoothing": 0.1},
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(str(value) for value in way.values()))
def test_two_students_learn_from_a_cache_what_they_learn_from_the_teacher(
    tmp_path: Path, store: TokenStore, way: dict[str, Any]
) -> None:
    guide = peaked(store)
    config = configure(6, **{**MASKED, **way, "epsilon": 0.1, "bucket_window": 1, "warmup_fraction": 0.0})
    cache = cached(tmp_path, store, config, guide)
    plain = dataclasses.replace(config, loss="plain", layout="padded")
    folders = [train(tmp_path / "t", store, plain, guide, None), train(tmp_path / "c", store, config, guide, cache)]
    rows = [journal.read(folder / "metrics.jsonl") for folder in folders]
    assert len(rows[0]) == 12
    for one, two in zip(*rows, strict=True):
        for name in ("mlm", "distillation", "total", "gradient_distillation", "gradient_mlm", "gradient_norm"):
            assert two[name] == pytest.approx(one[name], rel=2e-3), name
    for name in ("model-a", "model-b"):
        one, two = (weights(folder / name) for folder in folders)
        assert all(torch.allclose(one[key], two[key], atol=2e-5) for key in one)


def test_no_teacher_is_asked_in_training(tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    config, guide = configure(3, **MASKED), peaked(store)
    cache = cached(tmp_path, store, config, guide)
    asked: list[Any] = []
    guide.bert.embeddings.register_forward_hook(lambda *_: asked.append(1))
    monkeypatch.setattr(pretrain, "_evaluate", lambda *_: None)
    train(tmp_path, store, config, guide, cache)
    assert asked == []


def test_two_processes_read_and_make_what_one_does(tmp_path: Path, store: TokenStore) -> None:
    config, guide = configure(9, **MASKED, batch_size=7, bucket_window=1), peaked(store)
    alone = cached(tmp_path / "one", store, config, guide)

    def work() -> None:
        cache = cached(tmp_path / "two", store, config, guide)
        train(tmp_path / "two", store, config, guide, cache)

    assert fork(tmp_path / "two", work) == [(0, ""), (0, "")]
    shared = TeacherCache(tmp_path / "two/teacher-cache/c")
    assert [part[:2] for part in shared.parts] == [part[:2] for part in alone.parts] == [(0, 4), (4, 8), (8, 9)]
    for step in (0, 5, 8):
        labels = make_batch(store, config.batch, config.seed, step).labels
        assert torch.equal(shared.read(step, 6).ids, alone.read(step, 6).ids)
        for rank in range(2):
            mine = make_batch(store, config.batch, config.seed, step, rank, 2)
            with torch.no_grad():
                expected = teacher_pass.logits(guide, mine).topk(6).indices
            assert torch.equal(alone.read(step, 6, rank, 2).ids, expected)
        assert len(alone.read(step, 6).ids) == int((labels != IGNORE_INDEX).sum())


def test_a_making_that_died_goes_on_and_a_longer_run_adds_to_it(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config, guide = configure(10, **MASKED), peaked(store)
    whole = cached(tmp_path / "whole", store, config, guide)
    logits, calls = teacher_pass.logits, []

    def die(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return logits(*given)

    monkeypatch.setattr(teacher_pass, "logits", die)
    with pytest.raises(KeyboardInterrupt):
        cached(tmp_path / "died", store, config, guide)
    assert [part[:2] for part in TeacherCache(tmp_path / "died/teacher-cache/c").parts] == [(0, 4)]
    cached(tmp_path / "died", store, dataclasses.replace(config, steps=6), guide)
    again = cached(tmp_path / "died", store, config, guide)
    assert [part[:2] for part in again.parts] == [(0, 4), (4, 6), (6, 10)]
    assert len(calls) == 7 + 6  # of ten steps four were there
    for step in range(10):
        assert all(torch.equal(one, two) for one, two in zip(whole.read(step, 6), again.read(step, 6), strict=True))
    assert "of the teacher's probability" in capsys.readouterr().out


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"seed": 1}, "seed 0 -> 1"),
    ({"batch_size": 4}, "batch_size 8 -> 4"),
    ({"max_length": 16}, "max_length 32 -> 16"),
    ({"mask_probability": 0.2}, r"mask_probability 0.15 -> 0.2"),
    ({"corruption": (1.0, 0.0, 0.0)}, r"corruption \[0.8"),
    ({"steps": 7}, "steps 6 -> 7"),
    ({"teacher_top_k": 7}, "teacher_top_k 1 to 6 -> 7"),
    ({"teacher_top_k": 0}, "teacher_top_k 1 to 6 -> 0"),
    ({"distillation_tokens": "real"}, "distillation_tokens 'masked' -> 'real'"),
]


@pytest.fixture(scope="module")
def kept(store: TokenStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cached(tmp_path_factory.mktemp("kept"), store, configure(6, **MASKED), peaked(store)).path


@pytest.mark.parametrize(("change", "message"), CHANGES, ids=lambda value: str(value))
def test_a_cache_of_another_run_is_refused_by_name(
    tmp_path: Path, store: TokenStore, kept: Path, change: dict[str, Any], message: str
) -> None:
    config = configure(**{"steps": 6, **MASKED, **change})
    with pytest.raises(TeacherCacheError, match=message):
        train(tmp_path, store, config, peaked(store), TeacherCache(kept))


def test_another_teacher_or_corpus_is_refused_by_name(tmp_path: Path, store: TokenStore, kept: Path) -> None:
    config, cache = configure(6, **MASKED), TeacherCache(kept)
    with pytest.raises(TeacherCacheError, match=r"Differences \(there -> asked\): teacher '\w+' -> '\w+'\. "):
        cache.check(store, config, peaked(store, 8))
    with pytest.raises(TeacherCacheError, match=r"corpus '\w+' -> 'new'"):
        cache.check(dataclasses.replace(store, meta={**store.meta, "corpus": "new"}), config, peaked(store))
    with pytest.raises(TeacherCacheError, match=r"tokenizer '\w+' -> 'new'"):
        cache.check(dataclasses.replace(store, meta={**store.meta, "tokenizer": "new"}), config, peaked(store))
    cache.check(store, dataclasses.replace(config, layout="padded", steps=5), peaked(store))  # neither matters


def test_a_flipped_bit_is_found_before_the_part_is_used(tmp_path: Path, store: TokenStore, kept: Path) -> None:
    shutil.copytree(kept, tmp_path / "c")
    file = next(iter(checkpoint.list_checkpoints(tmp_path / "c"))) / "top.safetensors"
    damaged = bytearray(file.read_bytes())
    damaged[-3] ^= 4
    file.write_bytes(damaged)
    with pytest.raises(TeacherCacheError, match=r"top\.safetensors differs from its sha256 sum"):
        TeacherCache(tmp_path / "c").read(0, 6)
    with pytest.raises(TeacherCacheError, match="no teacher cache here"):
        TeacherCache(tmp_path)


def test_its_size_is_told_and_a_disk_too_small_is_refused(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config, guide = configure(6, **MASKED), peaked(store)
    cache = cached(tmp_path, store, config, guide)
    told = teacher_pass.bytes_a_step(store, config, 6) * 6
    real = sum((part.path / "top.safetensors").stat().st_size for part in cache.parts)
    assert told == pytest.approx(real - 350 * len(cache.parts), rel=0.2)  # safetensors' header
    assert "0.00 GB for the 6 steps" in capsys.readouterr().out
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(free=100))
    with pytest.raises(TeacherCacheError, match=r"Free some space, take a smaller teacher_cache_k"):
        cached(tmp_path / "full", store, config, guide)


def test_more_pieces_lose_less_and_all_of_them_nothing(store: TokenStore) -> None:
    config = configure(6, **MASKED)
    table = teacher_pass.fidelity(store, config, peaked(store), tiny(store, 2).eval(), (2, 8, 32, store.vocab_size))
    assert table["mass"].is_monotonic_increasing and table["softened"].is_monotonic_increasing
    assert (table["softened"] < table["mass"] + 1e-6).all() and table["divergence"].is_monotonic_decreasing
    last = table.iloc[-1]
    assert last["mass"] == pytest.approx(1) and last["divergence"] == pytest.approx(0, abs=1e-5)
    assert last["loss"] == pytest.approx(last["whole_loss"], rel=1e-3) and last["cosine"] == pytest.approx(1, abs=1e-3)
    assert table["cosine"].is_monotonic_increasing and table["cosine"].iloc[0] < 0.99


def test_the_parameter_is_refused_where_it_cannot_be_and_else_asks_for_the_top_k() -> None:
    with pytest.raises(ValueError, match="give -p distillation_tokens masked"):
        parameters.PretrainParameters(teacher_cache_k=32)
    with pytest.raises(ValueError, match="teacher='none'"):
        parameters.PretrainParameters(teacher_cache_k=32, distillation_tokens="masked", teacher="none")
    params = parameters.PretrainParameters(teacher_cache_k=32, distillation_tokens="masked")
    assert params.objective.teacher_top_k == 32


@pytest.mark.slow
def test_the_recipe_makes_one_cache_for_a_student_and_its_twin(tmp_path: Path) -> None:
    params = parameters.PretrainParameters(
        budget="smoke", steps=3, runs=str(tmp_path), teacher_cache_k=8, distillation_tokens="masked"
    )
    first = recipes.ensure_student(params)
    twin = recipes.ensure_student(params, adversary="off")
    assert len(list((tmp_path / "teacher-cache").iterdir())) == 1 and first != twin
    assert not same(weights(first["xxsmall"]), weights(twin["xxsmall"]))
    assert processes.size() == 1

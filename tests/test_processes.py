"""Two processes over gloo train what one trains on the same batches; errors, kills and other worlds are told apart."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from conftest import make_store
from safetensors.torch import load_file
from test_pretrain import configure, same, tiny, weights

from unibert_lib import checkpoint, journal, parameters, pretrain, processes, recipes, runs, train, trainee, workers
from unibert_lib.tokens import TokenStore

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here, so that torch loads once")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    return make_store(tmp_path_factory.mktemp("processes"))


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Everything in double precision, so that what is left of a difference is an error and no rounding."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def fork(folder: Path, work: Callable[[], Any], world: int = 2, patience: float = 300) -> list[tuple[int, str]]:
    """(exit code, error) of each of ``world`` processes that ran ``work``; those left behind by one are stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    errors = [folder / f"error-{rank}" for rank in range(world)]
    for left in (folder / "meeting", *errors):
        left.unlink(missing_ok=True)
    children = [os.fork() or _child(folder, work, rank, world) for rank in range(world)]
    codes: dict[int, int] = {}
    deadline = time.monotonic() + patience
    while len(codes) < world:
        for child in set(children) - set(codes):
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                codes[child] = os.waitstatus_to_exitcode(status)
        if any(codes.values()):
            deadline = min(deadline, time.monotonic() + 5)
        if time.monotonic() > deadline:
            for child in set(children) - set(codes):
                os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    return [
        (codes[child], error.read_text() if error.exists() else "")
        for child, error in zip(children, errors, strict=True)
    ]


def _child(folder: Path, work: Callable[[], Any], rank: int, world: int) -> int:
    code = 1
    try:
        torch.set_num_threads(1)  # OpenMP's threads do not survive a fork
        names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
        os.environ.update({name: str(value) for name, value in names.items()}, OMP_NUM_THREADS="1")
        dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=world)
        work()
        code = 0
    except BaseException as error:
        (folder / f"error-{rank}").write_text(f"{type(error).__name__}: {error}")
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def students(store: TokenStore) -> dict[str, Any]:
    return {"a": tiny(store, layers=2, dropout=0.0), "b": tiny(store, 3, hidden=24, dropout=0.0)}


def run_of(path: Path, config: Any) -> runs.Run:
    return runs.open_run("pretrain", "run", config, {}, path)


def both_ways(path: Path, store: TokenStore, config: Any) -> list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Log and weights of one process and of two, the global batch being the same."""

    def work(folder: Path) -> None:
        pretrain.pretrain(config, store, students(store), tiny(store, 1, hidden=24), run_of(folder, config))

    work(path / "one")
    assert [code for code, _ in fork(path / "two", lambda: work(path / "two"))] == [0, 0]
    found = []
    for folder in (path / "one/pretrain/run", path / "two/pretrain/run"):
        rows = journal.read(folder / "metrics.jsonl")
        files = ["model-a/model", "model-b/model", "model-a/discriminator", "model-b/discriminator"]
        found.append((rows, [load_file(folder / f"{name}.safetensors") for name in files]))
    return found


PLAIN, FUSED = {"layout": "padded", "loss": "plain"}, {"layout": "packed", "loss": "fused", "loss_chunk": 5}
CASES: list[dict[str, Any]] = [
    *[
        {"adversary": mode, **way}
        for mode in ("alternating", "grl", "loss_reversal", "confusion", "off")
        for way in (PLAIN, FUSED)
    ],
    {"distillation_tokens": "masked", **FUSED},
    {"mlm_reduction": "sum", "label_smoothing": 0.1, **FUSED},
    {"max_gradient_norm": 0.01, "discriminator_steps": 2, "discriminator_hidden": 4, **PLAIN},
    {"teacher_top_k": 5, "reverse_kl": True, "pooling": "attended", **FUSED},
    {"batch_size": 7, "bucket_window": 1, **FUSED},
    {"batch_size": 2, "mask_probability": 0.05, "bucket_window": 1, **PLAIN},  # one process often has nothing masked
]


@pytest.mark.parametrize("options", CASES, ids=lambda o: "-".join(f"{v}" for v in o.values()))
def test_two_processes_give_the_losses_and_weights_of_one(
    tmp_path: Path, store: TokenStore, options: dict[str, Any], double: None
) -> None:
    config = configure(3, **{"learning_rate": 5e-3, "warmup_fraction": 0.0, **options})
    (rows, ends), (others, twins) = both_ways(tmp_path, store, config)
    assert len(rows) == len(others) == 6
    for one, two in zip(rows, others, strict=True):
        assert one.pop("seconds") and two.pop("seconds") and one.pop("student") == two.pop("student")
        assert two == pytest.approx(one, rel=1e-9, abs=1e-12)
    for one, two in zip(ends, twins, strict=True):
        for name, value in one.items():
            torch.testing.assert_close(two[name], value, rtol=1e-9, atol=1e-9)
    start = dict(students(store)["a"].named_parameters())
    assert any(not torch.allclose(value, start[name], atol=1e-3) for name, value in ends[0].items())


def test_balanced_classes_are_weighted_over_all_processes(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LARGE", 100)  # most gradients travel alone
    config = configure(2, balanced_adversary=True, adversary_weight=5.0, epsilon=0.1, warmup_fraction=0.0)
    (rows, ends), (others, twins) = both_ways(tmp_path, store, config)
    for one, two in zip(rows, others, strict=True):
        assert two["adversary"] == pytest.approx(one["adversary"], rel=1e-5)
    for one, two in zip(ends, twins, strict=True):
        for name, value in one.items():
            torch.testing.assert_close(two[name], value, rtol=1e-5, atol=1e-6)


def test_a_nan_in_one_process_stops_all_with_its_message(tmp_path: Path, store: TokenStore) -> None:
    config = configure(3)

    def work() -> None:
        guide = tiny(store, 1)
        if processes.rank() == 1:
            guide.cls.predictions.bias.data.fill_(float("nan"))
        pretrain.pretrain(config, store, {"s": tiny(store)}, guide, run_of(tmp_path, config))

    found = fork(tmp_path, work)
    assert [code for code, _ in found] == [1, 1]
    for _, error in found:
        assert error.startswith("TrainingError: s: the distillation loss is nan at step 0 (batch of 8 samples in ")


def test_a_killed_process_loses_nothing_and_another_world_is_refused(
    tmp_path: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, learn = configure(9), trainee.learn

    def work(folder: Path) -> None:
        pretrain.pretrain(config, store, {"s": tiny(store)}, tiny(store, 1), run_of(folder, config))

    def die(one: Any, step: int, *rest: Any) -> Any:
        if step == 7 and processes.rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return learn(one, step, *rest)

    assert fork(tmp_path / "whole", lambda: work(tmp_path / "whole")) == [(0, ""), (0, "")]
    monkeypatch.setattr(trainee, "learn", die)
    (first, _), (second, _) = fork(tmp_path / "died", lambda: work(tmp_path / "died"))
    assert first != 0 and second == -signal.SIGKILL
    monkeypatch.undo()
    died = tmp_path / "died/pretrain/run"
    assert [path.name for path in checkpoint.list_checkpoints(died / "checkpoints")] == [
        "step-00000003",
        "step-00000006",
    ]
    with pytest.raises(runs.RunError, match=r"step-00000006: the run was begun elsewhere \(world 2 -> 1\)"):
        work(tmp_path / "died")
    assert fork(tmp_path / "died", lambda: work(tmp_path / "died")) == [(0, ""), (0, "")]
    assert same(weights(tmp_path / "whole/pretrain/run/model"), weights(died / "model"))
    rows = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in journal.read(folder / "metrics.jsonl")]
        for folder in (tmp_path / "whole/pretrain/run", died)
    ]
    assert rows[0] == rows[1] and [row["step"] for row in rows[0]] == list(range(9))


def test_processes_with_different_parameters_stop_before_the_first_step(tmp_path: Path, store: TokenStore) -> None:
    def work() -> None:
        config = configure(3, seed=processes.rank())
        pretrain.pretrain(config, store, {"s": tiny(store)}, None, run_of(tmp_path / f"{config.seed}", config))

    for code, error in fork(tmp_path, work):
        assert code == 1 and "the run or the step it resumes at differs" in error


def test_more_processes_than_samples_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "size", lambda: 9)
    with pytest.raises(runs.RunError, match="less than one sample for each of 9 processes"):
        processes.open_accelerator(configure(1))


def test_dropout_differs_between_processes() -> None:
    assert len({trainee.dropout_seed(0, 3, "s", rank) for rank in range(4)}) == 4


WORKER = """
import json, os, signal, sys
from torch.distributed.elastic.multiprocessing.errors import record

@record
def main():
    given = json.load(open(sys.argv[2]))
    print("process", os.environ["RANK"], "of", os.environ["WORLD_SIZE"], "was given", given["word"])
    if os.environ["RANK"] == "1":
        if given["word"] == "fail":
            raise ValueError("process 1 says no")
        if given["word"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "a_worker_of_a_test.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "a_worker_of_a_test"


def test_what_processes_print_and_why_they_fail_comes_back(worker: str, capsys: pytest.CaptureFixture[str]) -> None:
    workers.start(2, worker, {"word": "hello"})
    printed = capsys.readouterr().out
    assert all(f"process {rank} of 2 was given hello" in printed for rank in range(2))
    with pytest.raises(workers.WorkerError, match="ValueError: process 1 says no"):
        workers.start(2, worker, {"word": "fail"})
    with pytest.raises(workers.WorkerError, match="was killed"):
        workers.start(2, worker, {"word": "kill"})


def test_the_command_line_takes_the_notebooks_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("size: small\nsteps: 10\n")
    given = [
        "-f",
        str(tmp_path / "a.yaml"),
        "-p",
        "steps",
        "20",
        "-p",
        "languages",
        "en,sw",
        "-p",
        "learning_rate",
        "1e-4",
    ]
    params = train.read(given)
    assert (params.size, params.steps, params.languages, params.learning_rate) == ("small", 20, ("en", "sw"), 1e-4)
    with pytest.raises(ValueError, match="did you mean size"):
        train.read(["-p", "sise", "small"])
    whole = parameters.PretrainParameters(options={"epsilon": 1e-6}, languages=("en",), num_processes=2)
    runs.write_json(tmp_path / "b.json", runs.plain(whole))
    assert train.read(["-f", str(tmp_path / "b.json")]) == whole
    for name, value in {"WORLD_SIZE": "4", "LOCAL_RANK": "1", "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert train.read(given).num_processes == 4
    with pytest.raises(ValueError, match="num_processes=2, but torchrun started 4"):
        train.read(["-p", "num_processes", "2"])


@pytest.mark.slow
def test_a_notebooks_processes_train_its_student(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = parameters.PretrainParameters(budget="smoke", steps=2, runs=str(tmp_path), num_processes=2, name="s")
    folders = recipes.ensure_student(params)
    assert "xxsmall: 100%" in capsys.readouterr().out
    assert (folders["xxsmall"] / "model.safetensors").exists() and recipes.open_student(params).done
    _, _, state = checkpoint.load_newest(tmp_path / "pretrain/s/checkpoints") or (None, None, {})
    assert state["world"] == 2
    alone = dataclasses.replace(params, num_processes=1)
    assert recipes.ensure_student(alone) == folders  # a finished run is found by any number of processes

"""The matrix of the paper's tables: task x setting x language x seed, cell by cell, resumable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import results, runs, tokenizer
from unibert_lib.interrupts import Deferred, resumable
from unibert_lib.matrix import Cell as Cell
from unibert_lib.matrix import Encoder as Encoder
from unibert_lib.matrix import Setting
from unibert_lib.matrix import cells as cells
from unibert_lib.matrix import encoder as encoder
from unibert_lib.matrix import scored as scored
from unibert_lib.progress import bar
from unibert_lib.runs import Run
from unibert_lib.tasks.dataset import TaskSet, shared_items
from unibert_lib.tasks.fit import FineTuning, evaluate, fit, load_model
from unibert_lib.tasks.task import Task

CELL_FORMAT = 1  # part of a cell's identity: raise it when a change of code changes results


def run_matrix(
    model: str | Path | Encoder,
    task: Task,
    data: TaskSet,
    settings: Sequence[Setting],
    languages: Sequence[str],
    seeds: Sequence[int],
    budget: FineTuning,
    run: Run,
) -> Path:
    """Fine-tune and score every cell; returns the file of result rows, ``runs/results/<name of the run>.jsonl``.

    A finished cell lies in ``<run>/cells/`` under a fingerprint of all it is made of and is never run again; a cell
    that was killed starts anew; another configuration is another cell. Predictions are kept beside the scores. Each
    test language also gets rows of the trivial rival, as model ``baseline:<name>``.

    Raises
    ------
    ValueError
        If a language has no test data, or parallel training and test data share items.

    Source: paper 4; resuming, equal steps and rivals are ours.
    """
    under = model if isinstance(model, Encoder) else encoder(model)
    planned = cells(settings, data, languages, seeds)
    _refuse_leaks(data)
    pieces = tokenizer.load(under.source, under.revision, wordpiece=False)
    out = run.path.parent.parent / "results" / f"{run.path.name}.jsonl"
    each = [len(data.train[code]) for code in data.train if code in {*languages}]
    with run:
        (run.path / "cells").mkdir(exist_ok=True)
        todo = {}
        for cell in planned:
            steps = budget.steps_for(sum(len(data.train[code]) for code in cell.train), float(np.mean(each)))
            place = run.path / "cells" / f"{_mark(cell, under, task, data, budget, steps)}.json"
            if place.exists():
                results.append(out, json.loads(place.read_text(encoding="utf-8"))["rows"])
            else:
                todo[place] = (cell, steps)
        rates = {}  # a sweep serves all seeds of a cell, and is made once
        for place, (cell, steps) in todo.items():
            mark = _mark(replace(cell, seed=seeds[0]), under, task, data, budget, steps)
            rates[place] = place.with_name(f"rate-{mark}.json")
        swept = len(budget.learning_rates) > 1
        missing = {rates[place]: steps for place, (_, steps) in todo.items() if swept and not rates[place].exists()}
        total = sum(steps for _, steps in todo.values()) + len(budget.learning_rates) * sum(missing.values())
        if not todo:
            run.say_done()
        cells_done = resumable(
            lambda: f"cells finished: {len(planned) - sum(not p.exists() for p in todo)} of {len(planned)}"
        )
        with cells_done, bar(total=total, desc=task.name, unit="step", disable=not todo) as shown:
            for place, (cell, steps) in todo.items():
                shown.set_postfix_str(f"{cell.setting} {'+'.join(cell.train)} seed {cell.seed}")
                chosen = rates[place] if swept else None
                _run_cell(place, cell, steps, under, task, data, seeds[0], budget, pieces, shown.update, out, chosen)
        results.append(out, _rivals(task, data, planned))
        if not run.done:
            run.finish({"cells": len(planned)})
    return out


def predictions(run: Run, setting: Setting, language: str, seed: int) -> list[Any]:
    """What the model of a finished cell answered to each test record of a language.

    Raises
    ------
    ValueError
        If no such cell is finished.

    Source: ours.
    """
    for place in sorted((run.path / "cells").glob("*.predictions.json")):
        cell = json.loads(place.with_name(place.name.replace(".predictions", "")).read_text(encoding="utf-8"))["cell"]
        if (cell["setting"], cell["seed"]) == (setting, seed) and language in cell["test"]:
            found: list[Any] = json.loads(place.read_text(encoding="utf-8"))[language]
            return found
    raise ValueError(f"{run.path}: no finished cell of setting {setting!r}, seed {seed} was tested on {language!r}")


def _run_cell(
    place: Path,
    cell: Cell,
    steps: int,
    under: Encoder,
    task: Task,
    data: TaskSet,
    sweep_seed: int,
    budget: FineTuning,
    pieces: TokenizersBackend,
    update: Any,
    out: Path,
    chosen: Path | None,
) -> None:
    records = _sample([record for code in cell.train for record in data.train[code]], steps * budget.batch_size, cell)
    labels = task.labels(records)
    features = task.encode(records, pieces, labels)

    def trained(rate: float, seed: int) -> Any:
        fresh = load_model(task, under.source, labels, seed, under.revision)
        return fit(fresh, features, pieces, budget, steps=steps, learning_rate=rate, seed=seed, after_step=update)

    rate, tried = budget.learning_rates[0], {}  # a sweep's scores by rate
    if chosen is not None:
        if not chosen.exists():
            scores = {
                r: _on_dev(task, trained(r, sweep_seed), data, cell, pieces, labels) for r in budget.learning_rates
            }
            runs.write_json(chosen, {"rate": max(scores, key=lambda r: scores[r]), "tried": scores})
        swept = json.loads(chosen.read_text(encoding="utf-8"))
        rate, tried = swept["rate"], swept["tried"]
    model = trained(rate, cell.seed)
    rows, predictions = [], {}
    for code in cell.test:
        found, predictions[code] = evaluate(task, model, data.test[code].records, pieces, labels)
        rows += _rows(found, task, data, code, under, cell, steps, rate, budget.control)
    lost = task.null_targets(features)
    with Deferred():
        runs.write_json(place.with_suffix(".predictions.json"), predictions)
        runs.write_json(place, {"cell": cell, "rows": rows, "tried": tried, "null_targets": lost})
        results.append(out, rows)


def _mark(cell: Cell, under: Encoder, task: Task, data: TaskSet, budget: FineTuning, steps: int) -> str:
    """The fingerprint of all that a cell's figures depend on."""
    parts = [data.marks[split, code] for split, codes in (("train", cell.train), ("test", cell.test)) for code in codes]
    if len(budget.learning_rates) > 1:
        parts += [data.marks["dev", code] for code in cell.train if code in data.dev]
    how = {k: v for k, v in runs.plain(budget).items() if k not in ("device", "epochs", "steps")}
    return runs.fingerprint(CELL_FORMAT, cell, under.sha, type(task).__name__, task, parts, how, steps)[:20]


def _sample(records: list[Any], needed: int, cell: Cell) -> list[Any]:
    """What so many batches can show at most, drawn without replacement: more need not be encoded."""
    if len(records) <= needed:
        return records
    drawn = np.random.default_rng([cell.seed, 0xF17]).permutation(len(records))[:needed]
    return [records[i] for i in sorted(drawn)]


def _on_dev(
    task: Task, model: Any, data: TaskSet, cell: Cell, pieces: TokenizersBackend, labels: Sequence[str]
) -> float:
    codes = [code for code in cell.train if len(data.dev.get(code, ()))]
    if not codes:
        raise ValueError(f"{data.name}: a sweep of learning rates needs development data in {list(cell.train)}")
    found = [evaluate(task, model, data.dev[code].records, pieces, labels)[0][task.metric] for code in codes]
    return float(np.mean([-1.0 if np.isnan(score) else score for score in found]))


def _rows(
    scores: Mapping[str, float],
    task: Task,
    data: TaskSet,
    code: str,
    under: Encoder,
    cell: Cell,
    steps: int,
    rate: float | None,
    control: str,
) -> list[dict[str, Any]]:
    shared = {
        "model": under.name,
        "checkpoint_sha": under.sha,
        "preset": under.preset,
        "task": task.name,
        "dataset": data.name,
        "dataset_sha": data.marks["test", code],
        "train_dataset": data.train_name,
        "split": "test",
        "setting": cell.setting,
        "train_languages": "+".join(sorted(cell.train)),
        "language": code,
        "unit": "fraction",
        "n": len(data.test[code]),
        "pretrain_seed": under.pretrain_seed,
        "finetune_seed": cell.seed,
        "steps": steps,
        "learning_rate": rate,
        "control": control,
    }
    return [
        # A constant prediction has no correlation: the row says so, and is no number.
        {**shared, "metric": metric, "score": None if np.isnan(s) else s, "status": "nan" if np.isnan(s) else "done"}
        for metric, s in scores.items()
    ]


def _rivals(task: Task, data: TaskSet, planned: Sequence[Cell]) -> list[dict[str, Any]]:
    """The trivial rival of each cell; it has no seed and takes no step."""
    rows = []
    for cell in dict.fromkeys(Cell(c.setting, c.train, c.test, 0) for c in planned):
        train = [record for code in cell.train for record in data.train[code]]
        for code in cell.test:
            name, predictions = task.baseline(train, data.test[code].records)
            rival = Encoder("", f"baseline:{name}", "none")
            scores = task.score(data.test[code].records, predictions)
            rows += _rows(scores, task, data, code, rival, cell, 0, None, "none")
    return rows


def _refuse_leaks(data: TaskSet) -> None:
    leaked = shared_items(data.train.values(), data.test.values())
    if leaked:
        raise ValueError(
            f"{data.name}: {leaked} items stand in training and in test data, if in different languages; "
            "split by item (tasks.dataset.split_by_item)"
        )

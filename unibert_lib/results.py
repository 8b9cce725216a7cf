"""One tidy row a score, of our runs and of the paper's tables alike: JSON lines on disk, a DataFrame to look at.

Averages are computed, never stored. A row's key is all of it but ``score``, ``n`` and ``status``; where two rows share
a key, the later one holds, and the earlier one stays in the file.
"""

from __future__ import annotations

import csv
import glob
import json
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from filelock import FileLock

from unibert_lib.runs import REPOSITORY

PAPER = REPOSITORY / "data" / "paper" / "tables.csv"
# Column and dtype. Text is never empty: what does not apply is "none"; a number that does not apply is None.
COLUMNS: dict[str, str] = {
    "model": "str",  # a trivial rival is "baseline:<name>"
    "checkpoint_sha": "str",
    "preset": "str",
    "task": "str",
    "dataset": "str",  # the collection, one name for all its languages
    "dataset_sha": "str",
    "split": "str",
    "setting": "str",
    "train_languages": "str",  # sorted, "de+de-en+en"
    "language": "str",  # of the test data; a pair is "de-en"
    "metric": "str",
    "score": "float64",
    "unit": "str",
    "n": "Int64",  # test records
    "pretrain_seed": "Int64",
    "finetune_seed": "Int64",
    "steps": "Int64",  # of the optimizer
    "status": "str",  # "done", or why there is no score
    "learning_rate": "float64",
    "control": "str",
}
ALLOWED = {
    "split": ("train", "dev", "test"),
    "setting": ("each", "mono", "all"),
    "unit": ("fraction",),
    "control": ("equal_steps", "epochs", "none"),
}
KEY = tuple(column for column in COLUMNS if column not in ("score", "n", "status"))
GROUP = ["model", "preset", "task", "dataset", "split", "setting", "metric", "control"]  # what one average is of
SEEDS = ["pretrain_seed", "finetune_seed"]
NOT_REPORTED = "not reported"  # a dash in the paper: nobody asked for this score
AVG_REPORTED = "avg_reported"  # the "language" of the paper's printed averages


def check(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as plain JSON values, columns in order.

    Raises
    ------
    ValueError
        If a column is missing, unknown or of the wrong kind; ``score`` is neither in [-1, 1] with the status ``done``
        nor None with another; or ``train_languages`` is not sorted.

    Source: DESIGN, "Results row".
    """
    for name in (*row, *COLUMNS):
        if name not in COLUMNS or name not in row:
            known = "missing" if name in COLUMNS else "unknown"
            raise ValueError(f"column {name!r} is {known}: a row has the columns {', '.join(COLUMNS)}")
    plain = {name: _plain(name, kind, row[name]) for name, kind in COLUMNS.items()}
    score, status, trained = plain["score"], plain["status"], plain["train_languages"]
    if (score is None) == (status == "done"):
        raise ValueError(f"score={score} with status={status!r}: 'done' has a score, any other status None")
    if score is not None and not -1 <= score <= 1:
        raise ValueError(f"score={score}: a fraction is asked for, -1 to 1; divide percents by 100")
    if trained != "+".join(sorted(set(trained.split("+")))):
        raise ValueError(f"train_languages={trained!r}: sort them and join them with '+', each once")
    return plain


def _plain(name: str, kind: str, value: Any) -> Any:
    if kind == "str":
        if not isinstance(value, str) or not value or value not in ALLOWED.get(name, (value,)):
            raise ValueError(
                f"{name}={value!r}: one of {', '.join(ALLOWED.get(name, ('any text but the empty one',)))}"
            )
        return value
    if value is None:
        return None
    a_number = isinstance(value, Integral if kind == "Int64" else Real) and not isinstance(value, bool)
    if not a_number:
        raise ValueError(f"{name}={value!r}: a {'whole ' if kind == 'Int64' else ''}number, or None")
    if kind == "Int64":
        if not 0 <= value < 2**63:
            raise ValueError(f"{name}={value}: 0 or more, and below 2**63")
        return int(value)
    too_large = isinstance(value, int) and abs(value) >= 2**63  # beyond what a float may hold
    if too_large or not math.isfinite(value):
        raise ValueError(f"{name}={value}: a finite number; without one, None and a status that tells why")
    return float(value)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column] for column in KEY)


def append(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Append rows as whole lines, flushed to disk; returns how many were new.

    A row that is there already, the same in all columns, is skipped; one with a known key and another score is
    appended. A last line torn by a kill is first moved to ``<name>.torn`` (``torn`` counts them). One process writes
    at a time, the others wait; a write that fails leaves the file as it was.

    Raises
    ------
    ValueError
        If a row is not valid (nothing is written then), or a line of the file is not.

    Source: ours.
    """
    path, checked = Path(path), [check(row) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        path.touch()
        _mend(path)
        known = {_key(row): row for row in _read(path)}
        new = []
        for row in checked:
            if known.get(_key(row)) != row:
                known[_key(row)] = row
                new.append(row)
        _write(path, "".join(json.dumps(row, allow_nan=False) + "\n" for row in new).encode())
    return len(new)


def _write(path: Path, content: bytes) -> None:
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:  # a full disk: take back what did get there
        if path.exists():
            os.truncate(path, size)
        raise


def _mend(path: Path) -> None:
    """End the file with a whole line: complete the last one, or set its torn bytes aside, first there, then here."""
    content = path.read_bytes()
    rest = content.rpartition(b"\n")[2]
    if rest and _parse(rest) is not None:
        _write(path, b"\n")
    elif rest:
        aside = _aside(path)
        _write(aside, rest + b"\n")
        os.truncate(path, len(content) - len(rest))
        warnings.warn(f"{path}: the last line was torn, its {len(rest)} bytes now lie in {aside.name}", stacklevel=3)


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.torn")


def torn(path: str | Path) -> int:
    """How many torn lines ``append`` has set aside from this file.

    Source: ours.
    """
    aside = _aside(Path(path))
    return aside.read_bytes().count(b"\n") if aside.exists() else 0


def _parse(line: bytes) -> dict[str, Any] | None:
    """The row of a line, or None if it holds none."""
    try:
        row = json.loads(line)
        return check(row) if isinstance(row, dict) else None
    except (ValueError, RecursionError):
        return None


def _read(path: Path) -> Iterator[dict[str, Any]]:
    *lines, rest = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("not an object of columns and values")
            yield check(row)
        except (ValueError, RecursionError) as error:
            remedy = "correct or delete this line; what run_matrix wrote, it writes again"
            raise ValueError(f"{path}, line {number}: not a result row ({error}). Remedy: {remedy}.") from None
    if row := _parse(rest):
        yield row
    elif rest:
        warnings.warn(f"{path}: the last line is torn and left out; the next append sets it aside", stacklevel=2)


def load(*paths: str | Path) -> pd.DataFrame:
    """The rows of files, folders (their ``*.jsonl``) or glob patterns: the latest of each key, columns in order.

    Later paths, and later lines, come after earlier ones. A torn last line is left out with a warning.

    Raises
    ------
    ValueError
        If a line is not a result row (file and line are named), or a path that is no pattern does not exist.

    Source: ours.
    """
    latest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for file in (file for path in paths for file in _files(Path(path).expanduser())):
        for row in _read(file):
            latest.pop(_key(row), None)
            latest[_key(row)] = row
    return _frame(latest.values())


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.jsonl"))
    if path.is_file():
        return [path]
    if glob.has_magic(str(path)):
        return [file for found in sorted(glob.glob(str(path), recursive=True)) for file in _files(Path(found))]
    raise ValueError(f"{path}: no such file or folder of results; run a fine-tuning notebook first, or name another")


def _frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    held = list(rows)  # column by column, as a row with None would turn its whole numbers into floats
    return pd.DataFrame({name: pd.Series([row[name] for row in held], dtype=kind) for name, kind in COLUMNS.items()})


PAPER_METRIC = {"ner": "f1", "nli": "macro_f1", "qa": "f1", "sts": "pearson", "legal_ner": "f1"}
PAPER_DATASET = {"ner": "CoNLL-2002/2003", "nli": "XNLI", "qa": "MLQA", "sts": "STS22", "legal_ner": "MAPA"}


def load_paper(averages: bool = False) -> pd.DataFrame:
    """The paper's Tables 2 to 6 in the schema of our runs, scores as fractions; a dash has no score.

    ``averages=True`` adds the printed averages as the language ``avg_reported``; they are not always the row's mean.

    Source: paper Tables 2 to 6; ``metric``, ``split`` and ``train_languages`` as data/paper/README.md says.
    """
    with PAPER.open(encoding="utf-8", newline="") as handle:
        cells = list(csv.DictReader(handle))
    trained: dict[str, set[str]] = {}
    for cell in cells:
        if cell["setting"] == "each" and cell["score"] and cell["language"] != AVG_REPORTED:
            trained.setdefault(cell["task"], set()).add(cell["language"])
    rows = []
    for cell in cells:
        task, setting, language, printed = cell["task"], cell["setting"], cell["language"], cell["score"]
        if language == AVG_REPORTED and not averages:
            continue
        pairs = {"de-en"} if (task, setting) == ("sts", "all") else set()
        alone = setting == "each" and language != AVG_REPORTED
        # In decimals, so that 86.21 becomes 0.8621 and not its neighbour.
        score = float(Decimal(printed) / (1 if task == "sts" else 100)) if printed else None
        none = dict.fromkeys((name for name, kind in COLUMNS.items() if kind != "str"), None)
        rows.append(
            none
            | dict.fromkeys(("checkpoint_sha", "preset", "dataset_sha", "control"), "none")
            | {"model": cell["model"], "task": task, "dataset": PAPER_DATASET[task], "split": "test"}
            | {"setting": setting, "language": language, "metric": PAPER_METRIC[task], "unit": "fraction"}
            | {"train_languages": language if alone else "+".join(sorted(trained[task] | pairs))}
            | {"score": score, "status": "done" if printed else NOT_REPORTED}
        )
    return _frame(check(row) for row in rows)


def averages(frame: pd.DataFrame, languages: Sequence[str] | None = None) -> pd.DataFrame:
    """Each seed's mean over languages, then ``mean``, ``sd`` and number of ``seeds`` for each model, task, setting, ...

    A seed (of pretraining and fine-tuning together) counts if it has a score for every one of ``languages``, by
    default all that were asked for in its group; ``incomplete`` says how many seeds have not. ``sd`` is the sample's,
    nan with one seed. Printed averages do not count.

    Raises
    ------
    ValueError
        If a seed has two scores for one language (two learning rates, say): which one is meant is for you to say.

    Source: paper 5 (average over languages); seeds and completeness are ours.
    """
    _refuse_doubles(frame)
    asked = frame[(frame["language"] != AVG_REPORTED) & (frame["status"] != NOT_REPORTED)]
    rows = []
    for group, part in asked.groupby(GROUP, sort=False):
        wanted = set(part["language"]) if languages is None else set(languages)
        scored = part[part["language"].isin(wanted)]
        per_seed = scored.groupby(SEEDS, sort=False, dropna=False)["score"].agg(["mean", "count"])
        whole = per_seed.loc[per_seed["count"] == len(wanted), "mean"]
        figures = {"mean": whole.mean(), "sd": whole.std(), "seeds": len(whole)}
        left_out = {"incomplete": len(per_seed) - len(whole), "languages": "+".join(sorted(wanted))}
        rows.append({**dict(zip(GROUP, group, strict=True)), **figures, **left_out})
    return pd.DataFrame(rows, columns=[*GROUP, "mean", "sd", "seeds", "incomplete", "languages"])


def _refuse_doubles(frame: pd.DataFrame) -> None:
    same = [*GROUP, "language", *SEEDS]
    doubles = frame[frame.duplicated(same, keep=False)]
    if len(doubles):
        first = doubles.merge(doubles.head(1)[same], on=same)
        differ = [name for name in KEY if first[name].nunique(dropna=False) > 1]
        where = ", ".join(
            f"{name} {first[name].iloc[0]}" for name in ("model", "task", "setting", "language", "metric")
        )
        raise ValueError(
            f"{len(first)} scores for {where} of one seed; they differ in {', '.join(differ) or 'nothing of the key'}: "
            "filter the frame until one is left"
        )


def table(frame: pd.DataFrame, task: str, metric: str, show: Literal["mean", "sd", "text"] = "mean") -> pd.DataFrame:
    """The paper's layout: a row a model and setting, a column a language (pairs last) and ``Avg``, in fractions.

    ``show`` is the mean over seeds, its standard deviation (nan with one seed), or both as text. ``Avg`` is that of
    ``averages``: over the seeds that have every language.

    Raises
    ------
    ValueError
        If nothing fits ``task`` and ``metric``, or a model and setting stand for several presets, data sets, splits
        or controls.

    Source: paper Tables 2 to 6.
    """
    part = frame[(frame["task"] == task) & (frame["metric"] == metric) & (frame["language"] != AVG_REPORTED)]
    if part.empty:
        there = sorted(set(zip(frame["task"], frame["metric"], strict=True)))
        raise ValueError(f"no row with task={task!r} and metric={metric!r}; there are {there}")
    row = ["model", "setting"]
    average = averages(part)
    for (model, setting), several in average.groupby(row, sort=False):
        if len(several) > 1:
            differ = {name: sorted(set(several[name])) for name in GROUP if several[name].nunique() > 1}
            raise ValueError(
                f"model {model!r}, setting {setting!r} stands for several: {differ}; filter the frame first"
            )
    cells = part.groupby([*row, "language"], sort=False)["score"].agg(mean="mean", sd="std").reset_index()
    every = pd.concat([cells, average.assign(language="Avg")[[*row, "language", "mean", "sd"]]])
    every["text"] = [_text(mean, sd) for mean, sd in zip(every["mean"], every["sd"], strict=True)]
    wide = every.pivot(index=row, columns="language", values=show)
    places = list(dict.fromkeys(part["model"]))
    order = sorted(wide.index, key=lambda pair: (places.index(pair[0]), ALLOWED["setting"].index(pair[1])))
    codes = sorted(set(part["language"]), key=lambda code: ("-" in code, code))
    return wide.reindex(index=pd.MultiIndex.from_tuples(order, names=row), columns=[*codes, "Avg"]).rename_axis(
        columns=None
    )


def _text(mean: float, sd: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:.4f}" if math.isnan(sd) else f"{mean:.4f} ± {sd:.4f}"

"""One tidy row a score, of our runs and of the paper's tables alike: JSON lines on disk, a DataFrame to look at.

Averages are computed, never stored. A row's key is all of it but ``score``, ``n`` and ``status``; where two rows share
a key, the later one holds, and the earlier one stays in the file.
"""

from __future__ import annotations

import glob
import json
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from unibert_lib.runs import writing

# Column and dtype. Text is never empty: what does not apply is "none"; a number that does not apply is None.
COLUMNS: dict[str, str] = {
    "model": "str",  # a trivial rival is "baseline:<name>"
    "checkpoint_sha": "str",
    "preset": "str",
    "task": "str",
    "dataset": "str",  # the collection that was scored, one name for all its languages
    "dataset_sha": "str",
    "train_dataset": "str",  # the collection that was trained on: often the same
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


def _whole(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a file, checked; one written before ``train_dataset`` existed was trained on its ``dataset``."""
    return check(row if "train_dataset" in row else {**row, "train_dataset": row.get("dataset")})


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
    NotWritten
        If the disk is full; the file is as it was.

    Source: ours.
    """
    path, checked = Path(path), [check(row) for row in rows]
    with writing(path):
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
        return _whole(row) if isinstance(row, dict) else None
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
            yield _whole(row)
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
    return frame(latest.values())


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.jsonl"))
    if path.is_file():
        return [path]
    if glob.has_magic(str(path)):
        return [file for found in sorted(glob.glob(str(path), recursive=True)) for file in _files(Path(found))]
    raise ValueError(f"{path}: no such file or folder of results; run a fine-tuning notebook first, or name another")


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    held = list(rows)  # column by column, as a row with None would turn its whole numbers into floats
    return pd.DataFrame({name: pd.Series([row[name] for row in held], dtype=kind) for name, kind in COLUMNS.items()})

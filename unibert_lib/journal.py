"""The run's diary: ``metrics.jsonl``, one row a step and student; ``evaluation.jsonl``, one a language."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from unibert_lib.runs import writing


class Journal:
    """Opened at a step; rows that an interrupted run wrote beyond it are dropped, as they come again."""

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        files = {name: path / f"{name}.jsonl" for name in ("metrics", "evaluation")}
        with writing(path):
            for name, file in files.items():
                last = start if name == "evaluation" else start - 1
                kept = [row for row in read(file) if row["step"] <= last] if start else []
                staging = file.with_suffix(".staging")
                staging.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
                os.replace(staging, file)
            self._streams = {name: file.open("a", encoding="utf-8") for name, file in files.items()}

    def metrics(self, rows: list[dict[str, Any]]) -> None:
        self._write("metrics", rows)

    def evaluation(self, rows: list[dict[str, Any]]) -> None:
        self._write("evaluation", rows)

    def _write(self, name: str, rows: list[dict[str, Any]]) -> None:
        with writing(self._path / f"{name}.jsonl"):
            self._streams[name].writelines(json.dumps(row) + "\n" for row in rows)

    def flush(self) -> None:
        """Every row so far on disk, before a checkpoint that counts on them."""
        for name, stream in self._streams.items():
            with writing(self._path / f"{name}.jsonl"):
                stream.flush()
                os.fsync(stream.fileno())

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with writing(self._path), ExitStack() as streams:
            for stream in self._streams.values():
                streams.callback(stream.close)


def read(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON-lines file; none where there is no file, and a last line cut short by a kill is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows

"""Parquet shards in bounded memory, and a language that appears at once or not at all."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from unibert_lib.corpus.filters import JOINERS
from unibert_lib.corpus.records import FormatError, Quarantined
from unibert_lib.corpus.report import LanguageReport
from unibert_lib.corpus.stream import LONE_SURROGATE
from unibert_lib.runs import RunError, writing

_COUNTS = "_report.json"  # parquet readers skip names that begin with an underscore
ROW_GROUP_ROWS = 5_000
ROW_GROUP_CHARACTERS = 4_000_000
PATIENCE = 20.0  # seconds in which a worker must have noticed that its leader is gone (ours)
PART_CHARACTERS = 128_000_000  # many shards: datasets reads with one worker a file

KEPT = pa.schema([("page", pa.string()), ("title", pa.string()), ("paragraph", pa.int32()), ("text", pa.string())])
KEPT_WITH_PIECES = KEPT.append(pa.field("pieces", pa.int32()))
DROPPED = pa.schema([*KEPT, ("reason", pa.string()), ("rule", pa.string()), ("raw", pa.string())])


def storable(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which UTF-8 and parquet cannot hold.

    Source: ours (RELIABILITY, row 9).
    """
    return text if text.isprintable() else LONE_SURROGATE.sub("\ufffd", text)


def count_bytes(text: str) -> int:
    """Length in UTF-8.

    Source: ours.
    """
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def count_joiners(text: str) -> int:
    """Zero-width joiners and non-joiners.

    Source: ours.
    """
    return 0 if text.isprintable() else sum(text.count(joiner) for joiner in JOINERS)


class ShardWriter:
    """Writes rows to ``part-00000.parquet`` and so on; holds one row group at most."""

    def __init__(self, folder: Path, schema: pa.Schema, *, always: bool = False) -> None:
        self.folder, self.schema, self.always = folder, schema, always
        self._rows: list[tuple[Any, ...]] = []
        self._characters = self._part_characters = 0
        self._part = len(sorted(folder.glob("part-*.parquet")))
        self._writer: pq.ParquetWriter | None = None

    def add(self, *row: Any) -> None:
        """Add one row, its values in the order of the schema."""
        texts = [value for value in row if isinstance(value, str)]
        self._characters += sum(map(len, texts))
        if not all(map(str.isprintable, texts)):
            row = tuple(storable(value) if isinstance(value, str) else value for value in row)
        self._rows.append(row)
        if len(self._rows) >= ROW_GROUP_ROWS or self._characters >= ROW_GROUP_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * len(self.schema)
        arrays = [pa.array(column, type=item.type) for column, item in zip(columns, self.schema, strict=True)]
        with writing(self.folder):
            if self._writer is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._writer = pq.ParquetWriter(self.folder / f"part-{self._part:05d}.parquet", self.schema)
                self._part += 1
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self.schema))
        self._part_characters += self._characters
        self._rows, self._characters = [], 0
        if self._part_characters >= PART_CHARACTERS:
            self._close_part()

    def _close_part(self) -> None:
        writer, self._writer, self._part_characters = self._writer, None, 0
        if writer is not None:
            with writing(self.folder):
                writer.close()

    def close(self) -> None:
        """Write what is left; with ``always``, an empty language still gets a file without rows."""
        if self._rows or (self.always and self._part == 0):
            self._flush()
        self._close_part()


class StagedLanguage:
    """One language of a corpus, written aside and moved into place when it is complete.

    The folder ``<out>/<language>`` is moved last: where it exists the language is finished. Who writes a language holds
    its lock (``<out>/.locks/<language>``): a worker whose leader was killed may live on for a moment, and must not
    write beside the one that begins again.

    Raises
    ------
    RunError
        If another process goes on writing this language for longer than :data:`PATIENCE`.
    """

    def __init__(self, out: Path, language: str, schema: pa.Schema) -> None:
        self.out, self.language = out, language
        self._folder = out / ".staging" / language
        self._schema = schema
        self._quarantine: TextIO | None = None

    def __enter__(self) -> StagedLanguage:
        place = self.out / ".locks" / self.language
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock = FileLock(place).acquire(timeout=PATIENCE)
            except Timeout:
                raise RunError(f"{place}: another process writes this language; wait for it, or end it") from None
        shutil.rmtree(self._folder, ignore_errors=True)  # what a killed run left
        with writing(self._folder):
            self.dropped_folder.mkdir(parents=True)
        self.kept = ShardWriter(self._folder / "kept", self._schema, always=True)
        self.dropped = ShardWriter(self.dropped_folder, DROPPED)
        return self

    @property
    def dropped_folder(self) -> Path:
        return self._folder / "dropped"

    @property
    def quarantine_file(self) -> Path:
        return self._folder / "quarantined.jsonl"

    def continue_dropped(self) -> None:
        """Number further parts after those that were copied into the folder."""
        self.dropped = ShardWriter(self.dropped_folder, DROPPED)

    def quarantine(self, record: Quarantined) -> None:
        """Append one unreadable record, lone surrogates escaped, as a line of JSON."""
        with writing(self.quarantine_file):
            if self._quarantine is None:
                self._quarantine = self.quarantine_file.open("a", encoding="utf-8")
            self._quarantine.write(json.dumps(asdict(record)) + "\n")

    def complete(self, report: LanguageReport) -> None:
        """Move the finished language into place, once its rows on disk are as many as the report says."""
        self._close()
        check_rows(self._folder / "kept", report.paragraphs_out)
        check_rows(self.dropped_folder, sum(report.drops.values()))
        with writing(self.out / self.language):
            self._move(report)

    def _move(self, report: LanguageReport) -> None:
        (self._folder / "kept" / _COUNTS).write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
        for source, target in (
            (self.dropped_folder, self.out / "dropped" / self.language),
            (self.quarantine_file, self.out / "quarantined" / f"{self.language}.jsonl"),
            (self._folder / "kept", self.out / self.language),
        ):
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
            if source.is_file() or (source.is_dir() and any(source.iterdir())):
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(source, target)

    def _close(self) -> None:
        self.kept.close()
        self.dropped.close()
        stream, self._quarantine = self._quarantine, None
        if stream is not None:
            with writing(self.quarantine_file):
                stream.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            with suppress(*(() if error is None else (OSError, ValueError))):  # the first error is the one to tell
                self._close()  # after an error the staged shards stay readable, for inspection
            if error is None:
                shutil.rmtree(self._folder, ignore_errors=True)
            elif isinstance(error, ValueError):
                error.add_note(f"what was read before the error lies in {self._folder}")


def check_rows(folder: Path, expected: int) -> None:
    """Count the rows of a folder's shards against the report's.

    Raises
    ------
    FormatError
        If there are more or fewer.

    Source: ours (RELIABILITY: input = kept + dropped + quarantined).
    """
    rows = sum(pq.read_metadata(part).num_rows for part in sorted(folder.glob("part-*.parquet")))
    if rows != expected:
        reason = f"the shards hold {rows} rows where the report says {expected}"
        raise FormatError(folder, reason, remedy="delete this folder and run the same again")


def tidy(out: Path) -> None:
    """Remove the folder in which languages were staged, unless one was left there by an error."""
    staging = out / ".staging"
    if staging.is_dir() and not any(staging.iterdir()):
        staging.rmdir()


def finished(out: Path, language: str) -> LanguageReport | None:
    """The report of a language that an earlier run finished, or None; its rows are counted.

    Raises
    ------
    FormatError
        If the shards hold another number of rows than the report says.
    """
    path = out / language / _COUNTS
    if not path.is_file():
        return None
    shutil.rmtree(out / ".staging" / language, ignore_errors=True)  # of a run killed between the last move and this
    report = LanguageReport(**json.loads(path.read_text(encoding="utf-8")))
    check_rows(out / language, report.paragraphs_out)
    return report

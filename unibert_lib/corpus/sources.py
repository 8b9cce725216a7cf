"""Other ways in: one sentence a line, Hugging Face datasets, parquet, and whole folders by language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from unibert_lib.corpus.records import RAW_CHARACTERS, Document, FormatError, Quarantined
from unibert_lib.corpus.stream import LONE_SURROGATE, decoded_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from datasets import Dataset, IterableDataset

LINE_CHARACTERS = 1 << 20  # a longer line is no sentence; it is quarantined and never held whole (ours)
_BATCH = 1_000


def read_sentences(
    path: str | Path, language: str, *, on_bytes: Callable[[int], None] | None = None
) -> Iterator[Document | Quarantined]:
    """Read a text file, plain or compressed, with one sentence a line; empty lines are skipped.

    Each line is a page of its own, named by its number, so that a split by page is a split by sentence. Lines that
    are not valid in the file's encoding, or longer than a million characters, are quarantined.

    Raises
    ------
    FormatError
        If a compressed file breaks off, after its complete lines.

    Source: ours.
    """
    number, rest, too_long = 1, "", False
    name = str(path)

    def record(line: str) -> Iterator[Document | Quarantined]:
        if too_long:
            yield Quarantined(name, number, f"the line is longer than {LINE_CHARACTERS} characters", line)
        elif LONE_SURROGATE.search(line):
            yield Quarantined(name, number, "a byte that is not valid in the file's encoding", line)
        elif text := line.strip():
            yield Document(text, language, str(number), "", 0)

    ignored: list[str] = []
    for chunk in decoded_chunks(path, on_bytes, ignored.append):
        pieces = chunk.split("\n")
        for piece in pieces[:-1]:
            yield from record(rest + piece)
            number, rest, too_long = number + 1, "", False
        rest += pieces[-1]
        if len(rest) > LINE_CHARACTERS:
            rest, too_long = rest[:RAW_CHARACTERS], True
    yield from record(rest)
    yield from (Quarantined(name, number, said, "") for said in ignored)


def read_dataset(
    dataset: Dataset | IterableDataset | str | Path, language: str, text_column: str = "text"
) -> Iterator[Document | Quarantined]:
    """Read a Hugging Face dataset, streaming or not, a folder that it saved, or parquet files.

    The columns ``page`` (or ``id``), ``title`` and ``paragraph`` are used where present; otherwise a row is a page.

    Raises
    ------
    ValueError
        If there is no such column or folder, or the dataset still holds its splits.

    Source: ours.
    """
    name = str(dataset) if isinstance(dataset, str | Path) else f"dataset {type(dataset).__name__}"
    number = 0
    for rows in _batches(dataset, text_column):
        count = len(rows[text_column])
        pages = rows.get("page", rows.get("id", [None] * count))
        titles = rows.get("title", [None] * count)
        ordinals = rows.get("paragraph", [None] * count)
        for text, page, title, ordinal in zip(rows[text_column], pages, titles, ordinals, strict=True):
            number += 1
            if not isinstance(text, str):
                reason = f"column {text_column!r} holds {type(text).__name__}, not text"
                yield Quarantined(name, number, reason, repr(text)[:RAW_CHARACTERS])
                continue
            place = ordinal if isinstance(ordinal, int) else 0
            yield Document(text, language, str(number if page is None else page), str(title or ""), place)


def _batches(dataset: Any, text_column: str) -> Iterator[dict[str, list[Any]]]:
    if isinstance(dataset, str | Path):
        files = parquet_files(Path(dataset))
        if files:
            for path in files:
                yield from _parquet_batches(path, text_column)
            return
        dataset = _load_saved(Path(dataset))
    if isinstance(dataset, dict):
        remedy = f"choose one of its splits: {', '.join(map(str, dataset))}"
        raise ValueError(f"the dataset still holds its splits; {remedy}")
    if dataset.column_names is not None:
        _need_column(text_column, dataset.column_names, "the dataset")
    for rows in dataset.iter(batch_size=_BATCH):
        _need_column(text_column, list(rows), "the dataset")
        yield rows


def parquet_files(path: Path) -> list[Path]:
    """The parquet files of a folder, in order, or the one file itself.

    Raises
    ------
    ValueError
        If there is nothing at ``path``.

    Source: ours.
    """
    if not path.exists():
        raise ValueError(f"{path}: no such file or folder: check the name")
    return [path] if path.is_file() else sorted(path.glob("*.parquet"))


def _parquet_batches(path: Path, text_column: str) -> Iterator[dict[str, list[Any]]]:
    try:
        table = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise FormatError(path, f"this is no parquet file ({error})", remedy="write or download it again") from error
    with table:
        names = table.schema_arrow.names
        _need_column(text_column, names, str(path))
        columns = [name for name in ("page", "id", "title", "paragraph") if name in names and name != text_column]
        batches, rows = table.iter_batches(batch_size=_BATCH, columns=[text_column, *columns]), 0
        while True:
            try:
                if (batch := next(batches, None)) is None:
                    return
                columns_of_batch = batch.to_pydict()
            except (OSError, ValueError) as error:
                reason = f"broken after row {rows} ({' '.join(str(error).split())})"
                raise FormatError(path, reason, remedy="write or download it again") from error
            rows += batch.num_rows
            yield columns_of_batch


def _load_saved(path: Path) -> Any:
    if not (path / "dataset_info.json").exists() and not (path / "dataset_dict.json").exists():
        remedy = "give a folder of *.parquet files or one written by Dataset.save_to_disk"
        raise ValueError(f"{path}: no parquet file and no saved dataset here; {remedy}")
    from datasets import load_from_disk

    for state in path.rglob("state.json"):
        names = [str(entry.get("filename")) for entry in _listed(state)]
        if outside := [name for name in names if Path(name).name != name]:
            reason = f"it takes its rows from {outside[0]!r}, which lies elsewhere"
            raise FormatError(state, reason, remedy="write the data set again with Dataset.save_to_disk")
    try:
        return load_from_disk(str(path))
    except (OSError, ValueError, LookupError, TypeError) as error:
        reason = f"this is no saved dataset ({type(error).__name__}: {error})"
        raise FormatError(path, reason, remedy="write it again with Dataset.save_to_disk") from error


def _listed(state: Path) -> list[dict[str, Any]]:
    try:
        files = json.loads(state.read_text(encoding="utf-8"))["_data_files"]
        return [dict(entry) for entry in files]
    except (ValueError, LookupError, TypeError) as error:
        reason = f"no list of data files ({type(error).__name__})"
        raise FormatError(state, reason, remedy="write the data set again with Dataset.save_to_disk") from error


def _need_column(column: str, names: Iterable[str], where: str) -> None:
    names = list(names)
    if column not in names:
        raise ValueError(f"{where} has no column {column!r}: set text_column to one of {', '.join(names) or 'none'}")

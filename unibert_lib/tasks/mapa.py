"""Read MAPA: legal and administrative texts in 21 languages, one sentence as JSON a line, entities on two levels."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from unibert_lib.config import unknown
from unibert_lib.corpus.stream import LONE_SURROGATE
from unibert_lib.tasks.drafts import Draft, draft, settle
from unibert_lib.tasks.iob import Fault, Scheme
from unibert_lib.tasks.records import FormatError, Quarantined, Split, TaggedSentence, TaskData

Level = Literal["coarse", "fine"]
_NEEDED = ("language", "file_name", "sentence_number", "tokens")


def read_mapa(
    path: str | Path,
    *,
    level: Level = "coarse",
    language: str | None = None,
    scheme: Scheme | None = None,
    split: Split = "train",
) -> TaskData[TaggedSentence]:
    """Read a JSON-lines file with the keys language, file_name, sentence_number, tokens and ``<level>_grained``.

    The conversions come with ``B-``/``I-`` and without; without, equal neighbours are one entity, since two cannot
    be told apart. A file may hold one language or all; ``language`` keeps one and counts the rest as
    ``other_languages``. Other keys (``type``, the other level) are neither needed nor read.

    Lines that are no such record (bad JSON, a missing key, keys of another type) are quarantined in every split.
    What still has tokens and tags (lengths that differ, tokens that are no text, a second record of the same
    language, file and sentence) is quarantined in training, and repaired and flagged elsewhere.
    ``lines = records + quarantined + other_languages``.

    Raises
    ------
    FormatError
        If the file has no line.
    ValueError
        If the language is not in it (the message names those that are), or the file cannot be read.

    Source: de Gibert Bonet et al. (2022); PROTOCOL, "MAPA"; the checks are ours (RELIABILITY, row 38).
    """
    path, counts = Path(path), Counter[str]()
    if level not in get_args(Level):
        raise ValueError(unknown("level", str(level), get_args(Level)))
    drafts: list[Draft] = []
    malformed: list[Quarantined] = []
    others: Counter[str] = Counter()
    seen: dict[tuple[str, str, int], int] = {}
    for number, line in _lines(path):
        counts["lines"] += 1
        row, kind, reason = _parse(line, f"{level}_grained")
        if kind:
            counts[f"fault_{kind}"] += 1
            malformed.append(Quarantined(str(path), number, reason, line.decode("utf-8", "replace")))
            continue
        if language is not None and row["language"] != language:
            others[row["language"]] += 1
            continue
        key = (row["language"], row["file_name"], row["sentence_number"])
        # One document, one sentence; languages cut their translations into sentences differently, so none is shared.
        item = f"{key[0]}/{key[1]}:{key[2]}"
        sentence = draft(row["tokens"], row[f"{level}_grained"], None, key[0], item, str(path), number)
        if key in seen:
            why = f"language, file_name and sentence_number are those of line {seen[key]}: {key!r:.120}"
            fault = Fault(number, "duplicate", why)
            sentence = replace(sentence, item=f"{item}#{number}", faults=(*sentence.faults, fault))
        seen.setdefault(key, number)
        drafts.append(sentence)
    if not counts["lines"]:
        raise FormatError(path, "no line in it", remedy="download it again, or leave it out", line=1)
    if language is not None and others and not drafts:
        found = ", ".join(sorted(others))
        raise ValueError(f"{path}: no sentence in language {language!r}: ask for one of {found}")
    counts["other_languages"] = others.total()
    data = settle(drafts, scheme=scheme, split=split, counts=counts)
    return replace(data, quarantined=tuple(sorted((*malformed, *data.quarantined), key=lambda bad: bad.line)))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as handle:
            for number, line in enumerate(handle, 1):
                if filled := (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).strip():
                    yield number, filled
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}): check the name") from error


def _parse(line: bytes, column: str) -> tuple[Mapping[str, Any], str, str]:
    """The record; or the kind and reason of why it is none."""
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return {}, "bytes", f"byte {error.start} of the line is not valid in UTF-8"
    except (ValueError, RecursionError) as error:
        return {}, "json", f"this is no JSON ({error})"
    if not isinstance(row, dict):
        return {}, "json", f"this is {type(row).__name__}, not an object"
    if missing := [key for key in (*_NEEDED, column) if key not in row]:
        return {}, "key", f"key {missing[0]!r} is missing among {', '.join(row)!r:.120}"
    number = row["sentence_number"]
    names = ("language", "file_name")
    wrong = [key for key in names if not isinstance(row[key], str) or not row[key] or LONE_SURROGATE.search(row[key])]
    if not isinstance(number, int) or isinstance(number, bool):
        wrong.append("sentence_number")
    if wrong:
        return {}, "type", f"{wrong[0]} is {row[wrong[0]]!r:.60}"
    if not isinstance(row["tokens"], list) or not isinstance(row[column], list) or not row["tokens"]:
        return {}, "type", f"tokens and {column} must be lists with something in them"
    return row, "", ""

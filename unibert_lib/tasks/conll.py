"""Read words and tags in columns: CoNLL-2002, CoNLL-2003, WikiANN / PAN-X, ECHR, and the same data as rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unibert_lib import languages
from unibert_lib.tasks.drafts import Draft, draft, settle
from unibert_lib.tasks.iob import Fault, Scheme
from unibert_lib.tasks.reading import read_lines
from unibert_lib.tasks.records import FormatError, Split, TaggedSentence, TaskData, Unlabelled
from unibert_lib.tasks.spelling import SPELLINGS, is_tag

_PREFIX = re.compile(r"([a-z]{2,8}(?:-[a-z0-9]{1,10}){0,3}):")  # en:, be-x-old:, simple:
_PLAUSIBLE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,10}){0,3}")
MOST = 0.9  # ours: of a column's cells, where a few may be broken
PHRASES = frozenset(["NP", "VP", "PP", "ADJP", "ADVP", "SBAR", "PRT", "INTJ", "CONJP", "LST", "UCP"])  # CoNLL-2000's
_TASK_NAMES = {"esp": "es", "ned": "nl", "eng": "en", "deu": "de"}  # as the CoNLL files are named

Line = tuple[int, list[str], str]  # number from 1, columns (none where it is blank), the line itself


def read_conll(
    path: str | Path,
    *,
    language: str | None = None,
    columns: int | None = None,
    scheme: Scheme | None = None,
    split: Split = "train",
    encoding: str | None = None,
) -> TaskData[TaggedSentence]:
    """Read a file with a token and its tag a line, and a blank line between sentences.

    The tag stands in the last column, or in the one that holds tags; a first column that counts is passed over, and so
    are lines that begin a sentence with ``#`` and are no token of it (counted as ``comments``).

    Columns are parted by tabs where most lines hold one (tokens may then hold spaces), else by spaces and tabs; a
    no-break space parts nothing. ``-DOCSTART-`` lines end a sentence and are counted. Tokens that show nothing
    (empty, zero-width) are kept and counted as ``invisible_tokens``. Tags become IOB2, the types as they are published;
    letters alone (``B``, ``I``, ``O``) name no type, and get ``ENT``.

    A sentence with a fault (another number of columns, an illegal tag or sequence, bytes that are no UTF-8, over
    5,000 tokens) is quarantined in training; in the other splits it stays, repaired, and is listed in ``flagged``.

    Parameters
    ----------
    language
        None: the prefix ``en:`` that most tokens carry, else the file's name (``esp.train``, ``dev-sw.tsv``), else
        the folder's. Prefixes are removed.
    columns
        How many columns a line has; None: as most lines.
    scheme
        None: see :func:`unibert_lib.tasks.iob.detect`. ``iob1`` takes an ``I-X`` after O for an entity's beginning.
    encoding
        None: UTF-8 (with or without BOM). Where more lines are invalid in it than hold valid non-ASCII, the file is
        read as ISO-8859-1 and counted as ``latin1_files``; otherwise the invalid lines are faults.

    Raises
    ------
    FormatError
        If the file holds no sentence, is no text, or has one column (:class:`Unlabelled`); at the first
        line whose tag does not fit, if it mixes spellings or schemes, or most of its tags are of none.
    ValueError
        If the language is not known, or is not that of the prefix; for a file that is not there.

    Source: CoNLL-2002, CoNLL-2003, WikiANN; the checks are ours (RELIABILITY, row 31).
    """
    path, counts = Path(path), Counter[str]()
    text, invalid = read_lines(path, encoding, counts)
    lines = list(_lines(text))
    filled = [cells for _, cells, _ in lines if cells and not _is_document(cells)]
    widths = Counter(map(len, filled))
    if not widths:
        raise FormatError(path, "no sentence in it", remedy="download it again, or leave it out", line=1)
    width = max(widths, key=lambda n: (widths[n], n)) if columns is None else columns
    if width < 2:
        remedy = "a line needs a token and its tag: get the file with the tags"
        raise Unlabelled(path, f"{width} column, so published without tags", remedy=remedy, line=1)
    at, tagged = _columns(lines, width, counts)
    prefix = _common_prefix([cells[at] for cells in filled if len(cells) > at])
    code = _language(path, language, prefix)
    drafts = list(_sentences(path, lines, width, (at, tagged), prefix, code, invalid, counts))
    return settle(drafts, scheme=scheme, split=split, counts=counts)


def from_rows(
    rows: Iterable[Mapping[str, Any]],
    names: Sequence[str] | None,
    language: str,
    *,
    scheme: Scheme | None = None,
    split: Split = "train",
    source: str = "rows",
) -> TaskData[TaggedSentence]:
    """Read rows with ``tokens`` and ``ner_tags``, the layout of the hub's copies; ``line`` is the row from 1.

    ``names`` spells out integer tags (``dataset.features["ner_tags"].feature.names``); string tags need none.

    Raises
    ------
    ValueError
        If there is no row, if rows lack a column, or if tags are integers and ``names`` is None.

    Source: ours; the layout is that of the hub's wikiann, conll2002 and conll2003.
    """
    drafts, counts = [], Counter[str]()
    for number, row in enumerate(rows, 1):
        if missing := [column for column in ("tokens", "ner_tags") if column not in row]:
            found = ", ".join(map(str, row))
            raise ValueError(f"{source}, row {number}: no column {missing[0]!r} among {found}: rename it")
        tags = row["ner_tags"]
        if names is None and isinstance(tags, list) and any(isinstance(tag, int) for tag in tags):
            raise ValueError(f"{source}, row {number}: tags are integers: give names, the label of each integer")
        drafts.append(draft(row["tokens"], tags, names, language, f"{language}/{source}:{number}", source, number))
    if not drafts:
        raise ValueError(f"{source}: no row: check the split")
    return settle(drafts, scheme=scheme, split=split, counts=counts)


def _lines(text: str) -> Iterator[Line]:
    lines = text.split("\n")  # not splitlines(): it also cuts at U+0085 and U+2028, which tokens may hold
    filled = [line for line in lines if line.strip(" \t\r")]
    tabs = 2 * sum("\t" in line.rstrip(" \t\r") for line in filled) > len(filled)
    for number, line in enumerate(lines, 1):
        trimmed = line.rstrip(" \t\r")
        if not trimmed:
            yield number, [], line
        else:
            yield number, trimmed.split("\t") if tabs else re.split(r"[ \t]+", trimmed.lstrip(" \t")), line


def _is_document(cells: Sequence[str]) -> bool:
    return cells[0].rpartition(":")[2].startswith("-DOCSTART-")


def _columns(lines: Sequence[Line], width: int, counts: Counter[str]) -> tuple[int, int]:
    """The columns of the token and of its tag.

    A first column that counts the tokens of each sentence is no token. The tag stands in the column where most cells
    are tags; of several the one with most entities, the last of equals. Phrases (``B-NP``) are no entities.
    """
    rows, expected, counted = [], 0, 0
    for _, cells, _ in lines:
        if len(cells) == width and not _is_document(cells):
            rows.append(cells)
            counted += cells[0] in (str(expected), "0", "1") if expected < 2 else cells[0] == str(expected)
            expected = int(cells[0]) + 1 if cells[0].isdecimal() and cells[0].isascii() else 0
        else:
            expected = 0
    at = int(width > 2 and len(rows) > 1 and counted >= MOST * len(rows))
    counts["index_column"] += at
    best, most = width - 1, -1
    for column in range(at + 1, width):
        cells = [row[column].lstrip(" ") for row in rows]
        kinds = {cell for cell in cells if cell not in ("O", "o")}
        entities = sum(cell in kinds for cell in cells)
        phrases = kinds and all(kind[2:] in PHRASES for kind in kinds)
        if not phrases and sum(map(_tag_like, cells)) >= MOST * len(cells) and entities >= max(most, 0):
            best, most = column, entities
    return at, best


def _tag_like(cell: str) -> bool:
    return any(spelling.read(cell) for spelling in SPELLINGS)


def _common_prefix(tokens: Sequence[str]) -> str:
    found = Counter(match[1] for match in map(_PREFIX.match, tokens) if match)
    code, count = found.most_common(1)[0] if found else ("", 0)
    return code if 2 * count > len(tokens) else ""


def _language(path: Path, asked: str | None, prefix: str) -> str:
    if asked is not None:
        if asked not in languages.LANGUAGES and asked != prefix and not _PLAUSIBLE.fullmatch(asked):
            languages.check((asked,))  # raises, naming the nearest
        if prefix and asked != prefix:
            remedy = f"ask for {prefix!r}, or check the file"
            raise ValueError(f"{path}: language {asked!r} is asked, its tokens are prefixed {prefix + ':'!r}: {remedy}")
        return asked
    if prefix:
        return prefix
    pieces = {_TASK_NAMES.get(piece, piece) for piece in re.split(r"[^a-z]+", path.name.lower())}
    for candidates in (pieces, {path.parent.name}):
        codes = sorted(code for code in candidates if len(code) <= 3 and code in languages.LANGUAGES)
        if len(codes) == 1:
            return codes[0]
    raise ValueError(f"{path}: neither its name nor its tokens tell one language: give language=")


def _is_row(cells: Sequence[str], width: int, tag: int) -> bool:
    return len(cells) == width and (_tag_like(cells[tag]) or width == 2)


def _sentences(
    path: Path,
    lines: Iterable[Line],
    width: int,
    columns: tuple[int, int],
    prefix: str,
    code: str,
    invalid: frozenset[int],
    counts: Counter[str],
) -> Iterator[Draft]:
    start, ordinal = f"{prefix}:" if prefix else "", 0
    rows: list[tuple[str, str, int, str]] = []  # token, tag, line number, line
    wrong: list[Fault] = []
    for number, cells, line in [*lines, (0, [], "")]:
        document = bool(cells) and _is_document(cells)
        counts["docstarts"] += document
        comment = bool(cells) and not rows and cells[0].startswith("#") and not _is_row(cells, width, columns[1])
        counts["comments"] += comment
        if comment:
            continue
        if cells and not document:
            whole = len(cells) == width
            token, tag = cells[columns[0] if whole else 0], cells[columns[1] if whole else -1].lstrip(" ")
            if not whole:
                tag = tag if len(cells) > 1 and is_tag(tag) else ""  # else it may be a part of speech
                wrong.append(Fault(number, "ragged", f"{len(cells)} columns where the file has {width}"))
            if not token.startswith(start):
                wrong.append(Fault(number, "prefix", f"token {token!r:.60} lacks the prefix {start!r} of the others"))
            if number in invalid:
                wrong.append(Fault(number, "bytes", "a byte that is not valid in UTF-8"))
            rows.append((token.removeprefix(start), tag, number, line))
        elif rows:
            ordinal += 1
            tokens, tags, numbers, raw = zip(*rows, strict=True)
            item = f"{code}/{path.name}:{ordinal}"
            yield Draft(tokens, tags, code, item, str(path), numbers, "\n".join(raw), tuple(wrong))
            rows, wrong = [], []

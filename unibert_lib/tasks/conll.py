"""Read words and tags in columns: CoNLL-2002, CoNLL-2003, WikiANN / PAN-X, ECHR, and the same data as rows."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unibert_lib import languages
from unibert_lib.corpus.stream import LONE_SURROGATE
from unibert_lib.tasks.iob import Draft, Fault, Scheme, is_tag, settle
from unibert_lib.tasks.records import FormatError, Split, TaggedSentence, TaskData, Unlabelled

_PREFIX = re.compile(r"([a-z]{2,8}(?:-[a-z0-9]{1,10}){0,3}):")  # en:, be-x-old:, simple:
_PLAUSIBLE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,10}){0,3}")
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
    """Read a file with a token a line, its tag in the last column, and a blank line between sentences.

    Columns are parted by tabs where most lines hold one (tokens may then hold spaces), else by spaces and tabs; a
    no-break space parts nothing. ``-DOCSTART-`` lines end a sentence and are counted. Tokens that show nothing
    (empty, zero-width) are kept and counted as ``invisible_tokens``. Tags become IOB2.

    A sentence with a fault (another number of columns, an illegal tag or sequence, bytes that are no UTF-8, over
    1,000 tokens) is quarantined in training; in the other splits it stays, repaired, and is listed in ``flagged``.

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
        If the file holds no sentence, is no text, or has one column (:class:`Unlabelled`).
    ValueError
        If the language is not known, or is not that of the prefix; for a file that is not there.

    Source: CoNLL-2002, CoNLL-2003, WikiANN; the checks are ours (RELIABILITY, row 31).
    """
    path, counts = Path(path), Counter[str]()
    text, invalid = _decode(path, encoding, counts)
    lines = list(_lines(text))
    filled = [cells for _, cells, _ in lines if cells and not _is_document(cells)]
    widths = Counter(map(len, filled))
    if not widths:
        raise FormatError(path, "no sentence in it", remedy="download it again, or leave it out", line=1)
    width = max(widths, key=lambda n: (widths[n], n)) if columns is None else columns
    if width < 2:
        remedy = "a line needs a token and its tag: get the file with the tags"
        raise Unlabelled(path, f"{width} column, so published without tags", remedy=remedy, line=1)
    prefix = _common_prefix([cells[0] for cells in filled])
    code = _language(path, language, prefix)
    drafts = list(_sentences(path, lines, width, prefix, code, invalid, counts))
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


def draft(
    tokens: Any, tags: Any, names: Sequence[str] | None, language: str, item: str, path: str, number: int
) -> Draft:
    """A sentence from two lists that nobody has checked: every fault is noted, nothing raises.

    Tokens that are no text become "", tags that are none are left out; tags beyond the last token are dropped.

    Source: ours (RELIABILITY, rows 31 and 38).
    """
    raw = f"tokens={tokens!r} tags={tags!r}"
    wrong = []
    for what, values in (("tokens", tokens), ("tags", tags)):
        if not isinstance(values, list | tuple):
            wrong.append(Fault(number, "shape", f"{what} is {type(values).__name__}, not a list"))
    tokens = list(tokens) if isinstance(tokens, list | tuple) else []
    tags = list(tags) if isinstance(tags, list | tuple) else []
    if not wrong and not tokens:
        wrong.append(Fault(number, "empty", "there is no token"))
    if len(tokens) != len(tags):
        wrong.append(Fault(number, "length", f"{len(tokens)} tokens and {len(tags)} tags"))
        tags = (tags + [""] * len(tokens))[: len(tokens)]
    for at, token in enumerate(tokens):
        if not isinstance(token, str):
            wrong.append(Fault(number, "token", f"token {at} is {token!r:.60}, not text"))
            tokens[at] = ""
        elif LONE_SURROGATE.search(token):
            wrong.append(Fault(number, "token", f"token {at} holds half a character (a lone surrogate)"))
            tokens[at] = LONE_SURROGATE.sub("\ufffd", token)
    for at, tag in enumerate(tags):
        if names is not None and isinstance(tag, int) and not isinstance(tag, bool) and 0 <= tag < len(names):
            tags[at] = names[tag]
        elif not isinstance(tag, str) or LONE_SURROGATE.search(tag):
            wrong.append(Fault(number, "label", f"tag {at} is {tag!r:.60}, which has no name"))
            tags[at] = ""
    return Draft(tuple(tokens), tuple(tags), language, item, path, (number,) * len(tokens), raw, tuple(wrong))


def _decode(path: Path, encoding: str | None, counts: Counter[str]) -> tuple[str, frozenset[int]]:
    """The text, and the numbers of the lines that are not valid in its encoding."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}): check the name") from error
    if encoding is not None:
        try:
            text = data.decode(encoding)
        except (UnicodeError, LookupError) as error:
            raise FormatError(path, f"not {encoding} ({error})", remedy="name another encoding, or none") from error
        text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        return (text if "\n" in text else text.replace("\r", "\n")), frozenset()
    if b"\0" in data:
        remedy = 'give encoding="utf-16" if it is that, else download it again'
        raise FormatError(path, "a NUL byte: this is no UTF-8 text", remedy=remedy, byte=data.index(b"\0"))
    counts["bom"] += data.startswith(codecs.BOM_UTF8)
    data = data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n")
    pieces = (data if b"\n" in data else data.replace(b"\r", b"\n")).split(b"\n")
    decoded, invalid, beyond_ascii = [], set(), 0
    for number, piece in enumerate(pieces, 1):
        try:
            decoded.append(piece.decode("utf-8"))
            beyond_ascii += not piece.isascii()
        except UnicodeDecodeError:
            decoded.append(piece.decode("utf-8", "replace"))
            invalid.add(number)
    if len(invalid) > beyond_ascii:
        counts["latin1_files"] += 1
        return b"\n".join(pieces).decode("latin-1"), frozenset()
    return "\n".join(decoded), frozenset(invalid)


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


def _sentences(
    path: Path, lines: Iterable[Line], width: int, prefix: str, code: str, invalid: frozenset[int], counts: Counter[str]
) -> Iterator[Draft]:
    start, ordinal = f"{prefix}:" if prefix else "", 0
    rows: list[tuple[str, str, int, str]] = []  # token, tag, line number, line
    wrong: list[Fault] = []
    for number, cells, line in [*lines, (0, [], "")]:
        document = bool(cells) and _is_document(cells)
        counts["docstarts"] += document
        if cells and not document:
            tag = cells[-1].lstrip(" ")
            if len(cells) != width:
                tag = tag if len(cells) > 1 and is_tag(tag) else ""  # else it may be a part of speech
                wrong.append(Fault(number, "ragged", f"{len(cells)} columns where the file has {width}"))
            if not cells[0].startswith(start):
                wrong.append(
                    Fault(number, "prefix", f"token {cells[0]!r:.60} lacks the prefix {start!r} of the others")
                )
            if number in invalid:
                wrong.append(Fault(number, "bytes", "a byte that is not valid in UTF-8"))
            rows.append((cells[0].removeprefix(start), tag, number, line))
        elif rows:
            ordinal += 1
            tokens, tags, numbers, raw = zip(*rows, strict=True)
            item = f"{code}/{path.name}:{ordinal}"
            yield Draft(tokens, tags, code, item, str(path), numbers, "\n".join(raw), tuple(wrong))
            rows, wrong = [], []

"""What the readers of task files share: the text of a file, its language, and where a record belongs."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from unibert_lib import languages
from unibert_lib.corpus.records import FormatError, Quarantined
from unibert_lib.corpus.stream import LONE_SURROGATE, decoded_chunks
from unibert_lib.languages import LANGUAGES
from unibert_lib.tasks.records import Record, Split, TaskData

MAXIMUM_CHARACTERS = 1 << 30  # far above any task file: a compressed bomb ends here (ours)
_CODES = "|".join(sorted(map(re.escape, LANGUAGES), key=len, reverse=True))
_CODE_IN_NAME = re.compile(rf"(?<![^._-])(?:{_CODES})(?![^._-])")
_PLAUSIBLE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8}){0,3}")  # codes outside the table: AmericasNLI's
R = TypeVar("R", bound=Record)


def read_text(path: str | Path) -> str:
    """The text of a file, plain or compressed; a byte that is not UTF-8 becomes a lone surrogate.

    Source: ours (RELIABILITY, rows 3, 7, 31).
    """
    pieces: list[str] = []
    size = 0
    for piece in decoded_chunks(path):
        size += len(piece)
        if size > MAXIMUM_CHARACTERS:
            raise FormatError(path, f"more than {MAXIMUM_CHARACTERS} characters", remedy="split the file")
        pieces.append(piece)
    return "".join(pieces)


def read_lines(path: Path, encoding: str | None, counts: Counter[str]) -> tuple[str, frozenset[int]]:
    """The text, and the numbers of the lines that are not valid in its encoding.

    ``encoding`` None is UTF-8; where more lines are invalid in it than hold valid non-ASCII, it is ISO-8859-1.

    Source: ours; CoNLL-2002's official files are ISO-8859-1.
    """
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


def named_languages(path: str | Path) -> tuple[str, ...]:
    """The codes of the table that stand in a file's name between dots, hyphens or underscores.

    Source: ours (``dev-en.tsv``, ``multinli.train.de.tsv``, ``es_squad-translate-train-train-v1.1.json``).
    """
    return tuple(dict.fromkeys(_CODE_IN_NAME.findall(Path(path).stem)))


def language_of(path: str | Path, given: str | None) -> str:
    """The language that the caller gives, else the one that the file's name holds.

    Raises
    ------
    FormatError
        If neither names it, if the name holds several, or if the two contradict each other.
    ValueError
        If what is given is no code.

    Source: ours.
    """
    named = named_languages(path)
    if given is not None and given not in LANGUAGES and not _PLAUSIBLE.fullmatch(given):
        languages.check((given,))  # raises, naming the nearest
    if given is None and len(named) != 1:
        reason = f"the name holds {'the codes ' + ', '.join(named) if named else 'no code of a language'}"
        raise FormatError(path, reason, remedy="say which language it is: language='xx'")
    if given is not None and named and given not in named:
        remedy = "correct the argument, or rename the file"
        raise FormatError(
            path, f"language {given!r} was asked for, and the name says {', '.join(named)}", remedy=remedy
        )
    return named[0] if given is None else given


@dataclass
class Sorter(Generic[R]):
    """Puts records where their split wants them: faulty ones aside in training, kept and flagged in dev and test.

    Source: ours (RELIABILITY, rows 31 to 39).
    """

    path: str
    split: Split
    records: list[R] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)

    @property
    def flagged(self) -> list[Quarantined]:
        """The flags of the records kept so far."""
        return [record.flag for record in self.records if record.flag is not None]

    def drop(self, line: int, reason: str, raw: str) -> None:
        """Quarantine what cannot be scored in any split."""
        self.quarantined.append(Quarantined(self.path, line, reason, LONE_SURROGATE.sub("\ufffd", raw)))

    def add(self, record: R, line: int, faults: Sequence[str], raw: str) -> None:
        """Keep a record that has a reference; its faults decide what else happens to it."""
        if faults and self.split == "train":
            self.drop(line, "; ".join(faults), raw)
            return
        if faults:
            raw = LONE_SURROGATE.sub("\ufffd", raw)
            record = replace(record, flag=Quarantined(self.path, line, "; ".join(faults), raw))
        self.records.append(record)

    def data(self, **counts: int) -> TaskData[R]:
        """What was sorted; ``counts`` gains kept, quarantined and flagged."""
        sizes = {"kept": len(self.records), "quarantined": len(self.quarantined), "flagged": len(self.flagged)}
        return TaskData(tuple(self.records), tuple(self.quarantined), {**counts, **sizes})

"""What flows through the corpus: pages, paragraphs, and whatever could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

RAW_CHARACTERS = 2_000  # how much of a bad record is kept for inspection (ours)


class FormatError(ValueError):
    """A file as a whole cannot be trusted: truncated, not the format it claims to be, or hostile.

    Attributes
    ----------
    path
        The file.
    line
        The line of the decoded text, counted from 1, or None where only a byte is known.
    byte
        The byte in the file as it lies on disk, or None.
    remedy
        What the reader can do about it.

    Source: ours (RELIABILITY, rows 1 to 5).
    """

    def __init__(
        self, path: str | Path, reason: str, *, remedy: str, line: int | None = None, byte: int | None = None
    ) -> None:
        self.path, self.line, self.byte, self.reason, self.remedy = str(path), line, byte, reason, remedy
        places = [f"{unit} {at}" for unit, at in (("line", line), ("byte", byte)) if at is not None]
        where = " / ".join(places) or "start"
        super().__init__(f"{path}, {where}: {reason}. {remedy[:1].upper()}{remedy[1:]}.")

    def __reduce__(self) -> tuple[object, ...]:
        """From a worker's process to the one that waits for it."""
        again = partial(type(self), remedy=self.remedy, line=self.line, byte=self.byte)
        return again, (self.path, self.reason), self.__dict__


@dataclass(frozen=True)
class Page:
    """One page of a dump, its text still wikitext.

    Source: paper 3.1 (the Wikipedia corpus).
    """

    id: str
    title: str
    namespace: int
    redirect: bool
    text: str
    language: str
    # Names of the file and category namespaces in this wiki, as its dump declares them; shared by all its pages.
    prefixes: frozenset[str] = field(default=frozenset(), repr=False, compare=False)


@dataclass(frozen=True)
class Document:
    """One sample of the corpus: one paragraph, in plain text.

    Source: PROTOCOL, "Corpus" (one sample = one paragraph).
    """

    text: str
    language: str
    page: str
    title: str
    paragraph: int


@dataclass(frozen=True)
class Quarantined:
    """A record that could not be read: where it stood, why, and its first characters.

    Source: ours (RELIABILITY: input = kept + dropped + quarantined).
    """

    path: str
    line: int
    reason: str
    raw: str

    def __post_init__(self) -> None:
        if len(self.raw) > RAW_CHARACTERS:
            object.__setattr__(self, "raw", self.raw[:RAW_CHARACTERS])

    @property
    def file(self) -> str:
        """The file it stood in: another name of ``path``."""
        return self.path

"""Which pages are held out: a share of them by a hash of their ids, and at least one of two in every language."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq


@dataclass(frozen=True)
class PageSplit:
    """The pages of a corpus that no model is trained on.

    ``heldout`` are pages held out in every language although their hash says training; ``training`` names the page
    of a language that is trained on although it is held out elsewhere. Both are empty but for small corpora.
    """

    share: float
    heldout: set[str] = field(default_factory=set)
    training: dict[str, str] = field(default_factory=dict)

    def holds_out(self, page: str, language: str = "") -> bool:
        """Goes by the page's id, so that all its paragraphs, and its parallel pages in other languages where ids are
        shared, fall on the same side."""
        by_hash = self.share > 0 and number(page) < self.share * 2**64
        return (by_hash or page in self.heldout) and page != self.training.get(language)


def number(page: str) -> int:
    """A page's hash, from 0 to 2**64 - 1."""
    return int.from_bytes(hashlib.blake2b(page.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def of_corpus(folder: Path, languages: Sequence[str], share: float) -> PageSplit:
    """The split of a corpus's ``languages``: every one has a page to train on and, with two or more, one held out.

    A language none of whose pages is held out gives its page of the smallest hash, in all languages, as its
    translations must not be trained on. A language none of whose pages is left for training takes back the one of
    the largest hash.

    Source: ours.
    """
    split = PageSplit(share)
    if share <= 0:
        return split
    for code in languages:  # `any` and `all` stop at the first page that settles it: no large corpus is read
        if not any(split.holds_out(page) for page in _pages(folder / code)):
            least, most = (choose(_pages(folder / code), key=number, default="") for choose in (min, max))
            split.heldout.update({least} - {most})
    for code in languages:
        if all(split.holds_out(page) for page in _pages(folder / code)):
            split.training[code] = max(_pages(folder / code), key=number, default="")
    return split


def _pages(source: Path) -> Iterator[str]:
    for file in sorted(source.glob("*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(2000, columns=["page"]):
            yield from batch.column(0).to_pylist()

"""One progress bar over all languages: bytes on disk where the sources know them, languages otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TypeVar

from unibert_lib.corpus.folders import Source
from unibert_lib.progress import bar

Item = TypeVar("Item")
_STEP = 64  # records between two looks at the clock


class Progress:
    """Rate and time left while languages are read one after another."""

    def __init__(self, documents: Mapping[str, Iterable[object]], *, shown: bool) -> None:
        sources = [source for source in documents.values() if isinstance(source, Source)]
        self._in_bytes = bool(sources) and len(sources) == len(documents)
        self._before = 0
        total = sum(source.size for source in sources) if self._in_bytes else len(documents)
        unit = "B" if self._in_bytes else "language"
        self._bar = bar(total=total, unit=unit, unit_scale=self._in_bytes, disable=not shown)

    def watch(self, language: str, source: Iterable[Item]) -> Iterator[Item]:
        """Pass the records on, and move the bar with them."""
        self._bar.set_description(language)
        for number, record in enumerate(source, start=1):
            yield record
            if number % _STEP == 0:
                self._bar.set_postfix_str(f"{number} records", refresh=False)
                self._move(getattr(source, "position", 0) if self._in_bytes else 0)

    def complete(self, source: Iterable[object]) -> None:
        """A language is done."""
        step = source.size if self._in_bytes and isinstance(source, Source) else 1
        self._move(step)
        self._before += step

    def _move(self, position: int) -> None:
        self._bar.update(max(0, self._before + position - self._bar.n))

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

"""MediaWiki XML dumps, page by page, in bounded memory.

The decoded stream is cut at ``<page>`` and ``</page>`` first, and each page is parsed by itself: a NUL, a byte that
is not UTF-8 or a reference to a surrogate then costs one page, not the file.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from unibert_lib.corpus.pagexml import PageError, Siteinfo, parse_page
from unibert_lib.corpus.records import RAW_CHARACTERS, FormatError, Page, Quarantined
from unibert_lib.corpus.stream import DOWNLOAD_AGAIN, decoded_chunks

PAGE_BYTES = 16 << 20  # MediaWiki itself refuses articles over 2 MiB (ours)
_HEADER_CHARACTERS = 1 << 20
_TAIL = 32  # longer than any token looked for, so that a token cut by a chunk's end is found with the next chunk

_OR_EXCERPT = f"{DOWNLOAD_AGAIN}; an excerpt is taken as it is with strict=False"
_NO_DTD = "genuine dumps have none: do not use this file, take it again from the publisher"

_OUTSIDE = re.compile(
    r"<(?:page[\s>]|mediawiki[\s>]|/mediawiki\s{0,9}>|siteinfo\s{0,9}>|/siteinfo\s{0,9}>"
    r"|!--|!\[CDATA\[|!(?i:doctype|entity))"
)
_INSIDE = re.compile(r"<(?:/page\s{0,9}>|page[\s>]|/mediawiki\s{0,9}>)")
_CLOSERS = {"<!--": "-->", "<![CDATA[": "]]>"}


def read_dump(
    path: str | Path,
    language: str,
    *,
    strict: bool = True,
    page_bytes: int = PAGE_BYTES,
    on_bytes: Callable[[int], None] | None = None,
) -> Iterator[Page | Quarantined]:
    """Stream the pages of a MediaWiki export, whatever its version, compression or encoding.

    Parameters
    ----------
    path
        ``.xml``, ``.xml.bz2`` (also multistream) or ``.gz``; told apart by content, not by name.
    language
        The code given to every page.
    strict
        False turns a truncated file into a warning and one quarantined record.
    page_bytes
        A longer page, in bytes of UTF-8, is quarantined.
    on_bytes
        Called with the position in the file on disk, for progress bars.

    Yields
    ------
    Page | Quarantined
        Every page in order: articles, redirects and other namespaces alike; those that cannot be parsed are
        quarantined with file, line and reason. So is, as one record, what follows the end of the dump.

    Raises
    ------
    FormatError
        After the completed pages: if the file breaks off (also where the bz2 stream itself is whole but
        ``</mediawiki>`` is missing), holds a DTD or an entity declaration, or is no MediaWiki export.

    Source: paper 3.1; RELIABILITY, rows 1 to 7.
    """
    splitter = _Splitter(str(path), language, page_bytes)
    ignored: list[str] = []
    try:
        for chunk in decoded_chunks(path, on_bytes, ignored.append):
            yield from splitter.feed(chunk)
    except FormatError as error:
        yield from splitter.cut_off()
        if strict or error.remedy != DOWNLOAD_AGAIN:
            line = splitter.line if error.line is None else error.line
            reason = f"{error.reason}, after {splitter.pages} completed pages"
            remedy = _OR_EXCERPT if error.remedy == DOWNLOAD_AGAIN else error.remedy
            raise FormatError(path, reason, line=line, byte=error.byte, remedy=remedy) from error
        yield splitter.tolerate(error.reason)
        return
    yield from splitter.cut_off()
    yield from (Quarantined(str(path), splitter.line, said, "") for said in ignored)
    if splitter.ended:
        if splitter.trailing:
            said = f"{splitter.trailing} characters after </mediawiki> were ignored"
            warnings.warn(f"{path}: {said}", stacklevel=2)
            yield Quarantined(str(path), splitter.line, said, splitter.tail)
        return
    if not splitter.root and not splitter.pages:
        remedy = "check that this is a pages-articles dump (.xml, .xml.bz2 or .xml.gz)"
        reason = "no <mediawiki> element: this is no MediaWiki export"
        raise FormatError(path, reason, line=splitter.line, remedy=remedy)
    reason = f"the file ends without </mediawiki>, after {splitter.pages} completed pages"
    if strict:
        raise FormatError(path, reason, line=splitter.line, remedy=_OR_EXCERPT)
    yield splitter.tolerate(reason)


class _Splitter:
    """Cuts decoded chunks into pages; holds at most one page, and of one that is too long only its head."""

    def __init__(self, path: str, language: str, page_bytes: int) -> None:
        self.path, self.language, self.page_bytes = path, language, page_bytes
        self.root = self.ended = False
        self.pages = self.trailing = 0
        self.tail = ""  # how what follows </mediawiki> begins
        self.line = 1
        self._rest = ""
        self._closer: str | None = None  # the end of the comment or CDATA section we are in, outside pages
        self._page: list[str] | None = None  # the pieces of the page we are in
        self._page_size = 0
        self._page_line = 1
        self._header: list[str] | None = None  # the pieces of <siteinfo>
        self._header_size = 0
        self._site = Siteinfo()

    def feed(self, chunk: str) -> Iterator[Page | Quarantined]:
        text, at = self._rest + chunk, 0
        while True:
            if self.ended:
                self.trailing += len(text[at:].strip())
                self.tail = self.tail or text[at:].strip()[:RAW_CHARACTERS]
                at = self._consume(text, at, len(text))
                break
            if self._closer is not None:
                end = text.find(self._closer, at)
                if end < 0:
                    at = self._consume(text, at, max(at, len(text) - len(self._closer) + 1))
                    break
                at = self._consume(text, at, end + len(self._closer))
                self._closer = None
                continue
            found = (_OUTSIDE if self._page is None else _INSIDE).search(text, at)
            if found is None:
                at = self._consume(text, at, max(at, len(text) - _TAIL))
                break
            at = self._consume(text, at, found.start())
            token = found.group()
            if self._page is not None:
                at, records = self._inside(text, at, token)
                yield from records
            else:
                at = self._outside(text, at, token)
        self._rest = text[at:]

    def _consume(self, text: str, start: int, end: int) -> int:
        """Move on, keeping what belongs to a page or to the header, and counting lines."""
        piece = text[start:end]
        self.line += piece.count("\n")
        if self._page is not None:
            # Twice over: characters bound the memory here, bytes decide below.
            if self._page_size <= self.page_bytes:
                self._page.append(piece)
            self._page_size += len(piece)
        elif self._header is not None and self._header_size < _HEADER_CHARACTERS:
            self._header.append(piece)
            self._header_size += len(piece)
        return end

    def _outside(self, text: str, at: int, token: str) -> int:
        name = token.lower().strip("<> \t\r\n")
        if name in ("!doctype", "!entity"):
            reason = f"{token} declares a DTD or an entity"
            raise FormatError(self.path, reason, line=self.line, remedy=_NO_DTD)
        if token in _CLOSERS:
            self._closer = _CLOSERS[token]
        elif name == "mediawiki":
            self.root = True
        elif name == "/mediawiki":
            self.ended = self.root
        elif name == "siteinfo":
            self._header, self._header_size = [], 0
        elif name == "/siteinfo" and self._header is not None:
            self._site = Siteinfo.parse("".join(self._header))
            self._header = None
        elif token.startswith("<page"):
            self._page, self._page_size, self._page_line, self._header = [], 0, self.line, None
        return self._consume(text, at, at + len(token))

    def _inside(self, text: str, at: int, token: str) -> tuple[int, list[Page | Quarantined]]:
        if token.startswith("</page"):
            at = self._consume(text, at, at + len(token))
            return at, [self._finish()]
        # A new page, or the end of the file's root, before this page was closed.
        record = self._quarantine("the page is not closed before the next one begins")
        self._page = None
        return at, [record]

    def _finish(self) -> Page | Quarantined:
        assert self._page is not None
        raw = "".join(self._page)
        self._page = self._page if self._page_size > self.page_bytes else [raw]
        self.pages += 1
        try:
            too_long = self._page_size > self.page_bytes or len(raw) * 4 > self.page_bytes < len(
                raw.encode("utf-8", "surrogatepass")
            )
            if too_long:
                return self._quarantine(f"the page is longer than {self.page_bytes} bytes")
            return parse_page(raw, self.language, self._site)
        except PageError as error:
            if error.declaration:
                reason, line = "a page declares a DTD or an entity", self._page_line
                raise FormatError(self.path, reason, line=line, remedy=_NO_DTD) from error
            return self._quarantine(str(error), error.line)
        finally:
            self._page = None

    def _quarantine(self, reason: str, offset: int = 0) -> Quarantined:
        raw = "".join((self._page or [])[:4])
        return Quarantined(self.path, self._page_line + offset, reason, raw)

    def cut_off(self) -> Iterator[Quarantined]:
        """The page that the end of the file leaves open."""
        if self._page is not None:
            self._consume(self._rest, 0, len(self._rest))
            yield self._quarantine("the file ends inside this page")
            self._page = None
        elif self._rest and not self.ended:
            self._consume(self._rest, 0, len(self._rest))
        self._rest = ""

    def tolerate(self, reason: str) -> Quarantined:
        warnings.warn(f"{self.path}, line {self.line}: {reason}; going on with what was read", stacklevel=3)
        return Quarantined(self.path, self.line, f"truncated: {reason}", "")

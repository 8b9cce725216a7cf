"""One ``<page>`` element to one Page, by expat; and the names of namespaces from ``<siteinfo>``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from xml.parsers import expat

from unibert_lib.corpus.records import Page
from unibert_lib.corpus.stream import LONE_SURROGATE

FILE_AND_CATEGORY = (-2, 6, 14)  # namespaces whose links are not text: media, file, category
PIECE = 1 << 16  # characters of a page given to expat at a time, and the least that a tag too long has (ours)
_NAMESPACE = re.compile(r'<namespace key="(-?\d{1,5})"[^<>]*>([^<]*)</namespace>')
_DECLARATION = re.compile(r"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST)", re.IGNORECASE)
# Exports before version 0.4 mark no redirects; there the text's first word tells.
_REDIRECT = re.compile(
    r"\s*#(?:redirect|weiterleitung|redirection|redirección|doorverwijzing|перенаправление|пренасочване|تحويل"
    r"|yönlendirme?|重定向|ανακατευθυνση|पुनर्प्रेषित|elekeza)\s*:?\s*\[\[",
    re.IGNORECASE,
)
_WANTED = {
    ("page", "title"): "title",
    ("page", "ns"): "ns",
    ("page", "id"): "id",
    ("page", "revision", "text"): "text",
}


class PageError(ValueError):
    """A page that cannot be parsed; ``line`` counts from the page's first line, ``declaration`` marks a DTD."""

    def __init__(self, reason: str, line: int = 0, declaration: bool = False) -> None:
        self.line, self.declaration = line, declaration
        super().__init__(reason)


@dataclass(frozen=True)
class Siteinfo:
    """Names of a wiki's namespaces."""

    namespaces: dict[str, int] = field(default_factory=dict)
    prefixes: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, header: str) -> Siteinfo:
        """Read the namespaces from the text between ``<siteinfo>`` and ``</siteinfo>``.

        Source: ours.
        """
        names = {unescape(name).strip().lower(): int(key) for key, name in _NAMESPACE.findall(header) if name.strip()}
        return cls(names, frozenset(name for name, key in names.items() if key in FILE_AND_CATEGORY))

    def namespace_of(self, title: str) -> int:
        """Exports before version 0.6 have no ``<ns>``: there the title's prefix tells."""
        prefix, colon, _ = title.partition(":")
        return self.namespaces.get(prefix.strip().lower(), 0) if colon else 0


def parse_page(raw: str, language: str, site: Siteinfo) -> Page:
    """Parse ``<page>...</page>``; of several revisions the last one counts.

    Raises
    ------
    PageError
        If the page is not well-formed XML, has a tag or a comment that fills a ``PIECE``, holds a lone
        surrogate (a byte that was not valid in the file's encoding), or lacks its title, id or revision.

    Source: ours (RELIABILITY, rows 4 and 6).
    """
    if broken := LONE_SURROGATE.search(raw):
        line = raw.count("\n", 0, broken.start())
        raise PageError(f"a byte that is not valid in the file's encoding (0x{ord(broken.group()) & 0xFF:02X})", line)
    collector = _Collector()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = collector.start
    parser.EndElementHandler = collector.end
    parser.CharacterDataHandler = collector.data
    try:
        _parse(parser, raw)
    except expat.ExpatError as error:
        reason = f"malformed XML ({expat.ErrorString(error.code)})"
        raise PageError(reason, error.lineno - 1, declaration=bool(_DECLARATION.search(raw))) from error
    values = {name: "".join(parts) for name, parts in collector.values.items()}
    title, number, namespace = values.get("title", ""), values.get("id", "").strip(), values.get("ns", "").strip()
    if not title or not number or "text" not in values:
        missing = [name for name in ("title", "id", "text") if not values.get(name, "" if name != "text" else None)]
        raise PageError(f"the page has no {' and no '.join(missing)}")
    if namespace and not re.fullmatch(r"-?\d{1,9}", namespace, re.ASCII):
        raise PageError(f"<ns> holds {namespace[:40]!r}, not a number")
    text = values["text"]
    return Page(
        id=number,
        title=title,
        namespace=int(namespace) if namespace else site.namespace_of(title),
        redirect=collector.redirect or _REDIRECT.match(text) is not None,
        text=text,
        language=language,
        prefixes=site.prefixes,
    )


def _parse(parser: expat.XMLParserType, raw: str) -> None:
    """Give the page to expat in pieces, so that a tag or a comment without end is held and looked through but once."""
    for at in range(0, len(raw), PIECE):
        before = parser.CurrentByteIndex
        parser.Parse(raw[at : at + PIECE])
        # Text is taken as it comes; what still begins where it did before a whole piece is none.
        if at and parser.CurrentByteIndex == before:
            raise PageError(f"a tag or a comment longer than {PIECE} characters", parser.CurrentLineNumber - 1)
    parser.Parse("", True)


class _Collector:
    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self.redirect = False
        self._path: list[str] = []
        self._open: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._open = None
        if len(self._path) > 3:
            return
        if self._path == ["page", "redirect"]:
            self.redirect = True
        field_name = _WANTED.get(tuple(self._path))
        if field_name is not None:
            self._open = self.values[field_name] = []

    def end(self, name: str) -> None:
        self._path.pop()
        self._open = None

    def data(self, text: str) -> None:
        if self._open is not None:
            self._open.append(text)

"""A folder of genuine files to documents by language: dumps, Tatoeba, plain text, parquet."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from unibert_lib import languages as table
from unibert_lib.corpus.dumps import read_dump
from unibert_lib.corpus.marks import check_published
from unibert_lib.corpus.records import Document, FormatError, Page, Quarantined
from unibert_lib.corpus.sources import parquet_files, read_dataset, read_sentences
from unibert_lib.corpus.stream import cannot_open, decoded_chunks

Record = Page | Document | Quarantined
Progress = Callable[[int], None]
Reader = Callable[[Path, str, Progress], Iterator[Record]]

# A hyphen in a code is an underscore in the file's name: zh_yuewiki-20240101-pages-articles.xml.bz2.
_DUMP = re.compile(r"(?P<code>[a-z]{2,12}(?:_[a-z]+){0,3})wiki-.*\.xml.*")
_DECLARED = re.compile(
    r"<dbname>([a-z_]{2,40})wiki</dbname>|<mediawiki[^<>]{0,2000}?\sxml:lang=[\"']([a-z-]{2,40})[\"']"
)
_TATOEBA = re.compile(r"tatoeba\.(?P<code>[a-z]{3})-eng\.(?P<side>[a-z]{3})")
_TEXT = re.compile(r"(?P<code>[a-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3})\.txt(?:\.gz|\.bz2)?")


@dataclass
class Source:
    """The records of one language, read anew at each iteration; ``position`` of ``size`` bytes says how far."""

    language: str
    files: list[tuple[Path, Reader]]
    size: int = field(init=False)
    position: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.size = sum(path.stat().st_size for path, _ in self.files if path.is_file())

    @property
    def paths(self) -> list[Path]:
        """The files, or folders of parquet."""
        return [path for path, _ in self.files]

    def __iter__(self) -> Iterator[Record]:
        self.position = before = 0
        for path, reader in self.files:
            check_published(path)
            state = _state(path)

            def progress(at: int, before: int = before) -> None:
                self.position = before + at

            yield from reader(path, self.language, progress)
            if _state(path) != state:
                raise FormatError(path, "the file changed while it was read", remedy="run again when it is complete")
            before += path.stat().st_size if path.is_file() else 0
            self.position = before


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise cannot_open(path, error) from error
    return found.st_size, found.st_mtime_ns


def open_folder(
    path: str | Path,
    languages: Iterable[str] | None = None,
    *,
    language: str | None = None,
    declare: Iterable[str] = (),
    strict: bool = True,
) -> dict[str, Source]:
    """Map a folder, or one file, to its documents by language; nothing is read before the iteration.

    Understood are MediaWiki dumps (``<code>wiki-*.xml*``, or ``*.xml*`` whose header names its wiki; several files of
    one language follow each other), Tatoeba
    (``tatoeba.xxx-eng.xxx``; English is the sorted union of all ``.eng`` sides), ``<code>.txt`` with one sentence a
    line, and folders ``<code>/`` of parquet files or saved by ``datasets``.

    Parameters
    ----------
    path
        The folder or file.
    languages
        Those wanted, in this order; all that are found by default.
    language
        The language of a single file that does not tell it; ``languages`` with one code says the same.
    declare
        Codes outside the table that may occur. The three-letter codes of Tatoeba's own layout need no declaration, nor
        does a code that a dump declares for itself. Files of other unknown codes are left out with a warning, where
        others are there.
    strict
        False: a dump without its end is a warning (see :func:`read_dump`).

    Raises
    ------
    ValueError
        If a language is unknown or not there, or nothing in the folder is understood.

    Source: ours.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: no such file or folder: check the name")
    known = {*table.LANGUAGES, *declare}
    wanted = None if languages is None else list(languages)
    if language is None and wanted is not None and len(wanted) == 1 and path.is_file() and not _tells(path):
        language = wanted[0]
    if language is not None:
        table.check([language], known)
        if path.is_dir() and not parquet_files(path) and not _is_saved(path):
            raise ValueError(f"{path} is a folder: language={language!r} goes with one file; use languages=[...]")
        found = {language: Source(language, [(path, _reader(path, strict))])}
    else:
        found = _scan(path, known, strict)
    if not found:
        expected = "<code>wiki-*.xml.bz2, tatoeba.xxx-eng.xxx, <code>.txt or folders <code>/*.parquet"
        raise ValueError(f"{path}: nothing here is named {expected}; for one file give languages=['<code>']")
    if wanted is None:
        return found
    return {code: found[code] for code in table.check(wanted, found)}


def _tells(path: Path) -> bool:
    """Whether a file's name or its own header says which language it is."""
    return any(form.fullmatch(path.name) for form in (_DUMP, _TATOEBA, _TEXT)) or _declared(path) is not None


def _declared(path: Path) -> str | None:
    """The code that a dump's header declares: ``<dbname>enwiki``, else its ``xml:lang``."""
    if ".xml" not in path.name:
        return None
    head = next(decoded_chunks(path), "")
    found = _DECLARED.search(head[: head.find("<page>") if "<page>" in head else None])
    return (found.group(1) or found.group(2)).replace("_", "-") if found else None


def _scan(path: Path, known: set[str], strict: bool) -> dict[str, Source]:
    files: dict[str, list[tuple[Path, Reader]]] = {}
    english: list[Path] = []
    unknown: list[tuple[Path, str | None]] = []
    for entry in [path] if path.is_file() else sorted(path.iterdir(), key=_natural):
        if entry.is_dir():
            if entry.name in known and (parquet_files(entry) or _is_saved(entry)):
                files.setdefault(entry.name, []).append((entry, _reader(entry, strict)))
        elif match := _TATOEBA.fullmatch(entry.name):
            if match["side"] == "eng":
                english.append(entry)
            else:
                files.setdefault(match["side"], []).append((entry, _reader(entry, strict)))
        elif match := _TEXT.fullmatch(entry.name):
            if match["code"] in known:  # notes.txt is no corpus
                files.setdefault(match["code"], []).append((entry, _reader(entry, strict)))
        elif ".xml" in entry.name:
            match, declared = _DUMP.fullmatch(entry.name), _declared(entry)
            code = match["code"].replace("_", "-") if match else declared
            if code in known or (code is not None and code == declared):
                files.setdefault(code, []).append((entry, _reader(entry, strict)))
            else:
                unknown.append((entry, code))
    found = {code: Source(code, files[code]) for code in sorted(files)}
    for entry, code in unknown:
        if code is not None and not files:
            table.check([code], known)  # refuses it with the nearest codes
        tells = "tells no language" if code is None else f"tells the code {code!r}, which no table holds"
        warnings.warn(f"{entry}: left out, since its name {tells}; open it alone, languages=['<code>']", stacklevel=3)
    if english:
        found["eng"] = Source("eng", [(english[0], partial(_read_union, paths=english))])
    return dict(sorted(found.items()))


def _natural(path: Path) -> list[tuple[int, str]]:
    """``articles2`` before ``articles10``."""
    return [(int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", path.name)]


def _is_saved(path: Path) -> bool:
    return (path / "dataset_info.json").exists() or (path / "dataset_dict.json").exists()


def _reader(path: Path, strict: bool) -> Reader:
    # Functions of a module, not lambdas: a source travels to other processes.
    if path.is_dir() or path.suffix == ".parquet":
        return _read_rows
    if _TEXT.fullmatch(path.name) or _TATOEBA.fullmatch(path.name):
        return _read_lines
    if _DUMP.fullmatch(path.name) or next(decoded_chunks(path), "").lstrip().startswith("<"):
        return partial(_read_pages, strict=strict)
    return _read_lines


def _read_rows(path: Path, language: str, progress: Progress) -> Iterator[Record]:
    return read_dataset(path, language)


def _read_lines(path: Path, language: str, progress: Progress) -> Iterator[Record]:
    return read_sentences(path, language, on_bytes=progress)


def _read_pages(path: Path, language: str, progress: Progress, *, strict: bool) -> Iterator[Record]:
    return read_dump(path, language, strict=strict, on_bytes=progress)


def _read_union(path: Path, language: str, progress: Progress, *, paths: list[Path]) -> Iterator[Record]:
    """Every English sentence once, sorted: the English sides of many small files repeat each other."""
    texts: set[str] = set()
    for side in paths:
        for record in read_sentences(side, language):
            if isinstance(record, Document):
                texts.add(record.text)
            else:
                yield record
    for number, text in enumerate(sorted(texts), start=1):
        yield Document(text, language, str(number), "", 0)

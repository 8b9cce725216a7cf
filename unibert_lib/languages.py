"""The languages this project knows: one editable table, ``data/languages.csv``.

The paper speaks of 107 languages and does not list them. The table holds the 103 Wikipedia codes of multilingual
BERT, the languages that the paper's text and tasks name, and those of Tatoeba that have a Wikipedia; its column
``sources`` says which is which. It is not the paper's list. A corpus may bring others by declaring them.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "data" / "languages.csv"

# A code becomes a folder's name, so its form is checked even where the language itself is declared by the caller.
_CODE = re.compile(r"[a-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3}")


@dataclass(frozen=True)
class Language:
    """One row of the table.

    Attributes
    ----------
    code
        The Wikipedia code (``zh-yue``, not ``yue``).
    name
        English name, from CLDR where CLDR has one.
    script
        ISO 15924 code of the script most used in that Wikipedia.
    family
        Family and branch.
    sources
        Which sources list the language: ``mbert``, ``paper``, ``conll``, ``xnli``, ``mlqa``, ``sts22``, ``mapa``,
        ``atlas``, ``tatoeba``.
    iso639_3
        The three-letter code, as the files of Tatoeba name it.
    """

    code: str
    name: str
    script: str
    family: str
    sources: tuple[str, ...]
    iso639_3: str = ""


_COLUMNS = ("code", "name", "script", "family", "sources", "iso639_3")


def read_table(path: Path = TABLE) -> dict[str, Language]:
    """Read the table of languages; lines that begin with ``#`` are remarks.

    Raises
    ------
    ValueError
        If a row lacks a field or repeats a code.

    Source: ours (PROTOCOL, "Corpus").
    """
    languages: dict[str, Language] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, line {line}: a byte that is not UTF-8: save the table as UTF-8") from error
    rows = csv.DictReader([line for line in text.split("\n") if not line.startswith("#")])
    try:
        if missing := [name for name in _COLUMNS if name not in (rows.fieldnames or ())]:
            raise ValueError(f"{path}: the header has no column {missing[0]!r}: it is {','.join(_COLUMNS)}")
        for row in rows:
            code, name, script, family, sources, iso = (row[column] or "" for column in _COLUMNS)
            if not (code and name and script and family):
                raise ValueError(f"{path}: the row of {code!r} lacks a field: complete code,name,script,family")
            if code in languages:
                raise ValueError(f"{path}: code {code!r} stands twice: keep one row")
            languages[code] = Language(code, name, script, family, tuple(sources.split()), iso)
    except csv.Error as error:
        raise ValueError(f"{path}: malformed CSV ({error}): quote what holds a quote or a comma") from error
    return languages


LANGUAGES: dict[str, Language] = read_table()

ATLAS_LANGUAGES = ("ar", "de", "el", "en", "es", "fr", "hi", "nl", "ru", "sw", "tr", "zh")

# Tatoeba and other collections name languages by ISO 639-3.
WIKI_CODE: dict[str, str] = {row.iso639_3: code for code, row in LANGUAGES.items() if row.iso639_3}


def name_of(code: str) -> str:
    """English name of a Wikipedia or ISO 639-3 code; the code itself where the table has none.

    Source: ours.
    """
    row = LANGUAGES.get(code) or LANGUAGES.get(WIKI_CODE.get(code, ""))
    return row.name if row else code


def check(codes: Iterable[str], known: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the codes as a tuple, in order, or refuse the first that is not known.

    Parameters
    ----------
    codes
        Wikipedia codes, or codes that ``known`` declares.
    known
        The codes that are allowed; by default those of the table.

    Raises
    ------
    ValueError
        If a code is unknown (the message names the nearest valid ones), repeated, or ``codes`` is one string.

    Source: ours.
    """
    if isinstance(codes, str):
        raise ValueError(f"languages must be a list of codes, not the string {codes!r}: write [{codes!r}]")
    allowed = set(LANGUAGES if known is None else known)
    chosen = tuple(codes)
    for position, code in enumerate(chosen):
        if not isinstance(code, str) or code not in allowed or not _CODE.fullmatch(code):
            raise ValueError(f"unknown language {code!r}: {_advice(str(code), allowed)}")
        if code in chosen[:position]:
            raise ValueError(f"language {code!r} is named twice: name it once")
    return chosen


def _advice(code: str, allowed: set[str]) -> str:
    by_name = {row.name.lower(): row.code for row in LANGUAGES.values() if row.code in allowed}
    if code.lower() in by_name:
        return f"did you mean {by_name[code.lower()]!r}?"
    if WIKI_CODE.get(code) in allowed:
        return f"did you mean {WIKI_CODE[code]!r}?"
    near = difflib.get_close_matches(code.lower(), sorted(allowed), n=3, cutoff=0.5)
    near = near or [by_name[name] for name in difflib.get_close_matches(code.lower(), by_name, n=3)]
    near = near or sorted(allowed, key=lambda other: -difflib.SequenceMatcher(None, code.lower(), other).ratio())[:3]
    return f"the nearest valid codes are {', '.join(near)}; a corpus may declare others" if near else "none is valid"

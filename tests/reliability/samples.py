"""Small valid files of every format that the library reads, and the tokenizer trained on their texts."""

from __future__ import annotations

from functools import cache
from typing import Any

from unibert_lib import tokenizer
from unibert_lib.results import COLUMNS

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="6" case="first-letter">File</namespace>
    </namespaces>
  </siteinfo>
"""
TAIL = "</mediawiki>\n"


def page(number: int, text: str = "A sentence of six words here.", title: str = "") -> str:
    return (
        f"  <page>\n    <title>{title or f'Title {number}'}</title>\n    <ns>0</ns>\n    <id>{number}</id>\n"
        f"    <revision>\n      <id>9{number}</id>\n      <text>{text}</text>\n    </revision>\n  </page>\n"
    )


def result_row() -> dict[str, Any]:
    """A row of results that is valid."""
    text = {name: "none" for name, kind in COLUMNS.items() if kind == "str"}
    numbers: dict[str, Any] = {name: None for name, kind in COLUMNS.items() if kind != "str"}
    known = {"split": "test", "setting": "each", "unit": "fraction", "status": "done", "score": 0.5}
    return {**text, **numbers, "language": "en", "train_languages": "en", **known}


@cache
def small_tokenizer() -> Any:
    """A WordPiece of a few hundred pieces."""
    lines = ("A sentence of six words here.", "Rome is old, and the river is older.", "word and another")
    return tokenizer.train(lines, 300)

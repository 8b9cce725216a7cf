"""Wikitext to plain paragraphs: linear scanners first, then mwparserfromhell on what is left of each line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape

import mwparserfromhell

from unibert_lib.corpus.markup import (
    filter_links,
    protect_nowiki,
    remove_comments,
    remove_tags,
    remove_templates_and_tables,
)
from unibert_lib.corpus.prefixes import LANGUAGE_LINKS, file_and_category
from unibert_lib.corpus.records import Document, Page

# A list item is kept where it reads as a sentence: long enough, and closed like one (ours).
_SENTENCE_LENGTH = 20
_SENTENCE_ENDS = tuple(".!?…。！？．｡।॥؟۔։՜՞።፧။៖។᙮")
_CLOSING_MARKS = "\"'”“’»›)]）」』】 "

_MAGIC_WORD = re.compile(r"__[^\W\d_]{2,40}__")
_VARIANT = re.compile(r"-\{([^{}]*)\}-")
_EMPTY_BRACKETS = re.compile(r"[(（](?:[\s,;:、،؛–—-]|&nbsp;)*[)）]")
_AFTER_BRACKET = re.compile(r"([(（])[\s,;、،؛]+")
_BEFORE_BRACKET = re.compile(r"(?<![\s,;、،؛])[\s,;、،؛]+([)）])")
_HEADER_CELLS = re.compile(r"!.*!!|!\s{0,9}[\w-]{1,20}\s{0,3}=[^|]{0,200}\|(?!\|)")
_ARGUMENT = re.compile(r"\|\s{0,3}[\w-]{1,20}\s{0,3}=")
_SPACE_BEFORE = re.compile(r"(?<=\S) +(?=[,.)](?:\s|$))")
_QUOTES = re.compile(r"'{2,}")
_LINK = re.compile(r"\[\[(?:[^\[\]|\n]*\|)?([^\[\]\n]*)\]\]")
_EXTERNAL = re.compile(r"\[(?:[a-z]{2,10}:)?(?://|mailto:)[^\s\[\]]*+([^\[\]\n]*+)\]", re.IGNORECASE)
_OTHER_MARKUP = re.compile(r"[<&{}]|----")
_STRAY = re.compile(r"\[\[|\]\]|\{\{+|\}\}+|\{\||\|\}")

# mwparserfromhell is quadratic on unclosed markup; what it may be given is bounded.
_PARSER_CHARACTERS = 10_000
_PARSER_MARKS = 200


def paragraphs(page: Page, lost: Counter[str] | None = None) -> Iterator[Document]:
    """The plain paragraphs of an article, in order; none for redirects and for namespaces other than 0.

    Dropped: comments, references, formulas, tables, galleries, boxes, pictures with their captions, categories,
    links to other languages, headings, and list items that are no sentences. Kept: the text of links, what templates
    within a sentence show (``data/wikitext/templates.csv``), and every other paragraph, with whitespace as single
    spaces. What cannot be parsed is stripped plainly, never lost. ``lost`` counts characters that unlisted templates
    took with them, by the template's name.

    Source: PROTOCOL, "Corpus" (one sample = one paragraph); the rules of stripping are ours.
    """
    if page.redirect or page.namespace != 0:
        return
    number = 0
    for block in _blocks(clean(page.text, page.prefixes, page.language, lost)):
        if text := plain(block):
            yield Document(text, page.language, page.id, page.title, number)
            number += 1


def clean(
    text: str, prefixes: frozenset[str] = frozenset(), language: str = "", lost: Counter[str] | None = None
) -> str:
    """Remove everything that is not text, leaving links, bold and italics; linear in the length of ``text``.

    ``prefixes`` are the names of the wiki's own file and category namespaces, as its dump declares them.

    Source: ours (ECOSYSTEM, "wikitext to text").
    """
    text = protect_nowiki(remove_comments(text.replace("\r\n", "\n")))
    text = remove_templates_and_tables(remove_tags(text), language, lost)
    known = file_and_category(language, prefixes)

    def dropped(target: str) -> bool:
        prefix, colon, rest = target.partition(":")
        name = " ".join(prefix.replace("_", " ").split())
        return bool(colon) and (name.lower() in known or (name in LANGUAGE_LINKS and bool(rest.strip())))

    text = filter_links(text, dropped)
    text = _VARIANT.sub(lambda found: _variant(found.group(1)), text)
    lines = _MAGIC_WORD.sub("", text).split("\n")
    return "\n".join("" if _is_rest_of_link(line, known) else line for line in lines)


def _is_rest_of_link(line: str, known: frozenset[str]) -> bool:
    """A picture or category whose brackets are not closed: ``File:x.jpg|thumb``, unlike ``Media: the city has``."""
    prefix, colon, rest = line[:60].lstrip(" *:#").partition(":")
    return bool(colon) and prefix.lower() in known and not rest[:1].isspace()


def _variant(content: str) -> str:
    flags, bar, body = content.partition("|")
    if bar and flags.strip() in ("H", "T", "D", "-"):
        return ""
    first = (body if bar else content).partition(";")[0]
    code, colon, text = first.partition(":")
    return text if colon and code.strip().replace("-", "").isalnum() and len(code) < 12 else first


def _blocks(text: str) -> Iterator[str]:
    """Join lines to paragraphs: an empty line, a heading, a list item or a table row ends one."""
    lines: list[str] = []
    for line in text.split("\n"):
        bare = line.strip()
        mark = bare[:1]
        row = mark == "|" or bare[:2] == "{|" or (mark == "!" and _HEADER_CELLS.match(bare) is not None)
        row = row or ("|" in bare and len(_ARGUMENT.findall(bare)) > 1)  # the rest of an unclosed template
        heading = mark == "=" and bare[-1:] == "="
        item = mark and mark in "*#:;"
        if bare and not (row or heading or item or bare.startswith("----")):
            lines.append(bare)
            continue
        if lines:
            yield " ".join(lines)
            lines = []
        if item and _is_sentence(bare := bare.lstrip("*#:; ")):
            yield bare
    if lines:
        yield " ".join(lines)


def _is_sentence(text: str) -> bool:
    return len(text) >= _SENTENCE_LENGTH and text.rstrip(_CLOSING_MARKS).endswith(_SENTENCE_ENDS)


def plain(block: str) -> str:
    """The text of one paragraph: links resolved, bold and italics gone, character references read.

    Source: ours.
    """
    if "[" in block or "''" in block:
        if _hostile(block):
            block = strip_plainly(block)
        elif _simple(block):
            block = strip_plainly(_QUOTES.sub("", block))  # quotes first: '[[x|''y'' z]] keeps its apostrophe
        else:
            try:
                block = str(mwparserfromhell.parse(block, skip_style_tags=False).strip_code())
            except (ValueError, RecursionError, mwparserfromhell.parser.ParserError):
                block = strip_plainly(block)
    block = _STRAY.sub("", _QUOTES.sub("", unescape(block)))
    if "(" in block or "（" in block:
        for _ in range(3):  # brackets within brackets
            block = _EMPTY_BRACKETS.sub("", block)
        block = _AFTER_BRACKET.sub(r"\1", block)
        block = _BEFORE_BRACKET.sub(r"\1", block)
    block = " ".join(block.split())
    return _SPACE_BEFORE.sub("", block) if " ," in block or " ." in block or " )" in block else block


def _simple(block: str) -> bool:
    """Nothing but internal links and plain pairs of quotes: the parser would give the same at four times the cost."""
    if block.count("[") != 2 * block.count("[["):
        return False
    quotes = [len(run) for run in _QUOTES.findall(block)]
    return not quotes or (quotes[::2] == quotes[1::2] and max(quotes) <= 3 and _OTHER_MARKUP.search(block) is None)


def _hostile(block: str) -> bool:
    marks = block.count("[") + block.count("<") + block.count("''")
    return len(block) > _PARSER_CHARACTERS or marks > _PARSER_MARKS or block.count("[") != block.count("]")


def strip_plainly(block: str) -> str:
    """What :func:`plain` does by mwparserfromhell, in linear time whatever the input.

    Source: ours.
    """
    return _QUOTES.sub("", _EXTERNAL.sub(lambda found: found.group(1).strip(), _LINK.sub(r"\1", block)))

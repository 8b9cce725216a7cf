"""The paper's rules 1 to 4 (the fifth is in :mod:`wordpieces`): each answers Keep(text) or Drop(reason).

Rules 1 and 4 change the text, rules 2, 3 and 5 drop it; time is linear in its length, on unclosed markup too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import unescape
from itertools import chain

from unibert_lib.corpus.markup import BLOCK_NAMES, HTML_NAMES


@dataclass(frozen=True)
class Keep:
    """The sample stays, with this text."""

    text: str


@dataclass(frozen=True)
class Drop:
    """The sample goes, for this reason."""

    reason: str


Rule = Callable[[str], Keep | Drop]

EMPTY = Drop("empty")
MAXIMUM_DIGITS = 0.7  # paper 3.1
JOINERS = "\u200c\u200d"  # zero-width non-joiner and joiner

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:]{0,19})((?:[\s/][^<>]*)?)>")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ESCAPED_AMPERSANDS = re.compile(r"&(?:amp;|#38;|#x26;)+", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\n]{2,}")


def html_artefacts(text: str) -> Keep | Drop:
    """Rule 1: read character references (``&nbsp;``), remove comments and tags.

    Removed are the elements of HTML and of MediaWiki, whether written as tags or as ``&lt;br&gt;``; a ``<`` before
    anything else stays, since ``a < b`` and ``<stdio.h>`` are text. Block elements leave a space.

    Source: paper 3.1, first rule ("a simple regex", not published).
    """
    if "<" not in text and "&" not in text and "-->" not in text:
        return Keep(text) if text.strip() else EMPTY
    # Escaping in several layers is undone in one step, or a long chain of "&amp;amp;" would cost its square.
    plain = _ENTITY.sub(_read_entity, _ESCAPED_AMPERSANDS.sub("&", text)) if "&" in text else text
    plain = _TAG.sub(_remove_tag, _remove_comments(plain))
    plain = _SPACES.sub(" ", plain).strip() if plain != text else plain
    return Keep(plain) if plain.strip() else EMPTY


def _read_entity(found: re.Match[str]) -> str:
    character = unescape(found.group())
    return "" if "\ufffd" in character else character  # no such character: NUL, a surrogate, beyond Unicode


def _remove_comments(text: str) -> str:
    if "<!--" not in text and "-->" not in text:
        return text
    pieces, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        end = text.find("-->", start + 4)
        pieces.append(text[at:start])
        if end < 0:
            # Where it should have ended is not known: the mark goes, the text stays.
            pieces.append(text[start:].replace("<!--", ""))
            at = len(text)
            break
        at = end + 3
    pieces.append(text[at:])
    return "".join(pieces).replace("-->", "")


def _remove_tag(found: re.Match[str]) -> str:
    name, attributes = found.group(2).lower(), found.group(3).strip(" \t\r\n/")
    if name not in HTML_NAMES or (attributes and "=" not in attributes):
        return found.group()
    return " " if name in BLOCK_NAMES else ""


_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{1,15}://|www\.|mailto:)[^\s<>]+", re.IGNORECASE)
_LABELLED_ISBN = re.compile(
    r"\b(?:e-?)?(?:ISBN|ردمك|شابک)(?:[- ]?1[03])?\s{0,3}[:：=]?\s{0,3}(?:\d[-‐‑– ]?){9,12}[\dXx]?(?![\dXx])",
    re.IGNORECASE,
)
_BARE_ISBN = re.compile(r"(?<!\w)(?:97[89][- ]?)?(?:\d[- ]?){9}[\dXx](?!\w)")
_WORD_CHARACTER = re.compile(r"[^\W_]")
_LETTER_BUT_X = re.compile(r"[^\W\d_xX]")
_MARKS = ("://", "www.", "mailto:", "isbn", "ردمك", "شابک")


def only_urls_or_isbns(text: str) -> Keep | Drop:
    """Rule 2: drop a sample that holds URLs or ISBNs and, punctuation aside, nothing else.

    A number without the letters ISBN counts as one only if its check digit is right.

    Source: paper 3.1, second rule.
    """
    lowered = text.lower()
    if not any(mark in lowered for mark in _MARKS) and _LETTER_BUT_X.search(text):
        return Keep(text)
    rest, found = _URL.subn(" ", text)
    rest, labelled = _LABELLED_ISBN.subn(" ", rest)
    rest = _BARE_ISBN.sub(lambda match: " " if _is_isbn(match.group()) else match.group(), rest)
    if _WORD_CHARACTER.search(rest) is None and _WORD_CHARACTER.search(text) is not None:
        return Drop("only URLs or ISBNs" if found and labelled else "only URLs" if found else "only ISBNs")
    return Keep(text)


def _is_isbn(written: str) -> bool:
    signs = [10 if sign in "Xx" else int(sign) for sign in written if sign not in "- "]
    if len(signs) == 10:
        return sum((10 - place) * sign for place, sign in enumerate(signs)) % 11 == 0
    return 10 not in signs and sum(sign * (1, 3)[place % 2] for place, sign in enumerate(signs)) % 10 == 0


_DIGITS = re.compile(r"\d+")


def mostly_digits(text: str) -> Keep | Drop:
    """Rule 3: drop a sample of which more than 70 % of the characters are digits.

    ``digits > 0.7 * len(text)``, strictly, in whole numbers; a digit is any character of Unicode category Nd, and the
    length counts every character, spaces too.

    Source: paper 3.1, third rule.
    """
    if not text.strip():
        return EMPTY
    digits = len(text) - len(_DIGITS.sub("", text))
    return Drop("more than 70 % digits") if digits * 10 > len(text) * 7 else Keep(text)


# White space among the control characters, which becomes a space instead of vanishing between two words.
_WHITE_CONTROLS = "\t\n\v\f\r\x85\x1c\x1d\x1e\x1f"
# Every control, format and surrogate character of Unicode stands in these two ranges.
_HIDDEN_CODES = [
    code
    for code in chain(range(0x20000), range(0xE0000, 0xE0200))
    if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs") and chr(code) not in _WHITE_CONTROLS
]


def _character_class(codes: list[int]) -> re.Pattern[str]:
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges) + "]+")


HIDDEN = _character_class(_HIDDEN_CODES)
_HIDDEN_BUT_JOINERS = _character_class([code for code in _HIDDEN_CODES if chr(code) not in JOINERS])


def hidden_characters(text: str, keep_joiners: bool = True) -> Keep | Drop:
    """Rule 4: remove hidden characters; the one policy for control, format and surrogate characters.

    Removed: categories Cc (control), Cf (format: zero-width space, bidirectional marks, soft hyphen, byte order mark)
    and Cs (lone surrogates). Tabs, line breaks and other white space become single spaces. The zero-width joiner and
    non-joiner stay by default, since Persian and the Indic scripts are spelt with them.

    Source: paper 3.1, fourth rule; PROTOCOL, "Hidden characters".
    """
    if text.isprintable() and "  " not in text:  # printable excludes Cc, Cf, Cs and every white space but U+0020
        plain = text.strip()
    else:
        plain = " ".join((_HIDDEN_BUT_JOINERS if keep_joiners else HIDDEN).sub("", text).split())
    return Keep(plain) if plain.strip(JOINERS + " ") else EMPTY


RULES: tuple[Rule, ...] = (html_artefacts, only_urls_or_isbns, mostly_digits, hidden_characters)
RULES_WITHOUT_JOINERS: tuple[Rule, ...] = (*RULES[:3], partial(hidden_characters, keep_joiners=False))


def rule_name(rule: Rule) -> str:
    """The name under which a rule's drops are counted.

    Source: ours.
    """
    return str(getattr(rule, "__name__", "") or getattr(getattr(rule, "func", rule), "__name__", type(rule).__name__))


def rule_options(rules: Sequence[Rule]) -> dict[str, dict[str, object]]:
    """Arguments that were fixed by ``functools.partial``, by rule, for the report.

    Source: ours.
    """
    return {rule_name(rule): dict(rule.keywords) for rule in rules if isinstance(rule, partial) and rule.keywords}

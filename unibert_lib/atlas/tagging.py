"""Words of a sentence, and the tags that mark its names: what the files of entity recognition hold."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Words of scripts without spaces cannot be told apart by a rule, so each Han character is a word of its own.
_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# Vowel signs and the joiners are no letters to ``re``, yet they stand inside words (Hindi, Arabic).
_MARKS = "".join(chr(c) for c in range(0x300, 0x1000) if unicodedata.category(chr(c))[0] == "M") + "\u200c\u200d"
_TOKEN = re.compile(rf"[{_HAN}]|\d+(?:[.,:]\d+)*|(?:[^\W\d_{_HAN}]|[{_MARKS}])+|\S")


@dataclass(frozen=True)
class Token:
    """A word, number or sign, and where it stands: ``text[start:end]``.

    Source: ours.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Mark:
    """What ``text[start:end]`` is, such as ``LOC``.

    Source: ours.
    """

    start: int
    end: int
    label: str


def tokenize(text: str) -> tuple[Token, ...]:
    """Words, numbers and signs; each Han character alone.

    >>> [token.text for token in tokenize("Nuku’alofa, 14:30")]
    ['Nuku', '’', 'alofa', ',', '14:30']

    Source: ours.
    """
    return tuple(Token(match.group(), *match.span()) for match in _TOKEN.finditer(text))


def tag(tokens: Sequence[Token], marks: Iterable[Mark], source: str) -> list[str]:
    """IOB2 tags, one a token; ``source`` names the pattern if a mark cuts a word in two.

    Raises
    ------
    ValueError
        If a mark does not begin and end where tokens do.

    Source: CoNLL-2002 (IOB2).
    """
    tags = ["O"] * len(tokens)
    first = {token.start: place for place, token in enumerate(tokens)}
    last = {token.end: place for place, token in enumerate(tokens)}
    for mark in marks:
        if mark.start not in first or mark.end not in last:
            words = " ".join(token.text for token in tokens)
            raise ValueError(
                f"{source}: a letter touches the {mark.label} at {mark.start}:{mark.end} of {words!r}; "
                f"write the name apart, beside a noun that takes the ending"
            )
        for place in range(first[mark.start], last[mark.end] + 1):
            tags[place] = f"{'B' if place == first[mark.start] else 'I'}-{mark.label}"
    return tags


def bare(text: str, start: int, end: int, name: str) -> tuple[int, int]:
    """The place of the name within a span that may begin with an article or a preposition.

    The name itself where it stands there unchanged; else from the first word that begins as the name does
    ("во Франции" for "Франция"); else the whole span.

    Source: ours.
    """
    tokens = tokenize(text[start:end])
    starts, ends = [token.start for token in tokens], [token.end for token in tokens]
    place = text.find(name, start, end) - start
    if place in starts and place + len(name) in ends:
        return start + place, start + place + len(name)
    head = _folded(tokenize(name)[0].text)[:3]
    begin = next((token.start for token in tokens if _folded(token.text).startswith(head)), 0)
    return start + begin, end


def _folded(word: str) -> str:
    """Lower case without accents: Greek moves them when it inflects."""
    return "".join(c for c in unicodedata.normalize("NFD", word.casefold()) if unicodedata.category(c) != "Mn")

"""How a file spells its tags: what parts letter and type, on which side, in which case; all become ``B-PER``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unibert_lib.tasks.records import FormatError

LETTERS = "BIESLUMW"  # begin, inside, end, single; BILOU's last and unit; BMEWO's middle and whole
ONE_TYPE = "ENT"  # ours: the type of entities in a file that has letters alone, since it names none
SLIP = 0.01  # ours: tags of another spelling that are rarer are slips, and stand aside sentence by sentence

_TYPE = r"[^\W_](?:.*\S)?"
PREFIXED = re.compile(rf"([{LETTERS}])-({_TYPE})")
PLAIN = re.compile(r"[^\W\d_](?:.*[^\s_-])?")  # "B-" is no type


@dataclass(frozen=True)
class Spelling:
    """One way to write a tag, named by an example; the groups of ``pattern`` are ``letter`` and ``type``.

    Source: ours; the letters are those of CoNLL, seqeval's IOBES and BILOU, and BMEWO.
    """

    example: str
    pattern: re.Pattern[str]

    def read(self, tag: str) -> str | None:
        """The tag as ``B-PER``, the type as it is published; None where it is not spelt so."""
        if tag in ("O", "o"):
            return "O"
        if not (match := self.pattern.fullmatch(tag)):
            return None
        return f"{match['letter'].upper()}-{match.groupdict().get('type', ONE_TYPE)}"


def _spellings() -> Iterable[Spelling]:
    for letters, kind in ((LETTERS, "PER"), (LETTERS.lower(), "per")):
        letter = rf"(?P<letter>[{letters}])"
        for by in "-_:/|":
            yield Spelling(f"{letters[0]}{by}{kind}", re.compile(rf"{letter}[{by}](?P<type>{_TYPE})"))
            yield Spelling(f"{kind}{by}{letters[0]}", re.compile(rf"(?P<type>{_TYPE})[{by}]{letter}"))
        yield Spelling(letters[0], re.compile(letter))


SPELLINGS = tuple(_spellings())
TYPES_ALONE = Spelling("PER", re.compile(r"(?!)"))  # nothing to read: the tag is the type


def is_tag(tag: str) -> bool:
    """Whether a string can only be meant as a tag: outside, or a letter and a type in any spelling.

    Source: ours.
    """
    return any(spelling.read(tag) for spelling in SPELLINGS if len(spelling.example) > 1)


def spelling_of(tags: Counter[str]) -> Spelling:
    """The spelling that most tags of a file have; where more are plain names (``PER``), that of types alone.

    Source: ours (RELIABILITY, row 31).
    """
    entity = {tag: count for tag, count in tags.items() if tag not in ("", "O", "o")}

    def covered(spelling: Spelling) -> int:
        return sum(count for tag, count in entity.items() if spelling.read(tag))

    best = max(SPELLINGS, key=covered)  # the first of equals
    plain = sum(count for tag, count in entity.items() if not best.read(tag) and PLAIN.fullmatch(tag))
    return TYPES_ALONE if plain > covered(best) else best


def respelt(path: str, sentences: Sequence[tuple[Sequence[str], Sequence[int]]]) -> list[tuple[str, ...]]:
    """The tags of a file's sentences (tags and their lines) as ``B-PER``; what cannot be read stays as it is.

    Raises
    ------
    FormatError
        At the first tag that does not fit, if a file mixes two spellings or most of its tags are none.

    Source: ours (RELIABILITY, row 31).
    """
    tags = Counter(tag for one, _ in sentences for tag in one)
    spelling = spelling_of(tags)
    entity = {tag: count for tag, count in tags.items() if tag not in ("", "O", "o")}
    alone = spelling is TYPES_ALONE
    fit = {tag for tag in entity if (PLAIN.fullmatch(tag) if alone else spelling.read(tag))}
    others = {tag for tag in entity if (PREFIXED.fullmatch(tag) and tag[0] in "BI") or (is_tag(tag) and not alone)}
    others = others - fit if not alone else others
    names = {tag for tag in entity if PLAIN.fullmatch(tag)} - fit - others
    unread = set(entity) - fit - others - names

    def total(some: Iterable[str]) -> int:
        return sum(entity[tag] for tag in some)

    good = total(fit - others)
    remedy = "write all tags in one way (B-PER, I-PER, O), or leave the file out"
    if (alone and 2 * total(others) >= good > 0) or (not alone and total(others) > SLIP * good):
        _refuse(path, sentences, others, f"in a file whose tags are spelt like {spelling.example!r}", remedy)
    if not alone and total(names) and 2 * total(names) >= good:
        _refuse(
            path, sentences, names, f"without B- or I- in a file whose tags are spelt like {spelling.example!r}", remedy
        )
    if total(unread) > good:
        _refuse(path, sentences, unread, "of no scheme that is known, as most tags of this file", remedy)
    if alone or spelling is SPELLINGS[0]:
        return [tuple("O" if tag == "o" else tag for tag in one) for one, _ in sentences]
    return [tuple(spelling.read(tag) or tag for tag in one) for one, _ in sentences]


def _refuse(
    path: str, sentences: Sequence[tuple[Sequence[str], Sequence[int]]], bad: set[str], what: str, remedy: str
) -> None:
    line, tag = next(
        (line, tag) for one, lines in sentences for tag, line in zip(one, lines, strict=True) if tag in bad
    )
    raise FormatError(path, f"tag {tag[:60]!r} {what}", remedy=remedy, line=line)

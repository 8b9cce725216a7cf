"""One language of the Atlas: its sentence patterns, and the sentence that a fact becomes."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

from .names import SLOT_MARK, Names
from .relations import RELATIONS, TOPIC_SLOTS, TOPICS
from .world import DATA, Fact, Value, countries

SLOT = re.compile(r"\{([a-z_]+)(?:\.([a-z]+))?\}")
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Pattern:
    """One sentence with named slots; ``id`` is ``relation.split.number``, the same in no two languages' text.

    Source: ours.
    """

    id: str
    relation: str
    split: str
    text: str


@dataclass(frozen=True)
class Span:
    """Where a slot's name stands in a sentence: ``text[start:end]``. An article belongs to the span.

    Source: ours.
    """

    start: int
    end: int
    slot: str
    kind: str
    key: str


@dataclass(frozen=True)
class Sentence:
    """A fact told in one language, with the places of its names.

    Source: ours.
    """

    text: str
    spans: tuple[Span, ...]
    fact: Fact
    pattern: Pattern


class Language:
    """The patterns of ``data/atlas/<code>.toml`` and the names to fill them with.

    Raises
    ------
    ValueError
        If the file is missing, lacks a relation, or a pattern uses a slot that its relation has not.

    Source: ours.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        self.path = DATA / f"{code}.toml"
        self.table = _read(code)
        self.names = Names(code, self.table, _read("en")["cities"] if self._latin() else {})
        style = self.table["style"]
        self.space: str = style["space"]
        self.connectives: Sequence[str] = style["connectives"]
        self.lower: bool = style["lower"]
        self.patterns: dict[str, tuple[Pattern, ...]] = self._patterns()

    def _latin(self) -> bool:
        return bool(self.table["style"].get("latin", True))

    def _patterns(self) -> dict[str, tuple[Pattern, ...]]:
        found: dict[str, list[Pattern]] = {}
        for relation, slots in RELATIONS.items():
            by_split: Mapping[str, Sequence[str]] = self.table["patterns"].get(relation, {})
            if not by_split:
                raise ValueError(f"{self.path}: no [patterns.{relation}]; each language tells each relation")
            for split, texts in by_split.items():
                for number, text in enumerate(texts):
                    pattern = Pattern(f"{relation}.{split}.{number}", relation, split, text)
                    found.setdefault(relation, []).append(self._checked(pattern, slots))
        for topic in TOPICS:
            for number, text in enumerate(self.table["topics"][topic]["sentences"]):
                pattern = Pattern(f"topic.{topic}.{number}", f"topic.{topic}.{number}", "train", text)
                found[pattern.relation] = [self._checked(pattern, TOPIC_SLOTS)]
        return {relation: tuple(patterns) for relation, patterns in found.items()}

    def _checked(self, pattern: Pattern, slots: Sequence[str]) -> Pattern:
        rest = SLOT.sub("", pattern.text)
        unknown = [name for name, _ in SLOT.findall(pattern.text) if name not in slots]
        if unknown or "{" in rest or "}" in rest or pattern.split not in SPLITS:
            raise ValueError(
                f"{self.path}: pattern {pattern.id} = {pattern.text!r}: slots must be among {tuple(slots)}, "
                f"splits among {SPLITS}"
            )
        return pattern

    def choices(self, relation: str, splits: Sequence[str]) -> tuple[Pattern, ...]:
        """The patterns of a relation in the given splits.

        Source: ours.
        """
        return tuple(pattern for pattern in self.patterns[relation] if pattern.split in splits)

    def render(self, fact: Fact, pattern: Pattern, connective: str = "") -> Sentence:
        """Fill a pattern with a fact; the spans of all names are kept.

        Source: ours.
        """
        text, spans = connective, []
        literal = pattern.text
        if connective and self.lower and not literal.startswith("{"):
            literal = self._small(literal[0]) + literal[1:]
        last = 0
        begin = len(text) if connective and not self.lower else 0
        for match in SLOT.finditer(literal):
            text += literal[last : match.start()]
            last = match.end()
            slot, form = match.group(1), match.group(2) or ""
            for piece, key in self._pieces(fact[slot], form):
                if key is not None:
                    spans.append(Span(len(text), len(text) + len(piece), slot, fact[slot].kind, key))
                text += piece
        text += literal[last:]
        text = text[:begin] + self._capital(text[begin]) + text[begin + 1 :]
        return Sentence(text, tuple(spans), fact, pattern)

    def _pieces(self, value: Value, form: str) -> list[tuple[str, str | None]]:
        if len(value.keys) == 1:
            return [(self.names.form(value.kind, value.keys[0], form), value.keys[0])]
        pieces: list[tuple[str, str | None]] = []
        for character in self.names.listed(len(value.keys)):
            place = ord(character) - SLOT_MARK
            if 0 <= place < len(value.keys):
                key = value.keys[place]
                pieces.append((self.names.form(value.kind, key, form), key))
            else:
                pieces.append((character, None))
        return pieces

    def _capital(self, letter: str) -> str:
        if self.code == "tr" and letter == "i":
            return "İ"
        upper = letter.upper()
        return upper if len(upper) == 1 else letter

    def _small(self, letter: str) -> str:
        if self.code == "tr" and letter in "Iİ":
            return {"I": "ı", "İ": "i"}[letter]
        return letter.lower()

    def title(self, kind: str, key: str) -> str:
        """The title of an entity's page: its name with a capital, told apart from a country's.

        Source: ours.
        """
        name = self.names.name(kind, key)
        name = self._capital(name[0]) + name[1:]
        if kind in self.table["titles"] and name in self._country_titles:
            return str(self.table["titles"][kind]).format(name)
        return name

    @cached_property
    def _country_titles(self) -> frozenset[str]:
        return frozenset(self.title("country", key) for key in countries())


def shifted(sentence: Sentence, by: int) -> tuple[Span, ...]:
    """The spans of a sentence that starts at character ``by`` of a paragraph.

    Source: ours.
    """
    return tuple(replace(span, start=span.start + by, end=span.end + by) for span in sentence.spans)


def _read(code: str) -> dict[str, Any]:
    path = DATA / f"{code}.toml"
    try:
        with path.open("rb") as handle:
            return tomllib.load(handle)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: the Atlas has no language {code!r}; write that file") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not valid TOML ({error}); correct that line") from error


@cache
def load(code: str) -> Language:
    """The language ``code``, read once.

    Source: ours.
    """
    return Language(code)

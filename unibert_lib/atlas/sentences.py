"""One language of the task files: ``data/atlas/tasks/<code>.toml``, checked against English, and told."""

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

from babel.dates import format_date, format_skeleton, format_time, get_date_format
from babel.numbers import get_currency_name, get_currency_unit_pattern

from .article import Paragraph
from .division import NAMING_OTHERS
from .language import SLOT, Language, Pattern, Sentence, Span
from .names import clean
from .tagging import bare
from .taskfile import ADDRESS, JOIN, read_lists
from .world import DATA, Fact, Value

# Kinds made of several pieces, each with a name of its own: a person has a given name and a family name.
COMPOSED = ("person", "organisation", "event", "full_date", "time", "address", "amount")
FIELDS = {"d": "day", "M": "month", "y": "year"}
_DATE = re.compile(r"'([^']*)'|([dMy])\2*|.")

Pieces = list[tuple[str, str | None]]


class TaskLanguage(Language):
    """A language of the Atlas with the sentences of its task files.

    Raises
    ------
    ValueError
        If the file is missing, or differs from English's in keys, in the length of a list or in a line's slots.

    Source: ours.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.task_path = DATA / "tasks" / f"{code}.toml"
        self.lists = read_lists(self.task_path, DATA / "tasks" / "en.toml", self.table.get("forms", {}))

    def lines(self, *keys: str) -> tuple[Pattern, ...]:
        """The sentences of a list such as ``("claims", "capital", "train")``, as patterns.

        Source: ours.
        """
        *_, relation, split = keys
        name = ".".join(keys)
        return tuple(Pattern(f"{name}.{number}", relation, split, text) for number, text in enumerate(self.lists[name]))

    def pattern(self, fact: Fact, split: str, rng: Random, named: bool) -> Pattern:
        """One of the encyclopedia's patterns of a split; ``named``: one that names the country.

        Source: ours.
        """
        found = [p for p in self.choices(fact.relation, (split,)) if not named or "{country" in p.text]
        if not found:
            raise ValueError(f"{self.path}: no {split} pattern of {fact.relation} has a slot {{country}}; add one")
        return rng.choice(found)

    def paragraph(self, facts: Sequence[Fact], split: str, rng: Random, *, named: bool = False) -> Paragraph:
        """Facts as running text: the first sentence names its country, and so does any that must.

        Source: ours.
        """
        told, must = [], True
        for fact in facts:
            told.append(self.render(fact, self.pattern(fact, split, rng, named or must)))
            must = fact.relation in NAMING_OTHERS
        return Paragraph("", tuple(told), self.space)

    def name_of(self, text: str, span: Span) -> tuple[int, int]:
        """The place of the bare name in a span, without article or preposition.

        Source: ours.
        """
        return bare(text, span.start, span.end, self.names.name(span.kind, span.key))

    def groups(self, sentence: Sentence) -> Iterator[tuple[Span, ...]]:
        """The spans of each thing named: several for what is composed, else one.

        Source: ours.
        """
        whole: dict[str, list[Span]] = {}
        for span in sentence.spans:
            whole.setdefault(span.slot if span.kind in COMPOSED else f"{span.slot}@{span.start}", []).append(span)
        yield from (tuple(spans) for spans in whole.values())

    def _pieces(self, value: Value, form: str) -> Pieces:
        keys = value.keys
        match value.kind:
            case "person":
                given, family = (
                    self.lists[f"names.{list_}"][int(key)] for list_, key in zip(("given", "family"), keys, strict=True)
                )
                return [(given, "given name"), (self.lists.get("names.join", JOIN), ""), (family, "family name")]
            case "organisation" | "event":
                template = self.lists[f"names.{value.kind}"][int(keys[0])]
                return _pieces(template, {"city": ("city", lambda form: self.names.form("city", keys[1], form))})
            case "address":
                street, number, city = keys
                filled = {
                    "street": ("street", lambda _: str(self.lists["names.street"][int(street)])),
                    "number": ("building", lambda _: number),
                    "city": ("city", lambda form: self.names.form("city", city, form)),
                }
                return _pieces(self.lists.get("names.address", ADDRESS), filled)
            case "amount":
                return self._amount(Decimal(keys[0]), keys[1])
            case "full_date":
                return self._date(datetime.date.fromisoformat(keys[0]))
            case "time":
                return [(self._time(datetime.time.fromisoformat(keys[0])), "time")]
        return super()._pieces(value, form)

    def _amount(self, number: Decimal, currency: str) -> Pieces:
        own = self.table.get("names", {}).get("currency", {}).get(currency)
        unit = own or clean(get_currency_name(currency, number, locale=self.code))
        pattern = str(get_currency_unit_pattern(currency, number, locale=self.code))
        filled = {"number": ("value", lambda _: self.names.digits(number)), "unit": ("unit", lambda _: str(unit))}
        return _pieces(pattern.replace("{0}", "{number}").replace("{1}", "{unit}"), filled)

    def _date(self, date: datetime.date) -> Pieces:
        pieces: Pieces = []
        for match in _DATE.finditer(get_date_format("long", locale=self.code).pattern):
            if field := match.group(2):
                pieces.append((format_date(date, match.group(), locale=self.code), FIELDS[field]))
            else:
                literal = match.group(1) if match.group(1) is not None else match.group()
                pieces.append((" " if literal.isspace() else literal, ""))
        while self.space and pieces[-1][1] == "":  # the Russian "г.": a full stop may follow
            pieces.pop()
        return pieces

    def _time(self, time: datetime.time) -> str:
        short = clean(format_time(time, "short", locale=self.code))
        # The Greek "μ.μ." before a full stop would end in two.
        return str(format_skeleton("Hm", time, locale=self.code)) if short.endswith(".") else short


def _pieces(template: str, filled: Mapping[str, tuple[str, Any]]) -> Pieces:
    pieces: Pieces = []
    last = 0
    for match in SLOT.finditer(template):
        name, text = filled[match.group(1)]
        pieces += [(template[last : match.start()], ""), (text(match.group(2) or ""), name)]
        last = match.end()
    return [piece for piece in [*pieces, (template[last:], "")] if piece[0]]


@cache
def load_tasks(code: str) -> TaskLanguage:
    """The task sentences of a language, read once.

    Source: ours.
    """
    return TaskLanguage(code)

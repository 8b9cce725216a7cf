"""One language of the task files: ``data/atlas/tasks/<code>.toml``, checked against English, and told."""

import datetime
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from babel.dates import format_date, format_skeleton, format_time, get_date_format
from babel.numbers import get_currency_name, get_currency_unit_pattern

from .article import Paragraph
from .division import NAMING_OTHERS
from .language import SLOT, SPLITS, Language, Pattern, Sentence, Span
from .names import clean
from .relations import RELATIONS
from .tagging import bare
from .world import DATA, Fact, Value

# Slots of the task files' own sentences, and the kind of thing that fills them.
KINDS = {
    **{"person": "person", "colleague": "person", "organisation": "organisation", "event": "event"},
    **{"city": "city", "destination": "city", "country": "country", "language": "language"},
    **{"date": "full_date", "time": "time", "address": "address", "amount": "amount"},
}
# Kinds made of several pieces, each with a name of its own: a person has a given name and a family name.
COMPOSED = ("person", "organisation", "event", "full_date", "time", "address", "amount")
NER_SLOTS = ("person", "colleague", "organisation", "event", "city", "destination", "country", "language")
LEGAL_SLOTS = ("person", "colleague", "organisation", "date", "time", "address", "city", "amount")
ADDRESS, JOIN = "{street} {number}, {city}", " "
OPTIONAL = {"names.address", "names.join"}  # how an address and a person's two names are put together
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
        table = _read(self.task_path)
        self._check(table)
        self.lists: Mapping[str, Any] = dict(_flat(table))

    def _check(self, table: Mapping[str, Any]) -> None:
        own = dict(_flat(table))
        model = dict(_flat(_read(DATA / "tasks" / "en.toml")))
        if missing := sorted(model.keys() - OPTIONAL - own.keys()):
            raise ValueError(f"{self.task_path}: no {missing[0]}; translate that list of en.toml")
        if strange := sorted(own.keys() - OPTIONAL - model.keys()):
            raise ValueError(f"{self.task_path}: {strange[0]} is not in en.toml; correct its name, or leave it out")
        for key, lines in own.items():
            if key in OPTIONAL:
                if not isinstance(lines, str) or _slots(lines) != (_slots(ADDRESS) if key == "names.address" else []):
                    raise ValueError(f"{self.task_path}: {key} = {lines!r}: write text such as {ADDRESS!r} or {JOIN!r}")
                continue
            if not isinstance(lines, list) or not all(isinstance(line, str) and line for line in lines):
                raise ValueError(f"{self.task_path}: {key} is no list of sentences or names; write one")
            if len(lines) != len(model[key]):
                raise ValueError(
                    f"{self.task_path}: {key} has {len(lines)} lines and en.toml {len(model[key])}; line n says the same"
                )
            for number, (line, other) in enumerate(zip(lines, model[key], strict=True)):
                self._check_line(f"{key}, line {number + 1}", line, other, _allowed(key))

    def _check_line(self, where: str, line: str, model: str, allowed: Sequence[str]) -> None:
        rest = SLOT.sub("", line)
        if _slots(line) != _slots(model) or set(_slots(line)) - set(allowed) or "{" in rest or "}" in rest:
            raise ValueError(
                f"{self.task_path}: {where} = {line!r}: must hold each slot of English once: {_slots(model)}"
            )
        for slot, form in SLOT.findall(line):
            kind = {"neighbours": "country", "other": "country", "waters": "water", "languages": "language"}.get(slot)
            kind = kind or KINDS.get(slot, slot)
            if form and form not in self.table.get("forms", {}).get(kind, {}):
                raise ValueError(
                    f"{self.task_path}: {where}: no form {form!r} of a {kind} in {self.path}; take one that it defines"
                )

    def lines(self, *keys: str) -> tuple[Pattern, ...]:
        """The sentences of a list such as ``("claims", "capital", "train")``, as patterns.

        Source: ours.
        """
        *_, relation, split = keys
        name = ".".join(keys)
        return tuple(
            Pattern(f"{name}.{number}", relation, split, text) for number, text in enumerate(self.lists[name])
        )

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


def _slots(text: str) -> list[str]:
    return sorted(name for name, _ in SLOT.findall(text))


def _allowed(key: str) -> Sequence[str]:
    kind, name = key.split(".")[:2]
    if kind == "names":
        return ("city",) if name in ("organisation", "event") else ()
    if kind in ("ner", "legal"):
        return NER_SLOTS if kind == "ner" else LEGAL_SLOTS
    return RELATIONS[name] if kind == "claims" else ("country",)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@cache
def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as handle:
            return tomllib.load(handle)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no task files for this language; translate en.toml beside it") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not valid TOML ({error}); correct that line") from error


@cache
def load_tasks(code: str) -> TaskLanguage:
    """The task sentences of a language, read once.

    Source: ours.
    """
    return TaskLanguage(code)


__all__ = ["COMPOSED", "KINDS", "SPLITS", "TaskLanguage", "load_tasks"]

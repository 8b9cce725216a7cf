"""The facts of the Atlas, without a word of any language: entities, relations, values.

Countries come from ``data/atlas/facts.csv``; currencies and official languages from CLDR, unless that table
overrides them (``-`` means: untold, because it is disputed, changing or too long for a sentence).
"""

import csv
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from babel import Locale
from babel.languages import get_official_languages
from babel.numbers import get_territory_currencies

from .relations import CONTINENTS, TOPICS

DATA = Path(__file__).resolve().parents[2] / "data" / "atlas"
KNOWN_ON = datetime.date(2025, 1, 1)  # CLDR's currencies depend on a day; "today" would change the corpus


@dataclass(frozen=True)
class Entity:
    """Something with a page: kind (country, city, currency, ...), key within the kind, page id.

    Source: ours.
    """

    kind: str
    key: str
    page: int


@dataclass(frozen=True)
class Value:
    """What fills a slot: one or more keys of one kind; more than one becomes a list in the text.

    Source: ours.
    """

    kind: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """One fact: a relation (or ``topic.<name>.<number>``), the entity it is about, and its slots.

    Source: ours.
    """

    relation: str
    subject: str  # "country:FR"
    slots: tuple[tuple[str, Value], ...]

    def __getitem__(self, slot: str) -> Value:
        return dict(self.slots)[slot]


@dataclass(frozen=True)
class Country:
    """One row of ``facts.csv``, typed; an empty value is a fact the Atlas does not tell.

    Source: ours.
    """

    key: str
    zone: str  # the CLDR time zone named after the capital; "named": the language files name it; empty: untold
    continent: str
    people: int
    area: float  # square kilometres
    neighbours: tuple[str, ...]
    waters: tuple[str, ...]
    landlocked: bool
    independence: str
    national_day: str  # MM-DD
    calling: str
    drive: str
    government: str
    languages: tuple[str, ...]
    currency: str


@cache
def countries() -> Mapping[str, Country]:
    """The countries of the Atlas by ISO code, in the order of the table.

    Source: ``data/atlas/facts.csv`` (ours); CLDR for currencies and official languages.
    """
    with (DATA / "facts.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {row["iso"]: _country(row) for row in rows}


def _country(row: dict[str, str]) -> Country:
    key = row["iso"]
    official = get_official_languages(key, de_facto=True)
    tender = get_territory_currencies(key, KNOWN_ON, KNOWN_ON)
    spoken = tuple(row["languages"].split()) or tuple(official)
    currency = row["currency"] or tender[0]
    return Country(
        key=key,
        zone=row["zone"],
        continent=row["continent"],
        people=int(row["people_thousand"]) * 1000,
        area=float(row["area_km2"]),
        neighbours=tuple(row["neighbours"].split()),
        waters=() if row["waters"] == "none" else tuple(row["waters"].split()),
        landlocked=row["waters"] == "none",
        independence=row["independence"],
        national_day=row["national_day"],
        calling=row["calling"],
        drive=row["drive"],
        government=row["government"],
        languages=() if spoken == ("-",) else spoken,
        currency="" if currency == "-" else currency,
    )


@cache
def first_weekday(key: str) -> int:
    """The first day of the week in a country, 0 = Monday, from CLDR.

    Source: CLDR week data through babel.
    """
    return int(Locale.parse(f"und_{key}").first_week_day)


def has_capital(key: str) -> bool:
    """Whether the Atlas names a capital: by time zone, or in the language files.

    Source: ours.
    """
    return bool(countries()[key].zone)


@cache
def entities() -> tuple[Entity, ...]:
    """Everything that has a page, in page order; the ids are those of every language.

    Source: ours.
    """
    land = countries()
    groups: list[tuple[str, int, list[str]]] = [
        ("country", 1000, list(land)),
        ("city", 2000, [key for key in land if has_capital(key)]),
        ("currency", 3000, sorted({c.currency for c in land.values() if c.currency})),
        ("language", 4000, sorted({code for c in land.values() for code in c.languages})),
        ("continent", 5000, list(CONTINENTS)),
        ("month", 5100, [str(month) for month in range(1, 13)]),
        ("weekday", 5200, [str(day) for day in range(7)]),
        ("topic", 5300, list(TOPICS)),
    ]
    return tuple(Entity(kind, key, first + place) for kind, first, keys in groups for place, key in enumerate(keys))


def plain(number: float) -> str:
    """A number without exponent or idle decimals: ``2380000``, ``0.49``.

    Source: ours.
    """
    return str(int(number)) if number == int(number) else str(number)


def compare(relation: str, one: str, other: str) -> Fact:
    """``more_people`` or ``larger`` for two countries, the greater one first.

    Raises
    ------
    ValueError
        If the two are too near each other (less than a tenth) to be told apart by rounded figures.

    Source: ours.
    """
    land = countries()
    size = {key: land[key].people if relation == "more_people" else land[key].area for key in (one, other)}
    small, great = sorted((one, other), key=lambda key: size[key])
    if size[great] < 1.1 * size[small]:
        raise ValueError(f"{relation}: {one} and {other} are nearly equal; compare others")
    return make(relation, f"country:{great}", country=("country", great), other=("country", small))


def comparisons(key: str, rng: Random, count: int) -> list[Fact]:
    """``count`` comparisons of a country with others, half by people, half by area.

    Source: ours.
    """
    found: list[Fact] = []
    others = [other for other in countries() if other != key]
    while len(found) < count:
        relation = ("more_people", "larger")[len(found) % 2]
        try:
            found.append(compare(relation, key, rng.choice(others)))
        except ValueError:
            continue
    return found


def make(relation: str, subject: str, **slots: tuple[str, str | tuple[str, ...]]) -> Fact:
    """A fact from ``slot=(kind, key)`` or ``slot=(kind, keys)``.

    Source: ours.
    """
    filled = {slot: Value(kind, (keys,) if isinstance(keys, str) else keys) for slot, (kind, keys) in slots.items()}
    return Fact(relation, subject, tuple(filled.items()))

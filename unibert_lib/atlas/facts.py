"""What the Atlas knows of an entity: its facts, in one list that is the same for every language."""

from collections.abc import Iterator
from functools import cache

from .relations import MONTH_DAYS, SEASONS
from .world import (
    Country,
    Entity,
    Fact,
    countries,
    entities,
    first_weekday,
    has_capital,
    make,
    plain,
)


@cache
def facts(entity: Entity) -> tuple[Fact, ...]:
    """All facts of an entity but comparisons (see :func:`world.compare`) and topics.

    Source: ours.
    """
    tell = {
        "country": _country,
        "city": _city,
        "currency": _currency,
        "language": _language,
        "continent": _continent,
        "month": _month,
        "weekday": _weekday,
    }
    return tuple(tell[entity.kind](entity.key)) if entity.kind in tell else ()


def _country(key: str) -> Iterator[Fact]:
    land = countries()[key]
    me, it = f"country:{key}", ("country", key)
    people, area = ("people", str(land.people)), ("area", plain(land.area))
    continent = ("continent", land.continent)
    yield make("definition", me, country=it, continent=continent)
    yield make("people", me, country=it, people=people)
    yield make("area", me, country=it, area=area)
    yield make("place_people", me, country=it, continent=continent, people=people)
    yield make("area_people", me, country=it, area=area, people=people)
    if has_capital(key):
        yield make("capital", me, country=it, city=("city", key))
    if has_capital(key) and land.currency:
        money = ("currency", land.currency)
        yield make("capital_currency", me, country=it, city=("city", key), currency=money)
    if land.neighbours:
        yield make("neighbours", me, country=it, neighbours=("country", land.neighbours))
    if land.waters:
        yield make("coast", me, country=it, waters=("water", land.waters))
    if land.landlocked:
        yield make("landlocked", me, country=it)
    if len(land.languages) == 1:
        yield make("language", me, country=it, language=("language", land.languages))
    if len(land.languages) > 1:
        yield make("languages", me, country=it, languages=("language", land.languages))
    if land.currency:
        yield make("currency", me, country=it, currency=("currency", land.currency))
    yield from _state(land)


def _state(land: Country) -> Iterator[Fact]:
    me, it = f"country:{land.key}", ("country", land.key)
    if land.independence:
        yield make("independence", me, country=it, year=("year", land.independence))
    if land.national_day:
        yield make("national_day", me, country=it, date=("date", land.national_day))
    if land.government:
        yield make(land.government, me, country=it)
    yield make("calling", me, country=it, calling=("calling", land.calling))
    yield make(f"drives_{land.drive}", me, country=it)
    yield make("week", me, country=it, weekday=("weekday", str(first_weekday(land.key))))


def _city(key: str) -> Iterator[Fact]:
    land = countries()[key]
    me, it = f"city:{key}", ("city", key)
    yield make("city_country", me, city=it, country=("country", key))
    yield make("city_continent", me, city=it, continent=("continent", land.continent))
    if land.currency:
        yield make("city_money", me, city=it, currency=("currency", land.currency))
    yield make("city_people", me, city=it, people=("people", str(land.people)))


def _currency(key: str) -> Iterator[Fact]:
    users = tuple(land.key for land in countries().values() if land.currency == key)
    me, it = f"currency:{key}", ("currency", key)
    if len(users) > 1:
        yield make("currency_users", me, currency=it, countries=("country", users))
    for user in users[:2]:
        yield make("currency_user", me, currency=it, country=("country", user))


def _language(key: str) -> Iterator[Fact]:
    users = tuple(land.key for land in countries().values() if key in land.languages)
    me, it = f"language:{key}", ("language", key)
    if len(users) > 1:
        yield make("language_countries", me, language=it, countries=("country", users))
    for user in users[:2]:
        yield make("language_country", me, language=it, country=("country", user))


def _continent(key: str) -> Iterator[Fact]:
    members = [land for land in countries().values() if land.continent == key]
    me, it = f"continent:{key}", ("continent", key)
    yield make("continent_count", me, continent=it, number=("number", str(len(members))))
    most = max(members, key=lambda land: land.people)
    if sum(land.people == most.people for land in members) == 1:  # China and India are equal when rounded
        yield make("continent_most", me, continent=it, country=("country", most.key))
    yield make(
        "continent_largest",
        me,
        continent=it,
        country=("country", max(members, key=lambda land: land.area).key),
    )
    for start in range(0, len(members) - 2, 4):
        some = tuple(land.key for land in members[start : start + 4])
        yield make("continent_some", me, continent=it, countries=("country", some))


def _month(key: str) -> Iterator[Fact]:
    month = int(key)
    me, it = f"month:{key}", ("month", key)
    if month != 2:  # February's days depend on the year
        yield make("month_days", me, month=it, number=("number", str(MONTH_DAYS[month - 1])))
    yield make("month_next", me, month=it, next=("month", str(month % 12 + 1)))
    yield make("month_place", me, month=it, number=("number", key))
    yield make("month_season", me, month=it, season=("season", SEASONS[month % 12 // 3]))


def _weekday(key: str) -> Iterator[Fact]:
    day = int(key)
    me, it = f"weekday:{key}", ("weekday", key)
    yield make("day_next", me, weekday=it, next=("weekday", str((day + 1) % 7)))
    yield make("day_previous", me, weekday=it, previous=("weekday", str((day - 1) % 7)))


@cache
def entity(subject: str) -> Entity:
    """The entity that a subject such as ``country:FR`` names.

    Source: ours.
    """
    kind, _, key = subject.partition(":")
    for candidate in entities():
        if (candidate.kind, candidate.key) == (kind, key):
            return candidate
    raise ValueError(f"no entity {subject!r} in the Atlas; subjects look like 'country:FR' or 'month:3'")

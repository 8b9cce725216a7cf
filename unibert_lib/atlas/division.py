"""Who may appear where: train, dev and test share no country, capital, person, institution, event or street."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from random import Random
from types import MappingProxyType
from typing import TypeVar

from .facts import entity, facts
from .language import SPLITS
from .relations import RELATIONS
from .world import Fact, Value, compare, countries

T = TypeVar("T")

# Relations that every language tells in all three splits.
TOLD = (
    *("definition", "capital", "people", "area", "neighbours", "coast", "language", "languages", "currency"),
    *("independence", "national_day", "calling", "week", "more_people", "larger"),
)
COMPARED = ("more_people", "larger")
# Some language tells these of "the country" only, so another sentence must name it before.
NAMELESS = ("neighbours", "calling", "week")
# These name further countries; after one, "its capital" would be anyone's. They come last, and one at most.
NAMING_OTHERS = ("neighbours", *COMPARED)

COUNTRIES = (0.55, 0.15)  # train, dev; the rest is for tests
# Places in the lists of the task files: of 24 (persons) and of ten (institutions, events, streets).
MANY = {"train": range(14), "dev": range(14, 18), "test": range(18, 24)}
FEW = {"train": range(6), "dev": range(6, 8), "test": range(8, 10)}


@cache
def division(seed: int) -> Mapping[str, tuple[str, ...]]:
    """split -> its countries, drawn once for all tasks and languages.

    Source: ours.
    """
    keys = sorted(countries())
    Random(f"{seed}:division").shuffle(keys)
    train = round(COUNTRIES[0] * len(keys))
    dev = train + round(COUNTRIES[1] * len(keys))
    return MappingProxyType(dict(zip(SPLITS, map(tuple, (keys[:train], keys[train:dev], keys[dev:])), strict=True)))


@cache
def told(key: str, split: str, seed: int) -> Mapping[str, Fact]:
    """relation -> the fact of a country, without comparisons; neighbours of other splits are left out.

    Source: ours.
    """
    known = {fact.relation: fact for fact in facts(entity(f"country:{key}")) if fact.relation in TOLD}
    if "neighbours" in known:
        members = division(seed)[split]
        near = tuple(other for other in known["neighbours"]["neighbours"].keys if other in members)
        if near:
            known["neighbours"] = with_value(known["neighbours"], Value("country", near))
        else:
            del known["neighbours"]
    return MappingProxyType(known)


def comparison(relation: str, key: str, split: str, seed: int, rng: Random) -> Fact | None:
    """``more_people`` or ``larger``: the country before one of its split that is at most half as great, if any.

    Source: ours.
    """
    land = countries()
    size = {k: land[k].people if relation == "more_people" else land[k].area for k in division(seed)[split]}
    smaller = [other for other in size if size[other] * 2 <= size[key]]
    return compare(relation, key, rng.choice(smaller)) if smaller else None


def value_slot(relation: str) -> str:
    """The slot that a relation adds to its country.

    Source: ours.
    """
    return RELATIONS[relation][1]


def value(fact: Fact) -> Value:
    """What a fact says of its country.

    Source: ours.
    """
    return fact[value_slot(fact.relation)]


def with_value(fact: Fact, new: Value) -> Fact:
    """The same statement with another value, true or not.

    Source: ours.
    """
    return Fact(fact.relation, fact.subject, (("country", fact["country"]), (value_slot(fact.relation), new)))


def arrange(told: Sequence[Fact], rng: Random) -> tuple[Fact, ...]:
    """Facts of one country in an order in which each sentence is understood.

    Source: ours.
    """
    order = list(told)
    rng.shuffle(order)
    order.sort(key=lambda fact: fact.relation in NAMING_OTHERS)
    if order[0].relation in NAMELESS:
        first = next((place for place, fact in enumerate(order) if fact.relation not in NAMELESS), 0)
        order[0], order[first] = order[first], order[0]
    return tuple(order)


def choose(pool: Sequence[Fact], count: int, rng: Random) -> list[Fact]:
    """``count`` facts (fewer if the pool is small), at most one of them naming other countries.

    Source: ours.
    """
    order = list(pool)
    rng.shuffle(order)
    others = [fact for fact in order if fact.relation in NAMING_OTHERS]
    return [fact for fact in order if fact not in others[1:]][:count]


def deck(items: Sequence[T], rng: Random) -> Iterator[T]:
    """The items in random order, again and again, so that none is drawn much more often than another.

    Source: ours.
    """
    while True:
        order = list(items)
        rng.shuffle(order)
        yield from order

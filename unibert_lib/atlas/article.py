"""Articles: which facts a page tells (the same in every language), and how one language tells them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from .facts import facts
from .language import Language, Sentence, Span, load, shifted
from .relations import TOPICS
from .world import Entity, Fact, Value, comparisons, entities

# Patterns marked "test" stay out of the dumps, so that no model has read a sentence of the task files.
DUMP_SPLITS = ("train", "dev")
TOPIC_SENTENCES = 5
KEPT = 0.6  # of the facts left after the lead; pages differ in what they tell, as pages do
REMARKED = 0.2  # of the pages end with two sentences of general knowledge

SECTIONS = {
    "land": ("area", "neighbours", "coast", "landlocked", "larger"),
    "people": ("people", "language", "languages", "more_people", "week"),
    "money": ("currency", "calling", "drives_left", "drives_right", "area_people"),
    "past": ("independence", "national_day", "republic", "monarchy"),
}

Plan = tuple[tuple[str, tuple[Fact, ...]], ...]  # (heading or "", the facts of one paragraph)


@dataclass(frozen=True)
class Paragraph:
    """A few sentences under a heading (empty for the lead).

    Source: ours.
    """

    heading: str
    sentences: tuple[Sentence, ...]
    space: str

    @property
    def text(self) -> str:
        return self.space.join(sentence.text for sentence in self.sentences)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The spans of all sentences, counted from the paragraph's first character."""
        found: list[Span] = []
        start = 0
        for sentence in self.sentences:
            found.extend(shifted(sentence, start))
            start += len(sentence.text) + len(self.space)
        return tuple(found)


@dataclass(frozen=True)
class Article:
    """One page of the Atlas in one language; ``id`` is the same in all of them.

    Source: ours.
    """

    id: str
    entity: Entity
    title: str
    language: str
    paragraphs: tuple[Paragraph, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(paragraph.text for paragraph in self.paragraphs)


def plan(entity: Entity, seed: int) -> Plan:
    """The facts of a page, paragraph by paragraph; no language is involved.

    Source: ours.
    """
    rng = Random(f"{seed}:plan:{entity.page}")
    if entity.kind == "country":
        return _country(entity, rng)
    if entity.kind == "topic":
        numbers = list(range(TOPIC_SENTENCES))
        rng.shuffle(numbers)
        return (("", tuple(topic(entity.key, number, rng) for number in numbers)),)
    told = list(facts(entity))
    rng.shuffle(told)
    if entity.kind == "city":
        told = told[: rng.choice([2, 3])]
    half = 3 if len(told) > 5 else len(told)
    paragraphs = [("", tuple(told[:half]))]
    paragraphs += [("more", tuple(told[start : start + 3])) for start in range(half, len(told), 3)]
    if rng.random() < REMARKED:
        paragraphs.append(("more", (remark(rng), remark(rng))))
    return tuple(paragraphs)


def _country(entity: Entity, rng: Random) -> Plan:
    known = {fact.relation: fact for fact in facts(entity)}
    place = rng.choice(["definition", "place_people"])
    seat = rng.choice(["capital", "capital_currency"])
    lead = [known[name] for name in (place, seat) if name in known]
    if rng.random() < 0.5:
        lead.append(known["people" if place == "definition" else "area"])
    told = {fact.relation for fact in lead}
    # A two-fact sentence tells part of what a later section would; half of the time it is told again.
    if "capital_currency" in told and rng.random() < 0.5:
        known.pop("currency", None)
    if rng.random() < 0.5:
        known.pop("area_people")
    extra = comparisons(entity.key, rng, rng.choice([1, 2, 3]))
    paragraphs = [("", tuple(lead))]
    headings = list(SECTIONS)
    rng.shuffle(headings)
    for heading in headings:
        untold = [known[name] for name in SECTIONS[heading] if name in known and name not in told]
        pool = [fact for fact in untold if rng.random() < KEPT]
        pool += [fact for fact in extra if fact.relation in SECTIONS[heading]]
        rng.shuffle(pool)
        if len(pool) > 4 and rng.random() < 0.5:
            paragraphs += [(heading, tuple(pool[:3])), (heading, tuple(pool[3:]))]
        elif pool:
            paragraphs.append((heading, tuple(pool)))
    if rng.random() < REMARKED:
        paragraphs.append(("more", (remark(rng), remark(rng))))
    return tuple(paragraphs)


def topic(name: str, number: int, rng: Random) -> Fact:
    """A sentence of general knowledge, its slots filled with months, weekdays and a sum.

    Source: ours.
    """
    month, day, a, b = rng.randrange(12), rng.randrange(7), rng.randint(2, 60), rng.randint(2, 39)
    slots = {
        "month": ("month", month + 1),
        "next_month": ("month", (month + 1) % 12 + 1),
        "february": ("month", 2),
        "weekday": ("weekday", day),
        "next_weekday": ("weekday", (day + 1) % 7),
        "a": ("number", a),
        "b": ("number", b),
        "sum": ("number", a + b),
    }
    filled = tuple((slot, Value(kind, (str(key),))) for slot, (kind, key) in slots.items())
    return Fact(f"topic.{name}.{number}", f"topic:{name}", filled)


def remark(rng: Random) -> Fact:
    """A random sentence of general knowledge.

    Source: ours.
    """
    return topic(rng.choice(TOPICS), rng.randrange(TOPIC_SENTENCES), rng)


def tell(language: Language, entity: Entity, seed: int, splits: Sequence[str] = DUMP_SPLITS) -> Article:
    """The page of an entity in one language.

    Source: ours.
    """
    rng = Random(f"{seed}:tell:{language.code}:{entity.page}")
    used: set[str] = set()
    paragraphs = []
    for heading, told in plan(entity, seed):
        sentences = []
        for place, fact in enumerate(told):
            choices = language.choices(fact.relation, splits)
            fresh = [pattern for pattern in choices if pattern.id not in used]
            pattern = rng.choice(fresh or list(choices))
            used.add(pattern.id)
            joined = place > 0 and rng.random() < 0.15
            connective = rng.choice(list(language.connectives)) if joined else ""
            sentences.append(language.render(fact, pattern, connective))
        paragraphs.append(Paragraph(heading, tuple(sentences), language.space))
    title = language.title(entity.kind, entity.key)
    return Article(str(entity.page), entity, title, language.code, tuple(paragraphs))


def chosen(seed: int, pages: int | None) -> tuple[Entity, ...]:
    """``pages`` entities, half of them countries, sorted by page id; None for all.

    Raises
    ------
    ValueError
        If ``pages`` is less than one or more than there are entities.

    Source: ours.
    """
    everything = list(entities())
    if pages is None:
        return tuple(everything)
    if not 1 <= pages <= len(everything):
        raise ValueError(f"pages = {pages}: ask for 1 to {len(everything)}, or None for all")
    Random(f"{seed}:pages").shuffle(everything)
    land = [entity for entity in everything if entity.kind == "country"]  # they have the longest pages
    rest = [entity for entity in everything if entity.kind != "country"]
    half = max(pages // 2, pages - len(land))
    return tuple(sorted(rest[:half] + land[: pages - half], key=lambda entity: entity.page))


def articles(
    language: str, seed: int = 0, pages: int | None = None, splits: Sequence[str] = DUMP_SPLITS
) -> Iterator[Article]:
    """The articles of one language, in page order.

    Parameters
    ----------
    language
        A code of the Atlas.
    seed
        Chooses facts, order and patterns.
    pages
        How many pages; None for one for every entity. The same pages are chosen in every language.
    splits
        Which sentence patterns may be used.

    Source: ours.
    """
    speaker = load(language)
    for entity in chosen(seed, pages):
        yield tell(speaker, entity, seed, splits)

"""Entity recognition: news in CoNLL-2002's columns, and judgements in MAPA's JSON lines. Not parallel."""

import datetime
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from random import Random

from .division import COMPARED, FEW, MANY, TOLD, comparison, deck, division, told
from .language import SLOT, SPLITS, Pattern, Sentence
from .sentences import COMPOSED, TaskLanguage, load_tasks
from .tagging import Mark, Token, tag, tokenize
from .taskfile import KINDS
from .world import Fact, Value, countries, has_capital

NER_SIZES = {"train": 400, "dev": 100, "test": 200}
LEGAL_SIZES = {"train": 300, "dev": 80, "test": 150}
ENDINGS = {"train": "train", "dev": "testa", "test": "testb"}  # CoNLL-2002's names

# What CoNLL-2002 would call each kind; all others (currencies, numbers, dates) are O.
ENTITIES = {
    **{"person": "PER", "organisation": "ORG", "event": "MISC", "language": "MISC"},
    **{"country": "LOC", "city": "LOC", "continent": "LOC", "water": "LOC"},
}
COARSE = {
    **{"person": "PERSON", "organisation": "ORGANISATION", "full_date": "DATE", "time": "TIME"},
    **{"address": "ADDRESS", "city": "ADDRESS", "amount": "AMOUNT"},
}
# The parts of an entity that MAPA's finer level tells apart; an organisation and a time have none.
FINE = ("given name", "family name", "day", "month", "year", "street", "building", "city", "value", "unit")
FIRST_DAY, DAYS = datetime.date(1950, 1, 1), 27000


def write_ner(folder: Path, code: str, seed: int, share: float) -> None:
    """``<code>.train``, ``<code>.testa`` and ``<code>.testb``: ``word tag``, a blank line after each sentence.

    Source: CoNLL-2002 (layout); the sentences are ours.
    """
    language = load_tasks(code)
    for split in SPLITS:
        rng = Random(f"{seed}:ner:{code}:{split}")
        blocks = []
        for sentence in _sentences(language, split, seed, rng, max(1, round(NER_SIZES[split] * share))):
            tokens = tokenize(sentence.text)
            tags = tag(tokens, ner_marks(language, sentence), f"{code}: pattern {sentence.pattern.id}")
            blocks.append("".join(f"{token.text} {label}\n" for token, label in zip(tokens, tags, strict=True)))
        (folder / f"{code}.{ENDINGS[split]}").write_text("\n".join(blocks) + "\n", encoding="utf-8", newline="\n")


def _sentences(language: TaskLanguage, split: str, seed: int, rng: Random, count: int) -> list[Sentence]:
    """``count`` different sentences, every other one from the encyclopedia, in random order."""
    own = _filled(language, language.lines("ner", split), split, seed, rng)
    facts = _told(language, split, seed, rng)
    found: dict[str, Sentence] = {}
    while len(found) < count:
        sentence = next(facts if len(found) % 2 else own)
        if sentence.text not in found and any(span.kind in ENTITIES for span in sentence.spans):
            found[sentence.text] = sentence
    order = list(found.values())
    rng.shuffle(order)
    return order


def _told(language: TaskLanguage, split: str, seed: int, rng: Random) -> Iterator[Sentence]:
    """Facts of the encyclopedia about the countries of a split, in its patterns of that split."""
    lands = deck(division(seed)[split], rng)
    for relation in deck(TOLD, rng):
        key = next(lands)
        fact = comparison(relation, key, split, seed, rng) if relation in COMPARED else None
        fact = fact or told(key, split, seed).get(relation)
        if fact is not None:
            yield language.render(fact, rng.choice(language.choices(relation, (split,))))


def _filled(
    language: TaskLanguage, patterns: tuple[Pattern, ...], split: str, seed: int, rng: Random
) -> Iterator[Sentence]:
    """The patterns in turn, filled with names of a split."""
    for pattern in deck(patterns, rng):
        slots = {name for name, _ in SLOT.findall(pattern.text)}
        # Sorted, since the order of a set changes from run to run.
        filled = {slot: _draw(KINDS[slot], split, seed, rng) for slot in sorted(slots)}
        if len(set(filled.values())) == len(filled):
            yield language.render(Fact(pattern.relation, "task", tuple(filled.items())), pattern)


def _draw(kind: str, split: str, seed: int, rng: Random) -> Value:
    city = rng.choice(_capitals(split, seed))
    land = countries()
    match kind:
        case "person":
            keys: tuple[str, ...] = (str(rng.choice(MANY[split])), str(rng.choice(MANY[split])))
        case "organisation" | "event":
            keys = (str(rng.choice(FEW[split])), city)
        case "address":
            keys = (str(rng.choice(FEW[split])), str(rng.randint(1, 199)), city)
        case "amount":
            paying = [key for key in _capitals(split, seed) if land[key].currency]
            keys = (str(50 * rng.randint(4, 1999)), land[rng.choice(paying)].currency)
        case "full_date":
            keys = ((FIRST_DAY + datetime.timedelta(days=rng.randrange(DAYS))).isoformat(),)
        case "time":
            keys = (f"{rng.randint(8, 19):02}:{rng.randrange(0, 60, 5):02}",)
        case "language":
            keys = (rng.choice(sorted({code for country in land.values() for code in country.languages})),)
        case _:
            keys = (city,)
    return Value(kind, keys)


@cache
def _capitals(split: str, seed: int) -> tuple[str, ...]:
    return tuple(key for key in division(seed)[split] if has_capital(key))


def ner_marks(language: TaskLanguage, sentence: Sentence) -> list[Mark]:
    """The entities of a sentence: whole institutions, their city included; names without their article.

    The Arabic "and" is written together with the last name of a list, and belongs to its word.

    Source: CoNLL-2002's four types; which kind is which is ours.
    """
    marks = []
    joined = language.names.listed(2)[1:-1]
    for spans in language.groups(sentence):
        first = spans[0]
        if first.kind in ENTITIES:
            start, end = first.start, spans[-1].end
            if first.kind not in COMPOSED:
                start, end = language.name_of(sentence.text, first)
                if joined[-1].isalpha() and language.space and sentence.text.endswith(joined, 0, start):
                    start -= len(joined.strip())
            marks.append(Mark(start, end, ENTITIES[first.kind]))
    return marks


def write_legal(folder: Path, code: str, seed: int, share: float) -> None:
    """``<code>/train.jsonl`` and so on, one sentence a line.

    Source: MAPA's published layout; labels and sentences are ours.
    """
    language = load_tasks(code)
    (folder / code).mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        rng = Random(f"{seed}:legal:{code}:{split}")
        found: dict[str, Sentence] = {}
        count = max(1, round(LEGAL_SIZES[split] * share))
        for sentence in _filled(language, language.lines("legal", split), split, seed, rng):
            found.setdefault(sentence.text, sentence)
            if len(found) == count:
                break
        lines = []
        for number, sentence in enumerate(found.values()):
            row = {"language": code, "type": "COURT DECISION", "file_name": f"atlas_{code}_{split}"}
            levels = _levels(language, sentence)
            lines.append(json.dumps({**row, "sentence_number": number, **levels}, ensure_ascii=False) + "\n")
        (folder / code / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")


def _levels(language: TaskLanguage, sentence: Sentence) -> Mapping[str, list[str]]:
    tokens: tuple[Token, ...] = tokenize(sentence.text)
    coarse, fine = legal_marks(language, sentence)
    source = f"{language.code}: pattern {sentence.pattern.id}"
    return {
        "tokens": [token.text for token in tokens],
        "coarse_grained": tag(tokens, coarse, source),
        "fine_grained": tag(tokens, fine, source),
    }


def legal_marks(language: TaskLanguage, sentence: Sentence) -> tuple[list[Mark], list[Mark]]:
    """The entities of a judgement, and their parts.

    Source: MAPA's two levels; the labels are ours.
    """
    coarse, fine = [], []
    for spans in language.groups(sentence):
        kind = spans[0].kind
        coarse.append(Mark(spans[0].start, spans[-1].end, COARSE[kind]))
        for span in spans:
            part = "city" if kind == "city" else span.key
            if part in FINE and kind not in ("organisation", "event"):
                fine.append(Mark(span.start, span.end, part.upper()))
    return coarse, fine

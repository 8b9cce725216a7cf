"""Question answering in SQuAD's JSON, with MLQA's file names: parallel contexts, questions and answers.

Every other context is about two countries and tells what is asked of both, so that the kind of the answer alone does
not find it; each question is then asked of either.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from .article import Paragraph
from .division import COMPARED, NAMELESS, arrange, choose, comparison, deck, division, told, value, value_slot
from .language import SPLITS
from .sentences import TaskLanguage, load_tasks
from .world import Fact

CONTEXTS = {"train": 150, "dev": 40, "test": 75}  # two questions each
ASKED = (
    *("definition", "capital", "people", "area", "language", "currency", "independence", "national_day"),
    *("calling", "week"),
)
FACTS = (3, 5)
NAMES = {"dev": "dev/dev-context-{0}-question-{0}.json", "test": "test/test-context-{0}-question-{0}.json"}
TRAIN_NAME = "{0}_squad-translate-train-train-v1.1.json"


@dataclass(frozen=True)
class Item:
    """A context and its questions, without a word of any language; a question is a fact and its wording's number.

    Source: ours.
    """

    facts: tuple[Fact, ...]
    questions: tuple[tuple[Fact, int], ...]
    two: bool


def items(split: str, seed: int, count: int) -> list[Item]:
    """``count`` contexts, about one country and about two in turn.

    Source: ours.
    """
    rng = Random(f"{seed}:qa:{split}")
    wordings = 2 if split == "train" else 1
    lands = deck(division(seed)[split], rng)
    both, either = deck([relation for relation in ASKED if relation not in NAMELESS], rng), deck(ASKED, rng)
    found: list[Item] = []
    while len(found) < count:
        key, other = next(lands), next(lands)
        two = len(found) % 2 == 1
        plan = _two(next(both), key, other, split, seed, rng) if two else _one(next(either), key, split, seed, rng)
        if plan is not None:
            facts, asked = plan
            questions = tuple((fact, rng.randrange(wordings)) for fact in asked)
            found.append(Item(tuple(facts), questions, two))
    return found


Plan = tuple[Sequence[Fact], Sequence[Fact]]


def _one(relation: str, key: str, split: str, seed: int, rng: Random) -> Plan | None:
    known = told(key, split, seed)
    askable = [known[name] for name in ASKED if name in known and name != relation]
    if relation not in known or not askable:
        return None
    asked = [known[relation], rng.choice(askable)]
    pool = [fact for name, fact in known.items() if fact not in asked]
    pool += [fact for name in COMPARED if (fact := comparison(name, key, split, seed, rng))]
    return arrange([*asked, *choose(pool, rng.randint(*FACTS) - 2, rng)], rng), asked


def _two(relation: str, key: str, other: str, split: str, seed: int, rng: Random) -> Plan | None:
    one, two = told(key, split, seed), told(other, split, seed)
    if key == other or relation not in one or relation not in two:
        return None
    asked = [one[relation], two[relation]]
    if value(asked[0]) == value(asked[1]):
        return None
    pool = [fact for known in (one, two) for name, fact in known.items() if name != relation and name not in NAMELESS]
    facts = [*asked, *choose(pool, rng.randint(*FACTS) - 2, rng)]
    rng.shuffle(facts)
    rng.shuffle(asked)
    return facts, asked


def write_qa(folder: Path, codes: Sequence[str], seed: int, share: float) -> None:
    """A training file a language, and MLQA's development and test files with context and question in it.

    Source: SQuAD v1.1 and MLQA (Lewis et al., 2020), layout; the sentences are ours.
    """
    for split in SPLITS:
        plan = items(split, seed, max(1, round(CONTEXTS[split] * share)))
        for code in codes:
            path = folder / NAMES.get(split, TRAIN_NAME).format(code)
            path.parent.mkdir(parents=True, exist_ok=True)
            data = [_entry(load_tasks(code), item, place, split, seed) for place, item in enumerate(plan)]
            text = json.dumps({"version": "1.1" if split == "train" else 1.0, "data": data}, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _entry(language: TaskLanguage, item: Item, place: int, split: str, seed: int) -> dict[str, Any]:
    rng = Random(f"{seed}:qa:{split}:{language.code}:{place}")
    context = language.paragraph(item.facts, split, rng, named=item.two)
    questions = []
    for number, (fact, wording) in enumerate(item.questions):
        text = language.render(fact, language.lines("questions", fact.relation, split)[wording]).text
        start, end = answer(language, context, item.facts.index(fact), fact)
        # The same in all languages, as MLQA's are.
        key = hashlib.sha1(f"{seed}:{split}:{place}:{number}".encode(), usedforsecurity=False).hexdigest()
        answers = [{"text": context.text[start:end], "answer_start": start}]
        questions.append({"question": text, "id": key, "answers": answers})
    title = language.title("country", item.facts[0].subject.partition(":")[2])
    return {"title": title, "paragraphs": [{"context": context.text, "qas": questions}]}


def answer(language: TaskLanguage, context: Paragraph, place: int, fact: Fact) -> tuple[int, int]:
    """Where sentence ``place`` of a context names the value: no article or preposition, but with its unit.

    Source: ours.
    """
    before = sum(len(sentence.text) + len(context.space) for sentence in context.sentences[:place])
    sentence = context.sentences[place]
    span = next(span for span in sentence.spans if span.slot == value_slot(fact.relation))
    start, end = language.name_of(sentence.text, span)
    return before + start, before + end

"""Similarity of articles in STS22's files: short articles about countries, scored by what they share.

    similarity = 0.2 * same country + 0.5 * shared facts + 0.3 * shared relations
    Overall    = 4 - 3 * similarity, from 1 (the same) to 4 (nothing in common)

Shared facts and relations are counted as a share of the longer article. What is shared is told in other words where
the country is the same, and in the same words where it is not, so that common words mislead.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from .article import Paragraph
from .division import arrange, choose, division, told
from .sentences import TaskLanguage, load_tasks
from .world import Fact, countries

PAIRS = {"train": 480, "test": 120}  # a language or pair of languages
TRAIN_LANGUAGES = ("ar", "de", "el", "en", "es", "fr", "hi", "nl", "sw", "tr")  # the others have tests only
TRAIN_CROSS = (("de", "en"), ("el", "en"))
TEST_CROSS = (*TRAIN_CROSS, ("es", "en"), ("zh", "en"), ("ru", "en"))
COUNTRY, FACTS, RELATIONS = 0.2, 0.5, 0.3
SENTENCES = (2, 4)
MISLEADING = 0.8  # of the chances to tell the same in other words, or something else in the same words, are taken
NAMES = {"train": "semeval-2022_task8_train-data_batch.csv", "test": "final_evaluation_data.csv"}
FIRST = ("url1_lang", "url2_lang", "pair_id", "link1", "link2", "ia_link1", "ia_link2")
SCORES = {
    "train": ("Geography", "Entities", "Time", "Narrative", "Overall", "Style", "Tone"),
    "test": ("GEO", "ENT", "TIME", "NAR", "OVERALL", "STYLE", "TONE"),
}


@dataclass(frozen=True)
class Pair:
    """The facts of two articles.

    Source: ours.
    """

    first: tuple[Fact, ...]
    second: tuple[Fact, ...]


def draw(split: str, seed: int, rng: Random) -> Pair:
    """Two articles about one country that share facts, or about two that share relations.

    Source: ours.
    """
    one, other = rng.sample(division(seed)[split], 2)
    if rng.random() < 0.5:
        other = one
    pool, others = told(one, split, seed), told(other, split, seed)
    first = choose(list(pool.values()), rng.randint(*SENTENCES), rng)
    size = rng.randint(*SENTENCES)
    kept = [others[fact.relation] for fact in first if fact.relation in others]
    rng.shuffle(kept)
    second = kept[: rng.randint(0, min(size, len(kept)))]
    used = {fact.relation for fact in first}
    fresh = [fact for name, fact in others.items() if name not in used]
    second += [fact for fact in choose(fresh, size, rng) if fact not in second][: size - len(second)]
    return Pair(arrange(first, rng), arrange(second, rng))


def overall(pair: Pair) -> float:
    """1 for the same, 4 for nothing in common (see above).

    Source: the scale is STS22's; the formula is ours.
    """
    return round(4 - 3 * (COUNTRY * _same(pair) + FACTS * _shared(pair) + RELATIONS * _alike(pair)), 4)


def _same(pair: Pair) -> bool:
    return pair.first[0].subject == pair.second[0].subject


def _shared(pair: Pair) -> float:
    return len(set(pair.first) & set(pair.second)) / max(len(pair.first), len(pair.second))


def _alike(pair: Pair) -> float:
    one, other = ({fact.relation for fact in facts} for facts in (pair.first, pair.second))
    return len(one & other) / max(len(one), len(other))


def _scores(pair: Pair) -> list[float]:
    """STS22's seven columns; time, style and tone never differ here."""
    one, other = (countries()[facts[0].subject.partition(":")[2]] for facts in (pair.first, pair.second))
    geography = 1.0 if one == other else 2.5 if one.continent == other.continent else 4.0
    entities = round(4 - 1.5 * (_same(pair) + _shared(pair)), 4)
    return [geography, entities, 1.0, round(4 - 3 * _alike(pair), 4), overall(pair), 1.0, 1.0]


def write_sts(folder: Path, codes: Sequence[str], seed: int, share: float) -> None:
    """The two official tables, and ``articles/<last two digits>/<id>.json``.

    Training leaves out the languages that have tests only, unless no other is asked for.

    Source: SemEval-2022 task 8 (Chen et al., 2022), layout; the articles are ours.
    """
    alone = [code for code in codes if code in TRAIN_LANGUAGES] or list(codes)
    plans = {"train": (alone, TRAIN_CROSS), "test": (codes, TEST_CROSS)}
    for shelf in range(100):
        (folder / "articles" / f"{shelf:02}").mkdir(parents=True, exist_ok=True)
    number = 1_400_000_000  # ten digits, as the genuine ids have
    for split, (single, crossed) in plans.items():
        pairs = [(code, code) for code in single] + [p for p in crossed if set(p) <= set(codes)]
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow([*FIRST, *SCORES[split]])
        for one, other in pairs:
            rng = Random(f"{seed}:sts:{split}:{one}:{other}")
            for _ in range(max(1, round(PAIRS[split] * share))):
                pair = draw(split, seed, rng)
                ids = (str(number), str(number + 1))
                number += 2
                articles = _tell(pair, load_tasks(one), load_tasks(other), split, rng)
                for key, code, facts, article in zip(
                    ids, (one, other), (pair.first, pair.second), articles, strict=True
                ):
                    title = load_tasks(code).title("country", facts[0].subject.partition(":")[2])
                    _write_article(folder / "articles", key, title, article.text)
                links = [f"https://{code}.example.org/{key}" for code, key in zip((one, other), ids, strict=True)]
                rows.writerow([one, other, "_".join(ids), *links, *links, *_scores(pair)])
        (folder / NAMES[split]).write_text(table.getvalue(), encoding="utf-8", newline="\n")


def _tell(pair: Pair, one: TaskLanguage, other: TaskLanguage, split: str, rng: Random) -> tuple[Paragraph, Paragraph]:
    used: dict[str, str] = {}
    first = _article(pair.first, one, split, rng, {}, used)
    # The same country: not those patterns again. Another country: those very patterns.
    return first, _article(pair.second, other, split, rng, used, {}, again=not _same(pair))


def _article(
    facts: Sequence[Fact],
    language: TaskLanguage,
    split: str,
    rng: Random,
    before: dict[str, str],
    used: dict[str, str],
    again: bool = False,
) -> Paragraph:
    sentences = []
    for place, fact in enumerate(facts):
        choices = [*language.choices(fact.relation, (split,)), *language.lines("claims", fact.relation, split)]
        choices = [pattern for pattern in choices if place or "{country" in pattern.text]
        liked = [pattern for pattern in choices if (pattern.id == before.get(fact.relation)) == again]
        pattern = rng.choice(liked if liked and rng.random() < MISLEADING else choices)
        used[fact.relation] = pattern.id
        sentences.append(language.render(fact, pattern))
    return Paragraph("", tuple(sentences), language.space)


def _write_article(folder: Path, key: str, title: str, text: str) -> None:
    page = json.dumps({"title": title, "text": text}, ensure_ascii=False)
    (folder / key[-2:] / f"{key}.json").write_text(page + "\n", encoding="utf-8", newline="\n")

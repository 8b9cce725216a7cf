"""Scores of predictions, as fractions: entities, classes, answers, correlations. Takes plain values, never models."""

from __future__ import annotations

import re
import string
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

AVERAGES = ("micro avg", "macro avg", "weighted avg")  # rows of seqeval's report that are no types
_TAG = re.compile(r"O|[BI]-\S.*")


def entity_f1(
    true_tags: Sequence[Sequence[str]], predicted_tags: Sequence[Sequence[str]], *, strict: bool = False
) -> float:
    """Micro-F1 over entities: an entity counts where its type, first and last word are all right.

    By default as conlleval counts: ``I-X`` that follows no X begins an entity. ``strict`` reads IOB2 to the letter:
    an entity must begin with ``B-``, and ``I-X`` that follows no X is none. 0 where there is no entity to find.

    Raises
    ------
    ValueError
        If there is no sentence, the two differ in sentences or words, or a tag is not O, ``B-X`` or ``I-X``.

    Source: seqeval (its default, and ``mode="strict", scheme=IOB2``); Tjong Kim Sang (2002), conlleval.
    """
    true, predicted = _tag_lists(true_tags, predicted_tags)
    # Imported where needed: it brings scikit-learn along, a second that the other metrics need not wait for.
    from seqeval.metrics import f1_score

    return float(f1_score(true, predicted, zero_division=0, **_scheme(strict)))


def entity_scores(
    true_tags: Sequence[Sequence[str]], predicted_tags: Sequence[Sequence[str]], *, strict: bool = False
) -> dict[str, dict[str, float]]:
    """Precision, recall, f1 and support (entities in ``true_tags``) of each entity type, by type.

    A type that was only predicted has support 0. Counts and errors as in ``entity_f1``.

    Source: seqeval.
    """
    true, predicted = _tag_lists(true_tags, predicted_tags)
    from seqeval.metrics import classification_report

    begins = ("B-",) if strict else ("B-", "I-")
    if not any(tag.startswith(begins) for sentence in (*true, *predicted) for tag in sentence):
        return {}  # no entity at all: seqeval would average over nothing
    report = classification_report(true, predicted, output_dict=True, zero_division=0, **_scheme(strict))
    names = {"precision": "precision", "recall": "recall", "f1": "f1-score", "support": "support"}
    return {
        kind: {name: float(found[theirs]) for name, theirs in names.items()}
        for kind, found in report.items()
        if kind not in AVERAGES
    }


def _scheme(strict: bool) -> dict[str, Any]:
    from seqeval.scheme import IOB2

    return {"mode": "strict", "scheme": IOB2} if strict else {}


def _tag_lists(
    true_tags: Sequence[Sequence[str]], predicted_tags: Sequence[Sequence[str]]
) -> tuple[list[list[str]], list[list[str]]]:
    """As lists, which seqeval insists on, checked."""
    true, predicted = [list(tags) for tags in true_tags], [list(tags) for tags in predicted_tags]
    _same_length(true, predicted, "sentences")
    for number, (one, other) in enumerate(zip(true, predicted, strict=True), start=1):
        if len(one) != len(other):
            raise ValueError(f"sentence {number}: {len(one)} true tags but {len(other)} predicted: give one a word")
        for tag in (*one, *other):
            if not _TAG.fullmatch(tag):
                raise ValueError(f"sentence {number}: tag {tag!r} is not O, B-X or I-X: convert the tags to IOB2 first")
    return true, predicted


def _same_length(true: Sequence[Any], predicted: Sequence[Any], what: str) -> None:
    if len(true) != len(predicted):
        raise ValueError(f"{len(true)} true {what} but {len(predicted)} predicted: give one prediction for each")
    if not true:
        raise ValueError(f"no {what}: there is nothing to score; check that the test data was read")


def accuracy(true: Iterable[Hashable], predicted: Iterable[Hashable]) -> float:
    """The share of predictions that are right.

    Source: XNLI (Conneau et al., 2018).
    """
    gold, said = list(true), list(predicted)
    _same_length(gold, said, "labels")
    return sum(g == s for g, s in zip(gold, said, strict=True)) / len(gold)


def macro_f1(true: Iterable[Hashable], predicted: Iterable[Hashable], labels: Sequence[Hashable]) -> float:
    """The mean over ``labels`` of each label's F1, ``2 * hits / (true + predicted)``.

    A label that neither occurs nor is predicted counts 0, so that files of different content remain comparable.
    A prediction outside ``labels`` is merely wrong.

    Raises
    ------
    ValueError
        If there is nothing to score, the lengths differ, or ``labels`` is empty, repeats one, or lacks a true one.

    Source: PROTOCOL, "XNLI" (the paper does not say which average its F1 takes).
    """
    gold, said = list(true), list(predicted)
    _same_length(gold, said, "labels")
    if not labels or len(set(labels)) != len(labels):
        raise ValueError(f"labels={list(labels)!r}: name each label once")
    unknown = sorted(map(repr, set(gold) - set(labels)))
    if unknown:
        raise ValueError(f"true label {unknown[0]} is not among {list(labels)!r}: add it, or correct the data")
    hits = Counter(g for g, s in zip(gold, said, strict=True) if g == s)
    sizes = Counter(gold) + Counter(said)
    return sum(2 * hits[label] / sizes[label] for label in labels if sizes[label]) / len(labels)


# What mlqa_evaluation_v1.py takes for articles. Quirks: the Vietnamese words are a preposition, classifiers and a
# plural marker; the Arabic pattern removes alif-lam anywhere, inside words too, since its first half (a space before
# it, the text's start after it) never matches. Hindi and Chinese have none.
_ARTICLES = {
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "ar": re.compile(r"\sال^|ال"),
}
# Scripts without spaces: each of these characters is a token, the rest is split at whitespace. zh is the official
# range; quirk: it leaves out the extensions of the block, so rare characters stick together. ja and th are ours.
_ALONE = {
    "zh": re.compile(r"([\u4e00-\u9fa5])"),
    "ja": re.compile(r"([\u4e00-\u9fa5\u3041-\u3096\u30a1-\u30fa\u3005])"),
    "th": re.compile(r"([\u0e01-\u0e3a\u0e40-\u0e4e])"),
}


def can_be_seen(text: str) -> bool:
    """Whether a text has more than blanks, controls and marks without a picture (Unicode's classes Z and C).

    Source: ours.
    """
    return any(unicodedata.category(char)[0] not in "ZC" for char in text.replace("\ufffd", ""))


def qa_scores(prediction: str, answers: Sequence[str], language: str) -> dict[str, float]:
    """How well an answer matches the best of the right ones, as MLQA and as SQuAD v1.1 count it.

    Both lower-case, strip punctuation, drop articles and compare tokens; SQuAD knows English articles and ASCII
    punctuation only. Languages that MLQA lacks (``sw``, ``ru``, ``el``, ...) have no articles here and are split at
    whitespace, Japanese and Thai by character.

    Returns
    -------
    dict
        ``exact`` and ``f1`` by MLQA's rules for ``language``, ``squad_exact`` and ``squad_f1``; 0 to 1. ``f1`` is
        2PR / (P + R) over the multisets of tokens; the best answer is taken for each of the four by itself.

    Raises
    ------
    ValueError
        If there is no right answer to compare with.

    Source: Lewis et al. (2020), mlqa_evaluation_v1.py; Rajpurkar et al. (2016), evaluate-v1.1.py.
    """
    if not answers:
        raise ValueError("no right answer to compare with: leave the question out, or give it one")
    mlqa, squad = _normalised(prediction, language), _squad_normalised(prediction)
    right_mlqa = [_normalised(answer, language) for answer in answers]
    right_squad = [_squad_normalised(answer) for answer in answers]
    return {
        "exact": float(mlqa in right_mlqa),
        "f1": max(_token_f1(mlqa, right) for right in right_mlqa),
        "squad_exact": float(squad in right_squad),
        "squad_f1": max(_token_f1(squad, right) for right in right_squad),
    }


def _normalised(text: str, language: str) -> str:
    # The official order. Quirks: punctuation goes without leaving a space ("well-known" is one word, "d'un" becomes
    # "dun" and is no article), and goes before articles; an article leaves a space, so Arabic words may fall apart.
    text = "".join(char for char in text.lower() if not _is_punctuation(char))
    if language in _ARTICLES:
        text = _ARTICLES[language].sub(" ", text)
    if language in _ALONE:
        text = _ALONE[language].sub(r" \1 ", text)
    return " ".join(text.split())


def _is_punctuation(char: str) -> bool:
    # Quirk: of the symbols (Unicode S*) only those of ASCII go: "$5" loses its sign, "€5" keeps it.
    return unicodedata.category(char).startswith("P") or char in string.punctuation


def _squad_normalised(text: str) -> str:
    text = "".join(char for char in text.lower() if char not in string.punctuation)
    return " ".join(_ARTICLES["en"].sub(" ", text).split())


def _token_f1(prediction: str, answer: str) -> float:
    said, right = prediction.split(), answer.split()
    common = sum((Counter(said) & Counter(right)).values())
    # Quirk of both scripts: two texts of which nothing is left ("The!" and "a") match exactly, yet their F1 is 0.
    return 2 * common / (len(said) + len(right)) if common else 0.0


def pearson(x: Iterable[float], y: Iterable[float]) -> float:
    """Pearson's correlation, -1 to 1; nan where x or y is constant, as no line can be drawn then.

    Raises
    ------
    ValueError
        If the lengths differ, there are fewer than two pairs, or a value is not finite.

    Source: paper 4 (STS); scipy.stats.pearsonr.
    """
    return _correlation(stats.pearsonr, x, y)


def spearman(x: Iterable[float], y: Iterable[float]) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; nan and errors as in ``pearson``.

    Source: ours, beside the paper's Pearson; scipy.stats.spearmanr.
    """
    return _correlation(stats.spearmanr, x, y)


def _correlation(coefficient: Callable[..., Any], x: Iterable[float], y: Iterable[float]) -> float:
    one, other = _finite(x, "x"), _finite(y, "y")
    if len(one) != len(other):
        raise ValueError(f"{len(one)} values in x but {len(other)} in y: give pairs")
    if len(one) < 2:
        raise ValueError(f"{len(one)} pairs: a correlation needs at least two")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # constant: nan says it; nearly so: stands
        return float(np.clip(coefficient(one, other).statistic, -1.0, 1.0))  # rounding must not leave the range


def _finite(values: Iterable[float], name: str) -> npt.NDArray[np.float64]:
    array = np.asarray(list(values), dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        at = int(bad[0])
        raise ValueError(f"{name}[{at}] is {array[at]}: a correlation needs finite numbers; leave the pair out")
    return array

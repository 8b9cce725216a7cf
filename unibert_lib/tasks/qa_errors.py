"""What kind of mistake an answer is, by rules simple enough to be read: for the error analysis of 06."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from unibert_lib.tasks.answers import score_of
from unibert_lib.tasks.records import Question

KINDS = ("right", "empty", "wrong country", "wrong kind", "too long", "too short", "other")
SAME = 2 / 3  # of the shorter question stands at the ends of both; told apart on Atlas's test questions in 12 languages


def asks_the_same(one: str, other: str) -> bool:
    """Whether two questions have one wording and differ in a name in it: they begin and end alike.

    Source: ours.
    """
    shorter = min(len(one), len(other))
    begin = _shared(one, other)
    end = _shared(one[begin:][::-1], other[begin:][::-1])
    return begin + end > SAME * shorter


def kind_of_error(record: Question, answered: str, others: Sequence[Question]) -> str:
    """One of ``KINDS``. ``others`` are the further questions about the same context.

    ``wrong country``: the words are nearer to the answer of another question that asks the same (of another country).
    ``wrong kind``: nearer to that of a question which asks something else, or a figure where a name is right, or the
    reverse. ``too long`` and ``too short``: one text holds the other. The first rule that fits is taken.

    Source: ours.
    """
    right = [answer.text for answer in record.answers]
    scored = score_of(record, answered)
    if scored["exact"]:
        return "right"
    if not answered.strip():
        return "empty"
    for other in others:
        if score_of(other, answered)["f1"] > scored["f1"]:
            return "wrong country" if asks_the_same(record.question, other.question) else "wrong kind"
    if any(text in answered for text in right):
        return "too long"
    if any(answered in text for text in right):
        return "too short"
    figure = any(char.isdigit() for char in answered)
    return "other" if figure in [any(char.isdigit() for char in text) for text in right] else "wrong kind"


def count_errors(records: Sequence[Question], answers: Sequence[str]) -> dict[str, int]:
    """How often each of ``KINDS`` occurs.

    Source: ours.
    """
    about: defaultdict[str, list[Question]] = defaultdict(list)
    for record in records:
        about[record.context].append(record)
    found = Counter(
        kind_of_error(record, answer, [other for other in about[record.context] if other is not record])
        for record, answer in zip(records, answers, strict=True)
    )
    return {kind: found[kind] for kind in KINDS}


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common before they part."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))

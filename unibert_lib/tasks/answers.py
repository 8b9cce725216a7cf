"""The answers of a question in SQuAD's JSON: how they are written, and whether they stand where the file says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape, unescape
from numbers import Integral
from unicodedata import normalize

from unibert_lib import metrics
from unibert_lib.tasks.records import Answer, Question

NO_PLACE = -1  # the start of an answer whose place is not a number (dev and test only)


def answered(raw: object) -> bool:
    """Whether a question is of another shape, or has the text of an answer.

    Source: ours.
    """
    if not isinstance(raw, Mapping):
        return True
    if raw.get("is_impossible") is True or raw.get("answers") is None:
        return False
    answers = read_answers(raw["answers"])
    return answers is None or any(metrics.can_be_seen(answer.text) for answer in answers)


def read_answers(raw: object) -> tuple[Answer, ...] | None:
    """The answers as a list of pairs or (the hub's way) a pair of lists, or None where they are not answers at all.

    Source: SQuAD v1.1; the hub's squad.
    """
    if isinstance(raw, Mapping):
        columns = (raw.get(name) for name in ("text", "answer_start"))
        texts, starts = (
            list(c) if isinstance(c, Iterable) and not isinstance(c, (str, Mapping)) else [None] for c in columns
        )
        if len(texts) != len(starts):
            return None
        raw = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
    if not isinstance(raw, list):
        return None
    answers = []
    for entry in raw:
        text = entry.get("text") if isinstance(entry, Mapping) else None
        if not isinstance(text, str):
            return None
        start = entry.get("answer_start")
        place = int(start) if isinstance(start, Integral) else NO_PLACE
        answers.append(Answer(text, max(place, NO_PLACE)))
    return tuple(answers)


def stands(answer: Answer, context: str) -> bool:
    """Whether an answer can be read, and stands in the context at its place.

    Source: ours.
    """
    there = context[answer.start : answer.start + len(answer.text)] if answer.start >= 0 else ""
    return metrics.can_be_seen(answer.text) and there == answer.text


def fault_of(answer: Answer, context: str) -> str:
    """What is wrong with an answer, in words; empty where nothing is.

    Source: ours (RELIABILITY, row 34).
    """
    if not metrics.can_be_seen(answer.text):
        return "an empty answer" if not answer.text.strip() else f"an answer of invisible marks alone: {answer.text!a}"
    if answer.start == NO_PLACE:
        return f"answer {answer.text[:60]!r} has no answer_start that is a number from 0"
    if stands(answer, context):
        return ""
    there = context[answer.start : answer.start + len(answer.text)]
    hint = _hint(answer, context)
    return f"answer {answer.text[:60]!r} does not stand at {answer.start}, where the context reads {there[:60]!r}{hint}"


def _hint(answer: Answer, context: str) -> str:
    """What was counted or written otherwise, where that explains a place; no answer is moved for it."""
    start, text = answer.start, answer.text
    for name, width in (("utf-16-le", 2), ("utf-8", 1)):
        if context.encode(name, "surrogatepass")[start * width :].startswith(text.encode(name, "surrogatepass")):
            return f" (the place counts {name[:6].upper().rstrip('-')} units, not characters)"
    others = {
        "the place counts a line's end as one character": context.replace("\r\n", "\n"),
        "the answer's HTML entities are written out": unescape(context),
        "the context's HTML entities are written out": escape(context, quote=False),
    }
    others |= {f"the answer is written in Unicode's form {form}": normalize(form, context) for form in ("NFC", "NFD")}
    return next((f" ({why})" for why, other in others.items() if other[start:].startswith(text)), "")


def score_of(record: Question, said: str) -> dict[str, float]:
    """The four scores of :func:`metrics.qa_scores`, against the answers that can be read; all 0 where none can.

    The official scripts would count a reader who says nothing as exact where the right answer is empty.

    Source: ours.
    """
    right = [answer.text for answer in record.answers if metrics.can_be_seen(answer.text)]
    if not right:
        return dict.fromkeys(("exact", "f1", "squad_exact", "squad_f1"), 0.0)
    return metrics.qa_scores(said, right, record.language.split("-")[0])

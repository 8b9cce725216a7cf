"""Read question answering in SQuAD's JSON: SQuAD v1.1, MLQA and its translated training data, XQuAD, TyDiQA GoldP.

Every answer must stand in its context where the file says. None is searched for elsewhere.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from unibert_lib.corpus.records import FormatError
from unibert_lib.corpus.stream import LONE_SURROGATE
from unibert_lib.languages import LANGUAGES
from unibert_lib.tasks.answers import answered, fault_of, read_answers
from unibert_lib.tasks.answers import stands as stands
from unibert_lib.tasks.dataset import tie
from unibert_lib.tasks.reading import Sorter, language_of, read_text
from unibert_lib.tasks.records import Question, Split, TaskData, Unlabelled

_MLQA = re.compile(r"context-([a-z]{2})-question-([a-z]{2})(?![a-z])")
_ID = re.compile(r'"id"\s*:')  # inside a string the quotes would be escaped, so this is always a key
_V2 = "SQuAD v2 has questions without an answer"
_REMEDY_V2 = "take SQuAD v1.1; unanswerable questions are not part of this task"


def read_squad(path: str | Path, *, language: str | None = None, split: Split = "train") -> TaskData[Question]:
    """Read one JSON file; questions = kept + quarantined.

    ``language`` is the context's, in which answers are scored. MLQA's files name the question's too: ``en`` where
    both are English, ``en-de`` for German questions about English contexts; ``context_language`` takes it apart.

    ``key`` is (file's name, ordinal from 1), since ids repeat in genuine files. ``item`` is the question's id where
    it stands once in the file, as in MLQA and XQuAD, where translations share it; else file and ordinal.
    Questions about one context have different items: ``join_contexts`` gives them one, before data is split.

    In training a question of which no answer slices is quarantined; in dev and test one with any that does not is
    flagged, and keeps texts and places. One without answers, or not a question at all, is quarantined everywhere.
    ``Quarantined.line`` is the line of the question's id, or 1 where ids cannot be told apart.

    Raises
    ------
    FormatError
        If the file is not JSON of this shape, has a question marked as impossible, or its language is unknown.
    Unlabelled
        If it was published without answers: no question has one that can be read.

    Source: SQuAD v1.1 (Rajpurkar et al., 2016); MLQA (Lewis et al., 2020).
    """
    spoken = _language(path, language)
    text = read_text(path)
    remedy = "download the file again"
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            remedy = "this may be JSON Lines, one object a line: SQuAD's JSON is one object, data > paragraphs > qas"
        raise FormatError(path, f"not JSON ({error.msg})", line=error.lineno, remedy=remedy) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, 10,000 brackets
        raise FormatError(path, f"not JSON of SQuAD's shape ({error})", line=1, remedy=remedy) from error
    questions = list(_walk(path, document))
    return _collect(path, questions, _lines(text, len(questions)), spoken, split)


def from_rows(
    rows: Iterable[Mapping[str, object]], language: str, *, split: Split = "train", source: str = "rows"
) -> TaskData[Question]:
    """Read the rows of a hub dataset: ``id``, ``context``, ``question``, ``answers`` with lists of text and start.

    ``key`` is (source, number of the row from 1), which is ``Quarantined.line`` too.

    Source: the hub's squad.
    """
    questions: list[tuple[object, object]] = [(row, row.get("context")) for row in rows]
    return _collect(source, questions, list(range(1, len(questions) + 1)), language, split)


def context_language(language: str) -> str:
    """The language of context and answers: ``en`` of ``en-de``, ``zh-yue`` of ``zh-yue``.

    Source: MLQA, G-XLT.
    """
    return language if language in LANGUAGES else language.partition("-")[0]


def join_contexts(*data: TaskData[Question]) -> tuple[TaskData[Question], ...]:
    """The same data with one ``item`` for all questions that share a context, here or in a translation.

    MLQA cuts the contexts of its languages apart in different places, so neither the id nor the context alone keeps
    a split clean: what is linked by either belongs together. The item is the least of those joined.

    Source: ours.
    """
    return tie(data, lambda record: [(context_language(record.language), record.context)])


def _language(path: str | Path, given: str | None) -> str:
    if (found := _MLQA.search(Path(path).name)) is None:
        return language_of(path, given)
    context, question = found.groups()
    named = context if context == question else f"{context}-{question}"
    if given not in (None, named):
        remedy = "correct the argument, or rename the file"
        raise FormatError(path, f"language {given!r} was asked for, and the name says {named!r}", remedy=remedy)
    return named


def _walk(path: str | Path, document: object) -> Iterator[tuple[object, object]]:
    """Each question as it stands, and its context."""
    for number, article in enumerate(_list(path, document, "data", "the file"), 1):
        for paragraph in _list(path, article, "paragraphs", f"article {number}"):
            for question in _list(path, paragraph, "qas", f"a paragraph of article {number}"):
                yield question, paragraph.get("context") if isinstance(paragraph, Mapping) else None


def _list(path: str | Path, holder: object, name: str, where: str) -> list[object]:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    if not isinstance(found, list):
        remedy = "SQuAD's JSON is data > paragraphs > qas: convert the file"
        raise FormatError(path, f"{where} has no list {name!r}", line=1, remedy=remedy)
    return found


def _lines(text: str, questions: int) -> list[int]:
    """The line of each question's id: ids come in the order of the questions."""
    places = [found.start() for found in _ID.finditer(text)]
    if len(places) != questions:
        return [1] * questions
    lines, line, before = [], 1, 0
    for place in places:
        line += text.count("\n", before, place)
        before = place
        lines.append(line)
    return lines


def _collect(
    path: str | Path, questions: list[tuple[object, object]], lines: list[int], language: str, split: Split
) -> TaskData[Question]:
    if questions and not any(answered(raw) for raw, _ in questions):
        remedy = "take the development file as the test (test_data), or the file that holds the answers"
        raise Unlabelled(path, f"no answer in {len(questions)} questions, so published without", line=1, remedy=remedy)
    sorter = Sorter[Question](str(path), split)
    ids = Counter(_id(raw) for raw, _ in questions)
    triples: Counter[tuple[str, str, str]] = Counter()
    counts = {"questions": len(questions), "distinct_ids": len(ids), "duplicate_ids": len(questions) - len(ids)}
    counts |= {"duplicate_questions": 0, "answers": 0, "unsliceable": 0}
    for ordinal, ((raw, context), line) in enumerate(zip(questions, lines, strict=True), 1):
        if isinstance(raw, Mapping) and raw.get("is_impossible") is True:
            raise FormatError(path, f"question {ordinal}: {_V2}", line=line, remedy=_REMEDY_V2)
        text = raw.get("question") if isinstance(raw, Mapping) else None
        answers = read_answers(raw.get("answers")) if isinstance(raw, Mapping) else None
        if not isinstance(text, str) or not isinstance(context, str) or answers is None:
            reason = f"question {ordinal}: question, context or answers are missing or of another type"
            sorter.drop(line, reason, repr(raw))
            continue
        triples[_id(raw), context, text] += 1
        wrong = [fault for answer in answers if (fault := fault_of(answer, context))]
        counts["answers"] += len(answers)
        counts["unsliceable"] += len(wrong)
        if not answers:
            sorter.drop(line, f"question {ordinal}: no answer to score against", repr(raw))
            continue
        faults = [f"empty {what}" for what, words in (("question", text), ("context", context)) if not words.strip()]
        if LONE_SURROGATE.search("".join([text, context, *(answer.text for answer in answers)])):
            faults.append("half a character (a lone surrogate)")
        clean = tuple(replace(answer, text=LONE_SURROGATE.sub("\ufffd", answer.text)) for answer in answers)
        text, context = (LONE_SURROGATE.sub("\ufffd", words) for words in (text, context))
        key = (Path(path).name, ordinal)
        item = _id(raw) if _id(raw) and ids[_id(raw)] == 1 else f"{key[0]}:{ordinal}"
        if split != "train" or len(wrong) == len(answers):  # one that stands can be learned from
            faults = [*wrong, *faults]
        numbered = [f"question {ordinal}: {fault}" for fault in faults]
        sorter.add(Question(text, context, clean, language, item, key), line, numbered, repr(raw))
    counts["duplicate_questions"] = triples.total() - len(triples)
    return sorter.data(**counts)


def _id(raw: object) -> str:
    found = raw.get("id") if isinstance(raw, Mapping) else None
    return str(found) if isinstance(found, (str, int)) else ""

"""Question answering: windows over a long context, and the best span of all windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import nn
from transformers import AutoModelForQuestionAnswering
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import metrics
from unibert_lib.tasks.answers import score_of, stands
from unibert_lib.tasks.records import Question
from unibert_lib.tasks.squad import join_contexts as join_contexts
from unibert_lib.tasks.squad import read_squad as read_squad
from unibert_lib.tasks.task import Feature, Predictions, Task, load_encoder

Place = tuple[int, int]  # the first character of a piece in the context, and the one after its last


@dataclass(frozen=True)
class Span:
    """A candidate answer: the characters ``start`` to ``end`` of the context and the sum of its two logits.

    Source: Devlin et al. (2019), section 4.2.
    """

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Qa(Task):
    """Start and end of the answer in ``[CLS] question [SEP] context [SEP]``.

    Source: paper 4, 5.3; windows and n-best: Devlin et al. (2019), section 4.2.
    """

    name: ClassVar[str] = "qa"
    metric: ClassVar[str] = "f1"
    max_length: int = 384
    stride: int = 128  # pieces that two windows of one context share
    longest_answer: int = 30  # pieces
    best: int = 20  # starts and ends looked at in each window

    def labels(self, records: Sequence[Question]) -> tuple[str, ...]:
        return ()

    def model(self, source: str | Path, labels: Sequence[str], revision: str | None = None) -> nn.Module:
        return load_encoder(AutoModelForQuestionAnswering, source, revision)

    def encode(
        self,
        records: Sequence[Question],
        tokenizer: TokenizersBackend,
        labels: Sequence[str],
        *,
        with_labels: bool = True,
    ) -> list[Feature]:
        """Windows over the contexts; a window that does not hold the whole answer points at [CLS], the null answer.

        The answer is the first of the record's that stands at its place: one that does not is never a target.
        A question is cut to half of the window, so that there is always room for context.

        Source: Devlin et al. (2019), section 4.2.
        """
        if not records:
            return []
        half = self.max_length // 2
        questions = [_cut(tokenizer, record.question.strip(), half - 3) for record in records]
        coded = tokenizer(
            questions,
            [record.context for record in records],
            truncation="only_second",
            max_length=self.max_length,
            stride=min(self.stride, half - 1),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        rows = list(enumerate(coded["overflow_to_sample_mapping"]))
        placed = []
        for row, _ in rows:
            sides, offsets = coded.sequence_ids(row), coded["offset_mapping"][row]
            placed.append(tuple(tuple(o) if side == 1 else None for side, o in zip(sides, offsets, strict=True)))
        answers = _answers(records, rows, placed) if with_labels else {}
        features = []
        for (row, record), places in zip(rows, placed, strict=True):
            inputs = {
                name: coded[name][row] for name in ("input_ids", "attention_mask", "token_type_ids") if name in coded
            }
            if with_labels:
                inputs["start_positions"], inputs["end_positions"] = target(answers[record], places)
            features.append(Feature(inputs, record, places))
        return features

    def null_targets(self, features: Sequence[Feature]) -> int:
        """Questions whose answer no window holds whole: they are trained to answer nothing.

        Source: ours (RELIABILITY, row 35).
        """
        held = {feature.record for feature in features if feature.inputs.get("end_positions")}
        return len({feature.record for feature in features} - held)

    def decode(
        self,
        records: Sequence[Question],
        features: Sequence[Feature],
        outputs: Sequence[Any],
        labels: Sequence[str],
    ) -> Predictions:
        """The text of the best span of each question; empty where no window holds any.

        Source: Devlin et al. (2019), section 4.2.
        """
        return [found[0].text.strip() if found else "" for found in self.spans(records, features, outputs)]

    def spans(
        self, records: Sequence[Question], features: Sequence[Feature], outputs: Sequence[Any]
    ) -> list[list[Span]]:
        """The n best spans of each question over all its windows, the best first.

        ``outputs[i]`` is (start logits, end logits). The same characters found in two windows count once.

        Source: Devlin et al. (2019), section 4.2.
        """
        found: list[dict[tuple[int, int], Span]] = [{} for _ in records]
        for feature, (starts, ends) in zip(features, outputs, strict=True):
            context = records[feature.record].context
            for start, end, score in self._candidates(feature.places, np.asarray(starts), np.asarray(ends)):
                known = found[feature.record].get((start, end))
                if known is None or known.score < score:
                    found[feature.record][start, end] = Span(context[start:end], start, end, score)
        return [sorted(spans.values(), key=lambda s: (-s.score, s.start, s.end))[: self.best] for spans in found]

    def _candidates(self, places: Sequence[Any], starts: np.ndarray, ends: np.ndarray) -> list[tuple[int, int, float]]:
        inside = np.array([i for i, place in enumerate(places) if place is not None and place[1] > place[0]])
        if not len(inside):
            return []
        first = inside[np.argsort(-starts[inside], kind="stable")[: self.best]]
        last = inside[np.argsort(-ends[inside], kind="stable")[: self.best]]
        return [
            (places[s][0], places[e][1], float(starts[s] + ends[e]))
            for s in first
            for e in last
            if s <= e < s + self.longest_answer
        ]

    def score(self, records: Sequence[Question], predictions: Predictions) -> dict[str, float]:
        """MLQA's F1 and exact match, and SQuAD's, averaged over the questions.

        Source: paper 4 (F1); Lewis et al. (2020), mlqa_evaluation_v1.py.
        """
        rows = [score_of(record, text) for record, text in zip(records, predictions, strict=True)]
        return {
            name: float(np.mean([row[name] for row in rows])) for name in ("f1", "exact", "squad_f1", "squad_exact")
        }

    def baseline(self, train: Sequence[Question], test: Sequence[Question]) -> tuple[str, Predictions]:
        """The first words of the context, as many as the median answer of training has.

        Source: ours.
        """
        lengths = [len(answer.text) for record in train for answer in record.answers] or [20]
        usual = int(np.median(lengths))
        return "first span", [record.context[:usual] for record in test]


def target(answer: Sequence[Place], places: Sequence[Place | None]) -> tuple[int, int]:
    """The first and last of the answer's pieces in a window that holds both, else (0, 0), which is [CLS].

    Source: Devlin et al. (2019), section 4.2.
    """
    if not answer or answer[0] not in places or answer[-1] not in places:
        return 0, 0
    inside = [i for i, place in enumerate(places) if place in answer]
    return inside[0], inside[-1]


def _answers(
    records: Sequence[Question], rows: Sequence[tuple[int, int]], placed: Sequence[Sequence[Place | None]]
) -> dict[int, list[Place]]:
    """The pieces of each record's answer, looked for in all of its windows.

    Blanks and marks that nobody sees may have no piece (a tokenizer drops them) or belong to a neighbour's (a
    blank before a word), so a piece belongs to the answer if both share a character that can be seen.
    """
    found: dict[int, set[Place]] = {}
    for (_, record), places in zip(rows, placed, strict=True):
        answer = next((a for a in records[record].answers if stands(a, records[record].context)), None)
        pieces = found.setdefault(record, set())
        if answer is not None:
            begin, end, context = answer.start, answer.start + len(answer.text), records[record].context
            shared = ((place, max(place[0], begin), min(place[1], end)) for place in places if place is not None)
            pieces.update(place for place, low, high in shared if low < high and metrics.can_be_seen(context[low:high]))
    return {record: sorted(pieces) for record, pieces in found.items()}


def _cut(tokenizer: TokenizersBackend, text: str, pieces: int) -> str:
    """The text's beginning that has at most so many pieces: the tokenizer itself cuts only one side of a pair."""
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return text if len(offsets) <= pieces else text[: offsets[pieces - 1][1]]

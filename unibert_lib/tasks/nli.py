"""Inference: does the hypothesis follow from the premise, contradict it, or neither?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from torch import nn
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import metrics
from unibert_lib.tasks.dataset import TaskSet
from unibert_lib.tasks.heads import Head, pair_model, segments
from unibert_lib.tasks.records import SentencePair, TaskData
from unibert_lib.tasks.task import Feature, Predictions, Task
from unibert_lib.tasks.xnli import LABELS as LABELS
from unibert_lib.tasks.xnli import read_xnli as read_xnli


@dataclass(frozen=True)
class Nli(Task):
    """Three classes on the pair ``[CLS] premise [SEP] hypothesis [SEP]``.

    Source: paper 4, 5.2; the pair in one pass: Devlin et al. (2019), section 4.1.
    """

    name: ClassVar[str] = "nli"
    metric: ClassVar[str] = "macro_f1"
    head: Head = "cls"

    def labels(self, records: Sequence[SentencePair]) -> tuple[str, ...]:
        return LABELS

    def model(self, source: str | Path, labels: Sequence[str], revision: str | None = None) -> nn.Module:
        return pair_model(self.head, source, len(labels), revision)

    def encode(
        self,
        records: Sequence[SentencePair],
        tokenizer: TokenizersBackend,
        labels: Sequence[str],
        *,
        with_labels: bool = True,
    ) -> list[Feature]:
        """A pair too long loses pieces from the end of its longer half.

        Source: Devlin et al. (2019).
        """
        if not records:
            return []
        coded = tokenizer(
            [record.premise for record in records],
            [record.hypothesis for record in records],
            truncation="longest_first",
            max_length=self.max_length,
        )
        known = {label: number for number, label in enumerate(labels)}
        features = []
        for row, record in enumerate(records):
            inputs = {name: coded[name][row] for name in coded}
            if with_labels and record.label not in known:
                continue  # flagged in a development file that is trained on
            if self.head == "matched":
                inputs["segment_ids"] = segments(coded, row)
            if with_labels:
                inputs["labels"] = known[record.label]
            features.append(Feature(inputs, row))
        return features

    def decode(
        self,
        records: Sequence[SentencePair],
        features: Sequence[Feature],
        outputs: Sequence[Any],
        labels: Sequence[str],
    ) -> Predictions:
        return [labels[int(np.asarray(logits).argmax())] for logits in outputs]

    def score(self, records: Sequence[SentencePair], predictions: Predictions) -> dict[str, float]:
        """Macro-F1 over the three labels, and accuracy. A flagged record without a valid label is never right.

        Source: paper 4 (F1); XNLI (accuracy).
        """
        gold = [
            record.label if record.label in LABELS else next(label for label in LABELS if label != said)
            for record, said in zip(records, predictions, strict=True)
        ]
        return {
            "macro_f1": metrics.macro_f1(gold, predictions, LABELS),
            "accuracy": metrics.accuracy(gold, predictions),
        }

    def baseline(self, train: Sequence[SentencePair], test: Sequence[SentencePair]) -> tuple[str, Predictions]:
        """The most frequent label of training.

        Source: ours.
        """
        counts = Counter(record.label for record in train)
        usual = max(LABELS, key=lambda label: counts[label])
        return "majority", [usual] * len(test)


def lean(hits: int, seen: int, usual: float) -> float:
    """How many standard errors more often than usual a label stands with a word, ``hits`` of ``seen`` times.

    ``(hits / seen - usual) / sqrt(usual * (1 - usual) / seen)``, where ``usual`` is the label's share of all pairs.

    Raises
    ------
    ValueError
        If ``seen`` is no positive number, or ``usual`` is 0 or 1: such a label has no error to measure by.

    Source: Gardner et al. (2021), "Competency Problems", section 3.
    """
    if seen < 1 or not 0 < usual < 1:
        raise ValueError(f"seen={seen}, usual={usual}: give at least 1, and a share between 0 and 1")
    return (hits / seen - usual) / math.sqrt(usual * (1 - usual) / seen)


def giveaways(records: Sequence[SentencePair], tokenizer: TokenizersBackend, *, minimum: int = 10) -> pd.DataFrame:
    """Pieces of hypotheses and the label each leans to, the furthest ``z`` first.

    ``hypotheses`` counts those that hold the piece, at least ``minimum``; ``share`` of them have the label.

    Source: Gardner et al. (2021); by pieces instead of words, as not every language has spaces, is ours.
    """
    labels = Counter(record.label for record in records)
    seen: Counter[int] = Counter()
    hits: Counter[tuple[int, str]] = Counter()
    coded = (
        tokenizer([record.hypothesis for record in records], add_special_tokens=False)["input_ids"] if records else []
    )
    for record, ids in zip(records, coded, strict=True):
        seen.update(set(ids))
        hits.update((piece, record.label) for piece in set(ids))
    rows = [
        (
            tokenizer.convert_ids_to_tokens(piece),
            count,
            label,
            hits[piece, label] / count,
            lean(hits[piece, label], count, share),
        )
        for piece, count in seen.items()
        for label, share in ((label, labels[label] / len(records)) for label in LABELS)
        if count >= minimum and 0 < share < 1
    ]
    table = pd.DataFrame(rows, columns=["piece", "hypotheses", "label", "share", "z"])
    return table.sort_values(["z", "piece"], ascending=[False, True], ignore_index=True)


def edited(data: TaskSet, name: str, change: Callable[[SentencePair], SentencePair]) -> TaskSet:
    """The same data set with ``change`` made to every pair, under a name of its own.

    Source: ours.
    """

    def side(parts: Mapping[str, TaskData[Any]]) -> dict[str, TaskData[Any]]:
        return {code: replace(part, records=tuple(map(change, part))) for code, part in parts.items()}

    return TaskSet(name, side(data.train), side(data.dev), side(data.test))

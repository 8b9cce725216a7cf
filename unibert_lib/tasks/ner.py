"""Named entities: label the first piece of each word, read the tags back word by word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import nn
from transformers import AutoModelForTokenClassification
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import metrics
from unibert_lib.batches import IGNORE_INDEX
from unibert_lib.tasks.conll import read_conll as read_conll
from unibert_lib.tasks.mapa import read_mapa as read_mapa
from unibert_lib.tasks.records import TaggedSentence
from unibert_lib.tasks.task import Feature, Predictions, Task, load_encoder


@dataclass(frozen=True)
class Ner(Task):
    """Entity recognition: a linear classifier on the first piece of each word.

    Source: paper 4, 5.1, 5.5; first-piece labels: Devlin et al. (2019), section 5.3.
    """

    name: ClassVar[str] = "ner"
    metric: ClassVar[str] = "f1"

    def labels(self, records: Sequence[TaggedSentence]) -> tuple[str, ...]:
        """O first, then B- and I- of every type seen: an I- that training lacks may still be needed."""
        kinds = sorted({tag[2:] for record in records for tag in record.tags if tag != "O"})
        return ("O", *(f"{prefix}-{kind}" for kind in kinds for prefix in "BI"))

    def model(self, source: str | Path, labels: Sequence[str], revision: str | None = None) -> nn.Module:
        return load_encoder(AutoModelForTokenClassification, source, revision, num_labels=len(labels))

    def encode(
        self,
        records: Sequence[TaggedSentence],
        tokenizer: TokenizersBackend,
        labels: Sequence[str],
        *,
        with_labels: bool = True,
    ) -> list[Feature]:
        """One feature a sentence; a longer one goes on in the next feature, so that no word is left unscored.

        A tag whose type training never saw has no class: it is not trained on, and counts as missed in a test.

        Source: paper 4.
        """
        if not records:
            return []
        known = {label: number for number, label in enumerate(labels)}
        # Not a[CLS]-only row: an empty word gives no piece, keeps its place and is read back as O.
        coded = tokenizer(
            [list(record.tokens) for record in records],
            is_split_into_words=True,
            truncation=True,
            max_length=self.max_length,
            return_overflowing_tokens=True,
        )
        features: list[Feature] = []
        for row, record in enumerate(coded["overflow_to_sample_mapping"]):
            words = coded.word_ids(row)
            first = _first_pieces(words, features[-1].places if features and features[-1].record == record else ())
            inputs = {"input_ids": coded["input_ids"][row], "attention_mask": coded["attention_mask"][row]}
            if with_labels:
                tags = records[record].tags
                inputs["labels"] = [IGNORE_INDEX if w is None else known.get(tags[w], IGNORE_INDEX) for w in first]
            features.append(Feature(inputs, record, first))
        return features

    def decode(
        self,
        records: Sequence[TaggedSentence],
        features: Sequence[Feature],
        outputs: Sequence[Any],
        labels: Sequence[str],
    ) -> Predictions:
        """The likeliest tag at each word's first piece; O where a word has no piece.

        Source: ours.
        """
        tags = [["O"] * len(record.tokens) for record in records]
        for feature, logits in zip(features, outputs, strict=True):
            best = np.asarray(logits).argmax(-1)
            for place, word in enumerate(feature.places):
                if word is not None:
                    tags[feature.record][word] = labels[int(best[place])]
        return tags

    def score(self, records: Sequence[TaggedSentence], predictions: Predictions) -> dict[str, float]:
        """Entity micro-F1 as conlleval counts it, and strictly (IOB2).

        Source: paper 4 (F1).
        """
        gold = [list(record.tags) for record in records]
        return {
            "f1": metrics.entity_f1(gold, predictions),
            "f1_strict": metrics.entity_f1(gold, predictions, strict=True),
        }

    def baseline(self, train: Sequence[TaggedSentence], test: Sequence[TaggedSentence]) -> tuple[str, Predictions]:
        """Each word with its most frequent tag in training, O if unseen: what memory alone gives.

        Source: CoNLL-2002's baseline, simplified.
        """
        seen: dict[str, Counter[str]] = {}
        for record in train:
            for token, tag in zip(record.tokens, record.tags, strict=True):
                seen.setdefault(token, Counter())[tag] += 1
        usual = {token: counts.most_common(1)[0][0] for token, counts in seen.items()}
        return "usual tag", [[usual.get(token, "O") for token in record.tokens] for record in test]


@dataclass(frozen=True)
class LegalNer(Ner):
    """Entities of court decisions (MAPA).

    Source: paper 5.5.
    """

    name: ClassVar[str] = "legal_ner"


def _first_pieces(words: Sequence[int | None], before: Sequence[int | None]) -> tuple[int | None, ...]:
    """The word at each place that holds its first piece, None elsewhere.

    ``before`` is the same of the sentence's previous feature: a word cut in two has its first piece there.
    """
    last = next((w for w in reversed(before) if w is not None), None)
    first: list[int | None] = []
    for word in words:
        first.append(word if word is not None and word != last else None)
        last = word if word is not None else last
    return tuple(first)


def alignment(record: TaggedSentence, tokenizer: TokenizersBackend) -> list[tuple[str, str, str]]:
    """(piece, word, tag or '') of one sentence, to look at: only first pieces carry a tag.

    Source: ours.
    """
    coded = tokenizer(list(record.tokens), is_split_into_words=True)
    words, pieces = coded.word_ids(), tokenizer.convert_ids_to_tokens(coded["input_ids"])
    first = _first_pieces(words, ())
    return [
        (piece, "" if word is None else record.tokens[word], "" if place is None else record.tags[place])
        for piece, word, place in zip(pieces, words, first, strict=True)
    ]

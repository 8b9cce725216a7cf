"""Similarity of two texts: regression on the pair, or the cosine of two encodings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import metrics
from unibert_lib.tasks.heads import Head, masked_mean, pair_model, segments
from unibert_lib.tasks.records import ScoredPair
from unibert_lib.tasks.similarity import read_sts22 as read_sts22
from unibert_lib.tasks.similarity import read_stsb as read_stsb
from unibert_lib.tasks.task import Feature, Predictions, Task, load_encoder


@dataclass(frozen=True)
class Sts(Task):
    """A score for a pair of texts.

    ``pair`` reads both in one pass; ``cosine`` encodes each alone, so that a million texts can be compared by their
    vectors. Training scores are brought to [0, 1] by ``lowest`` and ``highest``; Pearson does not notice.

    Source: paper 4, 5.4; cosine: Reimers and Gurevych (2019).
    """

    name: ClassVar[str] = "sts"
    metric: ClassVar[str] = "pearson"
    mode: Literal["pair", "cosine"] = "pair"
    lowest: float = 0.0
    highest: float = 3.0  # STS22: four grades
    head: Head = "cls"  # of the mode pair

    def labels(self, records: Sequence[ScoredPair]) -> tuple[str, ...]:
        return ()

    def model(self, source: str | Path, labels: Sequence[str], revision: str | None = None) -> nn.Module:
        if self.mode == "cosine":
            encoder = load_encoder(AutoModel, source, revision)
            return BiEncoder(encoder)
        return pair_model(self.head, source, 1, revision)

    def encode(
        self,
        records: Sequence[ScoredPair],
        tokenizer: TokenizersBackend,
        labels: Sequence[str],
        *,
        with_labels: bool = True,
    ) -> list[Feature]:
        """The pair in one row, or two rows of half the length each (the second's names start with ``second_``).

        Source: ours.
        """
        if not records:
            return []
        firsts, seconds = [r.first for r in records], [r.second for r in records]
        if self.mode == "pair":
            coded = [tokenizer(firsts, seconds, truncation="longest_first", max_length=self.max_length)]
        else:
            half = max(self.max_length // 2, 8)
            coded = [tokenizer(texts, truncation=True, max_length=half) for texts in (firsts, seconds)]
        features = []
        for row, record in enumerate(records):
            inputs = {name: coded[0][name][row] for name in coded[0]}
            if self.mode == "pair" and self.head == "matched":
                inputs["segment_ids"] = segments(coded[0], row)
            if self.mode == "cosine":
                inputs |= {f"second_{name}": coded[1][name][row] for name in coded[1]}
            if with_labels:
                inputs["labels"] = (record.score - self.lowest) / (self.highest - self.lowest)
            features.append(Feature(inputs, row))
        return features

    def decode(
        self,
        records: Sequence[ScoredPair],
        features: Sequence[Feature],
        outputs: Sequence[Any],
        labels: Sequence[str],
    ) -> Predictions:
        scale = self.highest - self.lowest
        return [self.lowest + scale * float(np.asarray(output).reshape(-1)[0]) for output in outputs]

    def score(self, records: Sequence[ScoredPair], predictions: Predictions) -> dict[str, float]:
        """Pearson's correlation with the human scores, and Spearman's; nan where either side is constant.

        Source: paper 4 (Pearson).
        """
        gold = [record.score for record in records]
        return {"pearson": metrics.pearson(gold, predictions), "spearman": metrics.spearman(gold, predictions)}

    def baseline(self, train: Sequence[ScoredPair], test: Sequence[ScoredPair]) -> tuple[str, Predictions]:
        """Minus the relative difference of the lengths: texts alike in length may be alike.

        Source: ours.
        """
        return "length difference", [
            -abs(len(r.first) - len(r.second)) / max(len(r.first), len(r.second), 1) for r in test
        ]


def scale_of(records: Sequence[ScoredPair]) -> float:
    """The highest grade of the scale that these scores are on: 3 (STS22, four grades) or 5 (STS-B).

    Source: STS22, STS-B.
    """
    return 5.0 if max((record.score for record in records), default=0.0) > 3 else 3.0


class BiEncoder(nn.Module):
    """One encoder for both texts; the score is the cosine of their mean vectors.

    Source: Reimers and Gurevych (2019), regression objective.
    """

    accepts_loss_kwargs = False  # see task.load_encoder
    main_input_name = "input_ids"

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = encoder.config

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        second_input_ids: Tensor,
        second_attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        second_token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> SequenceClassifierOutput:
        cosine = torch.cosine_similarity(
            self._mean(input_ids, attention_mask), self._mean(second_input_ids, second_attention_mask)
        )
        loss = None if labels is None else nn.functional.mse_loss(cosine, labels.to(cosine.dtype))
        return SequenceClassifierOutput(loss=loss, logits=cosine[:, None])

    def _mean(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return masked_mean(hidden, attention_mask.bool())

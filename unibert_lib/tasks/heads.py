"""A head for pairs of texts that compares what the encoder made of each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForSequenceClassification, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.tokenization_utils_base import BatchEncoding

from unibert_lib.tasks.task import load_encoder

Head = Literal["cls", "matched"]


class MatchedPair(nn.Module):
    """Both texts in one pass; the mean vectors u and v of their pieces; a linear layer on [u, v, |u - v|, u v].

    BERT's own head reads the vector of ``[CLS]``. A student that has seen a few hundred steps of masked words has never
    used that vector, and minutes of fine-tuning do not teach it to; means of words it has.

    Source: features after Conneau et al. (2017), InferSent, section 3.2; here on jointly encoded texts (ours).
    """

    accepts_loss_kwargs = False  # see task.load_encoder

    def __init__(self, encoder: PreTrainedModel, outputs: int) -> None:
        super().__init__()
        self.encoder, self.outputs = encoder, outputs
        self.config = encoder.config
        self.classifier = nn.Linear(4 * encoder.config.hidden_size, outputs)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        segment_ids: Tensor,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> SequenceClassifierOutput:
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state
        first, second = (masked_mean(hidden, segment_ids == side) for side in (1, 2))
        logits = self.classifier(torch.cat([first, second, (first - second).abs(), first * second], dim=-1))
        loss = None
        if labels is not None and self.outputs > 1:
            loss = nn.functional.cross_entropy(logits, labels)
        elif labels is not None:
            loss = nn.functional.mse_loss(logits[:, 0], labels.to(logits.dtype))
        return SequenceClassifierOutput(loss=loss, logits=logits)


def masked_mean(
    hidden: Float[Tensor, "rows seq hidden"], chosen: Bool[Tensor, "rows seq"]
) -> Float[Tensor, "rows hidden"]:
    """The mean of each row's chosen token vectors; 0 for a row without any.

    Source: ours.
    """
    weight = chosen[..., None].to(hidden.dtype)
    mean: Tensor = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)
    return mean


def pair_model(head: Head, source: str | Path, outputs: int, revision: str | None = None) -> nn.Module:
    """An encoder with a head for pairs: BERT's on ``[CLS]``, or :class:`MatchedPair`.

    One output is a regression.

    Source: Devlin et al. (2019), section 4.1 (``cls``); ours (``matched``).
    """
    if head == "matched":
        encoder = load_encoder(AutoModel, source, revision)
        return MatchedPair(encoder, outputs)
    kind = {"problem_type": "regression"} if outputs == 1 else {}
    return load_encoder(AutoModelForSequenceClassification, source, revision, num_labels=outputs, **kind)


def segments(coded: BatchEncoding, row: int) -> list[int]:
    """1 for pieces of the first text, 2 for the second's, 0 for special tokens; also where a tokenizer knows no types.

    Source: ours.
    """
    return [0 if side is None else side + 1 for side in coded.sequence_ids(row)]

"""What the four kinds of task have in common: encode records, build a head, decode, score, and a trivial rival."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import nn
from transformers import AutoConfig, PreTrainedModel
from transformers.tokenization_utils_tokenizers import TokenizersBackend
from transformers.utils import logging as hf_logging

from unibert_lib import hub
from unibert_lib import tokenizer as tokenizers
from unibert_lib.progress import quiet

Predictions = Sequence[Any]
hf_logging.disable_progress_bar()  # loading one file needs no bar between ours


@dataclass(frozen=True)
class Feature:
    """One row for the model, and the record it was cut from (a long record is cut into several).

    ``inputs`` are what the model takes, labels included; ``places`` says for each token which word (or which
    characters of the context) it stands for, None for special tokens and questions.

    Source: ours.
    """

    inputs: Mapping[str, Any]
    record: int
    places: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Task(ABC):
    """One kind of task.

    Source: paper 4.
    """

    name: ClassVar[str]
    metric: ClassVar[str]  # the paper's; others stand beside it
    max_length: int = 128  # tokens, special ones included

    @abstractmethod
    def labels(self, records: Sequence[Any]) -> tuple[str, ...]:
        """The label set of the training records, in a fixed order; empty where there is none."""

    @abstractmethod
    def model(self, source: str | Path, labels: Sequence[str], revision: str | None = None) -> nn.Module:
        """An encoder with this task's untrained head."""

    @abstractmethod
    def encode(
        self, records: Sequence[Any], tokenizer: TokenizersBackend, labels: Sequence[str], *, with_labels: bool = True
    ) -> list[Feature]:
        """Features for training (``with_labels``) or prediction."""

    def null_targets(self, features: Sequence[Feature]) -> int:
        """How many training records have no target in any of their features; only windows can lose one.

        Source: ours (RELIABILITY, row 35).
        """
        return 0

    @abstractmethod
    def decode(
        self, records: Sequence[Any], features: Sequence[Feature], outputs: Sequence[Any], labels: Sequence[str]
    ) -> Predictions:
        """One prediction a record. ``outputs[i]`` is what the model said of ``features[i]``, padding included."""

    @abstractmethod
    def score(self, records: Sequence[Any], predictions: Predictions) -> dict[str, float]:
        """Scores by metric, as fractions; the first is the paper's."""

    @abstractmethod
    def baseline(self, train: Sequence[Any], test: Sequence[Any]) -> tuple[str, Predictions]:
        """The name and predictions of a rival that reads nothing."""


def load_encoder(auto: Any, source: str | Path, revision: str | None = None, **head: Any) -> PreTrainedModel:
    """Any Hugging Face encoder with a fresh head: a local folder, or a hub id at a pinned revision.

    Weights come from safetensors only; no code of a model folder is run.

    Raises
    ------
    ValueError
        If it cannot be loaded; the message says what to give instead.

    Source: ours.
    """
    path = Path(source).expanduser()
    local = path.exists()
    revision = None if local else revision or tokenizers.PINNED.get(str(source))
    if not local and not tokenizers.COMMIT.fullmatch(revision or ""):
        raise ValueError(
            f"model {source!r}: not a folder, and a hub id needs a pinned commit "
            f"(-p model_revision, 40 hex digits), not {revision!r}"
        )
    try:
        # Dropout stays the encoder's own; a classroom student has none.
        config = hub.from_pretrained(AutoConfig, source, revision, **head)
        with quiet(hf_logging):  # "some weights are newly initialised" is the point of a fresh head
            model = hub.from_pretrained(auto, source, revision, config=config, use_safetensors=True)
    except hub.HubError as error:
        raise ValueError(
            f"model {str(source)!r}: cannot be loaded ({error}); "
            "give a folder that from_pretrained reads, or a hub id that is in the cache"
        ) from error
    # BERT's heads take **kwargs and ignore num_items_in_batch: Trainer would multiply loss and gradients by the number
    # of accumulation steps and ranks.
    model.accepts_loss_kwargs = False
    loaded: PreTrainedModel = model
    return loaded


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))

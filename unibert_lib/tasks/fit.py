"""Train one model on one task's features, and ask it for predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.tokenization_utils_tokenizers import TokenizersBackend
from transformers.utils import logging as hf_logging

from unibert_lib.batches import IGNORE_INDEX
from unibert_lib.optimiser import parameter_groups
from unibert_lib.progress import quiet
from unibert_lib.tasks.task import Feature, Task

PADDING = {"labels": IGNORE_INDEX}  # everything else is padded with 0, input_ids with [PAD]


@dataclass(frozen=True)
class FineTuning:
    """How each cell of the matrix is trained. The paper gives none of these.

    Source: ours; Devlin et al. (2019), appendix A.3, for the ranges.
    """

    learning_rates: tuple[float, ...] = (5e-5,)  # several: the best on the development data is taken
    batch_size: int = 32
    epochs: float = 3.0
    steps: int | None = None  # instead of epochs
    control: Literal["equal_steps", "epochs"] = "equal_steps"
    warmup: float = 0.1  # share of the steps
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    smaller_wide_steps: bool = False  # for students of the scaled initialisation, see optimiser.parameter_groups
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __post_init__(self) -> None:
        if not self.learning_rates or min(self.learning_rates) <= 0:
            raise ValueError(f"learning_rates={self.learning_rates}: at least one positive number is needed")
        for name in ("batch_size", "steps"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name}={value}: at least 1 is needed")
        if self.epochs <= 0:
            raise ValueError(f"epochs={self.epochs}: a positive number is needed")
        if self.steps is not None and self.control == "epochs":
            raise ValueError("control='epochs' counts epochs; give epochs, or steps with control='equal_steps'")

    def steps_for(self, records: int, mean_of_each: float) -> int:
        """Optimiser steps of a cell with so many training records.

        With equal steps every cell gets what an average ``each`` cell needs for its epochs, so that ``all`` does not
        win by seeing more batches; with ``epochs`` each goes through its own data as often.

        Source: ours.
        """
        if self.steps is not None:
            return self.steps
        counted = mean_of_each if self.control == "equal_steps" else records
        return max(1, math.ceil(self.epochs * counted / self.batch_size))

    @property
    def on_cpu(self) -> bool:
        return self.device == "cpu" or (self.device == "auto" and not torch.cuda.is_available())

    @property
    def bf16(self) -> bool:
        if self.precision == "auto":
            return not self.on_cpu and torch.cuda.is_bf16_supported()
        return self.precision == "bf16"


def collator(pad_token_id: int) -> Callable[[Sequence[Mapping[str, Any]]], dict[str, Tensor]]:
    """Rows of unequal length to rectangles; what is no list becomes one number a row.

    Source: ours.
    """

    def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        batch = {}
        for name in rows[0]:
            values = [row[name] for row in rows]
            if isinstance(values[0], list):
                longest = max(map(len, values))
                fill = pad_token_id if name.endswith("input_ids") else PADDING.get(name, 0)
                values = [value + [fill] * (longest - len(value)) for value in values]
            batch[name] = torch.tensor(values)
        return batch

    return collate


def fit(
    model: nn.Module,
    features: Sequence[Feature],
    tokenizer: TokenizersBackend,
    how: FineTuning,
    *,
    steps: int,
    learning_rate: float,
    seed: int,
    after_step: Callable[[], object] = lambda: None,
) -> nn.Module:
    """Train with the Trainer: AdamW, linear warm-up and decay, batches of like length.

    Raises
    ------
    ValueError
        If there is nothing to train on.

    Source: ours.
    """
    if not features:
        raise ValueError("no training record is left; see the quarantine of the training files")
    set_seed(seed)
    groups = parameter_groups(model.named_parameters(), how.weight_decay, scaled=how.smaller_wide_steps)
    for group in groups:
        group["lr"] = learning_rate * group.pop("scale", 1.0)
    with TemporaryDirectory() as scratch, quiet(hf_logging):
        arguments = TrainingArguments(
            output_dir=scratch,
            max_steps=steps,
            per_device_train_batch_size=how.batch_size,
            learning_rate=learning_rate,
            warmup_steps=how.warmup,
            max_grad_norm=how.max_gradient_norm,
            lr_scheduler_type="linear",
            train_sampling_strategy="group_by_length" if len(features) > how.batch_size else "random",
            seed=seed,
            bf16=how.bf16,
            use_cpu=how.on_cpu,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=not how.on_cpu,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=[dict(feature.inputs) for feature in features],
            data_collator=collator(_pad(tokenizer)),
            callbacks=[_AfterStep(after_step)],
            optimizers=(torch.optim.AdamW(groups), None),
        )
        trainer.remove_callback(PrinterCallback)  # our bar says what its lines would
        trainer.train()
    return model


@torch.inference_mode()
def predict(
    model: nn.Module, features: Sequence[Feature], tokenizer: TokenizersBackend, batch_size: int = 64
) -> list[Any]:
    """The model's answer to each feature, in their order: logits, or (start logits, end logits).

    Features of like length are asked together, and no answer depends on its neighbours' padding.

    Source: ours.
    """
    model.eval()
    device = next(model.parameters()).device
    collate = collator(_pad(tokenizer))
    order = sorted(range(len(features)), key=lambda i: -len(features[i].inputs["input_ids"]))
    answers: list[Any] = [None] * len(features)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        batch = {name: value.to(device) for name, value in collate([features[i].inputs for i in chosen]).items()}
        output = model(**batch)
        if "start_logits" in output:
            begins, ends = output.start_logits.float().cpu().numpy(), output.end_logits.float().cpu().numpy()
            for row, i in enumerate(chosen):
                length = len(features[i].inputs["input_ids"])
                answers[i] = (begins[row, :length], ends[row, :length])
        else:
            for i, logits in zip(chosen, output.logits.float().cpu().numpy(), strict=True):
                answers[i] = np.asarray(logits)
    return answers


def evaluate(
    task: Task,
    model: nn.Module,
    records: Sequence[Any],
    tokenizer: TokenizersBackend,
    labels: Sequence[str],
) -> tuple[dict[str, float], Sequence[Any]]:
    """Scores and predictions on whole test data.

    Source: ours.
    """
    features = task.encode(records, tokenizer, labels, with_labels=False)
    predictions = task.decode(records, features, predict(model, features, tokenizer), labels)
    return task.score(records, predictions), predictions


def load_model(
    task: Task, source: str | Path, labels: Sequence[str], seed: int, revision: str | None = None
) -> nn.Module:
    """The encoder with a fresh head drawn from ``seed``.

    Source: ours.
    """
    set_seed(seed)
    return task.model(source, labels, revision)


class _AfterStep(TrainerCallback):
    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.call()


def _pad(tokenizer: TokenizersBackend) -> int:
    if tokenizer.pad_token_id is None:
        raise ValueError("the tokenizer has no padding token; set tokenizer.pad_token before fine-tuning")
    return int(tokenizer.pad_token_id)

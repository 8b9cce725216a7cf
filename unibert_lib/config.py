"""Options and presets.

Every value that the paper prints cites its place; every value it omits says ``ours``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from unibert_lib.options import check_choices
from unibert_lib.options import nearest as nearest
from unibert_lib.options import parse_parameters as parse_parameters
from unibert_lib.options import unknown as unknown

SizeName = Literal["small", "xsmall", "xxsmall", "all"]
BudgetName = Literal["smoke", "demo", "paper"]
PresetName = Literal["recommended", "paper_literal", "inferred_hf"]
AdversaryMode = Literal["alternating", "grl", "loss_reversal", "confusion", "off"]
PoolingTokens = Literal["real", "attended"]
DistillationTokens = Literal["real", "attended", "masked"]


@dataclass(frozen=True)
class ObjectiveConfig:
    """The three-term objective and its optimiser: one field for each row of the protocol's table."""

    preset: str = "recommended"
    mlm_weight: float = 0.5  # paper 3.4
    adversary_weight: float = 0.1  # paper 3.4
    distillation_weight: float = 0.4  # paper 3.4
    mask_probability: float = 0.15  # paper 3.4
    corruption: tuple[float, float, float] = (
        0.8,
        0.1,
        0.1,
    )  # ours (BERT's [MASK], random, unchanged); paper: [MASK]
    rarity_exponent: float = 0.0  # P(mask token) ~ count**-x; paper 3.4: uniform
    label_smoothing: float = 0.0  # ours; paper 3.4: 0.7
    mlm_reduction: Literal["mean", "sum"] = "mean"  # ours; Eq. 1 is a sum, which ties the weights to the batch size
    adversary: AdversaryMode = "alternating"  # ours; paper 3.3.2: loss reversal
    pooling: PoolingTokens = "real"  # ours: without [CLS], [SEP]; paper: the average of the embeddings
    discriminator_steps: int = 1  # ours: discriminator updates for each student update
    discriminator_learning_rate: float = 1e-3  # ours
    discriminator_hidden: int = 0  # ours: 0 is one Linear (Eq. 2), more is an MLP with that hidden width
    adversary_ramp: bool = False  # ours: DANN's 2 / (1 + exp(-10 p)) - 1 on the weight
    balanced_adversary: bool = False  # ours: cross-entropy weighted by inverse language frequency
    distillation_tokens: DistillationTokens = "real"  # ours
    temperature: float = 2.0  # paper 3.4
    temperature_squared: bool = True  # Hinton et al. (2015), section 2; Eq. 4 has no such factor
    reverse_kl: bool = False  # ours: KL(student || teacher) instead of Eq. 4's direction
    teacher_top_k: int = 0  # ours: 0 keeps the teacher's whole distribution
    language_alpha: float = 1.0  # ours: sampling ~ n**alpha, 1 is natural; mBERT used 0.7
    learning_rate: float = 5e-4  # paper 3.4
    weight_decay: float = 0.01  # paper 3.4; ours: none on biases and LayerNorm
    betas: tuple[float, float] = (0.9, 0.999)  # ours: AdamW's default
    epsilon: float = 1e-8  # ours: AdamW's default
    max_gradient_norm: float = 5.0  # paper 3.4
    warmup_fraction: float = 0.05  # paper 3.4: 50,000 of 1 M steps

    def __post_init__(self) -> None:
        check_choices(self)
        if abs(sum(self.corruption) - 1) > 1e-9 or min(self.corruption) < 0:
            raise ValueError(
                f"corruption={self.corruption}: three shares that sum to 1 are needed, such as (0.8, 0.1, 0.1)"
            )
        for name in ("mask_probability", "label_smoothing", "warmup_fraction"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: a share in [0, 1) is needed")
        for name in ("temperature", "learning_rate", "discriminator_learning_rate", "max_gradient_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)}: a positive number is needed")
        for name in (
            "mlm_weight",
            "adversary_weight",
            "distillation_weight",
            "teacher_top_k",
            "discriminator_hidden",
        ):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"{name}={getattr(self, name)}: must not be negative (signs belong to the adversary's mode)"
                )
        if self.discriminator_steps < 1:
            raise ValueError(f"discriminator_steps={self.discriminator_steps}: at least 1 is needed")


PRESETS: dict[str, dict[str, Any]] = {
    # The run we would defend.
    "recommended": {},
    # The paper's words to the letter (3.3, 3.4, Eq. 3 to 5).
    "paper_literal": {
        "corruption": (1.0, 0.0, 0.0),
        "label_smoothing": 0.7,
        "adversary": "loss_reversal",
        "pooling": "attended",
        "temperature_squared": False,
    },
    # What the authors probably ran: their numbers are the defaults of Hugging Face's old distillation
    # script, where 0.7 is a masking exponent. An inference: the paper itself says masking is uniform.
    "inferred_hf": {
        "rarity_exponent": 0.7,
        "pooling": "attended",
        "distillation_tokens": "attended",
        "betas": (0.9, 0.98),
        "epsilon": 1e-6,
        "language_alpha": 0.7,
    },
}


def objective(preset: str, **options: Any) -> ObjectiveConfig:
    """A preset with single options changed.

    Raises
    ------
    ValueError
        For an unknown preset, an unknown option (with the nearest names) or a value out of range.

    Source: the presets are ours; each field of :class:`ObjectiveConfig` names its own.
    """
    if preset not in PRESETS:
        raise ValueError(unknown("preset", preset, PRESETS))
    return parse_parameters({"preset": preset, **PRESETS[preset], **options}, ObjectiveConfig)


@dataclass(frozen=True)
class BatchConfig:
    """What :func:`unibert_lib.batches.make_batch` needs besides the store, the seed and the step."""

    batch_size: int = 128  # paper 3.4, over all ranks
    max_length: int = 512  # mBERT's context window, [CLS] and [SEP] included
    mask_probability: float = 0.15  # paper 3.4
    corruption: tuple[float, float, float] = (0.8, 0.1, 0.1)
    rarity_exponent: float = 0.0
    language_alpha: float = 1.0
    bucket_window: int = 16  # ours: this many batches are sorted by length together; 1 switches it off
    layout: Literal["padded", "packed"] = "padded"

    def __post_init__(self) -> None:
        check_choices(self)
        for name, least in (("batch_size", 1), ("max_length", 3), ("bucket_window", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)}: at least {least} is needed")


@dataclass(frozen=True)
class PretrainConfig:
    """One pretraining run, for one student or several that share the teacher's pass."""

    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    steps: int = 1_000_000  # paper 3.4
    batch_size: int = 128  # paper 3.4
    max_length: int = 512  # mBERT's context window
    seed: int = 0
    bucket_window: int = 16
    layout: Literal["padded", "packed"] = "packed"  # ours: one row without padding, attention sample by sample
    loss: Literal["plain", "fused"] = "fused"  # ours: the same losses; reverse_kl and teacher_top_k are always plain
    loss_chunk: int = 0  # tokens whose logits exist at a time when fused; 0: 256 on a CPU, 4096 on a GPU
    compile: bool = False  # ours: torch.compile the packed layers and the fused loss; a minute to start, then faster
    checkpoint_every: int = 1000  # steps; ours
    evaluate_every: int = 10_000  # steps; ours
    gradient_norms_every: int = 1  # steps; ours: the norms of each term cost a backward pass of the heads each
    keep_checkpoints: int = 2
    max_bad_steps: int = 10  # ours: gradient overflows in a row before the run stops
    device: str = "auto"
    initialisation: Literal["scaled", "bert"] = "scaled"  # ours: see initialise.py
    dropout: float = 0.1  # BERT's; the paper gives none
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 on a GPU that has it, fp32 on a CPU

    def __post_init__(self) -> None:
        check_choices(self)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout}: a share in [0, 1) is needed")
        if self.loss_chunk < 0:
            raise ValueError(f"loss_chunk={self.loss_chunk}: a number of tokens, or 0 for the default, is needed")
        for name in (
            "steps",
            "checkpoint_every",
            "evaluate_every",
            "gradient_norms_every",
            "keep_checkpoints",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: at least 1 is needed")

    @property
    def batch(self) -> BatchConfig:
        shared = {
            f.name: getattr(self.objective, f.name)
            for f in dataclasses.fields(BatchConfig)
            if hasattr(self.objective, f.name)
        }
        return BatchConfig(
            batch_size=self.batch_size,
            max_length=self.max_length,
            bucket_window=self.bucket_window,
            layout=self.layout,
            **shared,
        )

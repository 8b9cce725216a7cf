"""What notebooks 00 to 03 can be given with ``papermill -p``: one frozen dataclass a notebook."""

from __future__ import annotations

import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from unibert_lib import config, languages
from unibert_lib import runs as run_folders
from unibert_lib.budgets import budget as budget  # notebooks reach it from here
from unibert_lib.config import AdversaryMode, BudgetName, DistillationTokens, PresetName, SizeName


def check_run(seed: int, num_processes: int, *, several: bool = False) -> None:
    if seed < 0:
        raise ValueError(f"seed={seed}: 0 or more is needed")
    if num_processes != 1 and not several:
        raise ValueError(
            f"num_processes={num_processes}: this notebook runs in one process, so 1 is the only valid value; "
            "03_pretrain alone trains in several"
        )
    if num_processes < 1:
        raise ValueError(f"num_processes={num_processes}: at least 1 is needed")


@dataclass(frozen=True)
class StartParameters:
    """00_start_here."""

    budget: BudgetName = "demo"
    seed: int = 0
    runs: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        check_run(self.seed, 1)


@dataclass(frozen=True)
class CorpusParameters:
    """01_corpus."""

    source: str = "atlas"
    strict: bool = True
    languages: tuple[str, ...] = ()
    tokenizer: str = "train"
    tokenizer_revision: str | None = None
    vocab_size: int | None = None
    minimum_pieces: int = 5
    keep_joiners: bool = True
    heldout_share: float = 0.05
    budget: BudgetName = "demo"
    seed: int = 0
    name: str | None = None
    runs: str | None = None
    workers: int = 1
    num_processes: int = 1

    def __post_init__(self) -> None:
        check_run(self.seed, self.num_processes)
        if self.workers < 1:
            raise ValueError(f"workers={self.workers}: 1 or more is needed")
        if self.source == "atlas":
            languages.check(self.languages, languages.ATLAS_LANGUAGES)
        if not 0 <= self.heldout_share < 1:
            raise ValueError(f"heldout_share={self.heldout_share}: a share in [0, 1) is needed")

    @property
    def pieces(self) -> int:
        return self.vocab_size or budget(self.budget).vocab_size


@dataclass(frozen=True)
class StudentParameters:
    """02_student."""

    size: SizeName = "all"
    vocab_size: int = 119_547
    budget: BudgetName = "demo"
    seed: int = 0
    runs: str | None = None

    def __post_init__(self) -> None:
        check_run(self.seed, 1)
        if self.vocab_size < 200:
            raise ValueError(f"vocab_size={self.vocab_size}: at least 200 word pieces are needed")


@dataclass(frozen=True)
class PretrainParameters:
    """03_pretrain."""

    size: SizeName = "xxsmall"
    budget: BudgetName = "demo"
    preset: PresetName = "recommended"
    corpus: str = "atlas"
    languages: tuple[str, ...] = ()
    teacher: str = "embedded"
    teacher_revision: str | None = None
    adversary: AdversaryMode | None = None
    distillation_tokens: DistillationTokens | None = None
    teacher_cache_k: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    steps: int | None = None
    batch_size: int | None = None
    max_length: int | None = None
    learning_rate: float | None = None
    checkpoint_every: int | None = None
    evaluate_every: int | None = None
    initialisation: Literal["scaled", "bert"] = "scaled"
    dropout: float | None = None
    heldout_share: float = 0.05
    controls: bool | None = None
    seed: int = 0
    name: str | None = None
    runs: str | None = None
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    num_processes: int = 1
    allow_other_machine: bool = False

    def __post_init__(self) -> None:
        check_run(self.seed, self.num_processes, several=True)
        if self.corpus == "atlas":
            languages.check(self.languages, languages.ATLAS_LANGUAGES)
        if not 0 <= self.heldout_share < 1:
            raise ValueError(f"heldout_share={self.heldout_share}: a share in [0, 1) is needed")
        if self.teacher_cache_k < 0 or (self.teacher_cache_k and self.teacher == "none"):
            raise ValueError(f"teacher_cache_k={self.teacher_cache_k} with teacher={self.teacher!r}: 0 is needed")
        if self.teacher_cache_k and self.objective.distillation_tokens != "masked":
            raise ValueError(
                f"teacher_cache_k={self.teacher_cache_k}: a cache holds masked tokens alone, and distillation_tokens "
                f"is {self.objective.distillation_tokens!r}; give -p distillation_tokens masked"
            )
        # A wrong option or range is refused here, before any work.
        if self.pretrain_config.batch_size < self.num_processes:
            raise ValueError(
                f"num_processes={self.num_processes}: each needs a sample, and batch_size, which counts the samples "
                f"of all together, is {self.pretrain_config.batch_size}"
            )

    @property
    def sizes(self) -> tuple[str, ...]:
        return ("small", "xsmall", "xxsmall") if self.size == "all" else (self.size,)

    @property
    def trained_languages(self) -> tuple[str, ...]:
        """Those asked for, else the budget's choice of Atlas; an empty tuple is all of the corpus."""
        return self.languages or (budget(self.budget).languages if self.corpus == "atlas" else ())

    @property
    def objective(self) -> config.ObjectiveConfig:
        """The preset, the budget's learning rate, and what was asked for by name, the later over the earlier."""
        named = {
            "adversary": self.adversary,
            "distillation_tokens": self.distillation_tokens,
            "learning_rate": self.learning_rate,
        }
        b = budget(self.budget)
        short = {"learning_rate": min(b.learning_rate[size] for size in self.sizes), "epsilon": b.epsilon}
        rate = {} if self.budget == "paper" else short
        given = {k: v for k, v in named.items() if v is not None}
        cached = {"teacher_top_k": self.teacher_cache_k} if self.teacher_cache_k else {}
        weightless = {"distillation_weight": 0.0} if self.teacher == "none" else {}
        return config.objective(self.preset, **{**rate, **weightless, **cached, **given, **self.options})

    @property
    def with_controls(self) -> bool:
        """Whether notebook 03 also trains a twin without the adversary."""
        if self.controls is None:
            return self.size == "xxsmall" and self.corpus == "atlas" and self.budget != "paper"
        return self.controls

    @property
    def twin_name(self) -> str | None:
        return f"{self.name}-without-adversary" if self.name else None

    @property
    def pretrain_config(self) -> config.PretrainConfig:
        b = budget(self.budget)
        steps = self.steps or min(b.steps[s] for s in self.sizes)
        return config.PretrainConfig(
            objective=self.objective,
            steps=steps,
            batch_size=self.batch_size or b.batch_size,
            max_length=self.max_length or b.max_length,
            seed=self.seed,
            checkpoint_every=self.checkpoint_every or b.checkpoint_every,
            evaluate_every=self.evaluate_every or b.evaluate_every,
            gradient_norms_every=b.gradient_norms_every,
            initialisation=self.initialisation,
            dropout=b.dropout if self.dropout is None else self.dropout,
            device=self.device,
            precision=self.precision,
        )


@dataclass(frozen=True)
class StatisticsParameters:
    """09_statistics."""

    own: str = "runs"
    unit: Literal["task", "language", "seed"] = "task"
    cluster: Literal["model", "task", "checkpoint", "language", "none"] = "model"
    tasks: tuple[str, ...] = ("ner", "nli", "qa", "sts")
    budget: BudgetName = "demo"
    seed: int = 0
    runs: str | None = None

    def __post_init__(self) -> None:
        check_run(self.seed, 1)
        if not self.tasks:
            raise ValueError("tasks is empty; name some, such as ner,nli,qa,sts")
        if self.own != "runs" and not glob.glob(str(Path(self.own).expanduser())):
            raise ValueError(f"own={self.own!r}: no such file or folder; give rows of runs/results, or 'runs'")

    @property
    def resamples(self) -> int:
        """Draws of bootstraps and permutations."""
        return 999 if self.budget == "smoke" else 9999

    @property
    def draws(self) -> int:
        """Simulated tables of each design."""
        return 400 if self.budget == "smoke" else 4000

    @property
    def own_results(self) -> str | None:
        """Where rows of one's own lie; None where there are none yet."""
        if self.own != "runs":
            return self.own
        folder = run_folders.root(self.runs) / "results"
        return str(folder) if list(folder.glob("*.jsonl")) else None

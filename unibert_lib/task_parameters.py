"""What notebooks 04 to 08 can be given with ``papermill -p``, and their budgets."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

from unibert_lib.config import AdversaryMode, BudgetName, PresetName, SizeName
from unibert_lib.parameters import PretrainParameters, check_run

SettingName = Literal["each", "mono", "all"]


@dataclass(frozen=True)
class TaskBudget:
    """How much of a task. Classroom values are ours, chosen so that a notebook takes minutes on two CPU cores."""

    languages: tuple[str, ...]  # of Atlas; an empty tuple is all that the data has
    seeds: tuple[int, ...]
    steps: int | None  # of each cell; None: by epochs
    epochs: float
    batch_size: int
    max_length: int
    learning_rate: float
    train_records: int | None  # a language; None is all
    test_records: int | None


# The classroom's students are narrow and hardly trained: they take a higher rate than PROTOCOL's for the paper, and
# smaller steps in their widest matrices (fit.parameter_groups, NOTES.md).
BUDGETS: dict[str, dict[str, TaskBudget]] = {
    "ner": {
        "smoke": TaskBudget(("en", "sw"), (0,), 4, 1, 8, 64, 1e-3, 24, 12),
        "demo": TaskBudget(("en", "ru", "sw"), (0, 1), 120, 5, 16, 96, 1e-3, None, None),
        "paper": TaskBudget((), (0, 1, 2), None, 5, 32, 256, 5e-5, None, None),
    },
    "nli": {
        "smoke": TaskBudget(("en", "sw"), (0,), 4, 1, 8, 96, 5e-4, 24, 12),
        "demo": TaskBudget(("ar", "en", "sw"), (0, 1), 160, 3, 16, 128, 1e-3, None, None),
        "paper": TaskBudget((), (0, 1, 2), None, 3, 32, 128, 2e-5, None, None),
    },
    "qa": {
        "smoke": TaskBudget(("en", "zh"), (0,), 4, 1, 8, 128, 1e-3, 24, 12),
        "demo": TaskBudget(("ar", "en", "zh"), (0, 1), 100, 3, 16, 192, 1e-3, None, None),
        "paper": TaskBudget((), (0, 1, 2), None, 3, 32, 384, 3e-5, None, None),
    },
    "sts": {
        "smoke": TaskBudget(("el", "en", "zh"), (0,), 4, 1, 8, 128, 1e-3, 24, 12),
        "demo": TaskBudget(("el", "en", "zh"), (0, 1), 100, 5, 16, 128, 1e-3, None, None),
        "paper": TaskBudget((), (0, 1, 2), None, 5, 32, 512, 2e-5, None, None),
    },
    "legal_ner": {
        "smoke": TaskBudget(("el", "en"), (0,), 4, 1, 8, 64, 1e-3, 24, 12),
        "demo": TaskBudget(("el", "en", "ru"), (0, 1), 120, 5, 16, 96, 1e-3, None, None),
        "paper": TaskBudget((), (0, 1, 2), None, 5, 32, 256, 5e-5, None, None),
    },
}


@dataclass(frozen=True)
class TaskParameters:
    """What 04 to 08 share."""

    task: ClassVar[str] = ""

    model: str = "pretrained"
    model_revision: str | None = None
    data: str = "atlas"
    test_data: str | None = None
    languages: tuple[str, ...] = ()
    settings: tuple[SettingName, ...] = ("each", "all")
    seeds: tuple[int, ...] = ()
    learning_rates: tuple[float, ...] = ()
    steps: int | None = None
    epochs: float | None = None
    control: Literal["equal_steps", "epochs"] = "equal_steps"
    batch_size: int | None = None
    max_length: int | None = None
    size: SizeName = "xxsmall"
    preset: PresetName = "recommended"
    adversary: AdversaryMode | None = None
    budget: BudgetName = "demo"
    seed: int = 0
    name: str | None = None
    runs: str | None = None
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    num_processes: int = 1

    def __post_init__(self) -> None:
        check_run(self.seed, self.num_processes)
        if len(set(self.seeds)) < len(self.seeds) or any(seed < 0 for seed in self.seeds):
            raise ValueError(f"seeds={self.seeds}: different numbers, 0 or more, are needed")
        if not self.settings:
            raise ValueError("settings is empty; give each, all, or both")
        if "mono" in self.settings and self.task != "sts":
            raise ValueError("settings: 'mono' leaves out pairs of languages, which only 07_sts has; give each, all")
        if self.model == "pretrained" and self.size == "all":
            raise ValueError("size='all': one student at a time is fine-tuned; give small, xsmall or xxsmall")
        for name in ("steps", "epochs", "batch_size"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name}={value}: a positive number is needed")
        if self.length < 16:
            raise ValueError(f"max_length={self.length}: at least 16 tokens are needed")
        if self.control == "epochs" and self.steps is not None:
            raise ValueError("control='epochs' counts epochs: give epochs, or steps with control='equal_steps'")

    @property
    def limits(self) -> TaskBudget:
        return BUDGETS[self.task][self.budget]

    @property
    def length(self) -> int:
        return self.max_length or self.limits.max_length

    @property
    def chosen_languages(self) -> tuple[str, ...]:
        """Those asked for, else the classroom's on Atlas; empty is all of the data."""
        return self.languages or (self.limits.languages if self.data == "atlas" else ())

    @property
    def chosen_seeds(self) -> tuple[int, ...]:
        return self.seeds or self.limits.seeds

    @property
    def rates(self) -> tuple[float, ...]:
        return self.learning_rates or (self.limits.learning_rate,)

    @property
    def fixed_steps(self) -> int | None:
        """Steps of each cell, or None where epochs count."""
        if self.control == "epochs" or self.epochs is not None:
            return None
        return self.steps or self.limits.steps

    @property
    def student(self) -> PretrainParameters:
        """The parameters of the student that 03 makes, for ``model='pretrained'``."""
        return PretrainParameters(
            size=self.size,
            budget=self.budget,
            preset=self.preset,
            adversary=self.adversary,
            seed=self.seed,
            runs=self.runs,
            device=self.device,
            precision=self.precision,
        )


@dataclass(frozen=True)
class NerParameters(TaskParameters):
    """04_ner."""

    task: ClassVar[str] = "ner"


@dataclass(frozen=True)
class NliParameters(TaskParameters):
    """05_nli."""

    task: ClassVar[str] = "nli"
    head: Literal["cls", "matched"] = "matched"


@dataclass(frozen=True)
class QaParameters(TaskParameters):
    """06_qa."""

    task: ClassVar[str] = "qa"
    stride: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stride < 0:
            raise ValueError(f"stride={self.stride}: 0 or more pieces are needed")


@dataclass(frozen=True)
class StsParameters(TaskParameters):
    """07_sts."""

    task: ClassVar[str] = "sts"
    settings: tuple[SettingName, ...] = ("each", "mono", "all")
    mode: Literal["pair", "cosine"] = "pair"
    head: Literal["cls", "matched"] = "matched"
    articles: str | None = None


@dataclass(frozen=True)
class LegalParameters(TaskParameters):
    """08_legal_ner."""

    task: ClassVar[str] = "legal_ner"
    level: Literal["coarse", "fine"] = "coarse"


def changed(params: TaskParameters, **changes: object) -> TaskParameters:
    """The same parameters with some replaced, checked anew."""
    return dataclasses.replace(params, **changes)  # type: ignore[arg-type]

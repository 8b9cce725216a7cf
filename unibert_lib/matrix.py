"""What a matrix is made of: the encoder under test, and the cells of setting x language x seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from unibert_lib import runs, tokenizer
from unibert_lib.tasks.dataset import TaskSet, spoken

Setting = Literal["each", "mono", "all"]


@dataclass(frozen=True)
class Cell:
    """One model to train and the languages to test it on.

    Source: paper 4.
    """

    setting: Setting
    train: tuple[str, ...]
    test: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Encoder:
    """The pretrained model under test, and what its rows say of it.

    Source: ours.
    """

    source: str
    name: str
    sha: str
    preset: str = "none"
    pretrain_seed: int | None = None
    revision: str | None = None
    scaled: bool = False  # pretrained with smaller steps in its widest matrices, see optimiser.parameter_groups


def encoder(source: str | Path, name: str | None = None, revision: str | None = None) -> Encoder:
    """Identify a model: a folder by its files, a hub id by its commit.

    Source: ours.
    """
    path = Path(source).expanduser()
    if not path.is_dir():
        pinned = revision or tokenizer.PINNED.get(str(source))
        return Encoder(str(source), name or str(source), pinned or "unpinned", revision=pinned)
    files = [f for f in sorted(path.iterdir()) if f.suffix in (".safetensors", ".json", ".txt")]
    card = path.parent / "config.json"
    made: dict[str, Any] = json.loads(card.read_text(encoding="utf-8")).get("config") or {} if card.exists() else {}
    return Encoder(
        source=str(path),
        name=name or (path.parent.name if made else path.name),
        sha=runs.fingerprint(*files),
        preset=made.get("objective", {}).get("preset", "none"),
        pretrain_seed=made.get("seed"),
        scaled=made.get("initialisation") == "scaled",
    )


def scored(settings: Sequence[Setting], data: TaskSet, languages: Sequence[str]) -> list[tuple[Setting, str]]:
    """The (setting, test language) pairs that a matrix gives scores for, in its order.

    A language without training data has no model of its own, so no pair with ``each``; one without test data has none.

    Source: ours.
    """
    return [(cell.setting, code) for cell in cells(settings, data, languages, [0]) for code in cell.test]


def cells(settings: Sequence[Setting], data: TaskSet, languages: Sequence[str], seeds: Sequence[int]) -> list[Cell]:
    """The cells of a matrix, seed by seed, so that an interrupted run has whole columns.

    ``each``: one model a language, tested on it. ``all``: one model on everything, pairs of languages included.
    ``mono``: the same without the pairs. Languages without training data are tested in ``mono`` and ``all`` alone.

    Source: paper 4 and Table 5.
    """
    data.check(languages)
    chosen = set(languages)
    trained = [code for code, part in data.train.items() if len(part) and spoken(code) <= chosen]
    tested = tuple(code for code, part in data.test.items() if len(part) and spoken(code) <= chosen)
    single = [code for code in trained if len(spoken(code)) == 1]
    found = []
    for seed in seeds:
        for setting in settings:
            if setting == "each":
                found += [Cell(setting, (code,), (code,), seed) for code in single if code in tested]
            else:
                found.append(Cell(setting, tuple(single if setting == "mono" else trained), tested, seed))
    if not all(cell.train for cell in found) or not trained:
        raise ValueError(f"{data.name}: no training data in {sorted(chosen)}; there is some in {sorted(data.train)}")
    if not found or not all(cell.test for cell in found):
        raise ValueError(
            f"{data.name}: no language has both training and test data, which the setting each needs; "
            f"trained are {', '.join(trained)}, tested {', '.join(tested)}: give settings ['all']"
        )
    return found

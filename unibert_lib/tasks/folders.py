"""Find a task's genuine files in a folder by their published names, and read them into one data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from unibert_lib.tasks import ner, qa, sts
from unibert_lib.tasks.dataset import SPLITS, TaskSet, split_by_item, spoken, tie_pairs
from unibert_lib.tasks.layouts import LAYOUTS, TOGETHER, File, Layout, files_of, name_of
from unibert_lib.tasks.records import Split, TaskData, Unlabelled

DEV_SHARE = 0.1  # of the training items, where a data set has no development split (ours)
ONLY: dict[Split, float] = {"train": 0.7, "dev": 0.1, "test": 0.2}  # of a data set with a single split (ours)


@dataclass
class _Opened:
    """What a folder holds: data by split and language, the layouts by split, and the files without labels."""

    parts: dict[Split, dict[str, TaskData[Any]]]
    layouts: dict[Split, list[Layout]]
    unlabelled: list[Unlabelled]


def open_folder(
    task: str,
    folder: str | Path,
    languages: Sequence[str] = (),
    *,
    test_folder: str | Path | None = None,
    seed: int = 0,
    **options: Any,
) -> tuple[TaskSet, list[str]]:
    """A task's data set from a folder (its subfolders too), and remarks on how its splits came about.

    ``languages`` empty takes all that are found; pairs ``de-en`` come with their two languages. Where a split is
    missing it is cut by item: a tenth of the training items for development; a lone split in 70/10/20. A
    ``test_folder`` gives the test data, and the folder the rest. Files without labels are left out, which a remark
    says. ``options`` go to the readers (``level``, ``articles``).

    Raises
    ------
    Unlabelled
        If every file of a folder came without labels.
    ValueError
        If the folder is missing or holds no file of the task (the message lists the names that are known), or if
        files of two data sets stand in one split: their labels, scales and rules of tagging differ.

    Source: ours.
    """
    opened = _read(task, Path(folder), languages, options)
    found, layouts = opened.parts, opened.layouts
    tested, unlabelled = Path(folder), opened.unlabelled
    remarks = []
    if test_folder is not None:
        elsewhere, tested = _read(task, Path(test_folder), languages, options), Path(test_folder)
        split = next(split for split in reversed(SPLITS) if elsewhere.parts[split])
        found, layouts = {**found, "test": elsewhere.parts[split]}, {**layouts, "test": elsewhere.layouts[split]}
        unlabelled = [*unlabelled, *elsewhere.unlabelled]
        remarks.append(f"test data from {tested.name}")
    if task == "qa":  # several questions ask about one context: it must not stand on two sides
        found = {split: _joined(by) for split, by in found.items()}
    if task == "nli":
        tied = {split: tie_pairs(by) for split, by in found.items()}
        found = {split: by for split, (by, _) in tied.items()}
        remarks += [f"{split}: {said}" for split, (_, said) in tied.items() if said]
    present = [split for split in SPLITS if found[split]]
    if len(present) == 1:
        name = name_of(Path(folder), layouts[present[0]])
        remarks.append(f"only a {present[0]} split: cut by item into 70 % train, 10 % dev, 20 % test")
        return split_by_item(found[present[0]], ONLY, seed, name), remarks + _left_out(unlabelled)
    if not found["test"]:
        remarks.append("no test split: dev is the test")
        found, layouts = {**found, "test": found["dev"], "dev": {}}, {**layouts, "test": layouts["dev"]}
    if not found["train"]:
        remarks.append("no train split: dev is trained on, cut by item for development")
        found, layouts = {**found, "train": found["dev"], "dev": {}}, {**layouts, "train": layouts["dev"]}
    train_name, name = name_of(Path(folder), layouts["train"]), name_of(tested, layouts["test"])
    if not found["dev"]:
        remarks.append("no development split: a tenth of the training items")
        cut = split_by_item(found["train"], {"train": 1 - DEV_SHARE, "dev": DEV_SHARE}, seed, name)
        found = {**found, "train": dict(cut.train), "dev": dict(cut.dev)}
    if train_name != name:
        remarks.append(f"trained on {train_name}, scored on {name}: labels and how they were given may differ")
    return TaskSet(name, found["train"], found["dev"], found["test"], train_name), remarks + _left_out(unlabelled)


def _left_out(unlabelled: Sequence[Unlabelled]) -> list[str]:
    return [
        f"{Path(error.path).name} is left out: {error.reason}. It can be scored once the file with its labels stands "
        "there; until then take another folder as the test (test_data)"
        for error in unlabelled
    ]


def _read(task: str, folder: Path, languages: Sequence[str], options: Mapping[str, Any]) -> _Opened:
    folder = folder.expanduser()
    if not folder.is_dir():
        raise ValueError(f"data={str(folder)!r}: no such folder; give the folder of the task's files, or 'atlas'")
    files = [
        file for file in files_of(task, folder) if not languages or file.language is None or file.language in languages
    ]
    _refuse_unlike(folder, files)
    found: dict[Split, dict[str, list[TaskData[Any]]]] = {split: {} for split in SPLITS}
    opened = _Opened({}, {split: [] for split in SPLITS}, [])
    for path, layout, split, language in files:
        try:
            parts = _languages_of(layout, path, split, language, options)
        except Unlabelled as error:
            opened.unlabelled.append(error)
            continue
        for code, data in parts:
            if not languages or spoken(code) <= set(languages):
                found[split].setdefault(code, []).append(data)
                opened.layouts[split].append(layout)
    if not any(found.values()):
        if opened.unlabelled:
            first = opened.unlabelled[0]
            remedy = "give a folder whose files have labels, for example the development files as test_data"
            raise Unlabelled(first.path, first.reason, remedy=remedy, line=first.line)
        known = "; ".join(layout.pattern for layout in LAYOUTS[task])
        asked = f" in {', '.join(languages)}" if languages else ""
        raise ValueError(f"{folder}: no file of {task}{asked}; names are recognised by these patterns: {known}")
    opened.parts = {split: {code: _merged(parts, split) for code, parts in by.items()} for split, by in found.items()}
    return opened


def _refuse_unlike(folder: Path, files: Iterable[File]) -> None:
    """A split is one data set's: two have other labels, scales and rules, and one score of both says nothing."""
    first: dict[Split, tuple[str, Path]] = {}
    for path, layout, split, _ in files:
        source = TOGETHER.get(layout.source, layout.source)
        other, there = first.setdefault(split, (source, path))
        if other != source:
            raise ValueError(
                f"{folder}: two data sets for {split}, {other} ({there.relative_to(folder)}) and {source} "
                f"({path.relative_to(folder)}): put each into a folder of its own, and give data (what is trained "
                "on) and test_data (what is scored on)"
            )


def _languages_of(
    layout: Layout, path: Path, split: Split, language: str | None, options: Mapping[str, Any]
) -> list[tuple[str, TaskData[Any]]]:
    """A file's data by language: one where the name says it, else what the records say."""
    wanted = {"level": ner.read_mapa, "articles": sts.read_sts22}
    given = {name: value for name, value in options.items() if wanted.get(name) is layout.reader}
    if language and not isinstance(layout.reader, partial):
        given["language"] = language
    whole = layout.reader(path, split=split, **given)
    if language:
        return [(language, whole)]
    codes = dict.fromkeys(record.language for record in whole)
    parts = [
        (code, replace(whole, records=tuple(r for r in whole if r.language == code), quarantined=())) for code in codes
    ]
    if parts:  # what could not be read belongs to the file; it is told once
        parts[0] = (parts[0][0], replace(parts[0][1], quarantined=whole.quarantined))
    return parts


def _joined(by: Mapping[str, TaskData[Any]]) -> dict[str, TaskData[Any]]:
    return dict(zip(by, qa.join_contexts(*by.values()), strict=True))


def _merged(parts: Sequence[TaskData[Any]], split: Split) -> TaskData[Any]:
    """One language's files of a split as one. Items get the split's name: row 5 of train is not row 5 of dev."""
    return TaskData(
        tuple(replace(record, item=f"{split}/{record.item}") for part in parts for record in part),
        tuple(q for part in parts for q in part.quarantined),
        dict(sum((Counter(part.counts) for part in parts), Counter())),
    )

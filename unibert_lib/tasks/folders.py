"""Find a task's genuine files in a folder by their published names, and read them into one data set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from unibert_lib.tasks import ner, nli, qa, sts
from unibert_lib.tasks.dataset import SPLITS, TaskSet, split_by_item
from unibert_lib.tasks.records import Split, TaskData

Reader = Callable[..., TaskData[Any]]
DEV_SHARE = 0.1  # of the training items, where a data set has no development split (ours)
ONLY: dict[Split, float] = {"train": 0.7, "dev": 0.1, "test": 0.2}  # of a data set with a single split (ours)


@dataclass(frozen=True)
class Layout:
    """A published file name. ``split`` is fixed, or read from the group ``split`` of the pattern.

    Source: the data sets' own releases; data/sources.toml.
    """

    pattern: str
    reader: Reader
    split: Split | None = None


WORDS: dict[str, Split] = {"train": "train", "dev": "dev", "testa": "dev", "validation": "dev"}
WORDS |= {"test": "test", "testb": "test"}
CODES = {"esp": "es", "ned": "nl", "eng": "en", "deu": "de"}  # CoNLL's names

LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "ner": (
        Layout(r"(?P<language>[a-z-]{2,})\.(?P<split>train|testa|testb)", ner.read_conll),  # CoNLL-2002, -2003
        Layout(r"(?P<split>train|dev|test)-(?P<language>[a-z-]+)\.tsv", ner.read_conll),  # PAN-X in XTREME
        Layout(r"(?P<language>[A-Z]{2})-manual-(?P<split>train|dev|test)\.tsv", ner.read_conll),  # ECHR
        Layout(r"(?P<language>[a-z-]{2,})/(?P<split>train|dev|test)", ner.read_conll),  # WikiANN
    ),
    "legal_ner": (
        Layout(r"(?:(?P<language>[a-z]{2})/)?(?P<split>train|dev|validation|test)\.jsonl", ner.read_mapa),
        Layout(r"(?P<language>[A-Z]{2})-manual-(?P<split>train|dev|test)\.tsv", ner.read_conll),
    ),
    "nli": (
        Layout(r"xnli\.(?P<split>dev|test)\.tsv", nli.read_xnli),
        Layout(r"multinli\.train\.(?P<language>[a-z]+)\.tsv", nli.read_xnli, "train"),
        Layout(r"(?P<split>train|dev|test)-(?P<language>[a-z-]+)\.tsv", nli.read_xnli),  # XTREME
        Layout(r"anli\.(?P<split>dev|test)\.tsv", nli.read_xnli),  # AmericasNLI
    ),
    "qa": (
        Layout(r"(?P<language>[a-z]+)_squad-translate-train-train-v1\.1\.json", qa.read_squad, "train"),
        Layout(r"(?P<split>dev|test)-context-(?P<language>[a-z]+)-question-(?P=language)\.json", qa.read_squad),
        Layout(r"xquad\.(?P<language>[a-z]+)\.json", qa.read_squad, "test"),
        Layout(r"tydiqa\.goldp\.(?P<language>[a-z]+)\.(?P<split>train|dev)\.json", qa.read_squad),
        Layout(r"(?P<split>train|dev)-v1\.1\.json", partial(qa.read_squad, language="en")),
    ),
    "sts": (
        Layout(r"stsb-(?P<language>[a-z]+)-(?P<split>train|dev|test)\.csv", sts.read_stsb),
        Layout(r"semeval-2022_task8_train-data_batch(_\d)?\.csv", sts.read_sts22, "train"),
        Layout(r"final_evaluation_data\.csv", sts.read_sts22, "test"),
    ),
}


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
    ``test_folder`` gives the test data, and the folder the rest. ``options`` go to
    the readers (``level``, ``articles``).

    Raises
    ------
    ValueError
        If the folder is missing or holds no file of the task; the message lists the names that are known.

    Source: ours.
    """
    found = _read(task, Path(folder).expanduser(), languages, options)
    remarks = []
    if test_folder is not None:
        elsewhere = _read(task, Path(test_folder).expanduser(), languages, options)
        test = elsewhere["test"] or elsewhere["dev"] or elsewhere["train"]
        found = {**found, "test": test}
        remarks.append(f"test data from {Path(test_folder).name}")
    name = Path(folder).expanduser().resolve().name
    if task == "qa":  # several questions ask about one context: it must not stand on two sides
        found = {split: _joined(by) for split, by in found.items()}
    present = [split for split in SPLITS if found[split]]
    if len(present) == 1:
        remarks.append(f"only a {present[0]} split: cut by item into 70 % train, 10 % dev, 20 % test")
        return split_by_item(found[present[0]], ONLY, seed, name), remarks
    if not found["test"]:
        remarks.append("no test split: dev is the test")
        found = {**found, "test": found["dev"], "dev": {}}
    if not found["train"]:
        remarks.append("no train split: dev is trained on, cut by item for development")
        found = {**found, "train": found["dev"], "dev": {}}
    if not found["dev"]:
        remarks.append("no development split: a tenth of the training items")
        cut = split_by_item(found["train"], {"train": 1 - DEV_SHARE, "dev": DEV_SHARE}, seed, name)
        found = {**found, "train": dict(cut.train), "dev": dict(cut.dev)}
    return TaskSet(name, found["train"], found["dev"], found["test"]), remarks


def _read(
    task: str, folder: Path, languages: Sequence[str], options: Mapping[str, Any]
) -> dict[Split, dict[str, TaskData[Any]]]:
    if not folder.is_dir():
        raise ValueError(f"data={str(folder)!r}: no such folder; give the folder of the task's files, or 'atlas'")
    found: dict[Split, dict[str, list[TaskData[Any]]]] = {split: {} for split in SPLITS}
    for path, layout, split, language in _files(task, folder):
        if language and languages and language not in languages:
            continue
        for code, data in _languages_of(layout, path, split, language, options):
            if not languages or set(code.split("-")) <= set(languages):
                found[split].setdefault(code, []).append(data)
    if not any(found.values()):
        known = "; ".join(layout.pattern for layout in LAYOUTS[task])
        asked = f" in {', '.join(languages)}" if languages else ""
        raise ValueError(f"{folder}: no file of {task}{asked}; names are recognised by these patterns: {known}")
    return {split: {code: _merged(parts, split) for code, parts in by.items()} for split, by in found.items()}


def _files(task: str, folder: Path) -> Iterable[tuple[Path, Layout, Split, str | None]]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        relative = path.relative_to(folder.parent).as_posix()  # the folder's own name may be the language's
        for layout in LAYOUTS[task]:
            if match := re.search(rf"(?:^|/){layout.pattern}$", relative):
                groups = match.groupdict()
                split = layout.split or WORDS[groups["split"]]
                language = groups.get("language")
                yield path, layout, split, CODES.get(language, language.lower()) if language else None
                break


def _languages_of(
    layout: Layout, path: Path, split: Split, language: str | None, options: Mapping[str, Any]
) -> Iterable[tuple[str, TaskData[Any]]]:
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

"""The file names that data sets are published under: which reader takes a file, and what the data set is called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from unibert_lib.tasks import ner, nli, qa, sts
from unibert_lib.tasks.records import Split, TaskData

Reader = Callable[..., TaskData[Any]]


@dataclass(frozen=True)
class Layout:
    """A published file name. ``split`` is fixed, or read from the group ``split`` of the pattern.

    ``source`` is the data set that publishes the name. Where ``own`` is false, people name
    files of their own so too, and the folder names the data set.

    Source: the data sets' own releases; data/sources.toml.
    """

    pattern: str
    reader: Reader
    source: str
    split: Split | None = None
    own: bool = True


WORDS: dict[str, Split] = {"train": "train", "dev": "dev", "testa": "dev", "validation": "dev"}
WORDS |= {"test": "test", "testb": "test"}
CODES = {"esp": "es", "ned": "nl", "eng": "en", "deu": "de"}  # CoNLL's names

TOGETHER = {"mlqa_translate_train": "squad"}  # its translations: published to be trained on side by side
LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "ner": (
        Layout(r"(?P<language>[a-z-]{2,})\.(?P<split>train|testa|testb)", ner.read_conll, "conll"),  # 2002 and 2003
        Layout(r"(?P<split>train|dev|test)-(?P<language>[a-z-]+)\.tsv", ner.read_conll, "panx", own=False),  # XTREME
        Layout(r"(?P<language>[A-Z]{2})-manual-(?P<split>train|dev|test)\.tsv", ner.read_conll, "echr_fr_es"),
        Layout(r"(?P<language>[a-z-]{2,})/(?P<split>train|dev|test)", ner.read_conll, "wikiann", own=False),
    ),
    "legal_ner": (
        Layout(
            r"(?:(?P<language>[a-z]{2})/)?(?P<split>train|dev|validation|test)\.jsonl",
            ner.read_mapa,
            "mapa",
            own=False,
        ),
        Layout(r"(?P<language>[A-Z]{2})-manual-(?P<split>train|dev|test)\.tsv", ner.read_conll, "echr_fr_es"),
    ),
    "nli": (
        Layout(r"xnli\.(?P<split>dev|test)\.tsv", nli.read_xnli, "xnli"),
        Layout(r"multinli\.train\.(?P<language>[a-z]+)\.tsv", nli.read_xnli, "multinli_translate_train", "train"),
        Layout(r"(?P<split>train|dev|test)-(?P<language>[a-z-]+)\.tsv", nli.read_xnli, "xnli", own=False),  # XTREME
        Layout(r"anli\.(?P<split>dev|test)\.tsv", nli.read_xnli, "americasnli"),
    ),
    "qa": (
        Layout(
            r"(?P<language>[a-z]+)_squad-translate-train-train-v1\.1\.json",
            qa.read_squad,
            "mlqa_translate_train",
            "train",
        ),
        Layout(r"(?P<split>dev|test)-context-(?P<language>[a-z]+)-question-(?P=language)\.json", qa.read_squad, "mlqa"),
        Layout(r"xquad\.(?P<language>[a-z]+)\.json", qa.read_squad, "xquad", "test"),
        Layout(r"tydiqa\.goldp\.(?P<language>[a-z]+)\.(?P<split>train|dev)\.json", qa.read_squad, "tydiqa_goldp"),
        Layout(r"(?P<split>train|dev)-v1\.1\.json", partial(qa.read_squad, language="en"), "squad"),
    ),
    "sts": (
        Layout(r"stsb-(?P<language>[a-z]+)-(?P<split>train|dev|test)\.csv", sts.read_stsb, "stsb_multi_mt"),
        Layout(r"semeval-2022_task8_train-data_batch(_\d)?\.csv", sts.read_sts22, "sts22", "train"),
        Layout(r"final_evaluation_data\.csv", sts.read_sts22, "sts22", "test"),
    ),
}


def name_of(folder: Path, layouts: Iterable[Layout]) -> str:
    """A data set's name in result rows: the publisher's, where the names of its files tell, else the folder's.

    A folder called ``dev`` or ``data`` tells nothing, so the one above it is named too: ``xtreme/panx``. What lies
    above those two, and the home folder, never stand in a row.

    Source: ours.
    """
    if all(layout.own for layout in layouts):
        return "+".join(sorted({layout.source for layout in layouts}))
    path = folder.expanduser().resolve()
    below = path.relative_to(Path.home()) if path != Path.home() and path.is_relative_to(Path.home()) else path
    return "/".join(part for part in below.parts[-2:] if part != path.anchor)


class File(NamedTuple):
    """A file of a task; ``language`` is None where its records say it.

    Source: ours.
    """

    path: Path
    layout: Layout
    split: Split
    language: str | None


def files_of(task: str, folder: Path) -> Iterable[File]:
    """The files of a folder and its subfolders whose names are known, by name.

    Source: ours.
    """
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        relative = path.relative_to(folder.parent).as_posix()  # the folder's own name may be the language's
        for layout in LAYOUTS[task]:
            if match := re.search(rf"(?:^|/){layout.pattern}$", relative):
                groups = match.groupdict()
                split = layout.split or WORDS[groups["split"]]
                language = groups.get("language")
                yield File(path, layout, split, CODES.get(language, language.lower()) if language else None)
                break

"""Read inference data: the official XNLI files, MultiNLI in XNLI's translations, XTREME's layout, AmericasNLI.

Quotes are data in all of them: a row is a line, a cell ends at a tab, and nothing is unquoted. A file that ``csv``
wrote with tabs quotes its cells; it is told by being, to the letter, what ``csv`` would write of what it reads in it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path

from unibert_lib.corpus.records import FormatError
from unibert_lib.corpus.stream import LONE_SURROGATE
from unibert_lib.tasks.reading import Sorter, language_of, named_languages, read_text
from unibert_lib.tasks.records import SentencePair, Split, TaskData, Unlabelled

LABELS = ("entailment", "neutral", "contradiction")  # the order of the hub's class numbers
ALIASES: Mapping[str, str] = {**{label: label for label in LABELS}, "contradictory": "contradiction"}
NUMBERS = dict(zip(("0", "1", "2"), LABELS, strict=True))  # what the hub's class numbers stand for
NO_LABEL = ("", "-", "?", "-1", "hidden")  # MultiNLI writes "-" where its annotators did not agree

# What a column holds, and its names in a header: XNLI's 19 columns, MultiNLI's three, AmericasNLI's five.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "premise": ("sentence1", "premise"),
    "hypothesis": ("sentence2", "hypothesis", "hypo"),
    "label": ("gold_label", "label"),
    "language": ("language",),
    "prompt": ("promptid",),
    "pair": ("id",),
}
_NO_LABELS = "take a file with labels, for example the development file as the test (test_data)"
_HEADERLESS = {"premise": 0, "hypothesis": 1, "label": 2}


def read_xnli(path: str | Path, *, language: str | None = None, split: Split = "train") -> TaskData[SentencePair]:
    """Read one tab-separated file; rows = kept + quarantined + other_languages.

    With a column of languages, ``language`` picks rows and None takes them all. Where the file's name holds a
    language that its column lacks (``xnli.test.en.tsv`` of XNLI-MT), the texts are translations into the named one;
    ``counts["translated"]`` says how many.

    ``item`` is the promptID of XNLI; (id + 2) // 3 in AmericasNLI, whose ids count three pairs to a premise; the
    row's number under MultiNLI's header; without a header the number of the row where the premise first stands.
    Each is the same in files that are translations of each other.

    A row with an empty text, an unknown label or a byte that is not UTF-8 is flagged in dev and test; one that is
    ragged or has no label is quarantined there too.

    Raises
    ------
    FormatError
        If the layout is none of the four, no row has a valid label, or the language is unknown or absent.

    Source: XNLI 1.0 and XNLI-MT 1.0 (Conneau et al., 2018), XTREME's download script, AmericasNLI's README.
    """
    table, quoted = _table(read_text(path).rstrip("\r\n"))
    names = [cell.strip().lower() for cell in table[0][2]]
    where = {role: names.index(name) for role, known in COLUMNS.items() for name in known if name in names}
    headed = _HEADERLESS.keys() <= where.keys()
    bare = len(names) == 2 or (not headed and {"premise", "hypothesis"} <= where.keys())
    if bare and all(len(cells) == len(names) for _, _, cells in table):
        raise Unlabelled(path, f"{len(names)} columns and none of labels: published without", line=1, remedy=_NO_LABELS)
    if not headed:
        where = _HEADERLESS
    if not headed and len(names) != len(_HEADERLESS):
        remedy = (
            f"give a header with premise, hypothesis and label, or exactly three columns ({', '.join(_HEADERLESS)}), "
            "parted by tabs"
        )
        raise FormatError(path, f"{len(names)} columns and no header that is known", line=1, remedy=remedy)
    rows = table[headed:]
    column, named = where.get("language"), named_languages(path)
    spoken = {cells[column].strip() for _, _, cells in rows if column is not None and len(cells) == len(names)}
    overruled = column is not None and len(named) == 1 and named[0] not in spoken
    one = language_of(path, language) if overruled or column is None else ""
    sorter = Sorter[SentencePair](str(path), split)
    counts: Counter[str] = Counter(rows=len(rows), other_languages=0, alias_labels=0, translated=0, quoted=quoted)
    labels = {cells[where["label"]].strip() for _, _, cells in rows if len(cells) == len(names)}
    if labels and labels <= {*NO_LABEL}:
        raise Unlabelled(path, f"every label is {min(labels)!r}: published without", line=1, remedy=_NO_LABELS)
    numbers = labels <= {*NUMBERS, *NO_LABEL}
    first: dict[str, int] = {}
    for row, (number, line, cells) in enumerate(rows, 1):  # a cell that csv wrote may run over several lines
        if len(cells) != len(names):
            found = f"{len(cells)} columns instead of {len(names)}" if line else "an empty line"
            sorter.drop(number, found, line)
            continue
        cell = {role: cells[column] for role, column in where.items()}
        row_language = one or cell["language"].strip()
        if language is not None and row_language != language:
            counts["other_languages"] += 1
            continue
        counts["translated"] += bool(overruled and cell["language"].strip() != one)
        if numbers:
            cell["label"] = NUMBERS.get(cell["label"].strip(), cell["label"])
        first.setdefault(cell["premise"], row)
        item = _item(cell, row) if headed else str(first[cell["premise"]])
        counts["alias_labels"] += _sort(sorter, cell, row_language, item, number, line, 0 if headed else row)
    if not any(record.label in LABELS for record in sorter.records):
        if language is not None and language not in {one, *spoken}:
            raise FormatError(path, f"no row of language {language!r}", remedy=f"ask for one of {sorted(spoken)}")
        fault = next(iter((*sorter.quarantined, *sorter.flagged)), None)
        reason = f"no row has a valid label ({fault.reason})" if fault else "the file holds no row"
        remedy = f"labels are {', '.join(ALIASES)}"
        raise FormatError(path, reason, line=fault.line if fault else 1, remedy=remedy)
    return sorter.data(**counts)


def from_rows(
    rows: Iterable[Mapping[str, object]],
    language: str,
    *,
    names: Sequence[str] = LABELS,
    split: Split = "train",
    source: str = "rows",
) -> TaskData[SentencePair]:
    """Read the rows of a hub dataset: ``premise``, ``hypothesis``, and ``label`` as a word or an index of ``names``.

    ``item`` is the number of the row (from 1) where the premise first stands, ``Quarantined.line`` the row's number.
    A label of -1 is no label.

    Source: the hub's xnli (0 entailment, 1 neutral, 2 contradiction).
    """
    sorter = Sorter[SentencePair](source, split)
    counts: Counter[str] = Counter(rows=0, alias_labels=0)
    first: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        counts["rows"] += 1
        premise, hypothesis, label = (row.get(name) for name in ("premise", "hypothesis", "label"))
        if isinstance(label, Integral):  # numpy's integers too
            index = int(label)
            label = names[index] if 0 <= index < len(names) else "" if index == -1 else str(index)
        if not (isinstance(premise, str) and isinstance(hypothesis, str)):
            sorter.drop(number, "premise or hypothesis is not text: choose the dataset of one language", repr(row))
            continue
        cell = {"premise": premise, "hypothesis": hypothesis, "label": label if isinstance(label, str) else ""}
        item = str(first.setdefault(premise, number))
        counts["alias_labels"] += _sort(sorter, cell, language, item, number, repr(row))
    return sorter.data(**counts)


def _item(cell: Mapping[str, str], row: int) -> str:
    pair = cell.get("pair", "").strip()
    if pair.isascii() and pair.isdecimal() and len(pair) < 10:
        return str((int(pair) + 2) // 3)  # as XNLI's promptID comes of its pairID
    prompt = cell.get("prompt", "").strip()
    return prompt or (str(row) if "prompt" not in cell else f"row {row}")


def _table(text: str) -> tuple[list[tuple[int, str, list[str]]], bool]:
    """Line, text and cells of each row; and whether the file is one that ``csv`` wrote, whose cells are unquoted."""
    if '"' in text:
        try:
            reader = csv.reader(io.StringIO(text), delimiter="\t", strict=True)
            cells = [(reader.line_num, row) for row in reader]
        except csv.Error:
            cells = []
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL):
            again = io.StringIO()
            csv.writer(again, delimiter="\t", quoting=quoting, lineterminator="\n").writerows(row for _, row in cells)
            if again.getvalue().rstrip("\n") == text.replace("\r\n", "\n"):
                return [(line, "\t".join(row), row) for line, row in cells], True
    lines = [line.rstrip("\r") for line in text.split("\n")]
    return [(number, line, line.split("\t")) for number, line in enumerate(lines, 1)], False


def _sort(
    sorter: Sorter[SentencePair],
    cell: Mapping[str, str],
    language: str,
    item: str,
    line: int,
    raw: str,
    row: int = 0,
) -> bool:
    """File one row; whether its label was an alias."""
    written = cell["label"].strip()
    label = ALIASES.get(written.lower(), LONE_SURROGATE.sub("\ufffd", written))
    if written in NO_LABEL or not language:
        sorter.drop(line, "no language" if not language else f"no label ({written!r})", raw)
        return False
    faults = [f"empty {name}" for name in ("premise", "hypothesis") if not cell[name].strip()]
    if label not in LABELS:
        faults.append(f"unknown label {written!r}")
    if LONE_SURROGATE.search(cell["premise"] + cell["hypothesis"] + cell["label"]):
        faults.append("a byte that is not UTF-8")
    premise, hypothesis = (LONE_SURROGATE.sub("\ufffd", cell[name]) for name in ("premise", "hypothesis"))
    sorter.add(SentencePair(premise, hypothesis, label, language, item, row), line, faults, raw)
    return label in LABELS and label != written

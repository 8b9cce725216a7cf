"""Read similarity scores: news articles of SemEval-2022 task 8 (STS22), sentences of STS-B in translation.

A greater score means more similar, always. STS22's ``Overall`` runs the other way, from 1 (the same) to 4, and is
turned round here: score = 4 - Overall, from 0 to 3.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from unibert_lib.corpus.records import FormatError
from unibert_lib.corpus.stream import LONE_SURROGATE
from unibert_lib.tasks.reading import Sorter, language_of, read_text
from unibert_lib.tasks.records import ScoredPair, Split, TaskData, Unlabelled

MOST_SIMILAR, LEAST_SIMILAR = 1.0, 4.0  # Overall, from the task's annotation scheme
STSB_HIGHEST = 5.0
DOWNLOADER = "python -m semeval_8_2022_ia_downloader.cli --links_file=FILE --dump_dir=FOLDER"

COLUMNS = ("url1_lang", "url2_lang", "pair_id", "overall")  # in lower case: evaluation writes OVERALL
_SCORES = ("similarity_score", "score", "label")
_PAIR = re.compile(r"([0-9]{1,20})_([0-9]{1,20})")  # digits only: an id becomes part of a path
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_SENTENCES = ("sentence1", "sentence2")
_NO_SCORES = "take a file with scores, for example the development file as the test (test_data)"


def score_of(overall: float) -> float:
    """4 - Overall: 3 is the same story, 0 has nothing to do with it.

    Source: SemEval-2022 task 8 (Chen et al., 2022); the turn is ours.
    """
    return LEAST_SIMILAR - overall


def overall_of(score: float) -> float:
    """The inverse of ``score_of``, for figures to compare with the task's.

    Source: ours.
    """
    return LEAST_SIMILAR - score


def read_stsb(path: str | Path, *, language: str | None = None, split: Split = "train") -> TaskData[ScoredPair]:
    """Read one CSV of stsb_multi_mt: two sentences and a score from 0 to 5; rows = kept + quarantined.

    A header may name the columns as the hub does, in any order. Scores that never exceed 1 and are no whole numbers
    were divided by 5: they are multiplied again, and ``counts["rescaled"]`` says how many.

    ``item`` is the row's number, the same in the files of all languages. A row whose score is not a number from 0
    to 5 is quarantined in every split; an empty sentence or a byte that is not UTF-8 is flagged in dev and test.

    Raises
    ------
    Unlabelled
        If no row has a score.
    FormatError
        If the CSV is malformed (a stray quote merges rows, and every later number would be wrong), no row can be
        read, the language is unknown, or the scale runs the other way.

    Source: stsb_multi_mt (May, 2021).
    """
    spoken = language_of(path, language)
    rows = _csv(path)
    names = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    if {*COLUMNS} <= {*names}:
        remedy = "take read_sts22, with its articles, or put the two data sets into folders of their own"
        raise FormatError(path, "this is STS22's table of links, not STS-B's of sentences", line=1, remedy=remedy)
    if len(names) == 1 and "\t" in names[0]:
        remedy = "write it as CSV with the columns sentence1,sentence2,score"
        raise FormatError(path, "this file is parted by tabs, as GLUE's is", line=1, remedy=remedy)
    headed = {*_SENTENCES} <= {*names}
    scored = next((name for name in _SCORES if name in names), None) if headed else "score"
    if scored is None or (len(names) == 2 and not headed):
        raise Unlabelled(path, "two sentences and no score: published without", line=1, remedy=_NO_SCORES)
    order = [names.index(name) for name in (*_SENTENCES, scored)] if headed else [0, 1, 2]
    width, rows = (len(names), rows[1:]) if headed else (3, rows)
    written = [cells[order[2]].strip() for _, cells in rows if len(cells) == width]
    if written and {*written} <= {"", "-", "nan", "-1"}:
        raise Unlabelled(path, f"every score is {written[0]!r}: published without", line=1, remedy=_NO_SCORES)
    shares = _shares(written)
    sorter = Sorter[ScoredPair](str(path), split)
    counts = {"rows": len(rows), "multiline_rows": sum("\n" in "".join(cells) for _, cells in rows)}
    counts["rescaled"] = len(rows) if shares else 0
    for row, (line, cells) in enumerate(rows, 1):
        raw = ",".join(cells)
        if len(cells) != width:
            sorter.drop(line, f"{len(cells)} columns instead of {width}", raw)
            continue
        first, second, grade = (cells[place] for place in order)
        score = _number(grade, 0, STSB_HIGHEST) * (STSB_HIGHEST if shares else 1.0)
        _sort(sorter, ScoredPair(first, second, score, spoken, str(row)), grade, line, raw)
    if not sorter.records:
        reason = f"no row can be read ({sorter.quarantined[0].reason})" if sorter.quarantined else "no row"
        raise FormatError(path, reason, line=1, remedy="expected are the columns sentence1,sentence2,score")
    return sorter.data(**counts, **_direction(sorter.records, STSB_HIGHEST, path))


def from_rows(
    rows: Iterable[Mapping[str, object]], language: str, *, split: Split = "train", source: str = "rows"
) -> TaskData[ScoredPair]:
    """Read the rows of a hub dataset of STS-B: ``sentence1``, ``sentence2`` and a score from 0 to 5.

    The score stands under ``similarity_score``, ``score`` or ``label``. ``item`` and ``Quarantined.line`` are the
    number of the row, from 1.

    Source: the hub's stsb_multi_mt and glue/stsb.
    """
    sorter, number = Sorter[ScoredPair](source, split), 0
    for number, row in enumerate(rows, 1):
        one, other = (row.get(name) for name in _SENTENCES)
        score = next((row[name] for name in _SCORES if name in row), None)
        if not isinstance(one, str) or not isinstance(other, str):
            sorter.drop(number, "sentence1 or sentence2 is not text", repr(row))
            continue
        pair = ScoredPair(one, other, _number(str(score), 0, STSB_HIGHEST), language, str(number))
        _sort(sorter, pair, str(score), number, repr(row))
    return sorter.data(rows=number, **_direction(sorter.records, STSB_HIGHEST, source))


def read_sts22(
    path: str | Path,
    articles: str | Path | None = None,
    *,
    split: Split = "train",
    languages: Sequence[str] | None = None,
) -> TaskData[ScoredPair]:
    """Read pairs of news articles; rows = kept + quarantined + other_languages.

    Parameters
    ----------
    path
        The official CSV, of training or of evaluation.
    articles
        The folder that the official downloader leaves: ``12/3456789012.json`` with ``title`` and ``text``, in a
        folder named after the id's last two digits. A text is the title, a line break, and the article.
    languages
        Which to keep: ``de`` for two German articles, ``de-en`` where the first is German and the second English,
        in the file's order. None keeps all.

    A pair that lacks an article is quarantined in training; in dev and test it is flagged and kept with an empty
    text. One whose Overall is not a number from 1 to 4 is quarantined everywhere.
    ``counts["identical_scored_low"]`` should be 0: pairs of the same text in the lower half of the scale. If most are,
    the scale runs the other way.

    Raises
    ------
    FormatError
        If no article is there, the CSV is malformed or lacks a column, or the scale runs the other way.
    ValueError
        If a language is asked for that the file does not hold.

    Source: SemEval-2022 task 8 (Chen et al., 2022) and its downloader's README.
    """
    if articles is None or not Path(articles).is_dir():
        reason = "this file holds links and scores, no article" + (f", and {articles} is no folder" if articles else "")
        raise FormatError(path, reason, remedy=f"fetch the articles ({DOWNLOADER}) and pass articles=FOLDER")
    header, *body = _csv(path) or [(1, [])]
    names = [cell.strip().lower() for cell in header[1]]
    missing = [name for name in COLUMNS if name not in names]
    grades = (
        {cells[names.index("overall")].strip() for _, cells in body if len(cells) == len(names)}
        if not missing
        else {"1"}
    )
    if missing == ["overall"] or (body and grades <= {""}):
        raise Unlabelled(path, "links without Overall: published without scores", line=1, remedy=_NO_SCORES)
    if missing:
        remedy = "take the official CSV with scores: links alone cannot be scored against"
        raise FormatError(path, f"no column {', '.join(missing)}", line=1, remedy=remedy)
    sorter = Sorter[ScoredPair](str(path), split)
    counts = {"rows": len(body), "other_languages": 0}
    shelf: dict[str, tuple[str, str]] = {}
    pairs: Counter[str] = Counter()
    present: set[str] = set()
    for line, cells in body:
        raw = ",".join(cells)
        if len(cells) != len(names):
            sorter.drop(line, f"{len(cells)} columns instead of {len(names)}", raw)
            continue
        one, other, key, overall = (cells[names.index(name)].strip() for name in COLUMNS)
        ids = _PAIR.fullmatch(key)
        if ids is None or not _LANGUAGE.fullmatch(one) or not _LANGUAGE.fullmatch(other):
            sorter.drop(line, f"pair_id {key!r} or the languages are not of the official form", raw)
            continue
        language = one if one == other else f"{one}-{other}"
        present.add(language)
        if languages is not None and language not in languages:
            counts["other_languages"] += 1
            continue
        pairs[key] += 1
        for article in ids.groups():
            shelf[article] = shelf.get(article) or _article(Path(articles), article)
        (first, fault), (second, other_fault) = (shelf[article] for article in ids.groups())
        score = score_of(_number(overall, MOST_SIMILAR, LEAST_SIMILAR))
        pair = ScoredPair(first, second, score, language, key)
        faults = [reason for reason in (fault, other_fault) if reason]
        _sort(sorter, pair, overall, line, raw, faults)
    if languages is not None and (isinstance(languages, str) or set(languages) - present):
        raise ValueError(f"{path}: languages={languages!r}: give a list, of {', '.join(sorted(present))}")
    found = sum(bool(text) for text, _ in shelf.values())
    if not body or (shelf and not found):
        reason = f"none of the {len(shelf)} articles is in {articles}" if body else "the file holds no pair"
        raise FormatError(path, reason, remedy=f"pass the folder that the downloader left ({DOWNLOADER})")
    counts |= {"duplicate_pairs": pairs.total() - len(pairs), "articles": found, "missing_articles": len(shelf) - found}
    return sorter.data(**counts, **_direction(sorter.records, score_of(MOST_SIMILAR), path))


def _article(folder: Path, article: str) -> tuple[str, str]:
    """The text of an article, and why there is none."""
    path = folder / article[-2:] / f"{article}.json"
    if not path.is_file():
        return "", f"article {article}: not downloaded"
    try:
        page = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # broken off while it was written, or hostile
        return "", f"article {article}: not JSON ({error})"
    parts = [page.get(name) for name in ("title", "text")] if isinstance(page, dict) else []
    text = "\n".join(part for part in parts if isinstance(part, str) and part.strip())
    return text, "" if text else f"article {article}: neither title nor text"


def _csv(path: str | Path) -> list[tuple[int, list[str]]]:
    """Rows and the line where each begins; empty lines at the end are no rows."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    begin = 1
    try:
        for cells in reader:
            rows.append((begin, cells))
            begin = reader.line_num + 1
    except csv.Error as error:
        remedy = "quote every cell that holds a quote, a comma or a line break, and double the quotes inside"
        raise FormatError(
            path, f"malformed CSV ({error}) in the row that begins here", line=begin, remedy=remedy
        ) from error
    while rows and not rows[-1][1]:
        rows.pop()
    return rows


def _shares(written: Sequence[str]) -> bool:
    """Whether scores run from 0 to 1: none is larger, and some are no whole numbers, as grades of 0 or 1 would be."""
    values = [value for value in (_number(text, 0, STSB_HIGHEST) for text in written) if not math.isnan(value)]
    return len(values) >= 10 and max(values) <= 1 and len({value for value in values if value % 1}) >= 3


def _number(written: str, low: float, high: float) -> float:
    """NaN for what is no number from ``low`` to ``high``."""
    try:
        number = float(written)
    except ValueError:
        return math.nan
    return number if low <= number <= high else math.nan


def _sort(
    sorter: Sorter[ScoredPair], pair: ScoredPair, written: str, line: int, raw: str, faults: Sequence[str] = ()
) -> None:
    if math.isnan(pair.score):
        sorter.drop(line, f"score {written[:40]!r} is not a number on the scale", raw)
        return
    first, second = (LONE_SURROGATE.sub("\ufffd", text) for text in (pair.first, pair.second))
    found = [*faults]
    if not found and not (first.strip() and second.strip()):
        found.append("an empty text")
    if (first, second) != (pair.first, pair.second):
        found.append("a byte that is not UTF-8, or half a character")
    sorter.add(replace(pair, first=first, second=second), line, found, raw)


def _direction(records: Sequence[ScoredPair], highest: float, path: str | Path) -> dict[str, int]:
    """How many pairs say the same twice, and how many of these stand in the lower half of the scale."""
    same = [record.score for record in records if record.first and record.first == record.second]
    low = sum(score < highest / 2 for score in same)
    if low >= 10 and 2 * low > len(same):  # most of them, and no accident
        reason = f"{low} of {len(same)} pairs of the same text score in the lower half: the scale runs the other way"
        raise FormatError(path, reason, remedy="take the published file, or turn its scores round")
    return {"identical": len(same), "identical_scored_low": low}

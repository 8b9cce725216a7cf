"""Rule 5 over a corpus that rules 1 to 4 have filtered: its word pieces are counted, and kept for the token store.

The text is tokenised once. Beside the shards of each language lies ``_ids.bin``, the ids of its samples end to end.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from unibert_lib.corpus import executors
from unibert_lib.corpus.marks import hold
from unibert_lib.corpus.report import REPORT, CorpusReport, LanguageReport, check_balance, load_report, open_report
from unibert_lib.corpus.shards import (
    KEPT_WITH_PIECES,
    StagedLanguage,
    check_rows,
    count_bytes,
    count_joiners,
    finished,
    tidy,
)
from unibert_lib.corpus.sources import parquet_files
from unibert_lib.corpus.wordpieces import MINIMUM_PIECES, WordIds
from unibert_lib.progress import bar

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

RULE = "too_few_pieces"
LONGEST = 512  # positions of mBERT
IDS = "_ids.bin"  # uint32; parquet readers skip names that begin with an underscore
_BATCH = 500


def finish(
    source: str | Path,
    out: str | Path,
    tokenizer: PreTrainedTokenizerFast,
    minimum: int = MINIMUM_PIECES,
    *,
    progress: bool = True,
    workers: int = 1,
    executor: Callable[..., Any] | None = None,
) -> CorpusReport:
    """Apply rule 5 to a corpus built with rules 1 to 4, and count word pieces.

    The result stands by itself: shards with the column ``pieces``, their ids, everything dropped by rules 1 to 5, what
    was quarantined, and one report over all of it. Languages that an earlier run finished are not read again.
    ``workers`` and ``executor`` as for :func:`unibert_lib.corpus.build`.

    Raises
    ------
    ValueError
        If ``source`` is no corpus, is ``out`` itself, or has changed since ``out`` was begun, or ``out`` was made with
        another tokenizer or minimum.

    Source: paper 3.1, fifth rule and token statistics.
    """
    source, out = Path(source), Path(out)
    before = load_report(source)
    if source.resolve() == out.resolve():
        raise ValueError(f"{out}: source and out are the same folder: name another for the finished corpus")
    if minimum < 1:
        raise ValueError(f"minimum = {minimum}: at least one piece is needed")
    vocabulary = json.dumps(sorted(tokenizer.get_vocab().items()), ensure_ascii=True).encode()
    settings = {
        **before.settings,
        "rules": [*(name for name in before.rules if name != RULE), RULE],
        "minimum": minimum,
        "vocabulary_size": len(tokenizer),
        "vocabulary_sha256": hashlib.sha256(vocabulary).hexdigest(),
        "tokenizer": _fingerprint(tokenizer),
    }
    report, words = open_report(out, settings), WordIds(tokenizer)
    hold(out, {code: [source / code] for code in before.languages})
    if workers > 1 or executor is not None:
        tasks = {code: partial(_finish, source, out, row, words, minimum) for code, row in before.languages.items()}
        executors.run(tasks, lambda language: finished(out, language) is not None, out / ".tasks", workers, executor)
    with bar(total=len(before.languages), unit="language", disable=not progress) as shown:
        for language, counts in before.languages.items():
            shown.set_description(language)
            done = finished(out, language) or _finish(source, out, counts, words, minimum)
            report.languages[language] = done
            report.write(out)
            shown.update()
    tidy(out)
    return report


def _finish(source: Path, out: Path, before: LanguageReport, words: WordIds, minimum: int) -> LanguageReport:
    check_rows(source / before.language, before.paragraphs_out)
    with StagedLanguage(out, before.language, KEPT_WITH_PIECES) as staged:
        counts = _count_pieces(source, staged, before, words, minimum)
        check_balance([counts])
        staged.complete(counts)
    return counts


def _count_pieces(
    source: Path, staged: StagedLanguage, before: LanguageReport, words: WordIds, minimum: int
) -> LanguageReport:
    language = staged.language
    for part in sorted((source / "dropped" / language).glob("part-*.parquet")):
        shutil.copy2(part, staged.dropped_folder / part.name)
    staged.continue_dropped()
    if (bad := source / "quarantined" / f"{language}.jsonl").is_file():
        shutil.copy2(bad, staged.quarantine_file)
    counts = LanguageReport(**vars(before))
    counts.drops = {**before.drops, RULE: before.drops.get(RULE, 0)}
    counts.paragraphs_out = counts.bytes_out = counts.joiners_kept = 0
    counts.pieces = counts.pieces_max = counts.pieces_unknown = counts.pieces_over_512 = 0
    reason = f"fewer than {minimum} word pieces"
    staged.kept.folder.mkdir(parents=True)
    with (staged.kept.folder / IDS).open("wb") as stream:
        for file in parquet_files(source / language):
            for batch in pq.ParquetFile(file).iter_batches(_BATCH, columns=["page", "title", "paragraph", "text"]):
                rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
                ids, lengths = words(batch.column("text").to_pylist())
                kept = lengths >= minimum
                ids = ids[np.repeat(kept, lengths)]
                stream.write(ids.tobytes())
                counts.pieces += len(ids)
                counts.pieces_max = max(counts.pieces_max, int(lengths[kept].max(initial=0)))
                counts.pieces_unknown += int((ids == words.unknown).sum())
                counts.pieces_over_512 += int((lengths[kept] > LONGEST - 2).sum())  # [CLS] and [SEP] need two positions
                for (*place, text), length in zip(rows, lengths.tolist(), strict=True):
                    if length < minimum:
                        counts.drops[RULE] += 1
                        staged.dropped.add(*place, text, reason, RULE, text)
                        continue
                    counts.paragraphs_out += 1
                    counts.bytes_out += count_bytes(text)
                    counts.joiners_kept += count_joiners(text)
                    staged.kept.add(*place, text, length)
    return counts


def stored_ids(corpus: Path, languages: Iterable[str], tokenizer: str) -> dict[str, Path]:
    """The files of ids that :func:`finish` left beside languages' shards, if the tokenizer had this fingerprint.

    Source: ours.
    """
    if not (corpus / REPORT).is_file() or load_report(corpus).settings.get("tokenizer") != tokenizer:
        return {}
    return {code: corpus / code / IDS for code in languages if (corpus / code / IDS).is_file()}


def _fingerprint(tokenizer: PreTrainedTokenizerFast) -> str:
    from unibert_lib.tokenizer import fingerprint  # with transformers, which workers that only filter can do without

    return fingerprint(tokenizer)

"""Rule 5 over a corpus that rules 1 to 4 have filtered, with the statistics of its word pieces."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from unibert_lib.corpus.filters import MINIMUM_PIECES, piece_ids
from unibert_lib.corpus.marks import hold
from unibert_lib.corpus.records import Document
from unibert_lib.corpus.report import CorpusReport, LanguageReport, check_balance, load_report, open_report
from unibert_lib.corpus.shards import KEPT_WITH_PIECES, StagedLanguage, count_bytes, count_joiners, finished, tidy
from unibert_lib.corpus.sources import read_dataset
from unibert_lib.progress import bar

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LONGEST = 512  # positions of mBERT
_BATCH = 1_000


def finish(
    source: str | Path,
    out: str | Path,
    tokenizer: PreTrainedTokenizerFast,
    minimum: int = MINIMUM_PIECES,
    *,
    progress: bool = True,
) -> CorpusReport:
    """Apply rule 5 to a corpus built with rules 1 to 4, and count word pieces.

    The result stands by itself: shards with the column ``pieces``, everything dropped by rules 1 to 5, what was
    quarantined, and one report over all of it. Languages that an earlier run finished are not read again.

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
    rule = "too_few_pieces"
    settings = {
        **before.settings,
        "rules": [*(name for name in before.rules if name != rule), rule],
        "minimum": minimum,
        "vocabulary_size": len(tokenizer),
        "vocabulary_sha256": hashlib.sha256(vocabulary).hexdigest(),
    }
    report = open_report(out, settings)
    hold(out, {code: [source / code] for code in before.languages})
    with bar(total=len(before.languages), unit="language", disable=not progress) as shown:
        for language, counts in before.languages.items():
            shown.set_description(language)
            done = finished(out, language)
            if done is None:
                with StagedLanguage(out, language, KEPT_WITH_PIECES) as staged:
                    done = _count_pieces(source, staged, counts, tokenizer, minimum, rule)
                    check_balance([done])
                    staged.complete(done)
            report.languages[language] = done
            report.write(out)
            shown.update()
    tidy(out)
    return report


def _count_pieces(
    source: Path,
    staged: StagedLanguage,
    before: LanguageReport,
    tokenizer: PreTrainedTokenizerFast,
    minimum: int,
    rule: str,
) -> LanguageReport:
    language = staged.language
    for part in sorted((source / "dropped" / language).glob("part-*.parquet")):
        shutil.copy2(part, staged.dropped_folder / part.name)
    staged.continue_dropped()
    if (bad := source / "quarantined" / f"{language}.jsonl").is_file():
        shutil.copy2(bad, staged.quarantine_file)
    counts = LanguageReport(**vars(before))
    counts.drops = {**before.drops, rule: before.drops.get(rule, 0)}
    counts.paragraphs_out = counts.bytes_out = counts.joiners_kept = 0
    counts.pieces = counts.pieces_max = counts.pieces_unknown = counts.pieces_over_512 = 0
    unknown, reason = tokenizer.unk_token_id, f"fewer than {minimum} word pieces"
    for batch in _batches(source / language, language):
        for document, ids in zip(batch, piece_ids(tokenizer, [item.text for item in batch]), strict=True):
            place = (document.page, document.title, document.paragraph)
            if len(ids) < minimum:
                counts.drops[rule] += 1
                staged.dropped.add(*place, document.text, reason, rule, document.text)
                continue
            counts.paragraphs_out += 1
            counts.bytes_out += count_bytes(document.text)
            counts.joiners_kept += count_joiners(document.text)
            counts.pieces += len(ids)
            counts.pieces_max = max(counts.pieces_max, len(ids))
            counts.pieces_unknown += ids.count(unknown)
            counts.pieces_over_512 += len(ids) > LONGEST - 2  # [CLS] and [SEP] need two positions
            staged.kept.add(*place, document.text, len(ids))
    return counts


def _batches(folder: Path, language: str) -> Iterator[list[Document]]:
    batch: list[Document] = []
    for record in read_dataset(folder, language):
        assert isinstance(record, Document)
        batch.append(record)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

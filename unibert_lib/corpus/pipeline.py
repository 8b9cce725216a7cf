"""Documents to a filtered corpus: one pass, streaming, parquet shards by language, and a report.

::

    <out>/<language>/part-00000.parquet      page, title, paragraph, text (and pieces, after finish)
    <out>/dropped/<language>/part-*.parquet  the same, with reason, rule and the raw sample
    <out>/quarantined/<language>.jsonl       what could not be read
    <out>/report.json
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from unibert_lib import languages as table
from unibert_lib.corpus import executors
from unibert_lib.corpus.filters import HIDDEN, RULES, Rule, rule_name, rule_options
from unibert_lib.corpus.folders import Source
from unibert_lib.corpus.guards import Dropped, apply
from unibert_lib.corpus.marks import hold
from unibert_lib.corpus.pieces import finish
from unibert_lib.corpus.progress import Progress
from unibert_lib.corpus.records import Document, Page, Quarantined
from unibert_lib.corpus.report import DUPLICATE_PAGE, CorpusReport, LanguageReport, check_balance, open_report
from unibert_lib.corpus.shards import KEPT, StagedLanguage, count_bytes, count_joiners, finished, tidy
from unibert_lib.corpus.stream import LONE_SURROGATE
from unibert_lib.corpus.wikitext import paragraphs
from unibert_lib.interrupts import resumable

__all__ = ["build", "finish"]

_OTHERS = "(others)"
_TEMPLATES = 50  # names of templates that a report lists
_BATCH, _BATCH_CHARACTERS = 1_000, 200_000  # samples that meet the rules together, at most


def build(
    documents: Mapping[str, Iterable[Page | Document | Quarantined]],
    out: str | Path,
    rules: Sequence[Rule] = RULES,
    *,
    declare: Iterable[str] = (),
    progress: bool = True,
    workers: int = 1,
    executor: Callable[..., Any] | None = None,
) -> CorpusReport:
    """Filter the documents of each language and write the corpus.

    Parameters
    ----------
    documents
        By language: paragraphs, or the pages of :func:`read_dump` as they come, or what :func:`open_folder` gives.
    out
        The folder of the corpus. Languages that an earlier run finished there are not read again.
    rules
        Applied in order, until one drops the sample.
    declare
        Codes outside the table that are meant; those from :func:`open_folder` need no declaration.
    progress
        Show a bar.
    workers, executor
        Languages at a time, and where: see :mod:`unibert_lib.corpus.executors`. The output is the same.

    Raises
    ------
    ValueError
        If a language is unknown, ``out`` holds a corpus of other rules, or the files of a finished language changed.
    FormatError
        If a source breaks off; the other languages that were finished stay, and the rest can be resumed.

    Source: paper 3.1; PROTOCOL, "Corpus".
    """
    declared = {code for code, source in documents.items() if isinstance(source, Source)} | set(declare)
    table.check(documents, {*table.LANGUAGES, *declared})
    names = [rule_name(rule) for rule in rules]
    out = Path(out)
    report = open_report(out, {"rules": names, "options": rule_options(rules)})
    hold(out, {code: source.paths for code, source in documents.items() if isinstance(source, Source)})

    def done(language: str) -> bool:
        return finished(out, language) is not None

    with resumable(lambda: f"languages finished: {sum(map(done, documents))} of {len(documents)}"):
        if workers > 1 or executor is not None:
            tasks = {language: partial(_build, out, language, source, rules) for language, source in documents.items()}
            executors.run(
                tasks, lambda language: finished(out, language) is not None, out / ".tasks", workers, executor
            )
        with Progress(documents, shown=progress) as bar:
            for language, source in documents.items():
                counts = finished(out, language)
                if counts is None:
                    counts = _build(out, language, bar.watch(language, source), rules)
                bar.complete(source)
                report.languages[language] = counts
                report.write(out)
    tidy(out)
    return report


def _build(
    out: Path, language: str, records: Iterable[Page | Document | Quarantined], rules: Sequence[Rule]
) -> LanguageReport:
    """One language, from its records to its place in the corpus."""
    with StagedLanguage(out, language, KEPT) as staged:
        counts = _filter(records, staged, rules)
        check_balance([counts])
        staged.complete(counts)
    return counts


def _filter(
    records: Iterable[Page | Document | Quarantined], staged: StagedLanguage, rules: Sequence[Rule]
) -> LanguageReport:
    counts = LanguageReport(staged.language, drops={rule_name(rule): 0 for rule in rules})
    for batch in _batches(_documents(records, staged, counts)):
        answers = iter(apply(rules, [document.text for document, duplicate in batch if not duplicate]))
        for document, duplicate in batch:
            raw = document.text
            size, printable = count_bytes(raw), raw.isprintable()
            counts.paragraphs_in += 1
            counts.bytes_in += size
            if not printable:
                _count_hidden(raw, counts)
            place = (document.page, document.title, document.paragraph)
            answer = Dropped(raw, DUPLICATE_PAGE, "duplicate page") if duplicate else next(answers)
            if isinstance(answer, Dropped):
                counts.drops[answer.rule] = counts.drops.get(answer.rule, 0) + 1
                staged.dropped.add(*place, answer.text, answer.reason, answer.rule, raw)
            else:
                counts.paragraphs_out += 1
                changed = answer is not raw
                counts.bytes_out += count_bytes(answer) if changed else size
                counts.joiners_kept += count_joiners(answer) if changed or not printable else 0
                staged.kept.add(*place, answer)
    return counts


def _batches(items: Iterable[tuple[Document, bool]]) -> Iterator[list[tuple[Document, bool]]]:
    """Lists of samples, bounded in number and in characters; what was read before an error comes before the error."""
    batch: list[tuple[Document, bool]] = []
    characters = 0
    try:
        for item in items:
            batch.append(item)
            characters += len(item[0].text)
            if len(batch) >= _BATCH or characters >= _BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
    except ValueError:
        yield batch
        raise
    yield batch


def _documents(
    records: Iterable[Page | Document | Quarantined], staged: StagedLanguage, counts: LanguageReport
) -> Iterator[tuple[Document, bool]]:
    """Paragraphs with the mark of a page that came before; pages and bad records are counted on the way."""
    seen = _SeenPages()
    current: str | None = None
    duplicate = False
    lost: Counter[str] = Counter()
    for record in records:
        if isinstance(record, Quarantined):
            counts.quarantined += 1
            staged.quarantine(record)
        elif isinstance(record, Page):
            counts.pages += 1
            if record.redirect or record.namespace != 0:
                counts.redirects += record.redirect
                counts.other_namespaces += not record.redirect
                continue
            counts.bytes_wikitext += count_bytes(record.text)
            duplicate = not seen.add(record.id)
            counts.duplicate_pages += duplicate
            number = -1
            for number, document in enumerate(paragraphs(record, lost)):  # noqa: B007
                yield document, duplicate
            counts.empty_pages += number < 0
            if len(lost) > 100 * _TEMPLATES:
                lost = _largest(lost, 50 * _TEMPLATES)
        else:
            if record.page != current:
                current = record.page
                duplicate = not seen.add(current)
                counts.pages += 1
                counts.duplicate_pages += duplicate
            yield record, duplicate
    counts.template_text = dict(_largest(lost, _TEMPLATES))


def _largest(lost: Counter[str], names: int) -> Counter[str]:
    """The names with most characters; what the others have together stands under ``(others)``."""
    known = Counter({name: number for name, number in lost.items() if name != _OTHERS})
    largest = Counter(dict(known.most_common(names)))
    rest = lost.total() - largest.total()
    return largest + Counter({_OTHERS: rest})


class _SeenPages:
    """Ids that have occurred. Numbers, as dumps have them, cost about one bit each, so that memory stays flat."""

    def __init__(self) -> None:
        self._bits: dict[int, bytearray] = {}
        self._hashes: set[bytes] = set()

    def add(self, page: str) -> bool:
        """Remember the id; False if it was known."""
        if page.isdecimal() and page.isascii() and len(page) <= 9 and (page[0] != "0" or page == "0"):
            block, bit = divmod(int(page), 1 << 16)
            bits = self._bits.get(block) or self._bits.setdefault(block, bytearray())
            place, mark = bit >> 3, 1 << (bit & 7)
            if len(bits) <= place:
                bits.extend(bytes(place + 1 - len(bits)))
            new = not bits[place] & mark
            bits[place] |= mark
            return new
        digest = hashlib.blake2b(page.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        new = digest not in self._hashes
        self._hashes.add(digest)
        return new


def _count_hidden(text: str, counts: LanguageReport) -> None:
    joiners = count_joiners(text)
    counts.joiners_in += joiners
    counts.hidden += sum(len(run) for run in HIDDEN.findall(text)) - joiners
    counts.surrogates += len(LONE_SURROGATE.findall(text))

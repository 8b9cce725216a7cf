"""The corpus filters against the naive way: ``python -m benchmarks.filters``.

Naive: the plain rules one after another, then transformers' tokenizer on everything they leave. Ours: batches of
which most is proven untouched, rule 5 by bounds, each word tokenised once. Kept sets and token ids are compared before
anything is timed. Times are of the process's CPU, on one thread; ratios are medians over interleaved rounds, with the
least and the greatest.
"""

from __future__ import annotations

import os

os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")

import argparse
import gc
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unibert_lib import atlas, corpus, runs, tokenizer, tokens
from unibert_lib.corpus import RULES, Document, Drop, Page, Quarantined, too_few_pieces
from unibert_lib.corpus.guards import Dropped, apply
from unibert_lib.corpus.wordpieces import WordIds

ROUNDS, BATCH, OUR_BATCH = 5, 1_000, 4_000
Documents = dict[str, list[Document]]


def shared() -> Path | None:
    """The folder of genuine files, or None."""
    asked = os.environ.get("UNIBERT_SHARED")
    places = [Path(asked)] if asked else [runs.REPOSITORY / "shared", runs.REPOSITORY.parent / "shared"]
    return next((place / "data" for place in places if (place / "data").is_dir()), None)


def sources(folder: Path) -> tuple[dict[str, dict[str, corpus.Source]], tokenizer.TokenizersBackend]:
    """What is filtered, by name and language, and the tokenizer: genuine files, else Atlas and a trained one."""
    data = shared()
    if data is None:
        atlas.write_dumps(folder / "atlas", seed=0, pages=300)
        dumps = corpus.open_folder(folder / "atlas")
        texts = (item.text for source in dumps.values() for item in read(source))
        return {"Atlas": dumps}, tokenizer.train(texts, 4_000)
    dumps = corpus.open_folder(data / "wikidumps" / "gensim")
    dumps |= corpus.open_folder(data / "wikidumps" / "semanticizest_nl")
    tatoeba = corpus.open_folder(data / "sentences" / "tatoeba_v1")
    return {"dumps": dumps, "Tatoeba": tatoeba}, tokenizer.load(data / "mbert_vocab" / "vocab.txt")


def read(source: corpus.Source) -> list[Document]:
    """The paragraphs of one language, each page once: a page that comes back is dropped before any rule."""
    found: list[Document] = []
    pages: set[str] = set()
    for record in source:
        if isinstance(record, Page):
            found.extend([] if record.id in pages else corpus.paragraphs(record))
            pages.add(record.id)
        elif not isinstance(record, Quarantined):
            found.append(record)
    return found


def batches(items: Sequence[Any], size: int = BATCH) -> Iterator[list[Any]]:
    for at in range(0, len(items), size):
        yield list(items[at : at + size])


def megabytes(texts: Sequence[str]) -> float:
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) / 1e6


# 1. Rules 1 to 5 on text in memory.


def plain_rules(text: str) -> str | None:
    for rule in RULES:
        answer = rule(text)
        if isinstance(answer, Drop):
            return None
        text = answer.text
    return text


def naive_filter(texts: Sequence[str], pieces: tokenizer.TokenizersBackend) -> list[str | None]:
    """What is kept of each text: every rule on every sample, the tokenizer on all that rules 1 to 4 leave."""
    answers = [plain_rules(text) for text in texts]
    for batch in batches([place for place, text in enumerate(answers) if text is not None]):
        ids = pieces([answers[place] for place in batch], add_special_tokens=False, verbose=False)["input_ids"]
        for place, row in zip(batch, ids, strict=True):
            if len(row) < corpus.MINIMUM_PIECES:
                answers[place] = None
    return answers


def our_filter(texts: Sequence[str], rules: Sequence[corpus.Rule]) -> list[str | Dropped]:
    return [answer for batch in batches(texts, OUR_BATCH) for answer in apply(rules, batch)]


def kept(answers: Sequence[str | Dropped | None]) -> list[tuple[int, str]]:
    """Place and text of what a filter has kept."""
    return [(place, answer) for place, answer in enumerate(answers) if isinstance(answer, str)]


# 2. Filter, and token ids in shards.


def naive_shards(documents: Documents, pieces: tokenizer.TokenizersBackend, out: Path) -> None:
    """Filter, write parquet, read it again and tokenise it a second time, sample by sample."""
    counts = np.zeros(len(pieces), dtype=np.int64)
    for language, items in documents.items():
        left = kept(naive_filter([item.text for item in items], pieces))
        (out / language).mkdir(parents=True)
        rows = {"page": [items[place].page for place, _ in left], "text": [text for _, text in left]}
        pq.write_table(pa.table(rows), out / language / "part-00000.parquet")
    for language in documents:
        position, places = 0, []
        with (out / f"{language}.bin").open("wb") as stream:
            for table in pq.ParquetFile(out / language / "part-00000.parquet").iter_batches(BATCH):
                texts = table.column("text").to_pylist()
                for row in pieces(texts, add_special_tokens=False, verbose=False)["input_ids"]:
                    ids = np.asarray(row[:510], dtype=np.uint32)
                    np.add.at(counts, ids, 1)
                    places.append((position, len(ids)))
                    stream.write(ids.tobytes())
                    position += len(ids)
        np.asarray(places, dtype=np.int64).tofile(out / f"{language}.idx")


def our_shards(documents: Documents, pieces: tokenizer.TokenizersBackend, out: Path) -> None:
    """The library's own way where the tokenizer is known beforehand: one corpus, then the token store."""
    rules = (*RULES, too_few_pieces(pieces))
    corpus.build(documents, out / "corpus", rules, declare=documents, progress=False)
    tokens.write(out / "corpus", pieces, out / "tokens", heldout_share=0.0)


def our_shards_in_two_steps(documents: Documents, pieces: tokenizer.TokenizersBackend, out: Path) -> None:
    """Notebook 01's way, for a tokenizer that is trained between the rules: two corpora, ids kept by the second."""
    corpus.build(documents, out / "rules-1-4", declare=documents, progress=False)
    corpus.finish(out / "rules-1-4", out / "corpus", pieces, progress=False)
    tokens.write(out / "corpus", pieces, out / "tokens", heldout_share=0.0)


# 3. Timing.


def seconds(work: Callable[[], object]) -> float:
    """Like timeit, without the garbage collector: it would walk through all the benchmark's samples, not the arm's."""
    gc.collect()
    gc.disable()
    start = time.process_time()
    work()
    took = time.process_time() - start
    gc.enable()
    return took


def spread(values: Sequence[float]) -> dict[str, float]:
    rounded = [round(value, 3) for value in (statistics.median(values), min(values), max(values))]
    return dict(zip(("median", "least", "most"), rounded, strict=True))


def race(arms: dict[str, Callable[[], object]], size: float, rounds: int) -> dict[str, Any]:
    """All arms by turns, the order reversed each round; the first arm is the naive one."""
    times: dict[str, list[float]] = {arm: [] for arm in arms}
    for number in range(rounds):
        for arm in list(arms)[:: -1 if number % 2 else 1]:
            times[arm].append(seconds(arms[arm]))
    naive, *ours = times
    answer: dict[str, Any] = {f"{arm}_MB_per_s": spread([size / took for took in times[arm]]) for arm in arms}
    for arm in ours:
        answer[f"{arm}_ratio"] = spread([slow / quick for slow, quick in zip(times[naive], times[arm], strict=True)])
    return answer


def filters(rounds: int = ROUNDS, *, cold: bool = True, every: int = 1) -> dict[str, Any]:
    """All figures, by name of the text: see the module's docstring. ``every=4`` takes every fourth sample.

    Raises
    ------
    ValueError
        If naive and ours keep different samples or write different ids.
    """
    figures: dict[str, Any] = {"machine": machine(), "rounds": rounds, "every": every}
    with tempfile.TemporaryDirectory() as scratch:
        found, pieces = sources(Path(scratch))
        figures["vocabulary"] = len(pieces)
        together: Documents = {}
        for name, by_language in found.items():
            documents = {language: read(source)[::every] for language, source in by_language.items()}
            figures[name] = compare(documents, pieces, rounds)
            figures[name]["stages_MB_per_s"] = stages(by_language, documents, pieces, rounds)
            together |= documents
        figures["all"] = compare(together, pieces, rounds)
        figures["all"]["shards"] = compare_shards(together, pieces, rounds, Path(scratch))
    if cold:
        figures["all"]["filter_cold_ratio"] = spread([_cold("naive") / _cold("ours") for _ in range(3)])
    return figures


def compare(documents: Documents, pieces: tokenizer.TokenizersBackend, rounds: int) -> dict[str, Any]:
    """Rules 1 to 5, naive against ours, where both keep the same."""
    texts = [item.text for items in documents.values() for item in items]
    rules = (*RULES, too_few_pieces(pieces))
    left = kept(naive_filter(texts, pieces))
    if kept(our_filter(texts, rules)) != left:
        raise ValueError("the kept sets differ: no time is worth reporting")
    arms = {"naive": lambda: naive_filter(texts, pieces), "ours": lambda: our_filter(texts, rules)}
    size = megabytes(texts)
    figures = {"samples": len(texts), "MB": round(size, 3), "kept": len(left)}
    return {**figures, "filter": race(arms, size, rounds)}


def compare_shards(
    documents: Documents, pieces: tokenizer.TokenizersBackend, rounds: int, scratch: Path
) -> dict[str, Any]:
    """Filter and ids to shards, where all write the same ids."""
    ways = {"naive": naive_shards, "one_step": our_shards, "two_steps": our_shards_in_two_steps}
    arms = {arm: _fresh(write, documents, pieces, scratch / arm) for arm, write in ways.items()}
    for work in arms.values():
        work()
    for arm in ("one_step", "two_steps"):
        check_ids(documents, scratch / "naive", scratch / arm / "tokens")
    return race(arms, megabytes([item.text for items in documents.values() for item in items]), rounds)


def _fresh(write: Callable[..., None], documents: Documents, pieces: Any, out: Path) -> Callable[[], None]:
    def work() -> None:
        shutil.rmtree(out, ignore_errors=True)
        write(documents, pieces, out)

    return work


def check_ids(documents: Documents, naive: Path, ours: Path) -> None:
    for language in documents:
        for suffix in ("bin", "idx"):
            one, two = (folder / f"{language}.{suffix}" for folder in (naive, ours))
            if one.read_bytes() != two.read_bytes():
                raise ValueError(f"{two}: other ids or places than the naive way's")


def stages(
    by_language: dict[str, corpus.Source], documents: Documents, pieces: tokenizer.TokenizersBackend, rounds: int
) -> dict[str, Any]:
    """MB/s of each stage alone; of wikitext for reading and stripping, of text for the rest."""
    records = [record for source in by_language.values() for record in source]
    articles = [item for item in records if isinstance(item, Page) and not item.redirect and item.namespace == 0]
    texts = [item.text for items in documents.values() for item in items]
    passed = [text for text in map(plain_rules, texts) if text is not None]
    rule_5, remembered = too_few_pieces(pieces), WordIds(pieces)

    def all_ids(words: WordIds) -> None:
        for batch in batches(passed):
            words([tokenizer.sanitise(text) for text in batch])

    raw = megabytes([item.text for item in records if not isinstance(item, Quarantined)])
    size, left, wikitext = megabytes(texts), megabytes(passed), megabytes([item.text for item in articles])
    work: dict[str, tuple[float, Callable[[], object]]] = {
        "read": (raw, lambda: [record for source in by_language.values() for record in source]),
        "rules_1_to_4": (size, lambda: [apply(RULES, batch) for batch in batches(texts, OUR_BATCH)]),
        "rules_1_to_4_plain": (size, lambda: [plain_rules(text) for text in texts]),
        "rules_1_to_5": (size, lambda: our_filter(texts, (*RULES, rule_5))),
        "rule_5_plain": (left, lambda: [rule_5(text) for text in passed]),
        "tokens_each_word_new": (left, lambda: all_ids(WordIds(pieces))),
        "tokens_each_word_known": (left, lambda: all_ids(remembered)),
    }
    if articles:
        work["wikitext"] = (wikitext, lambda: [list(corpus.paragraphs(article)) for article in articles])
    all_ids(remembered)
    return {name: spread([mb / seconds(run) for _ in range(rounds)]) for name, (mb, run) in work.items()}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    versions = {name: runs._package_version(name) for name in ("tokenizers", "transformers", "pyarrow", "numpy")}
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {"cpu": cpu, "cores": os.cpu_count(), "load": load, "python": platform.python_version(), **versions}


def _cold(arm: str) -> float:
    """The first pass of a new process, its tables and sets included, imports and tokenizer apart."""
    command = [sys.executable, "-m", "benchmarks.filters", "--cold", arm]
    return float(subprocess.run(command, cwd=runs.REPOSITORY, capture_output=True, text=True, check=True).stdout)


def _run_cold(arm: str) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        found, pieces = sources(Path(scratch))
        texts = [item.text for by in found.values() for source in by.values() for item in read(source)]
    if arm == "naive":
        return seconds(lambda: naive_filter(texts, pieces))
    return seconds(lambda: our_filter(texts, (*RULES, too_few_pieces(pieces))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--every", type=int, default=1, help="take every n-th sample, for a busy machine")
    parser.add_argument("--cold", choices=("naive", "ours"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.cold:
        print(_run_cold(asked.cold))
        return
    figures = filters(asked.rounds, every=asked.every)
    path = runs.root() / "bench.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    runs.write_json(path, {**known, "filters": figures})
    print(json.dumps(figures, indent=1, ensure_ascii=False))
    print(f"written to {path}")


if __name__ == "__main__":
    main()

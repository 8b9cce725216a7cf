"""Token ids on disk, one file a language, any sample in O(1).

``<lang>.bin`` holds the ids of all samples one after another (uint32, without [CLS] and [SEP]); ``<lang>.idx``
a row ``(start, length)`` for each training sample, ``<lang>.heldout.idx`` for each held-out one (int64).
Parquet is for people, this is for training.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.parquet as pq
from filelock import FileLock
from numpy.typing import NDArray
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import runs, split
from unibert_lib import tokenizer as tokenizers
from unibert_lib.corpus.pieces import stored_ids
from unibert_lib.corpus.wordpieces import WordIds
from unibert_lib.progress import bar
from unibert_lib.split import PageSplit

Split = Literal["train", "heldout"]
FORMAT = 1
_META = {"languages": list, "vocab_size": int, "special_ids": dict, "fingerprint": str}


@dataclass(frozen=True)
class TokenStore:
    """A folder written by :func:`write`. Languages are numbered in the order of :attr:`languages`."""

    path: Path
    meta: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> TokenStore:
        """Raises ``ValueError`` where ``path`` holds no finished token store."""
        if not (path / "meta.json").exists():
            raise ValueError(f"{path}: no token store here; tokens.write(corpus, tokenizer, {path.name!r}) makes one")
        try:
            meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
            kind, missing = meta["format"], [name for name, kind in _META.items() if not isinstance(meta[name], kind)]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            reason = f"meta.json is broken ({error!r:.200})"
            raise ValueError(f"{path}: {reason}; remove the folder and write it again") from error
        if kind != FORMAT or missing:
            found = (
                f"{', '.join(missing)} of another type in meta.json" if missing else f"token store format {kind!r:.60}"
            )
            raise ValueError(f"{path}: {found}, this code reads {FORMAT}; remove the folder and write it again")
        return cls(path, meta)

    @property
    def languages(self) -> list[str]:
        return list(self.meta["languages"])

    @property
    def vocab_size(self) -> int:
        return int(self.meta["vocab_size"])

    @property
    def special_ids(self) -> dict[str, int]:
        return dict(self.meta["special_ids"])

    @property
    def fingerprint(self) -> str:
        return str(self.meta["fingerprint"])

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each id occurs in the training split, shape [vocab]."""
        return np.asarray(np.load(self.path / "counts.npy"))

    @cached_property
    def _rows(self) -> dict[tuple[Split, int], NDArray[np.int64]]:
        return {}

    @cached_property
    def _ids(self) -> dict[int, NDArray[np.uint32]]:
        return {}

    def rows(self, language: int, split: Split = "train") -> NDArray[np.int64]:
        """(start, length) of each sample, shape [samples, 2], memory-mapped."""
        key = (split, language)
        if key not in self._rows:
            suffix = "idx" if split == "train" else "heldout.idx"
            self._rows[key] = _map(self.path / f"{self.languages[language]}.{suffix}", np.int64).reshape(-1, 2)
        return self._rows[key]

    def sizes(self, split: Split = "train") -> NDArray[np.int64]:
        """Samples of each language, shape [languages]."""
        return np.array([len(self.rows(i, split)) for i in range(len(self.languages))], dtype=np.int64)

    def ids(self, language: int, index: int, split: Split = "train") -> NDArray[np.uint32]:
        """The ids of one sample, without [CLS] and [SEP]."""
        if language not in self._ids:
            self._ids[language] = _map(self.path / f"{self.languages[language]}.bin", np.uint32)
        start, length = self.rows(language, split)[index]
        return self._ids[language][start : start + length]


def _map(path: Path, kind: type) -> NDArray[Any]:
    if path.stat().st_size == 0:  # numpy cannot map an empty file
        return np.zeros(0, dtype=kind)
    return np.memmap(path, dtype=kind, mode="r")


def write(
    corpus_dir: Path,
    tokenizer: TokenizersBackend,
    out: Path,
    *,
    languages: Sequence[str] | None = None,
    heldout_share: float = 0.05,
    max_length: int = 512,
) -> TokenStore:
    """Tokenise a corpus into a :class:`TokenStore` at ``out``; a finished store of the same input is reopened.

    Samples longer than ``max_length`` less two (for [CLS] and [SEP]) are cut, and counted in the meta data.

    Raises
    ------
    ValueError
        If the corpus has no such language, or ``out`` holds a store made of something else.
    NotWritten
        If the disk is full; nothing is left of what was begun.

    Source: paper 3.1, footnote 5 (truncation to the context window); the layout is ours.
    """
    present = sorted(p.name for p in corpus_dir.iterdir() if p.is_dir() and any(p.glob("*.parquet")))
    chosen = list(languages) if languages is not None else present
    missing = [code for code in chosen if code not in present]
    if missing or not chosen:
        raise ValueError(
            f"{corpus_dir}: no text in {', '.join(missing) or 'any language'}; "
            f"it holds {', '.join(present) or 'nothing'}"
        )
    pieces = tokenizers.fingerprint(tokenizer)
    identity = {
        "languages": chosen,
        "corpus": runs.fingerprint(*[corpus_dir / code for code in chosen]),
        "tokenizer": pieces,
        "heldout_share": heldout_share,
        "max_length": max_length,
    }
    apart = split.of_corpus(corpus_dir, chosen, heldout_share)
    if apart.heldout or apart.training:  # other stores keep the fingerprint that they had before these were
        identity["exceptions"] = [sorted(apart.heldout), apart.training]
    mark = runs.fingerprint(identity)
    if (out / "meta.json").exists():
        store = TokenStore.open(out)
        if store.fingerprint != mark:
            raise ValueError(f"{out}: made from another corpus, tokenizer or split; remove it or choose another name")
        return store
    staging = out.with_name(f".{out.name}.staging")
    with runs.writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        waiting = FileLock(out.with_name(f".{out.name}.lock")).acquire()
    with waiting:  # of two that begin together one writes the store, and the other finds it
        if not (out / "meta.json").exists():
            shutil.rmtree(staging, ignore_errors=True)
            try:
                with runs.writing(out):
                    _write_store(corpus_dir, tokenizer, out, staging, identity, mark, apart)
            except runs.NotWritten:
                shutil.rmtree(staging, ignore_errors=True)
                raise
    return TokenStore.open(out)


def _write_store(
    corpus_dir: Path,
    tokenizer: TokenizersBackend,
    out: Path,
    staging: Path,
    identity: dict[str, Any],
    mark: str,
    apart: PageSplit,
) -> None:
    staging.mkdir(parents=True)
    chosen, limit = identity["languages"], identity["max_length"] - 2
    counts, words = np.zeros(len(tokenizer), dtype=np.int64), WordIds(tokenizer)
    stored = stored_ids(corpus_dir, chosen, identity["tokenizer"])
    statistics = {
        code: _write_language(corpus_dir / code, code, words, stored.get(code), staging, counts, apart, limit)
        for code in bar(chosen, desc="tokens", unit="language")
    }
    np.save(staging / "counts.npy", counts)
    special = {name: tokenizer.convert_tokens_to_ids(name) for name in tokenizers.SPECIAL_IDS}
    meta = {
        "format": FORMAT,
        "fingerprint": mark,
        "vocab_size": len(tokenizer),
        "special_ids": special,
        "statistics": statistics,
    }
    runs.write_json(staging / "meta.json", {**identity, **meta})
    shutil.rmtree(out, ignore_errors=True)  # a store without meta.json was never finished
    os.replace(staging, out)


def _write_language(
    source: Path,
    code: str,
    words: WordIds,
    stored: Path | None,
    out: Path,
    counts: NDArray[np.int64],
    apart: PageSplit,
    limit: int,
) -> dict[str, int]:
    position = truncated = unknown = 0
    rows: dict[Split, list[NDArray[np.int64]]] = {"train": [], "heldout": []}
    own = np.zeros(len(counts), dtype=np.int64)
    with (out / f"{code}.bin").open("wb") as stream:
        for pages, ids, lengths in _batches(source, words, stored):
            cut = np.minimum(lengths, limit)
            if (cut < lengths).any():
                truncated += int((cut < lengths).sum())
                within = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
                ids = ids[within < limit]
            stream.write(ids.tobytes())
            places = np.stack([position + np.cumsum(cut) - cut, cut], axis=1)
            position += len(ids)
            unknown += int((ids == words.unknown).sum())
            out_of_training = np.array([apart.holds_out(page, code) for page in pages], dtype=bool)
            rows["heldout"].append(places[out_of_training])
            rows["train"].append(places[~out_of_training])
            own += np.bincount(ids[np.repeat(~out_of_training, cut)], minlength=len(own))
    for parts, suffix in ((rows["train"], "idx"), (rows["heldout"], "heldout.idx")):
        np.concatenate([np.zeros((0, 2), dtype=np.int64), *parts]).tofile(out / f"{code}.{suffix}")
    counts += own
    sizes = {"samples": sum(map(len, rows["train"])), "heldout_samples": sum(map(len, rows["heldout"]))}
    frequent = {"most_frequent": int(own.argmax()), "unknown_tokens": unknown, "truncated": truncated}
    return {**sizes, "tokens": position, **frequent}


def _batches(
    source: Path, words: WordIds, stored: Path | None, size: int = 2000
) -> Iterator[tuple[list[str], NDArray[np.uint32], NDArray[np.int64]]]:
    """Pages, ids end to end and lengths: from where rule 5 left the ids, else from the tokenizer."""
    known = None if stored is None else _map(stored, np.uint32)
    at = 0
    for file in sorted(source.glob("*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(size, columns=["page", "text" if known is None else "pieces"]):
            pages, column = batch.column("page").to_pylist(), batch.column(1)
            if known is None:
                yield pages, *words(column.to_pylist())
                continue
            lengths = column.to_numpy().astype(np.int64)
            end = at + int(lengths.sum())
            if end > len(known):
                raise ValueError(f"{stored}: fewer ids than {file} counts; remove {source} and run corpus.finish again")
            yield pages, known[at:end], lengths
            at = end

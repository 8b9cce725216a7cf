"""The corpus, its tokenizer and its tokens: made where the embedded default lacks them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import atlas, corpus, languages, runs, tokenizer, tokens
from unibert_lib.budgets import budget
from unibert_lib.config import nearest
from unibert_lib.corpus.filters import RULES_WITHOUT_JOINERS, Rule
from unibert_lib.parameters import CorpusParameters, PretrainParameters
from unibert_lib.runs import Run
from unibert_lib.tokens import TokenStore

EMBEDDED = "atlas"


class MissingInput(ValueError):
    """An input that is not there and is not ours to make; the message names the command which makes it."""


def corpus_parameters(params: CorpusParameters | PretrainParameters) -> CorpusParameters:
    """The corpus that a notebook's parameters ask for."""
    if isinstance(params, CorpusParameters):
        return params
    return CorpusParameters(budget=params.budget, seed=params.seed, runs=params.runs)  # all twelve, as 01 makes it


def open_corpus(params: CorpusParameters) -> Run:
    """The run folder of a corpus: equal parameters and equal sources meet in the same one."""
    sources = {"atlas": _atlas_mark()}
    if params.source != EMBEDDED:
        sources = {"source": runs.fingerprint(_existing(params.source))}
    pages = {"pages": budget(params.budget).pages} if params.source == EMBEDDED else {}
    identity = {
        "source": params.source,
        "languages": params.languages,
        "tokenizer": params.tokenizer,
        "vocab_size": params.pieces if params.tokenizer == "train" else None,
        "tokenizer_recipe": tokenizer.RECIPE if params.tokenizer == "train" else None,
        "minimum_pieces": params.minimum_pieces,
        "keep_joiners": params.keep_joiners,
        "seed": params.seed if params.source == EMBEDDED else None,
        **pages,
    }
    identity |= {} if params.strict else {"strict": False}
    label = (
        f"{EMBEDDED}-{params.budget}" if params.source == EMBEDDED else re.sub(r"\W+", "-", Path(params.source).name)
    )
    return runs.open_run("corpus", params.name, identity, sources, params.runs, label=label)


def documents(params: CorpusParameters) -> dict[str, corpus.Source]:
    """Documents by language, lazily: from Atlas's dumps, written first if need be, or from ``params.source``."""
    if params.source == EMBEDDED:
        return corpus.open_folder(atlas_dumps(params), params.languages or None)
    return corpus.open_folder(_existing(params.source), params.languages or None, strict=params.strict)


def atlas_dumps(params: CorpusParameters) -> Path:
    """The folder of the embedded encyclopedia's dumps."""
    chosen, pages = params.languages or languages.ATLAS_LANGUAGES, budget(params.budget).pages
    mark = {"atlas": _atlas_mark()}
    run = runs.open_run(
        "atlas",
        None,
        {"languages": chosen, "pages": pages, "seed": params.seed},
        mark,
        params.runs,
        label="dumps",
    )
    with run:
        if not run.done:
            print(f"writing the embedded encyclopedia's dumps to {runs.short(run.path)}")
            atlas.write_dumps(run.path, languages=chosen, seed=params.seed, pages=pages)
            run.finish()
    return run.path


def ensure_corpus(params: CorpusParameters | PretrainParameters) -> Path:
    """A finished corpus with its tokenizer beside it (``<corpus>/tokenizer``).

    Raises
    ------
    MissingInput
        If the parameters name a corpus that notebook 01 has not made yet.

    Source: paper 3.1; the order for a trained tokenizer (rules 1-4, tokenizer, rule 5) is ours.
    """
    if isinstance(params, PretrainParameters) and params.corpus != EMBEDDED:
        return _made_corpus(params)
    wanted = corpus_parameters(params)
    run = open_corpus(wanted)
    with run:
        if not run.done:
            print(f"making the corpus {runs.short(run.path)}")
            first, workers = run.path / "rules-1-4", wanted.workers
            corpus.build(documents(wanted), first, rules_1_to_4(wanted), workers=workers)
            pieces = _tokenizer(wanted, run.path)
            report = corpus.finish(first, run.path, pieces, minimum=wanted.minimum_pieces, workers=workers)
            run.finish({"languages": list(report.languages)})
        elif wanted is params:  # notebook 01; whoever needs a corpus for something else does not ask about it
            run.say_done()
    return run.path


def _tokenizer(params: CorpusParameters, path: Path) -> TokenizersBackend:
    """The corpus's tokenizer, loaded or trained, and kept in the corpus's folder."""
    folder = path / "tokenizer"
    if (folder / "tokenizer.json").exists():
        return tokenizer.load(folder)
    if params.tokenizer == "train":
        made = tokenizer.train(_texts(path / "rules-1-4"), params.pieces)
    else:
        made = tokenizer.load(params.tokenizer, params.tokenizer_revision)
    staging = path / ".tokenizer.staging"  # a kill in the midst of saving leaves no half of it under its name
    shutil.rmtree(staging, ignore_errors=True)
    made.save_pretrained(staging)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(staging, folder)
    return made


def ensure_tokenizer(params: CorpusParameters | PretrainParameters) -> Path:
    """The folder of the corpus's tokenizer; in the middle of notebook 01 only rules 1-4 need to be done."""
    if isinstance(params, CorpusParameters):
        run = open_corpus(params)
        if (run.path / "rules-1-4" / "report.json").exists():
            _tokenizer(params, run.path)
            return run.path / "tokenizer"
    return ensure_corpus(params) / "tokenizer"


def ensure_tokens(params: PretrainParameters) -> TokenStore:
    """The corpus as a token store."""
    source = ensure_corpus(params)
    pieces = tokenizer.load(source / "tokenizer")
    chosen = params.trained_languages or None
    mark = runs.fingerprint([list(params.trained_languages), params.heldout_share])[:8]
    name = source.name if not chosen and params.heldout_share == 0.05 else f"{source.name}-{mark}"
    return tokens.write(
        source,
        pieces,
        runs.root(params.runs) / "tokens" / name,
        languages=chosen,
        heldout_share=params.heldout_share,
    )


def _atlas_mark() -> str:
    """The fingerprint of what makes the dumps; the task files (``data/atlas/tasks``) do not change a corpus."""
    folder = runs.REPOSITORY / "data" / "atlas"
    return runs.fingerprint(*sorted(file for file in folder.iterdir() if file.suffix in (".csv", ".toml")))


def rules_1_to_4(params: CorpusParameters) -> tuple[Rule, ...]:
    return corpus.RULES if params.keep_joiners else RULES_WITHOUT_JOINERS


def _texts(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*/part-*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(columns=["text"]):
            yield from batch.column("text").to_pylist()


def _made_corpus(params: PretrainParameters) -> Path:
    folder = runs.root(params.runs) / "corpus"
    path = folder / params.corpus
    if not (path / "DONE").exists():
        there = [p.parent.name for p in sorted(folder.glob("*/DONE"))]
        raise MissingInput(
            f"no finished corpus {params.corpus!r} in {folder} ({nearest(params.corpus, [*there, EMBEDDED])}). "
            f"Make it: papermill 01_corpus.ipynb out.ipynb -p source FOLDER_OF_DUMPS -p name {params.corpus}"
        )
    return path


def _existing(source: str) -> Path:
    path = Path(source).expanduser()
    if not path.exists():
        raise MissingInput(
            f"source={source!r}: no such file or folder. "
            "Give a dump, a folder of dumps, sentences or parquet, or 'atlas'"
        )
    return path.resolve()

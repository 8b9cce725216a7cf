"""What a notebook makes when it is missing: the ``ensure_*`` of the embedded default.

On the embedded default (Atlas) each of them makes its input and says so; for anything else a missing input
is an error that names the command which makes it. Nothing else in the library imports :mod:`atlas`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
from transformers import BertForMaskedLM, PreTrainedModel
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from unibert_lib import atlas, corpus, languages, pretrain, runs, student, teacher, tokenizer, tokens
from unibert_lib.config import PretrainConfig, nearest, objective
from unibert_lib.corpus.filters import RULES_WITHOUT_JOINERS, Rule
from unibert_lib.parameters import CorpusParameters, PretrainParameters, budget
from unibert_lib.runs import Run
from unibert_lib.student import INTERMEDIATE_SIZE, Size
from unibert_lib.tokens import TokenStore

EMBEDDED = "atlas"
# Ours: the embedded teacher is slim and quick, so that it sees several times as many tokens as its students do
# in the same minutes, which makes it the better model of Atlas.
TEACHER = student.Size(num_hidden_layers=2, hidden_size=128, num_attention_heads=4)
TEACHER_INTERMEDIATE = 512
TEACHER_OPTIONS = {"learning_rate": 2e-3, "epsilon": 1e-6}


class MissingInput(ValueError):
    """An input that is not there and is not ours to make; the message names the command which makes it."""


def corpus_parameters(params: CorpusParameters | PretrainParameters) -> CorpusParameters:
    """The corpus that a notebook's parameters ask for."""
    if isinstance(params, CorpusParameters):
        return params
    return CorpusParameters(budget=params.budget, seed=params.seed, runs=params.runs)  # all twelve, as 01 makes it


def open_corpus(params: CorpusParameters) -> Run:
    """The run folder of a corpus: equal parameters and equal sources meet in the same one."""
    sources = {"atlas": runs.fingerprint(runs.REPOSITORY / "data" / "atlas")}
    if params.source != EMBEDDED:
        sources = {"source": runs.fingerprint(_existing(params.source))}
    pages = {"pages": budget(params.budget).pages} if params.source == EMBEDDED else {}
    identity = {
        "source": params.source,
        "languages": params.languages,
        "tokenizer": params.tokenizer,
        "vocab_size": params.pieces if params.tokenizer == "train" else None,
        "minimum_pieces": params.minimum_pieces,
        "keep_joiners": params.keep_joiners,
        "seed": params.seed if params.source == EMBEDDED else None,
        **pages,
    }
    label = (
        f"{EMBEDDED}-{params.budget}" if params.source == EMBEDDED else re.sub(r"\W+", "-", Path(params.source).name)
    )
    return runs.open_run("corpus", params.name, identity, sources, params.runs, label=label)


def documents(params: CorpusParameters) -> dict[str, corpus.Source]:
    """Documents by language, lazily: from Atlas's dumps, written first if need be, or from ``params.source``."""
    if params.source == EMBEDDED:
        return corpus.open_folder(atlas_dumps(params), params.languages or None)
    return corpus.open_folder(_existing(params.source), params.languages or None)


def atlas_dumps(params: CorpusParameters) -> Path:
    """The folder of the embedded encyclopedia's dumps."""
    chosen, pages = params.languages or languages.ATLAS_LANGUAGES, budget(params.budget).pages
    mark = {"atlas": runs.fingerprint(runs.REPOSITORY / "data" / "atlas")}
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
            print(f"writing the embedded encyclopedia's dumps to {run.path}")
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
            print(f"making the corpus {run.path}")
            corpus.build(documents(wanted), run.path / "rules-1-4", rules_1_to_4(wanted))
            pieces = _tokenizer(wanted, run.path)
            report = corpus.finish(run.path / "rules-1-4", run.path, pieces, minimum=wanted.minimum_pieces)
            run.finish({"languages": list(report.languages)})
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
    made.save_pretrained(folder)
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


def ensure_teacher(params: PretrainParameters) -> Path:
    """The embedded teacher, trained by masked language modelling alone on the embedded corpus, and cached.

    A teacher that is a folder or a hub id is loaded by :func:`teacher.load` and needs no making.

    Raises
    ------
    MissingInput
        If the corpus is not the embedded one: its teacher is a run of its own.
    """
    if params.corpus != EMBEDDED:
        raise MissingInput(
            f"teacher='embedded' belongs to the embedded corpus, and corpus={params.corpus!r}. Give a folder or a hub "
            f"id with -p teacher, or make one: papermill 03_pretrain.ipynb out.ipynb -p corpus {params.corpus} "
            f"-p teacher none -p adversary off -p size xsmall -p name {params.corpus}-teacher, "
            f"and then give -p teacher {params.corpus}-teacher"
        )
    b, store = budget(params.budget), ensure_tokens(params)
    alone = objective(
        "recommended",
        mlm_weight=1.0,
        adversary="off",
        adversary_weight=0.0,
        distillation_weight=0.0,
        **TEACHER_OPTIONS,
    )
    config = PretrainConfig(
        objective=alone,
        steps=b.teacher_steps,
        batch_size=b.teacher_batch_size,
        max_length=b.max_length,
        seed=params.seed,
        checkpoint_every=b.checkpoint_every,
        evaluate_every=b.teacher_steps,
        gradient_norms_every=b.teacher_steps,
        initialisation=params.initialisation,
        dropout=b.dropout,
        device=params.device,
        precision=params.precision,
    )
    inputs = {"tokens": store.fingerprint, "size": f"{TEACHER}, intermediate {TEACHER_INTERMEDIATE}"}
    run = runs.open_run("pretrain", None, config, inputs, params.runs, label=f"teacher-{params.budget}")
    if not run.done:
        print(f"training the embedded teacher ({config.steps} steps) in {run.path}")
        made = new_student(TEACHER, store, config, TEACHER_INTERMEDIATE)
        pretrain.pretrain(
            config, store, {"teacher": made}, None, run, tokenizer=tokenizer.load(ensure_tokenizer(params))
        )
    return run.path / "model"


def open_teacher(params: PretrainParameters) -> Path | str | None:
    """Where the teacher lies: made here, a run's name, a folder or hub id, or None for ``none``."""
    if params.teacher == "none":
        return None
    if params.teacher == "embedded":
        return ensure_teacher(params)
    made = runs.root(params.runs) / "pretrain" / params.teacher
    if made.is_dir():
        if not (made / "DONE").exists():
            raise MissingInput(f"{made}: this teacher's training has not finished; run its command again to resume it")
        return made / "model"
    return params.teacher


def load_teacher(params: PretrainParameters) -> PreTrainedModel | None:
    source = open_teacher(params)
    return (
        None
        if source is None
        else teacher.load(source, tokenizer.load(ensure_tokenizer(params)), params.teacher_revision)
    )


def ensure_student(params: PretrainParameters, **changes: object) -> dict[str, Path]:
    """Pretrained students by size, trained now where they are missing; ``changes`` replace single parameters.

    Source: paper 3.3, 3.4.
    """
    params = changed(params, **changes)
    store, guide = ensure_tokens(params), load_teacher(params)
    config, run = params.pretrain_config, open_student(params)
    made = {size: new_student(size, store, config) for size in params.sizes}
    return pretrain.pretrain(config, store, made, guide, run, tokenizer=tokenizer.load(ensure_tokenizer(params)))


def changed(params: PretrainParameters, **changes: object) -> PretrainParameters:
    """The same parameters with some replaced, checked anew."""
    return dataclasses.replace(params, **changes)  # type: ignore[arg-type]


def new_student(
    size: str | Size, store: TokenStore, config: PretrainConfig, intermediate_size: int = INTERMEDIATE_SIZE
) -> BertForMaskedLM:
    """An untrained student for a store's vocabulary."""
    return student.build(
        size,
        store.vocab_size,
        intermediate_size,
        config.seed,
        initialisation=config.initialisation,
        counts=store.counts,
        dropout=config.dropout,
    )


def open_student(params: PretrainParameters) -> Run:
    """The run folder that these parameters' students belong in."""
    store, source = ensure_tokens(params), open_teacher(params)
    mark = runs.fingerprint(source) if isinstance(source, Path) else f"{source}@{params.teacher_revision}"
    inputs = {"tokens": store.fingerprint, "teacher": mark, "sizes": "+".join(params.sizes)}
    label = f"{params.size}-{params.objective.preset}-{params.objective.adversary}"
    return runs.open_run("pretrain", params.name, params.pretrain_config, inputs, params.runs, label=label)


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

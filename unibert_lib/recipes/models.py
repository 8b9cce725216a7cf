"""Teachers and students: trained where they are missing, opened where they are there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from transformers import BertForMaskedLM, PreTrainedModel

from unibert_lib import pretrain, processes, runs, student, teacher, teacher_cache, teacher_pass, tokenizer, workers
from unibert_lib.budgets import budget
from unibert_lib.config import PretrainConfig, objective
from unibert_lib.interrupts import resumable
from unibert_lib.parameters import PretrainParameters
from unibert_lib.recipes.corpora import EMBEDDED, MissingInput, ensure_tokenizer, ensure_tokens
from unibert_lib.runs import Run
from unibert_lib.student import INTERMEDIATE_SIZE, Size
from unibert_lib.teacher_cache import TeacherCache
from unibert_lib.tokens import TokenStore

# Ours: the embedded teacher is slim and quick, so that it sees several times as many tokens as its students do
# in the same minutes, which makes it the better model of Atlas.
TEACHER = student.Size(num_hidden_layers=2, hidden_size=128, num_attention_heads=4)
TEACHER_INTERMEDIATE = 512
TEACHER_OPTIONS = {"learning_rate": 2e-3, "epsilon": 1e-6}


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
        if processes.rank() == 0:
            print(f"training the embedded teacher ({config.steps} steps) in {runs.short(run.path)}")
        made = new_student(TEACHER, store, config, TEACHER_INTERMEDIATE)
        _pretrain(params, config, store, {"teacher": made}, None, run)
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


@resumable(lambda: "what was finished is kept")
def ensure_student(params: PretrainParameters, **changes: object) -> dict[str, Path]:
    """Pretrained students by size, trained now where they are missing; ``changes`` replace single parameters.

    With ``num_processes`` above 1 this process makes what training needs, and starts that many to train.

    Source: paper 3.3, 3.4.
    """
    params = changed(params, **changes)
    if params.num_processes > 1 and not processes.launched():
        run = open_student(params)
        if run.done:
            run.say_done()
        else:
            workers.start(params.num_processes, "unibert_lib.train", runs.plain(params))
        return pretrain.model_folders(run, params.sizes)
    store, guide = ensure_tokens(params), load_teacher(params)
    config, run = params.pretrain_config, open_student(params)
    if run.done and processes.rank() == 0:
        run.say_done()
    made = {size: new_student(size, store, config) for size in params.sizes}
    cache = None if run.done else ensure_teacher_cache(params, store, guide)
    return _pretrain(params, config, store, made, guide, run, cache)


def ensure_teacher_cache(
    params: PretrainParameters, store: TokenStore, guide: PreTrainedModel | None
) -> TeacherCache | None:
    """The teacher's likeliest pieces for this run's batches, worked out where they are missing; None without ``k``.

    Runs with the same batches and the same teacher share one, whatever else differs.
    """
    k, config = params.teacher_cache_k, params.pretrain_config
    if not k or guide is None:
        return None
    made_of = teacher_cache.identity(store, config, guide, k)
    run = runs.open_run("teacher-cache", None, made_of, {}, params.runs, label=f"top{k}")
    with run if processes.rank() == 0 else nullcontext():
        return teacher_pass.make(store, config, guide, k, run)


def _pretrain(
    params: PretrainParameters,
    config: PretrainConfig,
    store: TokenStore,
    students: Mapping[str, BertForMaskedLM],
    guide: PreTrainedModel | None,
    run: Run,
    cache: TeacherCache | None = None,
) -> dict[str, Path]:
    pieces = tokenizer.load(ensure_tokenizer(params))
    anyway = params.allow_other_machine
    return pretrain.pretrain(
        config, store, students, guide, run, tokenizer=pieces, cache=cache, allow_other_machine=anyway
    )


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
    inputs |= {"teacher_cache": f"top {params.teacher_cache_k}, fp16"} if params.teacher_cache_k else {}
    label = f"{params.size}-{params.objective.preset}-{params.objective.adversary}"
    return runs.open_run("pretrain", params.name, params.pretrain_config, inputs, params.runs, label=label)

"""A task's data and model: Atlas's files written on the spot, or a folder of genuine ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from unibert_lib import atlas, finetune, languages, runs
from unibert_lib.finetune import Encoder
from unibert_lib.recipes.corpora import EMBEDDED, MissingInput
from unibert_lib.recipes.models import ensure_student
from unibert_lib.runs import Run
from unibert_lib.task_parameters import LegalParameters, NliParameters, QaParameters, StsParameters, TaskParameters
from unibert_lib.tasks import folders, ner, nli, qa, sts
from unibert_lib.tasks.dataset import TaskSet, spoken
from unibert_lib.tasks.fit import FineTuning
from unibert_lib.tasks.remarks import remarks as about
from unibert_lib.tasks.task import Task


def ensure_task_data(params: TaskParameters) -> Path:
    """The folder of a task's files: Atlas's, written first if need be, or the one that ``data`` names.

    Raises
    ------
    MissingInput
        If the folder is not there.

    Source: ours.
    """
    if params.data != EMBEDDED:
        return _existing(params.data)
    languages.check(params.languages, languages.ATLAS_LANGUAGES)
    mark = {"atlas": runs.fingerprint(runs.REPOSITORY / "data" / "atlas")}
    run = runs.open_run("atlas", None, {"tasks": "all", "seed": params.seed}, mark, params.runs, label="tasks")
    with run:
        if not run.done:
            print(f"writing the embedded task files to {runs.short(run.path)}")
            atlas.write_tasks(run.path, seed=params.seed)
            run.finish()
    return run.path / ("legal" if params.task == "legal_ner" else params.task)


def task_set(params: TaskParameters) -> TaskSet:
    """The data set that the parameters ask for; remarks on its splits, bad records, overlap and labels are printed.

    A small budget shortens training and development data, and the tests of Atlas. A genuine test is scored whole at
    every budget, or its score would be of another test; to save time, ask for fewer languages.

    Raises
    ------
    ValueError
        If a language that was asked for has no data, or none of them has a test.

    Source: ours.
    """
    options: dict[str, Any] = {}
    folder = ensure_task_data(params)
    if isinstance(params, LegalParameters):
        options["level"] = params.level
    if isinstance(params, StsParameters):
        options["articles"] = params.articles or (folder / "articles" if params.data == EMBEDDED else None)
    elsewhere = None if params.test_data is None else _existing(params.test_data)
    found, remarks = folders.open_folder(
        params.task, folder, params.chosen_languages, test_folder=elsewhere, seed=params.seed, **options
    )
    if params.data == EMBEDDED:
        found = replace(found, name=EMBEDDED if elsewhere is None else found.name, train_name=EMBEDDED)
    found.check(params.chosen_languages or tuple(found.test))
    for remark in (*remarks, *about(found)):
        print(f"{found.name}: {remark}")
    limits, classroom = params.limits, params.data == EMBEDDED and elsewhere is None
    return found.limited(limits.train_records, limits.test_records, limits.test_records if classroom else None)


def make_task(params: TaskParameters, data: TaskSet) -> Task:
    """The task with the parameters' options, and the scale of the data's scores.

    Source: ours.
    """
    if isinstance(params, QaParameters):
        return qa.Qa(max_length=params.length, stride=params.stride)
    if isinstance(params, StsParameters):
        scores = [record for part in data.train.values() for record in part]
        return sts.Sts(max_length=params.length, mode=params.mode, head=params.head, highest=sts.scale_of(scores))
    if isinstance(params, NliParameters):
        return nli.Nli(max_length=params.length, head=params.head)
    kinds: dict[str, Callable[..., Task]] = {"ner": ner.Ner, "legal_ner": ner.LegalNer}
    return kinds[params.task](max_length=params.length)


def fine_tuning(params: TaskParameters, under: Encoder) -> FineTuning:
    """How each cell is trained; a student of the scaled initialisation keeps its smaller steps.

    Source: ours.
    """
    limits = params.limits
    return FineTuning(
        learning_rates=params.rates,
        batch_size=params.batch_size or limits.batch_size,
        epochs=params.epochs or limits.epochs,
        steps=params.fixed_steps,
        control=params.control,
        smaller_wide_steps=under.scaled,
        device=params.device,
        precision=params.precision,
    )


def pretrained(params: TaskParameters) -> Encoder:
    """The model to fine-tune: 03's student (trained now if missing), a run's name, a folder, or a hub id.

    Raises
    ------
    MissingInput
        If a run of that name has not finished.

    Source: ours.
    """
    if params.model == "pretrained":
        folder = ensure_student(params.student)[params.size]
        return finetune.encoder(folder, f"{params.size} ({params.budget})")
    made = runs.root(params.runs) / "pretrain" / params.model
    if Path(params.model).name == params.model and made.is_dir():
        if not (made / "DONE").exists():
            raise MissingInput(f"{made}: this pretraining has not finished; run its command again to resume it")
        return finetune.encoder(made / "model", params.model)
    return finetune.encoder(params.model, revision=params.model_revision)


def task_languages(params: TaskParameters, data: TaskSet) -> tuple[str, ...]:
    """The languages of the matrix: those asked for, else all that the data is trained or tested on.

    :func:`unibert_lib.finetune.scored` says which of them get a score in which setting: with training data in English
    alone (zero-shot), ``each`` has one model, and ``all`` is tested on every test language.

    Source: ours.
    """
    return params.chosen_languages or tuple(
        sorted(code for code in {*data.train, *data.test} if len(spoken(code)) == 1)
    )


def task_run(params: TaskParameters, under: Encoder, data: TaskSet) -> Run:
    """The run folder of a matrix. Further seeds and settings join it; anything else that changes makes another.

    Source: ours.
    """
    identity = {
        "task": {"kind": params.task, **runs.plain(make_task(params, data))},
        "data": (data.name, data.train_name),
        "languages": task_languages(params, data),
        "model": under.name,
        "training": fine_tuning(params, under),
    }
    inputs = {"model": under.sha, "data": runs.fingerprint(sorted(data.marks.values()))}
    return runs.open_run(
        "finetune", params.name, identity, inputs, params.runs, label=f"{params.task}-{data.name.replace('/', '-')}"
    )


def _existing(folder: str) -> Path:
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise MissingInput(f"data={folder!r}: no such folder. Give the folder of the task's files, or 'atlas'")
    return path.resolve()

"""One readable loop: batch -> teacher -> each student's three losses -> step -> log -> checkpoint."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import BertForMaskedLM, PreTrainedModel
from transformers.tokenization_utils_tokenizers import TokenizersBackend
from transformers.utils import logging as hf_logging

from unibert_lib import checkpoint, encoder, evaluate, modelcard, processes, terms, trainee
from unibert_lib import record as figures
from unibert_lib.batches import IGNORE_INDEX, Batch, fill, make_batch
from unibert_lib.blockwise import Counts
from unibert_lib.config import ObjectiveConfig, PretrainConfig
from unibert_lib.interrupts import Deferred, resumable
from unibert_lib.journal import Journal
from unibert_lib.processes import open_accelerator as open_accelerator
from unibert_lib.progress import bar
from unibert_lib.runs import Run, RunError, short
from unibert_lib.teacher_cache import TeacherCache
from unibert_lib.tokens import TokenStore
from unibert_lib.trainee import Trainee

FILL = 512  # ours: a GPU's packed batches hold a multiple of this many tokens, so that it sees few different shapes
hf_logging.disable_progress_bar()  # saving one shard needs no bar between ours


def pretrain(
    config: PretrainConfig,
    store: TokenStore,
    students: Mapping[str, BertForMaskedLM],
    teacher: PreTrainedModel | None,
    run: Run,
    *,
    tokenizer: TokenizersBackend | None = None,
    cache: TeacherCache | None = None,
    allow_other_machine: bool = False,
) -> dict[str, Path]:
    """Train every student from the same batches and one teacher pass; resume where a checkpoint lies.

    Returns each student's folder, which ``AutoModelForMaskedLM.from_pretrained`` loads (and
    ``AutoTokenizer`` where ``tokenizer`` was given): ``model`` for one student, ``model-<name>`` for several.
    ``metrics.jsonl`` gets one row a step and student, ``evaluation.jsonl`` one a language and evaluation.
    A finished run is returned as it is. Ctrl-C and SIGTERM end it after the step at hand, with a checkpoint. Under
    torchrun each process takes its share of every batch, and the first alone evaluates and writes. With ``cache``
    the teacher's answers are read from there in training.

    Raises
    ------
    TrainingError
        If a loss is NaN or infinite, or gradients overflow ``config.max_bad_steps`` times in a row.
    CheckpointError, RunError, NotWritten, TeacherCacheError
        If checkpoints exist but none is valid, another process holds the run, the run was begun with another number
        of threads or processes, device or torch and ``allow_other_machine`` is not set (the result then depends on
        where it was resumed), the teacher's vocabulary is another, ``cache`` is of another run, or the disk is full.

    Source: paper 3.3 and 3.4.
    """
    folders, leads = model_folders(run, list(students)), processes.rank() == 0
    saved = resumable(lambda: _saved(run.path, config))
    with saved, run if leads else nullcontext():
        if run.done:
            return folders
        if teacher is not None and teacher.config.vocab_size != store.vocab_size:
            raise RunError(
                f"the teacher has {teacher.config.vocab_size} word pieces, the token store {store.vocab_size}; "
                "tokenise the corpus with the teacher's tokenizer, or take another teacher"
            )
        accelerator = open_accelerator(config)
        if teacher is not None:
            if cache is not None:
                cache.check(store, config, teacher)
            teacher = teacher.to(accelerator.device).eval().requires_grad_(False)
        made = [trainee.make(name, model.to(accelerator.device), store, config) for name, model in students.items()]
        here = _machine(accelerator)
        start = _resume(run.path, made, here, allow_other_machine)
        processes.agree("the run or the step it resumes at", (run.fingerprint, store.fingerprint, start))
        diary = Journal(run.path, start) if leads else nullcontext()
        random = torch.random.fork_rng(devices=_cuda(accelerator))
        with Deferred() as interrupts, diary as journal, random:
            if journal and start == 0:
                _evaluate(made, teacher, store, config, 0, journal)
            left, name = range(start, config.steps), "+".join(students)
            if config.objective.adversary == "off" and teacher is not None:
                name += " without adversary"  # a twin's bar stands below its sister's
            shown = bar(left, name, config.steps, initial=start, unit="step", disable=not leads)
            for step in shown:
                records = _step(step, made, teacher, cache, store, config, accelerator)
                done, stopping = step + 1, processes.any_of(interrupts.asked, accelerator.device)
                if journal:
                    journal.metrics(records)
                    shown.set_postfix_str(_summary(records), refresh=False)
                    if done % config.evaluate_every == 0 or done == config.steps:
                        _evaluate(made, teacher, store, config, done, journal)
                    if done % config.checkpoint_every == 0 or done == config.steps or stopping:
                        journal.flush()
                        _save(run.path, done, made, here, config)
                if stopping:
                    processes.wait()  # until the checkpoint is there
                    interrupts.obey()
                    raise RunError(
                        f"stopped after step {step} with another process; the same command goes on from there"
                    )
        if leads:
            for one in made:
                modelcard.export(one, folders[one.name], run, store, config, tokenizer)
            run.finish({"steps": config.steps, "models": {name: path.name for name, path in folders.items()}})
        processes.wait()  # whoever asks next finds the run finished
    return folders


def model_folders(run: Run, names: Sequence[str]) -> dict[str, Path]:
    """Where each student of a run ends."""
    return {name: run.path / ("model" if len(names) == 1 else f"model-{name}") for name in names}


def _step(
    step: int,
    made: list[Trainee],
    teacher: PreTrainedModel | None,
    cache: TeacherCache | None,
    store: TokenStore,
    config: PretrainConfig,
    accelerator: Accelerator,
) -> list[dict[str, Any]]:
    """One batch through the teacher once and through every student: the training step on one screen."""
    began = time.perf_counter()
    rank = processes.rank()
    batch = make_batch(store, config.batch, config.seed, step, rank, processes.size())
    batch = (fill(batch, FILL) if accelerator.device.type == "cuda" else batch).to(accelerator.device)
    masked = batch.labels != IGNORE_INDEX
    rows = masked if teacher is None else distilled_tokens(batch, config.objective)  # the masked are among these
    labels, whole = batch.labels[rows], figures.whole(batch, rows, store)
    counts = Counts(1 if config.objective.mlm_reduction == "sum" else whole.masked, whole.distilled)
    norms, fused = step % config.gradient_norms_every == 0, terms.can_fuse(config, cached=cache is not None)
    expected: Any = None
    if cache is not None:
        top = cache.read(step, config.objective.teacher_top_k, rank, processes.size())
        expected = terms.TopK(*(part.to(accelerator.device) for part in top))
    elif teacher is not None:
        with torch.no_grad(), accelerator.autocast():
            hidden = encoder.encode(teacher, batch, rows, compiled=config.compile)
            expected = terms.transformed(teacher, hidden) if fused else encoder.head(teacher, hidden)
    records = []
    for group in [made] if fused else [[one] for one in made]:  # fused, one walk over the vocabulary serves all
        hiddens = []
        with accelerator.autocast():
            for one in group:
                torch.manual_seed(trainee.dropout_seed(config.seed, step, one.name, rank))
                hiddens.append(encoder.encode(one.model, batch, compiled=config.compile))
            models = [one.model for one in group]
            if fused:
                found = terms.fuse(models, hiddens, rows, labels, expected, config, counts, norms=norms)
            else:
                guess = (models[0], hiddens[0], rows, labels, expected)
                found = [terms.plain(*guess, config.objective, counts, norms=norms)]
        for one, hidden, both in zip(group, hiddens, found, strict=True):
            records.append(trainee.learn(one, step, batch, hidden, both, whole, store, config))
    for record in records:
        record["seconds"] = (time.perf_counter() - began) / len(made)
    return records


def distilled_tokens(batch: Batch, options: ObjectiveConfig) -> Tensor:
    """Where the student is compared with the teacher, bool [rows, seq]."""
    where = {"real": batch.real, "attended": batch.attended, "masked": batch.labels != IGNORE_INDEX}
    return where[options.distillation_tokens]


def _cuda(accelerator: Accelerator) -> list[torch.device]:
    return [accelerator.device] if accelerator.device.type == "cuda" else []


def _save(path: Path, step: int, made: list[Trainee], here: dict[str, Any], config: PretrainConfig) -> None:
    tensors = {name: values for one in made for name, values in trainee.state_tensors(one).items()}
    counters = {one.name: {"bad_steps": one.bad_steps, "one_language": one.one_language} for one in made}
    checkpoint.save(path / "checkpoints", step, tensors, {**here, "counters": counters}, config.keep_checkpoints)


def _resume(path: Path, made: list[Trainee], here: dict[str, Any], anyway: bool) -> int:
    """The step to start from: 0, or that of the newest valid checkpoint, whose state ``made`` then holds."""
    found = checkpoint.load_newest(path / "checkpoints")
    if found is None:
        return 0
    folder, tensors, state = found
    differs = [f"{k} {state.get(k)} -> {v}" for k, v in here.items() if state.get(k) != v]
    if differs and not anyway:
        raise RunError(
            f"{folder}: the run was begun elsewhere ({', '.join(differs)}), and goes on to the bit only as it began. "
            "Set these back (threads: OMP_NUM_THREADS), or accept another result with allow_other_machine=True "
            "(notebook 03: -p allow_other_machine True)"
        )
    for one in made:
        trainee.restore(one, tensors)
        one.bad_steps, one.one_language = (state["counters"][one.name][k] for k in ("bad_steps", "one_language"))
    if processes.rank() == 0:
        print(f"resuming at step {state['step']} from {short(folder)}")
    return int(state["step"])


def _saved(path: Path, config: PretrainConfig) -> str:
    steps = [folder.name.split("-")[1] for folder in checkpoint.list_checkpoints(path / "checkpoints")]
    return f"saved at step {int(steps[-1])} of {config.steps}" if steps else "nothing was saved yet"


def _machine(accelerator: Accelerator) -> dict[str, Any]:
    """What a result depends on to the bit besides the run's configuration and inputs."""
    device, world = accelerator.device.type, processes.size()
    return {"threads": torch.get_num_threads(), "torch": str(torch.__version__), "world": world, "device": device}


def _evaluate(
    made: list[Trainee],
    teacher: PreTrainedModel | None,
    store: TokenStore,
    config: PretrainConfig,
    step: int,
    journal: Journal,
) -> None:
    """Held-out figures while training, on few samples a language, so that they cost little."""
    samples = max(8, 768 // len(store.languages))
    for one in made:
        table = evaluate.masked_tokens(one.model, store, teacher=teacher, samples=samples, max_length=config.max_length)
        journal.evaluation(
            [
                {"step": step, "student": one.name, **{str(k): v for k, v in row.items()}}
                for row in table.to_dict("records")
            ]
        )


def _summary(records: list[dict[str, Any]]) -> str:
    tokens = records[0]["tokens"] / max(1e-9, sum(r["seconds"] for r in records))
    losses = "; ".join(f"mlm {r['mlm']:.2f} kd {r['distillation']:.2f} disc {r['discriminator']:.2f}" for r in records)
    return f"{losses}; {tokens:,.0f} tokens/s"

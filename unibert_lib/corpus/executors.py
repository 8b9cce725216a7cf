"""Several languages at a time: one task each, on one machine or, by datatrove's Ray and Slurm executors, on many.

A task writes its language as one process would, and a language appears whole or not at all; hence the same output, and
whatever a killed worker leaves unfinished is done again. A worker ends with the process that started it.

>>> from datatrove.executor import RayPipelineExecutor  # doctest: +SKIP
>>> corpus.build(documents, out, workers=64, executor=RayPipelineExecutor)  # doctest: +SKIP
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from unibert_lib.workers import end_with

ATTEMPTS = 3  # a worker that the system kills for its memory is replaced so often (ours)
Task = Callable[[], object]


def run(
    tasks: Mapping[str, Task],
    finished: Callable[[str], bool],
    folder: Path,
    workers: int,
    executor: Callable[..., Any] | None = None,
) -> None:
    """Run the tasks that are not finished, ``workers`` at a time.

    Parameters
    ----------
    tasks
        By language; what runs elsewhere must be picklable.
    finished
        Says of a language whether its output is in place: the one mark of completion.
    folder
        For the logs; removed when all is done.
    executor
        One of datatrove's executor classes, or a ``functools.partial`` of one with its own arguments; by default the
        local one, with a pool that notices when a worker is killed.

    Raises
    ------
    ValueError
        If datatrove is not installed, or tasks are unfinished when the executor returns: Slurm's only queues them.

    Source: ECOSYSTEM, "filtering beyond one machine".
    """
    executor = executor or _local()
    for _ in range(ATTEMPTS):
        left = [task for language, task in tasks.items() if not finished(language)]
        if not left:
            break
        shutil.rmtree(folder, ignore_errors=True)  # datatrove's own marks count tasks, and these change
        step = _Step(dict(enumerate(left)))
        try:
            executor(pipeline=[step], tasks=len(left), workers=workers, logging_dir=str(folder)).run()
        except BrokenProcessPool:
            continue
        break
    if unfinished := [language for language in tasks if not finished(language)]:
        raise ValueError(
            f"{', '.join(unfinished)}: not finished; logs lie in {folder}. If the tasks wait in a queue, call again "
            "when they are done; if workers were killed, give fewer workers or more memory"
        )
    shutil.rmtree(folder, ignore_errors=True)


class _Step:
    """A step of datatrove's pipeline: the task of each rank."""

    def __init__(self, tasks: dict[int, Task]) -> None:
        self.tasks = tasks

    def __call__(self, data: object, rank: int, world_size: int) -> None:
        self.tasks[rank]()


def _local() -> Callable[..., Any]:
    try:
        from datatrove.executor.local import LocalPipelineExecutor
        from datatrove.utils.logging import logger
    except ImportError as error:
        remedy = "pip install -c constraints.txt -e '.[dist]', or take workers=1"
        raise ValueError(f"several workers need datatrove, which is not installed: {remedy}") from error
    logger.remove()  # its account of every task goes to the log files alone

    class Local(LocalPipelineExecutor):  # type: ignore[misc]
        """datatrove's own pool waits for ever when a worker is killed; this one says so."""

        def run(self) -> None:
            context = multiprocessing.get_context("spawn")
            workers, leader = min(self.workers, self.tasks), (os.getpid(),)
            with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with, initargs=leader) as pool:
                tasks = self.pipeline[0].tasks.items()
                work = [pool.submit(_one, rank, task, self.tasks, self.logging_dir.path) for rank, task in tasks]
                for waiting in work:
                    waiting.result()

    return Local


def _one(rank: int, task: Task, tasks: int, folder: str) -> None:
    """One task by datatrove's local executor, in a process of the pool."""
    _local()(pipeline=[_Step({rank: task})], tasks=tasks, workers=1, logging_dir=folder)._run_for_rank(rank)

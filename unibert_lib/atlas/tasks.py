"""Task files of the Atlas, in the genuine formats, the same bytes for the same arguments.

Train, dev and test share neither sentence patterns nor countries, capitals, persons, institutions, events and
streets. What countries have in common (continents, waters, languages, currencies, dates, weekdays) may recur.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..languages import ATLAS_LANGUAGES, check
from .tasks_ner import write_legal, write_ner
from .tasks_nli import write_nli
from .tasks_qa import write_qa
from .tasks_sts import write_sts

Writer = Callable[[Path, Sequence[str], int, float], None]


def _each(write: Callable[[Path, str, int, float], None]) -> Writer:
    """A writer of one language's files as one of several."""

    def write_all(folder: Path, codes: Sequence[str], seed: int, share: float) -> None:
        for code in codes:
            write(folder, code, seed, share)

    return write_all


TASKS: Mapping[str, Writer] = {
    "ner": _each(write_ner),
    "legal": _each(write_legal),
    "nli": write_nli,
    "qa": write_qa,
    "sts": write_sts,
}


def write_tasks(
    folder: Path,
    *,
    tasks: Sequence[str] | None = None,
    languages: Sequence[str] = ATLAS_LANGUAGES,
    seed: int = 0,
    share: float = 1.0,
) -> None:
    """Write ``folder/ner``, ``legal``, ``nli``, ``qa`` and ``sts``; layouts and sizes in ``data/atlas/README.md``.

    Parameters
    ----------
    folder
        Made if it lacks.
    tasks
        Some of ``TASKS``; None for all.
    languages
        Codes of the Atlas.
    seed
        Divides the entities among the splits, and draws facts, names and patterns.
    share
        Of the full sizes, above 0 and at most 1; no file is left without a record.

    Raises
    ------
    ValueError
        For an unknown task or language, for ``share`` out of range, or for a language file with a fault.

    Source: ours; the formats are CoNLL-2002's, MAPA's, XNLI's, SQuAD's and MLQA's, and STS22's.
    """
    chosen = tuple(TASKS) if tasks is None else tuple(tasks)
    if unknown := [task for task in chosen if task not in TASKS]:
        raise ValueError(f"no task {unknown[0]!r} in the Atlas: take some of {', '.join(TASKS)}")
    if not 0 < share <= 1:
        raise ValueError(f"share = {share}: write a number above 0 and at most 1")
    codes = check(languages, ATLAS_LANGUAGES)
    for task in chosen:
        (folder / task).mkdir(parents=True, exist_ok=True)
        TASKS[task](folder / task, codes, seed, share)

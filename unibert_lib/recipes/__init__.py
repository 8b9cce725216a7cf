"""What a notebook makes when it is missing: the ``ensure_*`` of the embedded default.

On the embedded default (Atlas) each of them makes its input and says so; for anything else a missing input
is an error that names the command which makes it. Nothing else in the library imports :mod:`atlas`.
"""

from .corpora import (
    EMBEDDED,
    MissingInput,
    atlas_dumps,
    corpus_parameters,
    documents,
    ensure_corpus,
    ensure_tokenizer,
    ensure_tokens,
    open_corpus,
    rules_1_to_4,
)
from .models import (
    changed,
    ensure_student,
    ensure_teacher,
    load_teacher,
    new_student,
    open_student,
    open_teacher,
)
from .task_data import ensure_task_data, fine_tuning, make_task, pretrained, task_languages, task_run, task_set

__all__ = [
    "EMBEDDED",
    "MissingInput",
    "atlas_dumps",
    "changed",
    "corpus_parameters",
    "documents",
    "ensure_corpus",
    "ensure_student",
    "ensure_task_data",
    "ensure_teacher",
    "ensure_tokenizer",
    "ensure_tokens",
    "fine_tuning",
    "load_teacher",
    "make_task",
    "new_student",
    "open_corpus",
    "open_student",
    "open_teacher",
    "pretrained",
    "rules_1_to_4",
    "task_languages",
    "task_run",
    "task_set",
]

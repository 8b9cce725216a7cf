"""What task files hold, one record class a kind of task, and what a reader answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Literal, TypeVar

from unibert_lib.corpus.records import FormatError, Quarantined

Split = Literal["train", "dev", "test"]

__all__ = [
    "Answer",
    "FormatError",
    "Quarantined",
    "Question",
    "Record",
    "ScoredPair",
    "SentencePair",
    "Split",
    "TaggedSentence",
    "TaskData",
    "Unlabelled",
]


class Unlabelled(FormatError):
    """A file that was published without its labels or answers: it can neither be trained on nor scored.

    Whoever opens a folder leaves such a file out and says so; a reader alone raises it.

    Source: ours (XTREME publishes its tests so; scored as they are, they would give 0 to every model).
    """


@dataclass(frozen=True)
class TaggedSentence:
    """Words and their IOB2 tags. ``item`` is equal for translations of one sentence, else unique in its file.

    Source: CoNLL-2002.
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    language: str
    item: str
    flag: Quarantined | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class SentencePair:
    """Premise and hypothesis with entailment, neutral or contradiction. ``item`` names the premise.

    ``row`` is the row's number (from 1) in a file without ids, the same in its translations; 0 in one with ids.

    Source: XNLI.
    """

    premise: str
    hypothesis: str
    label: str
    language: str
    item: str
    row: int = field(default=0, compare=False, repr=False)
    flag: Quarantined | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Answer:
    """An answer and the place of its first character in the context: ``context[start:start + len(text)] == text``.

    Source: SQuAD v1.1.
    """

    text: str
    start: int


@dataclass(frozen=True)
class Question:
    """A question, its context, and the answers that count as right. ``item`` names the parallel context.

    ``key`` is (file, ordinal): the ids in genuine files are not unique.

    Source: SQuAD v1.1, MLQA.
    """

    question: str
    context: str
    answers: tuple[Answer, ...]
    language: str
    item: str
    key: tuple[str, int] = ("", 0)
    flag: Quarantined | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class ScoredPair:
    """Two texts and their similarity, greater is more similar. ``language`` is ``de``, or ``de-en`` across two.

    Source: STS22, STS-B.
    """

    first: str
    second: str
    score: float
    language: str
    item: str
    flag: Quarantined | None = field(default=None, compare=False, repr=False)


Record = TaggedSentence | SentencePair | Question | ScoredPair
R = TypeVar("R", bound=Record, covariant=True)


@dataclass(frozen=True)
class TaskData(Sequence[R], Generic[R]):
    """The records of a file, and what was wrong in it.

    A bad record of training data stands in ``quarantined`` and not in the data. One of test data stays in the data,
    so that denominators remain the published ones, and carries its ``flag``: file, line and reason. The flag goes
    with the record wherever it is cut, joined or limited, so that it can never be trained on (``trainable``). Where
    nothing can be scored against (no label at all), a record stands in ``quarantined`` in every split. ``counts``
    holds what a reader counted: records read, tags converted, duplicate ids, and so on.

    Source: ours (RELIABILITY, rows 31 to 39).
    """

    records: tuple[R, ...]
    quarantined: tuple[Quarantined, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def flagged(self) -> tuple[Quarantined, ...]:
        """The flags of the records that have one, in their order."""
        return tuple(record.flag for record in self.records if record.flag is not None)

    def trainable(self) -> TaskData[R]:
        """The same without flagged records, whose flags are counted as quarantined instead.

        Source: ours (RELIABILITY: input = kept + dropped + quarantined).
        """
        clean = tuple(record for record in self.records if record.flag is None)
        return replace(self, records=clean, quarantined=(*self.quarantined, *self.flagged))

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[R]:
        return iter(self.records)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # int -> record, slice -> tuple of records
        return self.records[index]

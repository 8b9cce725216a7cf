"""Notebook 03's answers in words, from the run's own figures and whichever way they fall.

A difference is called one only where its 95 % interval leaves out zero. Samples count as independent, which
paragraphs of one page are not quite: the true intervals are somewhat wider.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from unibert_lib.evaluate import Probe

STILL = 0.01  # ours: a distance that changed by less than this share of itself has not moved


def learned(score: pd.DataFrame, distances: Sequence[float] = ()) -> list[str]:
    """Whether the student knows masked words, how it stands beside its teacher, and whether it came nearer.

    ``score`` is what :func:`evaluate.masked_tokens` returns; ``distances`` are the mean KL(teacher || student) of
    the evaluations in training, in nats a token, the first before the first step. Without a teacher they are NaN.

    Source: ours.
    """
    tokens = score["tokens"].sum()
    if not tokens:
        return ["**Masked words.** No held-out token was masked, so nothing can be said."]
    student, guess, teacher = (_mean(score, name) for name in ("accuracy", "unigram", "teacher_accuracy"))
    low, high = unpaired(student, guess, int(tokens))
    verdict = (
        "It uses the words around the gap."
        if low > 0
        else "That is worse than the guess: it has learned less than word frequencies."
        if high < 0
        else "The two cannot be told apart: nothing shows that it looks at the words around the gap."
    )
    lines = [
        f"**Masked words.** Of {int(tokens):,} held-out masked tokens the student names {student:.1%}, the unigram "
        f"guess {guess:.1%} (difference {_points(student - guess, low, high)}). {verdict}"
    ]
    known = [float(value) for value in distances if np.isfinite(value)]
    if not np.isfinite(teacher):
        return [*lines, "**Teacher.** There was none, so the student learned from the text alone."]
    text = f"**Teacher.** It names {teacher:.1%} of the same tokens itself."
    if len(known) > 1 and known[0] > 0:
        change = known[-1] / known[0] - 1
        verb = "hardly moved" if abs(change) < STILL else "fell" if change < 0 else "rose"
        text += f" The student's distance to it {verb}, from {known[0]:.2f} to {known[-1]:.2f} nats a token, "
        text += (
            "so it answers more like its teacher than before training." if verb == "fell" else "so it came no nearer."
        )
    return [*lines, text]


def forgot(
    student: Probe,
    *,
    twin: Probe | None = None,
    untrained: Probe | None = None,
    scores: tuple[pd.DataFrame, pd.DataFrame] | None = None,
) -> list[str]:
    """Whether a fresh probe still reads the language, and whether the adversary has a part in it.

    ``twin`` was trained without the adversary; ``scores`` are the two tables of :func:`evaluate.masked_tokens`. Student
    and twin are read on the same samples, and compared on those that only one of them leaves legible.

    Source: ours.
    """
    if student.chance == 1:
        return ["**Language.** All held-out samples are of one language: there is nothing to forget."]
    low, high = binomtest(int(student.right.sum()), student.samples).proportion_ci(method="exact")
    still = "Its vectors still tell the language."
    verdict = still if low > student.chance else "That cannot be told from chance: this probe finds no language there."
    lines = [
        f"**Language.** A fresh probe reads it right in {student.accuracy:.1%} of {student.samples} held-out samples "
        f"(95 % interval {low:.1%} to {high:.1%}; chance {student.chance:.1%}). {verdict}"
    ]
    if untrained is not None:
        lines[0] += f" Of an untrained student it reads {untrained.accuracy:.1%}."
    if twin is None:
        unknown = "**Adversary.** No twin was trained without it, so what it did to the language is not known "
        return [*lines, unknown + "(`controls = True` trains one beside a student with an adversary)."]
    low, high = paired(student.right, twin.right)
    difference = student.accuracy - twin.accuracy
    verdict = (
        "The adversary hid a part of the language."
        if high < 0
        else "With the adversary the language is easier to read: it hid nothing."
        if low > 0
        else "The two cannot be told apart: nothing shows that the adversary hid anything."
    )
    text = f"**Adversary.** Of the twin without it the probe reads {twin.accuracy:.1%} "
    text += f"(difference {_points(difference, low, high)}). {verdict}"
    if scores is not None:
        ours, theirs = (_mean(table, "accuracy") for table in scores)
        text += f" In masked words the student reaches {ours:.1%}, the twin {theirs:.1%}."
    return [*lines, text]


def unpaired(first: float, second: float, trials: int) -> tuple[float, float]:
    """The 95 % interval of a difference of two shares of ``trials`` each.

    Source: Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10. Here
    both shares are of the same tokens, which makes it wider than need be.
    """
    a, b = (binomtest(round(share * trials), trials).proportion_ci(method="wilson") for share in (first, second))
    difference = first - second
    down, up = np.hypot(first - a.low, b.high - second), np.hypot(a.high - first, second - b.low)
    return float(difference - down), float(difference + up)


def paired(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of a difference of two accuracies on the same samples, bool [samples] each.

    Only samples on which they differ tell which is better; given their number, how many fall to one side is binomial
    (McNemar's exact test turned into an interval). Where they differ on none, the interval reaches as far as samples
    that differ could be hidden by chance: a share ``d`` shows none among ``n`` with probability ``(1 - d)**n``.

    Source: McNemar (1947); Clopper and Pearson (1934) for the binomial interval.
    """
    better, worse = int((first & ~second).sum()), int((~first & second).sum())
    if better + worse == 0:
        hidden = 1 - 0.025 ** (1 / len(first))
        return -hidden, hidden
    share = binomtest(better, better + worse).proportion_ci(method="exact")
    scale = (better + worse) / len(first)
    return (2 * share.low - 1) * scale, (2 * share.high - 1) * scale


def _mean(score: pd.DataFrame, column: str) -> float:
    """The mean over masked tokens, not over languages."""
    return float(np.average(score[column], weights=score["tokens"]))


def _points(difference: float, low: float, high: float) -> str:
    return f"{100 * difference:+.1f} points, 95 % interval {100 * low:+.1f} to {100 * high:+.1f}"

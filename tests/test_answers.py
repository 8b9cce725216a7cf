"""03's answers follow its figures, whichever way they fall."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from statsmodels.stats.proportion import confint_proportions_2indep

from unibert_lib import answers
from unibert_lib.evaluate import Probe

NAN = float("nan")


def score(accuracy: float, unigram: float, teacher: float = NAN, tokens: int = 500) -> pd.DataFrame:
    row = {"accuracy": accuracy, "unigram": unigram, "teacher_accuracy": teacher, "tokens": tokens}
    return pd.DataFrame([{"language": code, **row} for code in ("en", "sw")])


def probe(right: int, samples: int = 600, chance: float = 1 / 6, swapped: int = 0) -> Probe:
    """``swapped`` moves that many right answers to other samples."""
    hits = np.arange(samples) < right
    hits = np.roll(hits, swapped)
    return Probe(right / samples, chance, 0.1, 2.58, samples, hits)


@pytest.mark.parametrize(
    ("accuracy", "unigram", "says"),
    [
        (0.30, 0.05, "uses the words around"),
        (0.05, 0.30, "worse than the guess"),
        (0.051, 0.05, "cannot be told apart"),
    ],
)
def test_masked_words_are_judged_against_the_unigram_guess(accuracy: float, unigram: float, says: str) -> None:
    lines = answers.learned(score(accuracy, unigram))
    assert says in lines[0] and "Of 1,000 held-out masked tokens" in lines[0] and f"{accuracy:.1%}" in lines[0]
    assert "There was none" in lines[1] and len(lines) == 2


def test_languages_weigh_by_their_masked_tokens() -> None:
    table = score(0.5, 0.1)
    table.loc[1, ["accuracy", "tokens"]] = [0.1, 1500]  # (0.5 * 500 + 0.1 * 1500) / 2000 = 0.2
    assert "the student names 20.0%" in answers.learned(table)[0]


@pytest.mark.parametrize(
    ("distances", "says"),
    [
        ((6.9, 4.0, 1.5), "fell, from 6.90 to 1.50 nats a token, so it answers more like"),
        ((1.5, 6.9), "rose, from 1.50 to 6.90 nats a token, so it came no nearer"),
        ((6.9, 6.88), "hardly moved, from 6.90 to 6.88 nats a token, so it came no nearer"),
    ],
)
def test_the_distance_to_the_teacher_is_told_as_it_went(distances: tuple[float, ...], says: str) -> None:
    teacher = answers.learned(score(0.3, 0.05, 0.45), distances)[1]
    assert says in teacher and "names 45.0% of the same tokens" in teacher


def test_an_evaluation_without_tokens_or_history_is_no_error() -> None:
    assert "nothing can be said" in answers.learned(score(NAN, NAN, tokens=0))[0]
    assert "nothing can be said" in answers.learned(score(0.1, 0.1)[:0])[0]
    assert "distance" not in answers.learned(score(0.3, 0.05, 0.45), [])[1]


@pytest.mark.parametrize(
    ("student", "twin", "says"),
    [
        (probe(420), probe(594), "hid a part of the language"),
        (probe(594), probe(420), "hid nothing"),
        (probe(597), probe(596, swapped=3), "cannot be told apart"),
        (probe(597), probe(597), "cannot be told apart"),
    ],
)
def test_the_adversary_is_judged_against_its_twin(student: Probe, twin: Probe, says: str) -> None:
    lines = answers.forgot(student, twin=twin, untrained=probe(580), scores=(score(0.31, 0.05), score(0.29, 0.05)))
    assert "still tell the language" in lines[0] and "untrained student it reads 96.7%" in lines[0]
    assert says in lines[1] and "reaches 31.0%, the twin 29.0%" in lines[1]


def test_a_language_read_no_better_than_by_chance_is_not_found() -> None:
    assert "cannot be told from chance" in answers.forgot(probe(105))[0]
    assert "still tell the language" in answers.forgot(probe(160))[0]


def test_without_a_twin_nothing_is_said_of_the_adversary_and_one_language_has_nothing_to_forget() -> None:
    assert "is not known" in answers.forgot(probe(597))[1]
    (alone,) = answers.forgot(probe(600, chance=1.0), twin=probe(600, chance=1.0))
    assert "nothing to forget" in alone


def test_a_paired_interval_leaves_out_zero_where_mcnemars_exact_test_rejects() -> None:
    for better in range(31):
        first, second = np.zeros(200, dtype=bool), np.zeros(200, dtype=bool)
        first[:better], second[better:30] = True, True
        low, high = answers.paired(first, second)
        assert low <= (2 * better - 30) / 200 <= high
        assert (low > 0 or high < 0) == (binomtest(better, 30).pvalue < 0.05)


def test_samples_read_alike_leave_room_for_chance() -> None:
    """(1 - d)**6 = 0.025 at d = 0.459: six samples say little."""
    same = np.ones(6, dtype=bool)
    assert answers.paired(same, same) == (pytest.approx(-0.459, abs=1e-3), pytest.approx(0.459, abs=1e-3))


def test_an_unpaired_interval_is_newcombes() -> None:
    """statsmodels has it under the name newcomb."""
    for a, b in ((30, 5), (0, 0), (50, 50), (3, 97)):
        theirs = confint_proportions_2indep(a, 100, b, 100, method="newcomb")
        assert answers.unpaired(a / 100, b / 100, 100) == pytest.approx(theirs, abs=1e-6)

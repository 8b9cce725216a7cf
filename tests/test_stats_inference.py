"""Tests and intervals give SciPy's and statsmodels' figures or those worked by hand, and say when they cannot."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats as scipy_stats

from unibert_lib.stats import clusters, effects, inference, pairing, regression
from unibert_lib.stats.inference import NoFigureError

ONE, OTHER = [3.0, 5.0, 7.0], [1.0, 2.0, 3.0, 2.0]
# Six models (three a group) by four tasks, a model's luck and a task's added to noise: balanced.
RNG = np.random.default_rng(7)
MODELS = np.repeat(list("abcdef"), 4).tolist()
TASKS = ["ner", "nli", "qa", "sts"] * 6
GROUPS = ["new"] * 12 + ["old"] * 12
VALUES = (
    np.repeat([0.10, 0.16, 0.13, 0.02, 0.08, 0.05], 4) + np.tile([0.0, 0.02, 0.05, 0.01], 6) + RNG.normal(0, 0.01, 24)
)
BY_MODEL, BY_TASK = (VALUES, GROUPS, MODELS), (VALUES, GROUPS, TASKS)
MEANS = VALUES.reshape(6, 4).mean(1)


# Two groups ----------------------------------------------------------------------------------------------------------


def test_student_by_hand():
    # Means 5 and 2; squares about them 8 and 2; pooled variance 10 / 5 = 2; standard error sqrt(2 (1/3 + 1/4)).
    found = inference.student(ONE, OTHER)
    error = math.sqrt(2 * (1 / 3 + 1 / 4))
    assert (found.estimate, found.df, found.entries) == (pytest.approx(3), 5, 7)
    assert found.statistic == pytest.approx(3 / error)
    assert found.p == pytest.approx(2 * scipy_stats.t.sf(3 / error, 5))
    half = scipy_stats.t.ppf(0.975, 5) * error
    assert (found.low, found.high) == (pytest.approx(3 - half), pytest.approx(3 + half))


def test_welch_by_hand():
    # Variances 4 and 2/3; error**2 = 4/3 + 1/6 = 1.5; Satterthwaite: 1.5**2 / ((4/3)**2 / 2 + (1/6)**2 / 3).
    found = inference.welch(ONE, OTHER)
    df = 2.25 / ((16 / 9) / 2 + (1 / 36) / 3)
    assert found.statistic == pytest.approx(3 / math.sqrt(1.5)) and found.df == pytest.approx(df)
    half = scipy_stats.t.ppf(0.95, df) * math.sqrt(1.5)
    narrower = inference.welch(ONE, OTHER, level=0.9)
    assert (narrower.low, narrower.high) == (pytest.approx(3 - half), pytest.approx(3 + half))


def test_a_permutation_of_few_values_counts_every_way():
    # Of the 35 ways to choose three of seven, those with means at least 3 apart are counted here one by one.
    everything = ONE + OTHER
    apart = []
    for picked in itertools.combinations(range(7), 3):
        mine = [everything[i] for i in picked]
        rest = [everything[i] for i in range(7) if i not in picked]
        apart.append(abs(np.mean(mine) - np.mean(rest)))
    found = inference.permutation(ONE, OTHER)
    assert found.p == pytest.approx(np.mean(np.array(apart) >= 3 - 1e-12))
    assert "exact, all 35 ways" in found.note


def test_ties_on_paper_count_as_ties():
    """0.1 + 0.2 is not quite 0.3. Of {.3, .3, .6} against itself every way of dealing lies as far apart or farther."""
    rounded, exact = ([0.1 + 0.2, 0.3, 0.6], [0.3, 0.3, 0.6])
    assert inference.permutation(rounded, exact).p == 1.0
    tenfold = [3.0, 3.0, 6.0]  # whole numbers, where SciPy alone meets each tie
    same = scipy_stats.permutation_test(
        (tenfold, tenfold), lambda a, b, axis: abs(a.mean(axis) - b.mean(axis)), vectorized=True
    )
    assert same.pvalue == 1.0
    assert clusters.permutation(rounded + exact, ["new"] * 3 + ["old"] * 3, list("abcdef")).p == 1.0
    # In pairs: the differences are 0, 0, 0 and -0.3, so that half of the swaps of the last tie with the data.
    paired = clusters.permutation([*rounded, 0.1, *exact, 0.4], ["new"] * 4 + ["old"] * 4, list("abcd") * 2)
    assert paired.p == 1.0


def test_a_permutation_of_many_values_is_random_seeded_and_near_the_t_test():
    rng = np.random.default_rng(1)
    one, other = rng.normal(0.6, 1, 30), rng.normal(0, 1, 30)
    first, again = (inference.permutation(one, other, seed=4, resamples=2000) for _ in range(2))
    assert first == again and first.note == "2000 random ways"
    assert first.p == pytest.approx(inference.student(one, other).p, abs=0.02)


def test_bca_is_scipys_and_holds_the_difference():
    found = inference.bca(ONE, OTHER, seed=3, resamples=999)
    expected = scipy_stats.bootstrap(
        (ONE, OTHER), lambda x, y, axis: x.mean(axis) - y.mean(axis), n_resamples=999, rng=np.random.default_rng(3)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx(tuple(expected)) and found.low < 3 < found.high
    assert math.isnan(found.p)


def test_hedges_g_by_hand():
    # 3 / sqrt(2), times 1 - 3 / (4 * 5 - 1).
    found = effects.hedges_g(ONE, OTHER)
    g = 3 / math.sqrt(2) * (1 - 3 / 19)
    assert found.estimate == pytest.approx(g)
    # The usual large-sample variance: (n + m) / (n m) + g**2 / (2 (n + m)); statsmodels divides by n + m - 3.94.
    half = scipy_stats.norm.ppf(0.975) * math.sqrt(7 / 12 + g**2 / (2 * (7 - 3.94)))
    assert (found.low, found.high) == (pytest.approx(g - half), pytest.approx(g + half))


def test_cliffs_delta_by_hand():
    # Of 12 pairs 3 > {1, 2, 2} and = 3; 5 and 7 > all: 11 above, 0 below.
    found = effects.cliffs_delta(ONE, OTHER)
    assert found.estimate == pytest.approx(11 / 12)
    assert "common language: 0.958" in found.note
    assert found.p == pytest.approx(scipy_stats.brunnermunzel(ONE, OTHER).pvalue)
    assert found.low < 11 / 12 <= found.high <= 1


def test_groups_that_do_not_overlap_have_a_delta_of_one_and_no_interval():
    found = effects.cliffs_delta([4, 5, 6], [1, 2, 3])
    assert found.estimate == 1 and math.isnan(found.p) and math.isnan(found.low)
    assert "do not overlap" in found.note


TWO = (
    inference.student,
    inference.welch,
    inference.permutation,
    inference.bca,
    effects.hedges_g,
    effects.cliffs_delta,
)


@pytest.mark.parametrize("test", TWO)
@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ([1.0], [1.0, 2.0], "1 value.s. of the first group, 2 are needed: add seeds"),
        ([1.0, 2.0], [], "0 value.s. of the second group"),
        ([1.0, math.nan], [1.0, 2.0], "1 of 2 values of the first group are not finite"),
        ([1.0, math.inf], [1.0, 2.0], "not finite"),
        ([1.0, 1.0], [2.0, 2.0], "no group has any spread"),
        ([0.1 + 0.2, 0.3], [2.0, 2.0], "no group has any spread"),
    ],
)
def test_degenerate_groups_are_refused_with_a_reason(test, one, other, message):
    with pytest.raises(NoFigureError, match=message):
        test(one, other)


def test_an_attempt_is_the_answer_or_a_row_with_the_reason():
    good = inference.attempt("t", "q", lambda: inference.student(ONE, OTHER), 7)
    assert good.p == inference.student(ONE, OTHER).p
    bad = inference.attempt("t", "q", lambda: inference.student([1], OTHER), 5, 2)
    assert (bad.test, bad.entries, bad.clusters) == ("t", 5, 2)
    assert math.isnan(bad.p) and bad.note.startswith("no figure: 1 value(s)")


def test_an_attempt_hides_no_other_error():
    with pytest.raises(ZeroDivisionError):
        inference.attempt("t", "q", lambda: 1 / 0, 0)


# Holm ----------------------------------------------------------------------------------------------------------------


def test_holm_by_hand_leaves_out_what_is_no_test():
    # Sorted 0.01, 0.02, 0.04 times 3, 2, 1, and never falling.
    assert inference.holm([0.04, math.nan, 0.01, 0.02]) == pytest.approx([0.04, math.nan, 0.03, 0.04], nan_ok=True)


def test_holm_of_nothing_is_nothing_and_a_p_beyond_one_is_refused():
    assert np.isnan(inference.holm([math.nan])).all() and len(inference.holm([])) == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        inference.holm([1.2])


# Pairs ---------------------------------------------------------------------------------------------------------------


def series(values, keys="abcd"):
    return pd.Series(values, index=list(keys)[: len(values)])


def test_paired_tests_find_their_pairs_by_the_index_and_agree_with_scipy():
    before, after = series([1.0, 2.0, 3.0, 4.0]), series([4.5, 3.6, 2.1, 1.9], "dcba")
    found = pairing.paired_t(before, after)
    expected = scipy_stats.ttest_rel([1.9, 2.1, 3.6, 4.5], [1, 2, 3, 4])
    assert (found.statistic, found.p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.estimate == pytest.approx((0.9 + 0.1 + 0.6 + 0.5) / 4)
    # All four rise: the exact p is 2 / 2**4.
    ranks = pairing.wilcoxon(before, after)
    assert ranks.p == pytest.approx(0.125) and ranks.estimate == pytest.approx(0.55)
    assert "no p below 0.12" in ranks.note


def test_differences_that_are_equal_in_print_are_ties():
    before, after = series([0.2, 0.1, 0.5]), series([0.3, 0.2, 0.4])
    assert pairing.wilcoxon(before, after).statistic == pytest.approx(2)  # ranks 2, 2 up and 2 down


@pytest.mark.parametrize("test", [pairing.paired_t, pairing.wilcoxon])
@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            series([1.0, 2.0]),
            series([1.0, 2.0], "ac"),
            r"not paired: 2 keys are on one side only, such as \['b', 'c'\]",
        ),
        (series([1.0, 2.0]), series([1.0, 2.0, 3.0]), "not paired: 1 keys"),
        (series([1.0, 2.0], "aa"), series([1.0, 2.0], "aa"), r"before: the keys \['a'\] stand more than once"),
        ([1.0, 2.0], [2.0, 3.0], "before is a list: give a Series"),
        (series([1.0]), series([2.0]), "1 value.s. of the differences"),
        (series([1.0, math.nan]), series([2.0, 3.0]), "not finite"),
        (series([1.0, 2.0]), series([1.0, 2.0]), "all 2 differences are 0"),
    ],
)
def test_what_is_not_paired_or_has_no_spread_is_refused(test, before, after, message):
    with pytest.raises(ValueError, match=message):
        test(before, after)


# Clusters ------------------------------------------------------------------------------------------------------------


def test_a_t_on_cluster_means_is_the_t_of_the_means():
    for equal in (True, False):
        found = clusters.mean_t(*BY_MODEL, equal_var=equal)
        expected = scipy_stats.ttest_ind(MEANS[:3], MEANS[3:], equal_var=equal)
        assert (found.statistic, found.p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
        assert (found.entries, found.clusters) == (24, 6)


def test_clusters_that_hold_both_groups_are_paired():
    table = VALUES.reshape(2, 3, 4).mean(1)
    expected = scipy_stats.ttest_rel(table[0], table[1])
    found = clusters.mean_t(*BY_TASK)
    assert (found.test, found.statistic) == ("paired t on cluster means", pytest.approx(expected.statistic))


def test_a_cluster_permutation_moves_whole_clusters_through_all_ways():
    apart = []
    for picked in itertools.combinations(range(6), 3):
        rest = [i for i in range(6) if i not in picked]
        apart.append(abs(MEANS[list(picked)].mean() - MEANS[rest].mean()))
    own = abs(MEANS[:3].mean() - MEANS[3:].mean())
    found = clusters.permutation(*BY_MODEL)
    assert found.p == pytest.approx(np.mean(np.array(apart) >= own - 1e-12)) and found.p == pytest.approx(2 / 20)
    assert "all 20 ways" in found.note and found.estimate == pytest.approx(MEANS[:3].mean() - MEANS[3:].mean())


def test_a_cluster_permutation_within_tasks_swaps_the_groups_of_a_task():
    # All four tasks favour the new models: only the two patterns without a change of sign reach as far.
    found = clusters.permutation(*BY_TASK)
    assert found.p == pytest.approx(2 / 16) and found.note == "exact, all 16 swaps; no p below 0.12 is possible"


def test_eight_models_of_which_three_are_new_have_56_ways_to_be_chosen():
    values = [9.0, 8.0, 7.0, 1.0, 2.0, 3.0, 2.0, 1.5]
    found = clusters.permutation(values, ["new"] * 3 + ["old"] * 5, list("abcdefgh"))
    assert found.p == pytest.approx(1 / 56) and found.note.startswith("exact, all 56 ways")


def test_a_cluster_bootstrap_of_clusters_without_inner_spread_is_that_of_their_means():
    values = np.repeat([1.0, 3.0, 5.0, 0.0, 1.0, 2.0], 2)
    groups, models = ["new"] * 6 + ["old"] * 6, np.repeat(list("abcdef"), 2).tolist()
    found = clusters.bootstrap(values, groups, models, seed=1, resamples=4000)
    # The exact law: all 27 x 27 ways to draw three of three and three of three.
    means = [np.mean(draw) for draw in itertools.product([1.0, 3.0, 5.0], repeat=3)]
    others = [np.mean(draw) for draw in itertools.product([0.0, 1.0, 2.0], repeat=3)]
    exact = np.quantile([m - o for m in means for o in others], [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(tuple(exact), abs=0.2)
    assert found.estimate == pytest.approx(2)
    assert found == clusters.bootstrap(values, groups, models, seed=1, resamples=4000)


def test_a_cluster_bootstrap_draws_the_entries_within_each_cluster_too():
    # Eight clusters of the same sixteen entries, variance 1: a group's mean has the variance 1 / 16 / 4.
    values = np.tile([0.0, 2.0], 64)
    models = np.repeat(list("abcdefgh"), 16).tolist()
    found = clusters.bootstrap(values, ["new"] * 64 + ["old"] * 64, models)
    half = scipy_stats.norm.ppf(0.975) * math.sqrt(2 / 16 / 4)
    assert (found.low, found.high) == (pytest.approx(-half, rel=0.1), pytest.approx(half, rel=0.1))


def test_a_cluster_bootstrap_of_tasks_draws_the_same_tasks_for_both_groups():
    # The groups differ by exactly 1 in every task, whatever the task: no interval is left.
    values = [1.0, 11.0, 5.0, 0.0, 10.0, 4.0]
    found = clusters.bootstrap(values, ["new"] * 3 + ["old"] * 3, ["ner", "nli", "qa"] * 2, resamples=500)
    assert (found.low, found.high) == (pytest.approx(1), pytest.approx(1))


def test_robust_ols_is_statsmodels_and_its_formula():
    table = pd.DataFrame({"y": VALUES, "x": [float(g == "new") for g in GROUPS], "m": np.repeat(range(6), 4)})
    fit = smf.ols("y ~ x", table).fit(cov_type="cluster", cov_kwds={"groups": table["m"]}, use_t=True)
    found = regression.robust_ols(*BY_MODEL)
    assert (found.statistic, found.p) == (pytest.approx(fit.tvalues["x"]), pytest.approx(fit.pvalues["x"]))
    assert found.df == 5 and (found.low, found.high) == pytest.approx(tuple(fit.conf_int().loc["x"]))
    # By hand: the sandwich of cluster sums, times G / (G - 1) (N - 1) / (N - 2).
    design = np.column_stack([np.ones(24), table["x"]])
    residuals = VALUES - design @ np.linalg.lstsq(design, VALUES, rcond=None)[0]
    sums = np.array([design[table["m"] == m].T @ residuals[table["m"] == m] for m in range(6)])
    bread = np.linalg.inv(design.T @ design)
    variance = (bread @ (sums.T @ sums) @ bread)[1, 1] * 6 / 5 * 23 / 22
    assert found.statistic == pytest.approx(found.estimate / math.sqrt(variance))


def slow_wild(values, groups, models):
    """The restricted wild cluster bootstrap, pattern by pattern, with statsmodels."""
    table = pd.DataFrame(
        {"y": values, "x": [float(g == groups[0]) for g in groups], "m": pd.factorize(pd.Series(models))[0]}
    )

    def t(outcomes):
        return abs(
            smf.ols("y ~ x", table.assign(y=outcomes))
            .fit(cov_type="cluster", cov_kwds={"groups": table["m"]})
            .tvalues["x"]
        )

    own, mean = t(table["y"]), table["y"].mean()
    drawn = [
        t(mean + np.array(signs)[table["m"]] * (table["y"] - mean))
        for signs in itertools.product([1, -1], repeat=table["m"].nunique())
    ]
    return np.mean(np.array(drawn) >= own * (1 - 1e-9))


def test_the_wild_bootstrap_tries_all_signs_and_agrees_with_the_slow_road():
    found = regression.wild(*BY_MODEL)
    assert found.p == pytest.approx(slow_wild(*BY_MODEL)) and "all 64 sign patterns" in found.note
    uneven = (VALUES[:-5], GROUPS[:-5], MODELS[:-5])
    assert regression.wild(*uneven).p == pytest.approx(slow_wild(*uneven))


def test_the_wild_interval_holds_what_the_wild_test_does_not_refuse():
    found = regression.wild(*BY_MODEL, level=0.8)
    assert found.low < found.estimate < found.high
    for end, side in ((found.low, -1), (found.high, 1)):
        inside, outside = (
            [v - (end + side * shift) * (g == "new") for v, g in zip(VALUES, GROUPS, strict=True)]
            for shift in (-1e-4, 1e-4)
        )
        assert (
            regression.wild(inside, GROUPS, MODELS).p >= 0.2 - 1e-9 > regression.wild(outside, GROUPS, MODELS).p - 1e-9
        )


def test_many_clusters_get_webbs_weights_and_a_p_near_the_robust_one():
    rng = np.random.default_rng(0)
    models = np.repeat(range(40), 3).tolist()
    groups = ["new"] * 60 + ["old"] * 60
    values = rng.normal(0, 1, 120) + np.repeat(rng.normal(0, 1, 40), 3) + np.array([0.6] * 60 + [0.0] * 60)
    found = regression.wild(values, groups, models, resamples=1999)
    assert found.note == "1999 draws of Webb's weights"
    assert found.p == pytest.approx(regression.robust_ols(values, groups, models).p, abs=0.03)
    assert np.mean(regression.WEBB_WEIGHTS**2) == pytest.approx(1) and np.sum(regression.WEBB_WEIGHTS) == pytest.approx(
        0
    )


def test_a_balanced_mixed_model_is_students_t_on_the_models_means():
    found = regression.mixed_model(VALUES, GROUPS, MODELS, TASKS)
    expected = scipy_stats.ttest_ind(MEANS[:3], MEANS[3:])
    assert found.df == 4 and found.statistic == pytest.approx(expected.statistic, rel=1e-3)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-2)
    low, high = expected.confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(low, rel=1e-2), pytest.approx(high, rel=1e-2))


def test_a_mixed_model_with_slopes_is_no_surer_than_the_tasks_allow():
    # The new models gain in one task of four only.
    values = VALUES - 0.12 * np.array([g == "new" and t != "qa" for g, t in zip(GROUPS, TASKS, strict=True)])
    flat, sloped = (regression.mixed_model(values, GROUPS, MODELS, TASKS, slopes=s) for s in (False, True))
    assert sloped.df == 3 and sloped.p > flat.p
    assert (sloped.low < flat.low) and (sloped.high > flat.high)
    assert sloped.note.startswith("sd ") and "slope" in sloped.note


def test_a_mixed_model_without_differences_between_models_says_so():
    noise = np.random.default_rng(3).normal(0, 1, 24)
    noise -= np.repeat(noise.reshape(6, 4).mean(1), 4)  # every model's mean is 0
    found = regression.mixed_model(noise + np.array([1.0] * 12 + [0.0] * 12), GROUPS, MODELS, TASKS)
    assert "at the edge: the variance of" in found.note and "model" in found.note.split("at the edge")[1]


BY_CLUSTER = (clusters.mean_t, clusters.permutation, clusters.bootstrap, regression.robust_ols, regression.wild)


@pytest.mark.parametrize("test", BY_CLUSTER)
@pytest.mark.parametrize(
    ("values", "groups", "names", "message"),
    [
        ([1.0, 2.0, 3.0], ["new", "old", "old"], ["a", "a", "a"], "one cluster only, 'a'"),
        ([1.0, 2.0, 3.0], ["new"] * 3, ["a", "b", "c"], r"the groups are \['new'\]: two are compared"),
        ([1.0, math.nan, 3.0], ["new", "old", "old"], ["a", "b", "c"], "1 of 3 values of the entries are not finite"),
        ([1.0, 1.0, 2.0, 2.0], ["new", "new", "old", "old"], ["a", "b", "c", "d"], "no group has any spread"),
        ([1.0, 2.0, 3.0], ["new", "old", "old"], ["a", "a", "b"], "some clusters hold both groups and some one"),
    ],
)
def test_degenerate_clusters_are_refused_with_a_reason(test, values, groups, names, message):
    with pytest.raises(NoFigureError, match=message):
        test(values, groups, names)


@pytest.mark.parametrize("test", [clusters.mean_t, clusters.permutation, clusters.bootstrap])
def test_a_group_of_one_cluster_has_no_figure_over_clusters(test):
    with pytest.raises(NoFigureError, match=r"2 are needed|one cluster only"):
        test([1.0, 2.0, 3.0, 5.0], ["new", "new", "old", "old"], ["a", "a", "b", "c"])


def test_values_groups_and_clusters_must_be_of_one_length():
    with pytest.raises(ValueError, match="3 values, 2 groups, 3 clusters"):
        clusters.permutation([1.0, 2.0, 3.0], ["new", "old"], ["a", "b", "c"])


@pytest.mark.parametrize(
    ("models", "tasks", "message"),
    [
        (["a"] * 6 + ["b"] * 6, ["x", "y", "z"] * 4, "2 models: with two, group and model are one"),
        (["a", "b", "c"] * 4, ["x", "y", "z"] * 4, "a model stands in both groups"),
        (np.repeat(list("abcd"), 3).tolist(), ["x"] * 12, "one cluster only, 'x'"),
    ],
)
def test_a_mixed_model_that_cannot_be_told_is_refused(models, tasks, message):
    with pytest.raises(NoFigureError, match=message):
        regression.mixed_model(np.arange(12.0) ** 1.5, ["new"] * 6 + ["old"] * 6, models, tasks)


def test_the_means_of_groups_by_hand():
    entries = pd.DataFrame({"gain": VALUES, "group": GROUPS, "model": MODELS})
    made = clusters.group_means(entries).set_index("group").loc["new"]
    assert made["mean"] == pytest.approx(VALUES[:12].mean()) and (made["entries"], made["clusters"]) == (12, 3)
    half = scipy_stats.t.ppf(0.975, 2) * MEANS[:3].std(ddof=1) / math.sqrt(3)
    assert made["cluster_high"] - made["mean"] == pytest.approx(half)
    half = scipy_stats.t.ppf(0.975, 11) * VALUES[:12].std(ddof=1) / math.sqrt(12)
    assert made["mean"] - made["low"] == pytest.approx(half)

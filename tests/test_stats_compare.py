"""Gains and comparisons are those of the tables, of the paper and of own runs alike; unlike things are refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from conftest import result_row
from scipy import stats as scipy_stats

from unibert_lib import results, stats
from unibert_lib.results import store


def row(**changes):
    return result_row(**{"model": "on-0", "finetune_seed": 0} | changes)


def frame(rows):
    return store.frame(results.check(one) for one in rows)


def runs(models=("on-0", "on-1", "off-0", "off-1"), tasks=("ner", "qa"), seeds=(0, 1), settings=("each", "all")):
    """Rows of own runs: scores drawn, those of "on" in `all` higher."""
    rng = np.random.default_rng(5)
    rows = []
    for model in models:
        for task in tasks:
            for seed in seeds:
                for setting in settings:
                    for code in ("de", "en"):
                        score = (
                            0.5 + (setting == "all") * (0.1 if model.startswith("on") else 0.03) + rng.normal(0, 0.01)
                        )
                        trained = code if setting == "each" else "de+en"
                        changes = {
                            "language": code,
                            "setting": setting,
                            "train_languages": trained,
                            "finetune_seed": seed,
                        }
                        rows.append(row(model=model, task=task, score=score, dataset_sha=f"{task}-{code}", **changes))
    return rows


OURS = {"on-0": "on", "on-1": "on", "off-0": "off", "off-1": "off"}


@pytest.fixture(scope="module")
def paper():
    return results.load_paper()


@pytest.fixture(scope="module")
def compared(paper):
    return stats.compare(paper, unit="task", cluster="model").set_index("test")


# Gains ---------------------------------------------------------------------------------------------------------------


def test_the_papers_gains_by_hand(paper):
    made = stats.gains(paper).set_index(["model", "task"])
    # Table 2, UniBERT-Small: (86.90 + 83.23 + 83.09) / (86.21 + 81.12 + 83.25) - 1.
    assert made.loc[("UniBERT-Small", "ner"), "gain"] == pytest.approx(253.22 / 250.58 - 1)
    # Table 5, mBERT-base over the seven languages that `each` has: 4.974 / 4.716.
    sts = made.loc[("mBERT-base", "sts")]
    assert sts["gain"] == pytest.approx((0.718 + 0.659 + 0.733 + 0.760 + 0.826 + 0.626 + 0.652) / 4.716 - 1)
    assert sts["languages"] == "ar+de+en+es+fr+pl+tr" and sts["each"] == pytest.approx(4.716 / 7)
    assert len(made) == 8 * 5 and (made["why"] == "").all()


def test_gains_have_no_unit(paper):
    percent = paper.copy()
    percent.loc[percent["task"] == "sts", "score"] *= 100
    pd.testing.assert_series_equal(stats.gains(percent)["gain"], stats.gains(paper)["gain"])


def test_the_gain_of_the_mean_score_by_hand(paper):
    made = stats.gains(paper, by="model", tasks=["ner", "nli", "qa", "sts"]).set_index("model")
    by_task = stats.gains(paper).set_index(["model", "task"]).loc["UniBERT-XSmall"].drop("legal_ner")
    assert made.loc["UniBERT-XSmall", "each"] == pytest.approx(by_task["each"].sum() / 4)
    assert made.loc["UniBERT-XSmall", "gain"] == pytest.approx(by_task["all"].sum() / by_task["each"].sum() - 1)


def test_a_language_that_scored_nothing_has_no_gain_and_says_why(paper):
    made = stats.gains(paper, by="language")
    [none] = made[made["gain"].isna()].to_dict("records")
    assert (none["model"], none["task"], none["language"]) == ("UniBERT-XSmall", "legal_ner", "mt")
    assert none["why"] == "each is 0: no share of it can be told"
    assert len(made) == 8 * (3 + 15 + 7 + 7 + 21)


def test_gains_over_seeds_are_of_the_mean_and_each_seed_has_its_own():
    rows = frame(
        row(setting=setting, finetune_seed=seed, score=score, train_languages=languages)
        for setting, languages, scores in (("each", "en", (0.4, 0.6)), ("all", "de+en", (0.5, 0.6)))
        for seed, score in enumerate(scores)
    )
    [mean] = stats.gains(rows).to_dict("records")
    assert mean["gain"] == pytest.approx(1.1 / 1.0 - 1) and mean["seeds"] == 2
    assert stats.gains(rows, by="seed")["gain"].tolist() == pytest.approx([0.25, 0.0])
    assert stats.gains(rows, by="language")["gain"].tolist() == pytest.approx([0.1])


def test_a_seed_that_lacks_a_language_counts_in_neither_setting():
    rows = runs(models=["on-0"], tasks=["ner"])
    lost = [r for r in rows if (r["setting"], r["language"], r["finetune_seed"]) != ("each", "de", 1)]
    [whole] = stats.gains(frame(r for r in rows if r["finetune_seed"] == 0)).to_dict("records")
    [made] = stats.gains(frame(lost)).to_dict("records")
    assert made["seeds"] == 1 and made["gain"] == pytest.approx(whole["gain"])


def test_a_language_whose_settings_share_no_seed_is_still_asked_for():
    rows = runs(models=["on-0"], tasks=["ner"])
    kept = [r for r in rows if r["language"] == "en" or r["finetune_seed"] == (r["setting"] == "all")]
    [made] = stats.gains(frame(kept)).to_dict("records")
    assert math.isnan(made["gain"]) and (made["seeds"], made["languages"]) == (0, "de+en")


def test_a_language_that_failed_in_all_seeds_leaves_a_row_with_the_reason():
    rows = [
        r | ({"score": None, "status": "nan"} if (r["setting"], r["language"]) == ("all", "de") else {}) for r in runs()
    ]
    made = stats.gains(frame(rows))
    assert made["gain"].isna().all() and set(made["why"]) == {
        "no seed has all languages in each and all; see missing()"
    }


def test_a_model_without_one_setting_is_a_row_without_a_gain():
    rows = [r for r in runs() if (r["model"], r["task"], r["setting"]) != ("on-1", "qa", "each")]
    made = stats.gains(frame(rows)).set_index(["model", "task"])
    assert math.isnan(made.loc[("on-1", "qa"), "gain"]) and made["gain"].notna().sum() == 7
    whole = stats.gains(frame(rows), by="model").set_index("model")
    assert whole.loc["on-1", "why"] == "no score of qa" and whole["gain"].isna().tolist() == [False, True, False, False]


def test_rivals_and_printed_averages_are_no_models(paper):
    rival = [
        row(model="baseline:x", setting=s, train_languages=t, control="none")
        for s, t in (("each", "en"), ("all", "de+en"))
    ]
    assert set(stats.gains(frame([*runs(), *rival]))["model"]) == set(OURS)
    pd.testing.assert_frame_equal(stats.gains(results.load_paper(averages=True)), stats.gains(paper))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ([row(metric="exact")], None),
        ([row(task="new"), row(task="new", metric="exact")], r"task 'new' has the metrics \['exact', 'f1'\].*name one"),
        (
            [row(preset="paper_literal", language="es", setting=s) for s in ("each", "all")],
            "stands for several: .*preset",
        ),
        ([row(learning_rate=1e-4)], "2 scores for model on-0"),
    ],
)
def test_what_an_entry_is_must_be_plain(extra, message):
    rows = frame([*runs(), *extra])
    if message is None:
        assert set(stats.gains(rows)["metric"]) == {"f1"}  # the paper's, where there is a choice
        return
    with pytest.raises(ValueError, match=message):
        stats.gains(rows)


def test_a_metric_can_be_named_and_a_task_must_be_there():
    rows = frame([*runs(tasks=["new"]), *[r | {"metric": "exact"} for r in runs(tasks=["new"])]])
    assert set(stats.gains(rows, metrics={"new": "exact"})["metric"]) == {"exact"}
    with pytest.raises(ValueError, match=r"no row of a model for the tasks \['old'\]; there are \['new'\]"):
        stats.gains(rows, tasks=["old"])
    with pytest.raises(ValueError, match="there are none"):
        stats.gains(results.load())
    with pytest.raises(ValueError, match="by='day': one of task, language, seed, model"):
        stats.gains(rows, metrics={"new": "f1"}, by="day")


def test_results_gain_is_what_the_notebooks_show(paper):
    made = results.gain(paper, "ner")
    # 84.40666 - 83.52666 for UniBERT-Small.
    assert 100 * made.loc["UniBERT-Small", "difference"] == pytest.approx((253.22 - 250.58) / 3)
    assert made.loc["UniBERT-Small", "relative"] == pytest.approx(253.22 / 250.58 - 1)
    assert list(made.columns) == ["each", "all", "difference", "relative"] and len(made) == 8
    mono = results.gain(paper, "sts", settings=("mono", "all"))
    assert mono.loc["mBERT-base", "mono"] == pytest.approx(7.230 / 10)  # all ten languages have both
    assert results.gain(frame(runs()), "qa").index.tolist() == list(OURS)
    with pytest.raises(ValueError, match="no model with task='sts' and metric='f1'"):
        results.gain(frame(runs()), "sts", "f1")
    with pytest.raises(ValueError, match=r"settings=\('all', 'all'\): two different ones of each, mono, all"):
        results.gain(frame(runs()), "qa", settings=("all", "all"))


def test_all_tables_come_in_the_papers_order(paper):
    made = results.tables(pd.concat([paper, frame(runs(tasks=["new"]))]))
    assert list(made) == ["ner", "nli", "qa", "sts", "legal_ner", "new"]
    pd.testing.assert_frame_equal(made["sts"], results.table(paper, "sts", "pearson"))


# Comparing -----------------------------------------------------------------------------------------------------------


def test_the_papers_comparison_is_scipys_on_32_gains(paper, compared):
    made = stats.gains(paper, tasks=["ner", "nli", "qa", "sts"])
    ours = made["model"].str.startswith("UniBERT")
    student = scipy_stats.ttest_ind(made.loc[ours, "gain"], made.loc[~ours, "gain"])
    assert compared.loc["Student's t", "p"] == pytest.approx(student.pvalue)
    assert compared.loc["Student's t", "entries"] == 32 and ours.sum() == 12
    means = made.groupby("model")["gain"].mean()
    new = means.index.str.startswith("UniBERT")
    assert compared.loc["Welch's t on cluster means", "p"] == pytest.approx(
        scipy_stats.ttest_ind(means[new], means[~new], equal_var=False).pvalue
    )
    # The three UniBERT models have the three largest means: one way of 56.
    assert means[new].min() > means[~new].max()
    assert compared.loc["cluster permutation", "p"] == pytest.approx(1 / 56)
    assert compared.loc["cluster permutation", "clusters"] == 8


def test_holm_is_over_all_rows_with_a_p(compared):
    p = compared["p"].dropna()
    assert len(p) == 11
    assert compared["p_holm"].min() == pytest.approx(11 * p.min())
    assert (compared["p_holm"].dropna() >= p).all() and compared.loc["BCa bootstrap", "p_holm"] is not None


def test_clusters_of_tasks_leave_one_paired_t(paper):
    made = stats.compare(paper, unit="task", cluster="task").set_index("test")
    by_task = stats.entries(paper, unit="task").pivot_table(index="task", columns="group", values="gain")
    expected = scipy_stats.ttest_rel(by_task["UniBERT"], by_task["baselines"])
    assert made.loc["paired t on cluster means", "p"] == pytest.approx(expected.pvalue)
    assert "Welch's t on cluster means" not in made.index and made.loc["cluster-robust OLS", "df"] == 3


def test_no_clusters_leave_the_tests_of_independent_entries(paper):
    made = stats.compare(paper, unit="language", cluster="none")
    assert made["test"].tolist()[-1] == "Cliff's delta" and (made["clusters"] == 0).all()
    assert set(made["entries"]) == {8 * (3 + 15 + 7 + 7)}


def test_groups_can_be_chosen_and_other_models_are_left_out(paper):
    fewer = {name: group for name, group in stats.PAPER_GROUPS.items() if name != "XLM-V-base"}
    made = stats.compare(paper, groups=fewer)
    assert set(made["entries"]) == {28} and made["clusters"].max() == 7


def test_an_entry_without_a_gain_is_left_out_and_told(paper):
    made = stats.compare(paper, unit="language", cluster="model", tasks=["legal_ner"]).set_index("test")
    assert made.loc["Student's t", "entries"] == 8 * 21 - 1
    assert made["note"].str.endswith("1 left out (UniBERT-XSmall legal_ner mt)").all()
    assert made.loc["mixed model", "note"].startswith("no figure: one cluster only, 'legal_ner'")


def test_own_runs_are_read_back_and_compared(tmp_path):
    results.append(tmp_path / "a.jsonl", runs()[:40])
    results.append(tmp_path / "b.jsonl", runs()[40:])
    held = results.load(tmp_path)
    made = stats.compare(held, unit="seed", cluster="model", groups=OURS).set_index("test")
    assert made.loc["Student's t", "entries"] == 16 and made.loc["cluster permutation", "clusters"] == 4
    assert made.loc["cluster permutation", "p"] == pytest.approx(2 / 6)  # of six ways, this and its mirror
    assert 0.1 < made.loc["Welch's t", "estimate"] < 0.2
    assert list(stats.model_gains(held, groups=OURS)["group"]) == ["on", "on", "off", "off"]


def test_checkpoints_are_clusters_of_their_own():
    rows = [
        r | {"pretrain_seed": seed, "checkpoint_sha": str(seed)} for seed in (0, 1, 2) for r in runs(["on-0", "off-0"])
    ]
    made = stats.compare(frame(rows), unit="seed", cluster="checkpoint", groups=OURS).set_index("test")
    assert made.loc["cluster-robust OLS", "clusters"] == 6


def test_two_models_of_one_seed_have_rows_that_say_why_there_is_no_figure():
    one = frame(runs(models=["on-0", "off-0"], tasks=["ner"], seeds=[0]))
    made = stats.compare(one, groups=OURS).set_index("test")
    assert made["p"].isna().all() and made["note"].str.startswith("no figure: ").all()
    assert "add seeds, tasks or models" in made.loc["Welch's t", "note"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"unit": "seed"}, "unit='seed' needs several seeds"),
        ({"unit": "day"}, "unit='day': one of task, language, seed"),
        ({"cluster": "language"}, "cluster='language' with unit='task': one of model, task, none"),
        ({"groups": {"on-0": "on"}}, r"the groups \['on'\] have a model here, two are compared"),
        ({"groups": None}, r"the groups \[\] have a model here"),
        ({"tasks": ["sts"]}, r"no row of a model for the tasks \['sts'\]"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused(how, message):
    with pytest.raises(ValueError, match=message):
        stats.compare(frame(runs(seeds=[0])), **({"groups": OURS} | how))


def test_a_model_that_lacks_a_task_is_refused_by_name():
    rows = [r for r in runs() if (r["model"], r["task"], r["setting"]) != ("on-1", "qa", "each")]
    with pytest.raises(ValueError, match=r"no whole set of scores in both each and all for on-1 qa: see missing\(\)"):
        stats.compare(frame(rows), groups=OURS)
    assert set(stats.compare(frame(rows), groups=OURS, tasks=["ner"])["entries"]) == {4}


# Unlike things -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("which", "changes", "message"),
    [
        (
            "on-1",
            {"dataset": "CoNLL"},
            r"dataset of task ner .*: atlas \(on-0, off-0, off-1\), CoNLL \(on-1\). Remedy",
        ),
        ("on-1", {"split": "dev"}, "split of task ner .*: test .*dev .on-1.. Remedy: score all models on one split"),
        (
            "on-1",
            {"control": "epochs"},
            "control of task ner .*epochs .on-1.. Remedy: run all models under one control",
        ),
        ("on-1", {"dataset_sha": "x"}, "dataset_sha of task ner, language de: .*Remedy: the test files differ"),
        (
            "on-1",
            {"steps": 9},
            "steps of task ner, setting each, language de .and 7 places more.: 300 .*9 .on-1.. Remedy: give all models",
        ),
    ],
)
def test_models_that_were_not_tested_alike_are_refused_by_name(which, changes, message):
    rows = frame(r | (changes if r["model"] == which else {}) for r in runs())
    with pytest.raises(stats.UnlikeError, match=message):
        stats.compare(rows, groups=OURS)


def test_another_metric_is_refused_by_name():
    rows = frame(r | ({"metric": "exact"} if r["model"] == "on-1" else {}) for r in runs())
    with pytest.raises(ValueError, match="on-1 has ner in exact only; on-1 has qa in exact only: name one metric"):
        stats.compare(rows, groups=OURS)
    with pytest.raises(stats.UnlikeError, match=r"metric of task ner .*: f1 .*exact \(on-1\). Remedy: name one metric"):
        stats.refuse_unlike(rows)


def test_other_languages_are_refused_by_name():
    rows = frame(r for r in runs() if (r["model"], r["language"]) != ("on-1", "de"))
    with pytest.raises(
        stats.UnlikeError, match=r"languages of task ner: 'de\+en' .*'en' \(on-1\).*filter the frame to \['en'\]"
    ):
        stats.compare(rows, groups=OURS)


def test_other_languages_of_training_are_refused_by_name():
    rows = frame(
        r | ({"train_languages": "de+en+es"} if (r["model"], r["setting"]) == ("on-1", "all") else {}) for r in runs()
    )
    with pytest.raises(stats.UnlikeError, match=r"train_languages of task ner, setting all, language de .*on-1"):
        stats.compare(rows, groups=OURS)


def test_steps_must_be_equal_where_the_control_says_so():
    rows = [r | ({"steps": 600} if r["setting"] == "all" else {}) for r in runs()]
    with pytest.raises(
        stats.UnlikeError, match=r"steps of task ner, model off-0 under equal_steps: each \['300'\], all \['600'\]"
    ):
        stats.compare(frame(rows), groups=OURS)
    stats.compare(frame(r | {"control": "epochs"} for r in rows), groups=OURS)


def test_the_paper_and_own_runs_are_not_one_comparison(paper):
    both = pd.concat([paper, frame(runs(tasks=["ner"]))], ignore_index=True)
    with pytest.raises(stats.UnlikeError, match=r"dataset of task ner: CoNLL-2002/2003 .*atlas"):
        stats.compare(both, groups={**OURS, **dict.fromkeys(stats.PAPER_GROUPS, "off")}, tasks=["ner"])


def test_all_that_differs_is_named_at_once():
    rows = frame(r | ({"split": "dev", "steps": 9} if r["model"] == "on-1" else {}) for r in runs())
    with pytest.raises(stats.UnlikeError) as error:
        stats.refuse_unlike(rows)
    assert "split of" in str(error.value) and "steps of" in str(error.value)


def test_the_paper_is_alike(paper):
    stats.refuse_unlike(paper)


# Missing -------------------------------------------------------------------------------------------------------------


def test_nothing_is_missing_from_a_whole_matrix():
    assert stats.missing(frame(runs())).empty


def test_missing_cells_are_listed_with_the_reason():
    rows = [r for r in runs() if (r["model"], r["task"], r["setting"], r["finetune_seed"]) != ("on-1", "qa", "each", 1)]
    rows[0] |= {"score": None, "status": "out of memory"}
    made = stats.missing(frame(rows))
    assert len(made) == 3
    assert made.iloc[0][["model", "task", "setting", "language", "why"]].tolist() == [
        "on-1",
        "qa",
        "each",
        "de",
        "no row",
    ]
    assert made.iloc[2][["model", "setting", "why"]].tolist() == ["on-0", "each", "out of memory"]
    assert made["finetune_seed"].tolist() == [1, 1, 0]


def test_a_language_without_training_data_is_not_asked_alone():
    rows = [
        *runs(),
        *[
            row(model=m, task=t, language="it", finetune_seed=s, dataset_sha="it")
            for m in OURS
            for t in ("ner", "qa")
            for s in (0, 1)
        ],
    ]
    assert stats.missing(frame(rows)).empty
    del rows[-1]
    [one] = stats.missing(frame(rows)).to_dict("records")
    assert (one["model"], one["language"], one["setting"]) == ("off-1", "it", "all")


def test_the_paper_misses_its_dashes_alone(paper):
    made = stats.missing(paper)
    assert len(made) == 24 and set(made["why"]) == {"not reported"} and set(made["language"]) == {"it", "ru", "zh"}


# Pairs, tasks, Figure 3 ----------------------------------------------------------------------------------------------


def test_each_model_and_task_is_paired_over_its_languages(paper):
    made = stats.paired(paper).set_index(["model", "task"])
    cells = paper[(paper["model"] == "mBERT-base") & (paper["task"] == "nli")].pivot(
        index="language", columns="setting", values="score"
    )
    expected = scipy_stats.ttest_rel(cells["all"], cells["each"])
    found = made.loc[("mBERT-base", "nli")]
    assert (found["pairs"], found["p"]) == (15, pytest.approx(expected.pvalue))
    assert found["p_wilcoxon"] == pytest.approx(scipy_stats.wilcoxon((cells["all"] - cells["each"]).round(6)).pvalue)
    assert len(made) == 40 and (made["p_holm"] >= made["p"]).all()


def test_a_pair_alone_is_a_row_that_says_so():
    made = stats.paired(frame(r for r in runs(seeds=[0]) if r["language"] == "en"))
    assert made["p"].isna().all() and made["note"].str.contains("1 value").all()
    with pytest.raises(ValueError, match="no model has a score in both 'each' and 'all'"):
        stats.paired(frame(runs(settings=["all"])))


def test_tasks_one_by_one_have_holm_over_tasks(paper):
    made = stats.by_task(paper).set_index("task")
    part = stats.entries(paper, unit="task").query("task == 'nli'")
    new = part["group"] == "UniBERT"
    expected = scipy_stats.ttest_ind(part.loc[new, "gain"], part.loc[~new, "gain"], equal_var=False)
    assert made.loc["nli", "p"] == pytest.approx(expected.pvalue)
    assert made["p_holm"].min() == pytest.approx(4 * made["p"].min())


def test_figure_3_has_the_mean_over_tasks_and_both_intervals(paper):
    made = stats.model_gains(paper, groups=stats.PAPER_GROUPS, resamples=500).set_index("model").loc["UniBERT-Small"]
    gains = stats.gains(paper).query("model == 'UniBERT-Small' and task != 'legal_ner'")["gain"]
    half = scipy_stats.t.ppf(0.975, 3) * gains.std() / 2
    assert (made["mean"], made["high"]) == (pytest.approx(gains.mean()), pytest.approx(gains.mean() + half))
    assert made["low"] < made["boot_low"] < made["mean"] < made["boot_high"] and made["group"] == "UniBERT"
    assert gains.min() - 0.05 < made["boot_low"] and made["boot_high"] < gains.max() + 0.05


def test_figure_3_says_what_is_missing():
    rows = [r for r in runs() if not (r["model"] == "on-1" and r["task"] == "qa" and r["setting"] == "each")]
    made = stats.model_gains(frame(rows), resamples=50).set_index("model")
    assert made.loc["on-1", "tasks"] == 1 and math.isnan(made.loc["on-1", "low"])
    assert (
        made.loc["on-1", "why"]
        == "qa: no seed has all languages in each and all; see missing(); 1 task(s): no interval"
    )
    assert made.loc["on-0", "why"] == ""


def compared_of(*rows):
    names = ["test", "quantity", "estimate", "low", "high", "p", "p_holm", "entries", "clusters"]
    return pd.DataFrame([(name, "difference of means", *rest) for name, *rest in rows], columns=names)


def test_the_sentences_of_a_comparison_are_made_from_its_table():
    said = stats.in_words(
        compared_of(
            ("Student's t", 0.06, 0.01, 0.11, 0.02, 0.06, 32, 0),
            ("Welch's t", 0.06, -0.01, 0.13, 0.2, 0.2, 32, 0),
            ("wild", 0.05, math.nan, math.nan, 0.03, 0.06, 32, 8),
        )
    )
    assert said == [
        "Taken as independent (32 entries): a difference of 6.00 points, "
        "p from 0.0200 (Student's t) to 0.2000 (Welch's t).",
        "Taken by clusters (32 entries in 8 clusters): a difference of 5.00 points, p 0.0300 (wild).",
        "Of 3 tests 2 have p below 0.05; after Holm's correction for all of them, 0.",
        "The interval holds zero in 1 of 2 tests: Welch's t.",
    ]


def test_without_a_clustered_p_a_sentence_says_so():
    said = stats.in_words(compared_of(("Student's t", -0.06, -0.11, -0.01, 0.001, 0.001, 8, 0)))
    assert "difference of -6.00 points" in said[0]
    assert said[1] == "Taken by clusters, no test gives a p: the notes say why."
    assert said[2].endswith("after Holm's correction for all of them, 1.")
    assert said[3] == "The interval holds zero in 0 of 1 tests."

"""Power is that of the closed form where there is one; components are those the data were made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import TTestIndPower, TTestPower

from unibert_lib import results, stats


def found(model=0.03, interaction=0.02, seed=0.04, slope=0.05, mean=0.05):
    half = {
        "models": 3,
        "tasks": 4,
        "model": model,
        "task": 0.01,
        "interaction": interaction,
        "seed": seed,
        "slope": slope,
    }
    return pd.DataFrame([{"group": "new", "mean": mean, **half}, {"group": "old", "mean": 0.0, **half}])


def test_over_models_power_is_the_closed_form_of_the_t_test():
    made = stats.power(found(), models=[8, 16], tasks=[4], seeds=[1, 5], draws=20_000)
    for row in made.itertuples():
        sd = np.sqrt(0.03**2 + (0.02**2 + 0.04**2 / row.seeds) / 4)
        closed = TTestIndPower().power(0.05 / sd, nobs1=row.first, alpha=0.05)
        assert row.power == pytest.approx(closed, abs=0.02)  # Welch's t is a little weaker with few models
    assert made["models"].tolist() == ["8 + 8", "8 + 8", "16 + 16", "16 + 16"]


def test_over_tasks_power_is_the_closed_form_of_the_paired_t_test():
    made = stats.power(found(), over="tasks", models=[(3, 5)], tasks=[4, 10], seeds=[2], draws=20_000)
    for row in made.itertuples():
        sd = np.sqrt(0.05**2 + (0.02**2 + 0.04**2 / 2) * (1 / 3 + 1 / 5))
        assert row.power == pytest.approx(TTestPower().power(0.05 / sd, nobs=row.tasks, alpha=0.05), abs=0.012)


def test_without_an_effect_power_is_the_level():
    made = stats.power(found(), effect=0.0, models=[6], tasks=[4], seeds=[1], alpha=0.1, draws=20_000)
    assert made["power"].item() == pytest.approx(0.1, abs=0.01)
    assert made["error"].item() == pytest.approx(np.sqrt(0.1 * 0.9 / 20_000), rel=0.1)


def test_more_seeds_do_not_replace_models():
    made = stats.power(found(model=0.06, seed=0.001), models=[3], tasks=[4], seeds=[1, 100])["power"]
    assert made.iloc[1] == pytest.approx(made.iloc[0], abs=0.03)


def test_a_seed_gives_the_same_table_again():
    how = {"models": [(3, 5)], "tasks": [4], "seeds": [1, 3], "draws": 500}
    pd.testing.assert_frame_equal(stats.power(found(), **how, seed=1), stats.power(found(), **how, seed=1))
    assert not stats.power(found(), **how, seed=1).equals(stats.power(found(), **how, seed=2))


def drawn(rng, models, tasks, seeds=1, sd_model=0.05, sd_cell=0.03, sd_seed=0.04, sd_slope=0.06):
    task, slope = rng.normal(0, 0.1, tasks), rng.normal(0, sd_slope, tasks)
    rows = []
    for number in range(2 * models):
        own, cells = rng.normal(0, sd_model), rng.normal(0, sd_cell, tasks)
        for t in range(tasks):
            for s in range(seeds):
                gain = own + task[t] + cells[t] + rng.normal(0, sd_seed) + (number < models) * (0.2 + slope[t])
                rows.append(
                    {
                        "group": "new" if number < models else "old",
                        "model": f"m{number}",
                        "task": f"t{t}",
                        "pretrain_seed": 0,
                        "finetune_seed": s,
                        "gain": gain,
                    }
                )
    return pd.DataFrame(rows)


def test_components_are_those_the_data_were_made_of():
    made = stats.components(drawn(np.random.default_rng(0), models=60, tasks=60, seeds=3))
    assert made["model"].tolist() == pytest.approx([0.05] * 2, rel=0.25)
    assert made["interaction"].tolist() == pytest.approx([0.03] * 2, rel=0.1)
    assert made["seed"].tolist() == pytest.approx([0.04] * 2, rel=0.05)
    assert made["slope"].tolist() == pytest.approx([0.06] * 2, rel=0.25)
    assert set(made["seed_from"]) == {"measured"}


def test_components_by_hand():
    # Two models, two tasks: 0, 4 / 2, 10. Mean 4; models -2, +2; tasks -3, +3; rest +1 -1 -1 +1, mean square 4.
    cells = pd.DataFrame({"group": "new", "model": list("aabb"), "task": list("xyxy"), "gain": [0.0, 4.0, 2.0, 10.0]})
    made = stats.components(cells, seed_share=0.25).iloc[0]
    assert made["mean"] == 4
    assert made["model"] == pytest.approx(np.sqrt((2 * 8 - 4) / 2)) and made["task"] == pytest.approx(
        np.sqrt((2 * 18 - 4) / 2)
    )
    assert (made["interaction"], made["seed"]) == (pytest.approx(np.sqrt(3)), pytest.approx(1))
    assert made["seed_from"] == "assumed" and np.isnan(made["slope"])


def test_the_slope_is_what_noise_does_not_explain_by_hand():
    # Task means 1 and 7 against 0 and 0: the differences' variance is 18, of which noise gives 4 / 2 models + 0.
    new = pd.DataFrame({"group": "new", "model": list("aabb"), "task": list("xyxy"), "gain": [0.0, 4.0, 2.0, 10.0]})
    old = pd.DataFrame({"group": "old", "model": list("ccdd"), "task": list("xyxy"), "gain": 0.0})
    assert stats.components(pd.concat([new, old]))["slope"].tolist() == pytest.approx([4, 4])


def test_a_negative_variance_is_none():
    cells = pd.DataFrame({"group": "new", "model": list("aabb"), "task": list("xyxy"), "gain": [1.0, -1.0, -1.0, 1.0]})
    made = stats.components(cells).iloc[0]
    assert (made["model"], made["task"]) == (0, 0)


def test_the_papers_components_come_from_its_tables():
    entries = stats.entries(results.load_paper(), unit="task")
    made = stats.components(entries).set_index("group")
    means = entries.groupby("group")["gain"].mean()
    assert made.loc["UniBERT", "mean"] == pytest.approx(means["UniBERT"])
    assert (made["models"].tolist(), made["tasks"].tolist()) == ([3, 5], [4, 4])
    # One figure a cell: by default half of the variance within a model is called the seeds'.
    assert made["interaction"].tolist() == pytest.approx(made["seed"].tolist())


@pytest.mark.parametrize(
    ("cells", "how", "message"),
    [
        ({"model": list("aa"), "task": list("xy"), "gain": [0.0, 1.0]}, {}, "1 models, 2 tasks"),
        ({"model": list("aab"), "task": list("xyx"), "gain": [0.0, 1.0, 2.0]}, {}, "1 empty cells"),
        ({"model": list("aabb"), "task": list("xyxy"), "gain": [0.0, 1.0, 2.0, np.nan]}, {}, "1 empty cells"),
        ({"model": list("aabb"), "task": list("xyxy"), "gain": [0.0, 1.0, 2.0, 4.0]}, {"seed_share": 2}, "a share"),
    ],
)
def test_tables_without_components_are_refused(cells, how, message):
    with pytest.raises(ValueError, match=message):
        stats.components(pd.DataFrame({"group": "new", **cells}), **how)


def test_an_assumed_share_is_refused_where_seeds_are_measured():
    with pytest.raises(ValueError, match="these have several: leave it out"):
        stats.components(drawn(np.random.default_rng(0), 2, 2, seeds=2), seed_share=0.5)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"models": [1]}, "over models, two of them at least"),
        ({"over": "tasks", "tasks": [1]}, "over tasks, two of them"),
        ({"seeds": [0]}, "two of them"),
        ({"over": "days"}, "over='days'"),
    ],
)
def test_designs_that_cannot_be_tested_are_refused(how, message):
    with pytest.raises(ValueError, match=message):
        stats.power(found(), **how)


def test_one_group_alone_and_unknown_slopes_are_refused():
    with pytest.raises(ValueError, match=r"groups \['new'\]: the components of two groups"):
        stats.power(found().head(1))
    with pytest.raises(ValueError, match="different tasks"):
        stats.power(found(slope=np.nan), over="tasks", tasks=[4])

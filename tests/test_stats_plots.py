"""The figures of the statistics draw what their tables say."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from unibert_lib import stats_plots

ENTRIES = pd.DataFrame(
    [
        ("a", "new", "ner", 0.10),
        ("a", "new", "qa", 0.20),
        ("b", "new", "ner", 0.12),
        ("c", "old", "ner", 0.01),
        ("c", "old", "qa", -0.03),
    ],
    columns=["model", "group", "task", "gain"],
)
TESTS = pd.DataFrame(
    [
        ("Student's t", "difference of means", 0.15, 0.05, 0.25, 0.0123, 0),
        ("permutation", "difference of means", 0.15, math.nan, math.nan, 0.0001, 0),
        ("Hedges' g", "standard deviations", 2.0, 1.0, 3.0, math.nan, 0),
        ("wild cluster bootstrap", "difference of means", 0.14, -math.inf, 0.31, 0.2, 3),
        ("mixed model", "difference of means", math.nan, math.nan, math.nan, math.nan, 3),
    ],
    columns=["test", "quantity", "estimate", "low", "high", "p", "clusters"],
)
LANGUAGES = pd.DataFrame(
    [
        ("a", "ner", "de", 0.5, 0.6),
        ("a", "ner", "en", 0.8, 0.7),
        ("a", "ner", "es", 0.4, math.nan),
        ("b", "ner", "de", 0.3, 0.3),
        ("b", "qa", "de", 0.1, 0.2),
    ],
    columns=["model", "task", "language", "each", "all"],
)


def lines(axis, label):
    """The data of the lines whose label begins so."""
    return [
        [list(map(float, side)) for side in line.get_data()]
        for line in axis.lines
        if str(line.get_label()).startswith(label)
    ]


def names(axis):
    return [tick.get_text() for tick in axis.get_yticklabels()]


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_a_forest_has_a_mark_an_entry_and_the_groups_means():
    left, _ = stats_plots.forest(ENTRIES, TESTS).axes
    assert names(left) == ["a", "b", "mean of new", "c", "mean of old"]
    drawn = sorted(round(x, 6) for label in ("_ner", "_qa") for xs, _ in lines(left, label) for x in xs)
    assert drawn == [-3, 1, 10, 12, 20]
    assert [round(xs[0], 6) for xs, _ in lines(left, "_mean")] == [14, -1]
    assert texts(left) == ["14.00 %", "-1.00 %"]
    # Two tasks of one model stand a little apart in height.
    heights = [ys[0] for label in ("_ner", "_qa") for xs, ys in lines(left, label)]
    assert len(set(heights)) == 5


def test_a_forest_shows_each_test_with_its_interval_and_p():
    _, right = stats_plots.forest(ENTRIES, TESTS).axes
    assert names(right) == ["Student's t", "permutation", "wild cluster bootstrap"]
    assert texts(right) == ["p = 0.012", "p < 0.0005", "p = 0.200"]
    (student, _), (wild, _) = lines(right, "_interval")
    assert student == pytest.approx([5, 25])
    assert wild == pytest.approx([right.get_xlim()[0], 31])  # an open end goes to the edge


def test_a_forest_shows_both_intervals_of_a_mean():
    means = pd.DataFrame(
        {
            "group": ["new", "old"],
            "low": [0.1, 0.0],
            "high": [0.2, 0.1],
            "cluster_low": [0.05, -0.1],
            "cluster_high": [0.25, 0.2],
        }
    )
    left, _ = stats_plots.forest(ENTRIES, TESTS, means).axes
    drawn = [xs for xs, _ in lines(left, "_mean's interval")]
    assert drawn == [pytest.approx(x) for x in ([10, 20], [5, 25], [0, 10], [-10, 20])]


def test_slopes_go_from_each_to_all_and_name_what_falls():
    figure = stats_plots.slopes(LANGUAGES, "ner")
    first, second = figure.axes
    assert [ys for _, ys in lines(first, "_de")] == [pytest.approx([50, 60])]
    assert [ys for _, ys in lines(first, "_en")] == [pytest.approx([80, 70])]
    assert lines(first, "_es") == [] and texts(first) == ["en"]
    assert [ys for _, ys in lines(first, "_mean")] == [pytest.approx([65, 65])]
    assert first.get_title() == "a\n1 of 2 languages rise" and second.get_title() == "b\n0 of 1 languages rise"
    dashes = {str(line.get_label()): line.get_linestyle() for line in first.lines}
    assert (dashes["_de"], dashes["_en"]) == ("-", "--")


def test_names_at_the_ends_of_slopes_do_not_overlap():
    many = pd.DataFrame(
        {"model": "a", "task": "ner", "language": list("abcdefgh"), "each": 0.6, "all": np.linspace(0.5, 0.52, 8)}
    )
    [axis] = stats_plots.slopes(pd.concat([many, many.tail(1).assign(**{"all": 0.9})]), "ner").axes
    heights = sorted(text.get_position()[1] for text in axis.texts)
    assert len(heights) == 8 and min(np.diff(heights)) > 1
    assert np.mean(heights) == pytest.approx(51)  # moved apart about their middle


def test_figure_3_has_means_both_intervals_and_what_is_missing():
    table = pd.DataFrame(
        {
            "model": ["a", "b", "c"],
            "group": ["new", "new", "old"],
            "mean": [0.1, 0.05, math.nan],
            "low": [0.0, math.nan, math.nan],
            "high": [0.2, math.nan, math.nan],
            "boot_low": [0.06, math.nan, math.nan],
            "boot_high": [0.15, math.nan, math.nan],
            "pooled": [0.08, 0.05, math.nan],
            "why": ["", "", "qa: none"],
        }
    )
    [axis] = stats_plots.gains_by_model(table).axes
    assert names(axis) == ["a", "b", "c"]
    assert [xs for xs, _ in lines(axis, "_t")] == [pytest.approx([0, 20])]
    assert [xs for xs, _ in lines(axis, "_boot")] == [pytest.approx([6, 15])]
    assert [xs[0] for xs, _ in lines(axis, "_model")] == pytest.approx([10, 5])
    assert [xs[0] for xs, _ in lines(axis, "_pooled")] == pytest.approx([8, 5])
    assert texts(axis) == ["10.00 %", "5.00 %", "no figure: qa: none"]


def test_power_is_drawn_against_seeds_or_against_tasks():
    table = pd.DataFrame(
        [
            ("models", design, tasks, seeds, 0.06, 0.1 * seeds)
            for design in ("3 + 5", "8 + 8")
            for tasks in (4, 8)
            for seeds in (1, 3)
        ],
        columns=["over", "models", "tasks", "seeds", "effect", "power"],
    )
    figure = stats_plots.power_curves(table)
    assert [axis.get_title() for axis in figure.axes] == ["tasks: 4", "tasks: 8"]
    assert lines(figure.axes[0], "8 + 8") == [[[1, 3], pytest.approx([10, 30])]]
    assert figure.axes[0].get_ylabel() == "power (%) to find 6.0 points"
    other = stats_plots.power_curves(table.assign(over="tasks"))
    assert [axis.get_title() for axis in other.axes] == ["seeds: 1", "seeds: 3"]
    assert lines(other.axes[1], "3 + 5") == [[[4, 8], pytest.approx([30, 30])]]


def test_the_audit_shows_deviations_by_verdict_and_names_what_has_none():
    claims = pd.DataFrame(
        {
            "id": ["x", "y", "z"],
            "printed": [2.0, 4.0, 5.0],
            "recomputed": [2.1, 4.0, math.nan],
            "verdict": ["differs", "reproduced", "none"],
        }
    )
    [axis] = stats_plots.audit_points(claims).axes
    assert names(axis) == ["x", "y", "z"]
    assert [lines(axis, f"_{place}")[0][0] for place in (0, 1)] == [pytest.approx([5]), pytest.approx([0])]
    assert lines(axis, "_2") == []
    assert texts(axis) == ["2 → 2.1", "4 → 4", "5 → -"]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["differs (1)", "reproduced (1)", "none (1)"]


def test_claims_of_one_verdict_stand_together():
    claims = pd.DataFrame({"id": list("wxyz"), "printed": 1.0, "recomputed": 1.0, "verdict": ["b", "a", "b", "a"]})
    assert names(stats_plots.audit_points(claims).axes[0]) == ["w", "y", "x", "z"]


def test_a_map_of_differences_is_centred_on_nothing_and_written_out():
    table = pd.DataFrame({"ner": [0.5, -0.001], "qa": [-2.0, math.nan]}, index=["a", "b"])
    axis = stats_plots.difference_heatmap(table, "points").axes[0]
    [image] = axis.images
    assert (image.norm.vmin, image.norm.vcenter, image.norm.vmax) == (-2, 0, 2)
    assert texts(axis) == ["+0.50", "-2.00", "0"] and names(axis) == ["a", "b"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: stats_plots.forest(ENTRIES.drop(columns="gain"), TESTS),
        lambda: stats_plots.forest(ENTRIES, TESTS.head(0)),
        lambda: stats_plots.slopes(LANGUAGES, "sts"),
        lambda: stats_plots.gains_by_model(pd.DataFrame()),
        lambda: stats_plots.power_curves(pd.DataFrame()),
        lambda: stats_plots.audit_points(pd.DataFrame({"id": []})),
        lambda: stats_plots.difference_heatmap(pd.DataFrame({"a": [math.nan]}), "x"),
    ],
)
def test_nothing_to_draw_is_an_error_that_says_so(draw):
    with pytest.raises(ValueError, match="nothing to draw"):
        draw()


def test_figures_stay_out_of_pyplots_registry():
    before = pyplot.get_fignums()
    stats_plots.slopes(LANGUAGES, "ner")
    assert pyplot.get_fignums() == before

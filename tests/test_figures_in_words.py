"""Every figure has an alt text made of its data, and draws data at their limits: zeros, one point, none, a hundred."""

import inspect
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter

from unibert_lib import drawing, plots, stats_plots, task_plots

HUNDRED = [f"l{number:02}" for number in range(100)]


def frame(rows, *columns):
    return pd.DataFrame(rows, columns=columns or None)


def forest(gain):
    entries = frame([("a", "new", "ner", gain), ("c", "old", "ner", 0.01)], "model", "group", "task", "gain")
    names = ("test", "quantity", "estimate", "low", "high", "p", "clusters")
    tests = frame([("Welch's t", "difference of means", gain - 0.01, -0.1, 0.3, 0.0123, 0)], *names)
    return stats_plots.forest(entries, tests)


def gains(mean):
    names = ("model", "group", "mean", "low", "high", "boot_low", "boot_high", "pooled", "why")
    rows = [("a", "new", mean, 0.0, 0.2, 0.06, 0.15, 0.08, ""), ("b", "old", *[math.nan] * 6, "qa: none")]
    return stats_plots.gains_by_model(frame(rows, *names))


def claims(value):
    rows = [
        ("x", "5.1", "average", "small", "ner", "each", 2.0, value, "differs"),
        ("y", "", "", "", "", "", 4, 4, "ok"),
    ]
    names = ("id", "place", "quantity", "model", "task", "setting", "printed", "recomputed", "verdict")
    return stats_plots.audit_points(frame(rows, *names))


def scores(value, languages=("en", "sw")):
    rows = [("m", setting, code, value) for setting in ("each", "all") for code in languages]
    rows.append(("baseline:x", "all", languages[-1], value / 2))
    return task_plots.scores_by_setting(frame(rows, "model", "setting", "language", "score"), "F1 (%)")


def curves(value):
    table = frame({"step": [0, 1, 2], "mlm": [9.5, 5.0, value], "distillation": 2.0, "discriminator": 1.5})
    table["gradient_mlm"], table["gradient_adversary"] = 1.0, 0.25
    table["discriminator_accuracy"], table["chance"], table["tokens"], table["seconds"] = 0.5, 0.35, 100.0, 0.5
    return plots.loss_curves(table)


# Each figure as a function of one value of its data, and what its text says of 0.125 (in the axis' unit).
FIGURES = {
    plots.corpus_bars: (
        lambda v: plots.corpus_bars(
            frame([("en", 2e6, v * 2e6), ("sw", 1e6, 1e6)], "language", "bytes_in", "bytes_out")
        ),
        "after: lowest 0.25 (en), highest 1 (sw)",
    ),
    plots.stacked_bars: (
        lambda v: plots.stacked_bars(pd.DataFrame({"a": [v, 3.0]}, index=["en", "sw"]), "MB"),
        "a: lowest 0.125 (en), highest 3 (sw)",
    ),
    plots.drops_stacked: (
        lambda v: plots.drops_stacked(pd.DataFrame({"digits": [v, 4.0]}, index=["en", "sw"])),
        "digits: lowest 0.125 (en), highest 4 (sw)",
    ),
    plots.token_histogram: (
        lambda v: plots.token_histogram({"en": [int(v * 8)] * 3, "sw": [40, 600]}),
        "maximum: lowest 1 (en), highest 600 (sw)",
    ),
    plots.size_comparison: (
        lambda v: plots.size_comparison(
            frame([("small", "3072", v), ("small", "Table 1", 87.0)], "size", "assumption", "value")
        ),
        "3072: 0.125 (small)",
    ),
    plots.loss_curves: (curves, "MLM: from 9.5 at 0 to 0.125 at 2"),
    plots.grouped_bars: (
        lambda v: plots.grouped_bars(pd.DataFrame({"a": [v, 3.0]}, index=["en", "sw"]), "MB"),
        "a: lowest 0.125 (en), highest 3 (sw)",
    ),
    plots.accuracy_by_language: (
        lambda v: plots.accuracy_by_language(pd.DataFrame({"a": [v, 0.3]}, index=["en", "sw"])),
        "a: lowest 12.5 (en), highest 30 (sw)",
    ),
    plots.probe_bars: (
        lambda v: plots.probe_bars(frame([("with", v), ("without", 0.9)], "run", "accuracy"), 1 / 6),
        "mean accuracy: lowest 12.5 (with), highest 90 (without)",
    ),
    task_plots.scores_by_setting: (scores, "all: 12.5 for each of 2"),
    task_plots.confusion: (
        lambda v: task_plots.confusion(["a"] * 8, ["b"] * int(8 * v) + ["a"] * (8 - int(8 * v)), ["a", "b"]),
        "a was answered with: lowest 12.5 (b), highest 87.5 (a)",
    ),
    task_plots.scatter_scores: (
        lambda v: task_plots.scatter_scores(frame([("en", 0, 0.0), ("en", 1, v)], "language", "human", "predicted")),
        "fitted line",
    ),
    task_plots.span_scores: (
        lambda v: task_plots.span_scores(["x", "y"], [v, 0.9], [0.5, 0.5]),
        "start: lowest 0.125 (x), highest 0.9 (y)",
    ),
    stats_plots.forest: (forest, "mean of new: 12.5 (1 entries)"),
    stats_plots.slopes: (
        lambda v: stats_plots.slopes(
            frame([("a", "ner", "de", 0.5, v)], "model", "task", "language", "each", "all"), "ner"
        ),
        "-37.5 (de)",
    ),
    stats_plots.gains_by_model: (gains, "12.5 (new)"),
    stats_plots.power_curves: (
        lambda v: stats_plots.power_curves(
            frame(
                [("models", "3 + 5", 4, 1, 0.06, 0.1), ("models", "3 + 5", 4, 3, 0.06, v)],
                *("over", "models", "tasks", "seeds", "effect", "power"),
            )
        ),
        "3 + 5 models: from 10 at 1 to 12.5 at 3",
    ),
    stats_plots.audit_points: (claims, "5.1: average, small, ner, each"),
    stats_plots.difference_heatmap: (
        lambda v: stats_plots.difference_heatmap(pd.DataFrame({"ner": [v, 3.0]}, index=["a", "b"]), "points"),
        "ner: lowest 0.125 (a), highest 3 (b)",
    ),
}


def test_no_figure_is_without_words():
    drawn = {
        function
        for module in (plots, task_plots, stats_plots)
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if function.__annotations__.get("return") == "Figure" and function.__module__ != drawing.__name__
    }
    assert drawn == set(FIGURES)


@pytest.mark.parametrize("function", FIGURES, ids=lambda function: function.__name__)
def test_a_figures_words_say_its_figures_and_change_with_them(function):
    draw, expected = FIGURES[function]
    said = draw(0.125).alt
    assert expected in said
    assert 40 < len(said) < 650
    assert draw(0.5).alt != said


def test_a_cell_shows_the_picture_with_its_words():
    data, metadata = DisplayFormatter().format(scores(0.125))
    assert metadata["image/png"]["alt"] == data["text/plain"] == scores(0.125).alt
    assert f'<img alt="{scores(0.125).alt}" src="data:image/png;base64,' in data["text/html"]


def test_words_of_many_series_stay_short_and_count_the_rest():
    table = pd.DataFrame({f"model {number}": [number, 100.0] for number in range(50)}, index=["en", "sw"])
    said = plots.grouped_bars(table, "MB").alt
    told = said.count("lowest")
    assert len(said) < 650 and said.endswith(f"And {50 - told} more series.")


def test_a_term_has_one_colour_and_dash_in_every_panel():
    looks = {}
    for axis in curves(1.0).axes:
        for line in axis.lines:
            looks.setdefault(line.get_label(), set()).add((line.get_color(), line.get_linestyle()))
    assert all(len(found) == 1 for found in looks.values())
    assert looks["discriminator"] == looks["adversary"]
    assert len({*looks["MLM"], *looks["distillation"], *looks["adversary"]}) == 3


def test_the_two_chances_say_what_they_are():
    [axis] = [axis for axis in curves(1.0).axes if axis.get_ylabel().startswith("accuracy")]
    assert "chance (always the batch's commonest language)" in [line.get_label() for line in axis.lines]
    [text] = FIGURES[plots.probe_bars][0](0.5).axes[0].get_legend().get_texts()
    assert text.get_text() == "chance (always the probe's commonest language) 16.7 %"


# Data at their limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [scores, FIGURES[plots.accuracy_by_language][0]], ids=["scores", "accuracy"])
def test_a_score_axis_starts_at_0_and_a_bar_of_0_says_so(draw):
    axis = draw(0.0).axes[0]
    low, high = axis.get_ylim()
    assert low == 0 and high >= 10
    assert "0" in [text.get_text() for text in axis.texts]


def test_negative_correlations_are_not_cut_off():
    assert scores(-0.2).axes[0].get_ylim()[0] < -20


NOTHING = math.nan
LIMITS = {
    "all zero": lambda: plots.grouped_bars(pd.DataFrame({"a": [0.0, 0.0]}), "MB"),
    "stack of zeros": lambda: plots.stacked_bars(pd.DataFrame({"a": [0.0]}), "MB", shares=True),
    "nothing dropped": lambda: plots.drops_stacked(pd.DataFrame({"digits": [0.0], "short": [0.0]}, index=["en"])),
    "everything dropped": lambda: plots.corpus_bars(frame([("en", 9.0, 0.0)], "language", "bytes_in", "bytes_out")),
    "missing scores": lambda: scores(NOTHING),
    "no accuracy": lambda: plots.accuracy_by_language(pd.DataFrame({"a": [NOTHING]}, index=["en"])),
    "one step": lambda: plots.loss_curves(frame({"step": [0], "mlm": [9.0], "gradient_mlm": [0.0]}), window=5),
    "a loss that is missing": lambda: plots.loss_curves(frame({"step": [0, 1], "mlm": [NOTHING, NOTHING]})),
    "one piece": lambda: plots.token_histogram({"en": [1]}),
    "hundred histograms": lambda: plots.token_histogram({code: [1, 2, 900] for code in HUNDRED}),
    "hundred languages": lambda: scores(0.5, HUNDRED),
    "hundred groups": lambda: plots.grouped_bars(pd.DataFrame({"a": 1.0, "b": 2.0}, index=HUNDRED), "MB"),
    "hundred stacks": lambda: plots.stacked_bars(pd.DataFrame({"a": 1.0}, index=HUNDRED), "MB"),
    "hundred panels": lambda: task_plots.scatter_scores(
        frame([(code, h, 1.0) for code in HUNDRED[:30] for h in (0, 1)], "language", "human", "predicted")
    ),
    "one pair": lambda: task_plots.scatter_scores(frame([("en", 1, 1.0)], "language", "human", "predicted")),
    "a long window": lambda: task_plots.span_scores(["x"] * 384, [0.0] * 384, [0.0] * 384),
    "no answer": lambda: task_plots.confusion([], [], ["a", "b"]),
    "one slope": lambda: stats_plots.slopes(
        frame([("a", "ner", "de", 0.0, 0.0)], "model", "task", "language", "each", "all"), "ner"
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_data_at_their_limits_are_drawn_without_a_warning_and_within_a_page(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = LIMITS[name]()
        assert figure._repr_mimebundle_()[1]["image/png"]["alt"]
    assert figure.get_size_inches()[0] <= 24
    assert all(np.isfinite([*axis.get_xlim(), *axis.get_ylim()]).all() for axis in figure.axes)


def test_a_corpus_without_any_text_is_refused():
    with pytest.raises(ValueError, match="nothing to draw: none of the 1 languages has any text"):
        plots.corpus_bars(frame([("en", 0.0, 0.0)], "language", "bytes_in", "bytes_out"))

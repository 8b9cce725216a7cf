"""Figures: axes carry units, bars carry the table's numbers, and an empty table is refused."""

import numpy as np
import pandas as pd
import pytest

from unibert_lib import plots


@pytest.fixture
def report():
    return pd.DataFrame({"language": ["sw", "en", "hi"], "bytes_in": [4e5, 2e6, 1e6], "bytes_out": [2e5, 1.5e6, 0.0]})


@pytest.fixture
def metrics():
    """As ``metrics.jsonl`` is: 20 steps of one student, gradient norms at every fifth."""
    steps = np.arange(20)
    columns = ("mlm", "distillation", "discriminator", "discriminator_accuracy", "chance", "tokens")
    table = pd.DataFrame({"step": steps, "student": "xxsmall", **{name: 1.0 + steps for name in columns}})
    table["mlm_unsmoothed"], table["seconds"] = table["mlm"], 0.5
    table["gradient_mlm"] = np.where(steps % 5 == 0, 1.0, np.nan)
    return table


def heights(figure):
    return [patch.get_height() for patch in figure.axes[0].patches]


def test_figure_one_is_on_a_log_scale_in_the_unit_of_the_largest_language(report):
    axis = plots.corpus_bars(report).axes[0]
    assert axis.get_yscale() == "log"
    assert axis.get_ylabel() == "text (MB, log scale)"
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["en", "sw", "hi"]
    assert sorted(patch.get_height() for patch in axis.patches) == [0.0, 0.2, 0.4, 1.0, 1.5, 2.0]


def test_an_emptied_language_is_marked_rather_than_missing(report):
    assert [text.get_text() for text in plots.corpus_bars(report).axes[0].texts] == ["0"]


def test_drops_stack_to_the_sum_of_the_reasons():
    drops = pd.DataFrame({"digits": [1.0, 4.0], "short": [2.0, 8.0]}, index=["en", "sw"])
    figure = plots.drops_stacked(drops)
    tops = [patch.get_y() + patch.get_height() for patch in figure.axes[0].patches]
    assert max(tops) == 12.0
    assert "%" in figure.axes[0].get_ylabel()


def test_the_window_is_marked_only_where_paragraphs_come_near_it():
    assert len(plots.token_histogram({"en": [10, 20]}).axes[1].texts) == 0
    marked = plots.token_histogram({"en": [10, 600], "sw": []}).axes[1].texts
    assert [text.get_text() for text in marked] == ["window 512"]


def test_lengths_show_each_language_that_has_any_and_percentages_of_all():
    left, right = plots.token_histogram({"en": [10, 20, 30], "sw": [], "hi": [5]}).axes
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["en", "hi"]
    assert sum(patch.get_height() for patch in left.patches) == pytest.approx(100)


def test_the_printed_size_is_a_line_and_the_predictions_are_bars():
    rows = [("small", "4 x hidden", 80.8), ("small", "3072", 87.07), ("small", "Table 1 (printed)", 87.0)]
    figure = plots.size_comparison(pd.DataFrame(rows, columns=["size", "assumption", "value"]))
    assert heights(figure) == pytest.approx([80.8, 87.07])
    assert len(figure.axes[0].collections) == 1


def test_loss_curves_draw_what_was_logged_and_label_units(metrics):
    figure = plots.loss_curves(metrics, window=5)
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert labels[0] == "loss (nats)" and labels[3] == "real tokens per second"
    assert {axis.get_xlabel() for axis in figure.axes} == {"step"}
    [speed] = plots.loss_curves(metrics).axes[3].lines
    assert list(speed.get_ydata()[:2]) == [2.0, 4.0]  # 1 and 2 tokens in half a second
    [gradient] = plots.loss_curves(metrics).axes[2].lines
    assert len(gradient.get_xdata()) == 4


def test_the_unsmoothed_loss_is_drawn_only_where_it_differs(metrics):
    assert len(plots.loss_curves(metrics).axes[0].lines) == 3
    metrics["mlm_unsmoothed"] -= 0.5
    assert len(plots.loss_curves(metrics).axes[0].lines) == 4


def test_several_students_in_one_table_are_refused(metrics):
    with pytest.raises(ValueError, match="choose the rows of one"):
        plots.loss_curves(pd.concat([metrics, metrics.assign(student="small")]))


def test_fractions_are_drawn_in_percent():
    table = pd.DataFrame({"student": [0.5], "unigram": [0.1]}, index=["en"])
    assert heights(plots.accuracy_by_language(table)) == pytest.approx([50.0, 10.0])


def test_seeds_of_a_probe_become_one_bar_with_a_range():
    table = pd.DataFrame({"run": ["off", "off", "alternating"], "accuracy": [0.8, 1.0, 0.4]})
    figure = plots.probe_bars(table, chance=1 / 12)
    assert heights(figure) == pytest.approx([90.0, 40.0])


def test_shares_of_a_stack_are_printed_on_the_bars():
    table = pd.DataFrame({"embeddings": [75.0], "layers": [25.0]}, index=["small"])
    figure = plots.stacked_bars(table, "parameters", shares=True)
    assert [text.get_text() for text in figure.axes[0].texts] == ["75 %", "25 %"]


@pytest.mark.parametrize("draw", [plots.corpus_bars, plots.loss_curves, plots.drops_stacked, plots.size_comparison])
def test_an_empty_table_is_refused_by_name(draw):
    with pytest.raises(ValueError, match="nothing to draw"):
        draw(pd.DataFrame())

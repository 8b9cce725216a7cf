"""The figures of the tasks draw what their tables say."""

import pandas as pd
import pytest

from unibert_lib import task_plots


def rows(*cells):
    frame = pd.DataFrame(cells, columns=["model", "setting", "language", "score"])
    return task_plots.scores_by_setting(frame, "F1 (%)").axes[0]


def test_a_bar_is_the_mean_of_its_seeds_and_each_seed_has_a_dot():
    axis = rows(("m", "each", "en", 0.2), ("m", "each", "en", 0.4), ("m", "all", "en", 0.5))
    assert sorted(round(bar.get_height(), 6) for bar in axis.patches) == [30, 50]
    dots = sorted(round(float(y), 6) for line in axis.lines for y in line.get_ydata())
    assert dots == [20, 40, 50]


def test_pairs_of_languages_stand_last_and_the_rival_is_a_line():
    axis = rows(
        ("m", "all", "de-en", 0.1), ("m", "all", "zh", 0.3), ("baseline:x", "all", "zh", 0.25), ("m", "all", "ar", 0.2)
    )
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["ar", "zh", "de-en"]
    [line] = axis.collections
    assert line.get_segments()[0][0][1] == pytest.approx(25)


def test_confusion_counts_in_percent_of_the_true_label():
    figure = task_plots.confusion(["a", "a", "b"], ["a", "b", "b"], ["a", "b"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["50", "50", "0", "100"]


def test_a_language_has_its_panel_and_the_line_is_least_squares():
    pairs = pd.DataFrame({"language": ["en"] * 3, "human": [0, 1, 2], "predicted": [1.0, 3.0, 5.0]})
    [axis] = task_plots.scatter_scores(pairs).axes
    assert list(axis.lines[-1].get_ydata()) == pytest.approx([1, 5])


def test_spans_show_a_start_and_an_end_for_each_piece():
    [axis] = task_plots.span_scores(["a", "b"], [0.9, 0.1], [0.2, 0.8]).axes
    assert [round(bar.get_height(), 6) for bar in axis.patches] == [0.9, 0.1, 0.2, 0.8]

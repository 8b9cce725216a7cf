"""Sliders answer without a browser."""

from unibert_lib.widgets import SizeExplorer


def parameters(explorer):
    return float(explorer.table().loc["parameters (millions)", "value"])


def test_the_explorer_starts_at_table_one():
    assert parameters(SizeExplorer("small")) == 87.07


def test_moving_a_slider_changes_the_answer_that_is_shown():
    explorer = SizeExplorer("small")
    explorer.intermediate.value = 2048
    assert parameters(explorer) == 80.77  # 87.07 M - 6 layers x 1,025 x 1,024
    assert "80.77" in explorer.answer.value


def test_all_sizes_start_at_the_first_one():
    assert SizeExplorer("all").size.value == "small"


def test_without_a_browser_the_table_is_shown():
    bundle = SizeExplorer("xxsmall")._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "18.93" in data["text/html"] and "18.93" in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data

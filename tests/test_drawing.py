"""Tables of texts: whole, escaped, each text in its own direction."""

import nbformat
import pandas as pd
import pytest

from unibert_lib import pages, plots

ARABIC = "[MASK] عاصمة مصر"


def html_of(*texts):
    return plots.text_table(pd.DataFrame({"text": texts, "n": range(len(texts))}))._repr_html_()


@pytest.fixture
def copy_of(tmp_path):
    def write(page):
        output = nbformat.v4.new_output("execute_result", {"text/html": page})
        cell = nbformat.v4.new_code_cell("table", outputs=[output])
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "note.ipynb")
        pages.write_html(tmp_path / "note.ipynb", tmp_path / "note.html")
        return (tmp_path / "note.html").read_text(encoding="utf-8")

    return write


def test_a_special_token_does_not_decide_a_texts_direction():
    assert '<div dir="auto"' in html_of(ARABIC)
    assert "<bdi>[MASK]</bdi> عاصمة مصر" in html_of(ARABIC)


def test_markup_in_a_text_or_a_name_is_text():
    page = plots.text_table(pd.DataFrame({"<i>": ["<script>1</script> a & b"]}, index=["<b>"]))._repr_html_()
    assert "&lt;script&gt;1&lt;/script&gt; a &amp; b" in page and "&lt;i&gt;" in page and "&lt;b&gt;" in page
    assert "<script" not in page and "<i>" not in page and "<b>" not in page


def test_long_texts_are_whole_and_a_missing_one_is_a_dash():
    assert "x" * 5000 in html_of("x" * 5000)
    assert ">-<" in html_of(None, "a")


def test_a_dollar_is_no_formula():
    assert "mathjax_ignore" in html_of("$5 and $6")


def test_the_callers_table_stays_as_it_is():
    frame = pd.DataFrame({"text": ["<"]})
    plots.text_table(frame)
    assert frame.equals(pd.DataFrame({"text": ["<"]}))


def test_html_copies_keep_a_texts_direction(copy_of):
    page = copy_of(html_of(ARABIC))
    assert '<div dir="auto"' in page and "<bdi>[MASK]</bdi>" in page

"""HTML copies: words for pictures, links that lead somewhere, a title, dark colours, and no path of a machine."""

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from unibert_lib import pages, runs

PNG = "iVBORw0KGgo="


@pytest.fixture
def copy_of(tmp_path):
    """The page of a notebook ``04_ner`` made of texts and outputs, in a folder that has the given copies."""

    def write(*texts, outputs=(), copies=(), run=True, place="04_ner.html"):
        cells = [nbformat.v4.new_markdown_cell(text, id=f"text{number}") for number, text in enumerate(texts)]
        cells.append(
            nbformat.v4.new_code_cell("1", outputs=list(outputs), execution_count=1 if run else None, id="code")
        )
        notebook, output = tmp_path / "note.ipynb", tmp_path / place
        output.parent.mkdir(exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
        pages.write_html(notebook, output, [tmp_path / copy for copy in copies])
        return output.read_text(encoding="utf-8")

    return write


def picture(alt):
    data = {"image/png": PNG, "text/html": f'<img alt="x" src="data:image/png;base64,{PNG}">', "text/plain": "x"}
    return nbformat.v4.new_output("display_data", data, metadata={"image/png": {"alt": alt}})


@pytest.mark.parametrize("alt", ['Bars. en: 0.5 "F1" <b>', """"'><script>steal()</script><img onerror="steal()"""])
def test_a_picture_keeps_its_words_in_their_attribute_and_is_there_once(copy_of, alt):
    page = copy_of(outputs=[picture(alt)])
    [image] = BeautifulSoup(page, "html.parser").find_all("img")
    assert image.attrs == {"alt": alt, "src": f"data:image/png;base64,{PNG}"}
    assert page.count(PNG) == 1 and "<script" not in page


def test_a_link_leads_to_the_copy_where_there_is_one(copy_of):
    text = "[05](05_nli.ipynb#part) and [answers](solutions/04_ner.ipynb)"
    page = copy_of(text, copies=["05_nli.html", "solutions/04_ner.html"])
    assert 'href="05_nli.html#part">05</a>' in page and 'href="solutions/04_ner.html">answers</a>' in page


def test_a_link_without_a_copy_is_text_that_says_where_it_led(copy_of):
    page = copy_of("[05](05_nli.ipynb), [notes](../NOTES.md), [paper](https://arxiv.org/abs/2503.12608)")
    assert "05 (<code>05_nli.ipynb</code>)" in page and "notes (<code>../NOTES.md</code>)" in page
    assert 'href="https://arxiv.org/abs/2503.12608"' in page


def test_a_solution_leads_back(copy_of):
    page = copy_of("[04](../04_ner.ipynb)", place="solutions/04_ner.html", copies=["04_ner.html", "index.html"])
    assert 'href="../04_ner.html">04</a>' in page and '<nav><a href="../index.html">Index</a>' in page


def test_a_page_has_its_own_title_contents_and_viewport(copy_of):
    page = copy_of("# 04 · Names & `tags`", "## One\n\ntext", "## Two <i>x</i>", copies=["index.html"])
    assert "<title>04 · Names &amp; tags</title>" in page
    assert [name for _, name in re.findall(r'<li><a href="#([^"]*)">([^<]*)</a></li>', page)] == ["One", "Two x"]
    for mark in re.findall(r'<li><a href="#([^"]*)">', page):
        assert f'id="{mark}"' in page
    assert 'name="viewport"' in page


def test_a_page_has_dark_colours_no_script_and_no_tab_stop_of_its_own(copy_of):
    page = copy_of("# One", "text", outputs=[picture("Bars."), nbformat.v4.new_output("stream", text="out")])
    assert "prefers-color-scheme:dark" in page
    assert "<script" not in page and "tabindex" not in page and "anchor-link" not in page.partition("<main>")[2]


def test_no_page_tells_where_the_repository_lies(copy_of, monkeypatch, tmp_path):
    monkeypatch.setenv("UNIBERT_RUNS", str(tmp_path / "elsewhere"))
    texts = [f"{runs.REPOSITORY}/unibert_lib/config.py", f"{tmp_path}/elsewhere/corpus/x", f"{Path.home()}/.cache/y"]
    outputs = [nbformat.v4.new_output("stream", text="\n".join(texts))]
    outputs += [nbformat.v4.new_output("display_data", {"text/html": f"<b>{texts[0]}</b>", "text/plain": texts[1]})]
    outputs += [nbformat.v4.new_output("error", ename="E", evalue="e", traceback=[texts[0]])]
    page = copy_of(outputs=outputs)
    assert str(runs.REPOSITORY) not in page and str(tmp_path) not in page and f"{Path.home()}/.cache" not in page
    assert "runs/corpus/x" in page and page.count("unibert_lib/config.py") == 3


def test_a_copy_that_was_not_run_says_so(copy_of):
    assert "were not run" in copy_of(run=False) and "were not run" not in copy_of()


def test_the_index_has_a_viewport_and_no_path_of_a_machine(tmp_path):
    text = pages.write_index(tmp_path, "smoke", [], tmp_path / "model").read_text(encoding="utf-8")
    assert 'name="viewport"' in text and "prefers-color-scheme:dark" in text and str(tmp_path) not in text

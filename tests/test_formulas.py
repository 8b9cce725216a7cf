"""Formulas as MathML: those of every notebook, nothing that runs, and code left alone."""

import nbformat
import pytest

from unibert_lib import pages
from unibert_lib.formulas import Formulas, mathml


def through(markdown):
    formulas = Formulas()
    return formulas.put(formulas.take(markdown))


def test_every_formula_of_every_notebook_is_converted(repository):
    count = 0
    for path in sorted((repository / "notebooks").rglob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                made = through(cell.source)
                assert "$" not in made, f"{path.name}: {made}"
                count += made.count("<math")
    assert count > 80


def test_a_copy_shows_formulas_without_a_script_or_a_network(tmp_path):
    text = nbformat.v4.new_markdown_cell(r"Inline $h^2 < 4$ and" + "\n\n" + r"$$\frac{a}{b}$$", id="text")
    nbformat.write(nbformat.v4.new_notebook(cells=[text]), tmp_path / "a.ipynb")
    pages.write_html(tmp_path / "a.ipynb", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<msup><mi>h</mi><mn>2</mn></msup><mo>&lt;</mo>" in page
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block"><mrow><mfrac>' in page
    assert "<script" not in page and "//cdn" not in page and "$" not in page.partition("<body")[2]


@pytest.mark.parametrize("text", ["`$a$`", "```\n$a$\n```", "5 $ or 6 $", "from $5 to $6", "no formula"])
def test_code_and_money_are_left_alone(text):
    assert through(text) == text


@pytest.mark.parametrize(
    "tex",
    [
        r"\href{javascript:evil()}{x}",
        r"\style{color: red}{x}",
        r"\class{jp-evil}{x}",
        r"\def\a{x}\a",
        r"\newcommand{\a}{x}\a",
        r"x_1_2",
        "x" * 1_001,
    ],
)
def test_what_is_no_plain_formula_stays_text(tex):
    assert mathml(tex, "inline") is None
    assert through(f"${tex}$") == f"${tex}$"


def test_markup_in_a_formula_stays_text():
    made = mathml(r"\text{<script>evil()</script>}", "inline")
    assert "&lt;script&gt;" in made and "<script" not in made


def test_a_mark_in_the_text_becomes_no_formula():
    assert through("\ue0000\ue001 a \ue0007\ue001") == " a "

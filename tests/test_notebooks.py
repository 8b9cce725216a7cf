"""Every notebook runs headless through papermill with its parameter replaced; a wrong one stops it first.

The notebooks share one runs folder and one worker, in order, as a reader would run them. One more start is
made from the repository's root into an empty folder: the first command after installing.
"""

import ast
import copy
import dataclasses
import os
import re
import shutil
import subprocess
import symtable
import sys
import types

import nbformat
import pandas as pd
import pytest
import traitlets.config
import yaml
from IPython.core.interactiveshell import InteractiveShell

from unibert_lib import config, demo, injected, pages, parameters, task_parameters

NOTEBOOKS = sorted(demo.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted((demo.NOTEBOOKS / "solutions").glob("*.ipynb"))
SCHEMAS = {
    "00": parameters.StartParameters,
    "01": parameters.CorpusParameters,
    "02": parameters.StudentParameters,
    "03": parameters.PretrainParameters,
    "04": task_parameters.NerParameters,
    "05": task_parameters.NliParameters,
    "06": task_parameters.QaParameters,
    "07": task_parameters.StsParameters,
    "08": task_parameters.LegalParameters,
    "09": parameters.StatisticsParameters,
}
# What a reader changes between the two passes, and what they call things of their own.
CHANGED = {
    "00": {"device": "cpu", "seed": 1},
    "01": {"languages": ["en", "zh"]},
    "02": {"size": "xsmall"},
    "03": {"seed": 1},
    "04": {"languages": ["sw"]},
    "05": {"seeds": [1, 2]},
    "06": {"languages": ["en"]},
    "07": {"languages": ["en", "zh"]},
    "08": {"level": "fine"},
    "09": {"unit": "language"},
}
OWN = "x = h = n = 3; row = rows = found = []; data_frame = machine = {}; chosen = code = name_ = df = model_ = 'mine'"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
in_order = pytest.mark.xdist_group("notebooks")
names = {"ids": lambda path: path.stem}


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs with a space")


@pytest.fixture
def run(tmp_path):
    """Execute a notebook at ``budget=smoke``; answers its executed copy."""

    def execute(path, runs, cwd=demo.NOTEBOOKS, **given):
        environment = {**demo.kernel_environment(tmp_path / "jupyter"), "UNIBERT_RUNS": str(runs)}
        output = tmp_path / path.name
        demo.execute(path, output, {"budget": "smoke", **given}, environment, cwd, quiet=True)
        return nbformat.read(output, as_version=4)

    return execute


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def assignments(source):
    """Names and literal values of a parameters cell; anything derived there is an error."""
    statements = ast.parse(source).body
    assert all(isinstance(s, ast.Assign) and len(s.targets) == 1 for s in statements), source
    return {s.targets[0].id: ast.literal_eval(s.value) for s in statements}


def outputs(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [output for cell in cells for output in cell.outputs]


def twice(path, changed):
    """A notebook run from top to bottom twice in one kernel: its reader edits parameters and has cells of their own."""
    notebook = nbformat.read(path, as_version=4)
    again = [copy.deepcopy(cell) for cell in notebook.cells if cell.cell_type == "code"]
    for cell in again:
        if "parameters" in cell.metadata.pop("tags", []):
            given = {**assignments(cell.source), "budget": "smoke", **changed}
            cell.source = "\n".join(f"{name} = {value!r}" for name, value in given.items())
    own = [nbformat.v4.new_code_cell(OWN) for _ in range(3)]
    notebook.cells = [own[0], *notebook.cells, own[1], *again, own[2]]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    return notebook


@in_order
@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, **names)
def test_every_notebook_runs_twice_in_one_kernel_and_takes_its_parameters(path, run, runs_folder, tmp_path):
    changed, doubled = CHANGED[path.name[:2]], tmp_path / "doubled" / path.name
    doubled.parent.mkdir()
    nbformat.write(twice(path, changed), doubled)
    executed = run(doubled, runs_folder)
    [cell] = tagged(executed, "injected-parameters")
    assert assignments(cell.source)["budget"] == "smoke"
    first, second = [str(cell.outputs) for cell in executed.cells if "parse_parameters" in cell.source]
    assert "budget='smoke'" in first and "budget='smoke'" in second, "show params as the cell's value"
    shown = [f"{name}={tuple(value) if isinstance(value, list) else value!r}" for name, value in changed.items()]
    assert all(pair in second and pair not in first for pair in shown), shown
    assert [output.evalue for output in outputs(executed) if output.output_type == "error"] == []


@pytest.mark.parametrize("path", [*NOTEBOOKS, *SOLUTIONS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_cell_below_the_parameters_gives_one_another_value(path):
    """Else a second pass of the cell that reads them would read what the first one left."""
    notebook = nbformat.read(path, as_version=4)
    [parameters_cell] = tagged(notebook, "parameters")
    names = set(assignments(parameters_cell.source))
    others = [cell for cell in notebook.cells if cell.cell_type == "code" and cell is not parameters_cell]
    bound = {(cell.id, name) for cell in others for name in names & global_names(cell.source)}
    assert bound == set()


def global_names(source):
    """The names that a cell binds outside its functions and comprehensions."""
    top = symtable.symtable(source, "cell", "exec")
    return {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}


@in_order
@pytest.mark.slow
@pytest.mark.parametrize("path", SOLUTIONS, **names)
def test_every_solution_runs(path, run, runs_folder):
    executed = run(path, runs_folder, cwd=demo.NOTEBOOKS / "solutions")
    assert [output.evalue for output in outputs(executed) if output.output_type == "error"] == []


@in_order
@pytest.mark.slow
def test_a_late_notebook_is_a_valid_first_command_from_the_root(run, repository, tmp_path):
    runs = tmp_path / "empty runs"
    [last_that_trains] = demo.notebook_paths(["08"])
    run(last_that_trains, runs, cwd=repository)
    assert {"corpus", "tokens", "pretrain"} <= {folder.name for folder in runs.iterdir()}


@pytest.mark.parametrize("path", NOTEBOOKS, **names)
def test_the_parameters_cell_holds_the_schema_one_literal_and_comment_a_line(path):
    notebook = nbformat.read(path, as_version=4)
    [cell] = tagged(notebook, "parameters")
    lines = cell.source.splitlines()
    assert [line for line in lines if "  # " not in line] == [], "each parameter carries its meaning and unit"
    schema = SCHEMAS[path.name[:2]]
    defaults = config.parse_parameters(assignments(cell.source), schema)
    assert {field.name for field in dataclasses.fields(schema)} == set(assignments(cell.source))
    assert defaults == schema(), "the notebook's defaults and the schema's differ"


@pytest.mark.parametrize("path", NOTEBOOKS, **names)
def test_paper_parameters_are_parameters_of_their_notebook(path):
    [cell] = tagged(nbformat.read(path, as_version=4), "parameters")
    [values] = demo.NOTEBOOKS.glob(f"parameters/{path.name[:2]}_paper.yaml")
    given = yaml.safe_load(values.read_text(encoding="utf-8"))
    assert set(given) <= set(assignments(cell.source))
    assert given["budget"] == "paper"


@in_order
def test_a_misspelt_parameter_is_refused_with_the_nearest_name_before_any_work(run, tmp_path):
    [path], runs = demo.notebook_paths(["03"]), tmp_path / "runs"
    with pytest.raises(demo.NotebookFailed, match="did you mean seed"):
        run(path, runs, sead=1)
    assert not runs.exists() or list(runs.iterdir()) == []
    executed = nbformat.read(tmp_path / f"{path.stem}.failed.ipynb", as_version=4)
    codes = [cell for cell in executed.cells if cell.cell_type == "code"]
    failed = next(index for index, cell in enumerate(codes) if any(o.output_type == "error" for o in cell.outputs))
    assert "parse_parameters" in codes[failed].source, "refused in the cell after the parameters"


@pytest.mark.parametrize("path", NOTEBOOKS, **names)
def test_every_notebook_refuses_it_in_the_cell_after_the_parameters(path, tmp_path, monkeypatch):
    """In a shell of this process, where all is imported: ten kernels would take a minute and a half."""
    monkeypatch.setenv("UNIBERT_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(demo.NOTEBOOKS)
    settings = traitlets.config.Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell(config=settings, user_module=types.ModuleType("notebook"))
    monkeypatch.setattr(injected, "_shell", lambda: shell)
    monkeypatch.setattr(injected, "_fields", None)
    codes = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    for cell in codes:
        answer = shell.run_cell(cell.source, store_history=True)
        if not answer.success:
            break
        if tagged(nbformat.v4.new_notebook(cells=[cell]), "parameters"):
            shell.run_cell("# Parameters\nsead = 1", store_history=True)
    assert "did you mean seed" in str(answer.error_in_exec) and "parse_parameters" in cell.source
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("prefix", [path.stem[:2] for path in NOTEBOOKS])
def test_the_time_a_notebook_names_is_the_one_that_the_readme_measured(prefix, repository):
    [path] = demo.notebook_paths([prefix])
    row = re.search(rf"`{path.stem}` \|[^|]*\| ([\d.]+) \|", (repository / "README.md").read_text(encoding="utf-8"))
    minutes = float(row[1])
    said = "under a minute" if minutes < 1 else f"about {minutes:.0f} minutes"
    assert f"**Time**: {said} on two CPU cores" in nbformat.read(path, as_version=4).cells[0].source


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_lab_opens_the_first_notebook_with_the_repository_in_view_and_asks_nothing(repository):
    said = subprocess.run(["make", "-n", "lab"], cwd=repository, capture_output=True, text=True, check=True).stdout
    [first] = demo.notebook_paths(["00"])
    assert f"default_url=/lab/tree/{first.relative_to(repository)}" in said and "ServerApp.root_dir=. " in said
    assert "labextensions disable @jupyterlab/apputils-extension:announcements" in said


@pytest.mark.parametrize("path", [*NOTEBOOKS, *SOLUTIONS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_links_between_notebooks_lead_somewhere(path):
    texts = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    targets = [link for text in texts for link in re.findall(r"\]\(([^)#:]+)\)", text)]
    assert [link for link in targets if not (path.parent / link).exists()] == []


@in_order
def test_a_failing_notebook_leaves_no_copy_that_looks_finished(run, tmp_path):
    path = tmp_path / "00_broken.ipynb"
    cells = [nbformat.v4.new_code_cell("1 / 0", id="broken")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), path)
    target = tmp_path / "there" / path.name
    target.parent.mkdir()
    with pytest.raises(demo.NotebookFailed, match="ZeroDivisionError"):
        demo.execute(path, target, {}, demo.kernel_environment(tmp_path / "jupyter"), tmp_path, quiet=True)
    assert [file.name for file in target.parent.iterdir()] == ["00_broken.failed.ipynb"]


@in_order
def test_the_kernel_is_this_interpreter_even_when_another_python3_kernel_is_registered(tmp_path):
    spec = tmp_path / "shadow" / "kernels" / "python3"
    spec.mkdir(parents=True)
    shutil.copy(os.devnull, spec / "kernel.json")  # a registered kernel that cannot start
    path = tmp_path / "00_who.ipynb"
    cells = [nbformat.v4.new_code_cell("import sys; print(sys.executable)", id="who")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), path)
    environment = demo.kernel_environment(tmp_path / "jupyter")
    environment["JUPYTER_DATA_DIR"] = str(tmp_path / "shadow")
    timing = demo.execute(path, tmp_path / "out.ipynb", {}, environment, tmp_path, quiet=True)
    printed = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[0].outputs[0].text.strip()
    assert printed == sys.executable
    assert timing.peak_mib is None or timing.peak_mib > 10


def test_the_index_escapes_what_a_folder_name_may_hold(tmp_path):
    model = tmp_path / "<b>model" / "model"
    timings = [pages.Timing("00_start_here", 0.5, None), pages.Timing("01_corpus", 1.25, 512)]
    page = pages.write_index(tmp_path, "smoke", timings, model).read_text(encoding="utf-8")
    assert "<b>model" not in page and "&lt;b&gt;model" in page
    assert "1.75" in page and "not measured" in page


def html_of(tmp_path, **data):
    path = tmp_path / "note.ipynb"
    output = nbformat.v4.new_output("display_data", {name.replace("_", "/", 1): value for name, value in data.items()})
    cells = [nbformat.v4.new_markdown_cell("## Heading", id="text")]
    cells += [nbformat.v4.new_code_cell("1", outputs=[output], id="cell")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    pages.write_html(path, tmp_path / "note.html")
    return (tmp_path / "note.html").read_text(encoding="utf-8")


def test_html_copies_hold_no_script_of_a_dump(tmp_path):
    hostile = "<b>title</b><script>steal()</script><img src=x onerror=steal()><a href='javascript:steal()'>x</a>"
    page = html_of(tmp_path, text_html=hostile)
    assert "<b>title</b>" in page
    assert "<script>steal()" not in page and "<img src=x" not in page and "javascript:steal" not in page


def test_html_copies_show_no_diagram_and_take_no_size_of_a_notebook(tmp_path):
    image = {"image/png": "iVBORw0KGgo="}
    outputs = [nbformat.v4.new_output("display_data", {"text/vnd.mermaid": "<script>steal()</script>"})]
    outputs += [nbformat.v4.new_output("display_data", {"image/png": '"><script>steal()</script>'})]
    outputs += [nbformat.v4.new_output("display_data", image, metadata={"image/png": {"width": '1" onload="steal()"'}})]
    cells = [nbformat.v4.new_code_cell("1", outputs=outputs, id="cell")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "note.ipynb")
    pages.write_html(tmp_path / "note.ipynb", tmp_path / "note.html")
    page = (tmp_path / "note.html").read_text(encoding="utf-8")
    assert "steal()" not in page and "iVBORw0KGgo=" in page


def test_html_copies_keep_headings_and_tables(tmp_path):
    page = html_of(tmp_path, text_html="<style scoped>th {}</style><table><thead><tr><th>a</th></tr></thead></table>")
    assert re.search(r"<h2[^>]*>Heading", page) and "<thead>" in page and "style scoped" not in page


def test_html_copies_keep_cells_that_span_rows(tmp_path):
    rows = pd.MultiIndex.from_product([["small", "xsmall"], ["each", "all"]], names=["model", "setting"])
    frame = pd.DataFrame({"en": [1, 2, 3, 4]}, index=rows)
    for made in (frame.to_html(), frame.style.set_caption("ner").to_html()):
        page = html_of(tmp_path, text_html=made)
        assert len(re.findall(r'<th[^>]* rowspan="2"', page)) == 2
        assert "&lt;style" not in page


def test_html_copies_show_the_last_words_of_a_progress_bar(tmp_path):
    state = {
        "bar": {"state": {"children": ["IPY_MODEL_left", "IPY_MODEL_right"]}},
        "left": {"state": {"value": "100%"}},
        "right": {"state": {"value": "12/12 [00:01&lt;00:00]"}},
    }
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "bar"}, "text/plain": "0%|  | 0/12"}
    cell = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("display_data", view)], id="cell")
    metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": state}}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), tmp_path / "bar.ipynb")
    pages.write_html(tmp_path / "bar.ipynb", tmp_path / "bar.html")
    page = (tmp_path / "bar.html").read_text(encoding="utf-8")
    assert "100% 12/12 [00:01&lt;00:00]" in page and "0/12" not in page.replace("12/12", "")


def test_html_copies_show_a_bar_as_it_ended(tmp_path):
    texts = ["\rteacher:   0%", "\rteacher:  50%", "\rteacher: 100%\n", "done\n"]
    outputs = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in texts]
    cell = nbformat.v4.new_code_cell("1", outputs=outputs, id="cell")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "bar.ipynb")
    pages.write_html(tmp_path / "bar.ipynb", tmp_path / "bar.html")
    page = (tmp_path / "bar.html").read_text(encoding="utf-8")
    assert "teacher: 100%\ndone" in page and "teacher:  50%" not in page


def test_an_unknown_notebook_number_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="00_start_here"):
        demo.notebook_paths(["77"])

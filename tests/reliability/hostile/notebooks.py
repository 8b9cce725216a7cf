"""Tables, notebooks and their parameters of somebody else's."""

from __future__ import annotations

import base64
import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import yaml

from tests.reliability import books
from tests.reliability.hostile import attack
from unibert_lib import config, headless, injected, pages, parameters, results

IMPORTS = "from unibert_lib import config"  # a notebook's first cell


@attack("cells that are formulas")
def _(here: Path, canary: Path) -> str | None:
    texts = ["=1+1", "+1+1", "-1+x", "@x", "\t=1", "\r=1", "\n=1", " =1", f'=cmd|"/c mkdir {canary}"!A1', 'a"\n=1']
    frame = pd.DataFrame({"title": texts, "=name": texts}, index=pd.Index(texts, name="@index"))
    results.write_csv(frame, here / "a.csv")
    with (here / "a.csv").open(encoding="utf-8", newline="") as handle:
        cells = [cell for row in csv.reader(handle) for cell in row]
    through = [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@")]
    return f"{through[0]!r} is a formula" if through or len(cells) != 33 else None


class _Active(HTMLParser):
    """What a browser would run: scripts, handlers, addresses that are code, frames and forms."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        if tag in ("script", "iframe", "object", "embed", "form", "base", "applet", "frame"):
            self.found.append(f"{tag} {sorted((k, v) for k, v in attributes)}")
        for name, value in attributes:
            address = "".join((value or "").split()).lower()
            if (
                name.startswith("on")
                or name == "srcdoc"
                or address.startswith(("javascript:", "data:text", "vbscript:"))
            ):
                self.found.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self._script:
            self.found.append(f"script: {data.strip()[:200]}")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


def hostile_outputs() -> Iterator[dict[str, Any]]:
    script = "<script>evil()</script>"
    tags = f"{script}<img src=x onerror=evil()><svg onload=evil()><iframe srcdoc='{script}'></iframe><form action=//x>"
    link = "[x](javascript:evil()) <a href=' java\nscript:evil()'>x</a> <a href='data:text/html,x'>y</a>"
    for kind in ("text/html", "text/markdown", "image/svg+xml", "text/vnd.mermaid", "text/latex", "text/plain"):
        yield {"data": {kind: tags + link}}
    for kind in ("image/png", "image/jpeg", "application/pdf"):
        yield {"data": {kind: f"\"'>{script}"}}
    yield {"data": {"application/javascript": "evil()"}}
    yield {"data": {"application/json": {"a": script}}}
    yield {"data": {"application/vnd.jupyter.widget-view+json": {"model_id": f"x</script>{script}"}}}
    yield {"data": {"image/png": "iVBORw0KGgo="}, "metadata": {"image/png": {"width": '1" onerror="evil()"'}}}


def hostile_notebook() -> Any:
    """A notebook that carries script wherever a notebook can."""
    script, new = "<script>evil()</script>", nbformat.v4
    outputs = [new.new_output("display_data", **given) for given in hostile_outputs()]
    outputs += [new.new_output("stream", name=name, text=script) for name in ("stdout", "stderr")]
    outputs += [new.new_output("error", ename=script, evalue=script, traceback=[script, f"\x1b[31m{script}"])]
    markdown = f"{script}<img src=x onerror=evil()> [a](javascript:evil())\n\n# {script}\n\n```{script}\nx\n```"
    formulas = (
        rf"$\text{{{script}}}$ $$\href{{javascript:evil()}}{{x}}$$ $\def\a#1{{{script}}}\a{{x}}$ $\unicode{{60}}script$"
    )
    cells = [new.new_markdown_cell(text, id=f"text{n}") for n, text in enumerate((markdown, formulas))]
    cells += [new.new_raw_cell(script, id="raw")]
    cells += [new.new_code_cell(f"# {script}", id="code", outputs=outputs, metadata={"tags": [f'">{script}']})]
    state = {"a": {"state": {"value": f"</script>{script}"}}}
    metadata = {
        "title": f"</title>{script}",
        "authors": [{"name": script}],
        "language_info": {"name": f'">{script}', "pygments_lexer": f'">{script}'},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": state}},
    }
    return new.new_notebook(cells=cells, metadata=metadata)


@attack("notebook whose outputs are scripts")
def _(here: Path, canary: Path) -> str | None:
    (here / "a.ipynb").write_text(json.dumps(hostile_notebook()))
    pages.write_html(here / "a.ipynb", here / "a.html")
    found = _Active((here / "a.html").read_text(encoding="utf-8")).found
    return f"the page runs {found[0]}" if found else None


@attack("folder names in the index of the demo")
def _(here: Path, canary: Path) -> str | None:
    model_folder = here / "<script>evil()<" / "m\" onclick='evil()'"
    timing = pages.Timing("00_<script>evil()<b>", 1, None)
    page = pages.write_index(here, "<script>evil()</b>", [timing], model_folder).read_text(encoding="utf-8")
    return next((f"the page runs {item}" for item in _Active(page).found), None)


def injection(canary: Path) -> str:
    return f"__import__('os').mkdir({str(canary)!r})"


@attack("parameters with code, given to the demo")
def _(here: Path, canary: Path) -> str | None:
    code = injection(canary)
    given = (
        {f"seed={code}#": 1},
        {f"!mkdir {canary} #": 1},
        {"a\nb": 1},
        {"_x": 1},
        {"seed": b'"' + code.encode() + b'"'},
    )
    for parameter in given:
        try:
            injected.check_given(parameter)
        except ValueError:
            continue
        return f"{parameter} was taken"
    return None


@attack("names and values that parameters cannot be")
def _(here: Path, canary: Path) -> str | None:
    for given in (
        {"globals": 1},
        {"sead": 1},
        {"size": "../../x"},
        {"options": {"__class__": 1}},
        {"seed": "__import__"},
    ):
        try:
            config.parse_parameters(given, parameters.PretrainParameters)
        except ValueError:
            continue
        return f"{given} was taken"
    return None


def papermill(here: Path, given: str) -> str | None:
    """A parameter file through papermill's own command, as the README gives it."""
    books.write(here / "a.ipynb", "open('work', 'w')")
    notebook = nbformat.read(here / "a.ipynb", as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(IMPORTS, id="imports"))
    nbformat.write(notebook, here / "a.ipynb")
    (here / "given.yaml").write_text(given, encoding="utf-8")
    command = [sys.executable, "-m", "papermill", "a.ipynb", "out.ipynb", "-f", "given.yaml", "--no-progress-bar"]
    environment = headless.kernel_environment(here / "jupyter")
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0 or (here / "work").exists():
        return "the notebook went on"
    raise ValueError(done.stderr.strip().splitlines()[-1])


@attack("parameter file whose name is code", kernel=True)
def _(here: Path, canary: Path) -> str | None:
    return papermill(here, yaml.safe_dump({f"budget={injection(canary)}#": 1}))


@attack("parameter file whose value is code", kernel=True)
def _(here: Path, canary: Path) -> str | None:
    return papermill(here, f"budget: !!pairs [ {json.dumps(f'{chr(34)}+str({injection(canary)})+{chr(34)}')}: 1 ]")


@attack("parameter file whose bytes are code", kernel=True)
def _(here: Path, canary: Path) -> str | None:
    code = f'";__import__("os").mkdir("{canary}");"'
    return papermill(here, "budget: !!binary " + base64.b64encode(code.encode()).decode())


@attack("parameter file with a YAML object", kernel=True)
def _(here: Path, canary: Path) -> str | None:
    return papermill(here, f"budget: !!python/object/apply:os.mkdir [{str(canary)!r}]")

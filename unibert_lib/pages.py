"""What ``make demo`` leaves for a browser: sanitised copies of the executed notebooks, and their index."""

from __future__ import annotations

import datetime
import html
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unibert_lib.formulas import Formulas

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "td,th{padding:.2rem .8rem;text-align:left}"
)
# What a copy may hold besides text: nbconvert's own list would show headings and lists as escaped tags.
_TAGS = (
    "a abbr b bdi blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre small span strong "
    "sub sup table tbody td tfoot th thead tr u ul"
)
_ATTRIBUTES = {
    "*": ["class", "id"],
    "a": ["class", "href", "title"],
    "div": ["class", "dir", "id"],
    "td": ["align", "colspan", "rowspan", "valign"],
    "th": ["align", "colspan", "rowspan", "valign"],
}
# Kinds of output that a copy shows; nbconvert passes a diagram's text and an image's size on as they come.
_SHOWN = ("text/html", "text/markdown", "text/plain", "image/png", "image/jpeg")
# nbconvert's page without its scripts: they would come from elsewhere, and nothing here needs any.
_TEMPLATE = "{% extends 'lab/index.html.j2' %}" + "".join(
    f"{{% block {name} %}}{{% endblock %}}"
    for name in ("html_head_js", "html_head_js_mathjax", "html_head_js_mermaidjs")
)
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_WIDGET = "application/vnd.jupyter.widget"
_TABLE_STYLE = re.compile('<style (?:scoped|type="text/css")>[^<]*</style>')  # pandas writes one before each table


@dataclass(frozen=True)
class Timing:
    """What one notebook cost."""

    notebook: str
    minutes: float
    peak_mib: float | None  # largest resident set of one process; None where the system does not tell


def write_html(notebook: Path, output: Path) -> None:
    """The executed notebook as HTML, sanitised and without any script: titles and texts of a dump may hold some.

    Formulas become MathML, and of a line that was written over again and again, as a bar is, the last stays. A widget
    cannot live in the copy: its own table is shown instead, or the text it ended with.

    Source: ours.
    """
    import nbformat  # only here: reading a table of timings needs none of these
    from nbconvert import HTMLExporter
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor
    from nbconvert.preprocessors.sanitize import SanitizeHTML

    formulas = Formulas()
    read = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    read, _ = CoalesceStreamsPreprocessor(enabled=True)(read, {})  # type: ignore[no-untyped-call]
    widgets = read.metadata.get("widgets", {}).get(f"{_WIDGET}-state+json", {}).get("state", {})
    for shown in (shown for cell in read.cells for shown in cell.get("outputs", ()) if "data" in shown):
        data, shown.metadata = shown.data, {}
        view = data.pop(f"{_WIDGET}-view+json", None)
        if view and "text/html" not in data:  # a progress bar: its last words
            data["text/plain"] = _words(view["model_id"], widgets) or data.get("text/plain", "")
        for kind in list(data):
            if kind not in _SHOWN or (kind.startswith("image/") and not _BASE64.fullmatch(data[kind])):
                del data[kind]
        if "text/html" in data:
            data["text/html"] = _TABLE_STYLE.sub("", data["text/html"])
    read.metadata.pop("widgets", None)
    for cell in read.cells:
        if cell.cell_type == "markdown":
            cell.source = formulas.take(cell.source)
    exporter = HTMLExporter(sanitize_html=True, raw_template=_TEMPLATE)  # type: ignore[no-untyped-call]
    clean = SanitizeHTML(tags=_TAGS.split(), attributes=_ATTRIBUTES)  # type: ignore[no-untyped-call]
    exporter.register_filter("clean_html", clean.sanitize_html_tags)  # type: ignore[no-untyped-call]
    body, _ = exporter.from_notebook_node(read)
    replace(output, formulas.put(body))


def _words(model: str, widgets: Mapping[str, Any]) -> str:
    """What a widget and its children show as text."""
    state = widgets.get(model, {}).get("state", {})
    own = [html.unescape(state["value"])] if isinstance(state.get("value"), str) else []
    inner = [_words(child.removeprefix("IPY_MODEL_"), widgets) for child in state.get("children", ())]
    return " ".join(part.strip() for part in (*own, *inner) if part.strip())


def write_index(folder: Path, budget: str, timings: Sequence[Timing], model: Path | None) -> Path:
    """``index.html`` and ``timings.json`` in ``folder``.

    Source: ours.
    """
    about = {"budget": budget, "date": datetime.date.today().isoformat(), "python": platform.python_version()}
    about |= {"machine": platform.machine(), "cores": str(os.cpu_count())}
    record = {**about, "notebooks": [asdict(t) for t in timings]}
    replace(folder / "timings.json", json.dumps(record, indent=2) + "\n")
    rows = "".join(
        f'<tr><td><a href="{quote(t.notebook)}.html">{html.escape(t.notebook)}</a></td>'
        f'<td><a href="{quote(t.notebook)}.ipynb">ipynb</a></td><td>{t.minutes:.2f}</td>'
        f"<td>{'not measured' if t.peak_mib is None else f'{t.peak_mib:.0f}'}</td></tr>"
        for t in timings
    )
    relative = quote(os.path.relpath(model, folder).replace(os.sep, "/")) if model else ""
    found = f'<a href="{relative}">{html.escape(str(model))}</a>' if model else "none: 03_pretrain was not among them"
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>UniBERT notebooks</title>'
        f"<style>{STYLE}</style><h1>UniBERT, read by running it</h1>"
        "<p>Unofficial. Classroom numbers are not results of the paper.</p>"
        "<table><tr><th>notebook</th><th>executed</th><th>minutes</th><th>peak memory (MiB)</th></tr>"
        f"{rows}<tr><th>all</th><th></th><th>{sum(t.minutes for t in timings):.2f}</th><th></th></tr></table>"
        f"<p>Model (loads with <code>AutoModelForMaskedLM.from_pretrained</code>): {found}</p>"
        f"<p>{html.escape(', '.join(f'{k} {v}' for k, v in about.items()))}</p></html>\n"
    )
    replace(folder / "index.html", page)
    return folder / "index.html"


def replace(path: Path, text: str) -> None:
    """Write whole or not at all."""
    staging = path.with_name(f".{path.name}.staging")
    staging.write_text(text, encoding="utf-8")
    os.replace(staging, path)

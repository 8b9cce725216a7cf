"""What ``make demo`` leaves for a browser: sanitised copies of the executed notebooks, and their index."""

from __future__ import annotations

import datetime
import html
import json
import os
import platform
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unibert_lib import runs as run_folders
from unibert_lib.formulas import Formulas

STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "td,th{padding:.2rem .8rem;text-align:left}table{display:block;overflow-x:auto}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8cf}}"
)
VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1.0">'
# What a copy adds to JupyterLab's own looks. A text runs in its own direction; a picture keeps its white ground; on a
# phone there are no prompts, and a wide picture or table scrolls in its own box.
_COPY_STYLE = """
:root{color-scheme:light dark}
main{max-width:70rem;margin:0 auto}
nav{font-family:var(--jp-content-font-family);padding:.5rem 1rem}
nav a{text-decoration:underline}
body,nav,nav a,summary{color:var(--jp-content-font-color1)}
div[dir=auto]{text-align:start;white-space:pre-wrap;max-width:40em}
td{unicode-bidi:plaintext}
.jp-RenderedImage,.jp-RenderedHTMLCommon{overflow-x:auto}
.jp-RenderedImage img{max-width:100%;height:auto;background:#fff}
.jp-OutputArea-output pre,.highlight pre{white-space:pre-wrap!important;overflow-wrap:anywhere;overflow:visible}
@media(max-width:600px){
body.jp-Notebook{padding:0}
.jp-InputPrompt,.jp-OutputPrompt{display:none}
.jp-RenderedImage img{max-width:max(100%,44rem)}
}
"""
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
_TEMPLATE += "{% block html_head_css %}<style>{{ resources.copy_style }}</style>{% endblock %}" + "".join(
    f'{{% block {block} %}}<div class="jp-RenderedImage jp-OutputArea-output">'
    f"<img alt=\"{{{{ output.metadata.get('alt', 'picture without a description') | escape_html }}}}\" "
    f"src=\"data:{kind};base64,{{{{ output.data['{kind}'] | escape_html }}}}\"></div>{{% endblock %}}"
    for block, kind in (("data_png", "image/png"), ("data_jpg", "image/jpeg"))
)
_ANCHOR = re.compile('<a class="anchor-link"[^>]*>[^<]*</a>')  # the sign beside a heading, which nothing shows
_TAB_STOP = re.compile(r'(<div\b[^>]*) tabindex="0">')  # nbconvert makes one of every cell and output
_LINK = re.compile(r'<a\b[^>]*\bhref="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
_ELSEWHERE = re.compile("[a-z]+:|#")  # the network, or this page
_SECTION = re.compile(r'<h2 id="([^"]*)">(.*?)</h2>', re.DOTALL)
_MARKUP = re.compile(r"<[^>]*>|[*`$]")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_WIDGET = "application/vnd.jupyter.widget"
_TABLE_STYLE = re.compile('<style (?:scoped|type="text/css")>[^<]*</style>')  # pandas writes one before each table


@dataclass(frozen=True)
class Timing:
    """What one notebook cost."""

    notebook: str
    minutes: float
    peak_mib: float | None  # largest resident set of one process; None where the system does not tell


def write_html(notebook: Path, output: Path, copies: Collection[Path] = ()) -> None:
    """The notebook as HTML, sanitised and without any script: titles and texts of a dump may hold some.

    Formulas become MathML, and of a line that was written over again and again, as a bar is, the last stays. A widget
    cannot live in the copy: its own table is shown instead, or the text it ended with. A link to a notebook leads to
    its copy where that is one of ``copies`` (an ``index.html`` among them is linked at the top); any other relative
    link becomes text. Of a picture's metadata its ``alt`` stays. Paths are told from the repository on.

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
    for shown in (shown for cell in read.cells for shown in cell.get("outputs", ())):
        if "data" in shown:
            _keep_what_is_shown(shown, widgets)
        if "text" in shown:
            shown.text = _from_here(shown.text)
        if "traceback" in shown:
            shown.traceback = [_from_here(line) for line in shown.traceback]
    read.metadata.pop("widgets", None)
    texts = [cell for cell in read.cells if cell.cell_type == "markdown"]
    heading = next((found[1] for cell in texts if (found := re.match(r"# +(.+)", cell.source))), notebook.stem)
    read.metadata["title"] = _MARKUP.sub("", heading)
    for cell in texts:
        cell.source = formulas.take(cell.source)
    exporter = HTMLExporter(sanitize_html=True, raw_template=_TEMPLATE)  # type: ignore[no-untyped-call]
    clean = SanitizeHTML(tags=_TAGS.split(), attributes=_ATTRIBUTES)  # type: ignore[no-untyped-call]
    exporter.register_filter("clean_html", clean.sanitize_html_tags)  # type: ignore[no-untyped-call]
    dark = exporter.environment.loader.get_source(exporter.environment, "static/theme-dark.css")[0]
    style = f"@media(prefers-color-scheme:dark){{{dark}}}{_COPY_STYLE}"
    body, _ = exporter.from_notebook_node(read, resources={"copy_style": style})
    known = {os.path.normpath(copy) for copy in copies}

    def link(found: re.Match[str]) -> str:
        target, mark, section = html.unescape(found[1]).partition("#")
        copy = os.path.normpath(output.parent / target).removesuffix(".ipynb") + ".html"
        if _ELSEWHERE.match(found[1]):
            return found.group()
        if target.endswith(".ipynb") and copy in known:
            page = f"{quote(target.removesuffix('.ipynb'))}.html{mark}{html.escape(section)}"
            return f'<a href="{page}">{found[2]}</a>'
        return f"{found[2]} (<code>{html.escape(target)}</code>)"

    body = _LINK.sub(link, _ANCHOR.sub("", _TAB_STOP.sub(r"\1>", body)))
    executed = any(cell.get("execution_count") for cell in read.cells)
    body = body.replace("<main>", f"<main>{_top(body, output, known, executed)}", 1)
    replace(output, formulas.put(body))


def _keep_what_is_shown(shown: Any, widgets: Mapping[str, Any]) -> None:
    """Of an output's kinds and metadata only what a copy shows."""
    data, metadata = shown.data, shown.metadata
    view = data.pop(f"{_WIDGET}-view+json", None)
    if view and "text/html" not in data:  # a progress bar: its last words
        data["text/plain"] = _words(view["model_id"], widgets) or data.get("text/plain", "")
    for kind in list(data):
        if kind not in _SHOWN or (kind.startswith("image/") and not _BASE64.fullmatch(data[kind])):
            del data[kind]
    image = next((kind for kind in data if kind.startswith("image/")), None)
    alt = metadata.get(image, {}).get("alt") if image else None
    shown.metadata = {"alt": str(alt)} if alt else {}
    if image:
        data.pop("text/html", None)  # the same picture, for JupyterLab
    for kind in [kind for kind in data if kind.startswith("text/")]:
        data[kind] = _from_here(data[kind])
    if "text/html" in data:
        data["text/html"] = _TABLE_STYLE.sub("", data["text/html"])


def _from_here(text: str) -> str:
    """The text with paths from the repository on: where it lies on somebody's machine is nobody's business."""
    for folder, name in ((run_folders.root(), "runs"), (run_folders.REPOSITORY, ""), (Path.home(), "~")):
        if len(folder.parts) > 1:
            text = text.replace(f"{folder}{os.sep}", f"{name}{os.sep}" if name else "").replace(
                str(folder), name or "."
            )
    return text


def _top(body: str, output: Path, known: Collection[str], executed: bool) -> str:
    """The way back to the index, and the page's sections."""
    index = next((copy for copy in known if os.path.basename(copy) == "index.html"), None)
    back = f'<a href="{quote(os.path.relpath(index, output.parent).replace(os.sep, "/"))}">Index</a>' if index else ""
    sections = "".join(
        f'<li><a href="#{mark}">{_MARKUP.sub("", name)}</a></li>' for mark, name in _SECTION.findall(body)
    )
    contents = f"<details><summary>Contents</summary><ul>{sections}</ul></details>" if sections else ""
    note = "" if executed else "<p>The cells of this copy were not run: JupyterLab shows what they give.</p>"
    return f"<nav>{back}{contents}{note}</nav>" if back or contents or note else ""


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
    relative_name = os.path.relpath(model, folder).replace(os.sep, "/") if model else ""
    relative = quote(relative_name)
    found = (
        f'<a href="{relative}">{html.escape(relative_name)}</a>' if model else "none: 03_pretrain was not among them"
    )
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>UniBERT notebooks</title>'
        f"{VIEWPORT}<style>{STYLE}</style><h1>UniBERT, read by running it</h1>"
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

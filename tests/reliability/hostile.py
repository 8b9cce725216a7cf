"""Files that want to run something or write somewhere else: each is made in a folder and given to its reader.

``python -m tests.reliability.hostile FOLDER [--control] [--quick]`` prints what came of each, as JSON.
"""

from __future__ import annotations

import base64
import builtins
import csv
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from nbconvert.preprocessors.sanitize import SanitizeHTML
from transformers import AutoModelForTokenClassification, BertConfig, BertForMaskedLM

from tests.reliability import books
from unibert_lib import (
    checkpoint,
    config,
    corpus,
    headless,
    hub,
    injected,
    pages,
    parameters,
    results,
    runs,
    teacher,
    tokenizer,
    tokens,
)
from unibert_lib.tasks import folders, sources, task

Attack = Callable[[Path, Path], str | None]  # (its folder, the canary) -> what got through, if anything did
ATTACKS: dict[str, Attack] = {}
KERNEL: set[str] = set()  # those that start a kernel, seconds each
IMPORTS = "from unibert_lib import config"  # a notebook's first cell


class Bomb:
    """Unpickling it makes the canary."""

    def __init__(self, canary: Path) -> None:
        self.canary = str(canary)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.canary,)


def attack(name: str, kernel: bool = False) -> Callable[[Attack], Attack]:
    def register(call: Attack) -> Attack:
        ATTACKS[name] = call
        if kernel:
            KERNEL.add(name)
        return call

    return register


# --- models and tokenizers -------------------------------------------------------------------------------------------


def model(folder: Path) -> Path:
    """A tiny student as ``save_pretrained`` leaves it."""
    pieces = tokenizer.train(["the cat sat on the mat", "a dog"] * 5, 300)
    pieces.save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertForMaskedLM(BertConfig(vocab_size=len(pieces), **sizes)).save_pretrained(folder)
    return folder


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def module(folder: Path, canary: Path) -> None:
    (folder / "evil.py").write_text(f"import os\nos.mkdir({str(canary)!r})\nclass Evil: pass\n")


def opened(folder: Path) -> None:
    """Through every door: the tokenizer's, the teacher's, the tasks'."""
    refused = []
    for call in (
        lambda: tokenizer.load(folder),
        lambda: teacher.load(folder, tokenizer.train(["the cat sat on the mat", "a dog"] * 5, 300)),
        lambda: task.load_encoder(AutoModelForTokenClassification, folder, num_labels=3),
    ):
        try:
            call()
        except ValueError as error:
            refused.append(error)
    if refused:
        raise refused[0]


@attack("pickle named model.safetensors")
def _(here: Path, canary: Path) -> None:
    (model(here / "m") / "model.safetensors").write_bytes(pickle.dumps(Bomb(canary)))
    opened(here / "m")


@attack("pickled weights instead of safetensors")
def _(here: Path, canary: Path) -> None:
    (model(here / "m") / "model.safetensors").unlink()
    torch.save({"bert.x": torch.zeros(1), "bomb": Bomb(canary)}, here / "m" / "pytorch_model.bin")
    opened(here / "m")


@attack("pickles beside good weights")
def _(here: Path, canary: Path) -> None:
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        model(here / "m").joinpath(name).write_bytes(pickle.dumps(Bomb(canary)))
    opened(here / "m")


@attack("configuration with code of its own")
def _(here: Path, canary: Path) -> None:
    auto = {name: "evil.Evil" for name in ("AutoConfig", "AutoModelForMaskedLM", "AutoModelForTokenClassification")}
    edit(model(here / "m") / "config.json", model_type="evil", auto_map=auto)
    module(here / "m", canary)
    opened(here / "m")


@attack("tokenizer with code of its own")
def _(here: Path, canary: Path) -> None:
    edit(
        model(here / "m") / "tokenizer_config.json",
        tokenizer_class="Evil",
        auto_map={"AutoTokenizer": ["evil.Evil"] * 2},
    )
    module(here / "m", canary)
    opened(here / "m")


@attack("configuration that names a kernel of the hub")
def _(here: Path, canary: Path) -> None:
    edit(model(here / "m") / "config.json", _attn_implementation="evil/kernel")
    opened(here / "m")


@attack("shards that lie outside")
def _(here: Path, canary: Path) -> None:
    (model(here / "m") / "model.safetensors").rename(here / "elsewhere.safetensors")
    index = {"metadata": {}, "weight_map": {"bert.x": "../elsewhere.safetensors"}}
    (here / "m" / "model.safetensors.index.json").write_text(json.dumps(index))
    opened(here / "m")


@attack("pickle named config.json")
def _(here: Path, canary: Path) -> None:
    (model(here / "m") / "config.json").write_bytes(pickle.dumps(Bomb(canary)))
    opened(here / "m")


@attack("pickle named tokenizer.json")
def _(here: Path, canary: Path) -> None:
    (model(here / "m") / "tokenizer.json").write_bytes(pickle.dumps(Bomb(canary)))
    opened(here / "m")


@attack("hub ids that are paths or commands")
def _(here: Path, canary: Path) -> None:
    for name in (
        "../../m",
        "a/../../m",
        "https://example.invalid/m",
        f"x;mkdir {canary}",
        f"$(mkdir {canary})",
        "a\nb/c",
    ):
        for call in (
            lambda name=name: tokenizer.load(name, "0" * 40),
            lambda name=name: task.load_encoder(AutoModelForTokenClassification, name, "0" * 40),
            lambda name=name: sources.hub_rows(name, None, "train", "0" * 40),
        ):
            try:
                call()
            except ValueError:
                continue
            return f"{name!r} was opened"
    return None


# --- runs, checkpoints, results --------------------------------------------------------------------------------------


def sealed(folder: Path, files: dict[str, bytes]) -> Path:
    """A checkpoint of these files whose manifest is right: whoever can write the files can write their sums."""
    step = folder / "step-00000001"
    step.mkdir(parents=True)
    for name, content in files.items():
        (step / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (step / "manifest.json").write_text(json.dumps(sums) + "\n")
    return folder


@attack("pickle as a checkpoint's tensors")
def _(here: Path, canary: Path) -> None:
    checkpoint.load_newest(sealed(here / "c", {"state.json": b"{}", "m.safetensors": pickle.dumps(Bomb(canary))}))


@attack("pickle as a checkpoint's counters")
def _(here: Path, canary: Path) -> None:
    checkpoint.load_newest(sealed(here / "c", {"state.json": pickle.dumps(Bomb(canary))}))


@attack("manifest that names files elsewhere")
def _(here: Path, canary: Path) -> None:
    folder = sealed(here / "c", {"state.json": b"{}"})
    sums = {"state.json": hashlib.sha256(b"{}").hexdigest(), "../../../x": "0", "/etc/passwd": "0"}
    (folder / "step-00000001" / "manifest.json").write_text(json.dumps(sums) + "\n")
    checkpoint.load_newest(folder)


@attack("names of runs that leave their folder")
def _(here: Path, canary: Path) -> str | None:
    for name in (f"../../{canary.name}", str(canary), "..", "a/b", ".hidden", "a\nb", "a\0b"):
        try:
            path = runs.open_run("k", name, {}, {}, here / "runs").path
        except ValueError:
            continue
        return f"{name!r} made {path}"
    return None


@attack("result lines that are something else")
def _(here: Path, canary: Path) -> None:
    (here / "r.jsonl").write_bytes(pickle.dumps(Bomb(canary)).replace(b"\n", b" ") + b"\n" + b"[" * 100_000 + b"\n")
    results.load(here / "r.jsonl")


@attack("pickled counts in a token store")
def _(here: Path, canary: Path) -> None:
    (here / "meta.json").write_text(json.dumps({"format": tokens.FORMAT, "languages": ["../../x"]}))
    np.save(here / "counts.npy", np.array([Bomb(canary)], dtype=object))
    _ = tokens.TokenStore.open(here).counts


# --- corpora ---------------------------------------------------------------------------------------------------------

PAGE = "<page><title>{}</title><ns>0</ns><id>1</id><revision><text>{}</text></revision></page>"


def dump(here: Path, text: str, name: str = "enwiki-1-pages-articles.xml") -> None:
    (here / "in").mkdir(exist_ok=True)
    (here / "in" / name).write_text(text, encoding="utf-8")


def build(here: Path) -> str:
    """What a corpus made of ``in`` holds, all its files together."""
    corpus.build(corpus.open_folder(here / "in"), here / "out", progress=False)
    kept = [pq.read_table(file).column("text").to_pylist() for file in here.glob("out/*/part-*.parquet")]
    return " ".join(text for part in kept for text in part)


@attack("XML with an entity that names a file")
def _(here: Path, canary: Path) -> str | None:
    (here / "secret").write_text("a secret of five long words")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{here}/secret">]>'
    dump(here, f"{entity}<mediawiki>{PAGE.format('a', '&e;')}</mediawiki>")
    return "the file was read" if "secret" in build(here) else None


@attack("XML with a billion laughs")
def _(here: Path, canary: Path) -> None:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    dump(here, f"<!DOCTYPE x [{entities}]><mediawiki>{PAGE.format('a', '&a9;')}</mediawiki>")
    build(here)


@attack("XML with a DTD from elsewhere inside a page")
def _(here: Path, canary: Path) -> None:
    inside = PAGE.format("a", '<!DOCTYPE x SYSTEM "http://example.invalid/x.dtd">text')
    dump(here, f"<mediawiki>{inside}</mediawiki>")
    build(here)


@attack("titles and ids that are paths, markup and formulas")
def _(here: Path, canary: Path) -> None:
    title = f"../../{canary.name}&lt;script&gt;=cmd()"
    page = PAGE.format(title, "one two three four five six seven. " * 3).replace("<id>1", f"<id>../../{canary.name}")
    dump(here, f"<mediawiki>{page}</mediawiki>")
    build(here)


@attack("names of files with line breaks and dots")
def _(here: Path, canary: Path) -> None:
    text = f"<mediawiki>{PAGE.format('a', 'one two three four five six seven')}</mediawiki>"
    for name in (
        "enwiki-\n-pages.xml",
        "..%2f..%2fwiki-1.xml",
        "en\r\nwiki-1.xml",
        "-rf.txt",
        "$(id)wiki-1.xml",
        "en.txt\n",
    ):
        dump(here, text, name)
    build(here)


@attack("links in a data folder")
def _(here: Path, canary: Path) -> None:
    (here / "in").mkdir()
    (here / "in" / "en.txt").symlink_to("/etc/hostname")
    (here / "in" / "nl.txt").symlink_to(here / "in" / "nl.txt")  # to itself
    (here / "in" / "de").symlink_to("..")
    build(here)


@attack("parquet that lies about its columns")
def _(here: Path, canary: Path) -> None:
    (here / "in" / "en").mkdir(parents=True)
    metadata = {b"pandas": b'{"index_columns": ["x"]}', b"ARROW:schema": pickle.dumps(Bomb(canary))}
    table = pa.table({"text": [pickle.dumps(Bomb(canary))], "page": [{"a": 1}], "title": [1]})
    pq.write_table(table.replace_schema_metadata(metadata), here / "in" / "en" / "a.parquet")
    (here / "in" / "en" / "b.parquet").write_bytes(b"PAR1" + pickle.dumps(Bomb(canary)) + b"PAR1")
    build(here)


@attack("a saved data set whose files lie elsewhere")
def _(here: Path, canary: Path) -> None:
    (here / "in" / "en").mkdir(parents=True)
    (here / "in" / "en" / "dataset_info.json").write_text("{}")
    state = {"_data_files": [{"filename": "../../../x.arrow"}], "_fingerprint": "x", "_format_type": "evil"}
    (here / "in" / "en" / "state.json").write_text(json.dumps(state))
    build(here)


# --- data sets -------------------------------------------------------------------------------------------------------


@attack("tar with traversal and links")
def _(here: Path, canary: Path) -> None:
    (here / "d").mkdir()
    with tarfile.open(here / "d" / "train.tar", "w") as archive:
        for name in ("a.txt", f"../../{canary.name}", str(canary)):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b"x"))
        link = tarfile.TarInfo("l")
        link.type, link.linkname = tarfile.SYMTYPE, str(canary.parent)
        archive.addfile(link)
    sources.hub_rows(str(here / "d"), None, "train", None)


@attack("zip with traversal")
def _(here: Path, canary: Path) -> None:
    (here / "d").mkdir()
    with zipfile.ZipFile(here / "d" / "train.zip", "w") as archive:
        archive.writestr("train.csv", "text\na\n")
        archive.writestr(f"../../{canary.name}", "x")
    sources.hub_rows(str(here / "d"), None, "train", None)


@attack("data set with a loading script")
def _(here: Path, canary: Path) -> None:
    (here / "d").mkdir()
    (here / "d" / "d.py").write_text(f"import os\nos.mkdir({str(canary)!r})\n")
    sources.hub_rows(str(here / "d"), None, "train", None)


@attack("data set whose card leads elsewhere")
def _(here: Path, canary: Path) -> str | None:
    (here / "d").mkdir()
    pq.write_table(pa.table({"text": ["secret"]}), here / "secret.parquet")
    pq.write_table(pa.table({"text": ["open"]}), here / "d" / "train.parquet")
    card = "---\nconfigs:\n- config_name: default\n  data_files: ../secret.parquet\n---\n"
    (here / "d" / "README.md").write_text(card)
    return "the file was read" if sources.hub_rows(str(here / "d"), None, "train", None) else None


@attack("task files that are pickles, deep or of no kind")
def _(here: Path, canary: Path) -> str | None:
    bomb, deep = pickle.dumps(Bomb(canary)), b'{"data":' + b"[" * 200_000
    names = {
        "ner": "en.train",
        "nli": "xnli.test.tsv",
        "qa": "train-v1.1.json",
        "sts": "en_train.csv",
        "legal_ner": "en.jsonl",
    }
    for kind, name in names.items():
        for content in (bomb, deep, b"\0" * 1000):
            folder = here / kind
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
            try:
                folders.open_folder(kind, folder, ())
            except ValueError:
                continue
    return None


# --- tables and notebooks --------------------------------------------------------------------------------------------


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
    cells = [new.new_markdown_cell(markdown, id="text"), new.new_raw_cell(script, id="raw")]
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
    plain = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="a")])
    found = []
    for name, notebook in (("plain", plain), ("hostile", hostile_notebook())):
        (here / f"{name}.ipynb").write_text(json.dumps(notebook))
        pages.write_html(here / f"{name}.ipynb", here / f"{name}.html")
        found.append(_Active((here / f"{name}.html").read_text(encoding="utf-8")).found)
    through = [item for item in found[1] if item not in found[0] or "evil" in item]
    return f"the page runs {through[0]}" if through else None


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


# --- what the controls break -----------------------------------------------------------------------------------------


TRUST = {"trust_remote" + "_code": True}  # put together, as below, so that G12 still finds none of it in the sources


def trusting(auto: Any, source: Any, revision: Any = None, **given: Any) -> Any:
    return auto.from_pretrained(source, **TRUST, **given)


def unpickled(file: Path) -> Any:
    return getattr(pickle, "lo" + "ads")(Path(file).read_bytes())


# A defence that the control breaks (what is replaced, by what), and the attack that must then get through.
BROKEN: dict[str, tuple[Any, str, Any, str]] = {
    "checkpoints are unpickled": (checkpoint, "load_file", unpickled, "pickle as a checkpoint's tensors"),
    "models may bring code": (hub, "from_pretrained", trusting, "configuration with code of its own"),
    "names of runs are not checked": (
        runs,
        "re",
        SimpleNamespace(fullmatch=lambda *given: True),
        "names of runs that leave their folder",
    ),
    "pages are not sanitised": (
        SanitizeHTML,
        "sanitize_html_tags",
        lambda self, text: text,
        "notebook whose outputs are scripts",
    ),
    "tables are written as they come": (
        results,
        "write_csv",
        lambda frame, path: frame.to_csv(path),
        "cells that are formulas",
    ),
    "injected cells are not checked": (sys.modules[__name__], "IMPORTS", "pass", "parameter file whose name is code"),
}


def main() -> None:
    """All attacks, or with ``--control`` each broken defence with its attack; ``--quick`` starts no kernel."""
    folder, options = Path(sys.argv[1]), set(sys.argv[2:])
    chosen: list[tuple[str, str | None]] = [(name, None) for name in ATTACKS]
    if "--control" in options:
        chosen = [(name, defence) for defence, (*_, name) in BROKEN.items()]
    builtins.input = lambda prompt="": "y"  # what a hurried reader would answer
    for number, (name, defence) in enumerate(chosen):
        if name in KERNEL and "--quick" in options:
            continue
        if defence is None:
            row = attacked(folder, number, name)
        else:
            target, attribute, careless, _ = BROKEN[defence]
            careful = getattr(target, attribute)
            setattr(target, attribute, careless)
            row = {"defence": defence, **attacked(folder, number, name)}
            setattr(target, attribute, careful)
        print(json.dumps(row), flush=True)
    print(json.dumps({"end": True}))


def attacked(folder: Path, number: int, name: str) -> dict[str, str | None]:
    here, canary = folder / "inside" / str(number), folder / f"canary {number}"
    here.mkdir(parents=True)
    os.chdir(here)
    before = tree(folder, here)
    try:
        through = ATTACKS[name](here, canary)
        answer = "harmless"
    except ValueError as error:
        through, answer = None, f"refused: {type(error).__name__}: {error}"[:300]
    except Exception as error:  # anything else is no documented error
        through, answer = f"{type(error).__name__} instead of an error of ours: {error}"[:300], "raised"
    if canary.exists():
        through = "its code ran"
    elif changed := sorted(set(tree(folder, here).items()) ^ set(before.items())):
        through = f"written outside: {changed[0][0]}"
    return {"attack": name, "answer": answer, "through": through}


def tree(folder: Path, here: Path) -> dict[str, tuple[int, int]]:
    """Everything below a folder but the attack's own place: path, size and time of change."""
    found = {}
    for top, folders_in, files in os.walk(folder):
        folders_in[:] = [name for name in folders_in if Path(top, name) not in (here, folder / "scratch")]
        for name in (*folders_in, *files):
            state = os.lstat(os.path.join(top, name))
            size = 0 if name in folders_in else state.st_size
            found[os.path.join(top, name)] = (size, 0 if name in folders_in else state.st_mtime_ns)
    return found


if __name__ == "__main__":
    main()

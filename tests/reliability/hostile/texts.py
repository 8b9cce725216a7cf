"""Corpora and data sets of somebody else's."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.reliability.hostile import Bomb, attack
from unibert_lib import corpus
from unibert_lib.tasks import folders, sources

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

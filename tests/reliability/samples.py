"""Small valid files of every format that the library reads, and the tokenizer trained on their texts."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from unibert_lib import tokenizer
from unibert_lib.corpus import LanguageReport
from unibert_lib.results import COLUMNS

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="6" case="first-letter">File</namespace>
    </namespaces>
  </siteinfo>
"""
TAIL = "</mediawiki>\n"


def page(number: int, text: str = "A sentence of six words here.", title: str = "") -> str:
    return (
        f"  <page>\n    <title>{title or f'Title {number}'}</title>\n    <ns>0</ns>\n    <id>{number}</id>\n"
        f"    <revision>\n      <id>9{number}</id>\n      <text>{text}</text>\n    </revision>\n  </page>\n"
    )


def result_row() -> dict[str, Any]:
    """A row of results that is valid."""
    text = {name: "none" for name, kind in COLUMNS.items() if kind == "str"}
    numbers: dict[str, Any] = {name: None for name, kind in COLUMNS.items() if kind != "str"}
    known = {"split": "test", "setting": "each", "unit": "fraction", "status": "done", "score": 0.5}
    return {**text, **numbers, "language": "en", "train_languages": "en", **known}


@cache
def small_tokenizer() -> Any:
    """A WordPiece of a few hundred pieces."""
    lines = ("A sentence of six words here.", "Rome is old, and the river is older.", "word and another")
    return tokenizer.train(lines, 300)


def dump() -> bytes:
    """Three pages with markup, a redirect, a talk page and a page that comes twice."""
    marked = (
        "'''Rome''' is the [[Capital city|capital]] of [[Italy]].&lt;ref name=\"a\"&gt;{{cite web|url=http://a.b}}"
        "&lt;/ref&gt; It has 2,800,000 people. &lt;!-- checked --&gt;\n\n{{Infobox|name=Rome|area={{convert|1|km}}}}\n"
        '{| class="wikitable"\n! a !! b\n|-\n| 1 || 2\n|}\n[[File:a.jpg|thumb|The [[Tiber]]]]\n== See ==\n'
        "* [http://a.b A link]\n* This item is a sentence of some length.\n[[Category:Cities]] "
        "&amp;nbsp; ISBN 9783161484100"
    )
    redirect = page(2, "#REDIRECT [[Rome]]").replace("<ns>", '<redirect title="Rome" />\n    <ns>')
    talk = page(3, "Talk", "Talk:Rome").replace("<ns>0</ns>", "<ns>1</ns>")
    return (HEAD + page(1, marked) + redirect + talk + page(4) + page(1, "Again.") + TAIL).encode()


@cache
def tokenizer_settings() -> bytes:
    """What lies beside tokenizer.json."""
    with tempfile.TemporaryDirectory() as folder:
        small_tokenizer().save_pretrained(folder)
        return (Path(folder) / "tokenizer_config.json").read_bytes()


SENTENCES = "One sentence a line.\n\nΈνα άλλο, με ελληνικά.\nهذه جملة\u200cأخرى\n".encode()
CONLL = (
    b"-DOCSTART- -X- O O\n\nU.N. NNP I-NP B-ORG\nofficial NN I-NP O\nEkeus NNP I-NP B-PER\nheads VBZ I-VP O\n"
    b"for IN I-PP O\nBaghdad NNP I-NP B-LOC\n. . O O\n\nRome NNP I-NP B-LOC\nis VBZ I-VP O\nold JJ I-ADJP O\n\n"
)
PANX = b"sw:Ziwa\tB-LOC\nsw:Viktoria\tI-LOC\nsw:ni\tO\nsw:kubwa\tO\n\nsw:Nairobi\tB-LOC\nsw:ni\tO\nsw:mji\tO\n"


def mapa_rows() -> list[dict[str, Any]]:
    shared = {"language": "en", "file_name": "a.html"}
    return [
        {
            **shared,
            "sentence_number": number,
            "tokens": ["Mr", "Smith", "of", "Rome"],
            "coarse_grained": ["B-PERSON", "I-PERSON", "O", "B-ADDRESS"],
            "fine_grained": ["B-TITLE", "B-FAMILY NAME", "O", "B-CITY"],
        }
        for number in range(3)
    ]


def json_lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "surrogatepass")


XNLI = (
    b"language\tgold_label\tsentence1_binary_parse\tsentence1\tsentence2\tpromptID\tpairID\n"
    b'en\tneutral\t\tHe said "no".\tHe spoke.\t1\t1\nen\tcontradiction\t\tHe said no.\tHe agreed.\t1\t2\n'
    b"de\tentailment\t\tEr sagte nein.\tEr sprach.\t1\t3\n"
)
XTREME = (
    b'He said "no".\tHe spoke.\tentailment\nHe said no.\tHe agreed.\tcontradictory\nIt rained.\tIt was dry.\tneutral\n'
)
AMERICAS = b"premise\thypothesis\tlabel\tlanguage\tid\na b\tc d\tneutral\tgn\t1\ne f\tg h\tentailment\tquy\t2\n"


def squad() -> dict[str, Any]:
    context = "Rome is the capital of Italy. Ἀθῆναι 🏛 is older."
    questions = [
        {"id": f"q{n}", "question": f"Which {w}?", "answers": [{"text": w, "answer_start": context.index(w)}]}
        for n, w in enumerate(("Rome", "Italy", "older"))
    ]
    article = {"title": "Rome", "paragraphs": [{"context": context, "qas": questions}]}
    return {"version": "1.1", "data": [article, article]}


STSB = b'A man plays.,A man is playing.,4.5\n"One, two.","Three ""four"".",0.0\nA cat.,A dog.,1.25\n'
STS22 = (
    b"url1_lang,url2_lang,pair_id,link1,link2,Geography,Overall\nen,en,1484084337_1484110209,http://a,http://b,1,2.5\n"
    b"de,en,1484084337_1484110210,http://a,http://c,1,4.0\n"
)
ARTICLE = json.dumps({"title": "A title", "text": "The text of the article.", "tags": []}).encode()
VOCABULARY = "\n".join(
    ("[PAD]", *(f"[unused{i}]" for i in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b")
)


def report() -> dict[str, Any]:
    row = {**asdict(LanguageReport("en", pages=1, paragraphs_in=2, paragraphs_out=1, drops={"empty": 1}))}
    return {"settings": {"rules": ["empty"], "options": {}}, "languages": {"en": row}}

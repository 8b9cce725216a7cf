"""Every parser of the library, how a hostile input is made for it, and how it is read."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.reliability import samples
from tests.reliability.mutate import mutate, value
from unibert_lib import config, corpus, languages, parameters, results, runs, task_parameters, tokenizer, tokens
from unibert_lib.corpus import filters, wikitext
from unibert_lib.tasks import conll, folders, mapa, similarity, sources, squad, xnli


class ParameterRefused(Exception):
    """As it should be: a parameter has no file, and the error says its name."""


class Unbalanced(Exception):
    """Input is not kept + dropped + quarantined."""


@dataclass(frozen=True)
class Parser:
    """What reads one kind of input: a file's name, how a hostile one is made, and how it is read.

    ``names`` is what an error must say; the file's name where it is empty. None: no error is allowed.
    """

    name: str
    file: str
    make: Callable[[Random], bytes]
    parse: Callable[[Path, Random], object]
    weight: int
    names: Sequence[str] | None = ()


def _from(*seeds: bytes) -> Callable[[Random], bytes]:
    return lambda rng: mutate(rng.choice(seeds), rng)


def _packed(pack: Callable[[bytes], bytes]) -> Callable[[Random], bytes]:
    """A dump spoilt before or after it is compressed; now and then one that expands to 20 MB."""

    def make(rng: Random) -> bytes:
        data = samples.dump()
        if rng.random() < 0.02:
            place = rng.randrange(len(data))
            return pack(data[:place] + b"x" * 20_000_000 + data[place:])
        if rng.random() < 0.5:
            return pack(mutate(data, rng))
        half = len(data) // 2
        return mutate(rng.choice((pack(data), pack(data[:half]) + pack(data[half:]))), rng)

    return make


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _through_rules(text: str, rules: Iterable[filters.Rule]) -> None:
    for rule in rules:
        answer = rule(text)
        if isinstance(answer, corpus.Drop):
            return
        text = answer.text


def _dump(path: Path, rng: Random) -> None:
    rules = (*corpus.RULES, corpus.too_few_pieces(samples.small_tokenizer()))
    for record in corpus.read_dump(path, "en", strict=rng.random() < 0.8):
        if isinstance(record, corpus.Page):
            for document in corpus.paragraphs(record):
                _through_rules(document.text, rules)


def _corpus(path: Path, rng: Random) -> None:
    """All of it: from the folder to the finished corpus and its tokens."""
    out = path.parent / "out"
    shutil.rmtree(out, ignore_errors=True)
    report = corpus.build(corpus.open_folder(path.parent, strict=rng.random() < 0.8), out / "four", progress=False)
    counts = report.languages["en"]
    if not counts.balanced or counts.paragraphs_out != _rows(out / "four" / "en"):
        raise Unbalanced(str(counts))
    pieces = samples.small_tokenizer()
    corpus.finish(out / "four", out / "five", pieces, progress=False)
    tokens.write(out / "five", pieces, out / "tokens", heldout_share=0.5)
    corpus.load_report(out / "five")


def _rows(folder: Path) -> int:
    return sum(pq.ParquetFile(part).metadata.num_rows for part in folder.glob("*.parquet"))


def _wikitext(path: Path, rng: Random) -> None:
    page = corpus.Page("1", "t", 0, False, _text(path), "en")
    for document in wikitext.paragraphs(page):
        _through_rules(document.text, corpus.RULES)


def _rules(path: Path, rng: Random) -> None:
    text, pieces = _text(path), samples.small_tokenizer()
    for rule in (*corpus.RULES, *filters.RULES_WITHOUT_JOINERS, corpus.too_few_pieces(pieces)):
        rule(text)
    pieces(tokenizer.sanitise(text), add_special_tokens=False, verbose=False)


def _sentences(path: Path, rng: Random) -> None:
    for _ in corpus.read_sentences(path, "en"):
        pass


def _conll(path: Path, rng: Random) -> None:
    data = conll.read_conll(path, split=rng.choice(("train", "dev", "test")))
    _balance(data, data.counts["sentences"])


def _mapa(path: Path, rng: Random) -> None:
    data = mapa.read_mapa(path, level=rng.choice(("coarse", "fine")), split=rng.choice(("train", "test")))
    _balance(data, data.counts["lines"] - data.counts["other_languages"])


def _xnli(path: Path, rng: Random) -> None:
    data = xnli.read_xnli(path, split=rng.choice(("train", "test")))
    _balance(data, data.counts["rows"] - data.counts["other_languages"])


def _squad(path: Path, rng: Random) -> None:
    data = squad.read_squad(path, split=rng.choice(("train", "test")))
    squad.join_contexts(data)
    _balance(data, data.counts["questions"])


def _stsb(path: Path, rng: Random) -> None:
    data = similarity.read_stsb(path, split=rng.choice(("train", "test")))
    _balance(data, data.counts["rows"])


def _sts22(path: Path, rng: Random) -> None:
    folder = path.parent / "articles"
    for article in ("1484084337", "1484110209", "1484110210"):
        (folder / article[-2:]).mkdir(parents=True, exist_ok=True)
        (folder / article[-2:] / f"{article}.json").write_bytes(samples.ARTICLE)
    data = similarity.read_sts22(path, folder, split=rng.choice(("train", "test")))
    _balance(data, data.counts["rows"])


def _article(path: Path, rng: Random) -> None:
    """A sound list of pairs whose articles are hostile."""
    pairs = path.with_name("pairs.csv")
    pairs.write_bytes(samples.STS22)
    for article in ("1484084337", "1484110209", "1484110210"):
        (path.parent / article[-2:]).mkdir(exist_ok=True)
        shutil.copy(path, path.parent / article[-2:] / f"{article}.json")
    data = similarity.read_sts22(pairs, path.parent, split=rng.choice(("train", "test")))
    _balance(data, data.counts["rows"])


def _balance(data: Any, read: int) -> None:
    if read != len(data) + len(data.quarantined):
        raise Unbalanced(f"{read} read, {len(data)} kept, {len(data.quarantined)} quarantined")


def _folder(path: Path, rng: Random) -> None:
    """A task's folder with one hostile file in it, under the name that the task looks for."""
    task, name = rng.choice(
        (
            ("ner", "eng.train"),
            ("ner", "dev-sw.tsv"),
            ("legal_ner", "train.jsonl"),
            ("nli", "dev-en.tsv"),
            ("nli", "anli.test.tsv"),
            ("qa", "xquad.en.json"),
            ("qa", "train-v1.1.json"),
            ("sts", "stsb-en-dev.csv"),
        )
    )
    place = path.parent / "input" / name
    shutil.rmtree(place.parent, ignore_errors=True)
    place.parent.mkdir()
    shutil.move(path, place)
    data, _ = folders.open_folder(task, place.parent)
    data.overlap(), data.summary()


def _from_rows(path: Path, rng: Random) -> None:
    rows = value(_HUB_ROWS, rng)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return  # a dataset holds nothing else
    read = rng.choice(
        (
            lambda: conll.from_rows(rows, ["O", "B-PER"], "en", source="input"),
            lambda: conll.from_rows(rows, None, "en", source="input"),
            lambda: xnli.from_rows(rows, "en", source="input"),
            lambda: squad.from_rows(rows, "en", source="input"),
            lambda: similarity.from_rows(rows, "en", source="input"),
        )
    )
    read()


_HUB_ROWS = [
    {"tokens": ["Ada", "Lovelace"], "ner_tags": [1, 0], "premise": "a b", "hypothesis": "c d", "label": 1}
    | {"id": "1", "context": "a b c", "question": "which", "answers": {"text": ["b"], "answer_start": [2]}}
    | {"sentence1": "a b", "sentence2": "c d", "similarity_score": 2.5}
] * 2


_SCHEMAS = (
    *(getattr(parameters, f"{name}Parameters") for name in ("Start", "Corpus", "Student", "Pretrain")),
    *(getattr(task_parameters, f"{name}Parameters") for name in ("Ner", "Nli", "Qa", "Sts", "Legal")),
    config.ObjectiveConfig,
)


def _parameters(path: Path, rng: Random) -> None:
    schema, fields = rng.choice([(schema, runs.plain(schema())) for schema in _SCHEMAS])
    given = value({name: fields[name] for name in rng.sample(list(fields), min(4, len(fields)))}, rng)
    if isinstance(given, dict):
        try:
            config.parse_parameters(given, schema)
        except ValueError as error:
            if type(error) is ValueError and any(name and name in str(error) for name in {*given, *fields, "language"}):
                raise ParameterRefused from error
            raise


def _vocabulary(path: Path, rng: Random) -> None:
    tokenizer.load(path)


def _tokenizer_json(path: Path, rng: Random) -> None:
    settings = samples.tokenizer_settings()
    path.with_name("tokenizer_config.json").write_bytes(mutate(settings, rng) if rng.random() < 0.3 else settings)
    tokenizer.load(path.parent)


def _report(path: Path, rng: Random) -> None:
    corpus.load_report(path.parent).table()


def _store(path: Path, rng: Random) -> None:
    store = tokens.TokenStore.open(path.parent)
    _ = store.languages, store.vocab_size, store.special_ids, store.fingerprint


def _card(path: Path, rng: Random) -> None:
    place = path.parent / "kind" / "name"
    place.mkdir(parents=True, exist_ok=True)
    shutil.move(path, place / "config.json")
    runs.open_run("kind", "name", {"a": 1}, {"b": "2"}, path.parent)


def _parquet(path: Path, rng: Random) -> None:
    for _ in corpus.read_dataset(path, "en"):
        pass


def _parquet_bytes() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"page": ["1", "2"], "text": ["a sentence", "another"], "title": ["t", "u"]}), sink)
    return sink.getvalue()


def _tokenizer_bytes() -> bytes:
    return str(samples.small_tokenizer().backend_tokenizer.to_str()).encode()


def _store_bytes() -> bytes:
    special = dict(tokenizer.SPECIAL_IDS)
    meta = {"format": tokens.FORMAT, "fingerprint": "a", "vocab_size": 200, "special_ids": special, "languages": ["en"]}
    return json.dumps(meta).encode()


def _values(source: Any) -> Callable[[Random], bytes]:
    """Half by bytes, half by values."""

    def make(rng: Random) -> bytes:
        plain = json.dumps(source).encode()
        return mutate(plain, rng) if rng.random() < 0.5 else json.dumps(value(source, rng)).encode()

    return make


def parsers() -> list[Parser]:
    """Every parser, with its share of the inputs."""
    dump, rows = samples.dump(), samples.json_lines([samples.result_row()] * 3)
    wiki = (
        dump.decode().partition("<text>")[2].partition("</text>")[0].replace("&lt;", "<").replace("&amp;", "&").encode()
    )
    utf16 = dump.decode().encode("utf-16")
    task_files = (samples.CONLL, samples.PANX, samples.XTREME, samples.AMERICAS, samples.STSB)
    task_files += (json.dumps(samples.squad()).encode(), samples.json_lines(samples.mapa_rows()))
    tables = (languages.TABLE.read_bytes(), sources.TABLE.read_bytes())
    return [
        Parser("dump", "enwiki-a.xml", _from(dump, dump, utf16), _dump, 18),
        Parser("dump.bz2", "enwiki-a.xml.bz2", _packed(bz2.compress), _dump, 8),
        Parser("dump.gz", "enwiki-a.xml.gz", _packed(lambda data: gzip.compress(data, 1)), _dump, 6),
        Parser("corpus", "enwiki-a.xml", _from(dump), _corpus, 3),
        Parser("corpus of sentences", "en.txt", _from(samples.SENTENCES), _corpus, 3),
        Parser("wikitext", "page", _from(wiki), _wikitext, 18, None),
        Parser("rules and tokenizer", "sample", _from(wiki, samples.SENTENCES), _rules, 18, None),
        Parser("sentences", "en.txt", _from(samples.SENTENCES, gzip.compress(samples.SENTENCES)), _sentences, 8),
        Parser("CoNLL", "eng.train", _from(samples.CONLL), _conll, 16),
        Parser("PAN-X", "dev-sw.tsv", _from(samples.PANX), _conll, 10),
        Parser("MAPA", "train.jsonl", _from(samples.json_lines(samples.mapa_rows())), _mapa, 16),
        Parser("XNLI", "xnli.dev.tsv", _from(samples.XNLI, samples.AMERICAS), _xnli, 12),
        Parser("XTREME", "dev-en.tsv", _from(samples.XTREME), _xnli, 8),
        Parser("SQuAD", "xquad.en.json", _from(json.dumps(samples.squad(), indent=1).encode()), _squad, 18),
        Parser("STS-B", "stsb-en-dev.csv", _from(samples.STSB), _stsb, 10),
        Parser("STS22", "pairs.csv", _from(samples.STS22), _sts22, 8),
        Parser("articles", "article.json", _from(samples.ARTICLE), _article, 5, ("pairs.csv",)),
        Parser("task folder", "task", _from(*task_files), _folder, 8, ("input",)),
        Parser("hub rows", "rows", lambda rng: b"", _from_rows, 10, ("input",)),
        Parser("results", "rows.jsonl", _from(rows), lambda path, _: results.load(path), 10),
        Parser("parameters", "parameters.json", lambda rng: b"", _parameters, 14, ("input",)),
        Parser("vocabulary", "vocab.txt", _from(samples.VOCABULARY.encode()), _vocabulary, 4),
        Parser(
            "tokenizer.json", "tokenizer.json", _values(json.loads(_tokenizer_bytes())), _tokenizer_json, 2, ("input",)
        ),
        Parser("report", "report.json", _values(samples.report()), _report, 5),
        Parser("token store", "meta.json", _values(json.loads(_store_bytes())), _store, 4, ("input",)),
        Parser("run card", "config.json", _values({"config": {"a": 1}, "inputs": {"b": "2"}}), _card, 4, ("name",)),
        Parser("parquet", "part-0.parquet", _from(_parquet_bytes()), _parquet, 6),
        Parser(
            "languages.csv", "languages.csv", _from(tables[0][:3000]), lambda path, _: languages.read_table(path), 4
        ),
        Parser("sources.toml", "sources.toml", _from(tables[1][:4000]), lambda path, _: sources.load(path), 4),
    ]

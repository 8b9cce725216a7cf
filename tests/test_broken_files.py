"""Files of our own that someone broke: each is refused by name, with the place and the remedy (found by G5)."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import make_corpus

from unibert_lib import config, corpus, languages, recipes, runs, tokenizer, tokens
from unibert_lib.corpus import FormatError
from unibert_lib.parameters import CorpusParameters, PretrainParameters
from unibert_lib.tasks import sources
from unibert_lib.tokenizer import TokenizerError


def test_a_vocabulary_that_is_no_text_is_an_error_with_its_line(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"[PAD]\na\n\xff\n")
    with pytest.raises(TokenizerError, match=r"vocab\.txt, line 3: a byte that is not UTF-8"):
        tokenizer.load(tmp_path)


def test_a_broken_tokenizer_file_and_broken_settings_are_named(tmp_path):
    tokenizer.train(["the cat sat"], 300).save_pretrained(tmp_path)
    settings = (tmp_path / "tokenizer_config.json").read_bytes()
    (tmp_path / "tokenizer_config.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(TokenizerError, match=r"tokenizer_config\.json, line 1: a JSON object is needed"):
        tokenizer.load(tmp_path)
    (tmp_path / "tokenizer_config.json").write_bytes(settings)
    (tmp_path / "tokenizer.json").write_text('{"model": 1}', encoding="utf-8")
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: no tokenizer .*take the file again"):
        tokenizer.load(tmp_path)


STORE = {"format": 1, "languages": [], "vocab_size": 1, "special_ids": {}, "fingerprint": ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "meta.json is broken"),
        ("[]", "meta.json is broken"),
        ('{"format": 1}', "meta.json is broken"),
        (json.dumps({**STORE, "format": 9}), "token store format 9"),
        (json.dumps({**STORE, "languages": 5}), "languages of another type"),
    ],
)
def test_a_token_store_whose_meta_data_is_broken_is_refused(tmp_path, text, message):
    (tmp_path / "meta.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"{message}.*remove the folder and write it again"):
        tokens.TokenStore.open(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "\udcff", "[" * 100_000])
def test_a_broken_run_card_is_a_run_error(tmp_path, text):
    card = runs.open_run("k", "mine", {"a": 1}, {}, tmp_path).path / "config.json"
    card.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(runs.RunError, match=r"config\.json: no run card can be read .*remove .*mine if"):
        runs.open_run("k", "mine", {"a": 1}, {}, tmp_path)


ROW = {"language": "en", "paragraphs_in": 1, "drops": {"empty": 1}}


@pytest.mark.parametrize(
    ("settings", "row", "reason"),
    [
        ({}, ROW, "'rules'"),
        ({"rules": [[]]}, ROW, "rules are"),
        ({"rules": []}, {**ROW, "pages": True}, "pages of 'en' is True, no count"),
        ({"rules": []}, {**ROW, "language": "nl"}, "the row of 'en' is that of 'nl'"),
    ],
)
def test_a_report_with_odd_values_is_refused_before_it_is_shown(tmp_path, settings, row, reason):
    body = {"settings": settings, "languages": {"en": row}}
    (tmp_path / "report.json").write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(FormatError, match=rf"report\.json, start: not a corpus report \(.*{reason}"):
        corpus.load_report(tmp_path)


def test_parquet_that_is_broken_inside_is_an_error_with_its_row(tmp_path):
    path = tmp_path / "part.parquet"
    pq.write_table(pa.table({"text": [f"sentence {i}" for i in range(50)]}), path, compression="none")
    data = bytearray(path.read_bytes())
    data[4:40] = b"\xff" * 36  # the first page's header; the footer is whole
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"part\.parquet, start: broken after row 0 .*Write or download it again"):
        list(corpus.read_dataset(path, "en"))


HEADER = b"code,name,script,family,sources,iso639_3\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (HEADER + b"xx,\xff,Latn,f,,\n", "line 2: a byte that is not UTF-8"),
        (b"code,name\nxx,y\n", "the header has no column 'script'"),
        (b"", "the header has no column 'code'"),
        (HEADER + b"xx," + b"y" * 200_000 + b",Latn,f,,\n", "malformed CSV"),
    ],
)
def test_a_table_of_languages_that_is_no_table_is_refused(tmp_path, data, reason):
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(ValueError, match=rf"t\.csv.*{reason}"):
        languages.read_table(tmp_path / "t.csv")


def test_a_row_that_ends_early_has_empty_cells(tmp_path):
    (tmp_path / "t.csv").write_bytes(HEADER + b"xx,y,Latn,f\n")
    assert languages.read_table(tmp_path / "t.csv")["xx"].sources == ()


@pytest.mark.parametrize(
    ("data", "reason"), [(b"a = ", "not TOML"), (b"\xff", "not TOML"), (b"a = 1", r"\[a\]: 1 is no table")]
)
def test_a_registry_that_is_no_toml_is_refused(tmp_path, data, reason):
    (tmp_path / "s.toml").write_bytes(data)
    with pytest.raises(ValueError, match=rf"s\.toml.*{reason}"):
        sources.load(tmp_path / "s.toml")


def test_a_number_beyond_any_float_is_refused_by_name():
    with pytest.raises(ValueError, match="dropout: a number of 401 digits is too large"):
        config.parse_parameters({"dropout": 10**400}, PretrainParameters)


def test_a_tokenizer_half_saved_by_a_kill_is_made_again(tmp_path, monkeypatch):
    make_corpus(tmp_path / "in")
    wanted = CorpusParameters(source=str(tmp_path / "in"), vocab_size=400, name="own", runs=str(tmp_path / "runs"))

    def killed(self, folder):
        folder.mkdir()
        (folder / "tokenizer.json").write_text('{"half', encoding="utf-8")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("transformers.BertTokenizer.save_pretrained", killed)
        recipes.ensure_corpus(wanted)
    path = recipes.ensure_corpus(wanted)
    assert tokenizer.load(path / "tokenizer").vocab_size > 200
    assert not (path / ".tokenizer.staging").exists()

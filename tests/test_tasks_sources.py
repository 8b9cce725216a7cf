"""The registry of data sets is complete and leads to readers; the hub is used at pinned commits only."""

import importlib
import io
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unibert_lib import languages
from unibert_lib.tasks import sources
from unibert_lib.tasks.conll import from_rows

REGISTRY = sources.load()
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """``datasets`` writes its cache below the test's own folder, and stays offline."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    return tmp_path


def test_every_task_and_the_corpus_have_their_data_sets():
    by_task = {}
    for source in REGISTRY.values():
        by_task.setdefault(source.task, set()).add(source.name)
    assert by_task == {
        "ner": {"conll2002", "conll2003", "wikiann", "panx"},
        "nli": {"xnli", "multinli_translate_train"},
        "qa": {"mlqa", "mlqa_translate_train", "squad", "xquad", "tydiqa_goldp"},
        "sts": {"sts22", "stsb_multi_mt"},
        "legal_ner": {"mapa", "echr_fr_es"},
        "corpus": {"wikipedia", "tatoeba"},
    }


@pytest.mark.parametrize("source", REGISTRY.values(), ids=list(REGISTRY))
def test_every_reader_is_a_function_of_the_library(source):
    for name in filter(None, (source.reader, source.hub_reader)):
        module, _, function = f"unibert_lib.{name}".rpartition(".")
        assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize("source", REGISTRY.values(), ids=list(REGISTRY))
def test_every_entry_names_licence_place_files_and_languages(source):
    assert source.licence and source.homepage.startswith("https://") and source.files and source.title
    assert source.languages or source.note
    codes = {code for pair in source.languages for code in pair.split("-")}
    assert codes <= set(languages.LANGUAGES)
    assert bool(source.hub_config) <= bool(source.hub) and bool(source.hub_reader) <= bool(source.hub)
    assert not source.hub or len(source.hub.split("/")) == 2


PUBLISHED = {"conll2002": 2, "panx": 40, "xnli": 15, "mlqa": 7, "mlqa_translate_train": 6, "xquad": 12}
PUBLISHED |= {"tydiqa_goldp": 9, "sts22": 18, "stsb_multi_mt": 10, "mapa": 21, "echr_fr_es": 2}


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_the_number_of_languages_is_the_published_one(name, count):
    assert len(set(sources.get(name).languages)) == len(sources.get(name).languages) == count


def test_the_languages_agree_with_the_table_of_languages():
    for name, mark in (("xnli", "xnli"), ("mlqa", "mlqa"), ("mapa", "mapa")):
        marked = {code for code, row in languages.LANGUAGES.items() if mark in row.sources}
        assert set(sources.get(name).languages) == marked, name


def test_text_that_must_not_be_passed_on_says_so():
    assert "must not be redistributed" in sources.get("conll2003").restrictions
    assert sources.get("conll2003").hub == ""


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(ValueError, match="unknown data set 'conll-2003'; did you mean conll2003"):
        sources.get("conll-2003")


def test_the_table_has_a_row_a_data_set():
    table = sources.table()
    assert list(table.index) == list(REGISTRY)
    assert table.loc["conll2002", "languages"] == "es nl"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[x]\ntitle = "X"\n', r"\[x\]: field 'task' is missing: add it"),
        ('[x]\nlicense = "MIT"\n', r"\[x\]: unknown field 'license'; did you mean licence"),
    ],
)
def test_a_bad_entry_names_itself(tmp_path, text, message):
    path = tmp_path / "sources.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        sources.load(path)


# --- the hub -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT[:7], COMMIT.upper(), COMMIT + "\n"])
def test_only_a_full_commit_pins(revision):
    with pytest.raises(ValueError, match=r"unimelb-nlp/wikiann: revision=.* pins nothing: give the 40 hex digits"):
        sources.hub_rows("unimelb-nlp/wikiann", "en", "train", revision)


def test_offline_the_remedy_is_named(cache):
    with pytest.raises(ValueError, match=rf"wikiann.*{COMMIT}: the hub cannot be reached .*unset HF_HUB_OFFLINE"):
        sources.hub_rows("unimelb-nlp/wikiann", "en", "train", COMMIT)


def folder(tmp_path, name="parquet"):
    path = tmp_path / name
    path.mkdir()
    rows = {"tokens": [["Ada", "Lovelace"], ["yes"]], "ner_tags": [[1, 2], [0]]}
    pq.write_table(pa.table(rows), path / "train-00000-of-00001.parquet")
    return path


def test_a_local_folder_of_parquet_goes_the_same_way_as_the_hub(cache):
    rows = sources.hub_rows(str(folder(cache)), None, "train", None)
    data = from_rows(rows, ["O", "B-PER", "I-PER"], "en")
    assert [(s.tokens, s.tags) for s in data] == [(("Ada", "Lovelace"), ("B-PER", "I-PER")), (("yes",), ("O",))]


def test_a_folder_has_no_commit(cache):
    with pytest.raises(ValueError, match="a folder, which has no commit: give revision=None"):
        sources.hub_rows(str(folder(cache)), None, "train", COMMIT)


@pytest.mark.parametrize(
    ("config", "split", "message"),
    [(None, "tset", 'Unknown split "tset".*check the configuration'), ("xx", "train", "'xx' not found.*'default'")],
)
def test_a_wrong_split_or_configuration_names_the_right_ones(cache, config, split, message):
    with pytest.raises(ValueError, match=message):
        sources.hub_rows(str(folder(cache)), config, split, None)


def test_a_loading_script_is_refused_and_never_run(cache):
    script = cache / "scripted"
    script.mkdir()
    (script / "scripted.py").write_text("open('ran', 'w')", encoding="utf-8")
    with pytest.raises(ValueError, match=r"needs a loading script, which is not run .*refs/convert/parquet"):
        sources.hub_rows(str(script), None, "train", None)
    assert not list(cache.rglob("ran"))


def test_an_empty_folder_and_a_broken_file_are_errors(cache):
    empty = cache / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=r"empty.*no data there"):
        sources.hub_rows(str(empty), None, "train", None)
    (empty / "train.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(ValueError, match=r"a file is broken .*download it again"):
        sources.hub_rows(str(empty), None, "train", None)


@pytest.mark.parametrize("name", ["train.zip", "train.tar", "train.tar.gz", "train.tgz"])
def test_an_archive_is_refused_and_nothing_of_it_is_unpacked(cache, name):
    path = cache / "inner" / "packed"
    path.mkdir(parents=True)
    if name == "train.zip":
        with zipfile.ZipFile(path / name, "w") as archive:
            archive.writestr("train.csv", "text\na\n")
            archive.writestr("../../evil.csv", "text\na\n")
    else:
        with tarfile.open(path / name, "w:gz" if name.endswith("gz") else "w") as archive:
            for member in ("a.txt", "../../evil.txt"):
                entry = tarfile.TarInfo(member)
                entry.size = 1
                archive.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(ValueError, match=r"packed, config None, split 'train'"):
        sources.hub_rows(str(path), None, "train", None)
    assert [file.name for file in cache.rglob("*") if "evil" in file.name or file.name in ("a.txt", "train.csv")] == []


@pytest.mark.parametrize("elsewhere", ["https://example.invalid/x.parquet", "../secret.parquet"])
def test_a_card_cannot_send_the_reader_elsewhere(cache, elsewhere):
    path = folder(cache)
    pq.write_table(pa.table({"text": ["secret"]}), cache / "secret.parquet")
    card = f"---\nconfigs:\n- config_name: default\n  data_files: {elsewhere}\n---\n"
    (path / "README.md").write_text(card, encoding="utf-8")
    with pytest.raises(ValueError, match="parquet"):
        sources.hub_rows(str(path), None, "train", None)

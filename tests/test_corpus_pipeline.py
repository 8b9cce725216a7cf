"""Building a corpus: nothing is lost, memory stays flat, a rerun continues."""

import gzip
import json
import subprocess
import sys
import tracemalloc
import warnings

import pandas as pd
import pyarrow as pa
import pytest
from datasets import Dataset, DatasetDict

from unibert_lib import corpus
from unibert_lib.corpus import Document, FormatError, Page, Quarantined, shards
from unibert_lib.corpus.filters import RULES_WITHOUT_JOINERS
from unibert_lib.corpus.report import check_balance
from unibert_lib.runs import NotWritten


def page(number, text="Een eerste zin.\n\nEen tweede zin.", **changes):
    given = {"id": str(number), "title": f"T{number}", "namespace": 0, "redirect": False, "language": "nl"} | changes
    return Page(text=text, **given)


def sentence(number, text, language="nl"):
    return Document(text, language, str(number), "", 0)


def build(documents, out, **options):
    return corpus.build(documents, out, progress=False, **options)


def kept(out, language):
    return pd.read_parquet(out / language)


SAMPLES = [
    sentence(1, "Een <b>gewone</b> zin."),
    sentence(2, "<br/>"),
    sentence(3, "https://example.org"),
    sentence(4, "1234567890 x"),
    sentence(5, "\u200b"),
    sentence(6, "می\u200cخواهم \ud800"),
]


def test_each_sample_is_kept_or_dropped_by_the_first_rule_that_says_so(tmp_path):
    report = build({"nl": [*SAMPLES, Quarantined("f", 3, "bad \ud800", "raw \udcff")]}, tmp_path)
    assert kept(tmp_path, "nl").to_dict("list") == {
        "page": ["1", "6"],
        "title": ["", ""],
        "paragraph": [0, 0],
        "text": ["Een gewone zin.", "می\u200cخواهم"],
    }
    dropped = pd.read_parquet(tmp_path / "dropped" / "nl")
    assert dropped[["page", "reason", "rule", "raw"]].to_numpy().tolist() == [
        ["2", "empty", "html_artefacts", "<br/>"],
        ["3", "only URLs", "only_urls_or_isbns", "https://example.org"],
        ["4", "more than 70 % digits", "mostly_digits", "1234567890 x"],
        ["5", "empty", "hidden_characters", "\u200b"],
    ]
    [line] = (tmp_path / "quarantined" / "nl.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {"path": "f", "line": 3, "reason": "bad \ud800", "raw": "raw \udcff"}
    counts = report.languages["nl"]
    assert (counts.paragraphs_in, counts.paragraphs_out, counts.quarantined) == (6, 2, 1)
    assert (counts.joiners_in, counts.joiners_kept, counts.hidden, counts.surrogates) == (1, 1, 2, 1)
    assert counts.bytes_in == sum(len(item.text.encode("utf-8", "surrogatepass")) for item in SAMPLES)
    assert counts.bytes_out == len("Een gewone zin.می\u200cخواهم".encode())


def test_pages_are_counted_by_what_became_of_them(tmp_path):
    records = [
        page(1),
        page(2, redirect=True, text="#REDIRECT [[T1]]"),
        page(3, namespace=14),
        page(4, text="{{only a template}}"),
        page(1, text="Een eerste zin, noch eens."),
        Quarantined("f", 1, "malformed", ""),
    ]
    counts = build({"nl": records}, tmp_path).languages["nl"]
    assert (counts.pages, counts.redirects, counts.other_namespaces, counts.empty_pages) == (5, 1, 1, 1)
    assert (counts.duplicate_pages, counts.drops["duplicate_page"], counts.quarantined) == (1, 1, 1)
    assert (counts.paragraphs_in, counts.paragraphs_out) == (3, 2)
    dropped = pd.read_parquet(tmp_path / "dropped" / "nl")
    assert dropped[["page", "reason"]].to_numpy().tolist() == [["1", "duplicate page"]]


@pytest.mark.parametrize("ids", [("7", "8"), ("a", "b"), ("007", "7"), ("1000000000", "1000000001")])
def test_a_page_id_that_comes_back_is_dropped_whatever_its_form(tmp_path, ids):
    first, second = ids
    documents = [Document("Een zin.", "nl", first, "", 0), Document("Nog een.", "nl", first, "", 1)]
    documents += [Document("Een andere.", "nl", second, "", 0), Document("Terug.", "nl", first, "", 0)]
    counts = build({"nl": documents}, tmp_path).languages["nl"]
    assert (counts.pages, counts.duplicate_pages, counts.paragraphs_out) == (3, 1, 3)


def test_an_empty_language_is_listed_with_zero_and_can_be_read(tmp_path):
    report = build({"nl": [], "en": [sentence(1, "A sentence.", "en")]}, tmp_path)
    assert report.languages["nl"].paragraphs_in == 0
    assert report.table().loc["nl", "paragraphs_out"] == 0
    assert list(kept(tmp_path, "nl").columns) == ["page", "title", "paragraph", "text"]
    assert len(kept(tmp_path, "nl")) == 0


def test_the_report_on_disk_is_the_report(tmp_path):
    report = build({"nl": SAMPLES}, tmp_path)
    assert corpus.load_report(tmp_path) == report
    table = report.table()
    assert table.index.tolist() == ["nl"]
    assert table.loc["nl", "dropped_mostly_digits"] == 1


def test_no_report_and_a_broken_report_are_told_apart(tmp_path):
    with pytest.raises(ValueError, match=r"report\.json: no such file.*run corpus\.build"):
        corpus.load_report(tmp_path)
    (tmp_path / "report.json").write_text("{", encoding="utf-8")
    with pytest.raises(FormatError, match="not a corpus report"):
        corpus.load_report(tmp_path)


def test_a_rerun_reads_only_what_is_not_finished(tmp_path):
    def broken():
        yield sentence(1, "Een zin.")
        raise FormatError("dump.xml", "breaks off", remedy="download it again", line=2)

    with pytest.raises(FormatError) as caught:
        build({"en": [sentence(1, "A sentence.", "en")], "nl": broken()}, tmp_path)
    staged = tmp_path / ".staging" / "nl" / "kept"
    assert str(staged.parent) in caught.value.__notes__[0]
    assert len(pd.read_parquet(staged)) == 1  # what was read before the error can be looked at
    assert corpus.load_report(tmp_path).languages.keys() == {"en"}
    assert not (tmp_path / "nl").exists()

    def never():
        raise AssertionError("a finished language was read again")
        yield

    report = build({"en": never(), "nl": [sentence(1, "Een zin.")]}, tmp_path)
    assert {code: counts.paragraphs_out for code, counts in report.languages.items()} == {"en": 1, "nl": 1}
    assert not (tmp_path / ".staging").exists()


def test_an_interrupt_says_how_many_languages_are_finished(tmp_path):
    def stopped():
        yield sentence(1, "Een zin.")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stop:
        build({"en": [sentence(1, "A sentence.", "en")], "nl": stopped()}, tmp_path)
    [line] = stop.value._render_traceback_()
    assert line == "Stopped; languages finished: 1 of 2. Run this cell again to go on from there."


def test_a_corpus_of_other_rules_is_not_continued(tmp_path):
    build({"nl": SAMPLES}, tmp_path)
    with pytest.raises(ValueError, match=r"other settings.*choose another folder"):
        build({"nl": SAMPLES}, tmp_path, rules=corpus.RULES[:2])
    with pytest.raises(ValueError, match="options"):
        build({"nl": SAMPLES}, tmp_path, rules=RULES_WITHOUT_JOINERS)


def test_an_unknown_language_is_refused_before_any_work(tmp_path):
    with pytest.raises(ValueError, match=r"unknown language 'nll'.*nl"):
        build({"nll": SAMPLES}, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert build({"arq": SAMPLES}, tmp_path / "new", declare=["arq"]).languages["arq"].paragraphs_in == 6


def test_lone_surrogates_cannot_stop_the_writing_where_rule_4_is_left_out(tmp_path):
    build({"nl": [sentence(1, "half \ud800")]}, tmp_path, rules=())
    assert kept(tmp_path, "nl")["text"].tolist() == ["half \ufffd"]


def test_the_balance_is_checked():
    counts = corpus.LanguageReport("nl", paragraphs_in=2, paragraphs_out=1)
    with pytest.raises(AssertionError, match="does not balance"):
        check_balance([counts])


def test_many_samples_become_row_groups_and_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("unibert_lib.corpus.shards.ROW_GROUP_ROWS", 10)
    monkeypatch.setattr("unibert_lib.corpus.shards.PART_CHARACTERS", 400)
    build({"nl": (sentence(number, f"Dit is zin {number}.") for number in range(95))}, tmp_path)
    assert len(list((tmp_path / "nl").glob("part-*.parquet"))) > 2
    assert kept(tmp_path, "nl")["page"].tolist() == [str(number) for number in range(95)]


MEASURE = """
import sys, tracemalloc
from unibert_lib import corpus
from unibert_lib.corpus import shards

shards.ROW_GROUP_ROWS = 200
for count in (50, 800, 3_000):  # 800 pages fill a batch of samples
    text = "Een zin over [[niets]].\\n\\nhttp://a.org\\n\\n" * 3
    pages = (corpus.Page(str(number), "T", 0, False, text, "nl") for number in range(count))
    tracemalloc.start()
    corpus.build({"nl": pages}, f"{sys.argv[1]}/{count}", progress=False)
    print(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
"""


def test_memory_while_filtering_does_not_grow_with_the_corpus(tmp_path, repository):
    # In a process of its own: the shape checks that run while testing hold memory and take most of the time.
    command = [sys.executable, "-c", MEASURE, str(tmp_path)]
    answer = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    _, low, high = map(int, answer.stdout.split())
    # 0.1 MB is what the garbage collector may not have seen yet; holding the paragraphs would take several MB.
    assert high <= 1.1 * low + 100_000, f"{low} bytes for 800 pages, {high} for 3,000"


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "een", "twee", "drie", "vier", "vijf", "##zes"]
    return BertTokenizerFast(vocab={word: number for number, word in enumerate(words)}, do_lower_case=False)


FIVE = [
    sentence(1, "een twee drie vier"),
    sentence(2, "een twee drie vier vijf"),
    sentence(3, "vijfzes een een twee aha"),
]


def test_finish_applies_rule_5_and_keeps_what_rules_1_to_4_dropped(tmp_path, tokenizer):
    records = [*FIVE, *[sentence(9 + int(item.page), item.text) for item in SAMPLES[1:5]], Quarantined("f", 1, "x", "")]
    build({"nl": records, "en": []}, tmp_path / "a")
    report = corpus.finish(tmp_path / "a", tmp_path / "b", tokenizer, progress=False)
    assert kept(tmp_path / "b", "nl")[["page", "pieces"]].to_numpy().tolist() == [["2", 5], ["3", 6]]
    counts = report.languages["nl"]
    assert (counts.paragraphs_in, counts.paragraphs_out, counts.quarantined) == (7, 2, 1)
    assert (counts.pieces, counts.pieces_max, counts.pieces_unknown, counts.pieces_mean) == (11, 6, 1, 5.5)
    dropped = pd.read_parquet(tmp_path / "b" / "dropped" / "nl")
    assert dropped["rule"].value_counts().to_dict() == {
        "html_artefacts": 1,
        "only_urls_or_isbns": 1,
        "mostly_digits": 1,
        "hidden_characters": 1,
        "too_few_pieces": 1,
    }
    assert {f"dropped_{name}" for name in dropped["rule"]} <= set(report.table().columns)
    assert (tmp_path / "b" / "quarantined" / "nl.jsonl").is_file()
    assert report.languages["en"].pieces_mean == 0
    assert corpus.load_report(tmp_path / "b") == report


def test_finish_gives_what_rule_5_gives_in_one_pass(tmp_path, tokenizer):
    build({"nl": FIVE}, tmp_path / "a")
    corpus.finish(tmp_path / "a", tmp_path / "b", tokenizer, progress=False)
    build({"nl": FIVE}, tmp_path / "c", rules=(*corpus.RULES, corpus.too_few_pieces(tokenizer)))
    assert kept(tmp_path / "b", "nl")["text"].tolist() == kept(tmp_path / "c", "nl")["text"].tolist()


def test_finish_refuses_its_own_source_and_another_minimum(tmp_path, tokenizer):
    build({"nl": FIVE}, tmp_path / "a")
    with pytest.raises(ValueError, match="same folder"):
        corpus.finish(tmp_path / "a", tmp_path / "a", tokenizer)
    corpus.finish(tmp_path / "a", tmp_path / "b", tokenizer, progress=False)
    again = corpus.finish(tmp_path / "a", tmp_path / "b", tokenizer, progress=False)
    assert again.languages["nl"].paragraphs_out == 2
    with pytest.raises(ValueError, match="minimum"):
        corpus.finish(tmp_path / "a", tmp_path / "b", tokenizer, minimum=6, progress=False)


def test_sentences_are_read_line_by_line(tmp_path):
    path = tmp_path / "nl.txt"
    path.write_bytes("\ufeffEen zin.\r\n\n  Twee\u2028zinnen. \nslecht ".encode() + b"\xff\nlaatste")
    first, second, bad, last = corpus.read_sentences(path, "nl")
    assert (first.text, first.page) == ("Een zin.", "1")
    assert (second.text, second.page) == ("Twee\u2028zinnen.", "3")
    assert (bad.line, bad.path) == (4, str(path)) and "not valid" in bad.reason
    assert last.text == "laatste"


def test_a_line_without_end_is_quarantined_in_bounded_memory(tmp_path):
    path = tmp_path / "nl.txt"
    path.write_text("Een zin.\n" + "x" * 30_000_000 + "\nNog een.", encoding="utf-8")
    tracemalloc.start()
    first, bad, last = corpus.read_sentences(path, "nl")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (first.text, bad.line, last.text) == ("Een zin.", 2, "Nog een.")
    assert most < 8_000_000


ROWS = {"text": ["Een.", None, "Twee."], "id": ["a", "b", "c"], "title": ["A", "B", "C"]}


@pytest.mark.parametrize("form", ["dataset", "streaming", "saved", "parquet folder", "parquet file"])
def test_a_hugging_face_dataset_is_read_in_every_form(tmp_path, form):
    dataset = Dataset.from_dict(ROWS)
    if form == "streaming":
        dataset = dataset.to_iterable_dataset()
    elif form == "saved":
        dataset.save_to_disk(tmp_path / "s")
        dataset = tmp_path / "s"
    elif form.startswith("parquet"):
        dataset.to_parquet(tmp_path / "p.parquet")
        dataset = tmp_path if form == "parquet folder" else tmp_path / "p.parquet"
    first, bad, last = corpus.read_dataset(dataset, "nl")
    assert (first.text, first.page, first.title) == ("Een.", "a", "A")
    assert bad.line == 2 and "NoneType" in bad.reason
    assert last.text == "Twee."


def test_a_dataset_is_refused_with_its_columns_and_splits(tmp_path):
    dataset = Dataset.from_dict({"inhoud": ["x"]})
    for source in (dataset, dataset.to_iterable_dataset()):
        with pytest.raises(ValueError, match="no column 'text': set text_column to one of inhoud"):
            list(corpus.read_dataset(source, "nl"))
    assert [item.text for item in corpus.read_dataset(dataset, "nl", text_column="inhoud")] == ["x"]
    with pytest.raises(ValueError, match="choose one of its splits: train"):
        list(corpus.read_dataset(DatasetDict(train=dataset), "nl"))
    with pytest.raises(ValueError, match="no such file or folder"):
        list(corpus.read_dataset(tmp_path / "nowhere", "nl"))
    with pytest.raises(ValueError, match="no parquet file and no saved dataset"):
        list(corpus.read_dataset(tmp_path, "nl"))
    (tmp_path / "a.parquet").write_text("nonsense", encoding="utf-8")
    with pytest.raises(FormatError, match="no parquet file"):
        list(corpus.read_dataset(tmp_path, "nl"))


DUMP = "<mediawiki><page><title>T</title><ns>0</ns><id>{}</id><revision><text>{}</text></revision></page></mediawiki>"


def test_a_folder_is_mapped_by_the_names_in_it(tmp_path):
    (tmp_path / "zh_yuewiki-latest-pages-articles.xml").write_text(DUMP.format(1, "第一句。"), encoding="utf-8")
    (tmp_path / "enwiki-x-pages-articles10.xml-p9p9").write_text(DUMP.format(3, "Third."), encoding="utf-8")
    (tmp_path / "enwiki-x-pages-articles2.xml-p1p8").write_text(DUMP.format(2, "Second."), encoding="utf-8")
    (tmp_path / "nl.txt").write_text("Een zin.\nTwee zinnen.\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no corpus", encoding="utf-8")
    Dataset.from_dict({"text": ["Ein Satz."]}).to_parquet(tmp_path / "de" / "train.parquet")
    folder = corpus.open_folder(tmp_path)
    assert list(folder) == ["de", "en", "nl", "zh-yue"]
    assert [item.text for item in folder["en"]] == ["Second.", "Third."]
    assert [item.text for item in folder["en"]] == ["Second.", "Third."]  # each iteration reads anew
    assert folder["en"].position == folder["en"].size > 0
    report = build(folder, tmp_path / "out")
    assert {code: counts.paragraphs_out for code, counts in report.languages.items()} == {
        "de": 1,
        "en": 2,
        "nl": 2,
        "zh-yue": 1,
    }
    assert list(corpus.open_folder(tmp_path, ["nl", "de"])) == ["nl", "de"]
    with pytest.raises(ValueError, match="unknown language 'fr'"):
        corpus.open_folder(tmp_path, ["fr"])


def test_a_corpus_we_wrote_can_be_opened_again(tmp_path):
    build({"nl": [page(1), page(2)]}, tmp_path / "a")
    [*again] = corpus.open_folder(tmp_path / "a")["nl"]
    assert [(item.page, item.title, item.paragraph) for item in again] == [
        ("1", "T1", 0),
        ("1", "T1", 1),
        ("2", "T2", 0),
        ("2", "T2", 1),
    ]


def test_a_file_whose_name_tells_nothing_needs_its_language(tmp_path):
    dump, text = tmp_path / "dump.xml.gz", tmp_path / "eng_Latn"
    dump.write_text(DUMP.format(1, "A sentence."), encoding="utf-8")
    text.write_text("A sentence.\n", encoding="utf-8")
    for path in (dump, text):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(ValueError, match="give language"):
                corpus.open_folder(path)
        [record] = corpus.open_folder(path, language="en")["en"]
        assert record.text == "A sentence."
    with pytest.raises(ValueError, match="unknown language 'xq'"):
        corpus.open_folder(text, language="xq")
    with pytest.raises(ValueError, match="goes with one file"):
        corpus.open_folder(tmp_path, language="en")


def test_one_language_asked_for_is_that_of_a_single_file_that_tells_none(tmp_path):
    path = tmp_path / "small-dump.xml.gz"
    path.write_bytes(gzip.compress(DUMP.format(1, "A sentence.").encode()))
    [record] = corpus.open_folder(path, ["sw"])["sw"]
    assert record.text == "A sentence."


@pytest.mark.parametrize("header", ["<siteinfo><dbname>zh_yuewiki</dbname></siteinfo>", ""])
def test_a_dumps_own_header_tells_its_language(tmp_path, header):
    text = DUMP.format(1, "A sentence.")
    start = "<mediawiki>" if header else '<mediawiki version="0.10" xml:lang="zh-yue">'
    (tmp_path / "small-dump.xml.gz").write_bytes(gzip.compress((start + header + text.split(">", 1)[1]).encode()))
    assert list(corpus.open_folder(tmp_path)) == ["zh-yue"]


def test_a_code_that_no_table_holds_blocks_no_other_file(tmp_path):
    for code in ("it", "ltg"):
        (tmp_path / f"{code}wiki-latest-pages-articles.xml").write_text(DUMP.format(1, "X."), encoding="utf-8")
    with pytest.warns(UserWarning, match=r"left out, since its name tells the code 'ltg'"):
        assert list(corpus.open_folder(tmp_path, ["it"])) == ["it"]
    declared = "<mediawiki><siteinfo><dbname>ltgwiki</dbname></siteinfo>" + DUMP.format(1, "X.").split(">", 1)[1]
    (tmp_path / "ltgwiki-latest-pages-articles.xml").write_text(declared, encoding="utf-8")
    assert list(corpus.open_folder(tmp_path)) == ["it", "ltg"]


def test_a_dump_of_an_unknown_language_is_refused_unless_declared(tmp_path):
    (tmp_path / "xqwiki-latest-pages-articles.xml").write_text(DUMP.format(1, "X."), encoding="utf-8")
    with pytest.raises(ValueError, match="unknown language 'xq'"):
        corpus.open_folder(tmp_path)
    assert list(corpus.open_folder(tmp_path, declare=["xq"])) == ["xq"]


def test_tatoeba_is_its_112_languages_and_english_once(shared):
    folder = corpus.open_folder(shared / "data" / "sentences" / "tatoeba_v1")
    assert len(folder) == 113
    assert len(list(folder["khm"])) == 722
    english = [item.text for item in folder["eng"]]
    assert english == sorted(set(english))
    assert len(english) > 10_000


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"_data_files": [{"filename": "../x.arrow"}]}, r"state\.json, start: it takes its rows from '\.\./x\.arrow'"),
        ({}, r"state\.json, start: no list of data files \(KeyError\)"),
        ({"_data_files": [{"filename": "x.arrow"}]}, r"start: this is no saved dataset \(FileNotFoundError"),
    ],
)
def test_a_saved_dataset_reads_its_own_folder_alone(tmp_path, state, message):
    (tmp_path / "dataset_info.json").write_text("{}")
    (tmp_path / "state.json").write_text(json.dumps(state))
    with pytest.raises(corpus.FormatError, match=message):
        list(corpus.read_dataset(tmp_path, "nl"))


def test_a_link_that_leads_nowhere_names_itself(tmp_path):
    (tmp_path / "en.txt").symlink_to(tmp_path / "en.txt")
    with pytest.raises(corpus.FormatError, match=r"en\.txt, start: cannot be opened .*where its link leads"):
        build(corpus.open_folder(tmp_path), tmp_path / "out")


@pytest.fixture(scope="module")
def genuine(shared, tmp_path_factory):
    from transformers import BertTokenizerFast

    out = tmp_path_factory.mktemp("genuine")
    dumps = shared / "data" / "wikidumps"
    folder = {**corpus.open_folder(dumps / "gensim"), **corpus.open_folder(dumps / "semanticizest_nl")}
    build(folder, out / "a")
    mbert = BertTokenizerFast(vocab=str(shared / "data" / "mbert_vocab" / "vocab.txt"), do_lower_case=False)
    corpus.finish(out / "a", out / "b", mbert, progress=False)
    return out / "b"


def test_the_genuine_dumps_pass_through_all_five_rules(genuine):
    table = corpus.load_report(genuine).table()
    assert table[["pages", "redirects", "other_namespaces", "quarantined"]].to_numpy().tolist() == [
        [3, 0, 2, 0],
        [211, 100, 0, 0],
        [21, 2, 0, 0],
    ]
    assert table.index.tolist() == ["bg", "en", "nl"]
    assert (table["paragraphs_out"] > [20, 5_900, 500]).all()
    assert (table["dropped_too_few_pieces"] <= 0.01 * table["paragraphs_in"]).all()
    # The paper counts about 110 pieces a sample.
    assert table.loc["en", "pieces_mean"] == pytest.approx(110, rel=0.15)


def test_every_genuine_sample_lies_in_the_corpus_or_among_the_dropped(genuine):
    for language, counts in corpus.load_report(genuine).languages.items():
        folder = genuine / "dropped" / language
        dropped = len(pd.read_parquet(folder)) if folder.exists() else 0
        assert counts.paragraphs_in == len(kept(genuine, language)) + dropped


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Arrow's own, as the writer goes
def test_a_full_disk_is_named_leaves_finished_languages_and_the_rest_is_made_later(tmp_path, monkeypatch):
    en = [sentence(i, f"A plain sentence of number {i}.", "en") for i in range(3)]
    build({"en": en}, tmp_path)
    before = kept(tmp_path, "en")

    def full(*_):
        raise OSError(28, "No space left on device")

    close = shards.pq.ParquetWriter.close

    def refuse(writer):  # as Arrow does with what it could not write; that is not the error to tell
        if writer.is_open:
            close(writer)
            raise pa.ArrowInvalid("Operation on closed file")

    with monkeypatch.context() as patched:
        patched.setattr(shards.pq.ParquetWriter, "write_table", full)
        patched.setattr(shards.pq.ParquetWriter, "close", refuse)
        with pytest.raises(NotWritten, match=r"nl.kept: not written .*No space left.*Free some disk space"):
            build({"en": en, "nl": SAMPLES}, tmp_path)
        assert not (tmp_path / "nl").exists() and kept(tmp_path, "en").equals(before)
    build({"en": en, "nl": SAMPLES}, tmp_path)
    assert len(kept(tmp_path, "nl")) == 2

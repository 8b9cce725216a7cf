"""Reading similarity scores: the direction of the scale, articles that are missing, rows that quotes would merge."""

import csv
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unibert_lib.corpus.records import FormatError
from unibert_lib.tasks import similarity
from unibert_lib.tasks.records import ScoredPair, Unlabelled

STS22 = "semeval-2022_task8_train-data_batch_2.csv"
TRAIN = "url1_lang,url2_lang,pair_id,link1,link2,ia_link1,ia_link2,Geography,Entities,Time,Narrative,Overall,Style,Tone"
EVAL = "url1_lang,url2_lang,pair_id,link1,link2,ia_link1,ia_link2,GEO,ENT,TIME,NAR,OVERALL,STYLE,TONE"


def article(folder, name, page):
    path = folder / name[-2:] / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page if isinstance(page, str) else json.dumps(page), encoding="utf-8")


def row(one, other, pair, overall):
    return f"{one},{other},{pair},a,b,c,d,1,1,1,1,{overall},1,1"


def sts22(folder, *rows, header=TRAIN):
    """A score file, and articles 11, 22 and 33 in the downloader's layout."""
    (folder / "scores.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    for name in ("11", "22", "33"):
        article(folder / "articles", name, {"title": f"Title {name}", "text": f"Text {name}"})
    return folder / "scores.csv", folder / "articles"


def stsb(folder, *rows, name="stsb-en-dev.csv"):
    with (folder / name).open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return folder / name


@pytest.mark.parametrize(("part", "rows"), [("dev", 1500), ("train", 5749)])
def test_the_genuine_stsb_files_are_read_whole_and_are_parallel(shared, part, rows):
    folder = shared / "data" / "sts" / "stsb_multi_mt"
    read = {lg: similarity.read_stsb(folder / f"stsb-{lg}-{part}.csv", split=part) for lg in ("en", "es")}
    for language, data in read.items():
        content = (folder / f"stsb-{language}-{part}.csv").read_bytes()
        assert len(data) == content.count(b"\r\n") == rows  # a line is a row in these two languages
        assert data.counts["quarantined"] == data.counts["flagged"] == data.counts["multiline_rows"] == 0
        assert data.counts["identical_scored_low"] == 0 and {r.language for r in data} == {language}
        scores = [float(line.rsplit(b",", 1)[1]) for line in content.splitlines()]
        assert [r.score for r in data] == scores and (min(scores), max(scores)) == (0, 5)
        assert [r.item for r in data] == [str(n) for n in range(1, rows + 1)]
    assert [r.score for r in read["en"]] == [r.score for r in read["es"]]


def test_identical_sentences_of_the_genuine_files_score_at_the_upper_end(shared):
    data = similarity.read_stsb(shared / "data" / "sts" / "stsb_multi_mt" / "stsb-es-train.csv")
    same = [r.score for r in data if r.first == r.second]
    assert len(same) == data.counts["identical"] == 21 and min(same) >= 2.5


def test_formulas_and_markup_are_data(tmp_path):
    path = stsb(tmp_path, ["=1+1", "<b>@x</b>", 1], ["-2", "+3 &amp;", 2])
    assert [(r.first, r.second) for r in similarity.read_stsb(path)] == [("=1+1", "<b>@x</b>"), ("-2", "+3 &amp;")]


def test_texts_that_begin_like_formulas_stay_in_the_genuine_file(shared):
    genuine = similarity.read_stsb(shared / "data" / "sts" / "stsb_multi_mt" / "stsb-en-train.csv")
    assert sum(text[0] in "=+-@" for r in genuine for text in (r.first, r.second)) == 19


@pytest.mark.slow
def test_all_genuine_sts22_pairs_are_read_with_generated_articles(shared, tmp_path):
    """The texts are not to be had: each article is generated from its id."""
    path = shared / "data" / "sts" / "sts22_official_csv" / STS22
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    ids = {name for line in rows for name in line["pair_id"].split("_")}
    for name in ids:
        article(tmp_path, name, {"title": f"title {name}", "text": f"text {name}"})
    data = similarity.read_sts22(path, tmp_path)
    assert len(data) == len(rows) == 4964
    assert [(r.first, r.second, r.item) for r in data] == [
        (*(f"title {i}\ntext {i}" for i in line["pair_id"].split("_")), line["pair_id"]) for line in rows
    ]
    assert [similarity.overall_of(r.score) for r in data] == pytest.approx([float(line["Overall"]) for line in rows])
    languages = {"ar": 274, "de": 857, "de-en": 577, "en": 1800, "es": 570, "fr": 72, "pl": 349, "tr": 465}
    assert {code: sum(r.language == code for r in data) for code in languages} == languages
    assert data.counts["quarantined"] == 0 and data.counts["duplicate_pairs"] == 4964 - 4918
    assert data.counts["articles"] == len(ids) == 9476
    mixed = similarity.read_sts22(path, tmp_path, languages=["de", "de-en"])
    assert len(mixed) == 857 + 577 and mixed.counts["other_languages"] == 4964 - 857 - 577


@pytest.mark.parametrize("header", [TRAIN, EVAL])
def test_the_most_similar_grade_becomes_the_greatest_score(tmp_path, header):
    path, articles = sts22(tmp_path, row("de", "de", "11_22", "1.0"), row("de", "en", "22_33", "4"), header=header)
    assert list(similarity.read_sts22(path, articles)) == [
        ScoredPair("Title 11\nText 11", "Title 22\nText 22", 3.0, "de", "11_22"),
        ScoredPair("Title 22\nText 22", "Title 33\nText 33", 0.0, "de-en", "22_33"),
    ]
    assert (similarity.score_of(1.5), similarity.overall_of(2.5)) == (2.5, 1.5)


def test_the_same_text_twice_with_a_low_score_is_reported_as_a_turned_scale(tmp_path):
    path, articles = sts22(tmp_path, row("de", "de", "11_11", "1"), row("de", "de", "22_22", "4"))
    counts = similarity.read_sts22(path, articles).counts
    assert (counts["identical"], counts["identical_scored_low"]) == (2, 1)
    sentences = stsb(tmp_path, ["a", "a", 0], ["b", "b", 5], ["a", "b", 0])
    counts = similarity.read_stsb(sentences).counts
    assert (counts["identical"], counts["identical_scored_low"]) == (2, 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (row("de", "de", "11_33", "nan"), "score 'nan'"),
        (row("de", "de", "11_33", ""), "score ''"),
        (row("de", "de", "11_33", "0.99"), "score '0.99'"),
        (row("de", "de", "11_33", "4.01"), "score '4.01'"),
        (row("de", "de", "11_33", "inf"), "score 'inf'"),
        (row("de", "de", "../11_33", "1"), "pair_id '../11_33'"),
        (row("de", "de", "11", "1"), "pair_id '11'"),
        (row("", "de", "11_33", "1"), "pair_id '11_33' or the languages"),
        ("de,de,11_33,1", "4 columns instead of 14"),
    ],
)
def test_a_pair_without_a_score_on_the_scale_is_quarantined_in_every_split(tmp_path, line, reason):
    path, articles = sts22(tmp_path, row("de", "de", "11_22", "1"), line)
    for split in ("train", "dev", "test"):
        data = similarity.read_sts22(path, articles, split=split)
        (aside,) = data.quarantined
        assert aside.reason.startswith(reason) and (aside.line, aside.raw) == (3, line)
        assert data.counts["rows"] == 2 == len(data) + 1


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (None, "not downloaded"),
        ('{"title": "cut', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ([], "neither title nor text"),
        ({"title": " ", "text": None}, "neither title nor text"),
    ],
)
def test_a_missing_article_costs_training_a_pair_and_a_test_none(tmp_path, page, reason):
    path, articles = sts22(tmp_path, row("de", "de", "11_22", "1"), row("de", "en", "11_44", "2"))
    if page is not None:
        article(articles, "44", page)
    train, test = (similarity.read_sts22(path, articles, split=split) for split in ("train", "test"))
    assert [r.item for r in train] == ["11_22"] and train.quarantined[0].line == 3
    assert train.quarantined[0].reason.startswith(f"article 44: {reason}")
    assert test[1] == ScoredPair("Title 11\nText 11", "", 2.0, "de-en", "11_44")
    assert test.flagged == train.quarantined and test.counts["missing_articles"] == 1


def test_articles_stand_where_the_downloaders_readme_says(tmp_path):
    path, articles = sts22(tmp_path, row("de", "de", "0123456789_9876543210", "1"))
    for place in ("89/0123456789.json", "10/9876543210.json"):
        (articles / place).parent.mkdir()
        (articles / place).write_text(json.dumps({"title": place, "text": "x"}))
    (pair,) = similarity.read_sts22(path, articles)
    assert (pair.first, pair.second) == ("89/0123456789.json\nx", "10/9876543210.json\nx")


def test_an_article_with_a_title_alone_is_its_title(tmp_path):
    path, articles = sts22(tmp_path, row("de", "de", "11_22", "1"))
    article(articles, "22", {"title": "Only", "text": ""})
    assert similarity.read_sts22(path, articles)[0].second == "Only"


def test_without_articles_the_error_names_the_downloader(tmp_path):
    path, _ = sts22(tmp_path, row("de", "de", "11_22", "1"))
    for articles in (None, tmp_path / "absent"):
        with pytest.raises(FormatError, match=r"links and scores.*semeval_8_2022_ia_downloader"):
            similarity.read_sts22(path, articles)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=r"none of the 2 articles.*semeval_8_2022_ia_downloader"):
        similarity.read_sts22(path, tmp_path / "empty", split="test")


def test_a_list_of_links_without_scores_is_refused(tmp_path):
    path, articles = sts22(tmp_path, "de,de,11_22,a,b,c,d", header=TRAIN.split(",Geography")[0])
    with pytest.raises(FormatError, match="published without scores"):
        similarity.read_sts22(path, articles)


@pytest.mark.parametrize("languages", [["en-de"], ["fr"], "de"])
def test_languages_that_the_file_lacks_are_refused(tmp_path, languages):
    path, articles = sts22(tmp_path, row("de", "en", "11_22", "1"), row("de", "de", "11_33", "1"))
    with pytest.raises(ValueError, match="give a list, of de, de-en"):
        similarity.read_sts22(path, articles, languages=languages)


def test_quoted_cells_keep_commas_quotes_and_line_breaks(tmp_path):
    path = stsb(tmp_path, ['He said, "no"', "two\nlines", 1.5], ["a", "b", ""], ["a", "c", 2])
    data = similarity.read_stsb(path, split="dev")
    assert [(r.first, r.second, r.item) for r in data] == [('He said, "no"', "two\nlines", "1"), ("a", "c", "3")]
    assert data.counts["multiline_rows"] == 1 and data.counts["rows"] == 3
    assert [q.line for q in data.quarantined] == [3]  # the row before it takes two lines


@pytest.mark.parametrize(("content", "line"), [('a,b,1\n"a,b,2\nc,d,3\n', 2), ('a,b,1\n"a"x,b,2\nc,d,3\n', 2)])
def test_a_stray_quote_that_would_merge_rows_is_an_error_with_its_line(tmp_path, content, line):
    path = tmp_path / "stsb-en-dev.csv"
    path.write_text(content)
    with pytest.raises(FormatError, match="malformed CSV") as caught:
        similarity.read_stsb(path)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("cells", "reason", "scored"),
    [
        (["a", "b"], "2 columns", False),
        (["a", "b", "5.1"], "score '5.1'", False),
        (["a", "b", "-0.1"], "score '-0.1'", False),
        (["a", "b", "NaN"], "score 'NaN'", False),
        (["a", " ", "3"], "an empty text", True),
    ],
)
def test_a_bad_sentence_pair_is_set_aside_in_training_and_scored_in_a_test_if_it_can_be(
    tmp_path, cells, reason, scored
):
    path = stsb(tmp_path, ["x", "y", 0], cells, ["x", "z", 5])
    train, test = similarity.read_stsb(path), similarity.read_stsb(path, split="test")
    assert [(q.line, q.reason.startswith(reason)) for q in train.quarantined] == [(2, True)]
    assert [r.item for r in train] == ["1", "3"] and len(test) == 2 + scored
    assert train.quarantined == (test.flagged if scored else test.quarantined)


def test_a_byte_that_is_not_utf8_costs_its_row_alone(tmp_path):
    path = tmp_path / "stsb-en-dev.csv"
    path.write_bytes(b"\xef\xbb\xbfsentence1,sentence2,score\na\xff,b,1\na,b,2\n")
    assert [q.line for q in similarity.read_stsb(path).quarantined] == [2]
    assert [r.first for r in similarity.read_stsb(path, split="test")] == ["a\ufffd", "a"]


def test_hub_rows_take_the_score_under_any_of_its_names():
    rows = [
        {"sentence1": "a", "sentence2": "b", "similarity_score": 5.0},
        {"sentence1": "a", "sentence2": "c", "label": 0},
        {"sentence1": "a", "sentence2": "d", "label": -1.0},
        {"sentence1": "a", "sentence2": None, "score": 1},
        {"sentence1": "a", "sentence2": "e"},
    ]
    data = similarity.from_rows(rows, "en")
    assert list(data) == [ScoredPair("a", "b", 5.0, "en", "1"), ScoredPair("a", "c", 0.0, "en", "2")]
    assert [q.line for q in data.quarantined] == [3, 4, 5] and data.counts["rows"] == 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all generated files: a new one for each example would take most of the time."""
    return tmp_path_factory.mktemp("generated")


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, st.floats(0, 5)), min_size=1, max_size=5))
def test_what_is_written_is_read_back(folder, rows):
    with (folder / "stsb-en-dev.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, quoting=csv.QUOTE_ALL).writerows(rows)
    read = similarity.read_stsb(folder / "stsb-en-dev.csv")
    assert list(read) == [ScoredPair(a, b, score, "en", str(n)) for n, (a, b, score) in enumerate(rows, 1)]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=20), st.sampled_from([b",", b"\n", b'"', b"a,b,1\n", b"de,de,11_22,a,b,c,d"])),
        max_size=20,
    ).map(b"".join),
    st.sampled_from(["train", "test"]),
)
def test_noise_is_a_value_error_or_accounted_for_row_by_row(folder, noise, split):
    _, articles = sts22(folder)
    scores, sentences = folder / "noise.csv", folder / "stsb-en-noise.csv"
    scores.write_bytes(TRAIN.encode() + b"\n" + noise)
    sentences.write_bytes(noise)
    for read, path, given_ in ((similarity.read_sts22, scores, (articles,)), (similarity.read_stsb, sentences, ())):
        try:
            data = read(path, *given_, split=split)
        except ValueError as error:
            assert str(path) in str(error)
        else:
            assert data.counts["rows"] == len(data) + len(data.quarantined)
            "".join(r.first + r.second for r in data).encode()  # a tokenizer can take every text


def stsb_file(folder, text, name="stsb-en-test.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_scores_from_0_to_1_are_read_as_0_to_5_and_counted(tmp_path):
    rows = "".join(f'"A {n}","B {n}",{n / 20}\n' for n in range(21))
    data = similarity.read_stsb(stsb_file(tmp_path, rows))
    assert [record.score for record in data] == pytest.approx([n / 4 for n in range(21)])
    assert data.counts["rescaled"] == 21


def test_grades_of_0_and_1_alone_are_not_taken_for_shares(tmp_path):
    data = similarity.read_stsb(stsb_file(tmp_path, "".join(f'"A {n}","B {n}",{n % 2}.0\n' for n in range(20))))
    assert {record.score for record in data} == {0, 1} and data.counts["rescaled"] == 0


def test_columns_named_as_on_the_hub_are_read_in_any_order(tmp_path):
    data = similarity.read_stsb(stsb_file(tmp_path, "similarity_score,sentence2,sentence1\n4.5,B,A\n"))
    assert [(r.first, r.second, r.score) for r in data] == [("A", "B", 4.5)]


@pytest.mark.parametrize("text", ["A,B\nC,D\n", "sentence1,sentence2\nA,B\n", "A,B,\nC,D,-\n"])
def test_sentences_without_scores_are_refused_by_name(tmp_path, text):
    with pytest.raises(Unlabelled, match=r"stsb-en-test.csv, line 1: .*published without.*test_data"):
        similarity.read_stsb(stsb_file(tmp_path, text), split="test")


def test_links_without_overall_are_refused_by_name(tmp_path):
    path = stsb_file(tmp_path, "url1_lang,url2_lang,pair_id\nen,en,1_2\n", "final_evaluation_data.csv")
    with pytest.raises(Unlabelled, match="published without scores"):
        similarity.read_sts22(path, tmp_path, split="test")


def test_one_data_sets_file_in_the_others_reader_is_told(tmp_path):
    path = stsb_file(tmp_path, "url1_lang,url2_lang,pair_id,Overall\nen,en,1_2,1\n")
    with pytest.raises(FormatError, match="this is STS22's table"):
        similarity.read_stsb(path)
    with pytest.raises(FormatError, match="parted by tabs"):
        similarity.read_stsb(stsb_file(tmp_path, "index\tsentence1\tsentence2\tscore\n0\tA\tB\t1\n"))

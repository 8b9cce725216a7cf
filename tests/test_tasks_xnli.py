"""Reading inference data: four layouts, quotes as data, and what is set aside or flagged."""

import csv
import string
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unibert_lib.corpus.records import FormatError
from unibert_lib.tasks import folders, reading, xnli
from unibert_lib.tasks.dataset import shared_items
from unibert_lib.tasks.records import SentencePair, Unlabelled

HEADER = (
    "language\tgold_label\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse\t"
    "sentence1\tsentence2\tpromptID\tpairID\tgenre\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\t"
    "sentence1_tokenized\tsentence2_tokenized\tmatch"
)


def official(language, label, premise, hypothesis, prompt, pair):
    cells = [language, label, "", "", "", "", premise, hypothesis, prompt, pair, "face", *[label] * 5, "", "", "True"]
    return "\t".join(cells)


def write(folder, name, *lines, end="\n"):
    path = folder / name
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def plain(path):
    """An independent count: physical lines that hold anything."""
    return [line.split(b"\t") for line in path.read_bytes().split(b"\n") if line]


@pytest.mark.parametrize("language", ["en", "es", "sw", "zh"])
def test_every_row_of_xtremes_genuine_dev_files_is_read(shared, language):
    path = shared / "data" / "nli" / "xnli_xtreme" / f"dev-{language}.tsv"
    data, rows = xnli.read_xnli(path, split="dev"), plain(path)
    assert len(data) == len(rows) == 2490 and data.counts["quarantined"] == data.counts["flagged"] == 0
    assert [(r.premise, r.hypothesis, r.label) for r in data] == [tuple(c.decode() for c in row) for row in rows]
    assert Counter(r.label for r in data) == dict.fromkeys(xnli.LABELS, 830)
    assert {r.language for r in data} == {language}


def test_translations_of_a_premise_share_their_item_in_the_genuine_files(shared):
    folder = shared / "data" / "nli" / "xnli_xtreme"
    items = [[r.item for r in xnli.read_xnli(folder / f"dev-{lg}.tsv")] for lg in ("en", "es", "sw", "zh")]
    # Three consecutive rows have one premise: rows 1 to 3 are item 1, rows 4 to 6 item 4.
    assert items == [[str(row - row % 3 + 1) for row in range(2490)]] * 4


def test_americasnli_is_read_whole_and_its_items_name_the_premise(shared):
    path = shared / "data" / "nli" / "americasnli" / "dev" / "anli.dev.tsv"
    data, rows = xnli.read_xnli(path, split="dev"), plain(path)[1:]
    assert len(data) == len(rows) == 6666
    assert Counter(r.language for r in data) == Counter(row[1].decode() for row in rows)
    premises = {(r.language, r.premise) for r in data}
    assert (
        len({(r.language, r.item) for r in data})
        == len(premises)
        == len({(r.language, r.item, r.premise) for r in data})
    )
    assert sum('"' in r.premise + r.hypothesis for r in data) == sum(b'"' in row[2] + row[3] for row in rows) > 0
    guarani = xnli.read_xnli(path, language="gn")
    assert list(guarani) == [r for r in data if r.language == "gn"]
    assert guarani.counts["other_languages"] == 6666 - 743


def test_the_genuine_nineteen_columns_group_by_prompt_in_fifteen_languages(shared):
    folder = shared / "data" / "fixtures_hf" / "xnli"
    for part, item in (("dev", "1"), ("test", "2")):
        data = xnli.read_xnli(folder / "XNLI-1.0" / f"xnli.{part}.tsv", split=part)
        assert len(data) == 15 and len({r.language for r in data}) == 15 and {r.item for r in data} == {item}
    german = xnli.read_xnli(folder / "XNLI-1.0" / "xnli.dev.tsv", language="de")
    assert [r.premise for r in german] == ["und er hat gesagt, Mama ich bin daheim."]


def test_texts_translated_into_english_are_english_whatever_the_column_says(shared):
    data = xnli.read_xnli(shared / "data" / "fixtures_hf" / "xnli" / "XNLI-MT-1.0" / "xnli" / "xnli.dev.en.tsv")
    assert {r.language for r in data} == {"en"} and data.counts["translated"] == len(data) == 4
    assert [r.item for r in data] == ["1", "1", "1", "6"]


def test_the_genuine_multinli_rows_are_parallel_in_fifteen_languages(shared):
    paths = sorted((shared / "data" / "fixtures_hf" / "xnli" / "XNLI-MT-1.0" / "multinli").glob("*.tsv"))
    read = [xnli.read_xnli(path) for path in paths]
    assert len({r.language for data in read for r in data}) == 15
    assert {tuple((r.item, r.label) for r in data) for data in read} == {
        (("1", "neutral"), ("2", "entailment"), ("3", "entailment"), ("4", "entailment"))
    }


def test_contradictory_means_contradiction(tmp_path):
    path = write(tmp_path, "multinli.train.de.tsv", "premise\thypo\tlabel", "a\tb\tcontradictory", "a\tc\tNeutral")
    data = xnli.read_xnli(path)
    assert [r.label for r in data] == ["contradiction", "neutral"]
    assert data.counts["alias_labels"] == 2


def test_quotes_never_merge_rows(tmp_path):
    lines = ['"He said\tthat "it" is\tneutral', '""\t"\tentailment', 'x\ty"\tcontradiction']
    data = xnli.read_xnli(write(tmp_path, "dev-en.tsv", *lines))
    assert [(r.premise, r.hypothesis) for r in data] == [('"He said', 'that "it" is'), ('""', '"'), ("x", 'y"')]
    assert data.counts["rows"] == 3


def test_crlf_bom_and_the_last_line_without_an_end_change_nothing(tmp_path):
    unix = write(tmp_path, "dev-en.tsv", "p\th\tneutral", "q\ti\tentailment")
    windows = tmp_path / "dev-en.windows.tsv"
    windows.write_bytes(b"\xef\xbb\xbfp\th\tneutral\r\nq\ti\tentailment")
    assert list(xnli.read_xnli(unix)) == list(xnli.read_xnli(windows))


@pytest.mark.parametrize(
    ("line", "reason", "scored"),
    [
        ("a\tb", "2 columns instead of 3", False),
        ("a\tb\tneutral\tc", "4 columns instead of 3", False),
        ("", "an empty line", False),
        ("a\tb\t-", "no label ('-')", False),
        ("a\tb\t ", "no label ('')", False),
        (" \tb\tneutral", "empty premise", True),
        ("a\t\tneutral", "empty hypothesis", True),
        ("a\tb\tmaybe", "unknown label 'maybe'", True),
    ],
)
def test_a_bad_row_is_set_aside_in_training_and_scored_in_a_test_if_it_can_be(tmp_path, line, reason, scored):
    path = write(tmp_path, "dev-en.tsv", "p\th\tneutral", line, "p\ti\tentailment")
    train, test = xnli.read_xnli(path), xnli.read_xnli(path, split="test")
    (aside,) = train.quarantined
    assert (aside.path, aside.line, aside.reason, aside.raw) == (str(path), 2, reason, line)
    assert len(train) == 2 and len(test) == 2 + scored
    assert [q.reason for q in (test.flagged if scored else test.quarantined)] == [reason]
    for data in (train, test):
        assert data.counts["rows"] == 3 == data.counts["kept"] + data.counts["quarantined"]
    assert [r.item for r in train] == ["1", "1"]  # one premise, and the bad row shifts nothing


def test_a_byte_that_is_not_utf8_costs_its_row_alone(tmp_path):
    path = tmp_path / "dev-en.tsv"
    path.write_bytes(b"p\th\tneutral\np\xff\th\tneutral\n")
    assert [q.line for q in xnli.read_xnli(path).quarantined] == [2]
    test = xnli.read_xnli(path, split="test")
    assert test[1].premise == "p\ufffd" and [q.line for q in test.flagged] == [2]


def test_formulas_and_markup_are_data(tmp_path):
    path = write(tmp_path, "dev-en.tsv", "=1+1\t<b>@x</b>\tneutral", "-2\t+3 &amp;\tneutral")
    assert [(r.premise, r.hypothesis) for r in xnli.read_xnli(path)] == [("=1+1", "<b>@x</b>"), ("-2", "+3 &amp;")]


def test_the_column_filters_and_unknown_languages_are_refused(tmp_path):
    rows = [official(lg, "neutral", f"p {lg}", "h", "7", "19") for lg in ("en", "de", "")]
    path = write(tmp_path, "xnli.test.tsv", HEADER, *rows)
    data = xnli.read_xnli(path, language="de", split="test")
    assert list(data) == [SentencePair("p de", "h", "neutral", "de", "7")]
    assert data.counts["rows"] == 3 and data.counts["other_languages"] == 2
    with pytest.raises(FormatError, match=r"no row of language 'fr'.*'de', 'en'"):
        xnli.read_xnli(path, language="fr")
    assert [q.reason for q in xnli.read_xnli(path, split="test").quarantined] == ["no language"]


@pytest.mark.parametrize(
    ("name", "language", "message"),
    [
        ("dev.tsv", None, "no code of a language"),
        ("en-de.tsv", None, "the codes en, de"),
        ("dev-en.tsv", "de", "'de' was asked for, and the name says en"),
        ("dev.tsv", "german", "unknown language 'german'"),
    ],
)
def test_a_language_nobody_names_or_two_disagree_on_is_an_error(tmp_path, name, language, message):
    path = write(tmp_path, name, "p\th\tneutral")
    with pytest.raises(ValueError, match=message):
        xnli.read_xnli(path, language=language)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("multinli.train.zh.tsv", ("zh",)),
        ("dev-zh-yue.tsv", ("zh-yue",)),
        ("es_squad-translate-train-train-v1.1.json", ("es",)),
        ("tydiqa.goldp.sw.train.json", ("sw",)),
        ("xnli.dev.tsv", ()),
        ("golden.tsv", ()),
    ],
)
def test_a_name_yields_the_codes_between_its_separators(name, codes):
    assert reading.named_languages(name) == codes


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a b c\n", b"a\tb\n", b"a\tb\tmaybe\n", b"premise\thypo\tlabel\n"])
def test_a_file_of_another_layout_or_without_a_valid_row_is_refused(tmp_path, content):
    path = tmp_path / "dev-en.tsv"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"dev-en\.tsv, line 1"):
        xnli.read_xnli(path)


def test_hub_rows_take_class_numbers_in_the_order_of_the_names():
    rows = [
        {"premise": "p", "hypothesis": "a", "label": 0},
        {"premise": "q", "hypothesis": "b", "label": np.int64(2)},
        {"premise": "p", "hypothesis": "c", "label": "contradictory"},
        {"premise": "p", "hypothesis": "d", "label": -1},
        {"premise": "p", "hypothesis": "e", "label": 3},
        {"premise": {"de": "p"}, "hypothesis": "f", "label": 1},
    ]
    data = xnli.from_rows(rows, "en")
    assert [(r.label, r.item) for r in data] == [("entailment", "1"), ("contradiction", "2"), ("contradiction", "1")]
    assert [q.line for q in data.quarantined] == [4, 5, 6] and data.counts["rows"] == 6
    turned = xnli.from_rows(rows[:1], "en", names=("contradiction", "neutral", "entailment"))
    assert turned[0].label == "contradiction"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all generated files: a new one for each example would take most of the time."""
    return tmp_path_factory.mktemp("generated")


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r"), min_size=1).filter(str.strip)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, st.sampled_from(xnli.LABELS)), min_size=1, max_size=5))
def test_what_is_written_is_read_back(folder, rows):
    path = folder / "multinli.train.en.tsv"
    write(path.parent, path.name, "premise\thypo\tlabel", *("\t".join(row) for row in rows))
    read = xnli.read_xnli(path)
    assert list(read) == [SentencePair(p, h, label, "en", str(n)) for n, (p, h, label) in enumerate(rows, 1)]


NOISE = st.lists(
    st.one_of(st.binary(max_size=20), st.sampled_from([b"\t", b"\n", b"neutral", b"premise\thypo\tlabel\n", b'"'])),
    max_size=30,
).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(NOISE, st.sampled_from(["train", "test"]))
def test_noise_is_a_value_error_or_accounted_for_row_by_row(folder, noise, split):
    path = folder / "dev-en.tsv"
    path.write_bytes(noise)
    try:
        data = xnli.read_xnli(path, split=split)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert data.counts["rows"] == len(data) + len(data.quarantined)
        "".join(r.premise + r.hypothesis + r.label for r in data).encode()  # a tokenizer can take every text


def test_the_codes_of_the_alias_table_are_lower_case():
    assert all(alias == alias.lower() and set(alias) <= set(string.ascii_lowercase) for alias in xnli.ALIASES)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_file_that_csv_wrote_is_unquoted(tmp_path, quoting):
    rows = [('He said "hi"', "She\theard.", "neutral"), ('"Quoted"', "plain", "entailment")]
    rows.append(("over\ntwo lines", "x", "contradiction"))
    path = tmp_path / "train-en.tsv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter="\t", quoting=quoting).writerows(rows)
    data = xnli.read_xnli(path)
    assert [(r.premise, r.hypothesis, r.label) for r in data] == rows and data.counts["quoted"] == 1


def test_quotes_that_csv_would_have_written_otherwise_are_data(tmp_path):
    path = tmp_path / "train-en.tsv"
    path.write_text('"No," he said.\tHe spoke.\tneutral\n"He left."\t"Did he?\tentailment\n', encoding="utf-8")
    assert [r.premise for r in xnli.read_xnli(path)] == ['"No," he said.', '"He left."']


@pytest.mark.parametrize(
    "text",
    [
        "A man.\tA boy.\nA cat.\tA dog.\n",
        "premise\thypothesis\nA man.\tA boy.\n",
        "A man.\tA boy.\t-\nA cat.\tA dog.\t-\n",
        "sentence1\tsentence2\tgold_label\nA man.\tA boy.\t?\n",
        "A man.\tA boy.\t\nA cat.\tA dog.\t\n",
    ],
)
def test_a_file_published_without_labels_is_refused_by_name(tmp_path, text):
    path = tmp_path / "test-en.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Unlabelled, match=r"test-en.tsv, line 1: .*published without.*test_data"):
        xnli.read_xnli(path, split="test")


def test_class_numbers_of_the_hub_are_labels(tmp_path):
    path = tmp_path / "train-en.tsv"
    path.write_text("a\tb\t0\nc\td\t2\ne\tf\t1\n", encoding="utf-8")
    assert [r.label for r in xnli.read_xnli(path)] == ["entailment", "contradiction", "neutral"]


def parallel(folder, en, ur, labels=("neutral", "entailment")):
    for code, premises in (("en", en), ("ur", ur)):
        rows = [f"{premise}\th{n}{k}\t{label}" for n, premise in enumerate(premises) for k, label in enumerate(labels)]
        (folder / f"dev-{code}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_premises_that_are_equal_in_one_language_alone_stay_on_one_side(tmp_path):
    en = [f"A man {n}." for n in range(40)]
    ur = [f"Aadmi {n // 2 if n < 20 else n}." for n in range(40)]  # ten pairs read alike in Urdu
    parallel(tmp_path, en, ur)
    data, _ = folders.open_folder("nli", tmp_path)
    side = {r.premise: s for s in ("train", "dev", "test") for part in data.split(s).values() for r in part}
    assert [n for n in range(40) if side[en[n]] != side[ur[n]]] == []
    assert shared_items(data.train.values(), data.test.values()) == 0


def test_files_that_are_no_translations_row_by_row_are_told(tmp_path):
    parallel(tmp_path, [f"A man {n}." for n in range(40)], [f"Aadmi {n}." for n in range(30)])
    _, remarks = folders.open_folder("nli", tmp_path)
    assert [remark for remark in remarks if "no translations of each other" in remark]


def test_a_line_break_within_a_cell_shifts_no_translation(tmp_path):
    en, sw = ([f"{code} {n}." for n in range(40)] for code in ("en", "sw"))
    parallel(tmp_path, en, sw)
    path = tmp_path / "dev-en.tsv"
    path.write_text(path.read_text(encoding="utf-8").replace("en 0.", '"en\n0."'), encoding="utf-8")
    (tmp_path / "dev-ur.tsv").rename(tmp_path / "dev-sw.tsv")
    data, _ = folders.open_folder("nli", tmp_path)
    side = {r.premise: s for s in ("train", "dev", "test") for part in data.split(s).values() for r in part}
    assert [n for n in range(1, 40) if side[en[n]] != side[sw[n]]] == [] and side["en\n0."] == side[sw[0]]
    assert [r.row for r in xnli.read_xnli(path)] == list(range(1, 81))

"""Columns of words and tags: genuine files counted twice, every fault with its line, schemes worked by hand."""

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unibert_lib.corpus.records import FormatError, Quarantined
from unibert_lib.tasks import iob
from unibert_lib.tasks.conll import from_rows, read_conll

QUICK = settings(max_examples=150, deadline=None)


def write(folder, text, name="eng.train", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def lines_of(data):
    return [(bad.line, bad.reason) for bad in data.quarantined]


# --- tag schemes ---------------------------------------------------------------------------------------------------

# George Bush Iraq / Paris London: worked by hand in each scheme; two places next to each other at the end.
IOB2 = ("O", "B-PER", "I-PER", "B-LOC", "O", "B-LOC", "B-LOC")
IOB1 = ("O", "I-PER", "I-PER", "I-LOC", "O", "I-LOC", "B-LOC")
IOBES = ("O", "B-PER", "E-PER", "S-LOC", "O", "S-LOC", "S-LOC")
BILOU = ("O", "B-PER", "L-PER", "U-LOC", "O", "U-LOC", "U-LOC")
PLAIN = ("O", "PER", "PER", "LOC", "O", "LOC", "LOC")


@pytest.mark.parametrize(
    ("tags", "scheme"), [(IOB2, "iob2"), (IOB1, "iob1"), (IOBES, "iobes"), (BILOU, "iobes"), (PLAIN, "none")]
)
def test_the_scheme_is_told_from_the_tags_and_becomes_iob2(tags, scheme):
    assert iob.detect([tags]) == scheme
    assert iob.faults(tags, scheme) == ()
    merged = (*IOB2[:-1], "I-LOC")  # without prefixes two neighbours are one
    assert iob.to_iob2(tags, scheme) == (merged if scheme == "none" else IOB2)


def test_entities_are_type_first_and_end():
    assert iob.entities(IOB2) == (("PER", 1, 3), ("LOC", 3, 4), ("LOC", 5, 6), ("LOC", 6, 7))


def test_a_file_without_entities_is_iob2():
    assert iob.detect([("O", "O"), ("O",)]) == "iob2"


def test_adjacent_entities_of_one_type_alone_decide_nothing():
    # B- after the same type is legal in IOB1 and IOB2; what decides is how the first of them begins.
    assert iob.detect([("B-LOC", "B-LOC")]) == "iob2"
    assert iob.detect([("I-LOC", "B-LOC")]) == "iob1"


@pytest.mark.parametrize(("inside", "expected"), [(19, "iob2"), (20, "iob1")])
def test_iob1_needs_ten_entities_begun_by_i_for_each_begun_by_b(inside, expected):
    assert iob.detect([("I-PER", "O")] * inside + [("B-PER", "O")] * 2) == expected


@pytest.mark.parametrize(("closing", "expected"), [(4, "iob2"), (5, "iobes")])
def test_iobes_needs_an_end_for_half_of_the_beginnings(closing, expected):
    assert iob.detect([("B-PER", "I-PER")] * (10 - closing) + [("B-PER", "E-PER")] * closing) == expected


def test_a_plain_type_that_looks_like_a_prefix_is_still_plain():
    assert iob.detect([("E-MAIL", "O", "PERSON", "PERSON")]) == "none"
    assert iob.to_iob2(("E-MAIL", "E-MAIL", "O"), "none") == ("B-E-MAIL", "I-E-MAIL", "O")


@pytest.mark.parametrize(
    ("tags", "scheme", "at", "kind", "repaired"),
    [
        (("O", "I-PER", "I-PER"), "iob2", 1, "sequence", ("O", "B-PER", "I-PER")),
        (("B-LOC", "I-PER"), "iob2", 1, "sequence", ("B-LOC", "B-PER")),
        (("I-PER",), "iob2", 0, "sequence", ("B-PER",)),
        (("B-PER", "X-PER", "I-PER"), "iob2", 1, "tag", ("B-PER", "O", "B-PER")),
        (("B-PER", "b-per"), "iob2", 1, "tag", ("B-PER", "O")),
        (("B-PER", ""), "iob2", 1, "tag", ("B-PER", "O")),
        (("B-", "O"), "iob2", 0, "tag", ("O", "O")),
        (("B-PER ", "O"), "iob2", 0, "tag", ("O", "O")),
        (("PER", "O"), "iob2", 0, "tag", ("O", "O")),
        (("S-PER", "O"), "iob2", 0, "tag", ("O", "O")),
        (("PER", "B-PER"), "none", 1, "prefix", ("B-PER", "I-PER")),
        (("B-PER", "O"), "iobes", 0, "sequence", ("B-PER", "O")),
        (("B-PER", "I-PER"), "iobes", 1, "sequence", ("B-PER", "I-PER")),
        (("O", "E-PER"), "iobes", 1, "sequence", ("O", "B-PER")),
        (("S-PER", "I-PER", "E-PER"), "iobes", 1, "sequence", ("B-PER", "B-PER", "I-PER")),
    ],
)
def test_what_breaks_a_scheme_is_named_refused_and_repaired(tags, scheme, at, kind, repaired):
    first = iob.faults(tags, scheme)[0]
    assert (first.at, first.kind) == (at, kind)
    with pytest.raises(ValueError, match=f"token {at}: .*(iob.repair)"):
        iob.to_iob2(tags, scheme)
    assert iob.repair(tags, scheme) == repaired


def test_an_unknown_scheme_or_split_names_the_nearest():
    with pytest.raises(ValueError, match="unknown scheme 'iob3'; did you mean iob"):
        iob.check_options("iob3")
    with pytest.raises(ValueError, match="unknown split 'tset'; did you mean test"):
        iob.check_options(None, "tset")
    iob.check_options(None, "dev")


TAGS = st.lists(
    st.sampled_from(["O", "", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B", "L-B", "A", "x y", "?"]), max_size=9
)


@QUICK
@given(TAGS, st.sampled_from(iob.SCHEMES))
def test_a_repair_is_always_legal_iob2(tags, scheme):
    mended = iob.repair(tags, scheme)
    assert len(mended) == len(tags)
    assert all(re.fullmatch(r"O|[BI]-.+", tag) for tag in mended)
    for before, after in itertools.pairwise(("O", *mended)):
        assert not after.startswith("I-") or before[2:] == after[2:]
    if not iob.faults(tags, scheme):
        assert iob.to_iob2(tags, scheme) == mended


# --- layouts -------------------------------------------------------------------------------------------------------


def test_conll_2003_loses_its_pos_and_chunk_columns_and_becomes_iob2(tmp_path):
    text = (
        "-DOCSTART- -X- O O\n\nU.N. NNP I-NP I-ORG\nofficial NN I-NP O\n\nRome NNP I-NP I-LOC\nParis NNP I-NP B-LOC\n"
    )
    data = read_conll(write(tmp_path, text))
    assert [(s.tokens, s.tags) for s in data] == [
        (("U.N.", "official"), ("B-ORG", "O")),
        (("Rome", "Paris"), ("B-LOC", "B-LOC")),
    ]
    assert {s.language for s in data} == {"en"}
    assert (data.counts["docstarts"], data.counts["scheme_iob1"], data.counts["converted_tags"]) == (1, 1, 2)


def test_items_are_unique_and_name_language_file_and_ordinal(tmp_path):
    data = read_conll(write(tmp_path, "a O\n\nb O\n\n\n\nc O"))
    assert [s.item for s in data] == ["en/eng.train:1", "en/eng.train:2", "en/eng.train:3"]


def test_a_document_line_ends_a_sentence_without_a_blank_line(tmp_path):
    data = read_conll(write(tmp_path, "a O\n-DOCSTART- O\nb O\n"))
    assert [s.tokens for s in data] == [("a",), ("b",)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_endings_bom_trailing_spaces_and_a_missing_last_line_change_nothing(tmp_path, ending, bom):
    lines = ["", "", "La O  ", "Coruña B-LOC", "   ", "", "hoy \t O"]
    data = read_conll(write(tmp_path, bom + ending.join(lines), name="esp.train"))
    assert [(s.tokens, s.tags) for s in data] == [(("La", "Coruña"), ("O", "B-LOC")), (("hoy",), ("O",))]
    assert data.counts["bom"] == bool(bom)


def test_tokens_of_tab_files_keep_spaces_and_show_nothing_if_they_must(tmp_path):
    text = "New York\tB-LOC\nno\u00a0break\tO\n\u200b\tO\n\tO\na\u2028b\tO\nc\x85d\tO\n"
    data = read_conll(write(tmp_path, text))
    assert data[0].tokens == ("New York", "no\u00a0break", "\u200b", "", "a\u2028b", "c\x85d")
    assert data.counts["invisible_tokens"] == 2


def test_a_no_break_space_parts_no_columns(tmp_path):
    assert read_conll(write(tmp_path, "a\u00a0b O\n"))[0].tokens == ("a\u00a0b",)


def test_latin1_is_read_where_utf8_fails(tmp_path):
    data = read_conll(write(tmp_path, "La O\nCoruña B-LOC\naño O\n", name="esp.testb", encoding="latin-1"))
    assert data[0].tokens == ("La", "Coruña", "año")
    assert data.counts["latin1_files"] == 1


def test_one_broken_byte_does_not_turn_a_utf8_file_into_latin1(tmp_path):
    path = tmp_path / "esp.train"
    path.write_bytes("año O\n\nCoruña B-LOC\n\n".encode() + b"a\xf1o O\n")
    data = read_conll(path)
    assert [s.tokens for s in data] == [("año",), ("Coruña",)]
    assert lines_of(data) == [(5, "a byte that is not valid in UTF-8")]
    assert "latin1_files" not in data.counts


def test_an_encoding_can_be_given(tmp_path):
    path = write(tmp_path, "Coruña B-LOC\n", name="esp.train", encoding="utf-16")
    with pytest.raises(FormatError, match="NUL byte"):
        read_conll(path)
    assert read_conll(path, encoding="utf-16")[0].tokens == ("Coruña",)
    assert read_conll(write(tmp_path, "\ufeffaño O\r", name="es"), encoding="utf-8")[0].tokens == ("año",)
    with pytest.raises(FormatError, match="not ascii"):
        read_conll(write(tmp_path, "Coruña O\n", name="esp.testa"), encoding="ascii")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("esp.train", "es"),
        ("ned.testa", "nl"),
        ("eng.testb", "en"),
        ("dev-sw.tsv", "sw"),
        ("ES-manual-dev.tsv", "es"),
        ("de/train", "de"),
    ],
)
def test_the_language_is_told_from_the_name(tmp_path, name, code):
    (tmp_path / "de").mkdir()
    assert read_conll(write(tmp_path, "a O\n", name=name))[0].language == code
    assert read_conll(tmp_path / name, language="fy")[0].language == "fy"


def test_a_name_that_tells_no_language_asks_for_it(tmp_path):
    for name in ("train.tsv", "train-de-en.tsv"):
        with pytest.raises(ValueError, match=rf"{name}: .* give language="):
            read_conll(write(tmp_path, "a O\n", name=name))
    with pytest.raises(ValueError, match="unknown language 'english': did you mean 'en'"):
        read_conll(tmp_path / "train.tsv", language="english")


def test_prefixes_are_removed_and_tell_the_language(tmp_path):
    path = write(tmp_path, "be-x-old:12:30\tO\nbe-x-old::\tO\n", name="train")
    assert (read_conll(path)[0].tokens, read_conll(path)[0].language) == (("12:30", ":"), "be-x-old")
    with pytest.raises(ValueError, match=r"'sw' is asked, its tokens are prefixed 'be-x-old:'"):
        read_conll(path, language="sw")


# --- faults --------------------------------------------------------------------------------------------------------

GOOD = "Rome B-LOC\nis O\n\n"


@pytest.mark.parametrize(
    ("bad", "line", "reason", "kind", "tags"),
    [
        ("a O\nb X O\n", 5, "3 columns where the file has 2", "ragged", ("O", "O")),
        (
            "a O\nB-LOC\n",
            5,
            "1 columns where the file has 2 (the first of 2 faults in this sentence)",
            "ragged",
            ("O", "O"),
        ),
        ("a O\nb I-LOC\n", 5, "tag 'I-LOC' begins an entity in iob2", "sequence", ("O", "B-LOC")),
        ("a B-LOC\nb NN\n", 5, "tag 'NN' is illegal in iob2", "tag", ("B-LOC", "O")),
    ],
)
def test_a_bad_sentence_leaves_training_and_stays_repaired_in_tests(tmp_path, bad, line, reason, kind, tags):
    path = write(tmp_path, GOOD + bad + "\n" + GOOD)
    train = read_conll(path)
    assert train.quarantined == (Quarantined(str(path), line, reason, bad.rstrip("\n")),)
    assert train.quarantined[0].file == str(path)
    assert (len(train), train.counts["sentences"], train.counts[f"fault_{kind}"]) == (2, 3, 1)
    for split in ("dev", "test"):
        kept = read_conll(path, split=split)
        assert kept.quarantined == () and kept.flagged == train.quarantined
        assert [s.tags for s in kept] == [("B-LOC", "O"), tags, ("B-LOC", "O")]
    assert [s.item for s in train] == [kept[0].item, kept[2].item]  # an item keeps its number


def test_a_missing_prefix_is_a_fault(tmp_path):
    data = read_conll(write(tmp_path, "sw:a\tO\nsw:b\tO\n\nsw:c\tO\nd\tO\n", name="train"))
    assert lines_of(data) == [(5, "token 'd' lacks the prefix 'sw:' of the others")]


def test_missing_blank_lines_are_noticed_by_the_length(tmp_path):
    path = write(tmp_path, "a O\n" * 5000 + "\n" + "b O\n" * 5001)
    assert lines_of(read_conll(path)) == [
        (5002, "5001 tokens in one sentence, more than 5000: are blank lines missing?")
    ]
    assert [len(s.tokens) for s in read_conll(path)] == [5000]
    assert [len(s.tokens) for s in read_conll(path, split="test")] == [5000, 5001]


def test_a_sentence_without_any_readable_tag_cannot_be_scored(tmp_path):
    data = read_conll(write(tmp_path, GOOD * 3 + "a ?\nb !\n"), split="test")
    assert (len(data), lines_of(data)[0][0], data.flagged) == (3, 10, ())


def test_a_scheme_can_be_forced(tmp_path):
    path = write(tmp_path, "a B-LOC\nb O\n\nc O\nd I-LOC\n")
    assert len(read_conll(path)) == 1
    assert [s.tags for s in read_conll(path, scheme="iob1")] == [("B-LOC", "O"), ("O", "B-LOC")]


def test_the_number_of_columns_can_be_forced(tmp_path):
    path = write(tmp_path, "a X O\n\nb O\nc O\n")
    assert [s.tokens for s in read_conll(path)] == [("b", "c")]
    assert [s.tokens for s in read_conll(path, columns=3)] == [("a",)]


@pytest.mark.parametrize("text", ["", "\n \r\n\n", "-DOCSTART- -X- O O\n\n"])
def test_a_file_without_a_sentence_is_an_error(tmp_path, text):
    with pytest.raises(FormatError, match=r"eng\.train, line 1: no sentence in it\. Download"):
        read_conll(write(tmp_path, text))


def test_a_file_of_one_column_is_an_error(tmp_path):
    with pytest.raises(FormatError, match="1 column"):
        read_conll(write(tmp_path, "word\nother\n"))


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"eng\.train: cannot be read \(No such file"):
        read_conll(tmp_path / "eng.train")


# --- rows ----------------------------------------------------------------------------------------------------------

NAMES = ["O", "B-PER", "I-PER"]


def test_rows_with_integer_or_string_tags_read_alike():
    rows = [{"tokens": ["Ada", "Lovelace"], "ner_tags": [1, 2]}, {"tokens": ["yes"], "ner_tags": [0]}]
    spelt = [{**row, "ner_tags": [NAMES[tag] for tag in row["ner_tags"]]} for row in rows]
    data = from_rows(rows, NAMES, "en", source="wikiann")
    assert data == from_rows(spelt, None, "en", source="wikiann")
    assert [(s.tags, s.item) for s in data] == [(("B-PER", "I-PER"), "en/wikiann:1"), (("O",), "en/wikiann:2")]


@pytest.mark.parametrize(
    ("row", "reason", "scored"),
    [
        ({"tokens": ["a", "b"], "ner_tags": [0]}, "2 tokens and 1 tags", ("O", "O")),
        ({"tokens": ["a"], "ner_tags": [1, 2]}, "1 tokens and 2 tags", ("B-PER",)),
        ({"tokens": ["a", "b"], "ner_tags": [0, 3]}, "tag 1 is 3, which has no name", ("O", "O")),
        ({"tokens": ["a", "b"], "ner_tags": [0, -1]}, "tag 1 is -1, which has no name", ("O", "O")),
        ({"tokens": ["a", None], "ner_tags": [0, 1]}, "token 1 is None, not text", ("O", "B-PER")),
        ({"tokens": ["a", "\ud800"], "ner_tags": [0, 1]}, "token 1 holds half a character", ("O", "B-PER")),
        ({"tokens": ["a"], "ner_tags": [2]}, "tag 'I-PER' begins an entity", ("B-PER",)),
        ({"tokens": [], "ner_tags": []}, "there is no token", None),
        ({"tokens": None, "ner_tags": [0]}, "1 tags", None),
        ({"tokens": ["a"], "ner_tags": None}, "1 tokens and 0 tags", None),
    ],
)
def test_bad_rows_are_named_by_their_number(row, reason, scored):
    good = {"tokens": ["Ada", "Lovelace"], "ner_tags": [1, 2]}
    train = from_rows([good, row], NAMES, "en")
    assert [bad.line for bad in train.quarantined] == [2] and reason in train.quarantined[0].reason
    test = from_rows([good, row], NAMES, "en", split="test")
    assert [s.tags for s in test][1:] == ([] if scored is None else [scored])
    assert len(test.flagged) == (scored is not None)


def test_rows_of_another_layout_are_refused():
    with pytest.raises(ValueError, match=r"row 1: no column 'ner_tags' among tokens, tags"):
        from_rows([{"tokens": ["a"], "tags": [0]}], NAMES, "en")
    with pytest.raises(ValueError, match="give names"):
        from_rows([{"tokens": ["a"], "ner_tags": [0]}], None, "en")
    with pytest.raises(ValueError, match="no row"):
        from_rows([], NAMES, "en")


# --- generated -----------------------------------------------------------------------------------------------------

TOKEN = st.text(st.characters(exclude_characters="\t\n\r:\ufeff\0", exclude_categories=["Cs"]), min_size=1, max_size=6)
ENTITY = st.tuples(st.sampled_from(["PER", "LOC"]), st.integers(0, 2))


@st.composite
def sentences(draw):
    """Legal IOB2, entity by entity, with tokens of any kind."""
    tags = []
    for kind, more in draw(st.lists(st.one_of(st.none(), ENTITY).map(lambda e: e or ("O", 0)), min_size=1, max_size=5)):
        tags += ["O"] if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * more]
    return tuple(draw(st.lists(TOKEN, min_size=len(tags), max_size=len(tags)))), tuple(tags)


@QUICK
@given(st.lists(sentences(), min_size=1, max_size=4))
def test_what_is_written_with_tabs_is_read_back(tmp_path_factory, written):
    kept = [s for s in written if not s[0][0].startswith("-DOCSTART-")]
    text = "\n\n".join("\n".join(f"{token}\t{tag}" for token, tag in zip(*s, strict=True)) for s in written)
    path = write(tmp_path_factory.getbasetemp(), text, name="round-en.tsv")
    assert [(s.tokens, s.tags) for s in read_conll(path)] == kept


PIECES = st.sampled_from(
    [b"a O\n", b"\n", b"B-X", b"\t", b" ", b"\r\n", b"\xff", b"\xef\xbb\xbf", b"en:b\tI-X\n", b"\0"]
)


@QUICK
@given(
    st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=25).map(b"".join)), st.sampled_from(["train", "test"])
)
def test_no_bytes_raise_anything_but_a_named_error(tmp_path_factory, data, split):
    path = tmp_path_factory.getbasetemp() / "noise.en"
    path.write_bytes(data)
    try:
        read = read_conll(path, split=split)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert read.counts["sentences"] == len(read) + len(read.quarantined)
        assert all(1 <= bad.line <= len(re.split(rb"\r\n|\n|\r", data)) for bad in (*read.quarantined, *read.flagged))


# --- genuine files -------------------------------------------------------------------------------------------------


def count(path: Path):
    """Sentences, tokens, entities: by lines and endings alone, in bytes, with nothing of the library."""
    inside, sentences, tokens, found = False, 0, 0, 0
    for line in path.read_bytes().split(b"\n"):
        filled = bool(line.strip()) and not line.startswith(b"-DOCSTART-")
        sentences += filled and not inside
        tokens += filled
        found += filled and re.search(rb"[ \t]B-[A-Z_]+\r?$", line) is not None
        inside = filled
    return sentences, tokens, found


def counted(data):
    return data.counts["sentences"], data.counts["tokens"], data.counts["entities"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dev-af", (1000, 10894, 1482)),
        ("dev-eu", (10000, 92741, 13555)),
        ("dev-sw", (1000, 5609, 1209)),
        ("train-af", (5000, 55562, 7555)),
        ("train-eu", (10000, 92452, 13530)),
        ("train-sw", (1000, 5597, 1211)),
    ],
)
def test_panx_counts_are_those_of_a_line_counter(shared, name, expected):
    path = shared / "data" / "ner" / "panx_xtreme" / f"{name}.tsv"
    data = read_conll(path)
    assert counted(data) == count(path) == expected
    assert (data.quarantined, data.counts["scheme_iob2"], data[0].language) == ((), 1, name[-2:])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ES-manual-train", (1245, 34924, 1660)),
        ("ES-manual-dev", (178, 4430, 217)),
        ("FR-manual-train", (1335, 38383, 1685)),
        ("FR-manual-dev", (115, 3598, 177)),
    ],
)
def test_echr_is_iob2_and_nothing_is_quarantined(shared, name, expected):
    path = shared / "data" / "legal" / "echr_fr_es" / "manual" / f"{name}.tsv"
    data = read_conll(path)
    assert counted(data) == count(path) == expected
    assert (data.quarantined, data.counts["scheme_iob2"], data[0].language) == ((), 1, name[:2].lower())


@pytest.mark.parametrize("name", ["esp.train", "esp.testa", "esp.testb", "ned.train", "ned.testa", "ned.testb"])
def test_conll_2002_fixtures_of_three_columns(shared, name):
    path = shared / "data" / "fixtures_hf" / "conll2002" / name
    data = read_conll(path)
    assert counted(data) == count(path)
    assert data.counts["docstarts"] == name.startswith("ned")
    assert {s.language for s in data} == {"es" if name.startswith("esp") else "nl"}
    if name == "esp.testa":
        assert (data[0].tokens[:4], data[0].tags[:4]) == (
            ("Sao", "Paulo", "(", "Brasil"),
            ("B-LOC", "I-LOC", "O", "B-LOC"),
        )


def test_wikiann_fixtures_in_176_languages(shared):
    files = sorted((shared / "data" / "fixtures_hf" / "wikiann").glob("*/*"))
    assert len(files) == 3 * 176
    bad = []
    for path in files:
        data = read_conll(path, split="test")
        assert counted(data)[:2] == count(path)[:2]
        assert {s.language for s in data} == {path.parent.name}
        assert not any(token.startswith(f"{path.parent.name}:") for s in data for token in s.tokens)
        if not data.flagged:
            assert counted(data) == count(path)
        bad += [(f"{path.parent.name}/{path.name}", flag.line) for flag in data.flagged]
    # In Thai a "#" tagged O stands within names, so that an I- follows an O.
    assert bad == [("th/dev", 106), ("th/test", 7), ("th/train", 20)]

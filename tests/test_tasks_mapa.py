"""MAPA's JSON lines: files of our own in the published layout, every fault with its line."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unibert_lib.corpus.records import FormatError
from unibert_lib.tasks.mapa import read_mapa

QUICK = settings(max_examples=150, deadline=None)
# The 21 languages of MAPA: 24 official languages of the Union without Croatian, Polish and Slovene.
LANGUAGES = ["bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga"]
LANGUAGES += ["hu", "it", "lt", "lv", "mt", "nl", "pt", "ro", "sk", "sv"]


def record(number=1, language="en", file_name="a.tsv", **changes):
    """A record in the published layout: 2 coarse entities, 4 fine ones."""
    return {
        "language": language,
        "type": "EUR-LEX",
        "file_name": file_name,
        "sentence_number": number,
        "tokens": ["Mr", "John", "Smith", "of", "Rome"],
        "coarse_grained": ["B-PERSON", "I-PERSON", "I-PERSON", "O", "B-ADDRESS"],
        "fine_grained": ["B-TITLE", "B-GIVEN NAME", "B-FAMILY NAME", "O", "B-CITY"],
        **changes,
    }


def write(folder, records, name="train.jsonl"):
    path = folder / name
    lines = [line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode() for line in records]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_the_two_levels_are_two_data_sets(tmp_path):
    path = write(tmp_path, [record()])
    assert read_mapa(path)[0].tags == ("B-PERSON", "I-PERSON", "I-PERSON", "O", "B-ADDRESS")
    fine = read_mapa(path, level="fine")
    assert fine[0].tags == ("B-TITLE", "B-GIVEN NAME", "B-FAMILY NAME", "O", "B-CITY")
    assert (fine.counts["entities"], read_mapa(path).counts["entities"]) == (4, 2)
    with pytest.raises(ValueError, match="unknown level 'corse'; did you mean coarse"):
        read_mapa.__wrapped__(path, level="corse")


def test_without_prefixes_equal_neighbours_are_one_entity(tmp_path):
    plain = [[tag.partition("-")[2] or tag for tag in record()[f"{level}_grained"]] for level in ("coarse", "fine")]
    data = read_mapa(write(tmp_path, [record(coarse_grained=plain[0], fine_grained=plain[1])]))
    assert data[0].tags == ("B-PERSON", "I-PERSON", "I-PERSON", "O", "B-ADDRESS")
    assert data.counts["scheme_none"] == 1
    joined = record(coarse_grained=["O", "PERSON", "PERSON", "PERSON", "ADDRESS"])
    assert read_mapa(write(tmp_path, [joined]))[0].tags == ("O", "B-PERSON", "I-PERSON", "I-PERSON", "B-ADDRESS")


def test_all_21_languages_stand_in_one_file_or_in_a_file_each(tmp_path):
    assert len(LANGUAGES) == 21
    together = write(tmp_path, [record(number, code) for code in LANGUAGES for number in (1, 2)])
    data = read_mapa(together)
    assert Counter(s.language for s in data) == dict.fromkeys(LANGUAGES, 2)
    assert len({s.item for s in data}) == 42
    for code in ("bg", "mt"):
        alone = read_mapa(together, language=code)
        assert (len(alone), alone.counts["other_languages"], alone.counts["lines"]) == (2, 40, 42)
        own = write(tmp_path, [record(number, code) for number in (1, 2)], name=f"{code}.jsonl")
        assert read_mapa(own).records == alone.records


def test_a_language_that_is_not_there_is_an_error_naming_those_that_are(tmp_path):
    path = write(tmp_path, [record(1, "de"), record(1, "bg")])
    with pytest.raises(ValueError, match=r"no sentence in language 'pl': ask for one of bg, de"):
        read_mapa(path, language="pl")


NOT_A_RECORD = [
    (b"{", "this is no JSON", "json"),
    (b'{"tokens": ["a", }', "this is no JSON", "json"),
    (b"[" * 100_000, "this is no JSON", "json"),
    (b"[1, 2]", "this is list, not an object", "json"),
    (b'{"language": "en\xff"}', "byte 16 of the line is not valid in UTF-8", "bytes"),
    ({k: v for k, v in record().items() if k != "file_name"}, "key 'file_name' is missing", "key"),
    ({k: v for k, v in record().items() if k != "coarse_grained"}, "key 'coarse_grained' is missing", "key"),
    (record(language=None), "language is None", "type"),
    (record(language=""), "language is ''", "type"),
    (record(file_name=7), "file_name is 7", "type"),
    (record(number=True), "sentence_number is True", "type"),
    (record(number="1"), "sentence_number is '1'", "type"),
    (record(tokens="Mr John"), "must be lists", "type"),
    (record(tokens=[]), "must be lists with something in them", "type"),
    (record(coarse_grained={}), "must be lists", "type"),
]


@pytest.mark.parametrize(("bad", "reason", "kind"), NOT_A_RECORD)
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_line_that_is_no_record_is_quarantined_with_its_number(tmp_path, bad, reason, kind, split):
    path = write(tmp_path, [record(1), b"", bad, record(2)])
    data = read_mapa(path, split=split)
    assert [s.item for s in data] == ["en/a.tsv:1", "en/a.tsv:2"]
    (only,) = data.quarantined
    assert (only.file, only.line) == (str(path), 3) and reason in only.reason
    assert (data.counts["lines"], data.counts[f"fault_{kind}"], data.flagged) == (3, 1, ())


GOOD = ("B-PERSON", "I-PERSON", "I-PERSON", "O", "B-ADDRESS")
REPAIRABLE = [
    (record(9, tokens=["a", "b"]), "2 tokens and 5 tags", "length", GOOD[:2]),
    (record(9, coarse_grained=["O", "B-PERSON"]), "5 tokens and 2 tags", "length", ("O", "B-PERSON", "O", "O", "O")),
    (record(9, tokens=["a", 1, "c", "d", "e"]), "token 1 is 1, not text", "token", GOOD),
    (record(9, tokens=["a", "\ud800", "c", "d", "e"]), "token 1 holds half a character", "token", GOOD),
    (record(9, coarse_grained=["O", 3, "O", "O", "O"]), "tag 1 is 3, which has no name", "label", ("O",) * 5),
    (record(9, coarse_grained=["O", "I-AGE", "O", "O", "O"]), "begins an entity", "sequence", ("O", "B-AGE", *"OOO")),
    (record(1), "are those of line 1: ('en', 'a.tsv', 1)", "duplicate", GOOD),
]


@pytest.mark.parametrize(("bad", "reason", "kind", "scored"), REPAIRABLE)
def test_a_bad_sentence_leaves_training_and_stays_repaired_in_tests(tmp_path, bad, reason, kind, scored):
    line = json.dumps(bad).encode()  # with \ud800 as an escape
    path = write(tmp_path, [record(1), line, record(2)])
    train = read_mapa(path)
    assert [(q.line, reason in q.reason) for q in train.quarantined] == [(2, True)]
    assert (len(train), train.counts[f"fault_{kind}"]) == (2, 1)
    test = read_mapa(path, split="test")
    assert (test.quarantined, test.flagged, test[1].tags) == ((), train.quarantined, scored)
    assert len({s.item for s in test}) == 3
    "".join(test[1].tokens).encode()


def test_the_same_sentence_number_in_another_file_or_language_is_no_duplicate(tmp_path):
    data = read_mapa(write(tmp_path, [record(1), record(1, "de"), record(1, "en", "b.tsv")]))
    assert (len(data), data.quarantined) == (3, ())


def test_a_key_that_is_not_read_may_be_missing(tmp_path):
    row = {k: v for k, v in record().items() if k not in ("type", "fine_grained")}
    assert len(read_mapa(write(tmp_path, [row]))) == 1


def test_quarantined_lines_stand_in_the_order_of_the_file(tmp_path):
    lines = [b"{", record(1), record(2, tokens=["a"]), b"[]", record(1)]
    assert [q.line for q in read_mapa(write(tmp_path, lines)).quarantined] == [1, 3, 4, 5]


def test_a_bom_is_passed_over(tmp_path):
    assert len(read_mapa(write(tmp_path, [b"\xef\xbb\xbf" + json.dumps(record()).encode()]))) == 1


def test_an_empty_or_missing_file_is_an_error(tmp_path):
    with pytest.raises(FormatError, match=r"train\.jsonl, line 1: no line in it\. Download"):
        read_mapa(write(tmp_path, [b"", b"  "]))
    with pytest.raises(ValueError, match=r"dev\.jsonl: cannot be read \(No such file"):
        read_mapa(tmp_path / "dev.jsonl")


WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), min_size=1, max_size=6)


@QUICK
@given(st.lists(WORDS, min_size=1, max_size=4))
def test_what_is_written_is_read_back(tmp_path_factory, sentences):
    tagged = [(words, ["B-DATE", *["I-DATE"] * (len(words) - 1)]) for words in sentences]
    records = [record(n, tokens=words, coarse_grained=tags) for n, (words, tags) in enumerate(tagged)]
    data = read_mapa(write(tmp_path_factory.getbasetemp(), records, name="round.jsonl"))
    assert [(list(s.tokens), list(s.tags)) for s in data] == tagged


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*record()]), inner, max_size=7),
    max_leaves=8,
)
CHANGED = st.dictionaries(st.sampled_from([*record()]), JSON, max_size=3).map(lambda changes: {**record(), **changes})
LINE = st.one_of(st.binary(max_size=20), JSON.map(json.dumps).map(str.encode), CHANGED.map(json.dumps).map(str.encode))


@QUICK
@given(st.lists(LINE, max_size=6), st.sampled_from(["train", "test"]))
def test_no_lines_raise_anything_but_a_named_error(tmp_path_factory, lines, split):
    path = write(tmp_path_factory.getbasetemp(), lines, name="noise.jsonl")
    try:
        data = read_mapa(path, split=split)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert data.counts["lines"] == len(data) + len(data.quarantined)

"""Whatever scheme and spelling a file's tags have, its entities are read; a file of two is refused by its line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unibert_lib.tasks import iob
from unibert_lib.tasks.conll import from_rows, read_conll
from unibert_lib.tasks.records import FormatError, Unlabelled

QUICK = settings(max_examples=60, deadline=None)
LETTERS = {  # of an entity's first, middle, last token, and of one of a single token
    "iob2": "BIIB",
    "ioe2": "IIEE",
    "iobes": "BIES",
    "bilou": "BILU",
    "bmewo": "BMEW",
}
SPELT = {
    "B-PER": lambda letter, kind: f"{letter}-{kind}",
    "B_PER": lambda letter, kind: f"{letter}_{kind}",
    "PER-B": lambda letter, kind: f"{kind}-{letter}",
    "PER_B": lambda letter, kind: f"{kind}_{letter}",
    "b-per": lambda letter, kind: f"{letter.lower()}-{kind}",
}
KINDS = ("PER", "ORG-GOV", "geo-loc", "MISC_2", "T1")


def written(entities, size, scheme, spelling="B-PER"):
    """The tags of (type, start, end) in a scheme, by its definition."""
    tags, ends, starts = ["O"] * size, {(k, e) for k, _, e in entities}, {(k, s) for k, s, _ in entities}
    for kind, start, end in entities:
        for at in range(start, end):
            if scheme == "iob1":  # B only where an entity of the same type ends just before
                letter = "B" if at == start and (kind, start) in ends else "I"
            elif scheme == "ioe1":
                letter = "E" if at == end - 1 and (kind, end) in starts else "I"
            else:
                first, middle, last, single = LETTERS[scheme]
                letter = single if end - start == 1 else first if at == start else last if at == end - 1 else middle
            tags[at] = SPELT[spelling](letter, kind)
    return tags


@st.composite
def sentences(draw):
    size = draw(st.integers(1, 9))
    entities, at = [], 0
    while at < size:
        at += draw(st.integers(0, 2))
        end = min(size, at + draw(st.integers(1, 3)))
        if at < size:
            entities.append((draw(st.sampled_from(KINDS)), at, end))
        at = end
    return size, entities


PLAIN_TALK = (6, [("PER", 0, 2), ("T1", 3, 4)])  # enough of a file to tell its scheme


@QUICK
@given(st.lists(sentences(), max_size=6), st.sampled_from([*LETTERS, "iob1", "ioe1"]), st.sampled_from(list(SPELT)))
def test_entities_written_in_any_scheme_and_spelling_are_read_back(some, scheme, spelling):
    some = [PLAIN_TALK, *some]
    rows = [{"tokens": ["t"] * size, "ner_tags": written(e, size, scheme, spelling)} for size, e in some]
    read = from_rows(rows, None, "en")
    assert read.quarantined == ()
    assert [list(iob.entities(s.tags)) for s in read] == [e for _, e in some]


@pytest.mark.parametrize("scheme", ["ioe1", "ioe2"])
def test_ioe_is_iob_from_the_right(scheme):
    # Paris London (two places side by side), then George Bush
    tags = {"ioe1": ("E-LOC", "I-LOC", "O", "I-PER", "I-PER"), "ioe2": ("E-LOC", "E-LOC", "O", "I-PER", "E-PER")}
    assert iob.detect([tags[scheme]]) == scheme
    assert iob.to_iob2(tags[scheme], scheme) == ("B-LOC", "B-LOC", "O", "B-PER", "I-PER")
    assert iob.faults(("O", "I-PER", "O"), "ioe2")[0].at == 1


def read(tmp_path, text, name="eng.train", **options):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_conll(path, **options)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("Anna\tB_PER\nMeyer\tI_PER\n", ("B-PER", "I-PER")),
        ("Anna\tb-per\nMeyer\ti-per\nis\to\n", ("B-per", "I-per", "O")),
        ("Anna\tPER-B\nMeyer\tPER-I\n", ("B-PER", "I-PER")),
        ("Anna\tB\nMeyer\tI\nis\tO\n", ("B-ENT", "I-ENT", "O")),
        ("1\tAnna\tB-PER\n2\tMeyer\tI-PER\n\n1\tyes\tO\n", ("B-PER", "I-PER")),
        ("0\tAnna\tB-PER\n1\tMeyer\tI-PER\n", ("B-PER", "I-PER")),
        ("Anna\tB-PER\tNNP\t0\nMeyer\tI-PER\tNNP\t1\nis\tO\tVB\t2\n", ("B-PER", "I-PER", "O")),
        ("Anna NNP B-NP B-PER\nMeyer NNP I-NP I-PER\nis VB O O\n", ("B-PER", "I-PER", "O")),
        ("# text = Anna Meyer\n1\tAnna\tB-PER\t-\t-\n2\tMeyer\tI-PER\t-\t-\n", ("B-PER", "I-PER")),
        ("# id 12 domain=en\nAnna _ _ B-PER\nMeyer _ _ I-PER\n", ("B-PER", "I-PER")),
        ("Anna PER\nMeyer PER\nis O\n", ("B-PER", "I-PER", "O")),
        ("Anna person-other\nMeyer person-other\nis O\n", ("B-person-other", "I-person-other", "O")),
        ("# O\nis O\nAnna B-PER\n", ("O", "O", "B-PER")),  # a hash can be a word
    ],
)
def test_each_layout_gives_the_tokens_and_their_types(tmp_path, text, tags):
    first = read(tmp_path, text)[0]
    assert first.tags == tags
    assert {"Anna"} <= set(first.tokens) and "1" not in first.tokens


GOOD = "Anna\tB-PER\nis\tO\n\n"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (GOOD + "Eva\tB_PER\n", 4, "tag 'B_PER' in a file whose tags are spelt like 'B-PER'"),
        (GOOD + "Eva\tPER-B\n", 4, "tag 'PER-B' in a file whose tags are spelt like 'B-PER'"),
        (GOOD + "Eva\tb-PER\n", 4, "tag 'b-PER' in a file whose tags are spelt like 'B-PER'"),
        (GOOD + "Eva\tPER\n", 4, "tag 'PER' without B- or I- in a file whose tags are spelt like 'B-PER'"),
        ("Eva\tPER\nAda\tPER\nis\tO\nAnna\tB-PER\n", 4, "tag 'B-PER' in a file whose tags are spelt like 'PER'"),
        (
            GOOD * 3 + "Eva\tB-PER\nMay\tE-PER\n",
            11,
            "tag 'E-PER' does not fit the scheme of the file's other tags, iob2",
        ),
        (
            "A\tB-PER\nB\tE-PER\n\nC\tB-PER\nis\tO\n",
            4,
            "tag 'B-PER' does not fit the scheme of the file's other tags, iobes",
        ),
        ("is\tO\nAnna\tB-\nMeyer\tI-\n", 2, "tag 'B-' of no scheme that is known"),
        ("is\tO\nAnna\t?\n", 2, "tag '?' of no scheme that is known"),
    ],
)
def test_a_file_that_mixes_schemes_is_refused_at_the_first_line_that_does_not_fit(tmp_path, text, line, reason):
    for split in ("train", "test"):
        with pytest.raises(FormatError) as caught:
            read(tmp_path, text, split=split)
        assert caught.value.line == line and reason in str(caught.value) and "eng.train" in str(caught.value)


def test_a_slip_in_a_long_file_costs_its_sentence_and_not_the_file(tmp_path):
    data = read(tmp_path, GOOD * 200 + "Eva\tB_PER\n")
    assert len(data) == 200 and [bad.line for bad in data.quarantined] == [601]


def test_words_without_tags_are_named_so(tmp_path):
    with pytest.raises(Unlabelled, match="published without tags"):
        read(tmp_path, "Anna\nis\n\nhere\n")


def test_a_long_genuine_sentence_is_kept(tmp_path):
    assert len(read(tmp_path, "word O\n" * 1047)) == 1

"""What spares work answers as the plain rules and the tokenizer do: batches, bounds, remembered words."""

import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertTokenizerFast

from unibert_lib import corpus, tokenizer
from unibert_lib.corpus import RULES, Drop, Keep, too_few_pieces, words
from unibert_lib.corpus.bounds import Bounds
from unibert_lib.corpus.characters import ALONE, table
from unibert_lib.corpus.filters import RULES_WITHOUT_JOINERS
from unibert_lib.corpus.guards import Dropped, apply, read
from unibert_lib.corpus.wordpieces import WordIds, cuts_at_spaces, piece_ids

CODES = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
# Beyond the first two planes, what Python does not print is not counted on: it would make the test slow.


def is_kept(sign):
    return sign.isprintable() and sign != "\ufffd"


EVERY_CHARACTER = [chr(code) for code in CODES if code < 0x20000 or chr(code).isprintable()]
WORDS = [
    "one",
    "two",
    "Nile",
    "naïve",
    "ελληνικά",
    "привет",
    "می\u200cخواهم",
    "हिन्दी",
    "ภาษาไทย",
    "日本語",
    "中",
    "한국어",
]
# What the rules and the tokenizer look at, word by word and sign by sign.
HARD = [
    *WORDS,
    "[SEP]",
    "[unused1]",
    "##s",
    "x",
    "X",
    "ISBN",
    "e-ISBN",
    "0306406152",
    "7",
    "٧",
    "http://a.b",
    "www.a",
    "w.",
]
HARD += [
    "mailto:",
    "o:",
    ":/",
    "&amp;",
    "&",
    "<",
    "<br>",
    ">",
    "-->",
    "«",
    "”",
    ".",
    ",",
    "'",
    "-",
    "…",
    "。",
    "\u0301",
]
HARD += [
    "\u200b",
    "\u200d",
    "\xad",
    "\xa0",
    "\u3000",
    "\x1c",
    "\x85",
    "\n",
    "\0",
    "\ufffd",
    "\ue000",
    "\U000f0000",
    "😀",
    "𠀀",
]
HARD += ["a" * 101, "中" * 5, "Ⅻ", "ſ", "İ", " ", "  "]
text = st.one_of(
    st.text(max_size=40),
    st.lists(st.one_of(st.sampled_from(HARD), st.just(" "), st.sampled_from(WORDS)), max_size=14).map("".join),
    st.lists(st.sampled_from(HARD), max_size=8).map(" ".join),
)


@pytest.fixture(scope="module")
def trained():
    """A WordPiece of our own: a small alphabet, so that many words are unknown."""
    return tokenizer.train(["one two three Nile naïve, naïve ελληνικά привет! हिन्दी 日本語 中"] * 3, 400)


@pytest.fixture(scope="module", params=["trained", "mbert"])
def pieces(request):
    if request.param == "trained":
        return request.getfixturevalue("trained")
    return tokenizer.load(request.getfixturevalue("shared") / "data" / "mbert_vocab" / "vocab.txt")


@pytest.fixture(scope="module")
def rule_5(pieces):
    return too_few_pieces(pieces)


@pytest.fixture(scope="module")
def bounds(pieces):
    return Bounds(pieces)


@pytest.fixture(scope="module")
def remembered(pieces):
    return WordIds(pieces, known=50)  # so few that it forgets all the time


def plainly(rules, sample):
    """The rules one after another, as the paper lists them."""
    for rule in rules:
        answer = rule(sample)
        if isinstance(answer, Drop):
            return sample, answer.reason
        sample = answer.text
    return sample


@settings(deadline=None, max_examples=300)
@given(st.lists(text, max_size=6))
def test_a_batch_gets_the_answers_of_the_plain_rules(pieces, rule_5, samples):
    def count(sample):  # rule 5 by the tokenizer alone
        return Keep(sample) if len(pieces(sample, add_special_tokens=False)["input_ids"]) >= 5 else rule_5(sample)

    for rules in (RULES, RULES_WITHOUT_JOINERS):
        answers = apply((*rules, rule_5), samples)
        got = [(answer.text, answer.reason) if isinstance(answer, Dropped) else answer for answer in answers]
        assert got == [plainly((*rules, count), sample) for sample in samples]


@settings(deadline=None, max_examples=500)
@given(text)
def test_rule_5_keeps_what_the_tokenizer_gives_five_pieces(pieces, rule_5, sample):
    sample = tokenizer.sanitise(sample)
    counted = len(pieces(sample, add_special_tokens=False)["input_ids"])
    assert isinstance(rule_5(sample), Keep) == (counted >= 5)


@settings(deadline=None, max_examples=500)
@given(st.lists(text, min_size=1, max_size=5))
def test_the_bounds_hold_the_number_of_pieces_between_them(pieces, bounds, samples):
    samples = [sample for sample, untouched in zip(samples, read(samples)[0], strict=True) if untouched]
    if samples:
        counts = [len(ids) for ids in piece_ids(pieces, samples)]
        for enough in (0, 2, 5):
            least, most = bounds(samples, enough)
            assert all(low <= count <= high for low, count, high in zip(least, counts, most, strict=True))


@settings(deadline=None, max_examples=300)
@given(text)
def test_a_batch_never_counts_more_pieces_than_there_are(pieces, sample):
    [untouched], [least] = read([sample])
    if untouched:
        assert [rule(sample) for rule in RULES] == [Keep(sample)] * 4
        assert least <= len(piece_ids(pieces, [sample])[0])


def test_every_character_that_the_bounds_count_on_is_a_piece(pieces):
    chunks = [EVERY_CHARACTER[at : at + 1_000] for at in range(0, len(EVERY_CHARACTER), 1_000)]
    counts = [len(ids) for chunk in chunks for ids in piece_ids(pieces, chunk)]
    assert set(counts) == {0, 1}
    kept = [sign for sign in EVERY_CHARACTER if sign != " " and is_kept(sign)]
    assert all(counts[place] for place, sign in enumerate(EVERY_CHARACTER) if sign != " " and is_kept(sign))
    assert all(counts[place] for place, sign in enumerate(EVERY_CHARACTER) if sign.isalnum())
    assert len(kept) > 140_000
    lost = {sign for place, sign in enumerate(EVERY_CHARACTER) if not counts[place]}
    assert {"\ufffd", "\ue000", "\u200b", "\u200d", "\0", " ", "\xa0"} <= lost
    assert {unicodedata.category(sign) for sign in lost} == {"Cc", "Cf", "Co", "So", "Zs", "Zl", "Zp"}


def test_the_characters_that_count_as_words_are_cut_off_by_the_tokenizer(pieces):
    backend = pieces.backend_tokenizer
    cut = words.kinds(backend) == words.ALONE
    cut[ord("[")] = True  # strange there, since a special token may begin with it
    counted = (table() & ALONE).astype(bool)
    assert not (counted & ~cut).any() and counted.sum() > 27_000
    # Sharada's sandhi mark is no punctuation any more, but was when the tokenizer's table was made.
    for sign in "[]”…、।\U000111c9":
        assert cut[ord(sign)] and not counted[ord(sign)]
        text = backend.normalizer.normalize_str(f"a{sign}b")
        assert len(backend.pre_tokenizer.pre_tokenize_str(text)) == 3
    assert not cut[[ord(sign) for sign in "a7é\u0301\u200c٣ก"]].any()


@pytest.mark.parametrize(
    ("sample", "least", "most"),
    [
        ("one two, three", 4, 4),  # whole words of the vocabulary, and a comma
        ("threeone", 2, 8),  # known letters, an unknown word
        ("Oui, oui", 3, 5),  # no piece has an "O": [UNK]; "u" stands in [unused1] alone: up to three
        ("中中中", 3, 3),
        ("\u0e01\u0e02\u0e03 one", 2, 2),  # no Thai: [UNK]
        ("\u0e01…\u0e03 one", 4, 4),  # a mark between two [UNK]
        ("a" * 101, 1, 1),  # too long a word: [UNK]
        ("[SEP] one", 0, 1 << 40),  # a special token, or three words?
    ],
)
def test_bounds_by_hand(trained, sample, least, most):
    low, high = Bounds(trained)([sample, "one"])
    assert (low.tolist(), high.tolist()) == ([least, 1], [most, 1])


def test_long_words_of_known_characters_are_many_pieces(trained):
    letters = max(len(piece.removeprefix("##")) for piece in trained.get_vocab() if set(piece) & set("threone"))
    [least], _ = Bounds(trained)(["threeone" * 10])
    assert 2 < -(-80 // letters) <= least <= len(piece_ids(trained, ["threeone" * 10])[0])


def test_a_word_is_split_where_that_settles_it(trained):
    samples = ["onetwo one", "onetwo, one", "threeonetwothree", "threeone " * 5]
    counts = [len(ids) for ids in piece_ids(trained, samples)]
    assert counts[0] < 5 <= min(counts[1:])
    least, most = (found.tolist() for found in Bounds(trained)(samples, 5))
    assert least[:3] == counts[:3] == most[:3]
    assert least[3] == 10 < counts[3], "settled already"


def test_the_tokenizer_is_asked_only_in_doubt(trained, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "unibert_lib.corpus.guards.piece_ids", lambda _, texts: asked.extend(texts) or [[]] * len(texts)
    )
    samples = [
        "one two three four five",
        "(one), two",
        "one two",
        "threeone twothree",
        "Oui, oui",
        "日本",
        "threeone, twothree one",
        "[SEP] one",
    ]
    answers = apply((*RULES, too_few_pieces(trained)), samples)
    assert asked == ["[SEP] one"]
    assert [isinstance(answer, str) for answer in answers] == [True, True, False, True, False, False, True, False]


def test_a_tokenizer_of_another_kind_is_asked_each_time(trained):
    lowering = BertTokenizerFast(vocab=trained.get_vocab(), do_lower_case=True)
    assert cuts_at_spaces(trained) and not cuts_at_spaces(lowering)
    assert not too_few_pieces(lowering).by_word
    samples = ["one\u0301 two", "\u0301 \u0301 \u0301 \u0301 \u0301"]  # accents alone: a lowering tokenizer drops them
    ids, lengths = WordIds(lowering)(samples)
    expected = [lowering(sample, add_special_tokens=False)["input_ids"] for sample in samples]
    assert (ids.tolist(), lengths.tolist()) == ([i for row in expected for i in row], list(map(len, expected)))
    spaced = BertTokenizerFast(vocab=trained.get_vocab(), do_lower_case=False)
    spaced.add_tokens(["one two"])
    assert not cuts_at_spaces(spaced)


@settings(deadline=None, max_examples=300)
@given(st.lists(text, max_size=6))
def test_remembered_words_give_the_tokenizers_ids(pieces, remembered, samples):
    samples = [tokenizer.sanitise(sample) for sample in samples]
    expected = [pieces(sample, add_special_tokens=False)["input_ids"] for sample in samples]
    for _ in range(2):
        ids, lengths = remembered(samples)
        assert (ids.tolist(), lengths.tolist()) == ([i for row in expected for i in row], list(map(len, expected)))
        assert (ids.dtype, lengths.dtype) == (np.uint32, np.int64)


@settings(deadline=None, max_examples=500)
@given(st.lists(text, max_size=6))
def test_texts_are_cut_and_split_as_by_the_tokenizer(pieces, samples):
    how = words.Words.of(pieces)
    samples = [sample for sample, strange in zip(samples, how.cut(samples).strange, strict=True) if not strange]
    cut = how.cut(samples)
    ids, lengths = how.split(cut.words)
    expected = [pieces(sample, add_special_tokens=False)["input_ids"] for sample in samples]
    assert ids.tolist() == [i for row in expected for i in row]
    starts, ends = np.cumsum([0, *lengths]), np.cumsum([0, *cut.counts])
    assert np.diff(starts[ends]).tolist() == list(map(len, expected))


def test_hardly_any_genuine_text_is_strange(shared):
    how = words.Words.of(tokenizer.load(shared / "data" / "mbert_vocab" / "vocab.txt"))
    folder = corpus.open_folder(shared / "data" / "sentences" / "tatoeba_v1")
    samples = [record.text for code in ("deu", "jpn", "ara", "hin", "rus") for record in folder[code]]
    assert len(samples) >= 5_000
    assert how.cut(samples).strange.mean() < 0.01


def test_a_word_too_long_is_capped_and_not_cut(trained, monkeypatch):
    seen = []
    cut = words.Words.cut
    monkeypatch.setattr(words.Words, "cut", lambda self, texts: seen.extend(texts) or cut(self, texts))
    sample = "one " + "a" * 3_000_000 + " two"
    ids, lengths = WordIds(trained)([sample])
    assert ids.tolist() == piece_ids(trained, [sample])[0] and lengths.tolist() == [3]
    assert max(map(len, seen)) == 3


def test_truncation_left_on_by_another_call_does_not_cut_the_ids(trained):
    trained("one two three", truncation=True, max_length=3, padding="max_length")
    assert piece_ids(trained, ["one two three"])[0] == trained("one two three", add_special_tokens=False)["input_ids"]


def test_the_genuine_texts_keep_the_same_set(shared):
    pieces = tokenizer.load(shared / "data" / "mbert_vocab" / "vocab.txt")
    rules = (*RULES, too_few_pieces(pieces))
    folder = corpus.open_folder(shared / "data" / "sentences" / "tatoeba_v1")
    for language in ("ara", "deu", "heb", "jpn", "khm", "tha", "pes", "hin"):
        samples = [record.text for record in folder[language]] if language in folder else []
        answers = apply(rules, samples)
        counts = pieces(samples, add_special_tokens=False)["input_ids"] if samples else []
        kept = [isinstance(plainly(RULES, s), str) and len(c) >= 5 for s, c in zip(samples, counts, strict=True)]
        assert [isinstance(answer, str) for answer in answers] == kept

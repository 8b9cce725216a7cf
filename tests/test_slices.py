"""Long texts in slices: the same word pieces, and no more work than the text is long."""

import pytest

from unibert_lib import corpus, tokenizer, tokens
from unibert_lib.corpus.wordpieces import piece_ids
from unibert_lib.slices import LONGEST, slices

TEXTS = ["the cat sat on the mat, and the dog ran", "中文的文章没有空格", "one\ttwo\u00a0three\u3000four\n(five)-[six]"]


@pytest.fixture(scope="module")
def pieces():
    return tokenizer.train(TEXTS, 400)


def test_a_short_text_is_one_slice():
    assert slices("") == [""]
    assert slices("a" * LONGEST) == ["a" * LONGEST]


@pytest.mark.parametrize("text", TEXTS)
def test_slices_are_the_text_and_give_its_pieces(pieces, text):
    text = (text + " [MASK] ") * 3
    whole = pieces(text, add_special_tokens=False)["input_ids"]
    for longest in range(9, len(text)):
        parts = slices(text, longest)
        assert "".join(parts) == text and max(map(len, parts)) <= longest
        assert [i for part in parts for i in pieces(part, add_special_tokens=False)["input_ids"]] == whole, longest


def test_a_word_without_end_is_capped_and_what_follows_is_read(pieces):
    word = "a" * 10_000_000
    assert list(map(len, slices(f"{word} the cat"))) == [LONGEST, len(" the cat")]
    known = pieces.convert_tokens_to_ids(["[UNK]", "the", "cat"])
    assert piece_ids(pieces, [f"{word} the cat", "the cat"]) == [known, known[1:]]
    assert corpus.too_few_pieces(pieces, 3)(word) == corpus.Drop("fewer than 3 word pieces")


def test_the_tokenizer_is_trained_and_tokens_are_written_with_such_a_word_in_the_corpus(tmp_path, pieces):
    word = "b" * 10_000_000
    trained = tokenizer.train([f"the cat {word} sat"], 300)
    assert max(map(len, trained.get_vocab())) <= LONGEST + len("##")
    documents = {"en": [corpus.Document(f"{word} the cat sat on the mat", "en", "1", "", 0)]}
    corpus.build(documents, tmp_path / "four", progress=False)
    report = corpus.finish(tmp_path / "four", tmp_path / "five", pieces, progress=False)
    assert report.languages["en"].pieces_unknown == 1
    store = tokens.write(tmp_path / "five", pieces, tmp_path / "tokens", heldout_share=0)
    assert store.ids(0, 0).tolist() == piece_ids(pieces, [f"{word} the cat sat on the mat"])[0]

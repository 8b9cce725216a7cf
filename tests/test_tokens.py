"""Tokenizers from each source, their errors, and the token store."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import LINES, make_corpus, make_store

from unibert_lib import runs, teacher, tokenizer, tokens
from unibert_lib.split import PageSplit, number, of_corpus
from unibert_lib.tokenizer import SPECIAL_IDS, TokenizerError

SPECIALS = ["[PAD]", *(f"[unused{i}]" for i in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def _vocabulary(path: Path, words: list[str]) -> Path:
    path.write_text("\n".join(words) + "\n", encoding="utf-8")
    return path


def test_a_trained_tokenizer_has_mberts_special_ids_and_is_cased() -> None:
    made = tokenizer.train((line for texts in LINES.values() for line in texts), 300)
    assert {name: made.convert_tokens_to_ids(name) for name in SPECIAL_IDS} == SPECIAL_IDS
    assert made("the cat")["input_ids"][0] == 101 and len(made) <= 300
    upper = tokenizer.train(["Paris PARIS paris élan"], 300)
    assert upper.tokenize("Paris") != upper.tokenize("paris") and "é" in "".join(upper.get_vocab())


def test_training_twice_gives_the_same_tokenizer() -> None:
    texts = [line for texts in LINES.values() for line in texts]
    assert len({tokenizer.fingerprint(tokenizer.train(texts, 300)) for _ in range(3)}) == 1


def test_every_character_of_the_texts_is_a_piece_and_continues_a_word_only_where_it_can(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """300 Chinese characters, each seen once among many Latin letters: none is [UNK], none has a ## form."""
    chinese = "".join(chr(0x4E00 + i) for i in range(300))
    made = tokenizer.train([chinese, *["the cat sat on the mat, again"] * 200], 600)
    assert made.tokenize(chinese) == list(chinese)
    pieces = made.get_vocab()
    assert not any(f"##{c}" in pieces for c in chinese + ",") and {"##t", "##c", "a"} <= set(pieces)
    assert "[UNK]" not in made.tokenize("mattac hect")
    assert capsys.readouterr().out == ""


def test_an_alphabet_too_large_keeps_the_most_frequent_and_says_what_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """(304 - 104) * 0.75 = 150 characters have room; the 50 that occur once are 50 of 150 * 3 + 50 in the text."""
    often, seldom = ("".join(chr(start + i) for i in range(n)) for start, n in ((0x4E00, 150), (0x6000, 50)))
    made = tokenizer.train([often * 3, seldom], 304)
    assert made.tokenize(often) == list(often) and set(made.tokenize(seldom)) == {"[UNK]"}
    assert "50 of 200 different characters, 10.00% of the text, find no room" in capsys.readouterr().out


def test_folder_and_bare_vocabulary_give_the_same_tokenizer(tmp_path: Path) -> None:
    made = tokenizer.train(["one two three two three three"], 300)
    made.save_pretrained(tmp_path / "saved")
    words = [word for word, _ in sorted(made.get_vocab().items(), key=lambda item: item[1])]
    bare = _vocabulary(tmp_path / "vocab.txt", words)
    loaded = [tokenizer.load(tmp_path / "saved"), tokenizer.load(bare)]
    (tmp_path / "folder").mkdir()
    loaded.append(tokenizer.load(_vocabulary(tmp_path / "folder" / "vocab.txt", words).parent))
    assert [t("two threes")["input_ids"] for t in loaded] == [made("two threes")["input_ids"]] * 3


def test_a_vocabulary_file_is_read_whole_and_not_as_five_tokens(tmp_path: Path) -> None:
    """transformers 5 ignores BertTokenizer(vocab_file=...) and returns a tokenizer of five tokens."""
    assert len(tokenizer.load(_vocabulary(tmp_path / "vocab.txt", [*SPECIALS, "a", "b"]))) == 106


def test_a_doubled_word_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = _vocabulary(tmp_path / "vocab.txt", [*SPECIALS, "a", "b", "a"])
    with pytest.raises(TokenizerError, match=r"vocab.txt, line 107: 'a' occurs twice"):
        tokenizer.load(path)


def test_a_missing_special_token_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"\[MASK\] missing"):
        tokenizer.load(_vocabulary(tmp_path / "vocab.txt", [*SPECIALS[:-1], "a"]))


@pytest.mark.parametrize("source", ["nowhere/vocab.txt", "./nowhere", "a/b/c"])
def test_a_missing_path_is_not_mistaken_for_a_hub_id(source: str) -> None:
    with pytest.raises(TokenizerError, match="no such file or folder"):
        tokenizer.load(source)


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"neither tokenizer.json nor vocab.txt"):
        tokenizer.load(tmp_path)


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "3f076fd", "3F" * 20])
def test_a_hub_id_needs_a_pinned_commit(revision: str | None) -> None:
    with pytest.raises(TokenizerError, match=f"revision={revision!r} is none; pass its 40 hex digits"):
        tokenizer.load("someone/some-bert", revision)


def test_an_unreachable_hub_is_an_error_that_names_the_remedy() -> None:
    with pytest.raises(TokenizerError, match=r"local folder or a vocab.txt"):
        tokenizer.load("bert-base-multilingual-cased")


def test_no_room_or_no_text_is_an_error() -> None:
    with pytest.raises(TokenizerError, match="vocab_size=150"):
        tokenizer.train(["text"], 150)
    with pytest.raises(TokenizerError, match="no text"):
        tokenizer.train([], 300)


def test_lone_surrogates_are_replaced_and_other_text_is_left_alone() -> None:
    assert tokenizer.sanitise("a\ud800b") == "a\ufffdb"
    assert tokenizer.sanitise("naïve 😀 中") == "naïve 😀 中"


def test_mberts_genuine_vocabulary(shared: Path) -> None:
    mbert = tokenizer.load(shared / "data" / "mbert_vocab" / "vocab.txt")
    assert len(mbert) == 119_547
    assert {name: mbert.convert_tokens_to_ids(name) for name in SPECIAL_IDS} == SPECIAL_IDS
    assert mbert.tokenize("Das Haus") == ["Das", "Haus"] and mbert.tokenize("መኪና") == ["[UNK]"]


def test_vocabularies_that_part_are_refused_with_the_first_id() -> None:
    one, two = tokenizer.train(["alpha beta"], 300), tokenizer.train(["gamma delta"], 300)
    with pytest.raises(teacher.TeacherError, match=r"pieces|id \d+ is"):
        teacher.check_vocabulary(one, two, "t")
    teacher.check_vocabulary(one, one, "t")


def test_the_store_gives_back_what_the_tokenizer_made(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    made = tokenizer.load(tmp_path / "tokenizer")
    stored = {
        tuple(store.ids(1, i, split).tolist())  # type: ignore[arg-type]
        for split in ("train", "heldout")
        for i in range(len(store.rows(1, split)))  # type: ignore[arg-type]
    }
    texts = [f"{text} {i}" for i in range(12) for text in LINES["es"]]
    assert stored == {tuple(made(text, add_special_tokens=False)["input_ids"]) for text in texts}
    assert store.languages == ["en", "es", "nl"] and store.sizes().sum() + store.sizes("heldout").sum() == 12 * 13


def test_counts_are_those_of_the_training_split(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    ids = np.concatenate([store.ids(a, i) for a in range(3) for i in range(len(store.rows(a)))])
    assert np.array_equal(store.counts, np.bincount(ids, minlength=store.vocab_size))
    own = np.concatenate([store.ids(0, i) for i in range(len(store.rows(0)))])
    assert store.meta["statistics"]["en"]["most_frequent"] == np.bincount(own).argmax()


def test_the_split_goes_by_page_and_is_the_same_in_every_language(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    by_hash = PageSplit(0.2)
    pages = sum(by_hash.holds_out(str(i)) for i in range(12))
    assert 0 < pages < 12 and store.sizes("heldout").tolist() == [5 * pages, 4 * pages, 4 * pages]
    share = np.mean([PageSplit(0.05).holds_out(str(i)) for i in range(20_000)])
    assert share == pytest.approx(0.05, abs=0.006)


def _split(folder: Path, pages: dict[str, list[str]], share: float) -> dict[str, tuple[set[str], set[str]]]:
    """(training pages, held-out pages) of each language."""
    for code, ids in pages.items():
        (folder / code).mkdir(parents=True)
        pq.write_table(pa.table({"page": pa.array(ids, pa.string())}), folder / code / "part-00000.parquet")
    split = of_corpus(folder, list(pages), share)
    out = {code: {page for page in ids if split.holds_out(page, code)} for code, ids in pages.items()}
    return {code: (set(ids) - out[code], out[code]) for code, ids in pages.items()}


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5, 0.999])
@pytest.mark.parametrize("first", range(6))
def test_two_pages_are_enough_for_training_and_held_out_and_translations_stay_together(
    tmp_path: Path, share: float, first: int
) -> None:
    pages = [str(i) for i in range(first, first + 4)]
    sides = _split(tmp_path, {"en": pages, "sw": pages, "zh": pages[:2], "nl": pages[1:3]}, share)
    assert all(training and heldout for training, heldout in sides.values())
    assert sides["en"] == sides["sw"]


def test_a_page_held_out_for_one_language_is_held_out_in_all(tmp_path: Path) -> None:
    many = [str(i) for i in range(400)]
    above = sorted((p for p in many if not PageSplit(0.1).holds_out(p)), key=number)
    assert any(PageSplit(0.1).holds_out(page) for page in many)
    sides = _split(tmp_path, {"en": many, "sw": above[5:8]}, 0.1)
    assert sides["sw"] == ({above[6], above[7]}, {above[5]}) and above[5] in sides["en"][1]


def test_a_single_page_is_trained_on_and_an_empty_language_or_no_share_holds_nothing_out(tmp_path: Path) -> None:
    held_out = next(str(i) for i in range(100) if PageSplit(0.2).holds_out(str(i)))
    sides = _split(tmp_path / "a", {"en": [held_out], "sw": ["x" + held_out], "zh": []}, 0.2)
    assert sides == {"en": ({held_out}, set()), "sw": ({"x" + held_out}, set()), "zh": (set(), set())}
    assert _split(tmp_path / "b", {"en": ["1", "2"]}, 0.0) == {"en": ({"1", "2"}, set())}


def test_a_store_split_without_exceptions_keeps_the_fingerprint_it_had(tmp_path: Path) -> None:
    meta = make_store(tmp_path).meta
    names = ("languages", "corpus", "tokenizer", "heldout_share", "max_length")
    assert meta["fingerprint"] == runs.fingerprint({name: meta[name] for name in names})


def test_long_samples_are_cut_and_counted(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", {"en": ["cat " * 700, "cat"]}, copies=1)
    store = tokens.write(corpus, tokenizer.train(["cat cat"], 300), tmp_path / "tokens", heldout_share=0)
    assert store.meta["statistics"]["en"]["truncated"] == 1
    assert max(len(store.ids(0, i)) for i in range(2)) == 510


def test_a_finished_store_is_reopened_and_another_corpus_refused(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    made = tokenizer.load(tmp_path / "tokenizer")
    again = tokens.write(tmp_path / "corpus", made, tmp_path / "tokens", heldout_share=0.2)
    assert again.fingerprint == store.fingerprint
    with pytest.raises(ValueError, match="another corpus, tokenizer or split"):
        tokens.write(tmp_path / "corpus", made, tmp_path / "tokens", heldout_share=0.1)


def test_a_full_disk_leaves_no_half_store_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tokens.np, "save", full)
    with pytest.raises(runs.NotWritten, match=r"tokens: not written .*No space left.*Free some disk space"):
        make_store(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tokens.lock", "corpus", "tokenizer"]


def test_a_missing_language_and_a_missing_store_are_errors(tmp_path: Path) -> None:
    make_store(tmp_path)
    with pytest.raises(ValueError, match=r"no text in xx; it holds en, es, nl"):
        made = tokenizer.load(tmp_path / "tokenizer")
        tokens.write(tmp_path / "corpus", made, tmp_path / "other", languages=["en", "xx"])
    with pytest.raises(ValueError, match="no token store here"):
        tokens.TokenStore.open(tmp_path / "nowhere")


def test_the_meta_data_is_plain_json(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    assert json.loads((store.path / "meta.json").read_text())["fingerprint"] == store.fingerprint
    assert runs.fingerprint(store.path) == runs.fingerprint(store.path)

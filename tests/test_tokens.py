"""Tokenizers from each source, their errors, and the token store."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import LINES, make_corpus, make_store

from unibert_lib import runs, teacher, tokenizer, tokens
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
    pages = sum(tokens.heldout(str(i), 0.2) for i in range(12))
    assert 0 < pages < 12 and store.sizes("heldout").tolist() == [5 * pages, 4 * pages, 4 * pages]
    share = np.mean([tokens.heldout(str(i), 0.05) for i in range(20_000)])
    assert share == pytest.approx(0.05, abs=0.006)


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
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "tokenizer"]


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

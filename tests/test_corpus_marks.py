"""A source is what its publisher put up, and a resumed corpus is of the same source."""

import hashlib
import json
import os

import pytest

from unibert_lib import corpus, tokenizer

LINES = ["the cat sat on the mat in the sun", "a dog ran to the old house by the river"]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "in"
    path.mkdir()
    for code in ("en", "nl"):
        (path / f"{code}.txt").write_text("\n".join(LINES), encoding="utf-8")
    return path


def build(folder, out):
    return corpus.build(corpus.open_folder(folder), out, progress=False)


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_a_published_checksum_is_compared(folder, tmp_path, name):
    path = folder / "en.txt"
    digest = hashlib.new(name, path.read_bytes()).hexdigest()
    table = folder / f"enwiki-20240101-{name}sums.txt"
    table.write_text(f"{'0' * len(digest)}  other.txt\n{digest.upper()}  en.txt\n", encoding="utf-8")
    assert build(folder, tmp_path / "good").languages["en"].paragraphs_in == 2
    table.write_text(f"{'0' * len(digest)}  en.txt\n", encoding="utf-8")
    with pytest.raises(corpus.FormatError, match=rf"en\.txt.*its {name} is {digest}.*sums\.txt says 0+\. Download"):
        build(folder, tmp_path / "bad")


def test_a_dump_that_changed_under_a_resume_is_refused(folder, tmp_path):
    build(folder, tmp_path / "out")
    build(folder, tmp_path / "out")
    assert set(json.loads((tmp_path / "out" / "sources.json").read_text())) == {"en", "nl"}
    (folder / "nl.txt").write_text(LINES[0], encoding="utf-8")
    with pytest.raises(ValueError, match=r"'nl' was built from other contents of .*nl\.txt: choose another folder"):
        build(folder, tmp_path / "out")


def test_a_language_that_was_not_finished_may_be_downloaded_again(folder, tmp_path):
    text = (folder / "nl.txt").read_bytes()
    (folder / "nl.txt").unlink()
    (folder / "nl.txt.gz").write_bytes(b"\x1f\x8b and no more")
    with pytest.raises(corpus.FormatError):
        build(folder, tmp_path / "out")
    (folder / "nl.txt.gz").write_bytes(text)  # told apart by content
    assert build(folder, tmp_path / "out").languages["nl"].paragraphs_in == 2


def test_a_file_that_changes_while_it_is_read_is_refused(folder):
    source = corpus.open_folder(folder)["en"]
    with pytest.raises(corpus.FormatError, match="changed while it was read"):
        for _ in source:
            os.utime(folder / "en.txt", ns=(1, 1))


def test_rule_5_is_resumed_on_the_same_corpus_alone(folder, tmp_path):
    build(folder, tmp_path / "four")
    pieces = tokenizer.train(LINES, 300)
    corpus.finish(tmp_path / "four", tmp_path / "five", pieces, progress=False)
    (folder / "en.txt").write_text(LINES[0], encoding="utf-8")
    build(folder, tmp_path / "other")
    with pytest.raises(ValueError, match="'en' was built from other contents"):
        corpus.finish(tmp_path / "other", tmp_path / "five", pieces, progress=False)


def test_what_a_kill_between_the_last_move_and_the_tidying_leaves_is_removed(folder, tmp_path):
    build(folder, tmp_path / "out")
    (tmp_path / "out" / ".staging" / "nl").mkdir(parents=True)
    build(folder, tmp_path / "out")
    assert not (tmp_path / "out" / ".staging").exists()

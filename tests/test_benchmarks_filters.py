"""The filters' benchmark compares before it times, and reports every arm."""

import pytest

from benchmarks import filters
from unibert_lib import tokenizer
from unibert_lib.corpus import Document

TEXTS = [
    "one two three four five",
    "one",
    "<b>one</b> two, three four five",
    "https://a.org",
    "Nile. Nile. Nile. Nile.",
]


@pytest.fixture
def documents():
    return {code: [Document(text, code, str(i), "", 0) for i, text in enumerate(TEXTS)] for code in ("en", "nl")}


@pytest.fixture(scope="module")
def pieces():
    return tokenizer.train(["one two three four five Nile."] * 3, 300)


def test_both_ways_keep_the_same_and_are_timed(documents, pieces):
    figures = filters.compare(documents, pieces, 1)
    assert (figures["samples"], figures["kept"]) == (10, 6)
    assert {"naive_MB_per_s", "ours_MB_per_s", "ours_ratio"} == set(figures["filter"])
    assert all(row["least"] <= row["median"] <= row["most"] for row in figures["filter"].values())


def test_all_ways_to_shards_write_the_same_ids(documents, pieces, tmp_path):
    figures = filters.compare_shards(documents, pieces, 1, tmp_path)
    assert {"one_step_ratio", "two_steps_ratio"} <= set(figures)
    (tmp_path / "naive" / "nl.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"nl.bin: other ids"):
        filters.check_ids(documents, tmp_path / "naive", tmp_path / "one_step" / "tokens")


def test_different_kept_sets_are_no_result(documents, pieces, monkeypatch):
    monkeypatch.setattr(filters, "our_filter", lambda texts, rules: [None] * len(texts))
    with pytest.raises(ValueError, match="kept sets differ"):
        filters.compare(documents, pieces, 1)


def test_the_whole_of_it_on_every_other_sample(documents, pieces, monkeypatch):
    monkeypatch.setattr(filters, "sources", lambda folder: ({"made": documents}, pieces))
    figures = filters.filters(1, cold=False, every=2)
    assert figures["made"]["samples"] == figures["all"]["samples"] == 6
    assert {"filter", "shards"} <= set(figures["all"]) and "rules_1_to_5" in figures["made"]["stages_MB_per_s"]

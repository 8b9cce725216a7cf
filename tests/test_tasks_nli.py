"""What a hypothesis gives away, and data sets with every pair changed."""

from dataclasses import replace

import pytest

from unibert_lib import tokenizer
from unibert_lib.tasks import nli
from unibert_lib.tasks.dataset import TaskSet
from unibert_lib.tasks.records import SentencePair, TaskData

LABELS = ("entailment", "neutral", "contradiction")


def pair(hypothesis, label, item="1"):
    return SentencePair("it rains", hypothesis, label, "en", item)


@pytest.fixture(scope="module")
def pieces():
    return tokenizer.train(["it rains", "it never rains", "the sun shines"] * 30, 300)


def test_lean_is_the_distance_from_the_usual_share_in_standard_errors():
    # (1 - 1/3) / sqrt((2/9) / 2) = (2/3) / (1/3); and 6 of 18 is the usual third.
    assert nli.lean(2, 2, 1 / 3) == pytest.approx(2)
    assert nli.lean(6, 18, 1 / 3) == 0
    # All of 8 against a half: (1/2) / sqrt((1/4) / 8) = sqrt(8); none of 8 the same on the other side.
    assert nli.lean(8, 8, 0.5) == pytest.approx(8**0.5) == -nli.lean(0, 8, 0.5)


@pytest.mark.parametrize(("seen", "usual"), [(0, 0.5), (3, 0.0), (3, 1.0)])
def test_lean_refuses_what_has_no_error_to_measure_by(seen, usual):
    with pytest.raises(ValueError, match="seen="):
        nli.lean(0, seen, usual)


def test_a_word_that_stands_with_one_label_alone_leads_the_giveaways(pieces):
    assert pieces.tokenize("never") == ["never"]
    records = [pair("it rains", label) for label in LABELS for _ in range(2)]
    records[-2:] = [pair("it never never rains", "contradiction")] * 2
    table = nli.giveaways(records, pieces, minimum=2)
    first = table.iloc[0]
    # Twice in a hypothesis is one hypothesis: 2 of 2, against 2 of 6.
    assert (first["piece"], first["label"], first["hypotheses"], first["share"]) == ("never", "contradiction", 2, 1)
    assert first["z"] == pytest.approx(2)
    usual = table[table["piece"] == "rains"]
    assert usual["z"].tolist() == [0, 0, 0] and set(usual["hypotheses"]) == {6}


def test_rare_pieces_and_lone_labels_give_nothing_away(pieces):
    assert nli.giveaways([pair("it rains", label) for label in LABELS], pieces, minimum=4).empty
    assert nli.giveaways([pair("it rains", "neutral")] * 12, pieces).empty
    assert nli.giveaways([], pieces).empty


def test_an_edited_set_changes_every_pair_of_every_split_and_nothing_else():
    one, other = pair("it pours", "neutral"), pair("it snows", "entailment", "2")
    whole = TaskSet(
        "toy", {"en": TaskData((one,), counts={"rows": 1})}, {"en": TaskData((other,))}, {"en": TaskData((other,))}
    )
    blind = nli.edited(whole, "toy-hypotheses", lambda record: replace(record, premise=""))
    assert blind.name == "toy-hypotheses" and whole.train["en"][0].premise == "it rains"
    assert list(blind.train["en"]) == [SentencePair("", "it pours", "neutral", "en", "1")]
    assert [blind.split(split)["en"][0].premise for split in ("dev", "test")] == ["", ""]
    assert blind.train["en"].counts == {"rows": 1} and blind.marks != whole.marks


def test_in_genuine_english_hypotheses_no_gives_contradictions_away(shared):
    data = nli.read_xnli(shared / "data" / "nli" / "xnli_xtreme" / "dev-en.tsv")
    mbert = tokenizer.load(shared / "data" / "mbert_vocab" / "vocab.txt")
    first = nli.giveaways(data.records, mbert).iloc[0]
    # 77 lines hold the word, 64 of them contradictions: counted apart, with awk. Each label has a third of the file.
    assert (first["piece"], first["label"], first["hypotheses"]) == ("no", "contradiction", 77)
    assert first["share"] == pytest.approx(64 / 77) and first["z"] == pytest.approx(9.27, abs=0.005)

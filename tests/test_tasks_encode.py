"""Encoding and decoding: nothing is lost between a record, its pieces, and the prediction read back."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from unibert_lib import tokenizer
from unibert_lib.batches import IGNORE_INDEX
from unibert_lib.tasks import heads, ner, nli, qa, sts
from unibert_lib.tasks.records import Answer, Question, ScoredPair, SentencePair, TaggedSentence

TEXTS = [
    "Anna lives in Paris near the old harbour of the city",
    "القاهرة هي عاصمة مصر وأكبر مدنها",
    "भारत की राजधानी नई दिल्ली है",
    "北京是中国的首都也是第二大城市",
    "Zoé a vu l'été à Besançon, déjà",
    "In welcher Stadt liegt der Hafen?",
]


@pytest.fixture(scope="module")
def pieces():
    return tokenizer.train(TEXTS * 4, 300)


def tagged(tokens, tags):
    return TaggedSentence(tuple(tokens.split()), tuple(tags.split()), "en", "s:1")


ANNA = tagged("Annalives lives in Harbour", "B-PER O O B-LOC")  # two of them are cut into pieces


def perfect(features, records, labels):
    """Logits that say the truth at every first piece and noise elsewhere."""
    outputs = []
    for feature in features:
        logits = np.random.default_rng(0).normal(size=(len(feature.places), len(labels)))
        for place, word in enumerate(feature.places):
            if word is not None:
                logits[place, labels.index(records[feature.record].tags[word])] = 9
        outputs.append(logits)
    return outputs


def test_only_the_first_piece_of_each_word_carries_its_tag(pieces):
    task = ner.Ner()
    labels = task.labels([ANNA])
    [feature] = task.encode([ANNA], pieces, labels)
    shown = ner.alignment(ANNA, pieces)
    assert [(word, tag) for _, word, tag in shown if tag] == list(zip(ANNA.tokens, ANNA.tags, strict=True))
    wanted = [labels.index(tag) if tag else IGNORE_INDEX for _, _, tag in shown]
    assert feature.inputs["labels"] == wanted
    assert len(shown) > len(ANNA.tokens) + 2, "a word must be cut into pieces, or this test shows nothing"


def test_a_sentence_longer_than_the_window_is_scored_to_its_last_word(pieces):
    long = TaggedSentence(ANNA.tokens * 20, ANNA.tags * 20, "en", "s:2")
    task = ner.Ner(max_length=16)
    records, labels = [ANNA, long, ANNA], ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    features = task.encode(records, pieces, labels)
    assert len(features) > 5
    assert all(len(feature.inputs["input_ids"]) <= 16 for feature in features)
    said = [word for f in features if f.record == 1 for word in f.places if word is not None]
    assert said == list(range(80)), "each word is answered once, also those cut at a window's end"
    assert task.decode(records, features, perfect(features, records, labels), labels) == [list(r.tags) for r in records]


def test_a_word_without_pieces_keeps_its_place_and_reads_as_o(pieces):
    odd = TaggedSentence(("Anna", "\u200b", "Paris"), ("B-PER", "O", "B-LOC"), "en", "s:3")
    task, labels = ner.Ner(), ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    features = task.encode([odd], pieces, labels)
    assert task.decode([odd], features, perfect(features, [odd], labels), labels) == [["B-PER", "O", "B-LOC"]]


def test_a_type_unseen_in_training_is_not_trained_on_and_counts_as_missed(pieces):
    task = ner.Ner()
    labels = task.labels([tagged("Anna", "B-PER")])
    [feature] = task.encode([ANNA], pieces, labels)
    assert sum(label != IGNORE_INDEX for label in feature.inputs["labels"]) == 3, "Harbour has no class"
    assert task.score([ANNA], [["B-PER", "O", "O", "O"]])["f1"] == pytest.approx(2 / 3)


QUESTIONS = [
    ("en", TEXTS[0], "Paris"),
    ("ar", TEXTS[1], "القاهرة"),
    ("hi", TEXTS[2], "नई दिल्ली"),
    ("zh", TEXTS[3], "中国"),
    ("fr", TEXTS[4], "Besançon"),
    ("fr", "Zoe\u0301 a vu l'e\u0301te\u0301 a\u0300 Besanc\u0327on", "Besanc\u0327on"),  # combining marks
]


def question(language, context, answer):
    return Question("Where?", context, (Answer(answer, context.index(answer)),), language, "q:1")


def pointing(feature):
    start, end = feature.inputs["start_positions"], feature.inputs["end_positions"]
    length = len(feature.inputs["input_ids"])
    return np.eye(length)[start] * 9, np.eye(length)[end] * 9


@pytest.mark.parametrize(("language", "context", "answer"), QUESTIONS)
def test_the_answer_comes_back_from_its_pieces_in_every_script(pieces, language, context, answer):
    record, task = question(language, context, answer), qa.Qa(max_length=64, stride=8)
    [feature] = task.encode([record], pieces, ())
    assert feature.inputs["start_positions"] > 0
    assert task.decode([record], [feature], [pointing(feature)], ()) == [answer]
    assert task.score([record], [answer])["exact"] == 1


ENDS = ["{} ", " {}", "{}\n", "{}\u00a0", "{}\u200f", "{}\u200b", "{}\u200d", "{}\u00ad", "\ufeff{}", "{}\ufffd"]


@pytest.mark.parametrize("ends", ENDS)
def test_an_answer_that_ends_in_marks_without_a_piece_has_its_target(pieces, ends):
    text = ends.format("Paris")
    context = f"Anna lives in{text}near the old harbour"
    record = Question("Where?", context, (Answer(text, 13),), "en", "1")
    (feature,) = features = qa.Qa().encode([record], pieces, ())
    held = context[feature.places[feature.inputs["start_positions"]][0] : 13 + len(text)].strip()
    assert feature.inputs["end_positions"] and held.startswith("Paris") and qa.Qa().null_targets(features) == 0


@pytest.mark.parametrize(
    ("answers", "target"),
    [
        ((Answer("1801", 0),), None),  # does not stand at its place: no target, and not "Anna"
        ((Answer("1801", -1),), None),
        ((Answer("1801", 0), Answer("1801", 30)), "1801"),
    ],
)
def test_only_an_answer_that_stands_becomes_a_target(pieces, answers, target):
    record = Question("When?", "Anna lives in 1. It was built 1801.", answers, "en", "1")
    (feature,) = features = qa.Qa().encode([record], pieces, ())
    first, last = feature.inputs["start_positions"], feature.inputs["end_positions"]
    if target is None:
        assert (first, last) == (0, 0) and qa.Qa().null_targets(features) == 1
    else:
        assert record.context[feature.places[first][0] : feature.places[last][1]] == target


def test_windows_share_pieces_and_those_without_the_answer_point_at_cls(pieces):
    context = " ".join([TEXTS[0]] * 12) + " " + TEXTS[4]
    record, task = question("fr", context, "Besançon"), qa.Qa(max_length=48, stride=12)
    features = task.encode([record], pieces, ())
    targets = [(f.inputs["start_positions"], f.inputs["end_positions"]) for f in features]
    assert len(features) > 3 and targets[0] == (0, 0) and any(target != (0, 0) for target in targets)
    for before, after in pairwise(features):
        ends, begins = next(p for p in reversed(before.places) if p)[1], next(p for p in after.places if p)[0]
        assert begins < ends, "neighbouring windows overlap"
    assert task.decode([record], features, [pointing(f) for f in features], ()) == ["Besançon"]


def test_an_answer_cut_by_the_window_is_no_target_there(pieces):
    record = question("en", TEXTS[0], "Paris near the old harbour")
    task = qa.Qa(max_length=24, stride=4)
    for feature in task.encode([record], pieces, ()):
        start, end = feature.inputs["start_positions"], feature.inputs["end_positions"]
        if (start, end) != (0, 0):
            begin, stop = feature.places[start][0], feature.places[end][1]
            assert record.context[begin:stop] == "Paris near the old harbour"


def test_a_question_longer_than_the_window_leaves_room_for_the_context(pieces):
    record = Question(TEXTS[0] * 9, TEXTS[4], (Answer("vu", TEXTS[4].index("vu")),), "fr", "q")
    task = qa.Qa(max_length=48, stride=8)
    features = task.encode([record], pieces, ())
    assert all(len(f.inputs["input_ids"]) <= 48 for f in features)
    assert task.decode([record], features, [pointing(f) for f in features], ()) == ["vu"]


def test_the_best_span_is_the_best_sum_of_start_and_end_that_is_in_order_and_not_too_long():
    record = Question("?", "a b c d", (Answer("a", 0),), "en", "q")
    places = (None, None, None, (0, 1), (2, 3), (4, 5), (6, 7), None)
    feature = qa.Feature({"input_ids": [0] * 8}, 0, places)
    starts = np.array([99, 0, 0, 1.0, 5.0, 0.0, 0.0, 99])
    ends = np.array([99, 0, 0, 9.0, 0.0, 1.0, 4.0, 99])
    found = qa.Qa(longest_answer=2).spans([record], [feature], [(starts, ends)])[0]
    # a..a 1+9, b..c 5+1, b..b 5+0, c..d 0+4: a start after its end (b..a, 14) and b..d (three pieces) do not count
    assert [(span.text, span.score) for span in found[:3]] == [("a", 10.0), ("b c", 6.0), ("b", 5.0)]


def test_inference_pairs_carry_both_sentences_and_their_label(pieces):
    record = SentencePair("Anna lives in Paris", "Anna lives", "contradiction", "en", "p:1")
    [feature] = nli.Nli().encode([record], pieces, nli.LABELS)
    assert feature.inputs["labels"] == 2
    assert sum(feature.inputs["token_type_ids"]) == len(pieces.tokenize("Anna lives")) + 1
    assert nli.Nli().decode([record], [feature], [np.array([0.1, 3.0, 0.2])], nli.LABELS) == ["neutral"]


def test_similarity_is_trained_on_0_to_1_and_answered_in_the_scores_own_unit(pieces):
    record, task = ScoredPair("Anna", "Paris", 2.5, "en", "1"), sts.Sts(highest=5.0)
    [feature] = task.encode([record], pieces, ())
    assert feature.inputs["labels"] == 0.5
    assert task.decode([record], [feature], [np.array([0.5])], ()) == [2.5]


def test_the_cosine_of_two_equal_texts_is_1_whatever_their_padding(pieces):
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(pieces), hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    model = sts.BiEncoder(BertModel(config, add_pooling_layer=False)).eval()
    ids = torch.tensor([[2, 7, 8, 3]])
    padded = torch.tensor([[2, 7, 8, 3, 0, 0]])
    found = model(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        second_input_ids=padded,
        second_attention_mask=(padded > 0).long(),
        labels=torch.tensor([0.25]),
    )
    assert found.logits.item() == pytest.approx(1, abs=1e-5)
    assert found.loss.item() == pytest.approx(0.75**2, abs=1e-4)


def tiny(pieces):
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(pieces), hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    return BertModel(config, add_pooling_layer=False).eval()


def test_the_matched_head_reads_the_means_of_the_two_texts_and_nothing_else(pieces):
    record = SentencePair("Anna lives in Paris", "Anna lives", "neutral", "en", "p")
    [feature] = nli.Nli(head="matched").encode([record], pieces, nli.LABELS)
    batch = {name: torch.tensor([value]) for name, value in feature.inputs.items()}
    model = heads.MatchedPair(tiny(pieces), outputs=3)
    kept = {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
    hidden = model.encoder(**kept).last_hidden_state[0]
    cut = feature.inputs["token_type_ids"].index(1)
    u, v = hidden[1 : cut - 1].mean(0), hidden[cut:-1].mean(0)  # without [CLS] and both [SEP]
    by_hand = model.classifier(torch.cat([u, v, (u - v).abs(), u * v]))
    found = model(**batch)
    assert torch.allclose(found.logits[0], by_hand, atol=1e-5)
    assert torch.allclose(found.loss, torch.nn.functional.cross_entropy(by_hand[None], torch.tensor([1])))


def test_an_empty_half_gives_a_number(pieces):
    record = SentencePair("Anna", "", "neutral", "en", "p")
    [feature] = nli.Nli(head="matched").encode([record], pieces, nli.LABELS)
    batch = {name: torch.tensor([value]) for name, value in feature.inputs.items()}
    assert torch.isfinite(heads.MatchedPair(tiny(pieces), outputs=3)(**batch).loss)


def test_one_output_is_a_regression(pieces):
    [feature] = sts.Sts(head="matched").encode([ScoredPair("Anna", "Paris", 1.5, "en", "1")], pieces, ())
    batch = {name: torch.tensor([value]) for name, value in feature.inputs.items()}
    found = heads.MatchedPair(tiny(pieces), outputs=1)(**batch)
    assert found.loss.item() == pytest.approx((found.logits.item() - 0.5) ** 2, rel=1e-4)

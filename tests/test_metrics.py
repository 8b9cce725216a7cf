"""Every score is the one that its official evaluator gives, worked by hand here or by another road."""

from __future__ import annotations

import json
import math
import string
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unibert_lib.metrics import accuracy, entity_f1, entity_scores, macro_f1, pearson, qa_scores, spearman

# Entities ------------------------------------------------------------------------------------------------------------

GOLD = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-PER"]]
TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
SENTENCES = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=6), min_size=1, max_size=4)


def conlleval_chunks(sentences):
    """Chunks by conlleval's two questions: does one end before this word, does one begin at it?"""
    found, place, begin, kind = set(), 0, None, None
    for tags in sentences:
        for tag in [*tags, "O"]:
            prefix, _, its = tag.partition("-")
            goes_on = prefix == "I" and its == kind
            if begin is not None and not goes_on:
                found.add((kind, begin, place - 1))
                begin, kind = None, None
            if prefix == "B" or (prefix == "I" and not goes_on):
                begin, kind = place, its
            place += 1
    return found


def iob2_chunks(sentences):
    """A chunk is B-X and the I-X right after it; any other I-X is nothing."""
    found, place = set(), 0
    for tags in sentences:
        for start, tag in enumerate(tags):
            if tag.startswith("B-"):
                end = start
                while end + 1 < len(tags) and tags[end + 1] == f"I-{tag[2:]}":
                    end += 1
                found.add((tag[2:], place + start, place + end))
        place += len(tags) + 1
    return found


def f1_of(true, predicted):
    return 2 * len(true & predicted) / (len(true) + len(predicted)) if true & predicted else 0.0


def test_an_entity_with_one_wrong_word_is_wrong_as_a_whole():
    predicted = [["B-PER", "O", "O", "B-LOC"], ["O", "B-PER"]]
    # Three true, three predicted, two agree: P = R = 2/3.
    assert entity_f1(GOLD, predicted) == pytest.approx(2 / 3)


def test_precision_and_recall_of_each_type_by_hand():
    predicted = [["B-PER", "O", "O", "B-LOC"], ["B-ORG", "B-PER"]]
    assert entity_scores(GOLD, predicted) == {
        "LOC": {"precision": 1, "recall": 1, "f1": 1, "support": 1},
        "ORG": {"precision": 0, "recall": 0, "f1": 0, "support": 0},
        "PER": {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2},
    }
    assert entity_f1(GOLD, predicted) == pytest.approx(2 * 2 / (3 + 4))


def test_an_entity_that_begins_with_i_counts_by_default_and_not_strictly():
    predicted = [["I-PER", "I-PER", "O", "B-LOC"], ["O", "B-PER"]]
    assert entity_f1(GOLD, predicted) == 1
    # Strictly two are predicted, both right, of three.
    assert entity_f1(GOLD, predicted, strict=True) == pytest.approx(2 * 2 / (3 + 2))
    assert entity_scores(GOLD, predicted, strict=True)["PER"]["recall"] == 0.5


def test_i_of_another_type_begins_an_entity_by_default_and_ends_one_strictly():
    true, predicted = [["B-PER", "B-LOC"]], [["B-PER", "I-LOC"]]
    assert entity_f1(true, predicted) == 1
    assert entity_f1(true, predicted, strict=True) == pytest.approx(2 * 1 / (2 + 1))


def test_an_entity_does_not_run_on_into_the_next_sentence():
    assert entity_f1([["B-PER"], ["I-PER"]], [["B-PER"], ["O"]]) == pytest.approx(2 * 1 / (2 + 1))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("true", "predicted"), [("O", "O"), ("O", "B-X"), ("B-X", "O")])
def test_without_an_entity_the_score_is_zero_and_nothing_warns(true, predicted, strict):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert entity_f1([[true]], [[predicted]], strict=strict) == 0
        found = entity_scores([[true]], [[predicted]], strict=strict)
    assert found == ({} if true == predicted else {"X": dict.fromkeys(("precision", "recall", "f1"), 0.0) | found["X"]})
    assert [kind["support"] for kind in found.values()] == ([] if true == predicted else [float(true == "B-X")])


def test_strictly_loose_inside_tags_alone_are_no_entity_at_all():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert entity_scores([["I-X"]], [["I-X"]], strict=True) == {}
    assert entity_scores([["I-X"]], [["I-X"]])["X"]["support"] == 1


@settings(max_examples=150, deadline=None)
@given(SENTENCES)
def test_entities_are_those_of_conlleval_and_strictly_those_of_iob2(pairs):
    true = [[one for one, _ in sentence] for sentence in pairs]
    predicted = [[other for _, other in sentence] for sentence in pairs]
    assert entity_f1(true, predicted) == pytest.approx(f1_of(conlleval_chunks(true), conlleval_chunks(predicted)))
    assert entity_f1(true, predicted, strict=True) == pytest.approx(f1_of(iob2_chunks(true), iob2_chunks(predicted)))
    assert entity_f1(true, predicted) == entity_f1(predicted, true)


def test_tuples_are_as_good_as_lists():
    assert entity_f1((("B-PER", "O"),), (("B-PER", "O"),)) == 1


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([], [], "no sentences: there is nothing to score"),
        ([["O"]], [["O"], ["O"]], "1 true sentences but 2 predicted"),
        ([["O"], ["O", "O"]], [["O"], ["O"]], "sentence 2: 2 true tags but 1 predicted"),
        ([["PER"]], [["O"]], "sentence 1: tag 'PER' is not O, B-X or I-X"),
        ([["O"]], [["E-PER"]], "tag 'E-PER'"),
    ],
)
def test_tags_that_cannot_be_scored_are_refused(true, predicted, message):
    for score in (entity_f1, entity_scores):
        with pytest.raises(ValueError, match=message):
            score(true, predicted)


# Classes -------------------------------------------------------------------------------------------------------------


def test_accuracy_is_the_share_of_right_labels():
    assert accuracy("abca", "abcc") == 0.75


def test_macro_f1_by_hand():
    # a: 1 hit, 2 true, 1 said: 2/3. b: 1 hit, 1 true, 2 said: 2/3. c: 1 hit, 1, 1: 1.
    assert macro_f1("aabc", "abbc", "abc") == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_a_label_that_is_missing_everywhere_counts_zero():
    assert macro_f1("ab", "ab", "abc") == pytest.approx(2 / 3)


def test_a_prediction_outside_the_labels_is_wrong_and_no_more():
    # a: 1 hit, 2 true, 1 said.
    assert macro_f1("aa", ["a", "else"], "a") == pytest.approx(2 / 3)


def test_always_one_of_three_balanced_labels_scores_a_sixth():
    assert macro_f1("abc", "aaa", "abc") == pytest.approx(0.5 / 3)


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=1))
def test_perfect_labels_score_one_over_the_labels_that_occur(labels):
    assert accuracy(labels, labels) == 1
    assert macro_f1(labels, labels, sorted(set(labels))) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_macro_f1_and_accuracy_do_not_care_which_side_is_true(pairs):
    true, predicted = zip(*pairs, strict=True)
    assert macro_f1(true, predicted, "abc") == pytest.approx(macro_f1(predicted, true, "abc"))
    assert accuracy(true, predicted) == accuracy(predicted, true)


@pytest.mark.parametrize(
    ("true", "predicted", "labels", "message"),
    [
        ("", "", "ab", "no labels: there is nothing to score"),
        ("a", "ab", "ab", "1 true labels but 2 predicted"),
        ("a", "a", "", "name each label once"),
        ("a", "a", "aa", "name each label once"),
        ("x", "a", "ab", "true label 'x' is not among"),
    ],
)
def test_labels_that_cannot_be_scored_are_refused(true, predicted, labels, message):
    with pytest.raises(ValueError, match=message):
        macro_f1(true, predicted, labels)


# Answers -------------------------------------------------------------------------------------------------------------


def exact(prediction, answer, language):
    return qa_scores(prediction, [answer], language)["exact"] == 1


def f1(prediction, answer, language):
    return qa_scores(prediction, [answer], language)["f1"]


@pytest.mark.parametrize(
    ("language", "prediction", "answer"),
    [
        ("en", "The Cat a an", "cat"),
        ("es", "Un una unos unas casa, el la los las", "casa"),
        ("de", "Ein eine einen einem eines einer Stadt der die das den dem des", "stadt"),
        ("vi", "những con cái chiếc của mèo là", "con mèo"),
        ("ar", "الكتاب", "كتاب"),
        ("ar", "في البيت", "في بيت"),
    ],
)
def test_articles_are_those_of_the_language(language, prediction, answer):
    assert exact(prediction, answer, language)


@pytest.mark.parametrize(
    ("language", "prediction", "answer"),
    [
        ("es", "the casa", "casa"),
        ("en", "el cat", "cat"),
        ("hi", "the घर", "घर"),
        ("zh", "the 中", "中"),
        ("fr", "la ville", "ville"),
        ("tr", "the ev", "ev"),
        ("en", "theory", "ory"),
        ("en", "thecat", "cat"),
    ],
)
def test_articles_of_other_languages_and_parts_of_words_stay(language, prediction, answer):
    assert not exact(prediction, answer, language)


def test_arabic_loses_alif_lam_inside_words_too_as_the_official_script_has_it():
    # "he said": three letters, of which the last two are alif and lam.
    assert exact("قال", "ق", "ar")
    assert exact("بالكتاب", "ب كتاب", "ar")


@pytest.mark.parametrize(
    ("language", "prediction", "answer"),
    [
        ("en", "“Rock—’n’—roll”!", "rocknroll"),
        ("en", "well-known", "wellknown"),
        ("es", "¿qué?", "qué"),
        ("ar", "نعم، لا؟؛", "نعم لا"),
        ("hi", "घर।", "घर"),
        ("zh", "《红楼梦》，。、！", "红楼梦"),
        ("en", "$5 <b> a^2|~`+=", "5 b a2"),  # "a^2" has become one word before articles are looked for
    ],
)
def test_punctuation_of_every_script_goes_without_leaving_a_space(language, prediction, answer):
    assert exact(prediction, answer, language)


def test_symbols_beyond_ascii_stay():
    assert not exact("€5", "5", "en")
    assert exact("$5", "5", "en")


def test_case_does_not_count():
    assert exact("ÉCOLE", "école", "fr") and exact("ΑΘΗΝΑ", "αθηνα", "el")


def test_a_chinese_character_is_a_token_and_latin_words_are_whole():
    # 在 2019 年 3 月 against 2019 年: 5 tokens said, 2 right, 2 shared.
    assert f1("在2019年3月", "2019年", "zh") == pytest.approx(2 * 2 / (5 + 2))
    assert f1("iPhone 手机", "iphone x", "zh") == pytest.approx(2 * 1 / (3 + 2))


def test_spaces_between_chinese_characters_do_not_count():
    assert exact("北 京", "北京", "zh") and not exact("北 京", "北京", "en")


def test_characters_beyond_the_official_range_stick_together():
    assert f1("㐀㐁", "㐀", "zh") == 0
    assert f1("一二", "一", "zh") == pytest.approx(2 / 3)


def test_japanese_and_thai_are_split_by_character_as_well():
    assert f1("東京へ", "東京", "ja") == pytest.approx(2 * 2 / (3 + 2))
    assert f1("タワーへ", "タワー", "ja") == pytest.approx(2 * 3 / (4 + 3))
    assert f1("กข", "ก", "th") == pytest.approx(2 / 3)
    assert f1("กข", "ก", "en") == 0


@pytest.mark.parametrize("language", ["sw", "ru", "el", "tr", "nl", "xx"])
def test_languages_beyond_mlqa_have_no_articles_and_are_split_at_whitespace(language):
    assert f1("the one  two\tthree", "one two", language) == pytest.approx(2 * 2 / (4 + 2))


def test_tokens_count_as_often_as_they_occur():
    # yes yes no / yes no no: one yes and one no are shared.
    assert f1("yes yes no", "yes no no", "en") == pytest.approx(2 * 2 / 6)


def test_the_best_answer_counts_for_each_score_by_itself():
    scores = qa_scores("der Hund", ["y", "Hund", "der große Hund", "x"], "de")
    assert scores["exact"] == 1 and scores["f1"] == 1  # without the article: the second
    assert scores["squad_exact"] == 0 and scores["squad_f1"] == pytest.approx(2 * 2 / (2 + 3))  # with it: the third


def test_any_of_the_answers_may_match_exactly():
    assert qa_scores("b", ["x b", "b", "c"], "en") == dict.fromkeys(("exact", "f1", "squad_exact", "squad_f1"), 1.0)


def test_squad_knows_english_articles_and_ascii_punctuation_in_every_language():
    assert qa_scores("la casa", ["casa"], "es") == {
        "exact": 1,
        "f1": 1,
        "squad_exact": 0,
        "squad_f1": pytest.approx(2 / 3),
    }
    assert qa_scores("¿casa?", ["casa"], "es")["squad_f1"] == 0
    assert qa_scores("the casa!", ["casa"], "es")["squad_exact"] == 1
    assert qa_scores("北京", ["北京市"], "zh")["squad_f1"] == 0
    assert qa_scores("北京", ["北京市"], "zh")["f1"] == pytest.approx(0.8)


def test_two_texts_of_which_nothing_is_left_match_exactly_and_have_no_f1():
    assert qa_scores("The!", ["a"], "en") == {"exact": 1, "f1": 0, "squad_exact": 1, "squad_f1": 0}


def test_a_question_without_an_answer_is_refused():
    with pytest.raises(ValueError, match="no right answer"):
        qa_scores("x", [], "en")


LANGUAGES = st.sampled_from(["en", "es", "de", "ar", "hi", "vi", "zh", "ja", "th", "ru"])
TEXTS = st.text(
    st.sampled_from("aA the el der 中文、。ال ب क।é-'\"€$東タกข\t") | st.characters(exclude_categories=["Cs"])
)


@settings(deadline=None)
@given(TEXTS, LANGUAGES)
def test_an_answer_matches_itself_and_the_empty_one_matches_nothing_else(text, language):
    scores = qa_scores(text, [text], language)
    assert scores["exact"] == scores["squad_exact"] == 1
    assert scores["f1"] in (0, 1) and scores["squad_f1"] in (0, 1)
    assert scores["f1"] == 1 or qa_scores("", [text], language)["exact"] == 1  # no F1 only where nothing is left
    assert qa_scores("", [text], language)["f1"] == 0


@settings(deadline=None)
@given(TEXTS, TEXTS, LANGUAGES)
def test_scores_lie_in_range_are_symmetric_and_exact_implies_the_rest(one, other, language):
    scores, back = qa_scores(one, [other], language), qa_scores(other, [one], language)
    assert scores == pytest.approx(back) and all(0 <= score <= 1 for score in scores.values())
    assert qa_scores(one + "!", [other], language) == scores


@settings(deadline=None)
@given(TEXTS)
def test_for_ascii_english_mlqa_and_squad_agree(text):
    plain = "".join(char for char in text if char in string.printable)
    scores = qa_scores(plain, ["the quick fox", "el 5"], "en")
    assert (scores["exact"], scores["f1"]) == (scores["squad_exact"], scores["squad_f1"])


@pytest.mark.parametrize(("language", "answers", "lost"), [("en", 1148, []), ("es", 500, ["una"])])
def test_genuine_answers_match_themselves_but_one_that_is_an_article(shared, language, answers, lost):
    file = next((shared / "data" / "qa" / "mlqa_v1").rglob(f"dev-context-{language}-question-{language}.json"))
    articles = json.loads(file.read_text(encoding="utf-8"))["data"]
    texts = [a["text"] for d in articles for p in d["paragraphs"] for q in p["qas"] for a in q["answers"]]
    scores = [qa_scores(text, [text], language) for text in texts]
    assert len(texts) == answers
    assert all(score["exact"] == score["squad_exact"] == score["squad_f1"] == 1 for score in scores)
    assert [text for text, score in zip(texts, scores, strict=True) if score["f1"] != 1] == lost


# Correlations --------------------------------------------------------------------------------------------------------

NUMBERS = st.integers(-50, 50).map(float)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=20)


def test_pearson_and_spearman_by_hand():
    # x - 2.5 = -1.5 -.5 .5 1.5; y - 3 = -2 -1 -1 4 (sum of products 9; squares 5 and 22).
    assert pearson([1, 2, 3, 4], [1, 2, 2, 7]) == pytest.approx(9 / math.sqrt(5 * 22))
    # Ranks of y: 1, 2.5, 2.5, 4: sum of products 4.5; squares 5 and 4.5.
    assert spearman([1, 2, 3, 4], [1, 2, 2, 7]) == pytest.approx(4.5 / math.sqrt(5 * 4.5))


def test_a_reversed_scale_turns_the_sign():
    assert pearson([1, 2, 4], [-1, -2, -4]) == pytest.approx(-1)
    assert spearman([1, 2, 4], [-1, -2, -40]) == pytest.approx(-1)


@settings(deadline=None)
@given(PAIRS)
def test_pearson_follows_its_definition_and_spearman_is_pearson_of_ranks(pairs):
    x, y = zip(*pairs, strict=True)
    mx, my = math.fsum(x) / len(x), math.fsum(y) / len(y)
    spread = math.sqrt(math.fsum((a - mx) ** 2 for a in x) * math.fsum((b - my) ** 2 for b in y))
    ours = pearson(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(ours) and math.isnan(spearman(x, y))
    else:
        assert ours == pytest.approx(math.fsum((a - mx) * (b - my) for a, b in pairs) / spread, abs=1e-9)
        assert -1 <= ours <= 1 and ours == pytest.approx(pearson(y, x), abs=1e-12)
        assert spearman(x, y) == pytest.approx(pearson(stats.rankdata(x), stats.rankdata(y)), abs=1e-9)


@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_constant_values_have_no_correlation_and_nothing_warns(correlation):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(correlation([1, 1, 1], [1, 2, 3]))
        assert math.isnan(correlation([1, 2, 3], [0.1, 0.1, 0.1]))
        assert -1 <= correlation([1.0, 1.0, 1.0 + 1e-15], [1, 2, 3]) <= 1


@pytest.mark.parametrize("correlation", [pearson, spearman])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([], [], "0 pairs: a correlation needs at least two"),
        ([1], [2], "1 pairs"),
        ([1, 2], [1, 2, 3], "2 values in x but 3 in y"),
        ([1, math.nan], [1, 2], r"x\[1\] is nan"),
        ([1, 2], [math.inf, 2], r"y\[0\] is inf"),
    ],
)
def test_values_that_cannot_be_correlated_are_refused(correlation, x, y, message):
    with pytest.raises(ValueError, match=message):
        correlation(x, y)


def test_a_type_may_have_a_space_as_in_mapas_fine_tags():
    true = [["B-GIVEN NAME", "B-FAMILY NAME", "O"]]
    found = [["B-GIVEN NAME", "O", "O"]]
    assert entity_f1(true, found) == pytest.approx(2 / 3)
    scores = entity_scores(true, found)
    assert {kind: row["recall"] for kind, row in scores.items()} == {"GIVEN NAME": 1, "FAMILY NAME": 0}

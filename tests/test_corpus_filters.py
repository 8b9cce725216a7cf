"""The paper's five rules: what each keeps, changes and drops, at its boundaries."""

import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unibert_lib.corpus import RULES, Drop, Keep, too_few_pieces
from unibert_lib.corpus.filters import (
    JOINERS,
    RULES_WITHOUT_JOINERS,
    hidden_characters,
    html_artefacts,
    mostly_digits,
    only_urls_or_isbns,
    rule_name,
)


def test_the_rules_stand_in_the_papers_order():
    names = ["html_artefacts", "only_urls_or_isbns", "mostly_digits", "hidden_characters"]
    assert [rule_name(rule) for rule in RULES] == names
    assert [rule_name(rule) for rule in RULES_WITHOUT_JOINERS] == names


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("no markup at all", "no markup at all"),
        ("a <b>bold</b> word", "a bold word"),
        ('<span style="color:red">red</span>', "red"),
        ("one<br />two", "one two"),
        ("one<BR>two", "one two"),
        ("<p>first</p><p>second</p>", "first second"),
        ("a<!-- remark -->b", "ab"),
        ("a <!-- never closed", "a never closed"),
        ("a -->b", "a b"),
        ("fish&nbsp;&amp;&nbsp;chips", "fish\xa0&\xa0chips"),
        ("caf&eacute; &#233; &#xE9;", "café é é"),
        ("&amp;amp;lt; twice escaped", "< twice escaped"),
        ("a&lt;br/&gt;b", "a b"),
        ("AT&T and R&D; no entity", "AT&T and R&D; no entity"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("x<b and c>d", "x<b and c>d"),
        ("#include <stdio.h>", "#include <stdio.h>"),
        ("an unclosed <div class=", "an unclosed <div class="),
        ("&#0;&#xD800;nothing", "nothing"),
        ('cited<ref name="a" />.', "cited."),
    ],
)
def test_rule_1_removes_html_and_keeps_text(text, plain):
    assert html_artefacts(text) == Keep(plain)


@pytest.mark.parametrize("text", ["", "  ", "<br>", "<!-- only -->", "&nbsp;"])
def test_rule_1_drops_what_becomes_empty(text):
    assert html_artefacts(text) == Drop("empty")


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a?b=c#d",
        "http://a.org http://b.org",
        "www.example.org",
        "* ftp://example.org/file.txt;",
        "mailto:someone@example.org",
        "ISBN 978-3-16-148410-0",
        "ISBN 0-306-40615-2.",
        "ISBN-13: 978 3 16 148410 0",
        "ISBN 080442957X",
        "isbn 0306406152, ISBN 9783161484100",
        "9783161484100",
        "0-306-40615-2",
        "http://example.org (ISBN 0-306-40615-2)",
        "ISBN ٠-٣٠٦-٤٠٦١٥-٢",
    ],
)
def test_rule_2_drops_samples_of_urls_and_isbns_alone(text):
    assert isinstance(only_urls_or_isbns(text), Drop)


@pytest.mark.parametrize(
    "text",
    [
        "see https://example.org",
        "ISBN 978-3-16-148410-0 (Hardcover)",
        "ISBN",
        "9783161484101",  # the check digit is wrong: a number, not an ISBN
        "0306406153",
        "1234",
        "...",
        "The year 1984.",
        "Ref: a",
        "email: x",
    ],
)
def test_rule_2_keeps_samples_with_anything_else(text):
    assert only_urls_or_isbns(text) == Keep(text)


def test_rule_2_says_which_of_the_two_it_found():
    reasons = [
        only_urls_or_isbns(text).reason for text in ("www.a.org", "ISBN 0306406152", "www.a.org ISBN 0306406152")
    ]
    assert reasons == ["only URLs", "only ISBNs", "only URLs or ISBNs"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1234567abc", True),  # exactly 70 %: the paper says "more than"
        ("12345678ab", False),
        ("7" * 70 + "x" * 30, True),
        ("7" * 71 + "x" * 29, False),
        ("7" * 701 + "x" * 299, False),
        ("١٢٣٤٥٦٧٨اب", False),  # Arabic-Indic digits
        ("१२३४५६७८कख", False),  # Devanagari digits
        ("Ⅻ①²½", True),  # numbers, but not of category Nd
        ("1234567   ", True),  # spaces count in the length
        ("5", False),
    ],
)
def test_rule_3_drops_strictly_more_than_70_percent_of_unicode_digits(text, kept):
    answer = mostly_digits(text)
    assert answer == (Keep(text) if kept else Drop("more than 70 % digits"))


@given(st.integers(1, 60), st.integers(0, 60))
def test_rule_3_is_the_fraction_of_the_length(digits, others):
    kept = isinstance(mostly_digits("3" * digits + "x" * others), Keep)
    assert kept == (10 * digits <= 7 * (digits + others))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("soft\u00adhyphen", "softhyphen"),
        ("zero\u200bwidth", "zerowidth"),
        ("\ufeffmark", "mark"),
        ("left\u200eto\u200fright\u202a\u202c\u2066\u2069", "lefttoright"),
        ("bell\x07 and nul\0", "bell and nul"),
        ("half \ud800 pair \udcff", "half pair"),
        ("tab\tand\nline\r\nbreak", "tab and line break"),
        ("no-break\xa0space", "no-break space"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian: the non-joiner is spelling
        ("क्\u200dष", "क्\u200dष"),
        ("plain  two", "plain two"),
        ("emoji 🏛 stays", "emoji 🏛 stays"),
    ],
)
def test_rule_4_removes_hidden_characters_and_keeps_joiners(text, plain):
    assert hidden_characters(text) == Keep(plain)


def test_rule_4_removes_joiners_on_request():
    assert hidden_characters("می\u200cخواهم\u200d", keep_joiners=False) == Keep("میخواهم")
    assert RULES_WITHOUT_JOINERS[3]("می\u200cخواهم") == Keep("میخواهم")


@pytest.mark.parametrize("text", ["", "\u200b\u200e", "\u200c \u200d", "\0", "\ud800"])
def test_rule_4_drops_what_becomes_empty(text):
    assert hidden_characters(text) == Drop("empty")


def test_rule_4_leaves_no_control_format_or_surrogate_character_of_unicode():
    everything = "x".join(map(chr, range(sys.maxunicode + 1)))
    kept = hidden_characters(everything).text
    assert {unicodedata.category(sign) for sign in kept if sign not in JOINERS} & {"Cc", "Cf", "Cs"} == set()
    assert set(JOINERS) <= set(kept)


@given(st.text())
def test_every_rule_answers_keep_or_drop_and_kept_text_is_never_blank(text):
    for rule in RULES:
        answer = rule(text)
        assert isinstance(answer, Keep | Drop)
        if isinstance(answer, Keep) and rule is not only_urls_or_isbns:
            assert answer.text.strip()


@given(st.text(alphabet='<>&;!-/ab#lt mp"=\u200b 1'))
def test_rule_4_after_itself_changes_nothing(text):
    once = hidden_characters(text)
    assert not isinstance(once, Keep) or hidden_characters(once.text) == once


@pytest.fixture(scope="module")
def mbert(shared):
    from transformers import BertTokenizerFast

    return BertTokenizerFast(vocab=str(shared / "data" / "mbert_vocab" / "vocab.txt"), do_lower_case=False)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("one two three four", False),
        ("one two three four five", True),
        ("Hello naïve", False),  # Hello na ##ï ##ve
        ("Hello, naïve", True),  # the comma is a piece
        ("\ue000 \ue001 \ue002 \ue003 \ue004", False),  # five words, all cleaned away
        ("a \ufffd b \u200d c", False),
        ("አማርኛ", False),  # one [UNK]
        ("ab \ud800", False),
    ],
)
def test_rule_5_counts_pieces_of_mbert_without_special_tokens(mbert, text, kept):
    rule = too_few_pieces(mbert)
    assert rule_name(rule) == "too_few_pieces"
    assert rule(text) == (Keep(text) if kept else Drop("fewer than 5 word pieces"))


ATTACKS = [
    "<",
    "<b ",
    "<b>",
    "<!--",
    "-->",
    "&amp;",
    "&#38;",
    "&",
    "&#",
    "http://",
    "a://",
    "www.",
    "ISBN 1",
    "97",
    "1 ",
]
ATTACKS += ["\u200b", "\u200d", "\ud800", " ", "\xa0", "x", ";:*#", "<div class=", "a.a"]


def seconds(rule, text):
    times = []
    for _ in range(3):
        start = time.process_time()
        rule(text)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_every_rule_takes_linear_time_on_unclosed_markup(rule):
    for unit in ATTACKS:
        short, long = (unit * (size // len(unit)) for size in (40_000, 400_000))
        took = seconds(rule, long)
        # Ten times the length: linear is 10, quadratic 100; below 20 ms a clock tells nothing.
        assert took < 0.02 or took / seconds(rule, short) < 40, unit

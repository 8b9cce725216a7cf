"""Wikitext to paragraphs: what goes, what stays, and time on hostile pages."""

import time

import mwparserfromhell
import pytest

from unibert_lib.corpus import Page, paragraphs, read_dump
from unibert_lib.corpus.wikitext import _blocks, clean, plain, strip_plainly


def texts(wikitext, **page):
    given = {"id": "1", "title": "T", "namespace": 0, "redirect": False, "language": "en"} | page
    return [document.text for document in paragraphs(Page(text=wikitext, **given))]


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        ("One line.\n\nAnother.", ["One line.", "Another."]),
        ("One paragraph\nover two lines.", ["One paragraph over two lines."]),
        ("== Heading ==\nText.\n=== Sub ===\nMore.", ["Text.", "More."]),
        ("'''Bold''' and ''italic'' and '''''both'''''.", ["Bold and italic and both."]),
        ("A [[link]], a [[target|label]], [[bus]]es.", ["A link, a label, buses."]),
        ("An [http://a.org external] link and [http://b.org].", ["An external link and."]),
        ("Text<ref>source</ref> goes<ref name=a /> on.", ["Text goes on."]),
        ("Text<ref>a forgotten end, and all this stays.", ["Texta forgotten end, and all this stays."]),
        ("A<!-- remark\n\nover lines -->B.", ["AB."]),
        ("Kept.\n\n<!-- never closed\n\nGone.", ["Kept."]),
        ("Before {{cite|a={{b|c}}|d}} after.", ["Before after."]),
        ("{{Infobox\n| name = X\n| text = {{small|y}}\n}}\nText.", ["Text."]),
        ("Text {{cite web|title=x\n\nNext paragraph.", ["Text", "Next paragraph."]),
        ("{| class=w\n|-\n! Head !! B\n|-\n| a || b\n|}\nText.", ["Text."]),
        ("{|\n| outer\n{|\n| inner\n|}\n| rest\n|}\nText.", ["Text."]),
        ("{|\n| never closed\n\nText.", ["Text."]),
        ("<table><tr><td>cell</td></tr></table>Text.", ["Text."]),
        ("[[File:A.jpg|thumb|A caption with [[a link]] and {{t}}.]]\nText.", ["Text."]),
        ("[[Image:A.jpg]]Text.[[Category:Things]]", ["Text."]),
        ("[[File:A.jpg|thumb|never closed\n\nMedia: the city has two papers.", ["Media: the city has two papers."]),
        ("[[:Category:Things]] is a category.", ["Category:Things is a category."]),
        ("[[Файл:А.jpg|мини|Подпись]] Текст.\n[[Категория:Вещи]]", ["Текст."]),
        ("[[Datei:A.jpg|mini|Text]]Satz. [[Kategorie:X]]", ["Satz."]),
        ("[[ملف:أ.jpg|تصغير|تعليق]]نص. [[تصنيف:شيء]]", ["نص."]),
        ("Text.\n\n[[de:Berlin]]\n[[zh-yue:X]]", ["Text."]),
        ("See [[wikt:word|word]] and [[Re:Zero]].", ["See word and Re:Zero."]),
        ("<gallery>\nA.jpg|caption\n</gallery>Text.", ["Text."]),
        ("Let <math>x^{2}</math> be. H<sub>2</sub>O.", ["Let be. H2O."]),
        ("one<br />two", ["one two"]),
        ("<p>First.</p><p>Second.</p>", ["First.", "Second."]),
        ("__NOTOC__ Text. __БЕЗСЪДЪРЖАНИЕ__", ["Text."]),
        ("----\nText.", ["Text."]),
        (
            "{{lang|fr|mot}} and {{nowrap|10 km}} and {{convert|5|km|mi}} and {{formatnum:3003}}.",
            ["mot and 10 km and 5 km and 3003."],
        ),
        ("Rome ({{lang-la|Roma}}; {{IPA|x}}) is a city ({{x}}).", ["Rome (Roma) is a city."]),
        ("Rome ({{IPA|x}}; old) and ( {{x}} , {{y}} ).", ["Rome (old) and."]),
        ("<nowiki>{{no template}} [[File:no file]] ''</nowiki> stays", ["no template File:no file stays"]),
        ("a&nbsp;b &eacute; &lt;", ["a b é <"]),
        ("-{zh-hans:计算机; zh-hant:電腦}- and -{X}-", ["计算机 and X"]),
        ("!Kung is a language.", ["!Kung is a language."]),
        ("", []),
        ("{{only|a template}}", []),
    ],
)
def test_markup_goes_and_text_stays(wikitext, expected):
    assert texts(wikitext) == expected


@pytest.mark.parametrize(
    ("item", "kept"),
    [
        ("* This item is a whole sentence.", ["This item is a whole sentence."]),
        (
            "# 这一项是一个完整的句子，因为它以句号结束，所以被保留。",
            ["这一项是一个完整的句子，因为它以句号结束，所以被保留。"],
        ),
        (':: "This is quoted, indented text."', ['"This is quoted, indented text."']),
        ("* यह एक पूरा वाक्य है जो रखा जाएगा।", ["यह एक पूरा वाक्य है जो रखा जाएगा।"]),
        ("* [[Just]] a name", []),
        ("* Too short.", []),
        ("; term : definition without an end", []),
    ],
)
def test_a_list_item_stays_where_it_is_a_sentence(item, kept):
    assert texts(item) == kept


def test_redirects_and_other_namespaces_have_no_paragraphs():
    assert texts("#REDIRECT [[X]]", redirect=True) == []
    assert texts("A talk page.", namespace=1) == []


def test_documents_carry_page_title_and_ordinal():
    page = Page("42", "Titel", 0, False, "Een.\n\nTwee.", "nl")
    assert [(d.language, d.page, d.title, d.paragraph, d.text) for d in paragraphs(page)] == [
        ("nl", "42", "Titel", 0, "Een."),
        ("nl", "42", "Titel", 1, "Twee."),
    ]


def test_the_names_a_dump_declares_are_used():
    wikitext = "[[Duosjá:A.jpg|thumb|Caption]]Text."
    assert texts(wikitext) != ["Text."]
    assert texts(wikitext, prefixes=frozenset(["duosjá"])) == ["Text."]


def genuine_pages(shared):
    for path in sorted((shared / "data" / "wikidumps").glob("*/*wiki-*")):
        yield from (page for page in read_dump(path, "xx") if page.namespace == 0 and not page.redirect)


def test_no_markup_is_left_in_the_genuine_paragraphs(shared):
    kept = [text.text for page in genuine_pages(shared) for text in paragraphs(page)]
    assert len(kept) > 6_000
    for mark in (
        "[[",
        "]]",
        "{{",
        "}}",
        "{|",
        "|}",
        "''",
        "<ref",
        "</",
        "|thumb|",
        "File:",
        "Bestand:",
        "Файл:",
        "&nbsp;",
    ):
        assert [text for text in kept if mark in text] == [], mark
    # What is left of bars: two lines about ASCII art and one template's missing argument.
    assert len([text for text in kept if "|" in text]) <= 4


def test_our_plain_links_agree_with_mwparserfromhell_on_genuine_text(shared):
    compared = 0
    for page in genuine_pages(shared):
        for block in _blocks(clean(page.text, page.prefixes)):
            if "''" not in block and block.count("[") == 2 * block.count("[[") > 0:
                oracle = mwparserfromhell.parse(block).strip_code(collapse=False)
                assert strip_plainly(block) == str(oracle).replace("&nbsp;", "\xa0") or "&" in block, block
                compared += 1
    assert compared > 2_000


def test_what_the_parser_may_not_see_is_stripped_plainly():
    long = "[[a|b]] ''c'' [http://d.org e] " * 1_000
    assert plain(long) == " ".join(["b c e"] * 1_000)


ATTACKS = ["[[", "[[a|", "]]", "{{", "{{lang|x|", "}}", "{|\n", "\n|}", "<b>", "<ref>", "<ref ", "</ref>", "<table>"]
ATTACKS += [
    "<!--",
    "''",
    "[http://a ",
    "[http://",
    "&amp;",
    "( ",
    ",",
    "-{",
    "=",
    "* a.\n",
    "__A",
    "<nowiki>",
    "[[File:a|",
]
ATTACKS += ["{{{", "|a=", "'", "\n\n[[", "[[]]", "<a<b", "{|{{", "[[{{", "<ref>[[{{", "(,", "{{a\n"]


def seconds(text):
    times = []
    for _ in range(2):
        start = time.process_time()
        texts(text)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("tail", ["", "]]}}</ref>-->"])
def test_time_is_linear_on_unclosed_and_nested_markup(tail):
    for unit in ATTACKS:
        short, long = (unit * (size // len(unit)) + tail for size in (20_000, 200_000))
        took = seconds(long)
        # Ten times the length: linear is 10, quadratic 100.
        assert took < 0.05 or took / seconds(short) < 40, unit
        assert took < 2, unit

"""Wikitext to paragraphs: what goes, what stays, and time on hostile pages."""

import csv
import time
from collections import Counter

import mwparserfromhell
import pytest

from unibert_lib.corpus import Page, paragraphs, read_dump, templates
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
    ("wikitext", "expected"),
    [
        ("Adults are {{convert|5|to|10|cm|in}} long.", "Adults are 5 to 10 cm long."),
        ("He is {{convert|6|ft|2|in|cm}} tall.", "He is 6 ft 2 in tall."),
        ("A plot of {{convert|3|x|4|m|ft|abbr=on}}, {{convert|100|km2|0}}.", "A plot of 3 × 4 m, 100 km²."),
        ("{{Convert|1|-|2|mi|km|1}} off, {{cvt|14|st|3|lb|kg}}.", "1–2 mi off, 14 st 3 lb."),
        ("the {{nowrap|[[New York City|NYC]] area}} in May", "the NYC area in May"),
        ("Then {{nowrap|1=E = mc<sup>2</sup>}} follows.", "Then E = mc2 follows."),
        ("The {{lang|fr|1=mot}}, {{lang|en|2=word}}, {{lang|la|E = mc²}}.", "The mot, word, E = mc²."),
        ("So {{lang|fr|mot|italic=no}} and {{lang-fr|[[a|mot]]|links=no}}.", "So mot and mot."),
        ("In {{transl|ru|ALA|Moskva}} and {{translit|ar|Misr}}.", "In Moskva and Misr."),
        ("{{cn|It is not well known}} that.", "It is not well known that."),
        ("Said.\n\n{{quote|To be or not to be.|Hamlet}}", "To be or not to be."),
        ("Said: {{blockquote|text=To be.|author=W. S.}}", "To be."),
        ("The {{abbr|NATO|North Atlantic}} and {{tooltip|a|b}}.", "The NATO and a."),
        ("See {{ill|Foo|de}} and {{ill|Foo|de|Bar|lt=the foo}}.", "See Foo and the foo."),
        ("Water is {{chem2|H2O}}, {{chem|H|2|O}}.", "Water is H2O, H2O."),
        ("d{{'}}Artagnan and John{{'s}} and A{{!}}B and a {{=}} b.", "d'Artagnan and John's and A|B and a = b."),
        ("Foo (({{x}})) bar, [({{x}}; )] baz.", "Foo bar, [] baz."),
        (
            "About {{frac|1|2}}, {{frac|3|1|4}}, {{val|5|e=3|u=km}}, {{circa|1900}}.",
            "About 1/2, 3 1/4, 5 × 10^3 km, c. 1900.",
        ),
        ("1900{{snd}}1910 on {{HMS|Victory|1765}} in the {{USS|Iowa}}.", "1900 – 1910 on HMS Victory in the USS Iowa."),
        ("Died{{citation needed|date=May 2014}} {{sfn|Barnes|1995|p=9}}at home.", "Died at home."),
        ("It is in [[Imagine: John Lennon]] too.", "It is in Imagine: John Lennon too."),
        ("!Kung are a [[San people|San]] group.", "!Kung are a San group."),
        ('"[[leggi razziali\n|leggi]]", introdotte nel 1938.', '"leggi", introdotte nel 1938.'),
        ("{| class=w style=x\n| a || b\n{{end}}\nText.", "Text."),
        ("{| class=w style=x\n! a\n| b\nmore of b\n\nText.", "Text."),
        ("{| border=1 cellpadding=2\n<tr><td>x</td></tr>\n</table>\nText.", "Text."),
        ("A {{small|{{lang|fr|{{nowrap|mot}}}}}}.", "A mot."),
    ],
)
def test_templates_within_a_sentence_show_what_a_reader_sees(wikitext, expected):
    assert texts(wikitext)[-1] == expected


@pytest.mark.parametrize(
    ("language", "wikitext", "expected"),
    [
        ("ru", "[[Файл:А.jpg|мини|Подпись]] Текст.\n[[Категория:Вещи]]", ["Текст."]),
        ("de", "[[Datei:A.jpg|mini|Text]]Satz. [[Kategorie:X]]", ["Satz."]),
        ("ar", "[[ملف:أ.jpg|تصغير|تعليق]]نص. [[تصنيف:شيء]]", ["نص."]),
        ("ro", "[[Imagine:A.jpg|thumb|x]]Text.", ["Text."]),
        ("nl", "[[Afbeelding:A.jpg|x]]Een [[image: b.jpg]]zin.", ["Een zin."]),
        ("fr", "Le {{s|XIX}} et {{langue|en|word}}.", ["Le XIX et word."]),
        ("it", "È {{cn|molto noto}}.", ["È molto noto."]),
        ("nl", "De {{BE-vlag|Antwerpen|geenlink}} haven.", ["De Antwerpen haven."]),
    ],
)
def test_a_wikis_own_names_decide(language, wikitext, expected):
    assert texts(wikitext, language=language) == expected


def test_prose_in_templates_that_nobody_listed_is_counted_by_name():
    lost: Counter[str] = Counter()
    text = "He {{unheard of|was a king|x=1}} once. {{sfn|Barnes}}\n\n{{Box\n| a\n}}\nText."
    page = Page("1", "T", 0, False, text, "en")
    assert [document.text for document in paragraphs(page, lost)] == ["He once.", "Text."]
    assert lost == {"unheard of": len("was a king")}


def test_every_row_of_the_table_of_templates_has_its_source_and_one_meaning_a_wiki():
    lines = [line for line in templates.TABLE.read_text(encoding="utf-8").split("\n") if not line.startswith("#")]
    rows = list(csv.DictReader(filter(None, lines)))
    assert len(rows) > 100 and all(row["template"] and row["wiki"] and ":" in row["source"] for row in rows)
    names = [(wiki, name) for row in rows for wiki in row["wiki"].split() for name in row["template"].split(";")]
    assert [name for name, number in Counter(names).items() if number > 1] == []
    assert [row for row in rows if row["template"] != row["template"].lower() or None in row] == []


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

"""Strings made to cost a careless parser the square of their length; each is repeated to the size that is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from tests.reliability.samples import HEAD, TAIL, page, result_row

Attack = Callable[[int], str]


def repeated(unit: str, head: str = "", tail: str = "") -> Attack:
    """``unit`` again and again, so that the whole has about ``size`` characters."""
    return lambda size: head + unit * max((size - len(head) - len(tail)) // len(unit), 1) + tail


def nested(before: str, after: str) -> Attack:
    """As many ``before``, then as many ``after``."""
    return lambda size: before * (size // (len(before) + len(after))) + after * (size // (len(before) + len(after)))


TEXTS: Mapping[str, Attack] = {
    "words": repeated("word and another, "),
    "one word": repeated("a"),
    "no-break word": repeated("a\u00a0"),
    "spaces": repeated(" "),
    "spaces before a letter": repeated(" ", "a", "b"),
    "line breaks": repeated("\n"),
    "tabs and line breaks": repeated("\t\n"),
    "less-than signs": repeated("<"),
    "greater-than signs": repeated(">"),
    "unclosed tags": repeated("<b "),
    "unclosed attributes": repeated('<a href="'),
    "tags of one letter": repeated("<a"),
    "empty tags": repeated("<>"),
    "closed tags": repeated("<b>x</b>"),
    "nested tags": nested("<div>", "</div>"),
    "tags across spaces": repeated("<br" + " " * 50),
    "unclosed comments": repeated("<!--"),
    "ends of comments": repeated("-->"),
    "comments almost closed": repeated("<!-- --", tail=">"),
    "unclosed references": repeated("<ref>"),
    "named references": repeated("<ref name=a>", tail="</ref>"),
    "closed references": repeated("<ref>a</ref>"),
    "nested references": nested("<ref>", "</ref>"),
    "unclosed nowiki": repeated("<nowiki>"),
    "nowiki and ends": repeated("<nowiki>[[</nowiki>"),
    "unclosed templates": repeated("{{"),
    "unclosed templates with names": repeated("{{a|"),
    "braces": repeated("{"),
    "closing braces": repeated("}"),
    "nested templates": nested("{{a|", "}}"),
    "nested transparent templates": nested("{{lang|de|", "}}"),
    "templates in a row": repeated("{{nowrap|a b}}"),
    "parameters": nested("{{{a|", "}}}"),
    "unclosed tables": repeated("{|\n|a\n"),
    "nested tables": nested("{|\n", "|}\n"),
    "table rows": repeated("|-\n| a || b\n"),
    "templates in tables": repeated("{|\n{{a|\n"),
    "unclosed links": repeated("[["),
    "unclosed links with bars": repeated("[[a|"),
    "closing links": repeated("]]"),
    "links in a row": repeated("[[a|b]] "),
    "nested links": nested("[[a|", "]]"),
    "file links": repeated("[[File:a.jpg|thumb|[[b]]"),
    "brackets": repeated("["),
    "external links": repeated("[http://a b] "),
    "unclosed external links": repeated("[http://a "),
    "links without an end": repeated("[http:"),
    "bold": repeated("'''"),
    "apostrophes": repeated("'"),
    "quotes around letters": repeated("''a'''b"),
    "variants": repeated("-{a:"),
    "magic words": repeated("__A"),
    "underscores": repeated("_"),
    "headings": repeated("== a\n"),
    "equals signs": repeated("="),
    "list marks": repeated("*"),
    "list items": repeated("* a long item that is a sentence.\n"),
    "bars": repeated("|"),
    "bars and names": repeated("|a ="),
    "empty brackets": repeated("( , ;"),
    "brackets and spaces": repeated("( ", tail="x)"),
    "opening round brackets": repeated("("),
    "commas before brackets": repeated(" ,", "a", "x)"),
    "spaces before commas": repeated("  ", "a", ",b"),
    "ampersands": repeated("&"),
    "escaped in many layers": repeated("amp;", "&", "lt;"),
    "entities": repeated("&nbsp;"),
    "unclosed entities": repeated("&nbsp"),
    "numeric entities": repeated("&#65;"),
    "entities of surrogates": repeated("&#xD800;"),
    "escaped tags": repeated("&lt;b&gt;"),
    "digits": repeated("1"),
    "digits and spaces": repeated("1 2"),
    "digits and hyphens": repeated("12-"),
    "numbers like ISBNs": repeated("978-0-00-000000-1 "),
    "digits as for an ISBN": repeated("9 7 8 0 "),
    "the letters ISBN": repeated("ISBN "),
    "labelled ISBNs": repeated("ISBN 978-0-00-000000-2 "),
    "labels and spaces": repeated("ISBN-13   :   "),
    "addresses": repeated("http://a.b/c "),
    "one address": repeated("/a", "http://a"),
    "schemes": repeated("a+b."),
    "letters before a scheme": repeated("a", "", "://x"),
    "www": repeated("www."),
    "mailto": repeated("mailto:"),
    "zero-width spaces": repeated("\u200b"),
    "joiners": repeated("\u200c\u200d"),
    "direction marks": repeated("a\u202e"),
    "soft hyphens": repeated("a\u00ad"),
    "NULs": repeated("\0"),
    "lone surrogates": repeated("\ud800"),
    "combining marks": repeated("\u0301", "a"),
    "letters and marks": repeated("a\u0301"),
    "emoji and joiners": repeated("\U0001f469\u200d"),
    "Hangul": repeated("\u1100\u1161"),
    "Chinese": repeated("中"),
    "replacement characters": repeated("\ufffd"),
    "names of special tokens": repeated("[MASK]"),
    "hash signs": repeated("##a"),
}


def _line(make: Attack) -> Attack:
    return lambda size: make(size) + "\n"


def in_files() -> Mapping[str, Mapping[str, Attack]]:
    """Whole files, by format."""

    def one_page(make: Attack) -> Attack:
        return lambda size: HEAD + page(1, make(size)) + TAIL

    dumps = {
        "pages": repeated(page(1), HEAD, TAIL),
        "openings of pages": repeated("<page>", HEAD),
        "ends of pages": repeated("</page>", HEAD),
        "comments": repeated("<!--", HEAD),
        "short comments": repeated("<!-- -->", HEAD, TAIL),
        "sections": repeated("<![CDATA[", HEAD),
        "headers": repeated("<siteinfo>", HEAD),
        "names of spaces": repeated('<namespace key="1"', "<mediawiki><siteinfo>", "</siteinfo></mediawiki>"),
        "an attribute": repeated("x", '<mediawiki a="'),
        "less-than signs": repeated("<", HEAD),
        "elements in a page": one_page(nested("<a>", "</a>")),
        "unclosed elements in a page": one_page(repeated("<a>")),
        "attributes in a page": one_page(lambda size: "<a " + " ".join(f'a{i}=""' for i in range(size // 8)) + ">"),
        "entities in a page": one_page(repeated("&amp;")),
        "escaped in many layers": one_page(repeated("amp;", "&")),
        "spaces": one_page(repeated(" ")),
        "after the end": repeated("garbage ", HEAD + TAIL),
        "ends of the root": repeated("</mediawiki", HEAD),
    }
    sentences = {
        "lines": repeated("a sentence.\n"),
        "one line": repeated("a"),
        "empty lines": repeated("\n"),
        "carriage returns": repeated("\r"),
    }
    columns = {
        "sentences": repeated("Rome B-LOC\nis O\n\n"),
        "one sentence": repeated("a O\n"),
        "wrong tags": repeated("a I-LOC\n\n"),
        "prefixes": repeated("en:a\tO\n\n"),
        "spaces in a line": repeated(" ", "a", "O\n"),
        "tabs in a line": repeated("\t", "a\tO\n\na", "O\n"),
        "one token": repeated("a", "", " O\n"),
        "carriage returns": repeated("a O\r\r"),
        "ragged": repeated("a O\nb X O\n\n"),
        "one tag": repeated("-B", "a B", "\n"),
    }
    row = json.dumps(
        {"language": "en", "file_name": "f", "sentence_number": 1, "tokens": ["a"], "coarse_grained": ["O"]}
    )
    objects = {
        "records": repeated(row + "\n"),
        "arrays": nested("[", "]"),
        "unclosed arrays": repeated("["),
        "objects": repeated('{"a":'),
        "a number": repeated("9"),
        "a string": repeated("a", '"'),
        "escapes": repeated("\\u0041", '"', '"'),
        "escaped surrogates": repeated("\\ud800", '"', '"'),
        "tokens of a record": repeated('"a",', row.partition('["a"]')[0] + "[", '"a"],"coarse_grained":[]}'),
        "empty lines": repeated("\n"),
    }
    pairs = {
        "rows": repeated("a premise\ta hypothesis\tneutral\n"),
        "tabs": repeated("\t"),
        "quotes": repeated('"a\tb\tneutral\n'),
        "one cell": repeated("a", "p\th\tneutral\n"),
        "empty lines": repeated("\n", "p\th\tneutral\n"),
        "labels": repeated("a\tb\twrong\n", "p\th\tneutral\n"),
        "headers": repeated("premise\t", "", "hypothesis\tlabel\n"),
    }
    question = {"id": "1", "question": "q", "answers": [{"text": "a", "answer_start": 0}]}
    article = json.dumps({"paragraphs": [{"context": "a b", "qas": [question]}]})
    questions = {
        **{name: objects[name] for name in ("arrays", "unclosed arrays", "objects", "a number", "a string")},
        "articles": repeated(article + ", ", '{"data": [', article + "]}"),
        "ids": repeated('"id": ', '{"data": [', "1]}"),
        "a context": lambda size: json.dumps(
            {"data": [{"paragraphs": [{"context": "a b " * (size // 4), "qas": [question]}]}]}
        ),
        "answers": repeated('{"text": "b", "answer_start": 2}, ', article[:-1].join(("", ""))),
    }
    scored = {
        "rows": repeated("one,other,2.5\n"),
        "quotes": repeated('"a""b",'),
        "an open quote": repeated("a,b\n", '"'),
        "commas": repeated(","),
        "quoted line breaks": repeated('"a\n"",b",c,1\n'),
        "a number": repeated("9", "a,b,", "\n"),
        "empty lines": repeated("\n"),
    }
    rows = {
        "rows": repeated(json.dumps(result_row()) + "\n"),
        **{name: _line(make) for name, make in objects.items()},
    }
    return {
        "dumps": dumps,
        "sentences": sentences,
        "columns": columns,
        "objects": objects,
        "pairs": pairs,
        "questions": questions,
        "scored": scored,
        "rows": rows,
    }

"""What a reader sees of ``{{name|...}}`` within a sentence: the table ``data/wikitext/templates.csv`` and its patterns.

A dump holds templates as their authors call them, not what they show. The few that stand in the midst of prose (units,
foreign words, quotations) show one of their arguments; which one is data, with its source.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "data" / "wikitext" / "templates.csv"
TABLE_END = "table end"  # templates that close a table opened by "{|"
NAME = re.compile(r"\s{0,9}([^|{}\[\]<>\n]{1,40}?)\s{0,9}(?=[|}]|\n|$)")
_FUNCTION = re.compile(r"\s{0,9}([A-Za-z]{2,12}:)")  # formatnum:, lc:
_BAR = re.compile(r"\[\[|\]\]|\|")
_NAMED = re.compile(r"\s*([\w ./-]{1,30}?)\s*=(.*)", re.DOTALL)
# Names that templates of prose give their options; of one letter are those that a pattern asks for. Any other "x =" is
# text: {{lang|la|E = mc²}}.
_NAMES = (
    "abbr adj align author bgcolor bot cat category class cols color date display disp end fontsize format "
    "group hangul id image italic italics label lang link links lit name nocat nolink order page proto quote "
    "reason ref rtl script section sign sigfig size sortable source spell start state style testo text texto "
    "title trad url width year round comma prec citation цитата текст "
)
_OPTIONS = frozenset(_NAMES.split())
_PLACE = re.compile(r"\{([^{}]{1,40})\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)?)\]")


def _key(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).lower()


@cache
def _table() -> dict[str, dict[str, str]]:
    """By wiki ("*" for any) and template, what it shows."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").split("\n") if not line.startswith("#")]
    rows: dict[str, dict[str, str]] = {}
    for row in csv.DictReader(lines):
        for wiki in row["wiki"].split():
            shown = {_key(name): row["shows"].replace("\\n", "\n\n") for name in row["template"].split(";")}
            rows.setdefault(wiki, {}).update(shown)
    return rows


@lru_cache(maxsize=4096)
def shows(name: str, wiki: str) -> str | None:
    """The pattern of a template in one Wikipedia: an empty one shows nothing; None is a template that nobody listed.

    Source: data/wikitext/templates.csv.
    """
    key = _key(name)
    tables = [_table().get(wiki, {}), _table()["*"]]
    for table in tables:
        if key in table:
            return table[key]
    for table in tables:
        for known, pattern in table.items():
            if known.endswith("*") and key.startswith(known[:-1]):
                return pattern
    return None


def name_at(text: str, at: int) -> str:
    """The template's (or parser function's) name, which begins at this place; empty where none does."""
    found = _FUNCTION.match(text, at) or NAME.match(text, at)
    return found.group(1) if found else ""


def arguments(content: str, pattern: str) -> dict[str, str]:
    """The arguments by name, unnamed ones by number: a bar within a link parts none, and ``=`` names only options.

    Source: MediaWiki, Help:Templates.
    """
    parts, depth, at = [], 0, 0
    for found in _BAR.finditer(content):
        if found.group() == "[[":
            depth += 1
        elif found.group() == "]]":
            depth = max(depth - 1, 0)
        elif not depth:
            parts.append(content[at : found.start()])
            at = found.end()
    parts.append(content[at:])
    options = _OPTIONS | {name for place in _PLACE.findall(pattern) for name in place.split("|")}
    values: dict[str, str] = {}
    number = 0
    for part in parts:
        named = _NAMED.fullmatch(part)
        name = named.group(1).strip() if named else ""
        if (named and name in options) or (name.isdecimal() and name not in values):
            values[name] = part.partition("=")[2].strip()
        else:  # a number that is taken, as in {{lang|fr|1=mot}}, is the next one
            number += 1
            values[str(number)] = (part.partition("=")[2] if name.isdecimal() else part).strip()
    return values


def rendered(name: str, pattern: str, values: Mapping[str, str]) -> str:
    """What the pattern shows of these arguments.

    Source: ours; the language of patterns is told in data/wikitext/templates.csv.
    """
    if pattern == "convert":
        return _converted(values)
    filled = ""
    for form in pattern.split(" || "):
        filled, whole = _filled(form, name, values)
        if whole:
            break
    return filled


def _filled(form: str, name: str, values: Mapping[str, str]) -> tuple[str, bool]:
    whole = True

    def optional(found: re.Match[str]) -> str:
        text, all_there = _filled(found.group(1), name, values)
        return text if all_there else ""

    def place(found: re.Match[str]) -> str:
        nonlocal whole
        value = _value(found.group(1), name, values)
        whole = whole and bool(value)
        return value

    # The optional parts first: their arguments may hold brackets, and are not looked at again.
    pieces, at = [], 0
    for found in _OPTIONAL.finditer(form):
        pieces += [_PLACE.sub(place, form[at : found.start()]), optional(found)]
        at = found.end()
    return "".join([*pieces, _PLACE.sub(place, form[at:])]), whole


def _value(choices: str, name: str, values: Mapping[str, str]) -> str:
    if choices.startswith("*"):
        return choices[2:].join(value for key, value in values.items() if key.isdecimal() and value)
    if choices == "NAME":
        return name.upper()
    return next((values[choice] for choice in choices.split("|") if values.get(choice)), "")


# {{convert|5|to|10|cm|in}}: what may stand between two values, and how it reads.
_BETWEEN = {
    "-": "–",
    "–": "–",
    "x": " × ",
    "by": " by ",
    "*": " × ",
    "to": " to ",
    "and": " and ",
    "or": " or ",
    "+": " + ",
}
_BETWEEN |= {
    "+/-": " ± ",
    "±": " ± ",
    "to(-)": " to ",
    "and(-)": " and ",
    "xx": " × ",
    "×": " × ",
    "&": " & ",
    "till": " till ",
}
_UNITS = {
    "sqmi": "sq mi",
    "sqft": "sq ft",
    "sqyd": "sq yd",
    "cuft": "cu ft",
    "C": "°C",
    "F": "°F",
    "K": "K",
    "km2": "km²",
}
_UNITS |= {"m2": "m²", "cm2": "cm²", "mm2": "mm²", "m3": "m³", "km3": "km³", "cm3": "cm³", "usgal": "US gal"}
_NUMBER = re.compile(r"[-+−]?[\d.,\s/+]*\d(?:e[-+]?\d+)?", re.IGNORECASE)


def _converted(values: Mapping[str, str]) -> str:
    """Value and unit as they were given; the unit that it is converted to is left out.

    ``5|to|10|cm|in`` is "5 to 10 cm", ``6|ft|2|in|cm`` is "6 ft 2 in".

    Source: en: Template:Convert.
    """
    given = [value for key, value in values.items() if key.isdecimal()]
    text, at = "", 0
    while at < len(given):
        text += given[at]
        while at + 2 < len(given) and given[at + 1].lower() in _BETWEEN:
            text += _BETWEEN[given[at + 1].lower()] + given[at + 2]
            at += 2
        if at + 1 >= len(given):
            break
        text += " " + _UNITS.get(given[at + 1], given[at + 1])
        at += 2
        # Another value with its unit follows (feet and inches), or the unit to convert to, or a precision.
        if at + 1 >= len(given) or not _NUMBER.fullmatch(given[at]) or _NUMBER.fullmatch(given[at + 1]):
            break
        text += " "
    return text

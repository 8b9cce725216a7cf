"""Names and numbers in one language: CLDR through babel, and the language file where CLDR has none."""

import datetime
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal

from .relations import CONTINENTS
from .world import countries

PARENTHESES = re.compile(r"\s*[(\uff08][^)\uff09]*[)\uff09]")
SLOT_MARK = 0xE000  # private use: stands for a list item until it is put in


def clean(name: str) -> str:
    """A CLDR name fit for running text: no parenthesis, no invisible character, plain spaces.

    >>> clean("Myanmar (Burma)")
    'Myanmar'

    Source: ours.
    """
    visible = "".join(c for c in PARENTHESES.sub("", name) if unicodedata.category(c) != "Cf")
    return " ".join(visible.split())


class Names:
    """The names of one language.

    Parameters
    ----------
    code
        The language; babel must know it.
    table
        The language file, as read by ``tomllib``.
    english
        English's ``cities``: the spelling used by a Latin script where its own file is silent.

    Source: CLDR through babel; ``data/atlas`` (ours).
    """

    def __init__(self, code: str, table: Mapping[str, Any], english: Mapping[str, str]) -> None:
        self.code = code
        self.locale = Locale.parse(code)
        self.table = table
        self.cities = {**english, **table["cities"]}
        self.name = lru_cache(maxsize=None)(self._name)

    def _name(self, kind: str, key: str) -> str:
        own = self.table.get("names", {}).get(kind, {}).get(key)
        if own is not None:
            return str(own)
        try:
            return clean(self._look_up(kind, key))
        except KeyError as error:
            raise ValueError(
                f"{self.code}: no name for {kind} {key!r}; add it to data/atlas/{self.code}.toml under [names.{kind}]"
            ) from error

    def _look_up(self, kind: str, key: str) -> str:
        style = self.table["style"]
        match kind:
            case "country":
                return str(self.locale.territories[key])
            case "continent":
                return str(self.locale.territories[CONTINENTS[key]])
            case "currency":
                return str(self.locale.currencies[key])
            case "language":
                return str(self.locale.languages[key])
            case "city":
                return self._city(key)
            case "month" | "weekday":
                return self._calendar(kind, int(key))
            case "water" | "season":
                return str(self.table[kind + "s"][key])
            case "topic":
                return str(self.table["topics"][key]["title"])
            case "people":
                large = int(key) >= 1_000_000
                wording = style.get("people_large", style["people"]) if large else style["people"]
                return str(wording).format(self.number(Decimal(key)))
            case "area":
                return str(style["area"]).format(self.digits(Decimal(key)))
            case "number":
                return self.digits(Decimal(key))
            case "year":
                return key
            case "calling":
                return "+" + key
            case "date":
                month, day = key.split("-")
                date = datetime.date(2000, int(month), int(day))
                return str(format_skeleton("MMMMd", date, locale=self.code))
        raise KeyError(kind)

    def _city(self, key: str) -> str:
        zone = countries()[key].zone
        if zone == "named":
            return str(self.cities[key])
        if key in self.table["cities"]:
            return str(self.table["cities"][key])
        names = (code for code in (self.code, "en"))
        for code in names:  # CLDR leaves out what equals English, and English what equals the zone's id
            found = Locale.parse(code).time_zones.get(zone, {}).get("city")
            if found:
                return str(found)
        return str(zone.rsplit("/", 1)[-1].replace("_", " "))

    def _calendar(self, kind: str, number: int) -> str:
        field = "months" if kind == "month" else "days"
        # babel 2.18 writes a resolved alias back into data that locales share, so that asking a locale without
        # stand-alone names for them answers in whichever language was asked first. Hence never ask such a one.
        own = kind in self.table["style"].get("standalone", [])
        return str(getattr(self.locale, field)["stand-alone" if own else "format"]["wide"][number])

    def digits(self, value: Decimal) -> str:
        """A number in figures, grouped as the language does (``group = false`` in its file: not at all).

        Source: CLDR through babel.
        """
        grouped = self.table["style"].get("group", True)
        return clean(format_decimal(value, locale=self.code, group_separator=grouped))

    def number(self, value: Decimal) -> str:
        """A large number with its scale word, ``38 million``, in the plural that CLDR asks for.

        Source: scale words ours, plural rules CLDR.
        """
        for threshold, words in self.table["style"]["scales"]:
            if value >= threshold:
                digits = (value / threshold).quantize(Decimal("0.01")).normalize()
                digits = digits.quantize(Decimal(1)) if digits == digits.to_integral() else digits
                word = words.get(self.locale.plural_form(digits), words["other"])
                return str(word).format(self.digits(digits))
        return self.digits(value)

    def form(self, kind: str, key: str, form: str) -> str:
        """A name in a form that the language file defines, such as ``the`` or ``in``.

        In a form's template ``{}`` is the name and ``{-1}`` the name without its last letter, for endings.

        Source: ours.
        """
        name = self.name(kind, key)
        if not form:
            return name
        forms = self.table.get("forms", {}).get(kind, {})
        table = forms.get(form)
        if table is None:
            raise ValueError(f"data/atlas/{self.code}.toml: no [forms.{kind}.{form}]; define it")
        group = next((g for g, keys in forms.items() if isinstance(keys, str) and key in keys.split()), "_")
        template = str(table.get(key) or table.get(group) or table.get("_", "{}"))
        return template.replace("{-1}", name[:-1]).replace("{}", name)

    def listed(self, count: int) -> str:
        """CLDR's list of ``count`` placeholders, characters from ``SLOT_MARK`` on.

        Source: CLDR list patterns through babel.
        """
        return str(format_list([chr(SLOT_MARK + place) for place in range(count)], locale=self.code))

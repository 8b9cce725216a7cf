"""The lists of ``data/atlas/tasks/<code>.toml``, checked against English's: line n says the same in all languages."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from .language import SLOT
from .relations import RELATIONS

# Slots of the sentences for entity recognition and of judgements, and the kind of thing that fills each.
KINDS = {
    **{"person": "person", "colleague": "person", "organisation": "organisation", "event": "event"},
    **{"city": "city", "destination": "city", "country": "country", "language": "language"},
    **{"date": "full_date", "time": "time", "address": "address", "amount": "amount"},
}
SLOTS = {
    "ner": ("person", "colleague", "organisation", "event", "city", "destination", "country", "language"),
    "legal": ("person", "colleague", "organisation", "date", "time", "address", "city", "amount"),
}
LISTED = {"neighbours": "country", "other": "country", "waters": "water", "languages": "language"}
# How an address and a person's two names are put together; a file may say it in its own way.
ADDRESS, JOIN = "{street} {number}, {city}", " "
OPTIONAL = {"names.address": ADDRESS, "names.join": JOIN}


def read_lists(path: Path, english: Path, forms: Mapping[str, Any]) -> Mapping[str, Any]:
    """Dotted key -> lines, such as ``claims.capital.train``.

    Parameters
    ----------
    path
        The file.
    english
        The one that it must agree with in keys, lengths and slots.
    forms
        The ``[forms]`` of the language's own sentences.

    Raises
    ------
    ValueError
        If the file is missing or does not agree.

    Source: ours.
    """
    own, model = dict(_flat(_read(path))), dict(_flat(_read(english)))
    if missing := sorted(model.keys() - OPTIONAL.keys() - own.keys()):
        raise ValueError(f"{path}: no {missing[0]}; translate that list of en.toml")
    if strange := sorted(own.keys() - OPTIONAL.keys() - model.keys()):
        raise ValueError(f"{path}: {strange[0]} is not in en.toml; correct its name, or leave it out")
    for key, lines in own.items():
        if key in OPTIONAL:
            if not isinstance(lines, str) or _slots(lines) != _slots(OPTIONAL[key]):
                raise ValueError(f"{path}: {key} = {lines!r}: write text such as {OPTIONAL[key]!r}")
            continue
        if not isinstance(lines, list) or not all(isinstance(line, str) and line for line in lines):
            raise ValueError(f"{path}: {key} is no list of sentences or names; write one")
        if len(lines) != len(model[key]):
            raise ValueError(f"{path}: {key} has {len(lines)} lines, en.toml {len(model[key])}; line n says the same")
        for number, (line, other) in enumerate(zip(lines, model[key], strict=True), start=1):
            where = f"{path}: {key}, line {number} = {line!r}"
            if _slots(line) != _slots(other) or set(_slots(line)) - set(_allowed(key)) or _braces(line):
                raise ValueError(f"{where}: write each slot of English's line once: {_slots(other)}")
            for slot, form in SLOT.findall(line):
                kind = LISTED.get(slot) or KINDS.get(slot, slot)
                if form and form not in forms.get(kind, {}):
                    raise ValueError(f"{where}: a {kind} has no form {form!r} here; define [forms.{kind}.{form}]")
    return own


def _slots(text: str) -> list[str]:
    return sorted(name for name, _ in SLOT.findall(text))


def _braces(text: str) -> bool:
    return not {"{", "}"}.isdisjoint(SLOT.sub("", text))


def _allowed(key: str) -> Sequence[str]:
    kind, name = key.split(".")[:2]
    if kind == "names":
        return ("city",) if name in ("organisation", "event") else ()
    if kind in SLOTS:
        return SLOTS[kind]
    return RELATIONS[name] if kind == "claims" else ("country",)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@cache
def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as handle:
            return tomllib.load(handle)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no task files for this language; translate en.toml beside it") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not valid TOML ({error}); correct that line") from error

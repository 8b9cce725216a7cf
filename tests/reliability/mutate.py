"""Valid files made hostile: flipped, cut, doubled, and fed with what parsers choke on; the same for the same seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

TOKENS: tuple[bytes, ...] = (
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # a lone surrogate in UTF-8
    b"\xc0\xaf",  # an overlong slash
    b"\xf4\x90\x80\x80",  # beyond Unicode
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\r",
    b"\n",
    b"\n\n\n",
    b"\t",
    b"\x0b\x0c\x1c\x85",
    "\u2028\u2029\u200b\u202e\u00a0\ufffd".encode(),
    "\u0301".encode() * 300,
    b"&#xD800;",
    b"&#0;",
    b"&#99999999999;",
    b"&unknown;",
    b"&amp;" + b"amp;" * 400,
    b'<!DOCTYPE a [<!ENTITY b "c">]>',
    b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;">]><a>&d;</a>',
    b'<!ENTITY a SYSTEM "file:///etc/passwd">',
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<page>",
    b"</page>",
    b"<siteinfo>",
    b"</mediawiki>",
    b'<namespace key="99999">a</namespace>',
    b"<ns>99999999999999999999</ns>",
    b"<ns>\xd9\xa3</ns>",
    b"<id></id>",
    b"<a b='" + b"c" * 3000,
    b"<a>" * 2000,
    b"</a>" * 20,
    b"<ref>" * 100,
    b"<ref name=a>" + b"b" * 500,
    b"<nowiki>",
    b"{{" * 500,
    b"}}" * 50,
    b"{|" * 100,
    b"|}",
    b"[[" * 500,
    b"]]" * 50,
    b"[[File:a.jpg|thumb|",
    b"[http://a " * 100,
    b"''" * 50,
    b"-{a:b;",
    b"__TOC__",
    b"978-3-16-148410-0",
    b"https://a.b/c?d=e",
    b'"',
    b'""',
    b'\\"',
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b"'",
    b",",
    b";",
    b"[" * 3000,
    b"]" * 30,
    b'{"a":' * 3000,
    b"{",
    b"}",
    b"null",
    b"true",
    b"NaN",
    b"Infinity",
    b"-1",
    b"1e999",
    b"1e-999",
    b"9" * 5000,
    b"-0",
    b"0x10",
    b"\xd9\xa1\xd9\xa2",  # Arabic digits
    b"..%2f..%2f",
    b"../../../../etc/passwd",
    b"=cmd|' /C calc'!A0",
    b"-DOCSTART- -X- O O\n",
    b" B-LOC",
    b" I-",
    b" O\n",
    b"en:",
    b"[MASK]",
    b"[UNK]\n",
    b"##",
    b"a" * 20_000,
    b"a " * 3000,
)

# What may stand in place of a value in JSON or YAML.
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**63,
    2**64,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\0",
    "\ud800",
    "a" * 5000,
    "1",
    "nan",
    "../../x",
    "en",
    [],
    [None],
    [[]],
    {},
    {"a": 1},
    [1, "a", None, {}],
    ["O", "B-PER"],
    [0] * 300,
)


def mutate(source: bytes, rng: Random) -> bytes:
    """One to four changes of bytes, lines or, where it is JSON, of values."""
    data = source
    for _ in range(rng.choice((1, 1, 2, 3, 4))):
        data = rng.choice(_CHANGES)(data, rng)[:200_000]
    return data


def value(source: Any, rng: Random) -> Any:
    """A copy of a JSON value with one to three nodes changed, taken out, doubled or renamed."""
    copy = deepcopy(source)
    for _ in range(rng.choice((1, 1, 2, 3))):
        copy = _one_value(copy, rng)
    return copy


def _one_value(node: Any, rng: Random) -> Any:
    if isinstance(node, dict) and node and rng.random() < 0.85:
        key, choice = rng.choice(list(node)), rng.random()
        if choice < 0.1:
            node.pop(key)
        elif choice < 0.2:
            node[rng.choice(("", "a", key + " ", key.upper(), "\ud800"))] = node.pop(key)
        else:
            node[key] = _one_value(node[key], rng)
        return node
    if isinstance(node, list) and node and rng.random() < 0.85:
        place, choice = rng.randrange(len(node)), rng.random()
        if choice < 0.1:
            node.pop(place)
        elif choice < 0.2:
            node.insert(place, node[place])
        else:
            node[place] = _one_value(node[place], rng)
        return node
    return deepcopy(rng.choice(VALUES))


def _place(data: bytes, rng: Random) -> int:
    return rng.randrange(len(data) + 1)


def _flip(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _any_byte(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + bytes([rng.randrange(256)]) + data[at + rng.randrange(2) :]


def _insert(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.choice(TOKENS) + data[at:]


def _replace(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.choice(TOKENS) + data[at + rng.randrange(20) :]


def _cut(data: bytes, rng: Random) -> bytes:
    return data[: _place(data, rng)]


def _behead(data: bytes, rng: Random) -> bytes:
    return data[_place(data, rng) :]


def _take_out(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + rng.choice((1, 2, 10, 100)) :]


def _double(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    piece = data[at : at + rng.choice((1, 10, 100, 1000))]
    return data[:at] + piece * rng.choice((2, 3, 50)) + data[at:]


def _line(data: bytes, rng: Random) -> bytes:
    lines = data.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(4)
    if how == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif how == 1:
        lines.insert(one, lines[other])
    elif how == 2:
        lines.pop(one)
    else:
        lines[one] += lines[other]
    return b"\n".join(lines)


def _endings(data: bytes, rng: Random) -> bytes:
    return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\r", b"\n\n", b"")))


def _encoding(data: bytes, rng: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "latin-1", "cp1251")), "replace")


def _half_encoded(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + _encoding(data[at:], rng)


def _digits(data: bytes, rng: Random) -> bytes:
    places = [at for at, byte in enumerate(data[:20_000]) if 48 <= byte <= 57]
    if not places:
        return data
    at = rng.choice(places)
    return data[:at] + rng.choice((b"", b"-1", b"9" * 30, b"9" * 5000, b"1e9", b"0.5", b"NaN")) + data[at + 1 :]


def _value(data: bytes, rng: Random) -> bytes:
    """A line (or the whole) that is JSON, with another value in it."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    for given in (data, lines[at]):
        try:
            changed = json.dumps(_one_value(json.loads(given), rng), ensure_ascii=rng.random() < 0.5)
        except (ValueError, RecursionError):
            continue
        encoded = changed.encode("utf-8", "surrogatepass")
        return encoded if given is data else b"\n".join([*lines[:at], encoded, *lines[at + 1 :]])
    return _insert(data, rng)


_CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip,
    _any_byte,
    _insert,
    _insert,
    _insert,
    _replace,
    _cut,
    _behead,
    _take_out,
    _double,
    _line,
    _endings,
    _encoding,
    _half_encoded,
    _digits,
    _value,
    _value,
)

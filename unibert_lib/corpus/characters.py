"""Classes of characters, by which the rules are decided over a batch."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

DOUBT, DIGIT, LETTER, SPACE, ALONE, MARK = 1, 2, 4, 8, 16, 32
TABLE_SIZE = 0x20000  # characters above are rare, and doubted
# What may stand in an ISBN with its label, so that a letter of it proves nothing about rule 2.
_ISBN_LETTER = re.compile("[eisbnxردمكشابک]", re.IGNORECASE)
# What BERT makes words of their own: the punctuation of ASCII, and Chinese characters. Punctuation beyond ASCII is too,
# by a table that differs between versions of Unicode: it goes uncounted. So do [ and ], since "[SEP]" is one piece.
_CUT_OFF = re.compile("[!-/:-@\\\\^-`{-~\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def kinds_of(joined: str) -> tuple[NDArray[np.uint8] | NDArray[np.uint32], NDArray[np.uint8]]:
    """The code and the class of each character."""
    known = table()
    if joined.isascii():
        encoded = joined.encode()
        kinds = bytearray(encoded.translate(known[:256].tobytes()))
        return np.frombuffer(encoded, dtype=np.uint8), np.frombuffer(kinds, dtype=np.uint8)
    codes = codes_of(joined)
    return codes, known.take(codes, mode="clip")


def codes_of(joined: str) -> NDArray[np.uint8] | NDArray[np.uint32]:
    """The code of each character."""
    if joined.isascii():
        return np.frombuffer(joined.encode(), dtype=np.uint8)
    return np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


@cache
def table() -> NDArray[np.uint8]:
    """The class of each character by its code; the last entry stands for all that follow."""
    return np.array([_kind(chr(code)) for code in range(TABLE_SIZE - 1)] + [DOUBT], dtype=np.uint8)


def _kind(sign: str) -> int:
    if sign == " ":
        return SPACE
    if sign in "<>&\ufffd" or not sign.isprintable():
        return DOUBT
    letter = LETTER if sign.isalpha() and not _ISBN_LETTER.fullmatch(sign) else 0
    alone = ALONE if _CUT_OFF.match(sign) else 0
    return letter | alone | (DIGIT if sign.isdecimal() else 0) | (MARK if sign in ".:" else 0)

"""Long texts in slices for the tokenizer, whose time and memory grow faster than a text of a million characters."""

from __future__ import annotations

import re

LONGEST = 10_000  # characters; genuine paragraphs are shorter (ours)

# Where WordPiece cuts in any case: white space, punctuation of ASCII, Chinese characters. Not at brackets, which may
# belong to a special token.
_CUT = re.compile("[ \t\n!-/:-@^-`{-~\\\\\u00a0\u3000\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_TO_LAST_CUT = re.compile(f".*{_CUT.pattern}", re.DOTALL)


def slices(text: str, longest: int = LONGEST) -> list[str]:
    """The text in parts of at most ``longest`` characters, cut where WordPiece cuts too: the pieces stay the same.

    A word that is longer is capped: the rest of it is left out, as WordPiece reads any word of more than 100
    characters as ``[UNK]``.

    Source: ours (RELIABILITY, row 15).
    """
    parts, at = [], 0
    while len(text) - at > longest:
        found = _TO_LAST_CUT.match(text, at, at + longest)
        if found is not None:
            parts.append(found.group())
            at = found.end()
            continue
        parts.append(text[at : at + longest])
        after = _CUT.search(text, at + longest)
        at = len(text) if after is None else after.start()
    return [*parts, text[at:]]

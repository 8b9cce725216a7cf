"""Formulas of a notebook's texts as MathML, which browsers show without a script and without a network."""

from __future__ import annotations

import html
import re
from xml.etree.ElementTree import tostring

# Code first, so that a dollar in it is left alone; then $$...$$ and $...$.
_FORMULA = re.compile(
    r"```.*?```|`[^`\n]*`|\$\$(?P<block>[^$]+)\$\$|\$(?!\s)(?P<inline>[^$\n]+)(?<!\s)\$(?!\d)", re.DOTALL
)
_LONGEST = 1_000  # characters of a formula
_HELD = re.compile("\ue000([0-9]+)\ue001")  # private characters: Markdown and sanitising leave them alone
# What a formula may become; \href, \class and \style would bring more.
_ELEMENT = re.compile("math|m(row|i|o|n|text|space|frac|sqrt|root|sub|sup|subsup|over|under|underover)")
_ATTRIBUTE = re.compile("xmlns|display|accent|fence|form|mathvariant|maxsize|minsize|movablelimits|stretchy|width")


class Formulas:
    """Formulas that are taken out of Markdown before it becomes HTML, and put in again afterwards.

    Source: ours.
    """

    def __init__(self) -> None:
        self._found: list[str] = []

    def take(self, markdown: str) -> str:
        """The text with a mark for each formula; one that cannot be converted stays as it is."""
        return _FORMULA.sub(self._take, _HELD.sub("", markdown))

    def _take(self, found: re.Match[str]) -> str:
        tex = found["block"] or found["inline"]
        made = mathml(tex, "block" if found["block"] else "inline") if tex else None
        if made is None:
            return found.group()
        self._found.append(made)
        return f"\ue000{len(self._found) - 1}\ue001"

    def put(self, page: str) -> str:
        """The page with each mark as its formula."""
        return _HELD.sub(lambda mark: self._found[int(mark[1])] if int(mark[1]) < len(self._found) else "", page)


def mathml(tex: str, display: str) -> str | None:
    """The formula, or None where it is no TeX that is known here.

    Source: ours, by latex2mathml.
    """
    from latex2mathml.converter import Converter  # only here: most of the library needs no formulas

    if len(tex) > _LONGEST or r"\def" in tex or r"\newcommand" in tex:  # what grows with each use
        return None
    try:
        element = Converter(display=display).convert_to_element(tex)
    except Exception:  # of many kinds, for TeX that it does not know
        return None
    for part in element.iter():
        if not _ELEMENT.fullmatch(part.tag) or not all(map(_ATTRIBUTE.fullmatch, part.attrib)):
            return None
        # latex2mathml writes signs as references, and unescapes the whole at the end, what the TeX held with it.
        part.text = html.unescape(part.text) if part.text else part.text
    return tostring(element, encoding="unicode")

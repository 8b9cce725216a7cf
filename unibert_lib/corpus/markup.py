"""Linear scanners for the parts of wikitext that are not text: comments, tags, templates, tables, file links.

Each is one pass with a stack, so that unclosed or deeply nested markup costs time in proportion to its length;
a regular expression over ``<ref>.*?</ref>`` and the like is quadratic there (RELIABILITY, row 8).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from unibert_lib.corpus import templates

# Elements dropped with all they contain.
_WITH_CONTENT = (
    "ref references math chem ce gallery timeline score syntaxhighlight source pre table imagemap hiero graph mapframe"
    " maplink templatestyles templatedata inputbox categorytree includeonly style script indicator tr td th caption"
)
# Elements that end a line of text; every other known element leaves its content where it stands.
_BLOCK = "p div center blockquote ul ol li dl dt dd tbody thead hr h1 h2 h3 h4 h5 h6 poem section br"
_INLINE = (
    "a abbr b bdi bdo big cite code data del dfn em font i ins kbd mark nobr noinclude nowiki onlyinclude q rb rp rt"
    " ruby s samp small span strike strong sub sup time tt u var wbr img input object label phonos"
    " html head body title link meta form button iframe o:p"
)
_CELLS = frozenset(("table", "tr", "td", "th", "caption"))
DROPPED_NAMES = frozenset(_WITH_CONTENT.split())
BLOCK_NAMES = frozenset(_BLOCK.split())
HTML_NAMES = DROPPED_NAMES | BLOCK_NAMES | frozenset(_INLINE.split())

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:]{0,19})((?:[\s/][^<>]*)?)>")
_NOWIKI = re.compile(r"<nowiki\s{0,9}>", re.IGNORECASE)
_NOWIKI_END = re.compile(r"</nowiki\s{0,9}>", re.IGNORECASE)
_LITERAL = {ord(sign): f"&#{ord(sign)};" for sign in "[]{}|'<>*#:;=!"}


def remove_comments(text: str) -> str:
    """Remove ``<!-- ... -->``; like MediaWiki, an unclosed comment reaches to the end of the page.

    Source: ours (the behaviour of MediaWiki's preprocessor).
    """
    if "<!--" not in text:
        return text
    pieces, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        pieces.append(text[at:start])
        end = text.find("-->", start + 4)
        if end < 0:
            return "".join(pieces)
        at = end + 3
    pieces.append(text[at:])
    return "".join(pieces)


def protect_nowiki(text: str) -> str:
    """Write the markup signs between ``<nowiki>`` and ``</nowiki>`` as character references.

    Source: ours.
    """
    pieces, at = [], 0
    while (start := _NOWIKI.search(text, at)) is not None:
        end = _NOWIKI_END.search(text, start.end())
        if end is None:
            break
        pieces += [text[at : start.start()], text[start.end() : end.start()].translate(_LITERAL)]
        at = end.end()
    pieces.append(text[at:])
    return "".join(pieces)


def remove_tags(text: str) -> str:
    """Remove every known tag; ``ref``, ``math``, ``table`` and their like go with their content.

    An opening tag that is never closed loses only itself: a forgotten ``</ref>`` must not swallow the article.

    Source: ours.
    """
    if "<" not in text:
        return text
    ends = _ends_of_dropped(text)
    pieces, at = [], 0
    for found in _TAG.finditer(text):
        name = found.group(2).lower()
        if found.start() < at or name not in HTML_NAMES:
            continue
        pieces.append(text[at : found.start()])
        # A </table> without its <table> closes a "{|".
        closing = name == "table" and found.group(1)
        pieces.append(" " if name == "br" else "\n|}\n" if closing else "\n" if name in BLOCK_NAMES | _CELLS else "")
        at = ends.get(found.start(), found.end())
    pieces.append(text[at:])
    return "".join(pieces)


def _ends_of_dropped(text: str) -> dict[int, int]:
    """Where each element that is dropped ends, by where it begins: tags are paired by one stack per name."""
    ends: dict[int, int] = {}
    stacks: dict[str, list[int]] = {}
    for found in _TAG.finditer(text):
        name = found.group(2).lower()
        if name not in DROPPED_NAMES or found.group(3).endswith("/"):
            continue
        stack = stacks.setdefault(name, [])
        if not found.group(1):
            stack.append(found.start())
        elif stack:
            ends[stack.pop()] = found.end()
    return ends


_BRACES = re.compile(r"\{{2,}|\}{2,}|^[ \t:*#]{0,20}\{\||^[ \t]{0,20}\|\}(?!\})", re.MULTILINE)
_COPIED_DEPTH = 12  # a template nested deeper shows nothing: copying its text up level by level is not linear
_DEPTH = 100  # openings beyond this depth are counted, not followed
_LETTERS = re.compile(r"[^\W\d_]{2}")


class _Frame:
    __slots__ = ("parts", "start", "width")

    def __init__(self, width: int, start: int) -> None:
        self.width, self.start = width, start  # width 0: a table; start: where the name begins
        self.parts: list[str] = []


def remove_templates_and_tables(text: str, wiki: str = "", lost: Counter[str] | None = None) -> str:
    """Put what a template shows in its place (``data/wikitext/templates.csv``) and remove tables, nested in any way.

    A template that is never closed goes to the end of its line, a table that is never closed loses its rows. ``lost``
    counts the characters of unnamed arguments, by name, of templates within a line that no table lists: they may be
    prose.

    Source: ours.
    """
    if "{" not in text:
        return text
    root = _Frame(0, 0)
    stack = [root]
    at = ignored = 0
    for found in _BRACES.finditer(text):
        stack[-1].parts.append(text[at : found.start()])
        at = found.end()
        token = found.group()
        if token.endswith("|}"):
            _close_table(stack)
        elif token[0] == "}":
            skipped = min(ignored, len(token) // 2)
            ignored -= skipped
            _close_templates(stack, len(token) - 2 * skipped, text, at, wiki, lost)
        elif len(stack) >= _DEPTH:
            ignored += len(token) // 2
        elif token.endswith("{|"):
            stack.append(_Frame(0, at))
        else:
            # "{{{" is a parameter's three braces; more are templates within templates.
            pairs = min(len(token) // 2, _DEPTH)
            stack += [_Frame(2, at) for _ in range(pairs - 1)]
            stack.append(_Frame(2 + len(token) % 2, at))
    stack[-1].parts.append(text[at:])
    # Frames still open hold what follows their mark, in order: read them from the outside in.
    pieces = root.parts
    for frame in stack[1:]:
        rest = "".join(frame.parts)
        if frame.width:
            line_end = rest.find("\n")
            rest = "" if line_end < 0 else rest[line_end:]
        else:
            rest = _without_rows(rest)
        pieces.append(rest)
    return "".join(pieces)


def _without_rows(rest: str) -> str:
    """What is left of a table that is never closed: not its attributes, its rows, nor what goes on in a cell."""
    lines, in_cell = [""], True
    for line in rest.split("\n")[1:]:
        bare = line.strip()
        if not bare or bare[0] == "=":
            in_cell = False
        elif bare[0] in "|!":
            in_cell = True
        if not in_cell:
            lines.append(line)
    return "\n".join(lines)


def _close_table(stack: list[_Frame]) -> None:
    # A template left open inside the table ends with it; only a few levels are looked through.
    for depth in range(1, min(len(stack), 6)):
        if stack[-depth].width == 0:
            del stack[-depth:]
            stack[-1].parts.append("\n")
            return


def _close_templates(
    stack: list[_Frame], braces: int, text: str, at: int, wiki: str, lost: Counter[str] | None
) -> None:
    while braces >= 2 and len(stack) > 1:
        if stack[-1].width == 0:
            return  # inside a table a stray }} closes nothing outside it
        frame = stack.pop()
        braces -= min(frame.width, braces)
        name = templates.name_at(text, frame.start)
        pattern = templates.shows(name, wiki) if name and frame.width == 2 else None
        if pattern == templates.TABLE_END:
            if stack[-1].width == 0 and len(stack) > 1:
                _close_table(stack)
        elif pattern and len(stack) < _COPIED_DEPTH:
            _, _, content = "".join(frame.parts).partition(":" if name.endswith(":") else "|")
            stack[-1].parts.append(templates.rendered(name, pattern, templates.arguments(content, pattern)))
        elif pattern is None and lost is not None and name and frame.width == 2:
            _count_lost(frame, name, text, at, lost)


def _count_lost(frame: _Frame, name: str, text: str, end: int, lost: Counter[str]) -> None:
    """An unlisted template within a line: its unnamed arguments may be prose."""
    before, after = text[max(frame.start - 3, 0) : max(frame.start - 2, 0)], text[end : end + 1]
    if before.strip("\n") or after.strip("\n"):
        content = "".join(frame.parts).partition("|")[2]
        words = [part for part in content.split("|") if "=" not in part and _LETTERS.search(part)]
        if words:
            lost[name] += sum(map(len, words))


_BRACKETS = re.compile(r"\[\[|\]\]|\n[ \t]{0,20}\n")
_LINK_DEPTH = 8


def filter_links(text: str, dropped: Callable[[str], bool]) -> str:
    """Remove ``[[...]]`` where ``dropped(target)``, captions and links inside them included; keep the others.

    Brackets without a partner in the same block of lines are removed.

    Source: ours.
    """
    if "[[" not in text and "]]" not in text:
        return text
    pieces: list[str] = []
    frames: list[list[str]] = [[]]
    at = 0
    for found in _BRACKETS.finditer(text):
        frames[-1].append(text[at : found.start()])
        at = found.end()
        if found.group() == "[[":
            if len(frames) <= _LINK_DEPTH:
                frames.append([])
        elif found.group() != "]]":
            # No link spans an empty line: what is still open was never closed.
            pieces += [piece for frame in frames for piece in frame]
            pieces.append("\n\n")
            frames = [[]]
        elif len(frames) > 1:
            content = "".join(frames.pop())
            if not dropped(content.partition("|")[0]):
                content = content.replace("\n", " ").removeprefix(":")  # a line of its own may begin with its bar
                frames[-1].append(f"[[{content}]]")
    frames[-1].append(text[at:])
    return "".join(pieces + [piece for frame in frames for piece in frame])

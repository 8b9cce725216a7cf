"""Wikitext as it is found: markup, scars and debris, which give the reader and the five filters their work.

Three kinds, kept apart because they end differently. *Markup* (links, templates, references, tables) disappears when
wikitext is read, and the words stay. *Scars* (left-over HTML, invisible characters) are healed by rules 1 and 4.
*Debris* (bare addresses, book numbers, rows of figures, stubs) is dropped by rules 2, 3 and 5. After all of it the
paragraphs are those of the article again; a test says so.
"""

import unicodedata
from collections.abc import Callable
from random import Random

from .article import Article, Paragraph
from .language import Language
from .world import Entity, countries, plain

# zero-width space, direction marks, soft hyphen, word joiner, byte order mark, pop direction, a C1 control
HIDDEN = ("\u200b", "\u200e", "\u200f", "\u00ad", "\u2060", "\ufeff", "\u202c", "\u0096")
LEFTOVERS = (
    '&lt;span class="nowrap"&gt;{}&lt;/span&gt;',
    "{} &lt;br /&gt;",
    '&lt;font color="red"&gt;{}',
    '&lt;div style="float:right; width:40%"&gt; {}',
    "{} &amp;nbsp;&amp;nbsp;",
    "&lt;p align=center&gt;{}&lt;/p&gt;",
)
LINKED = ("country", "city", "currency", "language", "continent", "month", "weekday")
# How often, per paragraph (first line) or per page; about one paragraph in six is dropped in the end.
LEFTOVER, HIDDEN_CHANCE, ROW, STUB = 0.06, 0.06, 0.06, 0.05
URL, ISBN, TABLE, EMPTY_HTML = 0.12, 0.12, 0.12, 0.02


def wikitext(article: Article, language: Language, rng: Random) -> str:
    """The article as the source text of a wiki page, with noise.

    Source: ours.
    """
    parts: list[str] = []
    if article.entity.kind in ("country", "city"):
        parts.append(infobox(article, language))
        if rng.random() < 0.4:
            parts.append(picture(article, language, rng))
    heading = ""
    for paragraph in article.paragraphs:
        if paragraph.heading != heading:
            heading = paragraph.heading
            parts.append(f"== {language.table['headings'][heading]} ==")
        parts.append(inline(paragraph, article.entity, language, rng))
        parts.extend(debris(article, rng))
    parts.extend(closing(article, language, rng))
    return "\n\n".join(parts) + "\n"


def inline(paragraph: Paragraph, entity: Entity, language: Language, rng: Random) -> str:
    """The paragraph with markup and perhaps scars; the words are unchanged.

    Source: ours.
    """
    text, last = paragraph.text, 0
    pieces: list[str] = []  # literal, name, literal, name, ..., literal
    bold = False
    for span in paragraph.spans:
        surface = text[span.start : span.end]
        pieces.append(_entities(text[last : span.start], rng))
        last = span.end
        draw = rng.random()
        if not (bold or paragraph.heading) and (span.kind, span.key) == (entity.kind, entity.key):
            pieces.append(f"'''{surface}'''")
            bold = True
        elif span.kind in LINKED and draw < 0.5:
            target = language.title(span.kind, span.key)
            pieces.append(f"[[{surface}]]" if target == surface else f"[[{target}|{surface}]]")
        elif draw > 0.95:
            pieces.append(f"''{surface}''")
        else:
            pieces.append(surface)
    pieces.append(_entities(text[last:], rng))
    if rng.random() < HIDDEN_CHANCE:  # in the literal pieces only: a link's target must stay as it is
        pieces[::2] = [hidden(piece, rng) for piece in pieces[::2]]
    body = "".join(pieces)
    if rng.random() < LEFTOVER:
        body = rng.choice(LEFTOVERS).format(body)
    if rng.random() < 0.35:
        body += reference(rng)
    if rng.random() < 0.08:
        body += "{{citation needed|date=May 2024}}"
    if rng.random() < 0.08:
        body = "<!-- checked -->" + body
    return body


def _entities(text: str, rng: Random) -> str:
    if " " in text[1:-1] and rng.random() < 0.05:
        place = text.index(" ", 1)
        return text[:place] + "&nbsp;" + text[place + 1 :]
    return text


def hidden(text: str, rng: Random) -> str:
    """The text with up to two invisible characters within its words.

    Source: ours.
    """
    for _ in range(rng.randint(1, 2)):
        inside = [i for i in range(1, len(text)) if _in_word(text[i - 1]) and _in_word(text[i])]
        if "&" in text or not inside:  # never within a character reference
            return text
        place = rng.choice(inside)
        text = text[:place] + rng.choice(HIDDEN) + text[place:]
    return text


def _in_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"  # marks too: Hindi vowels are no letters


def reference(rng: Random) -> str:
    """A footnote: a cited web page, a named one, or a reference to it.

    Source: ours.
    """
    number = rng.randint(10, 999)
    forms = (
        f'<ref name="atlas{number}">{{{{cite web|url=https://example.org/atlas/{number}|title=Atlas {number}'
        f"|access-date=2024-0{number % 9 + 1}-11}}}}</ref>",
        f"<ref>[https://example.org/{number} Atlas], p. {number}. ISBN 978-0-00-{number:06d}-{number % 10}</ref>",
        f'<ref name="atlas{number}" />',
    )
    return rng.choice(forms)


def infobox(article: Article, language: Language) -> str:
    """The template at the head of a page on a place, with a nested template inside.

    Source: ours.
    """
    land = countries()[article.entity.key]
    return "\n".join(
        (
            "{{" + language.table["wiki"]["infobox"],
            f"| name = {article.title}",
            f"| image_map = {article.entity.key}-map.svg",
            f"| area_km2 = {{{{formatnum:{plain(land.area)}}}}}",
            f"| population = {{{{formatnum:{land.people}}}}} <!-- rounded -->",
            f"| calling_code = +{land.calling}<br />",
            "}}",
        )
    )


def picture(article: Article, language: Language, rng: Random) -> str:
    """A file link whose caption holds a link of its own.

    Source: ours.
    """
    words = language.table["wiki"]
    caption = f"[[{article.title}]]" if rng.random() < 0.5 else f"''{article.title}''"
    return (
        f"[[{words['file']}:{article.entity.key}-{rng.randint(1, 9)}.jpg|thumb|{rng.choice([180, 220])}px|{caption}]]"
    )


def debris(article: Article, rng: Random) -> list[str]:
    """Paragraphs to be dropped that stand among the others: a row of figures, a stub of a word or two.

    Source: UniBERT 3.1 (rules 3 and 5); the examples are ours.
    """
    kinds: tuple[tuple[float, Callable[[], str]], ...] = ((ROW, lambda: digits(rng)), (STUB, lambda: article.title))
    return [make() for chance, make in kinds if rng.random() < chance]


def digits(rng: Random) -> str:
    """A row of a table that lost its table: years and figures.

    Source: ours.
    """
    return " ".join(str(rng.randint(1000, 99999)) for _ in range(rng.randint(6, 14)))


def closing(article: Article, language: Language, rng: Random) -> list[str]:
    """What stands at the foot of a page: a table, links, book numbers, categories.

    Source: ours.
    """
    words = language.table["wiki"]
    page = article.entity.page
    parts: list[str] = []
    if rng.random() < TABLE:
        rows = "\n".join(f"|-\n| {1950 + 10 * row} || {rng.randint(1000, 99999)}" for row in range(5))
        parts.append(f'{{| class="wikitable sortable"\n! {article.title} !! km²\n{rows}\n|}}')
        parts.append(digits(rng))
    if rng.random() < 0.05:
        parts.append(
            f"<gallery>\n{words['file']}:{page}-a.jpg|{article.title}\n{words['file']}:{page}-b.jpg\n</gallery>"
        )
    if rng.random() < URL:
        parts.append(f"== {words['links']} ==")
        parts.append(f"https://www.example.org/atlas/{article.language}/{page}")
        parts.append(
            f"* [https://example.org/{page} https://example.org/{page}]\n* http://atlas.example.net/?id={page}"
        )
    if rng.random() < EMPTY_HTML:
        parts.append('&lt;div class="noprint"&gt; &lt;/div&gt;')
    if rng.random() < ISBN:
        parts.append(f"ISBN 978-3-{page:05d}-{page % 97:02d}{rng.randint(0, 9)}-{rng.randint(0, 9)}")
    if rng.random() < 0.5:
        parts.append(f"== {words['references']} ==\n<references />\n{{{{reflist|2}}}}")
    parts.append(f"[[{words['category']}:{words['countries']}]]\n[[{words['category']}:{article.title}]]")
    return parts

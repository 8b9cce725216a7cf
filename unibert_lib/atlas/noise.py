"""Wikitext as it is found: links, templates, tables, and the debris for which the five filters exist.

Three kinds, kept apart because they have different consequences. ``inline`` markup disappears without loss when
wikitext is read well; ``blocks`` are no paragraphs at all; ``debris`` is text that survives reading and must be
dropped, with the rule's reason, by the filters.
"""

from collections.abc import Callable
from random import Random

from .article import Article, Paragraph
from .language import Language
from .world import Entity, countries, plain

HIDDEN = ("\u200b", "\u200e", "\u200f", "\u00ad", "\u2060", "\ufeff", "\u202c", "\u0096")
LEFTOVERS = (
    "&lt;span class=\"nowrap\"&gt;{}&lt;/span&gt;",
    "{} &lt;br /&gt;",
    "&lt;font color=\"red\"&gt;{}",
    "&lt;div style=\"float:right; width:40%\"&gt; {}",
    "{} &amp;nbsp;&amp;nbsp;",
    "&lt;p align=center&gt;{}&lt;/p&gt;",
)
# How often, per paragraph or page. Together about one paragraph in six is dropped, as in small Wikipedias.
LEFTOVER, URL, DIGITS, HIDDEN_CHANCE, SHORT = 0.05, 0.12, 0.12, 0.04, 0.10


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
        parts.extend(debris(paragraph, article, language, rng))
    parts.extend(closing(article, language, rng))
    return "\n\n".join(parts) + "\n"


def inline(paragraph: Paragraph, entity: Entity, language: Language, rng: Random) -> str:
    """The paragraph with links, bold, italics, references, comments and entities; the words are unchanged.

    Source: ours.
    """
    text, last = paragraph.text, 0
    pieces: list[str] = []
    bold = False
    for span in paragraph.spans:
        surface = text[span.start : span.end]
        pieces.append(_entities(text[last : span.start], rng))
        last = span.end
        linked = span.kind in ("country", "city", "currency", "language", "continent", "month", "weekday")
        draw = rng.random()
        if not (bold or paragraph.heading) and (span.kind, span.key) == (entity.kind, entity.key):
            pieces.append(f"'''{surface}'''")
            bold = True
        elif linked and draw < 0.5:
            target = language.title(span.kind, span.key)
            pieces.append(f"[[{surface}]]" if target == surface else f"[[{target}|{surface}]]")
        elif draw > 0.95:
            pieces.append(f"''{surface}''")
        else:
            pieces.append(surface)
    pieces.append(_entities(text[last:], rng))
    body = "".join(pieces)
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
    return f"[[{words['file']}:{article.entity.key}-{rng.randint(1, 9)}.jpg|thumb|{rng.choice([180, 220])}px|{caption}]]"


def debris(paragraph: Paragraph, article: Article, language: Language, rng: Random) -> list[str]:
    """Further paragraphs that a filter must drop: one rule each.

    Source: UniBERT 3.2 (the five rules); the examples are ours.
    """
    kinds: tuple[tuple[float, Callable[[], str]], ...] = (
        (LEFTOVER, lambda: rng.choice(LEFTOVERS).format(paragraph.sentences[-1].text)),
        (DIGITS * 0.5, lambda: digits(rng)),
        (HIDDEN_CHANCE, lambda: hidden(paragraph.sentences[0].text, rng)),
        (SHORT * 0.5, lambda: article.title),
    )
    return [make() for chance, make in kinds if rng.random() < chance]


def hidden(text: str, rng: Random) -> str:
    """The text with one to three invisible characters within its words.

    Source: ours.
    """
    for _ in range(rng.randint(1, 3)):
        inside = [i for i in range(1, len(text)) if text[i - 1].isalpha() and text[i].isalpha()]
        place = rng.choice(inside)
        text = text[:place] + rng.choice(HIDDEN) + text[place:]
    return text


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
    if rng.random() < DIGITS:
        rows = "\n".join(f"|-\n| {1950 + 10 * row} || {rng.randint(1000, 99999)}" for row in range(5))
        parts.append(f'{{| class="wikitable sortable"\n! {article.title} !! km²\n{rows}\n|}}')
        parts.append(digits(rng))
    if rng.random() < 0.05:
        parts.append(f"<gallery>\n{words['file']}:{page}-a.jpg|{article.title}\n{words['file']}:{page}-b.jpg\n</gallery>")
    if rng.random() < URL:
        parts.append(f"== {words['links']} ==")
        parts.append(f"https://www.example.org/atlas/{article.language}/{page}")
        parts.append(f"* [https://example.org/{page} https://example.org/{page}]\n* http://atlas.example.net/?id={page}")
    if rng.random() < URL:
        parts.append(f"ISBN 978-3-{page:05d}-{page % 97:02d}{rng.randint(0, 9)}-{rng.randint(0, 9)}")
    if rng.random() < 0.5:
        parts.append(f"== {words['references']} ==\n<references />\n{{{{reflist|2}}}}")
    parts.append(f"[[{words['category']}:{words['countries']}]]\n[[{words['category']}:{article.title}]]")
    return parts

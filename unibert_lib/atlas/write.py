"""MediaWiki dumps of the Atlas: export format 0.11, bz2, the same bytes for the same arguments."""

import bz2
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

from ..languages import ATLAS_LANGUAGES, check
from .article import Article, articles
from .language import Language, load
from .noise import wikitext

NAMESPACES = ((0, ""), (1, "talk"), (6, "file"), (10, "template"), (14, "category"))
# Pages that are no articles: ids beyond those of the articles, per thousand.
REDIRECTS, TALKS, OTHERS, DUPLICATES = 0.06, 0.04, 0.03, 0.008

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.mediawiki.org/xml/export-0.11/ http://www.mediawiki.org/xml/export-0.11.xsd" \
version="0.11" xml:lang="{code}">
  <siteinfo>
    <sitename>Atlas</sitename>
    <dbname>{code}wiki</dbname>
    <base>https://{code}.example.org/wiki/Atlas</base>
    <generator>UniBERT Atlas</generator>
    <case>first-letter</case>
    <namespaces>
{namespaces}
    </namespaces>
  </siteinfo>
"""
PAGE = """  <page>
    <title>{title}</title>
    <ns>{namespace}</ns>
    <id>{id}</id>
{redirect}    <revision>
      <id>{revision}</id>
      <timestamp>2025-01-01T00:00:00Z</timestamp>
      <contributor>
        <username>Atlas</username>
        <id>1</id>
      </contributor>
      <comment>written from facts</comment>
      <origin>{revision}</origin>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="{size}" sha1="{sha1}" xml:space="preserve">{text}</text>
      <sha1>{sha1}</sha1>
    </revision>
  </page>
"""


@dataclass(frozen=True)
class DumpPage:
    """A page as the dump holds it.

    Source: ours.
    """

    id: str
    title: str
    text: str
    namespace: int = 0
    redirect: str = ""


def write_dumps(
    out: Path,
    *,
    languages: Sequence[str] = ATLAS_LANGUAGES,
    seed: int = 0,
    pages: int | None = None,
    noise: bool = True,
) -> dict[str, Path]:
    """Write ``<lang>wiki-atlas-pages-articles.xml.bz2`` for each language; the paths by language.

    Parameters
    ----------
    out
        The folder; made if it lacks.
    languages
        Codes of the Atlas.
    seed
        Chooses facts, order, patterns and noise.
    pages
        How many entities; None for all. Page ids are the same across languages.
    noise
        False: nothing but paragraphs.

    Raises
    ------
    ValueError
        For an unknown language or ``pages < 1``.

    Source: ours; the format is MediaWiki's export-0.11.
    """
    codes = check(languages, ATLAS_LANGUAGES)
    out.mkdir(parents=True, exist_ok=True)
    paths = {}
    for code in codes:
        paths[code] = out / f"{code}wiki-atlas-pages-articles.xml.bz2"
        text = "".join(dump(code, seed=seed, pages=pages, noise=noise))
        staged = paths[code].with_suffix(".partial")
        staged.write_bytes(bz2.compress(text.encode("utf-8")))
        staged.replace(paths[code])
    return paths


def dump(code: str, *, seed: int = 0, pages: int | None = None, noise: bool = True) -> Iterator[str]:
    """The pieces of one language's dump as text: head, pages, foot.

    Source: ours.
    """
    language = load(code)
    words = language.table["wiki"]
    rows = [
        f'      <namespace key="{key}" case="first-letter" />'
        if not word
        else f'      <namespace key="{key}" case="first-letter">{escape(words[word])}</namespace>'
        for key, word in NAMESPACES
    ]
    yield HEAD.format(code=code, namespaces="\n".join(rows))
    told = articles(code, seed, pages)
    plain = (DumpPage(article.id, article.title, article.text) for article in told)
    for number, page in enumerate(noisy(told, language, seed) if noise else plain, start=1):
        yield _xml(page, number)
    yield "</mediawiki>\n"


def noisy(told: Iterable[Article], language: Language, seed: int) -> Iterator[DumpPage]:
    """The articles as wikitext, and among them redirects, other namespaces and a page that comes twice.

    The first article always brings each of these, so that the smallest dump has them too.

    Source: ours.
    """
    words = language.table["wiki"]
    for place, article in enumerate(told):
        rng = Random(f"{seed}:noise:{language.code}:{article.id}")
        page = DumpPage(article.id, article.title, wikitext(article, language, rng))
        yield page
        draws = [rng.random() if place else 0.0 for _ in range(4)]
        if draws[0] < REDIRECTS:
            target = f"{words['redirect']} [[{article.title}]]"
            alias = f"{article.title} ({article.entity.key})"
            yield DumpPage(str(10000 + article.entity.page), alias, target, redirect=article.title)
        if draws[1] < TALKS:
            title = f"{words['talk']}:{article.title}"
            yield DumpPage(str(20000 + article.entity.page), title, ":: ? --~~~~", namespace=1)
        if draws[2] < OTHERS:
            namespace, word = rng.choice([(6, "file"), (10, "template"), (14, "category")])
            title = f"{words[word]}:{article.title}"
            yield DumpPage(str(30000 + article.entity.page), title, "{{{1|}}}<noinclude></noinclude>", namespace)
        if draws[3] < DUPLICATES:
            yield page


def _xml(page: DumpPage, number: int) -> str:
    raw = page.text.encode("utf-8")
    digest = int.from_bytes(hashlib.sha1(raw, usedforsecurity=False).digest(), "big")
    redirect = f'    <redirect title="{escape(page.redirect, QUOTES)}" />\n' if page.redirect else ""
    return PAGE.format(
        title=escape(page.title),
        namespace=page.namespace,
        id=page.id,
        redirect=redirect,
        revision=100000 + number,
        size=len(raw),
        sha1=_base36(digest),
        text=escape(page.text),
    )


QUOTES = {'"': "&quot;"}


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number:
        number, rest = divmod(number, 36)
        text = digits[rest] + text
    return text.rjust(31, "0")

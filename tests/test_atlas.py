"""The embedded world: its files fit each other, its text is clean, its dumps are genuine and repeatable."""

import bz2
import hashlib
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

import pytest

from unibert_lib import atlas, corpus
from unibert_lib.atlas.article import plan
from unibert_lib.atlas.language import SLOT
from unibert_lib.atlas.relations import RELATIONS, TOPIC_SLOTS
from unibert_lib.languages import ATLAS_LANGUAGES

CORE = {
    *("definition", "capital", "people", "area", "neighbours", "coast", "language", "languages", "currency"),
    *("independence", "national_day", "calling", "week", "more_people", "larger"),
}
SCRIPTS = {"ar": "ARABIC", "el": "GREEK", "hi": "DEVANAGARI", "ru": "CYRILLIC", "zh": "CJK"}
EXPORT = "{http://www.mediawiki.org/xml/export-0.11/}"


@cache
def told(language: str) -> tuple[atlas.Article, ...]:
    return tuple(atlas.articles(language, splits=("train", "dev", "test")))


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return atlas.write_dumps(tmp_path_factory.mktemp("atlas"), languages=("en", "hi", "zh"), seed=3)


def page_elements(path: Path) -> list[ElementTree.Element]:
    return ElementTree.fromstring(bz2.decompress(path.read_bytes())).findall(f"{EXPORT}page")


# The table of facts


def test_every_border_is_told_from_both_sides() -> None:
    land = atlas.countries()
    for key, country in land.items():
        for other in country.neighbours:
            assert key in land[other].neighbours, f"{key} borders {other}, but not the other way round"


def test_facts_known_by_heart_are_in_the_table() -> None:
    japan, bolivia = atlas.countries()["JP"], atlas.countries()["BO"]
    assert (japan.continent, japan.currency, japan.languages, japan.neighbours) == ("asia", "JPY", ("ja",), ())
    assert (japan.drive, japan.calling, japan.landlocked) == ("left", "81", False)
    assert (bolivia.landlocked, bolivia.independence, bolivia.neighbours) == (
        True,
        "1825",
        ("AR", "BR", "CL", "PE", "PY"),
    )


def test_page_ids_are_unique_and_do_not_depend_on_a_language() -> None:
    pages = [entity.page for entity in atlas.entities()]
    assert len(pages) == len(set(pages)) >= 600
    assert sum(entity.kind == "country" for entity in atlas.entities()) == 195


def test_a_comparison_names_the_greater_country_first_and_refuses_near_equals() -> None:
    fact = atlas.compare("larger", "BE", "FR")
    assert (fact["country"].keys, fact["other"].keys) == (("FR",), ("BE",))
    with pytest.raises(ValueError, match="nearly equal"):
        atlas.compare("more_people", "CN", "IN")


# The language files


@pytest.mark.parametrize("language", ATLAS_LANGUAGES)
def test_a_language_has_every_relation_with_train_and_dev_patterns_and_core_ones_with_test(language: str) -> None:
    patterns = atlas.load(language).patterns
    for relation in RELATIONS:
        splits = [pattern.split for pattern in patterns[relation]]
        assert splits.count("train") >= 2 and splits.count("dev") >= 1, relation
        if relation in CORE:
            assert len(splits) >= 5 and "test" in splits, relation
        texts = [pattern.text for pattern in patterns[relation]]
        assert len(set(texts)) == len(texts), relation


def test_languages_have_the_same_pattern_ids() -> None:
    ids = {
        language: {pattern.id for patterns in atlas.load(language).patterns.values() for pattern in patterns}
        for language in ATLAS_LANGUAGES
    }
    for language in ATLAS_LANGUAGES:
        assert ids[language] == ids["en"], language


@pytest.mark.parametrize("language", ATLAS_LANGUAGES)
def test_a_pattern_tells_what_its_relation_is_about(language: str) -> None:
    for relation, patterns in atlas.load(language).patterns.items():
        for pattern in patterns:
            slots = {name for name, _ in SLOT.findall(pattern.text)}
            assert slots <= set(RELATIONS.get(relation, TOPIC_SLOTS)), pattern
            # What is new in a fact is its last slot; a sentence without it would say nothing.
            if len(RELATIONS.get(relation, ())) > 1:
                assert RELATIONS[relation][-1] in slots, pattern


@pytest.mark.parametrize("language", ATLAS_LANGUAGES)
def test_a_file_says_that_it_was_not_reviewed_and_invites_corrections(language: str) -> None:
    text = (atlas.load(language).path).read_text(encoding="utf-8")
    assert "NOT REVIEWED by a native speaker: corrections are welcome" in text


def test_a_pattern_with_a_slot_its_relation_lacks_is_refused_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unibert_lib.atlas import language as module

    source = (module.DATA / "en.toml").read_text(encoding="utf-8")
    (tmp_path / "en.toml").write_text(source.replace("Its capital is {city}.", "Its capital is {town}."), "utf-8")
    monkeypatch.setattr(module, "DATA", tmp_path)
    with pytest.raises(ValueError, match=r"en\.toml: pattern capital\.train\.0 .*'country', 'city'"):
        module.Language("en")


# The sentences


def test_sentences_worked_by_hand() -> None:
    def say(language: str, subject: str, relation: str, pattern: str) -> str:
        fact = next(f for f in atlas.facts(atlas.entity(subject)) if f.relation == relation)
        speaker = atlas.load(language)
        return speaker.render(fact, next(p for p in speaker.patterns[relation] if p.id == pattern)).text

    assert (
        say("en", "country:NL", "capital", "capital.train.1") == "The capital of the Netherlands is called Amsterdam."
    )
    assert say("de", "country:CH", "capital", "capital.train.1") == "Bern ist die Hauptstadt der Schweiz."
    assert say("fr", "country:JP", "people", "people.train.0") == "Environ 120 millions de personnes vivent au Japon."
    assert say("ru", "country:FR", "people", "people.train.0") == "Во Франции живёт примерно 68 миллионов человек."
    assert say("el", "country:IT", "capital", "capital.train.1") == "Πρωτεύουσα της Ιταλίας είναι η πόλη Ρώμη."
    assert say("hi", "country:IN", "people", "people.train.0") == "भारत में लगभग 140 करोड़ लोग रहते हैं।"
    assert (
        say("zh", "country:DE", "neighbours", "neighbours.train.0")
        == "该国与奥地利、比利时、瑞士、捷克、丹麦、法国、卢森堡、荷兰和波兰接壤。"
    )
    assert say("tr", "weekday:0", "day_next", "day_next.train.0") == "Pazartesi gününden sonra Salı gelir."
    assert say("sw", "country:KE", "currency", "currency.train.0") == "Sarafu inaitwa Shilingi ya Kenya."


@pytest.mark.parametrize("language", ATLAS_LANGUAGES)
def test_text_has_one_script_and_no_slot_left_open_nor_invisible_characters(language: str) -> None:
    script = SCRIPTS.get(language, "LATIN")
    for article in told(language):
        for line in (article.title, *article.text.split("\n")):
            assert not set("{}<>[]|") & set(line), line
            assert "  " not in line and line == line.strip(), line
            for character in line:
                category = unicodedata.category(character)
                assert category[0] != "C", (line, character)
                if category[0] == "L" and category != "Lm":
                    assert unicodedata.name(character).startswith(script), (line, character)


@pytest.mark.parametrize("language", ATLAS_LANGUAGES)
def test_spans_hold_the_names_of_their_entities(language: str) -> None:
    speaker = atlas.load(language)
    for article in told(language)[::7]:
        for paragraph in article.paragraphs:
            for span in paragraph.spans:
                surface = paragraph.text[span.start : span.end]
                assert surface and surface == surface.strip()
                if span.kind in ("city", "currency", "language", "month", "weekday"):
                    assert surface.lower() == speaker.names.name(span.kind, span.key).lower()


def test_a_page_tells_the_same_facts_in_every_language() -> None:
    def facts(article: atlas.Article) -> tuple[str, list[list[atlas.Fact]]]:
        return article.id, [[sentence.fact for sentence in paragraph.sentences] for paragraph in article.paragraphs]

    expected = [facts(article) for article in told("en")]
    for language in ATLAS_LANGUAGES:
        assert [facts(article) for article in told(language)] == expected, language


def test_another_seed_tells_other_facts() -> None:
    france = atlas.entity("country:FR")
    assert plan(france, 0) == plan(france, 0) != plan(france, 1)


@pytest.mark.parametrize("language", ATLAS_LANGUAGES)
def test_titles_are_unique(language: str) -> None:
    titles = [article.title for article in told(language)]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("language", ATLAS_LANGUAGES)
def test_the_dumps_hold_no_test_pattern(language: str) -> None:
    sentences = [s for a in atlas.articles(language) for p in a.paragraphs for s in p.sentences]
    assert {sentence.pattern.split for sentence in sentences} == {"train", "dev"}


def test_size_of_the_default_corpus_is_between_150_and_250_thousand_characters_a_language() -> None:
    for language in set(ATLAS_LANGUAGES) - {"zh"}:  # Chinese needs a third of the characters
        assert 150_000 < sum(len(article.text) for article in atlas.articles(language)) < 250_000, language


# The dumps


def test_bytes_do_not_depend_on_the_process_nor_on_which_language_came_first(tmp_path: Path) -> None:
    def digests(folder: Path, languages: str, hash_seed: str) -> dict[str, str]:
        code = (
            "import sys; from pathlib import Path; from unibert_lib import atlas;"
            "atlas.write_dumps(Path(sys.argv[1]), languages=sys.argv[2].split(), seed=1, pages=120)"
        )
        subprocess.run(
            [sys.executable, "-c", code, str(folder), languages],
            check=True,
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
            cwd=Path(__file__).parents[1],
        )
        return {path.name[:2]: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}

    one = digests(tmp_path / "one", "sw tr zh ar", "1")
    two = digests(tmp_path / "two", "ar zh tr sw", "2")
    three = digests(tmp_path / "three", "tr", "3")
    assert one == two and one["tr"] == three["tr"]


def test_a_dump_is_a_mediawiki_export_whose_pages_carry_their_fields(dumps: dict[str, Path]) -> None:
    root = ElementTree.fromstring(bz2.decompress(dumps["hi"].read_bytes()))
    assert root.tag == f"{EXPORT}mediawiki" and root.get("version") == "0.11"
    namespaces = {element.get("key"): element.text for element in root.iter(f"{EXPORT}namespace")}
    assert namespaces["0"] is None and namespaces["14"] == "श्रेणी"
    for page in root.findall(f"{EXPORT}page"):
        text = page.find(f"{EXPORT}revision/{EXPORT}text")
        assert text is not None and text.text is not None
        assert text.get("bytes") == str(len(text.text.encode("utf-8")))


def test_every_kind_of_noise_is_present(dumps: dict[str, Path]) -> None:
    for language, path in dumps.items():
        words = atlas.load(language).table["wiki"]
        pages = page_elements(path)
        source = "\n".join(page.findtext(f"{EXPORT}revision/{EXPORT}text", "") for page in pages)
        for mark in (
            *("{{" + words["infobox"], "{{formatnum:", "{{cite web", "<ref>", "<ref name=", "<references />", "<!--"),
            *("[[" + words["file"] + ":", "[[" + words["category"] + ":", "'''", "\n== ", "{| class=", "<gallery>"),
            *("\nhttps://www.", "\n* [https://", "\nISBN 978", "&lt;span", "&lt;br /&gt;", "&amp;nbsp;"),
            *("\u200b", "\u00ad", "\ufeff", "\u200e", "|thumb|", "{{citation needed"),
        ):
            assert mark in source, (language, mark)
        assert ("&nbsp;" in source) == (language != "zh"), "a no-break space stands for a space; Chinese has none"
        assert any("|" in link.split("]]")[0] for link in source.split("[[")[1:])
        assert any(page.find(f"{EXPORT}redirect") is not None for page in pages)
        assert {page.findtext(f"{EXPORT}ns") for page in pages} == {"0", "1", "6", "10", "14"}
        ids = [page.findtext(f"{EXPORT}id") for page in pages]
        assert len(ids) > len(set(ids)), "a page comes twice"


def test_reading_and_rules_one_to_four_give_back_exactly_the_articles(dumps: dict[str, Path]) -> None:
    for language, path in dumps.items():
        expected = {article.id: article for article in atlas.articles(language, seed=3)}
        reasons: set[str] = set()
        seen: set[str] = set()
        for page in corpus.read_dump(path, language):
            assert isinstance(page, corpus.Page)
            if page.redirect or page.namespace or page.id in seen:
                continue
            seen.add(page.id)
            kept = []
            for document in corpus.paragraphs(page):
                answer: corpus.Keep | corpus.Drop = corpus.Keep(document.text)
                for rule in corpus.RULES:
                    if isinstance(answer, corpus.Keep):
                        answer = rule(answer.text)
                if isinstance(answer, corpus.Keep):
                    kept.append(answer.text)
                else:
                    reasons.add(answer.reason)
            article = expected[page.id]  # the stubs, which are for rule 5, hold the page's title
            assert [text for text in kept if text != article.title] == [p.text for p in article.paragraphs]
        assert seen == set(expected)
        assert len(reasons) >= 4, reasons  # empty, addresses, book numbers, digits


def test_without_noise_a_dump_is_the_articles_alone(tmp_path: Path) -> None:
    path = atlas.write_dumps(tmp_path, languages=("sw",), pages=10, noise=False)["sw"]
    assert path.name == "swwiki-atlas-pages-articles.xml.bz2"
    found = [(p.findtext(f"{EXPORT}id"), p.findtext(f"{EXPORT}revision/{EXPORT}text")) for p in page_elements(path)]
    assert found == [(article.id, article.text) for article in atlas.articles("sw", pages=10)]


def test_pages_limits_the_dump_and_takes_the_same_entities_in_every_language(tmp_path: Path) -> None:
    some = [article.id for article in atlas.articles("ar", pages=24)]
    assert len(some) == 24 and some == [article.id for article in atlas.articles("en", pages=24)]
    with pytest.raises(ValueError, match="pages = 0"):
        atlas.write_dumps(tmp_path, languages=("en",), pages=0)


def test_an_unknown_language_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'bg'"):
        atlas.write_dumps(tmp_path / "none", languages=("en", "bg"))
    assert not (tmp_path / "none").exists()

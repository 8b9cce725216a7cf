"""The task files of the Atlas: genuine layouts, true labels, parallel items, and splits that share nothing."""

import csv
import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest
from scipy.stats import pearsonr

from unibert_lib import atlas
from unibert_lib.atlas import division, sentences, taskfile, tasks_nli, tasks_qa, tasks_sts
from unibert_lib.atlas.language import SLOT, SPLITS, Language, Pattern
from unibert_lib.atlas.tagging import Mark, bare, tag, tokenize
from unibert_lib.atlas.tasks_ner import legal_marks, ner_marks
from unibert_lib.atlas.world import make
from unibert_lib.languages import ATLAS_LANGUAGES

pytestmark = pytest.mark.xdist_group("atlas tasks")  # one worker: the files are written once
SHOWN = ("ar", "el", "en", "ru", "zh")  # five scripts; each is written in full
SEED = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tasks")
    atlas.write_tasks(path, languages=SHOWN, seed=SEED)
    return path


def conll(path: Path) -> list[list[tuple[str, str]]]:
    """An independent reading: words and tags, sentence by sentence."""
    blocks = path.read_text(encoding="utf-8").removesuffix("\n\n").split("\n\n")
    return [[tuple(line.split(" ")) for line in block.split("\n")] for block in blocks]  # type: ignore[misc]


def tsv(path: Path) -> list[dict[str, str]]:
    """Rows by column; a quote is data."""
    header, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").removesuffix("\n").split("\n")]
    assert all(len(row) == len(header) for row in rows)
    return [dict(zip(header, row, strict=True)) for row in rows]


def judgements(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def squad(folder: Path, language: str, split: str) -> list[tuple[str, dict]]:
    """(context, question) of a file."""
    names = {"train": f"{language}_squad-translate-train-train-v1.1.json"}
    name = names.get(split, f"{split}/{split}-context-{language}-question-{language}.json")
    document = json.loads((folder / "qa" / name).read_text(encoding="utf-8"))
    return [
        (p["context"], question) for entry in document["data"] for p in entry["paragraphs"] for question in p["qas"]
    ]


def pairs(folder: Path, split: str) -> list[dict[str, str]]:
    with (folder / "sts" / tasks_sts.NAMES[split]).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def article(folder: Path, key: str) -> dict[str, str]:
    return json.loads((folder / "sts" / "articles" / key[-2:] / f"{key}.json").read_text(encoding="utf-8"))


def inference(folder: Path, split: str, language: str) -> list[tuple[str, str, str]]:
    """(premise, hypothesis, label) as the tests call it."""
    if split == "train":
        rows = tsv(folder / "nli" / f"multinli.train.{language}.tsv")
        return [(row["premise"], row["hypo"], row["label"].replace("contradictory", "contradiction")) for row in rows]
    rows = [row for row in tsv(folder / "nli" / f"xnli.{split}.tsv") if row["language"] == language]
    return [(row["sentence1"], row["sentence2"], row["gold_label"]) for row in rows]


# The language files


@pytest.mark.parametrize("language", ATLAS_LANGUAGES)
def test_a_language_has_every_list_of_english_and_can_tell_all_tasks(language: str, tmp_path: Path) -> None:
    speaker = atlas.load_tasks(language)
    assert len(speaker.lists["names.given"]) == 24
    atlas.write_tasks(tmp_path, languages=(language,), seed=1, share=0.1)
    assert len(conll(tmp_path / "ner" / f"{language}.train")) == 40
    assert len(squad(tmp_path, language, "test")) == 16  # 7.5 contexts, rounded to the even 8, of two questions


@pytest.mark.parametrize("language", ATLAS_LANGUAGES)
def test_a_task_file_says_that_it_was_not_reviewed_and_invites_corrections(language: str) -> None:
    text = atlas.load_tasks(language).task_path.read_text(encoding="utf-8")
    assert "NOT REVIEWED by a native speaker: corrections are welcome" in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("street = [", "road = [", r"xx\.toml: no names\.street"),
        ("[ner]", 'park = ["Hill"]\n[ner]', r"xx\.toml: names\.park is not in en\.toml"),
        (' "In {city} it rained for three days.",\n', "", r"xx\.toml: ner\.train has 11 lines, en\.toml 12"),
        ("In {city} it rained", "In {town} it rained", r"ner\.train, line 9 = .*\['city'\]"),
        ("In {city} it rained", "In {city.at} it rained", r"line 9 = .*\[forms\.city\.at\]"),
        ("In {city} it rained", "In {city}} it rained", r"line 9 = "),
        ("[ner]", 'address = "{street}"\n[ner]', r"names\.address = '\{street\}'"),
        ("[ner]", "[ner", r"xx\.toml: not valid TOML"),
    ],
)
def test_a_file_that_differs_from_english_is_refused_with_its_name_and_key(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    english = sentences.DATA / "tasks" / "en.toml"
    text = english.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "xx.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        taskfile.read_lists(tmp_path / "xx.toml", english, Language("en").table["forms"])


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"xx\.toml: no task files .* translate en\.toml"):
        taskfile.read_lists(tmp_path / "xx.toml", sentences.DATA / "tasks" / "en.toml", {})


@pytest.mark.parametrize("language", ATLAS_LANGUAGES)
def test_every_split_has_a_pattern_that_names_the_country_for_relations_said_to_have_one(language: str) -> None:
    speaker = atlas.load(language)
    for relation in set(division.TOLD) - set(division.NAMELESS):
        for split in SPLITS:
            assert any("{country" in p.text for p in speaker.choices(relation, (split,))), (relation, split)


# Words and tags


def test_words_numbers_and_signs_are_told_apart_and_han_characters_stand_alone() -> None:
    def words(text: str) -> list[str]:
        return [token.text for token in tokenize(text)]

    assert words("Nuku’alofa at 14:30, for 1,250.50 euros.") == (
        ["Nuku", "’", "alofa", "at", "14:30", ",", "for", "1,250.50", "euros", "."]
    )
    assert words("1998年3月，北京。") == ["1998", "年", "3", "月", "，", "北", "京", "。"]
    assert words("हिन्दी में।") == ["हिन्दी", "में", "।"]  # vowel signs are no letters to re


def test_tags_of_two_sentences_worked_by_hand() -> None:
    speaker = atlas.load_tasks("en")
    fact = make("capital", "country:NL", country=("country", "NL"), city=("city", "NL"))
    capital = next(p for p in speaker.patterns["capital"] if p.id == "capital.train.1")
    sentence = speaker.render(fact, capital)
    assert tag(tokenize(sentence.text), ner_marks(speaker, sentence), "") == (
        ["O", "O", "O", "O", "B-LOC", "O", "O", "B-LOC", "O"]  # The capital of the Netherlands is called Amsterdam .
    )
    slots = {
        "person": atlas.Value("person", ("0", "3")),
        "organisation": atlas.Value("organisation", ("5", "IT")),
        "city": atlas.Value("city", ("NL",)),
    }
    filled = speaker.render(atlas.Fact("ner", "task", tuple(slots.items())), speaker.lines("ner", "train")[0])
    assert filled.text == "Anna Novak works for Port Authority of Rome and often travels to Amsterdam."
    assert tag(tokenize(filled.text), ner_marks(speaker, filled), "") == (
        ["B-PER", "I-PER", "O", "O", "B-ORG", "I-ORG", "I-ORG", "I-ORG", "O", "O", "O", "O", "B-LOC", "O"]
    )


def test_a_name_is_found_behind_its_article_or_preposition_and_in_another_case() -> None:
    def found(shown: str, name: str) -> str:
        start, end = bare(f"xx {shown} xx", 3, 3 + len(shown), name)
        return f"xx {shown} xx"[start:end]

    assert found("the Netherlands", "Netherlands") == "Netherlands"
    assert found("во Франции", "Франция") == "Франции"
    assert found("της Αιγύπτου", "Αίγυπτος") == "Αιγύπτου"  # the accent moves
    assert found("της Ασίας", "Ασία") == "Ασίας"  # the name stands there, and goes on
    assert found("l’Allemagne", "Allemagne") == "Allemagne"
    assert found("der Demokratischen Republik Kongo", "Demokratische Republik Kongo") == "Demokratischen Republik Kongo"
    assert found("le pays", "Xanadu") == "le pays"


def test_a_name_that_a_letter_touches_is_an_error_that_names_the_pattern() -> None:
    with pytest.raises(ValueError, match=r"xx: pattern ner\.train\.3: a letter touches the LOC at 0:4"):
        tag(tokenize("Romeward bound"), [Mark(0, 4, "LOC")], "xx: pattern ner.train.3")


def test_the_arabic_and_belongs_to_the_last_name_of_a_list() -> None:
    speaker = atlas.load_tasks("ar")
    fact = make("neighbours", "country:ES", country=("country", "ES"), neighbours=("country", ("FR", "PT")))
    sentence = speaker.render(fact, Pattern("p", "neighbours", "test", "{neighbours}."))
    assert sentence.text == "فرنسا والبرتغال."
    assert tag(tokenize(sentence.text), ner_marks(speaker, sentence), "") == ["B-LOC", "B-LOC", "O"]


# The layouts, read independently


@pytest.mark.parametrize("language", SHOWN)
def test_ner_files_are_word_and_tag_in_iob2(folder: Path, language: str) -> None:
    for ending, size in (("train", 400), ("testa", 100), ("testb", 200)):
        found = conll(folder / "ner" / f"{language}.{ending}")
        assert len(found) == size
        assert len({tuple(sentence) for sentence in found}) == size
        kinds = Counter()
        for sentence in found:
            assert all(len(row) == 2 and row[0] for row in sentence)
            before = "O"
            for _, label in sentence:
                assert re.fullmatch(r"O|[BI]-(PER|ORG|LOC|MISC)", label)
                assert not label.startswith("I-") or before[2:] == label[2:]
                kinds[label] += 1
                before = label
        assert {"B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "B-MISC", "I-MISC"} <= kinds.keys()


@pytest.mark.parametrize("language", SHOWN)
def test_judgements_have_mapas_keys_and_two_levels_that_fit(folder: Path, language: str) -> None:
    keys = ["language", "type", "file_name", "sentence_number", "tokens", "coarse_grained", "fine_grained"]
    inside = {
        "PERSON": {"GIVEN NAME", "FAMILY NAME"},
        "DATE": {"DAY", "MONTH", "YEAR"},
        "ADDRESS": {"STREET", "BUILDING", "CITY"},
        "AMOUNT": {"VALUE", "UNIT"},
        "TIME": set(),
        "ORGANISATION": set(),
    }
    for split, size in (("train", 300), ("dev", 80), ("test", 150)):
        rows = judgements(folder / "legal" / language / f"{split}.jsonl")
        assert [row["sentence_number"] for row in rows] == list(range(size))
        seen: dict[str, set[str]] = {kind: set() for kind in inside}
        for row in rows:
            assert list(row) == keys and row["language"] == language
            for coarse, fine in zip(row["coarse_grained"], row["fine_grained"], strict=True):
                assert (coarse == "O") <= (fine == "O")
                if coarse != "O":
                    seen[coarse[2:]] |= {fine[2:]} - {""}
            assert len(row["tokens"]) == len(row["coarse_grained"])
        assert seen == inside


def test_a_judgement_worked_by_hand() -> None:
    speaker = atlas.load_tasks("en")
    slots = {
        "date": atlas.Value("full_date", ("1998-03-12",)),
        "person": atlas.Value("person", ("18", "19")),
        "address": atlas.Value("address", ("8", "17", "FR")),
        "amount": atlas.Value("amount", ("1250", "EUR")),
    }
    text = "Until {date} {person} of {address} owed {amount}."
    sentence = speaker.render(atlas.Fact("legal", "task", tuple(slots.items())), Pattern("p", "legal", "test", text))
    assert sentence.text == "Until March 12, 1998 Nadia Orlov of School Lane 17, Paris owed 1,250 euros."
    coarse, fine = (tag(tokenize(sentence.text), marks, "") for marks in legal_marks(speaker, sentence))
    assert coarse == (
        [
            *("O", "B-DATE", "I-DATE", "I-DATE", "I-DATE", "B-PERSON", "I-PERSON", "O"),
            *("B-ADDRESS", "I-ADDRESS", "I-ADDRESS", "I-ADDRESS", "I-ADDRESS", "O", "B-AMOUNT", "I-AMOUNT", "O"),
        ]
    )
    assert fine == (
        [
            *("O", "B-MONTH", "B-DAY", "O", "B-YEAR", "B-GIVEN NAME", "B-FAMILY NAME", "O"),
            *("B-STREET", "I-STREET", "B-BUILDING", "O", "B-CITY", "O", "B-VALUE", "B-UNIT", "O"),
        ]
    )


def test_inference_files_have_the_official_columns(folder: Path) -> None:
    rows = tsv(folder / "nli" / "xnli.test.tsv")
    assert list(rows[0]) == [
        *("language", "gold_label", "sentence1_binary_parse", "sentence2_binary_parse", "sentence1_parse"),
        *("sentence2_parse", "sentence1", "sentence2", "promptID", "pairID", "genre", "label1", "label2", "label3"),
        *("label4", "label5", "sentence1_tokenized", "sentence2_tokenized", "match"),
    ]
    assert {row["language"] for row in rows} == set(SHOWN)
    assert all(row["gold_label"] == row[f"label{n}"] for row in rows for n in range(1, 6))
    train = tsv(folder / "nli" / "multinli.train.el.tsv")
    assert list(train[0]) == ["premise", "hypo", "label"]
    assert Counter(row["label"] for row in train) == {"entailment": 600, "contradictory": 600, "neutral": 600}


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_every_answer_slices_and_holds_no_article(folder: Path, split: str) -> None:
    for language in SHOWN:
        found = squad(folder, language, split)
        assert len(found) == {"train": 300, "dev": 80, "test": 150}[split]
        for context, question in found:
            (answer,) = question["answers"]
            start = answer["answer_start"]
            assert answer["text"] and context[start : start + len(answer["text"])] == answer["text"]
            assert not re.match(r"(?i)(the|about|roughly|в|во|στην|στη|της|η) ", answer["text"])


def test_a_figure_is_answered_with_its_unit(folder: Path) -> None:
    figures = [
        question["answers"][0]["text"]
        for _, question in squad(folder, "en", "test")
        if question["question"].startswith("How large is the number of inhabitants")
    ]
    assert figures
    assert all(re.fullmatch(r"[\d.,]+( million| billion)? people", text) for text in figures)


def test_similarity_tables_have_sts22s_columns_and_an_article_for_every_id(folder: Path) -> None:
    heads = {
        "train": "url1_lang,url2_lang,pair_id,link1,link2,ia_link1,ia_link2,"
        "Geography,Entities,Time,Narrative,Overall,Style,Tone",
        "test": "url1_lang,url2_lang,pair_id,link1,link2,ia_link1,ia_link2,GEO,ENT,TIME,NAR,OVERALL,STYLE,TONE",
    }
    for split, name in (("train", "semeval-2022_task8_train-data_batch.csv"), ("test", "final_evaluation_data.csv")):
        assert (folder / "sts" / name).read_text(encoding="utf-8").split("\n")[0] == heads[split]
        for row in pairs(folder, split):
            for key in row["pair_id"].split("_"):
                page = article(folder, key)
                assert page["title"] and page["text"]
            assert 1 <= float(row.get("Overall") or row["OVERALL"]) <= 4


def test_some_languages_and_pairs_have_tests_only(folder: Path) -> None:
    found = {
        split: Counter((row["url1_lang"], row["url2_lang"]) for row in pairs(folder, split))
        for split in ("train", "test")
    }
    same = {"train": ("ar", "el", "en"), "test": SHOWN}
    assert found["train"] == {**{(c, c): 480 for c in same["train"]}, ("el", "en"): 480}
    crossed = {("el", "en"): 120, ("zh", "en"): 120, ("ru", "en"): 120}
    assert found["test"] == {**{(c, c): 120 for c in same["test"]}, **crossed}


def test_languages_without_training_pairs_train_on_their_own_when_asked_for_alone(tmp_path: Path) -> None:
    atlas.write_tasks(tmp_path, tasks=("sts",), languages=("ru", "zh"), share=0.05)
    assert Counter(row["url1_lang"] for row in pairs(tmp_path, "train")) == {"ru": 24, "zh": 24}


# Same bytes, and parallel items


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_writes_are_the_same_bytes_whatever_the_order_of_sets(tmp_path: Path) -> None:
    command = (
        "import sys; from pathlib import Path; from unibert_lib import atlas;"
        "atlas.write_tasks(Path(sys.argv[1]), languages=('en', 'zh'), seed=3, share=0.1)"
    )
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt}
        subprocess.run([sys.executable, "-c", command, str(tmp_path / salt)], check=True, env=environment)
    assert digest(tmp_path / "1") == digest(tmp_path / "2") != {}
    atlas.write_tasks(tmp_path / "3", languages=("en", "zh"), seed=4, share=0.1)
    assert digest(tmp_path / "3") != digest(tmp_path / "1")


def test_a_languages_records_do_not_depend_on_the_languages_beside_it(tmp_path: Path, folder: Path) -> None:
    atlas.write_tasks(tmp_path, tasks=("ner", "legal", "nli", "qa"), languages=("en",), seed=SEED)
    alone, beside = digest(tmp_path), digest(folder)
    shared = [name for name in alone if not name.startswith(("nli/xnli", "nli\\xnli"))]
    assert shared and all(alone[name] == beside[name] for name in shared)


@pytest.mark.parametrize("split", SPLITS)
def test_items_are_parallel_across_languages(folder: Path, split: str) -> None:
    labels = {language: [row[2] for row in inference(folder, split, language)] for language in SHOWN}
    ids = {language: [question["id"] for _, question in squad(folder, language, split)] for language in SHOWN}
    assert all(labels[language] == labels["en"] and ids[language] == ids["en"] for language in SHOWN)
    assert len(set(ids["en"])) == len(ids["en"])


# Splits


def names(kind: str, keys: tuple[str, ...]) -> set[str]:
    speaker = atlas.load("en")
    return {speaker.names.name(kind, key) for key in keys if kind != "city" or atlas.countries()[key].zone}


def rendered(folder: Path, split: str) -> str:
    """All English text of a split's files, a space on either side of each word."""
    texts = []
    endings = {"train": "train", "dev": "testa", "test": "testb"}
    texts += [" ".join(word for word, _ in s) for s in conll(folder / "ner" / f"en.{endings[split]}")]
    texts += [" ".join(row["tokens"]) for row in judgements(folder / "legal" / "en" / f"{split}.jsonl")]
    texts += [text for row in inference(folder, split, "en") for text in row[:2]]
    texts += [text for context, question in squad(folder, "en", split) for text in (context, question["question"])]
    if split != "dev":
        for row in pairs(folder, split):
            for code, key in zip((row["url1_lang"], row["url2_lang"]), row["pair_id"].split("_"), strict=True):
                texts += [" . ".join(article(folder, key).values())] if code == "en" else []
    return "\n".join(" " + " ".join(token.text for token in tokenize(text)) + " " for text in texts)


@cache
def spaced(name: str) -> str:
    return " " + " ".join(token.text for token in tokenize(name)) + " "


def test_no_country_capital_or_listed_name_of_one_split_stands_in_another(folder: Path) -> None:
    speaker = atlas.load_tasks("en")
    parts = division.division(SEED)
    assert [len(parts[split]) for split in SPLITS] == [107, 29, 59]
    own = {split: names("country", parts[split]) | names("city", parts[split]) for split in SPLITS}
    for split in SPLITS:
        for list_ in ("given", "family"):
            own[split] |= {speaker.lists[f"names.{list_}"][n] for n in division.MANY[split]}
        own[split] |= {speaker.lists["names.street"][n] for n in division.FEW[split]}
        for list_ in ("organisation", "event"):
            templates = [speaker.lists[f"names.{list_}"][n] for n in division.FEW[split]]
            own[split] |= {SLOT.sub("", template).strip() for template in templates}
    # The longest first, so that "Guinea" is not found in "Guinea-Bissau", nor "Berlin Bank" in a currency.
    everything = sorted(set().union(*own.values()), key=len, reverse=True)
    found: dict[str, set[str]] = {}
    for split in SPLITS:
        text, found[split] = rendered(folder, split), set()
        for language in {code for land in atlas.countries().values() for code in land.languages}:
            text = text.replace(spaced(speaker.names.name("language", language)), " ")
        for name in everything:
            if spaced(name) in text:
                found[split].add(name)
                text = text.replace(spaced(name), " . ")
    for split in SPLITS:
        assert len(found[split]) > len(own[split]) / 2  # the search finds what is there
        others = set().union(*(own[other] for other in SPLITS if other != split)) - own[split]
        assert found[split] & others == set()


def test_no_sentence_pattern_of_one_split_stands_in_another() -> None:
    texts: dict[str, set[str]] = {split: set() for split in SPLITS}
    speaker = atlas.load_tasks("en")
    for key, lines in speaker.lists.items():
        if not key.startswith("names."):
            texts[key.rsplit(".", 1)[1]] |= set(lines)
    for relation in division.TOLD:
        for pattern in speaker.patterns[relation]:
            texts[pattern.split].add(pattern.text)
    assert all(texts.values())
    assert not (texts["train"] & texts["dev"] or texts["train"] & texts["test"] or texts["dev"] & texts["test"])


def test_a_file_of_a_split_is_told_in_that_splits_patterns_only(folder: Path) -> None:
    speaker = atlas.load_tasks("en")

    def shapes(split: str) -> list[re.Pattern[str]]:
        texts = [p.text for relation in division.TOLD for p in speaker.choices(relation, (split,))]
        texts += [line for relation in division.TOLD for line in speaker.lists[f"claims.{relation}.{split}"]]
        return [shape(text) for text in texts]

    for split in SPLITS:
        known = shapes(split)
        for _, hypothesis, _ in inference(folder, split, "en"):
            assert any(each.fullmatch(hypothesis) for each in known), hypothesis
        for premise, _, _ in inference(folder, split, "en"):
            assert any(each.match(premise) for each in known), premise


# Inference: truth and balance


def shape(text: str, slots: str = "") -> re.Pattern[str]:
    """A pattern as an expression; ``slots`` names the countries where its slots shall be captured."""
    found, last = "", 0
    for match in SLOT.finditer(text):
        inside = slots if match.group(1) in ("country", "other") and slots else ".+"
        found += re.escape(text[last : match.start()]) + (f"(?P<{match.group(1)}>{inside})" if slots else ".+")
        last = match.end()
    return re.compile(found + re.escape(text[last:]), re.IGNORECASE)


def parsed(sentence: str, split: str) -> tuple[str, str, str] | None:
    """(relation, country, value or other country) of an English claim, found by its pattern alone."""
    speaker = atlas.load_tasks("en")
    countries = {speaker.names.form("country", key, "the").casefold(): key for key in atlas.countries()}
    known = "|".join(re.escape(name) for name in countries)
    for relation in division.TOLD:
        for line in speaker.lists[f"claims.{relation}.{split}"]:
            if match := shape(line, known).fullmatch(sentence):
                return relation, countries[match["country"].casefold()], match[division.value_slot(relation)]
    return None


def true(relation: str, key: str, said: str) -> bool:
    """Whether ``facts.csv`` and CLDR say so: values are compared as they are written in English."""
    speaker = atlas.load("en")
    land = atlas.countries()[key]
    by_name = {speaker.names.form("country", other, "the").casefold(): other for other in atlas.countries()}
    if relation in division.COMPARED:
        other = atlas.countries()[by_name[said.casefold()]]
        return land.people > other.people if relation == "more_people" else land.area > other.area
    if relation == "neighbours":
        listed = re.split(r", and | and |, ", said)
        return all(by_name[name.casefold()] in land.neighbours for name in listed)
    name = speaker.names
    lists = {"coast": ("water", land.waters), "language": ("language", land.languages)}
    lists["languages"] = lists["language"]
    if relation in lists:
        kind, keys = lists[relation]
        form = "the" if kind == "water" else ""
        return all(name.form(kind, each, form).casefold() in said.casefold() for each in keys)
    values = {
        "definition": ("continent", land.continent),
        "capital": ("city", key),
        "people": ("people", str(land.people)),
        "area": ("area", str(int(land.area)) if land.area == int(land.area) else str(land.area)),
        "currency": ("currency", land.currency),
        "independence": ("year", land.independence),
        "national_day": ("date", land.national_day),
        "calling": ("calling", land.calling),
        "week": ("weekday", str(atlas.world.first_weekday(key))),
    }
    return name.name(*values[relation]).casefold() == said.casefold()


@pytest.mark.parametrize("split", SPLITS)
def test_entailed_and_neutral_hypotheses_are_true_and_contradictions_false(folder: Path, split: str) -> None:
    relations = set()
    for _, hypothesis, label in inference(folder, split, "en"):
        found = parsed(hypothesis, split)
        assert found is not None, hypothesis
        assert true(*found) == (label != "contradiction"), (hypothesis, label)
        relations.add(found[0])
    assert len(relations) >= 12


@pytest.mark.parametrize("split", SPLITS)
def test_a_premise_tells_the_relation_of_the_first_two_labels_and_not_of_the_neutral(split: str) -> None:
    for item in tasks_nli.items(split, SEED, 60):
        told = {fact.relation: fact for fact in item.premise}
        for label, fact, _ in item.hypotheses:
            assert (fact.relation in told) == (label != "neutral")
            assert (fact in item.premise) == (label == "entailment")
        assert sorted(label for label, _, _ in item.hypotheses) == ["contradiction", "entailment", "neutral"]


def test_values_that_could_both_be_true_do_not_exclude_each_other() -> None:
    def people(key: str, number: str) -> atlas.Fact:
        return make("people", f"country:{key}", country=("country", key), people=("people", number))

    def near(key: str, *keys: str) -> atlas.Fact:
        return make("neighbours", f"country:{key}", country=("country", key), neighbours=("country", keys))

    assert tasks_nli.exclude(people("FR", "4000000"), people("BE", "2000000"))
    assert not tasks_nli.exclude(people("FR", "4000000"), people("BE", "2100000"))
    assert not tasks_nli.exclude(near("FR", "ES"), near("PL", "DE"))  # France borders on Germany as well
    assert tasks_nli.exclude(near("FR", "ES"), near("IN", "NP"))


def test_relations_and_wordings_are_as_frequent_under_every_label() -> None:
    for split, count in (("train", 148), ("test", 100)):  # whole fours
        shares: dict[str, Counter] = {}
        for item in tasks_nli.items(split, SEED, count):
            for label, fact, wording in item.hypotheses:
                shares.setdefault(label, Counter())[fact.relation, wording] += 1
        assert shares["entailment"] == shares["contradiction"] == shares["neutral"]


def naive_bayes(train: list[tuple[list[str], str]], test: list[tuple[list[str], str]]) -> float:
    """Accuracy of a bag-of-words classifier with add-one smoothing."""
    words: dict[str, Counter] = {}
    labels = Counter(label for _, label in train)
    for text, label in train:
        words.setdefault(label, Counter()).update(text)
    size = len(set().union(*words.values()))

    def score(text: list[str], label: str) -> float:
        total = words[label].total() + size
        return math.log(labels[label]) + sum(math.log((words[label][word] + 1) / total) for word in text)

    return sum(max(sorted(labels), key=lambda each: score(text, each)) == gold for text, gold in test) / len(test)


@pytest.mark.parametrize("language", SHOWN)
def test_a_classifier_that_sees_the_hypothesis_only_stays_at_chance(folder: Path, language: str) -> None:
    def bags(split: str, place: int) -> list[tuple[list[str], str]]:
        return [([t.text for t in tokenize(row[place])], row[2]) for row in inference(folder, split, language)]

    assert abs(naive_bayes(bags("train", 1), bags("test", 1)) - 1 / 3) < 0.04
    assert abs(naive_bayes(bags("train", 1), bags("train", 1)) - 1 / 3) < 0.06  # even by heart
    leaked = [([*text, label], label) for text, label in bags("test", 1)]
    assert naive_bayes(leaked, leaked) > 0.9  # the classifier finds what there is to find


def test_common_words_of_premise_and_hypothesis_help_but_do_not_decide(folder: Path) -> None:
    shares: dict[str, list[float]] = {}
    for premise, hypothesis, label in inference(folder, "test", "en"):
        one, other = ({token.text.lower() for token in tokenize(text)} for text in (premise, hypothesis))
        shares.setdefault(label, []).append(len(one & other) / len(other))
    best = max(
        sum((share >= cut) == (label == "entailment") for label in shares for share in shares[label]) / 300
        for cut in [n / 20 for n in range(21)]
    )
    assert 2 / 3 < best < 0.9


# Questions and similarity: neither given away


def test_half_of_the_contexts_tell_what_is_asked_of_two_countries() -> None:
    for split, count in tasks_qa.CONTEXTS.items():
        items = tasks_qa.items(split, SEED, count)
        two = [item for item in items if item.two]
        assert abs(len(two) - count / 2) <= 0.5
        for item in items:
            assert 3 <= len(item.facts) <= 5 and len({fact.subject for fact in item.facts}) == 1 + item.two
        for item in two:
            (one, _), (other, _) = item.questions
            assert one.relation == other.relation and one.subject != other.subject
            assert division.value(one) != division.value(other)


@pytest.mark.parametrize("language", ("en", "zh"))
def test_in_a_context_of_two_countries_every_sentence_names_its_own(language: str) -> None:
    speaker = atlas.load_tasks(language)
    for split, count in tasks_qa.CONTEXTS.items():
        for item in tasks_qa.items(split, SEED, count):
            for sentence in speaker.paragraph(item.facts, split, Random(0), named=item.two).sentences:
                assert not item.two or "country" in {span.slot for span in sentence.spans}


def test_overall_follows_the_stated_formula() -> None:
    def fact(key: str, relation: str) -> atlas.Fact:
        return next(f for f in atlas.facts(atlas.entity(f"country:{key}")) if f.relation == relation)

    france = (fact("FR", "capital"), fact("FR", "people"))
    peru = (fact("PE", "capital"), fact("PE", "people"))
    assert tasks_sts.overall(tasks_sts.Pair(france, france[::-1])) == 1.0
    assert tasks_sts.overall(tasks_sts.Pair(france, peru)) == 3.1  # 4 - 3 * 0.3
    assert tasks_sts.overall(tasks_sts.Pair(france, (fact("PE", "area"), fact("PE", "week")))) == 4.0
    mixed = (fact("FR", "capital"), fact("FR", "area"), fact("FR", "week"), fact("FR", "calling"))
    assert tasks_sts.overall(tasks_sts.Pair(france, mixed)) == 2.8  # 4 - 3 * (0.2 + 0.5 / 4 + 0.3 / 4)


@pytest.mark.parametrize("language", SHOWN)
def test_common_words_correlate_with_the_score_and_do_not_give_it_away(folder: Path, language: str) -> None:
    scores, overlaps = [], []
    for row in pairs(folder, "test"):
        if row["url1_lang"] == row["url2_lang"] == language:
            bags = [
                {t.text for t in tokenize(" ".join(article(folder, k).values()))} for k in row["pair_id"].split("_")
            ]
            overlaps.append(len(bags[0] & bags[1]) / len(bags[0] | bags[1]))
            scores.append(4 - float(row["OVERALL"]))
    assert 0.1 < pearsonr(scores, overlaps).statistic < 0.8
    assert min(scores) == 0 and max(scores) > 2.5  # most of the scale is used


# Arguments, and our own readers


def test_unknown_tasks_languages_and_shares_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no task 'pos' .* ner, legal, nli, qa, sts"):
        atlas.write_tasks(tmp_path, tasks=("pos",))
    with pytest.raises(ValueError, match="xx"):
        atlas.write_tasks(tmp_path, languages=("xx",))
    for share in (0, 1.5):
        with pytest.raises(ValueError, match=f"share = {share}: "):
            atlas.write_tasks(tmp_path, share=share)
    assert list(tmp_path.iterdir()) == []


def test_the_projects_readers_take_every_record_without_a_remark(folder: Path) -> None:
    from unibert_lib.tasks.conll import read_conll
    from unibert_lib.tasks.mapa import read_mapa
    from unibert_lib.tasks.similarity import read_sts22
    from unibert_lib.tasks.squad import read_squad
    from unibert_lib.tasks.xnli import read_xnli

    qa = folder / "qa" / "test" / "test-context-zh-question-zh.json"
    read = [
        (400, read_conll(folder / "ner" / "el.train", language="el")),
        (200, read_conll(folder / "ner" / "zh.testb", language="zh", split="test")),
        (300, read_mapa(folder / "legal" / "ar" / "train.jsonl")),
        (150, read_mapa(folder / "legal" / "ar" / "test.jsonl", level="fine", split="test")),
        (1800, read_xnli(folder / "nli" / "multinli.train.ru.tsv")),
        (300, read_xnli(folder / "nli" / "xnli.test.tsv", language="ru", split="test")),
        (300, read_squad(folder / "qa" / "en_squad-translate-train-train-v1.1.json")),
        (150, read_squad(qa, split="test")),
        (1920, read_sts22(folder / "sts" / tasks_sts.NAMES["train"], folder / "sts" / "articles")),
        (960, read_sts22(folder / "sts" / tasks_sts.NAMES["test"], folder / "sts" / "articles", split="test")),
    ]
    for size, data in read:
        assert (len(data), data.quarantined, data.flagged) == (size, (), ())

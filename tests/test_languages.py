"""The table of languages and the check of codes."""

import csv

import pytest
from babel import Locale

from unibert_lib import languages

# Where the name differs from CLDR's: missing there, or not the name the Wikipedia goes by.
OVERRIDES = {"als", "azb", "bn", "bpy", "cbk-zam", "mhr", "pnb", "zh-yue"}


def test_the_table_holds_mberts_103_codes_exactly_as_google_lists_them(shared):
    with (shared / "data" / "lists" / "mbert104_wikipedia_codes.tsv").open(encoding="utf-8") as handle:
        genuine = {row["wiki_code"] for row in csv.DictReader(handle, delimiter="\t")}
    ours = {code for code, row in languages.LANGUAGES.items() if "mbert" in row.sources}
    assert len(genuine) == 103
    assert ours == genuine


def test_the_tasks_languages_are_those_of_the_papers_tables(shared):
    genuine = {"paper": {"ss"}}  # Swati stands in the text alone
    names = {"ner": "conll", "nli": "xnli", "qa": "mlqa", "sts": "sts22", "legal_ner": "mapa"}
    with (shared / "paper" / "tables.csv").open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["language"] != "avg_reported":
                genuine.setdefault(names[row["task"]], set()).add(row["language"])
                genuine["paper"].add(row["language"])
    for source, codes in genuine.items():
        assert {code for code, row in languages.LANGUAGES.items() if source in row.sources} == codes, source


def test_every_tatoeba_code_with_a_wikipedia_maps_to_it(shared):
    folder = shared / "data" / "sentences" / "tatoeba_v1"
    genuine = {path.suffix[1:] for path in folder.glob("tatoeba.*")} | {"eng"}
    listed = {row.iso639_3 for row in languages.LANGUAGES.values() if "tatoeba" in row.sources}
    assert listed <= genuine
    assert genuine - listed == {"arq", "ber", "kzj", "max", "orv", "swg", "tzl"}
    assert languages.WIKI_CODE["cmn"] == "zh" and languages.WIKI_CODE["yue"] == "zh-yue"


def test_names_are_those_of_cldr_but_for_the_named_overrides():
    cldr = Locale("en").languages
    differing = {code for code, row in languages.LANGUAGES.items() if cldr.get(code) != row.name}
    assert differing == OVERRIDES


def test_swati_and_maltese_are_known_though_mbert_lacks_them():
    assert languages.LANGUAGES["ss"].name == "Swati"
    assert "mapa" in languages.LANGUAGES["mt"].sources
    assert "mbert" not in languages.LANGUAGES["ss"].sources + languages.LANGUAGES["mt"].sources


def test_the_table_does_not_claim_to_be_the_papers():
    assert "not its list" in languages.TABLE.read_text(encoding="utf-8").split("\ncode,")[0]


def test_the_atlas_speaks_twelve_languages_in_six_scripts():
    rows = [languages.LANGUAGES[code] for code in languages.ATLAS_LANGUAGES]
    assert len(rows) == 12
    assert {row.script for row in rows} == {"Arab", "Latn", "Grek", "Deva", "Cyrl", "Hans"}
    assert all("atlas" in row.sources for row in rows)


def test_check_returns_the_codes_in_order():
    assert languages.check(iter(["nl", "ar"])) == ("nl", "ar")


@pytest.mark.parametrize(
    ("code", "advice"),
    [("enn", "en"), ("german", "'de'"), ("Swahili", "'sw'"), ("afr", "'af'"), ("zh_yue", "zh-yue"), ("EN", "en")],
)
def test_an_unknown_code_is_refused_with_the_nearest_valid_one(code, advice):
    with pytest.raises(ValueError, match=rf"unknown language '{code}'.*{advice}"):
        languages.check(["nl", code])


def test_a_code_outside_the_table_passes_where_it_is_declared():
    assert languages.check(["arq"], known=[*languages.LANGUAGES, "arq"]) == ("arq",)


def test_a_declared_code_cannot_leave_the_corpus_folder():
    with pytest.raises(ValueError, match="unknown language"):
        languages.check(["../x"], known=["../x"])


def test_a_code_named_twice_is_refused():
    with pytest.raises(ValueError, match="'en' is named twice"):
        languages.check(["en", "nl", "en"])


def test_one_string_is_not_a_list_of_codes():
    with pytest.raises(ValueError, match=r"write \['en'\]"):
        languages.check("en")


@pytest.mark.parametrize(("rows", "reason"), [("xx,,Latn,F,,", "lacks a field"), ("xx,X,Latn,F,,\n" * 2, "twice")])
def test_a_broken_table_is_refused_with_its_row(tmp_path, rows, reason):
    table = tmp_path / "t.csv"
    table.write_text(f"# remark\ncode,name,script,family,iso639_3,sources\n{rows}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"'xx'.*{reason}"):
        languages.read_table(table)


def test_name_of_reads_both_kinds_of_code_and_gives_back_what_it_does_not_know():
    assert [languages.name_of(code) for code in ("sw", "swh", "arq")] == ["Swahili", "Swahili", "arq"]

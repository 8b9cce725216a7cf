"""A task's files are found by their published names; splits that are missing are made, and nothing leaks."""

import json

import pytest

from unibert_lib import finetune, recipes
from unibert_lib.task_parameters import BUDGETS, NerParameters, NliParameters, QaParameters, StsParameters
from unibert_lib.tasks import folders
from unibert_lib.tasks.dataset import shared_items
from unibert_lib.tasks.ner import Ner
from unibert_lib.tasks.records import Unlabelled

pytestmark = pytest.mark.xdist_group("task data")  # one worker: the embedded files are written once


def sizes(data):
    return {split: {code: len(part) for code, part in data.split(split).items()} for split in ("train", "dev", "test")}


def test_panx_in_xtreme_trains_on_train_and_tests_on_dev(shared):
    data, remarks = folders.open_folder("ner", shared / "data" / "ner" / "panx_xtreme")
    found = sizes(data)
    assert found["test"] == {"af": 1000, "eu": 10000, "sw": 1000}, "dev is the test, whole"
    whole = {code: found["train"][code] + found["dev"][code] for code in found["train"]}
    assert whole == {"af": 5000, "eu": 10000, "sw": 1000}
    assert 80 < found["dev"]["sw"] < 120, "a tenth"
    assert remarks == ["no test split: dev is the test", "no development split: a tenth of the training items"]


def test_xnli_dev_alone_is_cut_by_premise_across_languages(shared):
    data, [remark] = folders.open_folder("nli", shared / "data" / "nli" / "xnli_xtreme")
    assert remark.startswith("only a dev split")
    premises = {code: {record.item for record in part} for code, part in data.test.items()}
    assert premises["en"] == premises["es"] == premises["sw"] == premises["zh"]
    assert 0.15 < len(data.test["en"]) / 2490 < 0.25 and len(data.test["en"]) % 3 == 0
    assert shared_items(data.train.values(), data.test.values()) == 0
    english = {record.premise for record in data.train["en"]}
    assert english.isdisjoint(record.premise for record in data.test["en"]), "no premise on both sides"


def test_tydiqa_is_trained_on_and_xquad_is_the_test(shared):
    here = shared / "data" / "qa"
    data, remarks = folders.open_folder("qa", here / "tydiqa_goldp_v1.1", ("en", "sw"), test_folder=here / "xquad")
    assert remarks[0] == "test data from xquad"
    assert {code: len(part) for code, part in data.test.items()} == {"en": 1190}, "XQuAD has no Swahili"
    found = sizes(data)
    assert found["train"]["en"] + found["dev"]["en"] == 3696 and found["train"]["sw"] + found["dev"]["sw"] == 2755
    contexts = {record.context for record in data.train["en"]}
    assert contexts.isdisjoint(record.context for record in data.dev["en"]), "a context is on one side"


def test_stsb_keeps_its_own_splits(shared):
    data, remarks = folders.open_folder("sts", shared / "data" / "sts" / "stsb_multi_mt")
    assert {code: len(part) for code, part in data.test.items()} == {"en": 1500, "es": 1500}
    assert remarks[0] == "no test split: dev is the test"
    train = {code: {record.item for record in part} for code, part in data.train.items()}
    assert train["en"] == train["es"], "cut by item, not by row"


def test_echr_is_found_under_both_tasks(shared):
    for task in ("ner", "legal_ner"):
        data, _ = folders.open_folder(task, shared / "data" / "legal" / "echr_fr_es" / "manual")
        assert {code: len(part) for code, part in data.test.items()} == {"es": 178, "fr": 115}


def test_wikiann_takes_the_language_from_the_folder(shared):
    data, _ = folders.open_folder("ner", shared / "data" / "fixtures_hf" / "wikiann", ("af", "ro"))
    assert sizes(data) == {split: {"af": 1, "ro": 1} for split in ("train", "dev", "test")}


def test_a_folder_without_a_file_of_the_task_is_refused_with_the_known_names(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ValueError, match=r"no file of nli.*xnli"):
        folders.open_folder("nli", tmp_path)
    with pytest.raises(ValueError, match="no such folder"):
        folders.open_folder("nli", tmp_path / "absent")


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return str(tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("schema", [NerParameters, NliParameters, QaParameters, StsParameters])
def test_the_embedded_data_has_every_split_and_its_budget(schema, smoke):
    params = schema(budget="smoke", runs=smoke)
    data = recipes.task_set(params)
    limits = BUDGETS[params.task]["smoke"]
    for code in limits.languages:
        assert len(data.test[code]) == limits.test_records
        if code in data.train:
            assert len(data.train[code]) == limits.train_records
    assert shared_items(data.train.values(), data.test.values()) == 0
    assert data.overlap()["same input in training"].sum() == 0


def test_similarity_trains_on_one_pair_and_tests_on_others(smoke):
    data = recipes.task_set(StsParameters(budget="smoke", runs=smoke, languages=("de", "el", "en", "zh")))
    assert {"de-en", "el-en"} <= set(data.train) and "zh" not in data.train and {"zh", "zh-en"} <= set(data.test)


def test_the_scale_of_the_scores_is_the_datas(shared, smoke):
    embedded = StsParameters(budget="smoke", runs=smoke)
    assert recipes.make_task(embedded, recipes.task_set(embedded)).highest == 3
    genuine = StsParameters(data=str(shared / "data" / "sts" / "stsb_multi_mt"), runs=smoke)
    assert recipes.make_task(genuine, recipes.task_set(genuine)).highest == 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"settings": ("mono",)}, "mono"),
        ({"size": "all"}, "one student at a time"),
        ({"seeds": (1, 1)}, "different numbers"),
        ({"steps": 0}, "positive"),
        ({"control": "epochs", "steps": 5}, "counts epochs"),
        ({"max_length": 8}, "at least 16"),
        ({"num_processes": 2}, "one process"),
    ],
)
def test_senseless_parameters_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        NerParameters(**given)


def test_a_pretraining_that_has_not_finished_is_no_model(tmp_path):
    (tmp_path / "pretrain" / "half").mkdir(parents=True)
    with pytest.raises(recipes.MissingInput, match="has not finished"):
        recipes.pretrained(NerParameters(model="half", runs=str(tmp_path)))


def test_an_unpinned_hub_id_is_refused_before_any_work(tmp_path):
    under = recipes.pretrained(NerParameters(model="xlm-roberta-base", runs=str(tmp_path)))
    assert under.sha == "unpinned"
    for revision in (under.revision, "main"):
        with pytest.raises(ValueError, match="pinned commit"):
            Ner().model(under.source, ("O",), revision)


def test_americasnli_is_found_by_its_published_name_in_every_language(shared):
    data, remarks = folders.open_folder("nli", shared / "data" / "nli" / "americasnli")
    assert {"gn", "quy", "nah"} <= set(data.test) and len(data.test) == 10
    assert remarks[0].startswith("only a dev split")
    assert shared_items(data.train.values(), data.test.values()) == 0


# --- bad records of a test that is cut -----------------------------------------------------------------------------


def mapa(number, tags):
    keys = {"language": "en", "file_name": "a", "sentence_number": number, "tokens": [f"t{number}", "b"]}
    return json.dumps(keys | {"coarse_grained": tags, "fine_grained": tags}) + "\n"


def squad(number, answer, start):
    question = {"id": str(number), "question": f"{number}?", "answers": [{"text": answer, "answer_start": start}]}
    context = f"Anna lives in {number}. It was built in 1801."
    return {"title": "t", "paragraphs": [{"context": context, "qas": [question]}]}


NUMBERS = range(200)  # every third record is bad
LONE = {
    "ner": ("eng.testb", "".join(f"t{n} B-LOC\nb {'I-PER' if n % 3 == 0 else 'O'}\n\n" for n in NUMBERS)),
    "legal_ner": (
        "test.jsonl",
        "".join(mapa(n, ["O", "I-PERSON"] if n % 3 == 0 else ["B-PERSON", "O"]) for n in NUMBERS),
    ),
    "nli": (
        "test-en.tsv",
        "".join(f"p{n}\t{'' if n % 3 == 0 else 'h'}\t{'neutral' if n % 2 else 'entailment'}\n" for n in NUMBERS),
    ),
    "qa": (
        "xquad.en.json",
        json.dumps({"version": "1.1", "data": [squad(n, "Anna" if n % 3 else "1801", 0) for n in NUMBERS]}),
    ),
    "sts": ("stsb-en-test.csv", "".join(f"first {n},{'' if n % 3 == 0 else 'second'},{n % 6}.0\n" for n in NUMBERS)),
}


@pytest.mark.parametrize("task", LONE)
def test_what_is_flagged_in_a_test_is_never_trained_on(tmp_path, task):
    name, text = LONE[task]
    (tmp_path / name).write_text(text)
    bad = sum(number % 3 == 0 for number in NUMBERS)
    data, _ = folders.open_folder(task, tmp_path)
    trained = [record for split in ("train", "dev") for record in data.split(split)["en"]]
    assert trained and all(record.flag is None for record in trained)
    aside = [note for split in ("train", "dev") for note in data.split(split)["en"].quarantined]
    test = data.test["en"]
    assert 0 < len(test.flagged) == sum(record.flag is not None for record in test)
    assert test.quarantined == ()
    assert len(trained) + len(aside) + len(test) == 200 and len(aside) + len(test.flagged) == bad


# --- unlike data sets, files without labels, names, zero-shot ------------------------------------------------------

TAGGED = "".join(f"t{n}\tB-LOC\nb\tO\n\n" for n in NUMBERS)
SCORED = LONE["sts"][1].replace(",,", ",second,")


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("task", "files", "message"),
    [
        ("ner", ("eng.train", "train-en.tsv"), r"train, conll \(eng.train\) and panx \(train-en.tsv\)"),
        ("ner", ("esp.testb", "test-sw.tsv"), r"test, conll .* and panx"),
        ("legal_ner", ("test.jsonl", "FR-manual-test.tsv"), r"test, echr_fr_es .* and mapa"),
        ("nli", ("anli.test.tsv", "xnli.test.tsv"), r"test, americasnli .* and xnli"),
        ("qa", ("xquad.en.json", "test-context-de-question-de.json"), r"test, mlqa .* and xquad"),
        ("sts", ("stsb-en-train.csv", "semeval-2022_task8_train-data_batch.csv"), r"train, sts22 .* and stsb_multi_mt"),
    ],
)
def test_two_data_sets_in_one_split_are_refused_before_they_are_read(tmp_path, task, files, message):
    write(tmp_path, **dict.fromkeys(files, "?"))
    with pytest.raises(ValueError, match=message + r".*put each into a folder of its own.*test_data"):
        folders.open_folder(task, tmp_path)


def test_the_language_asked_for_can_tell_two_data_sets_apart(tmp_path):
    write(tmp_path, **{"eng.train": TAGGED, "train-sw.tsv": TAGGED})
    assert set(folders.open_folder("ner", tmp_path, ("sw",))[0].train) == {"sw"}


def test_a_train_set_of_one_publisher_and_the_test_of_another_go_together(tmp_path):
    good = json.dumps({"version": "1.1", "data": [squad(n, "Anna", 0) for n in NUMBERS]})
    write(
        tmp_path, **{"train-v1.1.json": good, "es_squad-translate-train-train-v1.1.json": good, "xquad.en.json": good}
    )
    data, remarks = folders.open_folder("qa", tmp_path)
    assert (set(data.train), set(data.test)) == ({"en", "es"}, {"en"})
    assert (data.name, data.train_name) == ("xquad", "mlqa_translate_train+squad")
    assert (
        "trained on mlqa_translate_train+squad, scored on xquad: labels and how they were given may differ" in remarks
    )


def test_files_without_labels_are_left_out_by_name(tmp_path):
    words = TAGGED.replace("\tB-LOC", "").replace("\tO", "")
    panx = write(tmp_path / "panx", **{"train-en.tsv": TAGGED, "dev-en.tsv": TAGGED, "test-en.tsv": words})
    data, remarks = folders.open_folder("ner", panx)
    assert (len(data.test["en"]), remarks[0]) == (200, "no test split: dev is the test")
    assert remarks[-1].startswith("test-en.tsv is left out: ") and "test_data" in remarks[-1]
    bare = write(tmp_path / "bare", **{"test-en.tsv": words})
    for given in ({"folder": bare}, {"folder": panx, "test_folder": bare}):
        with pytest.raises(Unlabelled, match=r"test-en.tsv.*the development files as test_data"):
            folders.open_folder("ner", **given)


def test_the_name_is_the_publishers_or_two_parts_of_the_folder(tmp_path, monkeypatch):
    def name(folder, *files):
        write(folder, **dict.fromkeys(files, TAGGED))
        return folders.open_folder("ner", folder)[0].name

    assert name(tmp_path / "x" / "data", "eng.train") == "conll"
    assert name(tmp_path / "mine" / "dev", "train-en.tsv") == "mine/dev"
    monkeypatch.setenv("HOME", str(tmp_path / "someone"))
    assert name(tmp_path / "someone" / "data", "train-en.tsv") == "data", "no name of a user"


def test_the_data_that_is_scored_gives_the_name_and_both_stand_in_the_run(tmp_path, smoke):
    train = write(tmp_path / "train", **{"train-en.tsv": TAGGED})
    test = write(tmp_path / "test", **{"eng.testb": TAGGED})
    given = {"budget": "smoke", "runs": smoke}
    data = recipes.task_set(NerParameters(data=str(train), test_data=str(test), **given))
    assert (data.name, data.train_name) == ("conll", f"{tmp_path.name}/train")
    assert len(data.test["en"]) == 200, "a genuine test is whole at smoke"
    mixed = recipes.task_set(NerParameters(test_data=str(test), languages=("en",), **given))
    assert (mixed.name, mixed.train_name, len(mixed.test["en"])) == ("conll", "atlas", 200)


def test_a_language_without_training_or_test_data_is_told_and_one_with_neither_refused(tmp_path, smoke, capsys):
    write(tmp_path, **{"train-en.tsv": TAGGED, "test-sw.tsv": TAGGED, "test-zh-yue.tsv": TAGGED})
    given = {"data": str(tmp_path), "budget": "smoke", "runs": smoke}
    data = recipes.task_set(NerParameters(**given))
    told = capsys.readouterr().out
    assert "no test data for en: trained on, not scored" in told
    assert "no training data for sw, zh-yue: " in told
    assert recipes.task_languages(NerParameters(**given), data) == ("en", "sw", "zh-yue")
    assert finetune.scored(("each", "all"), data, ("en", "sw", "zh-yue")) == [("all", "sw"), ("all", "zh-yue")]
    with pytest.raises(ValueError, match="no data in 'de'"):
        recipes.task_set(NerParameters(languages=("en", "sw", "de"), **given))

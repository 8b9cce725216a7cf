"""The embedded default makes what it lacks; for anything else a missing input names the command which makes it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from conftest import LINES

from unibert_lib import config, corpus, recipes, runs, tokenizer
from unibert_lib.corpus import load_report
from unibert_lib.languages import ATLAS_LANGUAGES
from unibert_lib.parameters import CorpusParameters, PretrainParameters
from unibert_lib.recipes import MissingInput
from unibert_lib.tokens import TokenStore

WANTED = PretrainParameters(budget="smoke", languages=("en", "hi", "zh"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs with a space")


@pytest.fixture(scope="module")
def wanted(folder: Path) -> PretrainParameters:
    return dataclasses.replace(WANTED, runs=str(folder))


@pytest.fixture(scope="module")
def sentences(folder: Path) -> Path:
    source = folder / "sentences"
    source.mkdir()
    for code, texts in LINES.items():
        lines = [f"{text} {i}" for i in range(6) for text in texts]
        (source / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    return source


def test_the_embedded_default_makes_corpus_tokens_teacher_and_student(
    wanted: PretrainParameters, capsys: pytest.CaptureFixture[str]
) -> None:
    models = recipes.ensure_student(wanted)
    said = capsys.readouterr().out
    assert "making the corpus" in said and "training the embedded teacher" in said
    assert (models["xxsmall"] / "model.safetensors").exists()
    root = Path(wanted.runs or "")
    assert {"atlas", "corpus", "tokens", "pretrain"} <= {path.name for path in root.iterdir()}
    recipes.ensure_student(wanted)
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("this run exists already") and str(root) not in line
    assert runs.short(models["xxsmall"].parent) in line


def test_notebook_01_and_03_meet_in_one_corpus(wanted: PretrainParameters) -> None:
    alone = CorpusParameters(budget="smoke", runs=wanted.runs)
    assert recipes.ensure_corpus(alone) == recipes.ensure_corpus(wanted)
    report = load_report(recipes.ensure_corpus(alone))
    assert set(report.languages) == set(ATLAS_LANGUAGES) and all(x.balanced for x in report.languages.values())


def test_other_parameters_get_another_corpus(wanted: PretrainParameters) -> None:
    base = CorpusParameters(budget="smoke", languages=("en", "hi", "zh"), runs=wanted.runs)
    paths = {
        recipes.open_corpus(dataclasses.replace(base, **change)).path
        for change in ({}, {"seed": 1}, {"vocab_size": 900})
    }
    assert len(paths) == 3


def test_a_missing_corpus_names_the_command_that_makes_it(wanted: PretrainParameters) -> None:
    with pytest.raises(
        MissingInput, match=r"no finished corpus 'wikipedia'.*papermill 01_corpus.ipynb .* -p name wikipedia"
    ):
        recipes.ensure_corpus(dataclasses.replace(wanted, corpus="wikipedia", languages=()))


def test_a_missing_source_is_an_error_before_work(wanted: PretrainParameters) -> None:
    with pytest.raises(MissingInput, match="no such file or folder"):
        recipes.ensure_corpus(CorpusParameters(source="nowhere", runs=wanted.runs))


def test_a_corpus_of_ones_own_goes_all_the_way(sentences: Path, wanted: PretrainParameters) -> None:
    own = CorpusParameters(source=str(sentences), name="own", vocab_size=400, minimum_pieces=2, runs=wanted.runs)
    assert recipes.ensure_corpus(own).name == "own"
    params = PretrainParameters(
        corpus="own", teacher="none", budget="smoke", steps=2, name="own-teacher", runs=wanted.runs
    )
    recipes.ensure_student(params)
    taught = dataclasses.replace(params, teacher="own-teacher", name=None, adversary="grl")
    models = recipes.ensure_student(taught)
    card = json.loads((models["xxsmall"].parent / "config.json").read_text())
    assert card["inputs"]["teacher"] == runs.fingerprint(Path(wanted.runs or "") / "pretrain/own-teacher/model")
    with pytest.raises(MissingInput, match=r"-p teacher none -p adversary off .* -p name own-teacher"):
        recipes.ensure_teacher(dataclasses.replace(params, teacher="embedded", name=None))


def test_a_corpus_with_a_given_vocabulary_keeps_it(sentences: Path, wanted: PretrainParameters, tmp_path: Path) -> None:
    made = tokenizer.train((line for texts in LINES.values() for line in texts), 300)
    made.save_pretrained(tmp_path / "pieces")
    given = CorpusParameters(
        source=str(sentences), tokenizer=str(tmp_path / "pieces"), minimum_pieces=2, runs=wanted.runs
    )
    kept = tokenizer.load(recipes.ensure_tokenizer(given))
    assert tokenizer.fingerprint(kept) == tokenizer.fingerprint(made)


def test_an_unfinished_teacher_is_named(wanted: PretrainParameters) -> None:
    (Path(wanted.runs or "") / "pretrain" / "half").mkdir(parents=True)
    with pytest.raises(MissingInput, match="has not finished"):
        recipes.open_teacher(dataclasses.replace(wanted, teacher="half"))


def test_three_students_share_one_run(wanted: PretrainParameters) -> None:
    models = recipes.ensure_student(dataclasses.replace(wanted, size="all", steps=1))
    assert {size: path.name for size, path in models.items()} == {
        s: f"model-{s}" for s in ("small", "xsmall", "xxsmall")
    }


def test_the_twin_differs_in_the_adversary_alone(wanted: PretrainParameters) -> None:
    twin = recipes.changed(wanted, adversary="off")
    assert dataclasses.replace(twin.objective, adversary=wanted.objective.adversary) == wanted.objective
    with pytest.raises(ValueError, match="unknown adversary"):
        recipes.changed(wanted, options={"adversary": "none"})


def test_rules_without_joiners_are_an_option() -> None:
    assert recipes.rules_1_to_4(CorpusParameters()) == corpus.RULES
    word = "می‌خواهم"
    kept, removed = (
        recipes.rules_1_to_4(CorpusParameters(keep_joiners=keep))[3](word).text  # type: ignore[union-attr]
        for keep in (True, False)
    )
    assert kept == word and removed == word.replace("\u200c", "")


def test_the_store_of_the_default_is_the_demos(wanted: PretrainParameters) -> None:
    store = recipes.ensure_tokens(wanted)
    assert isinstance(store, TokenStore) and store.languages == ["en", "hi", "zh"]
    assert config.objective("recommended").language_alpha == 1

"""The matrix: its cells, equal steps, resuming, rivals, and the traps of the Trainer."""

import json
import shutil
import signal

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, Trainer, TrainingArguments

from unibert_lib import finetune, results, runs, tokenizer
from unibert_lib.tasks import fit as fits
from unibert_lib.tasks.dataset import TaskSet, shared_items, split_by_item
from unibert_lib.tasks.fit import FineTuning
from unibert_lib.tasks.nli import LABELS, Nli
from unibert_lib.tasks.records import ScoredPair, SentencePair, TaskData

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "mat",
    "dog",
    "ran",
    "to",
    "old",
    "house",
    "by",
    "river",
    "birds",
    "sing",
    "rain",
    "falls",
]


def pairs(language, count, split):
    """Premises whose first word gives the label away: learnable in a few steps."""
    rows = []
    for i in range(count):
        label = LABELS[i % 3]
        premise = f"{WORDS[i % 3]} {WORDS[3 + i % 13]}"
        rows.append(SentencePair(premise, WORDS[(i * 7) % 16], label, language, f"{split}/{language}/{i // 3}"))
    return TaskData(tuple(rows))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("student") / "model"
    pieces = tokenizer.train(WORDS * 20, 300)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    pieces.save_pretrained(folder)
    return folder


@pytest.fixture
def data():
    languages = ("en", "nl")
    made = {split: {code: pairs(code, n, split) for code in languages} for split, n in (("train", 24), ("test", 12))}
    dev = {code: pairs(code, 9, "dev") for code in languages}
    return TaskSet("toy", made["train"], dev, made["test"])


QUICK = FineTuning(learning_rates=(5e-3,), batch_size=6, steps=6, device="cpu")


@pytest.fixture
def run(tmp_path):
    return runs.open_run("finetune", "toy", {"task": "nli"}, {}, tmp_path)


def matrix(model, data, run, how=QUICK, settings=("each", "all"), seeds=(0,)):
    path = finetune.run_matrix(model, Nli(max_length=16), data, settings, ("en", "nl"), seeds, how, run)
    return results.load(path)


def test_each_trains_a_model_a_language_and_all_trains_one_on_both(model, data, run):
    frame = matrix(model, data, run, seeds=(0, 1))
    ours = frame[(frame["metric"] == "macro_f1") & ~frame["model"].str.startswith("baseline:")]
    found = {(r.setting, r.train_languages, r.language, r.finetune_seed) for r in ours.itertuples()}
    each = {("each", code, code, seed) for code in ("en", "nl") for seed in (0, 1)}
    assert found == each | {("all", "en+nl", code, seed) for code in ("en", "nl") for seed in (0, 1)}
    assert set(ours["n"]) == {12} and set(ours["steps"]) == {6} and set(ours["control"]) == {"equal_steps"}


def test_the_trivial_rival_stands_in_every_cell(model, data, run):
    frame = matrix(model, data, run)
    rivals = frame[frame["model"] == "baseline:majority"]
    assert {(r.setting, r.language) for r in rivals.itertuples()} == {
        (s, c) for s in ("each", "all") for c in data.test
    }
    accuracy = rivals[rivals["metric"] == "accuracy"]["score"]
    assert accuracy.tolist() == [pytest.approx(1 / 3)] * 4, "labels are balanced, so the majority is right in a third"


def test_fine_tuning_learns_what_can_be_learned(model, data, run):
    how = FineTuning(learning_rates=(5e-3,), batch_size=12, steps=60, device="cpu")
    frame = matrix(model, data, run, how, settings=("all",))
    ours = frame[(frame["metric"] == "accuracy") & ~frame["model"].str.startswith("baseline:")]
    assert ours["score"].min() > 0.9


@pytest.fixture
def counted(monkeypatch):
    trained = []
    whole = finetune.fit

    def count(*arguments, **options):
        trained.append(options["seed"])
        return whole(*arguments, **options)

    monkeypatch.setattr(finetune, "fit", count)
    return trained


def test_a_finished_cell_is_never_run_again_and_says_so(model, data, run, counted, capsys):
    first = matrix(model, data, run)
    assert len(counted) == 3 and "exists already" not in capsys.readouterr().out
    again = matrix(model, data, run)
    assert len(counted) == 3
    assert capsys.readouterr().out.count(f"exists already and is taken as it is: {runs.short(run.path)}") == 1
    assert first.equals(again)


def test_a_killed_cell_starts_anew_and_the_others_stay(model, data, run, monkeypatch, counted):
    whole, done = finetune.evaluate, []

    def dies_in_the_second_cell(*arguments):
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return whole(*arguments)

    monkeypatch.setattr(finetune, "evaluate", dies_in_the_second_cell)
    with pytest.raises(KeyboardInterrupt) as stop:
        matrix(model, data, run)
    assert stop.value.__notes__ == ["Stopped; cells finished: 1 of 3. Run this cell again to go on from there."]
    monkeypatch.setattr(finetune, "evaluate", whole)
    assert len(counted) == 2 and not run.done
    killed = matrix(model, data, run)
    assert len(counted) == 4, "the second cell again, and the third"
    fresh = runs.open_run("finetune", "fresh", {"task": "nli"}, {}, run.path.parent.parent)
    scores = matrix(model, data, fresh)
    assert killed["score"].tolist() == scores["score"].tolist(), "an interruption changes no figure"


def test_a_cell_is_saved_whole_before_a_signal_is_obeyed(model, data, run, monkeypatch, counted):
    whole = runs.write_json

    def asked(path, value):
        if path.parent.name == "cells":
            signal.raise_signal(signal.SIGTERM)
            monkeypatch.setattr(runs, "write_json", whole)
        whole(path, value)

    monkeypatch.setattr(runs, "write_json", asked)
    with pytest.raises(SystemExit, match="143"):
        matrix(model, data, run)
    assert len(list(run.path.glob("cells/*.json"))) == 2, "the first cell and its predictions"
    rows = results.load(run.path.parent.parent / "results" / "toy.jsonl")
    assert set(rows["language"]) == {"en"}
    matrix(model, data, run)
    assert len(counted) == 3, "the first cell is not trained again"


def test_rows_lost_after_a_cell_was_finished_come_back(model, data, run):
    before = matrix(model, data, run)
    (run.path.parent.parent / "results" / "toy.jsonl").unlink()
    assert matrix(model, data, run).equals(before)


@pytest.mark.parametrize("change", [{"steps": 7}, {"batch_size": 5}, {"learning_rates": (1e-3,)}])
def test_another_configuration_is_another_cell(model, data, run, counted, change):
    import dataclasses

    matrix(model, data, run, settings=("all",))
    matrix(model, data, run, dataclasses.replace(QUICK, **change), settings=("all",))
    assert len(counted) == 2


def test_equal_steps_give_all_as_many_as_the_mean_each_and_epochs_give_it_more():
    equal = FineTuning(epochs=3, batch_size=8)
    epochs = FineTuning(epochs=3, batch_size=8, control="epochs")
    assert equal.steps_for(300, mean_of_each=100) == 38  # 3 * 100 / 8 = 37.5
    assert epochs.steps_for(300, mean_of_each=100) == 113  # 3 * 300 / 8 = 112.5


def test_a_sweep_takes_the_rate_that_is_best_on_the_development_data(model, data, run, counted):
    how = FineTuning(learning_rates=(1e-6, 5e-3), batch_size=12, steps=40, device="cpu")
    frame = matrix(model, data, run, how, settings=("all",), seeds=(0, 1))
    assert len(counted) == 4, "two rates on the first seed, then one cell a seed"
    ours = frame[~frame["model"].str.startswith("baseline:")]
    assert set(ours["learning_rate"]) == {5e-3}


def test_another_budget_sweeps_anew(model, data, run, counted):
    for steps in (2, 3):
        how = FineTuning(learning_rates=(1e-4, 5e-3), batch_size=6, steps=steps, device="cpu")
        matrix(model, data, run, how, settings=("all",), seeds=(0, 1))
    assert len(counted) == 8, "two rates and two seeds for each number of steps"


def test_data_that_stands_on_both_sides_is_refused(model, data, run):
    leaking = TaskSet("leak", data.train, data.dev, {"en": data.train["nl"]})
    with pytest.raises(ValueError, match="8 items stand in training and in test"):
        finetune.run_matrix(model, Nli(), leaking, ("each",), ("en",), (0,), QUICK, run)


def test_parallel_data_is_cut_by_item_across_languages():
    whole = {
        code: TaskData(tuple(ScoredPair("a", "b", 1.0, code, str(i)) for i in range(200))) for code in ("en", "sw")
    }
    cut = split_by_item(whole, {"train": 0.7, "dev": 0.1, "test": 0.2}, seed=0, name="x")
    sides = {code: {r.item for r in cut.test[code]} for code in whole}
    assert sides["en"] == sides["sw"] and 20 < len(sides["en"]) < 60
    assert shared_items(cut.train.values(), cut.test.values()) == 0
    assert sum(len(part["en"]) for part in (cut.train, cut.dev, cut.test)) == 200, "nothing is lost"
    other = split_by_item(whole, {"train": 0.7, "dev": 0.1, "test": 0.2}, seed=1, name="x")
    assert {r.item for r in other.test["en"]} != sides["en"]


def test_a_language_without_data_is_refused_with_the_nearest(model, data, run):
    with pytest.raises(ValueError, match="no data in 'em'; did you mean en"):
        finetune.run_matrix(model, Nli(), data, ("each",), ("em",), (0,), QUICK, run)


def test_a_language_without_a_test_is_trained_on_in_all_alone(data):
    lacking = TaskSet("lacking", data.train, data.dev, {"en": data.test["en"]})
    made = finetune.cells(("each", "all"), lacking, ("en", "nl"), (0,))
    assert [(c.setting, c.train, c.test) for c in made] == [
        ("each", ("en",), ("en",)),
        ("all", ("en", "nl"), ("en",)),
    ]
    with pytest.raises(ValueError, match="no test data in nl"):
        lacking.check(("nl",))


def test_zero_shot_trains_on_one_language_and_scores_every_test_language(data):
    shot = TaskSet("shot", {"en": data.train["en"]}, {}, data.test)
    assert finetune.scored(("each", "all"), shot, ("en", "nl")) == [("each", "en"), ("all", "en"), ("all", "nl")]
    others = TaskSet("shot", {"en": data.train["en"]}, {}, {"nl": data.test["nl"]})
    assert finetune.scored(("each", "all"), others, ("en", "nl")) == [("all", "nl")]
    with pytest.raises(ValueError, match=r"trained are en, tested nl: give settings \['all'\]"):
        finetune.scored(("each",), others, ("en", "nl"))


def test_a_zero_shot_matrix_has_a_row_for_each_pair_that_is_scored(model, data, run):
    shot = TaskSet("shot", {"en": data.train["en"]}, {}, {"nl": data.test["nl"]})
    path = finetune.run_matrix(model, Nli(), shot, ("each", "all"), ("en", "nl"), (0,), QUICK, run)
    rows = results.load(path)
    mine = rows[~rows["model"].str.startswith("baseline") & (rows["metric"] == "macro_f1")]
    assert list(zip(mine["setting"], mine["language"], mine["train_languages"], strict=True)) == [("all", "nl", "en")]
    assert len(finetune.predictions(run, "all", "nl", 0)) == len(data.test["nl"])


def test_cells_of_similarity_leave_pairs_out_of_mono_and_test_only_languages_out_of_each():
    def some(code):
        return TaskData((ScoredPair("a", "b", 1.0, code, f"{code}1"),))

    train = {code: some(code) for code in ("de", "en", "de-en")}
    test = {code: some(f"{code}!") for code in ("de", "en", "zh", "zh-en")}
    made = finetune.cells(("each", "mono", "all"), TaskSet("sts", train, {}, test), ("de", "en", "zh"), (0,))
    assert [(c.setting, c.train, c.test) for c in made] == [
        ("each", ("de",), ("de",)),
        ("each", ("en",), ("en",)),
        ("mono", ("de", "en"), ("de", "en", "zh", "zh-en")),
        ("all", ("de", "en", "de-en"), ("de", "en", "zh", "zh-en")),
    ]


def test_predictions_are_kept_beside_the_scores(model, data, run):
    matrix(model, data, run, settings=("all",))
    [kept] = run.path.glob("cells/*.predictions.json")
    predictions = json.loads(kept.read_text())
    assert {code: len(said) for code, said in predictions.items()} == {"en": 12, "nl": 12}
    assert set(predictions["en"]) <= set(LABELS)


@pytest.mark.parametrize("ours", [True, False])
def test_gradient_accumulation_leaves_loss_and_gradient_as_they_are(model, data, tmp_path, ours):
    """Trap 1: without `accepts_loss_kwargs = False` the Trainer multiplies both by the number of accumulations."""
    pieces = tokenizer.load(model)
    records = list(data.train["en"])[:12]
    rows = [dict(feature.inputs) for feature in Nli(max_length=16).encode(records, pieces, LABELS)]

    def first_norm(batch, accumulation):
        student = fits.load_model(Nli(), model, LABELS, seed=0)
        if not ours:
            del student.accepts_loss_kwargs
        seen = []
        arguments = TrainingArguments(
            output_dir=str(tmp_path),
            max_steps=1,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
            max_grad_norm=1e9,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_steps=1,
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        trainer = Trainer(model=student, args=arguments, train_dataset=rows, data_collator=fits.collator(0))
        trainer.log = lambda logs, *_, **__: seen.append(logs)
        trainer.train()
        return seen[0]["loss"], seen[0]["grad_norm"]

    once, twice = first_norm(12, 1), first_norm(6, 2)
    agree = twice == pytest.approx(once, rel=1e-3)
    assert agree is ours, f"one batch {once}, two halves {twice}"


def test_predictions_do_not_depend_on_their_neighbours_padding(model, data):
    pieces, task = tokenizer.load(model), Nli(max_length=16)
    student = fits.load_model(task, model, LABELS, seed=0)
    long = SentencePair(" ".join(WORDS[:9]), "rain", "neutral", "en", "x")
    features = task.encode([*data.test["en"], long], pieces, LABELS, with_labels=False)
    together = fits.predict(student, features, pieces)
    alone = [fits.predict(student, [feature], pieces)[0] for feature in features]
    for a, b in zip(together, alone, strict=True):
        assert a == pytest.approx(b, abs=1e-5)


def test_what_was_pretrained_with_smaller_steps_is_known_by_its_run(tmp_path, model):
    folder = tmp_path / "run" / "model"
    shutil.copytree(model, folder)
    for initialisation in ("scaled", "bert"):
        runs.write_json(folder.parent / "config.json", {"config": {"initialisation": initialisation}})
        assert finetune.encoder(folder).scaled is (initialisation == "scaled")
    assert not finetune.encoder(model).scaled, "a model without a run"

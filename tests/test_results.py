"""Results survive kills, rivals and repeats; averages are those one works out by hand."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import result_row as row
from filelock import FileLock, Timeout
from hypothesis import given, settings
from hypothesis import strategies as st

from unibert_lib import results
from unibert_lib.results import store
from unibert_lib.runs import NotWritten


def frame(*rows):
    return store.frame(results.check(one) for one in rows)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.jsonl"


# Rows ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": 89.26}, "score=89.26: a fraction is asked for"),
        ({"score": -1.01}, "a fraction is asked for"),
        ({"score": math.nan}, "score=nan: a finite number"),
        ({"learning_rate": math.inf}, "learning_rate=inf: a finite number"),
        ({"learning_rate": 10**400}, "a finite number"),
        ({"score": None}, "'done' has a score"),
        ({"status": "failed"}, "any other status None"),
        ({"score": "0.5"}, "score='0.5': a number"),
        ({"score": True}, "score=True: a number"),
        ({"n": 1.5}, "n=1.5: a whole number"),
        ({"n": -1}, "n=-1: 0 or more"),
        ({"finetune_seed": 2**63}, "below 2"),
        ({"unit": "percent"}, "unit='percent': one of fraction"),
        ({"split": "validation"}, "one of train, dev, test"),
        ({"setting": "zero"}, "one of each, mono, all"),
        ({"control": ""}, "one of equal_steps, epochs, none"),
        ({"model": ""}, "any text but the empty one"),
        ({"language": None}, "language=None"),
        ({"train_languages": "en+de"}, "sort them"),
        ({"train_languages": "de+de"}, "each once"),
        ({"extra": 1}, "column 'extra' is unknown"),
    ],
)
def test_a_row_that_breaks_the_schema_is_refused_by_name(path, changes, message):
    with pytest.raises(ValueError, match=message):
        results.append(path, [row(), row(**changes)])
    assert not path.exists()


def test_a_row_that_lacks_a_column_is_refused_by_name():
    short = row()
    del short["steps"]
    with pytest.raises(ValueError, match="column 'steps' is missing"):
        results.check(short)


def test_numbers_of_numpy_become_plain_ones_and_columns_stand_in_order():
    checked = results.check(dict(reversed(row(score=np.float32(0.5), n=np.int64(7)).items())))
    assert (checked["score"], checked["n"]) == (0.5, 7)
    assert (type(checked["score"]), type(checked["n"])) == (float, int)
    assert list(checked) == list(results.COLUMNS)


# The file ------------------------------------------------------------------------------------------------------------


def test_what_is_appended_is_loaded_with_sane_types(path):
    rival = row(model="baseline:most frequent", pretrain_seed=None, learning_rate=None, control="none")
    assert results.append(path, [row(finetune_seed=2**60 + 1), rival]) == 2
    held = results.load(path)
    assert list(held.columns) == list(results.COLUMNS)
    assert held["finetune_seed"].tolist() == [2**60 + 1, 1]
    assert held["score"].dtype == "float64" and held["n"].dtype == "Int64"
    assert held["pretrain_seed"].isna().tolist() == [False, True]
    assert held["model"].tolist() == ["small", "baseline:most frequent"]


def test_nothing_loads_as_an_empty_table_with_its_columns(path, tmp_path):
    assert results.append(path, []) == 0
    for empty in (results.load(), results.load(path), results.load(tmp_path), results.load(tmp_path / "*" / "x.jsonl")):
        assert list(empty.columns) == list(results.COLUMNS) and len(empty) == 0
        assert empty["score"].dtype == "float64" and empty["n"].dtype == "Int64"


def test_a_row_that_is_there_already_is_skipped(path):
    assert results.append(path, [row(), row(language="de"), row()]) == 2
    before = path.read_bytes()
    assert results.append(path, [row(language="de"), row()]) == 0
    assert path.read_bytes() == before


def test_another_score_for_a_known_key_is_appended_and_the_latest_holds(path):
    results.append(path, [row(), row(language="de")])
    assert results.append(path, [row(score=0.6, n=99)]) == 1
    assert len(path.read_text().splitlines()) == 3
    held = results.load(path)
    assert dict(zip(held["language"], held["score"], strict=True)) == {"de": 0.5, "en": 0.6}
    assert results.append(path, [row()]) == 1  # back again: the latest differs
    assert results.load(path)["score"].tolist() == [0.5, 0.5]


def test_a_failure_is_replaced_by_the_score_that_follows_it(path):
    results.append(path, [row(score=None, status="out of memory")])
    assert results.load(path)["status"].tolist() == ["out of memory"]
    results.append(path, [row()])
    assert results.load(path)["status"].tolist() == ["done"]


@pytest.mark.parametrize("column", [name for name in results.KEY if name != "unit"])  # there is one unit
def test_every_column_of_the_key_tells_rows_apart(path, column):
    other = {"split": "dev", "setting": "mono", "control": "epochs", "train_languages": "de"}.get(column)
    number = results.COLUMNS[column] != "str"
    results.append(path, [row(), row(**{column: None if number else other or "other"})])
    assert len(results.load(path)) == 2


def cut_last_line(path, keep):
    """Leave ``keep`` bytes of the last line, as a kill would."""
    content = path.read_bytes()
    start = content.rindex(b"\n", 0, -1) + 1
    path.write_bytes(content[: start + keep])
    return content[start : start + keep]


@pytest.mark.parametrize("keep", [1, 60, 200])
def test_a_torn_last_line_is_set_aside_and_counted_and_its_row_can_come_again(path, keep):
    rows = [row(), row(language="de"), row(language="es")]
    results.append(path, rows)
    whole = path.read_bytes()
    lost = cut_last_line(path, keep)
    with pytest.warns(UserWarning, match="the last line is torn and left out"):
        assert len(results.load(path)) == 2
    assert results.torn(path) == 0
    with pytest.warns(UserWarning, match=f"its {keep} bytes now lie in results.jsonl.torn"):
        assert results.append(path, rows) == 1
    assert path.read_bytes() == whole
    assert path.with_name("results.jsonl.torn").read_bytes() == lost + b"\n"
    assert results.torn(path) == 1


def test_torn_lines_add_up_and_a_folder_does_not_load_them(path, tmp_path):
    for count in (1, 2):
        results.append(path, [row(), row(language="de")])
        cut_last_line(path, 30)
        with pytest.warns(UserWarning, match="torn"):
            results.append(path, [])
        assert results.torn(path) == count
    assert results.load(tmp_path)["language"].tolist() == ["en"]


def test_a_last_line_that_lacks_only_its_end_is_completed(path):
    results.append(path, [row(), row(language="de")])
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(results.load(path)) == 2
        assert results.append(path, [row(language="de")]) == 0
    assert path.read_bytes() == whole and results.torn(path) == 0


@settings(deadline=None)
@given(cut=st.integers(0, 5000))
def test_wherever_the_file_is_cut_appending_again_restores_every_row(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "r.jsonl"
    rows = [row(language=code) for code in ("de", "en", "es")]
    results.append(path, rows)
    content = path.read_bytes()
    kept = cut % len(content)
    path.write_bytes(content[:kept])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results.append(path, rows)
    assert path.read_bytes() == content
    aside = path.with_name("r.jsonl.torn")
    # Nothing is lost: what was cut within a line, and is not whole but for its end, lies aside.
    rest = content[:kept].rpartition(b"\n")[2]
    torn = rest if content[kept : kept + 1] != b"\n" else b""
    assert (aside.read_bytes() if aside.exists() else b"") == (torn + b"\n" if torn else b"")


@pytest.mark.parametrize("failing", ["fsync", "write"])
def test_a_write_that_fails_leaves_the_file_as_it_was(path, monkeypatch, failing):
    results.append(path, [row()])
    before = path.read_bytes()
    if failing == "fsync":

        def full(_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(NotWritten, match=rf"{path.name}: not written .*No space left.*Free some disk space"):
            results.append(path, [row(language="de")])
    else:  # the genuine thing: a limit on the size of files
        code = (
            "import resource, signal, sys\nfrom unibert_lib import results\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 50},) * 2)\n"
            f"results.append({str(path)!r}, [{row(language='de')!r}])"
        )
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert ended.returncode != 0 and "File too large" in ended.stderr
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert results.append(path, [row(language="de")]) == 1


def test_two_processes_append_to_one_file_without_loss_or_repeat(path):
    code = (
        "import sys\nfrom unibert_lib import results\n"
        f"base, path, mine = {row()!r}, {str(path)!r}, int(sys.argv[1])\n"
        "for seed in range(25):\n"
        "    results.append(path, [base | {'finetune_seed': seed}, base | {'finetune_seed': 100 * mine + seed}])\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(mine)]) for mine in (1, 2)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    seeds = [json.loads(line)["finetune_seed"] for line in path.read_text().splitlines()]
    assert sorted(seeds) == [*range(25), *range(100, 125), *range(200, 225)]


def test_the_lock_is_held_from_reading_to_writing(path, monkeypatch):
    held = []

    def watched(step):
        def wrapper(*given):
            with pytest.raises(Timeout):
                FileLock(path.with_suffix(".lock")).acquire(timeout=0)
            held.append(step.__name__)
            return step(*given)

        return wrapper

    for step in (store._mend, store._write):
        monkeypatch.setattr(store, step.__name__, watched(step))
    assert results.append(path, [row()]) == 1
    assert held == ["_mend", "_write"]
    FileLock(path.with_suffix(".lock")).acquire(timeout=0).lock.release()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Expecting property name"),
        ("[1]", "not an object"),
        ("nonsense", "Expecting value"),
        ("[" * 100_000, "recursion"),
        (json.dumps(row(score=50)), "score=50"),
        (json.dumps({"model": "x"}), "is missing"),
        (json.dumps(row(score=None)).replace("null", "NaN", 1), "score=nan"),
    ],
)
def test_a_bad_line_is_an_error_that_names_file_line_and_remedy(path, line, reason):
    results.append(path, [row(), row(language="de")])
    first, second = path.read_text().splitlines()
    path.write_text("\n".join([first, "", line, second, ""]))
    for use in (lambda: results.load(path), lambda: results.append(path, [row(language="es")])):
        with pytest.raises(ValueError, match=r"results.jsonl, line 3: not a result row .*Remedy: correct") as error:
            use()
        assert reason in str(error.value)
    assert path.read_text().splitlines() == [first, "", line, second]


def test_bytes_that_are_no_text_are_an_error_that_names_the_line(path):
    path.write_bytes(b"\xff\xfe{}\n")
    with pytest.raises(ValueError, match="line 1: not a result row"):
        results.load(path)


def test_files_folders_and_patterns_load_in_order_and_the_last_one_holds(tmp_path):
    for run, score in (("a", 0.1), ("b", 0.2), ("[c]", 0.3)):
        results.append(tmp_path / run / "results.jsonl", [row(score=score), row(language=run)])
    assert results.load(tmp_path / "b", tmp_path / "a" / "results.jsonl")["score"].tolist() == [0.5, 0.1, 0.5]
    assert results.load(str(tmp_path / "[ab]" / "*.jsonl"))["language"].tolist() == ["a", "en", "b"]
    assert len(results.load(tmp_path / "[c]")) == 2  # a folder of that name comes before the pattern
    assert len(results.load(str(tmp_path / "*"))) == 4


def test_a_file_that_does_not_exist_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ValueError, match=r"missing\.jsonl: no such file or folder"):
        results.load(tmp_path / "missing.jsonl")


# The paper -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paper():
    return results.load_paper()


def test_the_paper_has_976_cells_and_88_printed_averages(paper):
    # ner 8 models x 2 settings x 3, nli 8x2x15, qa 8x2x7, sts 8x3x10, legal 8x2x21.
    assert paper["task"].value_counts().to_dict() == {"ner": 48, "nli": 240, "qa": 112, "sts": 240, "legal_ner": 336}
    assert "avg_reported" not in set(paper["language"])
    both = results.load_paper(averages=True)
    assert len(both) == 976 + 88 and (both["language"] == "avg_reported").sum() == 88


def test_the_papers_scores_are_fractions_to_the_printed_digit(paper):
    def cell(task, model, setting, language):
        return paper.query("task == @task and model == @model and setting == @setting and language == @language").iloc[
            0
        ]

    assert cell("ner", "Distil-mBERT-base", "each", "en")["score"] == 0.8926  # 89.26 / 100 is 0.8926000000000001
    assert cell("nli", "mBERT-base", "each", "hi")["score"] == 0.6677
    assert cell("sts", "XLM-RoBERTa-large", "all", "fr")["score"] == 0.855
    assert cell("legal_ner", "UniBERT-XSmall", "each", "mt")["score"] == 0
    assert cell("qa", "UniBERT-XXSmall", "each", "zh")["metric"] == "f1"
    assert cell("sts", "mBERT-base", "all", "it")["train_languages"] == "ar+de+de-en+en+es+fr+pl+tr"
    assert cell("sts", "mBERT-base", "mono", "it")["train_languages"] == "ar+de+en+es+fr+pl+tr"
    assert cell("qa", "mBERT-base", "each", "vi")["train_languages"] == "vi"


def test_a_dash_of_table_5_has_no_score_and_says_why(paper):
    dashes = paper[paper["status"] != "done"]
    assert len(dashes) == 24 and dashes["score"].isna().all() and set(dashes["status"]) == {"not reported"}
    assert set(dashes["language"]) == {"it", "ru", "zh"} and set(dashes["setting"]) == {"each"}


def test_the_papers_averages_are_the_means_of_their_rows_worked_by_hand(paper):
    average = results.averages(paper).set_index(["task", "model", "setting"])
    # 90.39 + 88.48 + 90.05 = 268.92; the paper prints 89.96.
    assert average.loc[("ner", "mBERT-base", "each"), "mean"] == pytest.approx(0.8964)
    # .521 + .578 + .719 + .681 + .592 + .461 + .569 = 4.121 over seven languages; printed .589.
    sts = average.loc[("sts", "Distil-mBERT-base", "each")]
    assert sts["mean"] == pytest.approx(4.121 / 7) and sts["languages"] == "ar+de+en+es+fr+pl+tr"
    assert (sts["seeds"], sts["incomplete"]) == (1, 0) and math.isnan(sts["sd"])


def test_printed_averages_change_no_average(paper):
    with_printed = results.averages(results.load_paper(averages=True))
    pd.testing.assert_frame_equal(with_printed, results.averages(paper))


def test_the_papers_figures_are_those_of_the_shared_copy(shared):
    file = shared / "paper" / "tables.csv"
    assert results.PAPER.read_text(encoding="utf-8").split() == file.read_text(encoding="utf-8").split()


# Averages and tables -------------------------------------------------------------------------------------------------


def seeds_of(*scores):
    """Rows of de and en: each pair of scores is a seed."""
    return [
        row(language=code, score=score, status="done" if score is not None else "nan", finetune_seed=seed)
        for seed, pair in enumerate(scores)
        for code, score in zip(("de", "en"), pair, strict=True)
    ]


def test_a_mean_over_seeds_is_of_each_seeds_mean_over_languages():
    [one] = results.averages(frame(*seeds_of((0.2, 0.4), (0.4, 0.6)))).to_dict("records")
    # The seeds' means are 0.3 and 0.5: mean 0.4, sample deviation sqrt(2 * 0.1**2 / 1).
    assert one["mean"] == pytest.approx(0.4) and one["sd"] == pytest.approx(math.sqrt(0.02))
    assert (one["seeds"], one["incomplete"], one["languages"]) == (2, 0, "de+en")


def test_a_seed_that_lacks_a_language_does_not_count_and_is_told():
    [one] = results.averages(frame(*seeds_of((0.2, 0.4), (0.9, None)))).to_dict("records")
    assert one["mean"] == pytest.approx(0.3) and (one["seeds"], one["incomplete"]) == (1, 1)
    [other] = results.averages(frame(*seeds_of((0.2, 0.4), (0.9, None))[:3])).to_dict("records")
    assert other["mean"] == pytest.approx(0.3) and (other["seeds"], other["incomplete"]) == (1, 1)


def test_a_language_that_failed_in_every_seed_leaves_no_average():
    [one] = results.averages(frame(*seeds_of((0.2, None), (0.9, None)))).to_dict("records")
    assert math.isnan(one["mean"]) and (one["seeds"], one["incomplete"]) == (0, 2)


def test_averages_can_be_asked_for_over_some_languages():
    rows = frame(*seeds_of((0.2, 0.4), (0.4, 0.6)))
    assert results.averages(rows, languages=["en"])["mean"].tolist() == [pytest.approx(0.5)]
    assert results.averages(rows, languages=["en", "fr"])["incomplete"].tolist() == [2]


def test_seeds_that_are_missing_count_as_one_seed():
    rival = [row(language=code, score=0.5, pretrain_seed=None, finetune_seed=None) for code in ("de", "en")]
    assert results.averages(frame(*rival))[["mean", "seeds"]].values.tolist() == [[0.5, 1]]


def test_settings_models_metrics_and_controls_are_averaged_apart():
    rows = [row(**{name: value}) for name, value in (("model", "a"), ("setting", "each"), ("metric", "exact"))]
    assert len(results.averages(frame(row(), *rows, row(control="epochs")))) == 5


def test_two_scores_for_one_cell_are_an_error_that_names_what_differs():
    rows = frame(row(), row(learning_rate=1e-4, steps=500))
    for use in (results.averages, lambda all_rows: results.table(all_rows, "ner", "f1")):
        with pytest.raises(ValueError, match=r"2 scores for model small, .* differ in steps, learning_rate: filter"):
            use(rows)


def test_no_row_has_no_average():
    assert results.averages(results.load()).empty


def test_a_table_has_the_papers_layout_with_pairs_last():
    each = [row(setting="each", train_languages=code, language=code, score=0.3) for code in ("en", "de")]
    pair = [row(language=code, score=score) for code, score in (("de-en", 0.6), ("en", 0.9), ("de", 0.3))]
    rival = [row(model="baseline:x", language=code, score=0.1) for code in ("de", "en", "de-en")]
    made = results.table(frame(*pair, *each, *rival), "ner", "f1")
    assert list(made.columns) == ["de", "en", "de-en", "Avg"]
    assert list(made.index) == [("small", "each"), ("small", "all"), ("baseline:x", "all")]
    assert made.loc[("small", "all")].tolist() == pytest.approx([0.3, 0.9, 0.6, 0.6])
    assert math.isnan(made.loc[("small", "each"), "de-en"]) and made.loc[("small", "each"), "Avg"] == pytest.approx(0.3)


def test_a_table_shows_the_spread_as_numbers_or_as_text():
    rows = frame(*seeds_of((0.2, 0.4), (0.4, 0.6)))
    deviation = math.sqrt(0.02)
    assert results.table(rows, "ner", "f1", show="sd").iloc[0].tolist() == pytest.approx([deviation] * 3)
    assert results.table(rows, "ner", "f1", show="text").iloc[0].tolist() == [
        "0.3000 ± 0.1414",
        "0.5000 ± 0.1414",
        "0.4000 ± 0.1414",
    ]
    one = results.table(frame(*seeds_of((0.2, None))), "ner", "f1", show="text").iloc[0].tolist()
    assert one == ["0.2000", "-", "-"]


def test_the_paper_and_our_runs_share_a_table(paper):
    ours = [row(dataset="atlas", language=code, score=0.25, train_languages="en+es+nl") for code in ("en", "es", "nl")]
    made = results.table(pd.concat([paper, frame(*ours)]), "ner", "f1")
    assert made.loc[("XLM-V-base", "each")].tolist() == pytest.approx([0.9241, 0.8895, 0.9423, 2.7559 / 3])
    assert made.loc[("small", "all")].tolist() == [0.25] * 4 and len(made) == 17


def test_a_table_of_several_controls_is_refused_by_name():
    with pytest.raises(ValueError, match=r"stands for several: .*'control': \['epochs', 'equal_steps'\]"):
        results.table(frame(row(), row(control="epochs")), "ner", "f1")


def test_a_table_of_nothing_names_what_there_is():
    with pytest.raises(ValueError, match=r"no row with task='ner' and metric='F1'; there are \[\('ner', 'f1'\)\]"):
        results.table(frame(row()), "ner", "F1")


# One matrix of several ------------------------------------------------------------------------------------------------


def test_a_row_written_before_training_data_had_a_name_was_trained_on_its_own(tmp_path):
    older = {name: value for name, value in row(dataset="xquad").items() if name != "train_dataset"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(older) + "\n")
    assert results.load(tmp_path)["train_dataset"].tolist() == ["xquad"]


def test_models_trained_on_different_data_are_not_averaged_together():
    rows = frame(row(score=0.2), row(score=0.4, train_dataset="conll"))
    assert results.averages(rows).set_index("train_dataset")["mean"].to_dict() == {"atlas": 0.2, "conll": 0.4}
    with pytest.raises(ValueError, match=r"stands for several.*train_dataset"):
        results.table(rows, "ner", "f1")


def test_a_side_experiment_is_told_and_not_mixed_in():
    main = [row(language=code, finetune_seed=seed) for code in ("de", "en") for seed in (0, 1)]
    aside = [row(dataset="atlas-hypotheses", language="en", score=0.1)]
    rivals = [
        row(model="baseline:majority", preset="none", checkpoint_sha="none", dataset=d) for d in ("atlas", "other")
    ]
    kept, remarks = results.main_matrix(frame(*main, *aside, *rivals))
    assert set(kept["dataset"]) == {"atlas"} and len(kept) == 5, "four cells and the rival of the same data"
    assert remarks == ["small, ner: dataset atlas is taken, 1 other rows are left out"]
    assert results.main_matrix(frame(*main))[1] == []


def test_of_two_scores_of_a_cell_the_later_holds_and_what_differs_is_told():
    kept, remarks = results.main_matrix(frame(row(learning_rate=1e-3), row(learning_rate=1e-4, score=0.7)))
    assert kept["score"].tolist() == [0.7]
    assert remarks == ["1 cells have an earlier score with another learning_rate: left out"]


def test_checkpoints_of_one_name_are_not_averaged():
    kept, remarks = results.main_matrix(frame(row(), row(language="de"), row(checkpoint_sha="xyz", score=0.9)))
    assert set(kept["checkpoint_sha"]) == {"abc"} and "checkpoint_sha abc is taken" in remarks[0]


def test_no_rows_have_no_matrix():
    kept, remarks = results.main_matrix(frame())
    assert kept.empty and remarks == []


# --- for a spreadsheet -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n@x", "＝1", '=cmd|"/c x"!A1']
)
def test_no_cell_name_or_index_of_a_csv_is_a_formula(tmp_path, text):
    made = pd.DataFrame({"model": [text], text: [text]}, index=pd.Index([text], name=text))
    results.write_csv(made.rename_axis(index=[text + "i"]), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as handle:
        cells = [cell for line in csv.reader(handle) for cell in line]
    # names of index, model and text; then their three values
    assert cells == [f"'{text}i", "model", f"'{text}", f"'{text}", f"'{text}", f"'{text}"]


def test_numbers_and_plain_texts_of_a_csv_stay_as_they_are(tmp_path):
    made = pd.DataFrame({"language": ["de-en", "a, b", "-0.5", None], "score": [-0.5, 1e-7, float("nan"), 2.0]})
    back = pd.read_csv(results.write_csv(made, tmp_path / "a.csv"))
    assert back["score"].tolist()[:2] == [-0.5, 1e-7] and math.isnan(back["score"][2])
    assert back["language"].tolist()[:3] == ["de-en", "a, b", "-0.5"]


def test_a_csv_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = results.write_csv(pd.DataFrame({"a": [1]}), tmp_path / "a.csv")

    def full(self, staging, **options):
        Path(staging).write_text("cut o")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OSError, match="No space"):
        results.write_csv(pd.DataFrame({"a": [2]}), path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"] and path.read_text() == '"a"\n1\n'

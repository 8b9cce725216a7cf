"""Run folders know what they hold, and two runs never share one."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from unibert_lib import runs
from unibert_lib.runs import RunError


def test_equal_configurations_meet_in_one_folder_and_others_do_not(tmp_path: Path) -> None:
    one, same, other = (runs.open_run("k", None, {"a": a}, {"in": "x"}, tmp_path) for a in (1, 1, 2))
    assert one.path == same.path != other.path and one.path.parent == tmp_path / "k"


def test_the_same_name_with_another_configuration_is_an_error_that_names_the_difference(tmp_path: Path) -> None:
    runs.open_run("k", "mine", {"a": 1, "b": 2}, {"in": "x"}, tmp_path)
    runs.open_run("k", "mine", {"a": 1, "b": 2}, {"in": "x"}, tmp_path)
    with pytest.raises(RunError, match=r"config.a: 1 -> 3"):
        runs.open_run("k", "mine", {"a": 3, "b": 2}, {"in": "x"}, tmp_path)
    with pytest.raises(RunError, match=r"inputs.in: 'x' -> 'y'"):
        runs.open_run("k", "mine", {"a": 1, "b": 2}, {"in": "y"}, tmp_path)


@pytest.mark.parametrize("name", ["../out", "a/b", ".hidden", "/abs", ""])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    if name:
        with pytest.raises(RunError, match="names a folder"):
            runs.open_run("k", name, {}, {}, tmp_path)
    else:
        assert runs.open_run("k", name, {}, {}, tmp_path).path.name.startswith("run-")


def test_names_with_spaces_and_letters_of_any_script_work(tmp_path: Path) -> None:
    assert runs.open_run("k", "mein Lauf-Ü 中", {}, {}, tmp_path).path.is_dir()


def test_a_second_process_is_refused_while_the_first_works(tmp_path: Path) -> None:
    run = runs.open_run("k", "held", {}, {}, tmp_path)
    code = f"from unibert_lib import runs\nwith runs.open_run('k', 'held', {{}}, {{}}, {str(tmp_path)!r}): print('in')"
    with run:
        busy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    free = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert busy.returncode != 0 and "another process works in this run" in busy.stderr
    assert free.returncode == 0 and free.stdout == "in\n"


def test_the_card_holds_configuration_inputs_code_and_environment(tmp_path: Path) -> None:
    run = runs.open_run("k", "mine", {"a": 1}, {"in": "x"}, tmp_path)
    card = json.loads((run.path / "config.json").read_text())
    assert card["config"] == {"a": 1} and card["inputs"] == {"in": "x"} and card["fingerprint"] == run.fingerprint
    assert card["environment"]["torch"] and card["code"]


def test_a_finished_run_says_so(tmp_path: Path) -> None:
    run = runs.open_run("k", "mine", {}, {}, tmp_path)
    assert not run.done
    run.finish({"steps": 3})
    assert run.done and json.loads((run.path / "DONE").read_text())["steps"] == 3


def test_a_full_disk_leaves_what_stood_there_and_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.write_json(tmp_path / "card.json", {"a": 1})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runs.os, "fsync", full)
    with pytest.raises(runs.NotWritten, match=r"card\.json: not written .*No space left.*Free some disk space"):
        runs.write_json(tmp_path / "card.json", {"a": 2})
    assert json.loads((tmp_path / "card.json").read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]


@pytest.mark.parametrize("error", [OSError(28, "full"), Exception("No space left on device (os error 28)")])
def test_whatever_the_disk_says_is_told_with_the_name_of_the_file(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(runs.NotWritten, match="x: not written"), runs.writing(tmp_path / "x"):
        raise error


def test_what_has_nothing_to_do_with_the_disk_passes(tmp_path: Path) -> None:
    with pytest.raises(KeyError), runs.writing(tmp_path / "x"):
        raise KeyError("x")


def test_fingerprints_follow_contents_and_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    first = runs.fingerprint(tmp_path)
    (tmp_path / ".hidden").write_text("y")
    assert runs.fingerprint(tmp_path) == first
    (tmp_path / "a").write_text("z")
    changed = runs.fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, changed, runs.fingerprint(tmp_path)}) == 3
    with pytest.raises(RunError, match="no such file"):
        runs.fingerprint(tmp_path / "nowhere")


def test_a_changed_file_changes_its_fingerprint_within_one_process(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    first = runs.fingerprint(file)
    file.write_text("longer")
    assert runs.fingerprint(file) != first


def test_the_root_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNIBERT_RUNS", raising=False)
    assert runs.root() == runs.REPOSITORY / "runs"
    monkeypatch.setenv("UNIBERT_RUNS", str(tmp_path / "env"))
    assert runs.root() == tmp_path / "env" and runs.root(tmp_path / "given") == tmp_path / "given"


def test_a_path_is_shown_from_the_repository_on_or_by_its_end(tmp_path: Path) -> None:
    assert runs.short(runs.REPOSITORY / "runs" / "k" / "name") == "runs/k/name"
    assert runs.short(tmp_path / "my runs" / "k" / "name") == "my runs/k/name"

"""Several workers write what one process writes, and a killed one costs nothing but time."""

import copy
import hashlib
import os
import signal
import sys
from functools import partial

import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from unibert_lib import atlas, corpus, tokenizer
from unibert_lib.corpus import FormatError, executors, shards
from unibert_lib.runs import RunError

LANGUAGES = ("en", "es", "nl")


@pytest.fixture(scope="module")
def datatrove():
    return pytest.importorskip("datatrove", reason="datatrove is not installed: pip install -e '.[dist]'")


@pytest.fixture(scope="module")
def dumps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dumps")
    atlas.write_dumps(folder, languages=LANGUAGES, seed=0, pages=8)
    return folder


@pytest.fixture(scope="module")
def pieces():
    return tokenizer.train(["one two three four five six, seven. een twee drie vier uno dos tres"] * 3, 400)


def contents(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_two_workers_write_the_same_bytes_as_one_process(tmp_path, datatrove, dumps, pieces):
    for workers in (1, 2):
        out = tmp_path / str(workers)
        one = corpus.build(corpus.open_folder(dumps), out / "a", progress=False, workers=workers)
        two = corpus.finish(out / "a", out / "b", pieces, progress=False, workers=workers)
        assert list(one.languages) == list(two.languages) == sorted(LANGUAGES)
    alone, together = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert alone == together
    assert {"a/report.json", "a/en/part-00000.parquet", "b/en/_ids.bin", "b/en/_report.json"} <= set(alone)


def die_once(mark):
    if not mark.exists():
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    mark.with_suffix(".done").write_text("")


def die(mark):
    os.kill(os.getpid(), signal.SIGKILL)


def done(folder, name):
    return (folder / f"{name}.done").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of Windows")
def test_what_a_killed_worker_left_is_done_again(tmp_path, datatrove):
    tasks = {name: partial(die_once, tmp_path / name) for name in ("x", "y")}
    executors.run(tasks, partial(done, tmp_path), tmp_path / ".tasks", 2)
    assert done(tmp_path, "x") and done(tmp_path, "y")
    assert not (tmp_path / ".tasks").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not of Windows")
def test_a_worker_that_is_killed_each_time_is_an_error_with_its_languages(tmp_path, datatrove):
    tasks = {"x": partial(die_once, tmp_path / "x"), "y": partial(die, tmp_path / "y")}
    with pytest.raises(ValueError, match=r"y: not finished.*fewer workers or more memory"):
        executors.run(tasks, partial(done, tmp_path), tmp_path / ".tasks", 1)


def test_finished_languages_are_not_read_again(tmp_path, datatrove, dumps):
    corpus.build(corpus.open_folder(dumps, ["en"]), tmp_path, progress=False)
    before = (tmp_path / "en" / "part-00000.parquet").stat().st_mtime_ns
    report = corpus.build(corpus.open_folder(dumps), tmp_path, progress=False, workers=2)
    assert set(report.languages) == set(LANGUAGES)
    assert (tmp_path / "en" / "part-00000.parquet").stat().st_mtime_ns == before


def test_an_error_in_a_worker_arrives_whole(tmp_path, datatrove):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "nlwiki-x-pages-articles.xml").write_text("<mediawiki><page>", encoding="utf-8")
    with pytest.raises(FormatError, match=r"nlwiki-x-pages-articles.xml, line 1: .*Download the file again"):
        corpus.build(corpus.open_folder(tmp_path / "in"), tmp_path / "out", progress=False, workers=2)


def test_an_error_survives_being_taken_apart():
    error = FormatError("f.xml", "breaks off", remedy="download it again", line=2)
    error.add_note("a note")
    again = copy.copy(error)  # as it is taken apart and put together on its way from a worker
    assert (str(again), again.line, again.byte, again.remedy) == (str(error), 2, None, "download it again")
    assert again.__notes__ == ["a note"]


def test_a_language_that_another_process_writes_is_waited_for_and_then_named(tmp_path, dumps, monkeypatch):
    monkeypatch.setattr(shards, "PATIENCE", 0.1)
    place = tmp_path / ".locks" / "en"
    place.parent.mkdir()
    with FileLock(place), pytest.raises(RunError, match="another process writes this language"):
        corpus.build(corpus.open_folder(dumps, ["en"]), tmp_path, progress=False)
    corpus.build(corpus.open_folder(dumps, ["en"]), tmp_path, progress=False)


def test_a_finished_language_whose_rows_are_not_those_of_its_report_is_refused(tmp_path, dumps, pieces):
    report = corpus.build(corpus.open_folder(dumps, ["en"]), tmp_path / "a", progress=False)
    part = tmp_path / "a" / "en" / "part-00000.parquet"
    rows = pq.read_table(part)
    pq.write_table(rows.slice(1), part)
    expected = rf"hold {len(rows) - 1} rows where the report says {report.languages['en'].paragraphs_out}"
    with pytest.raises(FormatError, match=expected):
        corpus.build(corpus.open_folder(dumps, ["en"]), tmp_path / "a", progress=False)
    with pytest.raises(FormatError, match=expected):
        corpus.finish(tmp_path / "a", tmp_path / "b", pieces, progress=False)


class Queue:
    """An executor that, like Slurm's, only puts the tasks in a queue."""

    waiting: list = []  # noqa: RUF012

    def __init__(self, pipeline, tasks, workers, logging_dir):
        self.waiting[:] = [partial(pipeline[0], None, rank, tasks) for rank in range(tasks)]

    def run(self):
        pass


def test_another_executor_gets_one_task_a_language(tmp_path, dumps):
    build = partial(corpus.build, progress=False)
    with pytest.raises(ValueError, match=r"en, es, nl: not finished.*call again"):
        build(corpus.open_folder(dumps), tmp_path / "b", executor=Queue)
    assert len(Queue.waiting) == 3
    for task in Queue.waiting:
        task()
    build(corpus.open_folder(dumps), tmp_path / "b", executor=Queue)
    build(corpus.open_folder(dumps), tmp_path / "a")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_without_datatrove_the_error_names_the_remedy(tmp_path, dumps, monkeypatch):
    monkeypatch.setitem(sys.modules, "datatrove.executor.local", None)
    with pytest.raises(ValueError, match=r"need datatrove.*pip install -c constraints.txt -e '.\[dist\]'.*workers=1"):
        corpus.build(corpus.open_folder(dumps), tmp_path, progress=False, workers=2)

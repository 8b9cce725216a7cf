"""The tool of the reliability goals sees every change of a file, and ends a process exactly there."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.reliability import events

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="file events are seen on Linux x86-64 alone"
)


def work(folder: Path) -> None:
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a").write_text("x" * 100)
    os.replace(folder / "sub" / "a", folder / "b")
    shutil.rmtree(folder / "sub")
    (folder / "b").read_text()
    Path("/dev/null").write_text("elsewhere")


NAMES = ["mkdir sub", "openat sub/a", "write sub/a", "rename sub/a", "rmdir sub"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "a place"
    folder.mkdir()
    return folder


def test_changes_below_the_folder_are_events_and_nothing_else_is(place: Path) -> None:
    ended = events.watch(lambda: work(place), place)
    assert (ended.status, ended.error, ended.events) == (0, "", NAMES)
    assert ended.filling == 3, "to make a folder, to make a file, to write"


def test_libraries_in_rust_and_c_are_seen_too(place: Path) -> None:
    def write() -> None:
        save_file({"a": torch.zeros(3)}, place / "a.safetensors")
        np.arange(3).tofile(place / "n")

    calls = [line.split()[0] for line in events.watch(write, place).events]
    assert calls == ["openat", "ftruncate", "write", "renameat", "openat", "write"]


@pytest.mark.parametrize("number", range(5))
def test_a_process_dies_before_the_event_is_done(place: Path, number: int) -> None:
    ended = events.watch(lambda: work(place), place, kill_at=number)
    assert ended.status == -9 and ended.events == NAMES[: number + 1]
    there = [(place / "sub").exists(), (place / "sub" / "a").exists(), (place / "b").exists()]
    assert there == [number > 0, number in (2, 3), number == 4]
    if number in (2, 3):
        assert (place / "sub" / "a").stat().st_size == (100 if number == 3 else 0)


def test_a_torn_write_leaves_its_half(place: Path) -> None:
    ended = events.watch(lambda: work(place), place, kill_at=2, torn=True)
    assert ended.status == -9 and (place / "sub" / "a").read_text() == "x" * 50


@pytest.mark.parametrize("number", range(3))
def test_a_full_disk_stays_full_and_lets_files_go(place: Path, number: int) -> None:
    def twice() -> None:
        try:
            work(place)
        except OSError:
            shutil.rmtree(place / "sub", ignore_errors=True)
            (place / "c").write_text("more")

    ended = events.watch(twice, place, full_from=number)
    assert ended.status == 1 and "No space left on device" in ended.error
    assert list(place.iterdir()) == []


def test_errors_and_exit_statuses_come_back(place: Path) -> None:
    def fail() -> None:
        raise KeyError("this one")

    ended = events.start(fail).wait()
    assert ended.status == 1 and "KeyError: 'this one'" in ended.error
    assert events.start(lambda: sys.exit(143)).wait().status == 143
    child = events.start(lambda: events.signal.pause())
    child.kill()
    assert child.wait().status == -9

"""A notebook without a browser: whole or not at all, told apart by exit code, and no kernel left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest

from tests.reliability import books
from unibert_lib import headless

in_order = pytest.mark.xdist_group("notebooks")
posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


def start(tmp_path: Path) -> tuple[subprocess.Popen[bytes], psutil.Process, Path]:
    """The demo of one notebook that saves and waits: its process, its kernel, the folder of its copies."""
    return books.demo(tmp_path, books.SAVING), books.kernel_of(tmp_path), books.copies(tmp_path)


@in_order
@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_demo_finishes_the_save_keeps_the_copy_and_says_so(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process, kernel, folder = start(tmp_path)
    process.send_signal(number)
    assert process.wait(60) == code
    assert (tmp_path / "saved").exists() and books.gone(kernel)
    assert [path.name for path in folder.glob("*.*")] == ["00_book.failed.ipynb"]
    copy = nbformat.read(folder / "00_book.failed.ipynb", as_version=4)
    errors = [o.ename for cell in copy.cells if cell.cell_type == "code" for o in cell.outputs if "ename" in o]
    assert errors == ["KeyboardInterrupt"]


@in_order
@posix
@pytest.mark.parametrize("victim", ["kernel", "papermill"])
def test_a_kill_of_kernel_or_papermill_is_an_error_and_the_next_run_is_whole(tmp_path: Path, victim: str) -> None:
    process, kernel, folder = start(tmp_path)
    (kernel if victim == "kernel" else kernel.parent()).kill()
    assert process.wait(60) == 1
    assert books.until(lambda: books.gone(kernel), 1), "the kernel outlived its notebook"
    assert [path.name for path in folder.glob("*.*")] == ["00_book.failed.ipynb"]
    nbformat.validate(nbformat.read(folder / "00_book.failed.ipynb", as_version=4))
    assert books.demo(tmp_path, "1 + 1").wait(60) == 0
    assert {path.name for path in folder.glob("*.ipynb")} == {"00_book.ipynb"}


def test_a_copy_cut_off_in_the_middle_is_not_kept(tmp_path: Path) -> None:
    staging, failed = tmp_path / "staging", tmp_path / "failed"
    staging.write_text(json.dumps({"cells": []})[:-2])
    assert "cut off" in headless._keep(staging, failed)
    assert list(tmp_path.iterdir()) == []
    assert "before the first cell" in headless._keep(staging, failed)
    staging.write_text(json.dumps({"cells": []}))
    assert str(failed) in headless._keep(staging, failed)
    assert [path.name for path in tmp_path.iterdir()] == ["failed"]


@in_order
def test_braces_spaces_and_letters_of_any_script_in_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "mit Leer zeichen ü 中 {x} [a]'\""
    notebook = books.write(folder / "00 ä.ipynb", "import os; print(os.getcwd()); print(budget)")
    stale = folder / ".o.1.staging.ipynb"
    stale.touch()  # of a run that was killed
    environment = headless.kernel_environment(folder / "jupyter")
    headless.execute(notebook, folder / "o.ipynb", {"budget": "ü'\"\\ {x}\n1e5"}, environment, folder, quiet=True)
    printed = nbformat.read(folder / "o.ipynb", as_version=4).cells[-1].outputs[0].text
    assert printed == f"{folder}\nü'\"\\ {{x}}\n1e5\n"
    assert not stale.exists()


@in_order
@pytest.mark.slow
def test_the_project_works_in_a_folder_of_any_name(tmp_path: Path, repository: Path) -> None:
    copy = tmp_path / "mit Leer zeichen ü 中 {x}"
    for part in ("unibert_lib", "data", "notebooks"):
        shutil.copytree(repository / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_*"))
    command = [sys.executable, "-m", "unibert_lib.demo", "--budget", "smoke", "--notebooks", "00"]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    environment.pop("UNIBERT_RUNS", None)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (copy / "runs" / "demo" / "smoke" / "00_start_here.html").exists()

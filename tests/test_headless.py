"""A notebook without a browser: whole or not at all, told apart by exit code, and no kernel left behind."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest

from unibert_lib import headless

KERNEL = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python"},
}
DEMO = (
    "import sys; from pathlib import Path; from unibert_lib import demo; demo.NOTEBOOKS = Path(sys.argv[1]);"
    "sys.exit(demo.main(['--budget', 'smoke']))"
)
# A save that takes a moment, in a cell that is stopped: the kernel tells its number first.
SAVING = """
import os, time
from pathlib import Path
Path("kernel").write_text(str(os.getpid()))
os.replace("kernel", "started")
try:
    time.sleep(60)
finally:
    time.sleep(0.5)
    Path("saved").touch()
"""
in_order = pytest.mark.xdist_group("notebooks")
posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


def write(path: Path, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell("budget = ''", id="given", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source.strip(), id=f"cell{i}") for i, source in enumerate(sources)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), path)
    return path


def until(there: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not there() and time.monotonic() < end:
        time.sleep(0.05)
    return there()


def start(tmp_path: Path) -> tuple[subprocess.Popen[bytes], psutil.Process, Path]:
    """The demo of one notebook that saves and waits: its process, its kernel, the folder of its copies."""
    notebook = write(tmp_path / "books" / "00_saving.ipynb", f"import os; os.chdir({str(tmp_path)!r})", SAVING)
    environment = {**os.environ, "UNIBERT_RUNS": str(tmp_path / "runs")}
    process = subprocess.Popen([sys.executable, "-c", DEMO, str(notebook.parent)], env=environment)
    assert until((tmp_path / "started").exists)
    kernel = psutil.Process(int((tmp_path / "started").read_text()))
    return process, kernel, tmp_path / "runs" / "demo" / "smoke"


def gone(kernel: psutil.Process) -> bool:
    return not kernel.is_running() or kernel.status() == psutil.STATUS_ZOMBIE


@in_order
@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_demo_finishes_the_save_keeps_the_copy_and_says_so(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process, kernel, folder = start(tmp_path)
    process.send_signal(number)
    assert process.wait(60) == code
    assert (tmp_path / "saved").exists() and gone(kernel)
    assert [path.name for path in folder.iterdir()] == ["00_saving.failed.ipynb"]
    copy = nbformat.read(folder / "00_saving.failed.ipynb", as_version=4)
    errors = [o.ename for cell in copy.cells if cell.cell_type == "code" for o in cell.outputs if "ename" in o]
    assert errors == ["KeyboardInterrupt"]


@in_order
@posix
@pytest.mark.parametrize("victim", ["kernel", "papermill"])
def test_a_kill_of_kernel_or_papermill_is_an_error_and_the_next_run_is_whole(tmp_path: Path, victim: str) -> None:
    process, kernel, folder = start(tmp_path)
    (kernel if victim == "kernel" else kernel.parent()).kill()
    assert process.wait(60) == 1
    assert until(lambda: gone(kernel), 1), "the kernel outlived its notebook"
    assert [path.name for path in folder.iterdir()] == ["00_saving.failed.ipynb"]
    nbformat.validate(nbformat.read(folder / "00_saving.failed.ipynb", as_version=4))
    write(tmp_path / "books" / "00_saving.ipynb", "1 + 1")
    environment = {**os.environ, "UNIBERT_RUNS": str(tmp_path / "runs")}
    subprocess.run([sys.executable, "-c", DEMO, str(tmp_path / "books")], env=environment, check=True)
    assert {path.name for path in folder.glob("*.ipynb")} == {"00_saving.ipynb"}


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
    notebook = write(folder / "00 ä.ipynb", "import os; print(os.getcwd()); print(budget)")
    stale = folder / ".o.1.staging.ipynb"
    stale.touch()  # of a run that was killed
    environment = headless.kernel_environment(folder / "jupyter")
    headless.execute(notebook, folder / "o.ipynb", {"budget": "ü'\"\\ {x}\n1e5"}, environment, folder, quiet=True)
    printed = nbformat.read(folder / "o.ipynb", as_version=4).cells[-1].outputs[0].text
    assert printed == f"{folder}\nü'\"\\ {{x}}\n1e5\n"
    assert not stale.exists()


@pytest.mark.parametrize(
    "name", ["seed=1;import os", "a b", "class", "_x", "__import__", "a.b", "!ls", "", "1a", "a\nb"]
)
def test_only_plain_names_become_parameters(name: str) -> None:
    with pytest.raises(ValueError, match="no plain name"):
        headless.check_given({name: 1})


@pytest.mark.parametrize("value", [b"x", {1}, math.inf, math.nan, object(), [object()], {"a": b"x"}, np.float64(1)])
def test_only_plain_values_become_parameters(value: object) -> None:
    with pytest.raises(ValueError, match="parameter x="):
        headless.check_given({"x": value})


def test_plain_values_keep_their_types() -> None:
    given = {"a": None, "b": True, "c": 1e-5, "d": ("x", 1), "e": {"f": [2]}, "g": Path("h i"), "j": "1e5"}
    plain = {"a": None, "b": True, "c": 1e-5, "d": ["x", 1], "e": {"f": [2]}, "g": "h i", "j": "1e5"}
    assert headless.check_given(given) == plain

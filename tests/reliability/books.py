"""Small notebooks and the demo that runs them: what tests and goals of notebooks share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil

KERNEL = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python"},
}
# The demo's own command, of the notebooks in another folder.
DEMO = """
import sys
from pathlib import Path
from unibert_lib import demo
demo.NOTEBOOKS = Path(sys.argv[1])
{before}
sys.exit(demo.main(["--budget", "smoke"]))
"""
# The cell that faults are aimed at: it tells its kernel's number, writes much, and takes a moment to save.
SAVING = """
import os, time
from pathlib import Path
Path("kernel").write_text(str(os.getpid()))
os.replace("kernel", "started")
try:
    for number in range(600):
        print("x" * 200)
        time.sleep(0.1)
finally:
    time.sleep(0.5)
    Path("saved").touch()
"""


def write(path: Path, *sources: str) -> Path:
    """A notebook of these cells, with the parameter ``budget``."""
    cells = [nbformat.v4.new_code_cell("budget = ''", id="given", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source.strip(), id=f"cell{i}") for i, source in enumerate(sources)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), path)
    return path


def demo(folder: Path, *sources: str, before: str = "") -> subprocess.Popen[bytes]:
    """Start the demo of one notebook, whose cells run in ``folder``; copies go to :func:`copies`."""
    write(folder / "books" / "00_book.ipynb", f"import os; os.chdir({str(folder)!r})", *sources)
    environment = {**os.environ, "UNIBERT_RUNS": str(folder / "runs")}
    command = [sys.executable, "-c", DEMO.format(before=before), str(folder / "books")]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def copies(folder: Path) -> Path:
    return folder / "runs" / "demo" / "smoke"


def kernel_of(folder: Path) -> psutil.Process:
    """The kernel that runs :data:`SAVING`, once it does."""
    if not until((folder / "started").exists):
        raise TimeoutError(f"{folder}: no kernel in a minute")
    return psutil.Process(int((folder / "started").read_text()))


def until(there: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not there() and time.monotonic() < end:
        time.sleep(0.05)
    return there()


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def left(folder: Path) -> list[psutil.Process]:
    """Processes whose command line names a folder, this one's parents apart."""
    own = {process.pid for process in (psutil.Process(), *psutil.Process().parents())}
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in part for part in process.info["cmdline"] or ()) and process.pid not in own:
            found.append(process)
    return [process for process in found if not gone(process)]

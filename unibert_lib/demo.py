"""``make demo``: run the notebooks in order, time them, and leave executed copies with a short HTML index.

``python -m unibert_lib.demo [--budget smoke|demo] [--notebooks 00 01 ...]``
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from unibert_lib import runs
from unibert_lib.config import BudgetName
from unibert_lib.pages import Timing, write_html, write_index

NOTEBOOKS = runs.REPOSITORY / "notebooks"


class NotebookFailed(RuntimeError):
    """A notebook stopped; the message names it, its executed copy and what to do."""


def notebook_paths(prefixes: Sequence[str] = ()) -> list[Path]:
    """The numbered notebooks in order, or those whose names start with one of ``prefixes``.

    Source: ours.
    """
    known = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    for prefix in prefixes:
        if not any(path.name.startswith(prefix) for path in known):
            raise ValueError(f"no notebook starts with {prefix!r}; there are: {', '.join(path.stem for path in known)}")
    return [path for path in known if not prefixes or any(path.name.startswith(prefix) for prefix in prefixes)]


def kernel_environment(folder: Path) -> dict[str, str]:
    """The environment in which the kernel ``python3`` is this very interpreter.

    A kernel of that name registered for the user could shadow the one of this ``.venv``; JUPYTER_PATH comes
    before both. The hub is switched off: the embedded default never needs it.

    Source: ours.
    """
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--IPKernelApp.log_level=ERROR"]
    content = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(content), encoding="utf-8")
    return {
        **os.environ,
        "JUPYTER_PATH": str(folder),
        "HF_HUB_OFFLINE": "1",
        "PYTHONWARNINGS": "ignore::FutureWarning",
    }


def execute(
    notebook: Path,
    output: Path,
    parameters: Mapping[str, object],
    environment: Mapping[str, str],
    cwd: Path = NOTEBOOKS,
    quiet: bool = False,
) -> Timing:
    """Run one notebook through papermill; ``output`` appears whole or not at all.

    Papermill runs as a process of its own, so that ``wait4`` answers for this notebook and its kernel alone.

    Raises
    ------
    NotebookFailed
        If a cell fails or the kernel dies; what was executed is kept beside ``output`` as ``*.failed.ipynb``.

    Source: ours.
    """
    staging = output.with_name(f".{output.stem}.staging.ipynb")
    failed = output.with_name(f"{output.stem}.failed.ipynb")
    failed.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(notebook),
        str(staging),
        "--cwd",
        str(cwd),
        "-k",
        "python3",
    ]
    command += ["--log-level", "WARNING", "--start-timeout", "180", "--no-progress-bar" if quiet else "--progress-bar"]
    for name, value in parameters.items():
        command += ["-p", name, str(value)]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(environment), cwd=runs.REPOSITORY, stderr=subprocess.PIPE if quiet else None
    )
    code, peak = _wait(process)
    minutes = (time.perf_counter() - start) / 60
    if code != 0:
        if staging.exists():
            os.replace(staging, failed)
        said = process.stderr.read().decode(errors="replace")[-2000:] if process.stderr else ""
        where = (
            f"the executed copy, with the error, is {failed}" if failed.exists() else "it stopped before the first cell"
        )
        raise NotebookFailed(f"{notebook.name} stopped (exit code {code}); {where}\n{said}".strip())
    os.replace(staging, output)
    return Timing(notebook.stem, round(minutes, 2), peak)


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, float | None]:
    if not hasattr(os, "wait4"):  # Windows
        return process.wait(), None
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except KeyboardInterrupt:  # papermill got the same signal and saves what it has
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1024**2 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
    return process.returncode, round(usage.ru_maxrss / unit)


def student_model(budget: BudgetName) -> Path | None:
    """The folder of the student that 03_pretrain left on its defaults, or None where it has not run.

    Source: ours.
    """
    from unibert_lib import recipes  # only now: it loads torch, and the notebooks have processes of their own
    from unibert_lib.parameters import PretrainParameters

    folder = recipes.open_student(PretrainParameters(budget=budget)).path / "model"
    return folder if folder.is_dir() else None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m unibert_lib.demo", description="Run the notebooks in order.")
    parser.add_argument(
        "--budget", choices=["smoke", "demo"], default="demo", help="smoke: for tests; demo: the classroom"
    )
    parser.add_argument(
        "--notebooks", nargs="+", default=[], metavar="NN", help="only those that start so, such as 00 03"
    )
    chosen = parser.parse_args(arguments)
    try:
        paths = notebook_paths(chosen.notebooks)
    except ValueError as error:
        parser.error(str(error))
    folder = runs.root() / "demo" / chosen.budget
    folder.mkdir(parents=True, exist_ok=True)
    timings: list[Timing] = []
    with tempfile.TemporaryDirectory() as kernels:
        environment = kernel_environment(Path(kernels))
        for number, path in enumerate(paths, start=1):
            print(f"[{number}/{len(paths)}] {path.stem}", flush=True)
            try:
                timings.append(execute(path, folder / path.name, {"budget": chosen.budget}, environment))
            except NotebookFailed as error:
                print(f"\n{error}", file=sys.stderr)
                return 1
            except KeyboardInterrupt:
                return 130
            write_html(folder / path.name, folder / f"{path.stem}.html")
    trained = any(path.name.startswith("03") for path in paths)
    model = student_model(chosen.budget) if trained else None
    index = write_index(folder, chosen.budget, timings, model)
    print(f"\n{sum(t.minutes for t in timings):.1f} minutes in all")
    print(f"executed notebooks  {folder}")
    print(f"model               {model or 'none: 03_pretrain was not among them'}")
    print(f"index               {index}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

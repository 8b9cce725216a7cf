"""``make demo``: run the notebooks in order, time them, and leave executed copies with a short HTML index.

``python -m unibert_lib.demo [--budget smoke|demo] [--notebooks 00 01 ...]``
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from unibert_lib import runs
from unibert_lib.config import BudgetName
from unibert_lib.headless import NOTEBOOKS as NOTEBOOKS
from unibert_lib.headless import NotebookFailed as NotebookFailed
from unibert_lib.headless import Stopped, stoppable
from unibert_lib.headless import execute as execute
from unibert_lib.headless import kernel_environment as kernel_environment
from unibert_lib.pages import Timing, write_html, write_index


def notebook_paths(prefixes: Sequence[str] = ()) -> list[Path]:
    """The numbered notebooks in order, or those whose names start with one of ``prefixes``.

    Source: ours.
    """
    known = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    for prefix in prefixes:
        if not any(path.name.startswith(prefix) for path in known):
            raise ValueError(f"no notebook starts with {prefix!r}; there are: {', '.join(path.stem for path in known)}")
    return [path for path in known if not prefixes or any(path.name.startswith(prefix) for prefix in prefixes)]


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
    try:
        with stoppable():
            return _run(paths, chosen.budget)
    except NotebookFailed as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:  # 130 after Ctrl-C, 143 after SIGTERM
        print("\nstopped; the same command takes the runs up where they are", file=sys.stderr)
        return 128 + (int(stop.args[0]) if isinstance(stop, Stopped) else signal.SIGINT)


def _run(paths: Sequence[Path], budget: BudgetName) -> int:
    folder = runs.root() / "demo" / budget
    folder.mkdir(parents=True, exist_ok=True)
    timings: list[Timing] = []
    solutions = [path for path in (NOTEBOOKS / "solutions" / path.name for path in paths) if path.exists()]
    copies = [folder / "index.html", *(folder / f"{path.stem}.html" for path in paths)]
    copies += [folder / "solutions" / f"{path.stem}.html" for path in solutions]
    (folder / "solutions").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as kernels:
        environment = kernel_environment(Path(kernels))
        for number, path in enumerate(paths, start=1):
            print(f"[{number}/{len(paths)}] {path.stem}", flush=True)
            timings.append(execute(path, folder / path.name, {"budget": budget}, environment))
            write_html(folder / path.name, folder / f"{path.stem}.html", copies)
    for path in solutions:  # to be read, not run: each would train anew
        write_html(path, folder / "solutions" / f"{path.stem}.html", copies)
    trained = any(path.name.startswith("03") for path in paths)
    model = student_model(budget) if trained else None
    index = write_index(folder, budget, timings, model)
    print(f"\n{sum(t.minutes for t in timings):.1f} minutes in all")
    print(f"executed notebooks  {folder}")
    print(f"model               {model or 'none: 03_pretrain was not among them'}")
    print(f"index               {index}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

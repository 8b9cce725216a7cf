"""One notebook without a browser, through papermill: whole or not at all, and no kernel is left behind."""

from __future__ import annotations

import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import yaml

from unibert_lib import injected, runs, workers
from unibert_lib.pages import Timing

NOTEBOOKS = runs.REPOSITORY / "notebooks"
GRACE = 20.0  # seconds that an interrupted kernel has for finishing what it saves


class NotebookFailed(RuntimeError):
    """A notebook stopped; the message names it, its executed copy and what to do."""


def kernel_environment(folder: Path) -> dict[str, str]:
    """The environment in which the kernel ``python3`` is this very interpreter.

    A kernel of that name registered for the user could shadow the one of this ``.venv``; JUPYTER_PATH comes
    before both. IPython's profile lies in ``folder`` too: nothing is written to the user's, and no start-up file of
    theirs runs. The hub is switched off: the embedded default never needs it.

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
        "IPYTHONDIR": str(folder / "ipython"),
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

    Papermill runs as a process of its own, so that ``wait4`` answers for this notebook and its kernel alone. It and its
    kernel are ended with this process's wait: after Ctrl-C or SIGTERM the kernel is interrupted first, so that it can
    finish what it saves.

    Raises
    ------
    NotebookFailed
        If a cell fails or the kernel dies; what was executed is kept beside ``output`` as ``*.failed.ipynb``.
    ValueError
        If a parameter's name is no plain name or its value no plain value: papermill writes both into a cell.

    Source: ours (RELIABILITY, rows 40, 41, 45, 46).
    """
    given = injected.check_given(parameters)
    staging = output.with_name(f".{output.stem}.{os.getpid()}.staging.ipynb")
    failed = output.with_name(f"{output.stem}.failed.ipynb")
    for left in (failed, *output.parent.glob(f".{glob.escape(output.stem)}.*.staging.ipynb")):  # of a killed run
        left.unlink(missing_ok=True)
    # Papermill formats both paths, so that a brace in a folder's name would be a field to fill in.
    paths = [str(path).replace("{", "{{").replace("}", "}}") for path in (notebook, staging)]
    command = [sys.executable, "-m", "unibert_lib.headless", str(os.getpid()), *paths]
    command += ["--cwd", str(cwd), "-k", "python3"]
    command += ["--log-level", "WARNING", "--start-timeout", "180", "--no-progress-bar" if quiet else "--progress-bar"]
    command += ["-y", yaml.safe_dump(given, allow_unicode=True)] if given else []
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        # A session of its own: a terminal's Ctrl-C must not kill papermill before its kernel has finished.
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=runs.REPOSITORY,
            stdin=subprocess.DEVNULL,
            stderr=said if quiet else None,
            start_new_session=True,
        )
        try:
            code, peak = wait(process)
        except KeyboardInterrupt:
            _keep(staging, failed)
            raise
        minutes = (time.perf_counter() - start) / 60
        if code == 0 and _whole(staging):
            os.replace(staging, output)
            return Timing(notebook.stem, round(minutes, 2), peak)
        said.seek(0)
        last = said.read().decode(errors="replace")[-2000:]
    raise NotebookFailed(f"{notebook.name} stopped (exit code {code}); {_keep(staging, failed)}\n{last}".strip())


def _whole(notebook: Path) -> bool:
    """Whether a notebook was written to its end: papermill writes in place, and can be killed while it does."""
    try:
        return "cells" in json.loads(notebook.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def _keep(staging: Path, failed: Path) -> str:
    """Keep what was executed where it is whole; says what became of it."""
    if _whole(staging):
        os.replace(staging, failed)
        return f"the executed copy, with the error, is {failed}"
    cut = staging.exists()
    staging.unlink(missing_ok=True)
    return "its copy was cut off while being written, and is not kept" if cut else "it stopped before the first cell"


def wait(process: subprocess.Popen[bytes], grace: float = GRACE) -> tuple[int, float | None]:
    """Exit code and peak memory (MiB) of papermill; its kernel does not outlive it.

    After Ctrl-C the kernel is interrupted and both have ``grace`` seconds; a second Ctrl-C ends them at once.

    Source: ours (RELIABILITY, rows 41 and 46).
    """
    kernels: set[psutil.Process] = set()
    try:
        try:
            return _wait(process, kernels)
        except KeyboardInterrupt:
            if os.name == "posix":  # Windows has no such signal for a process without a console: both are ended below
                for kernel in kernels:
                    _signal(kernel, signal.SIGINT)
                if not _ended(process, grace):
                    process.send_signal(signal.SIGINT)
                    _ended(process, 5)
            raise
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
        for kernel in kernels:
            _signal(kernel, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)


def _wait(process: subprocess.Popen[bytes], kernels: set[psutil.Process]) -> tuple[int, float | None]:
    while True:
        if hasattr(os, "wait4"):
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                unit = 1024**2 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
                return process.returncode, round(usage.ru_maxrss / unit)
        elif process.poll() is not None:  # Windows
            return process.returncode, None
        with suppress(psutil.Error):  # it may just have ended
            kernels.update(psutil.Process(process.pid).children())
        time.sleep(0.1)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    return process.returncode is not None


def _signal(kernel: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.Error):  # it has ended; psutil compares start times, so that a reused number is never hit
        kernel.send_signal(number)


class Stopped(KeyboardInterrupt):
    """SIGTERM or SIGHUP, treated as Ctrl-C is; its argument is the signal's number."""


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM and SIGHUP raise :class:`Stopped` in here, as Ctrl-C raises KeyboardInterrupt. Source: ours."""

    def stop(number: int, frame: object) -> None:
        raise Stopped(number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] is not signal.SIG_IGN:  # nohup
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def _papermill() -> None:
    """Papermill in this process, which ends with the one that started it, as a kernel ends with papermill."""
    workers.end_with(int(sys.argv.pop(1)))
    from papermill.cli import papermill

    papermill()


if __name__ == "__main__":
    _papermill()

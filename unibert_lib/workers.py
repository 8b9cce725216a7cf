"""Start several processes from one, such as a notebook's kernel, and bring back what they say."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import psutil

from unibert_lib.runs import REPOSITORY, write_json

LEADER = "UNIBERT_LEADER"  # in the environment: the process that started torchrun


def end_with(*leaders: int) -> None:
    """End this process as soon as one of ``leaders`` (process ids) has ended, however that came about.

    Who leads holds the run's lock, and a lock tells nothing of children: they would go on writing beside those that
    the next command starts. Looked at twice a second; what each child writes has a lock of its own for that while.

    Source: ours (RELIABILITY, rows 18, 25 and 41).
    """
    try:
        watched = [psutil.Process(leader) for leader in leaders]
    except psutil.NoSuchProcess:
        os._exit(1)

    def watch() -> None:
        while not any(map(_ended, watched)):
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE  # nobody may have asked for it yet
    except psutil.NoSuchProcess:
        return True


class WorkerError(RuntimeError):
    """A process of several failed; the message is its own."""


def start(processes: int, module: str, parameters: Mapping[str, Any]) -> None:
    """Run ``python -m module -f parameters.json`` in several processes of this machine under torchrun, to their end.

    What they print appears here as it comes. When one fails, torchrun stops the others; an interrupt here stops all.
    Threads are shared out among the processes unless ``OMP_NUM_THREADS`` is set.

    Raises
    ------
    WorkerError
        If a process raised or was killed.

    Source: ours; torchrun's standalone mode and error files.
    """
    path = os.pathsep.join(part for part in (str(REPOSITORY), os.environ.get("PYTHONPATH")) if part)
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": threads,
        "PYTHONUNBUFFERED": "1",
        LEADER: str(os.getpid()),
    }
    with tempfile.TemporaryDirectory() as logs:
        given = Path(logs) / "parameters.json"
        write_json(given, parameters)
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
        command = [*torchrun, f"--nproc-per-node={processes}", f"--log-dir={logs}", "-m", module, "-f", str(given)]
        running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            if running.stdout is not None:
                _show(running.stdout)
        finally:
            if running.poll() is None:  # an interrupt here: torchrun hands SIGTERM on
                running.terminate()
            running.wait()
        if running.returncode:
            raise WorkerError(_reasons(Path(logs)) + " Run it again: it resumes at the newest checkpoint")


def _show(stream: IO[bytes]) -> None:
    """As it comes, since a progress bar ends no line."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while block := os.read(stream.fileno(), 1 << 16):
        sys.stdout.write(decoder.decode(block))
        sys.stdout.flush()


def _reasons(logs: Path) -> str:
    """The message of every process that left one, the earliest first; a killed one leaves none."""
    found = []
    for file in logs.rglob("error.json"):
        message = json.loads(file.read_text(encoding="utf-8"))["message"]
        when = message["extraInfo"]["timestamp"] if isinstance(message, dict) else "0"
        found.append((int(when), file.parent.name, message["message"] if isinstance(message, dict) else message))
    listed = dict.fromkeys(text for _, _, text in sorted(found))
    return "; ".join(listed) + "." if listed else "a process was killed, or ended before it could say why."

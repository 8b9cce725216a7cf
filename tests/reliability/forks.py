"""Work in a forked child, so that what hangs, fills the memory or crashes is a result and not the end of the check."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Died(Exception):
    """The child was killed, or ended without an answer."""


def forked(work: Callable[..., Any], *given: Any, memory: int | None = None, seconds: float = 600.0) -> Any:
    """What ``work(*given)`` returns, as JSON keeps it; the child may take ``memory`` more bytes and so many seconds.

    Raises
    ------
    Died
        If the child ends otherwise; the message says how.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            if memory is not None:
                most = resident("VmSize") + memory
                resource.setrlimit(resource.RLIMIT_AS, (most, most))
            answer = json.dumps(work(*given))
            with os.fdopen(writer, "w", encoding="utf-8") as stream:
                stream.write(answer)
            status = 0
        except BaseException:  # whatever it is, the parent hears that there was no answer
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    pieces, until = [], time.monotonic() + seconds
    with os.fdopen(reader, "rb") as stream:
        while True:
            ready, _, _ = select.select([stream], [], [], max(until - time.monotonic(), 0))
            if not ready:
                os.kill(child, signal.SIGKILL)
                break
            if not (piece := os.read(stream.fileno(), 1 << 16)):
                break
            pieces.append(piece)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        raise Died(f"killed by signal {-code}" if code < 0 else f"exit status {code}")
    return json.loads(b"".join(pieces))


def resident(name: str = "VmHWM") -> int:
    """Bytes of a line of this process's status: ``VmRSS``, its peak ``VmHWM``, or all addresses ``VmSize``."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/self/status has no {name}")

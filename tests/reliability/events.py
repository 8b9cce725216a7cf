"""What a process does to the files of a folder, call by call: count it, end it there, or fill the disk there.

The calls are seen by ptrace where they enter the kernel, so that those of libraries written in Rust and C++ count as
Python's own do. Linux on x86-64 alone; work that is only timed (``start``) runs everywhere with fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TRACEME, POKEUSER, SYSCALL, SETOPTIONS, SYSCALL_INFO = 0, 6, 24, 0x4200, 0x420E
SYSCALL_STOPS, DIE_WITH_US = 1, 0x100000
RAX, RDX, ORIG_RAX = 8 * 10, 8 * 12, 8 * 15  # where ptrace keeps the result, the third argument, the call's number
ENTRY, CALL_STOP = 1, signal.SIGTRAP | 0x80
# The number of each call that changes files, and which of its arguments name them: a path, a folder's handle and a
# path ("at"), or a handle.
CALLS = {
    1: ("write", "handle"),
    18: ("pwrite64", "handle"),
    20: ("writev", "handle"),
    40: ("sendfile", "handle"),
    326: ("copy_file_range", "second"),
    77: ("ftruncate", "handle"),
    285: ("fallocate", "handle"),
    74: ("fsync", "handle"),
    75: ("fdatasync", "handle"),
    2: ("open", "path"),
    76: ("truncate", "path"),
    82: ("rename", "path"),
    83: ("mkdir", "path"),
    84: ("rmdir", "path"),
    87: ("unlink", "path"),
    257: ("openat", "at"),
    258: ("mkdirat", "at"),
    263: ("unlinkat", "at"),
    264: ("renameat", "at"),
    316: ("renameat2", "at"),
}
WRITES = ("write", "pwrite64")
NEEDS_SPACE = {*WRITES, "writev", "sendfile", "copy_file_range", "fallocate", "fsync", "fdatasync", "mkdir", "mkdirat"}
OPENS = {"open", "openat"}


LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass
class Ended:
    """How a process ended: its exit status (-9 where it was killed), what it said of an error, and its file events,
    of which ``filling`` need space on the disk."""

    status: int = 0
    error: str = ""
    events: list[str] = field(default_factory=list)
    filling: int = 0


@dataclass
class Child:
    pid: int
    _said: int

    def wait(self) -> Ended:
        _, status = os.waitpid(self.pid, 0)
        return self.ended(status)

    def ended(self, status: int) -> Ended:
        with os.fdopen(self._said, encoding="utf-8", errors="replace") as said:
            return Ended(os.waitstatus_to_exitcode(status), said.read())

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def start(work: Callable[[], object], traced: bool = False) -> Child:
    """Do ``work`` in a process of its own, forked from this one, so that what is imported need not be imported anew."""
    said, says = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(says)
        return Child(pid, said)
    status = 1
    try:
        os.close(said)
        silent = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(silent, handle)
        if traced:
            _ptrace(TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
        work()
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 1
    except BaseException as error:  # told to the parent: this process has nobody else
        where = traceback.extract_tb(error.__traceback__)[-1]
        line = f"{type(error).__name__}: {error} [{Path(where.filename).name}:{where.lineno}]"
        with contextlib.suppress(OSError):
            os.write(says, line.encode("utf-8", "replace")[:4000])
    finally:
        os._exit(status)


def watch(
    work: Callable[[], object],
    folder: Path,
    *,
    kill_at: int | None = None,
    torn: bool = False,
    full_from: int | None = None,
) -> Ended:
    """Do ``work`` and list its file events below ``folder``.

    ``kill_at``: SIGKILL before the event of that number is done, or, with ``torn``, after half of a write.
    ``full_from``: of the events that need space on the disk, that one and all later ones fail with ENOSPC; if that
    one is a write, half of it gets there.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise RuntimeError(f"file events are seen on Linux x86-64 alone, this is {sys.platform} {platform.machine()}")
    child = start(work, traced=True)
    pid, events, filling = child.pid, list[str](), 0
    _, status = os.waitpid(pid, 0)
    _ptrace(SETOPTIONS, pid, 0, SYSCALL_STOPS | DIE_WITH_US)
    handed_on, die = 0, False  # a signal for the process; whether it has come to its end
    tearing, refused = False, False  # what to do when the call at hand returns
    while not die:
        _ptrace(SYSCALL, pid, 0, handed_on)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            break
        handed_on = 0 if os.WSTOPSIG(status) == CALL_STOP else os.WSTOPSIG(status)
        if handed_on:
            continue
        info = (ctypes.c_uint64 * 11)()  # op and architecture, two addresses, the call's number, its six arguments
        _ptrace(SYSCALL_INFO, pid, ctypes.sizeof(info), ctypes.addressof(info))
        if info[0] & 0xFF != ENTRY:
            if refused:
                _ptrace(POKEUSER, pid, RAX, ctypes.c_uint64(-errno.ENOSPC).value)
            die, refused = tearing, False
            continue
        name, path = _event(pid, info[3], list(info[4:10]))
        if not name or not _below(path, folder):
            continue
        number, event = len(events), f"{name} {os.path.relpath(path, folder)}"
        if event.endswith(".lock") and events[-1:] == [event] and os.path.exists(path):
            continue  # waits for a lock that another process holds: how often it looks is chance
        events.append(event)
        half = info[6] // 2 if name in WRITES else 0
        if number == kill_at:
            tearing = torn and half > 0
            die = not tearing
            if tearing:
                _ptrace(POKEUSER, pid, RDX, half)
        needs = name in NEEDS_SPACE or (name in OPENS and not os.path.exists(path))
        if full_from is not None and needs:
            if filling == full_from and half:
                _ptrace(POKEUSER, pid, RDX, half)
            elif filling >= full_from:
                _ptrace(POKEUSER, pid, ORIG_RAX, ctypes.c_uint64(-1).value)  # no such call: it is not made
                refused = True
        filling += needs
    if die:
        child.kill()
        _, status = os.waitpid(pid, 0)
    ended = child.ended(status)
    ended.events, ended.filling = events, filling
    return ended


def _event(pid: int, number: int, arguments: list[int]) -> tuple[str, str]:
    """The name of a call that changes files and the path of the file; empty for any other call."""
    name, kind = CALLS.get(number, ("", ""))
    if not name:
        return "", ""
    flags = arguments[1] if name == "open" else arguments[2] if name == "openat" else os.O_WRONLY
    if not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        return "", ""
    try:
        if kind in ("handle", "second"):
            return name, os.readlink(f"/proc/{pid}/fd/{arguments[2 if kind == 'second' else 0]}")
        path = _text(pid, arguments[1 if kind == "at" else 0])
        handle = ctypes.c_int32(arguments[0] & 0xFFFFFFFF).value if kind == "at" else -1
        base = os.readlink(f"/proc/{pid}/fd/{handle}" if handle >= 0 else f"/proc/{pid}/cwd")
        return name, os.path.join(base, path)
    except OSError:  # a handle that is not open: the call will fail
        return "", ""


def _text(pid: int, address: int) -> str:
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(address)
        return os.fsdecode(memory.read1(4096).split(b"\0")[0])


def _below(path: str, folder: Path) -> bool:
    return os.path.normpath(path).startswith(f"{folder}{os.sep}")


def _ptrace(request: int, pid: int, first: int = 0, second: int = 0) -> None:
    if LIBC.ptrace(*(ctypes.c_void_p(value) for value in (request, pid, first, second))) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace: {os.strerror(number)}")

"""Ctrl-C and SIGTERM wait until what was begun is saved; a notebook's stop button gets one line for an answer."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def resumable(saved: Callable[[], str]) -> Iterator[None]:
    """What an interrupt within it leaves, said in one line: ``saved()``, and what to do.

    A notebook shows the line in the place of a traceback, which IPython asks the error for; elsewhere the line stands
    below the traceback, and the exit status is as ever. Of several, one within another, the innermost speaks.

    Source: ours.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        if not hasattr(stop, "_render_traceback_"):
            line = f"Stopped; {saved()}. Run this cell again to go on from there."
            stop.add_note(line)
            vars(stop)["_render_traceback_"] = lambda: [line]
        raise


class Deferred:
    """Within it, a first Ctrl-C or SIGTERM is noted in ``asked`` and obeyed on leaving; a second one at once.

    To obey is to do what would have been done before: ``KeyboardInterrupt`` for Ctrl-C, which ends a script with
    status 130, another handler's own answer, and for SIGTERM the end of the process with status 143, by way of
    ``SystemExit``, so that locks and files are closed. What was ignored before stays ignored. Signals reach the main
    thread alone; in any other this does nothing.

    Source: ours; the exit statuses are the shell's, 128 and the signal's number.
    """

    def __init__(self, message: str = "stopping as soon as this is saved; once more stops at once") -> None:
        self.message = message
        self._asked: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        return self._asked is not None

    def obey(self) -> None:
        """Answer the signal that was noted, if there was one."""
        noted, self._asked = self._asked, None
        self._restore()
        if noted == signal.SIGTERM and signal.getsignal(noted) == signal.SIG_DFL:
            raise SystemExit(128 + noted)
        if noted is not None:
            signal.raise_signal(noted)

    def __enter__(self) -> Deferred:
        if threading.current_thread() is threading.main_thread():
            for one in SIGNALS:
                if signal.getsignal(one) not in (signal.SIG_IGN, None):
                    self._before[one] = signal.signal(one, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.obey()

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self._asked = self.asked, number
        if again:
            self.obey()
        else:
            print(f"{signal.Signals(number).name}: {self.message}", flush=True)

    def _restore(self) -> None:
        for one, before in self._before.items():
            signal.signal(one, before)
        self._before = {}

"""Ctrl-C and SIGTERM wait for what was begun, and are obeyed then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from types import FrameType

import pytest
import traitlets.config
from IPython.core.interactiveshell import InteractiveShell

from unibert_lib.interrupts import Deferred, resumable

SCRIPT = """
import signal, sys
from unibert_lib.interrupts import Deferred, resumable
with resumable(lambda: "kept"), Deferred():
    signal.raise_signal(getattr(signal, sys.argv[1]))
    print("saved")
print("never reached")
"""


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    yield
    left = {one: signal.getsignal(one) for one in before}
    for one, handler in before.items():
        signal.signal(one, handler)
    assert left == before, "handlers are put back"


def test_ctrl_c_is_obeyed_on_leaving() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), Deferred() as interrupts:
        signal.raise_signal(signal.SIGINT)
        done.append(interrupts.asked)
    assert done == [True]


def test_sigterm_leaves_with_143_and_closes_what_is_open() -> None:
    closed = []
    with pytest.raises(SystemExit) as left:
        try:
            with Deferred():
                signal.raise_signal(signal.SIGTERM)
        finally:
            closed.append(1)
    assert left.value.code == 143 and closed == [1]


def test_it_can_be_obeyed_early_and_then_only_once() -> None:
    with pytest.raises(KeyboardInterrupt), Deferred() as interrupts:
        signal.raise_signal(signal.SIGINT)
        interrupts.obey()


def test_a_second_one_is_obeyed_at_once() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), Deferred():
        signal.raise_signal(signal.SIGINT)
        done.append(1)
        signal.raise_signal(signal.SIGINT)
        done.append(2)
    assert done == [1]


def test_without_a_signal_nothing_happens() -> None:
    with Deferred() as interrupts:
        pass
    assert not interrupts.asked


def test_another_handler_gets_its_signal() -> None:
    before, got = signal.getsignal(signal.SIGTERM), []

    def theirs(number: int, frame: FrameType | None) -> None:
        got.append(number)

    signal.signal(signal.SIGTERM, theirs)
    with Deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        assert got == []
    signal.signal(signal.SIGTERM, before)
    assert got == [signal.SIGTERM]


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Deferred() as interrupts:
        signal.raise_signal(signal.SIGINT)
    assert signal.signal(signal.SIGINT, before) == signal.SIG_IGN and not interrupts.asked


def test_in_another_thread_it_does_nothing() -> None:
    seen = []

    def work() -> None:
        with Deferred() as interrupts:
            seen.append((interrupts.asked, signal.getsignal(signal.SIGINT)))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, before)]


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_shell_sees_the_usual_exit_status(name: str, status: int) -> None:
    line = f'"$0" -c "$1" {name}; echo "status $?"'
    shell = subprocess.run(["sh", "-c", line, sys.executable, SCRIPT], capture_output=True, text=True)
    said = shell.stdout.splitlines()
    assert said == [f"{name}: stopping as soon as this is saved; once more stops at once", "saved", f"status {status}"]


def shown(monkeypatch: pytest.MonkeyPatch, cell: str, **names: object) -> list[str]:
    """What a notebook shows for a cell's error."""
    settings = traitlets.config.Config({"HistoryManager": {"enabled": False}})
    shell, lines = InteractiveShell(config=settings, user_module=types.ModuleType("notebook")), list[str]()
    monkeypatch.setattr(shell, "_showtraceback", lambda kind, error, traceback: lines.extend(traceback))
    shell.push({"resumable": resumable, "Deferred": Deferred, "signal": signal, **names})
    shell.run_cell(cell)
    return lines


def test_a_notebook_shows_one_line_for_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = 0

    def begin() -> None:
        nonlocal kept
        with resumable(lambda: f"saved at step {kept} of 9"), Deferred():
            signal.raise_signal(signal.SIGINT)
            kept = 7

    line = "Stopped; saved at step 7 of 9. Run this cell again to go on from there."
    assert shown(monkeypatch, "begin()", begin=begin) == [line]
    assert shown(monkeypatch, "with resumable(lambda: 'outer'):\n    begin()", begin=begin) == [line]


def test_an_error_within_it_is_shown_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(shown(monkeypatch, "with resumable(lambda: 'kept'):\n    1 / 0")) > 3


def test_elsewhere_the_line_stands_below_the_traceback() -> None:
    code = "from unibert_lib.interrupts import resumable\nwith resumable(lambda: 'kept'): raise KeyboardInterrupt"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert done.stderr.splitlines()[-2:] == [
        "KeyboardInterrupt",
        "Stopped; kept. Run this cell again to go on from there.",
    ]

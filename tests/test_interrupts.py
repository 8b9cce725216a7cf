"""Ctrl-C and SIGTERM wait for what was begun, and are obeyed then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from unibert_lib.interrupts import Deferred

SCRIPT = """
import signal, sys
from unibert_lib.interrupts import Deferred
with Deferred():
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

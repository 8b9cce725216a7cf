"""The quick half of ``make reliability``: every goal holds, and its negative control fails."""

import subprocess
import sys

import pytest

from tests.reliability import __main__ as reliability
from tests.reliability import events, goal

TRACED = ("G1", "G2", "G3", "G8")  # they watch a process's calls to the kernel


@pytest.fixture(scope="module")
def traceable(tmp_path_factory):
    """Why this machine lets no process be watched; empty where it does."""
    try:
        events.watch(lambda: None, tmp_path_factory.mktemp("traced"))
    except (OSError, RuntimeError) as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("name", goal.known())
def test_the_goal_is_met_and_its_control_is_not(name, traceable):
    if name in TRACED and traceable:
        pytest.skip(f"no process can be watched here: {traceable}")
    row = reliability.one(name, seed=0, quick=True)
    assert row["check"]["met"], row["check"]
    assert not row["control"]["met"], f"nobody noticed that {row['control']['broken']} was broken"


def test_the_guard_lets_nothing_leave_this_machine_and_loopback_alone():
    code = """
import socket, urllib.request
tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for call in (lambda: tcp.connect(("192.0.2.1", 80)), lambda: tcp.connect_ex(("192.0.2.1", 80)),
             lambda: udp.sendto(b"", ("192.0.2.1", 53)), lambda: urllib.request.urlopen("http://192.0.2.1")):
    try:
        call()
        print("went out")
    except OSError as error:
        print("the network is blocked" in str(error))
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname()).close()
udp.sendto(b"", ("127.0.0.1", 9))
pair = socket.socketpair()
pair[0].sendall(b"x")
print("loopback")
"""
    done = subprocess.run([sys.executable, "-c", code], env=reliability.environment(), capture_output=True, text=True)
    assert done.stdout.split() == ["True"] * 4 + ["loopback"], done.stderr
    free = subprocess.run(
        [sys.executable, "-c", "import sitecustomize; print(sitecustomize.__file__)"],
        env=reliability.environment(),
        capture_output=True,
        text=True,
    )
    assert free.stdout.strip() == str(reliability.GUARD / "sitecustomize.py")

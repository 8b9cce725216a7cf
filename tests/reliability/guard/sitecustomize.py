"""On PYTHONPATH of every process of ``make reliability``: no connection and no datagram leaves this machine.

Python's own sockets only: the hub's client, ``requests``, ``urllib`` and asyncio go through them.
"""

import socket

_own: set[str] = set()


def _refuse(sock: socket.socket, address: object) -> None:
    """Loopback (Jupyter's kernels, gloo), local sockets and this machine's own addresses alone."""
    host = address[0] if isinstance(address, tuple) else ""
    if sock.family == getattr(socket, "AF_UNIX", None) or not isinstance(host, str):
        return
    if host in ("", "localhost", "::1") or host.startswith("127.") or host in _own:
        return
    if not _own:
        try:
            _own.update(str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None))
        except OSError:
            _own.add("localhost")
    if host not in _own:
        raise OSError(f"the network is blocked in reliability runs: {host}")


def _guarded(name: str, place: int = 0) -> None:
    call = getattr(socket.socket, name)

    def guarded(self, *arguments):  # type: ignore[no-untyped-def]
        _refuse(self, arguments[place])
        return call(self, *arguments)

    setattr(socket.socket, name, guarded)


_guarded("connect")
_guarded("connect_ex")
_guarded("sendto", -1)

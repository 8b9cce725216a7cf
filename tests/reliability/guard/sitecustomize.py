"""On PYTHONPATH of every process of ``make reliability``: no connection leaves this machine."""

import socket

_connect = socket.socket.connect


def connect(self: socket.socket, address: object) -> None:
    """Loopback (Jupyter's kernels, gloo) and local sockets alone."""
    host = address[0] if isinstance(address, tuple) else ""
    if isinstance(host, str) and host not in ("", "localhost", "::1") and not host.startswith("127."):
        try:
            own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
        except OSError:
            own = set()
        if host not in own:
            raise OSError(f"the network is blocked in reliability runs: {host}")
    _connect(self, address)  # type: ignore[arg-type]


socket.socket.connect = connect  # type: ignore[method-assign]

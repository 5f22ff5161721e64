"""Ports of this machine's loopback interface."""

import random
import socket

import psutil

from harness.errors import EngineError

DEFAULT_PORT = 4566
QUIET_PORTS = range(20_000, 32_768)
"""Ephemeral ports begin at 32768 on Linux and at 49152 elsewhere (RFC 6335)."""


class PortLostError(Exception):
    """The port was free, but another program took it before the engine."""


def choose_port(wanted: int | None) -> int:
    """The wanted port; if None, the usual port if it is free, else any free one.

    Raises EngineError if the wanted port is taken.
    """
    if wanted is None:
        return DEFAULT_PORT if is_free(DEFAULT_PORT) else any_free_port()
    if not is_free(wanted):
        raise EngineError(
            f"Port {wanted} is taken{by_whom(wanted)}. "
            "End that process or choose another port ('harness up --port N', or port in [tool.harness])."
        )
    return wanted


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def any_free_port() -> int:
    """A free port below the ephemeral range: the system gives ephemeral ports to any new connection, which could take the port
    before the engine starts."""
    return next(port for port in random.sample(QUIET_PORTS, len(QUIET_PORTS)) if is_free(port))


def by_whom(port: int) -> str:
    """` by process 123 (name)`, if the system reports it."""
    try:
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return ""

"""The processes of a session, and whether one of them holds an end of a connection."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from harness.emulator.peers.sockets import Address, UntoldError, owner_of


def is_of_session(session: int, local: Address, remote: Address) -> bool:
    """Whether a process of this session holds the socket with the address `local` that is connected to `remote`.

    `session` is the id of the process that leads it; children are of it until they leave it by `setsid`.
    """
    try:
        owner = owner_of(local, remote)
    except UntoldError:
        return any(_is_connected(pid, local, remote) for pid in _members(session))
    return owner is not None and owner.inode != 0 and any(_holds(pid, owner.inode) for pid in _members(session))


def _members(session: int) -> Iterator[int]:
    # First: nearly always it is the one, and to look at every process of the machine takes a millisecond.
    yield session
    for pid in psutil.pids():
        try:
            if pid != session and os.getsid(pid) == session:
                yield pid
        except OSError:
            continue


def _holds(pid: int, inode: int) -> bool:
    wanted = f"socket:[{inode}]"
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    for descriptor in descriptors:
        try:
            if str(descriptor.readlink()) == wanted:
                return True
        except OSError:
            continue
    return False


def _is_connected(pid: int, local: Address, remote: Address) -> bool:
    """As macOS reports it, for processes of the same user."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any((_plain(c.laddr), _plain(c.raddr)) == (local[:2], remote[:2]) for c in connections)


def _plain(address: Any) -> tuple[Any, ...]:
    """An address of IPv4 as such, also that of a socket of IPv6."""
    return (address[0].removeprefix("::ffff:"), address[1]) if address else ()

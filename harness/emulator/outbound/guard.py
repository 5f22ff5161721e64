"""Refuses connections of this process to other machines.

Every client in the engine (urllib3, http.client, botocore, twisted, asyncio) connects by `socket.socket` and resolves names
by `socket.getaddrinfo`, so both are checked there. `allowed` opens the way to an address that a resource declares, for the
thread that calls it.
"""

import functools
import ipaddress
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.emulator.patches import replaced

LOG = logging.getLogger(__name__)

HOSTS_VARIABLE = "HARNESS_OUTBOUND_HOSTS"
"""Hosts that the engine may call besides those that resources declare, separated by commas."""

LOOPBACK = "127.0.0.1"
_LOCAL_NAMES = (".localhost", ".localhost.localstack.cloud")
"""Names below these are this machine's. The system's resolver would ask a name server
(https://www.rfc-editor.org/rfc/rfc6761#section-6.3), which need not know them, and learns what is looked up."""
_LIBRARIES = (
    "asyncio",
    "boto",
    "botocore",
    "concurrent",
    "http",
    "requests",
    "rolo",
    "socket",
    "twisted",
    "urllib",
    "urllib3",
)


class OutsideContactError(socket.gaierror):
    """The engine was about to call another machine; the message says which, from where, and how to allow it."""


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The hosts that may be called, and the addresses that they resolved to."""

    hosts: frozenset[str]
    addresses: set[str] = field(default_factory=set)


_declared: ContextVar[_Allowed | None] = ContextVar("declared_target", default=None)


@contextmanager
def allowed(url: str) -> Iterator[None]:
    """Let this thread call the host of `url`, an address that a resource or a client of the engine declares."""
    host = (urlsplit(url).hostname or "").lower()
    token = _declared.set(_Allowed(frozenset([host])))
    try:
        yield
    finally:
        _declared.reset(token)


def install() -> None:
    """Guard every socket that this process makes from now on."""
    configured = _Allowed(
        frozenset(filter(None, os.environ.get(HOSTS_VARIABLE, "").lower().replace(" ", "").split(",")))
    )

    def places() -> Iterator[_Allowed]:
        yield configured
        if (declared := _declared.get()) is not None:
            yield declared

    resolve = socket.getaddrinfo

    @functools.wraps(resolve)
    def getaddrinfo(host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is None or _is_here(name):
            return resolve(host, port, *arguments, **named)
        if name.lower().rstrip(".").endswith(_LOCAL_NAMES):
            return resolve(LOOPBACK, port, *arguments, **named)
        known = [place for place in places() if name.lower() in place.hosts]
        if known or _is_address(name):
            # Resolving an address makes no request; connecting to it is checked below.
            found = resolve(host, port, *arguments, **named)
            for place in known:
                place.addresses.update(str(entry[4][0]) for entry in found)
            return found
        raise _refusal(name, port)

    by_name, by_name_ex = socket.gethostbyname, socket.gethostbyname_ex

    def gethostbyname(host: str) -> str:
        return by_name(host) if _is_here(host) else str(getaddrinfo(host, None, socket.AF_INET)[0][4][0])

    def gethostbyname_ex(host: str) -> Any:
        return by_name_ex(host if _is_here(host) else gethostbyname(host))

    # Not by `__name__`: a tool that watches the process may have wrapped them.
    lookups = {"getaddrinfo": getaddrinfo, "gethostbyname": gethostbyname, "gethostbyname_ex": gethostbyname_ex}
    for name, lookup in lookups.items():
        replaced(
            socket,
            name,
            lookup,
            because="names are looked up on this machine, or where a resource declares it",
        )

    def check(sock: socket.socket, address: Any) -> Any:
        """The address to connect to. Raises OutsideContactError."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            return address
        host = str(address[0])
        if _is_here(host):
            return address
        if not _is_address(host):
            if host.lower().rstrip(".").endswith(_LOCAL_NAMES):
                return (LOOPBACK, *address[1:])
            host = str(getaddrinfo(host, address[1], sock.family)[0][4][0])
            address = (host, *address[1:])
        if not _is_metadata(host) and any(host in place.addresses or host in place.hosts for place in places()):
            return address
        raise _refusal(host, address[1])

    def guarded(name: str) -> None:
        original = getattr(socket.socket, name)

        @functools.wraps(original)
        def call(self: socket.socket, address: Any) -> Any:
            return original(self, check(self, address))

        replaced(socket.socket, name, call, because="connections to other machines are refused")

    guarded("connect")
    guarded("connect_ex")


@functools.lru_cache(1024)
def _is_here(host: str) -> bool:
    """Whether a name or an address is this machine's loopback interface."""
    if host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    # To connect to 0.0.0.0 is to connect to this machine.
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_metadata(host: str) -> bool:
    """Whether an address is of a metadata service, which gives out credentials and is never a target of AWS's services
    (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html)."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return address.is_link_local or str(address) == "fd00:ec2::254"


def _refusal(host: str, port: Any) -> OutsideContactError:
    message = (
        f"The engine calls no other machine, and {_caller()} was about to call {host}:{port}. It calls the addresses that "
        "resources declare (HTTP integrations and subscriptions, API destinations, identity providers); to let it call "
        f"another, start it with the host in {HOSTS_VARIABLE}."
    )
    LOG.warning("%s", message)
    return OutsideContactError(socket.EAI_FAIL, message)


_BETWEEN = (f"{__package__}.", "harness.emulator.concurrency.", "harness.emulator.patches.")
"""The guard around every connection that is made."""


def _caller() -> str:
    """The module and line that open the connection: the innermost one that is no library of clients."""
    frame = sys._getframe(2)
    while frame.f_back is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(_BETWEEN) and module.partition(".")[0] not in _LIBRARIES:
            return f"{module} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})"
        frame = frame.f_back
    return "a library"

"""Refuses connections of other users of this machine.

Credentials are not checked as on AWS (`test` counts), so a client that may connect can run code as this engine's user, through
Lambda. Linux reports the owner of a connection in about 20 microseconds. On other systems, and for clients outside of the
engine's container, the owner is unknown and every connection is accepted.
"""

import json
import logging
import os
import pwd
from typing import Any

from localstack import config
from twisted.internet import reactor as twisted_reactor
from twisted.internet.protocol import Protocol

from harness.emulator.patches import patched
from harness.emulator.peers.sockets import Address, UntoldError, owner_of

LOG = logging.getLogger(__name__)

ALLOWED_VARIABLE = "HARNESS_ALLOWED_USERS"
"""Names or ids of users besides the engine's own and root, separated by commas; `*` accepts all. Without the variable all are
accepted: in a container, other users' clients have the same rights as its own."""
EVERY = "*"
_EVERYWHERE = ("", "0.0.0.0", "::")
_GOODBYE_SECONDS = 5.0


def install() -> None:
    allowed = allowed_users(os.environ.get(ALLOWED_VARIABLE))
    if allowed is None:
        return
    guard = Guard(allowed)
    reactor: Any = twisted_reactor  # typed as the module, it is the object that the module puts in its own place
    gateways = {address.port: address.host for address in config.GATEWAY_LISTEN}

    @patched(
        reactor,
        "listenTCP",
        because="other users of the machine may connect, and run code as the engine's user",
        layer=1,
    )
    def listen_tcp(original: Any, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        if port in gateways:
            guard.watch(factory, (interface or gateways[port], port))
        return original(port, factory, backlog, interface)


def allowed_users(setting: str | None) -> frozenset[int] | None:
    """The ids of the users that may connect; None when all may."""
    names = [name.strip() for name in setting.split(",")] if setting is not None else [EVERY]
    if EVERY in names:
        return None
    allowed = {0, os.geteuid()}
    for name in filter(None, names):
        try:
            allowed.add(int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid)
        except KeyError:
            LOG.warning("%s names %s, and this machine has no user of that name", ALLOWED_VARIABLE, name)
    return frozenset(allowed)


class Guard:
    """Decides about connections before anything of them is read."""

    def __init__(self, allowed: frozenset[int]) -> None:
        self._allowed = allowed
        self._refused: set[int] = set()
        self._told = True

    def watch(self, factory: Any, listening: Address) -> None:
        """Let the factory make protocols for those only who may connect to this address."""
        build = factory.buildProtocol

        def build_protocol(peer: Any) -> Any:
            host = peer.host if listening[0] in _EVERYWHERE else listening[0]
            uid = self.refused_user((peer.host, peer.port), (host, listening[1]))
            return build(peer) if uid is None else RefusingProtocol(uid)

        factory.buildProtocol = build_protocol

    def refused_user(self, client: Address, server: Address) -> int | None:
        """The user of this connection, where it is not for them."""
        try:
            owner = owner_of(client, server)
        except UntoldError as error:
            if self._told:
                LOG.warning("Other users of this machine may connect: %s", error)
            self._told = False
            return None
        # A client that has disconnected, or of another machine or network namespace, has no socket here.
        if owner is None or owner.uid in self._allowed:
            return None
        if owner.uid not in self._refused:
            LOG.warning("Refused a connection of user %s; %s may let it in", _name(owner.uid), ALLOWED_VARIABLE)
        self._refused.add(owner.uid)
        return owner.uid


class RefusingProtocol(Protocol):
    """Says why and closes, whatever the client sends."""

    def __init__(self, uid: int) -> None:
        self._uid = uid

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's names
        why = (
            f"This engine is of user {_name(os.geteuid())}, and the connection is of user {_name(self._uid)}, who could run "
            f"code through it. To let them in, start it with {ALLOWED_VARIABLE}={_name(self._uid)}, or with "
            f'allowed_users = ["{_name(self._uid)}"] in [tool.harness].'
        )
        body = json.dumps({"error": why}).encode() + b"\n"
        head = f"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        transport: Any = self.transport
        transport.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        # Only this direction: what the client still sends would else reset the connection, and the answer with it.
        transport.loseWriteConnection()
        reactor: Any = twisted_reactor
        self._goodbye = reactor.callLater(_GOODBYE_SECONDS, transport.abortConnection)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """It is not read."""

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802, ARG002
        if self._goodbye.active():
            self._goodbye.cancel()


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

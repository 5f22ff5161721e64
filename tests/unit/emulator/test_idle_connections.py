"""Connections stay open for as long as their clients do."""

from rolo.gateway import Gateway
from rolo.serving.twisted import TwistedGateway
from twisted.internet.address import IPv4Address

from harness.emulator import idle_connections


def test_a_connection_that_is_idle_is_not_closed():
    idle_connections.install()
    connection = TwistedGateway(Gateway()).buildProtocol(IPv4Address("TCP", "127.0.0.1", 50_000))
    assert connection.timeOut is None

"""Answers requests whose head Twisted gives up on; Twisted just closes the connection, and clients call again.

AWS's load balancers answer 400 to a header of more than 16 kB
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-400-issues).
"""

from typing import Any

from rolo.serving.twisted import HeaderPreservingHTTPChannel
from twisted.internet import reactor as twisted_reactor

from harness.emulator.patches import replaced

SECONDS_TO_READ_ANSWER = 1.0
"""A connection that is closed while its client still sends loses the answer."""
ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def install() -> None:
    def give_up(channel: Any, *_line: bytes) -> None:
        channel.transport.write(ANSWER)
        channel.dataReceived = channel.lineReceived = channel.rawDataReceived = lambda *_data: None
        channel.clearLineBuffer()
        reactor: Any = twisted_reactor  # typed as the module, it is the object that the module puts in its own place
        reactor.callLater(SECONDS_TO_READ_ANSWER, channel.loseConnection)

    replaced(
        HeaderPreservingHTTPChannel,
        "lineLengthExceeded",
        give_up,
        because="Twisted closes the connection where a head is too long",
        source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-400-issues",
    )
    replaced(
        HeaderPreservingHTTPChannel,
        "_respondToBadRequestAndDisconnect",
        give_up,
        because="Twisted closes the connection where a head is too long",
        source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-400-issues",
    )

"""Makes the gateway listen where GATEWAY_LISTEN says.

LocalStack 4.14.0 takes only the port of an IPv4 address from GATEWAY_LISTEN and listens on every interface
(`localstack/runtime/server/twisted.py`: "TODO: interface = host?"), so an engine meant for this machine would be open
to the whole network.
"""

from typing import Any

from localstack import config
from twisted.internet import reactor as twisted_reactor

from harness.emulator.patches import patched


def install() -> None:
    reactor: Any = twisted_reactor  # typed as the module, it is the object that the module puts in its own place
    hosts = {
        address.port: address.host for address in config.GATEWAY_LISTEN if not config.is_ipv6_address(address.host)
    }

    @patched(
        reactor,
        "listenTCP",
        because="LocalStack ignores the host of GATEWAY_LISTEN and listens on every interface",
    )
    def listen_tcp(original: Any, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        return original(port, factory, backlog, interface or hosts.get(port, ""))

"""From where the tests' requests come, as the engine sees it."""

from ipaddress import ip_address


def is_from_this_machine(address: str) -> bool:
    """The loopback address, or that of the network that a container is reached through."""
    return ip_address(address).is_private

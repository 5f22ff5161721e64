"""The host names of the engine.

A page that is served under a name of its author's can have that name lead to this machine later (DNS rebinding), and its
requests are then same-origin. They still carry that name in Host, so the engine answers to names that no stranger's
DNS can hold. An address is none that DNS could change.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_AWS = re.compile(r"([a-z0-9_-]+\.)*(amazonaws\.com|amazonaws\.com\.cn|api\.aws|on\.aws|amazoncognito\.com)")
_MACHINES_ON_AWS = re.compile(r".*\.(compute(-1)?|elb)\.amazonaws\.com(\.cn)?")
"""Names of customers' own servers: no API is called by them."""
_OF_DOCKER = frozenset({"host.docker.internal", "gateway.docker.internal", "host.containers.internal"})
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_SINGLE = re.compile(r"[a-z_][a-z0-9_-]*|[0-9a-f]{12}")


class BadHostError(ValueError):
    """What stands in Host is no host."""


@dataclass(frozen=True, slots=True)
class Host:
    """What a request calls the engine by: a name in lower case, or an address; `port` where one is given."""

    name: str
    port: int | None

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"


def parse(header: str) -> Host:
    """`name`, `name:port`, `[address]:port`. Raises BadHostError.

    https://www.rfc-editor.org/rfc/rfc9110#field.host
    """
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]*)(?::([0-9]{0,5}))?", header.strip(" \t"))
    if found is None:
        raise BadHostError(f"{header!r} is no host")
    # A trailing dot makes a name absolute; it is the same name.
    name = found[1].lower().removesuffix(".").strip("[]")
    if not (is_address(name) if found[1].startswith("[") else _NAME.fullmatch(name)):
        raise BadHostError(f"{header!r} is no host")
    return Host(name, int(found[2]) if found[2] else None)


@lru_cache(maxsize=1024)
def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def is_address(name: str) -> bool:
    return _address(name) is not None


@dataclass(frozen=True)
class Names:
    """The engine's names. `own` are those that it returns itself (LOCALSTACK_HOST, GATEWAY_LISTEN), `allowed` those of the
    settings, `addresses` those of this machine. `in_container` allows names without a dot: other containers know this one by
    its name or an alias, which only Docker's own DNS serves."""

    own: frozenset[str] = frozenset()
    allowed: tuple[str, ...] = ()
    addresses: frozenset[str] = frozenset()
    in_container: bool = False

    def knows(self, name: str) -> bool:
        return self.is_loopback(name) or self._is_reachable(name) or self._is_served(name) or self._is_allowed(name)

    def is_loopback(self, name: str) -> bool:
        if (address := _address(name)) is not None:
            return address.is_loopback
        return name == "localhost" or name.endswith(".localhost")

    def is_own(self, name: str) -> bool:
        """Whether a page under this name and the engine's port is the engine's own."""
        return name in ("localhost", "127.0.0.1", "::1", "localhost.localstack.cloud") or name in self.own

    def _is_reachable(self, name: str) -> bool:
        if (address := _address(name)) is not None:
            # A port may be published by a machine or a container's host whose address is not known here.
            return address.is_private or address.is_link_local or name in self.addresses
        if name in self.own or name in _OF_DOCKER:
            return True
        return self.in_container and _SINGLE.fullmatch(name) is not None

    def _is_served(self, name: str) -> bool:
        if name == "localhost.localstack.cloud" or name.endswith(".localhost.localstack.cloud"):
            return True
        return _AWS.fullmatch(name) is not None and not _MACHINES_ON_AWS.fullmatch(name)

    def _is_allowed(self, name: str) -> bool:
        return any(name.endswith(each[1:]) if each.startswith("*.") else name == each for each in self.allowed)


def allowed_hosts(written: Iterable[str]) -> tuple[str, ...]:
    """The names of a setting. Raises ValueError for what is none."""
    names = tuple(each.strip().lower().removesuffix(".") for each in written if each.strip())
    for name in names:
        if not (_NAME.fullmatch(name.removeprefix("*.")) or is_address(name)):
            raise ValueError(f"allowed_hosts: {name!r} is no host name; write it as engine.test or *.engine.test")
    return names

"""Keeps loopback connections of this process off the environment's proxies, which are for other machines."""

from collections.abc import MutableMapping

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def bypass_for_loopback(environment: MutableMapping[str, str]) -> None:
    """Add this machine to NO_PROXY if a proxy is set. requests, httpx, urllib, boto3 and websockets all read it."""
    if not any(name.lower().endswith("_proxy") and name.lower() != "no_proxy" for name in environment):
        return
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host.strip() for host in environment.get(name, "").split(",") if host.strip()]
        if "*" not in hosts:
            environment[name] = ",".join([*hosts, *(host for host in LOOPBACK if host not in hosts)])

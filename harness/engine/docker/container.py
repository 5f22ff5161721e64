"""The containers of the engine: start, find, inspect and remove them."""

import contextlib
import io
import ipaddress
import os
import socket
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.engine.localstack_settings import addresses
from harness.engine.ports import PortLostError
from harness.engine.target import Callback
from harness.engine.token import FILE_VARIABLE as TOKEN_FILE_VARIABLE
from harness.engine.token import VARIABLE as TOKEN_VARIABLE

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.networks import Network

ENGINE_LABEL = "serverless-harness.engine"
"""The label of every container of the image."""
DIRECTORY_LABEL = "serverless-harness.directory"
"""The folder with the state of the engine that started the container."""
TOKEN_FILE = "/var/lib/localstack/engine.token"
"""The path of the token of the image's engine, in LocalStack's volume."""
HOST = "host.docker.internal"
"""This machine's name inside a container: built into Docker Desktop, elsewhere added as `host-gateway`."""


PASSED_ON = (
    "DEBUG", "HARNESS_ALLOWED_HOSTS", "HARNESS_ALLOWED_ORIGINS", "HARNESS_DELAYS", "HARNESS_IAM", "HARNESS_JOURNAL",
    "HARNESS_ANY_LOCALSTACK", "HARNESS_SHOW_SECRETS",
)  # fmt: skip
"""Settings of the engine that the caller's environment may have, as without Docker."""


def run(client: "DockerClient", image: str, directory: Path, port: int, environment: Mapping[str, str]) -> "Container":
    """Start a container whose port is the same inside and outside, on the loopback interface only. `environment` takes
    precedence over the variables that this process passes on.

    Raises PortLostError if the port is taken.
    """
    from docker.errors import APIError
    from testcontainers.core.container import DockerContainer

    asked = DockerContainer(
        image,
        env={
            **addresses("0.0.0.0", port),
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            **environment,
        },
        labels={DIRECTORY_LABEL: str(directory)},
        extra_hosts={HOST: "host-gateway"},
        docker_client_kw={"timeout": client.api.timeout},
    )
    # Built locally: a registry that testcontainers is configured to prefix to names has no such image.
    asked.image = image
    # with_bind_ports takes no address and publishes on every interface.
    ports: dict[str, Any] = asked.ports
    ports[f"{port}/tcp"] = ("127.0.0.1", port)
    try:
        with _without_ryuk():
            asked.start()
    except APIError as error:
        remove_all(client, directory)
        said = str(error.explanation or error)
        if "address already in use" in said or "port is already allocated" in said:
            raise PortLostError(f"Something else took port {port} while the container was started.") from error
        raise
    return client.containers.get(asked.get_container_id())


@contextmanager
def _without_ryuk() -> Iterator[None]:
    """testcontainers cleans up with a container of another image, which needs a registry and the Docker socket; the
    guard does it here. Other containers of the same process keep theirs."""
    from testcontainers.core.config import testcontainers_config

    before = testcontainers_config.ryuk_disabled
    testcontainers_config.ryuk_disabled = True
    try:
        yield
    finally:
        testcontainers_config.ryuk_disabled = before


def of_directory(client: "DockerClient", directory: Path) -> "list[Container]":
    """The containers that this folder's engine has started and not removed, running or not."""
    labels = {"label": f"{DIRECTORY_LABEL}={directory}"}
    found: list[Container] = client.containers.list(all=True, filters=labels, ignore_removed=True)
    return found


def remove_all(client: "DockerClient", directory: Path) -> int:
    """Remove them with their volumes; returns how many were running."""
    containers = of_directory(client, directory)
    running = sum(is_running(container) for container in containers)
    for container in containers:
        remove(container)
    return running


def remove(container: "Container") -> None:
    from docker.errors import APIError

    # Another process that removes it at the same time has the same result.
    with contextlib.suppress(APIError):
        container.remove(force=True, v=True)


def is_running(container: "Container") -> bool:
    return bool(container.status == "running")


def port_of(container: "Container") -> int:
    """The port that the engine listens on inside."""
    variables: list[str] = container.attrs["Config"]["Env"]
    (listen,) = (v.partition("=")[2] for v in variables if v.startswith("GATEWAY_LISTEN="))
    return int(listen.split(",")[0].rpartition(":")[2])


def token(container: "Container") -> str | None:
    """The token of the engine in a container: from its environment, else from the file that the engine writes; None until
    the file exists."""
    from docker.errors import APIError

    variables: dict[str, str] = dict(v.partition("=")[::2] for v in container.attrs["Config"]["Env"])
    if chosen := variables.get(TOKEN_VARIABLE, "").strip():
        return chosen
    try:
        chunks, _ = container.get_archive(variables.get(TOKEN_FILE_VARIABLE) or TOKEN_FILE)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            file = archive.extractfile(archive.getmembers()[0])
            return str(file.read().decode()).strip() or None if file else None
    except APIError as error:
        if error.status_code == 404:
            return None
        raise


def endpoint_url(container: "Container") -> str | None:
    """Its address on this machine; None while no port is published, or if none ever is."""
    published: list[dict[str, str]] | None = container.attrs["NetworkSettings"]["Ports"].get(
        f"{port_of(container)}/tcp"
    )
    if not published:
        return None
    addresses_here = {binding["HostIp"]: binding["HostPort"] for binding in published}
    for everywhere in ("0.0.0.0", "::", ""):
        if everywhere in addresses_here:
            return f"http://127.0.0.1:{addresses_here[everywhere]}"
    address, port = next(iter(addresses_here.items()))
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def callback(client: "DockerClient") -> Callback:
    """The address of a test's server for containers: what to bind here, and what to call there.

    On Linux this machine has the gateway of Docker's default network, and that address means it here and in a container of
    any network. Docker Desktop's gateway is inside its virtual machine; from there HOST leads to this machine's loopback.
    """
    gateways = gateways_of(client.networks.list(names=["bridge"]))
    ours = next(filter(_is_of_this_machine, gateways), None)
    return Callback(ours, ours) if ours else Callback("127.0.0.1", HOST)


def gateways_of(networks: "Iterable[Network]") -> list[str]:
    """Their IPv4 gateways. Docker omits that of the default network until another address than the first is configured."""
    found = []
    for network in networks:
        for configured in network.attrs["IPAM"]["Config"] or ():
            subnet = ipaddress.ip_network(configured["Subnet"])
            if subnet.version == 4:
                found.append(configured.get("Gateway") or str(subnet.network_address + 1))
    return found


def _is_of_this_machine(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def information(container: "Container") -> dict[str, str | int | float]:
    """Id, name, image, start time, and memory as in `docker stats`."""
    started = datetime.fromisoformat(container.attrs["State"]["StartedAt"]).astimezone()
    known: dict[str, str | int | float] = {
        "container": container.short_id,
        "name": str(container.name),
        "image": str(container.attrs["Config"]["Image"]),
        "started": started.isoformat(" ", "seconds"),
        "log": f"docker logs {container.name}",
    }
    memory: dict[str, Any] = container.stats(stream=False, one_shot=True).get("memory_stats") or {}
    if "usage" in memory:
        details = memory.get("stats", {})
        cached = details.get("total_inactive_file", details.get("inactive_file", 0))
        known["memory_mib"] = round((memory["usage"] - cached) / 1024**2)
    return known

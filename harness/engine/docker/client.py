"""The Docker engine of this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.engine.target import is_this_machine
from harness.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

TIMEOUT_SECONDS = 60
DEFAULT_SOCKET = "/var/run/docker.sock"


def connect() -> "DockerClient":
    """A client of the Docker engine that `docker` would use: DOCKER_HOST, else the current context.

    Raises EngineError if there is none, if it does not run, or if this user may not use it.
    """
    try:
        import docker
        from docker.context import ContextAPI
        from docker.errors import DockerException
    except ImportError as error:
        raise EngineError(
            "The engine in Docker needs packages that are not installed here. "
            "Install them: pip install 'serverless-harness[docker]'"
        ) from error
    context = None if os.environ.get("DOCKER_HOST") else ContextAPI.get_current_context()
    address = os.environ.get("DOCKER_HOST") or (context and context.Host) or f"unix://{DEFAULT_SOCKET}"
    if urlsplit(address).scheme not in ("unix", "npipe") and not is_this_machine(address):
        raise EngineError(
            f"Docker at {address} is another machine, and what it publishes is not on this one's loopback interface. "
            "Start the engine there (docker compose up) and use it with --engine=endpoint --endpoint-url=http://…"
        )
    try:
        if os.environ.get("DOCKER_HOST"):
            client = docker.from_env(timeout=TIMEOUT_SECONDS)
        else:
            client = docker.DockerClient(
                base_url=address, tls=context.TLSConfig if context else None, timeout=TIMEOUT_SECONDS
            )
        client.ping()
    except (DockerException, OSError) as error:
        raise EngineError(f"Docker at {address} cannot be used: {why(error)}") from error
    return client


def may_run() -> bool:
    """False if there is certainly no Docker engine. Needs no Docker package, whose import takes a quarter of a second."""
    if (address := os.environ.get("DOCKER_HOST", "")) and not address.startswith("unix://"):
        return True
    socket = Path(address.removeprefix("unix://") or DEFAULT_SOCKET)
    configuration = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    return socket.exists() or (not address and configuration.exists())


@contextmanager
def docker_errors() -> Iterator[None]:
    """Convert refusals of the Docker engine, and its end during a call, to an EngineError with the reason."""
    try:
        from docker.errors import DockerException
        from requests import RequestException
    except ImportError:
        yield  # `connect` reports what is missing
        return
    try:
        yield
    except (DockerException, RequestException) as error:
        raise EngineError(f"Docker failed: {why(error)}") from error


def why(error: BaseException) -> str:
    """The cause of a failed connection, and what to do."""
    said = str(error)
    if "Permission denied" in said or "PermissionError" in said:
        return (
            "this user may not talk to it. Add the user to the group that may "
            "(sudo usermod -aG docker $USER, then log in again), or use rootless Docker."
        )
    if any(sign in said for sign in ("No such file", "FileNotFoundError", "Connection refused", "ConnectionRefused")):
        return "it does not run. Start it (Docker Desktop, or sudo systemctl start docker)."
    return said

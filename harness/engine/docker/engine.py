"""A container with the engine, from start to removal."""

import json
import time
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from harness.engine import state_folder, token
from harness.engine.access_mode import IAM_VARIABLE
from harness.engine.capabilities import CALLBACKS
from harness.engine.docker import container as containers
from harness.engine.docker import image
from harness.engine.docker.client import connect, docker_errors, may_run
from harness.engine.docker.compose import PORT_VARIABLE, ComposeProject
from harness.engine.docker.guard import Watch, watch
from harness.engine.locking import locked
from harness.engine.ports import PortLostError, any_free_port, choose_port
from harness.engine.target import Target
from harness.errors import EngineError
from harness.journal.redaction import SHOW_VARIABLE
from harness.settings import Callers, Delays

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

BOOT_SECONDS = 120.0
LOG_LINES = 30


class DockerEngine:
    """LocalStack with our emulator in a container, published on this machine's loopback interface.

    With `compose_file` it is the service of that file, however it was started: `start` brings it up and `stop` takes it
    down. Without it, the engine is a separate container, found by the label that names `directory`; with `owner_pid` it is
    removed when that process has ended, even if killed, unless `keep` was called.

    `port` None takes the usual port if it is free, else any free one (for the compose service, HARNESS_PORT takes
    precedence). `iam` is the mode that it starts in (`access_mode`), `delays` how long it waits, `callers` who may call it;
    None leaves these to the environment. With `show_secrets` it remembers what it redacts in its journal
    (`engine.secrets`).
    """

    name = "docker"

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        region: str = "us-east-1",
        iam: str | None = None,
        delays: Delays | None = None,
        callers: Callers | None = None,
        show_secrets: bool = False,
        compose_file: Path | None = None,
        owner_pid: int | None = None,
        answer_seconds: float = 10.0,
    ) -> None:
        self.directory = directory.resolve()
        self.port = port
        self.region = region
        self.iam = iam
        self.delays = delays or Delays()
        self.callers = callers or Callers()
        self.show_secrets = show_secrets
        self.compose = ComposeProject(compose_file.resolve()) if compose_file else None
        self.owner_pid = owner_pid
        self.answer_seconds = answer_seconds

    @property
    def _guard_file(self) -> Path:
        return self.directory / "docker-guard.json"

    @cached_property
    def _client(self) -> "DockerClient":
        return connect()

    @docker_errors()
    def find(self) -> Target | None:
        """The running engine, or None. Raises EngineError if it does not answer, and if Docker cannot be used."""
        container = self._running()
        return None if container is None else self._target(container, self._ready(container))

    def is_alive(self) -> bool:
        if not may_run():
            return False
        try:
            with docker_errors():
                return self._running() is not None
        except EngineError:
            return False

    @docker_errors()
    def start(self) -> Target:
        """Build the image if needed and start a container, or find the running one; returns when it is ready.

        Raises EngineError if Docker cannot be used, the image cannot be built, the port is taken, or the container stops or is
        not ready in time; then no container is left behind.
        """
        with locked(self.directory / "docker.lock"):
            if (container := self._running()) is not None:
                return self._target(container, self._wait_until_ready(container))
            if self.compose is not None:
                container = self.compose.up(self._client, self._compose_port(self.compose), self._environment)
                return self._target(container, self._wait_until_ready(container))
            try:
                container = self._run()
                return self._target(container, self._wait_until_ready(container))
            except BaseException:
                self._remove()
                raise

    @docker_errors()
    def stop(self) -> bool:
        """Remove the container with its volumes; returns whether one was running."""
        if self.compose is not None:
            container = self.compose.find(self._client, ended=True)
            if container is not None:
                self.compose.down(container)
            return container is not None and containers.is_running(container)
        return self._remove()

    def keep(self) -> None:
        """Let the container outlive its owner."""
        try:
            Watch(**json.loads(self._guard_file.read_text())).call_off()
        except FileNotFoundError:
            return
        self._guard_file.unlink(missing_ok=True)

    @docker_errors()
    def last_log_lines(self, count: int = LOG_LINES) -> str:
        """The end of the container's log, also after the container has stopped."""
        container = self._latest()
        return "" if container is None else _text(container.logs(tail=count)).rstrip("\n")

    def log_mark(self) -> float:
        """Seconds since the epoch: Docker records the time of every line."""
        return time.time()

    @docker_errors()
    def log_after(self, mark: float) -> str:
        container = self._latest()
        return "" if container is None else _text(container.logs(since=mark))

    @docker_errors()
    def information(self) -> dict[str, str | int | float]:
        """The container: id, name, image, start time, memory, and the command that shows its log."""
        container = self._running()
        return {} if container is None else containers.information(container)

    def _running(self) -> "Container | None":
        if self.compose is not None:
            return self.compose.find(self._client)
        return next(filter(containers.is_running, containers.of_directory(self._client, self.directory)), None)

    def _latest(self) -> "Container | None":
        try:
            if self.compose is not None:
                return self.compose.find(self._client, ended=True)
            return next(iter(containers.of_directory(self._client, self.directory)), None)
        except EngineError:
            return None

    def _run(self) -> "Container":
        """A separate container, guarded from before its creation."""
        self._remove()
        tag = image.build(self._client)
        if self.owner_pid is not None:
            self._set_guard(self.owner_pid)
        try:
            return containers.run(self._client, tag, self.directory, choose_port(self.port), self._environment)
        except PortLostError as lost:
            if self.port is not None:
                raise EngineError(f"{lost} Choose another port, or stop the other program.") from lost
            return containers.run(self._client, tag, self.directory, any_free_port(), self._environment)

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **self.delays.environment(),
            **self.callers.environment(),
            **({IAM_VARIABLE: self.iam} if self.iam else {}),
            **({SHOW_VARIABLE: "1"} if self.show_secrets else {}),
        }

    def _set_guard(self, pid: int) -> None:
        try:
            owner = psutil.Process(pid)
        except psutil.NoSuchProcess as error:
            raise EngineError(f"The container was to belong to process {pid}, and there is none.") from error
        state_folder.write(self._guard_file, json.dumps(asdict(watch(owner, self.directory))))

    def _remove(self) -> bool:
        ran = containers.remove_all(self._client, self.directory) > 0
        self.keep()
        return ran

    def _compose_port(self, compose: ComposeProject) -> int | None:
        if self.port is None and compose.setting(PORT_VARIABLE):
            return None
        return choose_port(self.port)

    def _wait_until_ready(self, container: "Container") -> dict[str, Any]:
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            container.reload()
            if not containers.is_running(container):
                state = container.attrs["State"]
                raise EngineError(
                    f"The engine's container {container.name} ended with exit code {state['ExitCode']} while it booted"
                    f"{': ' + state['Error'] if state.get('Error') else '.'}",
                    log=_text(container.logs(tail=LOG_LINES)),
                )
            if (ready := self._ask(container)) is not None:
                return ready
            time.sleep(0.1)
        raise EngineError(
            f"The engine in container {container.name} was not ready after {BOOT_SECONDS:.0f} seconds.",
            log=_text(container.logs(tail=LOG_LINES)),
        )

    def _ask(self, container: "Container") -> dict[str, Any] | None:
        """The response of `/_harness/ready`; None while there is none. Raises EngineError if it is not our engine."""
        endpoint_url = containers.endpoint_url(container)
        if endpoint_url is None:
            return None
        try:
            response = httpx.get(
                f"{endpoint_url}/_harness/ready",
                headers=token.headers(containers.token(container)),
                timeout=self.answer_seconds,
                trust_env=False,
            )
        except httpx.TransportError:
            # Docker accepts the connection before anything listens inside, and then closes it.
            return None
        if response.is_success and response.headers.get("content-type") == "application/json":
            ready: dict[str, Any] = response.json()
            # Without its token, which the engine writes before it serves, the response says no more than that.
            return ready if "capabilities" in ready else None
        raise EngineError(
            f"The engine in container {container.name} answers, but without the emulator's parts "
            f"({response.status_code}: {response.text[:300]}).",
            log=_text(container.logs(tail=LOG_LINES)),
        )

    def _ready(self, container: "Container") -> dict[str, Any]:
        ready = self._ask(container)
        if ready is None:
            where = containers.endpoint_url(container) or "a port of this machine: none is published"
            raise EngineError(
                f"The engine's container {container.name} runs but does not answer at {where}. It may still boot; "
                "else stop it with 'harness down' and start again.",
                log=self.last_log_lines(),
            )
        return ready

    def _target(self, container: "Container", ready: dict[str, Any]) -> Target:
        return Target(
            engine=self.name,
            endpoint_url=containers.endpoint_url(container),
            region=self.region,
            capabilities=frozenset([*ready["capabilities"], CALLBACKS]),
            callback=containers.callback(self._client),
            token=containers.token(container),
        )


def _text(log: bytes) -> str:
    return log.decode(errors="replace")

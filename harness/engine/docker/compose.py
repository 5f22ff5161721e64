"""The engine as the compose service of a project's folder, started by the harness or with `docker compose up`."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engine.docker.container import ENGINE_LABEL, is_running
from harness.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

PORT_VARIABLE = "HARNESS_PORT"
NAME_VARIABLE = "COMPOSE_PROJECT_NAME"
PROJECT_LABEL = "com.docker.compose.project"
FOLDER_LABEL = "com.docker.compose.project.working_dir"
LOG_LINES = 25


@dataclass(frozen=True)
class ComposeProject:
    """A compose file; its folder is the project's, as in `docker compose`."""

    file: Path

    @property
    def folder(self) -> Path:
        return self.file.parent

    def find(self, client: "DockerClient", *, ended: bool = False) -> "Container | None":
        """The running container of this folder's engine; with `ended`, also one that has stopped."""
        labels = {"label": [ENGINE_LABEL, FOLDER_LABEL]}
        for container in client.containers.list(all=ended, filters=labels, ignore_removed=True):
            if _same(container.labels[FOLDER_LABEL], self.folder) and (ended or is_running(container)):
                return container
        return None

    def up(self, client: "DockerClient", port: int | None, environment: Mapping[str, str]) -> "Container":
        """Build what has changed and start it; `environment` are additional variables of the file. Raises EngineError."""
        self._refuse_the_name_of_another(client)
        chosen = {**environment, **({PORT_VARIABLE: str(port)} if port is not None else {})}
        self._run("up", "--detach", "--build", environment=chosen)
        container = self.find(client)
        if container is None:
            raise EngineError(
                f"{self.file} was started, and none of its services runs the engine. One must be built from "
                "harness/engine/docker/Dockerfile.",
                log=self._run("logs", "--no-color", "--tail", str(LOG_LINES)),
            )
        return container

    def down(self, container: "Container") -> None:
        """Remove the containers and the network; the volume with the log stays."""
        self._run("down", "--remove-orphans", project=container.labels[PROJECT_LABEL])

    def setting(self, name: str) -> str | None:
        """The value of a variable of the compose file: from the environment, else from .env."""
        if name in os.environ:
            return os.environ[name] or None
        return dotenv(self.folder / ".env").get(name) or None

    @property
    def name(self) -> str:
        """The project's name by the rules of compose
        (https://docs.docker.com/compose/how-tos/project-name/)."""
        chosen = self.setting(NAME_VARIABLE) or self.folder.resolve().name
        return re.sub(r"[^-_a-z0-9]", "", chosen.lower()).lstrip("-_") or "default"

    def _refuse_the_name_of_another(self, client: "DockerClient") -> None:
        """compose would treat the other folder's containers as its own, and replace them."""
        labels = {"label": f"{PROJECT_LABEL}={self.name}"}
        for container in client.containers.list(all=True, filters=labels, ignore_removed=True):
            folder = container.labels.get(FOLDER_LABEL, "")
            if folder and Path(folder).is_dir() and not _same(folder, self.folder):
                raise EngineError(
                    f"The compose project {self.name!r} is also that of {folder} (container {container.name}). "
                    f"Give this one another name: {NAME_VARIABLE}=… in the environment or in {self.folder / '.env'}."
                )

    def _run(self, *arguments: str, project: str | None = None, environment: Mapping[str, str] | None = None) -> str:
        """Run compose on the file. Raises EngineError with the end of its output."""
        named = ["--project-name", project] if project else []
        done = subprocess.run(
            [*command(), "--file", str(self.file), *named, *arguments],
            cwd=self.folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            said = "\n".join(done.stdout.splitlines()[-LOG_LINES:])
            advice = (
                f" Something else has the port; choose another: {PORT_VARIABLE}=… in the environment or in .env."
                if "address already in use" in said or "port is already allocated" in said
                else ""
            )
            raise EngineError(f"compose {arguments[0]} of {self.file} failed.{advice}", log=said)
        return done.stdout


def command() -> list[str]:
    """`docker compose` if it is installed, else `docker-compose`. Raises EngineError without either."""
    docker = shutil.which("docker")
    if docker:
        asked = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
        if asked.returncode == 0:
            return [docker, "compose"]
    if own := shutil.which("docker-compose"):
        return [own]
    raise EngineError(
        "Neither 'docker compose' nor 'docker-compose' is installed here. Install Docker's compose plugin "
        "(https://docs.docker.com/compose/install/)."
    )


def dotenv(file: Path) -> dict[str, str]:
    """The variables of an .env file: NAME=value lines, with or without quotes. The other syntax of compose is not supported."""
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return {}
    found = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            found[name.strip()] = value.strip().strip("\"'")
    return found


def _same(one: str, other: Path) -> bool:
    return Path(one).resolve() == other.resolve()

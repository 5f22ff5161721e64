"""A deployment on a shared target: its address and name, and the engines that have one.

It is kept in a file of the engine's folder, so that any later command finds it, also after a killed run.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from harness.engine import state_folder


@dataclass(frozen=True, slots=True)
class Attachment:
    """`deployment` is the prefix of our stack names there and the value of their tag `harness:run`."""

    deployment: str
    account_id: str
    region: str
    endpoint_url: str | None = None
    profile: str | None = None

    @classmethod
    def read(cls, file: Path) -> Self | None:
        try:
            return cls(**json.loads(file.read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    def write(self, file: Path) -> None:
        # Written in one step: a command that is killed here would otherwise leave stacks that no command finds again.
        state_folder.write(file, json.dumps(asdict(self)))


def new_deployment_name() -> str:
    """A unique name, short enough as a prefix of the names of stacks and resources."""
    return f"harness-{secrets.token_hex(3)}"


class AttachedEngine:
    """Common part of the engines that start and stop nothing: they remember where the harness deployed, and under which name."""

    name: str

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()

    @property
    def _state_file(self) -> Path:
        return self.directory / f"{self.name}.json"

    def _attachment(self) -> Attachment | None:
        """The recorded deployment."""
        return Attachment.read(self._state_file)

    def is_alive(self) -> bool:
        """Whether the harness is attached to it."""
        return self._attachment() is not None

    def stop(self) -> bool:
        """Forget the deployment, which must have been removed before; the target keeps running. Returns whether there was one."""
        attached = self.is_alive()
        if attached:
            self._state_file.unlink(missing_ok=True)
        return attached

    def keep(self) -> None:
        """Nothing to do: the target outlives this process."""

    def last_log_lines(self, count: int = 30) -> str:
        """Not available: the harness does not own this engine."""
        del count
        return ""

    def log_mark(self) -> float:
        return 0

    def log_after(self, mark: float) -> str:
        del mark
        return ""

    def information(self) -> dict[str, str | int | float]:
        """The account, the region and the name of the deployment."""
        attachment = self._attachment()
        if attachment is None:
            return {}
        return {
            "account": attachment.account_id,
            "region": attachment.region,
            "deployment": attachment.deployment,
            **({"profile": attachment.profile} if attachment.profile else {}),
        }

"""What was deployed on a target that is not ours alone: where, and under which name.

It is kept in a file of the engine's folder, so that any later command finds it, also after a run that was killed.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Attachment:
    """`deployment` goes before the names of our stacks there and is the value of their tag `harness:run`."""

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
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(asdict(self)))
        # In one step: a command that is killed here would else leave stacks that nobody finds again.
        unfinished.replace(file)


def new_deployment_name() -> str:
    """A name that nobody else's deployment has, short enough to go before the names of stacks and resources."""
    return f"harness-{secrets.token_hex(3)}"

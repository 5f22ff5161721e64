"""The token of this engine, which its own endpoints require, because another user's process reaches the port, too.

The engine's starter writes it into a file of mode 600 and names the file; in Docker, where no starter does, the engine makes it.
The names are also in `harness.engine.token`, on the other side of the wire.
"""

import contextlib
import hmac
import os
import secrets
from collections.abc import MutableMapping
from pathlib import Path

HEADER = "X-Harness-Token"
VARIABLE = "HARNESS_TOKEN"
FILE_VARIABLE = "HARNESS_TOKEN_FILE"
_BYTES = 32
_LEAST_CHARACTERS = 16


class Token:
    """Compares what a request shows with the engine's token, in a time that says nothing of it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return "<Token>"

    def is_shown(self, value: str | None) -> bool:
        return value is not None and hmac.compare_digest(value.encode(), self._secret)

    @classmethod
    def of_environment(cls, environment: MutableMapping[str, str]) -> "Token":
        """The token that the environment holds, or the file that it names; without either a new one in that file.

        The variable is removed: what the engine starts has no use for it. Raises ValueError for a token that can be guessed.
        """
        secret = environment.pop(VARIABLE, "").strip()
        file = environment.get(FILE_VARIABLE)
        if not secret and file:
            secret = _read_or_make(Path(file))
        secret = secret or secrets.token_urlsafe(_BYTES)
        if len(secret) < _LEAST_CHARACTERS:
            raise ValueError(
                f"the engine's token ({VARIABLE}) has {len(secret)} characters; it needs {_LEAST_CHARACTERS} or more"
            )
        return cls(secret)


def _read_or_make(file: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return file.read_text().strip()
    file.parent.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_urlsafe(_BYTES)
    # Whole or not at all: a client reads it as soon as it is there.
    made = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
        written.write(secret)
    made.replace(file)
    return secret

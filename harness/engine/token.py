"""The token of our engines: `/_harness/*` and LocalStack's control endpoints require it in addition to the address.

Another user of this machine can reach the engine's port, but cannot read a file of mode 600. The name of the header and of
the variable are also in `harness.emulator.door.token`, on the engine's side.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

HEADER = "X-Harness-Token"
VARIABLE = "HARNESS_TOKEN"
"""The token itself, for an engine that another process started (`--engine=endpoint`) and for containers."""
FILE_VARIABLE = "HARNESS_TOKEN_FILE"
"""The path of the token file: a path, so that neither an argument list nor the engine's environment holds the token."""
FILE = "engine.token"
"""In the engine's folder."""
_BYTES = 32


def new_token(directory: Path) -> str:
    """Write a new token into the engine's folder, readable by this user only, and return it."""
    token = secrets.token_urlsafe(_BYTES)
    file = directory / FILE
    # An existing file may have another mode, or be a link.
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        written.write(token)
    return token


def token_of(directory: Path) -> str | None:
    """The token of the engine with this folder; None without one."""
    try:
        return (directory / FILE).read_text().strip() or None
    except FileNotFoundError:
        return None


def token_of_environment() -> str | None:
    return os.environ.get(VARIABLE) or None


def headers(token: str | None) -> Mapping[str, str]:
    """The headers of a request to `/_harness/*`."""
    return {HEADER: token} if token else {}

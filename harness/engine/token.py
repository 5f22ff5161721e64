"""The token of an engine of ours: what `/_harness/*` and LocalStack's control endpoints want beside the address.

Another user of this machine reaches the engine's port, and cannot read a file of mode 600. The name of the header and of the
variable are also in `harness.emulator.door.token`, on the other side of the wire.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

HEADER = "X-Harness-Token"
VARIABLE = "HARNESS_TOKEN"
"""The token itself, for an engine that others started (`--engine=endpoint`) and for containers."""
FILE_VARIABLE = "HARNESS_TOKEN_FILE"
"""Where the engine finds its token: a path, so that neither an argument list nor its environment holds it."""
FILE = "engine.token"
"""In the engine's folder."""
_BYTES = 32


def new_token(directory: Path) -> str:
    """Write a new token into the engine's folder, readable by this user only, and return it."""
    token = secrets.token_urlsafe(_BYTES)
    file = directory / FILE
    # A file that is there may have another mode, or be a link.
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        written.write(token)
    return token


def token_of(directory: Path) -> str | None:
    """The token of the engine whose folder this is; None without one."""
    try:
        return (directory / FILE).read_text().strip() or None
    except FileNotFoundError:
        return None


def token_of_environment() -> str | None:
    return os.environ.get(VARIABLE) or None


def headers(token: str | None) -> Mapping[str, str]:
    """What a request to `/_harness/*` carries."""
    return {HEADER: token} if token else {}

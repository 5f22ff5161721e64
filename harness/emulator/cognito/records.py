"""State of a user pool: codes, refresh tokens, sign-ins in progress."""

from dataclasses import dataclass, field
from typing import Any

from harness.emulator.cognito.srp import Challenge


@dataclass(frozen=True)
class Code:
    """A code that was sent. `medium` is the attribute that it was sent to. `expires_at` is in seconds of the epoch."""

    value: str
    expires_at: float
    medium: str


@dataclass
class Grant:
    """A sign-in that may be refreshed: what a refresh token stands for. Times are in seconds since the epoch."""

    refresh_token: str
    client_id: str
    user_id: str
    origin_jti: str
    auth_time: int
    expires_at: float
    scopes: tuple[str, ...]
    revoked: bool = False
    replaced_at: float | None = None
    """When rotation replaced this refresh token by the next one."""


@dataclass
class SignInSession:
    """A sign-in that waits for the answer to a challenge. Times are in seconds since the epoch.

    `user` is None if the client hides whether users exist and no user has that `username`.
    """

    client_id: str
    username: str
    user: Any
    challenge_name: str
    expires_at: float
    srp: Challenge | None = None
    simulated_id: str | None = None
    """`USER_ID_FOR_SRP` of a user who does not exist."""
    custom: bool = False
    """Whether DefineAuthChallenge says what comes next."""
    results: list[dict[str, Any]] = field(default_factory=list)
    """`session` of the custom-challenge triggers: the challenges so far."""
    private_parameters: dict[str, str] = field(default_factory=dict)
    challenge_metadata: str | None = None
    attempts: int = 0
    totp_secret: str | None = None
    source: str = "Authentication"
    """Of the PreTokenGeneration trigger, once the challenges are passed."""


@dataclass(frozen=True)
class AuthorizationCode:
    """A code of the hosted sign-in, to be changed for tokens once, within five minutes."""

    client_id: str
    user_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    expires_at: float
    code_challenge: str | None
    nonce: str | None


@dataclass(frozen=True, slots=True)
class Federation:
    """A hosted sign-in that continues at an external provider: what the client requested."""

    provider_name: str
    client_id: str
    redirect_uri: str
    response_type: str
    scopes: tuple[str, ...]
    state: str | None
    code_challenge: str | None
    nonce: str | None
    provider_nonce: str

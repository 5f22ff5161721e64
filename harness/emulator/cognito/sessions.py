"""What lasts from one request of a sign-in to the next: challenge sessions, and the steps of a hosted sign-in."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from harness.emulator.cognito.errors import CognitoError, not_authorized
from harness.emulator.cognito.srp import Challenge
from harness.emulator.cognito.user_pool import AppClient


@dataclass
class Session:
    """A sign-in that waits for the answer to a challenge. Times are in seconds since the epoch.

    `user` is None where the client hides whether users exist and there is none of that `username`.
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
    """A hosted sign-in that has gone to an external provider: what the client asked for."""

    provider_name: str
    client_id: str
    redirect_uri: str
    response_type: str
    scopes: tuple[str, ...]
    state: str | None
    code_challenge: str | None
    nonce: str | None
    provider_nonce: str


def open_session(client: AppClient, session: Session) -> str:
    """Keep a session under a new token."""
    token = secrets.token_urlsafe(128)
    client.pool.state.sessions[token] = session
    return token


def begin(client: AppClient, username: str, user: Any | None, challenge_name: str) -> Session:
    return Session(client.id, username, user, challenge_name, time.time() + session_seconds(client))


def ask(client: AppClient, session: Session, challenge_name: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Ask the person for an answer, for which the session waits."""
    session.challenge_name = challenge_name
    return {
        "ChallengeName": challenge_name,
        "Session": open_session(client, session),
        "ChallengeParameters": parameters,
    }


def session_seconds(client: AppClient) -> int:
    """`AuthSessionValidity` of the client, which is in minutes."""
    return int(client.config.get("AuthSessionValidity") or 3) * 60


def take_session(client: AppClient, token: str | None, challenge_name: str) -> Session:
    """Take a session out of force: its token is good for one answer.

    Raises NotAuthorizedException where it is unknown, used, expired, of another client or waits for another answer.
    """
    if not token:
        raise CognitoError("InvalidParameterException", "Missing required parameter Session")
    session = client.pool.state.sessions.pop(token, None)
    if session is None or session.client_id != client.id:
        raise not_authorized("Invalid session for the user.")
    if session.expires_at <= time.time():
        raise not_authorized("Invalid session for the user, session is expired.")
    if session.challenge_name != challenge_name:
        raise not_authorized("Invalid session for the user.")
    return session

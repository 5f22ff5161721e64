"""What lasts from one request of a sign-in to the next: challenge sessions, and the steps of a hosted sign-in."""

import secrets
import time
from typing import Any

from harness.emulator.cognito.errors import CognitoError, not_authorized
from harness.emulator.cognito.records import SignInSession
from harness.emulator.cognito.user_pool import AppClient


def open_session(client: AppClient, session: SignInSession) -> str:
    """Keep a session under a new token."""
    token = secrets.token_urlsafe(128)
    client.pool.state.sessions[token] = session
    return token


def begin(client: AppClient, username: str, user: Any | None, challenge_name: str) -> SignInSession:
    return SignInSession(client.id, username, user, challenge_name, time.time() + session_seconds(client))


def ask(client: AppClient, session: SignInSession, challenge_name: str, parameters: dict[str, str]) -> dict[str, Any]:
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


def take_session(client: AppClient, token: str | None, challenge_name: str) -> SignInSession:
    """Invalidate a session: its token is valid for one response.

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

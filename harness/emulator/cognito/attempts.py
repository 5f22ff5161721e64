"""Limits how often a user may call an operation within an hour.

https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html#resource-quotas
"""

import time

from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.user_pool import UserState

HOUR_SECONDS = 3600
CHANGED_PASSWORDS = 5
FORGOTTEN_PASSWORDS = 20
"""AWS refuses after 5 to 20, by the risk that it sees; what it always refuses is refused here."""


def recent(moments: list[float], now: float) -> list[float]:
    return [at for at in moments if at > now - HOUR_SECONDS]


def limit_exceeded() -> CognitoError:
    return CognitoError("LimitExceededException", "Attempt limit exceeded, please try after some time.")


def count(user: UserState, operation: str, limit: int, *, now: float | None = None) -> None:
    """Count a request of a user. Raises LimitExceededException for one too many within an hour."""
    moment = time.time() if now is None else now
    before = recent(user.requests.get(operation, []), moment)
    if len(before) >= limit:
        raise limit_exceeded()
    user.requests[operation] = [*before, moment]

"""Confirmation codes: six random digits, valid for one use, one purpose and a limited time.

https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html#limits-hard
"""

import hmac
import secrets
import time
from enum import StrEnum

from harness.emulator.cognito import attempts
from harness.emulator.cognito.attempts import HOUR_SECONDS
from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.records import Code
from harness.emulator.cognito.user_pool import UserState

WRONG_ATTEMPTS = 5
"""After so many wrong codes within an hour, correct ones are refused, too."""


class Purpose(StrEnum):
    """What a code confirms; the value is the key under which it is kept."""

    SIGN_UP = "sign-up"
    RESET = "reset"
    EMAIL = "email"
    PHONE_NUMBER = "phone_number"
    MFA = "mfa"


VALIDITY_SECONDS = {
    Purpose.SIGN_UP: 24 * HOUR_SECONDS,
    Purpose.RESET: HOUR_SECONDS,
    Purpose.EMAIL: 24 * HOUR_SECONDS,
    Purpose.PHONE_NUMBER: 24 * HOUR_SECONDS,
    Purpose.MFA: 3 * 60,
}


def issue(user: UserState, purpose: Purpose, medium: str, *, now: float | None = None) -> Code:
    """Make a new code, which puts the previous one for the same purpose out of force."""
    moment = time.time() if now is None else now
    code = Code(f"{secrets.randbelow(1_000_000):06d}", moment + VALIDITY_SECONDS[purpose], medium)
    user.codes[purpose] = code
    return code


def check(
    user: UserState,
    purpose: Purpose,
    value: str,
    *,
    mismatch: str = "Invalid verification code provided, please try again.",
    now: float | None = None,
) -> Code:
    """Invalidate the code and return it. `mismatch` is the message for a wrong code.

    Raises LimitExceededException after too many wrong ones, ExpiredCodeException for one that expired or was used, and
    CodeMismatchException for any other.
    """
    moment = time.time() if now is None else now
    failed = attempts.recent(user.failed_codes.get(purpose, []), moment)
    if len(failed) >= WRONG_ATTEMPTS:
        raise attempts.limit_exceeded()
    code = user.codes.get(purpose)
    if code is None or code.expires_at <= moment:
        raise CognitoError("ExpiredCodeException", "Invalid code provided, please request a code again.")
    if not hmac.compare_digest(code.value.encode(), value.encode()):
        user.failed_codes[purpose] = [*failed, moment]
        raise CognitoError("CodeMismatchException", mismatch)
    del user.codes[purpose]
    user.failed_codes.pop(purpose, None)
    return code


def expire_all(user: UserState) -> int:
    """Make the outstanding codes expire now; returns how many there were."""
    for purpose, code in user.codes.items():
        user.codes[purpose] = Code(code.value, 0.0, code.medium)
    return len(user.codes)

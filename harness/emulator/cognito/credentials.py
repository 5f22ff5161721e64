"""Whether a user may sign in: status, lockout and password.

https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html
"""

import time
from typing import Any

from moto.cognitoidp.models import UserStatus

from harness.emulator.cognito.errors import (
    CognitoError,
    incorrect_username_or_password,
    invalid_parameter,
    not_authorized,
)
from harness.emulator.cognito.triggers import UserPoolCall

_FREE_FAILURES = 5
_LONGEST_LOCKOUT_SECONDS = 900


def required(parameters: dict[str, str], name: str) -> str:
    if not parameters.get(name):
        raise invalid_parameter(f"Missing required parameter {name}")
    return parameters[name]


def check_may_sign_in(call: UserPoolCall, user: Any) -> None:
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if user.status == UserStatus.RESET_REQUIRED:
        raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")
    expires_at = call.pool.state_of(user).temporary_password_expires_at
    if user.status == UserStatus.FORCE_CHANGE_PASSWORD and expires_at is not None and expires_at <= time.time():
        raise not_authorized("Temporary password has expired and must be reset by an administrator.")


def check_password(call: UserPoolCall, user: Any, password: str) -> None:
    """Raises NotAuthorizedException for a wrong password, and for any while the user is locked out.

    After five failures the lockout is one second and doubles with each further one, up to 15 minutes
    (https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html#authentication-flow-lockout-behavior).
    """
    check_not_locked_out(call, user)
    if user.password is None or user.password != password:
        count_failure(call, user)
        raise incorrect_username_or_password()
    call.pool.state_of(user).failed_passwords = 0


def check_not_locked_out(call: UserPoolCall, user: Any) -> None:
    if call.pool.state_of(user).locked_until > time.time():
        raise not_authorized("Password attempts exceeded")


def count_failure(call: UserPoolCall, user: Any) -> None:
    with call.pool.state.lock:
        state = call.pool.state_of(user)
        state.failed_passwords += 1
        excess = state.failed_passwords - _FREE_FAILURES
        if excess >= 0:
            state.locked_until = time.time() + min(2**excess, _LONGEST_LOCKOUT_SECONDS)

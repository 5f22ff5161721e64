"""The UserMigration trigger: users of another directory, who become users of the pool at their first sign-in.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-migrate-user.html
"""

from typing import Any

from moto.cognitoidp.models import CognitoIdpUser, UserStatus

from harness.emulator.cognito import attributes as attrs
from harness.emulator.cognito import triggers
from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.sign_up import add_user
from harness.emulator.cognito.triggers import UserPoolCall

_RESPONSE = (
    "userAttributes",
    "finalUserStatus",
    "messageAction",
    "desiredDeliveryMediums",
    "forceAliasCreation",
    "enableSMSMFA",
)


def migrate_for_sign_in(call: UserPoolCall, username: str, password: str, validation_data: Any = None) -> Any | None:
    """The user whom the trigger vouches for, now with this password; None when there is no trigger.

    The trigger refuses a user by raising, which the client sees as UserNotFoundException.
    """
    return _migrate(call, "Authentication", username, password, validation_data)


def migrate_for_reset(call: UserPoolCall, username: str) -> Any | None:
    return _migrate(call, "ForgotPassword", username, None, None)


def _migrate(call: UserPoolCall, source: str, username: str, password: str | None, validation_data: Any) -> Any | None:
    if not triggers.is_configured(call.pool, "UserMigration"):
        return None
    sign_in_attribute = attrs.sign_in_attribute(call.pool, username)
    request = {"password": password, "validationData": validation_data or None}
    try:
        response = triggers.run(
            call,
            "UserMigration",
            f"UserMigration_{source}",
            username,
            triggers.with_metadata(request, call.client_metadata),
            dict.fromkeys(_RESPONSE),
        )
    except CognitoError as refusal:
        if refusal.code == "UserLambdaValidationException":
            return None
        raise
    if not response or not response.get("userAttributes"):
        return None
    given = {name: str(value) for name, value in response["userAttributes"].items() if name not in ("username", "sub")}
    given = {n: v.lower() if n.endswith("_verified") else v for n, v in given.items()}
    if sign_in_attribute is not None:
        given.setdefault(sign_in_attribute, username)
    attrs.check_schema(call.pool, given)
    status = UserStatus(triggers.text(response, "finalUserStatus") or "RESET_REQUIRED")
    if source == "ForgotPassword":
        status = UserStatus.RESET_REQUIRED
    user = CognitoIdpUser(call.pool.id, None if sign_in_attribute else username, password, status, attrs.listed(given))
    add_user(call.pool, user, username, sign_in_attribute, set())
    return user

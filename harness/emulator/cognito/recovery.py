"""Forgotten passwords, and those that an administrator resets.

The responses to a client that hides whether users exist are documented at
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html.
https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html
"""

from typing import Any

from moto.cognitoidp.models import UserStatus

from harness.emulator.cognito import attempts, codes, delivery, migration
from harness.emulator.cognito.attributes import listed
from harness.emulator.cognito.codes import Purpose
from harness.emulator.cognito.errors import CognitoError, not_authorized, user_not_found
from harness.emulator.cognito.passwords import check_password, policy_of
from harness.emulator.cognito.sign_up import post_confirmation, simulated_delivery
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import is_true, status_of

Request = dict[str, Any]
_MECHANISMS = {"verified_email": "email", "verified_phone_number": "phone_number"}


def forgot_password(call: UserPoolCall, request: Request) -> dict[str, Any]:
    username = request["Username"]
    call.app_client.check_secret_hash(username, request.get("SecretHash"))
    user = call.pool.find_user(username) or migration.migrate_for_reset(call, username)
    hides = call.app_client.hides_whether_users_exist
    if hides and (user is None or not user.enabled):
        return {"CodeDeliveryDetails": simulated_delivery(call.pool, username).to_json()}
    if user is None:
        raise user_not_found("Username/client id combination not found.")
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if user.status == UserStatus.FORCE_CHANGE_PASSWORD or status_of(user) == "EXTERNAL_PROVIDER":
        raise not_authorized("User password cannot be reset in the current state.")
    with call.pool.state.lock:
        attempts.count(call.pool.state_of(user), "ForgotPassword", attempts.FORGOTTEN_PASSWORDS)
    try:
        sent = send_reset_code(call, user)
    except Unreachable:
        if not hides:
            raise
        sent = simulated_delivery(call.pool, username)
    return {"CodeDeliveryDetails": sent.to_json()}


class Unreachable(CognitoError):  # noqa: N818 - named as what it is
    """The user has no verified address that a reset code could go to."""

    def __init__(self) -> None:
        super().__init__(
            "InvalidParameterException",
            "Cannot reset password for the user as there is no registered/verified email or phone_number",
        )


def send_reset_code(call: UserPoolCall, user: Any) -> delivery.CodeDelivery:
    """Send a reset code the way `AccountRecoverySetting` says. Raises Unreachable."""
    mechanisms = sorted(
        (call.pool.config.get("AccountRecoverySetting") or {}).get("RecoveryMechanisms") or [],
        key=lambda mechanism: mechanism["Priority"],
    ) or [{"Name": "verified_phone_number"}, {"Name": "verified_email"}]
    if [m["Name"] for m in mechanisms] == ["admin_only"]:
        raise not_authorized("Contact administrator to reset password.")
    for mechanism in mechanisms:
        attribute = _MECHANISMS.get(mechanism["Name"])
        value = attribute and user.attribute_lookup.get(attribute)
        if attribute and value and is_true(user.attribute_lookup.get(f"{attribute}_verified")):
            with call.pool.state.lock:
                code = codes.issue(call.pool.state_of(user), Purpose.RESET, attribute)
            return delivery.send(call, user, "ForgotPassword", code.value, delivery.delivery_to(attribute, value))
    raise Unreachable


def confirm_forgot_password(call: UserPoolCall, request: Request) -> dict[str, Any]:
    username = request["Username"]
    call.app_client.check_secret_hash(username, request.get("SecretHash"))
    user = call.pool.find_user(username)
    if call.app_client.hides_whether_users_exist and (user is None or not user.enabled):
        raise CognitoError("CodeMismatchException", "Invalid verification code provided, please try again.")
    if user is None:
        raise user_not_found("Username/client id combination not found.")
    if not user.enabled:
        raise not_authorized("User is disabled.")
    check_password(request["Password"], policy_of(call.pool.config))
    with call.pool.state.lock:
        code = codes.check(call.pool.state_of(user), Purpose.RESET, request["ConfirmationCode"])
        user.password = request["Password"]
        user.status = UserStatus.CONFIRMED
        # The code arrived, so the address is the user's.
        user.update_attributes(listed({f"{code.medium}_verified": "true"}))
        call.pool.state_of(user).failed_passwords = 0
    post_confirmation(call, user, "ConfirmForgotPassword")
    return {}


def admin_reset_user_password(call: UserPoolCall, request: Request) -> dict[str, Any]:
    user = call.pool.user(request["Username"])
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if user.status not in (UserStatus.CONFIRMED, UserStatus.RESET_REQUIRED):
        raise not_authorized("User password cannot be reset in the current state.")
    send_reset_code(call, user)
    user.status = UserStatus.RESET_REQUIRED
    return {}

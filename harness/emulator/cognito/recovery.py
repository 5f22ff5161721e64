"""Forgotten and changed passwords.

https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html
"""

from typing import Any

from moto.cognitoidp.models import UserStatus

from harness.emulator.cognito import codes, delivery, migration
from harness.emulator.cognito.attributes import listed
from harness.emulator.cognito.codes import Purpose
from harness.emulator.cognito.errors import CognitoError, invalid_parameter, not_authorized, user_not_found
from harness.emulator.cognito.passwords import check_password, policy_of
from harness.emulator.cognito.sign_up import post_confirmation, simulated_delivery
from harness.emulator.cognito.triggers import Call
from harness.emulator.cognito.user_pool import is_true, status_of

Request = dict[str, Any]
_MECHANISMS = {"verified_email": "email", "verified_phone_number": "phone_number"}
_UNREACHABLE = "Cannot reset password for the user as there is no registered/verified email or phone_number"


def forgot_password(call: Call, request: Request) -> dict[str, Any]:
    username = request["Username"]
    call.app_client.check_secret_hash(username, request.get("SecretHash"))
    user = call.pool.find_user(username) or migration.migrate_for_reset(call, username)
    if user is None:
        if call.app_client.hides_whether_users_exist:
            return {"CodeDeliveryDetails": simulated_delivery(username).to_json()}
        raise user_not_found("Username/client id combination not found.")
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if user.status == UserStatus.FORCE_CHANGE_PASSWORD or status_of(user) == "EXTERNAL_PROVIDER":
        raise not_authorized("User password cannot be reset in the current state.")
    return {"CodeDeliveryDetails": send_reset_code(call, user).to_json()}


def send_reset_code(call: Call, user: Any) -> delivery.Delivery:
    """Send a reset code the way `AccountRecoverySetting` says."""
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
    raise invalid_parameter(_UNREACHABLE)


def confirm_forgot_password(call: Call, request: Request) -> dict[str, Any]:
    username = request["Username"]
    call.app_client.check_secret_hash(username, request.get("SecretHash"))
    user = call.pool.find_user(username)
    if user is None:
        if call.app_client.hides_whether_users_exist:
            raise CognitoError("CodeMismatchException", "Invalid verification code provided, please try again.")
        raise user_not_found("Username/client id combination not found.")
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


def admin_reset_user_password(call: Call, request: Request) -> dict[str, Any]:
    user = call.pool.user(request["Username"])
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if user.status not in (UserStatus.CONFIRMED, UserStatus.RESET_REQUIRED):
        raise not_authorized("User password cannot be reset in the current state.")
    send_reset_code(call, user)
    user.status = UserStatus.RESET_REQUIRED
    return {}

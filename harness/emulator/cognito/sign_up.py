"""Signing up: SignUp, ConfirmSignUp, ResendConfirmationCode and the administrator's AdminConfirmSignUp.

https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html
"""

from typing import Any

from moto.cognitoidp.models import CognitoIdpUser, UserStatus

from harness.emulator.cognito import attributes as attrs
from harness.emulator.cognito import codes, delivery, triggers
from harness.emulator.cognito.codes import Purpose
from harness.emulator.cognito.errors import CognitoError, invalid_parameter, not_authorized, user_not_found
from harness.emulator.cognito.passwords import check_password, policy_of
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import UserPool, status_of

Request = dict[str, Any]


def sign_up(call: UserPoolCall, request: Request) -> dict[str, Any]:
    pool, client, username = call.pool, call.app_client, request["Username"]
    client.check_secret_hash(username, request.get("SecretHash"))
    if (pool.config.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
        raise not_authorized("SignUp is not permitted for this user pool")
    sign_in_attribute = attrs.sign_in_attribute(pool, username)
    given = attrs.flat(request.get("UserAttributes"))
    attrs.check_writable(client, given)
    if sign_in_attribute is not None:
        given.setdefault(sign_in_attribute, username)
    attrs.check_schema(pool, given)
    attrs.check_required(pool, given)
    check_password(request.get("Password"), policy_of(pool.config))
    attrs.check_username_is_free(pool, username, sign_in_attribute)

    user = CognitoIdpUser(
        pool.id,
        None if sign_in_attribute else username,
        request.get("Password"),
        UserStatus.UNCONFIRMED,
        attrs.listed(given),
    )
    confirmed, verified = pre_sign_up(
        call, user, "SignUp", given, validation_data=attrs.flat(request.get("ValidationData"))
    )
    add_user(pool, user, username, sign_in_attribute, verified)
    answer: dict[str, Any] = {"UserSub": user.id, "UserConfirmed": confirmed}
    if confirmed:
        user.status = UserStatus.CONFIRMED
        post_confirmation(call, user, "ConfirmSignUp")
        return answer
    if (sent := send_confirmation(call, user, "SignUp")) is not None:
        answer["CodeDeliveryDetails"] = sent.to_json()
    return answer


def pre_sign_up(
    call: UserPoolCall, user: Any, source: str, given: dict[str, str], *, validation_data: dict[str, str] | None
) -> tuple[bool, set[str]]:
    """Ask the PreSignUp trigger; returns whether the user is confirmed at once, and the attributes it verifies.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-sign-up.html
    """
    response = triggers.run(
        call,
        "PreSignUp",
        f"PreSignUp_{source}",
        user.username,
        triggers.with_metadata(
            {"userAttributes": given, "validationData": validation_data or None}, call.client_metadata
        ),
        {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    )
    if response is None:
        return False, set()
    verified = set()
    for name, attribute in (("autoVerifyEmail", "email"), ("autoVerifyPhone", "phone_number")):
        if triggers.flag(response, name):
            if not given.get(attribute):
                raise CognitoError(
                    "InvalidLambdaResponseException",
                    f"PreSignUp returned {name} for a user without {attribute}; verify only what the user has.",
                )
            verified.add(attribute)
    return triggers.flag(response, "autoConfirmUser"), verified


def add_user(pool: UserPool, user: Any, username: str, sign_in_attribute: str | None, verified: set[str]) -> None:
    """Put a new user into the pool. Raises UsernameExistsException or AliasExistsException."""
    with_flags = {
        f"{name}_verified": "true" if name in verified else "false"
        for name in ("email", "phone_number")
        if user.attribute_lookup.get(name) and f"{name}_verified" not in user.attribute_lookup
    }
    user.update_attributes(attrs.listed(with_flags))
    with pool.state.lock:
        # Again, for meanwhile the trigger ran and another request may have taken the name.
        attrs.check_username_is_free(pool, username, sign_in_attribute)
        attrs.check_sign_in_names_are_free(pool, user.attribute_lookup)
        pool.moto.users[user.username] = user


def post_confirmation(call: UserPoolCall, user: Any, source: str) -> None:
    triggers.run(
        call,
        "PostConfirmation",
        f"PostConfirmation_{source}",
        user.username,
        triggers.with_metadata({"userAttributes": triggers.user_attributes(user)}, call.client_metadata),
        {},
    )


def send_confirmation(call: UserPoolCall, user: Any, event: str) -> delivery.CodeDelivery | None:
    """Send a sign-up code to what the pool verifies automatically, the phone number first; None if it verifies nothing.

    https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#allowing-users-to-sign-up-and-confirm-themselves
    """
    automatic = call.pool.config.get("AutoVerifiedAttributes") or ()
    for attribute in ("phone_number", "email"):
        value = user.attribute_lookup.get(attribute)
        if attribute in automatic and value:
            with call.pool.state.lock:
                code = codes.issue(call.pool.state_of(user), Purpose.SIGN_UP, attribute)
            return delivery.send(call, user, event, code.value, delivery.delivery_to(attribute, value))
    return None


def confirm_sign_up(call: UserPoolCall, request: Request) -> dict[str, Any]:
    call.app_client.check_secret_hash(request["Username"], request.get("SecretHash"))
    return confirm(call, request)


def confirm(call: UserPoolCall, request: Request) -> dict[str, Any]:
    """Confirm by code or by link; the client has proved itself where it must."""
    pool, username = call.pool, request["Username"]
    user = pool.find_user(username)
    if user is None:
        if call.app_client.hides_whether_users_exist:
            raise CognitoError("ExpiredCodeException", "Invalid code provided, please request a code again.")
        raise user_not_found("Username/client id combination not found.")
    if not user.enabled:
        raise not_authorized("User is disabled.")
    with pool.state.lock:
        _check_unconfirmed(user)
        state = pool.state_of(user)
        code = state.codes.get(Purpose.SIGN_UP)
        medium = code.medium if code else "email"
        would_be = {**user.attribute_lookup, f"{medium}_verified": "true"}
        taken_from = None
        if code is not None and medium in pool.alias_attributes:
            taken_from = pool.holder_of_alias(user.attribute_lookup.get(medium) or "")
        if taken_from is not None and taken_from is not user and request.get("ForceAliasCreation"):
            # The alias moves to the newer user (ForceAliasCreation of ConfirmSignUp).
            codes.check(state, Purpose.SIGN_UP, request["ConfirmationCode"])
            taken_from.update_attributes(attrs.listed({f"{medium}_verified": "false"}))
        else:
            if code is not None and code.value == request["ConfirmationCode"]:
                attrs.check_sign_in_names_are_free(pool, would_be, user)
            codes.check(state, Purpose.SIGN_UP, request["ConfirmationCode"])
        user.status = UserStatus.CONFIRMED
        user.update_attributes(attrs.listed({f"{medium}_verified": "true"}))
    post_confirmation(call, user, "ConfirmSignUp")
    return {}


def _check_unconfirmed(user: Any) -> None:
    if user.status != UserStatus.UNCONFIRMED:
        raise not_authorized(f"User cannot be confirmed. Current status is {status_of(user)}")


def admin_confirm_sign_up(call: UserPoolCall, request: Request) -> dict[str, Any]:
    user = call.pool.user(request["Username"])
    with call.pool.state.lock:
        _check_unconfirmed(user)
        user.status = UserStatus.CONFIRMED
        call.pool.state_of(user).codes.pop(Purpose.SIGN_UP, None)
    post_confirmation(call, user, "ConfirmSignUp")
    return {}


def resend_confirmation_code(call: UserPoolCall, request: Request) -> dict[str, Any]:
    pool, username = call.pool, request["Username"]
    call.app_client.check_secret_hash(username, request.get("SecretHash"))
    user = pool.find_user(username)
    if call.app_client.hides_whether_users_exist and (user is None or not user.enabled):
        return {"CodeDeliveryDetails": simulated_delivery(pool, username).to_json()}
    if user is None:
        raise user_not_found("Username/client id combination not found.")
    if user.status != UserStatus.UNCONFIRMED:
        raise invalid_parameter("User is already confirmed.")
    sent = send_confirmation(call, user, "ResendCode")
    if sent is None:
        raise invalid_parameter("Auto verification not turned on.")
    return {"CodeDeliveryDetails": sent.to_json()}


def simulated_delivery(pool: UserPool, username: str) -> delivery.CodeDelivery:
    """The response for a user who does not exist, if the client hides whether users exist; nothing is sent.

    The form of the name decides the medium; without such a form, what the pool verifies.
    """
    if attrs.PHONE_NUMBER.fullmatch(username):
        return delivery.delivery_to("phone_number", username)
    if attrs.EMAIL.fullmatch(username):
        return delivery.delivery_to("email", username)
    # An address that stays the same for a name, as a user's would.
    digest = pool.state.digest("address", username)
    if pool.config.get("AutoVerifiedAttributes") == ["phone_number"]:
        return delivery.delivery_to("phone_number", f"+1{int.from_bytes(digest[:8], 'big') % 10**10:010d}")
    letters = [chr(ord("a") + byte % 26) for byte in digest[:2]]
    return delivery.delivery_to("email", f"{letters[0]}@{letters[1]}.example")
